//! Every conflict by name: what is said and done, and the audience it ends in.
//!
//! A row reads: email, user ID, first name, user group, lists, and `off` when unsubscribed.

use std::collections::{BTreeMap, BTreeSet};

use kit::dice::Dice;
use kit::merge::sets::{Message, options, tie};
use usher_engine::api::endpoints::{EventSettings, OnDelete};
use usher_engine::audience::merge::{Anchor, BY_HAND, Contact, Edits, Field, Verdict, World};
use usher_engine::clerk::{Fact, UserDeleted, UserSnapshot, WaitlistSnapshot};

fn message(fact: Fact, at: i64, options: EventSettings) -> Message {
    let tie = tie(&fact, Some(at));
    let on_delete = OnDelete::Leave;
    Message { fact, options, on_delete, timestamp: Some(at), received_at: at, tie }
}

/// A snapshot of a user; the email may be empty.
fn user(id: &str, email: &str, name: &str, at: i64) -> Message {
    let snapshot = UserSnapshot {
        user_id: id.to_owned(),
        email: Some(email.to_owned()).filter(|email| !email.is_empty()),
        no_email: None,
        first_name: Some(name.to_owned()),
        last_name: None,
        created_at_ms: None,
        updated_at_ms: Some(at),
    };
    message(Fact::User(snapshot), at, options(true, None, &[]))
}

fn deleted(id: &str, at: i64, on_delete: OnDelete) -> Message {
    let fact = Fact::UserDeleted(UserDeleted { user_id: id.to_owned(), external_id: None });
    Message { on_delete, ..message(fact, at, options(true, None, &[])) }
}

/// A snapshot of a waitlist entry that was created at the same time.
fn entry(id: &str, email: &str, at: i64) -> Message {
    let snapshot = WaitlistSnapshot {
        entry_id: id.to_owned(),
        email: Some(email.to_owned()),
        status: Some("pending".to_owned()),
        created_at_ms: Some(at),
        updated_at_ms: Some(at),
    };
    message(Fact::Waitlist(snapshot), at, options(true, None, &[]))
}

fn with(group: &str, lists: &[i64], message: Message) -> Message {
    Message { options: options(true, Some(group), lists), ..message }
}

fn row(contact: &Contact) -> String {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut row = format!(
        "{} {} {} {} {:?}",
        contact.email,
        or_none(&contact.user_id),
        or_none(&contact.first_name),
        or_none(&contact.user_group),
        contact.lists
    );
    if !contact.subscribed {
        row.push_str(" off");
    }
    row
}

fn rows(world: &World) -> Vec<String> {
    world.audience().map(|(_, contact)| row(contact)).collect()
}

fn tell(world: &mut World, messages: &[Message]) -> Vec<Verdict> {
    messages.iter().zip(1..).map(|(message, id)| message.apply(world, id).verdict).collect()
}

