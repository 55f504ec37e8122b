//! The engine: opens a data folder, wires the parts, watches over them, and closes them in the right
//! order.
//!
//! Start: lock, database, secrets, directory, inbox, listener, watch and forwarding. Close: watch,
//! forwarding and listener first, so that nothing new arrives, then the inbox runs dry, then the
//! database. An engine that does not listen does not forward either. Deliberately absent: anything
//! about a window, a terminal or the environment of the process.

mod listening;
mod restore;
mod storage;
mod watch;

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use rand::RngExt as _;
use tokio::sync::{Mutex, Notify};
use tokio::task::{JoinHandle, JoinSet};

use crate::change::{Changes, Subscription};
use crate::clock::{Clock, SystemClock};
use crate::db::{Db, DbError, Identity};
use crate::endpoint::{self, Directory};
use crate::folders::Folders;
use crate::forward::{self, Forwarding};
use crate::inbox::{self, Inbox};
use crate::secret::{Choice, Keys};

use listening::Listening;
pub use listening::{ListenerState, ListenerStatus};
pub use restore::{RestoreError, Returned};
pub(crate) use watch::ask;

/// The port Usher listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 4870;
/// The largest body, MiB, unless told otherwise.
const DEFAULT_BODY_MIB: u8 = 1;

/// How an engine is to be opened.
#[derive(Clone)]
pub struct Config {
    /// Folder of the database; made when it is missing.
    pub data_dir: PathBuf,
    /// Port instead of the one in Settings; 0 picks a free one.
    pub port: Option<u16>,
    /// Whether to listen at all.
    pub listen: bool,
    /// Where secrets go.
    pub keychain: Choice,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where the person keeps things.
    pub folders: Folders,
}

impl Config {
    /// Listening on the port of Settings, secrets in the keychain, the machine's own clock, the
    /// folders of whoever runs it.
    pub fn new(data_dir: PathBuf) -> Self {
        let clock = Arc::new(SystemClock::new());
        let (keychain, folders) = (Choice::Auto, Folders::own());
        Self { data_dir, port: None, listen: true, keychain, clock, folders }
    }
}

/// Why an engine could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process works with this folder.
    #[error("Another Usher is working with {}.", .0.display())]
    InUse(PathBuf),
    /// The folder cannot be made or written to.
    #[error(
        "The data folder {} cannot be used: {source}. Check who owns it, or choose another with --data-dir.",
        .folder.display()
    )]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A first read or write.
    #[error("The database does not answer: {0}")]
    Query(#[from] sqlx::Error),
}

/// A running Usher without a window. Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    db: Arc<Db>,
    keys: Arc<Keys>,
    changes: Changes,
    directory: Arc<Directory>,
    started_at: i64,
    test_mark: String,
    inbox: Mutex<Option<(Inbox, JoinHandle<()>)>>,
    inbox_ended: Arc<Notify>,
    listening: Listening,
    /// Held by who closes the database to open another one.
    replacing: Mutex<()>,
    watch: Mutex<JoinSet<()>>,
    lock: std::sync::Mutex<File>,
}

