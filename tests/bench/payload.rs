//! A payload of 1 MB in the real window: opened, scrolled, folded, searched.
//!
//! Each act begins with what a person does and ends with the frame after the one in which its result
//! stands on the page. Several such messages are opened, each for the first time. Deliberately absent:
//! editing and comparing one of that size.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use kit::app::signed;
use kit::webdriver::{Session, key};
use serde_json::{Value, json};

use crate::figures::{Spread, short, table};
use crate::frames::{HEAD, Seen, Watched, watch, wheel};
use crate::proc;
use crate::report::{Bar, Report};
use crate::scroll::open;
use crate::server::{add_endpoint, home};
use crate::traffic::{SECRET, epoch_us};

const BYTES: usize = 1_000_000;
const MESSAGES: usize = 5;
const OPEN_MS: f64 = 500.0;
const GAP_MS: f64 = 100.0;
const TREE: &str = "[role=tree][aria-label='Fields of the payload']";
const LINES: &str = ":scope > *";
/// As `LINE` of the screens.
const LINE: f64 = 19.0;
const TICKS: i32 = 300;
const PAGES: usize = 100;

/// Both are bodies of a function; `until` returns whether it is done.
const ACT: &str = "
const done = arguments[arguments.length - 1];
const act = () => { ACT };
const until = () => { UNTIL };
const begun = performance.now();
let last = begun, longest = 0, reached = false;
const frame = () => {
  const now = performance.now();
  longest = Math.max(longest, now - last);
  last = now;
  if (reached || now - begun > 20000) return done([now - begun, longest, reached]);
  reached = until();
  requestAnimationFrame(frame);
};
requestAnimationFrame((now) => { last = now; frame(); });
act();";

struct Act {
    what: String,
    ms: f64,
    longest: f64,
}

/// Measures and adds a part to the report.
pub fn measure(report: &mut Report) {
    println!("A payload of 1 MB in the window");
    let home = home();
    let data = home.path().join("data");
    let path = add_endpoint(&data);
    let load = proc::load();
    let (window, address) = open("bench-payload", &data);
    for number in 0..=MESSAGES {
        let bytes = if number == 0 { 2_000 } else { BYTES };
        post(address, &path, number, &body(number, bytes));
    }
    let newest = format!("[role=option][aria-posinset='1'][aria-setsize='{}']", MESSAGES + 1);
    window.css(&newest).wait();
    thread::sleep(Duration::from_secs(2));

    let mut opened = Vec::new();
    for number in 1..=MESSAGES {
        let act = format!(
            "document.querySelector(\"[role=option][aria-posinset='{}']\").click();",
            MESSAGES + 1 - number
        );
        let until = format!(
            "const tree = document.querySelector(\"{TREE}\");
             return tree !== null && tree.textContent.includes('user_payload{number}\"')
               && tree.querySelector('[role=treeitem]') !== null;"
        );
        opened.push(timed(&window, "open", &act, &until));
        thread::sleep(Duration::from_millis(500));
    }
    let mut acts = Vec::new();
    let list = Watched { list: TREE, row: LINES, row_height: LINE, whole: 0 };
    let mut seen: Vec<(String, Seen)> = Vec::new();
    let tall = format!("return document.querySelector(\"{TREE}\").offsetHeight");
    let height = || window.execute(&tall, &json!([])).as_f64().unwrap();
    for times in 1..=3 {
        acts.push(button(&window, "Unfold all", "Fold all"));
        if times == 1 {
            println!("  {} lines unfolded", height() / LINE);
        }
        acts.push(button(&window, "Fold all", "Unfold all"));
    }
    acts.push(button(&window, "Unfold all", "Fold all"));
    let lines = height() / LINE;
    show(&window);
    let scrolled = watch(&window, list, || wheel(&window, TREE_VIEW, TICKS, 120));
    seen.push(("wheel down".to_owned(), scrolled));
    let scrolled = watch(&window, list, || wheel(&window, TREE_VIEW, TICKS, 12_000));
    seen.push(("wheel down, a hundred times as fast".to_owned(), scrolled));
    let scrolled = watch(&window, list, || {
        window.execute("document.querySelector(arguments[0]).focus()", &json!([TREE]));
        window.keys(&[key::HOME]);
        window.keys(&vec![key::PAGE_DOWN; PAGES]);
        window.keys(&[key::END, key::HOME, key::END]);
    });
    seen.push(("Page Down, End, Home".to_owned(), scrolled));
    window.execute("document.querySelector(arguments[0]).focus()", &json!([TREE]));
    window.keys(&[key::CONTROL, "f"]);
    window.css(FIELD).wait();
    for (word, found) in [("mobile", "lines"), ("nobody said this", "Not found"), ("7", "lines")] {
        acts.push(find(&window, word, found));
    }
    window.css(FIELD).click();
    let hit = "return / of /.test(document.querySelector('search [role=status]').textContent);";
    let enter = format!(
        "document.querySelector(\"{FIELD}\").dispatchEvent(
           new KeyboardEvent('keydown', {{ key: 'Enter', bubbles: true }}));"
    );
    acts.push(timed(&window, "go to what was found", &enter, hit));
    let scrolled = watch(&window, list, || window.keys(&vec![key::ENTER; 60]));
    seen.push(("from find to find".to_owned(), scrolled));
    for (name, there) in [("Headers", "svix-id"), ("Raw", "more characters; Copy takes all")] {
        let act = format!(
            "[...document.querySelectorAll('[role=tab]')]
               .find((tab) => tab.textContent.startsWith('{name}')).click();"
        );
        let until =
            format!("return document.querySelector('article').textContent.includes('{there}');");
        acts.push(timed(&window, &format!("open {name}"), &act, &until));
    }
    let raw = Watched { list: "article pre", row: ":scope", row_height: 1e9, whole: 0 };
    let scrolled = watch(&window, raw, || wheel(&window, "article pre", TICKS, 120));
    seen.push(("wheel down in Raw".to_owned(), scrolled));
    drop(window);
    tell(&opened, &acts, &seen, lines, load, report);
}

