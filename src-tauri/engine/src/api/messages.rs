//! Messages: what arrived, what became of it, and why.

mod copying;
mod replay;
mod saving;
mod search;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;
use ts_rs::TS;

use crate::Engine;
use crate::api::ApiError;
use crate::api::contacts::FieldChange;
use crate::api::environments::ById;
use crate::api::forwards::DeliveryState;
pub use crate::clerk::samples::{Flaw, Group};
use crate::filter;
use crate::forward;
use crate::forward::address::Address;
pub use crate::inbox::Outcome;
use crate::inbox::{self, outcome_of};

pub(super) use copying::copy;
pub(super) use replay::{pin, remove, replay, restore};
pub(super) use saving::save;
pub(super) use search::{count, explain, ids_of, ids_with, list, previous};

/// A page of messages asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct ListMessages {
    /// Scope; every environment when absent.
    pub environment_id: Option<i64>,
    /// What is searched for, in the language of [`crate::filter`].
    pub query: Option<String>,
    /// Zone in which dates of the search begin, by its IANA name, a rule as in POSIX, or `+09:00`; UTC
    /// when absent.
    pub zone: Option<String>,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Only messages with a larger id than this, oldest first (to follow what arrives).
    pub after: Option<i64>,
    /// Only messages that were delivered again after this moment, unix milliseconds.
    pub repeated_after: Option<i64>,
    /// 1 to 1000; 100 when absent.
    pub limit: Option<u32>,
}

/// One message in a list.
#[derive(Debug, Clone, Serialize, Deserialize, TS, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct MessageRow {
    /// Id, growing with arrival.
    pub id: i64,
    /// The `svix-id` header; absent when it was missing.
    pub svix_id: Option<String>,
    /// Clerk's type, such as `user.created`; empty when it could not be read.
    #[serde(rename = "type")]
    pub kind: String,
    /// What became of it.
    #[sqlx(try_from = "String")]
    pub outcome: Outcome,
    /// Named reason of a refusal or a failure, such as `wrong_secret`.
    pub reason: Option<String>,
    /// Name of the endpoint.
    pub endpoint: String,
    /// Id of the endpoint.
    pub endpoint_id: i64,
    /// Id of the environment.
    pub environment_id: i64,
    /// Whom or what it is about, for a list: email, name, "phone only" or the object's id.
    pub subject: Option<String>,
    /// Unix milliseconds.
    pub received_at: i64,
    /// The HTTP status answered.
    #[sqlx(try_from = "i64")]
    pub status: u16,
    /// How often it was delivered again.
    pub duplicates: i64,
    /// Sent by Usher itself as a test.
    pub test: bool,
    /// Kept whatever is cleared.
    pub pinned: bool,
    /// The message it is a replay of, which may be gone.
    pub origin_id: Option<i64>,
    /// `failed` when a target never took it, `waiting` when one is tried again; absent when all is well.
    pub forward: Option<DeliveryState>,
}

/// A page of a list.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Pass as `cursor` for the next page; absent on the last one. A search may hand over a page that
    /// is not full, or empty, when finding more takes longer: go on with the next.
    pub next: Option<String>,
}

/// A count.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Count {
    /// How many.
    pub count: i64,
}

/// How many messages a search finds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct FoundMessages {
    /// As many as were found.
    pub count: i64,
    /// All were looked at; else there may be more.
    pub whole: bool,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum StepState {
    /// Done.
    Done,
    /// Still to come.
    Waiting,
    /// Refused or failed.
    Failed,
    /// Not needed.
    Skipped,
}

/// One step of a message's way.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Step {
    /// `signature`, `stored`, `contact`, `event`, `answered`, `forward`.
    pub name: String,
    /// How it went.
    pub state: StepState,
    /// What happened, for people.
    pub title: String,
    /// More about it.
    pub detail: Option<String>,
    /// Microseconds since the message was received.
    pub after_us: Option<i64>,
}

/// A contact touched by a message.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TouchedContact {
    /// Id of the contact.
    pub contact_id: i64,
    /// Email it has, or had.
    pub email: String,
    /// Whether it is still in the audience.
    pub exists: bool,
    /// `created`, `updated`, `removed`.
    pub what: String,
    /// Field by field.
    pub changes: Vec<FieldChange>,
}

