//! `bench`: release builds, measured by `tests/bench`.
//!
//! Builds are named here so that the engine, the window and the bench share one set of compiled
//! dependencies. Without the window nothing of WebKit is built. Deliberately absent: figures.

use std::process::Command;

use crate::{
    prepare,
    shell::{Outcome, cargo, run},
    start,
};

const HELP: &str = "\
usage: cargo xtask bench [WORDS]

  --only A,B       only these: servers, slow, flood, forward, minute, window,
                   payload, million, search, scroll
  --rounds N       rounds of servers, slow, flood and forward (5)
  --seconds N      seconds of the minute (60)
  --slow-disk MS   how long a flush takes in slow (5)
  --quick          one short round of everything
  --million        also a million messages in one file
  --messages N     so many instead of a million

  servers   Usher, bare axum, Express and Fastify on the real disk, some 3 minutes a round
  slow      the same on a disk that is slow to flush, some 45 seconds a round
  flood     good messages beside forged ones, some 15 seconds a round
  forward   the listener beside an app that messages are forwarded to and that
            answers, fails or hangs, some 50 seconds a round
  minute    500 messages a second for a minute, with the window and without
  window    first paint, and memory and processor time at rest
  payload   a payload of 1 MB in the window: opened, scrolled, folded, searched
  million   a million messages in one file (6 GB): the window on them, searches, and
            the list scrolled in the window
  search    only the searches; also for fewer --messages
  scroll    only the scrolling; also for fewer --messages

The report goes to target/bench/bench.md and bench.json.
";

/// Builds what is measured and measures; the words go to the bench.
pub fn measure(words: &[&str]) -> Outcome {
    if words.iter().any(|word| ["--help", "-h"].contains(word)) {
        print!("{HELP}");
        return Ok(());
    }
    if !cfg!(target_os = "linux") {
        return Err("the benches read /proc and run on Linux only.".to_owned());
    }
    let only = words.iter().position(|word| *word == "--only").and_then(|at| words.get(at + 1));
    let window = only.is_none_or(|parts| {
        parts
            .split(',')
            .any(|part| ["window", "minute", "payload", "million", "scroll"].contains(&part))
    });
    if window {
        prepare::build()?;
        prepare::test()?;
        start::build_ui()?;
    } else {
        prepare::compiler()?;
    }
    let mut programs = all("build");
    programs.args(["--release", "--bin", "usher"]);
    if window {
        programs.args(["--bin", "usher-desktop"]);
    }
    run(&mut programs)?;
    run(all("bench").args(["--bench", "bench", "--"]).args(words))
}

fn all(verb: &str) -> Command {
    let mut command = cargo([verb]);
    for package in ["usher-engine", "usher-desktop", "usher-tests"] {
        command.args(["--package", package]);
    }
    command.args(["--features", "usher-desktop/custom-protocol,usher-tests/bench"]);
    command
}
