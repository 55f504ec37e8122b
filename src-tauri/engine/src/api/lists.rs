//! Mailing lists.

use crate::Engine;
use crate::api::app::InEnvironment;
use crate::api::endpoints::{AddList, MailingListRow};
use crate::api::{ApiError, name_of};
use crate::endpoint;

pub(super) async fn list(
    engine: &Engine,
    of: InEnvironment,
) -> Result<Vec<MailingListRow>, ApiError> {
    let rows = sqlx::query_as!(
        MailingListRow,
        r#"select id, name,
                  (select count(*) from contact_list where list_id = mailing_list.id)
                      as "contacts!: i64"
           from mailing_list where environment_id = ?1 order by name"#,
        of.environment_id
    )
    .fetch_all(&engine.db().read())
    .await?;
    Ok(rows)
}

pub(super) async fn add(engine: &Engine, new: AddList) -> Result<MailingListRow, ApiError> {
    let name = name_of("A mailing list", &new.name)?;
    let now = engine.now();
    let id = engine
        .db()
        .write(async |tx| endpoint::add_list(tx, new.environment_id, &name, now).await)
        .await
        .map_err(|error| match error.as_database_error() {
            Some(db) if db.is_foreign_key_violation() => {
                ApiError::not_found("There is no such environment.")
            }
            _ => error.into(),
        })?;
    let all = list(engine, InEnvironment { environment_id: new.environment_id }).await?;
    all.into_iter()
        .find(|row| row.id == id)
        .ok_or_else(|| ApiError::not_found("The mailing list is gone again."))
}