#[test]
fn every_conflict_ends_as_the_table_says_in_any_order() {
    use OnDelete::{Delete, Leave, Unsubscribe};
    let table: Vec<(&str, Vec<Message>, &[&str])> = vec![
        (
            "a user changes email",
            vec![user("u1", "a@x.io", "Ann", 10), user("u1", "b@x.io", "Ann", 20)],
            &["b@x.io u1 Ann - {}"],
        ),
        (
            "an email moves to another user; the first one is hidden until it has its own",
            vec![user("u1", "a@x.io", "Ann", 10), user("u2", "A@x.io", "Bob", 20)],
            &["A@x.io u2 Bob - {}"],
        ),
        (
            "the hidden one shows again",
            vec![
                user("u1", "a@x.io", "Ann", 10),
                user("u2", "a@x.io", "Bob", 20),
                user("u1", "c@x.io", "Ann", 30),
            ],
            &["a@x.io u2 Bob - {}", "c@x.io u1 Ann - {}"],
        ),
        (
            "user ID on contact A, email on contact B: B's entry joins A's user, who moved there",
            vec![
                with("A", &[1], user("u1", "a@x.io", "Ann", 10)),
                with("B", &[2], entry("w1", "b@x.io", 20)),
                user("u1", "b@x.io", "Ann", 30),
            ],
            &["b@x.io u1 Ann A {1}"],
        ),
        (
            "two users swap their emails",
            vec![
                user("u1", "a@x.io", "Ann", 10),
                user("u2", "b@x.io", "Bob", 11),
                user("u1", "b@x.io", "Ann", 20),
                user("u2", "a@x.io", "Bob", 21),
            ],
            &["a@x.io u2 Bob - {}", "b@x.io u1 Ann - {}"],
        ),
        (
            "two users with one email: the newest snapshot counts, with an email or without",
            vec![
                user("u2", "a@x.io", "Bob", 10),
                user("u1", "a@x.io", "Ann", 5),
                user("u1", "", "Ann", 20),
            ],
            &["a@x.io u1 Ann - {}"],
        ),
        (
            "the same content by two endpoints, one without a group",
            vec![user("u1", "a@x.io", "Ann", 10), with("G", &[1], user("u1", "a@x.io", "Ann", 10))],
            &["a@x.io u1 Ann G {1}"],
        ),
        (
            "the same content by two endpoints, one without names",
            vec![
                user("u1", "a@x.io", "Ann", 10),
                Message { options: options(false, None, &[]), ..user("u1", "a@x.io", "Ann", 10) },
            ],
            &["a@x.io u1 Ann - {}"],
        ),
        (
            "a late user.created still gives its group and lists",
            vec![
                with("Updated", &[2], user("u1", "a@x.io", "Bob", 20)),
                with("Created", &[1], user("u1", "a@x.io", "Ann", 10)),
            ],
            &["a@x.io u1 Bob Created {1}"],
        ),
        (
            "a snapshot without email keeps the email and brings the name",
            vec![user("u1", "a@x.io", "Ann", 10), user("u1", "", "Bob", 20)],
            &["a@x.io u1 Bob - {}"],
        ),
        ("a user without any email", vec![user("u1", "", "Ann", 10)], &[]),
        (
            "deleted, left",
            vec![user("u1", "a@x.io", "Ann", 10), deleted("u1", 20, Leave)],
            &["a@x.io u1 Ann - {}"],
        ),
        (
            "deleted, unsubscribed",
            vec![user("u1", "a@x.io", "Ann", 10), deleted("u1", 20, Unsubscribe)],
            &["a@x.io u1 Ann - {} off"],
        ),
        (
            "deleted, removed; later messages bring nobody back",
            vec![
                user("u1", "a@x.io", "Ann", 10),
                deleted("u1", 20, Delete),
                user("u1", "a@x.io", "Ann", 30),
            ],
            &[],
        ),
        (
            "deleted by two endpoints: the stronger policy",
            vec![
                user("u1", "a@x.io", "Ann", 10),
                deleted("u1", 20, Delete),
                deleted("u1", 30, Leave),
            ],
            &[],
        ),
        (
            "recreated with the same email after leave",
            vec![
                with("Old", &[1], user("u1", "a@x.io", "Ann", 10)),
                deleted("u1", 20, Leave),
                with("New", &[2], user("u2", "a@x.io", "Bob", 30)),
            ],
            &["a@x.io u2 Bob Old {1}"],
        ),
        (
            "recreated with the same email after unsubscribe: not subscribed again",
            vec![
                with("Old", &[1], user("u1", "a@x.io", "Ann", 10)),
                deleted("u1", 20, Unsubscribe),
                with("New", &[2], user("u2", "a@x.io", "Bob", 30)),
            ],
            &["a@x.io u2 Bob Old {1} off"],
        ),
        (
            "recreated after unsubscribe and moved on: the unsubscribed one stays at its address",
            vec![
                user("u1", "a@x.io", "Ann", 10),
                deleted("u1", 20, Unsubscribe),
                user("u2", "a@x.io", "Bob", 30),
                user("u2", "b@x.io", "Bob", 40),
            ],
            &["a@x.io u1 Ann - {} off", "b@x.io u2 Bob - {}"],
        ),
        (
            "recreated with the same email after delete: a new contact",
            vec![
                with("Old", &[1], user("u1", "a@x.io", "Ann", 10)),
                deleted("u1", 20, Delete),
                with("New", &[2], user("u2", "a@x.io", "Bob", 30)),
            ],
            &["a@x.io u2 Bob New {2}"],
        ),
        (
            "on the waitlist",
            vec![with("Wait", &[3], entry("w1", "a@x.io", 10))],
            &["a@x.io - - Wait {3}"],
        ),
        (
            "the waitlist graduate keeps group and lists, and takes them to another address",
            vec![
                with("Wait", &[3], entry("w1", "a@x.io", 10)),
                with("User", &[1], user("u1", "a@x.io", "Ann", 20)),
                user("u1", "b@x.io", "Ann", 30),
            ],
            &["b@x.io u1 Ann Wait {3}"],
        ),
        (
            "a graduate who is deleted takes the entry along",
            vec![
                entry("w1", "a@x.io", 10),
                user("u1", "a@x.io", "Ann", 20),
                deleted("u1", 30, Delete),
            ],
            &[],
        ),
        (
            "joining the waitlist after the deletion counts",
            vec![
                user("u1", "a@x.io", "Ann", 10),
                deleted("u1", 20, Delete),
                with("Wait", &[3], entry("w1", "a@x.io", 30)),
            ],
            &["a@x.io - - Wait {3}"],
        ),
    ];
    for (name, messages, expected) in table {
        let mut dice = Dice::new(1);
        let mut order = messages.clone();
        for _ in 0..100 {
            let mut world = World::new(1);
            tell(&mut world, &order);
            assert_eq!(rows(&world), expected, "{name}: {order:#?}");
            order = [messages.clone(), vec![messages[dice.below(messages.len())].clone()]].concat();
            dice.shuffle(&mut order);
        }
    }
}

