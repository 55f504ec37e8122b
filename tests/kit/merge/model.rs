//! The law of `audience/merge.rs`, written again as a plain function of everything that was ever
//! said and done: no state, no order, no care for speed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use usher_engine::api::endpoints::OnDelete;
use usher_engine::audience::merge::{Anchor, BY_HAND, Contact, Edits, FROM_CLERK, Field, More};
use usher_engine::clerk::{Fact, UserSnapshot, WaitlistSnapshot, email_key};

use super::sets::Message;

type Version = (i64, i64, i64);
type Text = Option<String>;

/// Something done by hand to one anchor.
#[derive(Debug, Clone, PartialEq)]
enum Done {
    Added(String),
    Removed,
    Text { field: Field, to: Text, from: Text },
    Subscribed(bool),
    Lists(BTreeSet<i64>),
}

impl Done {
    fn about(&self) -> u8 {
        match self {
            Self::Added(_) => 0,
            Self::Removed => 1,
            Self::Text { field: Field::FirstName, .. } => 2,
            Self::Text { field: Field::LastName, .. } => 3,
            Self::Text { field: Field::UserGroup, .. } => 4,
            Self::Subscribed(_) => 5,
            Self::Lists(_) => 6,
        }
    }
}

/// Everything said and done so far.
#[derive(Debug, Clone, Default)]
pub struct Model {
    messages: Vec<Message>,
    deeds: Vec<(Anchor, i64, Done)>,
}

/// What could have created a contact.
#[derive(Debug, Clone)]
struct Origin {
    version: Version,
    group: Text,
    lists: Vec<i64>,
    source: &'static str,
}

struct Row {
    contact: Contact,
    said: [Text; 3],
}

const FIELDS: [Field; 3] = [Field::FirstName, Field::LastName, Field::UserGroup];

fn sent(message: &Message) -> i64 {
    message.timestamp.unwrap_or(message.received_at)
}

fn version(message: &Message) -> Version {
    let updated_at = match &message.fact {
        Fact::User(user) => user.updated_at_ms,
        Fact::Waitlist(entry) => entry.updated_at_ms,
        Fact::UserDeleted(_) => None,
    };
    (updated_at.unwrap_or(sent(message)), sent(message), message.tie)
}

fn origin(message: &Message) -> Origin {
    Origin {
        version: version(message),
        group: message.options.user_group.clone(),
        lists: message.options.mailing_lists.clone(),
        source: FROM_CLERK,
    }
}

fn earliest(origins: impl Iterator<Item = Origin>) -> Option<Origin> {
    origins.min_by_key(|o| (o.version, Reverse((o.group.clone(), o.lists.clone()))))
}

impl Model {
    pub fn tell(&mut self, message: &Message) {
        self.messages.push(message.clone());
    }

    fn snapshots(&self, id: &str) -> Vec<(&Message, &UserSnapshot)> {
        let all = self.messages.iter().filter_map(|message| match &message.fact {
            Fact::User(user) if user.user_id == id => Some((message, user)),
            _ => None,
        });
        all.collect()
    }

    fn entry_snapshots(&self, id: &str) -> Vec<(&Message, &WaitlistSnapshot)> {
        let all = self.messages.iter().filter_map(|message| match &message.fact {
            Fact::Waitlist(entry) if entry.entry_id == id => Some((message, entry)),
            _ => None,
        });
        all.collect()
    }

    fn users(&self) -> BTreeSet<&str> {
        let ids = self.messages.iter().filter_map(|message| match &message.fact {
            Fact::User(user) => Some(user.user_id.as_str()),
            _ => None,
        });
        ids.collect()
    }

    fn entries(&self) -> BTreeSet<&str> {
        let ids = self.messages.iter().filter_map(|message| match &message.fact {
            Fact::Waitlist(entry) => Some(entry.entry_id.as_str()),
            _ => None,
        });
        ids.collect()
    }

    fn dead(&self, id: &str) -> Option<(i64, OnDelete)> {
        let deletions = || {
            self.messages
                .iter()
                .filter(|m| matches!(&m.fact, Fact::UserDeleted(deleted) if deleted.user_id == id))
        };
        Some((deletions().map(sent).max()?, deletions().map(|m| m.on_delete).max()?))
    }

