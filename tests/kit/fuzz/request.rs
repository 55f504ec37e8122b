//! The path of a request after the guard: who signed it and when, what it says, which contact comes
//! of it. The input is a [`Letter`] to an endpoint with the secrets A and B beside another endpoint
//! with the secret C, read at [`NOW_S`] or at the seconds of a line `now`.
//!
//! Held: the verdict is the one of the rules, written again here with an HMAC of our own. So nothing
//! is accepted that no secret signed, and nothing refused that one did.

use std::sync::LazyLock;

use usher_engine::api::endpoints::OnDelete;
use usher_engine::audience::merge::World;
use usher_engine::clerk::{self, Fact, email_key};
use usher_engine::signing::SigningSecret;
use usher_engine::signing::verify::{
    EXPLAIN_LIMIT, Key, Refusal, Stranger, TOLERANCE_S, Verified, verify,
};

use super::letter::{Letter, Said, fits, mac};
use super::payload::payload;
use crate::app::{NOON, OTHER_SECRET, SECRET};
use crate::merge::sets::{Message, options};

/// When letters are read, Unix seconds.
pub const NOW_S: i64 = NOON / 1000;
/// The endpoint's secret A.
pub const OURS: &str = SECRET;
/// The endpoint's secret B.
pub const SPARE: &str = "whsec_plJ3nmyCDGBKInavdOK15jsl";
/// The secret C, of the endpoint next door.
pub const OTHERS: &str = OTHER_SECRET;

const NEXT_DOOR: &str = "Production";

static SECRETS: LazyLock<[SigningSecret; 3]> =
    LazyLock::new(|| [OURS, SPARE, OTHERS].map(|text| SigningSecret::parse(text).unwrap()));

/// What the engine says to a letter, at that time in Unix milliseconds.
fn judge(letter: &Letter, now_ms: i64) -> Result<Verified, Refusal> {
    let [ours, spare, others] = &*SECRETS;
    let keys = [Key { id: 1, secret: ours }, Key { id: 2, secret: spare }];
    let strangers = [Stranger { endpoint: NEXT_DOOR, secret: others }];
    verify(&letter.headers, &letter.body, &keys, &strangers, now_ms)
}

/// The letter of an input with its signatures, and when it is read, Unix seconds.
fn letter(data: &[u8]) -> (Letter, i64) {
    let [ours, spare, others] = &*SECRETS;
    let mut letter = Letter::read(data);
    let now_s = letter.take("now").and_then(|now| now.parse().ok()).unwrap_or(NOW_S);
    (letter.signed_by(&[("{A}", ours), ("{B}", spare), ("{C}", others)]), now_s)
}

/// The letter of an input and what the engine says to it at [`NOW_S`].
pub fn verdict(data: &[u8]) -> (Letter, Result<Verified, Refusal>) {
    let (letter, _) = letter(data);
    let verdict = judge(&letter, NOON);
    (letter, verdict)
}

/// The target.
pub fn request(data: &[u8]) {
    let (letter, now_s) = letter(data);
    let verdict = judge(&letter, now_s.saturating_mul(1000));
    match expected(&letter, now_s) {
        Expected::Accepted(by) => {
            let verified = verdict.as_ref().unwrap_or_else(|why| panic!("refused: {why}"));
            let said = letter.said();
            assert_eq!(Some(verified.svix_id()), said.id);
            assert_eq!(said.timestamp.and_then(|at| at.parse().ok()), Some(verified.signed_at_s()));
            assert_eq!(verified.secret_id(), by);
            acted_on(&letter.body);
        }
        Expected::Refused(code) => {
            let refusal = verdict.as_ref().expect_err("accepted what the rules refuse");
            let altered = refusal.code() == "body_altered" && code == "wrong_secret";
            assert!(refusal.code() == code || altered, "{refusal:?} instead of {code}");
            assert!(!altered || letter.body.len() <= EXPLAIN_LIMIT);
            told(refusal);
        }
    }
    assert_eq!(judge(&letter, now_s.saturating_mul(1000)), verdict, "the same again");
    signed_anew(letter);
}

