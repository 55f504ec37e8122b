//! Power cuts: what a folder holds after one, made from the account that `shim/power.c` keeps.
//!
//! The program under test is killed, and then every database file of its folder is put back to its
//! last sync. What was in the folder when the account began counts as synced.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::bin::Usher;
use crate::shim::shim;

/// A machine that can lose power, for the programs that work with one folder.
#[derive(Debug)]
pub struct Power {
    folder: PathBuf,
    desk: TempDir,
    disk: Disk,
}

/// Which of SQLite's syncs the disk honours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syncs {
    /// All of them.
    Full,
    /// Those of `synchronous=NORMAL`: none at a commit.
    Normal,
}

impl Power {
    /// For the folder as it stands; its files are on the disk.
    ///
    /// # Panics
    /// When `folder` is not there.
    pub fn on(folder: &Path) -> Self {
        let folder = folder.canonicalize().unwrap();
        let mut disk = Disk::default();
        for (name, path) in databases(&folder) {
            let inode = path.metadata().unwrap().ino();
            disk.files.insert(name, Kept { inode, bytes: fs::read(path).unwrap() });
        }
        Self { folder, desk: tempfile::tempdir().unwrap(), disk }
    }

    /// The program, on this machine.
    pub fn usher(&self, syncs: Syncs) -> Usher {
        let usher = Usher::new(&self.folder)
            .with("LD_PRELOAD", shim("power"))
            .with("POWER_FOLDER", &self.folder)
            .with("POWER_LOG", self.log());
        if syncs == Syncs::Normal { usher.with("POWER_NORMAL", "1") } else { usher }
    }

    /// Calls on database files so far: writes, truncations, syncs, removals.
    pub fn calls(&self) -> u64 {
        records(&self.account()).count() as u64
    }

    /// The power fails: puts the folder back to its last syncs. The program must be dead.
    ///
    /// # Panics
    /// When a file cannot be written.
    pub fn cut(mut self) {
        let account = self.account();
        for record in records(&account) {
            self.disk.take(&record);
        }
        for (_, path) in databases(&self.folder) {
            fs::remove_file(path).unwrap();
        }
        for (name, kept) in self.disk.files {
            fs::write(self.folder.join(name), kept.bytes).unwrap();
        }
    }

    fn log(&self) -> PathBuf {
        self.desk.path().join("log")
    }

    fn account(&self) -> Vec<u8> {
        fs::read(self.log()).unwrap_or_default()
    }
}

/// Where the program dies by itself, as by `kill -9`.
#[derive(Debug, Clone, Copy)]
pub enum Death {
    /// Within this call on its database files, from 1.
    Within(u64),
    /// After this sync of them, from 1, before it knows.
    AfterSync(u64),
}

impl Death {
    /// The program with this end.
    pub fn of(self, usher: Usher) -> Usher {
        match self {
            Self::Within(call) => usher.with("POWER_CUT", call.to_string()),
            Self::AfterSync(sync) => usher.with("POWER_SYNCED", sync.to_string()),
        }
    }
}

/// The program, for a folder, with this end. The power stays on.
///
/// # Panics
/// When `folder` is not there.
pub fn dying(folder: &Path, death: Death) -> Usher {
    let folder = folder.canonicalize().unwrap();
    let usher = Usher::new(&folder).with("LD_PRELOAD", shim("power")).with("POWER_FOLDER", &folder);
    death.of(usher)
}

#[derive(Debug, Default)]
struct Disk {
    files: BTreeMap<String, Kept>,
    renamed: Vec<(String, Option<String>)>,
}

#[derive(Debug, Default)]
struct Kept {
    inode: u64,
    bytes: Vec<u8>,
}

struct Record<'a> {
    kind: &'a str,
    inode: u64,
    size: usize,
    from: usize,
    bytes: &'a [u8],
    name: &'a str,
}

impl Disk {
    fn take(&mut self, record: &Record<'_>) {
        let name = record.name.to_owned();
        match record.kind {
            "S" => {
                let other = self.renamed.iter().position(|(from, _)| *from == name);
                let kept = self.files.entry(name).or_default();
                if other.is_some() || kept.inode != record.inode {
                    *kept = Kept { inode: record.inode, bytes: Vec::new() };
                }
                other.map(|at| self.renamed.remove(at));
                kept.bytes.resize(record.size, 0);
                kept.bytes[record.from..][..record.bytes.len()].copy_from_slice(record.bytes);
            }
            "U" => self.renamed.push((name, None)),
            "R" => {
                let (from, to) = name.split_once('\t').unwrap();
                self.renamed.push((from.to_owned(), Some(to.to_owned())));
            }
            "D" => {
                for (from, to) in self.renamed.drain(..) {
                    let kept = self.files.remove(&from);
                    if let (Some(to), Some(kept)) = (to, kept) {
                        self.files.insert(to, kept);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The whole records of an account; the last one may be torn by the kill.
fn records(account: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = account;
    std::iter::from_fn(move || {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&rest[..end]).unwrap();
        let [kind, inode, size, from, length, name] =
            line.splitn(6, ' ').collect::<Vec<_>>().try_into().unwrap();
        let number = |word: &str| word.parse::<usize>().unwrap();
        let length = if kind == "S" { number(length) } else { 0 };
        let bytes = rest[end + 1..].get(..length)?;
        rest = &rest[end + 1 + length..];
        let inode = number(inode) as u64;
        Some(Record { kind, inode, size: number(size), from: number(from), bytes, name })
    })
}

/// The database files of a folder, as the shim knows them, and the shared memory beside them.
fn databases(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = entries.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path));
    named.filter(|(name, path)| name.contains(".db") && path.is_file()).collect()
}