    fn email(&self, id: &str) -> Option<String> {
        if matches!(self.dead(id), Some((_, OnDelete::Delete))) {
            return None;
        }
        let with = self.snapshots(id).into_iter().filter_map(|(m, u)| Some((m, u.email.clone()?)));
        with.max_by_key(|(message, _)| version(message)).map(|(_, email)| email)
    }

    fn newest(&self, id: &str) -> Option<Version> {
        self.snapshots(id).into_iter().map(|(message, _)| version(message)).max()
    }

    /// Every value of a name with its version, oldest first.
    fn names(&self, id: &str, field: Field) -> Vec<(Version, Text)> {
        let carried = |message: &Message| match field {
            Field::FirstName => message.options.first_name,
            _ => message.options.last_name,
        };
        let all = self.snapshots(id).into_iter().filter(|(message, _)| carried(message));
        let mut all: Vec<_> = all
            .map(|(message, user)| {
                let name = match field {
                    Field::FirstName => user.first_name.clone(),
                    _ => user.last_name.clone(),
                };
                (version(message), name)
            })
            .collect();
        all.sort();
        all
    }

    fn seen_since(&self, key: &str, id: &str) -> Option<i64> {
        let with = self.snapshots(id).into_iter();
        with.filter(|(_, user)| user.email.as_deref().map(email_key).as_deref() == Some(key))
            .map(|(message, _)| version(message).0)
            .min()
    }

    /// To whom something of this address at this time belongs.
    fn owner(&self, key: &str, at: i64) -> Option<&str> {
        let seen = self.users().into_iter().filter_map(|id| Some((self.seen_since(key, id)?, id)));
        seen.filter(|(_, id)| self.dead(id).is_none_or(|(dead_at, _)| dead_at >= at))
            .min()
            .map(|(_, id)| id)
    }

