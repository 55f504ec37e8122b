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
                  coalesce(min(at), 0) as "oldest!: i64", coalesce(max(at), 0) as "newest!: i64"
           from next"#,
        STEP
    )
    .fetch_one(&db.read())
    .await?;
    if next.count < STEP {
        return Ok(false);
    }
    db.write(async |tx| {
        sqlx::query!(
            "insert into message_text (rowid, text)
             select id, text from message_words where id between ?1 and ?2",
            next.first,
            next.last
        )
        .execute(tx.conn())
        .await?;
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
    sqlx::query!(
        "insert into message_text (rowid, text)
         select id, text from message_words
         where id in (select value from json_each(?1))
           and id <= (select coalesce(max(last), 0) from message_block)",
        ids
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
