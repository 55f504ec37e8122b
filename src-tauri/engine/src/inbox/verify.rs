//! Judging kept messages again: refused ones after a secret was put right, waiting ones after a
//! resume, failed ones after a repair. Refused ones are judged by the time they arrived.

use std::sync::Arc;

use super::settle::{Settle, settle};
use super::{Outcome, tie_of, unreadable, words};
use crate::change::Topic;
use crate::clerk::{self, Message, Unusable};
use crate::clock::Clock;
use crate::db::{Db, Tx};
use crate::endpoint::{Directory, Live};
use crate::signing::verify::{Refusal, Verified, verify};

/// What judging again brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Again {
    /// Trusted now, and processed.
    pub accepted: usize,
    /// Still refused.
    pub refused: usize,
    /// The message of the same id had been processed already.
    pub repeated: usize,
    /// Trusted, and waiting for the endpoint to be resumed.
    pub waiting: usize,
    /// Trusted, and processing went wrong.
    pub failed: usize,
}

/// Messages judged in one transaction.
const AT_ONCE: usize = 200;

struct Kept {
    id: i64,
    endpoint: i64,
    accepted: bool,
    received_at: i64,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    read: Result<Message, Unusable>,
}

/// Judges these messages again; those that are trusted and settled already are left alone.
///
/// # Errors
/// What SQLite says; what was done before stays done.
pub async fn verify_again(
    db: &Db,
    directory: &Directory,
    clock: &dyn Clock,
    ids: &[i64],
) -> Result<Again, sqlx::Error> {
    let mut again = Again::default();
    for chunk in ids.chunks(AT_ONCE) {
        let chunk = serde_json::json!(chunk).to_string();
        let part = db.write(async |tx| judge_all(tx, directory, clock, &chunk).await).await?;
        again.accepted += part.accepted;
        again.refused += part.refused;
        again.repeated += part.repeated;
        again.waiting += part.waiting;
        again.failed += part.failed;
    }
    Ok(again)
}

/// Processes what waited while an endpoint was paused; returns how many.
///
/// # Errors
/// What SQLite says; what was done before stays done.
pub async fn resume(
    db: &Db,
    directory: &Directory,
    clock: &dyn Clock,
    endpoint: i64,
) -> Result<usize, sqlx::Error> {
    let ids: Vec<i64> = sqlx::query_scalar!(
        "select id from message where endpoint_id = ?1 and outcome = 'waiting' order by id",
        endpoint
    )
    .fetch_all(&db.read())
    .await?;
    Ok(verify_again(db, directory, clock, &ids).await?.accepted)
}

async fn kept(tx: &mut Tx, ids: &str) -> Result<Vec<Kept>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select m.id, m.endpoint_id, m.accepted as "accepted: bool", m.received_at, b.headers, b.body
           from message m join message_body b on b.message_id = m.id
           where m.id in (select value from json_each(?1))
             and m.outcome in ('refused', 'failed', 'waiting')
           order by m.id"#,
        ids
    )
    .fetch_all(tx.conn())
    .await?;
    let kept = rows.into_iter().map(|row| Kept {
        id: row.id,
        endpoint: row.endpoint_id,
        accepted: row.accepted,
        received_at: row.received_at,
        headers: serde_json::from_str(&row.headers).unwrap_or_default(),
        read: clerk::read(&row.body),
        body: row.body,
    });
    Ok(kept.collect())
}

