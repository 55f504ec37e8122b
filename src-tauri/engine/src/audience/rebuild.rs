//! Computes the audience anew from the inbox and the edits, and says what differed.
//!
//! Contacts keep their ids, timelines and events stay as they are. Deliberately absent: judging
//! messages again; each is applied with the settings it was judged by.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::merge::{Anchor, Incoming};
use super::store::{self, Scope};
use crate::change::Topic;
use crate::clerk::{self, ACTED_ON};
use crate::db::Tx;
use crate::endpoint::{EndpointSettings, options_of, settings_of};

/// What a rebuild of the audience found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Rebuilt {
    /// Messages read again.
    pub messages: i64,
    /// Contacts in the audience now.
    pub contacts: i64,
    /// Contacts that differ from before; 0 unless something was wrong.
    pub changed: i64,
}

/// Messages read at a time.
const AT_ONCE: i64 = 500;

struct Standing {
    id: i64,
    user_id: Option<String>,
    digest: u64,
}

/// Rebuilds every environment.
///
/// # Errors
/// What SQLite says; then everything is as before.
pub async fn rebuild(tx: &mut Tx) -> Result<Rebuilt, sqlx::Error> {
    tx.touch(Topic::Contacts);
    tx.touch(Topic::Lists);
    let environments: Vec<i64> =
        sqlx::query_scalar!("select id from environment").fetch_all(tx.conn()).await?;
    let mut rebuilt = Rebuilt { messages: 0, contacts: 0, changed: 0 };
    for environment in environments {
        let before = standing(tx, environment).await?;
        clear(tx, environment).await?;
        rebuilt.messages += replay(tx, environment).await?;
        by_hand(tx, environment).await?;
        let after = keep_ids(tx, environment, &before).await?;
        rebuilt.contacts += i64::try_from(after.len()).unwrap_or(i64::MAX);
        let same = |key: &String, old: &Standing| {
            after.get(key).is_some_and(|new| new.digest == old.digest)
        };
        let differ = before.iter().filter(|(key, old)| !same(key, old)).count()
            + after.keys().filter(|key| !before.contains_key(*key)).count();
        rebuilt.changed += i64::try_from(differ).unwrap_or(i64::MAX);
    }
    Ok(rebuilt)
}

async fn standing(tx: &mut Tx, environment: i64) -> Result<HashMap<String, Standing>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select id, email_key, user_id,
                  json_array(email, user_id, first_name, last_name, user_group, source, subscribed,
                             created_at, updated_at,
                             json_remove(state, '$.message'),
                             (select json_group_array(list_id) from
                                 (select list_id from contact_list where contact_id = contact.id
                                  order by list_id))) as "whole!: String"
           from contact where environment_id = ?1"#,
        environment
    )
    .fetch_all(tx.conn())
    .await?;
    let rows = rows.into_iter().map(|row| {
        let mut hasher = DefaultHasher::new();
        row.whole.hash(&mut hasher);
        (row.email_key, Standing { id: row.id, user_id: row.user_id, digest: hasher.finish() })
    });
    Ok(rows.collect())
}

async fn clear(tx: &mut Tx, environment: i64) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from clerk_user where environment_id = ?1", environment)
        .execute(tx.conn())
        .await?;
    sqlx::query!("delete from waitlist_entry where environment_id = ?1", environment)
        .execute(tx.conn())
        .await?;
    sqlx::query!("delete from seen_email where environment_id = ?1", environment)
        .execute(tx.conn())
        .await?;
    sqlx::query!(
        "delete from contact_list
         where list_id in (select id from mailing_list where environment_id = ?1)",
        environment
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!("delete from contact where environment_id = ?1", environment)
        .execute(tx.conn())
        .await?;
    Ok(())
}

