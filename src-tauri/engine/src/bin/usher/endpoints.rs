//! `usher endpoints`.

use std::io::{self, IsTerminal as _};

use serde::Serialize;
use serde_json::json;
use usher_engine::api::app::Nothing;
use usher_engine::api::endpoints::{
    AddEndpoint, AddSecret, EndpointDetail, EndpointRow, EndpointSettings, OneSecret,
    UpdateEndpoint,
};
use usher_engine::api::environments::{ById, EnvironmentRow};
use usher_engine::host::Host;

use super::args::{Deleted, Endpoints, Event, Options};
use super::failure::Failure;
use super::out::{Out, Table, or_dash, printable, say, there, time, word};

/// Runs one of the commands.
pub async fn run(host: &Host, command: Endpoints, out: &mut Out) -> Result<(), Failure> {
    match command {
        Endpoints::Add { name, environment, options } => {
            add(host, name, environment.as_deref(), options, out).await
        }
        Endpoints::List { environment, limit } => {
            let environment = super::environment(host, environment.as_deref()).await?;
            list(host, environment, limit, out).await
        }
        Endpoints::Set { endpoint, name, environment, options, remove_secret, pause, resume } => {
            let environment = super::environment(host, environment.as_deref()).await?;
            let id = find(host, &endpoint, environment).await?.id;
            let paused = (pause || resume).then_some(pause);
            set(host, id, Change { name, options, remove_secret, paused }, out).await
        }
        Endpoints::Remove { endpoint, environment, yes } => {
            let environment = super::environment(host, environment.as_deref()).await?;
            let row = find(host, &endpoint, environment).await?;
            remove(host, &row, yes, out).await
        }
    }
}

async fn add(
    host: &Host,
    name: String,
    environment: Option<&str>,
    options: Options,
    out: &mut Out,
) -> Result<(), Failure> {
    let environment_id = match super::environment(host, environment).await? {
        Some(id) => id,
        None => {
            let all: Vec<EnvironmentRow> = host.ask("environments.list", &Nothing {}).await?;
            all.first()
                .map(|row| row.id)
                .ok_or_else(|| Failure::NotFound("There is no environment.".into()))?
        }
    };
    let secret = options.secret.as_deref().map(secret).transpose()?;
    let new = AddEndpoint { environment_id, name, secret, settings: None };
    let added: EndpointDetail = host.ask("endpoints.add", &new).await?;
    let id = added.row.id;
    let mut settings = added.settings;
    if adjust(&mut settings, &options) {
        let change = UpdateEndpoint { id, name: None, settings: Some(settings), paused: None };
        if let Err(error) = host.ask::<_, EndpointDetail>("endpoints.update", &change).await {
            host.ask::<_, Nothing>("endpoints.remove", &ById { id }).await?;
            return Err(error.into());
        }
    }
    if out.json {
        let EndpointRow { id, path, url, .. } = added.row;
        return Ok(out.object(&Added { id, path, url })?);
    }
    out.line(&added.row.url)?;
    if options.secret.is_none() {
        say(&format!(
            "Give this address to Clerk, then add the signing secret it shows: \
             usher endpoints set {id} --secret whsec_…"
        ));
    }
    Ok(())
}

#[derive(Serialize)]
struct Added {
    id: i64,
    path: String,
    url: String,
}

