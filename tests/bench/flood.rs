//! Good messages while somebody forges others: how much slower they are, and what stays on disk.
//!
//! The same load alone and under the flood, in turn, on one server; only the ratio of a pair is claimed.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::figures::{Spread, short};
use crate::load::{Shape, send};
use crate::report::{Bar, Report};
use crate::rounds::Plan;
use crate::server::{Contestant, Disk, Server, refused_rows};
use crate::traffic::Traffic;

/// Forged messages a second.
const FORGED: u32 = 500;

/// Measures and adds what was found to the report.
pub fn measure(plan: Plan, report: &mut Report) {
    println!("Good messages beside {FORGED} forged ones a second");
    let server = Server::start(Contestant::Usher, Disk::Real, 1_000);
    let forged = Arc::new(Traffic::forged(server.traffic.path(), 1_000));
    let lasts = Duration::from_secs(plan.closed);
    let closed = Shape::Closed { connections: 64, lasts };
    send(server.address, &server.traffic, closed);
    let mut ratios = Vec::new();
    let mut bad = 0;
    for _ in 0..plan.rounds.max(3) {
        let alone = send(server.address, &server.traffic, closed);
        let flood = {
            let (address, forged) = (server.address, Arc::clone(&forged));
            let shape = Shape::Open { connections: 32, per_second: FORGED, lasts };
            thread::spawn(move || send(address, &forged, shape))
        };
        let beside = send(server.address, &server.traffic, closed);
        let flood = flood.join().expect("the forger ends well");
        assert_eq!(flood.good(), 0, "nothing forged is accepted");
        bad += alone.bad() + beside.bad();
        let rate = |run: &crate::load::Run| run.good() as f64 / run.seconds;
        println!("  {:>7}/s alone, {:>7}/s beside", short(rate(&alone)), short(rate(&beside)));
        ratios.push(rate(&beside) / rate(&alone));
    }
    let data = server.data.clone();
    let (_, home) = server.stop();
    let kept = refused_rows(&data);
    drop(home);
    let ratio = Spread::of(ratios);
    report.section(format!("Beside {FORGED} forged messages a second"), "");
    report.text(&format!(
        "64 connections send good messages, alone and beside the flood in turn: {ratio} of the rate \
         remains. {bad} good ones were not answered 2xx. Of {} forged ones {kept} were kept.\n",
        forged.taken(),
    ));
    report.bar(Bar::least("beside a flood: share of the rate that remains", 0.9, ratio.median));
    report.bar(Bar::most("beside a flood: forged messages kept", 1_000.0, kept as f64));
    report.json(
        "flood",
        json!({ "ratio": ratio.json(), "forged": forged.taken(), "kept": kept, "not2xx": bad }),
    );
}
