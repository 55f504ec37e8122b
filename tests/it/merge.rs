//! The merge rules: any order and repetition gives the same audience, it is the one the rules say,
//! and every named conflict ends as the table shows.
//!
//! The law itself and the random stories stand in kit/merge.rs. `USHER_LONG=1` runs many more sets,
//! each time other ones.

mod examples;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kit::dice::Dice;
use kit::merge::sets::{Message, Story, messages, stories};
use kit::merge::{any_order, audience, live, told};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use proptest::{prop_assert, prop_assert_eq, strategy::Strategy};
use usher_engine::audience::merge::Contact;
use usher_engine::clerk::{Fact, email_key};

const SETS: u32 = 300;
const ORDERS: u64 = 40;

#[expect(clippy::disallowed_methods, reason = "tests are told by the environment")]
fn long() -> bool {
    std::env::var_os("USHER_LONG").is_some()
}

fn for_all<S: Strategy>(sets: S, law: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let cases = if long() { SETS * 100 } else { SETS };
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = if long() {
        TestRunner::new(config)
    } else {
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    };
    runner.run(&sets, law).unwrap();
}

fn holds(story: &Story) -> Result<(), TestCaseError> {
    let expected = told(story);
    for seed in 0..ORDERS {
        let mut world = live(story, seed, |_| ());
        prop_assert_eq!(&audience(&world), &expected, "order {}", seed);
        let touched = world.recompute_all();
        prop_assert!(touched.is_empty(), "order {} was not settled: {:?}", seed, touched);
    }
    Ok(())
}

#[test]
fn any_order_and_repetition_gives_what_the_rules_say() {
    for_all(messages(), |messages| holds(&Story { parts: vec![(messages, Vec::new())] }));
}

#[test]
fn edits_and_removals_in_between_hold_in_any_order() {
    for_all(stories(), |story| holds(&story));
}

#[test]
fn an_id_stays_with_its_contact_and_is_never_shared() {
    for_all(stories(), |story| {
        for seed in 0..ORDERS / 4 {
            let mut last: HashMap<String, i64> = HashMap::new();
            let mut wrong = Vec::new();
            live(&story, seed, |world| {
                let ids: BTreeSet<i64> = world.contacts_by_id().map(|(id, ..)| id).collect();
                if ids.len() != world.audience().count() {
                    wrong.push(format!("shared: {ids:?}"));
                }
                for (id, _, contact) in world.contacts_by_id() {
                    let Some(user) = &contact.user_id else { continue };
                    if last.insert(user.clone(), id).is_some_and(|before| before != id) {
                        wrong.push(format!("{user} has {id} instead of {last:?}"));
                    }
                }
                last.retain(|user, id| {
                    let taken = |(of, _, contact): (i64, &str, &Contact)| {
                        of == *id && contact.user_id.as_ref() != Some(user)
                    };
                    !world.contacts_by_id().any(taken)
                });
            });
            prop_assert!(wrong.is_empty(), "order {}: {}", seed, wrong.join("; "));
        }
        Ok(())
    });
}

/// What most receivers do: the last arrival wins, a deletion deletes.
fn last_arrival(order: &[&Message]) -> BTreeMap<String, (String, Option<String>)> {
    let mut contacts: BTreeMap<String, (String, Option<String>)> = BTreeMap::new();
    for message in order {
        match &message.fact {
            Fact::User(user) => {
                if let Some(email) = &user.email {
                    contacts.retain(|_, (id, _)| *id != user.user_id);
                    let row = (user.user_id.clone(), user.first_name.clone());
                    contacts.insert(email_key(email), row);
                }
            }
            Fact::UserDeleted(deleted) => contacts.retain(|_, (id, _)| *id != deleted.user_id),
            Fact::Waitlist(entry) => {
                if let Some(email) = &entry.email {
                    contacts.entry(email_key(email)).or_default();
                }
            }
        }
    }
    contacts
}

#[test]
fn taking_the_last_arrival_would_fail_the_law() {
    let diverged = std::cell::Cell::new(0);
    for_all(messages(), |messages| {
        let ends: BTreeSet<_> = (0..ORDERS)
            .map(|seed| last_arrival(&any_order(&messages, &[], &mut Dice::new(seed))))
            .collect();
        diverged.set(diverged.get() + u32::from(ends.len() > 1));
        Ok(())
    });
    assert!(diverged.get() > SETS / 2, "only {} of the sets depend on the order", diverged.get());
}
