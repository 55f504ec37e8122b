//! Durable append: what arrived goes into the table with what became of it, duplicates are absorbed,
//! refusals are bounded.
//!
//! A batch costs a handful of statements whatever its size: look up, load the audience, insert, save
//! the audience. Its fate is known before it is written, so no row is written twice. When that goes
//! wrong for another reason than the disk, [`append_singly`] finds the culprit behind savepoints.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::json;

use super::rows::{self, Row};
use super::settle::{self, Settle, Settled};
use super::{Arrival, Outcome, REFUSED_BYTES, REFUSED_ROWS, Receipt, status_of, unreadable};
use crate::change::Topic;
use crate::clerk::Message;
use crate::clock::Clock;
use crate::db::{Replacing, Tx};
use crate::signing::verify::{Refusal, Verified};

/// Stores a batch and says what to answer to each.
pub(super) async fn append(
    tx: &mut Tx,
    arrivals: &[Arrival],
    clock: &dyn Clock,
) -> Result<Vec<Receipt>, sqlx::Error> {
    let batch = Batch::sort(tx, arrivals).await?;
    let items = batch.items();
    let (settled, unsaved) = settle::prepare(tx, &items, clock).await?;
    let settled_at = clock.now_us();
    let rows: Vec<Row<'_>> = batch.rows(settled.iter().map(Some), settled_at);
    rows::insert(tx, &rows).await?;
    for unsaved in unsaved {
        unsaved.save(tx).await?;
    }
    batch.finish(tx, settled).await
}

/// The same with each message projected behind a savepoint: one that cannot be is kept as failed.
pub(super) async fn append_singly(
    tx: &mut Tx,
    arrivals: &[Arrival],
    clock: &dyn Clock,
) -> Result<Vec<Receipt>, sqlx::Error> {
    let batch = Batch::sort(tx, arrivals).await?;
    let items = batch.items();
    let rows: Vec<Row<'_>> = batch.rows(items.iter().map(|_| None), clock.now_us());
    rows::insert(tx, &rows).await?;
    let settled = settle::settle(tx, &items, clock).await?;
    batch.finish(tx, settled).await
}

/// What is to be done with each arrival.
enum Fate<'a> {
    /// A row of its own, not trusted.
    Refused(i64, Refusal),
    /// A row of its own.
    Fresh(i64, &'a Verified),
    /// The message of this id said it before, with the same body or not.
    Repeated { id: i64, altered: bool },
}

struct Batch<'a> {
    arrivals: &'a [Arrival],
    fates: Vec<Fate<'a>>,
    paused: BTreeSet<i64>,
}

impl<'a> Batch<'a> {
    /// Gives each arrival its id. That an endpoint is paused is asked inside the transaction: a message
    /// that saw a paused endpoint and is stored after the resume has nobody to wait for. So is that the
    /// endpoints are those of this database: a backup may have taken its place meanwhile.
    async fn sort(tx: &mut Tx, arrivals: &'a [Arrival]) -> Result<Self, sqlx::Error> {
        if arrivals.iter().any(|arrival| arrival.live.database != tx.database()) {
            return Err(Replacing.into());
        }
        tx.touch(Topic::Messages);
        tx.touch(Topic::Endpoints);
        let judged: Vec<Result<&Verified, Refusal>> = arrivals.iter().map(judge).collect();
        let ids: Vec<_> = arrivals
            .iter()
            .zip(&judged)
            .filter_map(|(arrival, judged)| {
                Some((arrival.live.id, judged.as_ref().ok()?.svix_id()))
            })
            .collect();
        let seen_paused: BTreeSet<i64> =
            arrivals.iter().filter(|arrival| arrival.live.paused).map(|a| a.live.id).collect();
        let (ids, seen_paused) = (json!(ids).to_string(), json!(seen_paused).to_string());
        let found = sqlx::query!(
            r#"select
                 (select coalesce(max(seq), 0) + 1 from sqlite_sequence where name = 'message')
                     as "next!: i64",
                 (select json_group_array(json_array(m.endpoint_id, m.svix_id, m.id, m.body_tie))
                  from json_each(?1) q
                  cross join message m on m.endpoint_id = q.value ->> 0
                      and m.svix_id = q.value ->> 1 and m.accepted = 1) as "known!: String",
                 (select json_group_array(id) from endpoint
                  where paused = 1 and id in (select value from json_each(?2))) as "paused!: String""#,
            ids,
            seen_paused
        )
        .fetch_one(tx.conn())
        .await?;
        let decode = |error| sqlx::Error::Decode(Box::new(error));
        let known: Vec<(i64, String, i64, i64)> =
            serde_json::from_str(&found.known).map_err(decode)?;
        let mut known: HashMap<(i64, &str), (i64, i64)> = known
            .iter()
            .map(|(endpoint, svix_id, id, tie)| ((*endpoint, svix_id.as_str()), (*id, *tie)))
            .collect();
        let mut ids = found.next..;
        let mut fates = Vec::with_capacity(arrivals.len());
        for (arrival, judged) in arrivals.iter().zip(judged) {
            fates.push(match judged {
                Err(refusal) => Fate::Refused(ids.next().unwrap_or_default(), refusal),
                Ok(verified) => match known.get(&(arrival.live.id, verified.svix_id())) {
                    Some((id, tie)) => Fate::Repeated { id: *id, altered: *tie != arrival.tie },
                    None => {
                        let id = ids.next().unwrap_or_default();
                        known.insert((arrival.live.id, verified.svix_id()), (id, arrival.tie));
                        Fate::Fresh(id, verified)
                    }
                },
            });
        }
        let paused = serde_json::from_str(&found.paused).map_err(decode)?;
        Ok(Self { arrivals, fates, paused })
    }

