//! Small libraries in C, preloaded into a program under test to stand between it and the disk.
//!
//! `slow` is a disk whose flush takes a known time, `power` a machine whose power fails. What they do
//! and how they are told to is in the head of each file under `shim/`. Deliberately absent: anything
//! but Linux with a dynamic C library.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::process::Command;

/// The built library of `tests/kit/shim/NAME.c`, compiled into the target folder when its source is
/// new. Several tests may ask at once.
///
/// # Panics
/// When there is no such source, or no C compiler.
pub fn shim(name: &str) -> PathBuf {
    let source = crate::root().join(format!("tests/kit/shim/{name}.c"));
    let mut hasher = DefaultHasher::new();
    fs::read(&source).unwrap().hash(&mut hasher);
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(3).unwrap().join("shims");
    let library = folder.join(format!("{name}-{:016x}.so", hasher.finish()));
    if library.is_file() {
        return library;
    }
    fs::create_dir_all(&folder).unwrap();
    let draft = tempfile::NamedTempFile::new_in(&folder).unwrap().into_temp_path();
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o"]).args([&*draft, &source]);
    let status = cc.status().unwrap_or_else(|error| panic!("{cc:?}: {error}"));
    assert!(status.success(), "{cc:?} failed ({status})");
    draft.persist(&library).unwrap();
    library
}
