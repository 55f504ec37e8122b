//! Notes that may wait: how long answers took, when a secret last verified something, which instance
//! of Clerk a message named, and how many refused requests were not kept.
//!
//! Written when it is quiet, or with the next batch once many have gathered; the first of a second goes
//! with its own batch. A crash loses at most these notes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::json;

use super::append::message_of;
use super::flood::{self, Floods, Unkept};
use super::{Arrival, Receipt};
use crate::change::Topic;
use crate::db::{Db, Tx};
use crate::endpoint;

/// Answers that gather before they are written with a batch.
const MANY: usize = 1024;
/// Between two notes of the same secret or instance while messages keep coming, milliseconds.
const APART_MS: i64 = 1000;

pub(super) struct Later {
    floods: Arc<Floods>,
    answered: Vec<(i64, i64)>,
    verified: BTreeMap<i64, i64>,
    written: HashMap<(Kind, i64), i64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Secret,
    Instance,
    Flood,
}

/// What goes with the next transaction.
#[derive(Default)]
pub(super) struct Due {
    answered: Vec<(i64, i64)>,
    verified: BTreeMap<i64, i64>,
    instances: BTreeMap<i64, String>,
    unkept: Unkept,
}

impl Later {
    pub(super) fn new(floods: Arc<Floods>) -> Self {
        let (answered, verified, written) = Default::default();
        Self { floods, answered, verified, written }
    }

    /// What is due with this batch.
    pub(super) fn due(&mut self, arrivals: &[Arrival]) -> Due {
        let mut due = Due::default();
        for arrival in arrivals {
            let Ok(verified) = &arrival.verdict else { continue };
            let at = self.verified.entry(verified.secret_id()).or_default();
            *at = (*at).max(arrival.received_at);
            let instance = message_of(arrival).and_then(|message| message.instance_id.as_ref());
            if let Some(instance) = instance.filter(|_| !arrival.test) {
                let environment = arrival.live.environment_id;
                if self.is_due(Kind::Instance, environment, arrival.received_at) {
                    due.instances.insert(environment, instance.clone());
                }
            }
        }
        for (secret, at) in std::mem::take(&mut self.verified) {
            let to = match self.is_due(Kind::Secret, secret, at) {
                true => &mut due.verified,
                false => &mut self.verified,
            };
            to.insert(secret, at);
        }
        let newest = arrivals.iter().map(|arrival| arrival.received_at).max();
        if newest.is_some_and(|now| self.is_due(Kind::Flood, 0, now)) {
            due.unkept = self.floods.take();
        }
        if self.answered.len() >= MANY {
            due.answered = std::mem::take(&mut self.answered);
        }
        due
    }

    fn is_due(&mut self, kind: Kind, id: i64, now_ms: i64) -> bool {
        let due = self.written.get(&(kind, id)).is_none_or(|at| (now_ms - at).abs() >= APART_MS);
        if due {
            self.written.insert((kind, id), now_ms);
        }
        due
    }

    /// Remembers how long these answers took.
    pub(super) fn answered(&mut self, receipts: &[Receipt], arrivals: &[Arrival], now_us: i64) {
        let first_time = |receipt: &Receipt| receipt.reason.as_deref() != Some("same_id");
        self.answered.extend(
            receipts
                .iter()
                .zip(arrivals)
                .filter(|(receipt, _)| first_time(receipt))
                .filter_map(|(receipt, arrival)| Some((receipt.id?, now_us - arrival.started_us))),
        );
    }

    /// Takes back what could not be written.
    pub(super) fn take_back(&mut self, due: Due) {
        self.floods.put_back(due.unkept);
        self.answered.extend(due.answered);
        for (secret, at) in due.verified {
            let held = self.verified.entry(secret).or_default();
            *held = (*held).max(at);
        }
    }

    /// Writes everything now; what cannot be written now is dropped but for what was not kept, since
    /// nothing else counts that.
    pub(super) async fn write(&mut self, db: &Db) {
        let due = Due {
            answered: std::mem::take(&mut self.answered),
            verified: std::mem::take(&mut self.verified),
            unkept: self.floods.take(),
            ..Due::default()
        };
        if due.answered.is_empty() && due.verified.is_empty() && due.unkept.is_empty() {
            return;
        }
        let noted = db
            .write(async |tx| {
                tx.touch(Topic::Messages);
                due.write(tx).await
            })
            .await;
        if let Err(error) = noted {
            self.floods.put_back(due.unkept);
            tracing::warn!(
                "the times of {} answers could not be written: {error}",
                due.answered.len()
            );
        }
    }
}

impl Due {
    pub(super) async fn write(&self, tx: &mut Tx) -> Result<(), sqlx::Error> {
        for (environment, instance) in &self.instances {
            endpoint::remember_instance(tx, *environment, instance).await?;
        }
        flood::write(tx, &self.unkept).await?;
        if self.answered.is_empty() && self.verified.is_empty() {
            return Ok(());
        }
        let answered = json!(self.answered).to_string();
        let verified: Vec<_> = self.verified.iter().collect();
        let verified = json!(verified).to_string();
        sqlx::query!(
            "update message set answered_us = r.value ->> 1
             from json_each(?) r where message.id = r.value ->> 0;

             update endpoint_secret set last_verified_at = r.value ->> 1
             from json_each(?) r where endpoint_secret.id = r.value ->> 0",
            answered,
            verified
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}
