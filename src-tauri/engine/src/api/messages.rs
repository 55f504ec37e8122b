//! Messages: what arrived, what became of it, and why.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::Engine;
use crate::api::contacts::FieldChange;
use crate::api::environments::ById;
use crate::api::{ApiError, cursor_of, limit_of, patterns_of};
pub use crate::inbox::Outcome;
use crate::inbox::{self, outcome_of};

/// A page of messages asked for.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct ListMessages {
    /// Scope; every environment when absent.
    pub environment_id: Option<i64>,
    /// Plain text looked for in type, email, ids, outcome and reason.
    pub query: Option<String>,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Only messages with a larger id than this, oldest first (to follow what arrives).
    pub after: Option<i64>,
    /// 1 to 1000; 100 when absent.
    pub limit: Option<u32>,
}

/// One message in a list.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
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
    pub status: u16,
    /// How often it was delivered again.
    pub duplicates: i64,
    /// Sent by Usher itself as a test.
    pub test: bool,
}

/// A page of a list.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Pass as `cursor` for the next page; absent on the last one.
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
    /// `signature`, `stored`, `contact`, `event`, `answered`.
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
    /// The answer's sentence, as Clerk shows it under Message Attempts.
    pub answer: String,
    /// Its way, step by step.
    pub steps: Vec<Step>,
    /// Contacts it changed.
    pub touched: Vec<TouchedContact>,
    /// Headers as received.
    pub headers: Vec<Header>,
    /// Body size in bytes.
    pub body_size: i64,
    /// The body when it is UTF-8.
    pub body_text: Option<String>,
    /// The exact bytes, base64.
    pub body: String,
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

/// Which refused messages to verify again.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct VerifyAgain {
    /// These messages.
    pub ids: Option<Vec<i64>>,
    /// Or all refused ones of this endpoint.
    pub endpoint_id: Option<i64>,
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
}

