//! Test events of our own making, shaped like what Clerk really sends: milliseconds, sorted keys,
//! `instance_id` and `event_attributes`, ids of Clerk's form. All people are invented and live at
//! example.com, .net and .org.
//!
//! One seed is one person: the ids and the address of a seed agree over all events, so a waitlist
//! entry, its user, an update and the deletion tell one story. Times follow `now_ms`. All share one
//! invented `instance_id`; a caller who knows the endpoint's own puts that in its place. Signing
//! and sending are the caller's, too.

mod others;
mod people;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use ts_rs::TS;

use self::people::Person;

/// An entry of the catalogue of test events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// What [`sample`] takes: the event type, or `type:oddity`.
    pub name: &'static str,
    /// The event type.
    pub kind: &'static str,
    /// A few words for a list.
    pub title: &'static str,
    /// What sending it shows.
    pub what_it_tests: &'static str,
    /// Where it stands in a list.
    pub group: Group,
    /// What is to be wrong with its signature.
    pub flaw: Option<Flaw>,
}

/// Groups of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export, rename = "SampleGroup")]
pub enum Group {
    /// The five that change the audience.
    People,
    /// The same with something unusual in them.
    Awkward,
    /// The same with something wrong with the signature.
    Flawed,
    /// All others that Clerk sends.
    Clerk,
    /// Saved by the person.
    Own,
}

/// Something wrong with a test event, to see how it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Flaw {
    /// Signed with a secret that nobody has.
    WrongSecret,
    /// Signed ten minutes ago.
    OldTimestamp,
    /// Signed ten minutes from now.
    FutureTimestamp,
    /// The body gained a line break after it was signed.
    AlteredBody,
    /// Not signed at all.
    NoHeaders,
}

