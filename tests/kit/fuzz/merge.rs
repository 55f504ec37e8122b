//! Any messages and edits, in several orders and with repetitions. The input is a story, one step a
//! line, one character a value:
//!
//! ```text
//! u 1 a AB 135 2 0     user u1 has a@x.io, is called Ann Bob; created 10, updated 30, sent 50,
//!                      received 20; the first of the options
//! w 2 b p 135 2 0      waitlist entry w2 of b@x.io is pending; the same four times and the options
//! d 1 u 7 2            user u1 is deleted at 70, received 20, which unsubscribes (l, u or d)
//! a c AB- y 12 9       a contact c@x.io is added by hand at 90: names, group, subscribed, lists
//! e a AB- n -- 9       the contact a@x.io is edited
//! r a 9                the contact a@x.io is removed at 90
//! b 0                  the first removal is taken back
//! # …                  a remark
//! ```
//!
//! `-` is nothing; in an edit `.` leaves a value as it is. What is missing or unknown stands for
//! some value all the same. Messages come in any order up to the next deed.
//!
//! Held: the law of kit/merge.rs; and a world that is written down and read back between any two
//! steps, as the database does it, goes on as if it had not been.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use usher_engine::api::endpoints::{EventSettings, OnDelete};
use usher_engine::audience::merge::{Dirty, Edits, Field, World};
use usher_engine::clerk::{Fact, UserDeleted, WaitlistSnapshot};

use crate::merge::sets::{Deed, Message, Story, options, snapshot, tie};
use crate::merge::{audience, live, told};

const MOST_STEPS: usize = 32;
const ORDERS: u64 = 3;

/// The target.
pub fn merge(data: &[u8]) {
    let story = story(data);
    let expected = told(&story);
    for order in 0..ORDERS {
        let mut stored = Dirty::default();
        let mut world = live(&story, order, |world| {
            if order > 0 {
                read_back(world, &mut stored);
            }
        });
        assert_eq!(audience(&world), expected, "order {order} of {story:#?}");
        let touched = world.recompute_all();
        assert!(touched.is_empty(), "order {order} was not settled: {touched:?}");
    }
}

/// Writes the whole world down as the database would, and reads it.
fn read_back(world: &mut World, stored: &mut Dirty) {
    let dirty = world.take_dirty();
    stored.users.extend(dirty.users);
    stored.entries.extend(dirty.entries);
    stored.hands.extend(dirty.hands);
    stored.seen.extend(dirty.seen);
    let mut again = World::new(world.next_contact());
    for (key, user) in &stored.seen {
        let first_at = world.seen_since(key, user).expect("what was seen stays");
        again.load_seen(key.clone(), user.clone(), first_at);
    }
    for id in &stored.entries {
        again.load_entry(id.clone(), written(world.entry(id).expect("an entry stays")));
    }
    for id in &stored.users {
        again.load_user(id.clone(), written(world.user(id).expect("a user stays")));
    }
    for anchor in &stored.hands {
        if let Some(hand) = world.hand(anchor) {
            again.load_hand(anchor.clone(), written(hand));
        }
    }
    for (id, key, contact) in world.contacts_by_id() {
        again.load_contact(key.to_owned(), id, contact.clone());
    }
    *world = again;
}

fn written<T: Serialize + DeserializeOwned>(state: &T) -> T {
    serde_json::from_str(&serde_json::to_string(state).unwrap()).unwrap()
}

/// Reads any bytes as a story.
fn story(data: &[u8]) -> Story {
    let mut parts: Vec<(Vec<Message>, Vec<Deed>)> = vec![Default::default()];
    let lines = data.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    for line in lines.take(MOST_STEPS) {
        let mut line = Line(line);
        let step = line.one(*b"uwdaerb");
        if b"uwd".contains(&step) {
            let message = line.message(step);
            match parts.last_mut() {
                Some((messages, deeds)) if deeds.is_empty() => messages.push(message),
                _ => parts.push((vec![message], Vec::new())),
            }
        } else if let Some((_, deeds)) = parts.last_mut() {
            deeds.push(line.deed(step));
        }
    }
    Story { parts }
}

/// The rest of a line.
struct Line<'a>(&'a [u8]);

