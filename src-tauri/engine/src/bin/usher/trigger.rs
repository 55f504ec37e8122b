//! `usher trigger`.

use serde::Serialize;
use serde_json::{Map, Value};
use usher_engine::api::app::{AppStatus, ListenerState, Nothing};
use usher_engine::api::messages::{
    MakeSample, SampleBody, SampleRow, SendTest, SentTest, SignedTest,
};
use usher_engine::host::Host;

use super::args::Trigger;
use super::endpoints;
use super::failure::Failure;
use super::out::{Out, printable, say, there};
use super::set::Set;

/// Makes the sample, changes it, and signs it: to be sent, or to be printed.
pub async fn run(host: &Host, trigger: Trigger, out: &mut Out) -> Result<(), Failure> {
    let kind = trigger.kind;
    let known: Vec<SampleRow> = host.ask("tests.catalogue", &Nothing {}).await?;
    if !known.iter().any(|row| row.name == kind) {
        let there = there(known.iter().map(|row| row.name.as_str()));
        return Err(Failure::Usage(format!("There is no test message \"{kind}\". {there}")));
    }
    let endpoint = match &trigger.endpoint {
        Some(named) => endpoints::find(host, named, None).await?,
        None => endpoints::only(host).await?,
    };
    let asked = MakeSample { kind: kind.clone(), person: None };
    let sample: SampleBody = host.ask("tests.make", &asked).await?;
    let test = SendTest {
        endpoint_id: endpoint.id,
        body: changed(sample.body, trigger.set)?,
        ..SendTest::default()
    };
    if trigger.print {
        let signed: SignedTest = host.ask("tests.sign", &test).await?;
        return print(signed, out);
    }
    let status: AppStatus = host.ask("app.status", &Nothing {}).await?;
    if status.listener.state != ListenerState::Listening {
        return Err(Failure::Failed(
            status.listener.problem.filter(|_| !host.owns()).unwrap_or_else(|| {
                "Nobody listens on this data folder. Start it in another terminal: usher listen"
                    .to_owned()
            }),
        ));
    }
    let sent: SentTest = host.ask("tests.send", &test).await?;
    if out.json {
        out.object(&sent)?;
    }
    if !(200..300).contains(&sent.status) {
        return Err(Failure::Failed(format!("Answered {}: {}", sent.status, sent.answer)));
    }
    if !out.json {
        let message = sent.message_id.map_or(String::new(), |id| format!(", message {id}"));
        out.line(&printable(&format!(
            "Sent {kind} to \"{}\": {} {} ({} ms{message})",
            endpoint.name, sent.status, sent.answer, sent.took_ms
        )))?;
    }
    Ok(())
}

fn changed(body: String, changes: Vec<Set>) -> Result<String, Failure> {
    if changes.is_empty() {
        return Ok(body);
    }
    let unreadable = |error| Failure::Failed(format!("The sample is not JSON: {error}."));
    let mut document: Value = serde_json::from_str(&body).map_err(unreadable)?;
    for change in changes {
        change.apply(&mut document).map_err(Failure::Usage)?;
    }
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
