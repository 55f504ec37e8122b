//! The rules by which messages and edits become contacts. Pure: a [`World`] in memory, no I/O.
//!
//! The audience is a function of the *set* of messages and edits. Their order and repetition do not
//! matter, so retries, replays, two endpoints for one instance and a laptop that slept all end in
//! the same contacts. Every piece of state is therefore one of three things that only grow: a
//! register that keeps the greatest version, a register that keeps the smallest, or a set.
//!
//! **What is kept**
//! - Of a user: for email, first name and last name the value of the newest snapshot that carried
//!   it (a snapshot without a usable email leaves the email alone; one whose endpoint does not sync
//!   names leaves the names alone), the earliest snapshot that could have created the contact, and
//!   the deletion. `version = (updated_at, timestamp, hash of the body)`; the last part only breaks
//!   ties. `user.created` and `user.updated` are the same thing: a full snapshot.
//! - Of a waitlist entry: the same without names.
//! - `seen`: which user ever had which email, and since when. Never forgotten.
//! - By hand: the newest edit of each field, and a removal, with the time of each.
//!
//! **Which contact**
//! 1. There is one contact for each email address that somebody has now.
//! 2. Two live users with the same address: the newest version has the contact, then the smaller
//!    user ID. The other shows again when it gets an address of its own. (Email moved to another
//!    user; user ID on contact A and email on contact B.)
//! 3. A waitlist entry, a contact added by hand and the edits of both belong to the first user who
//!    was seen with that address and was not deleted before them. This is the waitlist graduate: the
//!    contact keeps its group, lists and edits, follows the user to another address, and does not
//!    come back when the user leaves that address. Joining the waitlist after a deletion counts.
//! 4. A deletion is for ever and the greatest wins: `delete` over `unsubscribe` over `leave`, the
//!    latest time. With `delete` the contact goes, and what belonged to the user with it. With
//!    the other two it stays, and a new user with the same address takes it over as it is,
//!    unsubscribed if it was: nobody is subscribed again by signing up again.
//! 5. The same content by two secrets or two endpoints has the same version: nothing happens twice.
//!
//! **Which values**
//! - Email, user ID and names: of the user who has the contact.
//! - User group, mailing lists and source: of the earliest thing that could have created the contact.
//!   They are for new contacts, and what was first in Clerk was first, whenever it arrived.
//! - Subscribed: the newest of "deleted with unsubscribe" and the edits; `true` without any.
//! - An edit by hand holds until Clerk sends a *newer* snapshot with a *different* value from the one
//!   that stood there when the edit was made. An older message never undoes it, nor does a newer one
//!   that says the same as before.
//! - Removed by hand: gone until something newer than the removal arrives about that person.
//!
//! Deliberately absent: Clerk's instance. Clerk's ids are unique, early messages lack the instance,
//! and what keeps set-ups apart is the environment; a message of another instance is flagged instead.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::api::contacts::FieldChange;
use crate::api::endpoints::{EventSettings, OnDelete};
use crate::clerk::{Fact, UserDeleted, UserSnapshot, WaitlistSnapshot, email_key};

/// Orders what Clerk said about one object: its time, the sending time (both unix milliseconds), and
/// a hash of the content to break ties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version(pub i64, pub i64, pub i64);

impl Version {
    /// Unix milliseconds.
    pub fn at(self) -> i64 {
        self.0
    }
}

/// A value with the version it came with; the greatest version stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Latest<T>(Version, T);

fn keep_latest<T>(slot: &mut Option<Latest<T>>, version: Version, value: T) {
    if slot.as_ref().is_none_or(|held| held.0 < version) {
        *slot = Some(Latest(version, value));
    }
}

/// What a contact gets when it is new; the smallest version stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct First {
    #[serde(rename = "v")]
    version: Version,
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(rename = "l", default, skip_serializing_if = "Vec::is_empty")]
    lists: Vec<i64>,
    #[serde(rename = "h", default, skip_serializing_if = "std::ops::Not::not")]
    by_hand: bool,
}

fn keep_first(slot: &mut Option<First>, first: First) {
    if slot.as_ref().is_none_or(|held| first.version < held.version) {
        *slot = Some(first);
    }
}

fn keep_least(slot: &mut Option<i64>, value: Option<i64>) {
    if let Some(value) = value {
        *slot = Some(slot.map_or(value, |held| held.min(value)));
    }
}

/// What is known of a Clerk user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    newest: Option<Version>,
    #[serde(rename = "m", skip_serializing_if = "Option::is_none")]
    message: Option<i64>,
    #[serde(rename = "e", skip_serializing_if = "Option::is_none")]
    email: Option<Latest<String>>,
    #[serde(rename = "f", skip_serializing_if = "Option::is_none")]
    first_name: Option<Latest<Option<String>>>,
    #[serde(rename = "l", skip_serializing_if = "Option::is_none")]
    last_name: Option<Latest<Option<String>>>,
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    created_at: Option<i64>,
    #[serde(rename = "b", skip_serializing_if = "Option::is_none")]
    first: Option<First>,
    #[serde(rename = "d", skip_serializing_if = "Option::is_none")]
    dead: Option<(i64, OnDelete)>,
}

