//! An engine in a folder of its own, on a free port, with a clock that the test sets.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use svix::webhooks::Webhook;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use usher_engine::api::{self, ApiError};
use usher_engine::clock::{Clock, Pause};
use usher_engine::folders::Folders;
use usher_engine::secret::Choice;
use usher_engine::{Config, Engine};

use crate::wire;

/// 12 May 2026, 12:00:00 UTC: the time at which every test starts.
pub const NOON: i64 = 1_778_587_200_000;

/// A secret that endpoints of the tests have.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// A secret that they do not have.
pub const OTHER_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// Pauses below this end at once; longer ones end when the clock is moved past them.
const SHORT: Duration = Duration::from_secs(1);

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<i64>,
    breaks_on: Mutex<Option<&'static str>>,
}

impl ManualClock {
    /// Standing at [`NOON`].
    pub fn at_noon() -> Arc<Self> {
        Arc::new(Self { now: watch::Sender::new(NOON), breaks_on: Mutex::default() })
    }

    /// Unix milliseconds.
    pub fn now(&self) -> i64 {
        *self.now.borrow()
    }

    /// Moves on.
    pub fn advance(&self, ms: i64) {
        self.now.send_modify(|now| *now += ms);
    }

    /// Panics the next time that a thread with a name of this beginning asks for microseconds: a
    /// defect in whatever that thread is doing.
    pub fn break_once(&self, thread: &'static str) {
        *self.breaks_on.lock().unwrap() = Some(thread);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.now()
    }

    fn now_us(&self) -> i64 {
        let here = std::thread::current();
        let name = here.name().unwrap_or_default();
        let breaks = self.breaks_on.lock().unwrap().take_if(|thread| name.starts_with(*thread));
        assert!(breaks.is_none(), "asked to break on {name}");
        self.now_ms() * 1000
    }

    fn pause(&self, duration: Duration) -> Pause {
        if duration < SHORT {
            return Box::pin(tokio::task::yield_now());
        }
        self.until(self.now_ms() + i64::try_from(duration.as_millis()).unwrap())
    }

