//! Endpoints: the addresses given to Clerk, with their secrets and event toggles.

use crate::Engine;
use crate::api::app::{InEnvironment, Nothing};
use crate::api::environments::ById;
use crate::api::{ApiError, lists, name_of};
use crate::endpoint::{self, SecretError};
pub use crate::endpoint::{EndpointSettings, EventSettings, OnDelete};
use crate::signing::SigningSecret;
use crate::{forward, inbox};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// An endpoint's state in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum EndpointState {
    /// No signing secret that can be used: none yet, or the keychain does not give it out.
    NeedsSecret,
    /// Ready; nothing has arrived.
    Waiting,
    /// The last message was accepted.
    Receiving,
    /// The last message was refused, and it was not a test.
    Failing,
    /// Messages are kept and wait until it is resumed.
    Paused,
}

/// One endpoint in a list.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct EndpointRow {
    /// Id.
    pub id: i64,
    /// Its environment.
    pub environment_id: i64,
    /// Name of that environment.
    pub environment: String,
    /// Name.
    pub name: String,
    /// The unguessable part of its path, `ep_…`.
    pub token: String,
    /// `/in/<token>`.
    pub path: String,
    /// Full address on this machine.
    pub url: String,
    /// State in one word.
    pub state: EndpointState,
    /// Whether it is paused.
    pub paused: bool,
    /// How many signing secrets it has.
    pub secrets: i64,
    /// Names of the events switched on.
    pub enabled_events: Vec<String>,
    /// Unix milliseconds of the newest message.
    pub last_message_at: Option<i64>,
    /// Messages of the last 24 hours, refused ones included.
    pub messages24h: i64,
    /// Refused messages of the last 24 hours.
    pub refused24h: i64,
}

/// One signing secret; the value stays in the keychain.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SecretRow {
    /// Id.
    pub id: i64,
    /// Last four characters.
    pub hint: String,
    /// Unix milliseconds.
    pub added_at: i64,
    /// Unix milliseconds of the newest message it verified.
    pub last_verified_at: Option<i64>,
    /// False when the keychain no longer gives the value out.
    pub readable: bool,
}

/// Messages of one hour.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct HourCount {
    /// Unix milliseconds of the hour's start.
    pub start_at: i64,
    /// Accepted messages.
    pub accepted: i64,
    /// Refused messages.
    pub refused: i64,
}

/// Messages of one type in the last seven days.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TypeCount {
    /// The type.
    pub kind: String,
    /// How many.
    pub count: i64,
}

/// The newest accepted message of an endpoint.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct LastVerified {
    /// Its id.
    pub id: i64,
    /// Its type.
    pub kind: String,
    /// Unix milliseconds.
    pub received_at: i64,
}

/// Refused requests that were counted and not kept, because too many came at once.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Unkept {
    /// How many, since `first_at`.
    pub count: i64,
    /// Unix milliseconds.
    pub first_at: i64,
    /// Unix milliseconds.
    pub last_at: i64,
}

/// An endpoint with all that its screen shows.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct EndpointDetail {
    /// What the list shows.
    #[serde(flatten)]
    pub row: EndpointRow,
    /// Toggles and options.
    pub settings: EndpointSettings,
    /// Signing secrets, newest first.
    pub signing_secrets: Vec<SecretRow>,
    /// The newest accepted message.
    pub last_verified: Option<LastVerified>,
    /// The last 24 hours, oldest first.
    pub hours: Vec<HourCount>,
    /// The last seven days by type, most frequent first.
    pub week: Vec<TypeCount>,
    /// Refused requests that were not kept.
    pub unkept: Option<Unkept>,
}

/// A new endpoint.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct AddEndpoint {
    /// Where it belongs.
    pub environment_id: i64,
    /// Name, 1 to 60 characters, unique in its environment.
    pub name: String,
    /// Signing secret as pasted; `new` makes one.
    pub secret: Option<String>,
    /// Toggles and options; the defaults when absent.
    pub settings: Option<EndpointSettings>,
}

/// A change of an endpoint; what is absent stays.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct UpdateEndpoint {
    /// Which one.
    pub id: i64,
    /// New name.
    pub name: Option<String>,
    /// New toggles and options.
    pub settings: Option<EndpointSettings>,
    /// Pause or resume; on resuming, what waited is processed.
    pub paused: Option<bool>,
}