    fn each(&self) -> impl Iterator<Item = (&'a Arrival, &Fate<'a>)> {
        self.arrivals.iter().zip(&self.fates)
    }

    fn items(&self) -> Vec<Settle<'a>> {
        let fresh = self.each().filter_map(|(arrival, fate)| match fate {
            Fate::Fresh(id, _) => Some((arrival, *id)),
            Fate::Refused(..) | Fate::Repeated { .. } => None,
        });
        let settle = |(arrival, id): (&'a Arrival, i64)| Settle {
            id,
            environment: arrival.live.environment_id,
            settings: &arrival.live.settings,
            paused: self.paused.contains(&arrival.live.id),
            read: &arrival.read,
            received_at: arrival.received_at,
            tie: arrival.tie,
            started_us: Some(arrival.started_us),
        };
        fresh.map(settle).collect()
    }

    /// The rows to insert; `settled` says what became of each fresh one, if that is known yet.
    fn rows<'s>(
        &self,
        mut settled: impl Iterator<Item = Option<&'s Settled>>,
        now_us: i64,
    ) -> Vec<Row<'a>> {
        self.each()
            .filter_map(|(arrival, fate)| match fate {
                Fate::Repeated { .. } => None,
                Fate::Refused(id, refusal) => Some(refused_row(arrival, *id, refusal, now_us)),
                Fate::Fresh(id, verified) => {
                    let settled = settled.next().flatten();
                    Some(fresh_row(arrival, *id, verified, settled, now_us))
                }
            })
            .collect()
    }

    /// Counts the repetitions, lets the oldest refusals go, and writes the receipts.
    async fn finish(
        &self,
        tx: &mut Tx,
        settled: Vec<Settled>,
    ) -> Result<Vec<Receipt>, sqlx::Error> {
        self.count_repetitions(tx).await?;
        let refusals = self.each().filter(|(_, fate)| matches!(fate, Fate::Refused(..)));
        let endpoints: BTreeSet<i64> = refusals.map(|(arrival, _)| arrival.live.id).collect();
        for endpoint in endpoints {
            prune(tx, endpoint).await?;
        }
        let mut settled = settled.into_iter();
        let receipts = self.fates.iter().filter_map(|fate| match fate {
            Fate::Refused(id, refusal) => Some(Receipt::refused(Some(*id), refusal)),
            Fate::Fresh(id, _) => settled.next().map(|settled| accepted(*id, settled)),
            Fate::Repeated { id, altered } => Some(repeated(*id, *altered)),
        });
        Ok(receipts.collect())
    }

    async fn count_repetitions(&self, tx: &mut Tx) -> Result<(), sqlx::Error> {
        let mut counts: BTreeMap<i64, (i64, i64, bool)> = BTreeMap::new();
        for (arrival, fate) in self.each() {
            if let Fate::Repeated { id, altered } = fate {
                let (count, last, any_altered) = counts.entry(*id).or_default();
                *count += 1;
                *last = (*last).max(arrival.received_at);
                *any_altered |= *altered;
            }
        }
        if counts.is_empty() {
            return Ok(());
        }
        let counts: Vec<_> = counts
            .into_iter()
            .map(|(id, (count, last, altered))| (id, count, last, i64::from(altered)))
            .collect();
        let counts = json!(counts).to_string();
        sqlx::query!(
            "update message set duplicates = duplicates + (r.value ->> 1),
                    last_duplicate_at = r.value ->> 2, removal_id = null,
                    altered_duplicate = max(altered_duplicate, r.value ->> 3)
             from json_each(?1) r where message.id = r.value ->> 0",
            counts
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}

/// Trusted and readable, or the reason why not.
fn judge(arrival: &Arrival) -> Result<&Verified, Refusal> {
    let verified = arrival.verdict.as_ref().map_err(Refusal::clone)?;
    unreadable(&arrival.read).map_or(Ok(verified), Err)
}

/// What could be read of it.
pub(super) fn message_of(arrival: &Arrival) -> Option<&Message> {
    match &arrival.read {
        Ok(message) => Some(message),
        Err(unusable) => unusable.message(),
    }
}

fn refused_row<'a>(arrival: &'a Arrival, id: i64, refusal: &Refusal, now_us: i64) -> Row<'a> {
    Row {
        id,
        arrival,
        message: message_of(arrival),
        svix_id: claimed_id(&arrival.headers),
        accepted: false,
        outcome: Outcome::Refused,
        reason: Some(refusal.code().to_owned()),
        sentence: refusal.to_string(),
        answer: refusal.public_sentence(),
        status: status_of(refusal),
        subject: None,
        secret: None,
        signed_at: None,
        stored_us: now_us - arrival.started_us,
        settled_us: None,
        against: None,
    }
}

