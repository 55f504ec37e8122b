//! `usher forwards`.

use std::io::{self, IsTerminal as _};

use serde_json::json;
use usher_engine::api::app::{AppStatus, ListenerState, Nothing};
use usher_engine::api::endpoints::EndpointRow;
use usher_engine::api::environments::ById;
use usher_engine::api::forwards::{
    AddForward, DeliveryRow, ForwardRow, OfEndpoint, OfMessage, UpdateForward,
};
use usher_engine::api::messages::Header;
use usher_engine::forward::address::Address;
use usher_engine::host::Host;

use super::args::{ForwardOptions, Forwards};
use super::endpoints;
use super::failure::Failure;
use super::out::{Out, Table, or_dash, printable, say, time, word};

/// Runs one of the commands.
pub async fn run(host: &Host, command: Forwards, out: &mut Out) -> Result<(), Failure> {
    match command {
        Forwards::List { message: Some(message_id), .. } => deliveries(host, message_id, out).await,
        Forwards::List { endpoint, .. } => list(host, endpoint.as_deref(), out).await,
        Forwards::Add { url, endpoint, options } => {
            let endpoint = match endpoint {
                Some(named) => endpoints::find(host, &named, None).await?,
                None => endpoints::only(host).await?,
            };
            add(host, url, &endpoint, options, out).await
        }
        Forwards::Set { id, url, options, pause, resume } => {
            let enabled = (pause || resume).then_some(resume);
            set(host, id, url, enabled, options, out).await
        }
        Forwards::Remove { id, yes } => remove(host, id, yes, out).await,
        Forwards::Retry { id } => retry(host, id, out).await,
    }
}

async fn list(host: &Host, endpoint: Option<&str>, out: &mut Out) -> Result<(), Failure> {
    let endpoint_id = match endpoint {
        Some(named) => Some(endpoints::find(host, named, None).await?.id),
        None => None,
    };
    let rows: Vec<ForwardRow> = host.ask("forwards.list", &OfEndpoint { endpoint_id }).await?;
    if out.json {
        return Ok(rows.iter().try_for_each(|row| out.object(row))?);
    }
    let endpoints = endpoints::all(host, None).await?;
    let cells: Vec<[String; 9]> = rows
        .iter()
        .map(|row| {
            let of = endpoints.iter().find(|endpoint| endpoint.id == row.endpoint_id);
            let types = if row.types.is_empty() { "all".into() } else { row.types.join(",") };
            let last = match (row.last_status, &row.last_problem) {
                (Some(status), _) => status.to_string(),
                (None, Some(_)) => "no answer".into(),
                (None, None) => or_dash(None),
            };
            [
                row.id.to_string(),
                or_dash(of.map(|endpoint| endpoint.name.as_str())),
                if row.enabled { types } else { "off".into() },
                row.done.to_string(),
                row.waiting.to_string(),
                row.failed.to_string(),
                last,
                row.last_at.map_or_else(|| or_dash(None), time),
                row.url.clone(),
            ]
        })
        .collect();
    Table::new([
        "ID",
        "ENDPOINT",
        "TYPES",
        "DONE",
        "WAITING",
        "FAILED",
        "LAST",
        "LAST ATTEMPT",
        "ADDRESS",
    ])
    .rows(out, &cells)?;
    for row in &rows {
        if let Some(problem) = &row.last_problem {
            say(&format!("{}: {problem}", row.id));
        }
    }
    if rows.is_empty() && out.terminal {
        say(
            "Nothing is forwarded yet. Add a target: usher forwards add http://localhost:3000/api/webhooks",
        );
    }
    Ok(())
}

async fn deliveries(host: &Host, message_id: i64, out: &mut Out) -> Result<(), Failure> {
    let rows: Vec<DeliveryRow> = host.ask("forwards.deliveries", &OfMessage { message_id }).await?;
    if out.json {
        return Ok(rows.iter().try_for_each(|row| out.object(row))?);
    }
    for row in &rows {
        out.line(&printable(&format!("{}  {}  {}", row.id, word(&row.state), row.url)))?;
        for attempt in &row.attempts {
            let how = attempt.problem.clone().unwrap_or_else(|| {
                let status = attempt.status.unwrap_or_default();
                format!("{status} in {} ms", attempt.took_ms)
            });
            out.line(&printable(&format!("    {}  {how}", time(attempt.at))))?;
        }
        match (row.due_at, first(row)) {
            (_, Some(first)) => {
                out.line(&format!("    It goes after {first}, which is tried first."))?
            }
            (Some(due), None) => out.line(&format!("    {}  next attempt", time(due)))?,
            (None, None) => {}
        }
    }
    if rows.is_empty() && out.terminal {
        say("This message was not forwarded.");
    }
    Ok(())
}

async fn add(
    host: &Host,
    url: String,
    endpoint: &EndpointRow,
    options: ForwardOptions,
    out: &mut Out,
) -> Result<(), Failure> {
    let new = AddForward {
        endpoint_id: endpoint.id,
        url,
        secret: secret(&options)?,
        headers: headers(&options)?,
        types: (!options.types.is_empty()).then_some(options.types),
        signature: options.signature.map(Into::into),
        retries: options.retries.map(Into::into),
        allow_public: options.allow_public.then_some(true),
    };
    let added: ForwardRow = host.ask("forwards.add", &new).await?;
    if out.json {
        return Ok(out.object(&added)?);
    }
    out.line(&printable(&format!(
        "Forwarding \"{}\" to {} ({} signature), target {}.",
        endpoint.name,
        added.url,
        word(&added.signature),
        added.id
    )))?;
    say_when_nobody_forwards(host).await
}

