//! The engine: opens a data folder, wires the parts, and closes them in the right order.
//!
//! Start: lock, database, secrets, directory, inbox, listener. Close: listener first, so that nothing
//! new arrives, then the inbox runs dry, then the database. Deliberately absent: anything about a
//! window, a terminal or the environment of the process.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use ts_rs::TS;

use crate::change::{Changes, Subscription, Topic};
use crate::clock::{Clock, SystemClock};
use crate::db::{Db, DbError};
use crate::endpoint::{self, Directory};
use crate::inbox::{self, Inbox};
use crate::listener::{Limits, Listener};
use crate::receive::Receiving;
use crate::secret::{Choice, Keys};

/// The port Usher listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 4870;

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
}

impl Config {
    /// Listening on the port of Settings, secrets in the keychain, the machine's own clock.
    pub fn new(data_dir: PathBuf) -> Self {
        let clock = Arc::new(SystemClock::new());
        Self { data_dir, port: None, listen: true, keychain: Choice::Auto, clock }
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

/// The listener's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ListenerStatus {
    /// Listening, stopped on purpose, or failed with `problem`.
    pub state: ListenerState,
    /// The port wanted by the settings, or the one in use.
    pub port: u16,
    /// Address of the listener on this machine, without a trailing slash.
    pub url: String,
    /// Why it does not listen and what to do, in one or two sentences.
    pub problem: Option<String>,
    /// Unix milliseconds since when it is in this state.
    pub since: i64,
}

/// Whether messages can arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ListenerState {
    /// The socket is open.
    Listening,
    /// This process was asked not to listen.
    Stopped,
    /// The socket could not be opened.
    Failed,
}

/// A running Usher without a window. Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    db: Arc<Db>,
    keys: Keys,
    changes: Changes,
    directory: Arc<Directory>,
    started_at: i64,
    test_mark: String,
    inbox: Mutex<Option<(Inbox, JoinHandle<()>)>>,
    listening: Mutex<Listening>,
    moved: AtomicBool,
    _lock: File,
}

struct Listening {
    listener: Option<Listener>,
    status: ListenerStatus,
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
        let db = Arc::new(Db::open(&config.data_dir.join("usher.db"), changes.clone()).await?);
        let now = config.clock.now_ms();
        first_environment(&db, now).await?;
        let keys = Keys::open(config.keychain, &config.data_dir).await;
        let directory = Arc::new(Directory::default());
        directory.reload(&db, &keys).await?;
        let (inbox, run) = inbox::open(Arc::clone(&db), Arc::clone(&config.clock));
        #[expect(clippy::disallowed_methods, reason = "close() waits for it")]
        let task = tokio::spawn(run);
        let status = ListenerStatus {
            state: ListenerState::Stopped,
            port: 0,
            url: String::new(),
            problem: None,
            since: now,
        };
        let engine = Self {
            inner: Arc::new(Inner {
                db,
                keys,
                changes,
                directory,
                started_at: now,
                test_mark: format!("{:032x}", rand::rng().random::<u128>()),
                inbox: Mutex::new(Some((inbox, task))),
                listening: Mutex::new(Listening { listener: None, status }),
                moved: AtomicBool::new(false),
                _lock: lock,
                config,
            }),
        };
        engine.listen().await;
        Ok(engine)
    }

    /// Folder of the database.
    pub fn data_dir(&self) -> &Path {
        &self.inner.config.data_dir
    }

    /// Announcements of what changed, from now on.
    pub fn changes(&self) -> Subscription {
        self.inner.changes.subscribe(Arc::clone(&self.inner.config.clock))
    }

    /// Stops listening, lets the inbox run dry and closes the database.
    pub async fn close(self) {
        self.stop_listening().await;
        if let Some((inbox, task)) = self.inner.inbox.lock().await.take() {
            drop(inbox);
            if let Err(error) = task.await {
                tracing::error!("the inbox ended badly: {error}");
            }
        }
        self.inner.db.close().await;
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

    pub(crate) async fn listener_status(&self) -> ListenerStatus {
        self.inner.listening.lock().await.status.clone()
    }

    /// The port in Settings.
    pub(crate) async fn wanted_port(&self) -> Result<u16, sqlx::Error> {
        let stored = endpoint::setting(self.db(), "port").await?;
        Ok(stored.and_then(|port| port.parse().ok()).unwrap_or(DEFAULT_PORT))
    }

    /// Stops the listener if it runs and starts it anew on the wanted port.
    pub(crate) async fn listen(&self) -> ListenerStatus {
        self.stop_listening().await;
        let mut listening = self.inner.listening.lock().await;
        let wanted = match self.inner.config.port {
            Some(port) if !self.inner.moved.load(Ordering::Relaxed) => port,
            _ => self.wanted_port().await.unwrap_or(DEFAULT_PORT),
        };
        let (state, port, problem) = if self.inner.config.listen {
            match self.start_listener(wanted).await {
                Ok(listener) => {
                    let port = listener.port();
                    listening.listener = Some(listener);
                    (ListenerState::Listening, port, None)
                }
                Err(problem) => (ListenerState::Failed, wanted, Some(problem)),
            }
        } else {
            (ListenerState::Stopped, wanted, None)
        };
        let url = format!("http://127.0.0.1:{port}");
        listening.status = ListenerStatus { state, port, url, problem, since: self.now() };
        self.inner.changes.announce_one(Topic::App);
        self.inner.changes.announce_one(Topic::Endpoints);
        listening.status.clone()
    }

    /// Listens on the port of Settings from now on, whatever the engine was opened with.
    pub(crate) async fn move_to_wanted_port(&self) {
        let wanted = self.wanted_port().await.unwrap_or(DEFAULT_PORT);
        let current = self.listener_status().await;
        if current.state == ListenerState::Listening && current.port == wanted {
            return;
        }
        self.inner.moved.store(true, Ordering::Relaxed);
        self.listen().await;
    }

    async fn start_listener(&self, port: u16) -> Result<Listener, String> {
        let inbox = self.inner.inbox.lock().await.as_ref().map(|(inbox, _)| inbox.clone());
        let inbox = inbox.ok_or_else(|| "Usher is closing.".to_owned())?;
        let receiving = Receiving {
            directory: Arc::clone(&self.inner.directory),
            inbox,
            clock: Arc::clone(&self.inner.config.clock),
            test_mark: self.inner.test_mark.clone(),
        };
        let handler = Arc::new(move |request, reply| receiving.answer(request, reply));
        Listener::start(port, Limits::default(), handler).await.map_err(|error| error.to_string())
    }

    async fn stop_listening(&self) {
        let listener = {
            let mut listening = self.inner.listening.lock().await;
            listening.status.state = ListenerState::Stopped;
            listening.listener.take()
        };
        if let Some(listener) = listener {
            listener.stop().await;
        }
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

async fn first_environment(db: &Db, now: i64) -> Result<(), sqlx::Error> {
    let any = sqlx::query_scalar!(r#"select exists (select 1 from environment) as "any: bool""#)
        .fetch_one(db.read())
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
