//! Settings → Diagnostics and `usher doctor`: what runs, what limits it, and what is wrong.
//!
//! Deliberately absent: putting anything right. Each check says what the person can do.

mod doctor;
mod export;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::Engine;
use crate::api::ApiError;
use crate::api::app::Nothing;
use crate::db::beside;
use crate::inbox;
pub use crate::listener::{Health, LimitRow};

pub use doctor::closed as doctor_closed;

/// What the listener and the database are made of right now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Diagnostics {
    /// The limits in force, in the order in which a request meets them.
    pub limits: Vec<LimitRow>,
    /// Counts of the running listener; absent while there is none.
    pub listener: Option<Health>,
    /// Sizes on the disk.
    pub storage: StorageSizes,
}

/// Sizes on the disk, bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct StorageSizes {
    /// The database file.
    pub database_bytes: u64,
    /// Its write-ahead log.
    pub wal_bytes: u64,
    /// Free on the volume of the data folder; absent when the system does not tell.
    pub free_bytes: Option<u64>,
}

/// How thorough the doctor is.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export)]
pub struct DoctorArgs {
    /// Also compares every index of the database with its table, which may take minutes.
    pub full: bool,
}

/// One thing the doctor looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Check {
    /// `database`, `permissions`, `port`, `clock`, `keychain`, `disk` or `tunnel`.
    pub name: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub sentence: String,
    /// What to do about it; absent when nothing is to be done.
    pub remedy: Option<String>,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and something should be looked at.
    Warning,
    /// It keeps Usher from working.
    Failed,
    /// It could not be told.
    Unknown,
}

/// A report to send to somebody who helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Export {
    /// Plain text without secrets, bodies, addresses or names.
    pub text: String,
}

/// The limits of the listener and of the inbox.
async fn limits(engine: &Engine) -> Vec<LimitRow> {
    let kept = inbox::limits().into_iter().map(|(name, value, reason)| LimitRow {
        name: name.to_owned(),
        value,
        reason: reason.to_owned(),
    });
    engine.limits().await.into_iter().chain(kept).collect()
}

pub(super) async fn show(engine: &Engine, _: Nothing) -> Result<Diagnostics, ApiError> {
    Ok(Diagnostics {
        limits: limits(engine).await,
        listener: engine.listener_health().await,
        storage: sizes(engine).await,
    })
}

async fn sizes(engine: &Engine) -> StorageSizes {
    let file = engine.db().file();
    let size = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |meta| meta.len());
    StorageSizes {
        database_bytes: size(file),
        wal_bytes: size(&beside(file, "-wal")),
        free_bytes: doctor::free(engine.data_dir()).await.ok().and_then(Result::ok),
    }
}

pub(super) async fn doctor(engine: &Engine, how: DoctorArgs) -> Result<Vec<Check>, ApiError> {
    Ok(doctor::open(engine, how.full).await)
}

pub(super) async fn export(engine: &Engine, _: Nothing) -> Result<Export, ApiError> {
    Ok(Export { text: export::text(engine).await? })
}
