//! Usher and its rivals, side by side: in every round each server starts on an empty folder, and each
//! load is put on one after the other, the order turning from round to round.
//!
//! Only ratios within a round are claimed, since a shared disk and processor move the absolute
//! figures. Deliberately absent: tuning of anyone.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::figures::{Latency, Spread, mib, short, table};
use crate::load::{Shape, send};
use crate::proc;
use crate::report::{Bar, Report};
use crate::server::{ALL, Contestant, Disk, Server};
use crate::traffic::BODY;

/// People in a block of the traffic.
const PEOPLE: u64 = 1_000;
/// After a load, until what a server does later is done and counted.
const AFTERWARDS: Duration = Duration::from_millis(500);

const MANY: &str = "closed, 64 connections";
const ONE: &str = "closed, 1 connection";
const CALM: &str = "open, 500/s";
const BUSY: &str = "open, 2,000/s";

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Rounds.
    pub rounds: u32,
    /// Seconds of a closed loop.
    pub closed: u64,
    /// Seconds of an open loop.
    pub open: u64,
}

struct Cell {
    rate: f64,
    latency: Latency,
    cpu_us: f64,
    memory: f64,
    bad: usize,
    own_us: f64,
}

struct Round {
    cells: BTreeMap<(usize, Contestant), Cell>,
    /// Bytes on disk for a message, and the highest write-ahead log seen, MiB.
    disk: BTreeMap<Contestant, (f64, f64)>,
    flush_ms: (f64, f64),
    load: f64,
}

/// Measures on this disk and adds what was found to the report.
pub fn compare(disk: Disk, plan: Plan, report: &mut Report) {
    let loads = loads(disk, plan);
    let mut rounds = Vec::new();
    for number in 0..plan.rounds {
        println!("Round {} of {} ({})", number + 1, plan.rounds, title(disk));
        rounds.push(round(disk, &loads, number as usize));
    }
    let names: Vec<&str> = loads.iter().map(|(name, _)| *name).collect();
    report.section(title(disk), &preface(&rounds));
    report.text(&figures(&names, &rounds));
    report.text("\nUsher against each rival, by round: median [lowest..highest].\n\n");
    report.text(&ratios(&names, &rounds));
    bars(disk, &names, &rounds, report);
    report.json(
        key(disk),
        json!({ "rounds": rounds.iter().map(|r| r.json(&names)).collect::<Vec<_>>() }),
    );
}

fn title(disk: Disk) -> String {
    match disk {
        Disk::Real => "Signed 4 KiB messages, real disk".to_owned(),
        Disk::Slow(ms) => format!("The same on a disk whose flush takes {ms} ms"),
    }
}

fn key(disk: Disk) -> &'static str {
    match disk {
        Disk::Real => "servers",
        Disk::Slow(_) => "slowDisk",
    }
}

fn loads(disk: Disk, plan: Plan) -> Vec<(&'static str, Shape)> {
    let closed =
        |connections| Shape::Closed { connections, lasts: Duration::from_secs(plan.closed) };
    let open = |per_second| Shape::Open {
        connections: 64,
        per_second,
        lasts: Duration::from_secs(plan.open),
    };
    match disk {
        Disk::Real => {
            vec![(MANY, closed(64)), (ONE, closed(1)), (CALM, open(500)), (BUSY, open(2_000))]
        }
        Disk::Slow(_) => vec![(MANY, closed(64)), (ONE, closed(1))],
    }
}

