//! `test`: every check there is, cheap ones first, stopping at the first that fails.
//!
//! The tests themselves are the last step and one single run, so that their summary is the last
//! thing on the screen. Every cargo step names the same packages and features: other ones would
//! compile the dependencies a second time.

use std::{process::Command, time::Instant};

use crate::{
    audit, bindings, prepare,
    shell::{Outcome, cargo, program, run, succeeds},
    sqlx,
};

const FEATURES: &str = "usher-desktop/custom-protocol,usher-tests/window";

/// Runs them all. With `long`, also the tests that are ignored for their length.
pub fn all(long: bool) -> Outcome {
    let mut steps = Steps::default();
    steps.step("prepare the machine", || {
        prepare::build()?;
        prepare::test()?;
        prepare::npm()?;
        prepare::tool("nextest")?;
        prepare::tool("deny").map(drop)
    })?;
    steps.step("rustfmt", || run(&mut cargo(["fmt", "--all", "--check"])))?;
    steps.step("bindings", bindings::check)?;
    steps.step("sqlx", sqlx::check)?;
    steps.step("ui typecheck", || run(&mut npm("typecheck")))?;
    steps.step("ui lint", || run(&mut npm("lint")))?;
    steps.step("ui test", || run(&mut npm("test")))?;
    steps.step("ui build", || run(&mut npm("build")))?;
    steps.step("clippy", || {
        run(whole("clippy").args(["--all-targets", "--", "--deny", "warnings"]))
    })?;
    steps.step("cargo-deny", deny)?;
    steps.step("npm audit", audit::check)?;
    steps.step("doctests", || run(whole("test").arg("--doc")))?;
    steps.step("build", || run(whole("build").arg("--bins")))?;
    steps.report();

    let mut tests = prepare::tool("nextest")?;
    tests.args(["run", "--workspace", "--features", FEATURES]);
    tests.args(["--config-file", ".ci/nextest.toml"]);
    if long {
        tests.args(["--run-ignored", "all"]);
    }
    run(&mut tests).map_err(|_| String::new())
}

/// Rust's dependencies against `.deny.toml`, and against the known advisories where
/// their database can be reached.
fn deny() -> Outcome {
    let check = |what: &[&str]| {
        let mut command = prepare::tool("deny")?;
        command.args(["--config", ".deny.toml", "--log-level", "error", "check"]);
        run(command.arg("--hide-inclusion-graph").args(what))
    };
    check(&["bans", "licenses", "sources"])?;
    let mut fetch = prepare::tool("deny")?;
    if succeeds(fetch.args(["--config", ".deny.toml", "fetch", "db"])) {
        return check(&["advisories"]);
    }
    println!("advisories: not checked, their database cannot be reached from here");
    Ok(())
}

fn whole(verb: &str) -> Command {
    let mut command = cargo([verb]);
    command.args(["--quiet", "--workspace", "--features", FEATURES]);
    command
}

fn npm(script: &str) -> Command {
    let mut command = program("npm");
    command.args(["--prefix", "ui", "run", "--silent", script]);
    command
}

#[derive(Default)]
struct Steps {
    done: Vec<(&'static str, f32)>,
}

impl Steps {
    fn step(&mut self, name: &'static str, work: impl FnOnce() -> Outcome) -> Outcome {
        println!("── {name}");
        let begun = Instant::now();
        let outcome = work();
        let seconds = begun.elapsed().as_secs_f32();
        self.done.push((name, seconds));
        outcome.map_err(|reason| format!("{name} failed after {seconds:.1} s\n{reason}"))
    }

    fn report(&self) {
        println!("── done");
        for (name, seconds) in &self.done {
            println!("{seconds:7.1} s  {name}");
        }
        println!("── tests");
    }
}