/// A signing secret for an endpoint.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export)]
pub struct AddSecret {
    /// The endpoint.
    pub id: i64,
    /// The secret as pasted; `new` makes one.
    pub secret: String,
}

/// One secret of an endpoint.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export)]
pub struct OneSecret {
    /// The endpoint.
    pub id: i64,
    /// The secret.
    pub secret_id: i64,
}

/// A secret in clear, on the person's own request.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Revealed {
    /// `whsec_…`.
    pub secret: String,
}

/// A mailing list.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct MailingListRow {
    /// Id.
    pub id: i64,
    /// Name, unique in its environment.
    pub name: String,
    /// Contacts on it.
    pub contacts: i64,
}

/// A new mailing list; an existing one of that name is returned as it is.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export)]
pub struct AddList {
    /// Where it belongs.
    pub environment_id: i64,
    /// Name, 1 to 60 characters.
    pub name: String,
}

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

pub(super) async fn list(engine: &Engine, _: Nothing) -> Result<Vec<EndpointRow>, ApiError> {
    rows(engine, None).await
}

async fn rows(engine: &Engine, only: Option<i64>) -> Result<Vec<EndpointRow>, ApiError> {
    let base = engine.listener_status().url;
    let since = engine.now() - DAY;
    let rows = sqlx::query!(
        r#"select e.id, e.environment_id, v.name as environment, e.name, e.token,
                  e.paused as "paused: bool", s.body as settings,
                  (select count(*) from endpoint_secret where endpoint_id = e.id)
                      as "secrets!: i64",
                  (select max(received_at) from message where endpoint_id = e.id)
                      as "last_message_at: i64",
                  (select accepted from message
                   where endpoint_id = e.id and (accepted = 1 or test = 0)
                   order by received_at desc, id desc limit 1) as "last_accepted: bool",
                  (select count(*) from message where endpoint_id = e.id and received_at >= ?1)
                      as "messages24h!: i64",
                  (select count(*) from message
                   where endpoint_id = e.id and received_at >= ?1 and accepted = 0)
                      as "refused24h!: i64"
           from endpoint e
           join environment v on v.id = e.environment_id
           join endpoint_settings s on s.id =
               (select max(id) from endpoint_settings where endpoint_id = e.id)
           where e.removed_at is null and (?2 is null or e.id = ?2)
           order by e.id"#,
        since,
        only
    )
    .fetch_all(&engine.db().read())
    .await?;
    let rows = rows.into_iter().map(|row| {
        let usable = engine.directory().by_id(row.id).map_or(0, |live| live.secrets.len());
        let state = match (row.paused, usable, row.last_accepted) {
            (true, ..) => EndpointState::Paused,
            (_, 0, _) => EndpointState::NeedsSecret,
            (.., None) => EndpointState::Waiting,
            (.., Some(true)) => EndpointState::Receiving,
            (.., Some(false)) => EndpointState::Failing,
        };
        let settings = endpoint::settings_of(&row.settings);
        let enabled = settings.events.into_iter().filter(|event| event.enabled);
        EndpointRow {
            id: row.id,
            environment_id: row.environment_id,
            environment: row.environment,
            name: row.name,
            path: format!("/in/{}", row.token),
            url: format!("{base}/in/{}", row.token),
            token: row.token,
            state,
            paused: row.paused,
            secrets: row.secrets,
            enabled_events: enabled.map(|event| event.event).collect(),
            last_message_at: row.last_message_at,
            messages24h: row.messages24h,
            refused24h: row.refused24h,
        }
    });
    Ok(rows.collect())
}

/// What is said of an endpoint that does not exist.
pub(super) fn unknown() -> ApiError {
    ApiError::not_found("There is no such endpoint.")
}

