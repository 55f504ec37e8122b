//! `usher`: the headless host and the command line, over the same engine and files as the window.
//!
//! Data goes to stdout, words for people to stderr. Deliberately absent: anything the window cannot
//! do; every command is a call of the engine's own verbs.

#[path = "usher/cli.rs"]
mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
