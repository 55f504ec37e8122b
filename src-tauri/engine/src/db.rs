//! The database: one writer, a few read-only readers, WAL with `synchronous=FULL`.
//!
//! [`Tx`] exists only inside [`Db::write`]; the topics it touched are announced after the commit and
//! never on a rollback. Deliberately absent: queries. Each table is written by one module.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::Mutex;

use crate::change::{Changes, Topic, Topics};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

const READERS: u32 = 4;
const BUSY: Duration = Duration::from_secs(5);
/// Bytes to which a checkpoint cuts the write-ahead log.
const WAL_LIMIT: &str = "8388608";

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Written by a newer Usher.
    #[error(
        "{} was written by a newer Usher (schema {found}, this one knows {known}). Update Usher, or choose another data folder with --data-dir.",
        .file.display()
    )]
    Newer {
        /// The database file.
        file: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema this program knows.
        known: i64,
    },
    /// Anything SQLite says.
    #[error("The database {} could not be opened: {source}", .file.display())]
    Open {
        /// The database file.
        file: PathBuf,
        /// What SQLite says.
        source: sqlx::Error,
    },
    /// A migration did not go through; the file is as it was.
    #[error("The database {} could not be brought up to date: {message}", .file.display())]
    Migrate {
        /// The database file.
        file: PathBuf,
        /// What went wrong.
        message: String,
    },
}

/// The open database.
#[derive(Debug)]
pub struct Db {
    file: PathBuf,
    options: SqliteConnectOptions,
    writer: Mutex<Option<SqliteConnection>>,
    readers: SqlitePool,
    changes: Changes,
}

/// A transaction that holds the write lock.
#[derive(Debug)]
pub struct Tx {
    conn: SqliteConnection,
    topics: Topics,
}

impl Tx {
    /// The connection, to run statements on.
    pub fn conn(&mut self) -> &mut SqliteConnection {
        &mut self.conn
    }

    /// Remembers that answers of this topic change with this transaction.
    pub fn touch(&mut self, topic: Topic) {
        self.topics.touch(topic);
    }
}

impl Db {
    /// Opens `file`, creating it when it is missing, and brings its schema up to date. An existing
    /// file is copied to `<file>.before-<schema>` first.
    ///
    /// # Errors
    /// When the file is newer than this program, damaged, or cannot be read or written.
    pub async fn open(file: &Path, changes: Changes) -> Result<Self, DbError> {
        let fail = |source| DbError::Open { file: file.to_owned(), source };
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .pragma("fullfsync", "1")
            .pragma("journal_size_limit", WAL_LIMIT)
            .disable_statement_logging();
        let mut writer = SqliteConnection::connect_with(&options).await.map_err(fail)?;
        let found = schema_of(&mut writer).await.map_err(fail)?;
        let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
        if found > known {
            return Err(DbError::Newer { file: file.to_owned(), found, known });
        }
        if found < known {
            if found > 0 {
                let copy = file.with_extension(format!("before-{known}.db"));
                tracing::info!("copying the database to {} before its update", copy.display());
                vacuum_into(&mut writer, &copy).await.map_err(fail)?;
            }
            MIGRATIONS.run(&mut writer).await.map_err(|error| DbError::Migrate {
                file: file.to_owned(),
                message: error.to_string(),
            })?;
        }
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.clone().pragma("query_only", "1"))
            .await
            .map_err(fail)?;
        Ok(Self {
            file: file.to_owned(),
            options,
            writer: Mutex::new(Some(writer)),
            readers,
            changes,
        })
    }

    /// The database file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The readers; they cannot write.
    pub fn read(&self) -> &SqlitePool {
        &self.readers
    }

    /// Runs `body` in one transaction that holds the write lock, commits, and then announces the
    /// topics it touched. No network I/O belongs into `body`.
    ///
    /// After any error the connection is closed and the next call opens a fresh one: SQLite rolls
    /// back by itself when the disk is full, and a connection that lost count stays unusable.
    ///
    /// # Errors
    /// What `body` returns, or what SQLite says at the commit. Nothing is kept then.
    pub async fn write<T, E, F>(&self, body: F) -> Result<T, E>
    where
        E: From<sqlx::Error>,
        F: AsyncFnOnce(&mut Tx) -> Result<T, E>,
    {
        let mut slot = self.writer.lock().await;
        let mut conn = match slot.take() {
            Some(conn) => conn,
            None => SqliteConnection::connect_with(&self.options).await?,
        };
        sqlx::raw_sql("begin immediate").execute(&mut conn).await?;
        let mut tx = Tx { conn, topics: Topics::default() };
        let value = match body(&mut tx).await {
            Ok(value) => value,
            Err(error) => {
                if sqlx::raw_sql("rollback").execute(&mut tx.conn).await.is_err() {
                    tracing::debug!("the transaction was rolled back by SQLite itself");
                }
                let _closed = tx.conn.close().await;
                return Err(error);
            }
        };
        sqlx::raw_sql("commit").execute(&mut tx.conn).await?;
        *slot = Some(tx.conn);
        drop(slot);
        self.changes.announce(tx.topics);
        Ok(value)
    }

    /// Copies the live database into `file`, which must not exist yet.
    ///
    /// # Errors
    /// When the copy cannot be written.
    pub async fn backup(&self, file: &Path) -> Result<(), sqlx::Error> {
        let mut conn = SqliteConnection::connect_with(&self.options).await?;
        vacuum_into(&mut conn, file).await?;
        conn.close().await
    }

    /// Closes every connection; the write-ahead log is folded into the file.
    pub async fn close(&self) {
        self.readers.close().await;
        if let Some(conn) = self.writer.lock().await.take()
            && let Err(error) = conn.close().await
        {
            tracing::warn!("closing the database: {error}");
        }
    }
}

async fn vacuum_into(conn: &mut SqliteConnection, file: &Path) -> Result<(), sqlx::Error> {
    let target = file.to_string_lossy().into_owned();
    sqlx::query("vacuum into ?1").bind(target).execute(conn).await?;
    Ok(())
}

async fn schema_of(conn: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let known: Option<i64> =
        sqlx::query_scalar("select 1 from sqlite_master where name = '_sqlx_migrations'")
            .fetch_optional(&mut *conn)
            .await?;
    if known.is_none() {
        return Ok(0);
    }
    sqlx::query_scalar("select coalesce(max(version), 0) from _sqlx_migrations")
        .fetch_one(conn)
        .await
}
