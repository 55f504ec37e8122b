//! Test events of the person's own: saving, and files that can live in a repository.
//!
//! A file is `<name>.json`, the body alone with sorted keys and a line break at its end, so that two
//! versions compare well; a title stands beside it in `<name>.title.txt`. Deliberately absent:
//! removing. What is not in the folder stays here, and what is not here stays in the folder.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use super::pretty;
use crate::Engine;
use crate::api::ApiError;
use crate::api::app::Nothing;
use crate::api::messages::{Count, Group, SampleRow};
use crate::fixture::{self, Fixture};

/// What stands before the name of one in the catalogue.
pub(super) const PREFIX: &str = "own:";
/// Bytes of the largest file that is read; no listener takes a larger body.
const LARGEST: u64 = 16 * 1024 * 1024;
const TITLE_LENGTH: usize = 200;
const BODY_ENDING: &str = ".json";
const TITLE_ENDING: &str = ".title.txt";

/// A test event to save; in place of the one that has the name.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct SaveFixture {
    /// Letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// A few words for a list.
    pub title: Option<String>,
    /// The message whose body it is.
    pub message_id: Option<i64>,
    /// Or the body itself, JSON.
    pub body: Option<String>,
}

/// A saved test event to forget.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export)]
pub struct ForgetFixture {
    /// Its name, without `own:`.
    pub name: String,
}

/// A folder with one file for each saved test event.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export)]
pub struct FixtureFolder {
    /// Full path; `~` at its beginning is the home folder.
    pub folder: String,
}

/// What reading a folder brought.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Imported {
    /// Were not here.
    pub added: i64,
    /// Were here with another body or title.
    pub changed: i64,
    /// Were here as they are.
    pub unchanged: i64,
    /// Files that could not be read, each with what is wrong and where.
    pub problems: Vec<String>,
}

/// Those of the catalogue.
pub(super) async fn rows(engine: &Engine) -> Result<Vec<SampleRow>, ApiError> {
    Ok(all(engine).await?.iter().map(row).collect())
}

/// The body of one, as it was saved.
pub(super) async fn body(engine: &Engine, name: &str) -> Result<Option<String>, ApiError> {
    let body = sqlx::query_scalar!("select body from fixture where name = ?1", name)
        .fetch_optional(&engine.db().read())
        .await?;
    Ok(body)
}

async fn all(engine: &Engine) -> Result<Vec<Fixture>, ApiError> {
    let all =
        sqlx::query_as!(Fixture, "select name, title, kind, body from fixture order by name, id")
            .fetch_all(&engine.db().read())
            .await?;
    Ok(all)
}

fn row(fixture: &Fixture) -> SampleRow {
    let title = if fixture.title.is_empty() { &fixture.name } else { &fixture.title };
    SampleRow {
        name: format!("{PREFIX}{}", fixture.name),
        kind: fixture.kind.clone(),
        title: title.clone(),
        tests: "Saved by you; sent exactly as it was saved.".to_owned(),
        group: Group::Own,
        flaw: None,
    }
}

/// A fixture, once its name, title and body are acceptable; else why not.
fn checked(name: &str, title: &str, body: String) -> Result<Fixture, String> {
    if let Some(problem) = fixture::name_problem(name) {
        return Err(problem);
    }
    let title = title.trim();
    if title.chars().count() > TITLE_LENGTH || title.chars().any(char::is_control) {
        return Err(format!("A title is one line of up to {TITLE_LENGTH} characters."));
    }
    let value = parsed(&body)?;
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Fixture { name: name.to_owned(), title: title.to_owned(), kind, body })
}

fn parsed(body: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(body).map_err(|error| {
        let said = error.to_string();
        let what = said.split(" at line ").next().unwrap_or_default();
        format!(
            "Line {}, column {}: it is no JSON that can be saved: {what}.",
            error.line(),
            error.column()
        )
    })?;
    if value.is_object() {
        Ok(value)
    } else {
        Err("Line 1, column 1: the body of an event is a JSON object.".to_owned())
    }
}

pub(in crate::api) async fn save(
    engine: &Engine,
    asked: SaveFixture,
) -> Result<SampleRow, ApiError> {
    let body = match (asked.message_id, asked.body) {
        (Some(id), None) => body_of_message(engine, id).await?,
        (None, Some(body)) => body,
        _ => {
            return Err(ApiError::invalid("Name either a message or a body, and not both."));
        }
    };
    let title = asked.title.unwrap_or_default();
    let fixture = checked(&asked.name, &title, body).map_err(ApiError::invalid)?;
    let now = engine.now();
    engine.db().write(async |tx| fixture::put(tx, &fixture, now).await).await?;
    Ok(row(&fixture))
}

async fn body_of_message(engine: &Engine, id: i64) -> Result<String, ApiError> {
    let body = sqlx::query_scalar!("select body from message_body where message_id = ?1", id)
        .fetch_optional(&engine.db().read())
        .await?
        .ok_or_else(|| ApiError::not_found(format!("There is no message {id}.")))?;
    String::from_utf8(body)
        .map_err(|_| ApiError::invalid("Its body is not text, so it cannot be sent as a test."))
}

pub(in crate::api) async fn forget(
    engine: &Engine,
    asked: ForgetFixture,
) -> Result<Nothing, ApiError> {
    let gone = engine.db().write(async |tx| fixture::remove(tx, &asked.name).await).await?;
    if gone {
        Ok(Nothing {})
    } else {
        Err(ApiError::not_found(format!("There is no saved test event {}.", asked.name)))
    }
}

