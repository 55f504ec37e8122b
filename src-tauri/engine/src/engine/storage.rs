//! Watches over the database: notices files that were taken away, tries again what failed, and opens
//! what was put in place of the files.
//!
//! A write that fails is noticed by itself, and so is a missing file before each commit; here the
//! files are looked at while nothing arrives, and a failed database is tried by itself, so that the
//! screen tells of the recovery when no message does. What is done by itself, and what is not:
//!
//! - Files that come back as they were go on being used.
//! - Another database at the same path is opened, also when it stands in a new folder.
//! - An empty folder on the same volume gets a fresh database. On another volume it does not: that is
//!   what stays when a disk is taken away.
//! - A database that is gone from a folder with other files in it is not replaced by an empty one: it
//!   is to be put back, or restored from a backup.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::watch::{EVERY, back_off};
use super::{Engine, Inner, first_environment, lock_again};
use crate::clock::Clock;
use crate::db::{Cause, DbError, Lost};
use crate::endpoint;

/// What a trial writes: as much as a few messages, because a full disk may have room for one page.
const TRIAL_BYTES: usize = 256 * 1024;
/// The setting it is written as.
const TRIAL: &str = "storage_trial";
/// Between two looks through a damaged file, once the first ones did not help.
const LOOK_THROUGH: Duration = Duration::from_secs(300);

/// Watches over the database until it is aborted or the engine is gone.
pub(super) async fn over(weak: Weak<Inner>, clock: Arc<dyn Clock>) {
    let mut tries = 0;
    loop {
        let Some(engine) = weak.upgrade().map(|inner| Engine { inner }) else { return };
        let mut watched = engine.db().problem();
        let problem = watched.borrow_and_update().clone();
        drop(engine);
        match problem {
            None => {
                tries = 0;
                tokio::select! {
                    changed = watched.changed() => if changed.is_err() { return },
                    () = clock.pause(EVERY) => {
                        let Some(inner) = weak.upgrade() else { return };
                        let _noted = inner.db.lost();
                    }
                }
            }
            Some(problem) => {
                let damaged = problem.cause == Cause::Damaged && tries > 4;
                clock.pause(if damaged { LOOK_THROUGH } else { back_off(tries) }).await;
                tries += 1;
                let Some(inner) = weak.upgrade() else { return };
                Engine { inner }.try_storage(problem.cause).await;
            }
        }
    }
}

impl Engine {
    async fn try_storage(&self, cause: Cause) {
        let Ok(_one_at_a_time) = self.inner.replacing.try_lock() else { return };
        let db = self.db();
        match db.lost() {
            Err(_) => {}
            Ok(None) => {
                if cause == Cause::Damaged {
                    let whole = db.check(false, Arc::new(AtomicBool::new(false))).await;
                    if !whole.is_ok_and(|found| found.is_empty()) {
                        return;
                    }
                    db.mend();
                }
                if !self.directory().is_of(db.number())
                    && let Err(error) = self.look_around().await
                {
                    return db.failed(&error);
                }
                if self.trial().await.is_ok() {
                    db.mend();
                }
            }
            Ok(Some(lost @ (Lost::Replaced | Lost::Log))) => self.open_what_is_there(lost).await,
            Ok(Some(lost @ (Lost::Folder | Lost::Database))) => {
                if db.folder_is_empty().unwrap_or(false) {
                    self.open_what_is_there(lost).await;
                }
            }
        }
    }

    /// Writes something of some size and takes it away again.
    async fn trial(&self) -> Result<(), sqlx::Error> {
        let db = self.db();
        db.write(async |tx| endpoint::put_setting(tx, TRIAL, &" ".repeat(TRIAL_BYTES)).await)
            .await?;
        db.write(async |tx| endpoint::put_setting(tx, TRIAL, "").await).await
    }

    /// Opens the database that is at the path now, a fresh one where there is none.
    async fn open_what_is_there(&self, lost: Lost) {
        let db = self.db();
        if let Err(error) = lock_again(&self.inner.lock, self.data_dir()) {
            return db.failed(&sqlx::Error::Protocol(error.to_string()));
        }
        let fresh = matches!(lost, Lost::Folder | Lost::Database);
        let opened = db.replace(fresh, || Ok(())).await;
        if let Err(DbError::Newer { .. } | DbError::Open { .. } | DbError::Migrate { .. }) = opened
        {
            return;
        }
        if let Err(error) = self.look_around().await {
            return db.failed(&error);
        }
        db.remark(
            match lost {
                Lost::Folder | Lost::Database => {
                    "While Usher ran, its data folder was taken away and an empty one was put in its place. Usher started anew in it: endpoints, messages and contacts of before are in the folder that was taken away."
                }
                Lost::Replaced => {
                    "While Usher ran, another database was put in its data folder. Usher works with that one now."
                }
                Lost::Log => {
                    "While Usher ran, a file of its database was taken away. Usher opened the database again; the newest messages may be missing."
                }
            }
            .to_owned(),
        );
        db.mend();
    }

    /// Reads anew what the engine keeps of the database.
    pub(super) async fn look_around(&self) -> Result<(), sqlx::Error> {
        first_environment(self.db(), self.now()).await?;
        self.reload_directory().await
    }
}
