//! `ui/src/ipc/gen`: the TypeScript side of the engine's commands.
//!
//! Each exported type is a test of the engine that writes its file (ts-rs), so generating them is
//! running those tests into a clean folder.

use std::path::{Path, PathBuf};

use crate::{
    diff,
    shell::{Outcome, cargo, root, run, target},
};

/// Writes the bindings.
pub fn write() -> Outcome {
    let generated = target("bindings");
    generate(&generated)?;
    diff::copy(&generated, &committed(), false)
}

/// Fails if the committed bindings are not those of the engine of now.
pub fn check() -> Outcome {
    let generated = target("bindings");
    generate(&generated)?;
    diff::expect_same(&committed(), &generated, "run `cargo xtask bindings` and commit the result")
}

fn committed() -> PathBuf {
    root().join("ui/src/ipc/gen")
}

fn generate(into: &Path) -> Outcome {
    diff::fresh(into)?;
    run(cargo(["test", "--quiet", "--package", "usher-engine", "--lib", "--", "export_"])
        .env("TS_RS_EXPORT_DIR", into))
}