    fn row(&self, key: &str) -> Option<Row> {
        let here: Vec<&str> = self
            .users()
            .into_iter()
            .filter(|id| self.email(id).is_some_and(|e| email_key(&e) == key))
            .collect();
        let holder = here
            .iter()
            .copied()
            .filter(|id| self.dead(id).is_none())
            .max_by_key(|id| (self.newest(id), Reverse(*id)));
        let kept = here.iter().copied().filter(|id| self.dead(id).is_some());
        let lead = holder.or_else(|| kept.clone().max_by_key(|id| (self.dead(id), Reverse(*id))));
        let people: Vec<&str> = holder.into_iter().chain(kept).collect();
        let ours = |email: &str, at: i64| match self.owner(email, at) {
            Some(owner) => people.contains(&owner),
            None => email == key,
        };
        let entries: Vec<_> = self
            .entries()
            .into_iter()
            .filter_map(|id| self.entry(id))
            .filter(|e| ours(&email_key(&e.email), e.born_at))
            .collect();
        let deeds: Vec<(i64, &Done)> = self
            .deeds
            .iter()
            .filter(|(anchor, at, _)| match anchor {
                Anchor::User(id) => people.contains(&id.as_str()),
                Anchor::Email(email) => ours(email, *at),
            })
            .map(|(_, at, done)| (*at, done))
            .collect();
        let added = || {
            deeds.iter().filter_map(|(at, done)| match done {
                Done::Added(email) => Some((*at, email)),
                _ => None,
            })
        };
        if lead.is_none() && entries.is_empty() && added().next().is_none() {
            return None;
        }
        let of_people = people.iter().filter_map(|id| Some(self.newest(id)?.0));
        let of_entries = entries.iter().map(|entry| entry.newest.0);
        let newest = of_people.chain(of_entries).chain(added().map(|(at, _)| at)).max()?;
        let removed = deeds.iter().filter(|(_, done)| matches!(done, Done::Removed));
        if removed.map(|(at, _)| *at).max().is_some_and(|at| at >= newest) {
            return None;
        }
        let of_people = people.iter().flat_map(|id| {
            let with = self.snapshots(id).into_iter().filter(|(_, user)| user.email.is_some());
            with.map(|(message, _)| origin(message))
        });
        let of_entries = entries.iter().flat_map(|entry| entry.origins.clone());
        let by_hand = added().map(|(at, _)| Origin {
            version: (at, 0, 0),
            group: None,
            lists: Vec::new(),
            source: BY_HAND,
        });
        let first = earliest(of_people.chain(of_entries).chain(by_hand));
        let entry = entries.iter().max_by_key(|entry| entry.newest);
        let of_lead = |field| lead.map(|id| self.names(id, field)).unwrap_or_default();
        let of_first = first.iter().map(|o| (o.version, o.group.clone())).collect();
        let histories: [Vec<(Version, Text)>; 3] =
            [of_lead(Field::FirstName), of_lead(Field::LastName), of_first];
        let said = histories.clone().map(|all| all.last().and_then(|(_, text)| text.clone()));
        let mut edited = Vec::new();
        let mut texts = Vec::new();
        for (at, field) in FIELDS.into_iter().enumerate() {
            let edit = deeds.iter().filter_map(|(at, done)| match done {
                Done::Text { field: of, to, from } if *of == field => Some((*at, to, from)),
                _ => None,
            });
            let still = |(edited_at, _, from): &(i64, &Text, &Text)| {
                histories[at].iter().all(|(version, text)| version.0 <= *edited_at || text == *from)
            };
            let edit = edit.max_by_key(|edit| (edit.0, edit.1, still(edit)));
            let holds = edit.filter(still);
            if holds.is_some() {
                edited.push(field.name().to_owned());
            }
            texts.push(holds.map_or(said[at].clone(), |(_, to, _)| to.clone()));
        }
        let chosen = deeds.iter().filter_map(|(at, done)| match done {
            Done::Subscribed(on) => Some((*at, *on)),
            _ => None,
        });
        let deaths = || people.iter().filter_map(|id| self.dead(id));
        let unsubscribed = deaths().filter(|(_, policy)| *policy == OnDelete::Unsubscribe);
        let subscribed = chosen
            .chain(unsubscribed.map(|(at, _)| (at, false)))
            .max_by_key(|(at, on)| (*at, !on))
            .is_none_or(|(_, on)| on);
        let lists = deeds.iter().filter_map(|(at, done)| match done {
            Done::Lists(lists) => Some((*at, lists.clone())),
            _ => None,
        });
        let lists = lists.max().map_or_else(
            || first.iter().flat_map(|o| o.lists.clone()).collect(),
            |(_, lists)| lists,
        );
        let born = people.iter().flat_map(|id| {
            self.snapshots(id).into_iter().filter_map(|(_, user)| user.created_at_ms)
        });
        let created_at = born
            .chain(entries.iter().map(|entry| entry.born_at))
            .chain(first.iter().map(|o| o.version.0))
            .min()?;
        let edits = deeds.iter().filter(|(_, done)| **done != Done::Removed).map(|(at, _)| *at);
        let updated_at = edits.chain(deaths().map(|(at, _)| at)).chain([newest]).max()?;
        let email = lead
            .and_then(|id| self.email(id))
            .or_else(|| Some(entry?.email.clone()))
            .or_else(|| added().next().map(|(_, email)| email.clone()))?;
        let mut texts = texts.into_iter();
        let contact = Contact {
            email,
            user_id: lead.map(str::to_owned),
            first_name: texts.next()?,
            last_name: texts.next()?,
            user_group: texts.next()?,
            lists,
            source: first?.source,
            subscribed,
            created_at,
            updated_at,
            more: More {
                deleted_at: lead.and_then(|id| self.dead(id)).map(|(at, _)| at),
                waitlist: entry.and_then(|entry| entry.status.clone()),
                edited,
                message: None,
            },
        };
        Some(Row { contact, said })
    }

    fn entry(&self, id: &str) -> Option<WaitlistEntry> {
        let snapshots = self.entry_snapshots(id);
        let with_email = || snapshots.iter().filter(|(_, entry)| entry.email.is_some());
        let newest = snapshots.iter().max_by_key(|(message, _)| version(message))?;
        let (_, at_last) = with_email().max_by_key(|(message, _)| version(message))?;
        let first = with_email().map(|(message, _)| version(message).0).min()?;
        let born_at = snapshots.iter().filter_map(|(_, entry)| entry.created_at_ms).min();
        Some(WaitlistEntry {
            email: at_last.email.clone()?,
            status: newest.1.status.clone(),
            newest: version(newest.0),
            born_at: born_at.unwrap_or(first),
            origins: with_email().map(|(message, _)| origin(message)).collect(),
        })
    }

