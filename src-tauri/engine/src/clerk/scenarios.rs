//! Stories told in several messages: a sign-up, an address that changes, two hundred people at once.
//!
//! Pure: a name, a time and a seed become bodies with the pauses between them. The times inside the
//! bodies are those of the story, days if need be, and end at the time given; the pauses are short.
//! Deliberately absent: signing and sending, and what the audience looks like in the end, which the
//! tests know.

use serde_json::{Value, json};

use super::samples::{Flaw, sample};

/// A story that can be played.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// What it is asked for by.
    pub name: &'static str,
    /// A few words for a list.
    pub title: &'static str,
    /// What playing it shows.
    pub what_it_tests: &'static str,
    /// How many signing secrets the endpoint must have.
    pub secrets: usize,
    told: fn(i64, u64) -> Vec<Step>,
}

/// One message of a story.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The body.
    pub body: Value,
    /// The pause before it, milliseconds.
    pub delay_ms: u64,
    /// What is wrong with it on purpose; it is expected to be refused.
    pub flaw: Option<Flaw>,
    /// The step whose id it is sent under again, counted from 0.
    pub same_id_as: Option<usize>,
    /// The signing secret of the endpoint that signs it, counted from 0.
    pub secret: usize,
}

impl Scenario {
    /// The messages of the story in the order of sending. It ends at `now_ms`, Unix milliseconds;
    /// the seed chooses the person, or the first of them.
    #[must_use]
    pub fn steps(&self, now_ms: i64, seed: u64) -> Vec<Step> {
        (self.told)(now_ms, seed)
    }
}

/// All stories.
pub const SCENARIOS: [Scenario; 7] = [
    Scenario {
        name: "sign-up",
        title: "Someone signs up",
        what_it_tests: "A code by email, the new user, the first session: only one of the three \
                        makes a contact.",
        secrets: 1,
        told: sign_up,
    },
    Scenario {
        name: "waitlist-to-user",
        title: "From the waitlist to a user",
        what_it_tests: "Joins, is invited, signs up, and the entry is completed: one contact \
                        throughout, which gains a user ID.",
        secrets: 1,
        told: waitlist_to_user,
    },
    Scenario {
        name: "email-change",
        title: "Someone changes their email",
        what_it_tests: "The new address is added, becomes the primary one, and the old one goes: \
                        the same contact under the new address.",
        secrets: 1,
        told: email_change,
    },
    Scenario {
        name: "delete-and-recreate",
        title: "Deleted, and back with the same address",
        what_it_tests: "A new user with the address of a deleted one: nobody is subscribed again by \
                        signing up again.",
        secrets: 1,
        told: delete_and_recreate,
    },
    Scenario {
        name: "storm",
        title: "Two hundred messages out of order",
        what_it_tests: "Fifty people sign up, change twice and some leave, all mixed up: the \
                        audience is the same as in order.",
        secrets: 1,
        told: storm,
    },
    Scenario {
        name: "rotation",
        title: "The signing secret is rotated",
        what_it_tests: "Messages signed with the old and with the new secret, in turn: both are \
                        accepted while the endpoint has both.",
        secrets: 2,
        told: rotation,
    },
    Scenario {
        name: "retries",
        title: "The same message three times",
        what_it_tests: "The first attempt is altered on its way and refused, the second is stored, \
                        the third is a duplicate.",
        secrets: 1,
        told: retries,
    },
];