/// One header as received.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Header {
    /// Name, lower case.
    pub name: String,
    /// Value.
    pub value: String,
}

/// What is known of a message's signature.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Verification {
    /// Whether the signature was accepted.
    pub verified: bool,
    /// The same in words, with the remedy when it was not.
    pub sentence: String,
    /// Last four characters of the secret that fitted.
    pub secret_hint: Option<String>,
    /// Seconds between signing and arrival; negative when signed in our future.
    pub age_s: Option<i64>,
}

/// A message with all that its screen shows.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct MessageDetail {
    /// What the list shows.
    #[serde(flatten)]
    pub row: MessageRow,
    /// The outcome as a sentence; for stale ones with both times.
    pub sentence: String,
    /// The message that it repeats or lost against; absent when there is none, or it is gone.
    pub against_id: Option<i64>,
    /// The answer's sentence, as Clerk shows it under Message Attempts.
    pub answer: String,
    /// Its way, step by step.
    pub steps: Vec<Step>,
    /// Contacts it changed.
    pub touched: Vec<TouchedContact>,
    /// Headers as received.
    pub headers: Vec<Header>,
    /// Body size in bytes, also of one that was too large to be kept.
    pub body_size: i64,
    /// The body when it is UTF-8.
    pub body_text: Option<String>,
    /// Otherwise its bytes, in base64.
    pub body_base64: Option<String>,
    /// What is known of its signature.
    pub verification: Verification,
    /// Clerk's instance named in it.
    pub instance_id: Option<String>,
    /// True when that is not the instance of this environment.
    pub other_instance: bool,
    /// Unix milliseconds of the last repeated delivery.
    pub last_duplicate_at: Option<i64>,
    /// A repeated delivery had a different body under the same id.
    pub altered_duplicate: bool,
    /// Event names recorded from it.
    pub events: Vec<String>,
}

/// What verifying again brought.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct VerifyResult {
    /// Messages that verify now and were processed.
    pub accepted: i64,
    /// Messages still refused.
    pub refused: i64,
    /// In words.
    pub sentence: String,
}

/// Messages to do something with: these, or all that a search finds.
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct WhichMessages {
    /// These messages.
    pub ids: Option<Vec<i64>>,
    /// Or all that this finds; everything when it is empty.
    pub query: Option<String>,
    /// Where it is looked for; every environment when absent.
    pub environment_id: Option<i64>,
    /// Or all of this endpoint, when there is no search.
    pub endpoint_id: Option<i64>,
    /// Zone in which dates of the search begin, by its IANA name, a rule as in POSIX, or `+09:00`; UTC
    /// when absent.
    pub zone: Option<String>,
}

/// A search to be explained while it is typed.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct ExplainSearch {
    /// The text.
    pub query: String,
    /// Where the caret stands, in UTF-16 code units; at the end when absent.
    pub caret: Option<u32>,
    /// Where values of `endpoint:` and `type:` are taken from; every environment when absent.
    pub environment_id: Option<i64>,
    /// Zone in which dates of the search begin, by its IANA name, a rule as in POSIX, or `+09:00`; UTC
    /// when absent.
    pub zone: Option<String>,
}

/// A search explained. All places are UTF-16 code units.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ExplainedSearch {
    /// Its words and fields from left to right; empty when it cannot be read.
    pub terms: Vec<SearchTerm>,
    /// Why it cannot be carried out.
    pub problem: Option<SearchProblem>,
    /// What might stand where the caret is, best first.
    pub offers: Vec<SearchOffer>,
}

/// One word, phrase or `field:value` of a search.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SearchTerm {
    /// First place.
    pub start: u32,
    /// The place after the last one.
    pub end: u32,
    /// What stands before the colon; absent for a bare word.
    pub field: Option<String>,
    /// The value without its quotes.
    pub value: String,
    /// A minus stands before it.
    pub negated: bool,
}

