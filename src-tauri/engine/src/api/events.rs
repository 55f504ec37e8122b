//! Events: every name received, and each time it was.

use crate::Engine;
use crate::api::app::InEnvironment;
use crate::api::contacts::{EventContact, EventRow, ListOccurrences, Occurrence};
use crate::api::messages::Page;
use crate::api::{ApiError, cursor_of, limit_of};

pub(super) async fn list(engine: &Engine, of: InEnvironment) -> Result<Vec<EventRow>, ApiError> {
    let mut seen = engine.db().snapshot().await?;
    let names = sqlx::query!(
        "select id, name, count, first_at, last_at from event_name
         where environment_id = ?1 order by last_at desc, name",
        of.environment_id
    )
    .fetch_all(&mut *seen)
    .await?;
    let recent = sqlx::query!(
        r#"select n.id as "name_id!", e.label, e.at,
                  (select id from contact where id = e.contact_id) as contact_id
           from event_name n
           join event e on e.id in
               (select id from event where name_id = n.id order by id desc limit 5)
           where n.environment_id = ?1 order by e.id desc"#,
        of.environment_id
    )
    .fetch_all(&mut *seen)
    .await?;
    let rows = names.into_iter().map(|name| EventRow {
        recent: recent
            .iter()
            .filter(|event| event.name_id == name.id)
            .map(|event| EventContact {
                contact_id: event.contact_id,
                label: event.label.clone(),
                at: event.at,
            })
            .collect(),
        name: name.name,
        count: name.count,
        first_at: name.first_at,
        last_at: name.last_at,
    });
    Ok(rows.collect())
}

pub(super) async fn occurrences(
    engine: &Engine,
    of: ListOccurrences,
) -> Result<Page<Occurrence>, ApiError> {
    let before = cursor_of(of.cursor.as_deref())?.unwrap_or(i64::MAX);
    let limit = limit_of(of.limit);
    let take = i64::try_from(limit).unwrap_or(100) + 1;
    let rows = sqlx::query_as!(
        Occurrence,
        r#"select e.id, e.at, (select id from contact where id = e.contact_id) as contact_id,
                  e.label, e.message_id, m.kind as message_type
           from event e
           join event_name n on n.id = e.name_id
           join message m on m.id = e.message_id
           where n.environment_id = ?1 and n.name = ?2 and e.id < ?3
           order by e.id desc limit ?4"#,
        of.environment_id,
        of.name,
        before,
        take
    )
    .fetch_all(&engine.db().read())
    .await?;
    Ok(Page::cut(rows, limit, |row| row.id.to_string()))
}
