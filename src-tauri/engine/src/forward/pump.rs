//! The task that forwards: woken by a commit, by an attempt that ended, or by the earliest due time.
//!
//! It sleeps while there is no target, and never polls. One turn writes at most once, whatever ended and
//! arrived since the last one, so that the inbox waits for few commits; then it starts what is due, at
//! most 8 attempts at once for each target, so that a target that hangs holds up nobody else. Of one
//! object's deliveries to one target one at a time is under way, started as the first that waited. An
//! attempt that meets a defect is marked as failed and never ends the task. Deliberately absent: ends of
//! its own; the engine aborts it, with what is under way.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde_json::json;
use tokio::task::{Id, JoinError, JoinSet};

use super::address::Address;
use super::deliver::{Answer, Outgoing, deliver, headers};
use super::hint::Problem;
use super::queue::{self, Landed};
use super::{ForwardSignature, KeptSecret};
use crate::change::{Changes, Topic, Watching};
use crate::clock::Clock;
use crate::db::Db;
use crate::endpoint::Directory;
use crate::secret::Keys;
use crate::signing::SigningSecret;

/// Attempts under way to one target.
const AT_ONCE: usize = 8;
/// Between two turns that write.
const BREATH: Duration = Duration::from_millis(20);
/// After a turn that went wrong, and the shortest wait for a due time.
const AGAIN_MS: i64 = 5_000;
const SHORTEST_MS: i64 = 1_000;

/// What the task works with.
pub struct Forwarding {
    /// The database.
    pub db: Arc<Db>,
    /// Where the targets' secrets are.
    pub keys: Arc<Keys>,
    /// The endpoints, with their secrets.
    pub directory: Arc<Directory>,
    /// Announcements, which wake it.
    pub changes: Changes,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The port that Usher itself listens on.
    pub own_port: Box<dyn Fn() -> u16 + Send + Sync>,
}

/// Forwards until it is aborted.
pub async fn run(with: Forwarding) {
    let mut watching = with.changes.watch();
    let clock = Arc::clone(&with.clock);
    let mut pump = Pump {
        vault: Arc::new(Vault { keys: Arc::clone(&with.keys), known: RwLock::default() }),
        with,
        flights: JoinSet::new(),
        aloft: HashMap::new(),
        landed: Vec::new(),
    };
    loop {
        watching.catch_up();
        let next = pump.turn().await.unwrap_or_else(|error| {
            tracing::warn!("forwarding waits for the database: {error}");
            Next { due: Some(clock.now_ms() + AGAIN_MS), wrote: false, more: false, any: true }
        });
        if next.wrote {
            clock.pause(BREATH).await;
        }
        if !next.more && !pump.wait(&mut watching, &next).await {
            return;
        }
    }
}

struct Pump {
    with: Forwarding,
    vault: Arc<Vault>,
    flights: JoinSet<Landed>,
    /// Deliveries under way or not recorded yet, by the task that makes the attempt.
    aloft: HashMap<Id, Flight>,
    landed: Vec<Landed>,
}

#[derive(Debug, Clone)]
struct Flight {
    delivery: i64,
    target: i64,
    /// What it is about.
    object: Option<String>,
    database: u64,
    at: i64,
}

/// How it goes on after a turn.
struct Next {
    /// The earliest due time to come, unix milliseconds.
    due: Option<i64>,
    wrote: bool,
    /// There are more messages to look at.
    more: bool,
    /// There is a target that is on.
    any: bool,
}

/// A target, as far as an attempt needs it.
struct Aim {
    id: i64,
    url: String,
    headers: Vec<(String, String)>,
    fresh: bool,
    secret: Option<KeptSecret>,
    allow_public: bool,
}