impl User {
    fn key(&self) -> Option<String> {
        self.email.as_ref().map(|Latest(_, email)| email_key(email))
    }

    fn erased(&self) -> bool {
        matches!(self.dead, Some((_, OnDelete::Delete)))
    }

    fn gone_before(&self, at: i64) -> bool {
        self.dead.is_some_and(|(dead_at, _)| dead_at < at)
    }
}

/// What is known of a waitlist entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    newest: Option<Version>,
    #[serde(rename = "m", skip_serializing_if = "Option::is_none")]
    message: Option<i64>,
    #[serde(rename = "e", skip_serializing_if = "Option::is_none")]
    email: Option<Latest<String>>,
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    status: Option<Latest<Option<String>>>,
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    created_at: Option<i64>,
    #[serde(rename = "b", skip_serializing_if = "Option::is_none")]
    first: Option<First>,
}

impl Entry {
    /// The key of its email.
    pub fn key(&self) -> Option<String> {
        self.email.as_ref().map(|Latest(_, email)| email_key(email))
    }

    fn born_at(&self) -> i64 {
        self.created_at
            .or(self.first.as_ref().map(|first| first.version.at()))
            .or(self.newest.map(Version::at))
            .unwrap_or(0)
    }
}

/// An edit of one field: when, to what, and what stood there before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Edit {
    at: i64,
    to: Option<String>,
    from: Option<String>,
}

/// What was done by hand on one user or one email address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hand {
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    was: Option<i64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    texts: BTreeMap<Field, Edit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscribed: Option<(i64, bool)>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    lists: BTreeMap<i64, (i64, bool)>,
}

impl Hand {
    fn latest(&self) -> i64 {
        let edits = self.texts.values().map(|edit| edit.at);
        let lists = self.lists.values().map(|(at, _)| *at);
        let single = [self.created_at, self.subscribed.map(|(at, _)| at)];
        edits.chain(lists).chain(single.into_iter().flatten()).max().unwrap_or(0)
    }
}

/// The text fields a person may edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Field {
    /// First name.
    FirstName,
    /// Last name.
    LastName,
    /// User group.
    UserGroup,
}

impl Field {
    /// The name used in changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::FirstName => "firstName",
            Self::LastName => "lastName",
            Self::UserGroup => "userGroup",
        }
    }
}

/// Whose an edit is: a user's (`user:<id>`) or an email address's (`email:<key>`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anchor {
    /// A Clerk user.
    User(String),
    /// An email key.
    Email(String),
}

impl Anchor {
    /// The stored word.
    pub fn word(&self) -> String {
        match self {
            Self::User(id) => format!("user:{id}"),
            Self::Email(key) => format!("email:{key}"),
        }
    }

    /// The anchor of a stored word.
    pub fn of(word: &str) -> Option<Self> {
        match word.split_once(':')? {
            ("user", id) => Some(Self::User(id.to_owned())),
            ("email", key) => Some(Self::Email(key.to_owned())),
            _ => None,
        }
    }
}

/// A contact as computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Email as written.
    pub email: String,
    /// Clerk's user ID.
    pub user_id: Option<String>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// User group.
    pub user_group: Option<String>,
    /// Mailing lists by id.
    pub lists: BTreeSet<i64>,
    /// Where it came from.
    pub source: &'static str,
    /// Whether workflow mail may go to it.
    pub subscribed: bool,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub updated_at: i64,
    /// The rest of what its page shows.
    pub more: More,
}

/// What a contact's page shows beyond the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct More {
    /// When Clerk deleted the user; unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<i64>,
    /// State of the newest waitlist entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waitlist: Option<String>,
    /// Fields whose edit holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edited: Vec<String>,
    /// The message with the newest object. Not part of the law: equal content may come twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<i64>,
}

/// The source of contacts that Clerk told about (the name Loops uses).
pub const FROM_CLERK: &str = "Clerk webhook";
/// The source of contacts a person added.
pub const BY_HAND: &str = "Added by hand";

/// How a message was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// New knowledge.
    Processed,
    /// Nothing new.
    Duplicate,
    /// Older than what was known at `known_at`; the message is of `at` (unix milliseconds).
    Stale {
        /// Time of the message.
        at: i64,
        /// Time of what it lost against.
        known_at: i64,
        /// It lost against a deletion.
        deleted: bool,
    },
    /// The user has no usable email.
    NoEmail,
}

