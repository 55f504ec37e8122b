//! The rules by which messages and edits become contacts. Pure: a [`World`] in memory, no I/O.
//!
//! The audience is a function of the *set* of messages and edits. Their order and repetition do not
//! matter, so retries, replays, two endpoints for one instance and a laptop that slept all end in
//! the same contacts. Every piece of state is therefore one of three things that only grow: a
//! register that keeps the greatest version, a register that keeps the smallest, or a set.
//!
//! **What is kept**
//! - Of a user: the email of the newest snapshot that carried one, every first and last name with
//!   the newest snapshot that carried it (a snapshot without a usable email leaves the email alone;
//!   one whose endpoint does not sync names leaves the names alone), the earliest snapshot that could
//!   have created the contact, and the deletion. `version = (updated_at, timestamp, hash of the
//!   body)`; the last part only breaks ties. `user.created` and `user.updated` are the same thing: a
//!   full snapshot.
//! - Of a waitlist entry: the same without names.
//! - `seen`: which user ever had which email, and since when. Never forgotten.
//! - By hand, on a user or (where the contact has none) on an email address: the newest edit of each
//!   field, and a removal, with the time of each. What is done by hand to a contact is never older
//!   than what the contact shows, even if our clock is behind Clerk's.
//!
//! **Which contact**
//! 1. There is one contact for each email address that somebody has now.
//! 2. Two live users with the same address: the newest version has the contact, then the smaller
//!    user ID. The other shows again when it gets an address of its own. (Email moved to another
//!    user; user ID on contact A and email on contact B.)
//! 3. A waitlist entry, a contact added by hand and the edits of both belong to the first user who
//!    was seen with that address and was not deleted before them, each by its own time; of two seen
//!    at the same time, to the smaller user ID. This is the waitlist graduate: the contact keeps its
//!    group, lists and edits, follows the user to another address, and does not come back when the
//!    user leaves that address. Joining the waitlist after a deletion counts.
//! 4. A deletion is for ever and the greatest wins: `delete` over `unsubscribe` over `leave`, the
//!    latest time. With `delete` the contact goes, and what belonged to the user with it. With
//!    the other two it stays, and a new user with the same address takes it over as it is,
//!    unsubscribed if it was: nobody is subscribed again by signing up again. When that user leaves
//!    the address, the contact of the deleted one shows there again. Of several deleted users with
//!    one address and no live one, the last deleted has the contact, then the smaller user ID.
//! 5. The same content by two secrets or two endpoints has the same version: nothing happens twice.
//!    If their options differ, names are taken if one of them takes them, and a user group, then
//!    mailing lists, go before none.
//! 6. A contact keeps its id: with its user first, then with its address.
//!
//! **Which values**
//! - Email, user ID and names: of the user who has the contact; without a user, the email of the
//!   newest waitlist entry, else as it was written by hand.
//! - User group, mailing lists and source: of the earliest thing that could have created the contact.
//!   They are for new contacts, and what was first in Clerk was first, whenever it arrived.
//! - Subscribed: the newest of "deleted with unsubscribe" and the edits; `true` without any.
//! - An edit of a text by hand holds until Clerk sends a *newer* snapshot with a *different* value
//!   from the one that stood there when the edit was made, and is then gone for good. An older
//!   message never undoes it, nor does a newer one that says the same as before. Where the edits of
//!   two contacts meet in one, the newest counts; of two at one time the greater value, and then one
//!   that holds. Lists chosen by hand stay as chosen.
//! - Removed by hand: gone until a snapshot, an entry or an addition newer than the removal arrives
//!   about that person; a deletion brings nothing back.
//! - Created: the earliest time known of anything the contact is made of. Updated: the latest.
//!
//! Deliberately absent: Clerk's instance. Clerk's ids are unique, early messages lack the instance,
//! and what keeps set-ups apart is the environment; a message of another instance is flagged instead.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::clerk::{Fact, UserDeleted, UserSnapshot, WaitlistSnapshot, email_key};
use crate::endpoint::{EventSettings, OnDelete};

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

