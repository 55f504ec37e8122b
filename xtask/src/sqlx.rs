//! `.sqlx`: what the database says about every `query!`, so that a build needs no database.
//!
//! The macros write these files themselves when they are given a live database and a folder, so no
//! other tool is needed: make the database, make the engine compile again, keep what it wrote.

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{
    diff,
    shell::{Outcome, cargo, root, run, target},
};

const MIGRATIONS: &str = "src-tauri/engine/migrations";

/// Writes `.sqlx`. When the engine does not compile, what is new is still kept.
pub fn write() -> Outcome {
    let generated = target("sqlx/queries");
    let compiled = generate(&generated);
    diff::copy(&generated, &committed(), compiled.is_err())?;
    compiled
}

/// Fails if `.sqlx` is not what the migrations and queries of now would give.
pub fn check() -> Outcome {
    let generated = target("sqlx/queries");
    generate(&generated)?;
    diff::expect_same(&committed(), &generated, "run `cargo xtask sqlx` and commit the result")
}

fn committed() -> PathBuf {
    root().join(".sqlx")
}

fn generate(into: &Path) -> Outcome {
    diff::fresh(&target("sqlx"))?;
    diff::fresh(into)?;
    let database = target("sqlx/usher.db");
    run(cargo(["run", "--quiet", "--package", "usher-schema", "--", MIGRATIONS]).arg(&database))?;
    touch(&root().join("src-tauri/engine/src/lib.rs"))?;
    run(cargo(["check", "--quiet", "--package", "usher-engine", "--all-targets"])
        .env("DATABASE_URL", format!("sqlite://{}", database.display()))
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", into))
}

fn touch(path: &Path) -> Outcome {
    let now = SystemTime::now();
    File::options()
        .append(true)
        .open(path)
        .and_then(|file| file.set_modified(now))
        .map_err(|error| format!("{}: {error}", path.display()))
}
