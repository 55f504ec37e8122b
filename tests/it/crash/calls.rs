//! Death within a given call on the database files: during a commit, a rebuild, the first opening, a
//! backup.
//!
//! `shim/power.c` counts the calls and ends the program in one of them, a write half done. So every
//! place of a commit, of a checkpoint and of a migration has its turn, which a kill from outside would
//! hardly ever meet. The long tests here and those in the files beside make 200 rounds of kills.

use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use kit::app::{NOON, user};
use kit::power::{Death, Power, Syncs, dying};
use kit::rounds::Dice;

use super::*;

/// The tables that a rebuild computes.
const AUDIENCE: [&str; 5] =
    ["clerk_user", "waitlist_entry", "seen_email", "contact", "contact_list"];
const KILLED: Option<i32> = Some(9);

/// Runs a command that dies within one of its `calls`; every other time the power fails with it. The run
/// that was counted may have found a quiet moment to index words in, so that another one is over before.
fn die_within(dice: &mut Dice, folder: &Path, calls: u64, words: &[&str]) {
    let machine = Power::on(folder);
    let call = dice.random_range(1..=calls);
    let ran = Death::Within(call).of(machine.usher(Syncs::Full)).run(words);
    let over = ran.code == 0 && call > calls / 4;
    assert!(ran.code == -1 || over, "{ran:?}");
    if dice.random() {
        machine.cut();
    }
}

/// A death of a listener that has some messages: anywhere in a commit or checkpoint, or when all is
/// written and nothing answered.
pub fn within_a_commit(dice: &mut Dice) -> Death {
    if dice.random() {
        Death::Within(dice.random_range(10..2_000))
    } else {
        Death::AfterSync(dice.random_range(5..40))
    }
}

fn kills_within_a_commit(count: u64) {
    let (template, mut all) = (Folder::new(), Left::default());
    rounds(count, |seed, mut dice| {
        let folder = template.copy();
        let listening = dying(folder.path(), within_a_commit(&mut dice)).listen(&[]);
        let load = Load::start(&folder.url(&listening), 24, seed);
        let account = load.end();
        assert_eq!(listening.ended().signal(), KILLED);
        all.add(examine(&folder, &account));
    });
    all.say("killed within a commit or checkpoint");
}

#[test]
fn killed_within_a_commit_it_has_what_it_acknowledged_once() {
    kills_within_a_commit(3);
}

#[test]
#[ignore = "long"]
fn killed_within_fifty_commits_it_has_what_it_acknowledged_once() {
    kills_within_a_commit(50);
}

fn kills_during_the_first_opening(count: u64) {
    let open = ["endpoints", "list"];
    let fresh = tempfile::tempdir().unwrap();
    let machine = Power::on(fresh.path());
    machine.usher(Syncs::Full).json(&open);
    let calls = machine.calls();
    rounds(count, |_, mut dice| {
        let dir = tempfile::tempdir().unwrap();
        die_within(&mut dice, dir.path(), calls, &open);
        assert_usable(&Folder::on(dir));
    });
    eprintln!("killed during the first opening: {count} rounds over {calls} places");
}

/// A new folder in which messages are received.
fn assert_usable(folder: &Folder) {
    let environments = "select count(*) from environment";
    let listening = folder.usher().listen(&[]);
    let body = user("user.created", "user_1", Some("maya@example.com"), "Maya", NOON);
    let messages = BTreeMap::from([("msg_1".to_owned(), body.to_string().into_bytes())]);
    let replies = send_again(&folder.url(&listening), &messages);
    assert_eq!(replies["msg_1"].brief(), "200 processed", "{replies:?}");
    assert_eq!(file::number(&folder.file(), environments), 1);
    file::assert_sound(&folder.file());
    assert_eq!(folder.usher().json(&["contacts", "list"]).len(), 1);
}

#[test]
fn killed_during_the_first_opening_the_folder_is_usable() {
    kills_during_the_first_opening(6);
}

#[test]
#[ignore = "long"]
fn killed_fifty_times_during_the_first_opening_the_folder_is_usable() {
    kills_during_the_first_opening(50);
}

/// A folder with an audience of at least so many messages.
fn with_an_audience(messages: usize) -> Folder {
    let folder = Folder::new();
    let listening = folder.usher().listen(&[]);
    let load = Load::start(&folder.url(&listening), 8, 0);
    load.until(messages);
    listening.kill();
    load.end();
    folder.usher().json(&["endpoints", "list"]);
    folder
}

