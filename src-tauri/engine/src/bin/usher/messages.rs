//! `usher messages`.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use usher_engine::api::environments::ById;
use usher_engine::api::messages::{
    Copied, CopyMessages, Count, ListMessages, MessageDetail, MessageRow, Page, PinMessages,
    Replay, ReplayTo, Replayed, StepState, VerifyResult, WhichMessages,
};
use usher_engine::host::Host;
use usher_engine::share::acts_on_a_terminal;

use super::args::{Form, List, Messages, ReplayArgs, To};
use super::failure::Failure;
use super::forwards;
use super::listen::{Repeats, SAME_ID, Stop, newest, say_message, say_repeat};
use super::out::{Out, Table, counted, or_dash, printable, printable_lines, say, time, word};

const PAGE: u32 = 1000;

/// Runs one of the commands.
pub async fn run(host: &Host, command: Messages, out: &mut Out) -> Result<(), Failure> {
    match command {
        Messages::List(asked) if asked.follow => follow(host, &asked.list, out).await,
        Messages::List(asked) => list(host, &asked.list, out).await,
        Messages::Show { id } => show(host, id, out).await,
        Messages::Verify { ids, search } => verify(host, ids, search, out).await,
        Messages::Copy { ids, search, form, redacted } => {
            copy(host, which(ids, search), form, redacted, out).await
        }
        Messages::Pin { ids, off } => pin(host, ids, off, out).await,
    }
}

const TITLES: [&str; 6] = ["ID", "RECEIVED", "TYPE", "OUTCOME", "ABOUT", "ENDPOINT"];
/// Messages shown before those that are followed, unless asked otherwise.
const BEFORE: u64 = 10;

async fn asked_for(host: &Host, asked: &List) -> Result<ListMessages, Failure> {
    Ok(ListMessages {
        environment_id: super::environment(host, asked.environment.as_deref()).await?,
        query: asked.text(),
        zone: zone(),
        ..ListMessages::default()
    })
}

async fn list(host: &Host, asked: &List, out: &mut Out) -> Result<(), Failure> {
    let mut page = asked_for(host, asked).await?;
    let mut table = Table::new(TITLES);
    let mut left = Left::new(asked.limit());
    while let Some(rows) = next(host, &mut page, &mut left).await? {
        if out.json {
            rows.iter().try_for_each(|row| out.object(row))?;
        } else {
            table.rows(out, &rows.iter().map(cells).collect::<Vec<_>>())?;
        }
    }
    left.hint(out, "messages");
    Ok(())
}

/// The next page, as long as there is one and more is wanted.
async fn next(
    host: &Host,
    page: &mut ListMessages,
    left: &mut Left,
) -> Result<Option<Vec<MessageRow>>, Failure> {
    page.limit = left.page();
    if page.limit.is_none() {
        return Ok(None);
    }
    let got: Page<MessageRow> = host.ask("messages.list", page).await?;
    left.took(got.rows.len());
    page.cursor = got.next;
    if page.cursor.is_none() {
        left.end();
    }
    Ok(Some(got.rows))
}

/// Shows the last messages that are searched for, oldest first, and what arrives, until it is told to
/// stop.
async fn follow(host: &Host, asked: &List, out: &mut Out) -> Result<(), Failure> {
    let mut stop = Stop::new()?;
    let mut changes = host.changes().await?;
    let mut table = Table::new(TITLES);
    let seen = newest(host).await?;
    let mut repeats = Repeats::from_now();
    let mut page = asked_for(host, asked).await?;
    let mut rows: Vec<MessageRow> = Vec::new();
    let mut left = Left::new(asked.limit.unwrap_or(BEFORE));
    while let Some(more) = next(host, &mut page, &mut left).await? {
        rows.extend(more);
    }
    rows.reverse();
    tell(&rows, say_message, cells, &mut table, out)?;
    page.cursor = None;
    page.limit = Some(PAGE);
    page.after = Some(rows.last().map_or(seen, |last| last.id.max(seen)));
    say("Following. Press Ctrl+C to stop.");
    loop {
        tokio::select! {
            topics = changes.next() => if topics.is_none() {
                let closed = "The Usher that had this data folder open has closed.";
                return Err(Failure::Failed(closed.to_owned()));
            },
            () = stop.asked() => return Ok(()),
        }
        let got: Page<MessageRow> = host.ask("messages.list", &page).await?;
        tell(&got.rows, say_message, cells, &mut table, out)?;
        if let Some(last) = got.rows.last() {
            page.after = Some(last.id);
        }
        let again = repeats.fresh(host, &page).await?;
        tell(&again, say_repeat, cells_again, &mut table, out)?;
    }
}

