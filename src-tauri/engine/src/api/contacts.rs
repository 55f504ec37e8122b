//! Contacts and their timelines; the events recorded on them.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use ts_rs::TS;

use sqlx::{AssertSqlSafe, Row as _};

use crate::Engine;
use crate::api::app::InEnvironment;
use crate::api::environments::{ById, ByIds};
use crate::api::messages::{Count, Page};
use crate::api::{ApiError, cursor_of, limit_of, lists, patterns_of};
pub use crate::audience::merge::FieldChange;
use crate::audience::{self, merge};
use crate::clerk::email_key;

/// A page of contacts asked for.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct ListContacts {
    /// Scope; every environment when absent.
    pub environment_id: Option<i64>,
    /// Plain text looked for in email, names, user ID and group.
    pub query: Option<String>,
    /// Order; last change first when absent.
    pub sort: Option<ContactSort>,
    /// Turn the order round.
    pub reverse: Option<bool>,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// 1 to 1000; 100 when absent.
    pub limit: Option<u32>,
}

/// Orders of the audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ContactSort {
    /// Last change first.
    Updated,
    /// Newest first.
    Created,
    /// By email, a to z.
    Email,
    /// By first and last name, a to z.
    Name,
    /// By user group, a to z.
    Group,
}

/// One contact in a list.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ContactRow {
    /// Id.
    pub id: i64,
    /// Id of the environment.
    pub environment_id: i64,
    /// Email as Clerk writes it.
    pub email: String,
    /// Clerk's user ID; absent for people on the waitlist and added by hand.
    pub user_id: Option<String>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// User group.
    pub user_group: Option<String>,
    /// Names of its mailing lists.
    pub lists: Vec<String>,
    /// Where it came from, such as `Clerk webhook`.
    pub source: String,
    /// False: no workflow mail.
    pub subscribed: bool,
    /// Unix milliseconds: when the person first appeared, by Clerk's own time.
    pub created_at: i64,
    /// Unix milliseconds: the newest thing known about it, by its own time.
    pub updated_at: i64,
}

/// A contact with all that its page shows.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ContactDetail {
    /// What the list shows.
    #[serde(flatten)]
    pub row: ContactRow,
    /// Ids of its mailing lists.
    pub list_ids: Vec<i64>,
    /// Set when Clerk deleted the user and the contact stayed; Unix milliseconds.
    pub deleted_in_clerk_at: Option<i64>,
    /// State of its waitlist entry, if it has one.
    pub waitlist_status: Option<String>,
    /// Fields that were edited by hand and hold against Clerk's value.
    pub edited: Vec<String>,
    /// The newest Clerk object, pretty-printed.
    pub raw: Option<String>,
    /// The message that object came with.
    pub raw_message_id: Option<i64>,
}

/// One entry of a contact's timeline.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct TimelineEntry {
    /// Id, for paging.
    pub id: i64,
    /// Unix milliseconds at which Usher recorded it.
    pub at: i64,
    /// What happened.
    pub what: TimelineWhat,
    /// Short sentence, such as "Became a user".
    pub title: String,
    /// The message behind it; absent when done by hand.
    pub message_id: Option<i64>,
    /// That message's type.
    pub message_type: Option<String>,
    /// Field by field.
    pub changes: Vec<FieldChange>,
    /// A note, such as what a stale message lost against.
    pub note: Option<String>,
}

/// Kinds of timeline entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum TimelineWhat {
    /// The contact appeared.
    Created,
    /// Fields changed.
    Updated,
    /// The contact left the audience.
    Removed,
    /// A message about it was older than what is known.
    Stale,
    /// A message about it changed nothing.
    Unchanged,
}

/// A page of something that belongs to one thing.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct PageOf {
    /// Whose.
    pub id: i64,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// 1 to 1000; 100 when absent.
    pub limit: Option<u32>,
}

/// A contact added by hand.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct AddContact {
    /// Where it belongs.
    pub environment_id: i64,
    /// Email; must not be in the audience yet.
    pub email: String,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// User group.
    pub user_group: Option<String>,
    /// Mailing lists by id.
    pub list_ids: Option<Vec<i64>>,
}