async fn judge_all(
    tx: &mut Tx,
    directory: &Directory,
    clock: &dyn Clock,
    ids: &str,
) -> Result<Again, sqlx::Error> {
    tx.touch(Topic::Messages);
    tx.touch(Topic::Endpoints);
    let kept = kept(tx, ids).await?;
    let mut again = Again::default();
    let mut open = Vec::new();
    for message in &kept {
        let Some(live) = directory.by_id(message.endpoint) else {
            again.refused += 1;
            continue;
        };
        if message.accepted {
            open.push((message, live));
            continue;
        }
        match judge(message, &live, directory) {
            Err(refusal) => {
                again.refused += 1;
                still_refused(tx, message.id, &refusal).await?;
            }
            Ok(verified) => {
                if trust(tx, message.id, &live, &verified).await? {
                    open.push((message, live));
                } else {
                    again.repeated += 1;
                }
            }
        }
    }
    let items: Vec<Settle<'_>> = open
        .iter()
        .map(|(message, live)| Settle {
            id: message.id,
            environment: live.environment_id,
            settings: &live.settings,
            paused: live.paused,
            read: &message.read,
            received_at: message.received_at,
            tie: tie_of(&message.body),
            started_us: None,
        })
        .collect();
    judged_by(tx, &open).await?;
    let settled = settle(tx, &items, clock).await?;
    let ids: Vec<i64> = items.iter().map(|item| item.id).collect();
    words::index_again(tx, &ids).await?;
    for settled in settled {
        match settled.outcome {
            Outcome::Waiting => again.waiting += 1,
            Outcome::Failed => again.failed += 1,
            _ => again.accepted += 1,
        }
    }
    Ok(again)
}

/// Notes the settings in force, so that a rebuild judges alike.
async fn judged_by(tx: &mut Tx, open: &[(&Kept, Arc<Live>)]) -> Result<(), sqlx::Error> {
    let settings: Vec<(i64, i64)> =
        open.iter().map(|(message, live)| (message.id, live.settings_id)).collect();
    let settings = serde_json::json!(settings).to_string();
    sqlx::query!(
        "update message set settings_id = s.value ->> 1
         from json_each(?1) s where message.id = s.value ->> 0",
        settings
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

fn judge(message: &Kept, live: &Live, directory: &Directory) -> Result<Verified, Refusal> {
    if let Some(refusal) = unreadable(&message.read) {
        return Err(refusal);
    }
    let all = directory.all();
    let (keys, others) = (live.keys(), live.strangers(all.values()));
    verify(&message.headers, &message.body, &keys, &others, message.received_at)
}

async fn still_refused(tx: &mut Tx, id: i64, refusal: &Refusal) -> Result<(), sqlx::Error> {
    let (code, sentence) = (refusal.code(), refusal.to_string());
    sqlx::query!(
        "update message set reason = ?2, sentence = ?3
         where id = ?1 and reason <> 'too_large'",
        id,
        code,
        sentence
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Makes a refused message a trusted one; false when its id was processed before.
async fn trust(
    tx: &mut Tx,
    id: i64,
    live: &Live,
    verified: &Verified,
) -> Result<bool, sqlx::Error> {
    let svix_id = verified.svix_id();
    let twin = sqlx::query_scalar!(
        r#"select id as "id!" from message where endpoint_id = ?1 and svix_id = ?2 and accepted = 1"#,
        live.id,
        svix_id
    )
    .fetch_optional(tx.conn())
    .await?;
    if let Some(twin) = twin {
        let sentence =
            format!("Trusted now, but received before as message {twin}; nothing was done twice.");
        sqlx::query!(
            "update message
             set outcome = 'duplicate', reason = 'same_id', sentence = ?2, against_id = ?3
             where id = ?1",
            id,
            sentence,
            twin
        )
        .execute(tx.conn())
        .await?;
        return Ok(false);
    }
    let (secret, signed_at) = (verified.secret_id(), verified.signed_at_s().saturating_mul(1000));
    sqlx::query!(
        "update message
         set accepted = 1, outcome = 'waiting', reason = null, sentence = '', svix_id = ?2,
             secret_id = ?3, signed_at = ?4
         where id = ?1",
        id,
        svix_id,
        secret,
        signed_at
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "update endpoint_secret set last_verified_at = m.received_at
         from message m where m.id = ?1 and endpoint_secret.id = ?2
             and coalesce(endpoint_secret.last_verified_at, 0) < m.received_at",
        id,
        secret
    )
    .execute(tx.conn())
    .await?;
    Ok(true)
}
