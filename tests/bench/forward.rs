//! The listener while it forwards: to nobody, to an app that answers, to one that fails, to one that
//! hangs.
//!
//! Each case has a server and a folder of its own in every round, and the order turns from round to
//! round; only ratios to the case without a target are claimed. The app is in this process, so that what
//! it costs to answer is paid by the same cores, as it is on a desk. Deliberately absent: how fast
//! everything is forwarded, since a listener under this load goes first and the rest waits its turn.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::figures::{Latency, Spread, short, table};
use crate::load::{Shape, send};
use crate::proc;
use crate::report::{Bar, Report};
use crate::rounds::Plan;
use crate::server::{Contestant, Disk, Server, objects, usher};

/// The app that messages are forwarded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum App {
    None,
    Answers,
    Fails,
    Hangs,
}

const ALL: [App; 4] = [App::None, App::Answers, App::Fails, App::Hangs];

impl App {
    fn name(self) -> &'static str {
        match self {
            Self::None => "no target",
            Self::Answers => "answers 200",
            Self::Fails => "answers 500",
            Self::Hangs => "never answers",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Answers => "answers",
            Self::Fails => "fails",
            Self::Hangs => "hangs",
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    rate: f64,
    closed: Latency,
    open: Latency,
    cpu_us: f64,
    attempts: u64,
    stored: u64,
    bad: usize,
}

/// Measures and adds what was found to the report.
pub fn measure(plan: Plan, report: &mut Report) {
    println!("The listener beside apps that messages are forwarded to");
    let mut rounds: Vec<[Cell; 4]> = Vec::new();
    let mut loads = Vec::new();
    for number in 0..plan.rounds.max(3) as usize {
        loads.push(proc::load());
        let mut cells = [None; 4];
        for turn in 0..ALL.len() {
            let at = (turn + number) % ALL.len();
            let cell = case(ALL[at], plan);
            println!(
                "  {:<14}{:>8}/s, p99 {} ms; {} of {} forwarded",
                ALL[at].name(),
                short(cell.rate),
                short(cell.closed.p99),
                cell.attempts,
                cell.stored,
            );
            cells[at] = Some(cell);
        }
        rounds.push(cells.map(|cell| cell.expect("every case has its turn")));
    }
    tell(&rounds, Spread::of(loads), report);
}

fn case(app: App, plan: Plan) -> Cell {
    let server = Server::start(Contestant::Usher, Disk::Real, 1_000);
    let target = (app != App::None).then(|| Target::start(app));
    if let Some(target) = &target {
        let url = format!("http://127.0.0.1:{}/api/webhooks", target.port);
        objects(usher(&server.data).args(["forwards", "add", &url]));
    }
    let lasts = Duration::from_secs(plan.closed);
    let calm = Shape::Open { connections: 64, per_second: 500, lasts };
    let open = send(server.address, &server.traffic, calm);
    let before = proc::cpu_us(server.pid());
    let closed = send(server.address, &server.traffic, Shape::Closed { connections: 64, lasts });
    let cpu = proc::cpu_us(server.pid()) - before;
    Cell {
        rate: closed.good() as f64 / closed.seconds,
        closed: Latency::of(&closed),
        open: Latency::of(&open),
        cpu_us: cpu as f64 / closed.good().max(1) as f64,
        attempts: target.map_or(0, |target| target.asked.load(Relaxed)),
        stored: server.traffic.taken(),
        bad: open.bad() + closed.bad(),
    }
}

fn tell(rounds: &[[Cell; 4]], load: Spread, report: &mut Report) {
    let over = |at: usize, of: fn(&Cell) -> f64| Spread::of(rounds.iter().map(|r| of(&r[at])));
    let ratio = |at: usize, of: fn(&Cell) -> f64| {
        Spread::of(rounds.iter().map(|round| of(&round[at]) / of(&round[0])))
    };
    let rows: Vec<Vec<String>> = (0..ALL.len())
        .map(|at| {
            let bad: usize = rounds.iter().map(|round| round[at].bad).sum();
            vec![
                ALL[at].name().to_owned(),
                over(at, |cell| cell.rate).to_string(),
                ratio(at, |cell| cell.rate).to_string(),
                short(over(at, |cell| cell.closed.p99).median),
                ratio(at, |cell| cell.closed.p99).to_string(),
                short(over(at, |cell| cell.open.p99).median),
                ratio(at, |cell| cell.open.p99).to_string(),
                short(over(at, |cell| cell.cpu_us).median),
                short(over(at, |cell| cell.attempts as f64).median),
                short(over(at, |cell| cell.stored as f64).median),
                bad.to_string(),
            ]
        })
        .collect();
    report.section(
        "Beside an app that messages are forwarded to",
        &format!(
            "{} rounds, each case on a folder of its own, the load of the machine before a round being \
             {load}. First 500 messages a second are sent, then 64 connections send as fast as they are \
             answered. × is the ratio to no target in the same round; attempts are those made until the \
             end of the load, the app being on the same cores.\n",
            rounds.len(),
        ),
    );
    let head = [
        "the app",
        "messages/s",
        "×",
        "p99 ms",
        "×",
        "p99 ms at 500/s",
        "×",
        "CPU µs/message",
        "attempts",
        "of messages",
        "not 2xx",
    ];
    report.text(&table(&head, &rows));
    for at in [2, 3] {
        let what = format!("an app that {}: share of the rate that remains", ALL[at].name());
        report.bar(Bar::least(what, 0.9, ratio(at, |cell| cell.rate).median));
    }
    let cases = ALL.iter().enumerate().map(|(at, app)| {
        let cell = |cell: &Cell| {
            json!({
                "messagesPerSecond": cell.rate, "latencyMs": cell.closed.json(),
                "latencyAt500Ms": cell.open.json(), "cpuUs": cell.cpu_us,
                "attempts": cell.attempts, "stored": cell.stored, "not2xx": cell.bad,
            })
        };
        let rounds: Vec<_> = rounds.iter().map(|round| cell(&round[at])).collect();
        json!({ "app": app.key(), "ratio": ratio(at, |cell| cell.rate).json(), "rounds": rounds })
    });
    let cases: Vec<_> = cases.collect();
    report.json("forward", json!({ "machineLoad": load.json(), "cases": cases }));
}

/// A running app, which ends with this process.
struct Target {
    port: u16,
    asked: Arc<AtomicU64>,
}

impl Target {
    fn start(app: App) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&asked);
        thread::spawn(move || {
            // Attempts are few at once, and one that hangs has to keep its connection open.
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                if app == App::Hangs {
                    count.fetch_add(1, Relaxed);
                    open.push(stream);
                    continue;
                }
                // One that was given up is none of our business.
                if answer(stream, app).is_ok() {
                    count.fetch_add(1, Relaxed);
                }
            }
        });
        Self { port, asked }
    }
}

fn answer(stream: TcpStream, app: App) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0_u64;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim_end().is_empty() {
            break;
        }
        if let Some(("content-length", value)) = line.to_lowercase().split_once(": ") {
            length = value.trim().parse().expect("a length is a number");
        }
    }
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
    let status = if app == App::Answers { "200 OK" } else { "500 Internal Server Error" };
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    reader.get_mut().write_all(head.as_bytes())
}