async fn replay(tx: &mut Tx, environment: i64) -> Result<i64, sqlx::Error> {
    let mut settings: HashMap<i64, EndpointSettings> = HashMap::new();
    let (mut after, mut messages) = (0, 0);
    loop {
        let rows = sqlx::query!(
            "select m.id, m.settings_id, m.received_at, m.body_tie, b.body
             from message m join message_body b on b.message_id = m.id
             where m.environment_id = ?1 and m.id > ?2 and m.accepted = 1
               and m.outcome in ('processed', 'no_email', 'stale', 'duplicate', 'failed')
             order by m.id limit ?3",
            environment,
            after,
            AT_ONCE
        )
        .fetch_all(tx.conn())
        .await?;
        let Some(last) = rows.last() else { return Ok(messages) };
        after = last.id;
        for row in &rows {
            if let Entry::Vacant(slot) = settings.entry(row.settings_id) {
                let body = sqlx::query_scalar!(
                    "select body from endpoint_settings where id = ?1",
                    row.settings_id
                )
                .fetch_one(tx.conn())
                .await?;
                slot.insert(settings_of(&body));
            }
        }
        let read: Vec<_> = rows
            .iter()
            .filter_map(|row| Some((row, clerk::read(&row.body).ok()?)))
            .filter(|(_, message)| ACTED_ON.contains(&message.kind.as_str()))
            .collect();
        let mut scope = Scope::default();
        for (_, message) in &read {
            message.fact.iter().for_each(|fact| scope.add(fact));
        }
        let (mut world, _) = store::load(tx, environment, scope).await?;
        for (row, message) in &read {
            let Some(settings) = settings.get(&row.settings_id) else { continue };
            let (Some(fact), Some(options)) = (&message.fact, options_of(settings, &message.kind))
            else {
                continue;
            };
            messages += 1;
            world.apply(Incoming {
                message: row.id,
                fact,
                options,
                on_delete: settings.on_delete,
                timestamp: message.timestamp_ms,
                received_at: row.received_at,
                tie: super::tie_of(&message.kind, row.body_tie),
            });
        }
        store::save(tx, environment, &mut world, &store::Notes::default()).await?;
    }
}

async fn by_hand(tx: &mut Tx, environment: i64) -> Result<(), sqlx::Error> {
    let anchors: Vec<String> = sqlx::query_scalar!(
        "select anchor from hand where environment_id = ?1 and anchor like 'email:%'",
        environment
    )
    .fetch_all(tx.conn())
    .await?;
    let mut scope = Scope::default();
    for anchor in anchors.iter().filter_map(|word| Anchor::of(word)) {
        if let Anchor::Email(key) = anchor {
            scope.keys.insert(key);
        }
    }
    let (mut world, _) = store::load(tx, environment, scope).await?;
    world.recompute_all();
    store::save(tx, environment, &mut world, &store::Notes::default()).await
}

/// Gives every contact the id it had, by user ID, else by email.
async fn keep_ids(
    tx: &mut Tx,
    environment: i64,
    before: &HashMap<String, Standing>,
) -> Result<HashMap<String, Standing>, sqlx::Error> {
    let after = standing(tx, environment).await?;
    let by_user: HashMap<&str, i64> =
        before.values().filter_map(|old| Some((old.user_id.as_deref()?, old.id))).collect();
    let mut free: HashSet<i64> = before.values().map(|old| old.id).collect();
    let mut moves: HashMap<i64, i64> = HashMap::new();
    for (key, new) in &after {
        let old = new.user_id.as_deref().and_then(|id| by_user.get(id).copied());
        if let Some(old) = old.filter(|old| free.remove(old)) {
            moves.insert(new.id, old);
        } else if let Some(old) = before.get(key).filter(|old| old.user_id.is_none())
            && free.remove(&old.id)
        {
            moves.insert(new.id, old.id);
        }
    }
    let moves: Vec<(i64, i64)> = moves.into_iter().collect();
    sqlx::query!("update contact set id = -id where environment_id = ?1", environment)
        .execute(tx.conn())
        .await?;
    let moves = serde_json::json!(moves).to_string();
    sqlx::query!(
        "update contact set id = m.value ->> 1 from json_each(?1) m where contact.id = -(m.value ->> 0)",
        moves
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!("update contact set id = -id where environment_id = ?1 and id < 0", environment)
        .execute(tx.conn())
        .await?;
    Ok(after)
}
