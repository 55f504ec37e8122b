//! `usher rebuild`, `usher backup` and `usher restore`.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use serde_json::json;
use usher_engine::api::app::{Backup, BackupTo, Nothing, Rebuilt, RestoreFrom, Restored};
use usher_engine::api::endpoints::EndpointState;
use usher_engine::api::messages::Count;
use usher_engine::folders::Folders;
use usher_engine::host::{Host, HostError};
use usher_engine::{Config, Engine, OpenError};

use super::endpoints;
use super::failure::Failure;
use super::out::{Out, counted, printable, say};

/// Computes the audience again from the inbox.
pub async fn rebuild(host: &Host, out: &mut Out) -> Result<(), Failure> {
    let done: Rebuilt = host.ask("app.rebuild", &Nothing {}).await?;
    if out.json {
        return Ok(out.object(&done)?);
    }
    let changed = match done.changed {
        0 => "nothing changed".to_owned(),
        1 => "1 contact changed".to_owned(),
        many => format!("{many} contacts changed"),
    };
    Ok(out.line(&format!(
        "Read {} again: {} in the audience, {changed}.",
        counted(done.messages, "message"),
        counted(done.contacts, "contact"),
    ))?)
}

/// Copies the database to `file`.
pub async fn backup(host: &Host, file: &Path, out: &mut Out) -> Result<(), Failure> {
    let file = full_path(file)?;
    let done: Backup = host.ask("app.backup", &BackupTo { file }).await?;
    if out.json {
        return Ok(out.object(&done)?);
    }
    Ok(out.line(&format!("Wrote {} ({} bytes).", done.file, done.bytes))?)
}

/// Goes back to the backup `file`, with the help of the engine or, when that does not open, without.
pub async fn restore(config: Config, file: &Path, yes: bool, out: &mut Out) -> Result<(), Failure> {
    let file = full_path(file)?;
    if !Path::new(&file).is_file() {
        return Err(Failure::NotFound(format!("There is no file {file}.")));
    }
    ask_first(&file, yes)?;
    match Host::open(config.clone()).await {
        Ok(host) => {
            let done = host.ask("app.restore", &RestoreFrom { file: file.clone() }).await;
            host.close().await;
            tell(&file, &done?, out)
        }
        Err(HostError::Open(OpenError::Database(_) | OpenError::Query(_))) => {
            let done = Engine::restore_closed(&config, Path::new(&file)).await;
            let kept = done.map_err(|error| Failure::Failed(error.to_string()))?.kept;
            let host = Host::open(config).await?;
            let restored = look(&host, kept.as_deref()).await;
            host.close().await;
            tell(&file, &restored?, out)
        }
        Err(error) => Err(error.into()),
    }?;
    Ok(out.flush()?)
}

fn ask_first(file: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::Usage(
            "Going back to a backup replaces the database. Say that it is meant with --yes.".into(),
        ));
    }
    say(&format!(
        "Go back to {file}? Messages and contacts that came after it are gone from Usher; the \
         database of now is kept beside the new one. Type yes:"
    ));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err(Failure::Failed("Nothing was changed.".into()))
    }
}

/// What a restore without the engine brought, asked of the engine that opened it.
async fn look(host: &Host, kept: Option<&Path>) -> Result<Restored, Failure> {
    let endpoints = endpoints::all(host, None).await?;
    let owing = endpoints
        .into_iter()
        .filter(|row| row.secrets > 0 && matches!(row.state, EndpointState::NeedsSecret));
    let count = |verb: &'static str| async move {
        let counted: Count = host.ask(verb, &json!({})).await?;
        Ok::<_, Failure>(counted.count)
    };
    Ok(Restored {
        kept: kept.map(|kept| kept.display().to_string()),
        messages: count("messages.count").await?,
        contacts: count("contacts.count").await?,
        without_secret: owing.map(|row| format!("{} · {}", row.name, row.environment)).collect(),
    })
}

fn tell(file: &str, done: &Restored, out: &mut Out) -> Result<(), Failure> {
    if out.json {
        return Ok(out.object(done)?);
    }
    out.line(&format!(
        "Went back to {file}: {} and {}.",
        counted(done.messages, "message"),
        counted(done.contacts, "contact"),
    ))?;
    if let Some(kept) = &done.kept {
        out.line(&format!("The database of before is kept as {kept}."))?;
    }
    for endpoint in &done.without_secret {
        out.line(&printable(&format!(
            "\"{endpoint}\" has a signing secret that this machine does not have: copy it from Clerk \
             and add it again."
        )))?;
    }
    Ok(())
}

/// The full path of `file`: whoever owns the data folder may stand elsewhere.
pub fn full_path(file: &Path) -> Result<String, Failure> {
    let from_home = file.to_str().filter(|_| file.starts_with("~"));
    let file = match from_home.and_then(|file| Folders::own().full(file)) {
        Some(file) => file,
        None => std::path::absolute(file)?,
    };
    file.to_str()
        .map(str::to_owned)
        .ok_or_else(|| Failure::Usage("The name of the file is not valid UTF-8.".into()))
}
