//! Running other programs from the root of the repository.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What went wrong, as one sentence for the person at the terminal.
pub type Outcome<T = ()> = Result<T, String>;

/// The root of the repository, as cargo names it when it runs us: a program that was compiled in a
/// copied folder would name the other one.
pub fn root() -> PathBuf {
    let here = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map_or_else(|| here.clone(), Path::to_path_buf)
}

/// A path below the one target directory that every command shares.
pub fn target(below: &str) -> PathBuf {
    let base = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    base.join(below)
}

/// A program that starts in the root.
///
/// What `cargo run` put into our own environment about the xtask package is taken out: build
/// scripts watch some of these variables and would run again on every change of caller.
pub fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    for (key, _) in env::vars_os() {
        let key = key.to_string_lossy();
        if key.starts_with("CARGO_PKG_") || key.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*key);
        }
    }
    command
}

/// `cargo` with these words, by the toolchain that runs us.
pub fn cargo<const N: usize>(words: [&str; N]) -> Command {
    let mut command = program(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(words);
    command
}

/// Runs to the end, its output going to ours.
pub fn run(command: &mut Command) -> Outcome {
    let status = command.status().map_err(|error| unstarted(command, &error))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("`{}` failed ({status})", line(command)))
}

/// Runs to the end and gives what it printed.
pub fn output(command: &mut Command) -> Outcome<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| unstarted(command, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("`{}` failed ({})", line(command), output.status))
}

/// Becomes the other program, so that it has the terminal and its signals to itself.
#[cfg(unix)]
pub fn become_program(command: &mut Command) -> Outcome {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(unstarted(command, &error))
}

/// Runs the other program in our place.
#[cfg(not(unix))]
pub fn become_program(command: &mut Command) -> Outcome {
    run(command)
}

/// Runs to the end, silently; true if it ended well.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// True if `name` is a program on PATH.
pub fn on_path(name: &str) -> bool {
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(name).is_file()))
}

fn unstarted(command: &Command, error: &std::io::Error) -> String {
    format!("`{}` did not start: {error}", line(command))
}

fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}
