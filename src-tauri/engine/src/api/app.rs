//! The state of the app itself: listener, keychain, counts, settings.

use serde::{Deserialize, Serialize};
use std::path::Path;
use ts_rs::TS;

use crate::Engine;
use crate::api::ApiError;
use crate::audience;
pub use crate::audience::Rebuilt;
pub use crate::db::StorageStatus;
use crate::db::restore::Unfit;
use crate::engine::RestoreError;
pub use crate::engine::{ListenerState, ListenerStatus};
use crate::secret::Place;

/// Arguments of a verb that takes none.
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export)]
pub struct Nothing {}

/// What Usher is doing right now.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AppStatus {
    /// Version of the running program.
    pub version: String,
    /// Folder that holds the database and, without a keychain, the secrets.
    pub data_dir: String,
    /// The database file.
    pub database_file: String,
    /// Unix milliseconds at which this process opened the data folder.
    pub started_at: i64,
    /// Where signing secrets are kept.
    pub keychain: KeychainStatus,
    /// The socket that Clerk's messages arrive at.
    pub listener: ListenerStatus,
    /// Whether messages can be stored.
    pub storage: StorageStatus,
}

/// Where signing secrets are kept.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct KeychainStatus {
    /// Which of the two stores is in use.
    pub kind: KeychainKind,
    /// The same in words, with the reason when it is not the system keychain.
    pub sentence: String,
}

/// The two places a secret can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum KeychainKind {
    /// Secret Service, Keychain or Credential Manager.
    System,
    /// A file only its owner can read, in the data folder.
    File,
}

/// Scope of most reads: one environment.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export)]
pub struct InEnvironment {
    /// Id of the environment.
    pub environment_id: i64,
}

/// The numbers beside the sidebar's entries.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Counts {
    /// Messages kept, refused ones included.
    pub messages: i64,
    /// Contacts in the audience.
    pub contacts: i64,
    /// Different event names received.
    pub events: i64,
    /// Endpoints that are not removed.
    pub endpoints: i64,
}

/// What the person chose for the whole app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Settings {
    /// Port of the listener; a tunnel points at it, so it never changes by itself.
    pub port: u16,
    /// Light, dark, or whatever the system says.
    pub appearance: Appearance,
    /// Largest body of a message, MiB.
    pub body_limit_mib: u8,
    /// Whether the window tells of refused and failed messages while it is not looked at.
    pub notify: bool,
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Appearance {
    /// Follow the system.
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

/// A change of settings; what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct UpdateSettings {
    /// New port, 1 to 65535; the listener moves there at once.
    pub port: Option<u16>,
    /// New appearance.
    pub appearance: Option<Appearance>,
    /// New largest body, 1 to 10 MiB; the listener starts anew with it and lets running requests
    /// finish.
    pub body_limit_mib: Option<u8>,
    /// Whether to tell of refused and failed messages.
    pub notify: Option<bool>,
}

/// Where to write a backup.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export)]
pub struct BackupTo {
    /// Absolute path of a file that does not exist yet.
    pub file: String,
}

/// A backup that was written.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Backup {
    /// The file.
    pub file: String,
    /// Its size.
    pub bytes: i64,
}

/// Which backup to go back to.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export)]
pub struct RestoreFrom {
    /// Absolute path of a database of Usher.
    pub file: String,
}

/// A backup that was put in place of the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Restored {
    /// Where the database of before is kept; absent when there was none.
    pub kept: Option<String>,
    /// Messages in the restored database.
    pub messages: i64,
    /// Contacts in the restored database.
    pub contacts: i64,
    /// Endpoints, as `name · environment`, with a signing secret that this machine does not have.
    pub without_secret: Vec<String>,
}

