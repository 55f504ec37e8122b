//! What changed, by topic: one version number each, announced after the commit.
//!
//! Payloads are deliberately absent: a screen refetches what it shows, and ten thousand commits
//! become a handful of announcements.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;

/// Groups of commands whose answers may have changed; the first part of every query key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Listener, keychain, counts.
    App,
    /// Port and appearance.
    Settings,
    /// Environments.
    Environments,
    /// Endpoints, their settings and secrets.
    Endpoints,
    /// Mailing lists.
    Lists,
    /// Messages.
    Messages,
    /// Contacts and timelines.
    Contacts,
    /// Events.
    Events,
    /// Test events that were saved.
    Tests,
    /// Targets that messages are forwarded to.
    Forwards,
}

const TOPICS: [(Topic, &str); 10] = [
    (Topic::App, "app"),
    (Topic::Settings, "settings"),
    (Topic::Environments, "environments"),
    (Topic::Endpoints, "endpoints"),
    (Topic::Lists, "lists"),
    (Topic::Messages, "messages"),
    (Topic::Contacts, "contacts"),
    (Topic::Events, "events"),
    (Topic::Tests, "tests"),
    (Topic::Forwards, "forwards"),
];

/// How long a subscriber gathers changes before it tells of them.
const GATHER: Duration = Duration::from_millis(120);

type Versions = [u64; TOPICS.len()];

/// A set of topics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Topics(u16);

impl Topics {
    /// Every one.
    pub fn all() -> Self {
        Self((1 << TOPICS.len()) - 1)
    }

    /// Adds one.
    pub fn touch(&mut self, topic: Topic) {
        self.0 |= 1 << topic as u16;
    }

    /// True when none was touched.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn has(self, topic: Topic) -> bool {
        self.0 & (1 << topic as u16) != 0
    }
}

/// The announcing side.
#[derive(Debug, Clone)]
pub struct Changes {
    versions: Arc<watch::Sender<Versions>>,
}

impl Default for Changes {
    fn default() -> Self {
        Self { versions: Arc::new(watch::Sender::new(Versions::default())) }
    }
}

impl Changes {
    /// Moves the version of every touched topic.
    pub fn announce(&self, topics: Topics) {
        if topics.is_empty() {
            return;
        }
        self.versions.send_modify(|versions| {
            for (version, (topic, _)) in versions.iter_mut().zip(TOPICS) {
                *version += u64::from(topics.has(topic));
            }
        });
    }

    /// Announces a single topic.
    pub fn announce_one(&self, topic: Topic) {
        let mut topics = Topics::default();
        topics.touch(topic);
        self.announce(topics);
    }

    /// The listening side, from now on.
    pub fn subscribe(&self, clock: Arc<dyn Clock>) -> Subscription {
        let receiver = self.versions.subscribe();
        let seen = *receiver.borrow();
        Subscription { receiver, seen, clock }
    }

    /// The side that waits for some topics only and is told at once.
    pub fn watch(&self) -> Watching {
        let receiver = self.versions.subscribe();
        let known = *receiver.borrow();
        Watching { receiver, known }
    }
}

/// The side that works on what changed, and so is told at once.
#[derive(Debug)]
pub struct Watching {
    receiver: watch::Receiver<Versions>,
    known: Versions,
}

impl Watching {
    /// Takes everything up to now as known.
    pub fn catch_up(&mut self) {
        self.known = *self.receiver.borrow_and_update();
    }

    /// Ends when one of these topics moved since [`Watching::catch_up`]; false when the engine is gone.
    pub async fn moved(&mut self, topics: &[Topic]) -> bool {
        let known = self.known;
        let moved = |now: &Versions| {
            TOPICS
                .iter()
                .zip(now.iter().zip(&known))
                .any(|((topic, _), (now, known))| now != known && topics.contains(topic))
        };
        self.receiver.wait_for(moved).await.is_ok()
    }
}

/// The listening side.
pub struct Subscription {
    receiver: watch::Receiver<Versions>,
    seen: Versions,
    clock: Arc<dyn Clock>,
}

impl Subscription {
    /// The topics that changed since the last call, once there are any; `None` when the engine is
    /// gone. Changes are gathered for about 120 ms.
    pub async fn next(&mut self) -> Option<Vec<String>> {
        loop {
            self.receiver.changed().await.ok()?;
            self.clock.pause(GATHER).await;
            let now = *self.receiver.borrow_and_update();
            let moved: Vec<String> = TOPICS
                .iter()
                .zip(now.iter().zip(&self.seen))
                .filter(|(_, (now, seen))| now != seen)
                .map(|((_, name), _)| (*name).to_owned())
                .collect();
            self.seen = now;
            if !moved.is_empty() {
                return Some(moved);
            }
        }
    }
}