/// An edit by hand. What is absent stays; an empty text clears the field.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct EditContact {
    /// Which contact.
    pub id: i64,
    /// New first name.
    pub first_name: Option<String>,
    /// New last name.
    pub last_name: Option<String>,
    /// New user group.
    pub user_group: Option<String>,
    /// Subscribe or unsubscribe.
    pub subscribed: Option<bool>,
    /// Exactly these mailing lists.
    pub list_ids: Option<Vec<i64>>,
}

/// How many were changed, and the handle to take it back.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Removed {
    /// Contacts or messages removed.
    pub count: i64,
    /// Pass to `restore` of the same topic to undo.
    pub undo: i64,
}

/// An event name in its list.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct EventRow {
    /// `clerk.user.created`, or a custom name.
    pub name: String,
    /// How often it was recorded.
    pub count: i64,
    /// Unix milliseconds of the first.
    pub first_at: i64,
    /// Unix milliseconds of the newest.
    pub last_at: i64,
    /// The newest contacts it was recorded on, at most five.
    pub recent: Vec<EventContact>,
}

/// A contact an event was recorded on.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct EventContact {
    /// Id of the contact; absent when it is gone.
    pub contact_id: Option<i64>,
    /// Email or user ID at that time.
    pub label: String,
    /// Unix milliseconds.
    pub at: i64,
}

/// The occurrences of an event asked for.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct ListOccurrences {
    /// Scope.
    pub environment_id: i64,
    /// Event name.
    pub name: String,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// 1 to 1000; 100 when absent.
    pub limit: Option<u32>,
}

/// One time an event was received.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Occurrence {
    /// Id, for paging.
    pub id: i64,
    /// Unix milliseconds.
    pub at: i64,
    /// Id of the contact; absent when it is gone.
    pub contact_id: Option<i64>,
    /// Email or user ID at that time.
    pub label: String,
    /// The message behind it.
    pub message_id: i64,
    /// That message's type.
    pub message_type: String,
}

impl ContactSort {
    /// What it sorts by, and whether the natural order is falling.
    fn key(self) -> (&'static str, bool) {
        match self {
            Self::Updated => ("c.updated_at", true),
            Self::Created => ("c.created_at", true),
            Self::Email => ("c.email_key", false),
            Self::Name => (
                "lower(trim(coalesce(c.first_name, '') || ' ' || coalesce(c.last_name, '')))",
                false,
            ),
            Self::Group => ("lower(coalesce(c.user_group, ''))", false),
        }
    }
}

