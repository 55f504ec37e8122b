//! Files of every released schema: `tests/fixtures/usher-<schema>.db` opens in this Usher, with all that
//! was in it.
//!
//! The newest one is missing after a new migration. The test then writes it, in the schema of this
//! Usher, and fails once; it is committed with the migration and never changes again.

use std::fs;
use std::path::PathBuf;

use kit::app::{NOON, OTHER_SECRET, SECRET, TestApp, TestEndpoint, deleted, event, user, waitlist};
use kit::bin::Usher;
use kit::file;
use kit::load::send_again;
use serde_json::{Value, json};

const DAY: i64 = 86_400_000;

/// What is in each of the files, oldest first, as [`made`] puts it there.
const MESSAGES: &[&str] = &[
    "processed user.created maya@example.com",
    "processed user.updated maya@example.com",
    "stale user.updated maya@example.com",
    "duplicate user.updated maya@example.com",
    "processed user.created leo@example.com",
    "processed user.deleted leo@example.com",
    "no_email user.created Nobody Okafor",
    "processed user.created ada@example.com",
    "processed waitlistEntry.created wei@example.com",
    "off waitlistEntry.updated wei@example.com",
    "ignored session.created sess_1",
    "refused user.created zoe@example.com",
    "waiting user.created kim@example.com",
];
const AUDIENCE: &[&str] = &[
    "bo@example.com Bo - VIP [] subscribed",
    "leo@example.com Leo Okafor - [News] unsubscribed",
    "maya@example.com Em Okafor VIP [Beta] subscribed",
    "wei@example.com - - - [] subscribed",
];

fn fixture(schema: i64) -> PathBuf {
    kit::root().join(format!("tests/fixtures/usher-{schema}.db"))
}

fn schemas() -> Vec<i64> {
    let folder = kit::root().join("src-tauri/engine/migrations");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let number = |name: &str| name.split('_').next().unwrap().parse().unwrap();
    let mut schemas: Vec<i64> = names.map(|name| number(name.to_str().unwrap())).collect();
    schemas.sort_unstable();
    schemas
}

/// Writes a file in the schema of this Usher.
async fn made(file: PathBuf) {
    let app = TestApp::start().await;
    let (news, beta) = (app.mailing_list("News").await, app.mailing_list("Beta").await);
    let endpoint = app
        .endpoint_with(|args| {
            event(args, "user.created")["mailingLists"] = json!([news]);
            event(args, "user.created")["customEvent"] = json!("signedUp");
            event(args, "waitlistEntry.updated")["enabled"] = json!(false);
        })
        .await;
    let at = |days: i64| NOON + days * DAY;
    let maya = |kind: &str, name: &str, days| {
        user(kind, "user_1", Some("maya@example.com"), name, at(days))
    };
    let somebody =
        |id: &str, email: &str, name: &str| user("user.created", id, Some(email), name, at(1));
    let wei = |kind: &str| waitlist(kind, "wait_1", "wei@example.com", "pending", at(2));
    let session = json!({
        "data": { "id": "sess_1", "object": "session", "user_id": "user_1" },
        "instance_id": "ins_test", "object": "event", "timestamp": at(2), "type": "session.created",
    });
    app.post_all(
        &endpoint,
        &[
            maya("user.created", "Maya", 0),
            maya("user.updated", "May", 2),
            maya("user.updated", "Mai", 1),
            maya("user.updated", "May", 2),
            somebody("user_2", "leo@example.com", "Leo"),
            deleted("user_2", at(3)),
            user("user.created", "user_3", None, "Nobody", at(1)),
            somebody("user_4", "ada@example.com", "Ada"),
            wei("waitlistEntry.created"),
            wei("waitlistEntry.updated"),
            session,
        ],
    )
    .await;
    let zoe = somebody("user_5", "zoe@example.com", "Zoe");
    app.post_signed(OTHER_SECRET, &endpoint, "msg_forged", &zoe).await;
    by_hand(&app, beta).await;
    pause(&app, &endpoint).await;
    let kim = somebody("user_6", "kim@example.com", "Kim");
    app.post_as(&endpoint, "msg_waiting", &kim).await;
    app.environment_named("Production").await;
    app.call("app.backup", json!({ "file": file })).await;
    app.close().await;
}

