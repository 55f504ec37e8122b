//! The benches of `cargo xtask bench`: release builds, measured from outside, beside what a person
//! would write instead.
//!
//! Everything it says holds for the machine it ran on; only ratios within one run are compared with
//! an aim. Linux only: it reads `/proc`.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench fails by panicking, prints what it found, and takes the time"
)]

mod ceiling;
mod figures;
mod flood;
mod forward;
mod frames;
mod load;
mod million;
mod minute;
mod payload;
mod proc;
mod report;
mod rounds;
mod scroll;
mod search;
mod server;
mod traffic;
mod window;

use std::path::Path;

use crate::report::Report;
use crate::rounds::Plan;
use crate::server::Disk;

struct Words {
    only: Vec<String>,
    rounds: Option<u32>,
    seconds: Option<u64>,
    flush_ms: u32,
    quick: bool,
    million: bool,
    messages: u64,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [ceiling, folder] = words.as_slice()
        && ceiling == "--ceiling"
    {
        ceiling::serve(Path::new(folder));
        return;
    }
    match read(&words) {
        Some(read) => measure(&read, &words),
        None => {
            eprintln!("These words are not understood. `cargo xtask bench --help` lists them.");
            std::process::exit(2);
        }
    }
}

fn read(words: &[String]) -> Option<Words> {
    let mut read = Words {
        only: Vec::new(),
        rounds: None,
        seconds: None,
        flush_ms: 5,
        quick: false,
        million: false,
        messages: 1_000_000,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--only" => read.only = words.next()?.split(',').map(str::to_owned).collect(),
            "--rounds" => read.rounds = Some(words.next()?.parse().ok()?),
            "--seconds" => read.seconds = Some(words.next()?.parse().ok()?),
            "--slow-disk" => read.flush_ms = words.next()?.parse().ok()?,
            "--messages" => read.messages = words.next()?.parse().ok()?,
            "--quick" => read.quick = true,
            "--million" => read.million = true,
            _ => return None,
        }
    }
    let known = [
        "servers", "slow", "flood", "forward", "window", "minute", "payload", "million", "search",
        "scroll",
    ];
    read.only.iter().all(|part| known.contains(&part.as_str())).then_some(read)
}

fn measure(words: &Words, said: &[String]) {
    let wanted = |part: &str| match words.only.as_slice() {
        [] => !["search", "scroll"].contains(&part) && (part != "million" || words.million),
        only => only.iter().any(|name| name == part),
    };
    let plan = Plan {
        rounds: words.rounds.unwrap_or(if words.quick { 1 } else { 5 }).max(1),
        closed: if words.quick { 2 } else { 5 },
        open: if words.quick { 3 } else { 12 },
    };
    let (servers, slow) = (wanted("servers"), wanted("slow"));
    if servers || slow {
        server::install();
    }
    let mut report = Report::new(said);
    if servers {
        rounds::compare(Disk::Real, plan, &mut report);
        report.write();
    }
    if slow {
        rounds::compare(Disk::Slow(words.flush_ms), plan, &mut report);
        report.write();
    }
    if wanted("flood") {
        flood::measure(plan, &mut report);
        report.write();
    }
    if wanted("forward") {
        forward::measure(plan, &mut report);
        report.write();
    }
    if wanted("minute") {
        minute::measure(words.seconds.unwrap_or(if words.quick { 10 } else { 60 }), &mut report);
        report.write();
    }
    if wanted("window") {
        window::measure(&mut report);
        report.write();
    }
    if wanted("payload") {
        payload::measure(&mut report);
        report.write();
    }
    if wanted("million") {
        million::measure(words.messages, &mut report);
        report.write();
    }
    let then = million::Then { search: wanted("search"), scroll: wanted("scroll") };
    if then.search || then.scroll {
        million::only(words.messages, then, &mut report);
    }
    report.finish();
}
