//! A small, blocking WebDriver client for the two things that show Usher: its own window
//! (WebKitWebDriver) and Chromium (chromedriver).
//!
//! Everything waits: a question is asked again until it is answered or twenty seconds are over. A test
//! that panics leaves a picture and the logs in `target/e2e`. Pictures of the window are taken from
//! its screen: without a graphics card WebKit's driver never answers when asked for one. Deliberately absent: sleeping for a
//! fixed time, several tabs, native dialogs, which WebDriver cannot see.

use std::{
    env, fmt, fs,
    net::TcpListener,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

pub use crate::locator::Locator;
use crate::{
    locator::Query,
    process::{Process, Screen},
    root,
};

/// How long an expectation may take to come true.
pub const PATIENCE: Duration = Duration::from_secs(20);

const BETWEEN: Duration = Duration::from_millis(40);
const TESTING_LIBRARY: &str = "@testing-library/dom/dist/@testing-library/dom.umd.min.js";

/// Keys that are no letters, for [`Session::keys`].
pub mod key {
    /// Enter.
    pub const ENTER: &str = "\u{e007}";
    /// Escape.
    pub const ESCAPE: &str = "\u{e00c}";
    /// Tab.
    pub const TAB: &str = "\u{e004}";
    /// Shift, held for the keys after it.
    pub const SHIFT: &str = "\u{e008}";
    /// Control, held for the keys after it.
    pub const CONTROL: &str = "\u{e009}";
    /// Up.
    pub const UP: &str = "\u{e013}";
    /// Down.
    pub const DOWN: &str = "\u{e015}";
    /// Page Down.
    pub const PAGE_DOWN: &str = "\u{e00f}";
    /// To the end.
    pub const END: &str = "\u{e010}";
    /// To the beginning.
    pub const HOME: &str = "\u{e011}";
}

/// How the window of Usher is to start.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program, usually `built("usher-desktop")`.
    pub program: PathBuf,
    /// Its words.
    pub args: Vec<String>,
    /// What its environment has beyond ours. `DBUS_SESSION_BUS_ADDRESS` is taken out, so that no
    /// test writes into a person's keychain.
    pub env: Vec<(String, String)>,
}

/// One window or browser, with a screen and folders of its own; all of it ends on drop.
#[derive(Debug)]
pub struct Session {
    name: String,
    agent: ureq::Agent,
    base: String,
    _driver: Process,
    screen: Option<Screen>,
    _home: TempDir,
}

impl Session {
    /// Starts the real window on a screen of its own, or on ours when `USHER_SHOW` is set. `name`
    /// names the files that a failing test leaves.
    ///
    /// # Panics
    /// When the driver or the window does not start.
    pub fn window(name: &str, launch: &Launch) -> Self {
        let mut driver = Command::new("WebKitWebDriver");
        driver.env("TAURI_WEBVIEW_AUTOMATION", "true").env_remove("DBUS_SESSION_BUS_ADDRESS");
        driver.envs(launch.env.iter().map(|(key, value)| (key, value)));
        let options = json!({ "binary": launch.program, "args": launch.args });
        let wanted = json!({ "webkitgtk:browserOptions": options });
        let screen = env::var_os("USHER_SHOW").is_none().then(Screen::start);
        Self::start(name, driver, &wanted, tempfile::tempdir().unwrap(), screen)
    }

