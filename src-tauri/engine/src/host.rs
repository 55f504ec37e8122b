//! One engine for everybody: the process that owns a data folder, and the way to it for all others.
//!
//! Exactly one process has a data folder open. A window, a command or a test says [`Host::open`]
//! and uses the same verbs whether it became the owner or reached the owner through the loopback
//! server named in `host.json`. Short-lived owners, such as one command, do not serve: who comes
//! meanwhile waits for them. Deliberately absent: taking over by itself when the owner leaves. Then
//! [`Changes::next`] ends, and the caller opens again.

pub mod client;
pub mod server;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::{self, ApiError, Code};
use crate::{Config, Engine, OpenError, change};
use client::Client;
use server::Server;

const PATIENCE: Duration = Duration::from_secs(10);
const PROBE: Duration = Duration::from_secs(2);

/// The verbs of one data folder, in this process or in the one that owns the folder.
pub enum Host {
    /// This process owns the folder.
    Own {
        /// The engine.
        engine: Engine,
        /// The door for everybody else, once [`Host::serve`] opened it.
        server: Option<Server>,
    },
    /// Another process owns the folder and answers.
    Remote(Client),
}

/// Why a data folder could not be used.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The engine does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Another process keeps the folder and does not answer.
    #[error(
        "{} has {folder} open and does not answer. Wait for it to finish or close it, then try again.",
        named(*.pid)
    )]
    Held {
        /// The data folder.
        folder: String,
        /// The process that keeps it, as far as it can be told.
        pid: Option<u32>,
    },
    /// The owner is another version of Usher.
    #[error(
        "Usher {theirs} (process {pid}) has this data folder open, and this is Usher {ours}. \
         Close the other one, or use the same version of both."
    )]
    Version {
        /// Version of the owner.
        theirs: String,
        /// Version of this program.
        ours: String,
        /// The owner.
        pid: u32,
    },
    /// The loopback server could not be opened.
    #[error("Usher could not open its local connection for windows and commands: {0}.")]
    Serve(#[from] io::Error),
}

impl Host {
    /// Owns the folder of `config`, or connects to the process that does.
    ///
    /// Waits up to ten seconds for a short-lived owner to finish.
    ///
    /// # Errors
    /// When the folder cannot be opened, or its owner does not answer or is another version.
    pub async fn open(config: Config) -> Result<Self, HostError> {
        let folder = config.data_dir.clone();
        let mut waited = Duration::ZERO;
        let mut pause = Duration::from_millis(20);
        loop {
            match Engine::open(config.clone()).await {
                Ok(engine) => {
                    Address::forget(&folder);
                    return Ok(Self::Own { engine, server: None });
                }
                Err(OpenError::InUse(_)) => {}
                Err(error) => return Err(error.into()),
            }
            if let Some(address) = Address::read(&folder) {
                let (version, pid) = (address.version.clone(), address.pid);
                let client = Client::new(address);
                let probed = tokio::time::timeout(PROBE, client.probe()).await;
                if probed.is_err() {
                    waited += PROBE;
                }
                if matches!(probed, Ok(Ok(()))) {
                    let ours = env!("CARGO_PKG_VERSION");
                    if version != ours {
                        return Err(HostError::Version { theirs: version, ours: ours.into(), pid });
                    }
                    return Ok(Self::Remote(client));
                }
            }
            if waited >= PATIENCE {
                let pid = holder(&folder);
                return Err(HostError::Held { folder: folder.display().to_string(), pid });
            }
            tokio::time::sleep(pause).await;
            waited += pause;
            pause = (pause * 2).min(Duration::from_millis(250));
        }
    }

    /// Whether this process owns the folder.
    #[must_use]
    pub fn owns(&self) -> bool {
        matches!(self, Self::Own { .. })
    }

    /// Calls one verb with its arguments as JSON.
    ///
    /// # Errors
    /// What the verb says; `unavailable` when the owner no longer answers.
    pub async fn call(&self, name: &str, args: Value) -> Result<Value, ApiError> {
        match self {
            Self::Own { engine, .. } => api::call(engine, name, args).await,
            Self::Remote(client) => client.call(name, &args).await,
        }
    }

    /// Calls one verb with its typed arguments.
    ///
    /// # Errors
    /// As [`Host::call`]; `internal` when the reply is not of the expected type.
    pub async fn ask<A, R>(&self, name: &str, args: &A) -> Result<R, ApiError>
    where
        A: Serialize + Sync + ?Sized,
        R: DeserializeOwned,
    {
        let args = serde_json::to_value(args).map_err(|error| internal(&error))?;
        let reply = self.call(name, args).await?;
        serde_json::from_value(reply).map_err(|error| internal(&error))
    }

