//! Loads the connected part of the world and writes what changed, each in one round trip.
//!
//! Deliberately absent: rules. What belongs together is decided by shared email addresses alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

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

/// Loads everything that is connected to `scope` through shared email addresses, and the names of the
/// environment's mailing lists. One statement, whose one row holds each table's part as JSON: what a
/// message names is all there is to load but for people who share or changed addresses, and every
/// round trip to SQLite's thread costs more than the statement itself.
pub(super) async fn load(
    tx: &mut Tx,
    environment: i64,
    mut scope: Scope,
) -> Result<(World, ListNames), sqlx::Error> {
    loop {
        let known = (scope.users.len(), scope.keys.len());
        let (keys, users) = (text(&scope.keys), text(&scope.users));
        let ids = text(&scope.entries);
        let found = sqlx::query!(
            r#"select
                 (select next from counter where name = 'contact') as "next!: i64",
                 (select json_group_array(json_array(id, name)) from mailing_list
                  where environment_id = ?1) as "lists!: String",
                 (select json_group_array(json_array(entry_id, email_key, state)) from (
                      select entry_id, email_key, state from waitlist_entry
                      where environment_id = ?1 and entry_id in (select value from json_each(?2))
                      union
                      select entry_id, email_key, state
                      from waitlist_entry indexed by waitlist_entry_email
                      where environment_id = ?1 and email_key in (select value from json_each(?3))
                  )) as "entries!: String",
                 (select json_group_array(json_array(email_key, user_id, first_at)) from (
                      select email_key, user_id, first_at from seen_email
                      where environment_id = ?1 and email_key in (select value from json_each(?3))
                      union
                      select email_key, user_id, first_at from seen_email indexed by seen_email_user
                      where environment_id = ?1 and user_id in (select value from json_each(?4))
                  )) as "seen!: String",
                 (select json_group_array(json_array(user_id, state)) from clerk_user
                  where environment_id = ?1 and user_id in (select value from json_each(?4)))
                     as "users!: String",
                 (select json_group_array(json_array(anchor, state)) from hand
                  where environment_id = ?1 and anchor in (
                      select 'user:' || value from json_each(?4)
                      union all select 'email:' || value from json_each(?3)
                  )) as "hands!: String",
                 (select json_group_array(json_array(
                      id, email_key, email, user_id, first_name, last_name, user_group, source,
                      subscribed, created_at, updated_at, state,
                      (select json_group_array(list_id) from contact_list
                       where contact_id = contact.id)))
                  from contact
                  where environment_id = ?1 and email_key in (select value from json_each(?3)))
                     as "contacts!: String""#,
            environment,
            ids,
            keys,
            users
        )
        .fetch_one(tx.conn())
        .await?;
        let entries: Vec<(String, Option<String>, String)> = state(&found.entries)?;
        let seen: Vec<(String, String, i64)> = state(&found.seen)?;
        scope.keys.extend(entries.iter().filter_map(|(_, key, _)| key.clone()));
        scope.keys.extend(seen.iter().map(|(key, ..)| key.clone()));
        scope.users.extend(seen.iter().map(|(_, user, _)| user.clone()));
        if known != (scope.users.len(), scope.keys.len()) {
            continue;
        }
        let mut world = World::new(found.next);
        for (key, user, first_at) in seen {
            world.load_seen(key, user, first_at);
        }
        for (id, _, entry) in entries {
            world.load_entry(id, state::<Entry>(&entry)?);
        }
        for (id, user) in state::<Vec<(String, String)>>(&found.users)? {
            world.load_user(id, state::<User>(&user)?);
        }
        for (anchor, hand) in state::<Vec<(String, String)>>(&found.hands)? {
            if let Some(anchor) = Anchor::of(&anchor) {
                world.load_hand(anchor, state::<Hand>(&hand)?);
            }
        }
        for row in state::<Vec<ContactRow>>(&found.contacts)? {
            let (key, id) = (row.1.clone(), row.0);
            world.load_contact(key, id, contact_of(row)?);
        }
        return Ok((world, state::<Vec<(i64, String)>>(&found.lists)?.into_iter().collect()));
    }
}

/// Names of mailing lists by id.
pub(super) type ListNames = HashMap<i64, String>;

#[rustfmt::skip]
#[derive(Deserialize)]
struct ContactRow(
    i64, String, String, Option<String>, Option<String>, Option<String>, Option<String>, String,
    i64, i64, i64, String, BTreeSet<i64>,
);

fn contact_of(row: ContactRow) -> Result<Contact, sqlx::Error> {
    Ok(Contact {
        email: row.2,
        user_id: row.3,
        first_name: row.4,
        last_name: row.5,
        user_group: row.6,
        source: if row.7 == BY_HAND { BY_HAND } else { FROM_CLERK },
        subscribed: row.8 != 0,
        created_at: row.9,
        updated_at: row.10,
        more: state::<More>(&row.11)?,
        lists: row.12,
    })
}

/// Timeline entries and events to write beside the world, as JSON arrays of rows.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Contact, what, email, message, changes, note.
    pub changes: Vec<Value>,
    /// Name, message, contact, label.
    pub events: Vec<Value>,
    /// How often each name occurs.
    pub names: BTreeMap<String, i64>,
    /// Unix milliseconds.
    pub now: i64,
}