    /// Starts Chromium, without a window, at an address.
    ///
    /// # Panics
    /// When the driver or the browser does not start.
    pub fn chromium(name: &str, url: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let folder = format!("--user-data-dir={}", profile.path().display());
        let args = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-dev-shm-usage",
            "--disable-sync",
            "--no-default-browser-check",
            "--no-first-run",
            "--window-size=1280,800",
            &folder,
        ];
        let mut options = json!({ "args": args });
        let names = ["chromium", "chromium-browser", "google-chrome"];
        if let Some(binary) = names.into_iter().find_map(on_path) {
            options["binary"] = json!(binary);
        }
        let wanted = json!({ "goog:chromeOptions": options });
        let session = Self::start(name, Command::new("chromedriver"), &wanted, profile, None);
        session.goto(url);
        session
    }

    fn start(
        name: &str,
        mut driver: Command,
        capabilities: &Value,
        home: TempDir,
        screen: Option<Screen>,
    ) -> Self {
        if let Some(screen) = &screen {
            driver.env("DISPLAY", screen.display()).env_remove("WAYLAND_DISPLAY");
        }
        for name in ["CONFIG_HOME", "DATA_HOME", "CACHE_HOME", "STATE_HOME", "RUNTIME_DIR"] {
            let folder = home.path().join(name);
            fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
            driver.env(format!("XDG_{name}"), folder);
        }
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        driver.arg(format!("--port={port}"));
        let mut driver = Process::start(&mut driver, &left(name, "log"));

        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(40)))
            .build()
            .new_agent();
        let base = format!("http://127.0.0.1:{port}/session");
        let wanted = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let begun = Instant::now();
        let id = loop {
            match ask(&agent, "POST", &base, &wanted) {
                Ok(answer) => break answer["sessionId"].as_str().unwrap().to_owned(),
                Err(Failure::Unreached(_)) if begun.elapsed() < PATIENCE && driver.runs() => {
                    thread::sleep(BETWEEN);
                }
                Err(failure) => {
                    panic!("no session: {failure}, see {}", left(name, "log").display())
                }
            }
        };
        let session = Self {
            name: name.to_owned(),
            agent,
            base: format!("{base}/{id}"),
            _driver: driver,
            screen,
            _home: home,
        };
        session.command("POST", "timeouts", &json!({ "script": 30_000, "pageLoad": 30_000 }));
        session
    }

    /// Opens an address.
    pub fn goto(&self, url: &str) {
        self.command("POST", "url", &json!({ "url": url }));
    }

    /// The address of the page.
    pub fn url(&self) -> String {
        self.command("GET", "url", &Value::Null).as_str().unwrap_or_default().to_owned()
    }

    /// The title of the page.
    pub fn title(&self) -> String {
        self.command("GET", "title", &Value::Null).as_str().unwrap_or_default().to_owned()
    }

    /// Makes the window this large, in pixels.
    pub fn resize(&self, width: u32, height: u32) {
        self.command("POST", "window/rect", &json!({ "width": width, "height": height }));
    }

    /// Moves the window's corner to this place of the screen, in pixels. There is no window manager: it
    /// is the window in front for as long as the pointer, in the middle of the screen, is over it.
    pub fn move_to(&self, x: i32, y: i32) {
        self.command("POST", "window/rect", &json!({ "x": x, "y": y }));
    }

    /// What one selector finds.
    pub fn css(&self, selector: &str) -> Locator<'_> {
        Locator::new(self, Query::Css(selector.to_owned()))
    }

    /// What a person with a screen reader finds under this role and this whole name.
    pub fn role(&self, role: &str, name: &str) -> Locator<'_> {
        Locator::new(self, Query::Role(role.to_owned(), name.to_owned()))
    }

    /// The control with this whole label.
    pub fn label(&self, label: &str) -> Locator<'_> {
        Locator::new(self, Query::Label(label.to_owned()))
    }

    /// The innermost element whose whole text is this.
    pub fn text(&self, text: &str) -> Locator<'_> {
        Locator::new(self, Query::Text(text.to_owned()))
    }

    /// All that can be read on the page.
    pub fn words(&self) -> String {
        let words = self.execute("return document.body.innerText", &json!([]));
        words.as_str().unwrap_or_default().to_owned()
    }

    /// Presses keys in order, holding Shift and Control down until the end.
    pub fn keys(&self, keys: &[&str]) {
        let mut actions = Vec::new();
        let mut held = Vec::new();
        for key in keys {
            actions.push(json!({ "type": "keyDown", "value": key }));
            if [key::SHIFT, key::CONTROL].contains(key) {
                held.push(key);
            } else {
                actions.push(json!({ "type": "keyUp", "value": key }));
            }
        }
        actions.extend(held.iter().map(|key| json!({ "type": "keyUp", "value": key })));
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.command("POST", "actions", &json!({ "actions": [keyboard] }));
    }

    /// Runs a function body on the page and gives what it returns.
    pub fn execute(&self, script: &str, args: &Value) -> Value {
        self.command("POST", "execute/sync", &json!({ "script": script, "args": args }))
    }

    /// Runs a function body whose last argument is called with the result.
    pub fn execute_async(&self, script: &str, args: &Value) -> Value {
        self.command("POST", "execute/async", &json!({ "script": script, "args": args }))
    }

    /// Asks until the answer is yes.
    ///
    /// # Panics
    /// After [`PATIENCE`], with `what` and the words of the page.
    pub fn wait_for(&self, what: &str, yes: impl Fn() -> bool) {
        self.wait_until(what, || yes().then_some(()));
    }

    /// Asks until there is an answer, and gives it.
    ///
    /// # Panics
    /// After [`PATIENCE`], with `what` and the words of the page.
    pub fn wait_until<T>(&self, what: &str, answer: impl Fn() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(answer) = answer() {
                return answer;
            }
            if begun.elapsed() > PATIENCE {
                panic!("waited for {what}, but the page at {} says:\n{}", self.url(), self.words());
            }
            thread::sleep(BETWEEN);
        }
    }

    /// Writes what is seen to a PNG file.
    pub fn screenshot(&self, file: &Path) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        if let Some(screen) = &self.screen {
            let size = self.execute("return [innerWidth, innerHeight]", &json!([]));
            let pixels = |index: usize| u32::try_from(size[index].as_u64().unwrap()).unwrap();
            screen.picture(pixels(0), pixels(1), file);
        } else {
            let picture = self.command("GET", "screenshot", &Value::Null);
            fs::write(file, base64(picture.as_str().unwrap())).unwrap();
        }
    }

    /// What axe finds wrong with the page under WCAG 2.2 AA, one line each.
    pub fn axe(&self) -> Vec<String> {
        self.library("axe", "axe-core/axe.min.js")
            .unwrap_or_else(|failure| panic!("axe: {failure}"));
        let script = "const done = arguments[0];
            const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
            axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })
              .then((found) => done(found.violations.flatMap((rule) => rule.nodes.map((node) =>
                `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary}`))))
              .catch((error) => done([`axe: ${error}`]));";
        let found = self.execute_async(script, &json!([]));
        found
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|line| Some(line.as_str()?.to_owned()))
            .collect()
    }

    pub(crate) fn testing_library(&self) -> Result<(), Failure> {
        self.library("TestingLibraryDom", TESTING_LIBRARY)
    }

    /// Loads a file of the UI's packages into the page, once.
    fn library(&self, global: &str, file: &str) -> Result<(), Failure> {
        let ask = json!({ "script": "return arguments[0] in window", "args": [global] });
        if self.attempt("POST", "execute/sync", &ask)? == json!(true) {
            return Ok(());
        }
        let path = root().join("ui/node_modules").join(file);
        let source = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; run `npm ci` in ui", path.display()));
        let script = format!("(function () {{ {source}\n}}).call(window)");
        self.attempt("POST", "execute/sync", &json!({ "script": script, "args": [] })).map(drop)
    }

    /// One command of the protocol.
    ///
    /// # Panics
    /// When the driver refuses it.
    pub fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        self.attempt(method, path, body)
            .unwrap_or_else(|failure| panic!("{method} {path}: {failure}"))
    }

    pub(crate) fn attempt(&self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        ask(&self.agent, method, &format!("{}/{path}", self.base), body)
    }

    fn leave_traces(&self) {
        let picture = left(&self.name, "png");
        if let Some(screen) = &self.screen {
            screen.picture(1600, 1000, &picture);
        } else if let Ok(png) = self.attempt("GET", "screenshot", &Value::Null) {
            let _ = fs::write(&picture, base64(png.as_str().unwrap_or_default()));
        }
        eprintln!("what was on the screen: {}", picture.display());
        eprintln!("what the programs said: {}", left(&self.name, "log").display());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if thread::panicking() {
            self.leave_traces();
        }
        let _ = ask(&self.agent, "DELETE", &self.base, &Value::Null);
    }
}

