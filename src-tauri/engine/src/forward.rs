//! Forwarding: every trusted message on to apps under development, in order, with retries.
//!
//! A target belongs to an endpoint. Each message stored after the target was added becomes a delivery
//! (queue.rs); the pump makes the attempts (pump.rs, deliver.rs). The inbox knows nothing of it and
//! never waits for it. A delivery that was under way when Usher was closed is made again: an app must
//! take the same `svix-id` twice, as it must with Svix. Owns the tables `forward_target`, `delivery` and
//! `delivery_attempt`. Deliberately absent: messages that were refused, which nobody vouches for.

pub mod address;
mod deliver;
pub mod hint;
mod pump;
mod queue;

use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use ts_rs::TS;

use crate::change::Topic;
use crate::db::Tx;
use crate::secret::{Keys, KeysError, Place};
use crate::signing::SigningSecret;

use deliver::{is_not_passed_on, is_of_the_signature};
pub use pump::{Forwarding, run};
pub use queue::{Retried, forward_trusted, retry, send_again};

/// Most patterns of a target, and most extra headers.
const MOST: usize = 50;
/// Longest pattern, and longest value of an extra header, in bytes.
const LONGEST_TYPE: usize = 100;
const LONGEST_VALUE: usize = 4_000;

/// How a forwarded message is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ForwardSignature {
    /// The signature of the sender is passed on; it is good for five minutes.
    Original,
    /// Signed anew at each attempt, with the target's secret or else the endpoint's newest.
    Fresh,
}

/// What happens after an attempt that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ForwardRetries {
    /// Tried again on Svix's schedule: 8 attempts in about 28 hours.
    Svix,
    /// Not tried again.
    None,
}

impl ForwardSignature {
    /// The stored word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Fresh => "fresh",
        }
    }

    /// The meaning of a stored word.
    pub fn of(word: &str) -> Self {
        if word == "fresh" { Self::Fresh } else { Self::Original }
    }
}

impl ForwardRetries {
    /// The stored word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Svix => "svix",
            Self::None => "none",
        }
    }

    /// The meaning of a stored word.
    pub fn of(word: &str) -> Self {
        if word == "none" { Self::None } else { Self::Svix }
    }
}

/// A target as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Address, see [`address::Address::parse`].
    pub url: String,
    /// Types, see [`types_of`].
    pub types: Vec<String>,
    /// Extra headers, see [`headers_of`].
    pub headers: Vec<(String, String)>,
    /// How it is signed.
    pub signature: ForwardSignature,
    /// The secret for that; the endpoint's own when there is none.
    pub secret: Option<KeptSecret>,
    /// What happens after a failure.
    pub retries: ForwardRetries,
    /// Addresses outside this machine and its networks are allowed.
    pub allow_public: bool,
    /// Messages are forwarded.
    pub enabled: bool,
}

/// Where a target's secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSecret {
    /// Its name there.
    pub account: String,
    /// The store.
    pub place: Place,
    /// Last four characters.
    pub hint: String,
}

impl KeptSecret {
    /// From the three columns of a target; `None` when it has no secret of its own.
    pub fn stored(
        account: Option<String>,
        place: Option<String>,
        hint: Option<String>,
    ) -> Option<Self> {
        Some(Self {
            account: account?,
            place: Place::of(place.as_deref().unwrap_or_default()),
            hint: hint.unwrap_or_default(),
        })
    }
}

/// Types as a person gave them: trimmed, none twice. `*` stands for anything.
///
/// # Errors
/// What is wrong with one, as a sentence.
pub fn types_of(given: Vec<String>) -> Result<Vec<String>, String> {
    let mut types: Vec<String> = Vec::new();
    for kind in given {
        let kind = kind.trim();
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '*');
        if kind.is_empty() || kind.len() > LONGEST_TYPE || !kind.chars().all(fits) {
            return Err(format!(
                "\"{kind}\" is not a type of message. Write one such as user.created, or user.* for all of users."
            ));
        }
        if !types.iter().any(|known| known == kind) {
            types.push(kind.to_owned());
        }
    }
    if types.len() > MOST {
        return Err(format!(
            "These are {} types; a target takes up to {MOST}. Use *.",
            types.len()
        ));
    }
    Ok(types)
}

/// Extra headers as a person gave them: names in lower case, values trimmed.
///
/// # Errors
/// What is wrong with one, as a sentence.
pub fn headers_of(given: Vec<(String, String)>) -> Result<Vec<(String, String)>, String> {
    if given.len() > MOST {
        return Err(format!("These are {} headers; a target takes up to {MOST}.", given.len()));
    }
    given
        .into_iter()
        .map(|(name, value)| {
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
            if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
                return Err(format!("\"{name}\" is not the name of a header."));
            }
            if is_of_the_signature(&name) {
                return Err(format!(
                    "{name} belongs to the signature, so it cannot be an extra header. Choose a fresh signature instead."
                ));
            }
            if is_not_passed_on(&name) {
                return Err(format!("{name} is set by Usher, so it cannot be an extra header."));
            }
            if value.len() > LONGEST_VALUE || http::HeaderValue::from_str(&value).is_err() {
                return Err(format!(
                    "The value of {name} cannot be sent: it holds a line break or another sign that headers do not take, or is longer than {LONGEST_VALUE} bytes."
                ));
            }
            Ok((name, value))
        })
        .collect()
}

