//! A minute of 500 messages per second into the real window, and into `usher listen` alone.
//!
//! The page notes each frame and which message is on top of its list; a message counts as shown when
//! it, or one sent after it, is on top. Deliberately absent: any change to the page that is measured.

use std::collections::HashMap;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use kit::built;
use kit::webdriver::{Launch, Session};
use serde_json::{Value, json};

use crate::figures::{Latency, Spread, mib, short, table};
use crate::load::{Run, Sample, Shape, send};
use crate::proc;
use crate::report::{Bar, Report};
use crate::server::{Contestant, Disk, Server, add_endpoint, home, objects, usher};
use crate::traffic::{EACH, Traffic};

const PER_SECOND: u32 = 500;
const CONNECTIONS: usize = 16;
const EVERY: Duration = Duration::from_secs(5);

/// Frames and the top of the list, noted from now on.
const RECORD: &str = r"
const seen = { gaps: [], tops: [], top: null, last: performance.now() };
window.usherBench = seen;
const frame = () => {
  const now = performance.now();
  seen.gaps.push(now - seen.last);
  seen.last = now;
  const row = document.querySelector('[role=option][aria-posinset=\'1\']');
  const found = row && /p(\d{8})@bench/.exec(row.textContent);
  if (found && found[1] !== seen.top) {
    seen.top = found[1];
    seen.tops.push([performance.timeOrigin + now, Number(found[1])]);
  }
  if (window.usherBench === seen) requestAnimationFrame(frame);
};
requestAnimationFrame(frame);";

const FRAMES: &str = "return window.usherBench.gaps.splice(0)";
const TOPS: &str = "const tops = window.usherBench.tops; window.usherBench = null; return tops";

struct Memory {
    name: String,
    cpu_us: u64,
    kib: Vec<u64>,
}

struct Minute {
    run: Run,
    family: Vec<Memory>,
    outcomes: Vec<(String, usize)>,
    contacts: usize,
}

/// With the window and without it; each adds a part to the report.
pub fn measure(seconds: u64, report: &mut Report) {
    println!("{seconds} s of {PER_SECOND} messages a second into the window");
    with_window(seconds, report);
    println!("{seconds} s of {PER_SECOND} messages a second into `usher listen`");
    without(seconds, report);
}

fn with_window(seconds: u64, report: &mut Report) {
    let home = home();
    let data = home.path().join("data");
    let path = add_endpoint(&data);
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let words = ["--data-dir", data.to_str().unwrap(), "--port", &port.to_string()];
    let launch = Launch {
        program: built("usher-desktop"),
        args: words.map(str::to_owned).to_vec(),
        env: Vec::new(),
    };
    let window = Session::window("bench-minute", &launch);
    window.css("a[href='/messages']").click();
    let pid = proc::find("usher-desktop", &data).expect("the window runs");
    let traffic = traffic(&path, seconds);
    let address = ([127, 0, 0, 1], port).into();
    one_by_one(address, &traffic, 1);
    window.css("[role=option][aria-posinset='1']").wait();
    window.execute(RECORD, &json!([]));
    thread::sleep(Duration::from_secs(3));
    let idle = gaps(&window);

    let (run, family) = watched(pid, || send(address, &traffic, shape(seconds)));
    let busy = gaps(&window);
    thread::sleep(Duration::from_secs(2));
    let calm = one_by_one(address, &traffic, 20);
    thread::sleep(Duration::from_secs(1));
    let tops = tops(&window, &traffic, run.samples.iter().chain(&calm));
    let minute = Minute { run, family, ..settled(&data) };
    drop(window);

    let shown = shown(&minute.run.samples, &tops);
    let never = minute.run.samples.len() - shown.len();
    let sent = calm.len();
    let calm = self::shown(&calm, &tops);
    let calm_never = sent - calm.len();
    let (all, calm) = (Latency::of_ms(shown), Latency::of_ms(calm));
    report.section(title(seconds, "the window on Messages"), "");
    minute.write("minuteWindow", seconds, report);
    let slow = |gaps: &[f64]| gaps.iter().filter(|gap| **gap > 100.0).count();
    let frames = |name: &str, gaps: &[f64]| {
        let latency = Latency::of_ms(gaps.iter().copied());
        let Latency { p50, p99, max, .. } = latency;
        let mut row = vec![name.to_owned(), gaps.len().to_string()];
        row.extend([p50, p99, max].map(short));
        row.push(slow(gaps).to_string());
        row
    };
    report.text("\n");
    report.text(&table(
        &["frames, ms between two", "frames", "p50", "p99", "longest", "over 100 ms"],
        &[frames("before", &idle), frames("during", &busy)],
    ));
    report.text("\n");
    let row = |name: &str, latency: &Latency, never: usize| {
        let cells = latency.cells();
        let mut row = vec![name.to_owned()];
        row.extend([0, 1, 3].map(|at| cells[at].clone()));
        row.push(never.to_string());
        row
    };
    report.text(&table(
        &["from answer to shown, ms", "p50", "p99", "longest", "never"],
        &[row("during", &all, never), row("one by one afterwards", &calm, calm_never)],
    ));
    report.bar(Bar::most("the minute: messages never shown", 0.0, (never + calm_never) as f64));
    report.bar(Bar::most("the minute: from answer to shown, longest, ms", 500.0, all.max));
    report.bar(Bar::most("the minute: frames over 100 ms", 0.0, slow(&busy) as f64));
    report.json(
        "minuteWindowPage",
        json!({
            "framesBefore": Latency::of_ms(idle).json(),
            "framesDuring": Latency::of_ms(busy.iter().copied()).json(),
            "framesOver100ms": slow(&busy), "answerToShownMs": all.json(), "neverShown": never,
            "answerToShownOneByOneMs": calm.json(),
        }),
    );
}

