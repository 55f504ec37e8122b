//! How soon the window is there, and what it costs while nothing happens.
//!
//! The first paint is what a person sees: the screen's own memory is watched from the moment the
//! program is started until something stands in the window, and on until its list does: the frame of
//! the window is painted before any script has run. No driver is involved. The system's file cache is
//! warm from the second start on; the first one is told apart.

use std::fs;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use kit::built;
use kit::process::Process;
use serde_json::json;
use tempfile::TempDir;

use crate::figures::{Spread, mib, short, table};
use crate::proc;
use crate::report::{Bar, Report};
use crate::server::{add_endpoint, home};

const STARTS: usize = 7;
const SETTLES: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(10);
/// Colours of the grid below at which there is more than an empty window: text has many greys.
const COLOURS: usize = 12;
/// The place of the list in the window, pixels: right of the sidebar and below the head.
const LIST: (Range<usize>, Range<usize>) = (212..1280, 60..800);
/// Between two lines of the screen that are looked at, pixels.
const STEP: usize = 8;

/// Measures with an empty file and adds a part to the report.
pub fn measure(report: &mut Report) {
    println!("Starts of the window, and the window at rest");
    let home = home();
    let data = home.path().join("data");
    add_endpoint(&data);
    on(&data, "an empty file", "window", 500.0, report);
}

/// Measures with the data in this folder.
pub fn on(data: &Path, what: &str, key: &str, aim_ms: f64, report: &mut Report) {
    let screen = Screen::start();
    let starts: Vec<Start> = (0..STARTS).map(|_| screen.first_paint(data)).collect();
    let paint = Spread::of(starts[1..].iter().map(|start| start.content_ms));
    let list = Spread::of(starts[1..].iter().map(|start| start.list_ms));
    let pixels = Spread::of(starts[1..].iter().map(|start| start.pixels_ms));
    let log = screen.home.path().join("idle.log");
    let app = Process::start(&mut screen.app(data), &log);
    thread::sleep(SETTLES);
    let family = proc::family(app.id());
    let before: Vec<u64> = family.iter().map(|pid| proc::cpu_us(*pid)).collect();
    thread::sleep(IDLE);
    let mut rows = Vec::new();
    let (mut memory, mut cpu) = (0.0, 0.0);
    for (pid, before) in family.iter().zip(before) {
        let pss = mib(proc::pss_kib(*pid));
        let share = (proc::cpu_us(*pid) - before) as f64 / IDLE.as_micros() as f64 * 100.0;
        rows.push(vec![proc::name(*pid), short(pss), format!("{} %", short(share))]);
        memory += pss;
        cpu += share;
    }
    let own = mib(proc::pss_kib(app.id()));
    drop(app);
    rows.push(vec!["all".to_owned(), short(memory), format!("{} %", short(cpu))]);

    report.section(format!("The window, {what}"), "");
    report.text(&format!(
        "From start to the first paint: {paint} ms over {} starts ({} ms the very first time); the \
         window itself came up after {pixels} ms, and what the file holds was in it after {list} ms. \
         The load of the machine was {}.\n\nAt rest for {} s, {} s after the start:\n\n",
        STARTS - 1,
        short(starts[0].content_ms),
        short(proc::load()),
        IDLE.as_secs(),
        SETTLES.as_secs(),
    ));
    report.text(&table(&["process", "PSS MiB", "of one core"], &rows));
    report.bar(Bar::most(format!("first paint, {what}, ms"), aim_ms, paint.median));
    report.bar(Bar::most(format!("at rest, {what}: CPU, %"), 1.0, cpu));
    report.bar(Bar::most(format!("at rest, {what}: memory of all, MiB PSS"), 240.0, memory));
    report.bar(Bar::most(format!("at rest, {what}: memory of the app, MiB PSS"), 90.0, own));
    report.json(
        key,
        json!({
            "firstPaintMs": paint.json(), "firstStartMs": starts[0].content_ms,
            "windowMs": pixels.json(), "listMs": list.json(), "pssMiB": memory, "ownPssMiB": own, "idleCpuPercent": cpu,
        }),
    );
}

struct Start {
    pixels_ms: f64,
    content_ms: f64,
    list_ms: f64,
}