/// What happened to one contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Its id.
    pub id: i64,
    /// Its email key now, or what it was.
    pub key: String,
    /// Before; `None` when it is new.
    pub before: Option<Contact>,
    /// After; `None` when it is gone.
    pub after: Option<Contact>,
}

/// What one message or edit did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// How the message was judged.
    pub verdict: Verdict,
    /// Contacts that changed.
    pub touched: Vec<Touched>,
    /// The contact it is about, changed or not; of one that is gone, the id it had.
    pub contact: Option<i64>,
}

/// A message on its way into the world.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// Its id.
    pub message: i64,
    /// What it says.
    pub fact: &'a Fact,
    /// The options of its event.
    pub options: &'a EventSettings,
    /// What a deletion does.
    pub on_delete: OnDelete,
    /// The envelope's timestamp; unix milliseconds.
    pub timestamp: Option<i64>,
    /// When it arrived; stands in for missing times. Unix milliseconds.
    pub received_at: i64,
    /// Hash of the body.
    pub tie: i64,
}

/// An edit by hand; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct Edits {
    /// New texts; `None` inside clears.
    pub texts: BTreeMap<Field, Option<String>>,
    /// Subscribe or unsubscribe.
    pub subscribed: Option<bool>,
    /// Exactly these lists.
    pub lists: Option<BTreeSet<i64>>,
}

/// One environment, or the part of it that some messages and edits concern: everything connected to
/// them by a shared email address.
#[derive(Debug, Clone, Default)]
pub struct World {
    users: HashMap<String, User>,
    entries: HashMap<String, Entry>,
    entries_at: HashMap<String, BTreeSet<String>>,
    hands: HashMap<Anchor, Hand>,
    seen: HashMap<String, BTreeMap<String, i64>>,
    emails: HashMap<String, BTreeSet<String>>,
    contacts: BTreeMap<String, (i64, Contact)>,
    next_contact: i64,
    dirty: Dirty,
}

/// What has to be written back.
#[derive(Debug, Clone, Default)]
pub struct Dirty {
    /// Users by id.
    pub users: BTreeSet<String>,
    /// Waitlist entries by id.
    pub entries: BTreeSet<String>,
    /// Anchors.
    pub hands: BTreeSet<Anchor>,
    /// Pairs of email key and user id.
    pub seen: BTreeSet<(String, String)>,
    /// Ids of contacts.
    pub contacts: BTreeSet<i64>,
}

impl World {
    /// An empty world whose next contact gets the id `next_contact`.
    pub fn new(next_contact: i64) -> Self {
        Self { next_contact, ..Self::default() }
    }

    /// Puts a stored user in.
    pub fn load_user(&mut self, id: String, user: User) {
        self.users.insert(id, user);
    }

    /// Puts a stored waitlist entry in.
    pub fn load_entry(&mut self, id: String, entry: Entry) {
        if let Some(key) = entry.key() {
            self.entries_at.entry(key).or_default().insert(id.clone());
        }
        self.entries.insert(id, entry);
    }

    /// Puts stored edits in.
    pub fn load_hand(&mut self, anchor: Anchor, hand: Hand) {
        self.hands.insert(anchor, hand);
    }

    /// Puts in that a user was seen with an email since `first_at`.
    pub fn load_seen(&mut self, key: String, user: String, first_at: i64) {
        self.emails.entry(user.clone()).or_default().insert(key.clone());
        self.seen.entry(key).or_default().insert(user, first_at);
    }

    /// Puts a stored contact in.
    pub fn load_contact(&mut self, key: String, id: i64, contact: Contact) {
        self.contacts.insert(key, (id, contact));
    }

    /// The contact of an email key.
    pub fn contact(&self, key: &str) -> Option<&(i64, Contact)> {
        self.contacts.get(key)
    }

    /// Every contact by email key.
    pub fn audience(&self) -> impl Iterator<Item = (&str, &Contact)> {
        self.contacts.iter().map(|(key, (_, contact))| (key.as_str(), contact))
    }

    /// Every contact with its id and email key.
    pub fn contacts_by_id(&self) -> impl Iterator<Item = (i64, &str, &Contact)> {
        self.contacts.iter().map(|(key, (id, contact))| (*id, key.as_str(), contact))
    }

    /// The email of a contact.
    pub fn email_of(&self, contact: i64) -> Option<&str> {
        self.contacts_by_id().find(|(id, ..)| *id == contact).map(|(.., c)| c.email.as_str())
    }

    /// The id the next new contact gets.
    pub fn next_contact(&self) -> i64 {
        self.next_contact
    }

    /// What changed since the last call.
    pub fn take_dirty(&mut self) -> Dirty {
        std::mem::take(&mut self.dirty)
    }

    /// A user to write back.
    pub fn user(&self, id: &str) -> Option<&User> {
        self.users.get(id)
    }

