//! Going back to a backup, with the engine running or without one.
//!
//! Deliberately absent: choosing the file, and asking whether it is meant (the hosts).

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Config, Engine, OpenError, lock, lock_again};
use crate::db::restore::{Unfit, prepare, swap};
use crate::db::{DbError, beside};

/// Why a backup was not put in place.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The file is not fit for it; the database is as it was.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The database could not be closed, changed or opened.
    #[error(transparent)]
    Database(#[from] DbError),
    /// It is in place, and reading it went wrong.
    #[error("The backup is in place, and its endpoints could not be read: {0}.")]
    Query(#[from] sqlx::Error),
    /// The folder cannot be worked with.
    #[error(transparent)]
    Folder(#[from] OpenError),
    /// The places could not be changed.
    #[error("The files could not change places: {0}. The database is as it was.")]
    Swap(#[from] io::Error),
}

/// What a restore left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The database of before; `None` when there was none.
    pub kept: Option<PathBuf>,
}

impl Engine {
    /// Puts a copy of `from` in place of the database, after it was checked. Messages that arrive
    /// meanwhile are answered with 503. A caller that goes away leaves nothing half done.
    ///
    /// # Errors
    /// When the backup is not fit, or the files cannot be changed.
    pub(crate) async fn restore(&self, from: &Path) -> Result<Returned, RestoreError> {
        let (engine, from) = (self.clone(), from.to_owned());
        #[expect(clippy::disallowed_methods, reason = "it ends by itself, and must")]
        let work = tokio::spawn(async move { engine.restore_now(&from).await });
        work.await.unwrap_or_else(|error| Err(io::Error::other(error).into()))
    }

    async fn restore_now(&self, from: &Path) -> Result<Returned, RestoreError> {
        let _one_at_a_time = self.inner.replacing.lock().await;
        lock_again(&self.inner.lock, self.data_dir())?;
        let file = self.db().file().to_owned();
        let limit = self.body_limit_mib().await.ok();
        let ready = prepare(from, &file).await?;
        let kept = name_for(&file, self.now());
        self.db().replace(false, || swap(&ready, &file, &kept)).await?;
        self.look_around().await?;
        self.db().mend();
        let other_limit = self.body_limit_mib().await.ok() != limit;
        self.listen_as_set(false, other_limit).await;
        Ok(Returned { kept: kept.exists().then_some(kept) })
    }

    /// The same on a folder whose database cannot be opened, without opening it.
    ///
    /// # Errors
    /// When another process has the folder, the backup is not fit, or the files cannot be changed.
    pub async fn restore_closed(config: &Config, from: &Path) -> Result<Returned, RestoreError> {
        let _lock = lock(&config.data_dir)?;
        let file = config.data_dir.join("usher.db");
        let ready = prepare(from, &file).await?;
        let kept = name_for(&file, config.clock.now_ms());
        swap(&ready, &file, &kept)?;
        Ok(Returned { kept: kept.exists().then_some(kept) })
    }
}

/// `usher.before-restore-20260512-120000.db`, with a number when there is one already.
fn name_for(file: &Path, now: i64) -> PathBuf {
    let at = Timestamp::from_millisecond(now).unwrap_or_default().strftime("%Y%m%d-%H%M%S");
    let mut name = file.with_extension(format!("before-restore-{at}.db"));
    let mut number = 2;
    while name.exists() || beside(&name, "-wal").exists() {
        name = file.with_extension(format!("before-restore-{at}-{number}.db"));
        number += 1;
    }
    name
}