async fn list(
    host: &Host,
    environment: Option<i64>,
    limit: u64,
    out: &mut Out,
) -> Result<(), Failure> {
    let mut rows = all(host, environment).await?;
    rows.sort_by_key(|row| std::cmp::Reverse(row.id));
    if limit > 0 {
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    if out.json {
        return Ok(rows.iter().try_for_each(|row| out.object(row))?);
    }
    let cells: Vec<[String; 7]> = rows
        .iter()
        .map(|row| {
            [
                row.id.to_string(),
                row.name.clone(),
                row.environment.clone(),
                state(row),
                row.messages24h.to_string(),
                row.last_message_at.map_or_else(|| or_dash(None), time),
                row.url.clone(),
            ]
        })
        .collect();
    Table::new(["ID", "NAME", "ENVIRONMENT", "STATE", "LAST 24 H", "LAST MESSAGE", "ADDRESS"])
        .rows(out, &cells)?;
    if rows.is_empty() && out.terminal {
        say("There is no endpoint yet. Make one: usher endpoints add --name Clerk");
    }
    Ok(())
}

fn state(row: &EndpointRow) -> String {
    let word = word(&row.state);
    if word == "needsSecret" { "needs secret".into() } else { word }
}

struct Change {
    name: Option<String>,
    options: Options,
    remove_secret: Option<String>,
    paused: Option<bool>,
}

async fn set(host: &Host, id: i64, change: Change, out: &mut Out) -> Result<(), Failure> {
    let Change { name, options, remove_secret, paused } = change;
    let mut detail: EndpointDetail = host.ask("endpoints.show", &ById { id }).await?;
    let gone = remove_secret.map(|hint| named_secret(&detail, &hint)).transpose()?;
    if let Some(pasted) = options.secret.as_deref() {
        let new = AddSecret { id, secret: secret(pasted)? };
        detail = host.ask("endpoints.add_secret", &new).await?;
    }
    if let Some(secret_id) = gone {
        detail = host.ask("endpoints.remove_secret", &OneSecret { id, secret_id }).await?;
    }
    let mut settings = detail.settings.clone();
    let settings = adjust(&mut settings, &options).then_some(settings);
    if name.is_some() || settings.is_some() || paused.is_some() {
        let update = UpdateEndpoint { id, name, settings, paused };
        detail = host.ask("endpoints.update", &update).await?;
    }
    if out.json {
        return Ok(out.object(&detail.row)?);
    }
    let EndpointRow { name, url, enabled_events, .. } = &detail.row;
    out.line(&printable(&format!("{name}: {}", state(&detail.row))))?;
    out.line(&format!("  Address  {url}"))?;
    let events = if enabled_events.is_empty() { "none".into() } else { enabled_events.join(", ") };
    out.line(&format!("  Events   {events}"))?;
    Ok(out.line(&format!("  Deleted  {}", word(&detail.settings.on_delete)))?)
}

fn named_secret(detail: &EndpointDetail, hint: &str) -> Result<i64, Failure> {
    let mut fitting = detail.signing_secrets.iter().filter(|row| hint.ends_with(&row.hint));
    match (fitting.next(), fitting.next()) {
        (Some(row), None) => Ok(row.id),
        (Some(_), Some(_)) => Err(Failure::Usage(format!("Two secrets end with \"{hint}\"."))),
        (None, _) => {
            let there = there(detail.signing_secrets.iter().map(|row| row.hint.as_str()));
            Err(Failure::NotFound(format!("No secret ends with \"{hint}\". {there}")))
        }
    }
}

async fn remove(host: &Host, row: &EndpointRow, yes: bool, out: &mut Out) -> Result<(), Failure> {
    if !yes && io::stdin().is_terminal() && io::stderr().is_terminal() {
        say(&format!(
            "Remove the endpoint \"{}\"? Its address stops working for good; its messages and \
             contacts stay. Type yes:",
            row.name
        ));
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        if !matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
            return Err(Failure::Failed("Nothing was removed.".into()));
        }
    }
    host.ask::<_, Nothing>("endpoints.remove", &ById { id: row.id }).await?;
    if out.json {
        return Ok(out.object(&json!({ "id": row.id, "removed": true }))?);
    }
    Ok(out.line(&printable(&format!("Removed \"{}\".", row.name)))?)
}

/// Every endpoint, or those of one environment.
pub async fn all(host: &Host, environment: Option<i64>) -> Result<Vec<EndpointRow>, Failure> {
    let mut rows: Vec<EndpointRow> = host.ask("endpoints.list", &Nothing {}).await?;
    rows.retain(|row| environment.is_none_or(|id| id == row.environment_id));
    Ok(rows)
}

