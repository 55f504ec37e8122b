//! Forwards: the targets that messages are forwarded to, and how each delivery went.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::Engine;
use crate::api::app::Nothing;
use crate::api::environments::ById;
use crate::api::messages::Header;
use crate::api::{ApiError, endpoints};
use crate::forward::address::{Address, LOOP, judge};
use crate::forward::{self, KeptSecret, Retried, Target};
pub use crate::forward::{ForwardRetries, ForwardSignature};
use crate::secret::KeysError;
use crate::signing::SigningSecret;

/// One target in a list.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ForwardRow {
    /// Id.
    pub id: i64,
    /// The endpoint whose messages it gets.
    pub endpoint_id: i64,
    /// Its address.
    pub url: String,
    /// Types it gets, with `*` for anything; all when there are none.
    pub types: Vec<String>,
    /// Extra headers.
    pub headers: Vec<Header>,
    /// How messages are signed.
    pub signature: ForwardSignature,
    /// Last four characters of its own secret; absent when it signs with the endpoint's.
    pub secret_hint: Option<String>,
    /// What happens after an attempt that failed.
    pub retries: ForwardRetries,
    /// Addresses outside this machine and its private networks are allowed.
    pub allow_public: bool,
    /// Messages are forwarded.
    pub enabled: bool,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Deliveries that wait for an attempt.
    pub waiting: i64,
    /// Deliveries that failed for good.
    pub failed: i64,
    /// Deliveries that were answered 2xx.
    pub done: i64,
    /// Unix milliseconds of the newest attempt.
    pub last_at: Option<i64>,
    /// HTTP status of the newest attempt; absent when there was no answer.
    pub last_status: Option<i64>,
    /// What went wrong with the newest attempt, and what to do.
    pub last_problem: Option<String>,
}

/// One delivery of a message to a target.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct DeliveryRow {
    /// Id.
    pub id: i64,
    /// The message.
    pub message_id: i64,
    /// The target.
    pub forward_id: i64,
    /// Address of the target.
    pub url: String,
    /// How it stands.
    pub state: DeliveryState,
    /// Unix milliseconds at which the next attempt is due; absent when there is none.
    pub due_at: Option<i64>,
    /// The message whose delivery is tried before it, since both are about the same object; absent when
    /// it is its own turn.
    pub behind_id: Option<i64>,
    /// Attempts, oldest first.
    pub attempts: Vec<DeliveryAttempt>,
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, sqlx::Type)]
#[serde(rename_all = "camelCase")]
#[sqlx(rename_all = "lowercase")]
#[ts(export)]
pub enum DeliveryState {
    /// An attempt is under way or to come.
    Waiting,
    /// Answered 2xx.
    Done,
    /// There is no further attempt.
    Failed,
}

impl DeliveryState {
    /// The meaning of a stored word.
    pub(super) fn of(word: &str) -> Self {
        match word {
            "waiting" => Self::Waiting,
            "done" => Self::Done,
            _ => Self::Failed,
        }
    }
}

/// One attempt and what came back.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct DeliveryAttempt {
    /// Id.
    pub id: i64,
    /// Unix milliseconds of its beginning.
    pub at: i64,
    /// Milliseconds until the answer was there.
    pub took_ms: i64,
    /// HTTP status; absent when there was no answer.
    pub status: Option<i64>,
    /// Headers of the answer.
    pub headers: Vec<Header>,
    /// The first 64 KiB of the answer's body; what is not UTF-8 is replaced.
    pub body: String,
    /// What went wrong and what to do; absent when it was answered 2xx.
    pub problem: Option<String>,
}

/// Targets of one endpoint, or of all.
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct OfEndpoint {
    /// The endpoint; every one when absent.
    pub endpoint_id: Option<i64>,
}

/// Deliveries of one message.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export)]
pub struct OfMessage {
    /// The message.
    pub message_id: i64,
}