    /// A waitlist entry to write back.
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// Edits to write back.
    pub fn hand(&self, anchor: &Anchor) -> Option<&Hand> {
        self.hands.get(anchor)
    }

    /// Since when a user was seen with an email.
    pub fn seen_since(&self, key: &str, user: &str) -> Option<i64> {
        self.seen.get(key)?.get(user).copied()
    }

    /// Applies one message.
    pub fn apply(&mut self, incoming: Incoming<'_>) -> Effect {
        match incoming.fact {
            Fact::User(snapshot) => self.apply_snapshot(incoming, snapshot),
            Fact::UserDeleted(deleted) => self.apply_deletion(incoming, deleted),
            Fact::Waitlist(snapshot) => self.apply_waitlist(incoming, snapshot),
        }
    }

    fn apply_snapshot(&mut self, incoming: Incoming<'_>, snapshot: &UserSnapshot) -> Effect {
        let version = version_of(incoming, snapshot.updated_at_ms);
        let id = &snapshot.user_id;
        let user = self.users.entry(id.clone()).or_default();
        let key_before = user.key();
        let verdict = judge(user.newest, version, user.dead);
        if user.newest.is_none_or(|newest| newest < version) {
            user.newest = Some(version);
            user.message = Some(incoming.message);
        }
        keep_least(&mut user.created_at, snapshot.created_at_ms);
        if !user.erased() {
            if incoming.options.first_name {
                keep_latest(&mut user.first_name, version, snapshot.first_name.clone());
            }
            if incoming.options.last_name {
                keep_latest(&mut user.last_name, version, snapshot.last_name.clone());
            }
            if let Some(email) = &snapshot.email {
                keep_latest(&mut user.email, version, email.clone());
                keep_first(&mut user.first, first_of(incoming.options, version));
            }
        }
        if let Some(email) = &snapshot.email {
            let key = email_key(email);
            self.emails.entry(id.clone()).or_default().insert(key.clone());
            let since = self.seen.entry(key.clone()).or_default().entry(id.clone()).or_insert(i64::MAX);
            if version.at() < *since {
                *since = version.at();
                self.dirty.seen.insert((key, id.clone()));
            }
        }
        self.dirty.users.insert(id.clone());
        let verdict = match verdict {
            Verdict::Processed if snapshot.email.is_none() => Verdict::NoEmail,
            other => other,
        };
        let keys = self.keys_of_user(id, key_before.as_deref());
        let touched = self.recompute(&keys);
        let contact = self.contact_of_user(id, key_before.as_deref(), &touched);
        Effect { verdict, touched, contact }
    }

    fn apply_deletion(&mut self, incoming: Incoming<'_>, deleted: &UserDeleted) -> Effect {
        let at = incoming.timestamp.unwrap_or(incoming.received_at);
        let id = &deleted.user_id;
        let user = self.users.entry(id.clone()).or_default();
        let key_before = user.key();
        let before = user.dead;
        user.dead = Some(match before {
            None => (at, incoming.on_delete),
            Some((dead_at, policy)) => (dead_at.max(at), policy.max(incoming.on_delete)),
        });
        let verdict = if user.dead == before { Verdict::Duplicate } else { Verdict::Processed };
        if user.erased() {
            user.email = None;
            user.first_name = None;
            user.last_name = None;
            user.first = None;
        }
        self.dirty.users.insert(id.clone());
        let keys = self.keys_of_user(id, key_before.as_deref());
        let touched = self.recompute(&keys);
        let contact = self.contact_of_user(id, key_before.as_deref(), &touched);
        Effect { verdict, touched, contact }
    }

    fn apply_waitlist(&mut self, incoming: Incoming<'_>, snapshot: &WaitlistSnapshot) -> Effect {
        let version = version_of(incoming, snapshot.updated_at_ms);
        let id = &snapshot.entry_id;
        let entry = self.entries.entry(id.clone()).or_default();
        let key_before = entry.key();
        let mut verdict = judge(entry.newest, version, None);
        if entry.newest.is_none_or(|newest| newest < version) {
            entry.newest = Some(version);
            entry.message = Some(incoming.message);
        }
        keep_latest(&mut entry.status, version, snapshot.status.clone());
        keep_least(&mut entry.created_at, snapshot.created_at_ms);
        if let Some(email) = &snapshot.email {
            keep_latest(&mut entry.email, version, email.clone());
            keep_first(&mut entry.first, first_of(incoming.options, version));
        } else if verdict == Verdict::Processed {
            verdict = Verdict::NoEmail;
        }
        let (key, born_at) = (entry.key(), entry.born_at());
        if key != key_before {
            if let Some(ids) = key_before.as_ref().and_then(|key| self.entries_at.get_mut(key)) {
                ids.remove(id);
            }
            if let Some(key) = &key {
                self.entries_at.entry(key.clone()).or_default().insert(id.clone());
            }
        }
        self.dirty.entries.insert(id.clone());
        if let (Verdict::Processed, Some(key)) = (verdict, &key)
            && let Some(owner) = self.owner(key, born_at)
            && let Some((dead_at, OnDelete::Delete)) = self.users.get(owner).and_then(|u| u.dead)
        {
            verdict = Verdict::Stale { at: born_at, known_at: dead_at, deleted: true };
        }
        let mut keys = BTreeSet::new();
        for key in key_before.iter().chain(&key) {
            self.add_neighbours(key, &mut keys);
        }
        let touched = self.recompute(&keys);
        let contact = key.and_then(|key| match self.owner(&key, born_at).map(str::to_owned) {
            Some(owner) => self.contact_of_user(&owner, None, &touched),
            None => self.contacts.get(&key).map(|(id, _)| *id),
        });
        Effect { verdict, touched, contact }
    }