async fn by_hand(app: &TestApp, list: i64) {
    app.clock.advance(4 * DAY);
    let edit = json!({ "firstName": "Em", "userGroup": "VIP", "listIds": [list] });
    app.edit("maya@example.com", edit).await;
    let ada = app.contact("ada@example.com").await["id"].clone();
    app.call("contacts.remove", json!({ "ids": [ada] })).await;
    let environment = app.environment().await;
    let bo = json!({
        "environmentId": environment, "email": "bo@example.com", "firstName": "Bo", "userGroup": "VIP",
    });
    app.call("contacts.add", bo).await;
}

async fn pause(app: &TestApp, endpoint: &TestEndpoint) {
    app.call("endpoints.update", json!({ "id": endpoint.id, "paused": true })).await;
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or("-")
}

fn messages(usher: &Usher) -> Vec<String> {
    let rows = usher.json(&["messages", "list", "--limit", "0"]);
    let line = |row: &Value| {
        format!("{} {} {}", text(row, "outcome"), text(row, "type"), text(row, "subject"))
    };
    rows.iter().rev().map(line).collect()
}

fn audience(usher: &Usher) -> Vec<String> {
    let rows = usher.json(&["contacts", "list", "--limit", "0"]);
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let names = ["email", "firstName", "lastName", "userGroup"].map(|name| text(row, name));
            let lists: Vec<&str> =
                row["lists"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            let subscribed = if row["subscribed"] == true { "subscribed" } else { "unsubscribed" };
            format!("{} [{}] {subscribed}", names.join(" "), lists.join(","))
        })
        .collect();
    lines.sort();
    lines
}

/// Tables, indexes and constraints as SQLite keeps them.
fn schema_of(file: &std::path::Path) -> Vec<(String, Option<String>)> {
    file::rows(file, "select name, sql from sqlite_master order by name")
}

#[test]
fn a_file_of_every_released_schema_opens_with_all_that_is_in_it() {
    let schemas = schemas();
    let newest = *schemas.last().unwrap();
    if !fixture(newest).is_file() {
        tokio::runtime::Runtime::new().unwrap().block_on(made(fixture(newest)));
        panic!("{} was missing and is written now; commit it.", fixture(newest).display());
    }
    let fresh = tempfile::tempdir().unwrap();
    Usher::new(fresh.path()).json(&["endpoints", "list"]);
    for schema in schemas {
        let folder = tempfile::tempdir().unwrap();
        let (db, usher) = (folder.path().join("usher.db"), Usher::new(folder.path()));
        fs::copy(fixture(schema), &db).unwrap();
        assert_eq!(messages(&usher), MESSAGES, "schema {schema}");
        assert_eq!(audience(&usher), AUDIENCE, "schema {schema}");
        assert_eq!(usher.json(&["rebuild"])[0]["changed"], 0, "schema {schema}");
        file::assert_sound(&db);
        assert_eq!(schema_of(&db), schema_of(&fresh.path().join("usher.db")), "schema {schema}");
        let copy = folder.path().join(format!("usher.before-{newest}.db"));
        assert_eq!(
            copy.is_file(),
            schema < newest,
            "the copy before the update of schema {schema}"
        );
        receives(&usher);
    }
}

/// Gives the endpoint a secret, since those are not in the file, and lets it receive again.
fn receives(usher: &Usher) {
    let endpoint = usher.json(&["endpoints", "set", "Clerk 1", "--secret", SECRET, "--resume"]);
    let listening = usher.listen(&[]);
    let url = format!("{}{}", listening.url(), endpoint[0]["path"].as_str().unwrap());
    let body = user("user.created", "user_9", Some("new@example.com"), "New", NOON + 9 * DAY);
    let message = [("msg_new".to_owned(), body.to_string().into_bytes())].into();
    assert_eq!(send_again(&url, &message)["msg_new"].brief(), "200 processed");
    assert!(audience(usher).iter().any(|line| line.starts_with("kim@example.com")));
}
