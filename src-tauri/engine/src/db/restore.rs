//! Putting a backup in place of the database, in two steps: a copy that is checked and brought up to
//! date beside the database, and the change of places, which a crash cannot leave half done.
//!
//! The backup itself is only read. Deliberately absent: closing and opening the database (db.rs).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use sqlx::{Connection as _, SqliteConnection};

use super::{Identity, beside, check_conn, migrate, newest_schema, options, schema_of};

/// Why a file is not put in place of the database.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It cannot be read, or the data folder not be written to.
    #[error("{} could not be copied into the data folder: {source}.", .file.display())]
    Copy {
        /// The backup.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is the database itself.
    #[error("{} is the database in use, not a backup of it.", .0.display())]
    Same(PathBuf),
    /// It is something else.
    #[error("{} is not a database of Usher: {why}. Choose a file that `usher backup` wrote.", .file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
        /// How that shows.
        why: String,
    },
    /// Its pages are not what they should be.
    #[error("{} is damaged, so it was not taken: {found}. Choose another backup.", .file.display())]
    Damaged {
        /// The backup.
        file: PathBuf,
        /// The first thing SQLite finds.
        found: String,
    },
    /// Written by a newer Usher.
    #[error(
        "{} was written by a newer Usher (schema {found}, this one knows {known}). Update Usher first.",
        .file.display()
    )]
    Newer {
        /// The backup.
        file: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema this program knows.
        known: i64,
    },
}

/// Copies `from` to `usher.restoring.db` beside the database `file`, checks every page and index of
/// the copy, and brings its schema up to date.
///
/// # Errors
/// When it is not a whole database of this or an older Usher. Nothing is left behind then.
pub async fn prepare(from: &Path, file: &Path) -> Result<PathBuf, Unfit> {
    let copy_failed = |source| Unfit::Copy { file: from.to_owned(), source };
    let same = Identity::of(from).map_err(copy_failed)?;
    if same.is_some() && cfg!(unix) && same == Identity::of(file).map_err(copy_failed)? {
        return Err(Unfit::Same(from.to_owned()));
    }
    let ready = file.with_extension("restoring.db");
    discard(&ready);
    let done = async {
        let (source, target) = (from.to_owned(), ready.clone());
        let copied = tokio::task::spawn_blocking(move || copy(&source, &target)).await;
        copied.map_err(|error| copy_failed(io::Error::other(error)))?.map_err(copy_failed)?;
        make_fit(&ready, from).await
    }
    .await;
    if done.is_err() {
        discard(&ready);
    }
    done.map(|()| ready)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::copy(from, to)?;
    let log = beside(from, "-wal");
    if log.exists() {
        std::fs::copy(log, beside(to, "-wal"))?;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn discard(file: &Path) {
    for ending in ["", "-wal", "-shm", "-journal"] {
        let _ = std::fs::remove_file(beside(file, ending));
    }
}

async fn make_fit(ready: &Path, from: &Path) -> Result<(), Unfit> {
    let foreign = |why: String| Unfit::Foreign { file: from.to_owned(), why };
    let unread = |error: sqlx::Error| {
        let code = error.as_database_error().and_then(|error| error.code());
        if code.as_deref() == Some("11") {
            Unfit::Damaged { file: from.to_owned(), found: error.to_string() }
        } else {
            foreign(error.to_string())
        }
    };
    let options = options(ready);
    let mut conn = SqliteConnection::connect_with(&options).await.map_err(unread)?;
    let found = schema_of(&mut conn).await.map_err(unread)?;
    let known = newest_schema();
    if found == 0 {
        return Err(foreign("it has none of its tables".to_owned()));
    }
    if found > known {
        return Err(Unfit::Newer { file: from.to_owned(), found, known });
    }
    let damage = check_conn(&mut conn, true, Arc::new(AtomicBool::new(false))).await;
    let damage = damage.map_err(unread)?;
    if let Some(found) = damage.into_iter().next() {
        return Err(Unfit::Damaged { file: from.to_owned(), found });
    }
    migrate(&mut conn).await.map_err(|error| foreign(error.to_string()))?;
    conn.close().await.map_err(unread)
}

/// Puts `ready` in the place of the database `file`, which is closed, and keeps what was there, its
/// write-ahead log included, as `kept`.
///
/// At every moment there is a database at `file`, and what is kept is complete before anything is
/// taken away.
///
/// # Errors
/// When the system does not let it.
pub fn swap(ready: &Path, file: &Path, kept: &Path) -> io::Result<()> {
    std::fs::OpenOptions::new().write(true).open(ready)?.sync_all()?;
    for ending in ["", "-wal"] {
        let (old, new) = (beside(file, ending), beside(kept, ending));
        if old.exists() && std::fs::hard_link(&old, &new).is_err() {
            std::fs::copy(&old, &new)?;
        }
    }
    for ending in ["-wal", "-shm"] {
        match std::fs::remove_file(beside(file, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    std::fs::rename(ready, file)?;
    #[cfg(unix)]
    if let Some(folder) = file.parent() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}