    fn until(&self, at_ms: i64) -> Pause {
        let mut now = self.now.subscribe();
        Box::pin(async move {
            if now.wait_for(|now| *now >= at_ms).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

/// What came back over the socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The head, as sent.
    pub head: String,
    /// The body; JSON or, where it is not, a text.
    pub body: Value,
}

impl Reply {
    /// A field of the answer.
    pub fn field(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }

    /// Status, outcome and reason, such as `400 refused/wrong_secret`.
    pub fn brief(&self) -> String {
        brief(&self.body, i64::from(self.status))
    }

    /// The id of the message it became.
    pub fn id(&self) -> i64 {
        self.body["id"].as_i64().unwrap_or_else(|| panic!("no id in {self:?}"))
    }
}

fn brief(of: &Value, status: i64) -> String {
    let outcome = of["outcome"].as_str().unwrap_or("-");
    let reason = of["reason"].as_str().map(|reason| format!("/{reason}")).unwrap_or_default();
    format!("{status} {outcome}{reason}")
}

/// An endpoint made for a test.
#[derive(Debug, Clone)]
pub struct TestEndpoint {
    /// Its id.
    pub id: i64,
    /// Its environment.
    pub environment_id: i64,
    /// `/in/<token>`.
    pub path: String,
}

/// A running engine.
pub struct TestApp {
    engine: Engine,
    /// The clock.
    pub clock: Arc<ManualClock>,
    dir: tempfile::TempDir,
    config: Config,
    ids: AtomicI64,
}

impl TestApp {
    /// Starts on an empty folder.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same; `change` edits how the engine is opened.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::at_noon());
        let mut config = Config {
            port: Some(0),
            keychain: Choice::File,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            folders: Folders { home: Some(dir.path().join("home")), downloads: None },
            ..Config::new(dir.path().join("data"))
        };
        change(&mut config);
        Stopped { clock, dir, config, ids: AtomicI64::new(1) }.start().await
    }

    /// Closes the engine and opens it again on the same folder.
    pub async fn restart(self) -> Self {
        self.stop().await.start().await
    }

    /// Closes the engine and keeps its folder.
    pub async fn stop(self) -> Stopped {
        let Self { engine, clock, dir, config, ids } = self;
        engine.close().await;
        Stopped { clock, dir, config, ids }
    }

    /// How this engine was opened.
    pub fn config(&self) -> Config {
        self.config.clone()
    }

    /// Runs statements on the database file behind the engine's back.
    pub async fn sql(&self, statements: &str) {
        sql(&self.dir(), statements).await;
    }

    /// The number that a query gives, on a connection of its own: it sees only what is committed.
    pub async fn number(&self, query: &'static str) -> i64 {
        let mut db = connect(&self.dir()).await;
        let number = sqlx::query_scalar(query).fetch_one(&mut db).await.unwrap();
        db.close().await.unwrap();
        number
    }

    /// Ends well: everything stored, every thread gone.
    pub async fn close(self) {
        self.engine.close().await;
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Its data folder.
    pub fn dir(&self) -> PathBuf {
        self.config.data_dir.clone()
    }

    /// The home folder of its person; not there until somebody makes it.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// What the app says of itself, once it is as `wanted`; meanwhile the clock is moved on by half a
    /// minute every now and then, so that whatever waits gets its turn.
    ///
    /// # Panics
    /// When it does not become so within 20 seconds.
    pub async fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut status = Value::Null;
        for look in 1..=1000 {
            status = self.call("app.status", json!({})).await;
            if wanted(&status) {
                return status;
            }
            if look % 50 == 5 {
                self.clock.advance(31_000);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it stays like this: {status}")
    }

    /// Calls a verb that is expected to work.
    pub async fn call(&self, name: &str, args: Value) -> Value {
        self.try_call(name, args).await.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Calls a verb.
    pub async fn try_call(&self, name: &str, args: Value) -> Result<Value, ApiError> {
        api::call(&self.engine, name, args).await
    }

    /// The first environment.
    pub async fn environment(&self) -> i64 {
        self.call("environments.list", json!({})).await[0]["id"].as_i64().unwrap()
    }

    /// A new environment.
    pub async fn environment_named(&self, name: &str) -> i64 {
        self.call("environments.add", json!({ "name": name })).await["id"].as_i64().unwrap()
    }

    /// An endpoint with [`SECRET`] and default settings, in the first environment.
    pub async fn endpoint(&self) -> TestEndpoint {
        self.endpoint_with(|_| {}).await
    }

    /// The same; `change` edits the arguments of `endpoints.add`, whose `settings` are filled in.
    pub async fn endpoint_with(&self, change: impl FnOnce(&mut Value)) -> TestEndpoint {
        let environment = self.environment().await;
        let event = |name: &str| {
            json!({
                "event": name, "enabled": true, "firstName": true, "lastName": true,
                "userGroup": null, "mailingLists": [], "customEvent": null,
            })
        };
        let events: Vec<Value> =
            usher_engine::clerk::ACTED_ON.iter().map(|name| event(name)).collect();
        let count = self.call("endpoints.list", json!({})).await.as_array().unwrap().len();
        let mut args = json!({
            "environmentId": environment,
            "name": format!("Clerk {}", count + 1),
            "secret": SECRET,
            "settings": { "onDelete": "unsubscribe", "events": events },
        });
        change(&mut args);
        let made = self.call("endpoints.add", args).await;
        TestEndpoint {
            id: made["id"].as_i64().unwrap(),
            environment_id: made["environmentId"].as_i64().unwrap(),
            path: made["path"].as_str().unwrap().to_owned(),
        }
    }

    /// Posts a body signed with [`SECRET`], now, under a fresh id.
    pub async fn post(&self, endpoint: &TestEndpoint, body: &Value) -> Reply {
        let id = format!("msg_{}", self.ids.fetch_add(1, Ordering::SeqCst));
        self.post_as(endpoint, &id, body).await
    }

    /// Posts a body signed with [`SECRET`], now, under this id.
    pub async fn post_as(&self, endpoint: &TestEndpoint, id: &str, body: &Value) -> Reply {
        self.post_signed(SECRET, endpoint, id, body).await
    }

    /// Posts a body signed with this secret, now, under this id.
    pub async fn post_signed(
        &self,
        secret: &str,
        endpoint: &TestEndpoint,
        id: &str,
        body: &Value,
    ) -> Reply {
        let body = body.to_string();
        let headers = signed(secret, id, self.clock.now_ms() / 1000, body.as_bytes());
        self.send("POST", &endpoint.path, &headers, body.as_bytes()).await
    }

    /// Posts each of them under a fresh id; each is expected to be answered 200.
    pub async fn post_all(&self, endpoint: &TestEndpoint, bodies: &[Value]) {
        for body in bodies {
            let reply = self.post(endpoint, body).await;
            assert_eq!(reply.status, 200, "{body} {reply:?}");
        }
    }

    /// The port it listens on.
    pub async fn port(&self) -> u16 {
        let status = self.call("app.status", json!({})).await;
        u16::try_from(status["listener"]["port"].as_u64().unwrap()).unwrap()
    }

    /// Sends one request on a connection of its own.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Reply {
        let port = self.port().await;
        self.raw(&wire::request(method, port, path, headers, body)).await
    }

    /// Sends these bytes on a connection of their own.
    pub async fn raw(&self, request: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port().await)).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        parse(&answer)
    }

    /// A mailing list of the first environment.
    pub async fn mailing_list(&self, name: &str) -> i64 {
        let args = json!({ "environmentId": self.environment().await, "name": name });
        self.call("lists.add", args).await["id"].as_i64().unwrap()
    }

    /// A message with all that its screen shows.
    pub async fn message(&self, id: i64) -> Value {
        self.call("messages.show", json!({ "id": id })).await
    }

    /// Status, outcome and reason of a stored message, such as `400 refused/wrong_secret`.
    pub async fn kept(&self, id: i64) -> String {
        let message = self.message(id).await;
        brief(&message, message["status"].as_i64().unwrap())
    }

    /// The contact with this email.
    pub async fn contact(&self, email: &str) -> Value {
        let contacts = self.contacts().await;
        let found = contacts.into_iter().find(|contact| contact["email"] == email);
        let id = found.unwrap_or_else(|| panic!("no contact {email}"))["id"].clone();
        self.call("contacts.show", json!({ "id": id })).await
    }

    /// The contact with this email is changed by hand; `id` is filled in.
    pub async fn edit(&self, email: &str, mut change: Value) -> Value {
        change["id"] = self.contact(email).await["id"].clone();
        self.call("contacts.edit", change).await
    }

    /// A contact's timeline, oldest first, each entry in a line:
    /// `Updated (user.updated): firstName Maya > Mayo`.
    pub async fn timeline(&self, contact: &Value) -> Vec<String> {
        let page = self.call("contacts.timeline", json!({ "id": contact })).await;
        let lines = page["rows"].as_array().unwrap().iter().map(|entry| {
            let changes = entry["changes"].as_array().unwrap().iter().map(|change| {
                let text = |side: &str| change[side].as_str().unwrap_or("-");
                format!("{} {} > {}", change["field"].as_str().unwrap(), text("from"), text("to"))
            });
            let by = entry["messageType"].as_str().unwrap_or("by hand");
            let changes: Vec<String> = changes.collect();
            format!("{} ({by}): {}", entry["title"].as_str().unwrap(), changes.join(", "))
        });
        let mut lines: Vec<String> = lines.collect();
        lines.reverse();
        lines
    }

    /// What a rebuild finds different.
    pub async fn changed_by_rebuild(&self) -> i64 {
        self.call("app.rebuild", json!({})).await["changed"].as_i64().unwrap()
    }

    /// Every message, newest first.
    pub async fn messages(&self) -> Vec<Value> {
        self.rows("messages.list", json!({ "limit": 1000 })).await
    }

    /// Every contact, last change first.
    pub async fn contacts(&self) -> Vec<Value> {
        self.rows("contacts.list", json!({ "limit": 1000 })).await
    }

    /// Every row of a list, page by page.
    pub async fn rows(&self, verb: &str, mut args: Value) -> Vec<Value> {
        let mut rows = Vec::new();
        loop {
            let page = self.call(verb, args.clone()).await;
            rows.extend(page["rows"].as_array().unwrap().iter().cloned());
            args["cursor"] = page["next"].clone();
            if page["next"].is_null() {
                return rows;
            }
        }
    }

    /// The audience in a few words a line, by email: what a test compares.
    pub async fn audience(&self) -> String {
        self.audience_in(None).await
    }

    /// The same of one environment.
    pub async fn audience_in(&self, environment: Option<i64>) -> String {
        let mut lines: Vec<String> = self
            .rows("contacts.list", json!({ "environmentId": environment }))
            .await
            .iter()
            .map(|c| {
                let text = |name: &str| c[name].as_str().unwrap_or("-").to_owned();
                let lists: Vec<&str> =
                    c["lists"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
                format!(
                    "{} {} {} {} group={} lists=[{}] {}",
                    text("email"),
                    text("userId"),
                    text("firstName"),
                    text("lastName"),
                    text("userGroup"),
                    lists.join(","),
                    if c["subscribed"] == json!(true) { "subscribed" } else { "unsubscribed" }
                )
            })
            .collect();
        lines.sort();
        lines.join("\n")
    }
}

/// An engine that was closed, with the folder it leaves.
pub struct Stopped {
    clock: Arc<ManualClock>,
    dir: tempfile::TempDir,
    config: Config,
    ids: AtomicI64,
}

impl Stopped {
    /// Opens the engine again.
    pub async fn start(self) -> TestApp {
        let Self { clock, dir, config, ids } = self;
        let engine = Engine::open(config.clone()).await.unwrap();
        TestApp { engine, clock, dir, config, ids }
    }

    /// How the engine is opened.
    pub fn config(&self) -> Config {
        self.config.clone()
    }

    /// The data folder.
    pub fn dir(&self) -> PathBuf {
        self.config.data_dir.clone()
    }

    /// Runs statements on the database file.
    pub async fn sql(&self, statements: &str) {
        sql(&self.dir(), statements).await;
    }
}

async fn connect(folder: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(folder.join("usher.db"));
    SqliteConnection::connect_with(&options.foreign_keys(false)).await.unwrap()
}

async fn sql(folder: &Path, statements: &str) {
    let mut db = connect(folder).await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned())).execute(&mut db).await.unwrap();
    db.close().await.unwrap();
}

/// Runs all of them at once and returns what each gave, in order.
pub async fn at_once<T>(work: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut work: Vec<_> = work.into_iter().map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (one, result) in work.iter_mut().filter(|(_, result)| result.is_none()) {
            if let Poll::Ready(value) = one.as_mut().poll(context) {
                *result = Some(value);
            }
        }
        if work.iter().all(|(_, result)| result.is_some()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    work.into_iter().filter_map(|(_, result)| result).collect()
}

/// The settings of one event inside the arguments of `endpoints.add`.
pub fn event<'a>(args: &'a mut Value, name: &str) -> &'a mut Value {
    let events = args["settings"]["events"].as_array_mut().unwrap();
    events.iter_mut().find(|event| event["event"] == name).unwrap()
}

