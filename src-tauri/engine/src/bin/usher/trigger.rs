//! `usher trigger`.

use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use usher_engine::api::app::{AppStatus, ListenerState, Nothing};
use usher_engine::api::endpoints::EndpointRow;
use usher_engine::api::messages::{
    MakeSample, SampleBody, SampleRow, SendTest, SentTest, SignedTest,
};
use usher_engine::api::samples::{PlayScenario, Played, ScenarioRow};
use usher_engine::host::Host;

use super::args::Trigger;
use super::edit;
use super::endpoints;
use super::failure::Failure;
use super::out::{Out, Table, counted, printable, say, there};

/// How many in how much time: `10/s`, `5/m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(Duration);

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write it as a number in a time, such as 10/s or 5/m".to_owned();
        let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
        let seconds: u64 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(wrong()),
        };
        let count: u64 = count.parse().map_err(|_| wrong())?;
        (1..=10_000)
            .contains(&count)
            .then(|| Self(Duration::from_micros(seconds * 1_000_000 / count)))
            .ok_or_else(|| "the number is 1 to 10000".to_owned())
    }
}

/// Makes the sample, changes it, and signs it: to be sent, or to be printed. Or plays a story.
pub async fn run(host: &Host, trigger: Trigger, out: &mut Out) -> Result<(), Failure> {
    let known: Vec<SampleRow> = host.ask("tests.catalogue", &Nothing {}).await?;
    if trigger.catalogue {
        return list(host, known, out).await;
    }
    if let Some(name) = &trigger.scenario {
        return play(host, &trigger, name, out).await;
    }
    let kind = trigger.kind.clone().unwrap_or_default();
    if !known.iter().any(|row| row.name == kind) {
        return Err(Failure::Usage(format!(
            "There is no test message \"{kind}\". All of them: usher trigger --list"
        )));
    }
    let endpoint = endpoint(host, &trigger).await?;
    if trigger.print {
        let test = made(host, &trigger, &kind, endpoint.id).await?;
        let signed: SignedTest = host.ask("tests.sign", &test).await?;
        return print(signed, out);
    }
    let Some(repeat) = trigger.repeat else {
        let test = made(host, &trigger, &kind, endpoint.id).await?;
        listening(host).await?;
        let sent = send(host, &test, &kind, &endpoint, out).await?;
        return if accepted(&sent) { Ok(()) } else { Err(Failure::Failed(refusal(&sent))) };
    };
    listening(host).await?;
    let mut due = trigger.rate.map(|Rate(every)| tokio::time::interval(every));
    let mut refused = 0;
    for _ in 0..repeat {
        if let Some(due) = &mut due {
            due.tick().await;
        }
        let test = made(host, &trigger, &kind, endpoint.id).await?;
        let sent = send(host, &test, &kind, &endpoint, out).await?;
        out.flush()?;
        if !accepted(&sent) {
            refused += 1;
            say(&refusal(&sent));
        }
    }
    if refused == 0 {
        return Ok(());
    }
    let was = if refused == 1 { "was" } else { "were" };
    Err(Failure::Failed(format!(
        "{refused} of {} {was} refused.",
        counted(repeat.into(), "message")
    )))
}

async fn endpoint(host: &Host, trigger: &Trigger) -> Result<EndpointRow, Failure> {
    match &trigger.endpoint {
        Some(named) => endpoints::find(host, named, None).await,
        None => match endpoints::only(host).await {
            Err(Failure::NotFound(_)) => endpoints::made_for_tests(host).await,
            one => one,
        },
    }
}

/// A sample about a new person, changed as asked for.
async fn made(
    host: &Host,
    trigger: &Trigger,
    kind: &str,
    endpoint_id: i64,
) -> Result<SendTest, Failure> {
    let asked = MakeSample { kind: kind.to_owned(), person: None };
    let sample: SampleBody = host.ask("tests.make", &asked).await?;
    let body = changed(sample.body, trigger)?;
    let body = if trigger.edit { edit::edited(&body)? } else { body };
    Ok(SendTest { endpoint_id, body, flaw: sample.flaw, ..SendTest::default() })
}

async fn listening(host: &Host) -> Result<(), Failure> {
    let status: AppStatus = host.ask("app.status", &Nothing {}).await?;
    if status.listener.state == ListenerState::Listening {
        return Ok(());
    }
    Err(Failure::Failed(status.listener.problem.filter(|_| !host.owns()).unwrap_or_else(|| {
        "Nobody listens on this data folder. Start it in another terminal: usher listen".to_owned()
    })))
}

