//! Secrets as people paste them, and what they sign. The first line of the input is the pasted
//! secret, the rest a [`Letter`] in which `{S}` stands for the signature by that secret.
//!
//! Held: a secret that is taken is usable and has one spelling; and on headers that leave nothing to
//! choose, the verdict is that of the svix crate. Where there is a choice Usher differs on purpose
//! (see `signing::verify::verify`): values are trimmed, blank and unreadable ones count as absent, and
//! a time before 1970 is no time.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use svix::webhooks::{Webhook, WebhookError};
use usher_engine::signing::verify::{Key, Refusal, verify};
use usher_engine::signing::{MAX_KEY_BYTES, MIN_KEY_BYTES, SecretMistake, SigningSecret};

use super::letter::{Letter, mac};
use crate::app::NOON;

/// The target.
pub fn signature(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let pasted = String::from_utf8_lossy(&data[..end]);
    let taken_by_svix = Webhook::new(&pasted).is_ok();
    match SigningSecret::parse(&pasted) {
        Ok(secret) => {
            usable(&secret, &pasted);
            let letter = Letter::read(data.get(end + 1..).unwrap_or_default());
            judged_as_svix_does(&secret, &letter.signed_by(&[("{S}", &secret)]));
        }
        Err(mistake) => {
            let by_length = match mistake {
                SecretMistake::TooShort { bytes } => bytes < MIN_KEY_BYTES,
                SecretMistake::TooLong { bytes } => bytes > MAX_KEY_BYTES,
                _ => false,
            };
            assert!(!taken_by_svix || by_length, "svix takes it: {mistake:?}");
            let sentence = mistake.to_string();
            assert!(sentence.ends_with('.') && sentence.len() < 400, "{sentence}");
        }
    }
}

fn usable(secret: &SigningSecret, pasted: &str) {
    assert_eq!(SigningSecret::parse(secret.expose()).as_ref(), Ok(secret), "one spelling");
    let key = secret.expose().strip_prefix("whsec_").unwrap();
    assert!(pasted.contains(key), "made up: {key}");
    let bytes = STANDARD.decode(key).unwrap();
    assert!((MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&bytes.len()), "{} bytes", bytes.len());
    assert!(secret.expose().ends_with(&secret.hint()) && secret.hint().len() == 4);
    assert_eq!(format!("{secret:?}"), format!("\"whsec_…{}\"", secret.hint()));
    let made = secret.sign("msg_1", NOON / 1000, key.as_bytes()).unwrap();
    assert_eq!(made, format!("v1,{}", mac(secret, "msg_1", NOON / 1000, key.as_bytes())));
}

fn judged_as_svix_does(secret: &SigningSecret, letter: &Letter) {
    let keys = [Key { id: 1, secret }];
    let ours = verify(&letter.headers, &letter.body, &keys, &[], NOON);
    let Some(headers) = unambiguous(letter) else { return };
    let webhook = Webhook::new(secret.expose()).unwrap();
    let theirs = webhook.verify_ignoring_timestamp(&letter.body, &headers);
    let before_1970 = letter.said().timestamp.is_some_and(|time| time.starts_with('-'));
    let same = match (&ours, &theirs) {
        (Ok(_) | Err(Refusal::ClockSkew { .. }), Ok(()))
        | (Err(Refusal::MissingHeaders { .. }), Err(WebhookError::MissingHeader(_)))
        | (Err(Refusal::BadTimestamp { .. }), Err(WebhookError::InvalidTimestamp))
        | (Err(Refusal::NotJson { .. }), Err(WebhookError::InvalidPayload))
        | (
            Err(Refusal::WrongSecret | Refusal::BodyAltered { .. }),
            Err(WebhookError::InvalidSignature),
        ) => true,
        (Err(Refusal::BadTimestamp { .. }), _) => before_1970,
        _ => false,
    };
    assert!(same, "Usher says {ours:?}, svix says {theirs:?}");
}

/// The headers for the svix crate, if none of those that count is repeated, padded, blank or
/// unreadable.
fn unambiguous(letter: &Letter) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in &letter.headers {
        let name = name.to_ascii_lowercase();
        let counts = ["svix-", "webhook-"].iter().any(|family| {
            name.strip_prefix(family)
                .is_some_and(|rest| ["id", "timestamp", "signature"].contains(&rest))
        });
        if !counts {
            continue;
        }
        let plain = !value.is_empty()
            && value.trim() == value
            && value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        if !plain || headers.insert(name, HeaderValue::from_str(value).ok()?).is_some() {
            return None;
        }
    }
    Some(headers)
}