/// A screen nobody looks at, whose memory is a file. The kit's own keeps the file to itself.
struct Screen {
    _server: Process,
    display: String,
    home: TempDir,
}

impl Screen {
    fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let log = home.path().join("screen.log");
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]);
        command.arg("-fbdir").arg(home.path());
        let server = Process::start(&mut command, &log);
        let begun = Instant::now();
        let display = loop {
            let words = fs::read_to_string(&log).unwrap();
            let number = words.lines().find(|line| {
                words.ends_with('\n')
                    && !line.is_empty()
                    && line.bytes().all(|b| b.is_ascii_digit())
            });
            if let Some(number) = number {
                break format!(":{number}");
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "Xvfb did not start: {words}");
            thread::sleep(Duration::from_millis(20));
        };
        Self { _server: server, display, home }
    }

    fn app(&self, data: &Path) -> Command {
        let mut command = Command::new(built("usher-desktop"));
        command.env("DISPLAY", &self.display).env_remove("WAYLAND_DISPLAY");
        command.env_remove("DBUS_SESSION_BUS_ADDRESS").env_remove("RUST_LOG");
        for name in ["CONFIG_HOME", "DATA_HOME", "CACHE_HOME", "STATE_HOME", "RUNTIME_DIR"] {
            let folder = self.home.path().join(name);
            fs::create_dir_all(&folder).unwrap();
            command.env(format!("XDG_{name}"), folder);
        }
        command.args(["--port", "0", "--data-dir"]).arg(data);
        command
    }

    fn first_paint(&self, data: &Path) -> Start {
        let memory = File::open(self.home.path().join("Xvfb_screen0")).unwrap();
        let empty = picture(&memory);
        let begun = Instant::now();
        let app = Process::start(&mut self.app(data), &self.home.path().join("app.log"));
        let (mut pixels_ms, mut content_ms) = (None, None);
        let list_ms = loop {
            let now = picture(&memory);
            let ms = begun.elapsed().as_secs_f64() * 1000.0;
            if pixels_ms.is_none() && now != empty {
                pixels_ms = Some(ms);
            }
            if content_ms.is_none() && colours(now.iter().flatten()) >= COLOURS {
                content_ms = Some(ms);
            }
            let lines = &now[LIST.1.start / STEP..LIST.1.end / STEP];
            if colours(lines.iter().flat_map(|line| &line[LIST.0.clone()])) >= COLOURS {
                break ms;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "the window shows nothing");
            thread::sleep(Duration::from_millis(3));
        };
        thread::sleep(Duration::from_millis(700));
        drop(app);
        let begun = Instant::now();
        while picture(&memory) != empty && begun.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_millis(50));
        }
        Start {
            pixels_ms: pixels_ms.unwrap_or(list_ms),
            content_ms: content_ms.unwrap_or(list_ms),
            list_ms,
        }
    }
}

/// Every eighth line of the screen: an XWD file has a head of 32-bit words, then colours of 12 bytes
/// each, then lines of four bytes a pixel.
fn picture(memory: &File) -> Vec<Vec<[u8; 3]>> {
    let mut head = [0; 100];
    memory.read_exact_at(&mut head, 0).unwrap();
    let word = |index: usize| {
        u64::from(u32::from_be_bytes(head[index * 4..index * 4 + 4].try_into().unwrap()))
    };
    let (start, height, line) = (word(0) + word(19) * 12, word(5), word(12));
    let mut picture = Vec::new();
    for row in (0..height).step_by(STEP) {
        let mut pixels = vec![0; usize::try_from(line).unwrap()];
        memory.read_exact_at(&mut pixels, start + row * line).unwrap();
        picture.push(pixels.chunks_exact(4).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect());
    }
    picture
}

fn colours<'a>(pixels: impl Iterator<Item = &'a [u8; 3]>) -> usize {
    let mut seen: Vec<[u8; 3]> = Vec::new();
    for colour in pixels {
        if seen.last() != Some(colour) && !seen.contains(colour) {
            seen.push(*colour);
            if seen.len() >= COLOURS {
                break;
            }
        }
    }
    seen.len()
}
