//! Is this request really from Clerk, and from now? Pure: headers, bytes, secrets and the time go
//! in, a proof or a named refusal comes out.
//!
//! The signature is Svix's own check (`verify_ignoring_timestamp`) over the exact bytes; the time
//! is judged here, because the clock is a parameter and because a wrong secret must not be reported
//! as a wrong clock. Order: no secret, missing headers, unreadable timestamp, body not text,
//! signature, time. The sizes of requests are the guard's, JSON is `clerk`'s, and repeated
//! `svix-id`s are the inbox's.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderValue};

use crate::signing::SigningSecret;

/// How far the signing time may lie from our clock either way, in seconds, inclusive. Svix's rule.
pub const TOLERANCE_S: i64 = 300;

/// Longest body for which a failed signature is explained, in bytes. Explaining hashes the body
/// several times.
pub const EXPLAIN_LIMIT: usize = 256 * 1024;

const NAMES: [(&str, &str); 3] = [
    ("svix-id", "webhook-id"),
    ("svix-timestamp", "webhook-timestamp"),
    ("svix-signature", "webhook-signature"),
];

/// One of the endpoint's own active secrets.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// Row of the secret; comes back in [`Verified::secret_id`].
    pub id: i64,
    /// The secret.
    pub secret: &'a SigningSecret,
}

/// A secret of another endpoint. Never accepted; used only to say whose secret a message was signed
/// with.
#[derive(Debug, Clone, Copy)]
pub struct Stranger<'a> {
    /// Name of that endpoint, as the user knows it.
    pub endpoint: &'a str,
    /// The secret.
    pub secret: &'a SigningSecret,
}

/// Proof that a message carries a right signature and a fresh time. Only [`verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    svix_id: String,
    signed_at_s: i64,
    secret_id: i64,
}

impl Verified {
    /// The signed message id (`msg_…`), the same over retries and replays.
    #[must_use]
    pub fn svix_id(&self) -> &str {
        &self.svix_id
    }

    /// When this attempt was signed, Unix seconds. New at every attempt: not a version of the
    /// content.
    #[must_use]
    pub fn signed_at_s(&self) -> i64 {
        self.signed_at_s
    }

    /// Which [`Key`] matched.
    #[must_use]
    pub fn secret_id(&self) -> i64 {
        self.secret_id
    }
}

/// Why a request was refused. `Display` is the sentence for the user of this program; a sender gets
/// [`Refusal::public_sentence`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// At least one of the three Svix headers is missing, empty or not printable ASCII.
    #[error(
        "Not signed: {} missing. Clerk sends these with every webhook, so this came from somewhere else or a proxy removed them.",
        list(names)
    )]
    MissingHeaders {
        /// The missing ones by their `svix-` names, in the order id, timestamp, signature.
        names: Vec<&'static str>,
    },
    /// The timestamp header is not a whole number of Unix seconds.
    #[error("The svix-timestamp header is \"{value}\", which is not a time in Unix seconds.")]
    BadTimestamp {
        /// What stood there, shortened.
        value: String,
    },
    /// The signature is right and the time is off.
    #[error("{}", skew_sentence(*seconds))]
    ClockSkew {
        /// Our clock minus the signing time. Positive: signed in the past, or our clock is ahead.
        seconds: i64,
    },
    /// No active secret made this signature.
    #[error(
        "The signature does not match this endpoint's signing secret. In Clerk open Configure → Webhooks → this endpoint, copy the Signing Secret, and paste it into the endpoint in Usher. If that one is in Usher already, something on the way changes the body, such as a proxy that writes its JSON anew."
    )]
    WrongSecret,
    /// The secret of another endpoint made this signature.
    #[error(
        "This was signed with the secret of the endpoint \"{endpoint}\". Swap the addresses in Clerk, or add that secret to this endpoint too."
    )]
    OtherEndpointsSecret {
        /// Name of that endpoint.
        endpoint: String,
    },
    /// The signature fits a body that differs from the one received in a way that could be named.
    #[error(
        "The secret is right, but the body was changed on its way: {how}. Whatever forwards the request must pass its bytes through untouched."
    )]
    BodyAltered {
        /// What was done to it.
        how: &'static str,
    },
    /// The endpoint has no active secret yet.
    #[error(
        "This endpoint has no signing secret in Usher yet. The message is kept. In Clerk open Configure → Webhooks → this endpoint, copy the Signing Secret, and paste it into the endpoint in Usher; it can then be verified again, and Clerk will retry."
    )]
    NoSecret,
    /// More bytes than the listener takes. Made by the listener.
    #[error("The body has {bytes} bytes; the limit is {limit}.")]
    TooLarge {
        /// Size that was announced or read.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The body is not JSON, or not even text.
    #[error("The body is not JSON: it stops making sense at {at}.")]
    NotJson {
        /// A place, such as `line 2, column 7` or `byte 14 (not UTF-8 text)`.
        at: String,
    },
    /// The body is a list, a text or a number. Made by the inbox.
    #[error("The body is JSON but not an object, so it is not an event from Clerk.")]
    NotAnObject,
}