/// A delivery whose time has come.
struct Due {
    id: i64,
    object: Option<String>,
    endpoint: i64,
    fresh: bool,
    svix_id: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Pump {
    async fn turn(&mut self) -> Result<Next, sqlx::Error> {
        let look = queue::look(&self.with.db).await?;
        let wrote = !self.landed.is_empty() || look.up_to.is_some();
        if wrote {
            let (landed, now) = (&self.landed, self.with.clock.now_ms());
            self.with
                .db
                .write(async |tx| {
                    queue::record(tx, landed, now).await?;
                    match look.up_to {
                        Some(up_to) => queue::enqueue(tx, up_to, now).await,
                        None => Ok(()),
                    }
                })
                .await?;
            for landed in self.landed.drain(..) {
                self.aloft.retain(|_, flight| flight.delivery != landed.delivery);
            }
        }
        let mut earliest: Option<i64> = None;
        let (database, now) = (self.with.db.number(), self.with.clock.now_ms());
        for aim in self.aims().await? {
            let aim = Arc::new(aim);
            let under_way = self.aloft.values().filter(|flight| flight.target == aim.id).count();
            for due in self.due(aim.id, AT_ONCE.saturating_sub(under_way), now).await? {
                self.start(&aim, due, database, now);
            }
            let next = sqlx::query_scalar!(
                r#"select min(due_at) as "due: i64" from delivery
                   where target_id = ?1 and state = 'waiting' and due_at > ?2"#,
                aim.id,
                now
            )
            .fetch_one(&self.with.db.read())
            .await?;
            earliest = earliest.into_iter().chain(next).min();
        }
        Ok(Next { due: earliest, wrote, more: look.more, any: look.any })
    }

    /// The targets that are on.
    async fn aims(&self) -> Result<Vec<Aim>, sqlx::Error> {
        let rows = sqlx::query!(
            r#"select id, url, headers, signature, secret_account, secret_place, secret_hint,
                      allow_public as "allow_public: bool"
               from forward_target where enabled = 1 and removed_at is null order by id"#
        )
        .fetch_all(&self.with.db.read())
        .await?;
        let aims = rows.into_iter().map(|row| Aim {
            id: row.id,
            url: row.url,
            headers: serde_json::from_str(&row.headers).unwrap_or_default(),
            fresh: ForwardSignature::of(&row.signature) == ForwardSignature::Fresh,
            secret: KeptSecret::stored(row.secret_account, row.secret_place, row.secret_hint),
            allow_public: row.allow_public,
        });
        Ok(aims.collect())
    }

    /// Deliveries to a target that may start now: the first of their object, of which none is under way.
    async fn due(&self, target: i64, most: usize, now: i64) -> Result<Vec<Due>, sqlx::Error> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let most = i64::try_from(most).unwrap_or(1);
        let aloft = || self.aloft.values().filter(|flight| flight.target == target);
        let objects: Vec<&str> = aloft().filter_map(|flight| flight.object.as_deref()).collect();
        let aloft: Vec<i64> = aloft().map(|flight| flight.delivery).collect();
        let (aloft, objects) = (json!(aloft).to_string(), json!(objects).to_string());
        let rows = sqlx::query!(
            r#"select d.id, d.object_id, m.endpoint_id, d.fresh as "fresh: bool",
                      coalesce(d.svix_id, m.svix_id, '') as "svix_id!: String", b.headers, b.body
               from delivery d
               join message m on m.id = d.message_id
               join message_body b on b.message_id = d.message_id
               where d.target_id = ?1 and d.state = 'waiting' and d.due_at <= ?2
                 and d.id not in (select value from json_each(?3))
                 and (d.object_id is null
                     or d.object_id not in (select value from json_each(?4))
                     and (select behind from delivery_turn where id = d.id) is null)
               order by d.due_at, d.id limit ?5"#,
            target,
            now,
            aloft,
            objects,
            most
        )
        .fetch_all(&self.with.db.read())
        .await?;
        let rows = rows.into_iter().map(|row| Due {
            id: row.id,
            object: row.object_id,
            endpoint: row.endpoint_id,
            fresh: row.fresh,
            svix_id: row.svix_id,
            headers: serde_json::from_str(&row.headers).unwrap_or_default(),
            body: row.body,
        });
        Ok(rows.collect())
    }

    fn start(&mut self, aim: &Arc<Aim>, due: Due, database: u64, at: i64) {
        let (delivery, object) = (due.id, due.object.clone());
        let flight = Flight { delivery, target: aim.id, object, database, at };
        let (vault, clock) = (Arc::clone(&self.vault), Arc::clone(&self.with.clock));
        let (aim, own_port) = (Arc::clone(aim), (self.with.own_port)());
        let live = self.with.directory.by_id(due.endpoint);
        let spare = live.and_then(|live| live.secrets.first().map(|(_, secret)| secret.clone()));
        let task = self.flights.spawn(async move {
            let started = clock.now_us();
            let to = Address::parse(&aim.url);
            let answer = match outgoing(&aim, due, to.clone(), &vault, spare, own_port, at).await {
                Ok(outgoing) => deliver(outgoing, clock.as_ref()).await,
                Err(problem) => Answer { problem: Some(problem), ..Answer::default() },
            };
            let sentence = answer.problem.as_ref().map(|problem| match &to {
                Ok(to) => problem.sentence(to),
                Err(why) => why.clone(),
            });
            let took_ms = (clock.now_us() - started) / 1000;
            Landed { delivery, database, at, took_ms, answer, sentence }
        });
        self.aloft.insert(task.id(), flight);
    }