/// Every value with the greatest version that carried it, the newest last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Said(Vec<Latest<Option<String>>>);

impl Said {
    fn add(&mut self, version: Version, value: Option<String>) {
        match self.0.iter_mut().find(|held| held.1 == value) {
            Some(held) => held.0 = held.0.max(version),
            None => self.0.push(Latest(version, value)),
        }
        self.0.sort_by_key(|held| held.0);
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a contact gets when it is new; the smallest version stays, and of the same content by two
/// endpoints the one with a user group and more lists.
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

impl First {
    fn rank(&self) -> impl Ord + use<'_> {
        (self.version, Reverse((&self.group, &self.lists)))
    }
}

fn keep_first(slot: &mut Option<First>, first: First) {
    if slot.as_ref().is_none_or(|held| first.rank() < held.rank()) {
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
    #[serde(rename = "f", skip_serializing_if = "Said::is_empty")]
    first_name: Said,
    #[serde(rename = "l", skip_serializing_if = "Said::is_empty")]
    last_name: Said,
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    created_at: Option<i64>,
    #[serde(rename = "b", skip_serializing_if = "Option::is_none")]
    first: Option<First>,
    #[serde(rename = "d", skip_serializing_if = "Option::is_none")]
    dead: Option<(i64, OnDelete)>,
    /// The newest deletion; like `message`, not part of the law.
    #[serde(rename = "k", skip_serializing_if = "Option::is_none")]
    dead_by: Option<i64>,
}

impl User {
    fn key(&self) -> Option<String> {
        self.email.as_ref().map(|Latest(_, email)| email_key(email))
    }

    fn has_key(&self, key: &str) -> bool {
        self.email.as_ref().is_some_and(|Latest(_, email)| match email.is_ascii() {
            true => email.trim().eq_ignore_ascii_case(key),
            false => email_key(email) == key,
        })
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

/// What was done by hand on one user or one email address, and the id its contact had when it was
/// last seen.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    lists: Option<(i64, BTreeSet<i64>)>,
}

impl Hand {
    /// When the contact was added and edited.
    fn edits(&self) -> impl Iterator<Item = i64> {
        let lists = self.lists.as_ref().map(|(at, _)| *at);
        let single = [self.created_at, self.subscribed.map(|(at, _)| at), lists];
        self.texts.values().map(|edit| edit.at).chain(single.into_iter().flatten())
    }

    /// The part that was done at certain times.
    fn only(&self, when: impl Fn(i64) -> bool) -> Self {
        let mut part = self.clone();
        part.created_at = part.created_at.filter(|at| when(*at));
        part.email = part.email.filter(|_| part.created_at.is_some());
        part.removed_at = part.removed_at.filter(|at| when(*at));
        part.texts.retain(|_, edit| when(edit.at));
        part.subscribed = part.subscribed.filter(|(at, _)| when(*at));
        part.lists = part.lists.filter(|(at, _)| when(*at));
        part
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

impl Verdict {
    /// Of the message with the newest object and that of the deletion, the one that decided.
    fn against(self, newest: Option<i64>, deletion: Option<i64>) -> Option<i64> {
        match self {
            Self::Duplicate | Self::Stale { deleted: false, .. } => newest,
            Self::Stale { deleted: true, .. } => deletion,
            Self::Processed | Self::NoEmail => None,
        }
    }
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
    /// The message that it repeats or lost against, as far as it is known.
    pub against: Option<i64>,
}

impl Effect {
    /// What an edit did.
    pub(super) fn by_hand(touched: Vec<Touched>, contact: Option<i64>) -> Self {
        Self { verdict: Verdict::Processed, touched, contact, against: None }
    }
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
    key_of: HashMap<i64, String>,
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
        self.key_of.insert(id, key.clone());
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

    /// The contacts of these ids that are there, with their email keys.
    pub fn contacts_of<'a>(
        &'a self,
        ids: &'a BTreeSet<i64>,
    ) -> impl Iterator<Item = (i64, &'a str, &'a Contact)> {
        ids.iter().filter_map(|id| {
            let key = self.key_of.get(id)?;
            let (_, contact) = self.contacts.get(key).filter(|(at_key, _)| at_key == id)?;
            Some((*id, key.as_str(), contact))
        })
    }

    /// The email of a contact.
    pub fn email_of(&self, contact: i64) -> Option<&str> {
        self.contacts.get(self.key_of.get(&contact)?).map(|(_, contact)| contact.email.as_str())
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
        let key = snapshot.email.as_deref().map(email_key);
        let mut keys = self.reach(self.emails_of(id).chain(key.as_deref()));
        let user = self.users.entry(id.clone()).or_default();
        let key_before = user.key();
        let verdict = judge(user.newest, version, user.dead);
        let against = verdict.against(user.message, user.dead_by);
        if user.newest.is_none_or(|newest| newest < version) {
            user.newest = Some(version);
            user.message = Some(incoming.message);
        }
        keep_least(&mut user.created_at, snapshot.created_at_ms);
        if !user.erased() {
            if incoming.options.first_name {
                user.first_name.add(version, snapshot.first_name.clone());
            }
            if incoming.options.last_name {
                user.last_name.add(version, snapshot.last_name.clone());
            }
            if let Some(email) = &snapshot.email {
                keep_latest(&mut user.email, version, email.clone());
                keep_first(&mut user.first, first_of(incoming.options, version));
            }
        }
        if let Some(key) = key {
            self.emails.entry(id.clone()).or_default().insert(key.clone());
            let since =
                self.seen.entry(key.clone()).or_default().entry(id.clone()).or_insert(i64::MAX);
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
        keys.extend(self.reach(self.emails_of(id)));
        let touched = self.recompute(&keys);
        let contact = self.contact_of_user(id, key_before.as_deref(), &touched);
        Effect { verdict, touched, contact, against }
    }

    fn apply_deletion(&mut self, incoming: Incoming<'_>, deleted: &UserDeleted) -> Effect {
        let at = incoming.timestamp.unwrap_or(incoming.received_at);
        let id = &deleted.user_id;
        let mut keys = self.reach(self.emails_of(id));
        let user = self.users.entry(id.clone()).or_default();
        let key_before = user.key();
        let before = user.dead;
        let against = user.dead_by;
        if before.is_none_or(|(dead_at, _)| dead_at < at) {
            user.dead_by = Some(incoming.message);
        }
        user.dead = Some(match before {
            None => (at, incoming.on_delete),
            Some((dead_at, policy)) => (dead_at.max(at), policy.max(incoming.on_delete)),
        });
        let verdict = if user.dead == before { Verdict::Duplicate } else { Verdict::Processed };
        if user.erased() {
            user.email = None;
            user.first_name = Said::default();
            user.last_name = Said::default();
            user.first = None;
        }
        self.dirty.users.insert(id.clone());
        keys.extend(self.reach(self.emails_of(id)));
        let touched = self.recompute(&keys);
        let contact = self.contact_of_user(id, key_before.as_deref(), &touched);
        let against = against.filter(|_| verdict == Verdict::Duplicate);
        Effect { verdict, touched, contact, against }
    }

    fn apply_waitlist(&mut self, incoming: Incoming<'_>, snapshot: &WaitlistSnapshot) -> Effect {
        let version = version_of(incoming, snapshot.updated_at_ms);
        let id = &snapshot.entry_id;
        let key_before = self.entries.get(id).and_then(Entry::key);
        let mut keys = self.reach(key_before.as_deref().into_iter());
        let entry = self.entries.entry(id.clone()).or_default();
        let mut verdict = judge(entry.newest, version, None);
        let mut against = verdict.against(entry.message, None);
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
            && let Some(user) = self.users.get(owner)
            && let Some((dead_at, OnDelete::Delete)) = user.dead
        {
            verdict = Verdict::Stale { at: born_at, known_at: dead_at, deleted: true };
            against = user.dead_by;
        }
        keys.extend(self.reach(key.as_deref().into_iter()));
        let touched = self.recompute(&keys);
        let contact = key.and_then(|key| match self.owner(&key, born_at).map(str::to_owned) {
            Some(owner) => self.contact_of_user(&owner, None, &touched),
            None => self.contacts.get(&key).map(|(id, _)| *id),
        });
        Effect { verdict, touched, contact, against }
    }

    /// Adds a contact by hand. `None` when the address is in the audience already, or belongs to a
    /// user who has another one by now.
    pub fn add_by_hand(&mut self, email: &str, edits: &Edits, at: i64) -> Option<Effect> {
        let key = email_key(email);
        if self.contacts.contains_key(&key) {
            return None;
        }
        let at = self.ended(&key).map_or(at, |ended| at.max(ended + 1));
        let anchor = Anchor::Email(key.clone());
        let before = self.hands.get(&anchor).cloned();
        let mut keys = self.reach([key.as_str()].into_iter());
        let hand = self.hands.entry(anchor.clone()).or_default();
        hand.email = Some(email.trim().to_owned());
        hand.created_at = Some(at);
        record(hand, edits, at, &BTreeMap::new());
        keys.extend(self.reach([key.as_str()].into_iter()));
        let touched = self.recompute(&keys);
        let Some((contact, _)) = self.contacts.get(&key) else {
            match before {
                Some(before) => self.hands.insert(anchor, before),
                None => self.hands.remove(&anchor),
            };
            self.recompute(&keys);
            return None;
        };
        let contact = Some(*contact);
        self.dirty.hands.insert(anchor);
        Some(Effect::by_hand(touched, contact))
    }

    /// When the last removal or deletion of somebody seen with this address was.
    fn ended(&self, key: &str) -> Option<i64> {
        let ids = || self.seen.get(key).into_iter().flat_map(BTreeMap::keys);
        let deaths = ids().filter_map(|id| Some(self.users.get(id)?.dead?.0));
        let anchors = ids().map(|id| Anchor::User(id.clone()));
        let removals = anchors
            .chain([Anchor::Email(key.to_owned())])
            .filter_map(|anchor| self.hands.get(&anchor)?.removed_at);
        deaths.chain(removals).max()
    }

    /// Edits the contact of an email key by hand. `None` when there is none.
    pub fn edit(&mut self, key: &str, edits: &Edits, at: i64) -> Option<Effect> {
        let (id, contact) = self.contacts.get(key)?;
        let (id, at, anchor) = (*id, at.max(contact.updated_at), anchor_of(key, contact));
        let standing = self.gather(key).map(|gathered| gathered.standing()).unwrap_or_default();
        let touched = self.by_hand(key, anchor, |hand| record(hand, edits, at, &standing));
        Some(Effect::by_hand(touched, Some(id)))
    }

    /// Removes the contact of an email key by hand; the anchor is what [`World::restore`] takes.
    pub fn remove(&mut self, key: &str, at: i64) -> Option<(Effect, Anchor)> {
        let (id, contact) = self.contacts.get(key)?;
        let (id, at, anchor) = (*id, at.max(contact.updated_at), anchor_of(key, contact));
        let touched = self.by_hand(key, anchor.clone(), |hand| {
            hand.removed_at = Some(at);
            hand.was = Some(id);
        });
        Some((Effect::by_hand(touched, Some(id)), anchor))
    }

    fn by_hand(&mut self, key: &str, anchor: Anchor, deed: impl FnOnce(&mut Hand)) -> Vec<Touched> {
        let mut keys = self.reach([key].into_iter());
        deed(self.hands.entry(anchor.clone()).or_default());
        self.dirty.hands.insert(anchor);
        keys.extend(self.reach([key].into_iter()));
        self.recompute(&keys)
    }

    /// Takes a removal back.
    pub fn restore(&mut self, anchor: &Anchor) -> Vec<Touched> {
        let mut keys = match anchor {
            Anchor::Email(key) => self.reach([key.as_str()].into_iter()),
            Anchor::User(id) => self.reach(self.emails_of(id)),
        };
        let Some(hand) = self.hands.get_mut(anchor) else { return Vec::new() };
        hand.removed_at = None;
        self.dirty.hands.insert(anchor.clone());
        if let Anchor::Email(key) = anchor {
            keys.extend(self.reach([key.as_str()].into_iter()));
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
        now.as_deref().and_then(|key| self.contacts.get(key)).map(|(contact, _)| *contact).or_else(
            || {
                let gone = |t: &&Touched| t.after.is_none() && Some(t.key.as_str()) == key_before;
                touched.iter().find(gone).map(|t| t.id)
            },
        )
    }

    fn emails_of(&self, id: &str) -> impl Iterator<Item = &str> {
        self.emails.get(id).into_iter().flatten().map(String::as_str)
    }

    /// Some email keys, and those of the users to whom something about them belongs.
    fn reach<'a>(&self, keys: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
        let mut reach = BTreeSet::new();
        for key in keys {
            let entries = self.entries_at.get(key).into_iter().flatten();
            let born = entries.filter_map(|id| Some(self.entries.get(id)?.born_at()));
            let hand = self.hands.get(&Anchor::Email(key.to_owned()));
            let by_hand = hand.into_iter().flat_map(|hand| hand.edits().chain(hand.removed_at));
            let times: BTreeSet<i64> = born.chain(by_hand).collect();
            let owners = times.into_iter().filter_map(|at| self.owner(key, at));
            reach.extend(owners.filter_map(|id| self.users.get(id)?.key()));
            reach.insert(key.to_owned());
        }
        reach
    }

    /// The user to whom something about an email address at a time belongs.
    fn owner(&self, key: &str, at: i64) -> Option<&str> {
        self.seen
            .get(key)?
            .iter()
            .filter(|(id, _)| self.users.get(*id).is_some_and(|user| !user.gone_before(at)))
            .min_by_key(|(id, since)| (**since, *id))
            .map(|(id, _)| id.as_str())
    }

    fn recompute(&mut self, keys: &BTreeSet<String>) -> Vec<Touched> {
        let mut fresh: BTreeMap<String, Contact> =
            keys.iter().filter_map(|key| Some((key.clone(), self.compute(key)?))).collect();
        let mut old: BTreeMap<i64, (String, Contact)> = BTreeMap::new();
        let (mut of_user, mut of_key) = (HashMap::new(), HashMap::new());
        for (key, (id, contact)) in keys.iter().filter_map(|key| self.contacts.remove_entry(key)) {
            self.key_of.remove(&id);
            of_user.extend(contact.user_id.clone().map(|user| (user, id)));
            of_key.insert(key.clone(), id);
            old.insert(id, (key, contact));
        }
        let mut touched = Vec::new();
        for heir in [Heir::User, Heir::UserOfOld, Heir::Address, Heir::Restored, Heir::Nobody] {
            let claims: Vec<(String, i64)> = fresh
                .iter()
                .filter_map(|(key, contact)| {
                    let user = contact.user_id.as_ref();
                    let id = match heir {
                        Heir::User => *of_user.get(user?)?,
                        Heir::UserOfOld => self.hands.get(&Anchor::User(user?.clone()))?.was?,
                        Heir::Address => *of_key.get(key)?,
                        Heir::Restored => self.gather(key)?.free_id(&self.key_of)?,
                        Heir::Nobody => {
                            self.next_contact += 1;
                            self.next_contact - 1
                        }
                    };
                    Some((key.clone(), id))
                })
                .collect();
            for (key, id) in claims {
                if self.key_of.contains_key(&id) {
                    continue;
                }
                let Some(after) = fresh.remove(&key) else { continue };
                let before = old.remove(&id).map(|(_, before)| before);
                self.key_of.insert(id, key.clone());
                if before.as_ref() != Some(&after) {
                    let (key, after) = (key.clone(), Some(after.clone()));
                    touched.push(Touched { id, key, before, after });
                }
                self.contacts.insert(key, (id, after));
            }
        }
        for (id, (key, before)) in old {
            self.remember(id, &before);
            touched.push(Touched { id, key, before: Some(before), after: None });
        }
        self.dirty.contacts.extend(touched.iter().map(|touched| touched.id));
        touched.sort_by_key(|touched| touched.id);
        touched
    }

    /// Keeps the id for a user whose contact is hidden, in case it shows again.
    fn remember(&mut self, id: i64, contact: &Contact) {
        let Some(user) = &contact.user_id else { return };
        if self.users.get(user).is_some_and(|user| !user.erased()) {
            let anchor = Anchor::User(user.clone());
            self.hands.entry(anchor.clone()).or_default().was = Some(id);
            self.dirty.hands.insert(anchor);
        }
    }

    fn compute(&self, key: &str) -> Option<Contact> {
        self.gather(key)?.contact()
    }

    fn gather(&self, key: &str) -> Option<Gathered<'_>> {
        let with_key: Vec<(&str, &User)> = self
            .seen
            .get(key)
            .into_iter()
            .flat_map(BTreeMap::keys)
            .filter_map(|id| Some((id.as_str(), self.users.get(id)?)))
            .filter(|(_, user)| user.has_key(key))
            .collect();
        let winner = with_key
            .iter()
            .filter(|(_, user)| user.dead.is_none())
            .max_by_key(|(id, user)| (user.newest, Reverse(*id)))
            .copied();
        let kept: Vec<(&str, &User)> =
            with_key.into_iter().filter(|(_, user)| user.dead.is_some()).collect();
        let lead = winner
            .or_else(|| kept.iter().copied().max_by_key(|(id, user)| (user.dead, Reverse(*id))));
        let users: Vec<(&str, &User)> = winner.into_iter().chain(kept).collect();
        let belongs = |email: &str, at: i64| match self.owner(email, at) {
            None => email == key,
            Some(owner) => users.iter().any(|(id, _)| *id == owner),
        };
        let mut emails: BTreeSet<&str> =
            users.iter().flat_map(|(id, _)| self.emails_of(id)).collect();
        emails.insert(key);
        let entries: Vec<&Entry> = emails
            .iter()
            .flat_map(|email| {
                self.entries_at.get(*email).into_iter().flatten().map(move |id| (email, id))
            })
            .filter_map(|(email, id)| Some((email, self.entries.get(id)?)))
            .filter(|(email, entry)| belongs(email, entry.born_at()))
            .map(|(_, entry)| entry)
            .collect();
        let of_users = users.iter().map(|(id, _)| Anchor::User((*id).to_owned()));
        let of_emails = emails.iter().map(|email| Anchor::Email((*email).to_owned()));
        let hands: Vec<Cow<'_, Hand>> = of_users
            .chain(of_emails)
            .filter_map(|anchor| {
                let hand = self.hands.get(&anchor)?;
                Some(match &anchor {
                    Anchor::User(_) => Cow::Borrowed(hand),
                    Anchor::Email(email) => Cow::Owned(hand.only(|at| belongs(email, at))),
                })
            })
            .collect();
        let any = lead.is_some() || !entries.is_empty();
        (any || hands.iter().any(|hand| hand.created_at.is_some())).then_some(Gathered {
            lead,
            users,
            entries,
            hands,
        })
    }
}

/// All that one contact is made of.
struct Gathered<'a> {
    lead: Option<(&'a str, &'a User)>,
    users: Vec<(&'a str, &'a User)>,
    entries: Vec<&'a Entry>,
    hands: Vec<Cow<'a, Hand>>,
}

/// Who a contact gets its id from, the first that has one.
#[derive(Debug, Clone, Copy)]
enum Heir {
    /// Its user's contact.
    User,
    /// The contact its user had before it was hidden.
    UserOfOld,
    /// The contact with its address.
    Address,
    /// The removed contact it was added or edited as.
    Restored,
    /// It is new.
    Nobody,
}

impl Gathered<'_> {
    fn free_id(&self, taken: &HashMap<i64, String>) -> Option<i64> {
        self.hands.iter().filter_map(|hand| hand.was).find(|id| !taken.contains_key(id))
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

    /// Every value Clerk said of a name, or the group of the first message, the newest last.
    fn said(&self, field: Field) -> Vec<Latest<Option<String>>> {
        let of_lead = |pick: fn(&User) -> &Said| {
            self.lead.map(|(_, user)| pick(user).0.clone()).unwrap_or_default()
        };
        match field {
            Field::FirstName => of_lead(|user| &user.first_name),
            Field::LastName => of_lead(|user| &user.last_name),
            Field::UserGroup => {
                self.first().map(|first| Latest(first.version, first.group)).into_iter().collect()
            }
        }
    }

    /// What an edit of each field stands against.
    fn standing(&self) -> BTreeMap<Field, Option<String>> {
        [Field::FirstName, Field::LastName, Field::UserGroup]
            .into_iter()
            .filter_map(|field| Some((field, self.said(field).pop()?.1)))
            .collect()
    }

    fn text(&self, field: Field) -> (Option<String>, bool) {
        let mut said = self.said(field);
        let holds = |edit: &Edit| {
            said.iter().all(|Latest(v, value)| v.at() <= edit.at || *value == edit.from)
        };
        let edit = self
            .hands
            .iter()
            .filter_map(|hand| hand.texts.get(&field))
            .max_by_key(|edit| (edit.at, &edit.to, holds(edit)))
            .filter(|edit| holds(edit));
        match edit {
            Some(edit) => (edit.to.clone(), true),
            None => (said.pop().and_then(|Latest(_, value)| value), false),
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
        let chosen = self.hands.iter().filter_map(|hand| hand.lists.as_ref()).max();
        let lists = match (chosen, &first) {
            (Some((_, lists)), _) => lists.clone(),
            (None, Some(first)) => first.lists.iter().copied().collect(),
            (None, None) => BTreeSet::new(),
        };
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
        let edits = self.hands.iter().flat_map(|hand| hand.edits());
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
    contact.user_id.clone().map_or_else(|| Anchor::Email(key.to_owned()), Anchor::User)
}

fn record(hand: &mut Hand, edits: &Edits, at: i64, standing: &BTreeMap<Field, Option<String>>) {
    for (field, to) in &edits.texts {
        let from = standing.get(field).cloned().flatten();
        hand.texts.insert(*field, Edit { at, to: to.clone(), from });
    }
    if let Some(on) = edits.subscribed {
        hand.subscribed = Some((at, on));
    }
    if let Some(lists) = &edits.lists {
        hand.lists = Some((at, lists.clone()));
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

/// One field from what to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct FieldChange {
    /// `email`, `userId`, `firstName`, `lastName`, `userGroup`, `lists`, `source`, `subscribed`,
    /// `waitlist`.
    pub field: String,
    /// Before; absent when it was empty.
    pub from: Option<String>,
    /// After; absent when it is empty.
    pub to: Option<String>,
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
    let fields: [(&str, Read<'_>); 9] = [
        ("email", &|c| Some(c.email.clone())),
        ("userId", &|c| c.user_id.clone()),
        ("firstName", &|c| c.first_name.clone()),
        ("lastName", &|c| c.last_name.clone()),
        ("userGroup", &|c| c.user_group.clone()),
        ("lists", &lists),
        ("source", &|c| Some(c.source.to_owned())),
        ("subscribed", &flag),
        ("waitlist", &|c| c.more.waitlist.clone()),
    ];
    fields
        .iter()
        .filter_map(|(field, read)| {
            let (from, to) = (before.and_then(*read), after.and_then(*read));
            (from != to).then(|| FieldChange { field: (*field).to_owned(), from, to })
        })
        .collect()
}