/// What is wrong with a search, and where.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SearchProblem {
    /// In words, with what would be right.
    pub sentence: String,
    /// First place.
    pub start: u32,
    /// The place after the last one.
    pub end: u32,
}

/// Something that can be put in for what is being typed.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SearchOffer {
    /// The text to put in.
    pub text: String,
    /// What it is, for people.
    pub what: String,
    /// First place of what it replaces.
    pub start: u32,
    /// The place after the last one.
    pub end: u32,
}

/// A kind of test event.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SampleRow {
    /// What to ask `make` for, such as `user.created:no_email`.
    pub name: String,
    /// Clerk's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short title.
    pub title: String,
    /// What sending it tests.
    pub tests: String,
    /// Where it stands in the list.
    pub group: Group,
    /// What is wrong with its signature on purpose.
    pub flaw: Option<Flaw>,
}

/// A sample asked for.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct MakeSample {
    /// Clerk's type, or the name of a sample.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same number makes the same person; random when absent.
    pub person: Option<u32>,
}

/// A sample body, pretty-printed.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SampleBody {
    /// JSON text.
    pub body: String,
    /// The person it is about.
    pub person: u32,
    /// What is to be wrong with its signature.
    pub flaw: Option<Flaw>,
}

/// An event to sign and send through the listener.
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct SendTest {
    /// The endpoint whose secret signs it.
    pub endpoint_id: i64,
    /// The exact body.
    pub body: String,
    /// The id to send it under; a new one when absent.
    pub svix_id: Option<String>,
    /// The message it was made from.
    pub origin_id: Option<i64>,
    /// What is wrong with it on purpose.
    pub flaw: Option<Flaw>,
}

/// Messages to send again, freshly signed, in the order of their arrival.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct Replay {
    /// These.
    pub which: WhichMessages,
    /// Under the ids they had, which tests how the receiver takes a duplicate; else under new ones.
    pub same_id: bool,
    /// Refused ones too. Nobody knows who sent them, and a replay is signed with the endpoint's own
    /// secret, so that they are trusted from then on. Left out unless this is set.
    pub refused: Option<bool>,
    /// Where they go; through the listener when absent.
    pub to: Option<ReplayTo>,
    /// Of the targets only this one; goes with [`ReplayTo::Forwards`].
    pub forward_id: Option<i64>,
}

/// Where a replay goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ReplayTo {
    /// Through the listener, as if Clerk had sent it; targets get what becomes of it as any message.
    Usher,
    /// To the targets of its endpoint that take its type, past the listener.
    Forwards,
    /// Both; each target gets it once.
    Both,
}

/// What a replay brought.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Replayed {
    /// Answered 2xx.
    pub sent: i64,
    /// Answered otherwise, or not sent.
    pub failed: i64,
    /// Refused ones that were left out.
    pub left_out: i64,
    /// In words.
    pub sentence: String,
    /// The message that the only or the last one became.
    pub message_id: Option<i64>,
}

/// Messages to pin or to let go.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export)]
pub struct PinMessages {
    /// These.
    pub which: WhichMessages,
    /// Whether they are pinned from now on.
    pub pinned: bool,
}

/// A way to take a message elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum CopyFormat {
    /// A `curl` command, signed anew so that it is accepted for the next five minutes.
    Curl,
    /// A call of `fetch`, signed anew.
    Fetch,
    /// The raw HTTP request, signed anew.
    Http,
    /// What arrived, with what became of it, as JSON.
    Json,
    /// HTTP archive, as browsers and proxies read it.
    Har,
}

/// Messages to take elsewhere.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export)]
pub struct CopyMessages {
    /// These; only [`CopyFormat::Har`] and [`CopyFormat::Json`] take more than one.
    pub which: WhichMessages,
    /// As what.
    pub format: CopyFormat,
    /// Whether secrets, addresses, names and ids are replaced by stand-ins, as for a public issue.
    pub redacted: bool,
}

/// Text for the clipboard or a file.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Copied {
    /// The text.
    pub text: String,
}

/// A file with messages.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Saved {
    /// Its full path.
    pub path: String,
    /// The same for people: `~` in place of the home folder.
    pub shown: String,
    /// How many messages are in it.
    pub count: i64,
}

