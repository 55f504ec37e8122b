//! Sending messages again, pinning them, and taking them out of the lists.

use std::collections::HashSet;

use serde_json::json;

use crate::Engine;
use crate::api::contacts::Removed;
use crate::api::environments::ById;
use crate::api::messages::copying::kept;
use crate::api::messages::{
    Count, PinMessages, Replay, ReplayTo, Replayed, SendTest, WhichMessages, ids_of,
};
use crate::api::{ApiError, samples};
use crate::{forward, inbox};

/// Most messages of one replay.
const MOST: usize = 1_000;

/// Sends messages again, one after the other.
pub(in crate::api) async fn replay(engine: &Engine, asked: Replay) -> Result<Replayed, ApiError> {
    let ids = ids_of(engine, asked.which).await?;
    if ids.len() > MOST {
        return Err(ApiError::invalid(format!(
            "These are {} messages; at most {MOST} are sent again at once. Narrow the search.",
            ids.len()
        )));
    }
    let to = asked.to.unwrap_or(ReplayTo::Usher);
    if let Some(target) = asked.forward_id {
        fits(engine, to, target).await?;
    }
    let mut replayed =
        Replayed { sent: 0, failed: 0, left_out: 0, sentence: String::new(), message_id: None };
    let (mut problem, mut answer) = (None, None);
    let left_out = match asked.refused {
        Some(true) => HashSet::new(),
        _ => refused_among(engine, &ids).await?,
    };
    replayed.left_out = i64::try_from(left_out.len()).unwrap_or(i64::MAX);
    for id in ids.into_iter().filter(|id| !left_out.contains(id)) {
        let sent = match to {
            ReplayTo::Usher => again(engine, id, asked.same_id).await.map(Some),
            ReplayTo::Forwards => {
                onwards(engine, id, asked.same_id, asked.forward_id).await.map(|()| None)
            }
            ReplayTo::Both => both(engine, id, asked.same_id).await,
        };
        match sent {
            Ok(became) => {
                replayed.sent += 1;
                (replayed.message_id, answer) =
                    became.map_or((None, None), |(message, answer)| (message, Some(answer)));
            }
            Err(error) => {
                replayed.failed += 1;
                problem = problem.or(Some(format!("Message {id}: {}", error.message)));
            }
        }
    }
    let count = |count: i64| match (to, count) {
        (ReplayTo::Forwards, 1) => "1 message is on its way to the forwards".to_owned(),
        (ReplayTo::Forwards, count) => {
            format!("{count} messages are on their way to the forwards")
        }
        (_, 1) => "1 message was sent again".to_owned(),
        (_, count) => format!("{count} messages were sent again"),
    };
    let left_out = match replayed.left_out {
        0 => String::new(),
        1 => ", 1 refused one was left out".to_owned(),
        left => format!(", {left} refused ones were left out"),
    };
    replayed.sentence = match (replayed.sent, problem) {
        (0, None) if replayed.left_out > 0 => LEFT_OUT.to_owned(),
        (0, None) => "There was nothing to send again.".to_owned(),
        (1, None) => {
            let answer = answer.map(|answer| format!(" {answer}")).unwrap_or_default();
            format!("{}{left_out}.{answer}", count(1))
        }
        (sent, None) => format!("{}{left_out}.", count(sent)),
        (0, Some(problem)) => problem,
        (sent, Some(problem)) => {
            format!("{}, {} not{left_out}. {problem}", count(sent), replayed.failed)
        }
    };
    Ok(replayed)
}

const LEFT_OUT: &str = "Nothing was sent again: what was refused is left out, since nobody knows \
                        who sent it, and a replay is signed with your own secret. Verify it \
                        again, or ask for refused ones too.";

async fn refused_among(engine: &Engine, ids: &[i64]) -> Result<HashSet<i64>, ApiError> {
    let ids = json!(ids).to_string();
    let refused = sqlx::query_scalar!(
        r#"select id as "id!" from message
           where id in (select value from json_each(?1)) and outcome = 'refused'"#,
        ids
    )
    .fetch_all(&engine.db().read())
    .await?;
    Ok(refused.into_iter().collect())
}

