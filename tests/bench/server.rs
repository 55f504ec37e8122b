//! The servers that are compared, each started on an empty folder of its own on the real disk.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use kit::process::Process;
use kit::shim::shim;
use kit::{built, root};
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;

use crate::proc;
use crate::traffic::{SECRET, Traffic};

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Contestant {
    /// `usher listen`: guard, verification, commit, projection into contacts.
    Usher,
    /// Bare axum with one commit for all that wait.
    Ceiling,
    /// Node with Express.
    Express,
    /// Node with Fastify.
    Fastify,
}

/// All of them, in the order of the tables.
pub const ALL: [Contestant; 4] =
    [Contestant::Usher, Contestant::Ceiling, Contestant::Express, Contestant::Fastify];

impl Contestant {
    /// As it is called in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Usher => "Usher",
            Self::Ceiling => "axum, bare",
            Self::Express => "Express",
            Self::Fastify => "Fastify",
        }
    }
}

/// The disk under the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// As it is.
    Real,
    /// One whose flush takes so many milliseconds.
    Slow(u32),
}

/// A running server.
pub struct Server {
    process: Process,
    /// Where it listens.
    pub address: SocketAddr,
    /// What is sent to it.
    pub traffic: Arc<Traffic>,
    /// Its data.
    pub data: PathBuf,
    home: TempDir,
    empty_bytes: u64,
}

impl Server {
    /// Starts one. Each block of the traffic is about `people` people.
    pub fn start(who: Contestant, disk: Disk, people: u64) -> Self {
        let home = home();
        let data = home.path().join("data");
        fs::create_dir(&data).unwrap();
        let path = match who {
            Contestant::Usher => add_endpoint(&data),
            _ => "/in/bench".to_owned(),
        };
        let mut command = match who {
            Contestant::Usher => {
                let mut command = usher(&data);
                command.args(["listen", "--port", "0"]);
                command
            }
            Contestant::Ceiling => {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.arg("--ceiling").arg(&data);
                command
            }
            Contestant::Express => node("express.js", &data),
            Contestant::Fastify => node("fastify.js", &data),
        };
        command.env_remove("RUST_LOG").env_remove("DBUS_SESSION_BUS_ADDRESS");
        if let Disk::Slow(ms) = disk {
            command.env("LD_PRELOAD", shim("slow"));
            command.env("SLOW_FSYNC_US", (ms * 1000).to_string());
        }
        let log = home.path().join("log");
        let process = Process::start(&mut command, &log);
        let address = ready(who.name(), &log);
        let traffic = Arc::new(Traffic::new(&path, people));
        let empty_bytes = proc::folder_bytes(&data);
        Self { process, address, traffic, data, home, empty_bytes }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The size of the write-ahead log, bytes.
    pub fn wal_bytes(&self) -> u64 {
        let names = ["messages.db-wal", "usher.db-wal"];
        names.iter().map(|name| proc::file_bytes(&self.data.join(name))).sum()
    }

    /// Ends it, moves what is left in the write-ahead log into the file, and gives the bytes that
    /// the messages took, and the folder.
    pub fn stop(self) -> (u64, TempDir) {
        drop(self.process);
        checkpoint(&self.data);
        let bytes = proc::folder_bytes(&self.data).saturating_sub(self.empty_bytes);
        (bytes, self.home)
    }
}

/// Where the bench keeps its things: `target/bench`.
pub fn folder() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let folder = exe.ancestors().nth(3).unwrap().join("bench");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// An empty folder on the disk of the target folder.
pub fn home() -> TempDir {
    let parent = folder().join("data");
    fs::create_dir_all(&parent).unwrap();
    tempfile::tempdir_in(parent).unwrap()
}

/// The command line for a data folder.
pub fn usher(data: &Path) -> Command {
    let mut command = Command::new(built("usher"));
    command.args(["--keychain", "file", "--json", "--data-dir"]).arg(data);
    command
}

/// Makes the endpoint of the bench and gives its path.
pub fn add_endpoint(data: &Path) -> String {
    let words = ["endpoints", "add", "--name", "Bench", "--secret", SECRET];
    let made = objects(usher(data).args(words));
    made[0]["path"].as_str().unwrap().to_owned()
}

/// What a command printed as JSON, one object a line.
pub fn objects(command: &mut Command) -> Vec<Value> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Installs the rivals with npm, exactly those of the lock file.
pub fn install() {
    let (from, there) = (root().join("tests/bench"), folder().join("rivals"));
    fs::create_dir_all(&there).unwrap();
    for name in ["package.json", "express.js", "fastify.js"] {
        fs::copy(from.join("rivals").join(name), there.join(name)).unwrap();
    }
    let (lock, installed) =
        (from.join("rivals/package-lock.json"), there.join("package-lock.json"));
    let same = fs::read(&lock).unwrap() == fs::read(&installed).unwrap_or_default();
    if !same || !there.join("node_modules/.package-lock.json").is_file() {
        println!("Installing Express, Fastify, svix and better-sqlite3 into {}.", there.display());
        fs::copy(&lock, &installed).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--prefix"]).arg(&there).current_dir(&there);
        let status = npm.status().unwrap_or_else(|error| panic!("{npm:?}: {error}"));
        assert!(
            status.success(),
            "{npm:?} failed ({status}). better-sqlite3 needs a C++ compiler, make and Python where \
             no built one can be fetched."
        );
    }
}

/// The tables and indexes that take most, with their bytes.
pub fn largest(data: &Path) -> Vec<(String, i64)> {
    let query = "select name, sum(pgsize) from dbstat where aggregate = true
                 group by name order by 2 desc limit 10";
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let path = data.join("usher.db");
        let mut db = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
        let found = sqlx::query_as(query).fetch_all(&mut db).await.unwrap();
        db.close().await.unwrap();
        found
    })
}

/// How many refused messages are in the file.
pub fn refused_rows(data: &Path) -> i64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let path = data.join("usher.db");
        let mut db = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
        let query = "select count(*) from message where accepted = 0";
        let found = sqlx::query_scalar(query).fetch_one(&mut db).await.unwrap();
        db.close().await.unwrap();
        found
    })
}

fn node(script: &str, data: &Path) -> Command {
    let mut command = Command::new("node");
    command.env("NODE_ENV", "production").arg(folder().join("rivals").join(script));
    command.arg(data).arg(SECRET);
    command
}

fn ready(name: &str, log: &Path) -> SocketAddr {
    let begun = Instant::now();
    loop {
        let text = fs::read_to_string(log).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        if let Some(line) = lines.into_iter().find(|line| line["type"] == "ready") {
            let url = line["url"].as_str().unwrap();
            return url.trim_start_matches("http://").parse().unwrap();
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{name} did not start: {text}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn checkpoint(data: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for name in ["messages.db", "usher.db"] {
        let path = data.join(name);
        if path.is_file() {
            runtime.block_on(async {
                let mut db = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
                sqlx::query("pragma wal_checkpoint(truncate)").execute(&mut db).await.unwrap();
                db.close().await.unwrap();
            });
        }
    }
}