impl Refusal {
    /// The name kept in the database.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingHeaders { .. } => "missing_headers",
            Self::BadTimestamp { .. } => "bad_timestamp",
            Self::ClockSkew { .. } => "clock_skew",
            Self::WrongSecret => "wrong_secret",
            Self::OtherEndpointsSecret { .. } => "other_endpoints_secret",
            Self::BodyAltered { .. } => "body_altered",
            Self::NoSecret => "no_secret",
            Self::TooLarge { .. } => "too_large",
            Self::NotJson { .. } | Self::NotAnObject => "not_json",
        }
    }

    /// The name a sender may see: the name of another endpoint, and that it exists, stay here.
    #[must_use]
    pub fn public_code(&self) -> &'static str {
        match self {
            Self::OtherEndpointsSecret { .. } => Self::WrongSecret.code(),
            other => other.code(),
        }
    }

    /// The sentence a sender may see, which Clerk shows under Message Attempts.
    #[must_use]
    pub fn public_sentence(&self) -> String {
        match self {
            Self::OtherEndpointsSecret { .. } => Self::WrongSecret.to_string(),
            other => other.to_string(),
        }
    }
}

/// Judges one request.
///
/// Header names are compared without case; values are trimmed. For each of the three headers the
/// `svix-` name is looked up first and the `webhook-` name second, as the svix crate does: a
/// complete `svix-` set wins, and a mixed set is read header by header (harmless, since the
/// signature covers id and time). An empty or non-ASCII value counts as absent, and of a repeated
/// header the first readable value counts. `now_ms` is Unix milliseconds.
///
/// # Errors
/// The named refusal.
pub fn verify(
    headers: &[(String, String)],
    body: &[u8],
    keys: &[Key<'_>],
    others: &[Stranger<'_>],
    now_ms: i64,
) -> Result<Verified, Refusal> {
    check(headers, body, keys, now_ms).map_err(|doubt| match doubt {
        Doubt::Plain(refusal) => refusal,
        Doubt::Signature(signed) => explain(&signed, body, keys, others),
    })
}

/// The same without looking for the cause of a wrong signature, which costs several more: for requests
/// that are not kept.
///
/// # Errors
/// The named refusal; every signature that does not fit is [`Refusal::WrongSecret`].
pub fn verify_unexplained(
    headers: &[(String, String)],
    body: &[u8],
    keys: &[Key<'_>],
    now_ms: i64,
) -> Result<Verified, Refusal> {
    check(headers, body, keys, now_ms).map_err(|doubt| match doubt {
        Doubt::Plain(refusal) => refusal,
        Doubt::Signature(_) => Refusal::WrongSecret,
    })
}

enum Doubt<'a> {
    Plain(Refusal),
    Signature(Signed<'a>),
}

fn check<'a>(
    headers: &'a [(String, String)],
    body: &[u8],
    keys: &[Key<'_>],
    now_ms: i64,
) -> Result<Verified, Doubt<'a>> {
    if keys.is_empty() {
        return Err(Doubt::Plain(Refusal::NoSecret));
    }
    let signed = Signed::read(headers).map_err(Doubt::Plain)?;
    if let Err(error) = std::str::from_utf8(body) {
        let at = format!("byte {} (not UTF-8 text)", error.valid_up_to() + 1);
        return Err(Doubt::Plain(Refusal::NotJson { at }));
    }
    let Some(key) = keys.iter().find(|key| signed.fits(key.secret, body)) else {
        return Err(Doubt::Signature(signed));
    };
    let seconds = now_ms.div_euclid(1000).saturating_sub(signed.at_s);
    if !(-TOLERANCE_S..=TOLERANCE_S).contains(&seconds) {
        return Err(Doubt::Plain(Refusal::ClockSkew { seconds }));
    }
    Ok(Verified { svix_id: signed.id.to_owned(), signed_at_s: signed.at_s, secret_id: key.id })
}

struct Signed<'a> {
    id: &'a str,
    at_s: i64,
    headers: HeaderMap,
}

impl<'a> Signed<'a> {
    fn read(headers: &'a [(String, String)]) -> Result<Self, Refusal> {
        let found = NAMES
            .map(|(svix, unbranded)| lookup(headers, svix).or_else(|| lookup(headers, unbranded)));
        let [Some(id), Some(time), Some(signature)] = found else {
            let missing = NAMES.iter().zip(found).filter(|(_, value)| value.is_none());
            return Err(Refusal::MissingHeaders {
                names: missing.map(|((svix, _), _)| *svix).collect(),
            });
        };
        let Some(at_s) = time.0.parse::<i64>().ok().filter(|seconds| *seconds >= 0) else {
            return Err(Refusal::BadTimestamp { value: shorten(time.0) });
        };
        let values = [id.1, time.1, signature.1];
        let headers = NAMES
            .iter()
            .zip(values)
            .map(|((svix, _), value)| (http::HeaderName::from_static(svix), value));
        Ok(Self { id: id.0, at_s, headers: headers.collect() })
    }

    fn fits(&self, secret: &SigningSecret, body: &[u8]) -> bool {
        secret
            .webhook()
            .is_ok_and(|webhook| webhook.verify_ignoring_timestamp(body, &self.headers).is_ok())
    }
}

fn lookup<'a>(headers: &'a [(String, String)], wanted: &str) -> Option<(&'a str, HeaderValue)> {
    headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).find_map(|(_, value)| {
        let value = value.trim();
        let readable = !value.is_empty() && value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        readable.then(|| HeaderValue::from_str(value).ok()).flatten().map(|header| (value, header))
    })
}

