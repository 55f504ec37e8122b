//! `cargo xtask`: everything that is done to this repository, under one command.
//!
//! The only place that knows how to prepare a machine. Plain standard library, so that it compiles
//! in a second; deliberately absent: configuration, parallel steps, anything that guesses.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a build tool reads the environment, takes the time and talks to a terminal"
)]

mod audit;
mod bench;
mod bindings;
mod diff;
mod fuzz;
mod icons;
mod prepare;
mod shell;
mod sqlx;
mod start;
mod test;

use std::{env, process::ExitCode};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  run [--release] [-- WORDS]   prepares the machine, builds Usher and starts it
  test [--long]                every check and every test
  fuzz [TARGET] [--seconds N]  looks for inputs that break a law; `fuzz --help` lists the targets
  bench [WORDS]                measures release builds beside rivals; `bench --help` lists the words
  package                      makes the packages to install, in target/release/bundle

  bindings [--check]           writes the TypeScript types of the engine's commands to ui/src/ipc/gen
  sqlx [--check]               writes what the database knows about every query to .sqlx
  icons                        draws every icon from icons/usher.svg
";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["run", "--", rest @ ..] | ["run", rest @ ..] => start::run_app(rest),
        ["test"] => test::all(false),
        ["test", "--long"] => test::all(true),
        ["fuzz", rest @ ..] => fuzz::look(rest),
        ["bench", rest @ ..] => bench::measure(rest),
        ["package", rest @ ..] => start::package(rest),
        ["icons"] => icons::draw(),
        ["bindings"] => bindings::write(),
        ["bindings", "--check"] => bindings::check(),
        ["sqlx"] => sqlx::write(),
        ["sqlx", "--check"] => sqlx::check(),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            if !reason.is_empty() {
                eprintln!("xtask: {reason}");
            }
            ExitCode::FAILURE
        }
    }
}
