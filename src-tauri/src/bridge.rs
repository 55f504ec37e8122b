//! The way from the page to the data folder, and the two commands the page has.
//!
//! The window owns the folder and serves it to the command line, or it works through the process
//! that owns it already; when that one ends, the window opens the folder itself.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tauri::{
    AppHandle, State, Theme,
    async_runtime::{self, JoinHandle},
    ipc::Channel,
};
use tokio::sync::watch;
use usher_engine::{
    Config,
    api::ApiError,
    host::{self, Host},
};

use crate::{notify, trouble};

/// Between two attempts to hear of changes while the owner of the folder is changing.
const PAUSE: Duration = Duration::from_millis(200);

/// How long a window may wait for the folder to learn its colour.
const MOMENT: Duration = Duration::from_millis(40);

/// How far the folder has come: being opened, open, or the sentence why it is not.
type Opened = Option<Result<Arc<Host>, String>>;

/// An open data folder, or one that is being opened in the background.
pub struct Bridge {
    opened: watch::Sender<Opened>,
    tasks: Mutex<Tasks>,
}

#[derive(Default)]
struct Tasks {
    keeping: Option<JoinHandle<()>>,
    subscription: Option<JoinHandle<()>>,
    watching: Option<JoinHandle<()>>,
}

impl Bridge {
    /// Begins to open the folder. It needs no window, so it can be under way before there is one.
    pub fn start(data_dir: Option<PathBuf>, port: Option<u16>) -> Self {
        let opened = watch::Sender::new(None);
        let sender = opened.clone();
        let keeping = async_runtime::spawn(async move { keep_open(data_dir, port, &sender).await });
        let tasks = Tasks { keeping: Some(keeping), ..Tasks::default() };
        Self { opened, tasks: Mutex::new(tasks) }
    }

    /// Has the window show the reason if the folder cannot be opened.
    pub fn tell(&self, app: &AppHandle) {
        let (app, mut opened) = (app.clone(), self.opened.subscribe());
        async_runtime::spawn(async move {
            if opened.wait_for(|opened| matches!(opened, Some(Err(_)))).await.is_ok() {
                trouble::show(&app);
            }
        });
    }

    /// Tells of messages that go wrong, for as long as the app runs.
    pub fn watch(&self, app: &AppHandle) {
        let (app, mut opened) = (app.clone(), self.opened.subscribe());
        let task = async_runtime::spawn(async move {
            while let Ok(host) = opening(&mut opened).await {
                let (mut seen, changes) = (notify::newest(&host).await, host.changes().await);
                let (Some(last), Ok(mut changes)) = (&mut seen, changes) else {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                };
                while let Some(topics) = changes.next().await {
                    if topics.iter().any(|topic| topic == "messages") {
                        *last = notify::tell(&app, &host, *last).await.unwrap_or(*last);
                    }
                }
                drop(host);
                tokio::time::sleep(PAUSE).await;
            }
        });
        self.tasks().watching = Some(task);
    }

    /// Light or dark, if the person chose one of them and the folder is open by now.
    pub fn theme(&self) -> Option<Theme> {
        let asked = async {
            let settings = self.host().await?.call("settings.get", json!({})).await?;
            Ok::<_, ApiError>(settings["appearance"].as_str().map(str::to_owned))
        };
        let asked = async { tokio::time::timeout(MOMENT, asked).await };
        match async_runtime::block_on(asked).ok()?.ok()??.as_str() {
            "light" => Some(Theme::Light),
            "dark" => Some(Theme::Dark),
            _ => None,
        }
    }

    /// Why the folder is not open, if that is so.
    pub fn problem(&self) -> Option<String> {
        self.opened.borrow().as_ref()?.as_ref().err().cloned()
    }