/// Why a command gave nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The driver does not answer.
    Unreached(String),
    /// The driver says no: the name of the error, and its words.
    Refused(String, String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreached(reason) => write!(f, "the driver does not answer ({reason})"),
            Self::Refused(error, words) => write!(f, "{error}: {words}"),
        }
    }
}

fn ask(agent: &ureq::Agent, method: &str, url: &str, body: &Value) -> Result<Value, Failure> {
    let answer = match method {
        "GET" => agent.get(url).call(),
        "DELETE" => agent.delete(url).call(),
        _ => agent.post(url).send_json(body),
    };
    let mut answer = answer.map_err(|error| Failure::Unreached(error.to_string()))?;
    let ok = answer.status().is_success();
    let text = answer
        .body_mut()
        .with_config()
        .limit(64 << 20)
        .read_to_string()
        .map_err(|error| Failure::Unreached(error.to_string()))?;
    let mut json: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    let value = json["value"].take();
    if ok {
        return Ok(value);
    }
    let word = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    Err(Failure::Refused(word("error"), word("message")))
}

fn left(name: &str, ending: &str) -> PathBuf {
    let exe = env::current_exe().unwrap();
    exe.ancestors().nth(3).unwrap().join("e2e").join(format!("{name}.{ending}"))
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn base64(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sixes = text.bytes().filter_map(|byte| LETTERS.iter().position(|letter| *letter == byte));
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for six in sixes {
        bits = (bits << 6) | u32::try_from(six).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).unwrap());
        }
    }
    bytes
}
