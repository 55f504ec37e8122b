//! The list of messages in the real window, scrolled as a person does it, over what a large file holds.
//!
//! Frames and blanks are those of frames.rs. A window draws 20,000 rows at most and says so at their end;
//! older messages are a search away, which is scrolled here too. Page Down also opens the message that
//! is reached, as it does for a person. Deliberately absent: messages that arrive meanwhile, which is
//! minute.rs.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use kit::built;
use kit::webdriver::{Launch, Session, key};
use serde_json::json;

use crate::figures::{mib, short, table};
use crate::frames::{HEAD, Seen, Watched, watch, wheel};
use crate::report::{Bar, Report};
use crate::{proc, search};

const LIST: &str = "[role=listbox][aria-label='Messages, newest first']";
const ROW: &str = ":scope > [role=option]";
/// As `ROW_HEIGHT` of the screens.
const ROW_HEIGHT: f64 = 57.0;
/// What a wheel turns by, pixels.
const TICK: i32 = 120;
const TICKS: i32 = 300;
const PAGES: usize = 100;
const ENDS: usize = 20;
/// With more finds than a window draws.
const SEARCHES: [&str; 2] = ["type:user.*", "step1"];
/// So long a list may stand at the end of what is loaded while it is scrolled by wheel or by page.
const WAIT_MS: f64 = 100.0;

/// Starts the window on this folder, with its listener at a port of its own, and shows Messages.
pub fn open(name: &str, data: &Path) -> (Session, SocketAddr) {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let words = ["--data-dir", data.to_str().unwrap(), "--port", &address.port().to_string()];
    let launch = Launch {
        program: built("usher-desktop"),
        args: words.map(str::to_owned).to_vec(),
        env: Vec::new(),
    };
    let window = Session::window(name, &launch);
    window.resize(1280, 800);
    window.css("a[href='/messages']").click();
    (window, address)
}

/// Scrolls on the data of this folder and adds a part to the report.
pub fn on(data: &Path, messages: u64, report: &mut Report) {
    println!("Scrolling {messages} messages");
    search::indexed(data, messages);
    let load = proc::load();
    let (window, _) = open("bench-scroll", data);
    window.css("[role=option][aria-posinset='1']").wait();
    thread::sleep(Duration::from_secs(3));
    let memory = || {
        let pid = proc::find("usher-desktop", data).expect("the window runs");
        let web = proc::family(pid).into_iter().find(|pid| proc::name(*pid).contains("WebProcess"));
        mib(proc::pss_kib(web.expect("the window has a page")))
    };
    let before = memory();
    let list = Watched { list: LIST, row: ROW, row_height: ROW_HEIGHT, whole: messages };
    let mut found: Vec<(String, Seen)> = Vec::new();
    let mut note = |what: String, seen: Seen| {
        println!(
            "  {what}: {} blank of {} frames, longest gap {} ms",
            seen.blanks.len(),
            seen.gaps.len(),
            short(seen.gap().max),
        );
        found.push((what, seen));
    };
    let rest = watch(&window, list, || thread::sleep(Duration::from_secs(2)));
    note("nothing".to_owned(), rest);
    for search in [None].into_iter().chain(SEARCHES.map(Some)) {
        let within = search.map_or_else(String::new, |search| format!(", `{search}`"));
        if let Some(search) = search {
            look_for(&window, search);
        }
        let seen = watch(&window, list, || wheel(&window, LIST, TICKS, TICK));
        note(format!("wheel down{within}"), seen);
        let seen = watch(&window, list, || wheel(&window, LIST, TICKS / 2, TICK * 5));
        note(format!("five times as fast{within}"), seen);
        let seen = watch(&window, list, || press(&window, key::PAGE_DOWN, PAGES));
        note(format!("Page Down{within}"), seen);
        if search.is_none() {
            let seen = watch(&window, list, || press(&window, key::END, ENDS));
            note("End, as far as loaded".to_owned(), seen);
            let seen = watch(&window, list, || wheel(&window, LIST, TICKS / 2, -TICK * 5));
            note("wheel up, five times as fast".to_owned(), seen);
        }
    }
    let after = memory();
    drop(window);
    tell(messages, &found, (before, after), load, report);
}

fn look_for(window: &Session, search: &str) {
    let clear = window.css("[aria-label='Clear search']");
    if clear.count() > 0 {
        clear.click();
    }
    window.role("combobox", "Search messages").type_in(search);
    window.keys(&[key::ENTER]);
    let bar = format!(
        "return new URLSearchParams(location.search).get('q') === '{search}' &&
         document.querySelector(\"[role=option][aria-posinset='1']\") !== null"
    );
    window.wait_for("the search", || window.execute(&bar, &json!([])) == json!(true));
    thread::sleep(Duration::from_secs(1));
}

/// A key of the list, pressed again as soon as the page took it.
fn press(window: &Session, key: &str, times: usize) {
    window.execute("document.querySelector(arguments[0]).focus()", &json!([LIST]));
    window.keys(&vec![key; times]);
}

fn tell(
    messages: u64,
    found: &[(String, Seen)],
    (before, after): (f64, f64),
    load: f64,
    report: &mut Report,
) {
    report.section(format!("Scrolling {messages} messages in the window"), "");
    report.text(&format!(
        "A blank is a frame in which more than half a row of the visible list has no row. The load of \
         the machine was {}. The page took {} MiB before and {} MiB after.\n\n",
        short(load),
        short(before),
        short(after),
    ));
    let rows: Vec<_> = found.iter().map(|(what, seen)| seen.row(what)).collect();
    report.text(&table(&HEAD, &rows));
    let scrolled = || found.iter().skip(1);
    let blanks: usize = scrolled().map(|(_, seen)| seen.blanks.len()).sum();
    let gap = scrolled().map(|(_, seen)| seen.gap().max).fold(0.0, f64::max);
    let steady = scrolled().filter(|(what, _)| !what.starts_with("End"));
    let wait = steady.map(|(_, seen)| seen.longest_wait()).fold(0.0, f64::max);
    report.bar(Bar::most("scrolling: blank frames", 0.0, blanks as f64));
    report.bar(Bar::most("scrolling: longest gap between frames, ms", 100.0, gap));
    report.bar(Bar::most(
        "scrolling: longest wait at the end of what is loaded, ms",
        WAIT_MS,
        wait,
    ));
    report.json(
        "scroll",
        json!({
            "messages": messages, "machineLoad": load, "pageMiB": [before, after],
            "parts": found.iter().map(|(what, seen)| seen.json(what)).collect::<Vec<_>>(),
        }),
    );
}
