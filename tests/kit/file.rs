//! A look into a database file from outside, on a connection of its own.
//!
//! Look while Usher has the file open, or after it closed it well: a connection that finds what a
//! crash left would recover the file in Usher's place.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{Connection as _, FromRow, Row as _, SqliteConnection};

/// The rows of a query.
///
/// # Panics
/// When the file cannot be read, or the rows are of another shape.
pub fn rows<T>(file: &Path, query: &'static str) -> Vec<T>
where
    T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
{
    looking(file, async |db| sqlx::query_as(query).fetch_all(db).await.unwrap())
}

/// One number.
///
/// # Panics
/// As [`rows`].
pub fn number(file: &Path, query: &'static str) -> i64 {
    let [(number,)] = rows(file, query)[..] else { panic!("{query} gives more than one row") };
    number
}

/// Fails unless SQLite finds the file whole and every reference in it kept.
///
/// # Panics
/// When it is not.
pub fn assert_sound(file: &Path) {
    let verdict: Vec<(String,)> = rows(file, "pragma integrity_check");
    assert_eq!(verdict, [("ok".to_owned(),)], "{}", file.display());
    let broken = looking(file, async |db| {
        sqlx::query("pragma foreign_key_check").fetch_all(db).await.unwrap().len()
    });
    assert_eq!(broken, 0, "rows of {} refer to missing ones", file.display());
}

/// Runs statements behind Usher's back.
///
/// # Panics
/// When SQLite refuses them.
pub fn change(file: &Path, statements: &str) {
    let statements = sqlx::AssertSqlSafe(statements.to_owned());
    looking(file, async |db| sqlx::raw_sql(statements).execute(db).await.unwrap());
}

/// Every row of these tables as text, for comparing.
///
/// # Panics
/// When the file cannot be read, or has no such table.
pub fn dump(file: &Path, tables: &[&str]) -> String {
    looking(file, async |db| {
        let mut text = String::new();
        for table in tables {
            let columns =
                format!("select group_concat(name, ', ') from pragma_table_info('{table}')");
            let columns: Option<String> = scalar(db, columns).await;
            let columns = columns.unwrap_or_else(|| panic!("{} has no {table}", file.display()));
            let all = format!(
                "select group_concat(line, char(10)) from
                     (select json_array({columns}) as line from {table} order by {columns})"
            );
            let rows: Option<String> = scalar(db, all).await;
            text += &format!("{table} ({columns})\n{}\n", rows.unwrap_or_default());
        }
        text
    })
}

async fn scalar<T>(db: &mut SqliteConnection, query: String) -> T
where
    T: for<'r> sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    sqlx::query(sqlx::AssertSqlSafe(query)).fetch_one(db).await.unwrap().get(0)
}

fn looking<T>(file: &Path, look: impl AsyncFnOnce(&mut SqliteConnection) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(file);
        let mut db = SqliteConnection::connect_with(&options).await.unwrap();
        let seen = look(&mut db).await;
        db.close().await.unwrap();
        seen
    })
}
