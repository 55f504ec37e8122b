//! Endpoints, environments, mailing lists and settings: what a person sets up.
//!
//! Owns the tables `environment`, `endpoint`, `endpoint_settings`, `endpoint_secret`,
//! `mailing_list` and `setting`, and the [`Directory`] by which the listener finds an endpoint without asking
//! the database. Deliberately absent: the secrets' values, which are in the keychain.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use ts_rs::TS;

use crate::change::Topic;
use crate::clerk::ACTED_ON;
use crate::db::{Db, Tx};
use crate::secret::{Keys, KeysError, Place};
use crate::signing::SigningSecret;
use crate::signing::verify::{Key, Stranger};

/// What `user.deleted` does to the contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum OnDelete {
    /// Nothing happens to the contact.
    Leave,
    /// The contact stays and is unsubscribed.
    Unsubscribe,
    /// The contact is removed.
    Delete,
}

/// The toggle of one event and its options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct EventSettings {
    /// One of the five events, such as `user.created`.
    pub event: String,
    /// Off: the message is kept, answered 2xx and changes nothing.
    pub enabled: bool,
    /// Take the first name over.
    pub first_name: bool,
    /// Take the last name over.
    pub last_name: bool,
    /// User group for contacts this event creates.
    pub user_group: Option<String>,
    /// Mailing lists, by id, for contacts this event creates.
    pub mailing_lists: Vec<i64>,
    /// Name of an event to record besides `clerk.<type>`.
    pub custom_event: Option<String>,
}

/// How an endpoint treats what it receives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct EndpointSettings {
    /// What `user.deleted` does.
    pub on_delete: OnDelete,
    /// The five events, always all of them, in their fixed order.
    pub events: Vec<EventSettings>,
}

/// An endpoint as the listener sees it.
#[derive(Debug)]
pub struct Live {
    /// Id.
    pub id: i64,
    /// Its environment.
    pub environment_id: i64,
    /// Name of the environment and of the endpoint.
    pub label: String,
    /// Name.
    pub name: String,
    /// The unguessable part of its path.
    pub token: String,
    /// Messages are kept and wait.
    pub paused: bool,
    /// Id of the settings in force.
    pub settings_id: i64,
    /// The settings in force.
    pub settings: EndpointSettings,
    /// Signing secrets by id, newest first.
    pub secrets: Vec<(i64, SigningSecret)>,
    /// The database in which these ids mean something, see [`Db::number`].
    pub database: u64,
}

impl Live {
    /// The secrets that may sign for it.
    pub fn keys(&self) -> Vec<Key<'_>> {
        self.secrets.iter().map(|(id, secret)| Key { id: *id, secret }).collect()
    }

    /// The secrets of all other endpoints, which only serve to explain.
    pub fn strangers<'a>(&self, all: impl Iterator<Item = &'a Arc<Live>>) -> Vec<Stranger<'a>> {
        all.filter(|other| other.id != self.id)
            .flat_map(|other| {
                let endpoint = other.label.as_str();
                other.secrets.iter().map(move |(_, secret)| Stranger { endpoint, secret })
            })
            .collect()
    }
}

/// Every endpoint that is not removed, by the hash of its token: looking one up takes the same time
/// however much of a guessed token is right.
#[derive(Debug, Default)]
pub struct Directory {
    by_token: RwLock<Arc<HashMap<[u8; 32], Arc<Live>>>>,
    database: AtomicU64,
}

impl Directory {
    /// The endpoint of a token.
    pub fn find(&self, token: &str) -> Option<Arc<Live>> {
        self.all().get(&digest(token)).cloned()
    }

    /// The endpoint of an id.
    pub fn by_id(&self, id: i64) -> Option<Arc<Live>> {
        self.all().values().find(|live| live.id == id).cloned()
    }