type Entry = (&'static str, &'static str, &'static str);

const PEOPLE: [Entry; 5] = [
    (
        "user.created",
        "Someone signs up",
        "A new contact with email, names and the group for new contacts.",
    ),
    (
        "user.updated",
        "Their last name changes",
        "The same contact changes; the timeline shows from what to what.",
    ),
    (
        "user.deleted",
        "They delete their account",
        "No email comes with it: the contact is found by user ID.",
    ),
    (
        "waitlistEntry.created",
        "Someone joins the waitlist",
        "A contact without a user ID. The same seed signs up later.",
    ),
    (
        "waitlistEntry.updated",
        "They are invited",
        "The status of the entry changes; the contact stays the same.",
    ),
];

const AWKWARD: [Entry; 17] = [
    (
        "user.created:phone_only",
        "Sign-up with a phone number only",
        "No email: recorded, no contact made.",
    ),
    ("user.created:username_only", "Sign-up with a username only", "No email, no name to show."),
    (
        "user.created:two_emails",
        "Two addresses, the second is primary",
        "The primary address is taken, not the first one.",
    ),
    (
        "user.created:no_primary",
        "An address, but none is primary",
        "No usable email although one is listed.",
    ),
    (
        "user.created:dangling_primary",
        "Primary ID leads nowhere",
        "As in Clerk's own documentation: no usable email.",
    ),
    ("user.created:no_names", "Names are null", "The contact has an email and nothing else."),
    ("user.created:empty_names", "Names are empty strings", "Empty counts as missing."),
    ("user.created:seconds", "Times in seconds", "Seconds are read as milliseconds."),
    (
        "user.created:bare",
        "Only type, ID and email",
        "Old and hand-made payloads lack most fields.",
    ),
    (
        "user.updated:late",
        "An update that arrives late",
        "An hour old: it is stale if the user was seen since.",
    ),
    (
        "user.created:out_of_order",
        "A sign-up that arrives after its update",
        "A day old: whatever is known of the same person since then stays.",
    ),
    (
        "user.created:duplicate",
        "The same sign-up every time",
        "Always the same person and moment: from the second time on it is a duplicate.",
    ),
    (
        "user.created:mixed_case",
        "An address in mixed case",
        "Shown as it is written, found in any case.",
    ),
    (
        "user.created:unicode",
        "Names in many scripts",
        "Emoji, right-to-left and combining characters come through unharmed.",
    ),
    (
        "user.created:large",
        "A large body",
        "A quarter of a mebibyte of metadata is stored and read like any other.",
    ),
    (
        "user.renamed:unknown",
        "A type that Clerk does not send",
        "An unknown type is kept and shown, and changes nothing.",
    ),
    (
        "user.deleted:no_id",
        "Deletion without an ID",
        "Nobody can be found: kept and marked, nothing deleted.",
    ),
];

const FLAWED: [(&str, &str, &str, Flaw); 5] = [
    (
        "user.created:wrong_secret",
        "Signed with a secret that nobody has",
        "Refused, and the answer says that no secret fits.",
        Flaw::WrongSecret,
    ),
    (
        "user.created:old_timestamp",
        "Signed ten minutes ago",
        "Refused as a replay: Svix allows five minutes.",
        Flaw::OldTimestamp,
    ),
    (
        "user.created:future_timestamp",
        "Signed ten minutes from now",
        "Refused: one of the two clocks is wrong.",
        Flaw::FutureTimestamp,
    ),
    (
        "user.created:altered_body",
        "Changed on its way",
        "Refused: the body gained a line break after it was signed.",
        Flaw::AlteredBody,
    ),
    (
        "user.created:no_headers",
        "Not signed at all",
        "Refused: the headers of Svix are missing.",
        Flaw::NoHeaders,
    ),
];

/// All samples: the five plain ones first, then the awkward, the flawed and all others of Clerk.
#[must_use]
pub fn catalogue() -> Vec<Sample> {
    let plain = [(Group::People, &PEOPLE[..]), (Group::Awkward, &AWKWARD)]
        .into_iter()
        .flat_map(|(group, entries)| entries.iter().map(move |entry| (group, *entry, None)));
    let flawed = FLAWED
        .into_iter()
        .map(|(name, title, tests, flaw)| (Group::Flawed, (name, title, tests), Some(flaw)));
    let others = others::CATALOGUE.into_iter().map(|entry| (Group::Clerk, entry, None));
    plain
        .chain(flawed)
        .chain(others)
        .map(|(group, (name, title, what_it_tests), flaw)| Sample {
            name,
            kind: split_name(name).0,
            title,
            what_it_tests,
            group,
            flaw,
        })
        .collect()
}

/// Makes the body of a test event.
///
/// `kind` is a [`Sample::name`]; anything else is `None`.
/// `now_ms` is Unix milliseconds. Seeds below 60 million never share an address.
#[must_use]
pub fn sample(kind: &str, now_ms: i64, seed: u64) -> Option<Value> {
    let name = catalogue().into_iter().find(|sample| sample.name == kind)?.name;
    let (kind, oddity) = split_name(name);
    let (now_ms, seed) = match oddity {
        "duplicate" => (SAME_MS, 0),
        "out_of_order" => ((now_ms.clamp(0, LAST_MS) - 24 * HOUR_MS).max(0), seed),
        _ => (now_ms.clamp(0, LAST_MS), seed),
    };
    let person = Person::of(seed);
    let data = match kind {
        "user.created" | "user.renamed" => person.user(now_ms, now_ms),
        "user.updated" => person.user_updated(now_ms),
        "user.deleted" => json!({ "deleted": true, "id": person.user_id, "object": "user" }),
        "waitlistEntry.created" => person.entry("pending", now_ms, now_ms),
        "waitlistEntry.updated" => person.entry("invited", person.earlier(now_ms), now_ms),
        kind => others::data(kind, &person, now_ms)?,
    };
    let mut event = json!({
        "data": data,
        "event_attributes": { "http_request": { "client_ip": person.address, "user_agent": BROWSER } },
        "instance_id": INSTANCE,
        "object": "event",
        "timestamp": now_ms,
        "type": kind,
    });
    make_odd(oddity, &mut event, &person, now_ms);
    event.sort_all_objects();
    Some(event)
}

fn split_name(name: &'static str) -> (&'static str, &'static str) {
    name.split_once(':').unwrap_or((name, ""))
}

const INSTANCE: &str = "ins_3UsherTestEventsDoNotMail00";
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0";
const LAST_MS: i64 = 253_402_300_799_999;
const HOUR_MS: i64 = 3_600_000;
/// When the sign-up happened that is always the same: 1 January 2026, noon UTC.
const SAME_MS: i64 = 1_767_268_800_000;

fn make_odd(oddity: &str, event: &mut Value, person: &Person, now_ms: i64) {
    match oddity {
        "phone_only" => {
            without_email(event);
            set(event, "/data/primary_phone_number_id", json!(person.phone_id));
            set(event, "/data/phone_numbers", json!([person.phone_number(now_ms)]));
        }
        "username_only" => {
            without_email(event);
            set(event, "/data/username", json!(person.username));
            set_names(event, &Value::Null);
        }
        "two_emails" => {
            let second = person.email_address(&person.second_id, &person.second_email, now_ms);
            let primary = person.email_address(&person.email_id, &person.email, now_ms);
            set(event, "/data/email_addresses", json!([second, primary]));
        }
        "no_primary" => set(event, "/data/primary_email_address_id", Value::Null),
        "dangling_primary" => set(event, "/data/email_addresses", json!([])),
        "no_names" => set_names(event, &Value::Null),
        "empty_names" => set_names(event, &json!("")),
        "seconds" => {
            for time in ["/timestamp", "/data/created_at", "/data/updated_at"] {
                set(event, time, json!(now_ms / 1000));
            }
        }
        "bare" => {
            let data = json!({
                "email_addresses": [{ "email_address": person.email, "id": person.email_id }],
                "id": person.user_id,
                "primary_email_address_id": person.email_id,
            });
            *event = json!({ "data": data, "type": "user.created" });
        }
        "late" => {
            set(event, "/timestamp", json!(now_ms - HOUR_MS));
            set(event, "/data/updated_at", json!(now_ms - HOUR_MS));
            set(event, "/data/last_name", json!(person.last));
        }
        "mixed_case" => {
            let (name, domain) = person.email.split_once('@').unwrap_or_default();
            let mixed = format!("{}@{}", name.to_uppercase(), domain.replace("example", "Example"));
            set(event, "/data/email_addresses/0/email_address", json!(mixed));
        }
        "unicode" => {
            set(event, "/data/first_name", json!("Zoe\u{308} \u{1f469}\u{200d}\u{1f680} 明"));
            set(event, "/data/last_name", json!("محمد O\u{2019}Brien"));
        }
        "large" => set(event, "/data/unsafe_metadata", json!({ "notes": "usher ".repeat(43_690) })),
        "no_id" => set(event, "/data", json!({ "deleted": true, "object": "user" })),
        _ => {}
    }
}

fn set_names(event: &mut Value, to: &Value) {
    set(event, "/data/first_name", to.clone());
    set(event, "/data/last_name", to.clone());
}

fn without_email(event: &mut Value) {
    set(event, "/data/email_addresses", json!([]));
    set(event, "/data/external_accounts", json!([]));
    set(event, "/data/primary_email_address_id", Value::Null);
}

fn set(event: &mut Value, pointer: &str, value: Value) {
    if let Some(slot) = event.pointer_mut(pointer) {
        *slot = value;
    }
}