/// Writes back what changed since the world was loaded or saved, and the notes, in one round trip.
/// Contacts whose email moved are deleted before any is written, since two may have swapped theirs;
/// columns that have an index and hardly ever change are written only when they do.
pub(super) async fn save(
    tx: &mut Tx,
    environment: i64,
    world: &mut World,
    notes: &Notes,
) -> Result<(), sqlx::Error> {
    let dirty = world.take_dirty();
    if !dirty.contacts.is_empty() {
        tx.touch(Topic::Contacts);
    }
    let users: Vec<_> =
        dirty.users.iter().filter_map(|id| Some((id, text(world.user(id)?)))).collect();
    let seen: Vec<_> = dirty
        .seen
        .iter()
        .filter_map(|(key, id)| Some((key, id, world.seen_since(key, id)?)))
        .collect();
    let entries: Vec<_> = dirty
        .entries
        .iter()
        .filter_map(|id| world.entry(id).map(|entry| (id, entry.key(), text(entry))))
        .collect();
    let hands: Vec<_> = dirty
        .hands
        .iter()
        .filter_map(|anchor| Some((anchor.word(), text(world.hand(anchor)?))))
        .collect();
    let rows: Vec<_> = world
        .contacts_of(&dirty.contacts)
        .map(|(id, key, c)| {
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
    let lists: Vec<_> = world
        .contacts_of(&dirty.contacts)
        .flat_map(|(id, _, contact)| contact.lists.iter().map(move |list| (*list, id)))
        .collect();
    if !lists.is_empty() {
        tx.touch(Topic::Lists);
    }
    let (users, seen, entries, hands) = (text(&users), text(&seen), text(&entries), text(&hands));
    let (all, rows, lists) = (text(&dirty.contacts), text(&rows), text(&lists));
    let (changes, names, events) = (text(&notes.changes), text(&notes.names), text(&notes.events));
    let next = world.next_contact();
    sqlx::query!(
        "with r (v) as materialized (select value from json_each(?))
         insert into clerk_user (environment_id, user_id, state)
         select ?, v ->> 0, v ->> 1 from r where true
         on conflict do update set state = excluded.state;

         with r (v) as materialized (select value from json_each(?))
         insert into seen_email (environment_id, email_key, user_id, first_at)
         select ?, v ->> 0, v ->> 1, v ->> 2 from r where true
         on conflict do update set first_at = excluded.first_at;

         with r (v) as materialized (select value from json_each(?))
         insert into waitlist_entry (environment_id, entry_id, email_key, state)
         select ?, v ->> 0, v ->> 1, v ->> 2 from r where true
         on conflict do update set email_key = excluded.email_key, state = excluded.state;

         with r (v) as materialized (select value from json_each(?))
         insert into hand (environment_id, anchor, state)
         select ?, v ->> 0, v ->> 1 from r where true
         on conflict do update set state = excluded.state;

         update counter set next = ? where name = 'contact' and next < ?;

         with r (id, email_key) as materialized (select value ->> 0, value ->> 1 from json_each(?))
         delete from contact
         where id in (select value from json_each(?))
           and not exists (select 1 from r where r.id = contact.id and r.email_key = contact.email_key);

         delete from contact_list where contact_id in (select value from json_each(?));

         with r (v) as materialized (select value from json_each(?))
         insert into contact
             (id, environment_id, email_key, email, user_id, first_name, last_name, user_group,
              source, subscribed, created_at, updated_at, state)
         select v ->> 0, ?, v ->> 1, v ->> 2, v ->> 3, v ->> 4, v ->> 5, v ->> 6, v ->> 7, v ->> 8,
                v ->> 9, v ->> 10, v ->> 11
         from r where true
         on conflict (id) do update
         set email = excluded.email, first_name = excluded.first_name,
             last_name = excluded.last_name, user_group = excluded.user_group,
             source = excluded.source, subscribed = excluded.subscribed,
             updated_at = excluded.updated_at, state = excluded.state;

         with r (v) as materialized (select value from json_each(?))
         update contact set user_id = r.v ->> 3, created_at = r.v ->> 9 from r
         where contact.id = r.v ->> 0
           and (contact.user_id is not r.v ->> 3 or contact.created_at <> r.v ->> 9);

         insert into contact_list (list_id, contact_id)
         select value ->> 0, value ->> 1 from json_each(?)
         where exists (select 1 from mailing_list where id = value ->> 0);

         with r (v) as materialized (select value from json_each(?))
         insert into contact_change
             (environment_id, contact_id, at, what, email, message_id, changes, note)
         select ?, v ->> 0, ?, v ->> 1, v ->> 2, v ->> 3, v ->> 4, v ->> 5 from r;

         insert into event_name (environment_id, name, count, first_at, last_at)
         select ?, key, value, ?, ? from json_each(?) where true
         on conflict (environment_id, name) do update
         set count = count + excluded.count, last_at = max(last_at, excluded.last_at);

         with r (v) as materialized (select value from json_each(?))
         insert into event (name_id, message_id, contact_id, label, at)
         select (select id from event_name where environment_id = ? and name = v ->> 0),
                v ->> 1, v ->> 2, v ->> 3, ?
         from r;",
        users,
        environment,
        seen,
        environment,
        entries,
        environment,
        hands,
        environment,
        next,
        next,
        rows,
        all,
        all,
        rows,
        environment,
        rows,
        lists,
        changes,
        environment,
        notes.now,
        environment,
        notes.now,
        notes.now,
        names,
        events,
        environment,
        notes.now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

fn text<T: serde::Serialize>(value: &T) -> String {
    json!(value).to_string()
}

fn state<T: DeserializeOwned>(text: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
