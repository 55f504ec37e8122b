//! `usher listen`: receive, and tell of each message as one line.
//!
//! Stdout is JSON lines, since scripts wait for the first one, unless a person looks at it, who gets
//! readable ones. When another process has
//! the data folder open and listens, this follows it, and takes over when that one leaves.

use std::collections::HashMap;
use std::io::{self, IsTerminal as _};

use jiff::Timestamp;
use serde::Serialize;
use usher_engine::Config;
use usher_engine::api::app::{AppStatus, ListenerState, ListenerStatus, Nothing};
use usher_engine::api::messages::{ListMessages, MessageRow, Outcome, Page};
use usher_engine::host::{Changes, Host};

use super::args::Listen;
use super::failure::Failure;
use super::out::{Out, colours, or_dash, printable, say, time, word};

const PAGE: u32 = 500;
/// What is said of a message that is delivered again.
pub const SAME_ID: &str = "duplicate: same id";
/// Repetitions are looked for so far back, since one that was announced may be committed later.
const OVERLAP_MS: i64 = 60_000;

/// Listens until it is told to stop.
pub async fn run(mut config: Config, listen: Listen, out: &mut Out) -> Result<(), Failure> {
    let mut stop = Stop::new()?;
    let mut last = None;
    config.port = listen.port;
    loop {
        let mut host = tokio::select! {
            host = Host::open(config.clone()) => host?,
            () = stop.asked() => return Ok(()),
        };
        let ended = follow(&mut host, &listen, &mut last, &mut stop, out).await;
        if host.owns() {
            tokio::select! {
                () = host.close() => {}
                () = stop.asked() => say("Stopped at once, without waiting for messages under way."),
            }
        }
        match ended {
            Ok(End::Left(port)) => {
                say("The Usher that was listening has closed. Listening here now.");
                config.port = Some(port);
            }
            Ok(End::Stopped) => return Ok(()),
            Err(failure) => return Err(failure),
        }
    }
}

enum End {
    /// The person or the system asked for it.
    Stopped,
    /// The owner, which listened at this port, went away.
    Left(u16),
}

async fn follow(
    host: &mut Host,
    listen: &Listen,
    last: &mut Option<i64>,
    stop: &mut Stop,
    out: &mut Out,
) -> Result<End, Failure> {
    let ListenerStatus { url, port, .. } = listening(host, listen.port).await?;
    let console = match host.serve(listen.ui_dir.clone()).await? {
        Some(server) => listen.ui_dir.as_ref().map(|_| server.console()),
        None if listen.ui_dir.is_some() => {
            return Err(Failure::Failed(
                "Another Usher has this data folder open, so the screens cannot be served from \
                 here. Close it first."
                    .into(),
            ));
        }
        None => None,
    };
    let mut changes = host.changes().await?;
    let mut from = match *last {
        Some(last) => last,
        None => newest(host).await?,
    };
    if out.json || !out.terminal {
        out.object(&Ready { kind: "ready", url: &url, console: console.as_deref() })?;
        out.flush()?;
    }
    if host.owns() {
        say(&format!("Listening at {url}. Press Ctrl+C to stop."));
    } else {
        say(&format!("Following the Usher that listens at {url}. Press Ctrl+C to stop."));
    }
    if let Some(console) = console {
        say(&format!("The screens are at {console}"));
    }
    let mut repeats = Repeats::from_now();
    let stopped = tail(host, &mut changes, &mut from, &mut repeats, stop, out).await?;
    *last = Some(from);
    Ok(if stopped { End::Stopped } else { End::Left(port) })
}

/// Tells of messages until it is asked to stop, or, with false, until the owner goes away.
async fn tail(
    host: &Host,
    changes: &mut Changes,
    from: &mut i64,
    repeats: &mut Repeats,
    stop: &mut Stop,
    out: &mut Out,
) -> Result<bool, Failure> {
    loop {
        let topics = tokio::select! {
            topics = changes.next() => topics,
            () = stop.asked() => {
                say("Stopping.");
                show_new(host, from, repeats, out).await?;
                return Ok(true);
            }
        };
        match topics {
            None => return Ok(host.owns()),
            Some(topics) if topics.iter().any(|topic| topic == "messages") => {
                match show_new(host, from, repeats, out).await {
                    Err(Failure::Failed(_)) if !host.owns() => return Ok(false),
                    done => done?,
                }
            }
            Some(_) => {}
        }
    }
}

/// The listener, or why there is none at that port.
async fn listening(host: &Host, port: Option<u16>) -> Result<ListenerStatus, Failure> {
    let status: AppStatus = host.ask("app.status", &Nothing {}).await?;
    let listener = status.listener;
    if listener.state != ListenerState::Listening {
        return Err(Failure::Failed(listener.problem.unwrap_or_else(|| {
            "The Usher that has this data folder open does not listen. Close it first.".to_owned()
        })));
    }
    match port {
        Some(port) if port != 0 && port != listener.port => Err(Failure::Failed(format!(
            "Another Usher has this data folder open and listens at port {}, not {port}. Leave out \
             --port to follow it, or close it first.",
            listener.port
        ))),
        _ => Ok(listener),
    }
}

/// The id of the newest message; 0 when there is none.
pub async fn newest(host: &Host) -> Result<i64, Failure> {
    let one = ListMessages { limit: Some(1), ..ListMessages::default() };
    let page: Page<MessageRow> = host.ask("messages.list", &one).await?;
    Ok(page.rows.first().map_or(0, |row| row.id))
}