fn explain(signed: &Signed<'_>, body: &[u8], keys: &[Key<'_>], others: &[Stranger<'_>]) -> Refusal {
    if body.len() > EXPLAIN_LIMIT {
        return Refusal::WrongSecret;
    }
    if let Some(stranger) = others.iter().find(|stranger| signed.fits(stranger.secret, body)) {
        return Refusal::OtherEndpointsSecret { endpoint: stranger.endpoint.to_owned() };
    }
    let ours = |body: &[u8]| keys.iter().any(|key| signed.fits(key.secret, body));
    if let Some(shorter) = body.strip_suffix(b"\r\n").or_else(|| body.strip_suffix(b"\n"))
        && ours(shorter)
    {
        return Refusal::BodyAltered { how: "a line break was added at its end" };
    }
    if [b"\n".as_slice(), b"\r\n"].iter().any(|end| ours(&[body, *end].concat())) {
        return Refusal::BodyAltered { how: "the line break at its end was removed" };
    }
    let compact = without_spaces(body);
    if compact != body && ours(&compact) {
        return Refusal::BodyAltered { how: "spaces or line breaks were added between its parts" };
    }
    if rewritten(body).is_some_and(|rewritten| ours(&rewritten)) {
        return Refusal::BodyAltered {
            how: "it was parsed and written again, with other spelling or order",
        };
    }
    Refusal::WrongSecret
}

/// The same JSON without insignificant whitespace; order, numbers and escapes stay as they are.
fn without_spaces(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut inside = false;
    let mut escaped = false;
    for &byte in body {
        if inside {
            inside = byte != b'"' || escaped;
            escaped = byte == b'\\' && !escaped;
        } else if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            continue;
        } else {
            inside = byte == b'"';
        }
        out.push(byte);
    }
    out
}

/// The body as Clerk would write it: sorted keys, compact, no needless escapes.
fn rewritten(body: &[u8]) -> Option<Vec<u8>> {
    let mut value: serde_json::Value = serde_json::from_slice(body).ok()?;
    value.sort_all_objects();
    serde_json::to_vec(&value).ok()
}

fn shorten(value: &str) -> String {
    const MOST: usize = 40;
    let mut short: String = value.chars().take(MOST).collect();
    if short.len() < value.len() {
        short.push('…');
    }
    short
}

fn list(names: &[&str]) -> String {
    match names {
        [] => "a header is".to_owned(),
        [one] => format!("the header {one} is"),
        [first @ .., last] => format!("the headers {} and {last} are", first.join(", ")),
    }
}

fn skew_sentence(seconds: i64) -> String {
    let span = span(seconds.unsigned_abs());
    let (when, fix) = if seconds > 0 { ("ago", "ahead") } else { ("in the future", "behind") };
    format!(
        "The secret is right, but the message was signed {span} {when}, and more than 5 minutes is refused. If Clerk sent it just now, this computer's clock is {span} {fix}: set it to automatic time."
    )
}

fn span(seconds: u64) -> String {
    let parts = [
        (seconds / 86_400, "day"),
        (seconds / 3600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
        (seconds % 60, "second"),
    ];
    let mut words = String::new();
    for (count, unit) in
        parts.iter().skip_while(|(count, _)| *count == 0).take(2).filter(|(count, _)| *count > 0)
    {
        let gap = if words.is_empty() { "" } else { " " };
        let plural = if *count == 1 { "" } else { "s" };
        let _ = write!(words, "{gap}{count} {unit}{plural}");
    }
    words
}
