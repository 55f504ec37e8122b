//! Every screen in Chromium against the headless host: it shows what there is, in both themes and
//! both sizes, and axe finds nothing.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use kit::app::{OTHER_SECRET, SECRET, deleted, signed, user, waitlist};
use kit::webdriver::Session;
use kit::{built, root, wire};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

/// A headless host with screens, and messages of every kind in it.
struct Host {
    child: Child,
    /// Held open: a listener whose reader is gone ends.
    _lines: BufReader<ChildStdout>,
    console: String,
    port: u16,
    path: String,
    data: TempDir,
}

impl Host {
    fn start() -> Self {
        let data = tempdir().unwrap();
        let ui = root().join("ui/dist");
        let mut child = Command::new(built("usher"))
            .arg("--data-dir")
            .arg(data.path())
            .args(["--keychain", "file", "listen", "--port", "0", "--ui-dir"])
            .arg(ui)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let url = ready["url"].as_str().unwrap();
        let port = url.rsplit(':').next().unwrap().parse().unwrap();
        let console = ready["console"].as_str().unwrap().to_owned();
        let mut host = Self { child, _lines: lines, console, port, path: String::new(), data };
        let made = host.usher(&[
            "endpoints",
            "add",
            "--name",
            "Clerk",
            "--secret",
            SECRET,
            "--user-group",
            "Customers",
        ]);
        host.path = made["path"].as_str().unwrap().to_owned();
        host
    }

    fn usher(&self, args: &[&str]) -> Value {
        let out = Command::new(built("usher"))
            .arg("--data-dir")
            .arg(self.data.path())
            .arg("--json")
            .args(args)
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap_or_default()
    }

    fn post(&self, secret: &str, id: &str, body: &Value) -> u16 {
        let body = body.to_string();
        let headers = signed(secret, id, wire::now_ms() / 1000, body.as_bytes());
        wire::post(self.port, &self.path, &headers, body.as_bytes()).status
    }

    fn fill(&self) {
        let now = wire::now_ms();
        let people = [
            ("Maya", "maya@example.com"),
            ("Li", "li.wei@example.org"),
            ("Ana", "ana@example.net"),
        ];
        for (n, (name, email)) in people.iter().enumerate() {
            let id = format!("user_{n}");
            let at = now - 1000 * i64::try_from(n).unwrap();
            assert_eq!(
                self.post(
                    SECRET,
                    &format!("msg_a{n}"),
                    &user("user.created", &id, Some(email), name, at)
                ),
                200
            );
        }
        assert_eq!(
            self.post(
                SECRET,
                "msg_b",
                &waitlist("waitlistEntry.created", "wle_1", "noor@example.com", "pending", now)
            ),
            200
        );
        assert_eq!(
            self.post(
                SECRET,
                "msg_c",
                &user("user.updated", "user_0", Some("maya@example.com"), "Maja", now + 5)
            ),
            200
        );
        assert_eq!(self.post(SECRET, "msg_d", &deleted("user_2", now + 9)), 200);
        assert_eq!(
            self.post(SECRET, "msg_e", &user("user.created", "user_9", None, "Phone", now)),
            200
        );
        assert_eq!(
            self.post(
                SECRET,
                "msg_f",
                &json!({ "type": "session.created", "data": { "id": "sess_1" } })
            ),
            200
        );
        assert_eq!(
            self.post(
                OTHER_SECRET,
                "msg_g",
                &user("user.created", "user_8", Some("x@example.com"), "X", now)
            ),
            400
        );
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Pictures go to `target/screens`, to be looked at.
fn picture(browser: &Session, name: &str) {
    let folder: PathBuf = root().join("target/screens");
    std::fs::create_dir_all(&folder).unwrap();
    browser.screenshot(&folder.join(format!("{name}.png")));
}

fn theme(browser: &Session, theme: &str) {
    browser.execute("document.documentElement.dataset.theme = arguments[0]", &json!([theme]));
}

/// Where the parts of the frame stand, `root` being a selector of what holds them.
const PLACES: &str = "
    const root = document.querySelector(arguments[0]);
    const shown = [...root.querySelectorAll('aside nav a, aside nav svg, aside h2, header h1, header search, header button')]
        .map((part) => ({ part, box: part.getBoundingClientRect() }))
        .filter(({ box }) => box.width > 0);
    return shown.map(({ part, box }) =>
        [part.tagName, box.x, box.y, box.height].join(' '));";

#[test]
fn the_frame_painted_before_any_script_is_where_the_screen_will_be() {
    let host = Host::start();
    let browser = Session::chromium("frame", &host.console);
    browser.wait_for("the first screen", || browser.words().contains("Waiting for the first"));
    let put = "
        const page = await (await fetch('/index.html')).text();
        const frame = new DOMParser().parseFromString(page, 'text/html').querySelector('#root');
        frame.id = 'frame';
        frame.style = 'position: fixed; inset: 0; visibility: hidden';
        document.body.append(frame);
        document.documentElement.dataset.screen = 'messages';";
    browser.execute(&format!("return (async () => {{ {put} }})()"), &json!([]));
    for (width, height) in [(1280, 800), (900, 600)] {
        browser.resize(width, height);
        let places = |root: &str| browser.execute(PLACES, &json!([root]));
        browser.wait_for("the same places", || places("#frame") == places("#root"));
        assert!(places("#frame").as_array().unwrap().len() > 8, "{}", places("#frame"));
    }
}

#[test]
fn every_screen_shows_what_there_is_and_axe_is_content() {
    let host = Host::start();
    host.fill();
    let browser = Session::chromium("screens", &host.console);
    browser.wait_for("the messages", || browser.words().contains("session.created"));
    let base = browser.url();
    let base = base.split("/messages").next().unwrap().trim_end_matches('/').to_owned();
    let screens = [
        ("messages", "/messages?id=5", "What changed on the contact"),
        ("refused", "/messages?id=9", "Wrong secret"),
        ("audience", "/audience?id=1", "maya@example.com"),
        ("events", "/events", "clerk.user.created"),
        ("endpoints", "/endpoints", "Clerk"),
        ("endpoint", "/endpoints/1", "Last 24 hours"),
        ("settings", "/settings", "Appearance"),
    ];
    let mut complaints = Vec::new();
    for (width, height) in [(1280, 800), (900, 600)] {
        browser.resize(width, height);
        for (name, path, sign) in screens {
            browser.goto(&format!("{base}{path}"));
            browser.wait_for(sign, || browser.words().contains(sign));
            for colours in ["light", "dark"] {
                theme(&browser, colours);
                picture(&browser, &format!("{name}-{width}-{colours}"));
                for complaint in browser.axe() {
                    complaints.push(format!("{name} {width} {colours}: {complaint}"));
                }
            }
        }
    }
    browser.goto(&format!("{base}/settings"));
    browser.wait_for("the diagnostics", || browser.words().contains("Check this machine"));
    browser.execute(
        "document.querySelector('details').open = true;
         [...document.querySelectorAll('button')].find((b) => b.textContent === arguments[0]).click()",
        &json!(["Check this machine"]),
    );
    browser.wait_for("the findings", || browser.words().contains("Disk space"));
    for (width, height) in [(1280, 800), (900, 600)] {
        browser.resize(width, height);
        browser.execute(
            "document.querySelector('details').closest('section').scrollIntoView()",
            &json!([]),
        );
        for colours in ["light", "dark"] {
            theme(&browser, colours);
            picture(&browser, &format!("diagnostics-{width}-{colours}"));
            for complaint in browser.axe() {
                complaints.push(format!("diagnostics {width} {colours}: {complaint}"));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
