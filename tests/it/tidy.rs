//! The shape of the house: who may know whom, and what nobody may write.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module of the engine with what it may use. Downwards only.
const MAY_USE: &[(&str, &[&str])] = &[
    ("host", &["api", "engine", "change", "clock", "secret"]),
    (
        "api",
        &[
            "engine", "receive", "listener", "inbox", "audience", "endpoint", "clerk", "signing",
            "secret", "db", "change", "clock", "filter", "share", "fixture", "forward", "folders",
        ],
    ),
    (
        "engine",
        &[
            "receive", "listener", "inbox", "forward", "endpoint", "secret", "db", "change",
            "clock", "folders",
        ],
    ),
    ("receive", &["listener", "inbox", "endpoint", "clerk", "signing", "clock"]),
    ("listener", &[]),
    ("inbox", &["audience", "endpoint", "clerk", "signing", "db", "change", "clock"]),
    ("forward", &["endpoint", "signing", "secret", "db", "change", "clock"]),
    ("audience", &["endpoint", "clerk", "db", "change"]),
    ("endpoint", &["clerk", "signing", "secret", "db", "change"]),
    ("fixture", &["db", "change"]),
    ("clerk", &[]),
    ("signing", &[]),
    ("filter", &[]),
    ("share", &[]),
    ("db", &["change", "clock"]),
    ("change", &["clock"]),
    ("secret", &[]),
    ("clock", &[]),
    ("folders", &[]),
];

fn files(folder: &Path, ending: &str, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !["node_modules", "dist", "gen", "target"].contains(&name.as_str()) {
                files(&path, ending, into);
            }
        } else if path.to_string_lossy().ends_with(ending) {
            into.push(path);
        }
    }
}

fn read_all(folder: &str, ending: &str) -> Vec<(String, String)> {
    let root = kit::root().join(folder);
    let mut paths = Vec::new();
    files(&root, ending, &mut paths);
    paths
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The first names of every `crate::…` path, groups included.
fn used(text: &str) -> Vec<String> {
    text.match_indices("crate::")
        .filter(|(at, _)| {
            !text[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$')
        })
        .flat_map(|(at, found)| {
            let rest = &text[at + found.len()..];
            let names: Vec<&str> = match rest.strip_prefix('{') {
                Some(group) => group.split('}').next().unwrap().split(',').collect(),
                None => vec![rest],
            };
            names
                .into_iter()
                .map(|name| {
                    let end = name.trim_start().find(|c: char| !c.is_alphanumeric() && c != '_');
                    let name = name.trim_start();
                    name[..end.unwrap_or(name.len())].to_owned()
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn modules_use_only_what_is_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let mut wrong = Vec::new();
    for (file, text) in read_all("src-tauri/engine/src", ".rs") {
        let module = file.split(['/', '.']).next().unwrap();
        if ["lib", "bin"].contains(&module) {
            continue;
        }
        let Some(below) = allowed.get(module) else {
            wrong.push(format!("{file}: module {module} is not on the list"));
            continue;
        };
        for name in used(&text) {
            let engine_type = ["Engine", "Config", "OpenError"].contains(&name.as_str());
            let name = if engine_type { "engine".to_owned() } else { name };
            if name != module
                && allowed.contains_key(name.as_str())
                && !below.contains(&name.as_str())
            {
                wrong.push(format!("{file}: {module} may not use {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn features_of_the_screens_do_not_know_each_other() {
    let mut wrong = Vec::new();
    for (file, text) in read_all("ui/src", ".tsx").into_iter().chain(read_all("ui/src", ".ts")) {
        let parts: Vec<&str> = file.split('/').collect();
        for line in text.lines().filter(|line| line.contains("from \"") || line.contains("import("))
        {
            let own = parts.get(1).copied().unwrap_or_default();
            let other_feature = line
                .split("features/")
                .nth(1)
                .is_some_and(|rest| parts[0] == "features" && !rest.starts_with(own));
            let climbs = parts[0] == "features" && parts.len() > 2 && {
                let up = line.split("\"../").nth(1).unwrap_or_default();
                [
                    "audience/",
                    "endpoints/",
                    "environments/",
                    "events/",
                    "messages/",
                    "settings/",
                    "tests/",
                ]
                .iter()
                .any(|feature| up.starts_with(feature))
            };
            let upwards = ["parts", "lib", "ipc"].contains(&parts[0])
                && (line.contains("/features/") || line.contains("/app/"));
            let tauri = line.contains("@tauri-apps/") && file != "ipc/tauri.ts";
            if other_feature || climbs || upwards || tauri {
                wrong.push(format!("{file}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn migrations_are_only_added() {
    let mut names: Vec<String> =
        read_all("src-tauri/engine/migrations", ".sql").into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(
        names,
        ["0001_start.sql", "0002_unkept.sql", "0003_inspect.sql", "0004_explain.sql"],
        "add the new one here, and never edit a released one"
    );
}