#[test]
fn late_and_repeated_messages_are_told_apart() {
    let mut world = World::new(1);
    let new = user("u1", "a@x.io", "Bob", 20);
    let verdicts = tell(
        &mut world,
        &[
            new.clone(),
            new,
            user("u1", "a@x.io", "Ann", 10),
            user("u2", "", "Cy", 10),
            deleted("u1", 30, OnDelete::Delete),
            deleted("u1", 30, OnDelete::Delete),
            user("u1", "a@x.io", "Bob", 40),
            entry("w1", "a@x.io", 25),
        ],
    );
    let stale = |at, known_at, deleted| Verdict::Stale { at, known_at, deleted };
    let expected = [
        Verdict::Processed,
        Verdict::Duplicate,
        stale(10, 20, false),
        Verdict::NoEmail,
        Verdict::Processed,
        Verdict::Duplicate,
        stale(40, 30, true),
        stale(25, 30, true),
    ];
    assert_eq!(verdicts, expected);
}

fn name(to: &str) -> Edits {
    Edits { texts: BTreeMap::from([(Field::FirstName, Some(to.to_owned()))]), ..Edits::default() }
}

fn started(messages: &[Message]) -> World {
    let mut world = World::new(1);
    tell(&mut world, messages);
    world
}

/// An edit of Ann's name at 50, then what Clerk says.
fn edited_then(messages: &[Message]) -> Vec<String> {
    let mut world = started(&[user("u1", "a@x.io", "Ann", 20)]);
    world.edit("a@x.io", &name("Edited"), 50).unwrap();
    tell(&mut world, messages);
    rows(&world)
}

#[test]
fn an_edit_holds_until_clerk_says_something_newer_and_different() {
    let said = |name: &str, at| user("u1", "a@x.io", name, at);
    let held = ["a@x.io u1 Edited - {}"];
    assert_eq!(edited_then(&[]), held);
    assert_eq!(edited_then(&[said("Old", 10)]), held, "older");
    assert_eq!(edited_then(&[said("Late", 40)]), held, "newer than known, older than the edit");
    assert_eq!(edited_then(&[said("Ann", 60)]), held, "newer, as before");
    assert_eq!(edited_then(&[said("New", 60)]), ["a@x.io u1 New - {}"], "newer, different");
    let there_and_back = [said("New", 60), said("Ann", 70)];
    assert_eq!(edited_then(&there_and_back), ["a@x.io u1 Ann - {}"], "gone for good");
    let back_and_there = [said("Ann", 70), said("New", 60)];
    assert_eq!(edited_then(&back_and_there), ["a@x.io u1 Ann - {}"], "in the other order too");
}

#[test]
fn of_two_edits_at_one_time_the_one_that_holds_counts() {
    let mut world = started(&[user("u1", "a@x.io", "Ann", 10), user("u2", "b@x.io", "Cy", 10)]);
    for key in ["a@x.io", "b@x.io"] {
        world.edit(key, &name("Bob"), 50).unwrap();
    }
    tell(&mut world, &[deleted("u1", 60, OnDelete::Leave), user("u2", "a@x.io", "Cy", 90)]);
    assert_eq!(rows(&world), ["a@x.io u2 Bob - {}"], "Clerk still says Cy, as when it was edited");
}

#[test]
fn edits_follow_the_waitlist_graduate() {
    let mut world = started(&[with("Wait", &[3], entry("w1", "a@x.io", 10))]);
    let lists = Some(BTreeSet::from([1]));
    let group = BTreeMap::from([(Field::UserGroup, Some("Mine".to_owned()))]);
    let edits = Edits { texts: group, subscribed: Some(false), lists };
    world.edit("a@x.io", &edits, 20).unwrap();
    tell(&mut world, &[user("u1", "a@x.io", "Ann", 30), user("u1", "b@x.io", "Ann", 40)]);
    assert_eq!(rows(&world), ["b@x.io u1 Ann Mine {1} off"]);
    tell(&mut world, &[deleted("u1", 50, OnDelete::Delete), entry("w2", "a@x.io", 60)]);
    assert_eq!(rows(&world), ["a@x.io - - - {}"], "what belonged to the deleted user is gone");
}

