//! Why nothing can be stored, in words, and whether the files are still the ones that were opened.
//!
//! SQLite goes on writing into files that were moved or deleted, and would acknowledge into nothing;
//! so before each commit the files at their paths are compared with those that are open, by device
//! and inode. Windows does not let anybody take an open file away. Deliberately absent: repairing.

use std::io;
use std::path::{Path, PathBuf};

/// What stands in the way of storing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// No room on the disk.
    Full,
    /// Another program holds the lock.
    Busy,
    /// The file or the disk takes no writes.
    ReadOnly,
    /// A page of the file is not what it should be.
    Damaged,
    /// The disk does not answer.
    Disk,
    /// The files are gone, or are other ones.
    Lost(Lost),
    /// A backup is being put in place.
    Replacing,
    /// None of these.
    Other,
}

/// How the files at their paths differ from those that are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// There is no folder.
    #[error("the data folder is gone")]
    Folder,
    /// The folder has no database.
    #[error("the database is gone from the data folder")]
    Database,
    /// Another database is at the path.
    #[error("another database was put in the data folder")]
    Replaced,
    /// The database is there, its write-ahead log is another one or gone.
    #[error("a part of the database was taken out of the data folder")]
    Log,
}

/// A write that came while a backup was put in place.
#[derive(Debug, thiserror::Error)]
#[error("a backup is being put in place")]
pub struct Replacing;

impl From<Lost> for sqlx::Error {
    fn from(lost: Lost) -> Self {
        Self::Io(io::Error::new(io::ErrorKind::NotFound, lost))
    }
}

impl From<Replacing> for sqlx::Error {
    fn from(replacing: Replacing) -> Self {
        Self::Io(io::Error::new(io::ErrorKind::ResourceBusy, replacing))
    }
}

impl Cause {
    /// The cause of a failed write; `None` when the statement was at fault and not the storage, as
    /// with a broken constraint. The numbers are SQLite's primary result codes.
    pub fn of(error: &sqlx::Error) -> Option<Self> {
        if let sqlx::Error::Io(io) = error {
            let inner = io.get_ref();
            let lost = inner.and_then(|inner| inner.downcast_ref::<Lost>());
            return Some(match lost {
                Some(lost) => Self::Lost(*lost),
                None if inner.is_some_and(|inner| inner.is::<Replacing>()) => Self::Replacing,
                None => Self::Disk,
            });
        }
        let Some(database) = error.as_database_error() else {
            use sqlx::Error::{PoolClosed, PoolTimedOut, Protocol, WorkerCrashed};
            let silent = matches!(error, PoolClosed | PoolTimedOut | Protocol(_) | WorkerCrashed);
            return silent.then_some(Self::Other);
        };
        match database.code().and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff) {
            Some(13) => Some(Self::Full),
            Some(5 | 6) => Some(Self::Busy),
            Some(8) => Some(Self::ReadOnly),
            Some(11 | 26) => Some(Self::Damaged),
            Some(10 | 14) => Some(Self::Disk),
            Some(18..=20 | 25) => None,
            _ => Some(Self::Other),
        }
    }

    /// Whether the file or the disk is in the way, and not what was to be written.
    pub fn is_the_disk(error: &sqlx::Error) -> bool {
        matches!(error, sqlx::Error::WorkerCrashed | sqlx::Error::PoolClosed)
            || Self::of(error).is_some_and(|cause| cause != Self::Other)
    }

    /// In a few words, for the sender.
    pub fn words(self) -> &'static str {
        match self {
            Self::Full => "the disk is full",
            Self::Busy => "the database is in use by another program",
            Self::ReadOnly => "the database cannot be written to",
            Self::Damaged => "the database is damaged",
            Self::Disk => "the disk does not answer",
            Self::Lost(_) => "the database is not in its place",
            Self::Replacing => "a backup is being put in place",
            Self::Other => "the database does not answer",
        }
    }

    /// What happened and what to do, for the person at this machine.
    pub fn sentence(self, file: &Path, error: &sqlx::Error) -> String {
        let folder = file.parent().unwrap_or(file).display();
        let file = file.display();
        match self {
            Self::Full => format!(
                "The disk that holds {folder} is full, so nothing can be stored. Free some space on it."
            ),
            Self::Busy => format!(
                "Another program keeps {file} locked, so nothing can be stored. Close the program that has it open, such as a database browser or a backup."
            ),
            Self::ReadOnly => format!(
                "{file} cannot be written to, so nothing can be stored. Make the file and its disk writable again."
            ),
            Self::Damaged => format!(
                "{file} is damaged ({error}). See what is broken with `usher doctor --full`, and go back to a backup with `usher restore FILE`."
            ),
            Self::Disk => format!(
                "The disk that holds {folder} does not answer ({error}). Check that it is connected and healthy."
            ),
            Self::Lost(Lost::Folder) => format!(
                "The data folder {folder} is gone, so nothing can be stored. Put it back, or make an empty one to start anew."
            ),
            Self::Lost(Lost::Database) => format!(
                "{file} is gone, so nothing can be stored. Put it back, or go back to a backup with `usher restore FILE`."
            ),
            Self::Lost(lost @ (Lost::Replaced | Lost::Log)) => {
                format!("In {folder}, {lost}. Usher is opening what is there now.")
            }
            Self::Replacing => "A backup is being put in place of the database.".to_owned(),
            Self::Other => format!("The database {file} does not answer: {error}."),
        }
    }
}