enum Expected {
    Accepted(i64),
    Refused(&'static str),
}

/// The rules, in their order.
fn expected(letter: &Letter, now_s: i64) -> Expected {
    let Said { id: Some(id), timestamp: Some(time), signature: Some(entries) } = letter.said()
    else {
        return Expected::Refused("missing_headers");
    };
    let Some(at_s) = time.parse::<i64>().ok().filter(|at_s| *at_s >= 0) else {
        return Expected::Refused("bad_timestamp");
    };
    if str::from_utf8(&letter.body).is_err() {
        return Expected::Refused("not_json");
    }
    let by = |at: usize| fits(entries, &SECRETS[at], id, at_s, &letter.body);
    let Some(secret) = [0, 1].into_iter().find(|at| by(*at)) else {
        let others = letter.body.len() <= EXPLAIN_LIMIT && by(2);
        return Expected::Refused(if others { "other_endpoints_secret" } else { "wrong_secret" });
    };
    if now_s.saturating_mul(1000).div_euclid(1000).abs_diff(at_s) > TOLERANCE_S.unsigned_abs() {
        return Expected::Refused("clock_skew");
    }
    Expected::Accepted(if secret == 0 { 1 } else { 2 })
}

/// What a sender is told: short, and nothing about the endpoint next door.
fn told(refusal: &Refusal) {
    let sentence = refusal.public_sentence();
    assert!(sentence.ends_with('.') && sentence.len() < 500, "{sentence}");
    if let Refusal::OtherEndpointsSecret { endpoint } = refusal {
        assert_eq!(endpoint, NEXT_DOOR);
        assert_eq!(
            (refusal.public_code(), &sentence),
            (Refusal::WrongSecret.code(), &Refusal::WrongSecret.to_string())
        );
    }
}

/// What is accepted is read, and what it says reaches at most one contact, its own.
fn acted_on(body: &[u8]) {
    payload(body);
    let Ok(clerk::Message { fact: Some(fact), timestamp_ms: timestamp, .. }) = clerk::read(body)
    else {
        return;
    };
    let mut world = World::new(1);
    let options = options(true, Some("New"), &[1]);
    let on_delete = OnDelete::Unsubscribe;
    let email = match &fact {
        Fact::User(user) => user.email.clone(),
        Fact::Waitlist(entry) => entry.email.clone(),
        Fact::UserDeleted(_) => None,
    };
    Message { fact, options, on_delete, timestamp, received_at: NOON, tie: 0 }.apply(&mut world, 1);
    let keys: Vec<String> = world.audience().map(|(key, _)| key.to_owned()).collect();
    assert_eq!(keys, email.iter().map(|email| email_key(email)).collect::<Vec<_>>());
}

/// The same letter rightly signed is accepted, and with one bit of its body changed it is not.
fn signed_anew(mut letter: Letter) {
    if letter.body.is_empty() || str::from_utf8(&letter.body).is_err() {
        return;
    }
    let id = "msg_anew".to_owned();
    let signature = format!("v1,{}", mac(&SECRETS[0], &id, NOW_S, &letter.body));
    let ours =
        [("svix-id", id), ("svix-timestamp", NOW_S.to_string()), ("svix-signature", signature)];
    let is_ours = |name: &str| ours.iter().any(|(our, _)| name.eq_ignore_ascii_case(our));
    letter.headers.retain(|(name, _)| !is_ours(name));
    letter.headers.extend(ours.map(|(name, value)| (name.to_owned(), value)));
    assert_eq!(judge(&letter, NOON).map(|verified| verified.secret_id()), Ok(1));
    let middle = letter.body.len() / 2;
    letter.body[middle] ^= 1;
    judge(&letter, NOON).expect_err("accepted with a changed body");
}