/// Whether one target can be named for a replay that goes there.
async fn fits(engine: &Engine, to: ReplayTo, target: i64) -> Result<(), ApiError> {
    if to != ReplayTo::Forwards {
        return Err(ApiError::invalid(
            "One target is named only for what goes to the targets, past the listener.",
        ));
    }
    let on = sqlx::query_scalar!(
        r#"select enabled as "enabled: bool" from forward_target
           where id = ?1 and removed_at is null"#,
        target
    )
    .fetch_optional(&engine.db().read())
    .await?;
    match on {
        Some(true) => Ok(()),
        Some(false) => Err(ApiError::conflict("This target is off. Switch it on first.")),
        None => Err(ApiError::not_found(format!("There is no target {target}."))),
    }
}

/// Makes new deliveries of the message for the targets of its endpoint, or for one of them.
async fn onwards(
    engine: &Engine,
    id: i64,
    same_id: bool,
    target: Option<i64>,
) -> Result<(), ApiError> {
    let accepted = sqlx::query_scalar!(
        r#"select accepted as "accepted: bool" from message where id = ?1"#,
        id
    )
    .fetch_optional(&engine.db().read())
    .await?;
    match accepted {
        Some(true) => {}
        Some(false) => {
            return Err(ApiError::invalid(
                "It was refused, and only trusted messages are forwarded.",
            ));
        }
        None => return Err(ApiError::not_found(format!("There is no message {id}."))),
    }
    let (now, fresh) = (engine.now(), (!same_id).then(samples::fresh_id));
    let made = engine
        .db()
        .write(async |tx| forward::send_again(tx, id, target, fresh.as_deref(), now).await)
        .await?;
    if made == 0 {
        return Err(ApiError::invalid(match target {
            None => "No target of its endpoint that is on takes messages of its type.",
            Some(_) => "It is of another endpoint than the target, or of a type that is not taken.",
        }));
    }
    Ok(())
}

/// Through the listener, and to the targets unless what it became goes there by itself.
async fn both(engine: &Engine, id: i64, same_id: bool) -> Result<Option<Became>, ApiError> {
    let (became, answer) = again(engine, id, same_id).await?;
    let by_itself = sqlx::query_scalar!(
        r#"select exists (
             select 1 from message where id = ?1 and origin_id = ?2 and accepted = 1
           ) as "goes: bool""#,
        became,
        id
    )
    .fetch_one(&engine.db().read())
    .await?;
    if !by_itself {
        onwards(engine, id, same_id, None).await?;
    }
    Ok(Some((became, answer)))
}

/// The message that it became, and what was answered.
type Became = (Option<i64>, String);

async fn again(engine: &Engine, id: i64, same_id: bool) -> Result<Became, ApiError> {
    let stored = sqlx::query!(
        "select m.endpoint_id, m.svix_id, m.reason, b.body
         from message m join message_body b on b.message_id = m.id where m.id = ?1",
        id
    )
    .fetch_optional(&engine.db().read())
    .await?
    .ok_or_else(|| ApiError::not_found(format!("There is no message {id}.")))?;
    kept(stored.reason.as_deref())?;
    let body = String::from_utf8(stored.body)
        .map_err(|_| ApiError::invalid("Its body is not text, and Svix signs text only."))?;
    let svix_id = stored.svix_id.filter(|_| same_id);
    let test = SendTest {
        endpoint_id: stored.endpoint_id,
        body,
        svix_id,
        origin_id: Some(id),
        flaw: None,
    };
    let sent = samples::send(engine, test).await?;
    match sent.status {
        200..300 => Ok((sent.message_id, sent.answer)),
        status => Err(ApiError::unavailable(format!("Answered {status}: {}", sent.answer))),
    }
}

/// Pins messages, or lets them go.
pub(in crate::api) async fn pin(engine: &Engine, asked: PinMessages) -> Result<Count, ApiError> {
    let ids = ids_of(engine, asked.which).await?;
    let count = engine.db().write(async |tx| inbox::pin(tx, &ids, asked.pinned).await).await?;
    Ok(Count { count })
}

/// Takes messages out of the lists; pinned ones stay.
pub(in crate::api) async fn remove(
    engine: &Engine,
    which: WhichMessages,
) -> Result<Removed, ApiError> {
    let ids = ids_of(engine, which).await?;
    let now = engine.now();
    let (count, undo) =
        engine.db().write(async |tx| inbox::removal::remove(tx, &ids, now).await).await?;
    Ok(Removed { count, undo })
}

/// Takes a removal back.
pub(in crate::api) async fn restore(engine: &Engine, removal: ById) -> Result<Count, ApiError> {
    let back = engine.db().write(async |tx| inbox::removal::restore(tx, removal.id).await).await?;
    let count =
        back.ok_or_else(|| ApiError::not_found("This removal cannot be undone any more."))?;
    Ok(Count { count })
}