    /// Adds a contact by hand. `None` when the address is in the audience already.
    pub fn add_by_hand(&mut self, email: &str, edits: &Edits, at: i64) -> Option<Effect> {
        let key = email_key(email);
        if self.contacts.contains_key(&key) {
            return None;
        }
        let anchor = Anchor::Email(key.clone());
        let hand = self.hands.entry(anchor.clone()).or_default();
        hand.email = Some(email.trim().to_owned());
        hand.created_at = Some(at);
        record(hand, edits, at, &BTreeMap::new(), &BTreeSet::new());
        self.dirty.hands.insert(anchor);
        let mut keys = BTreeSet::new();
        self.add_neighbours(&key, &mut keys);
        let touched = self.recompute(&keys);
        let contact = self.contacts.get(&key).map(|(id, _)| *id);
        Some(Effect { verdict: Verdict::Processed, touched, contact })
    }

    /// Edits the contact of an email key by hand. `None` when there is none.
    pub fn edit(&mut self, key: &str, edits: &Edits, at: i64) -> Option<Effect> {
        let (id, contact) = self.contacts.get(key)?.clone();
        let at = at.max(contact.updated_at);
        let standing = BTreeMap::from([
            (Field::FirstName, self.said(key, Field::FirstName)),
            (Field::LastName, self.said(key, Field::LastName)),
            (Field::UserGroup, self.said(key, Field::UserGroup)),
        ]);
        let anchor = anchor_of(key, &contact);
        record(self.hands.entry(anchor.clone()).or_default(), edits, at, &standing, &contact.lists);
        self.dirty.hands.insert(anchor);
        let touched = self.recompute(&BTreeSet::from([key.to_owned()]));
        Some(Effect { verdict: Verdict::Processed, touched, contact: Some(id) })
    }

    /// Removes the contact of an email key by hand; the anchor is what [`World::restore`] takes.
    pub fn remove(&mut self, key: &str, at: i64) -> Option<(Effect, Anchor)> {
        let (id, contact) = self.contacts.get(key)?.clone();
        let anchor = anchor_of(key, &contact);
        let hand = self.hands.entry(anchor.clone()).or_default();
        hand.removed_at = Some(at.max(contact.updated_at));
        hand.was = Some(id);
        self.dirty.hands.insert(anchor.clone());
        let touched = self.recompute(&BTreeSet::from([key.to_owned()]));
        Some((Effect { verdict: Verdict::Processed, touched, contact: Some(id) }, anchor))
    }

    /// Takes a removal back.
    pub fn restore(&mut self, anchor: &Anchor) -> Vec<Touched> {
        let Some(hand) = self.hands.get_mut(anchor) else { return Vec::new() };
        hand.removed_at = None;
        self.dirty.hands.insert(anchor.clone());
        let mut keys = BTreeSet::new();
        match anchor {
            Anchor::Email(key) => self.add_neighbours(key, &mut keys),
            Anchor::User(id) => keys = self.keys_of_user(id, None),
        }
        self.recompute(&keys)
    }

    /// Computes every contact anew, from the state alone.
    pub fn recompute_all(&mut self) -> Vec<Touched> {
        let mut keys: BTreeSet<String> = self.seen.keys().cloned().collect();
        keys.extend(self.entries_at.keys().cloned());
        keys.extend(self.contacts.keys().cloned());
        keys.extend(self.hands.keys().filter_map(|anchor| match anchor {
            Anchor::Email(key) => Some(key.clone()),
            Anchor::User(_) => None,
        }));
        self.recompute(&keys)
    }

    fn contact_of_user(
        &self,
        id: &str,
        key_before: Option<&str>,
        touched: &[Touched],
    ) -> Option<i64> {
        let now = self.users.get(id).and_then(User::key);
        now.as_deref()
            .and_then(|key| self.contacts.get(key))
            .map(|(contact, _)| *contact)
            .or_else(|| {
                let gone = |t: &&Touched| t.after.is_none() && Some(t.key.as_str()) == key_before;
                touched.iter().find(gone).map(|t| t.id)
            })
    }

