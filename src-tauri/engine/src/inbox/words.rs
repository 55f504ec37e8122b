//! The full-text index of messages, filled while it is quiet, so that arriving never waits for it.
//!
//! It only narrows a search down (filter/messages.rs): what is not indexed yet is read instead, and a
//! message in it is judged by what is stored. Owns `message_text` and `message_block`; a trigger
//! removes the words of a message that goes.

use serde_json::json;

use crate::db::{Db, Tx};

/// Messages indexed in one transaction, which may hold up an arriving one for as long.
const STEP: i64 = 64;
/// Messages of a block, about.
const BLOCK: i64 = 512;

/// Indexes the next few messages; false when there are too few to be worth it.
pub(super) async fn index_some(db: &Db) -> Result<bool, sqlx::Error> {
    let next = sqlx::query!(
        r#"with indexed (last) as (select coalesce(max(last), 0) from message_block),
                next (id, at) as (select id, received_at from message
                                  where id > (select last from indexed) order by id limit ?1)
           select (select last from indexed) as "after!: i64", count(*) as "count!: i64",
                  coalesce(min(id), 0) as "first!: i64", coalesce(max(id), 0) as "last!: i64",
                  coalesce(min(at), 0) as "oldest!: i64", coalesce(max(at), 0) as "newest!: i64",
                  json_group_array(id) as "ids!: String"
           from next"#,
        STEP
    )
    .fetch_one(&db.read())
    .await?;
    if next.count < STEP {
        return Ok(false);
    }
    db.write(async |tx| {
        add(tx, &next.ids, next.last).await?;
        sqlx::query!(
            "insert into message_block (first, last, oldest, newest)
             select coalesce((select max(first) from message_block where last = ?5
                              and last - first < ?6), ?1), ?2, ?3, ?4
             where ?5 = (select coalesce(max(last), 0) from message_block)
             on conflict (first) do update
             set last = excluded.last, oldest = min(oldest, excluded.oldest),
                 newest = max(newest, excluded.newest)",
            next.first,
            next.last,
            next.oldest,
            next.newest,
            next.after,
            BLOCK
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    })
    .await?;
    Ok(true)
}

/// Indexes these anew where they are indexed: what they are about may have become known.
pub(super) async fn index_again(tx: &mut Tx, ids: &[i64]) -> Result<(), sqlx::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids = json!(ids).to_string();
    sqlx::query!("delete from message_text where rowid in (select value from json_each(?1))", ids)
        .execute(tx.conn())
        .await?;
    let last =
        sqlx::query_scalar!(r#"select coalesce(max(last), 0) as "last!: i64" from message_block"#)
            .fetch_one(tx.conn())
            .await?;
    add(tx, &ids, last).await
}

/// Adds the words of these messages up to the last, which are a JSON array of ids.
async fn add(tx: &mut Tx, ids: &str, last: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into message_text (rowid, text)
         select w.id, w.text || coalesce(
             ' ' || (select group_concat(s.text, ' ') from message_strings s
                     where s.message_id = w.id), '')
         from message_words w
         where w.id in (select value from json_each(?1)) and w.id <= ?2",
        ids,
        last
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