pub(super) async fn show(engine: &Engine, which: ById) -> Result<EndpointDetail, ApiError> {
    let row = rows(engine, Some(which.id)).await?.pop().ok_or_else(unknown)?;
    let live = engine.directory().by_id(which.id).ok_or_else(unknown)?;
    let secrets = sqlx::query!(
        "select id, hint, added_at, last_verified_at from endpoint_secret
         where endpoint_id = ?1 order by id desc",
        which.id
    )
    .fetch_all(&engine.db().read())
    .await?;
    let signing_secrets = secrets
        .into_iter()
        .map(|secret| SecretRow {
            readable: live.secrets.iter().any(|(id, _)| *id == secret.id),
            id: secret.id,
            hint: secret.hint,
            added_at: secret.added_at,
            last_verified_at: secret.last_verified_at,
        })
        .collect();
    let last_verified = sqlx::query_as!(
        LastVerified,
        "select id, kind, received_at from message where endpoint_id = ?1 and accepted = 1
         order by received_at desc, id desc limit 1",
        which.id
    )
    .fetch_optional(&engine.db().read())
    .await?;
    let first = (engine.now() / HOUR - 23) * HOUR;
    let counted = sqlx::query!(
        r#"select (received_at - ?2) / 3600000 as "hour!: i64",
                  count(*) filter (where accepted = 1) as "accepted!: i64",
                  count(*) filter (where accepted = 0) as "refused!: i64"
           from message where endpoint_id = ?1 and received_at >= ?2 group by 1"#,
        which.id,
        first
    )
    .fetch_all(&engine.db().read())
    .await?;
    let hours = (0..24)
        .map(|hour| {
            let found = counted.iter().find(|row| row.hour == hour);
            HourCount {
                start_at: first + hour * HOUR,
                accepted: found.map_or(0, |row| row.accepted),
                refused: found.map_or(0, |row| row.refused),
            }
        })
        .collect();
    let since = engine.now() - 7 * DAY;
    let week = sqlx::query_as!(
        TypeCount,
        r#"select kind, count(*) as "count!: i64" from message
           where endpoint_id = ?1 and received_at >= ?2 and accepted = 1
           group by kind order by 2 desc, kind"#,
        which.id,
        since
    )
    .fetch_all(&engine.db().read())
    .await?;
    let unkept = sqlx::query_as!(
        Unkept,
        "select count, first_at, last_at from unkept where endpoint_id = ?1",
        which.id
    )
    .fetch_optional(&engine.db().read())
    .await?;
    let settings = live.settings.clone();
    Ok(EndpointDetail { row, settings, signing_secrets, last_verified, hours, week, unkept })
}

async fn free_name(
    engine: &Engine,
    environment: i64,
    name: &str,
    except: Option<i64>,
) -> Result<String, ApiError> {
    let name = name_of("An endpoint", name)?;
    let all = rows(engine, None).await?;
    let twin = all.iter().any(|row| {
        row.environment_id == environment
            && Some(row.id) != except
            && row.name.eq_ignore_ascii_case(&name)
    });
    if twin {
        return Err(ApiError::conflict(format!(
            "This environment has an endpoint called {name} already."
        )));
    }
    Ok(name)
}

/// The mailing lists that settings name are of the same environment.
async fn check_lists(
    engine: &Engine,
    environment_id: i64,
    settings: &EndpointSettings,
) -> Result<(), ApiError> {
    let known = lists::list(engine, InEnvironment { environment_id }).await?;
    let mut wanted = settings.events.iter().flat_map(|event| &event.mailing_lists);
    if wanted.any(|id| known.iter().all(|list| list.id != *id)) {
        return Err(ApiError::not_found("There is no such mailing list in this environment."));
    }
    Ok(())
}

fn refused(error: sqlx::Error) -> ApiError {
    match error.as_database_error() {
        Some(db) if db.is_foreign_key_violation() => {
            ApiError::not_found("There is no such environment.")
        }
        Some(db) if db.is_unique_violation() => {
            ApiError::conflict("This environment has an endpoint of that name already.")
        }
        _ => error.into(),
    }
}

fn parse_secret(pasted: &str) -> Result<SigningSecret, ApiError> {
    SigningSecret::given(pasted).map_err(|mistake| ApiError::invalid(mistake.to_string()))
}

impl From<SecretError> for ApiError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Keys(error) => Self::unavailable(error.to_string()),
            SecretError::Database(error) => error.into(),
        }
    }
}

