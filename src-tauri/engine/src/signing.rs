//! The signing secret of a Clerk webhook endpoint, and the named mistakes people make when pasting
//! one.
//!
//! The value never leaves by `Debug` or `Display`; [`SigningSecret::expose`] is the one way to it
//! and exists for the keychain and for the tests. Judging incoming signatures is
//! `signing::verify`; storing a secret is `secret`.

pub mod verify;

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use svix::webhooks::{Webhook, WebhookError};
use zeroize::{Zeroize, Zeroizing};

const PREFIX: &str = "whsec_";

/// Fewest key bytes taken. Standard Webhooks asks for 24; Svix's own documentation uses one of 18.
pub const MIN_KEY_BYTES: usize = 16;

/// Most key bytes taken. Standard Webhooks stops at 64 and Svix at 75; more than this is not a
/// signing secret.
pub const MAX_KEY_BYTES: usize = 128;

/// A signing secret that is known to be usable. Kept as `whsec_<padded base64>`, wiped from memory
/// when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Zeroizing<String>);

impl SigningSecret {
    /// One that nobody had before, as Svix makes them: 24 random bytes.
    #[must_use]
    pub fn random() -> Self {
        let key = Zeroizing::new(rand::random::<[u8; 24]>());
        Self(Zeroizing::new(format!("{PREFIX}{}", STANDARD.encode(key))))
    }

    /// What a person gave: `new` for a new one, or one that they pasted.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn given(input: &str) -> Result<Self, SecretMistake> {
        if input.trim() == "new" { Ok(Self::random()) } else { Self::parse(input) }
    }

    /// Reads what a person pasted: with or without `whsec_`, with spaces, quotes or `NAME=` around
    /// it.
    ///
    /// # Errors
    /// The mistake, as a sentence that says where the right value is.
    pub fn parse(input: &str) -> Result<Self, SecretMistake> {
        let pasted = strip_wrapping(input);
        if pasted.is_empty() {
            return Err(SecretMistake::Empty);
        }
        if let Some(mistake) = recognise(pasted) {
            return Err(mistake);
        }
        let body = pasted.strip_prefix(PREFIX).unwrap_or(pasted);
        if body.is_empty() {
            return Err(SecretMistake::Empty);
        }
        if body.contains(PREFIX) {
            return Err(SecretMistake::SeveralSecrets);
        }
        if body.chars().any(char::is_whitespace) {
            return Err(SecretMistake::SpaceInside);
        }
        let mut key = STANDARD.decode(body).map_err(|_| SecretMistake::GarbledBase64)?;
        let bytes = key.len();
        key.zeroize();
        match bytes {
            0..MIN_KEY_BYTES => Err(SecretMistake::TooShort { bytes }),
            MIN_KEY_BYTES..=MAX_KEY_BYTES => Ok(Self(Zeroizing::new(format!("{PREFIX}{body}")))),
            _ => Err(SecretMistake::TooLong { bytes }),
        }
    }

    /// The whole secret in its one spelling, `whsec_<base64>`. For the keychain only: never log or
    /// send it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The last four characters, enough to tell two secrets apart on screen.
    #[must_use]
    pub fn hint(&self) -> String {
        self.0.chars().skip(self.0.len().saturating_sub(4)).collect()
    }

    /// The value of a `svix-signature` header, `v1,<base64>`, for these exact bytes. `timestamp_s`
    /// is Unix seconds.
    ///
    /// # Errors
    /// [`SignError::NotText`] when the body is not UTF-8: Svix signs text only.
    pub fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> Result<String, SignError> {
        Ok(self.webhook()?.sign(id, timestamp_s, body)?)
    }

    /// Svix's verifier for this secret.
    ///
    /// # Errors
    /// None in practice: [`SigningSecret::parse`] has tried the same decoding.
    pub(crate) fn webhook(&self) -> Result<Webhook, WebhookError> {
        Webhook::new(&self.0)
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{PREFIX}…{}\"", self.hint())
    }
}

/// Why a body could not be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Svix signs UTF-8 text only.
    #[error("The body is not UTF-8 text, so it cannot be signed.")]
    NotText,
    /// The secret did not decode to a key.
    #[error("The signing secret cannot be used. Paste it again.")]
    Key,
}

impl From<WebhookError> for SignError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::InvalidPayload => Self::NotText,
            _ => Self::Key,
        }
    }
}