/// The story of that name.
#[must_use]
pub fn scenario(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

const SECOND_MS: i64 = 1_000;
const HOUR_MS: i64 = 3_600 * SECOND_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
const PAUSE_MS: u64 = 400;

/// People in the storm; each has four messages.
const CROWD: u64 = 50;

/// A sample as of `at_ms`, of something that began at `began_ms`.
fn told(kind: &str, at_ms: i64, began_ms: i64, seed: u64) -> Step {
    let mut body = sample(kind, at_ms, seed).unwrap_or_default();
    put(&mut body, "/data/created_at", json!(began_ms));
    Step { body, delay_ms: PAUSE_MS, flaw: None, same_id_as: None, secret: 0 }
}

fn put(body: &mut Value, pointer: &str, value: Value) {
    if let Some(place) = body.pointer_mut(pointer) {
        *place = value;
    }
}

/// A whole story: the first message is sent without a pause.
fn begun(mut steps: Vec<Step>) -> Vec<Step> {
    if let Some(first) = steps.first_mut() {
        first.delay_ms = 0;
    }
    steps
}

fn sign_up(now_ms: i64, seed: u64) -> Vec<Step> {
    let user_at = now_ms - SECOND_MS;
    begun(vec![
        told("email.created", user_at - 40 * SECOND_MS, user_at, seed),
        told("user.created", user_at, user_at, seed),
        told("session.created", now_ms, now_ms, seed),
    ])
}

fn waitlist_to_user(now_ms: i64, seed: u64) -> Vec<Step> {
    let joined = now_ms - 3 * DAY_MS;
    let signed_up = now_ms - SECOND_MS;
    let mut completed = told("waitlistEntry.updated", now_ms, joined, seed);
    put(&mut completed.body, "/data/status", json!("completed"));
    put(&mut completed.body, "/data/invitation/status", json!("accepted"));
    begun(vec![
        told("waitlistEntry.created", joined, joined, seed),
        told("waitlistEntry.updated", now_ms - DAY_MS, joined, seed),
        told("user.created", signed_up, signed_up, seed),
        completed,
    ])
}

fn email_change(now_ms: i64, seed: u64) -> Vec<Step> {
    let signed_up = now_ms - 30 * DAY_MS;
    let first = told("user.created", signed_up, signed_up, seed);
    let both = sample("user.created:two_emails", signed_up, seed).unwrap_or_default();
    let addresses = both.pointer("/data/email_addresses").cloned().unwrap_or_default();
    let new = addresses.get(0).cloned().unwrap_or_default();
    let new_id = new.get("id").cloned().unwrap_or_default();
    let changed = |before_ms: i64, addresses: &Value, primary: Option<&Value>| {
        let at = now_ms - before_ms;
        let mut step = told("user.created", at, signed_up, seed);
        put(&mut step.body, "/type", json!("user.updated"));
        put(&mut step.body, "/data/email_addresses", addresses.clone());
        if let Some(primary) = primary {
            put(&mut step.body, "/data/primary_email_address_id", primary.clone());
        }
        step
    };
    begun(vec![
        first,
        changed(60 * SECOND_MS, &addresses, None),
        changed(20 * SECOND_MS, &addresses, Some(&new_id)),
        changed(0, &json!([new]), Some(&new_id)),
    ])
}

fn delete_and_recreate(now_ms: i64, seed: u64) -> Vec<Step> {
    let first_time = now_ms - 30 * DAY_MS;
    let mut again = told("user.created", now_ms, now_ms, seed);
    let other = sample("user.created", now_ms, u64::MAX - seed).unwrap_or_default();
    let other_id = |pointer: &str| other.pointer(pointer).cloned().unwrap_or_default();
    put(&mut again.body, "/data/id", other_id("/data/id"));
    put(&mut again.body, "/data/email_addresses/0/id", other_id("/data/email_addresses/0/id"));
    put(
        &mut again.body,
        "/data/primary_email_address_id",
        other_id("/data/primary_email_address_id"),
    );
    let left = now_ms - DAY_MS;
    begun(vec![
        told("user.created", first_time, first_time, seed),
        told("user.deleted", left, left, seed),
        again,
    ])
}

fn storm(now_ms: i64, seed: u64) -> Vec<Step> {
    let mut steps: Vec<(u64, Step)> = Vec::new();
    for one in 0..CROWD {
        let person = seed.wrapping_add(one);
        let signed_up = now_ms - 4 * HOUR_MS;
        let mut back = told("user.created", now_ms - HOUR_MS, signed_up, person);
        put(&mut back.body, "/type", json!("user.updated"));
        let last = if one % 5 == 0 { "user.deleted" } else { "session.created" };
        let story = [
            told("user.created", signed_up, signed_up, person),
            told("user.updated", now_ms - 2 * HOUR_MS, signed_up, person),
            back,
            told(last, now_ms, now_ms, person),
        ];
        for (number, step) in (one * 4..).zip(story) {
            steps.push((number * 61 % (CROWD * 4), Step { delay_ms: 5, ..step }));
        }
    }
    steps.sort_by_key(|(place, _)| *place);
    begun(steps.into_iter().map(|(_, step)| step).collect())
}

fn rotation(now_ms: i64, seed: u64) -> Vec<Step> {
    let signed_up = now_ms - HOUR_MS;
    let update = |before_ms: i64, secret: usize| Step {
        secret,
        ..told("user.updated", now_ms - before_ms, signed_up, seed)
    };
    begun(vec![
        told("user.created", signed_up, signed_up, seed),
        update(20 * SECOND_MS, 1),
        update(10 * SECOND_MS, 0),
        update(0, 1),
    ])
}

fn retries(now_ms: i64, seed: u64) -> Vec<Step> {
    let attempt = |flaw: Option<Flaw>, same_id_as: Option<usize>| Step {
        flaw,
        same_id_as,
        ..told("user.created", now_ms, now_ms, seed)
    };
    begun(vec![
        attempt(Some(Flaw::AlteredBody), None),
        attempt(None, Some(0)),
        attempt(None, Some(0)),
    ])
}