/// A file or folder, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The volume it is on.
    pub device: u64,
    number: u64,
}

impl Identity {
    /// Of what is at `path`; `None` when nothing is there.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn of(path: &Path) -> io::Result<Option<Self>> {
        match std::fs::metadata(path) {
            Ok(meta) => Ok(Some(Self::from(&meta))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl From<&std::fs::Metadata> for Identity {
    #[cfg(unix)]
    fn from(meta: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self { device: meta.dev(), number: meta.ino() }
    }

    #[cfg(not(unix))]
    fn from(_: &std::fs::Metadata) -> Self {
        Self { device: 0, number: 0 }
    }
}

/// The files of an open database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The folder they are in.
    pub folder: Option<Identity>,
    database: Option<Identity>,
    log: Option<Identity>,
    index: Option<Identity>,
}

impl Files {
    /// Those at the path of the database `file` now.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn at(file: &Path) -> io::Result<Self> {
        Ok(Self {
            folder: Identity::of(file.parent().unwrap_or(file))?,
            database: Identity::of(file)?,
            log: Identity::of(&beside(file, "-wal"))?,
            index: Identity::of(&beside(file, "-shm"))?,
        })
    }

    /// How those at the path now differ from these, which are open.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn lost(&self, file: &Path) -> io::Result<Option<Lost>> {
        let database = Identity::of(file)?;
        if database.is_some() && database == self.database {
            let beside = |ending| Identity::of(&beside(file, ending));
            let whole = beside("-wal")? == self.log && beside("-shm")? == self.index;
            return Ok((!whole).then_some(Lost::Log));
        }
        Ok(Some(match (Identity::of(file.parent().unwrap_or(file))?, database) {
            (None, _) => Lost::Folder,
            (Some(_), None) => Lost::Database,
            (Some(_), Some(_)) => Lost::Replaced,
        }))
    }

    /// Renames the write-ahead log of these files when another database is at the path now: SQLite
    /// would write the pages of the one into the other.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn part_from_log(&self, file: &Path) -> io::Result<()> {
        let now = Self::at(file)?;
        if now.database == self.database {
            return Ok(());
        }
        if now.index.is_some() && now.index == self.index {
            std::fs::remove_file(beside(file, "-shm"))?;
        }
        let log = beside(file, "-wal");
        if now.log.is_none() || now.log != self.log {
            Ok(())
        } else if std::fs::metadata(&log)?.len() == 0 {
            std::fs::remove_file(log)
        } else {
            std::fs::rename(log, beside(file, "-wal.of-another-database"))
        }
    }
}

/// `usher.db` with `-wal`, for example.
pub fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