async fn set(
    host: &Host,
    id: i64,
    url: Option<String>,
    enabled: Option<bool>,
    options: ForwardOptions,
    out: &mut Out,
) -> Result<(), Failure> {
    let change = UpdateForward {
        id,
        url,
        secret: secret(&options)?,
        headers: headers(&options)?,
        types: (!options.types.is_empty()).then_some(options.types),
        signature: options.signature.map(Into::into),
        retries: options.retries.map(Into::into),
        allow_public: options.allow_public.then_some(true),
        enabled,
    };
    let row: ForwardRow = host.ask("forwards.update", &change).await?;
    if out.json {
        return Ok(out.object(&row)?);
    }
    out.line(&printable(&format!("{}: {}", row.url, if row.enabled { "on" } else { "off" })))?;
    let types = if row.types.is_empty() { "all".into() } else { row.types.join(", ") };
    out.line(&format!("  Types      {types}"))?;
    out.line(&format!("  Signature  {}", word(&row.signature)))?;
    Ok(out.line(&format!("  Retries    {}", word(&row.retries)))?)
}

fn secret(options: &ForwardOptions) -> Result<Option<String>, Failure> {
    options.secret.as_deref().map(endpoints::secret).transpose()
}

fn headers(options: &ForwardOptions) -> Result<Option<Vec<Header>>, Failure> {
    let headers: Result<Vec<Header>, Failure> =
        options.header.iter().map(|text| header(text)).collect();
    Ok(Some(headers?).filter(|headers| !headers.is_empty()))
}

fn header(text: &str) -> Result<Header, Failure> {
    let (name, value) = text.split_once(':').ok_or_else(|| {
        Failure::Usage(format!("\"{text}\" is not a header. Write one such as 'x-name: value'."))
    })?;
    Ok(Header { name: name.trim().to_owned(), value: value.trim().to_owned() })
}

async fn remove(host: &Host, id: i64, yes: bool, out: &mut Out) -> Result<(), Failure> {
    let rows: Vec<ForwardRow> = host.ask("forwards.list", &OfEndpoint::default()).await?;
    let row = rows.iter().find(|row| row.id == id);
    let row = row.ok_or_else(|| Failure::NotFound(format!("There is no target {id}.")))?;
    if !yes && io::stdin().is_terminal() && io::stderr().is_terminal() {
        say(&format!(
            "Remove the target {}? What waits for it is not forwarded any more. Type yes:",
            row.url
        ));
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        if !matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
            return Err(Failure::Failed("Nothing was removed.".into()));
        }
    }
    host.ask::<_, Nothing>("forwards.remove", &ById { id }).await?;
    if out.json {
        return Ok(out.object(&json!({ "id": id, "removed": true }))?);
    }
    Ok(out.line(&printable(&format!("Removed {}.", row.url)))?)
}

async fn retry(host: &Host, id: i64, out: &mut Out) -> Result<(), Failure> {
    let row: DeliveryRow = host.ask("forwards.retry", &ById { id }).await?;
    if out.json {
        return Ok(out.object(&row)?);
    }
    out.line(&printable(&match first(&row) {
        Some(first) => format!(
            "Message {} is forwarded to {} after {first}, which is tried first.",
            row.message_id, row.url
        ),
        None => format!("Message {} is forwarded to {} again.", row.message_id, row.url),
    }))?;
    say_when_nobody_forwards(host).await
}

/// What a delivery goes after, in words.
fn first(row: &DeliveryRow) -> Option<String> {
    let behind = row.behind_id?;
    Some(if behind == row.message_id {
        "an earlier delivery of this message".to_owned()
    } else {
        format!("message {behind}")
    })
}

/// The id of the target with this id or this address.
pub async fn find(host: &Host, named: &str) -> Result<i64, Failure> {
    let rows: Vec<ForwardRow> = host.ask("forwards.list", &OfEndpoint::default()).await?;
    let url = Address::parse(named).map(|address| address.to_string());
    let is_it = |row: &&ForwardRow| row.id.to_string() == named || url.as_ref() == Ok(&row.url);
    let mut found = rows.iter().filter(is_it);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.id),
        (Some(_), Some(_)) => Err(Failure::Usage(format!(
            "There are several targets {named}. Name one by its id: usher forwards list shows them."
        ))),
        (None, _) => Err(Failure::NotFound(format!(
            "There is no target {named}. Say usher, forwards, both, or the id or the address of a \
             target: usher forwards list shows them."
        ))),
    }
}

/// Tells that deliveries wait when no process is there to make them.
pub async fn say_when_nobody_forwards(host: &Host) -> Result<(), Failure> {
    let status: AppStatus = host.ask("app.status", &Nothing {}).await?;
    if host.owns() && status.listener.state == ListenerState::Stopped {
        say(
            "Nobody listens on this data folder. Messages are forwarded while this runs: usher listen",
        );
    }
    Ok(())
}
