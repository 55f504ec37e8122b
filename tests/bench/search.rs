//! The first page of any search, over what a large file holds.
//!
//! The engine is opened in this process, so that what is timed is the search and not a socket. It is
//! waited for until the full-text index is complete: how long that takes is told, too.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use usher_engine::secret::Choice;
use usher_engine::{Config, Engine, api};

use crate::figures::{Latency, Spread, short, table};
use crate::report::{Bar, Report};
use crate::server::largest;

const TIMES: usize = 15;
const AIM_MS: f64 = 50.0;

/// What is searched for: with many finds, with few, with none, and what no index can tell.
const SEARCHES: [&str; 20] = [
    "",
    "type:user.updated",
    "type:user.deleted",
    "type:user.* -type:user.created",
    "-type:user.*",
    "status:refused",
    "reason:wrong_secret",
    "is:duplicate",
    "is:pinned",
    "has:error",
    "has:change type:user.updated",
    "email:p00000042",
    "user:user_p00000042",
    "nobody",
    "step3",
    "\"exact words that nobody said\"",
    "larger:10k",
    "after:\"1 day ago\"",
    "before:\"1 day ago\"",
    "(email:p00000042 OR email:p00000043) -is:stale",
];

/// Searches in this folder and adds a part to the report.
pub fn on(data: &Path, messages: u64, report: &mut Report) {
    println!("Searching {messages} messages");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let found = runtime.block_on(search(data, messages));
    let bytes: i64 = largest(data).iter().map(|(_, bytes)| *bytes).sum();
    report.section(format!("Searching {messages} messages"), "");
    report.text(&format!(
        "The index was complete {} s after the engine was opened; with it a message takes {} bytes. \
         The first page, in milliseconds over {TIMES} times; a page that ends early is gone on \
         from.\n\n",
        short(found.indexed_after.as_secs_f64()),
        short(bytes as f64 / messages as f64),
    ));
    let head = ["search", "first page", "found", "pages to 100 finds", "the rest of them, ms"];
    report.text(&table(&head, &found.rows));
    report.bar(Bar::most("search: first page, slowest of all, ms", AIM_MS, found.slowest));
    report.json("search", json!(found.all));
}

struct Found {
    indexed_after: Duration,
    rows: Vec<Vec<String>>,
    all: Vec<Value>,
    slowest: f64,
}

/// Opens the engine in this folder until its full-text index is complete.
pub fn indexed(data: &Path, messages: u64) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { engine(data, messages).await.0.close().await });
}

/// The engine, once its full-text index is complete, and how long that took.
async fn engine(data: &Path, messages: u64) -> (Engine, Duration) {
    let mut config = Config::new(data.to_owned());
    config.listen = false;
    config.keychain = Choice::File;
    let engine = Engine::open(config).await.unwrap();
    let begun = Instant::now();
    let file = SqliteConnectOptions::new().filename(data.join("usher.db"));
    let mut db = file.connect().await.unwrap();
    loop {
        let query = "select coalesce(max(last), 0) from message_block";
        let indexed: i64 = sqlx::query_scalar(query).fetch_one(&mut db).await.unwrap();
        if indexed + 64 > i64::try_from(messages).unwrap() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    db.close().await.unwrap();
    (engine, begun.elapsed())
}

async fn search(data: &Path, messages: u64) -> Found {
    let (engine, indexed_after) = engine(data, messages).await;
    let (mut rows, mut all, mut slowest) = (Vec::new(), Vec::new(), 0.0_f64);
    for query in SEARCHES {
        let args = json!({ "query": query, "environmentId": 1 });
        let mut times = Vec::new();
        let mut page = Value::Null;
        for _ in 0..TIMES {
            let begun = Instant::now();
            page = api::call(&engine, "messages.list", args.clone()).await.unwrap();
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        let whole = Instant::now();
        let (mut found, mut pages) = (0, 1);
        let mut next = page["next"].clone();
        found += page["rows"].as_array().unwrap().len();
        while found < 100 && !next.is_null() {
            let mut args = args.clone();
            args["cursor"] = next;
            let page = api::call(&engine, "messages.list", args).await.unwrap();
            found += page["rows"].as_array().unwrap().len();
            next = page["next"].clone();
            pages += 1;
        }
        let whole = whole.elapsed().as_secs_f64() * 1000.0;
        let spread = Spread::of(times.iter().copied());
        let latency = Latency::of_ms(times);
        slowest = slowest.max(spread.median);
        let rest = if pages == 1 { "-".to_owned() } else { short(whole) };
        rows.push(vec![
            query.to_owned(),
            spread.to_string(),
            found.to_string(),
            pages.to_string(),
            rest,
        ]);
        all.push(json!({ "query": query, "ms": latency.json(), "found": found, "pages": pages }));
    }
    engine.close().await;
    Found { indexed_after, rows, all, slowest }
}