    fn keys(&self) -> BTreeSet<String> {
        let said = self.messages.iter().filter_map(|message| match &message.fact {
            Fact::User(user) => user.email.as_deref(),
            Fact::Waitlist(entry) => entry.email.as_deref(),
            Fact::UserDeleted(_) => None,
        });
        let mut keys: BTreeSet<String> = said.map(email_key).collect();
        for (anchor, ..) in &self.deeds {
            if let Anchor::Email(key) = anchor {
                keys.insert(key.clone());
            }
        }
        keys
    }

    /// The whole audience by email key.
    pub fn audience(&self) -> BTreeMap<String, Contact> {
        let rows = self.keys().into_iter();
        rows.filter_map(|key| Some((key.clone(), self.row(&key)?.contact))).collect()
    }

    fn record(&mut self, anchor: &Anchor, at: i64, done: Done) {
        self.deeds.retain(|(of, _, old)| of != anchor || old.about() != done.about());
        self.deeds.push((anchor.clone(), at, done));
    }

    fn record_edits(&mut self, anchor: &Anchor, at: i64, edits: &Edits, said: &[Text; 3]) {
        for (of, field) in FIELDS.into_iter().enumerate() {
            if let Some(to) = edits.texts.get(&field) {
                let done = Done::Text { field, to: to.clone(), from: said[of].clone() };
                self.record(anchor, at, done);
            }
        }
        if let Some(on) = edits.subscribed {
            self.record(anchor, at, Done::Subscribed(on));
        }
        if let Some(lists) = &edits.lists {
            self.record(anchor, at, Done::Lists(lists.clone()));
        }
    }

    /// Adds a contact; false when it is there already or belongs to another one.
    pub fn add(&mut self, email: &str, edits: &Edits, at: i64) -> bool {
        let key = email_key(email);
        if self.row(&key).is_some() {
            return false;
        }
        let before = self.clone();
        let seen: Vec<&str> =
            self.users().into_iter().filter(|id| self.seen_since(&key, id).is_some()).collect();
        let deaths = seen.iter().filter_map(|id| self.dead(id)).map(|(dead_at, _)| dead_at);
        let removals = self.deeds.iter().filter(|(anchor, _, done)| {
            *done == Done::Removed
                && match anchor {
                    Anchor::User(id) => seen.contains(&id.as_str()),
                    Anchor::Email(email) => *email == key,
                }
        });
        let known = deaths.chain(removals.map(|(_, at, _)| *at)).max();
        let at = known.map_or(at, |known| at.max(known + 1));
        let anchor = Anchor::Email(key.clone());
        self.record(&anchor, at, Done::Added(email.to_owned()));
        self.record_edits(&anchor, at, edits, &Default::default());
        let shown = self.row(&key).is_some();
        if !shown {
            *self = before;
        }
        shown
    }

    /// Edits a contact; false when there is none.
    pub fn edit(&mut self, key: &str, edits: &Edits, at: i64) -> bool {
        let Some(Row { contact, said }) = self.row(key) else { return false };
        self.record_edits(&anchor(key, &contact), at.max(contact.updated_at), edits, &said);
        true
    }

    /// Removes a contact.
    pub fn remove(&mut self, key: &str, at: i64) -> Option<Anchor> {
        let Row { contact, .. } = self.row(key)?;
        let anchor = anchor(key, &contact);
        self.record(&anchor, at.max(contact.updated_at), Done::Removed);
        Some(anchor)
    }

    /// Takes a removal back.
    pub fn restore(&mut self, anchor: &Anchor) {
        self.deeds.retain(|(of, _, done)| of != anchor || *done != Done::Removed);
    }
}

struct WaitlistEntry {
    email: String,
    status: Text,
    newest: Version,
    born_at: i64,
    origins: Vec<Origin>,
}

fn anchor(key: &str, contact: &Contact) -> Anchor {
    contact.user_id.clone().map_or_else(|| Anchor::Email(key.to_owned()), Anchor::User)
}
