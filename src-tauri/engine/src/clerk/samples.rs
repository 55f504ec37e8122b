//! Test events of our own making, shaped like what Clerk really sends: milliseconds, sorted keys,
//! `instance_id` and `event_attributes`, ids of Clerk's form. All people are invented and live at
//! example.com, .net and .org.
//!
//! One seed is one person: the ids and the address of a seed agree over all events, so a waitlist
//! entry, its user, an update and the deletion tell one story. Times follow `now_ms`. All share one
//! invented `instance_id`; a caller who knows the endpoint's own puts that in its place. Signing
//! and sending are the caller's, too.

mod people;

use serde_json::{Value, json};

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
}

const CATALOGUE: [(&str, &str, &str); 16] = [
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
        "user.deleted:no_id",
        "Deletion without an ID",
        "Nobody can be found: kept and marked, nothing deleted.",
    ),
];

/// All samples: the five plain ones first, then the awkward ones.
#[must_use]
pub fn catalogue() -> Vec<Sample> {
    CATALOGUE
        .into_iter()
        .map(|(name, title, what_it_tests)| Sample {
            name,
            kind: split_name(name).0,
            title,
            what_it_tests,
        })
        .collect()
}

/// Makes the body of a test event.
///
/// `kind` is one of the five acted-on types or a [`Sample::name`]; anything else is `None`.
/// `now_ms` is Unix milliseconds. Seeds below 60 million never share an address.
#[must_use]
pub fn sample(kind: &str, now_ms: i64, seed: u64) -> Option<Value> {
    let (name, ..) = CATALOGUE.into_iter().find(|(name, ..)| *name == kind)?;
    let (kind, oddity) = split_name(name);
    let now_ms = now_ms.clamp(0, LAST_MS);
    let person = Person::of(seed);
    let data = match kind {
        "user.created" => person.user(now_ms, now_ms),
        "user.updated" => person.user_updated(now_ms),
        "user.deleted" => json!({ "deleted": true, "id": person.user_id, "object": "user" }),
        "waitlistEntry.created" => person.entry("pending", now_ms, now_ms),
        "waitlistEntry.updated" => person.entry("invited", person.earlier(now_ms), now_ms),
        _ => return None,
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
