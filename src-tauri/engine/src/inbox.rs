//! The inbox: every message, stored before it is answered, and what became of it.
//!
//! Everything that waits shares one commit. Within it each batch of messages is projected into the
//! audience behind a savepoint: an error there marks the message as failed and never turns an answer
//! into a lie. Owns the tables `message` and `message_body`. Deliberately absent: sockets (listener.rs)
//! and the rules of the audience (audience/merge.rs).

mod append;
pub mod flood;
mod later;
pub mod removal;
mod rows;
mod settle;
mod verify;
mod words;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::{self, error::TrySendError};
use ts_rs::TS;

use crate::change::Topic;
use crate::clerk::{self, Unusable};
use crate::clock::Clock;
use crate::db::{Cause, Db, Tx};
use crate::endpoint::Live;
use crate::signing::verify::{Refusal, Verified};

use flood::Floods;
use later::Later;
pub use verify::{resume, verify_again};

/// Messages that may wait for the next commit; beyond it the answer is 503 at once.
const QUEUE: usize = 1024;
/// Messages of one commit.
const BATCH: usize = 256;
/// After this much quiet the times of answers are written.
const QUIET: Duration = Duration::from_millis(200);
/// Refused messages kept for each endpoint: rows, and bytes of their bodies.
const REFUSED_ROWS: i64 = 1_000;
const REFUSED_BYTES: i64 = 32 * 1024 * 1024;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Outcome {
    /// Taken over into the audience.
    Processed,
    /// A type Usher does not act on.
    Ignored,
    /// Its toggle is off.
    Off,
    /// The user has no usable email.
    NoEmail,
    /// Said what was known already.
    Duplicate,
    /// Older than what is known.
    Stale,
    /// Kept; its endpoint is paused.
    Waiting,
    /// Kept; processing it went wrong.
    Failed,
    /// Not trusted; the reason says why.
    Refused,
}

/// A request that reached an endpoint.
#[derive(Debug)]
pub struct Arrival {
    /// The endpoint.
    pub live: Arc<Live>,
    /// Headers as received.
    pub headers: Vec<(String, String)>,
    /// The exact body.
    pub body: Vec<u8>,
    /// [`tie_of`] the body, taken where many threads work and not under the write lock.
    pub tie: i64,
    /// What the signature proves, or why it is not trusted.
    pub verdict: Result<Verified, Refusal>,
    /// The body as far as it could be read.
    pub read: Result<clerk::Message, Unusable>,
    /// Sent by Usher itself.
    pub test: bool,
    /// The message it is a replay of.
    pub origin: Option<i64>,
    /// Unix milliseconds.
    pub received_at: i64,
    /// The clock's microseconds at that moment.
    pub started_us: i64,
    /// The clock's microseconds when the signature was judged.
    pub verified_us: i64,
}

impl Arrival {
    /// Bytes of the body, also of one that was too large to be kept.
    fn body_size(&self) -> i64 {
        let bytes = match self.verdict {
            Err(Refusal::TooLarge { bytes, .. }) => bytes,
            _ => self.body.len() as u64,
        };
        i64::try_from(bytes).unwrap_or(i64::MAX)
    }
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The message, if it was stored.
    pub id: Option<i64>,
    /// HTTP status.
    pub status: u16,
    /// What became of it; `None` when it could not be stored.
    pub outcome: Option<Outcome>,
    /// Named reason.
    pub reason: Option<String>,
    /// For people, shown under Clerk's Message Attempts.
    pub sentence: String,
    /// Seconds after which to try again.
    pub retry_after_s: Option<u32>,
}

impl Receipt {
    /// For a refused request that is not kept, because too many came at once.
    pub fn unkept(refusal: &Refusal) -> Self {
        Self::refused(None, refusal)
    }

    fn refused(id: Option<i64>, refusal: &Refusal) -> Self {
        Self {
            id,
            status: status_of(refusal),
            outcome: Some(Outcome::Refused),
            reason: Some(refusal.public_code().to_owned()),
            sentence: refusal.public_sentence(),
            retry_after_s: None,
        }
    }

    fn unavailable(why: &str) -> Self {
        Self {
            id: None,
            status: 503,
            outcome: None,
            reason: Some("not_stored".to_owned()),
            sentence: format!("Usher could not store this message: {why}. Svix sends it again."),
            retry_after_s: Some(5),
        }
    }
}

/// The limits of the inbox in words: name, value and reason of each.
pub fn limits() -> [(&'static str, String, &'static str); 3] {
    [
        (
            "Messages waiting for the disk",
            QUEUE.to_string(),
            "Then the answer is 503 and Svix sends again.",
        ),
        (
            "Refused messages kept at once",
            format!("{} for each endpoint, then {} a second", flood::BURST, flood::EACH_SECOND),
            "A flood of forgeries is answered and counted, but neither explained nor stored.",
        ),
        (
            "Refused messages kept in all",
            format!("{REFUSED_ROWS} and {} MiB for each endpoint", REFUSED_BYTES / 1024 / 1024),
            "The oldest go first.",
        ),
    ]
}

struct Waiting {
    arrival: Arrival,
    reply: Box<dyn FnOnce(Receipt) + Send>,
}

/// The side that delivers.
#[derive(Clone)]
pub struct Inbox {
    queue: mpsc::Sender<Waiting>,
    floods: Arc<Floods>,
}

impl Inbox {
    /// How many refused requests are kept.
    pub fn floods(&self) -> &Floods {
        &self.floods
    }