/// The message before another one about the same object.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Previous {
    /// Its id; absent when there is none.
    pub id: Option<i64>,
}

/// What came back.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SentTest {
    /// HTTP status.
    pub status: u16,
    /// The answer's sentence.
    pub answer: String,
    /// The message it became.
    pub message_id: Option<i64>,
    /// The id it was sent under.
    pub svix_id: String,
    /// Milliseconds from sending to the answer.
    pub took_ms: i64,
}

/// A request signed but not sent, for `--print`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SignedTest {
    /// Where it would go.
    pub url: String,
    /// The headers to send.
    pub headers: Vec<Header>,
    /// The exact body.
    pub body: String,
}

impl<T> Page<T> {
    /// A page out of `limit + 1` rows asked for: the last one only tells that there are more.
    pub(super) fn cut(mut rows: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(cursor);
        Self { rows, next }
    }
}

pub(super) async fn show(engine: &Engine, which: ById) -> Result<MessageDetail, ApiError> {
    let mut seen = engine.db().snapshot().await?;
    let row = sqlx::query!(
        r#"select m.id, m.svix_id, m.kind, m.outcome, m.reason, e.name as endpoint, m.endpoint_id,
                  m.environment_id, m.subject, m.received_at, m.status, m.duplicates,
                  m.test as "test: bool", m.pinned as "pinned: bool", m.origin_id,
                  m.accepted as "accepted: bool", m.sentence, m.answer,
                  (select a.id from message a where a.id = m.against_id) as "against_id: i64",
                  m.signed_at,
                  m.instance_id, m.last_duplicate_at,
                  m.altered_duplicate as "altered_duplicate: bool", m.body_size, m.verified_us,
                  m.stored_us, m.settled_us, m.answered_us, v.instance_id as known_instance,
                  b.headers, b.body,
                  (select min(f.state) from forward_trouble f where f.message_id = m.id)
                      as "forward: DeliveryState",
                  (select hint from endpoint_secret where id = m.secret_id) as secret_hint
           from message m
           join endpoint e on e.id = m.endpoint_id
           join environment v on v.id = m.environment_id
           join message_body b on b.message_id = m.id
           where m.id = ?1"#,
        which.id
    )
    .fetch_optional(&mut *seen)
    .await?
    .ok_or_else(|| ApiError::not_found(format!("There is no message {}.", which.id)))?;
    let events: Vec<String> = sqlx::query_scalar!(
        "select n.name from event e join event_name n on n.id = e.name_id
         where e.message_id = ?1 order by e.id",
        which.id
    )
    .fetch_all(&mut *seen)
    .await?;
    let touched = touched(&mut seen, which.id).await?;
    let headers: Vec<(String, String)> = serde_json::from_str(&row.headers).unwrap_or_default();
    let age_s = row.signed_at.map(|signed_at| (row.received_at - signed_at) / 1000);
    let outcome = outcome_of(&row.outcome);
    let trusted = row.accepted || outcome == Outcome::Duplicate;
    let verification = Verification {
        verified: trusted,
        sentence: match (&row.secret_hint, row.accepted) {
            (_, false) if trusted => "The signature fits a secret that was added since.".to_owned(),
            (Some(hint), true) => format!("The signature fits the secret ending in {hint}."),
            (None, true) => "The signature fitted a secret that was removed since.".to_owned(),
            (_, false) => row.sentence.clone(),
        },
        secret_hint: row.secret_hint,
        age_s,
    };
    let mut steps = steps(&Way {
        outcome,
        trusted,
        sentence: &row.sentence,
        answer: &row.answer,
        verification: &verification,
        touched: &touched,
        events: &events,
        status: row.status,
        times: [Some(row.verified_us), Some(row.stored_us), row.settled_us, row.answered_us],
    });
    steps.extend(forwarded(&mut seen, which.id, row.received_at).await?);
    let (body_text, body_base64) = match String::from_utf8(row.body) {
        Ok(text) => (Some(text), None),
        Err(bytes) => (None, Some(STANDARD.encode(bytes.as_bytes()))),
    };
    let other_instance = !row.test
        && matches!((&row.instance_id, &row.known_instance), (Some(own), Some(known)) if own != known);
    Ok(MessageDetail {
        row: MessageRow {
            id: row.id,
            svix_id: row.svix_id,
            kind: row.kind,
            outcome,
            reason: row.reason,
            endpoint: row.endpoint,
            endpoint_id: row.endpoint_id,
            environment_id: row.environment_id,
            subject: row.subject,
            received_at: row.received_at,
            status: u16::try_from(row.status).unwrap_or(500),
            duplicates: row.duplicates,
            test: row.test,
            pinned: row.pinned,
            origin_id: row.origin_id,
            forward: row.forward,
        },
        answer: row.answer,
        sentence: row.sentence,
        against_id: row.against_id,
        steps,
        touched,
        headers: headers.into_iter().map(|(name, value)| Header { name, value }).collect(),
        body_size: row.body_size,
        body_text,
        body_base64,
        verification,
        instance_id: row.instance_id,
        other_instance,
        last_duplicate_at: row.last_duplicate_at,
        altered_duplicate: row.altered_duplicate,
        events,
    })
}