/// What was pasted instead of a signing secret. `Display` is the sentence to show beside the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretMistake {
    /// Nothing, or `whsec_` alone.
    #[error("The signing secret is empty. {WHERE}")]
    Empty,
    /// `sk_live_…` or `sk_test_…`.
    #[error(
        "This is a Clerk secret key (it starts with sk_). It opens your whole Clerk account, so keep it out of here. {WHERE}"
    )]
    ClerkSecretKey,
    /// `pk_live_…` or `pk_test_…`.
    #[error("This is Clerk's publishable key (it starts with pk_), which signs nothing. {WHERE}")]
    PublishableKey,
    /// `ep_…`: the number of the endpoint, shown in the address bar.
    #[error("This is the endpoint's ID (it starts with ep_), not its secret. {WHERE}")]
    EndpointId,
    /// `msg_…`, `ins_…`, `user_…` and the like.
    #[error("This is an ID from Clerk, not a secret. {WHERE}")]
    OtherId,
    /// `whpk_…` or `whsk_…`: ed25519 keys, which Clerk does not use.
    #[error(
        "This is one half of an asymmetric key (whpk_ or whsk_). Clerk signs with a shared secret that starts with whsec_. {WHERE}"
    )]
    AsymmetricKey,
    /// A PEM block, such as Clerk's JWT public key.
    #[error("This is a PEM key, used for session tokens and not for webhooks. {WHERE}")]
    PemKey,
    /// An address, most likely the endpoint's own.
    #[error("This is a web address, not a secret. {WHERE}")]
    Url,
    /// The dots that stand in for the secret until the eye is clicked.
    #[error("These are the dots that hide the secret, not the secret itself. {WHERE}")]
    Hidden,
    /// Two secrets run together.
    #[error("There is more than one secret here. Add them one at a time.")]
    SeveralSecrets,
    /// A space or a line break in the middle.
    #[error(
        "There is a space or a line break inside the secret. Copy it again with Clerk's copy button. {WHERE}"
    )]
    SpaceInside,
    /// Not strict, padded base64.
    #[error(
        "The secret is garbled: a character is missing, changed or too many. Copy it again as a whole. {WHERE}"
    )]
    GarbledBase64,
    /// Fewer than [`MIN_KEY_BYTES`].
    #[error(
        "The secret is too short ({bytes} bytes; Clerk's have 24), so part of it is probably missing. {WHERE}"
    )]
    TooShort {
        /// Decoded length.
        bytes: usize,
    },
    /// More than [`MAX_KEY_BYTES`].
    #[error(
        "The secret is too long ({bytes} bytes; Clerk's have 24), so something else was pasted with it. {WHERE}"
    )]
    TooLong {
        /// Decoded length.
        bytes: usize,
    },
}

const WHERE: &str = "In Clerk open Configure → Webhooks → the endpoint, click the eye beside Signing Secret, and copy what starts with whsec_.";

/// Takes off quotes, spaces and a leading `NAME=` or `Signing Secret:`.
fn strip_wrapping(input: &str) -> &str {
    let trimmed = input.trim_matches(is_wrapping);
    let Some((name, value)) = trimmed.split_once(['=', ':']) else {
        return trimmed;
    };
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' '));
    let value = value.trim_matches(is_wrapping);
    if is_name && !value.starts_with("//") && value.contains(|c: char| c.is_ascii_alphanumeric()) {
        value
    } else {
        trimmed
    }
}

fn is_wrapping(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '"' | '\'' | '`' | '“' | '”' | '‘' | '’' | ',' | ';' | '\u{200b}' | '\u{feff}'
        )
}

fn recognise(pasted: &str) -> Option<SecretMistake> {
    const PREFIXES: [(&str, SecretMistake); 15] = [
        ("sk_", SecretMistake::ClerkSecretKey),
        ("pk_", SecretMistake::PublishableKey),
        ("ep_", SecretMistake::EndpointId),
        ("whpk_", SecretMistake::AsymmetricKey),
        ("whsk_", SecretMistake::AsymmetricKey),
        ("-----BEGIN", SecretMistake::PemKey),
        ("http:", SecretMistake::Url),
        ("https:", SecretMistake::Url),
        ("msg_", SecretMistake::OtherId),
        ("ins_", SecretMistake::OtherId),
        ("app_", SecretMistake::OtherId),
        ("user_", SecretMistake::OtherId),
        ("org_", SecretMistake::OtherId),
        ("evt_", SecretMistake::OtherId),
        ("wle_", SecretMistake::OtherId),
    ];
    if let Some((_, mistake)) = PREFIXES.iter().find(|(prefix, _)| pasted.starts_with(prefix)) {
        return Some(*mistake);
    }
    if pasted.contains("://") {
        return Some(SecretMistake::Url);
    }
    let shown = pasted.strip_prefix(PREFIX).unwrap_or(pasted);
    shown.contains(['•', '●', '∙', '·', '*', '…']).then_some(SecretMistake::Hidden)
}
