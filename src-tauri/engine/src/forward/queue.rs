//! What is to be forwarded, and what became of it: from messages to deliveries to attempts.
//!
//! Every target remembers the last message it looked at, and moves on in the transaction that makes the
//! deliveries: a crash loses none and makes none twice. Deliberately absent: the attempts themselves
//! (pump.rs).

use serde_json::json;

use super::ForwardRetries;
use super::deliver::Answer;
use crate::change::Topic;
use crate::db::{Db, Tx};

/// Messages looked at in one transaction.
const STEP: i64 = 512;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// Before each attempt, in milliseconds after the one before, as Svix does it: 8 attempts in all.
const SCHEDULE: [i64; 8] =
    [0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR];

/// What the newest messages ask for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// There is a target that is on.
    pub any: bool,
    /// Deliveries are to be made of messages up to this one.
    pub up_to: Option<i64>,
    /// There are more messages after it.
    pub more: bool,
}

/// Looks at messages that no target saw yet, a bounded number of them. Nothing needs to be written
/// while none of them is for a target.
pub(super) async fn look(db: &Db) -> Result<Look, sqlx::Error> {
    let row = sqlx::query!(
        r#"select count(*) as "targets!: i64", coalesce(min(seen), 0) as "seen!: i64",
                  (select coalesce(max(seq), 0) from sqlite_sequence where name = 'message')
                      as "last!: i64"
           from forward_target where enabled = 1 and removed_at is null"#
    )
    .fetch_one(&db.read())
    .await?;
    if row.targets == 0 || row.last <= row.seen {
        return Ok(Look { any: row.targets > 0, up_to: None, more: false });
    }
    let up_to = row.last.min(row.seen + STEP);
    let wanted = sqlx::query_scalar!(
        r#"select exists (
             select 1 from forward_wanted
             where message_id > ?1 and message_id <= ?2 and message_id > seen
           ) as "wanted: bool""#,
        row.seen,
        up_to
    )
    .fetch_one(&db.read())
    .await?;
    let full = up_to - row.seen == STEP;
    Ok(Look { any: true, up_to: (wanted || full).then_some(up_to), more: row.last > up_to })
}

/// Makes a delivery of each message up to this one for each target that wants it.
pub(super) async fn enqueue(tx: &mut Tx, up_to: i64, now: i64) -> Result<(), sqlx::Error> {
    let made = sqlx::query!(
        "insert into delivery (message_id, target_id, object_id, state, created_at, due_at)
         select w.message_id, w.target_id, w.object_id, 'waiting', ?2, ?2
         from forward_wanted w
         where w.message_id > (select min(seen) from forward_target
                               where enabled = 1 and removed_at is null)
           and w.message_id <= ?1 and w.message_id > w.seen
           and not exists (select 1 from delivery d
                           where d.message_id = w.message_id and d.target_id = w.target_id)
         order by w.message_id, w.target_id",
        up_to,
        now
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "update forward_target set seen = ?1 where seen < ?1 and removed_at is null",
        up_to
    )
    .execute(tx.conn())
    .await?;
    touch(tx, made.rows_affected());
    Ok(())
}

/// The same of every message there is.
pub(super) async fn enqueue_all(tx: &mut Tx, now: i64) -> Result<(), sqlx::Error> {
    let last = sqlx::query_scalar!(
        r#"select coalesce(max(seq), 0) as "last!: i64" from sqlite_sequence where name = 'message'"#
    )
    .fetch_one(tx.conn())
    .await?;
    enqueue(tx, last, now).await
}

/// Makes deliveries of messages that were refused at first and are trusted since, unless they arrived
/// before the target was added.
///
/// # Errors
/// What SQLite says.
pub async fn forward_trusted(tx: &mut Tx, ids: &[i64], now: i64) -> Result<(), sqlx::Error> {
    let ids = json!(ids).to_string();
    let made = sqlx::query!(
        "insert into delivery (message_id, target_id, object_id, state, created_at, due_at)
         select w.message_id, w.target_id, w.object_id, 'waiting', ?2, ?2
         from json_each(?1) i cross join forward_wanted w on w.message_id = i.value
         where w.received_at >= w.created_at and w.message_id <= w.seen
           and not exists (select 1 from delivery d
                           where d.message_id = w.message_id and d.target_id = w.target_id)
         order by w.message_id, w.target_id",
        ids,
        now
    )
    .execute(tx.conn())
    .await?;
    touch(tx, made.rows_affected());
    Ok(())
}

/// Makes new deliveries of a message, freshly signed, for every target that wants it, or for one of
/// them; returns how many.
/// `svix_id` is the id to go under in place of the message's own.
///
/// # Errors
/// What SQLite says.
pub async fn send_again(
    tx: &mut Tx,
    message: i64,
    target: Option<i64>,
    svix_id: Option<&str>,
    now: i64,
) -> Result<u64, sqlx::Error> {
    let made = sqlx::query!(
        "insert into delivery
           (message_id, target_id, object_id, fresh, svix_id, state, created_at, due_at)
         select message_id, target_id, object_id, 1, ?2, 'waiting', ?3, ?3
         from forward_wanted
         where message_id = ?1 and (?4 is null or target_id = ?4) order by target_id",
        message,
        svix_id,
        now,
        target
    )
    .execute(tx.conn())
    .await?;
    touch(tx, made.rows_affected());
    Ok(made.rows_affected())
}

fn touch(tx: &mut Tx, made: u64) {
    if made > 0 {
        tx.touch(Topic::Forwards);
        tx.touch(Topic::Messages);
    }
}