    fn keys_of_user(&self, id: &str, before: Option<&str>) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        for key in self.emails_of(id).chain(before) {
            self.add_neighbours(key, &mut keys);
        }
        keys
    }

    fn emails_of(&self, id: &str) -> impl Iterator<Item = &str> {
        self.emails.get(id).into_iter().flatten().map(String::as_str)
    }

    fn add_neighbours(&self, key: &str, keys: &mut BTreeSet<String>) {
        keys.insert(key.to_owned());
        for id in self.seen.get(key).into_iter().flat_map(BTreeMap::keys) {
            keys.extend(self.users.get(id).and_then(User::key));
        }
    }

    /// The user to whom something about an email address at a time belongs.
    fn owner(&self, key: &str, at: i64) -> Option<&str> {
        self.seen
            .get(key)?
            .iter()
            .filter(|(id, _)| self.users.get(*id).is_some_and(|user| !user.gone_before(at)))
            .min_by_key(|(id, since)| (**since, (*id).clone()))
            .map(|(id, _)| id.as_str())
    }

    fn recompute(&mut self, keys: &BTreeSet<String>) -> Vec<Touched> {
        let mut old: Vec<(String, (i64, Contact))> =
            keys.iter().filter_map(|key| self.contacts.remove_entry(key)).collect();
        let mut fresh: Vec<(String, Contact)> =
            keys.iter().filter_map(|key| Some((key.clone(), self.compute(key)?))).collect();
        let mut pairs = Vec::new();
        let same_user = |old: &Contact, new: &Contact| new.user_id.is_some() && old.user_id == new.user_id;
        for by_user in [true, false] {
            fresh.retain(|(key, contact)| {
                let found = old.iter().position(|(old_key, (_, before))| {
                    if by_user { same_user(before, contact) } else { old_key == key }
                });
                let Some(place) = found else { return true };
                let (_, (id, before)) = old.swap_remove(place);
                pairs.push((id, key.clone(), Some(before), Some(contact.clone())));
                false
            });
        }
        for (key, contact) in fresh {
            let had = self.gather(&key).and_then(|gathered| gathered.was()).filter(|had| {
                pairs.iter().all(|(id, ..)| id != had)
                    && self.contacts.values().all(|(id, _)| id != had)
            });
            let id = had.unwrap_or_else(|| {
                self.next_contact += 1;
                self.next_contact - 1
            });
            pairs.push((id, key, None, Some(contact)));
        }
        for (key, (id, before)) in old {
            pairs.push((id, key, Some(before), None));
        }
        let mut touched = Vec::new();
        for (id, key, before, after) in pairs {
            if let Some(after) = &after {
                self.contacts.insert(key.clone(), (id, after.clone()));
            }
            if before != after {
                self.dirty.contacts.insert(id);
                touched.push(Touched { id, key, before, after });
            }
        }
        touched.sort_by_key(|touched| touched.id);
        touched
    }

    fn compute(&self, key: &str) -> Option<Contact> {
        self.gather(key)?.contact()
    }

    /// What Clerk, or the first message, says of a field: the value an edit stands against.
    fn said(&self, key: &str, field: Field) -> Option<String> {
        self.gather(key).and_then(|gathered| gathered.said(field).1)
    }

    fn gather(&self, key: &str) -> Option<Gathered<'_>> {
        let with_key: Vec<(&str, &User)> = self
            .seen
            .get(key)
            .into_iter()
            .flat_map(BTreeMap::keys)
            .filter_map(|id| Some((id.as_str(), self.users.get(id)?)))
            .filter(|(_, user)| user.key().as_deref() == Some(key))
            .collect();
        let winner = with_key
            .iter()
            .filter(|(_, user)| user.dead.is_none())
            .max_by_key(|(id, user)| (user.newest, Reverse(*id)))
            .copied();
        let kept: Vec<(&str, &User)> =
            with_key.into_iter().filter(|(_, user)| user.dead.is_some()).collect();
        let lead = winner.or_else(|| {
            kept.iter().copied().max_by_key(|(id, user)| (user.dead, Reverse(*id)))
        });
        let users: Vec<(&str, &User)> = winner.into_iter().chain(kept).collect();
        let belongs = |email: &str, at: i64| match self.owner(email, at) {
            None => email == key,
            Some(owner) => users.iter().any(|(id, _)| *id == owner),
        };
        let mut emails: BTreeSet<&str> = users.iter().flat_map(|(id, _)| self.emails_of(id)).collect();
        emails.insert(key);
        let entries: Vec<&Entry> = emails
            .iter()
            .flat_map(|email| self.entries_at.get(*email).into_iter().flatten().map(move |id| (email, id)))
            .filter_map(|(email, id)| Some((email, self.entries.get(id)?)))
            .filter(|(email, entry)| belongs(email, entry.born_at()))
            .map(|(_, entry)| entry)
            .collect();
        let of_users = users.iter().map(|(id, _)| Anchor::User((*id).to_owned()));
        let of_emails = emails.iter().map(|email| Anchor::Email((*email).to_owned()));
        let hands: Vec<&Hand> = of_users
            .chain(of_emails)
            .filter_map(|anchor| {
                let hand = self.hands.get(&anchor)?;
                let ours = match &anchor {
                    Anchor::User(_) => true,
                    Anchor::Email(email) => belongs(email, hand.latest()),
                };
                ours.then_some(hand)
            })
            .collect();
        let any = lead.is_some() || !entries.is_empty();
        (any || hands.iter().any(|hand| hand.created_at.is_some()))
            .then_some(Gathered { lead, users, entries, hands })
    }
}

