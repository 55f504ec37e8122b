//! Random small worlds: messages that collide in every way, and what a person does in between.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use usher_engine::api::endpoints::{EventSettings, OnDelete};
use usher_engine::audience::merge::{Edits, Effect, Field, Incoming, World};
use usher_engine::clerk::{Fact, NoEmail, UserDeleted, UserSnapshot, WaitlistSnapshot};

/// A user with these names, made and changed at these times (unix milliseconds).
pub fn snapshot(
    user_id: String,
    email: Option<String>,
    [first_name, last_name]: [Option<String>; 2],
    [created_at_ms, updated_at_ms]: [Option<i64>; 2],
) -> Fact {
    let no_email = email.is_none().then_some(NoEmail::NoPrimary { addresses: 0 });
    Fact::User(UserSnapshot {
        user_id,
        email,
        no_email,
        first_name,
        last_name,
        created_at_ms,
        updated_at_ms,
    })
}

/// One message as it is handed to the world, without its id.
#[derive(Debug, Clone)]
pub struct Message {
    /// What it says.
    pub fact: Fact,
    /// The options of its event.
    pub options: EventSettings,
    /// What a deletion does.
    pub on_delete: OnDelete,
    /// The envelope's timestamp; unix milliseconds.
    pub timestamp: Option<i64>,
    /// When it arrived; unix milliseconds.
    pub received_at: i64,
    /// Hash of the content.
    pub tie: i64,
}

/// Hash of what the body would hold: never of the options or the arrival.
pub fn tie(fact: &Fact, timestamp: Option<i64>) -> i64 {
    let mut hasher = DefaultHasher::new();
    format!("{fact:?} {timestamp:?}").hash(&mut hasher);
    hasher.finish().cast_signed()
}

impl Message {
    /// Hands it to the world under this id.
    pub fn apply(&self, world: &mut World, message: i64) -> Effect {
        world.apply(Incoming {
            message,
            fact: &self.fact,
            options: &self.options,
            on_delete: self.on_delete,
            timestamp: self.timestamp,
            received_at: self.received_at,
            tie: self.tie,
        })
    }
}

/// What a person does.
#[derive(Debug, Clone)]
pub enum Deed {
    /// Adds a contact.
    Add {
        /// Its address.
        key: String,
        /// What is written into it.
        edits: Edits,
        /// Unix milliseconds.
        at: i64,
    },
    /// Edits the contact of an address.
    Edit {
        /// Its address.
        key: String,
        /// What changes.
        edits: Edits,
        /// Unix milliseconds.
        at: i64,
    },
    /// Removes the contact of an address.
    Remove {
        /// Its address.
        key: String,
        /// Unix milliseconds.
        at: i64,
    },
    /// Takes back one of the removals so far, counted round and round.
    Restore(usize),
}

/// Messages and deeds in parts: the messages of a part come in any order, then its deeds.
#[derive(Debug, Clone)]
pub struct Story {
    /// The parts, one after the other.
    pub parts: Vec<(Vec<Message>, Vec<Deed>)>,
}

/// The options of an event that syncs last names.
pub fn options(first_name: bool, group: Option<&str>, lists: &[i64]) -> EventSettings {
    EventSettings {
        event: "any".to_owned(),
        enabled: true,
        first_name,
        last_name: true,
        user_group: group.map(str::to_owned),
        mailing_lists: lists.to_vec(),
        custom_event: None,
    }
}

fn time() -> impl Strategy<Value = i64> {
    (1_i64..=12).prop_map(|tens| tens * 10)
}

fn email() -> impl Strategy<Value = String> {
    select(vec!["a@x.io", "b@x.io", "c@x.io", "A@x.io"]).prop_map(str::to_owned)
}

