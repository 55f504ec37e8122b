//! What the tests are made of: an engine on a folder of its own, a browser with a screen of its own.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the kit is part of the tests: it fails by panicking, and reads their environment"
)]

pub mod app;
pub mod bin;
#[cfg(feature = "window")]
pub mod desktop;
pub mod devserver;
pub mod dice;
#[cfg(target_os = "linux")]
pub mod fault;
pub mod file;
pub mod fuzz;
pub mod load;
#[cfg(feature = "window")]
mod locator;
pub mod merge;
#[cfg(target_os = "linux")]
pub mod power;
#[cfg(feature = "window")]
pub mod process;
pub mod rounds;
#[cfg(target_os = "linux")]
pub mod shim;
#[cfg(target_os = "linux")]
pub mod siege;
#[cfg(feature = "window")]
pub mod webdriver;
pub mod wire;

use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// A program of the build that the tests belong to, such as `usher`.
///
/// # Panics
/// When it was not built.
pub fn built(program: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap();
    let path = folder.join(format!("{program}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} is not built; run `cargo xtask test`", path.display());
    path
}