/// The row of a list, read by name. The sort is one of five fixed texts, so nothing a person types
/// reaches the statement.
pub(super) async fn list(engine: &Engine, of: ListContacts) -> Result<Page<ContactRow>, ApiError> {
    let limit = limit_of(of.limit);
    let no_page = |_| ApiError::invalid("This page does not exist.");
    let cursor = of.cursor.as_deref().map(serde_json::from_str::<(serde_json::Value, i64)>);
    cursor.transpose().map_err(no_page)?;
    let (key, falling) = of.sort.unwrap_or(ContactSort::Updated).key();
    let falling = falling != of.reverse.unwrap_or(false);
    let (order, than) = if falling { ("desc", "<") } else { ("asc", ">") };
    let sql = format!(
        "select c.id, c.environment_id, c.email, c.user_id, c.first_name, c.last_name, c.user_group,
                c.source, c.subscribed, c.created_at, c.updated_at, {key} as sort_key,
                (select json_group_array(l.name) from contact_list cl
                 join mailing_list l on l.id = cl.list_id where cl.contact_id = c.id) as lists
         from contact c
         where (?1 is null or c.environment_id = ?1)
           and (?2 is null or not exists (
               select 1 from json_each(?2) w
               where not (c.email || ' ' || coalesce(c.first_name, '') || ' '
                          || coalesce(c.last_name, '') || ' ' || coalesce(c.user_id, '') || ' '
                          || coalesce(c.user_group, '')) like w.value escape '\\'))
           and (?3 is null or ({key}, c.id) {than} (?3 ->> 0, ?3 ->> 1))
         order by {key} {order}, c.id {order} limit ?4"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(of.environment_id)
        .bind(patterns_of(of.query.as_deref()))
        .bind(of.cursor)
        .bind(i64::try_from(limit).unwrap_or(100) + 1)
        .fetch_all(&engine.db().read())
        .await?;
    let rows: Vec<(String, ContactRow)> = rows
        .iter()
        .map(|row| {
            let id: i64 = row.try_get("id")?;
            let sort_key = match row.try_get_unchecked::<i64, _>("sort_key") {
                Ok(number) if falling_number(key) => serde_json::json!([number, id]),
                _ => serde_json::json!([row.try_get::<String, _>("sort_key")?, id]),
            };
            let names: String = row.try_get("lists")?;
            let contact = ContactRow {
                id,
                environment_id: row.try_get("environment_id")?,
                email: row.try_get("email")?,
                user_id: row.try_get("user_id")?,
                first_name: row.try_get("first_name")?,
                last_name: row.try_get("last_name")?,
                user_group: row.try_get("user_group")?,
                lists: serde_json::from_str(&names).unwrap_or_default(),
                source: row.try_get("source")?,
                subscribed: row.try_get("subscribed")?,
                created_at: row.try_get("created_at")?,
                updated_at: row.try_get("updated_at")?,
            };
            Ok((sort_key.to_string(), contact))
        })
        .collect::<Result<_, sqlx::Error>>()?;
    let page = Page::cut(rows, limit, |(cursor, _)| cursor.clone());
    Ok(Page { rows: page.rows.into_iter().map(|(_, row)| row).collect(), next: page.next })
}

fn falling_number(key: &str) -> bool {
    key.ends_with("_at")
}

pub(super) async fn count(engine: &Engine, of: ListContacts) -> Result<Count, ApiError> {
    let words = patterns_of(of.query.as_deref());
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!: i64" from contact c
           where (?1 is null or c.environment_id = ?1)
             and (?2 is null or not exists (
                 select 1 from json_each(?2) w
                 where not (c.email || ' ' || coalesce(c.first_name, '') || ' '
                            || coalesce(c.last_name, '') || ' ' || coalesce(c.user_id, '') || ' '
                            || coalesce(c.user_group, '')) like w.value escape '\'))"#,
        of.environment_id,
        words
    )
    .fetch_one(&engine.db().read())
    .await?;
    Ok(Count { count })
}

fn gone() -> ApiError {
    ApiError::not_found("This contact is not in the audience any more.")
}

pub(super) async fn show(engine: &Engine, which: ById) -> Result<ContactDetail, ApiError> {
    let mut seen = engine.db().snapshot().await?;
    let row = sqlx::query!(
        r#"select id, environment_id, email, user_id, first_name, last_name, user_group, source,
                  subscribed as "subscribed: bool", created_at, updated_at, state
           from contact where id = ?1"#,
        which.id
    )
    .fetch_optional(&mut *seen)
    .await?
    .ok_or_else(gone)?;
    let on = sqlx::query!(
        "select l.id, l.name from contact_list cl join mailing_list l on l.id = cl.list_id
         where cl.contact_id = ?1 order by l.name",
        which.id
    )
    .fetch_all(&mut *seen)
    .await?;
    let more: merge::More = serde_json::from_str(&row.state).unwrap_or_default();
    let raw = match more.message {
        Some(message) => {
            sqlx::query_scalar!("select body from message_body where message_id = ?1", message)
                .fetch_optional(&mut *seen)
                .await?
        }
        None => None,
    };
    let raw = raw
        .and_then(|body| serde_json::from_slice::<serde_json::Value>(&body).ok())
        .and_then(|body| serde_json::to_string_pretty(body.get("data")?).ok());
    Ok(ContactDetail {
        list_ids: on.iter().map(|list| list.id).collect(),
        row: ContactRow {
            id: row.id,
            environment_id: row.environment_id,
            email: row.email,
            user_id: row.user_id,
            first_name: row.first_name,
            last_name: row.last_name,
            user_group: row.user_group,
            lists: on.into_iter().map(|list| list.name).collect(),
            source: row.source,
            subscribed: row.subscribed,
            created_at: row.created_at,
            updated_at: row.updated_at,
        },
        deleted_in_clerk_at: more.deleted_at,
        waitlist_status: more.waitlist,
        edited: more.edited,
        raw_message_id: more.message.filter(|_| raw.is_some()),
        raw,
    })
}

pub(super) async fn timeline(engine: &Engine, of: PageOf) -> Result<Page<TimelineEntry>, ApiError> {
    let before = cursor_of(of.cursor.as_deref())?.unwrap_or(i64::MAX);
    let limit = limit_of(of.limit);
    let take = i64::try_from(limit).unwrap_or(100) + 1;
    let rows = sqlx::query!(
        r#"select c.id, c.at, c.what, c.message_id, c.changes, c.note, m.kind as "kind: Option<String>"
           from contact_change c left join message m on m.id = c.message_id
           where c.contact_id = ?1 and c.id < ?2 order by c.id desc limit ?3"#,
        of.id,
        before,
        take
    )
    .fetch_all(&engine.db().read())
    .await?;
    let rows = rows
        .into_iter()
        .map(|row| {
            let what = match row.what.as_str() {
                "created" => TimelineWhat::Created,
                "removed" => TimelineWhat::Removed,
                "stale" => TimelineWhat::Stale,
                "unchanged" => TimelineWhat::Unchanged,
                _ => TimelineWhat::Updated,
            };
            let changes: Vec<FieldChange> = serde_json::from_str(&row.changes).unwrap_or_default();
            let kind = row.kind.flatten();
            TimelineEntry {
                id: row.id,
                at: row.at,
                title: title(what, kind.as_deref(), &changes).to_owned(),
                what,
                message_id: row.message_id,
                message_type: kind,
                changes,
                note: row.note,
            }
        })
        .collect();
    Ok(Page::cut(rows, limit, |row: &TimelineEntry| row.id.to_string()))
}

fn title(what: TimelineWhat, kind: Option<&str>, changes: &[FieldChange]) -> &'static str {
    let change = |field: &str| changes.iter().find(|change| change.field == field);
    let became_user = change("userId").is_some_and(|change| change.from.is_none());
    let unsubscribed =
        change("subscribed").is_some_and(|change| change.to.as_deref() == Some("no"));
    match (what, kind) {
        (TimelineWhat::Created, Some(kind)) if kind.starts_with("waitlistEntry.") => {
            "Joined waitlist"
        }
        (TimelineWhat::Created, Some(_)) => "Created",
        (TimelineWhat::Created, None) => "Added by hand",
        (TimelineWhat::Removed, Some("user.deleted")) => "Deleted in Clerk",
        (TimelineWhat::Removed, Some(_)) => "Left the audience",
        (TimelineWhat::Removed, None) => "Removed by hand",
        (TimelineWhat::Stale, _) => "Older message",
        (TimelineWhat::Unchanged, _) => "Message without effect",
        (TimelineWhat::Updated, Some("user.deleted")) if unsubscribed => {
            "Unsubscribed, deleted in Clerk"
        }
        (TimelineWhat::Updated, Some(_)) if became_user => "Became a user",
        (TimelineWhat::Updated, Some(_)) => "Updated",
        (TimelineWhat::Updated, None) => "Edited by hand",
    }
}

async fn known_lists(
    engine: &Engine,
    environment: i64,
    wanted: Option<Vec<i64>>,
) -> Result<Option<BTreeSet<i64>>, ApiError> {
    let Some(wanted) = wanted else { return Ok(None) };
    let known = lists::list(engine, InEnvironment { environment_id: environment }).await?;
    if wanted.iter().any(|id| known.iter().all(|list| list.id != *id)) {
        return Err(ApiError::not_found("There is no such mailing list in this environment."));
    }
    Ok(Some(wanted.into_iter().collect()))
}

fn texts(fields: [(merge::Field, Option<String>); 3]) -> BTreeMap<merge::Field, Option<String>> {
    let tidy = |text: String| {
        let text = text.trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    fields.into_iter().filter_map(|(field, text)| Some((field, tidy(text?)))).collect()
}

pub(super) async fn add(engine: &Engine, new: AddContact) -> Result<ContactDetail, ApiError> {
    let email = new.email.trim();
    let fits = email.len() <= 320
        && !email.contains(char::is_whitespace)
        && email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    if !fits {
        return Err(ApiError::invalid(format!("\"{email}\" is not an email address.")));
    }
    let edits = merge::Edits {
        texts: texts([
            (merge::Field::FirstName, new.first_name),
            (merge::Field::LastName, new.last_name),
            (merge::Field::UserGroup, new.user_group),
        ]),
        subscribed: None,
        lists: known_lists(engine, new.environment_id, new.list_ids).await?,
    };
    let now = engine.now();
    let id = engine
        .db()
        .write(async |tx| audience::add_by_hand(tx, new.environment_id, email, &edits, now).await)
        .await
        .map_err(|error| match error.as_database_error() {
            Some(db) if db.is_foreign_key_violation() => {
                ApiError::not_found("There is no such environment.")
            }
            _ => error.into(),
        })?;
    let id = id.ok_or_else(|| {
        ApiError::conflict(format!(
            "{email} is in the audience already, as an address that somebody has or had."
        ))
    })?;
    show(engine, ById { id }).await
}

pub(super) async fn edit(engine: &Engine, new: EditContact) -> Result<ContactDetail, ApiError> {
    let contact = show(engine, ById { id: new.id }).await?;
    let environment = contact.row.environment_id;
    let mut texts = texts([
        (merge::Field::FirstName, new.first_name),
        (merge::Field::LastName, new.last_name),
        (merge::Field::UserGroup, new.user_group),
    ]);
    texts.retain(|field, text| {
        let standing = match field {
            merge::Field::FirstName => &contact.row.first_name,
            merge::Field::LastName => &contact.row.last_name,
            merge::Field::UserGroup => &contact.row.user_group,
        };
        standing != text
    });
    let edits = merge::Edits {
        texts,
        subscribed: new.subscribed.filter(|on| *on != contact.row.subscribed),
        lists: known_lists(engine, environment, new.list_ids)
            .await?
            .filter(|lists| !lists.iter().eq(contact.list_ids.iter().collect::<BTreeSet<_>>())),
    };
    if edits.texts.is_empty() && edits.subscribed.is_none() && edits.lists.is_none() {
        return Ok(contact);
    }
    let (key, now) = (email_key(&contact.row.email), engine.now());
    let done = engine
        .db()
        .write(async |tx| audience::edit(tx, environment, &key, &edits, now).await)
        .await?;
    if !done {
        return Err(gone());
    }
    show(engine, ById { id: new.id }).await
}

pub(super) async fn remove(engine: &Engine, which: ByIds) -> Result<Removed, ApiError> {
    let ids = serde_json::json!(which.ids).to_string();
    let rows = sqlx::query!(
        "select environment_id, email_key from contact where id in (select value from json_each(?1))",
        ids
    )
    .fetch_all(&engine.db().read())
    .await?;
    let environment = rows.first().map(|row| row.environment_id).ok_or_else(gone)?;
    if rows.iter().any(|row| row.environment_id != environment) {
        return Err(ApiError::invalid("Remove the contacts of one environment at a time."));
    }
    let keys: BTreeSet<String> = rows.into_iter().map(|row| row.email_key).collect();
    let now = engine.now();
    let (count, undo) =
        engine.db().write(async |tx| audience::remove(tx, environment, keys, now).await).await?;
    Ok(Removed { count: i64::try_from(count).unwrap_or(i64::MAX), undo })
}

pub(super) async fn restore(engine: &Engine, which: ById) -> Result<Count, ApiError> {
    let now = engine.now();
    let back = engine
        .db()
        .write(async |tx| audience::restore(tx, which.id, now).await)
        .await?
        .ok_or_else(|| ApiError::not_found("This was taken back already."))?;
    Ok(Count { count: i64::try_from(back).unwrap_or(i64::MAX) })
}
