//! Writing messages: all rows of a batch and their bodies in one round trip to SQLite's thread.
//!
//! The statements differ only in how many rows they have room for; rows that are not needed stay
//! null and are skipped. They are texts made once, with nothing but place-holders in them: handing
//! bodies over inside JSON, as all other batches are, would cost more than storing them.

use std::sync::LazyLock;

use super::{Arrival, Outcome, word};
use crate::clerk::Message;
use crate::db::Tx;

const SIZES: [usize; 5] = [1, 4, 16, 64, 256];

const COLUMNS: [&str; 26] = [
    "id",
    "environment_id",
    "endpoint_id",
    "settings_id",
    "received_at",
    "svix_id",
    "kind",
    "object_id",
    "subject",
    "instance_id",
    "accepted",
    "outcome",
    "reason",
    "sentence",
    "status",
    "answer",
    "secret_id",
    "signed_at",
    "test",
    "origin_id",
    "body_tie",
    "body_size",
    "verified_us",
    "stored_us",
    "settled_us",
    "against_id",
];

static STATEMENTS: LazyLock<[String; SIZES.len()]> = LazyLock::new(|| SIZES.map(statement));

fn statement(size: usize) -> String {
    let values = |columns: usize| {
        let row = format!("({})", vec!["?"; columns].join(","));
        vec![row; size].join(",")
    };
    format!(
        "insert into message ({}) select * from (values {}) where column1 is not null;
         insert into message_body (message_id, headers, body)
         select * from (values {}) where column1 is not null",
        COLUMNS.join(","),
        values(COLUMNS.len()),
        values(3),
    )
}

/// A message as it is to be stored.
pub(super) struct Row<'a> {
    pub id: i64,
    pub arrival: &'a Arrival,
    pub message: Option<&'a Message>,
    /// The signed id, or the one an untrusted request claims.
    pub svix_id: Option<String>,
    pub accepted: bool,
    pub outcome: Outcome,
    pub reason: Option<String>,
    /// For the person.
    pub sentence: String,
    /// For the sender.
    pub answer: String,
    pub status: u16,
    /// Better than what the body says.
    pub subject: Option<String>,
    pub secret: Option<i64>,
    /// Unix milliseconds.
    pub signed_at: Option<i64>,
    /// Microseconds after its arrival.
    pub stored_us: i64,
    /// The same, `None` when its fate is open.
    pub settled_us: Option<i64>,
    /// The message that it repeats or lost against.
    pub against: Option<i64>,
}

/// Stores them all.
pub(super) async fn insert(tx: &mut Tx, rows: &[Row<'_>]) -> Result<(), sqlx::Error> {
    let largest = SIZES[SIZES.len() - 1];
    for rows in rows.chunks(largest) {
        let place = SIZES.iter().position(|size| rows.len() <= *size).unwrap_or_default();
        let mut query = sqlx::query(STATEMENTS[place].as_str());
        for row in rows {
            let (arrival, live) = (row.arrival, &row.arrival.live);
            let message = row.message;
            query = query
                .bind(row.id)
                .bind(live.environment_id)
                .bind(live.id)
                .bind(live.settings_id)
                .bind(arrival.received_at)
                .bind(row.svix_id.as_deref())
                .bind(message.map_or("", |message| message.kind.as_str()))
                .bind(message.and_then(|message| message.object_id.as_deref()))
                .bind(row.subject.as_deref().or_else(|| message?.subject.as_deref()))
                .bind(message.and_then(|message| message.instance_id.as_deref()))
                .bind(row.accepted)
                .bind(word(row.outcome))
                .bind(row.reason.as_deref())
                .bind(row.sentence.as_str())
                .bind(row.status)
                .bind(row.answer.as_str())
                .bind(row.secret)
                .bind(row.signed_at)
                .bind(arrival.test)
                .bind(arrival.origin)
                .bind(arrival.tie)
                .bind(arrival.body_size())
                .bind(arrival.verified_us - arrival.started_us)
                .bind(row.stored_us)
                .bind(row.settled_us)
                .bind(row.against);
        }
        for _ in rows.len()..SIZES[place] {
            for _ in COLUMNS {
                query = query.bind(None::<i64>);
            }
        }
        for row in rows {
            let headers = serde_json::to_string(&row.arrival.headers).unwrap_or_default();
            query = query.bind(row.id).bind(headers).bind(row.arrival.body.as_slice());
        }
        query.execute(tx.conn()).await?;
    }
    Ok(())
}
