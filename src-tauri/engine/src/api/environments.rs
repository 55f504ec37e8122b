//! Environments: what keeps a test set-up and the real one apart.

use crate::Engine;
use crate::api::app::Nothing;
use crate::api::{ApiError, name_of};
use crate::endpoint;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Clerk's own two kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum EnvironmentKind {
    /// For testing.
    Development,
    /// For real people.
    Production,
}

/// One environment.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct EnvironmentRow {
    /// Id.
    pub id: i64,
    /// Name, unique.
    pub name: String,
    /// Development or production.
    pub kind: EnvironmentKind,
    /// Colour of its dot, `#rrggbb`.
    pub color: String,
    /// Endpoints that are not removed.
    pub endpoints: i64,
    /// Contacts in the audience.
    pub contacts: i64,
    /// The Clerk instance first seen in a verified message, `ins_…`.
    pub instance_id: Option<String>,
}

/// A new environment.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct AddEnvironment {
    /// Name, unique, 1 to 60 characters.
    pub name: String,
    /// Development when absent.
    pub kind: Option<EnvironmentKind>,
    /// `#rrggbb`; chosen when absent.
    pub color: Option<String>,
}

/// A change of an environment; what is absent stays.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct UpdateEnvironment {
    /// Which one.
    pub id: i64,
    /// New name.
    pub name: Option<String>,
    /// New kind.
    pub kind: Option<EnvironmentKind>,
    /// New colour.
    pub color: Option<String>,
}

/// One thing by its id.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export)]
pub struct ById {
    /// Its id.
    pub id: i64,
}

/// Several things by their ids.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export)]
pub struct ByIds {
    /// Their ids.
    pub ids: Vec<i64>,
}

impl EnvironmentKind {
    fn word(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }
}

const COLORS: [&str; 6] = ["#c2693d", "#3f7d58", "#4a6fa5", "#8a5a9e", "#a88532", "#6b6f76"];

pub(super) async fn list(engine: &Engine, _: Nothing) -> Result<Vec<EnvironmentRow>, ApiError> {
    let rows = sqlx::query!(
        r#"select id, name, kind, color, instance_id,
                  (select count(*) from endpoint
                   where environment_id = environment.id and removed_at is null) as "endpoints!: i64",
                  (select count(*) from contact
                   where environment_id = environment.id) as "contacts!: i64"
           from environment order by id"#
    )
    .fetch_all(&engine.db().read())
    .await?;
    let rows = rows.into_iter().map(|row| EnvironmentRow {
        id: row.id,
        name: row.name,
        kind: match row.kind.as_str() {
            "production" => EnvironmentKind::Production,
            _ => EnvironmentKind::Development,
        },
        color: row.color,
        endpoints: row.endpoints,
        contacts: row.contacts,
        instance_id: row.instance_id,
    });
    Ok(rows.collect())
}

async fn one(engine: &Engine, id: i64) -> Result<EnvironmentRow, ApiError> {
    let all = list(engine, Nothing {}).await?;
    all.into_iter()
        .find(|row| row.id == id)
        .ok_or_else(|| ApiError::not_found("There is no such environment."))
}

fn color_of(color: Option<String>) -> Result<Option<String>, ApiError> {
    let fits = |color: &String| {
        color.len() == 7
            && color.starts_with('#')
            && color[1..].bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    match color {
        Some(color) if !fits(&color) => {
            Err(ApiError::invalid("A colour is written as #rrggbb, such as #3f7d58."))
        }
        color => Ok(color),
    }
}

fn taken(error: sqlx::Error, name: &str) -> ApiError {
    match error.as_database_error() {
        Some(db) if db.is_unique_violation() => {
            ApiError::conflict(format!("There is an environment called {name} already."))
        }
        _ => error.into(),
    }
}

pub(super) async fn add(engine: &Engine, new: AddEnvironment) -> Result<EnvironmentRow, ApiError> {
    let name = name_of("An environment", &new.name)?;
    let kind = new.kind.unwrap_or(EnvironmentKind::Development).word();
    let count = list(engine, Nothing {}).await?.len();
    let color = color_of(new.color)?.unwrap_or_else(|| COLORS[count % COLORS.len()].to_owned());
    let now = engine.now();
    let id = engine
        .db()
        .write(async |tx| endpoint::add_environment(tx, &name, kind, &color, now).await)
        .await
        .map_err(|error| taken(error, &name))?;
    one(engine, id).await
}

pub(super) async fn update(
    engine: &Engine,
    new: UpdateEnvironment,
) -> Result<EnvironmentRow, ApiError> {
    let name = new.name.as_deref().map(|name| name_of("An environment", name)).transpose()?;
    let (kind, color) = (new.kind.map(EnvironmentKind::word), color_of(new.color)?);
    engine
        .db()
        .write(async |tx| {
            endpoint::update_environment(tx, new.id, name.as_deref(), kind, color.as_deref()).await
        })
        .await
        .map_err(|error| taken(error, name.as_deref().unwrap_or_default()))?;
    engine.reload_directory().await?;
    one(engine, new.id).await
}

pub(super) async fn remove(engine: &Engine, which: ById) -> Result<Nothing, ApiError> {
    one(engine, which.id).await?;
    if list(engine, Nothing {}).await?.len() == 1 {
        return Err(ApiError::conflict("The last environment stays; rename it instead."));
    }
    engine
        .db()
        .write(async |tx| endpoint::remove_environment(tx, which.id).await)
        .await
        .map_err(|error| match error.as_database_error() {
            Some(db) if db.is_foreign_key_violation() => ApiError::conflict(
                "This environment has endpoints, messages or contacts, so it stays. Nothing is deleted with it by accident.",
            ),
            _ => error.into(),
        })?;
    Ok(Nothing {})
}