    /// Stores one message and gives the receipt to `reply` after the commit, or at once when too much
    /// waits. When Usher closes first, `reply` is dropped.
    pub fn deliver(&self, arrival: Arrival, reply: impl FnOnce(Receipt) + Send + 'static) {
        let waiting = Waiting { arrival, reply: Box::new(reply) };
        match self.queue.try_send(waiting) {
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(Waiting { reply, .. })) => {
                reply(Receipt::unavailable("too many messages are waiting for the disk"));
            }
        }
    }
}

/// The inbox and the task that commits; the task ends when every [`Inbox`] is gone.
pub fn open(db: Arc<Db>, clock: Arc<dyn Clock>) -> (Inbox, impl Future<Output = ()> + Send) {
    let (queue, waiting) = mpsc::channel(QUEUE);
    let floods = Arc::<Floods>::default();
    let later = Later::new(Arc::clone(&floods));
    (Inbox { queue, floods }, run(db, clock, waiting, later))
}

async fn run(
    db: Arc<Db>,
    clock: Arc<dyn Clock>,
    mut queue: mpsc::Receiver<Waiting>,
    mut later: Later,
) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut busy = true;
    loop {
        let count = tokio::select! {
            biased;
            count = queue.recv_many(&mut batch, BATCH) => count,
            () = clock.pause(QUIET), if busy => {
                busy = false;
                later.write(&db).await;
                index(&db, &queue).await;
                continue;
            }
        };
        busy = true;
        if count == 0 {
            break;
        }
        let (arrivals, replies): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|waiting: Waiting| (waiting.arrival, waiting.reply)).unzip();
        match store(&db, &arrivals, clock.as_ref(), &mut later).await {
            Ok(receipts) => {
                later.answered(&receipts, &arrivals, clock.now_us());
                for (receipt, reply) in receipts.into_iter().zip(replies) {
                    reply(receipt);
                }
            }
            Err(error) => {
                tracing::error!("{} messages could not be stored: {error}", arrivals.len());
                db.failed(&error);
                let receipt =
                    Receipt::unavailable(Cause::of(&error).unwrap_or(Cause::Other).words());
                for reply in replies {
                    reply(receipt.clone());
                }
            }
        }
    }
    later.write(&db).await;
}

/// Indexes what is not indexed yet until something arrives.
async fn index(db: &Db, queue: &mpsc::Receiver<Waiting>) {
    while queue.is_empty() && !queue.is_closed() {
        match words::index_some(db).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return tracing::warn!("the words of messages wait: {error}"),
        }
    }
}

async fn store(
    db: &Db,
    arrivals: &[Arrival],
    clock: &dyn Clock,
    later: &mut Later,
) -> Result<Vec<Receipt>, sqlx::Error> {
    let due = later.due(arrivals);
    let stored = db
        .write(async |tx| {
            due.write(tx).await?;
            append::append(tx, arrivals, clock).await
        })
        .await;
    let stored = match stored {
        Err(error) if !Cause::is_the_disk(&error) => {
            tracing::warn!("{} messages are stored one by one: {error}", arrivals.len());
            db.write(async |tx| {
                due.write(tx).await?;
                append::append_singly(tx, arrivals, clock).await
            })
            .await
        }
        stored => stored,
    };
    if stored.is_err() {
        later.take_back(due);
    }
    stored
}

/// Pins messages, or lets them go; returns how many were not so before.
///
/// # Errors
/// What SQLite says.
pub async fn pin(tx: &mut Tx, ids: &[i64], pinned: bool) -> Result<i64, sqlx::Error> {
    tx.touch(Topic::Messages);
    let ids = serde_json::json!(ids).to_string();
    let done = sqlx::query!(
        "update message set pinned = ?2
         where id in (select value from json_each(?1)) and pinned <> ?2",
        ids,
        pinned
    )
    .execute(tx.conn())
    .await?;
    Ok(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
}

fn status_of(refusal: &Refusal) -> u16 {
    if matches!(refusal, Refusal::TooLarge { .. }) { 413 } else { 400 }
}

/// Why a signed body is refused all the same.
fn unreadable(read: &Result<clerk::Message, Unusable>) -> Option<Refusal> {
    match read {
        Err(Unusable::NotJson { line, column }) => {
            Some(Refusal::NotJson { at: format!("line {line}, column {column}") })
        }
        Err(Unusable::NotAnObject) => Some(Refusal::NotAnObject),
        Ok(_) | Err(_) => None,
    }
}

/// The part of a body's hash that breaks ties and tells altered duplicates.
pub(crate) fn tie_of(body: &[u8]) -> i64 {
    let hash: [u8; 32] = Sha256::digest(body).into();
    let mut head = [0; 8];
    head.copy_from_slice(&hash[..8]);
    i64::from_be_bytes(head)
}

/// The stored word of an outcome.
pub(crate) fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Processed => "processed",
        Outcome::Ignored => "ignored",
        Outcome::Off => "off",
        Outcome::NoEmail => "no_email",
        Outcome::Duplicate => "duplicate",
        Outcome::Stale => "stale",
        Outcome::Waiting => "waiting",
        Outcome::Failed => "failed",
        Outcome::Refused => "refused",
    }
}

impl From<String> for Outcome {
    fn from(word: String) -> Self {
        outcome_of(&word)
    }
}

/// The outcome of a stored word.
pub(crate) fn outcome_of(word: &str) -> Outcome {
    match word {
        "processed" => Outcome::Processed,
        "ignored" => Outcome::Ignored,
        "off" => Outcome::Off,
        "no_email" => Outcome::NoEmail,
        "duplicate" => Outcome::Duplicate,
        "stale" => Outcome::Stale,
        "waiting" => Outcome::Waiting,
        "refused" => Outcome::Refused,
        _ => Outcome::Failed,
    }
}
