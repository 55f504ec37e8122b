//! Loads the connected part of the world and writes what changed, each table in one statement.
//!
//! Deliberately absent: rules. What belongs together is decided by shared email addresses alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::json;

use super::merge::{Anchor, BY_HAND, Contact, Entry, FROM_CLERK, Hand, More, User, World};
use crate::change::Topic;
use crate::clerk::{Fact, email_key};
use crate::db::Tx;

/// What some messages or edits name.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// User ids.
    pub users: BTreeSet<String>,
    /// Waitlist entry ids.
    pub entries: BTreeSet<String>,
    /// Email keys.
    pub keys: BTreeSet<String>,
}

impl Scope {
    pub(super) fn add(&mut self, fact: &Fact) {
        match fact {
            Fact::User(snapshot) => {
                self.users.insert(snapshot.user_id.clone());
                self.keys.extend(snapshot.email.as_deref().map(email_key));
            }
            Fact::UserDeleted(deleted) => {
                self.users.insert(deleted.user_id.clone());
            }
            Fact::Waitlist(snapshot) => {
                self.entries.insert(snapshot.entry_id.clone());
                self.keys.extend(snapshot.email.as_deref().map(email_key));
            }
        }
    }
}

struct SeenRow {
    email_key: String,
    user_id: String,
    first_at: i64,
}

struct EntryRow {
    entry_id: String,
    email_key: Option<String>,
    state: String,
}

/// Loads everything that is connected to `scope` through shared email addresses.
pub(super) async fn load(
    tx: &mut Tx,
    environment: i64,
    mut scope: Scope,
) -> Result<World, sqlx::Error> {
    let next = sqlx::query_scalar!("select next from counter where name = 'contact'")
        .fetch_one(tx.conn())
        .await?;
    let mut world = World::new(next);
    let (seen, entries) = loop {
        let known = (scope.users.len(), scope.keys.len());
        let (keys, users) = (json!(scope.keys).to_string(), json!(scope.users).to_string());
        let ids = json!(scope.entries).to_string();
        let entries = sqlx::query_as!(
            EntryRow,
            r#"select entry_id as "entry_id!", email_key, state as "state!" from waitlist_entry
               where environment_id = ?1 and entry_id in (select value from json_each(?2))
               union
               select entry_id, email_key, state from waitlist_entry indexed by waitlist_entry_email
               where environment_id = ?1 and email_key in (select value from json_each(?3))"#,
            environment,
            ids,
            keys
        )
        .fetch_all(tx.conn())
        .await?;
        let seen = sqlx::query_as!(
            SeenRow,
            r#"select email_key as "email_key!", user_id as "user_id!", first_at as "first_at!"
               from seen_email
               where environment_id = ?1 and email_key in (select value from json_each(?2))
               union
               select email_key, user_id, first_at from seen_email indexed by seen_email_user
               where environment_id = ?1 and user_id in (select value from json_each(?3))"#,
            environment,
            keys,
            users
        )
        .fetch_all(tx.conn())
        .await?;
        scope.keys.extend(entries.iter().filter_map(|row| row.email_key.clone()));
        scope.keys.extend(seen.iter().map(|row| row.email_key.clone()));
        scope.users.extend(seen.iter().map(|row| row.user_id.clone()));
        if known == (scope.users.len(), scope.keys.len()) {
            break (seen, entries);
        }
    };
    for row in seen {
        world.load_seen(row.email_key, row.user_id, row.first_at);
    }
    for row in entries {
        world.load_entry(row.entry_id, state::<Entry>(&row.state)?);
    }
    let ids = json!(scope.users).to_string();
    let users = sqlx::query!(
        "select user_id, state from clerk_user
         where environment_id = ?1 and user_id in (select value from json_each(?2))",
        environment,
        ids
    )
    .fetch_all(tx.conn())
    .await?;
    for row in users {
        world.load_user(row.user_id, state::<User>(&row.state)?);
    }
    let anchors: Vec<String> = scope
        .users
        .iter()
        .map(|id| Anchor::User(id.clone()).word())
        .chain(scope.keys.iter().map(|key| Anchor::Email(key.clone()).word()))
        .collect();
    let anchors = json!(anchors).to_string();
    let hands = sqlx::query!(
        "select anchor, state from hand
         where environment_id = ?1 and anchor in (select value from json_each(?2))",
        environment,
        anchors
    )
    .fetch_all(tx.conn())
    .await?;
    for row in hands {
        if let Some(anchor) = Anchor::of(&row.anchor) {
            world.load_hand(anchor, state::<Hand>(&row.state)?);
        }
    }
    let keys = json!(scope.keys).to_string();
    let contacts = sqlx::query!(
        r#"select id, email_key, email, user_id, first_name, last_name, user_group, source,
                  subscribed as "subscribed: bool", created_at, updated_at, state,
                  (select json_group_array(list_id) from contact_list where contact_id = contact.id)
                      as "lists!: String"
           from contact
           where environment_id = ?1 and email_key in (select value from json_each(?2))"#,
        environment,
        keys
    )
    .fetch_all(tx.conn())
    .await?;
    for row in contacts {
        let contact = Contact {
            email: row.email,
            user_id: row.user_id,
            first_name: row.first_name,
            last_name: row.last_name,
            user_group: row.user_group,
            lists: state(&row.lists)?,
            source: if row.source == BY_HAND { BY_HAND } else { FROM_CLERK },
            subscribed: row.subscribed,
            created_at: row.created_at,
            updated_at: row.updated_at,
            more: state::<More>(&row.state)?,
        };
        world.load_contact(row.email_key, row.id, contact);
    }
    Ok(world)
}