async fn send(
    host: &Host,
    test: &SendTest,
    kind: &str,
    endpoint: &EndpointRow,
    out: &mut Out,
) -> Result<SentTest, Failure> {
    let sent: SentTest = host.ask("tests.send", test).await?;
    if out.json {
        out.object(&sent)?;
    } else if accepted(&sent) {
        let message = sent.message_id.map_or(String::new(), |id| format!(", message {id}"));
        out.line(&printable(&format!(
            "Sent {kind} to \"{}\": {} {} ({} ms{message})",
            endpoint.name, sent.status, sent.answer, sent.took_ms
        )))?;
    }
    Ok(sent)
}

fn accepted(sent: &SentTest) -> bool {
    (200..300).contains(&sent.status)
}

fn refusal(sent: &SentTest) -> String {
    format!("Answered {}: {}", sent.status, sent.answer)
}

async fn play(host: &Host, trigger: &Trigger, name: &str, out: &mut Out) -> Result<(), Failure> {
    let known: Vec<ScenarioRow> = host.ask("tests.scenarios", &Nothing {}).await?;
    if !known.iter().any(|row| row.name == name) {
        let there = there(known.iter().map(|row| row.name.as_str()));
        return Err(Failure::Usage(format!("There is no scenario \"{name}\". {there}")));
    }
    let endpoint = endpoint(host, trigger).await?;
    listening(host).await?;
    let asked =
        PlayScenario { endpoint_id: endpoint.id, name: name.to_owned(), person: None, pace: None };
    let played: Played = host.ask("tests.play", &asked).await?;
    out.outcome(&played, played.surprises > 0, &played.sentence)
}

async fn list(host: &Host, known: Vec<SampleRow>, out: &mut Out) -> Result<(), Failure> {
    let scenarios: Vec<ScenarioRow> = host.ask("tests.scenarios", &Nothing {}).await?;
    if out.json {
        known.iter().try_for_each(|row| out.object(row))?;
        scenarios.iter().try_for_each(|row| out.object(row))?;
        return Ok(());
    }
    let rows: Vec<[String; 3]> =
        known.into_iter().map(|row| [row.name, row.title, row.tests]).collect();
    Table::new(["TYPE", "WHAT HAPPENS", "WHAT IT TESTS"]).rows(out, &rows)?;
    out.line("")?;
    let rows: Vec<[String; 3]> =
        scenarios.into_iter().map(|row| [row.name, row.title, row.tests]).collect();
    Ok(Table::new(["SCENARIO", "WHAT HAPPENS", "WHAT IT TESTS"]).rows(out, &rows)?)
}

fn changed(body: String, asked: &Trigger) -> Result<String, Failure> {
    if asked.set.is_empty() && asked.add.is_empty() && asked.remove.is_empty() {
        return Ok(body);
    }
    let unreadable = |error| Failure::Failed(format!("The sample is not JSON: {error}."));
    let mut document: Value = serde_json::from_str(&body).map_err(unreadable)?;
    let document_mut = &mut document;
    asked
        .set
        .iter()
        .try_for_each(|set| set.clone().apply(document_mut))
        .and_then(|()| asked.add.iter().try_for_each(|add| add.clone().apply(document_mut)))
        .and_then(|()| asked.remove.iter().try_for_each(|gone| gone.clone().apply(document_mut)))
        .map_err(Failure::Usage)?;
    serde_json::to_string_pretty(&document).map_err(unreadable)
}

#[derive(Serialize)]
struct Request {
    url: String,
    headers: Map<String, Value>,
    body: String,
}

fn print(signed: SignedTest, out: &mut Out) -> Result<(), Failure> {
    let SignedTest { url, headers, body } = signed;
    if out.json {
        let headers: Map<String, Value> =
            headers.into_iter().map(|header| (header.name, header.value.into())).collect();
        return Ok(out.object(&Request { url, headers, body })?);
    }
    say(&format!("POST {url}"));
    for header in headers {
        out.line(&format!("{}: {}", header.name, header.value))?;
    }
    out.line("")?;
    out.raw(body.as_bytes())?;
    if out.terminal {
        out.line("")?;
    }
    Ok(())
}
