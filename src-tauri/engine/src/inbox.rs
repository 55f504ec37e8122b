//! The inbox: every message, stored before it is answered, and what became of it.
//!
//! Everything that waits shares one commit. Within it each batch of messages is projected into the
//! audience behind a savepoint: an error there marks the message as failed and never turns an answer
//! into a lie. Owns the tables `message` and `message_body`. Deliberately absent: sockets (listener.rs)
//! and the rules of the audience (audience/merge.rs).

mod append;
mod settle;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, oneshot};
use ts_rs::TS;

use crate::change::Topic;
use crate::clerk::{self, Unusable};
use crate::clock::Clock;
use crate::db::Db;
use crate::endpoint::Live;
use crate::signing::verify::{Refusal, Verified};

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
    /// Unix milliseconds.
    pub received_at: i64,
    /// The clock's microseconds at that moment.
    pub started_us: i64,
    /// The clock's microseconds when the signature was judged.
    pub verified_us: i64,
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

struct Waiting {
    arrival: Arrival,
    reply: oneshot::Sender<Receipt>,
}

/// The side that delivers.
#[derive(Clone)]
pub struct Inbox {
    queue: mpsc::Sender<Waiting>,
}

impl Inbox {
    /// Stores one message and waits for the commit. Blocks; call it from a worker thread.
    pub fn deliver(&self, arrival: Arrival) -> Receipt {
        let (reply, receipt) = oneshot::channel();
        if self.queue.try_send(Waiting { arrival, reply }).is_err() {
            return Receipt::unavailable("too many messages are waiting for the disk");
        }
        receipt.blocking_recv().unwrap_or_else(|_| Receipt::unavailable("Usher is closing"))
    }
}

/// The inbox and the task that commits; the task ends when every [`Inbox`] is gone.
pub fn open(db: Arc<Db>, clock: Arc<dyn Clock>) -> (Inbox, impl Future<Output = ()> + Send) {
    let (queue, waiting) = mpsc::channel(QUEUE);
    let inbox = Inbox { queue };
    (inbox, run(db, clock, waiting))
}

async fn run(db: Arc<Db>, clock: Arc<dyn Clock>, mut queue: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut answered: Vec<(i64, i64)> = Vec::new();
    loop {
        let count = tokio::select! {
            biased;
            count = queue.recv_many(&mut batch, BATCH) => count,
            () = clock.pause(QUIET), if !answered.is_empty() => {
                note_answers(&db, std::mem::take(&mut answered)).await;
                continue;
            }
        };
        if count == 0 {
            break;
        }
        let (arrivals, replies): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|waiting| (waiting.arrival, waiting.reply)).unzip();
        let times = std::mem::take(&mut answered);
        let stored = db
            .write(async |tx| {
                append::note_answers(tx, &times).await?;
                append::append(tx, &arrivals, clock.as_ref()).await
            })
            .await;
        match stored {
            Ok(receipts) => {
                let done = clock.now_us();
                for ((receipt, reply), arrival) in receipts.into_iter().zip(replies).zip(&arrivals)
                {
                    let repeated = receipt.reason.as_deref() == Some("same_id");
                    if let (Some(id), false) = (receipt.id, repeated) {
                        answered.push((id, done - arrival.started_us));
                    }
                    let _gone = reply.send(receipt);
                }
            }
            Err(error) => {
                tracing::error!("{} messages could not be stored: {error}", arrivals.len());
                let receipt = Receipt::unavailable(why(&error));
                for reply in replies {
                    let _gone = reply.send(receipt.clone());
                }
            }
        }
    }
    note_answers(&db, answered).await;
}

async fn note_answers(db: &Db, times: Vec<(i64, i64)>) {
    if times.is_empty() {
        return;
    }
    let noted = db
        .write(async |tx| {
            tx.touch(Topic::Messages);
            append::note_answers(tx, &times).await
        })
        .await;
    if let Err(error) = noted {
        tracing::warn!("the times of {} answers could not be written: {error}", times.len());
    }
}

/// What stands in the way of storing, for people.
fn why(error: &sqlx::Error) -> &'static str {
    let code = error.as_database_error().and_then(|error| error.code());
    let primary = code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    match primary {
        Some(13) => "the disk is full",
        Some(5 | 6) => "the database is in use by another program",
        Some(8) => "the database cannot be written to",
        Some(11 | 26) => "the database is damaged",
        Some(10 | 14) => "the disk does not answer",
        _ => "the database does not answer",
    }
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
