//! Durable append: what arrived goes into the table, duplicates are absorbed, refusals are bounded.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::settle::{Settle, Settled, settle};
use super::{Arrival, Outcome, REFUSED_BYTES, REFUSED_ROWS, Receipt, unreadable};
use crate::change::Topic;
use crate::clerk::Message;
use crate::clock::Clock;
use crate::db::Tx;
use crate::endpoint;
use crate::signing::verify::{Refusal, Verified};

/// Stores a batch and says what to answer to each.
pub(super) async fn append(
    tx: &mut Tx,
    arrivals: &[Arrival],
    clock: &dyn Clock,
) -> Result<Vec<Receipt>, sqlx::Error> {
    tx.touch(Topic::Messages);
    tx.touch(Topic::Endpoints);
    let mut receipts: Vec<Option<Receipt>> = vec![None; arrivals.len()];
    let mut fresh = Vec::new();
    let mut refused_at = BTreeMap::new();
    let mut verified_by: BTreeMap<i64, i64> = BTreeMap::new();
    for (place, arrival) in arrivals.iter().enumerate() {
        match judge(arrival) {
            Err(refusal) => {
                let id = insert(tx, arrival, Err(&refusal), clock).await?;
                refused_at.insert(arrival.live.id, ());
                receipts[place] = Some(refused(id, &refusal));
            }
            Ok(verified) => {
                let secret = verified_by.entry(verified.secret_id()).or_default();
                *secret = (*secret).max(arrival.received_at);
                match insert(tx, arrival, Ok(verified), clock).await? {
                    Some(id) => fresh.push((place, id)),
                    None => receipts[place] = Some(repeated(tx, arrival, verified).await?),
                }
            }
        }
    }
    let paused = paused(tx, arrivals).await?;
    let items: Vec<Settle<'_>> =
        fresh.iter().map(|(place, id)| settling(*id, &arrivals[*place], &paused)).collect();
    let settled = settle(tx, &items, clock).await?;
    for ((place, id), settled) in fresh.into_iter().zip(settled) {
        receipts[place] = Some(accepted(id, settled));
    }
    remember(tx, arrivals, &verified_by).await?;
    for endpoint in refused_at.into_keys() {
        prune(tx, endpoint).await?;
    }
    Ok(receipts.into_iter().flatten().collect())
}

/// Trusted and readable, or the reason why not.
fn judge(arrival: &Arrival) -> Result<&Verified, Refusal> {
    let verified = arrival.verdict.as_ref().map_err(Refusal::clone)?;
    unreadable(&arrival.read).map_or(Ok(verified), Err)
}

fn message_of(arrival: &Arrival) -> Option<&Message> {
    match &arrival.read {
        Ok(message) => Some(message),
        Err(unusable) => unusable.message(),
    }
}

/// The endpoints that are paused. Asked inside the transaction: a message that saw a paused endpoint
/// and is stored after the resume has nobody to wait for.
async fn paused(tx: &mut Tx, arrivals: &[Arrival]) -> Result<BTreeSet<i64>, sqlx::Error> {
    let seen: BTreeSet<i64> =
        arrivals.iter().filter(|arrival| arrival.live.paused).map(|a| a.live.id).collect();
    if seen.is_empty() {
        return Ok(seen);
    }
    let seen = json!(seen).to_string();
    let ids = sqlx::query_scalar!(
        "select id from endpoint where paused = 1 and id in (select value from json_each(?1))",
        seen
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(ids.into_iter().collect())
}

fn settling<'a>(id: i64, arrival: &'a Arrival, paused: &BTreeSet<i64>) -> Settle<'a> {
    Settle {
        id,
        environment: arrival.live.environment_id,
        settings: &arrival.live.settings,
        paused: paused.contains(&arrival.live.id),
        read: &arrival.read,
        received_at: arrival.received_at,
        tie: arrival.tie,
        started_us: Some(arrival.started_us),
    }
}

async fn insert(
    tx: &mut Tx,
    arrival: &Arrival,
    verdict: Result<&Verified, &Refusal>,
    clock: &dyn Clock,
) -> Result<Option<i64>, sqlx::Error> {
    let live = &arrival.live;
    let empty = Message::default();
    let message = message_of(arrival).unwrap_or(&empty);
    let (accepted, outcome) = if verdict.is_ok() { (1, "waiting") } else { (0, "refused") };
    let svix_id = match verdict {
        Ok(verified) => Some(verified.svix_id().to_owned()),
        Err(_) => claimed_id(&arrival.headers),
    };
    let reason = verdict.err().map(Refusal::code);
    let sentence = verdict.err().map(ToString::to_string).unwrap_or_default();
    let answer = verdict.err().map(Refusal::public_sentence).unwrap_or_default();
    let status = verdict.map_or_else(status_of, |_| 200);
    let secret = verdict.ok().map(Verified::secret_id);
    let signed_at = verdict.ok().map(|verified| verified.signed_at_s().saturating_mul(1000));
    let tie = arrival.tie;
    let size = i64::try_from(arrival.body.len()).unwrap_or(i64::MAX);
    let verified_us = arrival.verified_us - arrival.started_us;
    let stored_us = clock.now_us() - arrival.started_us;
    let id = sqlx::query_scalar!(
        r#"insert into message
             (environment_id, endpoint_id, settings_id, received_at, svix_id, kind, object_id,
              subject, instance_id, accepted, outcome, reason, sentence, status, secret_id,
              signed_at, test, body_tie, body_size, verified_us, stored_us, answer)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
                 ?19, ?20, ?21, ?22)
         on conflict (endpoint_id, svix_id) where accepted = 1 do nothing
         returning id as "id!""#,
        live.environment_id,
        live.id,
        live.settings_id,
        arrival.received_at,
        svix_id,
        message.kind,
        message.object_id,
        message.subject,
        message.instance_id,
        accepted,
        outcome,
        reason,
        sentence,
        status,
        secret,
        signed_at,
        arrival.test,
        tie,
        size,
        verified_us,
        stored_us,
        answer
    )
    .fetch_optional(tx.conn())
    .await?;
    if let Some(id) = id {
        let headers = json!(arrival.headers).to_string();
        sqlx::query!(
            "insert into message_body (message_id, headers, body) values (?1, ?2, ?3)",
            id,
            headers,
            arrival.body
        )
        .execute(tx.conn())
        .await?;
    }
    Ok(id)
}