/// A new target.
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct AddForward {
    /// The endpoint whose messages it gets.
    pub endpoint_id: i64,
    /// Its address, such as `http://localhost:3000/api/webhooks`.
    pub url: String,
    /// Types it gets, such as `user.*`; all when absent.
    pub types: Option<Vec<String>>,
    /// Extra headers; they take the place of those of the same name.
    pub headers: Option<Vec<Header>>,
    /// How messages are signed; `fresh` when a secret is given, else `original`.
    pub signature: Option<ForwardSignature>,
    /// Secret for a fresh signature, as pasted; the endpoint's newest when absent.
    pub secret: Option<String>,
    /// What happens after an attempt that failed; `svix` when absent.
    pub retries: Option<ForwardRetries>,
    /// Allow addresses outside this machine and its private networks; not so when absent.
    pub allow_public: Option<bool>,
}

/// A change of a target; what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct UpdateForward {
    /// Which one.
    pub id: i64,
    /// New address.
    pub url: Option<String>,
    /// New types.
    pub types: Option<Vec<String>>,
    /// New extra headers.
    pub headers: Option<Vec<Header>>,
    /// How messages are signed.
    pub signature: Option<ForwardSignature>,
    /// New secret for a fresh signature; an empty one for the endpoint's newest.
    pub secret: Option<String>,
    /// What happens after an attempt that failed.
    pub retries: Option<ForwardRetries>,
    /// Allow addresses outside this machine and its private networks.
    pub allow_public: Option<bool>,
    /// Off: what arrives meanwhile is not forwarded, and what waits goes on waiting.
    pub enabled: Option<bool>,
}

pub(super) async fn list(engine: &Engine, of: OfEndpoint) -> Result<Vec<ForwardRow>, ApiError> {
    rows(engine, of.endpoint_id, None).await
}

async fn rows(
    engine: &Engine,
    endpoint: Option<i64>,
    only: Option<i64>,
) -> Result<Vec<ForwardRow>, ApiError> {
    let rows = sqlx::query!(
        r#"select t.id, t.endpoint_id, t.url, t.types, t.headers, t.signature, t.secret_hint,
                  t.retries, t.allow_public as "allow_public: bool", t.enabled as "enabled: bool",
                  t.created_at, t.last_at, t.last_status, t.last_problem,
                  (select count(*) from delivery where target_id = t.id and state = 'waiting')
                      as "waiting!: i64",
                  (select count(*) from delivery where target_id = t.id and state = 'failed')
                      as "failed!: i64",
                  (select count(*) from delivery where target_id = t.id and state = 'done')
                      as "done!: i64"
           from forward_target t
           where t.removed_at is null and (?1 is null or t.endpoint_id = ?1)
             and (?2 is null or t.id = ?2)
           order by t.id"#,
        endpoint,
        only
    )
    .fetch_all(&engine.db().read())
    .await?;
    let rows = rows.into_iter().map(|row| ForwardRow {
        id: row.id,
        endpoint_id: row.endpoint_id,
        url: row.url,
        types: serde_json::from_str(&row.types).unwrap_or_default(),
        headers: headers(&row.headers),
        signature: ForwardSignature::of(&row.signature),
        secret_hint: row.secret_hint,
        retries: ForwardRetries::of(&row.retries),
        allow_public: row.allow_public,
        enabled: row.enabled,
        created_at: row.created_at,
        waiting: row.waiting,
        failed: row.failed,
        done: row.done,
        last_at: row.last_at,
        last_status: row.last_status,
        last_problem: row.last_problem,
    });
    Ok(rows.collect())
}

async fn one(engine: &Engine, id: i64) -> Result<ForwardRow, ApiError> {
    rows(engine, None, Some(id)).await?.pop().ok_or_else(unknown)
}

fn unknown() -> ApiError {
    ApiError::not_found("There is no such target.")
}

fn headers(stored: &str) -> Vec<Header> {
    let pairs: Vec<(String, String)> = serde_json::from_str(stored).unwrap_or_default();
    pairs.into_iter().map(|(name, value)| Header { name, value }).collect()
}

fn pairs(headers: Vec<Header>) -> Vec<(String, String)> {
    headers.into_iter().map(|header| (header.name, header.value)).collect()
}

/// An address that may be forwarded to, as far as it can be told without asking for a name.
fn url_of(engine: &Engine, url: &str, allow_public: bool) -> Result<String, ApiError> {
    let to = Address::parse(url).map_err(ApiError::invalid)?;
    if to.is_own_endpoint(engine.listener_status().port) {
        return Err(ApiError::invalid(LOOP));
    }
    if let Some(ip) = to.ip() {
        judge(ip, allow_public)
            .map_err(|barred| ApiError::invalid(barred.sentence(&to.host, ip)))?;
    }
    Ok(to.to_string())
}

