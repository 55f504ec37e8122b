//! The audience: contacts computed from messages and edits, with the timeline of each.
//!
//! The rules are in [`merge`]; this file loads the part of the world that some messages concern,
//! applies them there and writes the difference back, a few statements for a whole batch. It owns the
//! tables `clerk_user`, `waitlist_entry`, `seen_email`, `hand`, `contact`, `contact_list`,
//! `contact_change`, `removal`, `event` and `event_name`. Deliberately absent: reading for screens
//! (api/contacts.rs) and judging who may write.

pub mod merge;
mod rebuild;
mod store;

use std::collections::BTreeSet;

use serde_json::json;

use crate::change::Topic;
use crate::clerk::{Fact, email_key};
use crate::db::Tx;
use merge::{Anchor, Edits, Effect, FieldChange, Incoming, Touched, Verdict, World, differences};

pub use rebuild::{Rebuilt, rebuild};

/// What one message concerns.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// The message, its fact and its options.
    pub incoming: Incoming<'a>,
    /// Clerk's type.
    pub kind: &'a str,
    /// Shown for an event whose contact is unknown.
    pub label: &'a str,
}

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projected {
    /// How it was judged.
    pub verdict: Verdict,
    /// The contacts it created, updated and removed, in that order; one of which only times changed is
    /// none of them.
    pub counts: [usize; 3],
    /// Email of the contact it is about.
    pub label: Option<String>,
    /// The message that it repeats or lost against, as far as it is known.
    pub against: Option<i64>,
}

/// What breaks a tie between two messages of the same time: an update comes after a creation (Clerk's
/// own examples carry one time for both), else the hash of the body decides.
pub fn tie_of(kind: &str, hash: i64) -> i64 {
    if kind.ends_with(".created") { hash | i64::MIN } else { hash & i64::MAX }
}