/// All that one contact is made of.
struct Gathered<'a> {
    lead: Option<(&'a str, &'a User)>,
    users: Vec<(&'a str, &'a User)>,
    entries: Vec<&'a Entry>,
    hands: Vec<&'a Hand>,
}

impl Gathered<'_> {
    fn was(&self) -> Option<i64> {
        self.hands.iter().find_map(|hand| hand.was)
    }

    fn first(&self) -> Option<First> {
        let users = self.users.iter().filter_map(|(_, user)| user.first.clone());
        let entries = self.entries.iter().filter_map(|entry| entry.first.clone());
        let hands = self.hands.iter().filter_map(|hand| {
            let version = Version(hand.created_at?, 0, 0);
            Some(First { version, group: None, lists: Vec::new(), by_hand: true })
        });
        users.chain(entries).chain(hands).min_by_key(|first| first.version)
    }

    fn said(&self, field: Field) -> (i64, Option<String>) {
        let of_lead = |pick: fn(&User) -> &Option<Latest<Option<String>>>| {
            self.lead
                .and_then(|(_, user)| pick(user).clone())
                .map_or((i64::MIN, None), |Latest(version, value)| (version.at(), value))
        };
        match field {
            Field::FirstName => of_lead(|user| &user.first_name),
            Field::LastName => of_lead(|user| &user.last_name),
            Field::UserGroup => {
                self.first().map_or((i64::MIN, None), |first| (first.version.at(), first.group))
            }
        }
    }

    fn text(&self, field: Field) -> (Option<String>, bool) {
        let (said_at, said) = self.said(field);
        let edit = self
            .hands
            .iter()
            .filter_map(|hand| hand.texts.get(&field))
            .max_by_key(|edit| (edit.at, edit.to.clone()));
        match edit {
            Some(edit) if said_at <= edit.at || said == edit.from => (edit.to.clone(), true),
            _ => (said, false),
        }
    }

    fn contact(&self) -> Option<Contact> {
        let versions = self
            .users
            .iter()
            .filter_map(|(_, user)| user.newest)
            .chain(self.entries.iter().filter_map(|entry| entry.newest))
            .map(Version::at);
        let made = self.hands.iter().filter_map(|hand| hand.created_at);
        let newest = versions.chain(made).max().unwrap_or(0);
        let removed_at = self.hands.iter().filter_map(|hand| hand.removed_at).max();
        if removed_at.is_some_and(|removed_at| removed_at >= newest) {
            return None;
        }
        let first = self.first();
        let entry = self.entries.iter().max_by_key(|entry| entry.newest);
        let email = self
            .lead
            .and_then(|(_, user)| user.email.as_ref())
            .or(entry.and_then(|entry| entry.email.as_ref()))
            .map(|Latest(_, email)| email.clone())
            .or_else(|| self.hands.iter().find_map(|hand| hand.email.clone()))?;
        let mut edited = Vec::new();
        let mut text = |field: Field| {
            let (value, by_hand) = self.text(field);
            if by_hand {
                edited.push(field.name().to_owned());
            }
            value
        };
        let first_name = text(Field::FirstName);
        let last_name = text(Field::LastName);
        let user_group = text(Field::UserGroup);
        let unsubscribed = self.users.iter().filter_map(|(_, user)| match user.dead {
            Some((at, OnDelete::Unsubscribe)) => Some((at, false)),
            _ => None,
        });
        let chosen = self.hands.iter().filter_map(|hand| hand.subscribed);
        let subscribed =
            unsubscribed.chain(chosen).max_by_key(|(at, on)| (*at, !*on)).is_none_or(|(_, on)| on);
        let mut lists: BTreeSet<i64> =
            first.iter().flat_map(|first| first.lists.iter().copied()).collect();
        let mut choices: BTreeMap<i64, (i64, bool)> = BTreeMap::new();
        for (list, choice) in self.hands.iter().flat_map(|hand| &hand.lists) {
            let held = choices.entry(*list).or_insert(*choice);
            *held = (*held).max(*choice);
        }
        for (list, (_, on)) in choices {
            if on { lists.insert(list) } else { lists.remove(&list) };
        }
        let created_at = self
            .users
            .iter()
            .filter_map(|(_, user)| user.created_at)
            .chain(self.entries.iter().map(|entry| entry.born_at()))
            .chain(self.hands.iter().filter_map(|hand| hand.created_at))
            .chain(first.iter().map(|first| first.version.at()))
            .min()
            .unwrap_or(0);
        let deaths = self.users.iter().filter_map(|(_, user)| Some(user.dead?.0));
        let edits = self.hands.iter().map(|hand| hand.latest());
        let updated_at = deaths.chain(edits).chain([newest]).max().unwrap_or(newest);
        let message = match self.lead {
            Some((_, user)) => user.message,
            None => entry.and_then(|entry| entry.message),
        };
        Some(Contact {
            email,
            user_id: self.lead.map(|(id, _)| id.to_owned()),
            first_name,
            last_name,
            user_group,
            lists,
            source: if first.is_some_and(|first| first.by_hand) { BY_HAND } else { FROM_CLERK },
            subscribed,
            created_at,
            updated_at,
            more: More {
                deleted_at: self.lead.and_then(|(_, user)| Some(user.dead?.0)),
                waitlist: entry
                    .and_then(|entry| entry.status.as_ref())
                    .and_then(|Latest(_, status)| status.clone()),
                edited,
                message,
            },
        })
    }
}