/// Reads an answer as it came over the socket.
pub(crate) fn parse(answer: &[u8]) -> Reply {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let body = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
    Reply { status, head: head.to_owned(), body }
}

/// The headers of a message as Svix sends them; `timestamp` in seconds.
pub fn signed(secret: &str, id: &str, timestamp: i64, body: &[u8]) -> Vec<(String, String)> {
    let signature = Webhook::new(secret).unwrap().sign(id, timestamp, body).unwrap();
    [
        ("content-type", "application/json".to_owned()),
        ("user-agent", "Svix-Webhooks/1.81.0".to_owned()),
        ("svix-id", id.to_owned()),
        ("svix-timestamp", timestamp.to_string()),
        ("svix-signature", signature),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// A `user.created` or `user.updated` of somebody, as of `at` (unix milliseconds).
pub fn user(kind: &str, id: &str, email: Option<&str>, first_name: &str, at: i64) -> Value {
    let addresses: Vec<Value> = email
        .iter()
        .map(|email| json!({ "id": format!("idn_{id}"), "object": "email_address", "email_address": email }))
        .collect();
    json!({
        "data": {
            "id": id,
            "object": "user",
            "first_name": first_name,
            "last_name": "Okafor",
            "primary_email_address_id": email.map(|_| format!("idn_{id}")),
            "email_addresses": addresses,
            "created_at": at,
            "updated_at": at,
        },
        "instance_id": "ins_test",
        "object": "event",
        "timestamp": at,
        "type": kind,
    })
}

/// A `user.deleted`.
pub fn deleted(id: &str, at: i64) -> Value {
    json!({
        "data": { "deleted": true, "id": id, "object": "user" },
        "instance_id": "ins_test",
        "object": "event",
        "timestamp": at,
        "type": "user.deleted",
    })
}

/// A `waitlistEntry.created` or `.updated`.
pub fn waitlist(kind: &str, id: &str, email: &str, status: &str, at: i64) -> Value {
    json!({
        "data": {
            "id": id,
            "object": "waitlist_entry",
            "email_address": email,
            "status": status,
            "created_at": at,
            "updated_at": at,
            "invitation": null,
        },
        "instance_id": "ins_test",
        "object": "event",
        "timestamp": at,
        "type": kind,
    })
}