/// Keeps the secret of a target; its row is to follow.
///
/// # Errors
/// When the keychain or the file does not take it.
pub async fn keep_secret(keys: &Keys, secret: &SigningSecret) -> Result<KeptSecret, KeysError> {
    let account = format!("forward/{:032x}", rand::rng().random::<u128>());
    keys.put(&account, secret.expose()).await?;
    Ok(KeptSecret { account, place: keys.place(), hint: secret.hint() })
}

/// Adds a target and returns its id. Messages stored from now on are forwarded to it.
///
/// # Errors
/// What SQLite says.
pub async fn add(
    tx: &mut Tx,
    endpoint: i64,
    target: &Target,
    now: i64,
) -> Result<i64, sqlx::Error> {
    let id = sqlx::query_scalar!(
        r#"insert into forward_target
             (endpoint_id, url, types, headers, signature, retries, created_at, seen)
           values (?1, '', '[]', '[]', 'original', 'svix', ?2, 0) returning id as "id!""#,
        endpoint,
        now
    )
    .fetch_one(tx.conn())
    .await?;
    look_from_now_on(tx, id).await?;
    put(tx, id, target).await?;
    Ok(id)
}

/// Puts a target in place of what it was. What is stored until now goes by what it was: one that was
/// off, or wanted other types, gets what is stored from now on, and what waited.
///
/// # Errors
/// What SQLite says.
pub async fn update(tx: &mut Tx, id: i64, target: &Target, now: i64) -> Result<(), sqlx::Error> {
    let was = sqlx::query!(
        r#"select types, enabled as "enabled: bool" from forward_target where id = ?1"#,
        id
    )
    .fetch_optional(tx.conn())
    .await?;
    let types = json!(target.types).to_string();
    if was.is_some_and(|was| was.types != types || was.enabled != target.enabled) {
        queue::enqueue_all(tx, now).await?;
        look_from_now_on(tx, id).await?;
    }
    put(tx, id, target).await
}

async fn look_from_now_on(tx: &mut Tx, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update forward_target
         set seen = (select coalesce(max(seq), 0) from sqlite_sequence where name = 'message')
         where id = ?1",
        id
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn put(tx: &mut Tx, id: i64, target: &Target) -> Result<(), sqlx::Error> {
    tx.touch(Topic::Forwards);
    let (types, headers) = (json!(target.types).to_string(), json!(target.headers).to_string());
    let (signature, retries) = (target.signature.word(), target.retries.word());
    let secret = target.secret.as_ref();
    let account = secret.map(|secret| secret.account.as_str());
    let place = secret.map(|secret| secret.place.word());
    let hint = secret.map(|secret| secret.hint.as_str());
    sqlx::query!(
        "update forward_target
         set url = ?2, types = ?3, headers = ?4, signature = ?5, secret_account = ?6,
             secret_place = ?7, secret_hint = ?8, retries = ?9, allow_public = ?10, enabled = ?11
         where id = ?1",
        id,
        target.url,
        types,
        headers,
        signature,
        account,
        place,
        hint,
        retries,
        target.allow_public,
        target.enabled
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes a target out of service: what waits for it has failed for good. Its secret is returned so that
/// it can be forgotten.
///
/// # Errors
/// What SQLite says.
pub async fn remove(
    tx: &mut Tx,
    id: i64,
    now: i64,
) -> Result<Option<(Place, String)>, sqlx::Error> {
    tx.touch(Topic::Forwards);
    tx.touch(Topic::Messages);
    let secret =
        sqlx::query!("select secret_account, secret_place from forward_target where id = ?1", id)
            .fetch_optional(tx.conn())
            .await?;
    sqlx::query!(
        "update forward_target
         set removed_at = ?2, secret_account = null, secret_place = null, secret_hint = null
         where id = ?1",
        id,
        now
    )
    .execute(tx.conn())
    .await?;
    queue::give_up(tx, id, "The target was removed before this was forwarded.", now).await?;
    Ok(secret.and_then(|row| Some((Place::of(&row.secret_place?), row.secret_account?))))
}

/// The same for all targets of an endpoint.
///
/// # Errors
/// What SQLite says.
pub async fn remove_of(
    tx: &mut Tx,
    endpoint: i64,
    now: i64,
) -> Result<Vec<(Place, String)>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "select id from forward_target where endpoint_id = ?1 and removed_at is null",
        endpoint
    )
    .fetch_all(tx.conn())
    .await?;
    let mut secrets = Vec::new();
    for id in ids {
        secrets.extend(remove(tx, id, now).await?);
    }
    Ok(secrets)
}