const TREE_VIEW: &str = "section[aria-label='Payload']";
const FIELD: &str = "input[aria-label='Find in the payload']";

fn show(window: &Session) {
    let script = "document.querySelector(arguments[0]).scrollIntoView({ block: 'center' })";
    window.execute(script, &json!([TREE_VIEW]));
}

fn button(window: &Session, name: &str, then: &str) -> Act {
    let find = |name: &str| {
        format!(
            "[...document.querySelectorAll('button')].find((one) => one.textContent === '{name}')"
        )
    };
    let act = format!("{}.click();", find(name));
    timed(window, name, &act, &format!("return {} !== undefined;", find(then)))
}

fn find(window: &Session, word: &str, found: &str) -> Act {
    let act = format!(
        "const field = document.querySelector(\"{FIELD}\");
         Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, '{word}');
         field.dispatchEvent(new Event('input', {{ bubbles: true }}));"
    );
    let until = format!(
        "return document.querySelector('search [role=status]').textContent.includes('{found}');"
    );
    let clear = act.replace(&format!("'{word}'"), "''");
    timed(
        window,
        "",
        &clear,
        "return document.querySelector('search [role=status]').textContent === '';",
    );
    timed(window, &format!("find `{word}`"), &act, &until)
}

fn timed(window: &Session, what: &str, act: &str, until: &str) -> Act {
    let script = ACT.replace("UNTIL", until).replace("ACT", act);
    let found = window.execute_async(&script, &json!([]));
    assert_eq!(found[2], json!(true), "{what}: not within 20 s");
    let act = Act {
        what: what.to_owned(),
        ms: found[0].as_f64().unwrap(),
        longest: found[1].as_f64().unwrap(),
    };
    if !what.is_empty() {
        println!("  {what}: {} ms, longest gap {} ms", short(act.ms), short(act.longest));
    }
    act
}

