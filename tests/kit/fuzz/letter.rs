//! A request as the handler gets it, spelled as text: lines `name: value`, an empty line, the body.
//!
//! `{A}` in a value stands for the signature that a secret of that letter makes over the id, time
//! and body of this very letter. Without it no mutation would ever reach what lies behind a right
//! signature.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use usher_engine::signing::SigningSecret;

/// Headers and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Names and values in the order written.
    pub headers: Vec<(String, String)>,
    /// The bytes after the empty line.
    pub body: Vec<u8>,
}

/// What the three headers of a letter say, each by the first value that can be read, its `svix-`
/// name before its `webhook-` name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said<'a> {
    /// The message id.
    pub id: Option<&'a str>,
    /// The time, as text.
    pub timestamp: Option<&'a str>,
    /// The signatures.
    pub signature: Option<&'a str>,
}

impl Letter {
    /// Reads any bytes: a line without a colon is a name without a value.
    pub fn read(text: &[u8]) -> Self {
        let mut headers = Vec::new();
        let mut rest = text;
        loop {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let line = String::from_utf8_lossy(&rest[..end]).into_owned();
            rest = rest.get(end + 1..).unwrap_or_default();
            if line.is_empty() {
                return Self { headers, body: rest.to_vec() };
            }
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            headers.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Puts the signatures by these secrets in the place of their letters.
    #[must_use]
    pub fn signed_by(mut self, secrets: &[(&str, &SigningSecret)]) -> Self {
        let Said { id, timestamp, .. } = self.said();
        let id = id.unwrap_or_default();
        let at_s = timestamp.and_then(|time| time.parse().ok()).unwrap_or_default();
        let marks: Vec<_> = secrets
            .iter()
            .filter(|(mark, _)| self.headers.iter().any(|(_, value)| value.contains(mark)))
            .map(|(mark, secret)| (*mark, mac(secret, id, at_s, &self.body)))
            .collect();
        for (mark, made) in marks {
            for (_, value) in &mut self.headers {
                *value = value.replace(mark, &made);
            }
        }
        self
    }

    /// The three headers that count.
    pub fn said(&self) -> Said<'_> {
        let one = |name: &str| {
            let of = |family: &str| {
                let wanted = format!("{family}-{name}");
                let named = self.headers.iter().filter(|h| h.0.eq_ignore_ascii_case(&wanted));
                let mut values = named.map(|header| header.1.trim());
                values.find(|value| {
                    !value.is_empty() && value.bytes().all(|b| matches!(b, b' '..=b'~'))
                })
            };
            of("svix").or_else(|| of("webhook"))
        };
        Said { id: one("id"), timestamp: one("timestamp"), signature: one("signature") }
    }

    /// Takes a header out and gives its first value.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let at = self.headers.iter().position(|header| header.0 == name)?;
        Some(self.headers.remove(at).1)
    }
}

/// True if one of the entries of a signature header is `v1` and by this secret.
pub fn fits(entries: &str, secret: &SigningSecret, id: &str, at_s: i64, body: &[u8]) -> bool {
    let right = mac(secret, id, at_s, body);
    entries.split(' ').any(|entry| entry.split_once(',') == Some(("v1", &right)))
}

/// Svix's signature, written again from its description: the HMAC-SHA256 of `id.timestamp.body`
/// under the decoded secret, in base64.
pub fn mac(secret: &SigningSecret, id: &str, at_s: i64, body: &[u8]) -> String {
    let key = STANDARD.decode(secret.expose().trim_start_matches("whsec_")).unwrap();
    let mut block = [0; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(&key));
    } else {
        block[..key.len()].copy_from_slice(&key);
    }
    let message = [format!("{id}.{at_s}.").as_bytes(), body].concat();
    let inner = Sha256::digest([&block.map(|byte| byte ^ 0x36)[..], &message].concat());
    STANDARD.encode(Sha256::digest([&block.map(|byte| byte ^ 0x5c)[..], &inner].concat()))
}