pub(super) async fn add(engine: &Engine, new: AddEndpoint) -> Result<EndpointDetail, ApiError> {
    let name = free_name(engine, new.environment_id, &new.name, None).await?;
    let secret = new.secret.as_deref().filter(|text| !text.trim().is_empty());
    let secret = secret.map(parse_secret).transpose()?;
    let settings = new.settings.map_or_else(endpoint::default_settings, endpoint::complete);
    check_lists(engine, new.environment_id, &settings).await?;
    let now = engine.now();
    let id = engine
        .db()
        .write(async |tx| endpoint::add(tx, new.environment_id, &name, &settings, now).await)
        .await
        .map_err(refused)?;
    if let Some(secret) = secret {
        endpoint::add_secret(engine.db(), engine.keys(), id, &secret, now).await?;
    }
    engine.reload_directory().await?;
    show(engine, ById { id }).await
}

pub(super) async fn update(
    engine: &Engine,
    new: UpdateEndpoint,
) -> Result<EndpointDetail, ApiError> {
    let live = engine.directory().by_id(new.id).ok_or_else(unknown)?;
    let name = match &new.name {
        Some(name) => Some(free_name(engine, live.environment_id, name, Some(new.id)).await?),
        None => None,
    };
    let settings = new.settings.map(endpoint::complete);
    if let Some(settings) = &settings {
        check_lists(engine, live.environment_id, settings).await?;
    }
    let now = engine.now();
    engine
        .db()
        .write(async |tx| {
            if let Some(settings) = &settings {
                endpoint::put_settings(tx, new.id, settings, now).await?;
            }
            endpoint::update(tx, new.id, name.as_deref(), new.paused).await
        })
        .await
        .map_err(refused)?;
    engine.reload_directory().await?;
    if new.paused == Some(false) {
        inbox::resume(engine.db(), engine.directory(), engine.clock(), new.id).await?;
    }
    show(engine, ById { id: new.id }).await
}

pub(super) async fn remove(engine: &Engine, which: ById) -> Result<Nothing, ApiError> {
    engine.directory().by_id(which.id).ok_or_else(unknown)?;
    let now = engine.now();
    let secrets = engine
        .db()
        .write(async |tx| {
            let mut secrets = endpoint::remove(tx, which.id, now).await?;
            secrets.extend(forward::remove_of(tx, which.id, now).await?);
            Ok(secrets)
        })
        .await?;
    engine.reload_directory().await?;
    for (place, account) in secrets {
        engine.keys().forget(place, &account).await.map_err(|error| {
            ApiError::unavailable(format!(
                "The endpoint is removed, but its secret is not: {error}"
            ))
        })?;
    }
    Ok(Nothing {})
}

pub(super) async fn add_secret(
    engine: &Engine,
    new: AddSecret,
) -> Result<EndpointDetail, ApiError> {
    let live = engine.directory().by_id(new.id).ok_or_else(unknown)?;
    let secret = parse_secret(&new.secret)?;
    if live.secrets.iter().any(|(_, known)| known == &secret) {
        return Err(ApiError::conflict("This endpoint has that signing secret already."));
    }
    endpoint::add_secret(engine.db(), engine.keys(), new.id, &secret, engine.now()).await?;
    engine.reload_directory().await?;
    show(engine, ById { id: new.id }).await
}

pub(super) async fn remove_secret(
    engine: &Engine,
    which: OneSecret,
) -> Result<EndpointDetail, ApiError> {
    let (endpoint, secret) = (which.id, which.secret_id);
    if !endpoint::remove_secret(engine.db(), engine.keys(), endpoint, secret).await? {
        return Err(ApiError::not_found("This endpoint has no such secret."));
    }
    engine.reload_directory().await?;
    show(engine, ById { id: endpoint }).await
}

pub(super) async fn reveal_secret(engine: &Engine, which: OneSecret) -> Result<Revealed, ApiError> {
    let live = engine.directory().by_id(which.id).ok_or_else(unknown)?;
    let found = live.secrets.iter().find(|(id, _)| *id == which.secret_id);
    let (_, secret) = found.ok_or_else(|| {
        ApiError::not_found(
            "The keychain no longer has this secret. Copy it from Clerk again and add it anew.",
        )
    })?;
    Ok(Revealed { secret: secret.expose().to_owned() })
}