/// The endpoint of that name, id or token.
pub async fn find(
    host: &Host,
    named: &str,
    environment: Option<i64>,
) -> Result<EndpointRow, Failure> {
    let rows = all(host, environment).await?;
    let lower = named.to_lowercase();
    let by_name: Vec<&EndpointRow> =
        rows.iter().filter(|row| row.name.to_lowercase() == lower).collect();
    if let [first, second, ..] = by_name.as_slice() {
        return Err(Failure::Usage(format!(
            "There is an endpoint \"{named}\" in {} and in {}. Name it by its id: {} or {}.",
            first.environment, second.environment, first.id, second.id
        )));
    }
    let found = by_name.first().copied();
    let found =
        found.or_else(|| rows.iter().find(|row| row.id.to_string() == named || row.token == named));
    found.cloned().ok_or_else(|| {
        let there = there(rows.iter().map(|row| row.name.as_str()));
        Failure::NotFound(format!("There is no endpoint \"{named}\". {there}"))
    })
}

/// The endpoint, when there is one only.
pub async fn only(host: &Host) -> Result<EndpointRow, Failure> {
    let mut all = all(host, None).await?;
    match (all.pop(), all.as_slice()) {
        (Some(one), []) => Ok(one),
        (None, _) => Err(Failure::NotFound(
            "There is no endpoint yet. Make one: usher endpoints add --name Clerk --secret whsec_…"
                .into(),
        )),
        (Some(last), others) => {
            let there = there(others.iter().chain([&last]).map(|row| row.name.as_str()));
            Err(Failure::Usage(format!("Which endpoint? Name one with --endpoint. {there}")))
        }
    }
}

/// An endpoint with a secret of its own, so that tests can be signed before there is one of Clerk's.
pub async fn made_for_tests(host: &Host) -> Result<EndpointRow, Failure> {
    let environments: Vec<EnvironmentRow> = host.ask("environments.list", &Nothing {}).await?;
    let environment_id = environments.first().map_or(0, |environment| environment.id);
    let add = AddEndpoint {
        environment_id,
        name: "Clerk".to_owned(),
        secret: Some("new".to_owned()),
        settings: None,
    };
    let made: EndpointDetail = host.ask("endpoints.add", &add).await?;
    say("There was no endpoint yet: \"Clerk\" was made, with a secret of its own.");
    Ok(made.row)
}

/// The secret that was given, or that stdin has.
pub fn secret(pasted: &str) -> Result<String, Failure> {
    if pasted == "-" {
        Ok(io::read_to_string(io::stdin())?.trim().to_owned())
    } else {
        Ok(pasted.to_owned())
    }
}

/// Changes `settings` as the options say; false when they say nothing.
fn adjust(settings: &mut EndpointSettings, options: &Options) -> bool {
    let Options { on_delete, user_group, events, .. } = options;
    if let Some(on_delete) = *on_delete {
        settings.on_delete = on_delete.into();
    }
    let acts = on_delete.is_some_and(|on_delete| on_delete != Deleted::Leave);
    for event in &mut settings.events {
        let is_deleted = event.event == "user.deleted";
        if let Some(on) = events {
            event.enabled = on.iter().any(|on| named(*on) == event.event);
        } else if is_deleted && acts {
            event.enabled = true;
        }
        if let Some(group) = user_group.as_ref().filter(|_| !is_deleted) {
            event.user_group = Some(group.clone()).filter(|group| !group.is_empty());
        }
    }
    on_delete.is_some() || user_group.is_some() || events.is_some()
}

fn named(event: Event) -> &'static str {
    match event {
        Event::UserCreated => "user.created",
        Event::UserUpdated => "user.updated",
        Event::UserDeleted => "user.deleted",
        Event::WaitlistCreated => "waitlistEntry.created",
        Event::WaitlistUpdated => "waitlistEntry.updated",
        Event::None => "",
    }
}