fn without(seconds: u64, report: &mut Report) {
    let people = u64::from(PER_SECOND) * seconds / EACH;
    let server = Server::start(Contestant::Usher, Disk::Real, people.max(1));
    one_by_one(server.address, &server.traffic, 1);
    let (run, family) =
        watched(server.pid(), || send(server.address, &server.traffic, shape(seconds)));
    thread::sleep(Duration::from_secs(1));
    let minute = Minute { run, family, ..settled(&server.data) };
    report.section(title(seconds, "`usher listen` alone"), "");
    minute.write("minuteListen", seconds, report);
}

fn title(seconds: u64, what: &str) -> String {
    format!("{seconds} s of {PER_SECOND} messages a second, {what}")
}

fn shape(seconds: u64) -> Shape {
    let lasts = Duration::from_secs(seconds);
    Shape::Open { connections: CONNECTIONS, per_second: PER_SECOND, lasts }
}

fn traffic(path: &str, seconds: u64) -> Arc<Traffic> {
    let people = u64::from(PER_SECOND) * seconds / EACH;
    Arc::new(Traffic::new(path, people.max(1)))
}

/// Messages with a pause after each.
fn one_by_one(
    address: std::net::SocketAddr,
    traffic: &Arc<Traffic>,
    messages: usize,
) -> Vec<Sample> {
    let mut samples = Vec::new();
    for _ in 0..messages {
        samples
            .extend(send(address, traffic, Shape::Count { connections: 1, messages: 1 }).samples);
        thread::sleep(Duration::from_millis(400));
    }
    samples
}

/// Runs `work` and looks at the memory and the processor time of a process and its children.
fn watched(pid: u32, work: impl FnOnce() -> Run + Send) -> (Run, Vec<Memory>) {
    let mut family: Vec<(u32, Memory)> = proc::family(pid)
        .into_iter()
        .map(|pid| {
            (pid, Memory { name: proc::name(pid), cpu_us: proc::cpu_us(pid), kib: Vec::new() })
        })
        .collect();
    let run = thread::scope(|scope| {
        let working = scope.spawn(work);
        let mut next = Instant::now();
        while !working.is_finished() {
            if Instant::now() >= next {
                next += EVERY;
                for (pid, memory) in &mut family {
                    memory.kib.push(proc::pss_kib(*pid));
                }
            }
            thread::sleep(Duration::from_millis(100));
        }
        working.join().unwrap()
    });
    for (pid, memory) in &mut family {
        memory.kib.push(proc::pss_kib(*pid));
        memory.cpu_us = proc::cpu_us(*pid).saturating_sub(memory.cpu_us);
    }
    (run, family.into_iter().map(|(_, memory)| memory).collect())
}

