//! What becomes of trusted messages: ignored, off, waiting, or projected into the audience.

use std::collections::BTreeMap;

use serde_json::json;

use crate::audience::{self, Item, Projected, Unsaved, merge::Incoming, merge::Verdict};
use crate::clerk::{ACTED_ON, Fact, Message, Unusable};
use crate::clock::Clock;
use crate::db::{Cause, Tx};
use crate::endpoint::{EndpointSettings, options_of};

use super::{Outcome, word};

/// A trusted message whose fate is open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settle<'a> {
    pub id: i64,
    pub environment: i64,
    pub settings: &'a EndpointSettings,
    pub paused: bool,
    pub read: &'a Result<Message, Unusable>,
    pub received_at: i64,
    pub tie: i64,
    /// The clock's microseconds at its arrival; `None` when that was long ago.
    pub started_us: Option<i64>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settled {
    pub outcome: Outcome,
    pub reason: Option<String>,
    pub sentence: String,
    pub subject: Option<String>,
    /// The message that it repeats or lost against.
    pub against: Option<i64>,
}

impl Settled {
    fn new(outcome: Outcome, reason: Option<&str>, sentence: impl Into<String>) -> Self {
        let reason = reason.map(str::to_owned);
        Self { outcome, reason, sentence: sentence.into(), subject: None, against: None }
    }
}

/// Decides all of them in memory; what is left to write is to be saved after the messages.
pub(super) async fn prepare(
    tx: &mut Tx,
    items: &[Settle<'_>],
    clock: &dyn Clock,
) -> Result<(Vec<Settled>, Vec<Unsaved>), sqlx::Error> {
    let (mut settled, open) = decided(items);
    let mut unsaved = Vec::with_capacity(open.len());
    for (environment, places) in open {
        let group = group_of(items, &places);
        let (done, left) = audience::prepare(tx, environment, &group, clock.now_ms()).await?;
        unsaved.push(left);
        for ((place, item), done) in places.iter().zip(&group).zip(done) {
            settled[*place] = Some(told(item, done));
        }
    }
    Ok((complete(settled), unsaved))
}

/// Decides all of them and writes it down; in their order, environment by environment.
pub(super) async fn settle(
    tx: &mut Tx,
    items: &[Settle<'_>],
    clock: &dyn Clock,
) -> Result<Vec<Settled>, sqlx::Error> {
    let (mut settled, open) = decided(items);
    for (environment, places) in open {
        let group = group_of(items, &places);
        let done = project(tx, environment, &group, clock.now_ms()).await?;
        for ((place, item), done) in places.iter().zip(&group).zip(done) {
            settled[*place] = Some(done.map_or_else(failed, |done| told(item, done)));
        }
    }
    let settled = complete(settled);
    write(tx, items, &settled, clock).await?;
    Ok(settled)
}

/// What is settled without the audience, and the places of the others by environment.
fn decided(items: &[Settle<'_>]) -> (Vec<Option<Settled>>, BTreeMap<i64, Vec<usize>>) {
    let settled: Vec<Option<Settled>> = items.iter().map(decide).collect();
    let mut open: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (place, item) in items.iter().enumerate() {
        if settled[place].is_none() && item_of(item).is_some() {
            open.entry(item.environment).or_default().push(place);
        }
    }
    (settled, open)
}

fn group_of<'a>(items: &[Settle<'a>], places: &[usize]) -> Vec<Item<'a>> {
    places.iter().filter_map(|place| item_of(&items[*place])).collect()
}

fn complete(settled: Vec<Option<Settled>>) -> Vec<Settled> {
    let left_out = || failed("it was left out".to_owned());
    settled.into_iter().map(|settled| settled.unwrap_or_else(left_out)).collect()
}

fn decide(item: &Settle<'_>) -> Option<Settled> {
    let message = match item.read {
        Ok(message) => message,
        Err(unusable) => {
            return Some(Settled::new(
                Outcome::Ignored,
                Some(unusable.code()),
                unusable.to_string(),
            ));
        }
    };
    let kind = message.kind.as_str();
    let Some(options) = options_of(item.settings, kind).filter(|_| ACTED_ON.contains(&kind)) else {
        let sentence = format!("Kept for inspection; Usher does nothing on {kind}.");
        return Some(Settled::new(Outcome::Ignored, Some("not_handled"), sentence));
    };
    if !options.enabled {
        let sentence = format!("Kept for inspection; {kind} is switched off at this endpoint.");
        return Some(Settled::new(Outcome::Off, Some("switched_off"), sentence));
    }
    if item.paused {
        let sentence = "Kept; this endpoint is paused and processes it when it is resumed.";
        return Some(Settled::new(Outcome::Waiting, Some("paused"), sentence));
    }
    None
}

