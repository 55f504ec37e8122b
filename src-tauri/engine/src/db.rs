//! The database: one writer, a few read-only readers, WAL with `synchronous=FULL`.
//!
//! [`Tx`] exists only inside [`Db::write`]; the topics it touched are announced after the commit and
//! never on a rollback. What stands in the way of writing is kept as [`StorageStatus`] until a write
//! goes through again. Deliberately absent: queries. Each table is written by one module.

pub mod restore;
mod trouble;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, Sqlite, SqliteConnection, Transaction};
use tokio::sync::{Mutex, watch};
use ts_rs::TS;

use crate::change::{Changes, Topic, Topics};
use crate::clock::Clock;

use trouble::Files;
pub use trouble::{Cause, Identity, Lost, Replacing, beside};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

const READERS: u32 = 4;
/// How long a write waits for another program's lock; the answer must come well within 15 s.
const BUSY: Duration = Duration::from_secs(2);
/// How long reads under way may hold up the closing of the readers.
const LAST_READS: Duration = Duration::from_secs(5);
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

/// Whether messages can be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct StorageStatus {
    /// Nothing stands in the way.
    pub ok: bool,
    /// What stands in the way and what to do about it.
    pub problem: Option<String>,
    /// Unix milliseconds since when it does.
    pub since: Option<i64>,
    /// What happened to the database while Usher ran, such as being replaced by another one.
    pub note: Option<String>,
}

/// What stands in the way of writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// In kind.
    pub cause: Cause,
    sentence: String,
    since: i64,
}

/// The open database.
pub struct Db {
    file: PathBuf,
    options: SqliteConnectOptions,
    writer: Mutex<Option<SqliteConnection>>,
    open: RwLock<Open>,
    replacing: AtomicBool,
    /// Another database is open than the one that the rest of the engine has read.
    unread: AtomicBool,
    problem: watch::Sender<Option<Problem>>,
    note: RwLock<Option<String>>,
    changes: Changes,
    clock: Arc<dyn Clock>,
}

/// What is open of the database at the path now.
#[derive(Debug, Clone)]
struct Open {
    readers: SqlitePool,
    files: Files,
    /// It was closed and could not be opened again.
    shut: bool,
    number: u64,
}

/// A transaction that holds the write lock.
#[derive(Debug)]
pub struct Tx {
    conn: SqliteConnection,
    topics: Topics,
    database: u64,
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

    /// Which database it writes to, see [`Db::number`].
    pub fn database(&self) -> u64 {
        self.database
    }
}