fn fresh_row<'a>(
    arrival: &'a Arrival,
    id: i64,
    verified: &Verified,
    settled: Option<&Settled>,
    now_us: i64,
) -> Row<'a> {
    let sentence = settled.map(|settled| settled.sentence.clone()).unwrap_or_default();
    let after = now_us - arrival.started_us;
    Row {
        id,
        arrival,
        message: message_of(arrival),
        svix_id: Some(verified.svix_id().to_owned()),
        accepted: true,
        outcome: settled.map_or(Outcome::Waiting, |settled| settled.outcome),
        reason: settled.and_then(|settled| settled.reason.clone()),
        answer: sentence.clone(),
        sentence,
        status: 200,
        subject: settled.and_then(|settled| settled.subject.clone()),
        secret: Some(verified.secret_id()),
        signed_at: Some(verified.signed_at_s().saturating_mul(1000)),
        stored_us: after,
        settled_us: settled.map(|_| after),
        against: settled.and_then(|settled| settled.against),
    }
}

/// The id an unverified request claims to have, cut to a sensible length.
fn claimed_id(headers: &[(String, String)]) -> Option<String> {
    let find = |wanted: &str| {
        headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    };
    let id = find("svix-id").or_else(|| find("webhook-id"))?.trim();
    (!id.is_empty()).then(|| id.chars().take(200).collect())
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

fn repeated(id: i64, altered: bool) -> Receipt {
    let sentence = if altered {
        format!("Received before as message {id} with a different body; the first one stays.")
    } else {
        format!("Received before as message {id}; nothing was done twice.")
    };
    Receipt {
        id: Some(id),
        status: 200,
        outcome: Some(Outcome::Duplicate),
        reason: Some("same_id".to_owned()),
        sentence,
        retry_after_s: None,
    }
}

/// Lets the oldest refused messages of an endpoint go when there are too many or they weigh too much;
/// those that somebody pinned stay.
async fn prune(tx: &mut Tx, endpoint: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from message where id in (
             select id from (
                 select id,
                        row_number() over (order by id desc) as place,
                        sum(iif(reason = 'too_large', 0, body_size)) over (order by id desc) as weight
                 from message where endpoint_id = ?1 and accepted = 0 and pinned = 0
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