    /// Lets the engine finish what it answered for, then closes its file.
    pub fn stop(&self) {
        let Tasks { keeping, subscription, watching } = std::mem::take(&mut *self.tasks());
        async_runtime::block_on(async {
            for task in [keeping, subscription, watching].into_iter().flatten() {
                task.abort();
                let _ = task.await;
            }
            let host = self.opened.send_replace(None).and_then(Result::ok);
            if let Some(host) = host.and_then(Arc::into_inner) {
                host.close().await;
            }
        });
    }

    async fn host(&self) -> Result<Arc<Host>, ApiError> {
        opening(&mut self.opened.subscribe()).await
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls one verb of the engine, such as `messages.list`, once the folder is open.
///
/// # Errors
/// What the verb says, or `unavailable` when the folder is not open.
#[tauri::command]
pub async fn call(bridge: State<'_, Bridge>, name: String, args: Value) -> Result<Value, ApiError> {
    let host = bridge.host().await?;
    host.call(&name, args).await
}

/// Sends the topics that changed for as long as the page listens. A page that loads anew takes the
/// place of the one before.
///
/// # Errors
/// `unavailable` when the folder is not open.
#[tauri::command]
pub async fn subscribe(
    bridge: State<'_, Bridge>,
    channel: Channel<Vec<String>>,
) -> Result<(), ApiError> {
    let mut changes = bridge.host().await?.changes().await?;
    let mut opened = bridge.opened.subscribe();
    let task = async_runtime::spawn(async move {
        loop {
            while let Some(topics) = changes.next().await {
                if channel.send(topics).is_err() {
                    return;
                }
            }
            changes = loop {
                let Ok(host) = opening(&mut opened).await else { return };
                if let Ok(again) = host.changes().await {
                    break again;
                }
                tokio::time::sleep(PAUSE).await;
            };
        }
    });
    if let Some(before) = bridge.tasks().subscription.replace(task) {
        before.abort();
    }
    Ok(())
}

/// The open folder, as soon as it is that.
async fn opening(opened: &mut watch::Receiver<Opened>) -> Result<Arc<Host>, ApiError> {
    let result = opened.wait_for(Option::is_some).await;
    match result.as_deref() {
        Ok(Some(Ok(host))) => Ok(Arc::clone(host)),
        Ok(Some(Err(sentence))) => Err(ApiError::unavailable(sentence)),
        Ok(None) | Err(_) => Err(ApiError::unavailable("Usher is closing.")),
    }
}

/// Keeps the folder open, by itself or through its owner. Comes back only when it cannot be opened.
async fn keep_open(data_dir: Option<PathBuf>, port: Option<u16>, opened: &watch::Sender<Opened>) {
    let problem = loop {
        let mut host = match open(data_dir.clone(), port).await {
            Ok(host) => host,
            Err(sentence) => break sentence,
        };
        if let Err(error) = host.serve(None).await {
            tracing::warn!("commands cannot reach this window: {error}");
        }
        let owns = host.owns();
        let host = Arc::new(host);
        let left = host.changes().await;
        opened.send_replace(Some(Ok(host)));
        if owns {
            std::future::pending::<()>().await;
        }
        if let Ok(mut changes) = left {
            while changes.next().await.is_some() {}
        }
        opened.send_replace(None);
    };
    opened.send_replace(Some(Err(problem)));
}

/// Opens the folder on a thread of its own: migrating a large file takes its time, and the compiler
/// cannot see through the engine's closures that the future may move between threads.
async fn open(data_dir: Option<PathBuf>, port: Option<u16>) -> Result<Host, String> {
    let folder = data_dir
        .or_else(|| host::default_data_dir(|name| std::env::var_os(name)))
        .ok_or("There is no home folder to keep the data in. Name one with --data-dir DIR.")?;
    let folder = std::path::absolute(&folder)
        .map_err(|error| format!("{} is not a folder: {error}.", folder.display()))?;
    let config = Config { port, ..Config::new(folder) };
    let opening = || async_runtime::block_on(Host::open(config));
    match async_runtime::spawn_blocking(opening).await {
        Ok(host) => host.map_err(|error| error.to_string()),
        Err(error) => Err(format!("Usher has a defect: {error}.")),
    }
}
