//! Real faults for a process under test: sockets that are lost, files that run out, a volume that
//! fills up. Nothing in the engine knows of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::net::Shutdown;
use rustix::process::{
    Pid, PidfdFlags, PidfdGetfdFlags, Resource, Rlimit, pidfd_getfd, pidfd_open, prlimit,
};
use tempfile::TempDir;

/// Ends every socket with which this process listens on `port`: what the kernel does to a socket
/// whose network went away while the machine slept.
///
/// # Panics
/// When there is none.
pub fn lose_port(process: u32, port: u16) {
    let address = format!(":{port:04X}");
    let inodes = ["/proc/net/tcp", "/proc/net/tcp6"].iter().flat_map(|table| {
        let table = fs::read_to_string(table).unwrap_or_default();
        let listening = |line: &str| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let listens = columns.get(1)?.ends_with(&address) && *columns.get(3)? == "0A";
            listens.then(|| columns[9].to_owned())
        };
        table.lines().filter_map(listening).collect::<Vec<_>>()
    });
    assert!(shut(process, &inodes.collect()) > 0, "nothing listens on {port}");
}

/// The inodes of the sockets in the file system with which this process listens under such a path.
pub fn local_listeners(process: u32, path: &str) -> BTreeSet<String> {
    const ACCEPTS: &str = "00010000";
    let mine: BTreeSet<String> = sockets(process).into_iter().map(|(_, inode)| inode).collect();
    let table = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let listening = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let listens = *columns.get(3)? == ACCEPTS && columns.get(7)?.contains(path);
        listens.then(|| columns[6].to_owned()).filter(|inode| mine.contains(inode))
    };
    table.lines().filter_map(listening).collect()
}

/// Ends these sockets of the process for everybody; returns how many.
pub fn shut(process: u32, inodes: &BTreeSet<String>) -> usize {
    let pid = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    let pid = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    let ours = sockets(process).into_iter().filter(|(_, inode)| inodes.contains(inode));
    ours.map(|(number, _)| {
        let socket = pidfd_getfd(&pid, number, PidfdGetfdFlags::empty()).unwrap();
        rustix::net::shutdown(&socket, Shutdown::Both).unwrap();
    })
    .count()
}

fn sockets(process: u32) -> Vec<(i32, String)> {
    let files = fs::read_dir(format!("/proc/{process}/fd")).unwrap().flatten();
    files
        .filter_map(|file| {
            let link = fs::read_link(file.path()).ok()?;
            let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned();
            Some((file.file_name().to_str()?.parse().ok()?, inode))
        })
        .collect()
}

/// Lets the process open no more files than `limit`, until it raises that by itself.
pub fn limit_files(process: u32, limit: u64) {
    let pid = Pid::from_raw(i32::try_from(process).unwrap());
    let now = prlimit(pid, Resource::Nofile, Rlimit { current: Some(limit), maximum: Some(4096) });
    now.unwrap();
}

/// A volume of a few megabytes in memory, unmounted when it is dropped.
pub struct Volume {
    folder: TempDir,
}

impl Volume {
    /// A volume of `megabytes`, or why there can be none: mounting needs the rights of root.
    pub fn of(megabytes: u32) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m,mode=700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "usher-test"]).arg(folder.path());
        let mounted = mount.output().map_err(|error| error.to_string())?;
        if mounted.status.success() {
            Ok(Self { folder })
        } else {
            Err(String::from_utf8_lossy(&mounted.stderr).trim().to_owned())
        }
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves no room on it; what took the room is in the file returned.
    pub fn fill(&self) -> PathBuf {
        use std::io::Write as _;
        let file = self.path().join("filler");
        let mut filler = fs::File::create(&file).unwrap();
        for size in [64 * 1024, 4096, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
        file
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}