/// A test event to sign and send through the listener.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export)]
pub struct SendTest {
    /// The endpoint whose secret signs it.
    pub endpoint_id: i64,
    /// The exact body.
    pub body: String,
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

struct StoredRow {
    id: i64,
    svix_id: Option<String>,
    kind: String,
    outcome: String,
    reason: Option<String>,
    endpoint: String,
    endpoint_id: i64,
    environment_id: i64,
    subject: Option<String>,
    received_at: i64,
    status: i64,
    duplicates: i64,
    test: bool,
}

impl From<StoredRow> for MessageRow {
    fn from(row: StoredRow) -> Self {
        Self {
            id: row.id,
            svix_id: row.svix_id,
            kind: row.kind,
            outcome: outcome_of(&row.outcome),
            reason: row.reason,
            endpoint: row.endpoint,
            endpoint_id: row.endpoint_id,
            environment_id: row.environment_id,
            subject: row.subject,
            received_at: row.received_at,
            status: u16::try_from(row.status).unwrap_or(500),
            duplicates: row.duplicates,
            test: row.test,
        }
    }
}

pub(super) async fn list(engine: &Engine, of: ListMessages) -> Result<Page<MessageRow>, ApiError> {
    let limit = limit_of(of.limit);
    let take = i64::try_from(limit).unwrap_or(100) + 1;
    let words = patterns_of(of.query.as_deref());
    let cursor = cursor_of(of.cursor.as_deref())?;
    let rows = if let Some(after) = of.after {
        let after = cursor.unwrap_or(after);
        sqlx::query_as!(
            StoredRow,
            r#"select m.id, m.svix_id, m.kind, m.outcome, m.reason, e.name as endpoint,
                      m.endpoint_id, m.environment_id, m.subject, m.received_at, m.status,
                      m.duplicates, m.test as "test: bool"
               from message m join endpoint e on e.id = m.endpoint_id
               where m.id > ?1 and (?2 is null or m.environment_id = ?2)
                 and (?3 is null or not exists (
                     select 1 from json_each(?3) w
                     where not (m.kind || ' ' || coalesce(m.subject, '') || ' '
                                || coalesce(m.svix_id, '') || ' ' || coalesce(m.object_id, '') || ' '
                                || m.outcome || ' ' || coalesce(m.reason, '') || ' ' || e.name)
                               like w.value escape '\'))
               order by m.id limit ?4"#,
            after,
            of.environment_id,
            words,
            take
        )
        .fetch_all(&engine.db().read())
        .await?
    } else {
        let before = cursor.unwrap_or(i64::MAX);
        sqlx::query_as!(
            StoredRow,
            r#"select m.id, m.svix_id, m.kind, m.outcome, m.reason, e.name as endpoint,
                      m.endpoint_id, m.environment_id, m.subject, m.received_at, m.status,
                      m.duplicates, m.test as "test: bool"
               from message m join endpoint e on e.id = m.endpoint_id
               where m.id < ?1 and (?2 is null or m.environment_id = ?2)
                 and (?3 is null or not exists (
                     select 1 from json_each(?3) w
                     where not (m.kind || ' ' || coalesce(m.subject, '') || ' '
                                || coalesce(m.svix_id, '') || ' ' || coalesce(m.object_id, '') || ' '
                                || m.outcome || ' ' || coalesce(m.reason, '') || ' ' || e.name)
                               like w.value escape '\'))
               order by m.id desc limit ?4"#,
            before,
            of.environment_id,
            words,
            take
        )
        .fetch_all(&engine.db().read())
        .await?
    };
    let rows = rows.into_iter().map(MessageRow::from).collect();
    Ok(Page::cut(rows, limit, |row: &MessageRow| row.id.to_string()))
}

pub(super) async fn count(engine: &Engine, of: ListMessages) -> Result<Count, ApiError> {
    let words = patterns_of(of.query.as_deref());
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!: i64"
           from message m join endpoint e on e.id = m.endpoint_id
           where (?1 is null or m.environment_id = ?1)
             and (?2 is null or not exists (
                 select 1 from json_each(?2) w
                 where not (m.kind || ' ' || coalesce(m.subject, '') || ' '
                            || coalesce(m.svix_id, '') || ' ' || coalesce(m.object_id, '') || ' '
                            || m.outcome || ' ' || coalesce(m.reason, '') || ' ' || e.name)
                           like w.value escape '\'))"#,
        of.environment_id,
        words
    )
    .fetch_one(&engine.db().read())
    .await?;
    Ok(Count { count })
}

pub(super) async fn show(engine: &Engine, which: ById) -> Result<MessageDetail, ApiError> {
    let row = sqlx::query!(
        r#"select m.id, m.svix_id, m.kind, m.outcome, m.reason, e.name as endpoint, m.endpoint_id,
                  m.environment_id, m.subject, m.received_at, m.status, m.duplicates,
                  m.test as "test: bool", m.accepted as "accepted: bool", m.sentence, m.answer,
                  m.signed_at,
                  m.instance_id, m.last_duplicate_at,
                  m.altered_duplicate as "altered_duplicate: bool", m.body_size, m.verified_us,
                  m.stored_us, m.settled_us, m.answered_us, v.instance_id as known_instance,
                  b.headers, b.body,
                  (select hint from endpoint_secret where id = m.secret_id) as secret_hint
           from message m
           join endpoint e on e.id = m.endpoint_id
           join environment v on v.id = m.environment_id
           join message_body b on b.message_id = m.id
           where m.id = ?1"#,
        which.id
    )
    .fetch_optional(&engine.db().read())
    .await?
    .ok_or_else(|| ApiError::not_found(format!("There is no message {}.", which.id)))?;
    let events: Vec<String> = sqlx::query_scalar!(
        "select n.name from event e join event_name n on n.id = e.name_id
         where e.message_id = ?1 order by e.id",
        which.id
    )
    .fetch_all(&engine.db().read())
    .await?;
    let touched = touched(engine, which.id).await?;
    let headers: Vec<(String, String)> = serde_json::from_str(&row.headers).unwrap_or_default();
    let age_s = row.signed_at.map(|signed_at| (row.received_at - signed_at) / 1000);
    let outcome = outcome_of(&row.outcome);
    let verification = Verification {
        verified: row.accepted,
        sentence: match (&row.secret_hint, row.accepted) {
            (Some(hint), true) => format!("The signature fits the secret ending in {hint}."),
            (None, true) => "The signature fitted a secret that was removed since.".to_owned(),
            (_, false) => row.sentence.clone(),
        },
        secret_hint: row.secret_hint,
        age_s,
    };
    let steps = steps(&Way {
        outcome,
        accepted: row.accepted,
        sentence: &row.sentence,
        verification: &verification,
        touched: &touched,
        events: &events,
        status: row.status,
        times: [Some(row.verified_us), Some(row.stored_us), row.settled_us, row.answered_us],
    });
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
        },
        answer: row.answer,
        sentence: row.sentence,
        steps,
        touched,
        headers: headers.into_iter().map(|(name, value)| Header { name, value }).collect(),
        body_size: row.body_size,
        body: STANDARD.encode(&row.body),
        body_text: String::from_utf8(row.body).ok(),
        verification,
        instance_id: row.instance_id,
        other_instance,
        last_duplicate_at: row.last_duplicate_at,
        altered_duplicate: row.altered_duplicate,
        events,
    })
}

async fn touched(engine: &Engine, message: i64) -> Result<Vec<TouchedContact>, ApiError> {
    let rows = sqlx::query!(
        r#"select contact_id, email, what, changes,
                  exists (select 1 from contact where id = contact_id) as "exists: bool"
           from contact_change where message_id = ?1 order by id"#,
        message
    )
    .fetch_all(&engine.db().read())
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

struct Way<'a> {
    outcome: Outcome,
    accepted: bool,
    sentence: &'a str,
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
    steps.push(if way.accepted {
        let hint = way.verification.secret_hint.as_ref().map(|hint| format!("secret …{hint}"));
        let age = way.verification.age_s.map(|age| format!("{age} s old"));
        let detail: Vec<String> = hint.into_iter().chain(age).collect();
        let detail = (!detail.is_empty()).then(|| detail.join(" · "));
        step("signature", StepState::Done, "Signature valid".to_owned(), detail, verified)
    } else {
        let detail = Some(way.sentence.to_owned());
        step("signature", StepState::Failed, "Not trusted".to_owned(), detail, verified)
    });
    steps.push(step("stored", StepState::Done, "Stored durably".to_owned(), None, stored));
    if way.accepted {
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
    steps.push(step("answered", state, title, None, answered));
    steps
}

pub(super) async fn verify(engine: &Engine, which: VerifyAgain) -> Result<VerifyResult, ApiError> {
    let ids = match (which.ids, which.endpoint_id) {
        (Some(ids), _) => ids,
        (None, Some(endpoint)) => {
            sqlx::query_scalar!(
                "select id from message where endpoint_id = ?1 and outcome = 'refused' order by id",
                endpoint
            )
            .fetch_all(&engine.db().read())
            .await?
        }
        (None, None) => return Err(ApiError::invalid("Say which messages, or which endpoint.")),
    };
    let again = inbox::verify_again(engine.db(), engine.directory(), engine.clock(), &ids).await?;
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