/// Kills `usher rebuild`, which alone has the folder, on an audience that was made wrong before.
fn kills_during_a_rebuild(count: u64, messages: usize) {
    let template = with_an_audience(messages);
    file::change(
        &template.file(),
        "update contact set first_name = 'Nobody' where id % 3 = 0;
         delete from contact where id % 5 = 0;
         delete from seen_email;",
    );
    let before = file::dump(&template.file(), &AUDIENCE);
    let whole = template.copy();
    let machine = Power::on(whole.path());
    machine.usher(Syncs::Full).json(&["rebuild"]);
    let (calls, after) = (machine.calls(), file::dump(&whole.file(), &AUDIENCE));
    assert_ne!(before, after);
    let mut unchanged = 0;
    rounds(count, |_, mut dice| {
        let folder = template.copy();
        die_within(&mut dice, folder.path(), calls, &["rebuild"]);
        folder.usher().json(&["endpoints", "list"]);
        file::assert_sound(&folder.file());
        let found = file::dump(&folder.file(), &AUDIENCE);
        assert!(found == before || found == after, "an audience in between");
        unchanged += i32::from(found == before);
        folder.usher().json(&["rebuild"]);
        let rebuilt = file::dump(&folder.file(), &AUDIENCE);
        assert!(rebuilt == after, "a rebuild after the kill gives another audience");
        assert_eq!(folder.usher().json(&["rebuild"])[0]["changed"], 0);
    });
    eprintln!("killed during a rebuild of {calls} calls: {count} rounds, {unchanged} as before");
}

/// Kills a listener that rebuilds again and again while messages arrive.
fn kills_during_rebuilds_under_load(count: u64) {
    let (template, mut all, mut rebuilds) = (Folder::new(), Left::default(), 0);
    rounds(count, |seed, mut dice| {
        let folder = template.copy();
        let death = Death::Within(dice.random_range(500..4_000));
        let listening = dying(folder.path(), death).listen(&[]);
        let load = Load::start(&folder.url(&listening), 8, seed);
        let dead = AtomicBool::new(false);
        let account = thread::scope(|scope| {
            scope.spawn(|| {
                while !dead.load(Ordering::SeqCst) && folder.usher().run(&["rebuild"]).code == 0 {
                    rebuilds += 1;
                }
            });
            let account = load.end();
            dead.store(true, Ordering::SeqCst);
            account
        });
        assert_eq!(listening.ended().signal(), KILLED);
        all.add(examine(&folder, &account));
    });
    all.say(&format!("killed during one of {rebuilds} rebuilds under load"));
}

#[test]
fn killed_during_a_rebuild_the_audience_is_as_before_or_after() {
    kills_during_a_rebuild(3, 500);
}

#[test]
fn killed_during_rebuilds_under_load_it_has_what_it_acknowledged_once() {
    kills_during_rebuilds_under_load(1);
}

#[test]
#[ignore = "long"]
fn killed_during_a_rebuild_twenty_five_times_the_audience_is_as_before_or_after() {
    kills_during_a_rebuild(25, 2_000);
}

#[test]
#[ignore = "long"]
fn killed_during_rebuilds_under_load_twenty_five_times_it_has_what_it_acknowledged_once() {
    kills_during_rebuilds_under_load(25);
}

/// Kills `usher backup`, which alone has the folder.
fn kills_during_a_backup(count: u64) {
    let template = Folder::new();
    let whole = template.copy();
    let machine = Power::on(whole.path());
    let name = |folder: &Folder| folder.path().join("copy.db").to_str().unwrap().to_owned();
    machine.usher(Syncs::Full).json(&["backup", &name(&whole)]);
    let calls = machine.calls();
    rounds(count, |_, mut dice| {
        let folder = template.copy();
        let words = ["backup", &name(&folder)];
        die_within(&mut dice, folder.path(), calls, &words);
        let copy = Path::new(words[1]);
        if !copy.exists() {
            folder.usher().json(&words);
        }
        assert_is_a_copy(&folder, copy);
    });
}

fn assert_is_a_copy(folder: &Folder, copy: &Path) {
    file::assert_sound(copy);
    let tables = ["environment", "endpoint", "endpoint_settings"];
    assert_eq!(file::dump(copy, &tables), file::dump(&folder.file(), &tables));
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<_> = names.filter(|name| name.to_string_lossy().contains("copy")).collect();
    assert_eq!(names, ["copy.db"]);
}

#[test]
fn killed_during_a_backup_its_name_is_free_or_a_whole_copy() {
    kills_during_a_backup(8);
}

#[test]
fn a_backup_outlives_a_power_cut_that_follows() {
    let folder = Folder::new();
    let machine = Power::on(folder.path());
    let copy = folder.path().join("copy.db");
    machine.usher(Syncs::Full).json(&["backup", copy.to_str().unwrap()]);
    machine.cut();
    folder.usher().json(&["endpoints", "list"]);
    assert_is_a_copy(&folder, &copy);
}
