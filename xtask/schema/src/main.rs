//! `usher-schema MIGRATIONS FILE`: a fresh SQLite file with every migration applied.
//!
//! Stands apart from the engine on purpose: the engine compiles only when its queries are already
//! known, and this file is what they become known from.

use std::{env, error::Error, path::Path};

use sqlx::{
    ConnectOptions, Connection,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [migrations, file] = args.as_slice() else {
        return Err("usage: usher-schema MIGRATIONS FILE".into());
    };
    let migrator = Migrator::new(Path::new(migrations)).await?;
    let mut connection = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Delete)
        .connect()
        .await?;
    migrator.run(&mut connection).await?;
    connection.close().await?;
    Ok(())
}