    /// Waits for a reason to take another turn; false when there will be none.
    async fn wait(&mut self, watching: &mut Watching, next: &Next) -> bool {
        let topics: &[Topic] =
            if next.any { &[Topic::Forwards, Topic::Messages] } else { &[Topic::Forwards] };
        let clock = Arc::clone(&self.with.clock);
        let pause = async {
            let Some(due) = next.due else { return std::future::pending().await };
            let now = clock.now_ms();
            if due > now {
                clock.until(due.max(now + SHORTEST_MS)).await;
            }
        };
        let mut ended = tokio::select! {
            ended = self.flights.join_next_with_id(), if !self.flights.is_empty() => ended,
            moved = watching.moved(topics) => return moved,
            () = pause => None,
        };
        while let Some(one) = ended {
            self.land(one);
            ended = self.flights.try_join_next_with_id();
        }
        true
    }

    fn land(&mut self, ended: Result<(Id, Landed), JoinError>) {
        match ended {
            Ok((_, landed)) => self.landed.push(landed),
            Err(error) => {
                tracing::error!("an attempt to forward ended badly: {error}");
                let Some(flight) = self.aloft.get(&error.id()) else { return };
                let &Flight { delivery, database, at, .. } = flight;
                let answer = Answer { problem: Some(Problem::Defect), ..Answer::default() };
                let sentence = Some(Problem::DEFECT.to_owned());
                self.landed.push(Landed { delivery, database, at, took_ms: 0, answer, sentence });
            }
        }
    }
}

/// The request to be made; `at` is unix milliseconds, `spare` the endpoint's own secret.
async fn outgoing(
    aim: &Aim,
    due: Due,
    to: Result<Address, String>,
    vault: &Vault,
    spare: Option<SigningSecret>,
    own_port: u16,
    at: i64,
) -> Result<Outgoing, Problem> {
    let to = to.map_err(Problem::Address)?;
    if to.is_own_endpoint(own_port) {
        return Err(Problem::Loop);
    }
    let fresh = if aim.fresh || due.fresh {
        let secret = match &aim.secret {
            Some(kept) => Some(vault.get(kept).await.map_err(Problem::Unsigned)?),
            None => spare,
        };
        let secret = secret.ok_or_else(|| {
            Problem::Unsigned(
                "There is no secret to sign with: neither the target nor its endpoint has one. Give the target a secret."
                    .to_owned(),
            )
        })?;
        let seconds = at / 1000;
        let signature = secret
            .sign(&due.svix_id, seconds, &due.body)
            .map_err(|error| Problem::Unsigned(error.to_string()))?;
        Some([
            ("svix-id", due.svix_id),
            ("svix-timestamp", seconds.to_string()),
            ("svix-signature", signature),
        ])
    } else {
        None
    };
    let headers = headers(&due.headers, fresh, &aim.headers);
    Ok(Outgoing { to, headers, body: due.body, allow_public: aim.allow_public, own_port })
}

/// The secrets of targets, asked for once each.
struct Vault {
    keys: Arc<Keys>,
    known: RwLock<HashMap<String, SigningSecret>>,
}

impl Vault {
    async fn get(&self, kept: &KeptSecret) -> Result<SigningSecret, String> {
        let known =
            self.known.read().unwrap_or_else(PoisonError::into_inner).get(&kept.account).cloned();
        if let Some(secret) = known {
            return Ok(secret);
        }
        let value = self.keys.get(kept.place, &kept.account).await.map_err(|e| e.to_string())?;
        let value = value.ok_or_else(|| {
            format!(
                "The keychain no longer has the secret ending in {} that this target signs with. Give it anew.",
                kept.hint
            )
        })?;
        let secret = SigningSecret::parse(&value).map_err(|mistake| mistake.to_string())?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(kept.account.clone(), secret.clone());
        Ok(secret)
    }
}