/// Writes back what changed since the world was loaded or saved.
pub(super) async fn save(
    tx: &mut Tx,
    environment: i64,
    world: &mut World,
) -> Result<(), sqlx::Error> {
    let dirty = world.take_dirty();
    let users: Vec<_> = dirty
        .users
        .iter()
        .filter_map(|id| Some(json!({ "i": id, "s": text(world.user(id)?) })))
        .collect();
    if !users.is_empty() {
        let users = json!(users).to_string();
        sqlx::query!(
            "insert into clerk_user (environment_id, user_id, state)
             select ?1, value ->> 'i', value ->> 's' from json_each(?2) where true
             on conflict do update set state = excluded.state",
            environment,
            users
        )
        .execute(tx.conn())
        .await?;
    }
    let seen: Vec<_> = dirty
        .seen
        .iter()
        .filter_map(|(key, id)| Some(json!([key, id, world.seen_since(key, id)?])))
        .collect();
    if !seen.is_empty() {
        let seen = json!(seen).to_string();
        sqlx::query!(
            "insert into seen_email (environment_id, email_key, user_id, first_at)
             select ?1, value ->> 0, value ->> 1, value ->> 2 from json_each(?2) where true
             on conflict do update set first_at = excluded.first_at",
            environment,
            seen
        )
        .execute(tx.conn())
        .await?;
    }
    let entries: Vec<_> = dirty
        .entries
        .iter()
        .filter_map(|id| {
            let entry = world.entry(id)?;
            Some(json!({ "i": id, "k": entry.key(), "s": text(entry) }))
        })
        .collect();
    if !entries.is_empty() {
        let entries = json!(entries).to_string();
        sqlx::query!(
            "insert into waitlist_entry (environment_id, entry_id, email_key, state)
             select ?1, value ->> 'i', value ->> 'k', value ->> 's' from json_each(?2) where true
             on conflict do update set email_key = excluded.email_key, state = excluded.state",
            environment,
            entries
        )
        .execute(tx.conn())
        .await?;
    }
    let hands: Vec<_> = dirty
        .hands
        .iter()
        .filter_map(|anchor| Some(json!({ "a": anchor.word(), "s": text(world.hand(anchor)?) })))
        .collect();
    if !hands.is_empty() {
        let hands = json!(hands).to_string();
        sqlx::query!(
            "insert into hand (environment_id, anchor, state)
             select ?1, value ->> 'a', value ->> 's' from json_each(?2) where true
             on conflict do update set state = excluded.state",
            environment,
            hands
        )
        .execute(tx.conn())
        .await?;
    }
    if dirty.contacts.is_empty() {
        return Ok(());
    }
    tx.touch(Topic::Contacts);
    let next = world.next_contact();
    sqlx::query!("update counter set next = ?1 where name = 'contact'", next)
        .execute(tx.conn())
        .await?;
    write_contacts(tx, environment, world, &dirty.contacts).await
}

async fn write_contacts(
    tx: &mut Tx,
    environment: i64,
    world: &World,
    ids: &BTreeSet<i64>,
) -> Result<(), sqlx::Error> {
    let rows: BTreeMap<i64, _> = world
        .contacts_by_id()
        .filter(|(id, ..)| ids.contains(id))
        .map(|(id, key, contact)| (id, (key, contact)))
        .collect();
    let all = json!(ids).to_string();
    sqlx::query!("delete from contact where id in (select value from json_each(?1))", all)
        .execute(tx.conn())
        .await?;
    let contacts: Vec<_> = rows
        .iter()
        .map(|(id, (key, c))| {
            json!([
                id,
                key,
                c.email,
                c.user_id,
                c.first_name,
                c.last_name,
                c.user_group,
                c.source,
                i64::from(c.subscribed),
                c.created_at,
                c.updated_at,
                text(&c.more),
            ])
        })
        .collect();
    let contacts = json!(contacts).to_string();
    sqlx::query!(
        "insert into contact
             (id, environment_id, email_key, email, user_id, first_name, last_name, user_group,
              source, subscribed, created_at, updated_at, state)
         select value ->> 0, ?1, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
                value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11
         from json_each(?2)",
        environment,
        contacts
    )
    .execute(tx.conn())
    .await?;
    let lists: Vec<_> = rows
        .iter()
        .flat_map(|(id, (_, contact))| contact.lists.iter().map(move |list| json!([list, id])))
        .collect();
    if !lists.is_empty() {
        tx.touch(Topic::Lists);
        let lists = json!(lists).to_string();
        sqlx::query!(
            "insert into contact_list (list_id, contact_id)
             select value ->> 0, value ->> 1 from json_each(?1)
             where exists (select 1 from mailing_list where id = value ->> 0)",
            lists
        )
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

fn text<T: serde::Serialize>(value: &T) -> String {
    json!(value).to_string()
}

fn state<T: DeserializeOwned>(text: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