async fn show_new(
    host: &Host,
    from: &mut i64,
    repeats: &mut Repeats,
    out: &mut Out,
) -> Result<(), Failure> {
    show_first(host, from, out).await?;
    for row in repeats.fresh(host, &ListMessages::default()).await? {
        if out.json || !out.terminal {
            out.object(&Line { kind: "repeat", ..line(&row) })?;
        }
        if io::stderr().is_terminal() && !out.json {
            say_repeat(&row);
        }
    }
    Ok(out.flush()?)
}

async fn show_first(host: &Host, from: &mut i64, out: &mut Out) -> Result<(), Failure> {
    loop {
        let asked =
            ListMessages { after: Some(*from), limit: Some(PAGE), ..ListMessages::default() };
        let page: Page<MessageRow> = host.ask("messages.list", &asked).await?;
        let Some(newest) = page.rows.last() else { return Ok(()) };
        let (newest, full) = (newest.id, page.rows.len() == PAGE as usize);
        for row in &page.rows {
            if out.json || !out.terminal {
                out.object(&line(row))?;
            }
            if io::stderr().is_terminal() && !out.json {
                say_message(row);
            }
        }
        out.flush()?;
        *from = newest;
        if !full {
            return Ok(());
        }
    }
}

#[derive(Serialize)]
struct Ready<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    console: Option<&'a str>,
}

/// A message as in its list, with its own type as `event`, since `type` tells the lines apart.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: i64,
    svix_id: Option<&'a str>,
    event: &'a str,
    outcome: Outcome,
    reason: Option<&'a str>,
    endpoint: &'a str,
    endpoint_id: i64,
    environment_id: i64,
    subject: Option<&'a str>,
    received_at: i64,
    status: u16,
    duplicates: i64,
    test: bool,
    pinned: bool,
    origin_id: Option<i64>,
}

fn line(row: &MessageRow) -> Line<'_> {
    let MessageRow {
        id,
        svix_id,
        kind,
        outcome,
        reason,
        endpoint,
        endpoint_id,
        environment_id,
        subject,
        received_at,
        status,
        duplicates,
        test,
        pinned,
        origin_id,
        forward: _,
    } = row;
    Line {
        kind: "message",
        id: *id,
        svix_id: svix_id.as_deref(),
        event: kind,
        outcome: *outcome,
        reason: reason.as_deref(),
        endpoint,
        endpoint_id: *endpoint_id,
        environment_id: *environment_id,
        subject: subject.as_deref(),
        received_at: *received_at,
        status: *status,
        duplicates: *duplicates,
        test: *test,
        pinned: *pinned,
        origin_id: *origin_id,
    }
}

/// The messages that are delivered again while they are followed.
pub struct Repeats {
    /// Unix milliseconds.
    since: i64,
    /// How many repetitions of a message were told.
    told: HashMap<i64, i64>,
}

impl Repeats {
    /// Those from now on.
    pub fn from_now() -> Self {
        Self { since: Timestamp::now().as_millisecond(), told: HashMap::new() }
    }

    /// Those of the search in `of` that were not told yet, each once however often it was repeated.
    pub async fn fresh(
        &mut self,
        host: &Host,
        of: &ListMessages,
    ) -> Result<Vec<MessageRow>, Failure> {
        let now = Timestamp::now().as_millisecond();
        let asked = ListMessages {
            environment_id: of.environment_id,
            query: of.query.clone(),
            zone: of.zone.clone(),
            repeated_after: Some(self.since),
            limit: Some(PAGE),
            ..ListMessages::default()
        };
        let page: Page<MessageRow> = host.ask("messages.list", &asked).await?;
        self.since = self.since.max(now - OVERLAP_MS);
        let mut rows = page.rows;
        rows.retain(|row| self.told.insert(row.id, row.duplicates) < Some(row.duplicates));
        rows.reverse();
        Ok(rows)
    }
}

/// Tells a person of a message that was delivered again.
pub fn say_repeat(row: &MessageRow) {
    say_both(row, Timestamp::now().as_millisecond(), "2", &format!("200 {SAME_ID}"));
}

/// Tells a person of a message: what came, and what was answered.
pub fn say_message(row: &MessageRow) {
    let colour = match row.outcome {
        Outcome::Processed => "32",
        Outcome::Refused | Outcome::Failed => "31",
        Outcome::Waiting | Outcome::Stale => "33",
        Outcome::Ignored | Outcome::Off | Outcome::NoEmail | Outcome::Duplicate => "2",
    };
    let reason = row
        .reason
        .as_ref()
        .map_or(String::new(), |reason| format!(": {}", reason.replace('_', " ")));
    let answer = format!("{} {}{reason}", row.status, word(&row.outcome));
    say_both(row, row.received_at, colour, &answer);
}

fn say_both(row: &MessageRow, at: i64, colour: &str, answer: &str) {
    use std::io::Write as _;

    let (on, off) = if colours(&io::stderr()) {
        (format!("\x1b[{colour}m"), "\x1b[0m")
    } else {
        (String::new(), "")
    };
    let at = time(at);
    let clock = at.split(' ').next_back().unwrap_or_default();
    let (id, kind) = (row.id, or_dash(Some(&row.kind)));
    let what = printable(&format!("{kind:<22} {}", or_dash(row.subject.as_deref())));
    let answer = printable(answer);
    let _ = writeln!(io::stderr(), "{clock}  --> {what}  [{id}]");
    let _ = writeln!(io::stderr(), "{clock}  <-- {on}{answer}{off}");
}

/// Ctrl+C, or the system asking to end.
pub struct Stop {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    /// Listens for it from now on.
    pub fn new() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for it.
    pub async fn asked(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}