impl Db {
    /// Opens `file`, creating it when it is missing, and brings its schema up to date. An existing
    /// file is copied to `<file>.before-<schema>` first.
    ///
    /// # Errors
    /// When the file is newer than this program, damaged, or cannot be read or written.
    pub async fn open(
        file: &Path,
        changes: Changes,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, DbError> {
        let options = options(file);
        let (writer, readers) = connect(file, &options, true).await?;
        let files = Files::at(file)
            .map_err(|error| DbError::Open { file: file.to_owned(), source: error.into() })?;
        Ok(Self {
            file: file.to_owned(),
            options,
            writer: Mutex::new(Some(writer)),
            open: RwLock::new(Open { readers, files, shut: false, number: 1 }),
            replacing: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            problem: watch::Sender::new(None),
            note: RwLock::new(None),
            changes,
            clock,
        })
    }

    /// The database file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The readers; they cannot write.
    pub fn read(&self) -> SqlitePool {
        self.open.read().unwrap_or_else(PoisonError::into_inner).readers.clone()
    }

    /// One state of the database, for an answer that takes several statements: what is committed
    /// while they run is seen by all of them or by none.
    ///
    /// # Errors
    /// When no reader is free in time.
    #[expect(clippy::disallowed_methods, reason = "readers cannot write")]
    pub async fn snapshot(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        self.read().begin().await
    }

    /// Which database is open: the number grows whenever another one takes its place, and what was
    /// looked up in one means nothing in the next.
    pub fn number(&self) -> u64 {
        self.open.read().unwrap_or_else(PoisonError::into_inner).number
    }

    /// Runs `body` in one transaction that holds the write lock, commits, and then announces the
    /// topics it touched. No network I/O belongs into `body`.
    ///
    /// Right before the commit the files at their paths are compared with those that are open: what
    /// is written into a file that was moved or deleted is not kept, and not called so.
    ///
    /// After any error the connection is closed and the next call opens a fresh one: SQLite rolls
    /// back by itself when the disk is full, and a connection that lost count stays unusable.
    ///
    /// # Errors
    /// What `body` returns, or what SQLite says at the commit. Nothing is kept then.
    pub async fn write<T, F>(&self, body: F) -> Result<T, sqlx::Error>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, sqlx::Error>,
    {
        let done = self.attempt(body).await;
        match &done {
            Ok(_) => self.stored(),
            Err(error) if Cause::is_the_disk(error) => self.failed(error),
            Err(_) => {}
        }
        done
    }

    async fn attempt<T, F>(&self, body: F) -> Result<T, sqlx::Error>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, sqlx::Error>,
    {
        if self.replacing.load(Ordering::SeqCst) {
            return Err(Replacing.into());
        }
        let mut slot = self.writer.lock().await;
        let mut conn = match slot.take() {
            Some(conn) => conn,
            None => {
                self.in_place()?;
                SqliteConnection::connect_with(&self.options).await?
            }
        };
        sqlx::raw_sql("begin immediate").execute(&mut conn).await?;
        let mut tx = Tx { conn, topics: Topics::default(), database: self.number() };
        let done = body(&mut tx).await;
        let value = match done.and_then(|value| self.in_place().map(|()| value)) {
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

    /// Whether messages can be stored.
    pub fn storage(&self) -> StorageStatus {
        let problem = self.problem.borrow().clone();
        StorageStatus {
            ok: problem.is_none(),
            since: problem.as_ref().map(|problem| problem.since),
            problem: problem.map(|problem| problem.sentence),
            note: self.note.read().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// What stands in the way of writing, and each change of it.
    pub fn problem(&self) -> watch::Receiver<Option<Problem>> {
        self.problem.subscribe()
    }

    /// How the files at their paths differ from those that are open. A difference is a problem from
    /// now on.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn lost(&self) -> Result<Option<Lost>, sqlx::Error> {
        if self.replacing.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let open = self.now_open();
        let lost = match open.files.lost(&self.file) {
            Ok(lost) => Ok(lost.or(open.shut.then_some(Lost::Replaced))),
            Err(error) => Err(sqlx::Error::from(error)),
        };
        match &lost {
            Ok(Some(lost)) => self.failed(&(*lost).into()),
            Ok(None) => {}
            Err(error) => self.failed(error),
        }
        lost
    }

    /// Whether there is an empty folder at the path, on the volume of the one that was opened.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn folder_is_empty(&self) -> io::Result<bool> {
        let Some(folder) = self.file.parent() else { return Ok(false) };
        let before = self.now_open().files.folder.map(|folder| folder.device);
        let now = Identity::of(folder)?.map(|folder| folder.device);
        Ok(now.is_some() && now == before && std::fs::read_dir(folder)?.next().is_none())
    }

    /// Closes the database, lets `between` change the files, and opens what is at the path then. One
    /// caller at a time, which must let it come to its end.
    /// Writes fail meanwhile, and so do reads. Everything is announced as changed; a problem stays
    /// until the caller has read anew what it keeps of the database, and calls [`Db::mend`].
    ///
    /// A write-ahead log that belongs to the database of before is never opened with another one.
    ///
    /// # Errors
    /// When the files cannot be changed, or what is there cannot be opened.
    pub async fn replace<T, F>(&self, create: bool, between: F) -> Result<T, DbError>
    where
        F: FnOnce() -> io::Result<T> + Send,
    {
        self.replacing.store(true, Ordering::SeqCst);
        let over = Over(&self.replacing);
        let replaced = self.replace_now(create, between).await;
        self.unread.store(true, Ordering::SeqCst);
        drop(over);
        match &replaced {
            Ok(_) => {}
            Err(DbError::Open { source, .. }) => self.failed(source),
            Err(error) => self.failed(&sqlx::Error::Protocol(error.to_string())),
        }
        self.changes.announce(Topics::all());
        replaced
    }

    async fn replace_now<T, F>(&self, create: bool, between: F) -> Result<T, DbError>
    where
        F: FnOnce() -> io::Result<T> + Send,
    {
        let fail = |source: sqlx::Error| DbError::Open { file: self.file.clone(), source };
        let mut slot = self.writer.lock().await;
        let before = self.now_open();
        let folded = sqlx::query("pragma wal_checkpoint(truncate)").execute(&before.readers).await;
        if let Err(error) = folded {
            tracing::warn!("the write-ahead log was not folded in: {error}");
        }
        if tokio::time::timeout(LAST_READS, before.readers.close()).await.is_err() {
            tracing::warn!("reads were under way when the database was closed");
        }
        if let Some(conn) = slot.take()
            && let Err(error) = conn.close().await
        {
            tracing::warn!("closing the database: {error}");
        }
        self.now_open_mut(|open| open.shut = true);
        let value = between().map_err(|error| fail(error.into()))?;
        before.files.part_from_log(&self.file).map_err(|error| fail(error.into()))?;
        let (writer, readers) = connect(&self.file, &self.options, create).await?;
        let files = Files::at(&self.file).map_err(|error| fail(error.into()))?;
        *slot = Some(writer);
        self.now_open_mut(|open| {
            *open = Open { readers, files, shut: false, number: open.number + 1 };
        });
        Ok(value)
    }

    /// Remembers, for the screen, what happened to the database.
    pub fn remark(&self, note: String) {
        tracing::warn!("{note}");
        *self.note.write().unwrap_or_else(PoisonError::into_inner) = Some(note);
        self.changes.announce_one(Topic::App);
    }

    /// The problem is over, whatever it was.
    pub fn mend(&self) {
        self.unread.store(false, Ordering::SeqCst);
        if self.problem.send_replace(None).is_some() {
            tracing::info!("the database takes writes again");
            self.changes.announce_one(Topic::App);
        }
    }

    /// A write went through. Damage is not over by that, because it may be elsewhere, nor is a full
    /// disk, which may have room for something smaller than a message, nor a replacement, before it
    /// was read.
    fn stored(&self) {
        if self.unread.load(Ordering::SeqCst) {
            return;
        }
        let stays = |cause| matches!(cause, Cause::Damaged | Cause::Full);
        if self.problem.borrow().as_ref().is_some_and(|problem| !stays(problem.cause)) {
            self.mend();
        }
    }

    /// Takes note of a write that failed; a broken constraint is not the storage's fault.
    pub fn failed(&self, error: &sqlx::Error) {
        let Some(cause) = Cause::of(error).filter(|cause| *cause != Cause::Replacing) else {
            return;
        };
        let sentence = cause.sentence(&self.file, error);
        let changed = self.problem.send_if_modified(|problem| {
            let known = problem.as_ref();
            if known.is_some_and(|known| known.cause == cause || known.cause == Cause::Damaged) {
                return false;
            }
            let since = known.map_or_else(|| self.clock.now_ms(), |known| known.since);
            *problem = Some(Problem { cause, sentence, since });
            true
        });
        if changed {
            tracing::error!("nothing can be stored: {}", cause.words());
            self.changes.announce_one(Topic::App);
        }
    }

    fn in_place(&self) -> Result<(), sqlx::Error> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        match open.files.lost(&self.file)?.or(open.shut.then_some(Lost::Replaced)) {
            Some(lost) => Err(lost.into()),
            None => Ok(()),
        }
    }

    fn now_open(&self) -> Open {
        self.open.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn now_open_mut(&self, change: impl FnOnce(&mut Open)) {
        change(&mut self.open.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// What SQLite finds wrong with the file, at most 20 lines; none when it is whole. `full` also
    /// compares every index with its table. Ends early, with an error, once `stop` is set.
    ///
    /// # Errors
    /// When the file cannot be read at all.
    pub async fn check(
        &self,
        full: bool,
        stop: Arc<AtomicBool>,
    ) -> Result<Vec<String>, sqlx::Error> {
        check_file(&self.options, full, stop).await
    }

    /// Copies the live database into `file`, which must not exist yet.
    ///
    /// # Errors
    /// When the copy cannot be written.
    pub async fn backup(&self, file: &Path) -> Result<(), sqlx::Error> {
        self.in_place()?;
        let mut conn = SqliteConnection::connect_with(&self.options).await?;
        vacuum_into(&mut conn, file).await?;
        conn.close().await
    }

    /// Closes every connection; the write-ahead log is folded into the file.
    pub async fn close(&self) {
        self.read().close().await;
        if let Some(conn) = self.writer.lock().await.take()
            && let Err(error) = conn.close().await
        {
            tracing::warn!("closing the database: {error}");
        }
    }
}

/// Ends the time in which writes are refused.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .pragma("fullfsync", "1")
        .pragma("journal_size_limit", WAL_LIMIT)
        .disable_statement_logging()
}

/// The writer and the readers of `file`, its schema up to date.
async fn connect(
    file: &Path,
    options: &SqliteConnectOptions,
    create: bool,
) -> Result<(SqliteConnection, SqlitePool), DbError> {
    let fail = |source| DbError::Open { file: file.to_owned(), source };
    if create {
        keep_private(file).map_err(|error| fail(error.into()))?;
    }
    let mut writer = SqliteConnection::connect_with(options).await.map_err(fail)?;
    bring_up_to_date(&mut writer, file).await?;
    let readers = SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(READERS)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options.clone().pragma("query_only", "1"))
        .await
        .map_err(fail)?;
    Ok((writer, readers))
}

/// Makes `file` if it is missing, and lets nobody but its owner read it; SQLite gives the files
/// beside it the same mode.
fn keep_private(file: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        let opened = options.mode(0o600).open(file)?;
        if opened.metadata()?.permissions().mode() & 0o077 != 0 {
            opened.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
        Ok(())
    }
    #[cfg(not(unix))]
    options.open(file).map(drop)
}

async fn bring_up_to_date(conn: &mut SqliteConnection, file: &Path) -> Result<(), DbError> {
    let fail = |source| DbError::Open { file: file.to_owned(), source };
    let found = schema_of(conn).await.map_err(fail)?;
    let known = newest_schema();
    if found > known {
        return Err(DbError::Newer { file: file.to_owned(), found, known });
    }
    if found < known {
        if found > 0 {
            let copy = file.with_extension(format!("before-{known}.db"));
            tracing::info!("copying the database to {} before its update", copy.display());
            vacuum_into(conn, &copy).await.map_err(fail)?;
        }
        migrate(conn).await.map_err(|error| DbError::Migrate {
            file: file.to_owned(),
            message: error.to_string(),
        })?;
    }
    Ok(())
}

/// Applies what is missing and checks that what was applied is what this program knows. Not `run`,
/// whose future no task of several threads can hold.
async fn migrate(conn: &mut SqliteConnection) -> Result<(), MigrateError> {
    MIGRATIONS.run_direct(None, conn, false).await
}

fn newest_schema() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

async fn check_file(
    options: &SqliteConnectOptions,
    full: bool,
    stop: Arc<AtomicBool>,
) -> Result<Vec<String>, sqlx::Error> {
    let mut conn = SqliteConnection::connect_with(options).await?;
    let found = check_conn(&mut conn, full, stop).await?;
    conn.close().await?;
    Ok(found)
}

async fn check_conn(
    conn: &mut SqliteConnection,
    full: bool,
    stop: Arc<AtomicBool>,
) -> Result<Vec<String>, sqlx::Error> {
    conn.lock_handle().await?.set_progress_handler(10_000, move || !stop.load(Ordering::Relaxed));
    let statement = if full { "pragma integrity_check(20)" } else { "pragma quick_check(20)" };
    let mut found: Vec<String> = sqlx::query_scalar(statement).fetch_all(&mut *conn).await?;
    conn.lock_handle().await?.remove_progress_handler();
    found.retain(|line| line != "ok");
    Ok(found)
}

/// Copies by way of a draft: the name stands for a whole copy, on the disk, or for none.
async fn vacuum_into(conn: &mut SqliteConnection, file: &Path) -> Result<(), sqlx::Error> {
    let draft = file.with_added_extension("part");
    let journal = file.with_added_extension("part-journal");
    let clear = || [&draft, &journal].map(|left| std::fs::remove_file(left).ok());
    clear();
    let target = draft.to_string_lossy().into_owned();
    let copied = sqlx::query("vacuum into ?1").bind(target).execute(conn).await;
    let kept = copied.and_then(|_| Ok(std::fs::rename(&draft, file)?));
    if kept.is_err() {
        clear();
    }
    kept?;
    #[cfg(unix)]
    if let Some(folder) = file.parent() {
        let _not_everywhere = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
    }
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
