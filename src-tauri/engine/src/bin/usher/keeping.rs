//! `usher rebuild` and `usher backup`.

use std::path::Path;

use usher_engine::api::app::{Backup, BackupTo, Nothing, Rebuilt};
use usher_engine::host::Host;

use super::failure::Failure;
use super::out::{Out, counted};

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
    let file = std::path::absolute(file)?;
    let Some(file) = file.to_str().map(str::to_owned) else {
        return Err(Failure::Usage("The name of the file is not valid UTF-8.".into()));
    };
    let done: Backup = host.ask("app.backup", &BackupTo { file }).await?;
    if out.json {
        return Ok(out.object(&done)?);
    }
    Ok(out.line(&format!("Wrote {} ({} bytes).", done.file, done.bytes))?)
}