/// The id an unverified request claims to have, cut to a sensible length.
fn claimed_id(headers: &[(String, String)]) -> Option<String> {
    let find = |wanted: &str| {
        headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    };
    let id = find("svix-id").or_else(|| find("webhook-id"))?.trim();
    (!id.is_empty()).then(|| id.chars().take(200).collect())
}

fn status_of(refusal: &Refusal) -> i64 {
    if matches!(refusal, Refusal::TooLarge { .. }) { 413 } else { 400 }
}

fn refused(id: Option<i64>, refusal: &Refusal) -> Receipt {
    Receipt {
        id,
        status: if status_of(refusal) == 413 { 413 } else { 400 },
        outcome: Some(Outcome::Refused),
        reason: Some(refusal.public_code().to_owned()),
        sentence: refusal.public_sentence(),
        retry_after_s: None,
    }
}

fn accepted(id: i64, settled: Settled) -> Receipt {
    Receipt {
        id: Some(id),
        status: 200,
        outcome: Some(settled.outcome),
        reason: settled.reason,
        sentence: settled.sentence,
        retry_after_s: None,
    }
}

async fn repeated(
    tx: &mut Tx,
    arrival: &Arrival,
    verified: &Verified,
) -> Result<Receipt, sqlx::Error> {
    let (svix_id, tie) = (verified.svix_id(), arrival.tie);
    let row = sqlx::query!(
        "update message set duplicates = duplicates + 1, last_duplicate_at = ?3,
                altered_duplicate = altered_duplicate or body_tie <> ?4
         where endpoint_id = ?1 and svix_id = ?2 and accepted = 1
         returning id, body_tie",
        arrival.live.id,
        svix_id,
        arrival.received_at,
        tie
    )
    .fetch_one(tx.conn())
    .await?;
    let sentence = if row.body_tie == tie {
        format!("Received before as message {}; nothing was done twice.", row.id)
    } else {
        format!("Received before as message {} with a different body; the first one stays.", row.id)
    };
    Ok(Receipt {
        id: Some(row.id),
        status: 200,
        outcome: Some(Outcome::Duplicate),
        reason: Some("same_id".to_owned()),
        sentence,
        retry_after_s: None,
    })
}

async fn remember(
    tx: &mut Tx,
    arrivals: &[Arrival],
    verified_by: &BTreeMap<i64, i64>,
) -> Result<(), sqlx::Error> {
    if !verified_by.is_empty() {
        let seen = json!(verified_by).to_string();
        sqlx::query!(
            "update endpoint_secret
             set last_verified_at = (select value from json_each(?1) where key = endpoint_secret.id)
             where id in (select cast(key as integer) from json_each(?1))",
            seen
        )
        .execute(tx.conn())
        .await?;
    }
    let instances: BTreeMap<i64, &str> = arrivals
        .iter()
        .filter(|arrival| !arrival.test && arrival.verdict.is_ok())
        .filter_map(|arrival| {
            Some((arrival.live.environment_id, message_of(arrival)?.instance_id.as_deref()?))
        })
        .collect();
    for (environment, instance) in instances {
        endpoint::remember_instance(tx, environment, instance).await?;
    }
    Ok(())
}

/// Lets the oldest refused messages of an endpoint go when there are too many or they weigh too much.
async fn prune(tx: &mut Tx, endpoint: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from message where id in (
             select id from (
                 select id,
                        row_number() over (order by id desc) as place,
                        sum(body_size) over (order by id desc) as weight
                 from message where endpoint_id = ?1 and accepted = 0
             ) where place > ?2 or weight > ?3
         )",
        endpoint,
        REFUSED_ROWS,
        REFUSED_BYTES
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes how long answers took, in microseconds by message.
pub(super) async fn note_answers(tx: &mut Tx, times: &[(i64, i64)]) -> Result<(), sqlx::Error> {
    if times.is_empty() {
        return Ok(());
    }
    let times = json!(times).to_string();
    sqlx::query!(
        "update message set answered_us = t.value ->> 1
         from json_each(?1) t where message.id = t.value ->> 0",
        times
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