async fn touched(
    seen: &mut SqliteConnection,
    message: i64,
) -> Result<Vec<TouchedContact>, ApiError> {
    let rows = sqlx::query!(
        r#"select contact_id, email, what, changes,
                  exists (select 1 from contact where id = contact_id) as "exists: bool"
           from contact_change where message_id = ?1 order by id"#,
        message
    )
    .fetch_all(&mut *seen)
    .await?;
    let rows = rows.into_iter().map(|row| TouchedContact {
        contact_id: row.contact_id,
        email: row.email,
        exists: row.exists,
        what: row.what,
        changes: serde_json::from_str::<Vec<FieldChange>>(&row.changes).unwrap_or_default(),
    });
    Ok(rows.collect())
}

/// A step for each delivery, told by its newest attempt.
async fn forwarded(
    seen: &mut SqliteConnection,
    message: i64,
    received_at: i64,
) -> Result<Vec<Step>, ApiError> {
    let rows = sqlx::query!(
        r#"select d.state, t.url, a.at as "at?: i64", a.took_ms as "took_ms?: i64", a.status,
                  a.problem
           from delivery d
           join forward_target t on t.id = d.target_id
           left join delivery_attempt a on a.id =
               (select max(id) from delivery_attempt where delivery_id = d.id)
           where d.message_id = ?1 order by d.id limit 100"#,
        message
    )
    .fetch_all(&mut *seen)
    .await?;
    let steps = rows.into_iter().map(|row| {
        let to = Address::parse(&row.url).map_or(row.url, |to| to.authority());
        let (state, title) = match DeliveryState::of(&row.state) {
            DeliveryState::Waiting => (StepState::Waiting, format!("Forwarding to {to}")),
            DeliveryState::Done => (StepState::Done, format!("Forwarded to {to}")),
            DeliveryState::Failed => (StepState::Failed, format!("Not forwarded to {to}")),
        };
        let answered =
            row.status.zip(row.took_ms).map(|(status, ms)| format!("{status} in {ms} ms"));
        let after =
            row.at.zip(row.took_ms).map(|(at, took_ms)| (at - received_at + took_ms) * 1000);
        Step {
            name: "forward".to_owned(),
            state,
            title,
            detail: row.problem.or(answered),
            after_us: after.filter(|_| state == StepState::Done),
        }
    });
    Ok(steps.collect())
}

struct Way<'a> {
    outcome: Outcome,
    trusted: bool,
    sentence: &'a str,
    answer: &'a str,
    verification: &'a Verification,
    touched: &'a [TouchedContact],
    events: &'a [String],
    status: i64,
    /// Verified, stored, settled, answered; microseconds.
    times: [Option<i64>; 4],
}

