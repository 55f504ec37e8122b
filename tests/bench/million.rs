//! A million messages through the real listener, and the window on what they leave.
//!
//! They are sent and not written behind its back, since its memory on the way is the question.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::figures::{mib, short, table};
use crate::load::{Shape, send};
use crate::proc;
use crate::report::{Bar, Report};
use crate::server::{Contestant, Disk, Server, largest};
use crate::traffic::BODY;
use crate::{scroll, search, window};

const PARTS: u64 = 10;

/// What is done with the messages of a large file, beside `million`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Then {
    /// They are searched.
    pub search: bool,
    /// They are scrolled in the window.
    pub scroll: bool,
}

/// Sends `messages` and searches or scrolls them.
pub fn only(messages: u64, then: Then, report: &mut Report) {
    println!("{messages} messages into one file");
    let server = Server::start(Contestant::Usher, Disk::Real, 10_000);
    let shape = Shape::Count { connections: 64, messages };
    let bad = send(server.address, &server.traffic, shape).bad();
    assert_eq!(bad, 0, "messages were not answered 2xx");
    let (sent, data) = (server.traffic.taken(), server.data.clone());
    let (_, home) = server.stop();
    if then.search {
        search::on(&data, sent, report);
    }
    if then.scroll {
        scroll::on(&data, sent, report);
    }
    drop(home);
}

/// Sends `messages` in ten parts and adds what was found to the report.
pub fn measure(messages: u64, report: &mut Report) {
    println!("{messages} messages into one file");
    let server = Server::start(Contestant::Usher, Disk::Real, 10_000);
    let idle = mib(proc::rss_kib(server.pid()));
    let (mut rows, mut memory, mut wal, mut bad, mut json_rows) =
        (Vec::new(), Vec::new(), 0, 0, Vec::new());
    for _ in 0..PARTS {
        let shape = Shape::Count { connections: 64, messages: messages / PARTS };
        let run = send(server.address, &server.traffic, shape);
        let rate = run.good() as f64 / run.seconds;
        wal = wal.max(server.wal_bytes());
        bad += run.bad();
        thread::sleep(Duration::from_secs(1));
        let now = mib(proc::rss_kib(server.pid()));
        println!(
            "  {:>9} stored, {:>7}/s, {} MiB",
            server.traffic.taken(),
            short(rate),
            short(now)
        );
        memory.push(now);
        rows.push(vec![
            server.traffic.taken().to_string(),
            short(rate),
            short(now),
            short(server.wal_bytes() as f64 / 1_048_576.0),
        ]);
        json_rows.push(
            json!({ "stored": server.traffic.taken(), "messagesPerSecond": rate, "rssMiB": now }),
        );
    }
    let sent = server.traffic.taken();
    let data = server.data.clone();
    let (bytes, home) = server.stop();
    let each = bytes as f64 / sent as f64;
    let growth = memory.last().unwrap() - memory[1];

    report.section(format!("{sent} messages in one file"), "");
    report.text(&format!(
        "`usher listen` took {} MiB before the first message. On disk a message takes {} bytes, its \
         body being {BODY}. {bad} were not answered 2xx.\n\n",
        short(idle),
        short(each),
    ));
    let parts = largest(&data);
    report.text(&table(&["stored", "messages/s", "memory MiB", "write-ahead log MiB"], &rows));
    let parts =
        parts.into_iter().map(|(name, bytes)| vec![name, short(bytes as f64 / sent as f64)]);
    report.text("\n");
    report.text(&table(&["table or index", "bytes a message"], &parts.collect::<Vec<_>>()));
    report.bar(Bar::most("the million: memory, MiB", 40.0, *memory.last().unwrap()));
    report.bar(Bar::most("the million: growth over the last 800,000, MiB", 4.0, growth));
    report.bar(Bar::most("the million: bytes a message", 1.35 * BODY as f64 + 300.0, each));
    report.bar(Bar::most("the million: write-ahead log, MiB", 16.0, wal as f64 / 1_048_576.0));
    report.json("million", json!({ "parts": json_rows, "bytesPerMessage": each, "not2xx": bad }));
    window::on(&data, &format!("{sent} messages"), "windowMillion", 600.0, report);
    search::on(&data, sent, report);
    scroll::on(&data, sent, report);
    drop(home);
}