pub(in crate::api) async fn export(engine: &Engine, to: FixtureFolder) -> Result<Count, ApiError> {
    let folder = full_path(engine, &to.folder)?;
    let all = all(engine).await?;
    let count = i64::try_from(all.len()).unwrap_or(i64::MAX);
    blocking(move || {
        write_folder(&folder, &all).map_err(|(path, error)| {
            ApiError::unavailable(format!("{} cannot be written: {error}.", path.display()))
        })
    })
    .await?;
    Ok(Count { count })
}

pub(in crate::api) async fn import(
    engine: &Engine,
    from: FixtureFolder,
) -> Result<Imported, ApiError> {
    let folder = full_path(engine, &from.folder)?;
    let shown = engine.folders().shown(&folder);
    let (found, problems) = blocking(move || {
        read_folder(&folder).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ApiError::not_found(format!("There is no folder {shown}.")),
            _ => ApiError::unavailable(format!("The folder {shown} cannot be read: {error}.")),
        })
    })
    .await?;
    let known: HashMap<String, Fixture> =
        all(engine).await?.into_iter().map(|known| (known.name.to_lowercase(), known)).collect();
    let mut imported = Imported { added: 0, changed: 0, unchanged: 0, problems };
    let mut differing = Vec::new();
    for fixture in found {
        match known.get(&fixture.name.to_lowercase()) {
            None => imported.added += 1,
            Some(known) if same(known, &fixture) => {
                imported.unchanged += 1;
                continue;
            }
            Some(_) => imported.changed += 1,
        }
        differing.push(fixture);
    }
    let now = engine.now();
    if !differing.is_empty() {
        engine
            .db()
            .write(async |tx| {
                for fixture in &differing {
                    fixture::put(tx, fixture, now).await?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(imported)
}

fn same(one: &Fixture, other: &Fixture) -> bool {
    one.title == other.title && sorted(&one.body) == sorted(&other.body)
}

/// The text of the file: sorted keys and a line break at the end. One in which that would change more
/// than order and white space, such as a long number or a key that is there twice, stays as it is.
fn sorted(body: &str) -> Option<String> {
    let mut value: Value = serde_json::from_str(body).ok()?;
    value.sort_all_objects();
    let text = pretty(&value).ok()? + "\n";
    let same = letters(&text) == letters(body);
    Some(if same { text } else { format!("{}\n", body.trim_end()) })
}

/// How often each byte is in it, white space left out.
fn letters(text: &str) -> [usize; 256] {
    let mut counts = [0; 256];
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        counts[usize::from(byte)] += 1;
    }
    counts
}

fn full_path(engine: &Engine, folder: &str) -> Result<PathBuf, ApiError> {
    engine.folders().full(folder).ok_or_else(|| {
        ApiError::invalid("Name the folder with its full path, such as ~/my-app/fixtures.")
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ApiError::unavailable(format!("Reading and writing files: {error}.")))?
}

fn write_folder(folder: &Path, all: &[Fixture]) -> Result<(), (PathBuf, io::Error)> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| (path, error)
    };
    fs::create_dir_all(folder).map_err(at(folder))?;
    let write = |path: &Path, text: String| match fs::symlink_metadata(path) {
        Ok(about) if about.is_symlink() => Err((path.to_owned(), io::Error::other("it is a link"))),
        _ => fs::write(path, text).map_err(at(path)),
    };
    for fixture in all {
        let body = folder.join(format!("{}{BODY_ENDING}", fixture.name));
        let text = sorted(&fixture.body).unwrap_or_else(|| fixture.body.clone());
        write(&body, text)?;
        let title = folder.join(format!("{}{TITLE_ENDING}", fixture.name));
        if fixture.title.is_empty() {
            match fs::remove_file(&title) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err((title, error));
                }
                _ => {}
            }
        } else {
            write(&title, format!("{}\n", fixture.title))?;
        }
    }
    Ok(())
}

/// What the files of the folder hold, by name, and what is wrong with the others.
fn read_folder(folder: &Path) -> io::Result<(Vec<Fixture>, Vec<String>)> {
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(BODY_ENDING) {
            names.push(name);
        }
    }
    names.sort();
    let (mut found, mut problems): (Vec<Fixture>, Vec<String>) = (Vec::new(), Vec::new());
    for file in names {
        let name = file.strip_suffix(BODY_ENDING).unwrap_or(&file);
        let twin = found.iter().find(|known| known.name.eq_ignore_ascii_case(name));
        let read = match twin {
            Some(twin) => {
                Err(format!("Its name differs from {}{BODY_ENDING} in case only.", twin.name))
            }
            None => read_one(folder, name),
        };
        match read {
            Ok(fixture) => found.push(fixture),
            Err(problem) => problems.push(format!("{file}: {problem}")),
        }
    }
    Ok((found, problems))
}

fn read_one(folder: &Path, name: &str) -> Result<Fixture, String> {
    if let Some(problem) = fixture::name_problem(name) {
        return Err(problem);
    }
    let body = read_text(&folder.join(format!("{name}{BODY_ENDING}")))?;
    let body = body.ok_or("It is gone again.")?;
    let title = read_text(&folder.join(format!("{name}{TITLE_ENDING}")))
        .map_err(|problem| format!("Its title: {problem}"))?;
    checked(name, &title.unwrap_or_default(), body.trim_end().to_owned())
}

/// The text of a file; `None` when there is no such file.
fn read_text(path: &Path) -> Result<Option<String>, String> {
    let unreadable = |error: io::Error| format!("It cannot be read: {error}.");
    let about = match fs::symlink_metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    if !about.is_file() {
        return Err("It is not a file of its own.".to_owned());
    }
    if about.len() > LARGEST {
        return Err(format!("It is larger than {} MiB.", LARGEST / 1024 / 1024));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
        format!("Line {line}: it is not UTF-8.")
    })
}
