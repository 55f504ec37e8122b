//! Taking messages out of the lists, and back.
//!
//! The audience is a view of the messages, so those that made it stay in the file, out of sight; the
//! others are erased when Usher starts the next time, until when a removal can be undone. A message
//! that is delivered again is back. Owns `message_removal`.

use serde_json::json;

use crate::change::Topic;
use crate::db::{Db, Tx};
use crate::endpoint;

/// Takes messages that are not pinned out of the lists; returns how many, and the removal that
/// [`restore`] takes.
///
/// # Errors
/// What SQLite says.
pub async fn remove(tx: &mut Tx, ids: &[i64], now: i64) -> Result<(i64, i64), sqlx::Error> {
    tx.touch(Topic::Messages);
    tx.touch(Topic::App);
    let removal = endpoint::next_id(tx, "removal").await?;
    sqlx::query!("insert into message_removal (id, at) values (?1, ?2)", removal, now)
        .execute(tx.conn())
        .await?;
    let ids = json!(ids).to_string();
    let done = sqlx::query!(
        "update message set removal_id = ?2
         where id in (select value from json_each(?1)) and removal_id is null and pinned = 0",
        ids,
        removal
    )
    .execute(tx.conn())
    .await?;
    Ok((i64::try_from(done.rows_affected()).unwrap_or(i64::MAX), removal))
}

/// Takes a removal back; returns how many messages are there again, `None` when it is unknown.
///
/// # Errors
/// What SQLite says.
pub async fn restore(tx: &mut Tx, removal: i64) -> Result<Option<i64>, sqlx::Error> {
    tx.touch(Topic::Messages);
    tx.touch(Topic::App);
    let known = sqlx::query!("delete from message_removal where id = ?1", removal)
        .execute(tx.conn())
        .await?;
    if known.rows_affected() == 0 {
        return Ok(None);
    }
    let done = sqlx::query!("update message set removal_id = null where removal_id = ?1", removal)
        .execute(tx.conn())
        .await?;
    Ok(Some(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX)))
}

/// Erases what was removed before and never made the audience; those removals cannot be undone any
/// more. What cannot be erased now is erased at the next start.
pub async fn erase(db: &Db) {
    if let Err(error) = erase_now(db).await {
        tracing::warn!("messages that were cleared could not be erased: {error}");
    }
}

async fn erase_now(db: &Db) -> Result<(), sqlx::Error> {
    let any =
        sqlx::query_scalar!(r#"select exists (select 1 from message_removal) as "any: bool""#)
            .fetch_one(&db.read())
            .await?;
    if !any {
        return Ok(());
    }
    db.write(async |tx| {
        sqlx::query!(
            "delete from message
             where removal_id is not null and outcome in ('refused', 'ignored')"
        )
        .execute(tx.conn())
        .await?;
        sqlx::query!("delete from message_removal").execute(tx.conn()).await?;
        Ok(())
    })
    .await
}