/// What became of the messages, asked of the command line.
fn settled(data: &Path) -> Minute {
    let mut outcomes: HashMap<String, usize> = HashMap::new();
    for message in objects(usher(data).args(["messages", "list", "--limit", "0"])) {
        *outcomes.entry(message["outcome"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let mut outcomes: Vec<(String, usize)> = outcomes.into_iter().collect();
    outcomes.sort();
    let contacts = objects(usher(data).args(["contacts", "list", "--limit", "0"])).len();
    let run = Run { seconds: 0.0, samples: Vec::new(), own_us: 0.0 };
    Minute { run, family: Vec::new(), outcomes, contacts }
}

fn gaps(window: &Session) -> Vec<f64> {
    let gaps = window.execute(FRAMES, &json!([]));
    gaps.as_array().unwrap().iter().filter_map(Value::as_f64).collect()
}

/// When which message came to the top of the list: microseconds since 1970 and its number.
fn tops<'a>(
    window: &Session,
    traffic: &Traffic,
    samples: impl Iterator<Item = &'a Sample>,
) -> Vec<(u64, u64)> {
    let mut of_person: HashMap<u64, Vec<(u64, u64)>> = HashMap::new();
    for sample in samples {
        let person = of_person.entry(traffic.person(sample.number)).or_default();
        person.push((sample.number, sample.answered_us));
    }
    let tops = window.execute(TOPS, &json!([]));
    let tops = tops.as_array().unwrap().iter().filter_map(|top| {
        let at = (top[0].as_f64()? * 1000.0) as u64;
        let messages = of_person.get(&top[1].as_u64()?)?;
        let answered = messages.iter().filter(|(_, answered)| *answered <= at + 100_000);
        Some((at, answered.map(|(number, _)| *number).max()?))
    });
    tops.collect()
}

/// Milliseconds from the answer until the message, or a later one, was on top.
fn shown(samples: &[Sample], tops: &[(u64, u64)]) -> Vec<f64> {
    let mut samples: Vec<_> = samples.iter().collect();
    samples.sort_by_key(|sample| sample.number);
    let mut delays = Vec::new();
    let mut tops = tops.iter().peekable();
    for sample in samples {
        while tops.next_if(|(_, number)| *number < sample.number).is_some() {}
        let Some((at, _)) = tops.peek() else { break };
        delays.push(at.saturating_sub(sample.answered_us) as f64 / 1000.0);
    }
    delays
}

impl Minute {
    fn write(&self, key: &str, seconds: u64, report: &mut Report) {
        let latency = Latency::of(&self.run);
        let stored: usize = self.outcomes.iter().map(|(_, count)| count).sum();
        let outcomes = self.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}"));
        let outcomes = outcomes.collect::<Vec<_>>().join(", ");
        report.text(&format!(
            "{} sent, {} answered 2xx, {} otherwise; {stored} stored in all: {outcomes}; {} contacts. \
             The load of the machine was {}.\n\n",
            self.run.samples.len(),
            self.run.good(),
            self.run.bad(),
            self.contacts,
            short(proc::load()),
        ));
        let [p50, p99, p999, max] = latency.cells();
        let rate = short(self.run.good() as f64 / self.run.seconds);
        report.text(&table(
            &["messages/s", "p50 ms", "p99", "p99.9", "longest"],
            &[vec![rate, p50, p99, p999, max]],
        ));
        report.text("\n");
        let mut rows: Vec<Vec<String>> = self.family.iter().map(|one| one.row(seconds)).collect();
        let total = self.total();
        if self.family.len() > 1 {
            rows.push(total.row(seconds));
        }
        report.text(&table(
            &["process", "PSS MiB first", "last", "highest", "CPU s", "of one core"],
            &rows,
        ));
        report.bar(Bar::most(
            format!("{key}: messages not answered 2xx"),
            0.0,
            self.run.bad() as f64,
        ));
        let family = self
            .family
            .iter()
            .map(|one| json!({ "process": one.name, "pssKiB": one.kib, "cpuUs": one.cpu_us }));
        report.json(
            key,
            json!({
                "sent": self.run.samples.len(), "good": self.run.good(), "stored": stored,
                "outcomes": self.outcomes, "contacts": self.contacts, "latencyMs": latency.json(),
                "processes": family.collect::<Vec<_>>(), "senderCpuUs": self.run.own_us,
            }),
        );
    }

    fn total(&self) -> Memory {
        let times = self.family.iter().map(|one| one.kib.len()).min().unwrap_or(0);
        let kib = (0..times).map(|at| self.family.iter().map(|one| one.kib[at]).sum());
        let cpu_us = self.family.iter().map(|one| one.cpu_us).sum();
        Memory { name: "all".to_owned(), cpu_us, kib: kib.collect() }
    }
}

impl Memory {
    fn row(&self, seconds: u64) -> Vec<String> {
        let highest = Spread::of(self.kib.iter().map(|kib| mib(*kib))).max;
        let end = |kib: Option<&u64>| kib.map_or("-".to_owned(), |kib| short(mib(*kib)));
        let cpu = self.cpu_us as f64 / 1_000_000.0;
        vec![
            self.name.clone(),
            end(self.kib.first()),
            end(self.kib.last()),
            short(highest),
            short(cpu),
            format!("{} %", short(cpu / seconds as f64 * 100.0)),
        ]
    }
}