impl Line<'_> {
    fn next(&mut self) -> u8 {
        while let Some((first, rest)) = self.0.split_first() {
            self.0 = rest;
            if *first != b' ' {
                return *first;
            }
        }
        b'0'
    }

    /// One of these; any other character stands for some of them.
    fn one<const N: usize>(&mut self, known: [u8; N]) -> u8 {
        let next = self.next();
        if known.contains(&next) { next } else { known[usize::from(next) % N] }
    }

    fn time(&mut self) -> Option<i64> {
        let next = self.next();
        let digit = char::from(next).to_digit(36).unwrap_or(u32::from(next) % 36);
        (next != b'-').then_some(i64::from(digit) * 10)
    }

    fn email(&mut self) -> Option<String> {
        let letter = char::from(self.one(*b"abcA-"));
        (letter != '-').then(|| format!("{letter}@x.io"))
    }

    fn name(&mut self) -> Option<String> {
        match self.one(*b"AB-") {
            b'A' => Some("Ann".to_owned()),
            b'B' => Some("Bob".to_owned()),
            _ => None,
        }
    }

    fn options(&mut self) -> EventSettings {
        match self.one(*b"0123") {
            b'0' => options(true, None, &[]),
            b'1' => options(true, Some("G"), &[1]),
            b'2' => options(true, Some("H"), &[3, 2]),
            _ => options(false, Some("G"), &[]),
        }
    }

    fn message(&mut self, step: u8) -> Message {
        let number = char::from(self.one(*b"1234"));
        let (fact, on_delete) = match step {
            b'd' => {
                let on_delete = match self.one(*b"lud") {
                    b'l' => OnDelete::Leave,
                    b'u' => OnDelete::Unsubscribe,
                    _ => OnDelete::Delete,
                };
                let user_id = format!("u{number}");
                (Fact::UserDeleted(UserDeleted { user_id, external_id: None }), on_delete)
            }
            b'w' => (self.entry(format!("w{number}")), OnDelete::Leave),
            _ => (self.user(format!("u{number}")), OnDelete::Leave),
        };
        let timestamp = self.time();
        let received_at = self.time().unwrap_or_default();
        let options = self.options();
        let tie = tie(&fact, timestamp);
        Message { fact, options, on_delete, timestamp, received_at, tie }
    }

    fn user(&mut self, user_id: String) -> Fact {
        let email = self.email();
        let names = [self.name(), self.name()];
        snapshot(user_id, email, names, [self.time(), self.time()])
    }

    fn entry(&mut self, entry_id: String) -> Fact {
        let email = self.email();
        let status = match self.one(*b"pi-") {
            b'p' => Some("pending".to_owned()),
            b'i' => Some("invited".to_owned()),
            _ => None,
        };
        let [created_at_ms, updated_at_ms] = [self.time(), self.time()];
        Fact::Waitlist(WaitlistSnapshot { entry_id, email, status, created_at_ms, updated_at_ms })
    }

    fn deed(&mut self, step: u8) -> Deed {
        if step == b'b' {
            return Deed::Restore(usize::from(self.next().wrapping_sub(b'0')));
        }
        let key = format!("{}@x.io", char::from(self.one(*b"abc")));
        let edits = if step == b'r' { Edits::default() } else { self.edits() };
        let at = self.time().unwrap_or_default();
        match step {
            b'a' => Deed::Add { key, edits, at },
            b'e' => Deed::Edit { key, edits, at },
            _ => Deed::Remove { key, at },
        }
    }

    fn edits(&mut self) -> Edits {
        let mut texts = BTreeMap::new();
        for field in [Field::FirstName, Field::LastName, Field::UserGroup] {
            match self.one(*b".AB-") {
                b'A' => _ = texts.insert(field, Some("Ann".to_owned())),
                b'B' => _ = texts.insert(field, Some("Bob".to_owned())),
                b'-' => _ = texts.insert(field, None),
                _ => {}
            }
        }
        let subscribed = match self.one(*b".yn") {
            b'y' => Some(true),
            b'n' => Some(false),
            _ => None,
        };
        let lists = [self.one(*b".-123"), self.one(*b".-123")];
        let numbers = || lists.iter().filter_map(|list| char::from(*list).to_digit(10));
        let lists = (lists[0] != b'.').then(|| numbers().map(i64::from).collect());
        Edits { texts, subscribed, lists }
    }
}