fn item_of<'a>(item: &Settle<'a>) -> Option<Item<'a>> {
    let message = item.read.as_ref().ok()?;
    let fact: &Fact = message.fact.as_ref()?;
    let label = message.subject.as_deref().or(message.object_id.as_deref()).unwrap_or_default();
    Some(Item {
        incoming: Incoming {
            message: item.id,
            fact,
            options: options_of(item.settings, &message.kind)?,
            on_delete: item.settings.on_delete,
            timestamp: message.timestamp_ms,
            received_at: item.received_at,
            tie: audience::tie_of(&message.kind, item.tie),
        },
        kind: &message.kind,
        label,
    })
}

/// Projects a group; when that goes wrong, each alone, so that only the culprit fails.
async fn project(
    tx: &mut Tx,
    environment: i64,
    group: &[Item<'_>],
    now: i64,
) -> Result<Vec<Result<Projected, String>>, sqlx::Error> {
    if group.is_empty() {
        return Ok(Vec::new());
    }
    match guarded(tx, environment, group, now).await? {
        Ok(done) => return Ok(done.into_iter().map(Ok).collect()),
        Err(error) if group.len() == 1 => return Ok(vec![Err(error)]),
        Err(error) => tracing::warn!("a batch is projected one by one: {error}"),
    }
    let mut each = Vec::with_capacity(group.len());
    for item in group {
        let alone = guarded(tx, environment, std::slice::from_ref(item), now).await?;
        each.push(
            alone.and_then(|done| {
                done.into_iter().next().ok_or_else(|| "it had no result".to_owned())
            }),
        );
    }
    Ok(each)
}

async fn guarded(
    tx: &mut Tx,
    environment: i64,
    group: &[Item<'_>],
    now: i64,
) -> Result<Result<Vec<Projected>, String>, sqlx::Error> {
    sqlx::raw_sql("savepoint projecting").execute(tx.conn()).await?;
    let done = audience::project(tx, environment, group, now).await;
    if let Err(error) = &done
        && Cause::is_the_disk(error)
    {
        return done.map(Ok);
    }
    let end = if done.is_ok() {
        "release projecting"
    } else {
        "rollback to projecting; release projecting"
    };
    sqlx::raw_sql(end).execute(tx.conn()).await?;
    Ok(done.map_err(|error| error.to_string()))
}

fn failed(error: String) -> Settled {
    tracing::error!("a message could not be processed: {error}");
    Settled::new(
        Outcome::Failed,
        Some("processing"),
        format!("Kept, but processing it went wrong: {error}. Process it again from Usher."),
    )
}

fn told(item: &Item<'_>, done: Projected) -> Settled {
    let kind = item.kind;
    let [created, updated, removed] = done.counts;
    let (outcome, reason) = match done.verdict {
        Verdict::Processed => (Outcome::Processed, None),
        Verdict::Duplicate => (Outcome::Duplicate, Some("same_content")),
        Verdict::NoEmail => (Outcome::NoEmail, Some("no_email")),
        Verdict::Stale { deleted: true, .. } => (Outcome::Stale, Some("deleted")),
        Verdict::Stale { deleted: false, .. } => (Outcome::Stale, Some("older")),
    };
    let effect = match (created, updated, removed) {
        (0, 0, 0) if matches!(item.incoming.fact, Fact::UserDeleted(_)) => {
            "no contact has this user ID".to_owned()
        }
        (0, 0, 0) => "the contact stays as it is".to_owned(),
        (1, 0, 0) => "contact created".to_owned(),
        (0, 1, 0) => "contact updated".to_owned(),
        (0, 0, 1) => "contact removed".to_owned(),
        _ => format!("contacts: {created} created, {updated} updated, {removed} removed"),
    };
    let sentence = match audience::sentence(done.verdict, item.incoming.fact, done.label.is_some())
    {
        Some(why) => why,
        None => format!("{kind}: {effect}."),
    };
    Settled {
        subject: done.label,
        against: done.against,
        ..Settled::new(outcome, reason, sentence)
    }
}

async fn write(
    tx: &mut Tx,
    items: &[Settle<'_>],
    settled: &[Settled],
    clock: &dyn Clock,
) -> Result<(), sqlx::Error> {
    if items.is_empty() {
        return Ok(());
    }
    let now = clock.now_us();
    let rows: Vec<_> = items
        .iter()
        .zip(settled)
        .map(|(item, settled)| {
            let after = item.started_us.map(|started| now - started);
            json!([
                item.id,
                word(settled.outcome),
                settled.reason,
                settled.sentence,
                after,
                settled.subject,
                settled.against,
            ])
        })
        .collect();
    let rows = json!(rows).to_string();
    sqlx::query!(
        "update message
         set outcome = s.value ->> 1, reason = s.value ->> 2, sentence = s.value ->> 3,
             answer = iif(answer = '', s.value ->> 3, answer),
             settled_us = coalesce(s.value ->> 4, settled_us),
             subject = coalesce(s.value ->> 5, subject),
             against_id = s.value ->> 6
         from json_each(?1) s where message.id = s.value ->> 0",
        rows
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