/// Some messages as they are followed: for a person in colour, else a line each.
fn tell(
    rows: &[MessageRow],
    say: fn(&MessageRow),
    cells: fn(&MessageRow) -> [String; 6],
    table: &mut Table<6>,
    out: &mut Out,
) -> Result<(), Failure> {
    if out.json {
        rows.iter().try_for_each(|row| out.object(row))?;
    } else if out.terminal {
        rows.iter().for_each(say);
    } else if !rows.is_empty() {
        table.rows(out, &rows.iter().map(cells).collect::<Vec<_>>())?;
    }
    Ok(out.flush()?)
}

fn cells(row: &MessageRow) -> [String; 6] {
    let outcome = word(&row.outcome);
    [
        row.id.to_string(),
        time(row.received_at),
        or_dash(Some(&row.kind)),
        row.reason
            .as_ref()
            .map_or(outcome.clone(), |reason| format!("{outcome}: {}", reason.replace('_', " "))),
        or_dash(row.subject.as_deref()),
        row.endpoint.clone(),
    ]
}

/// Those of a message that is delivered again.
fn cells_again(row: &MessageRow) -> [String; 6] {
    let mut cells = cells(row);
    cells[1] = time(Timestamp::now().as_millisecond());
    SAME_ID.clone_into(&mut cells[3]);
    cells
}

async fn show(host: &Host, id: i64, out: &mut Out) -> Result<(), Failure> {
    let detail: MessageDetail = host.ask("messages.show", &ById { id }).await?;
    if out.json {
        return Ok(out.object(&with_changes(&detail))?);
    }
    let row = &detail.row;
    out.line(&format!("Message {}: {}", row.id, printable(&or_dash(Some(&row.kind)))))?;
    for (name, value) in [
        ("Outcome", format!("{}. {}", word(&row.outcome), detail.sentence)),
        ("Decided by", or_dash(detail.against_id.map(|id| format!("message {id}")).as_deref())),
        ("Signature", detail.verification.sentence.clone()),
        ("About", or_dash(row.subject.as_deref())),
        ("Endpoint", row.endpoint.clone()),
        ("Received", time(row.received_at)),
        ("Answered", format!("{} {}", row.status, detail.answer)),
        ("Repeated", counted(row.duplicates, "time")),
    ] {
        out.line(&format!("  {name:<10} {}", printable(&value)))?;
    }
    out.line("\nSteps")?;
    for step in &detail.steps {
        let mark = match step.state {
            StepState::Done => "✓",
            StepState::Failed => "✗",
            StepState::Waiting => "…",
            StepState::Skipped => "–",
        };
        let more = step.detail.as_ref().map_or(String::new(), |detail| format!(": {detail}"));
        out.line(&printable(&format!("  {mark} {}{more}", step.title)))?;
    }
    out.line("\nChanges")?;
    for touched in &detail.touched {
        out.line(&printable(&format!("  {} {}", touched.email, touched.what)))?;
        changes(out, &touched.changes)?;
    }
    if detail.touched.is_empty() {
        out.line("  none")?;
    }
    out.line("\nHeaders")?;
    for header in &detail.headers {
        out.line(&printable(&format!("  {}: {}", header.name, header.value)))?;
    }
    out.line(&format!("\nBody ({})", counted(detail.body_size, "byte")))?;
    let body = detail.body_text.or(detail.body_base64).unwrap_or_default();
    Ok(out.line(&printable_lines(&body))?)
}

/// Field by field, from what to what.
pub fn changes(
    out: &mut Out,
    changes: &[usher_engine::api::contacts::FieldChange],
) -> Result<(), Failure> {
    for change in changes {
        let (from, to) = (or_dash(change.from.as_deref()), or_dash(change.to.as_deref()));
        out.line(&printable(&format!("      {}: {from} → {to}", change.field)))?;
    }
    Ok(())
}

fn with_changes(detail: &MessageDetail) -> Value {
    let mut object = json!(detail);
    if let Some(fields) = object.as_object_mut()
        && let Some(touched) = fields.remove("touched")
    {
        fields.insert("changes".into(), touched);
    }
    object
}