impl Engine {
    /// Opens the data folder and, if asked to, starts to listen. A port that is taken is not an error
    /// here: the status says so, and everything else works.
    ///
    /// # Errors
    /// When the folder is in use, not writable, or its database cannot be opened.
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        let lock = lock(&config.data_dir)?;
        let changes = Changes::default();
        let (file, clock) = (config.data_dir.join("usher.db"), Arc::clone(&config.clock));
        let db = Arc::new(Db::open(&file, changes.clone(), clock).await?);
        let now = config.clock.now_ms();
        first_environment(&db, now).await?;
        inbox::removal::erase(&db).await;
        let keys = Arc::new(Keys::open(config.keychain, &config.data_dir).await);
        let directory = Arc::new(Directory::default());
        directory.reload(&db, &keys).await?;
        let engine = Self {
            inner: Arc::new(Inner {
                db,
                keys,
                changes,
                directory,
                started_at: now,
                test_mark: format!("{:032x}", rand::rng().random::<u128>()),
                inbox: Mutex::new(None),
                inbox_ended: Arc::default(),
                listening: Listening::new(now),
                replacing: Mutex::default(),
                watch: Mutex::default(),
                lock: std::sync::Mutex::new(lock),
                config,
            }),
        };
        engine.open_inbox().await;
        engine.listen().await;
        let (weak, clock) = (Arc::downgrade(&engine.inner), engine.clock_of_its_own());
        let mut watch = engine.inner.watch.lock().await;
        watch.spawn(watch::over(weak.clone(), Arc::clone(&clock)));
        watch.spawn(storage::over(weak, clock));
        if engine.inner.config.listen {
            watch.spawn(forward::run(engine.forwarding()));
        }
        drop(watch);
        Ok(engine)
    }

    /// Folder of the database.
    pub fn data_dir(&self) -> &Path {
        &self.inner.config.data_dir
    }

    /// Where the person keeps things.
    pub(crate) fn folders(&self) -> &Folders {
        &self.inner.config.folders
    }

    /// Announcements of what changed, from now on.
    pub fn changes(&self) -> Subscription {
        self.inner.changes.subscribe(Arc::clone(&self.inner.config.clock))
    }

    /// Stops listening, lets the inbox run dry and closes the database.
    pub async fn close(self) {
        self.inner.watch.lock().await.shutdown().await;
        self.stop_listening().await;
        if let Some((inbox, task)) = self.inner.inbox.lock().await.take() {
            drop(inbox);
            if let Err(error) = task.await {
                tracing::error!("the inbox ended badly: {error}");
            }
        }
        self.inner.db.close().await;
    }

    /// Whether the last write went through.
    pub(crate) fn takes_writes(&self) -> bool {
        self.inner.db.storage().ok
    }

    pub(crate) fn db(&self) -> &Db {
        &self.inner.db
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.inner.config.clock.as_ref()
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock().now_ms()
    }

    pub(crate) fn started_at(&self) -> i64 {
        self.inner.started_at
    }

    pub(crate) fn test_mark(&self) -> &str {
        &self.inner.test_mark
    }

    pub(crate) async fn reload_directory(&self) -> Result<(), sqlx::Error> {
        self.inner.directory.reload(&self.inner.db, &self.inner.keys).await
    }

    /// The port in Settings.
    pub(crate) async fn wanted_port(&self) -> Result<u16, sqlx::Error> {
        let stored = endpoint::setting(self.db(), "port").await?;
        Ok(stored.and_then(|port| port.parse().ok()).unwrap_or(DEFAULT_PORT))
    }

    /// The largest body in Settings, MiB.
    pub(crate) async fn body_limit_mib(&self) -> Result<u8, sqlx::Error> {
        let stored = endpoint::setting(self.db(), "body_limit_mib").await?;
        Ok(stored.and_then(|mib| mib.parse().ok()).unwrap_or(DEFAULT_BODY_MIB))
    }

    /// Opens the inbox if there is none or its task ended; true when it did.
    async fn open_inbox(&self) -> bool {
        let mut open = self.inner.inbox.lock().await;
        if open.as_ref().is_some_and(|(_, task)| !task.is_finished()) {
            return false;
        }
        let (inbox, run) = inbox::open(Arc::clone(&self.inner.db), self.clock_of_its_own());
        let ended = Ended(Arc::clone(&self.inner.inbox_ended));
        #[expect(clippy::disallowed_methods, reason = "close() waits for it")]
        let task = tokio::spawn(async move {
            let _ended = ended;
            run.await;
        });
        *open = Some((inbox, task));
        true
    }

    fn forwarding(&self) -> Forwarding {
        let status = self.inner.listening.status();
        Forwarding {
            db: Arc::clone(&self.inner.db),
            keys: Arc::clone(&self.inner.keys),
            directory: Arc::clone(&self.inner.directory),
            changes: self.inner.changes.clone(),
            clock: self.clock_of_its_own(),
            own_port: Box::new(move || status.borrow().port),
        }
    }

    fn clock_of_its_own(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.inner.config.clock)
    }
}

/// Tells when a task is over, also when it panicked.
struct Ended(Arc<Notify>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let fail = |source| OpenError::Folder { folder: folder.to_owned(), source };
    let mut maker = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
    maker.recursive(true).create(folder).map_err(fail)?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(folder.join("usher.lock"))
        .map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(fail(source)),
    }
}

/// Takes the lock of `folder` anew when the lock file there is not the one that is held.
fn lock_again(held: &std::sync::Mutex<File>, folder: &Path) -> Result<(), OpenError> {
    let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
    let fail = |source| OpenError::Folder { folder: folder.to_owned(), source };
    let ours = Identity::from(&held.metadata().map_err(fail)?);
    if Identity::of(&folder.join("usher.lock")).map_err(fail)? != Some(ours) {
        *held = lock(folder)?;
    }
    Ok(())
}

async fn first_environment(db: &Db, now: i64) -> Result<(), sqlx::Error> {
    let any = sqlx::query_scalar!(r#"select exists (select 1 from environment) as "any: bool""#)
        .fetch_one(&db.read())
        .await?;
    if any {
        return Ok(());
    }
    db.write(async |tx| {
        endpoint::add_environment(tx, "Development", "development", "#c2693d", now).await
    })
    .await?;
    Ok(())
}