fn tell(
    opened: &[Act],
    acts: &[Act],
    seen: &[(String, Seen)],
    lines: f64,
    load: f64,
    report: &mut Report,
) {
    let open = Spread::of(opened.iter().map(|act| act.ms));
    report.section("A payload of 1 MB in the window", "");
    report.text(&format!(
        "From the click on a message of {} lines to its payload: {open} ms over {} messages, each opened \
         for the first time; the very first took {} ms. The load of the machine was {}.\n\n",
        short(lines),
        opened.len(),
        short(opened[0].ms),
        short(load),
    ));
    let rows: Vec<_> =
        acts.iter().map(|act| vec![act.what.clone(), short(act.ms), short(act.longest)]).collect();
    report.text(&table(&["what is done", "ms", "longest gap ms"], &rows));
    report.text("\n");
    let rows: Vec<_> = seen.iter().map(|(what, seen)| seen.row(what)).collect();
    report.text(&table(&HEAD, &rows));
    let gaps =
        acts.iter().map(|act| act.longest).chain(seen.iter().map(|(_, seen)| seen.gap().max));
    let blanks: usize = seen.iter().map(|(_, seen)| seen.blanks.len()).sum();
    report.bar(Bar::most("1 MB: opening, slowest, ms", OPEN_MS, open.max));
    report.bar(Bar::most("1 MB: longest gap between frames, ms", GAP_MS, gaps.fold(0.0, f64::max)));
    report.bar(Bar::most("1 MB: blank frames", 0.0, blanks as f64));
    let act = |act: &Act| json!({ "what": act.what, "ms": act.ms, "longestGapMs": act.longest });
    report.json(
        "payload",
        json!({
            "machineLoad": load, "lines": lines, "openMs": open.json(),
            "opened": opened.iter().map(act).collect::<Vec<_>>(),
            "acts": acts.iter().map(act).collect::<Vec<_>>(),
            "scrolled": seen.iter().map(|(what, seen)| seen.json(what)).collect::<Vec<_>>(),
        }),
    );
}

/// A `user.updated` of about so many bytes: teams of members, long lists, long texts.
fn body(number: usize, bytes: usize) -> Vec<u8> {
    let now = epoch_us() / 1000;
    let member = |at: usize| {
        json!({
            "id": format!("orgmem_{number}_{at}"), "role": "org:member", "joined_at": now,
            "public": { "name": format!("Member {at}"), "plan": (["free", "team"][at % 2]), "score": at * 7 },
            "devices": [{ "kind": "desktop", "os": "linux" }, { "kind": "mobile", "os": null }],
        })
    };
    let mut teams: Vec<Value> = Vec::new();
    let mut size = 0;
    while size < bytes * 9 / 10 {
        let at = teams.len() * 20;
        let team = json!({
            "id": format!("team_{number}_{}", teams.len()), "name": format!("Team {}", teams.len()),
            "members": (at..at + 20).map(member).collect::<Vec<_>>(),
            "history": (0..100).map(|step| at * 31 + step).collect::<Vec<_>>(),
            "notes": "Lorem ipsum dolor sit amet, consetetur. ".repeat(20),
        });
        size += team.to_string().len();
        teams.push(team);
    }
    let make = |more: usize| {
        let body = json!({
            "data": {
                "id": format!("user_payload{number}"), "object": "user",
                "first_name": "Maya", "last_name": "Okafor", "created_at": now, "updated_at": now,
                "email_addresses": [], "phone_numbers": [], "external_accounts": [],
                "public_metadata": { "teams": teams }, "unsafe_metadata": { "filler": "x".repeat(more) },
            },
            "instance_id": "ins_2benchinstance0000000000000", "object": "event",
            "timestamp": now, "type": "user.updated",
        });
        body.to_string().into_bytes()
    };
    let short = make(0).len();
    make(bytes.saturating_sub(short))
}

fn post(address: SocketAddr, path: &str, number: usize, body: &[u8]) {
    let seconds = i64::try_from(epoch_us() / 1_000_000).unwrap();
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in signed(SECRET, &format!("msg_payload{number}"), seconds, body) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let begun = std::time::Instant::now();
    let mut stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(20), "{error}"),
        }
        thread::sleep(Duration::from_millis(50));
    };
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
}