/// Applies messages of one environment in their order and records what they did.
///
/// # Errors
/// What SQLite says; then nothing may be kept.
pub async fn project(
    tx: &mut Tx,
    environment: i64,
    items: &[Item<'_>],
    now: i64,
) -> Result<Vec<Projected>, sqlx::Error> {
    let (projected, unsaved) = prepare(tx, environment, items, now).await?;
    unsaved.save(tx).await?;
    Ok(projected)
}

/// Applies messages of one environment in their order, in memory only. Nothing of this environment
/// may be written before the rest is saved in the same transaction.
///
/// # Errors
/// What SQLite says.
pub async fn prepare(
    tx: &mut Tx,
    environment: i64,
    items: &[Item<'_>],
    now: i64,
) -> Result<(Vec<Projected>, Unsaved), sqlx::Error> {
    let mut scope = store::Scope::default();
    for item in items {
        scope.add(item.incoming.fact);
    }
    let (mut world, lists) = store::load(tx, environment, scope).await?;
    let effects = apply(&mut world, items)?;
    let mut journal = Journal::new(now, &lists);
    let projected = items
        .iter()
        .zip(&effects)
        .map(|(item, effect)| Projected {
            verdict: effect.verdict,
            counts: journal.message(item, effect, &world),
            label: effect.contact.and_then(|contact| email_of(contact, effect, &world)),
            against: effect.against,
        })
        .collect();
    let notes = journal.notes;
    Ok((projected, Unsaved { environment, world, notes }))
}

/// What applied messages leave to be written.
#[derive(Debug)]
pub struct Unsaved {
    environment: i64,
    world: World,
    notes: store::Notes,
}

impl Unsaved {
    /// Writes it. The messages must be in their table by now.
    ///
    /// # Errors
    /// What SQLite says; then nothing may be kept.
    pub async fn save(mut self, tx: &mut Tx) -> Result<(), sqlx::Error> {
        tx.touch(Topic::Contacts);
        if !self.notes.events.is_empty() {
            tx.touch(Topic::Events);
        }
        store::save(tx, self.environment, &mut self.world, &self.notes).await
    }
}

/// Applies the items; a panic in a rule becomes an error, so that it costs one message.
fn apply(world: &mut World, items: &[Item<'_>]) -> Result<Vec<Effect>, sqlx::Error> {
    let all = || items.iter().map(|item| world.apply(item.incoming)).collect();
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(all))
        .map_err(|_| sqlx::Error::Decode("a rule of the audience panicked".into()))
}

/// Adds a contact by hand and returns its id; `None` when the address is in the audience already, or
/// belongs to somebody who is there under another one.
///
/// # Errors
/// What SQLite says.
pub async fn add_by_hand(
    tx: &mut Tx,
    environment: i64,
    email: &str,
    edits: &Edits,
    now: i64,
) -> Result<Option<i64>, sqlx::Error> {
    let mut scope = store::Scope::default();
    scope.keys.insert(email_key(email));
    let (mut world, lists) = store::load(tx, environment, scope).await?;
    let effect = world.add_by_hand(email, edits, now);
    let Some((contact, effect)) = effect.and_then(|effect| Some((effect.contact?, effect))) else {
        return Ok(None);
    };
    finish(tx, environment, world, &lists, &[effect], now).await?;
    Ok(Some(contact))
}

/// Edits the contact with this email key; false when there is none.
///
/// # Errors
/// What SQLite says.
pub async fn edit(
    tx: &mut Tx,
    environment: i64,
    key: &str,
    edits: &Edits,
    now: i64,
) -> Result<bool, sqlx::Error> {
    let mut scope = store::Scope::default();
    scope.keys.insert(key.to_owned());
    let (mut world, lists) = store::load(tx, environment, scope).await?;
    let Some(effect) = world.edit(key, edits, now) else { return Ok(false) };
    finish(tx, environment, world, &lists, &[effect], now).await?;
    Ok(true)
}

/// Removes contacts by their email keys and returns how many went, with the id of the removal that
/// [`restore`] takes.
///
/// # Errors
/// What SQLite says.
pub async fn remove(
    tx: &mut Tx,
    environment: i64,
    keys: BTreeSet<String>,
    now: i64,
) -> Result<(usize, i64), sqlx::Error> {
    let scope = store::Scope { keys: keys.clone(), ..store::Scope::default() };
    let (mut world, lists) = store::load(tx, environment, scope).await?;
    let (effects, anchors): (Vec<Effect>, Vec<String>) = keys
        .iter()
        .filter_map(|key| world.remove(key, now))
        .map(|(effect, anchor)| (effect, anchor.word()))
        .unzip();
    finish(tx, environment, world, &lists, &effects, now).await?;
    let anchors = json!(anchors).to_string();
    let undo = sqlx::query_scalar!(
        r#"insert into removal (environment_id, at, anchors) values (?1, ?2, ?3)
           returning id as "id!""#,
        environment,
        now,
        anchors
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((effects.len(), undo))
}

/// Takes a removal back and returns how many contacts are there again; `None` when it is unknown.
///
/// # Errors
/// What SQLite says.
pub async fn restore(tx: &mut Tx, removal: i64, now: i64) -> Result<Option<usize>, sqlx::Error> {
    let found = sqlx::query!(
        "delete from removal where id = ?1 returning environment_id, anchors",
        removal
    )
    .fetch_optional(tx.conn())
    .await?;
    let Some(found) = found else { return Ok(None) };
    let words: Vec<String> = serde_json::from_str(&found.anchors).unwrap_or_default();
    let anchors: Vec<Anchor> = words.iter().filter_map(|word| Anchor::of(word)).collect();
    let mut scope = store::Scope::default();
    for anchor in &anchors {
        match anchor {
            Anchor::User(id) => scope.users.insert(id.clone()),
            Anchor::Email(key) => scope.keys.insert(key.clone()),
        };
    }
    let (mut world, lists) = store::load(tx, found.environment_id, scope).await?;
    let touched: Vec<Touched> = anchors.iter().flat_map(|anchor| world.restore(anchor)).collect();
    let back = touched.len();
    let effect = Effect::by_hand(touched, None);
    finish(tx, found.environment_id, world, &lists, &[effect], now).await?;
    Ok(Some(back))
}

async fn finish(
    tx: &mut Tx,
    environment: i64,
    world: World,
    lists: &store::ListNames,
    effects: &[Effect],
    now: i64,
) -> Result<(), sqlx::Error> {
    let mut journal = Journal::new(now, lists);
    for effect in effects {
        journal.changes(effect, None);
    }
    let notes = journal.notes;
    Unsaved { environment, world, notes }.save(tx).await
}

/// Turns effects into timeline entries and events.
struct Journal<'a> {
    lists: &'a store::ListNames,
    notes: store::Notes,
}

impl<'a> Journal<'a> {
    fn new(now: i64, lists: &'a store::ListNames) -> Self {
        Self { lists, notes: store::Notes { now, ..store::Notes::default() } }
    }

    /// Returns how many contacts were created, updated and removed.
    fn message(&mut self, item: &Item<'_>, effect: &Effect, world: &World) -> [usize; 3] {
        let counts = self.changes(effect, Some(item.incoming.message));
        let quiet = matches!(effect.verdict, Verdict::Processed | Verdict::Duplicate);
        let note = sentence(effect.verdict, item.incoming.fact, true).filter(|_| !quiet);
        if let (Some(note), Some(contact)) = (note, effect.contact) {
            let email = email_of(contact, effect, world).unwrap_or_default();
            let what =
                if matches!(effect.verdict, Verdict::Stale { .. }) { "stale" } else { "unchanged" };
            self.entry(contact, what, &email, Some(item.incoming.message), &[], Some(&note));
        }
        if effect.verdict == Verdict::Duplicate {
            return counts;
        }
        let label = effect
            .contact
            .and_then(|contact| email_of(contact, effect, world))
            .unwrap_or_else(|| item.label.to_owned());
        let custom = item.incoming.options.custom_event.clone();
        for name in std::iter::once(format!("clerk.{}", item.kind)).chain(custom) {
            *self.notes.names.entry(name.clone()).or_default() += 1;
            self.notes.events.push(json!([name, item.incoming.message, effect.contact, label]));
        }
        counts
    }

    fn changes(&mut self, effect: &Effect, message: Option<i64>) -> [usize; 3] {
        let mut counts = [0; 3];
        for touched in &effect.touched {
            let (before, after) = (touched.before.as_ref(), touched.after.as_ref());
            let name_of =
                |id: i64| self.lists.get(&id).cloned().unwrap_or_else(|| format!("list {id}"));
            let changes = differences(before, after, name_of);
            if changes.is_empty() {
                continue;
            }
            let (what, place) = match (before, after) {
                (None, _) => ("created", 0),
                (Some(_), Some(_)) => ("updated", 1),
                (Some(_), None) => ("removed", 2),
            };
            counts[place] += 1;
            let email = after.or(before).map(|contact| contact.email.clone()).unwrap_or_default();
            self.entry(touched.id, what, &email, message, &changes, None);
        }
        counts
    }

    fn entry(
        &mut self,
        contact: i64,
        what: &str,
        email: &str,
        message: Option<i64>,
        changes: &[FieldChange],
        note: Option<&str>,
    ) {
        let changes = json!(changes).to_string();
        self.notes.changes.push(json!([contact, what, email, message, changes, note]));
    }
}

fn email_of(contact: i64, effect: &Effect, world: &World) -> Option<String> {
    let touched = effect.touched.iter().find(|touched| touched.id == contact);
    touched
        .and_then(|touched| touched.after.as_ref().or(touched.before.as_ref()))
        .map(|contact| contact.email.clone())
        .or_else(|| world.email_of(contact).map(str::to_owned))
}

/// A verdict that needs words, in words; `known` when there is a contact it is about.
pub fn sentence(verdict: Verdict, fact: &Fact, known: bool) -> Option<String> {
    match verdict {
        Verdict::Processed => None,
        Verdict::Duplicate => {
            Some("Says exactly what an earlier message said; nothing to do.".to_owned())
        }
        Verdict::NoEmail => {
            let why = match fact {
                Fact::User(snapshot) => snapshot.no_email.as_ref().map(ToString::to_string),
                Fact::UserDeleted(_) | Fact::Waitlist(_) => None,
            };
            let why = why.unwrap_or_else(|| "There is no usable email address in it.".to_owned());
            let so = if known {
                "The contact keeps the address it had."
            } else {
                "It makes no contact."
            };
            Some(format!("{why} {so}"))
        }
        Verdict::Stale { at, known_at, deleted: true } => Some(format!(
            "Of {}, about somebody who was deleted at {}; the deletion stands.",
            moment(at),
            moment(known_at)
        )),
        Verdict::Stale { at, known_at, deleted: false } if at == known_at => {
            Some(format!("Of {}, the same time as what is known; that stays.", moment(at)))
        }
        Verdict::Stale { at, known_at, deleted: false } => Some(format!(
            "Of {}, older than what is known since {}; newer values stay.",
            moment(at),
            moment(known_at)
        )),
    }
}

fn moment(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map_or_else(|_| format!("{ms} ms"), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}