async fn verify(
    host: &Host,
    ids: Vec<i64>,
    search: Option<String>,
    out: &mut Out,
) -> Result<(), Failure> {
    let done: VerifyResult = host.ask("messages.verify", &which(ids, search)).await?;
    out.outcome(&done, done.refused > 0, &done.sentence)
}

/// `usher replay`.
pub async fn replay(host: &Host, asked: ReplayArgs, out: &mut Out) -> Result<(), Failure> {
    let (to, forward_id) = match asked.to {
        To::All(to) => (to, None),
        To::One(named) => (ReplayTo::Forwards, Some(forwards::find(host, &named).await?)),
    };
    let which = which(asked.ids, asked.search);
    let replay = Replay {
        which,
        same_id: asked.same_id,
        refused: Some(asked.even_refused),
        to: Some(to),
        forward_id,
    };
    let done: Replayed = host.ask("messages.replay", &replay).await?;
    if to == ReplayTo::Forwards && done.sent > 0 {
        forwards::say_when_nobody_forwards(host).await?;
    }
    out.outcome(&done, done.failed > 0 || (done.sent == 0 && done.left_out > 0), &done.sentence)
}

async fn copy(
    host: &Host,
    which: WhichMessages,
    form: Form,
    redacted: bool,
    out: &mut Out,
) -> Result<(), Failure> {
    let asked = CopyMessages { which, format: form.into(), redacted };
    let copied: Copied = host.ask("messages.copy", &asked).await?;
    if out.terminal && copied.text.replace("\r\n", "\n").contains(acts_on_a_terminal) {
        return Err(Failure::Failed(
            "It has control characters, and a terminal would act on them. Send the output to a file, as with > copy.txt."
                .to_owned(),
        ));
    }
    out.raw(copied.text.as_bytes())?;
    Ok(out.line("")?)
}

async fn pin(host: &Host, ids: Vec<i64>, off: bool, out: &mut Out) -> Result<(), Failure> {
    let asked = PinMessages { which: which(ids, None), pinned: !off };
    let done: Count = host.ask("messages.pin", &asked).await?;
    if out.json {
        out.object(&done)?;
    } else {
        let what = if off { "let go" } else { "pinned" };
        out.line(&format!("{} {what}.", counted(done.count, "message")))?;
    }
    Ok(())
}

fn which(ids: Vec<i64>, search: Option<String>) -> WhichMessages {
    let ids = search.is_none().then_some(ids);
    WhichMessages { ids, query: search, zone: zone(), ..WhichMessages::default() }
}

/// The zone of this machine: its name, else its rule, else how far it is from UTC now.
fn zone() -> Option<String> {
    let (here, printer) = (TimeZone::system(), DateTimePrinter::new());
    let offset = || printer.time_zone_to_string(&here.to_offset(Timestamp::now()).to_time_zone());
    printer.time_zone_to_string(&here).or_else(|_| offset()).ok()
}

/// How much of a list is still to be shown.
pub struct Left {
    limit: u64,
    shown: u64,
    ended: bool,
}

impl Left {
    /// `limit` rows, 0 for all.
    pub fn new(limit: u64) -> Self {
        Self { limit, shown: 0, ended: false }
    }

    /// Size of the next page; `None` when enough was shown.
    pub fn page(&self) -> Option<u32> {
        if self.ended {
            None
        } else if self.limit == 0 {
            Some(PAGE)
        } else {
            let rest = u32::try_from(self.limit - self.shown).unwrap_or(PAGE);
            Some(rest.min(PAGE)).filter(|rest| *rest > 0)
        }
    }

    /// That many rows were shown.
    pub fn took(&mut self, rows: usize) {
        self.shown = self.shown.saturating_add(u64::try_from(rows).unwrap_or(u64::MAX));
        if self.limit > 0 {
            self.shown = self.shown.min(self.limit);
        }
    }

    /// There are no more.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Tells a person at the terminal that there is more, or nothing.
    pub fn hint(&self, out: &Out, what: &str) {
        if out.json || !out.terminal {
            return;
        }
        if self.shown == 0 {
            say(&format!("There are no {what} to show."));
        } else if !self.ended {
            say(&format!("There are more {what}: --limit 0 shows all."));
        }
    }
}
