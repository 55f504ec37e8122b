//! Messages taken elsewhere: the clipboard, an issue, another tool.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::Engine;
use crate::api::messages::{Copied, CopyFormat, CopyMessages, SendTest, ids_of};
use crate::api::{ApiError, samples};
use crate::clerk::ALL_EVENTS;
use crate::share::redact::Stand;
use crate::share::{Exchange, Request, har};

/// Most messages of one export.
const MOST: usize = 1_000;

struct Stored {
    endpoint_id: i64,
    token: String,
    kind: String,
    outcome: String,
    reason: Option<String>,
    sentence: String,
    answer: String,
    svix_id: Option<String>,
    received_at: i64,
    answered_us: Option<i64>,
    status: i64,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// Messages as text for the clipboard.
pub(in crate::api) async fn copy(engine: &Engine, asked: CopyMessages) -> Result<Copied, ApiError> {
    let (text, _) = written(engine, asked).await?;
    Ok(Copied { text })
}

/// Messages in a form that can be taken elsewhere, and how many they are.
pub(super) async fn written(
    engine: &Engine,
    asked: CopyMessages,
) -> Result<(String, usize), ApiError> {
    let ids = ids_of(engine, asked.which).await?;
    let many = matches!(asked.format, CopyFormat::Har | CopyFormat::Json);
    let most = if many { MOST } else { 1 };
    if ids.is_empty() || ids.len() > most {
        return Err(ApiError::invalid(match ids.len() {
            0 => "No message is among these.".to_owned(),
            count if many => format!(
                "These are {count} messages, and at most {MOST} are taken at once. Narrow the \
                 search, or select fewer."
            ),
            count => format!("These are {count} messages; only one is copied in this form."),
        }));
    }
    let count = ids.len();
    let mut messages = Vec::with_capacity(count);
    for id in ids {
        messages.push(stored(engine, id).await?);
    }
    let mut stand = asked.redacted.then(|| Stand::new(ALL_EVENTS));
    let text = match asked.format {
        CopyFormat::Json => {
            let all: Vec<Whole> =
                messages.iter().map(|message| as_json(message, stand.as_mut())).collect();
            let text = match all.as_slice() {
                [one] => serde_json::to_string_pretty(one),
                _ => serde_json::to_string_pretty(&all),
            };
            text.map_err(|error| ApiError::unavailable(error.to_string()))?
        }
        CopyFormat::Har => {
            let base = engine.listener_status().url;
            let exchanges = messages
                .into_iter()
                .map(|message| exchange(message, &base, stand.as_mut()))
                .collect::<Result<Vec<_>, ApiError>>()?;
            format!("{:#}", har(&exchanges, env!("CARGO_PKG_VERSION")))
        }
        CopyFormat::Curl | CopyFormat::Fetch | CopyFormat::Http => {
            let message = messages.swap_remove(0);
            let request = match &mut stand {
                None => signed(engine, message).await?,
                Some(stand) => {
                    let base = engine.listener_status().url;
                    exchange(message, &base, Some(stand))?.request
                }
            };
            match asked.format {
                CopyFormat::Fetch => request.fetch(),
                CopyFormat::Http => request.http(),
                _ => request.curl(),
            }
        }
    };
    Ok((text, count))
}

async fn stored(engine: &Engine, id: i64) -> Result<Stored, ApiError> {
    let row = sqlx::query!(
        "select m.endpoint_id, e.token, m.kind, m.outcome, m.reason, m.sentence, m.answer,
                m.svix_id, m.received_at, m.answered_us, m.status, b.headers, b.body
         from message m join endpoint e on e.id = m.endpoint_id
         join message_body b on b.message_id = m.id where m.id = ?1",
        id
    )
    .fetch_optional(&engine.db().read())
    .await?
    .ok_or_else(|| ApiError::not_found(format!("There is no message {id}.")))?;
    Ok(Stored {
        endpoint_id: row.endpoint_id,
        token: row.token,
        kind: row.kind,
        outcome: row.outcome,
        reason: row.reason,
        sentence: row.sentence,
        answer: row.answer,
        svix_id: row.svix_id,
        received_at: row.received_at,
        answered_us: row.answered_us,
        status: row.status,
        headers: serde_json::from_str(&row.headers).unwrap_or_default(),
        body: row.body,
    })
}

/// The body of a message that is to be sent.
fn text_of(body: Vec<u8>) -> Result<String, ApiError> {
    String::from_utf8(body).ok().filter(|body| !body.contains('\0')).ok_or_else(|| {
        ApiError::invalid("Its body is not text. Copy it as JSON or HAR, which hold it as base64.")
    })
}

/// Whether the body of a message refused for this reason is there.
pub(super) fn kept(reason: Option<&str>) -> Result<(), ApiError> {
    match reason {
        Some("too_large") => Err(ApiError::invalid("Its body was too large and was not kept.")),
        _ => Ok(()),
    }
}

/// The body, and whether it had to be written as base64.
fn written_body(body: Vec<u8>) -> (String, bool) {
    match String::from_utf8(body) {
        Ok(text) => (text, false),
        Err(error) => (STANDARD.encode(error.as_bytes()), true),
    }
}

/// The message as a request that is accepted now.
async fn signed(engine: &Engine, message: Stored) -> Result<Request, ApiError> {
    kept(message.reason.as_deref())?;
    let test = SendTest {
        endpoint_id: message.endpoint_id,
        body: text_of(message.body)?,
        svix_id: message.svix_id,
        ..SendTest::default()
    };
    let signed = samples::sign(engine, test).await?;
    let headers = signed.headers.into_iter().map(|header| (header.name, header.value)).collect();
    Ok(Request { url: signed.url, headers, body: signed.body })
}

/// The message as it came.
fn exchange(
    message: Stored,
    base: &str,
    stand: Option<&mut Stand<'_>>,
) -> Result<Exchange, ApiError> {
    let (request, base64, answer) = match stand {
        Some(stand) => (redacted(&message, stand), false, String::new()),
        None => {
            let url = format!("{base}/in/{}", message.token);
            let (body, base64) = written_body(message.body);
            (Request { url, headers: message.headers, body }, base64, message.answer)
        }
    };
    let took_us = u32::try_from(message.answered_us.unwrap_or(0)).unwrap_or(u32::MAX);
    Ok(Exchange {
        request,
        base64,
        status: u16::try_from(message.status).unwrap_or(500),
        answer,
        received_at: iso(message.received_at)?,
        took_ms: f64::from(took_us) / 1000.0,
    })
}

fn redacted(message: &Stored, stand: &mut Stand<'_>) -> Request {
    let body = stand.in_body(&String::from_utf8_lossy(&message.body));
    let headers = headers(message, stand);
    Request { url: "https://usher.example/in/TOKEN".to_owned(), headers, body }
}

fn headers(message: &Stored, stand: &mut Stand<'_>) -> Vec<(String, String)> {
    message.headers.iter().filter_map(|(name, value)| stand.in_header(name, value)).collect()
}

/// A message as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    r#type: String,
    outcome: String,
    reason: Option<String>,
    status: i64,
    received_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sentence: Option<String>,
    headers: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_encoding: Option<&'static str>,
    /// As it came, to the letter, so that the signature still fits; as a string when it is not JSON.
    body: Box<RawValue>,
}

fn as_json(message: &Stored, stand: Option<&mut Stand<'_>>) -> Whole {
    let (kind, sentence, headers, (body, base64)) = match stand {
        None => (
            message.kind.clone(),
            Some(message.sentence.clone()),
            message.headers.clone(),
            written_body(message.body.clone()),
        ),
        Some(stand) => {
            let request = redacted(message, stand);
            (stand.in_type(&message.kind), None, request.headers, (request.body, false))
        }
    };
    let string = |text: &str| to_raw_value(text).unwrap_or_default();
    Whole {
        r#type: kind,
        outcome: message.outcome.clone(),
        reason: message.reason.clone(),
        status: message.status,
        received_at: iso(message.received_at).unwrap_or_default(),
        sentence,
        headers,
        body_encoding: base64.then_some("base64"),
        body: match base64 {
            true => string(&body),
            false => serde_json::from_str(&body).unwrap_or_else(|_| string(&body)),
        },
    }
}

fn iso(ms: i64) -> Result<String, ApiError> {
    jiff::Timestamp::from_millisecond(ms)
        .map(|at| at.to_string())
        .map_err(|error| ApiError::invalid(error.to_string()))
}
