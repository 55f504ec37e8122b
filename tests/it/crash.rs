//! What a crash leaves: `kill -9` at any moment loses nothing acknowledged and doubles nothing.
//!
//! The real `usher` runs as a child under the load of [`kit::load`] and dies at a place that a seed
//! draws: after so many acknowledgements and a moment more, or within a given call on its database
//! files. Then the same folder is opened again and examined. Deliberately absent: timed waits.

#[cfg(target_os = "linux")]
mod calls;
mod copies;
#[cfg(target_os = "linux")]
mod power;

use std::collections::BTreeMap;
use std::fs;
use std::hint::spin_loop;
use std::path::{Path, PathBuf};

use kit::app::SECRET;
use kit::bin::{Listening, Usher};
use kit::file;
use kit::load::{Account, Load, send_again};
use kit::rounds::rounds;
use rand::RngExt as _;
use tempfile::TempDir;

/// A data folder with one endpoint.
struct Folder {
    dir: TempDir,
    /// `/in/<token>`.
    path: String,
}

impl Folder {
    fn new() -> Self {
        Self::on(tempfile::tempdir().unwrap())
    }

    /// The same in a folder that is there.
    fn on(dir: TempDir) -> Self {
        let words = ["endpoints", "add", "--name", "Local", "--secret", SECRET];
        let made = Usher::new(dir.path()).json(&words);
        Self { path: made[0]["path"].as_str().unwrap().to_owned(), dir }
    }

    /// Another folder that holds the same. Nobody works with this one.
    fn copy(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["usher.db", "usher.db-wal", "secrets.json"] {
            let from = self.dir.path().join(name);
            if from.is_file() {
                fs::copy(from, dir.path().join(name)).unwrap();
            }
        }
        Self { dir, path: self.path.clone() }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn file(&self) -> PathBuf {
        self.path().join("usher.db")
    }

    fn usher(&self) -> Usher {
        Usher::new(self.path())
    }

    /// The URL of the endpoint at a listener.
    fn url(&self, listening: &Listening) -> String {
        format!("{}{}", listening.url(), self.path)
    }
}

/// How often each accepted message is in a file.
fn accepted(file: &Path) -> BTreeMap<String, i64> {
    let query = "select svix_id, count(*) from message where accepted = 1 group by svix_id";
    file::rows(file, query).into_iter().collect()
}

/// What a crash did.
#[derive(Debug, Default)]
struct Left {
    rounds: usize,
    acknowledged: usize,
    missing: Vec<String>,
    doubled: Vec<String>,
    unacknowledged: usize,
}

impl Left {
    fn add(&mut self, other: Self) {
        self.rounds += other.rounds;
        self.acknowledged += other.acknowledged;
        self.missing.extend(other.missing);
        self.doubled.extend(other.doubled);
        self.unacknowledged += other.unacknowledged;
    }

    fn say(&self, what: &str) {
        let Self { rounds, acknowledged, unacknowledged, .. } = self;
        let (missing, doubled) = (self.missing.len(), self.doubled.len());
        eprintln!(
            "{what}: {rounds} rounds, {acknowledged} acknowledged, {missing} missing, {doubled} doubled, \
             {unacknowledged} stored but not acknowledged"
        );
    }
}

/// Opens the folder again and fails when anything acknowledged is missing, anything is there twice, or
/// the folder is not in order.
fn examine(folder: &Folder, account: &Account) -> Left {
    let (listening, left) = reopen(folder, account);
    assert!(left.missing.is_empty(), "acknowledged and missing: {:?}", left.missing);
    assert!(left.doubled.is_empty(), "stored twice: {:?}", left.doubled);
    assert_in_order(folder, account, listening);
    left
}

/// Opens the folder again and compares it with the account.
fn reopen(folder: &Folder, account: &Account) -> (Listening, Left) {
    let listening = folder.usher().listen(&[]);
    let kept = accepted(&folder.file());
    let Account { sent, acknowledged, .. } = account;
    let unknown: Vec<_> = kept.keys().filter(|id| !sent.contains_key(*id)).collect();
    assert!(unknown.is_empty(), "stored and never sent: {unknown:?}");
    let left = Left {
        rounds: 1,
        acknowledged: acknowledged.len(),
        missing: acknowledged.iter().filter(|id| !kept.contains_key(*id)).cloned().collect(),
        doubled: kept.iter().filter(|(_, count)| **count > 1).map(|(id, _)| id.clone()).collect(),
        unacknowledged: kept.keys().filter(|id| !acknowledged.contains(*id)).count(),
    };
    (listening, left)
}

/// Whatever was lost: the file is sound, the audience is that of the messages, and everything that is
/// sent again is known as far as it is there, and is there exactly once in the end.
fn assert_in_order(folder: &Folder, account: &Account, listening: Listening) {
    let db = folder.file();
    let kept = accepted(&db);
    file::assert_sound(&db);
    assert_eq!(folder.usher().json(&["rebuild"])[0]["changed"], 0, "another audience");
    for (id, reply) in send_again(&folder.url(&listening), &account.sent) {
        assert_eq!(reply.status, 200, "{id} again: {reply:?}");
        let known = reply.field("reason") == "same_id";
        assert_eq!(known, kept.contains_key(&id), "{id} again: {reply:?}");
    }
    let once = account.sent.keys().map(|id| (id.clone(), 1)).collect();
    assert_eq!(accepted(&db), once, "everything sent again is there once");
    for (what, query) in [
        (
            "messages without their body",
            "select count(*) from message where id not in (select message_id from message_body)",
        ),
        (
            "events told twice",
            "select count(*) from (select 1 from event group by message_id, name_id having count(*) > 1)",
        ),
        (
            "events counted wrongly",
            "select count(*) from event_name n
             where count <> (select count(*) from event where name_id = n.id)",
        ),
    ] {
        assert_eq!(file::number(&db, query), 0, "{what}");
    }
    assert_eq!(folder.usher().json(&["rebuild"])[0]["changed"], 0, "another audience");
    assert_eq!(listening.signal("TERM"), Some(0));
}

/// Kills a listener under load after a number of acknowledgements and a moment more.
fn kills_under_load(count: u64) {
    let (template, mut all) = (Folder::new(), Left::default());
    rounds(count, |seed, mut dice| {
        let folder = template.copy();
        let listening = folder.usher().listen(&[]);
        let load = Load::start(&folder.url(&listening), dice.random_range(1..24), seed);
        load.until(dice.random_range(1..300));
        (0..dice.random_range(0..100_000)).for_each(|_| spin_loop());
        listening.kill();
        let account = load.end();
        let left = examine(&folder, &account);
        let refused = "select count(*) from message where accepted = 0";
        assert!(file::number(&folder.file(), refused) >= account.refused, "a refusal is missing");
        all.add(left);
    });
    all.say("killed under load");
}

#[test]
fn killed_under_load_it_has_what_it_acknowledged_once() {
    kills_under_load(3);
}

#[test]
#[ignore = "long"]
fn killed_fifty_times_under_load_it_has_what_it_acknowledged_once() {
    kills_under_load(50);
}