fn steps(way: &Way<'_>) -> Vec<Step> {
    let [verified, stored, settled, answered] = way.times;
    let step = |name: &str, state, title: String, detail: Option<String>, after_us| Step {
        name: name.to_owned(),
        state,
        title,
        detail,
        after_us,
    };
    let mut steps = Vec::new();
    let late = way.trusted && way.status >= 400;
    let hint = way.verification.secret_hint.as_ref().map(|hint| format!("secret …{hint}"));
    let (state, title, detail) = if late {
        (StepState::Failed, "Refused at first", Some(way.answer.to_owned()))
    } else if way.trusted {
        let age = way.verification.age_s.map(|age| format!("{age} s old"));
        let detail: Vec<String> = hint.iter().cloned().chain(age).collect();
        (StepState::Done, "Signature valid", (!detail.is_empty()).then(|| detail.join(" · ")))
    } else {
        (StepState::Failed, "Not trusted", Some(way.sentence.to_owned()))
    };
    steps.push(step("signature", state, title.to_owned(), detail, verified));
    steps.push(step("stored", StepState::Done, "Stored durably".to_owned(), None, stored));
    if late {
        let title = "Verified again".to_owned();
        steps.push(step("signature", StepState::Done, title, hint, None));
    }
    if way.trusted {
        let changed: Vec<&TouchedContact> =
            way.touched.iter().filter(|touched| !touched.changes.is_empty()).collect();
        if changed.is_empty() {
            let (state, title) = match way.outcome {
                Outcome::Failed => (StepState::Failed, "Processing failed"),
                Outcome::Waiting => (StepState::Waiting, "Waiting for the endpoint to be resumed"),
                Outcome::Ignored => (StepState::Skipped, "Ignored"),
                Outcome::Off => (StepState::Skipped, "Switched off"),
                Outcome::Stale => (StepState::Skipped, "Stale"),
                Outcome::Duplicate => (StepState::Skipped, "Nothing new"),
                Outcome::NoEmail => (StepState::Skipped, "No usable email"),
                Outcome::Processed | Outcome::Refused => (StepState::Done, "No contact changed"),
            };
            let detail = Some(way.sentence.to_owned());
            steps.push(step("contact", state, title.to_owned(), detail, settled));
        }
        for touched in changed {
            let title = format!("Contact {}", touched.what);
            let detail = Some(touched.email.clone());
            steps.push(step("contact", StepState::Done, title, detail, settled));
        }
        for event in way.events {
            steps.push(step("event", StepState::Done, format!("Event {event}"), None, settled));
        }
    }
    let state = if way.status < 300 { StepState::Done } else { StepState::Failed };
    let title = format!("Answered {}", way.status);
    let detail = late.then(|| "Svix sends it again, which will be a duplicate.".to_owned());
    steps.push(step("answered", state, title, detail, answered));
    steps
}

pub(super) async fn verify(
    engine: &Engine,
    which: WhichMessages,
) -> Result<VerifyResult, ApiError> {
    let open = filter::parse("status:refused OR status:failed")?;
    let ids = ids_with(engine, which, open).await?;
    let again = inbox::verify_again(engine.db(), engine.directory(), engine.clock(), &ids).await?;
    if again.accepted + again.waiting + again.failed > 0 {
        let now = engine.now();
        engine.db().write(async |tx| forward::forward_trusted(tx, &ids, now).await).await?;
    }
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let said = |count: usize, what: &str| match count {
        0 => None,
        1 => Some(format!(
            "1 message {}",
            what.replace("are ", "is ")
                .replace("were ", "was ")
                .replace("and wait ", "and waits ")
                .replace("them ", "it ")
        )),
        _ => Some(format!("{count} messages {what}")),
    };
    let parts: Vec<String> = [
        said(again.accepted, "are trusted now and were processed"),
        said(again.waiting, "are trusted and wait until the endpoint is resumed"),
        said(again.failed, "are trusted, but processing them went wrong"),
        said(again.repeated, "were received before under the same id"),
        said(again.refused, "are still refused"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let sentence = if parts.is_empty() {
        "There was nothing to verify again.".to_owned()
    } else {
        format!("{}.", parts.join(", "))
    };
    Ok(VerifyResult {
        accepted: number(again.accepted + again.repeated),
        refused: number(again.refused),
        sentence,
    })
}
