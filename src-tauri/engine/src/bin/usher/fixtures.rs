//! `usher fixtures`: test messages of the person's own.

use std::path::Path;

use usher_engine::api::app::Nothing;
use usher_engine::api::messages::{Count, Group, SampleRow};
use usher_engine::api::samples::{FixtureFolder, ForgetFixture, Imported, SaveFixture};
use usher_engine::host::Host;

use super::args::Fixtures;
use super::failure::Failure;
use super::keeping::full_path;
use super::out::{Out, Table, counted, printable, say};

/// Lists, saves, forgets, writes to files and reads from them.
pub async fn run(host: &Host, command: Fixtures, out: &mut Out) -> Result<(), Failure> {
    match command {
        Fixtures::List => list(host, out).await,
        Fixtures::Save { message, name, title } => {
            let asked = SaveFixture { name, title, message_id: Some(message), body: None };
            let saved: SampleRow = host.ask("tests.save", &asked).await?;
            if out.json {
                return Ok(out.object(&saved)?);
            }
            Ok(out
                .line(&printable(&format!("Saved. Send it with: usher trigger {}", saved.name)))?)
        }
        Fixtures::Forget { name } => {
            let name = name.strip_prefix("own:").unwrap_or(&name).to_owned();
            let _: Nothing = host.ask("tests.forget", &ForgetFixture { name }).await?;
            Ok(())
        }
        Fixtures::Export { folder } => {
            let folder = of(&folder)?;
            let done: Count = host.ask("tests.export", &folder).await?;
            if out.json {
                return Ok(out.object(&done)?);
            }
            let test_messages = counted(done.count, "test message");
            Ok(out.line(&printable(&format!("Wrote {test_messages} to {}.", folder.folder)))?)
        }
        Fixtures::Import { folder } => import(host, &folder, out).await,
    }
}

async fn list(host: &Host, out: &mut Out) -> Result<(), Failure> {
    let all: Vec<SampleRow> = host.ask("tests.catalogue", &Nothing {}).await?;
    let own: Vec<SampleRow> = all.into_iter().filter(|row| row.group == Group::Own).collect();
    if out.json {
        own.iter().try_for_each(|row| out.object(row))?;
        return Ok(());
    }
    if own.is_empty() {
        say("Nothing is saved yet. Save a message: usher fixtures save ID --name NAME");
    }
    let rows: Vec<[String; 3]> =
        own.into_iter().map(|row| [row.name, row.kind, row.title]).collect();
    Ok(Table::new(["NAME", "TYPE", "TITLE"]).rows(out, &rows)?)
}

async fn import(host: &Host, folder: &Path, out: &mut Out) -> Result<(), Failure> {
    let done: Imported = host.ask("tests.import", &of(folder)?).await?;
    if out.json {
        out.object(&done)?;
    } else {
        out.line(&format!(
            "{} added, {} changed, {} unchanged.",
            done.added, done.changed, done.unchanged
        ))?;
    }
    if done.problems.is_empty() {
        return Ok(());
    }
    out.flush()?;
    Err(Failure::Failed(done.problems.join("\n")))
}

fn of(folder: &Path) -> Result<FixtureFolder, Failure> {
    Ok(FixtureFolder { folder: full_path(folder)? })
}