    /// All of them.
    pub fn all(&self) -> Arc<HashMap<[u8; 32], Arc<Live>>> {
        Arc::clone(&self.by_token.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Whether it was read from this database, see [`Db::number`].
    pub fn is_of(&self, database: u64) -> bool {
        self.database.load(Ordering::SeqCst) == database
    }

    /// Reads everything anew, after a change.
    ///
    /// # Errors
    /// What SQLite says. A secret that the keychain does not give out is left out and logged.
    pub async fn reload(&self, db: &Db, keys: &Keys) -> Result<(), sqlx::Error> {
        let database = db.number();
        let rows = sqlx::query!(
            r#"select e.id, e.environment_id, e.name, e.token, e.paused as "paused: bool",
                      v.name as environment, s.id as settings_id, s.body
               from endpoint e
               join environment v on v.id = e.environment_id
               join endpoint_settings s on s.id =
                   (select max(id) from endpoint_settings where endpoint_id = e.id)
               where e.removed_at is null"#
        )
        .fetch_all(&db.read())
        .await?;
        let secrets = sqlx::query!(
            "select id, endpoint_id, account, place from endpoint_secret order by id desc"
        )
        .fetch_all(&db.read())
        .await?;
        let mut of: HashMap<i64, Vec<(i64, SigningSecret)>> = HashMap::new();
        for row in secrets {
            match keys.get(Place::of(&row.place), &row.account).await {
                Ok(Some(value)) => match SigningSecret::parse(&value) {
                    Ok(secret) => of.entry(row.endpoint_id).or_default().push((row.id, secret)),
                    Err(mistake) => tracing::warn!("secret {} is unusable: {mistake}", row.id),
                },
                Ok(None) => tracing::warn!("secret {} is no longer in the keychain", row.id),
                Err(error) => tracing::warn!("secret {} could not be read: {error}", row.id),
            }
        }
        let fresh = rows
            .into_iter()
            .map(|row| {
                let live = Live {
                    id: row.id,
                    environment_id: row.environment_id,
                    label: format!("{} · {}", row.name, row.environment),
                    name: row.name,
                    paused: row.paused,
                    settings_id: row.settings_id,
                    settings: settings_of(&row.body),
                    secrets: of.remove(&row.id).unwrap_or_default(),
                    token: row.token,
                    database,
                };
                (digest(&live.token), Arc::new(live))
            })
            .collect();
        *self.by_token.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(fresh);
        self.database.store(database, Ordering::SeqCst);
        Ok(())
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Stored settings; every event that is missing gets its default.
pub fn settings_of(body: &str) -> EndpointSettings {
    serde_json::from_str(body).map_or_else(
        |error| {
            tracing::warn!("stored settings could not be read: {error}");
            default_settings()
        },
        complete,
    )
}

/// Everything on, names synced, no group, no lists; `user.deleted` unsubscribes.
pub fn default_settings() -> EndpointSettings {
    EndpointSettings {
        on_delete: OnDelete::Unsubscribe,
        events: ACTED_ON.iter().map(|event| default_event(event)).collect(),
    }
}

fn default_event(event: &str) -> EventSettings {
    EventSettings {
        event: event.to_owned(),
        enabled: true,
        first_name: true,
        last_name: true,
        user_group: None,
        mailing_lists: Vec::new(),
        custom_event: None,
    }
}

/// The five events in their order; unknown ones are dropped, missing ones get their default, texts
/// are trimmed and empty ones removed.
pub fn complete(settings: EndpointSettings) -> EndpointSettings {
    let tidy = |text: Option<String>| {
        text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let mut given: HashMap<String, EventSettings> =
        settings.events.into_iter().map(|event| (event.event.clone(), event)).collect();
    let events = ACTED_ON
        .iter()
        .map(|event| given.remove(*event).unwrap_or_else(|| default_event(event)))
        .map(|event| EventSettings {
            user_group: tidy(event.user_group),
            custom_event: tidy(event.custom_event),
            ..event
        })
        .collect();
    EndpointSettings { on_delete: settings.on_delete, events }
}

/// The options of one event.
pub fn options_of<'a>(settings: &'a EndpointSettings, kind: &str) -> Option<&'a EventSettings> {
    settings.events.iter().find(|event| event.event == kind)
}

/// Adds an environment and returns its id.
///
/// # Errors
/// What SQLite says, such as a name that is taken.
pub async fn add_environment(
    tx: &mut Tx,
    name: &str,
    kind: &str,
    color: &str,
    now: i64,
) -> Result<i64, sqlx::Error> {
    tx.touch(Topic::Environments);
    sqlx::query_scalar!(
        r#"insert into environment (name, kind, color, created_at) values (?1, ?2, ?3, ?4)
           returning id as "id!""#,
        name,
        kind,
        color,
        now
    )
    .fetch_one(tx.conn())
    .await
}

/// Changes an environment; `None` leaves a field. False when there is none of that id.
///
/// # Errors
/// What SQLite says, such as a name that is taken.
pub async fn update_environment(
    tx: &mut Tx,
    id: i64,
    name: Option<&str>,
    kind: Option<&str>,
    color: Option<&str>,
) -> Result<bool, sqlx::Error> {
    tx.touch(Topic::Environments);
    tx.touch(Topic::Endpoints);
    let done = sqlx::query!(
        "update environment set name = coalesce(?2, name), kind = coalesce(?3, kind),
                color = coalesce(?4, color) where id = ?1",
        id,
        name,
        kind,
        color
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes an environment that holds nothing any more.
///
/// # Errors
/// What SQLite says, such as something that still belongs to it.
pub async fn remove_environment(tx: &mut Tx, id: i64) -> Result<(), sqlx::Error> {
    tx.touch(Topic::Environments);
    tx.touch(Topic::Lists);
    sqlx::query!(
        "delete from endpoint_settings where endpoint_id in (
             select id from endpoint where environment_id = ?1 and removed_at is not null
         ) and not exists (select 1 from message where settings_id = endpoint_settings.id)",
        id
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "delete from endpoint where environment_id = ?1 and removed_at is not null
         and not exists (select 1 from message where endpoint_id = endpoint.id)",
        id
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!("delete from environment where id = ?1", id).execute(tx.conn()).await?;
    Ok(())
}

/// Remembers the Clerk instance an environment was first seen with.
///
/// # Errors
/// What SQLite says.
pub async fn remember_instance(
    tx: &mut Tx,
    environment: i64,
    instance: &str,
) -> Result<(), sqlx::Error> {
    let done = sqlx::query!(
        "update environment set instance_id = ?2 where id = ?1 and instance_id is null",
        environment,
        instance
    )
    .execute(tx.conn())
    .await?;
    if done.rows_affected() > 0 {
        tx.touch(Topic::Environments);
    }
    Ok(())
}

/// Adds a mailing list, or finds the one of that name; returns its id.
///
/// # Errors
/// What SQLite says.
pub async fn add_list(
    tx: &mut Tx,
    environment: i64,
    name: &str,
    now: i64,
) -> Result<i64, sqlx::Error> {
    tx.touch(Topic::Lists);
    sqlx::query_scalar!(
        r#"insert into mailing_list (environment_id, name, created_at) values (?1, ?2, ?3)
           on conflict (environment_id, name) do update set name = mailing_list.name
           returning id as "id!""#,
        environment,
        name,
        now
    )
    .fetch_one(tx.conn())
    .await
}

/// Adds an endpoint with a fresh token and returns its id.
///
/// # Errors
/// What SQLite says.
pub async fn add(
    tx: &mut Tx,
    environment: i64,
    name: &str,
    settings: &EndpointSettings,
    now: i64,
) -> Result<i64, sqlx::Error> {
    tx.touch(Topic::Endpoints);
    tx.touch(Topic::Environments);
    let token = fresh_token();
    let id = sqlx::query_scalar!(
        r#"insert into endpoint (environment_id, name, token, created_at) values (?1, ?2, ?3, ?4)
           returning id as "id!""#,
        environment,
        name,
        token,
        now
    )
    .fetch_one(tx.conn())
    .await?;
    put_settings(tx, id, settings, now).await?;
    Ok(id)
}

/// 20 letters and digits: 119 bits nobody can guess.
fn fresh_token() -> String {
    let mut random = rand::rng();
    let letters: String =
        (0..20).map(|_| char::from(random.sample(rand::distr::Alphanumeric))).collect();
    format!("ep_{letters}")
}

/// Puts new settings in force; messages keep the ones they were judged by.
///
/// # Errors
/// What SQLite says.
pub async fn put_settings(
    tx: &mut Tx,
    endpoint: i64,
    settings: &EndpointSettings,
    now: i64,
) -> Result<(), sqlx::Error> {
    tx.touch(Topic::Endpoints);
    let body = serde_json::to_string(settings).map_err(|e| sqlx::Error::Encode(Box::new(e)))?;
    sqlx::query!(
        "insert into endpoint_settings (endpoint_id, created_at, body) values (?1, ?2, ?3)",
        endpoint,
        now,
        body
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Renames, pauses or resumes; `None` leaves a field.
///
/// # Errors
/// What SQLite says.
pub async fn update(
    tx: &mut Tx,
    endpoint: i64,
    name: Option<&str>,
    paused: Option<bool>,
) -> Result<(), sqlx::Error> {
    tx.touch(Topic::Endpoints);
    tx.touch(Topic::Messages);
    sqlx::query!(
        "update endpoint set name = coalesce(?2, name), paused = coalesce(?3, paused) where id = ?1",
        endpoint,
        name,
        paused
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes an endpoint out of service. Its messages and contacts stay; its secrets are returned so
/// that they can be forgotten.
///
/// # Errors
/// What SQLite says.
pub async fn remove(
    tx: &mut Tx,
    endpoint: i64,
    now: i64,
) -> Result<Vec<(Place, String)>, sqlx::Error> {
    tx.touch(Topic::Endpoints);
    tx.touch(Topic::Environments);
    sqlx::query!("update endpoint set removed_at = ?2 where id = ?1", endpoint, now)
        .execute(tx.conn())
        .await?;
    let rows = sqlx::query!(
        "delete from endpoint_secret where endpoint_id = ?1 returning account, place",
        endpoint
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (Place::of(&row.place), row.account)).collect())
}

/// Why a secret was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The keychain or the file did not take it.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database did not.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Keeps a signing secret for an endpoint: first its value in the keychain, then its row.
///
/// # Errors
/// When either does not take it; then nothing is kept.
pub async fn add_secret(
    db: &Db,
    keys: &Keys,
    endpoint: i64,
    secret: &SigningSecret,
    now: i64,
) -> Result<(), SecretError> {
    let account = format!("signing/{:032x}", rand::rng().random::<u128>());
    keys.put(&account, secret.expose()).await?;
    let (place, hint) = (keys.place(), secret.hint());
    let word = place.word();
    let kept = db
        .write(async |tx| {
            tx.touch(Topic::Endpoints);
            let id = next_id(tx, "endpoint_secret").await?;
            sqlx::query!(
                "insert into endpoint_secret (id, endpoint_id, account, place, hint, added_at)
                 values (?1, ?2, ?3, ?4, ?5, ?6)",
                id,
                endpoint,
                account,
                word,
                hint,
                now
            )
            .execute(tx.conn())
            .await
        })
        .await;
    if let Err(error) = kept {
        keys.forget(place, &account).await?;
        return Err(error.into());
    }
    Ok(())
}

/// Forgets a signing secret; false when the endpoint has none of that id.
///
/// # Errors
/// When the database or the keychain does not answer.
pub async fn remove_secret(
    db: &Db,
    keys: &Keys,
    endpoint: i64,
    secret: i64,
) -> Result<bool, SecretError> {
    let row = db
        .write(async |tx| {
            tx.touch(Topic::Endpoints);
            sqlx::query!(
                "delete from endpoint_secret where id = ?1 and endpoint_id = ?2
                 returning account, place",
                secret,
                endpoint
            )
            .fetch_optional(tx.conn())
            .await
        })
        .await?;
    let Some(row) = row else { return Ok(false) };
    keys.forget(Place::of(&row.place), &row.account).await?;
    Ok(true)
}

/// An id of this kind that was never given before, also not to what is gone.
pub(crate) async fn next_id(tx: &mut Tx, kind: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"update counter set next = next + 1 where name = ?1 returning next - 1 as "id!: i64""#,
        kind
    )
    .fetch_one(tx.conn())
    .await
}

/// A setting's text.
///
/// # Errors
/// What SQLite says.
pub async fn setting(db: &Db, key: &str) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("select value from setting where key = ?1", key)
        .fetch_optional(&db.read())
        .await
}

/// Keeps a setting.
///
/// # Errors
/// What SQLite says.
pub async fn put_setting(tx: &mut Tx, key: &str, value: &str) -> Result<(), sqlx::Error> {
    tx.touch(Topic::Settings);
    tx.touch(Topic::App);
    sqlx::query!(
        "insert into setting (key, value) values (?1, ?2)
         on conflict (key) do update set value = excluded.value",
        key,
        value
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