fn round(disk: Disk, loads: &[(&str, Shape)], turn: usize) -> Round {
    let mut order = ALL;
    order.rotate_left(turn % ALL.len());
    let load = proc::load();
    let servers: Vec<(Contestant, Server)> =
        order.iter().map(|&who| (who, Server::start(who, disk, PEOPLE))).collect();
    for (_, server) in &servers {
        let warm = Shape::Closed { connections: 64, lasts: Duration::from_millis(1_500) };
        send(server.address, &server.traffic, warm);
    }
    let mut cells = BTreeMap::new();
    let mut wal = BTreeMap::new();
    for (at, (name, shape)) in loads.iter().enumerate() {
        for (who, server) in &servers {
            let cell = measure(server, *shape);
            println!("  {name:<24}{:<12}{:>9}/s", who.name(), short(cell.rate));
            cells.insert((at, *who), cell);
            let highest: &mut u64 = wal.entry(*who).or_default();
            *highest = server.wal_bytes().max(*highest);
        }
    }
    let flush_ms = proc::flush_ms(&crate::server::folder());
    let disk = servers.into_iter().map(|(who, server)| {
        let messages = server.traffic.taken() as f64;
        let (bytes, _home) = server.stop();
        (who, (bytes as f64 / messages, wal[&who] as f64 / 1_048_576.0))
    });
    Round { cells, disk: disk.collect(), flush_ms, load }
}

fn measure(server: &Server, shape: Shape) -> Cell {
    thread::sleep(AFTERWARDS);
    let before = proc::cpu_us(server.pid());
    let run = send(server.address, &server.traffic, shape);
    let memory = mib(proc::rss_kib(server.pid()));
    thread::sleep(AFTERWARDS);
    let cpu = proc::cpu_us(server.pid()) - before;
    Cell {
        rate: run.good() as f64 / run.seconds,
        latency: Latency::of(&run),
        cpu_us: cpu as f64 / run.good().max(1) as f64,
        memory,
        bad: run.bad(),
        own_us: run.own_us,
    }
}

fn preface(rounds: &[Round]) -> String {
    let median = |of: fn(&Round) -> f64| short(Spread::of(rounds.iter().map(of)).median);
    let own = rounds.iter().flat_map(|round| round.cells.values().map(|cell| cell.own_us));
    format!(
        "{} rounds. Flushing 4 KiB took {} ms (99th percentile {} ms), the load of the machine before \
         a round was {}, the sender itself needed {} µs of processor time for a message. Latencies \
         are milliseconds; in the open loop they count from the time a message was due.\n",
        rounds.len(),
        median(|round| round.flush_ms.0),
        median(|round| round.flush_ms.1),
        median(|round| round.load),
        short(Spread::of(own).median),
    )
}

fn figures(names: &[&str], rounds: &[Round]) -> String {
    let mut rows = Vec::new();
    for (at, name) in names.iter().enumerate() {
        for who in ALL {
            let over = |of: fn(&Cell) -> f64| {
                Spread::of(rounds.iter().map(|round| of(&round.cells[&(at, who)])))
            };
            let disk = Spread::of(rounds.iter().map(|round| round.disk[&who].0));
            let bad: usize = rounds.iter().map(|round| round.cells[&(at, who)].bad).sum();
            rows.push(vec![
                (*name).to_owned(),
                who.name().to_owned(),
                over(|cell| cell.rate).to_string(),
                short(over(|cell| cell.latency.p50).median),
                short(over(|cell| cell.latency.p99).median),
                short(over(|cell| cell.latency.p999).median),
                short(over(|cell| cell.latency.max).max),
                short(over(|cell| cell.cpu_us).median),
                short(over(|cell| cell.memory).median),
                short(disk.median),
                bad.to_string(),
            ]);
        }
    }
    let head = [
        "load",
        "server",
        "messages/s",
        "p50",
        "p99",
        "p99.9",
        "max",
        "CPU µs/message",
        "memory MiB",
        "disk B/message",
        "not 2xx",
    ];
    table(&head, &rows)
}

fn ratio(rounds: &[Round], at: usize, rival: Contestant, of: fn(&Cell) -> f64) -> Spread {
    let cell = |round: &Round, who| of(&round.cells[&(at, who)]);
    Spread::of(rounds.iter().map(|round| cell(round, Contestant::Usher) / cell(round, rival)))
}

