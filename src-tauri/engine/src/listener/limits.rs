//! Every limit of the listener in one place, each with its reason, and the same in words.
//!
//! Deliberately absent: enforcing them (guard, seats, upstream).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Every limit of the listener, each with its reason. The default is what Usher uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Request line and headers, bytes: Svix sends under 2 KiB, proxies add some.
    pub head_bytes: usize,
    /// Number of headers: Svix sends about ten, proxies add a dozen.
    pub head_fields: usize,
    /// From the first byte of a request to the end of its headers: one packet in truth.
    pub head: Duration,
    /// Body, bytes; at most [`Limits::MAX_BODY_BYTES`]. Clerk's messages are under 64 KiB.
    pub body_bytes: u64,
    /// From the end of the headers to the end of the body: Svix itself gives up after 15 s.
    pub body: Duration,
    /// A kept connection without a request: long enough for a burst, short for a seat.
    pub idle: Duration,
    /// Then the connection closes, so that none lives for ever.
    pub requests_per_connection: u32,
    /// Open connections; fewer where the system allows few open files.
    pub connections: usize,
    /// Requests worked on at once, with a kept connection and tiny_http's thread for it each; this
    /// is also the most messages that one commit can take.
    pub upstream: usize,
    /// Bytes of request bodies held for all connections together, and never less than two
    /// of the largest: bounds the memory strangers can fill.
    pub held_bytes: usize,
    /// A complete request waits this long for a thread, then 503: a busy answer must be
    /// quick.
    pub queue_wait: Duration,
    /// The handler's answer, then 503: with `queue_wait` still inside Svix's 15 s.
    pub answer: Duration,
    /// A client that does not take its answer is dropped.
    pub write: Duration,
    /// After the last answer the client may go on sending this long …
    pub linger: Duration,
    /// … and this many bytes, so that it reads the answer and not a reset.
    pub linger_bytes: usize,
    /// On stopping, running requests may finish within this time.
    pub drain: Duration,
}

impl Limits {
    /// The most that Settings may raise `body_bytes` to.
    pub const MAX_BODY_BYTES: u64 = 10 * 1024 * 1024;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 16 * 1024,
            head_fields: 64,
            head: Duration::from_secs(5),
            body_bytes: 1024 * 1024,
            body: Duration::from_secs(15),
            idle: Duration::from_secs(15),
            requests_per_connection: 1_000,
            connections: 256,
            upstream: 64,
            held_bytes: 8 * 1024 * 1024,
            queue_wait: Duration::from_secs(3),
            answer: Duration::from_secs(11),
            write: Duration::from_secs(10),
            linger: Duration::from_secs(2),
            linger_bytes: 4 * 1024 * 1024,
            drain: Duration::from_secs(5),
        }
    }
}

/// One limit in words, as Settings → Diagnostics shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct LimitRow {
    /// What is limited.
    pub name: String,
    /// How much is allowed.
    pub value: String,
    /// Why, in a sentence.
    pub reason: String,
}

impl Limits {
    /// Cuts them to what a process with `files` open files at most can keep: three for each
    /// connection, and 128 for the rest of the program.
    pub(super) fn fit(&mut self, files: u64) {
        let seats = usize::try_from(files.saturating_sub(128) / 3).unwrap_or(usize::MAX);
        self.connections = self.connections.min(seats).max(8);
        self.upstream = self.upstream.clamp(1, self.connections);
        self.body_bytes = self.body_bytes.min(Self::MAX_BODY_BYTES);
        self.held_bytes = self.held_bytes.max(self.body_bytes as usize * 2);
    }

    /// These limits in words, in the order in which a request meets them.
    #[must_use]
    pub fn table(&self) -> Vec<LimitRow> {
        let row = |name: &str, value: String, reason: &str| LimitRow {
            name: name.to_owned(),
            value,
            reason: reason.to_owned(),
        };
        vec![
            row(
                "Open connections",
                self.connections.to_string(),
                "Enough for any tunnel. When all are taken, the one that has waited longest for its client gives way, so that strangers cannot lock Clerk out.",
            ),
            row(
                "Request line and headers",
                format!("{} and {} headers", bytes(self.head_bytes as u64), self.head_fields),
                "Svix sends under 2 KiB in about ten headers; a tunnel adds some.",
            ),
            row(
                "Time for the headers",
                seconds(self.head),
                "They come in one packet in truth; who drips them only holds a connection.",
            ),
            row(
                "Body of a message",
                bytes(self.body_bytes),
                "Clerk's messages are under 64 KiB. Settings raises this up to 10 MiB.",
            ),
            row("Time for the body", seconds(self.body), "Svix itself gives up after 15 seconds."),
            row(
                "Bodies held at once",
                bytes(self.held_bytes as u64),
                "All connections together, so that strangers cannot fill the memory. The largest unfinished one gives way.",
            ),
            row(
                "Requests worked on at once",
                self.upstream.to_string(),
                "Each takes a connection behind the guard, and all that wait share one write to the disk.",
            ),
            row(
                "Wait for a free place",
                seconds(self.queue_wait),
                "Then the answer is 503 and Svix sends again: a quick no is better than a late one.",
            ),
            row(
                "Time for the answer",
                seconds(self.answer),
                "Together with the wait it stays inside the 15 seconds that Svix allows.",
            ),
            row(
                "Time to take the answer",
                seconds(self.write),
                "A client that does not read what it asked for is dropped.",
            ),
            row(
                "Idle connection",
                seconds(self.idle),
                "Long enough for the next message of a burst, short enough to free the place.",
            ),
            row(
                "Requests per connection",
                grouped(self.requests_per_connection),
                "Then it is opened anew, so that none lives for ever.",
            ),
            row(
                "Leftovers after a refusal",
                format!("{} and {}", bytes(self.linger_bytes as u64), seconds(self.linger)),
                "So much is still read and thrown away, so that the client sees the answer and not a reset.",
            ),
            row(
                "Finishing when the listener stops",
                seconds(self.drain),
                "Requests that are being worked on may end, and nothing new begins.",
            ),
        ]
    }
}

fn bytes(count: u64) -> String {
    match count {
        count if count >= 1024 * 1024 && count.is_multiple_of(1024 * 1024) => {
            format!("{} MiB", count / (1024 * 1024))
        }
        count if count >= 1024 && count.is_multiple_of(1024) => format!("{} KiB", count / 1024),
        count => format!("{count} bytes"),
    }
}

fn seconds(time: Duration) -> String {
    match time.as_secs() {
        1 => "1 second".to_owned(),
        seconds if time.subsec_millis() == 0 => format!("{seconds} seconds"),
        _ => format!("{} ms", time.as_millis()),
    }
}

fn grouped(count: u32) -> String {
    if count < 1000 { count.to_string() } else { format!("{},{:03}", count / 1000, count % 1000) }
}