    /// The topics that change from now on.
    ///
    /// # Errors
    /// `unavailable` when the owner no longer answers.
    pub async fn changes(&self) -> Result<Changes, ApiError> {
        match self {
            Self::Own { engine, .. } => Ok(Changes::Own(engine.changes())),
            Self::Remote(client) => client.changes().await.map(Box::new).map(Changes::Remote),
        }
    }

    /// Opens the loopback server for everybody else and announces it in `host.json`; `ui` is a
    /// folder with the screens for a browser. Does nothing when another process owns the folder.
    ///
    /// # Errors
    /// When no socket can be opened or `host.json` cannot be written.
    pub async fn serve(&mut self, ui: Option<PathBuf>) -> Result<Option<&Server>, HostError> {
        match self {
            Self::Own { engine, server } => {
                if server.is_none() {
                    *server = Some(Server::start(engine, ui).await?);
                }
                Ok(server.as_ref())
            }
            Self::Remote(_) => Ok(None),
        }
    }

    /// Leaves the folder: the owner stops serving and listening, drains and closes.
    pub async fn close(self) {
        if let Self::Own { engine, server } = self {
            if let Some(server) = server {
                server.stop().await;
            }
            engine.close().await;
        }
    }
}

/// A running subscription to what changes.
pub enum Changes {
    /// From the engine in this process.
    Own(change::Subscription),
    /// From the owner of the folder.
    Remote(Box<client::Feed>),
}

impl Changes {
    /// The topics that changed since the last time; `None` when the engine closed or the owner
    /// went away.
    pub async fn next(&mut self) -> Option<Vec<String>> {
        match self {
            Self::Own(subscription) => subscription.next().await,
            Self::Remote(feed) => feed.next().await,
        }
    }
}

/// The data folder when nobody names one, from the environment as `env` gives it: on Linux
/// `$XDG_DATA_HOME/usher` or `~/.local/share/usher`, on macOS
/// `~/Library/Application Support/Usher`, on Windows `%APPDATA%\Usher`.
pub fn default_data_dir(env: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if cfg!(windows) {
        Some(folder("APPDATA")?.join("Usher"))
    } else if cfg!(target_os = "macos") {
        Some(folder("HOME")?.join("Library/Application Support/Usher"))
    } else {
        let base = folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local/share")));
        Some(base?.join("usher"))
    }
}

/// What `host.json` says about the owner of a data folder.
#[derive(Clone, Serialize, Deserialize)]
pub struct Address {
    /// Port on 127.0.0.1.
    pub port: u16,
    /// What a caller shows as bearer token.
    pub token: String,
    /// Process id of the owner.
    pub pid: u32,
    /// Version of the owner.
    pub version: String,
}

impl Address {
    /// The file in `folder`.
    #[must_use]
    pub fn file(folder: &Path) -> PathBuf {
        folder.join("host.json")
    }

    /// What the file in `folder` says; `None` when there is none that can be read.
    #[must_use]
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::file(folder)).ok()?).ok()
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        let draft = folder.join(format!("host.json.{}", self.pid));
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&draft).and_then(|mut file| {
            file.write_all(&serde_json::to_vec(self)?)?;
            fs::rename(&draft, Self::file(folder))
        });
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written
    }

    fn forget(folder: &Path) {
        let _ = fs::remove_file(Self::file(folder));
    }
}

/// The process that keeps the lock of `folder`, where the system tells.
fn holder(folder: &Path) -> Option<u32> {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt as _;

        let inode = format!(":{}", fs::metadata(folder.join("usher.lock")).ok()?.ino());
        let locks = fs::read_to_string("/proc/locks").ok()?;
        let mut fields = locks.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let found = fields.find_map(|fields| match fields.as_slice() {
            [_, "FLOCK", _, _, pid, file, ..] if file.ends_with(&inode) => pid.parse().ok(),
            _ => None,
        });
        if found.is_some() {
            return found;
        }
    }
    Address::read(folder).map(|address| address.pid)
}

fn internal(error: &serde_json::Error) -> ApiError {
    ApiError { code: Code::Internal, message: format!("The reply does not fit: {error}.") }
}

fn named(pid: Option<u32>) -> String {
    pid.map_or_else(|| "Another Usher".into(), |pid| format!("Another Usher (process {pid})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(all(unix, not(target_os = "macos")))]
    #[test]
    fn the_data_folder_follows_the_xdg_rules() {
        let with = |pairs: &'static [(&str, &str)]| {
            default_data_dir(move |name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
            })
        };
        assert_eq!(with(&[("XDG_DATA_HOME", "/x"), ("HOME", "/h")]), Some("/x/usher".into()));
        assert_eq!(
            with(&[("XDG_DATA_HOME", ""), ("HOME", "/h")]),
            Some("/h/.local/share/usher".into())
        );
        assert_eq!(
            with(&[("XDG_DATA_HOME", "rel"), ("HOME", "/h")]),
            Some("/h/.local/share/usher".into())
        );
        assert_eq!(with(&[]), None);
    }
}
