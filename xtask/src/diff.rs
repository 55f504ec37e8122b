//! Two folders of generated files: do they agree, and making them agree.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use crate::shell::Outcome;

/// An empty folder at `path`, whatever was there before.
pub fn fresh(path: &Path) -> Outcome {
    if path.exists() {
        fs::remove_dir_all(path).map_err(|error| named(path, &error))?;
    }
    fs::create_dir_all(path).map_err(|error| named(path, &error))
}

/// Names every file that differs; `Err` if there is one, with `cure` as the last line.
pub fn expect_same(committed: &Path, generated: &Path, cure: &str) -> Outcome {
    let (old, new) = (files(committed)?, files(generated)?);
    let mut differing = Vec::new();
    for (name, text) in &new {
        match old.get(name) {
            None => differing.push(format!("  missing  {}", name.display())),
            Some(before) if before != text => {
                differing.push(format!("  changed  {}", name.display()));
            }
            Some(_) => {}
        }
    }
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    differing.extend(gone.map(|name| format!("  left over  {}", name.display())));
    if differing.is_empty() {
        return Ok(());
    }
    Err(format!("{} is not current:\n{}\n{cure}", committed.display(), differing.join("\n")))
}

/// Makes `to` hold what `from` holds. Files that already agree keep their time; with `keep`, files
/// that `from` lacks stay.
pub fn copy(from: &Path, to: &Path, keep: bool) -> Outcome {
    let (new, old) = (files(from)?, files(to)?);
    for (name, text) in &new {
        if old.get(name) == Some(text) {
            continue;
        }
        let path = to.join(name);
        let folder = path.parent().unwrap_or(to);
        fs::create_dir_all(folder).map_err(|error| named(folder, &error))?;
        fs::write(&path, text).map_err(|error| named(&path, &error))?;
    }
    if !keep {
        for name in old.keys().filter(|name| !new.contains_key(*name)) {
            let path = to.join(name);
            fs::remove_file(&path).map_err(|error| named(&path, &error))?;
        }
    }
    Ok(())
}

fn files(folder: &Path) -> Outcome<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        let entries = match fs::read_dir(&next) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(named(&next, &error)),
        };
        for entry in entries {
            let path = entry.map_err(|error| named(&next, &error))?.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let text = fs::read(&path).map_err(|error| named(&path, &error))?;
            found.insert(path.strip_prefix(folder).unwrap_or(&path).to_path_buf(), text);
        }
    }
    Ok(found)
}

fn named(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
