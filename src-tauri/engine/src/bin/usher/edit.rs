//! `usher trigger --edit`: the body of a message in the person's own editor.

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use rand::RngExt as _;
use serde_json::Value;

use super::failure::Failure;
use super::out::say;

/// Opens `body` in the editor until it is JSON, and returns it as the editor left it.
///
/// When nobody is there to ask, the editor is opened again as long as it changes something.
pub fn edited(body: &str) -> Result<String, Failure> {
    let file = Draft::new(body)?;
    let mut before: Option<String> = None;
    loop {
        open(&file.0)?;
        let text = fs::read_to_string(&file.0)?;
        let Err(error) = serde_json::from_str::<Value>(&text) else {
            return Ok(text.trim_end().to_owned());
        };
        let said = error.to_string();
        let what = said.split(" at line ").next().unwrap_or_default();
        let problem = format!(
            "Line {}, column {}: it is not JSON: {what}. Nothing was sent.",
            error.line(),
            error.column()
        );
        if before.as_ref() == Some(&text) || !again(&problem)? {
            return Err(Failure::Usage(problem));
        }
        before = Some(text);
    }
}

/// Whether it is to be edited again.
fn again(problem: &str) -> Result<bool, Failure> {
    say(problem);
    if !io::stdin().is_terminal() {
        return Ok(true);
    }
    say("Press Enter to edit it again, or type q and Enter to stop:");
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer)?;
    Ok(read > 0 && answer.trim().is_empty())
}

fn open(file: &Path) -> Result<(), Failure> {
    let editor = editor().ok_or_else(|| {
        Failure::Usage("Which editor? Set VISUAL or EDITOR, such as EDITOR=nano.".to_owned())
    })?;
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or_default();
    let status = Command::new(program).args(words).arg(file).status().map_err(|error| {
        Failure::Failed(format!("The editor {program} does not start: {error}."))
    })?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::Failed(format!("The editor {program} ended badly, so nothing was sent.")))
    }
}

#[expect(clippy::disallowed_methods, reason = "a host reads the environment")]
fn editor() -> Option<String> {
    ["VISUAL", "EDITOR"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|editor| !editor.trim().is_empty())
}

/// A file that only this person can read, gone when it is dropped.
struct Draft(PathBuf);

impl Draft {
    fn new(text: &str) -> io::Result<Self> {
        let number: u64 = rand::rng().random();
        let path = std::env::temp_dir().join(format!("usher-{number:016x}.json"));
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        let draft = Self(path);
        writeln!(file, "{text}")?;
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _gone_already = fs::remove_file(&self.0);
    }
}