fn unsuitable(signature: ForwardSignature) -> Result<(), ApiError> {
    match signature {
        ForwardSignature::Fresh => Ok(()),
        ForwardSignature::Original => Err(ApiError::invalid(
            "The original signature is passed on as it came, so a secret would not be used. Choose a fresh signature.",
        )),
    }
}

async fn keep(engine: &Engine, pasted: &str) -> Result<KeptSecret, ApiError> {
    let secret = SigningSecret::given(pasted).map_err(|e| ApiError::invalid(e.to_string()))?;
    forward::keep_secret(engine.keys(), &secret).await.map_err(unkept)
}

fn unkept(error: KeysError) -> ApiError {
    ApiError::unavailable(error.to_string())
}

pub(super) async fn add(engine: &Engine, new: AddForward) -> Result<ForwardRow, ApiError> {
    engine.directory().by_id(new.endpoint_id).ok_or_else(endpoints::unknown)?;
    let allow_public = new.allow_public.unwrap_or(false);
    let pasted = new.secret.filter(|secret| !secret.trim().is_empty());
    let implied =
        if pasted.is_some() { ForwardSignature::Fresh } else { ForwardSignature::Original };
    let signature = new.signature.unwrap_or(implied);
    if pasted.is_some() {
        unsuitable(signature)?;
    }
    let mut target = Target {
        url: url_of(engine, &new.url, allow_public)?,
        types: forward::types_of(new.types.unwrap_or_default()).map_err(ApiError::invalid)?,
        headers: forward::headers_of(pairs(new.headers.unwrap_or_default()))
            .map_err(ApiError::invalid)?,
        signature,
        secret: None,
        retries: new.retries.unwrap_or(ForwardRetries::Svix),
        allow_public,
        enabled: true,
    };
    if let Some(pasted) = pasted {
        target.secret = Some(keep(engine, &pasted).await?);
    }
    let (now, endpoint) = (engine.now(), new.endpoint_id);
    let added = engine.db().write(async |tx| forward::add(tx, endpoint, &target, now).await).await;
    match (added, &target.secret) {
        (Ok(id), _) => one(engine, id).await,
        (Err(error), None) => Err(error.into()),
        (Err(error), Some(kept)) => {
            engine.keys().forget(kept.place, &kept.account).await.map_err(unkept)?;
            Err(error.into())
        }
    }
}

async fn target(engine: &Engine, id: i64) -> Result<Target, ApiError> {
    let row = one(engine, id).await?;
    let kept = sqlx::query!(
        "select secret_account, secret_place, secret_hint from forward_target where id = ?1",
        id
    )
    .fetch_one(&engine.db().read())
    .await?;
    let secret = KeptSecret::stored(kept.secret_account, kept.secret_place, kept.secret_hint);
    Ok(Target {
        url: row.url,
        types: row.types,
        headers: pairs(row.headers),
        signature: row.signature,
        secret,
        retries: row.retries,
        allow_public: row.allow_public,
        enabled: row.enabled,
    })
}

pub(super) async fn update(engine: &Engine, new: UpdateForward) -> Result<ForwardRow, ApiError> {
    let mut target = target(engine, new.id).await?;
    target.signature = new.signature.unwrap_or(target.signature);
    target.retries = new.retries.unwrap_or(target.retries);
    target.allow_public = new.allow_public.unwrap_or(target.allow_public);
    target.enabled = new.enabled.unwrap_or(target.enabled);
    if new.url.is_some() || new.allow_public.is_some() {
        let url = new.url.as_deref().unwrap_or(&target.url);
        target.url = url_of(engine, url, target.allow_public)?;
    }
    if let Some(types) = new.types {
        target.types = forward::types_of(types).map_err(ApiError::invalid)?;
    }
    if let Some(headers) = new.headers {
        target.headers = forward::headers_of(pairs(headers)).map_err(ApiError::invalid)?;
    }
    let before = target.secret.clone();
    let mut fresh = None;
    match new.secret.as_deref().map(str::trim) {
        None if target.signature == ForwardSignature::Fresh => {}
        None | Some("") => target.secret = None,
        Some(pasted) => {
            unsuitable(target.signature)?;
            let kept = keep(engine, pasted).await?;
            fresh = Some(kept.clone());
            target.secret = Some(kept);
        }
    }
    let now = engine.now();
    let changed =
        engine.db().write(async |tx| forward::update(tx, new.id, &target, now).await).await;
    let useless =
        if changed.is_ok() { before.filter(|b| target.secret.as_ref() != Some(b)) } else { fresh };
    if let Some(kept) = useless {
        engine.keys().forget(kept.place, &kept.account).await.map_err(unkept)?;
    }
    changed?;
    one(engine, new.id).await
}

