//! Power cuts: with `synchronous=FULL` nothing acknowledged is missing, with NORMAL something is.
//!
//! `kill -9` proves nothing about syncs, since what a dead program wrote is still in the system's
//! memory. So `shim/power.c` takes down what each sync makes durable, and after the kill the database
//! files are put back to their last sync. The control runs the same engine on a disk that leaves out
//! exactly those syncs that SQLite leaves out under NORMAL: of the write-ahead log, at a commit. It has
//! to lose something, or this test could not fail. Deliberately absent: a switch for it in the engine.

use kit::power::{Power, Syncs};
use kit::rounds::Dice;

use super::calls::within_a_commit;
use super::*;

/// Runs a listener until the power fails under load, and leaves what the disk has.
fn cut_under_load(
    template: &Folder,
    syncs: Syncs,
    seed: u64,
    dice: &mut Dice,
) -> (Folder, Account) {
    let folder = template.copy();
    let machine = Power::on(folder.path());
    let by_itself = syncs == Syncs::Full && dice.random();
    let usher = machine.usher(syncs);
    let usher = if by_itself { within_a_commit(dice).of(usher) } else { usher };
    let listening = usher.listen(&[]);
    let load = Load::start(&folder.url(&listening), dice.random_range(1..24), seed);
    if by_itself {
        listening.ended();
    } else {
        load.until(dice.random_range(1..400));
        (0..dice.random_range(0..100_000)).for_each(|_| spin_loop());
        listening.kill();
    }
    let account = load.end();
    machine.cut();
    (folder, account)
}

fn cuts_with_full(count: u64) {
    let (template, mut all) = (Folder::new(), Left::default());
    rounds(count, |seed, mut dice| {
        let (folder, account) = cut_under_load(&template, Syncs::Full, seed, &mut dice);
        all.add(examine(&folder, &account));
    });
    all.say("power cuts, FULL");
}

/// What is lost in up to `count` rounds; with `once`, the first round that loses something is the last.
fn cuts_with_normal(count: u64, once: bool) {
    let (template, mut all) = (Folder::new(), Left::default());
    rounds(count, |seed, mut dice| {
        if once && !all.missing.is_empty() {
            return;
        }
        let (folder, account) = cut_under_load(&template, Syncs::Normal, seed, &mut dice);
        let (listening, left) = reopen(&folder, &account);
        assert_in_order(&folder, &account, listening);
        all.add(left);
    });
    all.say("power cuts, NORMAL");
    assert!(all.doubled.is_empty(), "stored twice: {:?}", all.doubled);
    assert!(!all.missing.is_empty(), "a disk without the syncs of commits lost nothing");
}

#[test]
fn after_a_power_cut_everything_acknowledged_is_there() {
    cuts_with_full(3);
}

#[test]
fn without_the_syncs_of_commits_a_power_cut_loses_messages() {
    cuts_with_normal(10, true);
}

#[test]
#[ignore = "long"]
fn after_fifty_power_cuts_everything_acknowledged_is_there() {
    cuts_with_full(50);
}

#[test]
#[ignore = "long"]
fn without_the_syncs_of_commits_fifty_power_cuts_lose_messages() {
    cuts_with_normal(50, false);
}