fn ratios(names: &[&str], rounds: &[Round]) -> String {
    let mut rows = Vec::new();
    for (at, name) in names.iter().enumerate() {
        for rival in &ALL[1..] {
            rows.push(vec![
                (*name).to_owned(),
                rival.name().to_owned(),
                ratio(rounds, at, *rival, |cell| cell.rate).to_string(),
                ratio(rounds, at, *rival, |cell| cell.latency.p99).to_string(),
                ratio(rounds, at, *rival, |cell| cell.cpu_us).to_string(),
                ratio(rounds, at, *rival, |cell| cell.memory).to_string(),
            ]);
        }
    }
    table(&["load", "Usher /", "messages/s", "p99", "CPU/message", "memory"], &rows)
}

fn bars(disk: Disk, names: &[&str], rounds: &[Round], report: &mut Report) {
    let at = |name: &str| names.iter().position(|other| *other == name).unwrap();
    let rate = |load, rival| ratio(rounds, at(load), rival, |cell| cell.rate).median;
    let own = |load, of: fn(&Cell) -> f64| {
        Spread::of(rounds.iter().map(|round| of(&round.cells[&(at(load), Contestant::Usher)])))
    };
    if let Disk::Slow(ms) = disk {
        let what = format!("64 connections, flush of {ms} ms: × Express");
        report.bar(Bar::least(what, 20.0, rate(MANY, Contestant::Express)));
        return;
    }
    for (rival, least) in
        [(Contestant::Express, 4.0), (Contestant::Fastify, 3.0), (Contestant::Ceiling, 0.4)]
    {
        let what = format!("64 connections: × {}", rival.name());
        report.bar(Bar::least(what, least, rate(MANY, rival)));
    }
    report.bar(Bar::least("1 connection: × Express", 1.2, rate(ONE, Contestant::Express)));
    let express = |load, of| ratio(rounds, at(load), Contestant::Express, of).median;
    report.bar(Bar::most(
        "64 connections: CPU per message, × Express",
        0.35,
        express(MANY, |cell| cell.cpu_us),
    ));
    report.bar(Bar::most(
        "open 2,000/s: p99, × Express",
        0.2,
        express(BUSY, |cell| cell.latency.p99),
    ));
    report.bar(Bar::most("open 2,000/s: longest, ms", 100.0, own(BUSY, |c| c.latency.max).max));
    report.bar(Bar::most("open 500/s: p99, ms", 10.0, own(CALM, |c| c.latency.p99).median));
    report.bar(Bar::most("memory, × Express", 0.25, express(BUSY, |cell| cell.memory)));
    let usher = |of: fn(&(f64, f64)) -> f64| {
        Spread::of(rounds.iter().map(|round| of(&round.disk[&Contestant::Usher])))
    };
    let most = 1.35 * BODY as f64 + 300.0;
    report.bar(Bar::most("disk, bytes a message", most, usher(|disk| disk.0).median));
    report.bar(Bar::most("write-ahead log, MiB", 16.0, usher(|disk| disk.1).max));
}

impl Round {
    fn json(&self, names: &[&str]) -> Value {
        let cells = self.cells.iter().map(|((at, who), cell)| {
            json!({
                "load": names[*at], "server": who.name(), "messagesPerSecond": cell.rate,
                "latencyMs": cell.latency.json(), "cpuUs": cell.cpu_us, "memoryMiB": cell.memory,
                "not2xx": cell.bad, "senderCpuUs": cell.own_us,
            })
        });
        let disk = self.disk.iter().map(|(who, (bytes, wal))| {
            json!({ "server": who.name(), "bytesPerMessage": bytes, "walMiB": wal })
        });
        json!({
            "cells": cells.collect::<Vec<_>>(), "disk": disk.collect::<Vec<_>>(),
            "flushMs": { "p50": self.flush_ms.0, "p99": self.flush_ms.1 }, "machineLoad": self.load,
        })
    }
}