pub(super) async fn remove(engine: &Engine, which: ById) -> Result<Nothing, ApiError> {
    one(engine, which.id).await?;
    let now = engine.now();
    let secret = engine.db().write(async |tx| forward::remove(tx, which.id, now).await).await?;
    if let Some((place, account)) = secret {
        engine.keys().forget(place, &account).await.map_err(|error| {
            ApiError::unavailable(format!("The target is removed, but its secret is not: {error}"))
        })?;
    }
    Ok(Nothing {})
}

pub(super) async fn deliveries(
    engine: &Engine,
    of: OfMessage,
) -> Result<Vec<DeliveryRow>, ApiError> {
    delivery_rows(engine, Some(of.message_id), None).await
}

async fn delivery_rows(
    engine: &Engine,
    message: Option<i64>,
    only: Option<i64>,
) -> Result<Vec<DeliveryRow>, ApiError> {
    let mut seen = engine.db().snapshot().await?;
    let rows = sqlx::query!(
        r#"select d.id, d.message_id, d.target_id, t.url, d.state, d.due_at,
                  (select e.message_id from delivery_turn u join delivery e on e.id = u.behind
                   where u.id = d.id and d.state = 'waiting') as "behind_id?: i64"
           from delivery d join forward_target t on t.id = d.target_id
           where d.message_id = coalesce(?1, (select message_id from delivery where id = ?2))
             and (?2 is null or d.id = ?2)
           order by d.id"#,
        message,
        only
    )
    .fetch_all(&mut *seen)
    .await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let ids = serde_json::json!(ids).to_string();
    let attempts = sqlx::query!(
        "select id, delivery_id, at, took_ms, status, headers, body, problem
         from delivery_attempt where delivery_id in (select value from json_each(?1)) order by id",
        ids
    )
    .fetch_all(&mut *seen)
    .await?;
    let mut rows: Vec<DeliveryRow> = rows
        .into_iter()
        .map(|row| DeliveryRow {
            id: row.id,
            message_id: row.message_id,
            forward_id: row.target_id,
            url: row.url,
            state: DeliveryState::of(&row.state),
            due_at: row.due_at,
            behind_id: row.behind_id,
            attempts: Vec::new(),
        })
        .collect();
    for attempt in attempts {
        let Some(row) = rows.iter_mut().find(|row| row.id == attempt.delivery_id) else { continue };
        row.attempts.push(DeliveryAttempt {
            id: attempt.id,
            at: attempt.at,
            took_ms: attempt.took_ms,
            status: attempt.status,
            headers: headers(&attempt.headers),
            body: String::from_utf8_lossy(&attempt.body).into_owned(),
            problem: attempt.problem,
        });
    }
    Ok(rows)
}

pub(super) async fn retry(engine: &Engine, which: ById) -> Result<DeliveryRow, ApiError> {
    let now = engine.now();
    let retried = engine.db().write(async |tx| forward::retry(tx, which.id, now).await).await?;
    let stands = |why: &str| Err(ApiError::conflict(why));
    match retried {
        Retried::Due => {}
        Retried::Unknown => return Err(ApiError::not_found("There is no such delivery.")),
        Retried::Done => {
            return stands("It was received already. Replay the message to send it once more.");
        }
        Retried::Removed => {
            return stands("Its target was removed. Add it again and replay the message.");
        }
        Retried::Off => return stands("Its target is off. Switch it on first."),
    }
    let row = delivery_rows(engine, None, Some(which.id)).await?.pop();
    row.ok_or_else(|| ApiError::not_found("There is no such delivery."))
}