pub(super) async fn status(engine: &Engine, _: Nothing) -> Result<AppStatus, ApiError> {
    let kind = match engine.keys().place() {
        Place::System => KeychainKind::System,
        Place::File => KeychainKind::File,
    };
    Ok(AppStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        data_dir: engine.data_dir().display().to_string(),
        database_file: engine.db().file().display().to_string(),
        started_at: engine.started_at(),
        keychain: KeychainStatus { kind, sentence: engine.keys().sentence().to_owned() },
        listener: engine.listener_status(),
        storage: engine.db().storage(),
    })
}

pub(super) async fn restart_listener(engine: &Engine, _: Nothing) -> Result<AppStatus, ApiError> {
    engine.listen().await;
    status(engine, Nothing {}).await
}

pub(super) async fn counts(engine: &Engine, of: InEnvironment) -> Result<Counts, ApiError> {
    let row = sqlx::query!(
        r#"select
             (select count(*) from message where environment_id = ?1
              and removal_id is null) as "messages!: i64",
             (select count(*) from contact where environment_id = ?1) as "contacts!: i64",
             (select count(*) from event_name where environment_id = ?1) as "events!: i64",
             (select count(*) from endpoint where environment_id = ?1 and removed_at is null)
                 as "endpoints!: i64""#,
        of.environment_id
    )
    .fetch_one(&engine.db().read())
    .await?;
    Ok(Counts {
        messages: row.messages,
        contacts: row.contacts,
        events: row.events,
        endpoints: row.endpoints,
    })
}

pub(super) async fn backup(engine: &Engine, to: BackupTo) -> Result<Backup, ApiError> {
    let file = Path::new(&to.file);
    if !file.is_absolute() {
        return Err(ApiError::invalid(format!("{} is not a full path.", to.file)));
    }
    if file.exists() {
        return Err(ApiError::conflict(format!(
            "{} exists already. Choose another name; a backup never overwrites.",
            to.file
        )));
    }
    engine.db().backup(file).await.map_err(|error| {
        ApiError::unavailable(format!("The backup {} could not be written: {error}.", to.file))
    })?;
    let bytes = std::fs::metadata(file).map_or(0, |meta| meta.len());
    Ok(Backup { file: to.file, bytes: i64::try_from(bytes).unwrap_or(i64::MAX) })
}

pub(super) async fn restore(engine: &Engine, from: RestoreFrom) -> Result<Restored, ApiError> {
    let file = Path::new(&from.file);
    if !file.is_absolute() {
        return Err(ApiError::invalid(format!("{} is not a full path.", from.file)));
    }
    if !file.is_file() {
        return Err(ApiError::not_found(format!("There is no file {}.", from.file)));
    }
    let done = engine.restore(file).await.map_err(|error| match error {
        RestoreError::Unfit(Unfit::Copy { .. })
        | RestoreError::Database(_)
        | RestoreError::Query(_)
        | RestoreError::Folder(_)
        | RestoreError::Swap(_) => ApiError::unavailable(error.to_string()),
        RestoreError::Unfit(unfit) => ApiError::invalid(unfit.to_string()),
    })?;
    let row = sqlx::query!(
        r#"select (select count(*) from message) as "messages!: i64",
                  (select count(*) from contact) as "contacts!: i64""#
    )
    .fetch_one(&engine.db().read())
    .await?;
    let mut without_secret: Vec<String> =
        sqlx::query!("select id, endpoint_id from endpoint_secret")
            .fetch_all(&engine.db().read())
            .await?
            .into_iter()
            .filter_map(|secret| {
                let live = engine.directory().by_id(secret.endpoint_id)?;
                let given_out = live.secrets.iter().any(|(id, _)| *id == secret.id);
                (!given_out).then(|| live.label.clone())
            })
            .collect();
    without_secret.sort();
    without_secret.dedup();
    Ok(Restored {
        kept: done.kept.map(|kept| kept.display().to_string()),
        messages: row.messages,
        contacts: row.contacts,
        without_secret,
    })
}

pub(super) async fn rebuild(engine: &Engine, _: Nothing) -> Result<Rebuilt, ApiError> {
    Ok(engine.db().write(async |tx| audience::rebuild(tx).await).await?)
}