#[test]
fn lists_chosen_by_hand_are_not_changed_by_an_older_message() {
    let mut world = started(&[with("G", &[1], user("u1", "a@x.io", "Ann", 20))]);
    let lists = Some(BTreeSet::from([1, 2]));
    world.edit("a@x.io", &Edits { lists, ..Edits::default() }, 50).unwrap();
    tell(&mut world, &[with("G", &[3], user("u1", "a@x.io", "Ann", 10))]);
    assert_eq!(rows(&world), ["a@x.io u1 Ann G {1, 2}"]);
}

#[test]
fn removed_by_hand_comes_back_with_something_newer_or_when_taken_back() {
    let start = || started(&[user("u1", "a@x.io", "Ann", 20)]);
    let mut world = start();
    let (_, anchor) = world.remove("a@x.io", 50).unwrap();
    assert_eq!(anchor, Anchor::User("u1".to_owned()));
    tell(&mut world, &[user("u1", "a@x.io", "Bob", 40)]);
    assert_eq!(rows(&world).len(), 0, "older than the removal");
    tell(&mut world, &[user("u1", "a@x.io", "Cy", 60)]);
    assert_eq!(rows(&world), ["a@x.io u1 Cy - {}"]);

    let mut world = start();
    let (_, anchor) = world.remove("a@x.io", 50).unwrap();
    let back = world.restore(&anchor);
    assert_eq!(back.iter().map(|touched| touched.id).collect::<Vec<_>>(), [1]);
    assert_eq!(rows(&world), ["a@x.io u1 Ann - {}"]);

    let mut world = start();
    world.remove("a@x.io", 50).unwrap();
    let effect = world.add_by_hand("a@x.io", &Edits::default(), 40).unwrap();
    assert_eq!(effect.contact, Some(1), "added again, though our clock is behind Clerk's");
}

#[test]
fn a_waitlist_entry_after_a_deletion_can_be_removed() {
    let mut world = started(&[
        user("u1", "a@x.io", "Ann", 10),
        deleted("u1", 20, OnDelete::Delete),
        entry("w1", "a@x.io", 30),
    ]);
    world.remove("a@x.io", 40).unwrap();
    assert_eq!(rows(&world).len(), 0);
}

#[test]
fn an_address_is_added_by_hand_once_and_not_beside_its_user() {
    let mut world = started(&[user("u1", "a@x.io", "Ann", 10), user("u1", "b@x.io", "Ann", 20)]);
    assert!(world.add_by_hand("B@x.io", &Edits::default(), 50).is_none(), "in the audience");
    assert!(world.add_by_hand("a@x.io", &name("X"), 50).is_none(), "belongs to u1");
    assert_eq!(rows(&world), ["b@x.io u1 Ann - {}"]);
    world.add_by_hand("C@x.io", &name("Cy"), 50).unwrap();
    assert_eq!(rows(&world), ["b@x.io u1 Ann - {}", "C@x.io - Cy - {}"]);
    assert_eq!(world.contact("c@x.io").unwrap().1.source, BY_HAND);
    tell(&mut world, &[user("u2", "c@x.io", "Dee", 60)]);
    assert_eq!(rows(&world), ["b@x.io u1 Ann - {}", "c@x.io u2 Dee - {}"], "it signed up");
}

#[test]
fn ids_follow_a_change_of_email_a_graduation_and_a_swap() {
    let ids = |world: &World| -> Vec<(i64, String)> {
        world.contacts_by_id().map(|(id, key, _)| (id, key.to_owned())).collect()
    };
    let a = "a@x.io".to_owned();
    let b = "b@x.io".to_owned();
    let mut world = started(&[entry("w1", "a@x.io", 10), user("u1", "a@x.io", "Ann", 20)]);
    assert_eq!(ids(&world), [(1, a.clone())]);
    tell(&mut world, &[user("u1", "b@x.io", "Ann", 30)]);
    assert_eq!(ids(&world), [(1, b.clone())]);
    tell(&mut world, &[user("u2", "a@x.io", "Bob", 40)]);
    assert_eq!(ids(&world), [(2, a.clone()), (1, b.clone())]);
    tell(&mut world, &[user("u2", "b@x.io", "Bob", 50), user("u1", "a@x.io", "Ann", 51)]);
    assert_eq!(ids(&world), [(1, a), (2, b)]);
}