/// What asking for another attempt brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// It is due now.
    Due,
    /// There is no such delivery.
    Unknown,
    /// It was received already.
    Done,
    /// Its target was removed.
    Removed,
    /// Its target is off.
    Off,
}

/// Makes a delivery due now, whether it waits or has failed, and also the one of its object that goes
/// before it. An attempt that was asked for does not count in the schedule, which goes on where it
/// stood.
///
/// # Errors
/// What SQLite says.
pub async fn retry(tx: &mut Tx, id: i64, now: i64) -> Result<Retried, sqlx::Error> {
    let row = sqlx::query!(
        r#"select d.state, t.enabled as "enabled: bool", t.removed_at,
                  (select behind from delivery_turn where id = d.id) as "first?: i64"
           from delivery d join forward_target t on t.id = d.target_id where d.id = ?1"#,
        id
    )
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(Retried::Unknown) };
    match (row.state.as_str(), row.removed_at, row.enabled) {
        ("done", ..) => return Ok(Retried::Done),
        (_, Some(_), _) => return Ok(Retried::Removed),
        (.., false) => return Ok(Retried::Off),
        _ => {}
    }
    touch(tx, 1);
    hurry(tx, id, now).await?;
    if let Some(first) = row.first {
        hurry(tx, first, now).await?;
    }
    Ok(Retried::Due)
}

/// Makes one delivery due now, unless it is already.
async fn hurry(tx: &mut Tx, id: i64, now: i64) -> Result<(), sqlx::Error> {
    let row = sqlx::query!(
        "select d.due_at, d.attempts, t.retries
         from delivery d join forward_target t on t.id = d.target_id where d.id = ?1",
        id
    )
    .fetch_one(tx.conn())
    .await?;
    let resume = match row.due_at {
        Some(due) if due <= now => return Ok(()),
        Some(due) => Some(due),
        None => {
            let pause = next_after(row.attempts, ForwardRetries::of(&row.retries));
            pause.map(|pause| now + pause)
        }
    };
    sqlx::query!(
        "update delivery set state = 'waiting', due_at = ?2, resume_at = ?3 where id = ?1",
        id,
        now,
        resume
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Everything that waits for a target has failed, and why.
pub(super) async fn give_up(
    tx: &mut Tx,
    target: i64,
    why: &str,
    now: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into delivery_attempt (delivery_id, at, took_ms, headers, body, problem)
         select id, ?2, 0, '[]', x'', ?3 from delivery
         where target_id = ?1 and state = 'waiting' order by id",
        target,
        now,
        why
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "update delivery set state = 'failed', due_at = null, resume_at = null
         where target_id = ?1 and state = 'waiting'",
        target
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// An attempt that is over.
#[derive(Debug)]
pub(super) struct Landed {
    pub delivery: i64,
    /// The database in which that id means something.
    pub database: u64,
    /// Unix milliseconds.
    pub at: i64,
    pub took_ms: i64,
    pub answer: Answer,
    /// What went wrong, for people.
    pub sentence: Option<String>,
}

/// Keeps what came back, and decides how it goes on.
pub(super) async fn record(tx: &mut Tx, landed: &[Landed], now: i64) -> Result<(), sqlx::Error> {
    for one in landed {
        if one.database == tx.database() {
            record_one(tx, one, now).await?;
        }
    }
    touch(tx, landed.len() as u64);
    Ok(())
}

async fn record_one(tx: &mut Tx, landed: &Landed, now: i64) -> Result<(), sqlx::Error> {
    let row = sqlx::query!(
        "select d.target_id, d.attempts, d.state, d.resume_at, t.retries
         from delivery d join forward_target t on t.id = d.target_id where d.id = ?1",
        landed.delivery
    )
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else { return Ok(()) };
    let headers = json!(landed.answer.headers).to_string();
    let status = landed.answer.status.map(i64::from);
    sqlx::query!(
        "insert into delivery_attempt (delivery_id, at, took_ms, status, headers, body, problem)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        landed.delivery,
        landed.at,
        landed.took_ms,
        status,
        headers,
        landed.answer.body,
        landed.sentence
    )
    .execute(tx.conn())
    .await?;
    let attempts = if row.resume_at.is_some() { row.attempts } else { row.attempts + 1 };
    let goes_on = match &landed.answer.problem {
        Some(problem) if row.state == "waiting" && !problem.is_final() => {
            row.resume_at.or_else(|| {
                let pause = next_after(attempts, ForwardRetries::of(&row.retries));
                pause.map(|pause| now + pause)
            })
        }
        _ => None,
    };
    let (state, due) = match (&landed.answer.problem, goes_on) {
        (None, _) => ("done", None),
        (Some(_), None) => ("failed", None),
        (Some(_), due) => ("waiting", due),
    };
    sqlx::query!(
        "update delivery set attempts = ?2, state = ?3, due_at = ?4, resume_at = null where id = ?1",
        landed.delivery,
        attempts,
        state,
        due
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "update forward_target set last_at = ?2, last_status = ?3, last_problem = ?4 where id = ?1",
        row.target_id,
        landed.at,
        status,
        landed.sentence
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Milliseconds until the next attempt after so many that failed; `None` when that was the last one.
fn next_after(attempts: i64, retries: ForwardRetries) -> Option<i64> {
    match retries {
        ForwardRetries::None => None,
        ForwardRetries::Svix => SCHEDULE.get(usize::try_from(attempts).ok()?).copied(),
    }
}