fn key() -> impl Strategy<Value = String> {
    select(vec!["a@x.io", "b@x.io", "c@x.io"]).prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = Option<String>> {
    select(vec![None, Some("Ann"), Some("Bob")]).prop_map(|text| text.map(str::to_owned))
}

fn any_options() -> impl Strategy<Value = EventSettings> {
    select(vec![
        options(true, None, &[]),
        options(true, Some("G"), &[1]),
        options(true, Some("H"), &[3, 2]),
        options(false, Some("G"), &[]),
    ])
}

fn policy() -> impl Strategy<Value = OnDelete> {
    select(vec![OnDelete::Leave, OnDelete::Unsubscribe, OnDelete::Delete])
}

fn user_id() -> impl Strategy<Value = String> {
    (1..=4).prop_map(|n| format!("u{n}"))
}

fn fact() -> impl Strategy<Value = Fact> {
    let user = (
        user_id(),
        weighted(0.85, email()),
        [text(), text()],
        [weighted(0.7, time()), weighted(0.85, time())],
    )
        .prop_map(|(user_id, email, names, times)| snapshot(user_id, email, names, times));
    let deleted =
        user_id().prop_map(|user_id| Fact::UserDeleted(UserDeleted { user_id, external_id: None }));
    let entry = (
        1..=3,
        weighted(0.9, email()),
        select(vec!["pending", "invited"]),
        [weighted(0.8, time()), weighted(0.85, time())],
    )
        .prop_map(|(n, email, status, [created_at_ms, updated_at_ms])| {
            Fact::Waitlist(WaitlistSnapshot {
                entry_id: format!("w{n}"),
                email,
                status: Some(status.to_owned()),
                created_at_ms,
                updated_at_ms,
            })
        });
    prop_oneof![6 => user, 2 => deleted, 2 => entry]
}

fn message() -> impl Strategy<Value = Message> {
    (fact(), any_options(), policy(), weighted(0.85, time()), time()).prop_map(
        |(fact, options, on_delete, timestamp, received_at)| {
            let tie = tie(&fact, timestamp);
            Message { fact, options, on_delete, timestamp, received_at, tie }
        },
    )
}

/// Messages, some of them with the same content as another: by a second endpoint, later.
pub fn messages() -> impl Strategy<Value = Vec<Message>> {
    let again = (any::<Index>(), any_options(), policy(), time());
    (vec(message(), 1..12), vec(again, 0..3)).prop_map(|(mut messages, again)| {
        for (which, options, on_delete, received_at) in again {
            let same = which.get(&messages).clone();
            messages.push(Message { options, on_delete, received_at, ..same });
        }
        messages
    })
}

fn edits() -> impl Strategy<Value = Edits> {
    let lists = select(vec![vec![], vec![1], vec![2], vec![1, 3]]);
    let texts = [weighted(0.5, text()), weighted(0.2, text()), weighted(0.3, text())];
    (texts, weighted(0.3, any::<bool>()), weighted(0.3, lists)).prop_map(
        |(texts, subscribed, lists)| {
            let fields = [Field::FirstName, Field::LastName, Field::UserGroup];
            let texts: BTreeMap<_, _> =
                fields.into_iter().zip(texts).filter_map(|(f, text)| Some((f, text?))).collect();
            let lists = lists.map(|lists| lists.into_iter().collect::<BTreeSet<i64>>());
            Edits { texts, subscribed, lists }
        },
    )
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => (key(), edits(), time()).prop_map(|(key, edits, at)| Deed::Edit { key, edits, at }),
        1 => (key(), edits(), time()).prop_map(|(key, edits, at)| Deed::Add { key, edits, at }),
        2 => (key(), time()).prop_map(|(key, at)| Deed::Remove { key, at }),
        1 => any::<usize>().prop_map(Deed::Restore),
    ]
}

/// Messages with deeds in between.
pub fn stories() -> impl Strategy<Value = Story> {
    let part = || (vec(message(), 0..6), vec(deed(), 0..3));
    (part(), part(), messages())
        .prop_map(|(one, two, rest)| Story { parts: vec![one, two, (rest, Vec::new())] })
}