fn anchor_of(key: &str, contact: &Contact) -> Anchor {
    contact
        .user_id
        .clone()
        .map_or_else(|| Anchor::Email(key.to_owned()), Anchor::User)
}

fn record(
    hand: &mut Hand,
    edits: &Edits,
    at: i64,
    standing: &BTreeMap<Field, Option<String>>,
    lists: &BTreeSet<i64>,
) {
    for (field, to) in &edits.texts {
        let from = standing.get(field).cloned().flatten();
        hand.texts.insert(*field, Edit { at, to: to.clone(), from });
    }
    if let Some(on) = edits.subscribed {
        hand.subscribed = Some((at, on));
    }
    if let Some(wanted) = &edits.lists {
        for list in wanted.difference(lists) {
            hand.lists.insert(*list, (at, true));
        }
        for list in lists.difference(wanted) {
            hand.lists.insert(*list, (at, false));
        }
    }
}

fn version_of(incoming: Incoming<'_>, updated_at: Option<i64>) -> Version {
    let sent = incoming.timestamp.unwrap_or(incoming.received_at);
    Version(updated_at.unwrap_or(sent), sent, incoming.tie)
}

fn first_of(options: &EventSettings, version: Version) -> First {
    First {
        version,
        group: options.user_group.clone(),
        lists: options.mailing_lists.clone(),
        by_hand: false,
    }
}

fn judge(newest: Option<Version>, version: Version, dead: Option<(i64, OnDelete)>) -> Verdict {
    match (newest, dead) {
        (Some(newest), _) if newest == version => Verdict::Duplicate,
        (_, Some((known_at, _))) => Verdict::Stale { at: version.at(), known_at, deleted: true },
        (Some(newest), None) if version < newest => {
            Verdict::Stale { at: version.at(), known_at: newest.at(), deleted: false }
        }
        _ => Verdict::Processed,
    }
}

/// What differs between two states of a contact, field by field; `name_of` names a mailing list.
pub fn differences(
    before: Option<&Contact>,
    after: Option<&Contact>,
    name_of: impl Fn(i64) -> String,
) -> Vec<FieldChange> {
    let lists = |contact: &Contact| {
        let names: Vec<String> = contact.lists.iter().map(|id| name_of(*id)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let flag = |contact: &Contact| Some(if contact.subscribed { "yes" } else { "no" }.to_owned());
    type Read<'a> = &'a dyn Fn(&Contact) -> Option<String>;
    let fields: [(&str, Read<'_>); 8] = [
        ("email", &|c| Some(c.email.clone())),
        ("userId", &|c| c.user_id.clone()),
        ("firstName", &|c| c.first_name.clone()),
        ("lastName", &|c| c.last_name.clone()),
        ("userGroup", &|c| c.user_group.clone()),
        ("lists", &lists),
        ("source", &|c| Some(c.source.to_owned())),
        ("subscribed", &flag),
    ];
    fields
        .iter()
        .filter_map(|(field, read)| {
            let (from, to) = (before.and_then(*read), after.and_then(*read));
            (from != to).then(|| FieldChange { field: (*field).to_owned(), from, to })
        })
        .collect()
}
