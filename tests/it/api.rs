//! Verbs, pages and searches; opening a data folder, and what stands in its way.

use std::collections::BTreeSet;
use std::net::TcpListener;

use kit::app::{NOON, TestApp, TestEndpoint, signed, user};
use serde_json::{Value, json};
use usher_engine::api::{self, Code};
use usher_engine::secret::Choice;
use usher_engine::{Config, Engine, OpenError};

const SECOND: i64 = 1000;

/// The rows of a list by pages of `limit`, each row in the words of `field`.
async fn paged(app: &TestApp, verb: &str, mut args: Value, limit: i64, field: &str) -> Vec<Value> {
    args["limit"] = json!(limit);
    let mut words = Vec::new();
    loop {
        let page = app.call(verb, args.clone()).await;
        let rows = page["rows"].as_array().unwrap();
        assert!(rows.len() as i64 <= limit, "{verb} {args}");
        words.extend(rows.iter().map(|row| row[field].clone()));
        args["cursor"] = page["next"].clone();
        if page["next"].is_null() {
            return words;
        }
        assert_eq!(rows.len() as i64, limit, "{verb} {args}");
    }
}

async fn people(app: &TestApp) -> TestEndpoint {
    let endpoint = app.endpoint().await;
    for (number, name, last, group) in [
        (3, "Zoe", "Abel", "B"),
        (1, "amy", "Zimmer", ""),
        (2, "Amy", "Zimmer", "a"),
        (5, "Zoe", "Abel", "A"),
        (4, "", "", ""),
        (6, "Émile", "Roux", "b"),
        (7, "Bo", "", "a"),
    ] {
        let at = NOON + number / 2 * SECOND;
        let email = format!("p{number}@example.com");
        let mut body = user("user.created", &format!("user_{number}"), Some(&email), name, at);
        body["data"]["last_name"] = json!(last);
        app.post(&endpoint, &body).await;
        if !group.is_empty() {
            app.edit(&email, json!({ "userGroup": group })).await;
        }
    }
    endpoint
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_come_in_five_orders_and_their_reverse_page_by_page() {
    let app = TestApp::start().await;
    people(&app).await;
    let created = ["p7", "p6", "p5", "p4", "p3", "p2", "p1"];
    let table: [(&str, &[&str]); 4] = [
        ("created", &created),
        ("email", &["p1", "p2", "p3", "p4", "p5", "p6", "p7"]),
        ("name", &["p4", "p1", "p2", "p7", "p3", "p5", "p6"]),
        ("group", &["p1", "p4", "p2", "p5", "p7", "p3", "p6"]),
    ];
    for sort in ["updated", "created", "email", "name", "group"] {
        let whole = paged(&app, "contacts.list", json!({ "sort": sort }), 1000, "email").await;
        assert_eq!(whole.len(), 7, "{sort}");
        for limit in [1, 2, 3, 7] {
            let args = json!({ "sort": sort });
            assert_eq!(paged(&app, "contacts.list", args, limit, "email").await, whole, "{sort}");
            let args = json!({ "sort": sort, "reverse": true });
            let mut reversed = paged(&app, "contacts.list", args, limit, "email").await;
            reversed.reverse();
            assert_eq!(reversed, whole, "{sort} reversed");
        }
        let Some((_, expected)) = table.iter().find(|(name, _)| *name == sort) else { continue };
        let same_key = |sorted: Vec<String>| {
            if sort == "email" { sorted } else { keyed(sort, sorted) }
        };
        let got = whole.iter().map(|email| email.as_str().unwrap()[..2].to_owned()).collect();
        let expected = expected.iter().map(ToString::to_string).collect();
        assert_eq!(same_key(got), same_key(expected), "{sort}");
    }
    app.close().await;
}

/// People with the same key may stand in any order among themselves.
fn keyed(sort: &str, people: Vec<String>) -> Vec<String> {
    let key = |person: String| match (sort, person.as_str()) {
        ("created", "p2" | "p3") => "one second".to_owned(),
        ("created", "p4" | "p5") => "two seconds".to_owned(),
        ("created", "p6" | "p7") => "three seconds".to_owned(),
        ("name", "p1" | "p2") => "amy zimmer".to_owned(),
        ("name", "p3" | "p5") => "zoe abel".to_owned(),
        ("group", "p1" | "p4") => "none".to_owned(),
        ("group", "p2" | "p5" | "p7") => "a".to_owned(),
        ("group", "p3" | "p6") => "b".to_owned(),
        _ => person,
    };
    people.into_iter().map(key).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_occurrences_and_timelines_page_too() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    for number in 0..9 {
        let body = user(
            "user.updated",
            "user_1",
            Some("maya@example.com"),
            &format!("M{number}"),
            NOON + number,
        );
        app.post(&endpoint, &body).await;
    }
    let newest_first: Vec<Value> = (1..=9).rev().map(|id| json!(id)).collect();
    let oldest_first: Vec<Value> = (4..=9).map(|id| json!(id)).collect();
    let contact = app.contact("maya@example.com").await["id"].clone();
    let event = json!({ "environmentId": endpoint.environment_id, "name": "clerk.user.updated" });
    for limit in [1, 2, 4, 9, 1000] {
        assert_eq!(paged(&app, "messages.list", json!({}), limit, "id").await, newest_first);
        let after = json!({ "after": 3 });
        assert_eq!(paged(&app, "messages.list", after, limit, "id").await, oldest_first);
        let occurrences =
            paged(&app, "events.occurrences", event.clone(), limit, "messageId").await;
        assert_eq!(occurrences, newest_first);
        let timeline = json!({ "id": contact });
        let entries = paged(&app, "contacts.timeline", timeline, limit, "messageId").await;
        assert_eq!(entries, newest_first);
    }
    for (limit, rows) in [(json!(null), 9), (json!(0), 1), (json!(5000), 9)] {
        let page = app.call("messages.list", json!({ "limit": limit })).await;
        assert_eq!(page["rows"].as_array().unwrap().len(), rows, "{limit}");
    }
    for verb in ["messages.list", "contacts.list", "contacts.timeline", "events.occurrences"] {
        let mut args = match verb {
            "contacts.timeline" => json!({ "id": contact }),
            "events.occurrences" => event.clone(),
            _ => json!({}),
        };
        args["cursor"] = json!("page two");
        let error = app.try_call(verb, args).await.unwrap_err();
        assert_eq!(
            (error.code, error.message.as_str()),
            (Code::Invalid, "This page does not exist.")
        );
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_are_searched_by_plain_words() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    for (number, email, name) in [
        (1, "ada@example.com", "100% Ada"),
        (2, "a_a@example.com", "O'Neil \"Bo\""),
        (3, "axa@example.com", "Back\\slash"),
        (4, "zoe@example.com", "ZOE"),
    ] {
        let body = user("user.created", &format!("user_{number}"), Some(email), name, NOON);
        app.post_as(&endpoint, &format!("msg_{number}"), &body).await;
    }
    for (query, expected) in [
        ("", 4),
        ("   ", 4),
        ("example", 4),
        ("EXAMPLE.com", 4),
        ("a_a", 1),
        ("%", 1),
        ("100%", 1),
        ("_", 4),
        ("a%a", 0),
        ("\\", 1),
        ("back\\slash", 1),
        ("o'neil", 1),
        ("\"bo\"", 1),
        ("' or 1=1 --", 0),
        ("okafor zoe", 1),
        ("zoe example", 1),
        ("zoe ada", 0),
        ("user_2", 1),
    ] {
        let args = json!({ "query": query });
        assert_eq!(app.rows("contacts.list", args.clone()).await.len(), expected, "{query}");
        assert_eq!(app.call("contacts.count", args).await, json!({ "count": expected }), "{query}");
    }
    let after = json!({ "query": "zoe", "after": 0 });
    assert_eq!(app.rows("messages.list", after).await.len(), 1);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_with_a_sentence() {
    let app = TestApp::start().await;
    let environment = app.environment().await;
    app.call("contacts.add", json!({ "environmentId": environment, "email": "Ada@Example.com" }))
        .await;
    for (verb, args, code, says) in [
        ("messages.sing", json!({}), Code::Invalid, "messages.sing"),
        ("messages.list", json!({ "colour": "red" }), Code::Invalid, "colour"),
        ("messages.list", json!({ "limit": -1 }), Code::Invalid, "messages.list"),
        ("messages.show", json!({ "id": "one" }), Code::Invalid, "messages.show"),
        ("messages.show", json!({ "id": 77 }), Code::NotFound, "77"),
        ("messages.verify", json!({}), Code::Invalid, "which"),
        ("contacts.show", json!({ "id": 77 }), Code::NotFound, "not in the audience"),
        ("contacts.edit", json!({ "id": 77 }), Code::NotFound, "not in the audience"),
        ("contacts.remove", json!({ "ids": [77] }), Code::NotFound, "not in the audience"),
        ("contacts.restore", json!({ "id": 77 }), Code::NotFound, "taken back"),
        (
            "contacts.add",
            json!({ "environmentId": environment, "email": "ada" }),
            Code::Invalid,
            "ada",
        ),
        (
            "contacts.add",
            json!({ "environmentId": environment, "email": " ada@example.COM " }),
            Code::Conflict,
            "already",
        ),
        (
            "contacts.add",
            json!({ "environmentId": 77, "email": "new@example.com" }),
            Code::NotFound,
            "environment",
        ),
        (
            "contacts.add",
            json!({ "environmentId": environment, "email": "b@example.com", "listIds": [7] }),
            Code::NotFound,
            "mailing list",
        ),
        ("tests.make", json!({ "type": "comet.sighted" }), Code::Invalid, "comet.sighted"),
        ("tests.send", json!({ "endpointId": 77, "body": "{}" }), Code::NotFound, "endpoint"),
        ("settings.update", json!({ "port": 0 }), Code::Invalid, "65535"),
        ("app.backup", json!({ "file": "here.db" }), Code::Invalid, "here.db"),
    ] {
        let error = app.try_call(verb, args.clone()).await.unwrap_err();
        assert_eq!(error.code, code, "{verb} {args}: {error}");
        assert!(error.message.contains(says) && error.message.ends_with('.'), "{verb}: {error}");
    }
    assert_eq!(app.contacts().await.len(), 1);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_event_is_signed_and_goes_through_the_listener() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let body = user("user.created", "user_1", Some("maya@example.com"), "Maya", NOON).to_string();
    let args = json!({ "endpointId": endpoint.id, "body": body });
    let sent = app.call("tests.send", args.clone()).await;
    let message = app.message(sent["messageId"].as_i64().unwrap()).await;
    assert_eq!(json!([sent["status"], sent["answer"]]), json!([200, message["answer"]]));
    assert_eq!(
        json!([message["svixId"], message["test"], message["bodyText"]]),
        json!([sent["svixId"], true, body])
    );
    let printed = app.call("tests.sign", args).await;
    assert_eq!(app.messages().await.len(), 1, "signing sends nothing");
    let pairs = printed["headers"].as_array().unwrap().iter();
    let headers: Vec<(String, String)> = pairs
        .map(|h| (h["name"].as_str().unwrap().to_owned(), h["value"].as_str().unwrap().to_owned()))
        .collect();
    let path = printed["url"].as_str().unwrap().splitn(4, '/').nth(3).unwrap();
    let reply = app.send("POST", &format!("/{path}"), &headers, body.as_bytes()).await;
    assert_eq!(reply.brief(), "200 duplicate/same_content");
    assert_eq!(app.message(reply.id()).await["test"], json!(false), "sent by somebody else");
    let bare = app.endpoint_with(|args| args["secret"] = Value::Null).await;
    let args = json!({ "endpointId": bare.id, "body": "{}" });
    let error = app.try_call("tests.send", args).await.unwrap_err();
    assert_eq!(error.code, Code::Invalid, "{error}");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_claim_to_be_a_test() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let body = user("user.created", "user_1", Some("maya@example.com"), "Maya", NOON).to_string();
    let mut headers = signed(kit::app::SECRET, "msg_1", NOON / 1000, body.as_bytes());
    headers.push(("x-usher-test".to_owned(), "1".to_owned()));
    let reply = app.send("POST", &endpoint.path, &headers, body.as_bytes()).await;
    assert_eq!(app.message(reply.id()).await["test"], json!(false));
    app.close().await;
}

async fn status(engine: &Engine) -> Value {
    api::call(engine, "app.status", json!({})).await.unwrap()["listener"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named_and_everything_else_works() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let stopped = TestApp::start().await.stop().await;
    let engine = Engine::open(Config { port: Some(port), ..stopped.config() }).await.unwrap();
    let listener = status(&engine).await;
    assert_eq!(json!([listener["state"], listener["port"]]), json!(["failed", port]));
    let problem = listener["problem"].as_str().unwrap();
    assert!(problem.contains(&format!("Port {port} is already used")), "{problem}");
    assert!(problem.contains("Settings"), "{problem}");
    let made =
        api::call(&engine, "endpoints.add", json!({ "environmentId": 1, "name": "A" })).await;
    let test = json!({ "endpointId": made.unwrap()["id"], "body": "{}" });
    let unsent = api::call(&engine, "tests.send", test).await.unwrap_err();
    assert_eq!(unsent.code, Code::Unavailable, "{unsent}");
    drop(taken);
    let again = api::call(&engine, "app.restart_listener", json!({})).await.unwrap();
    assert_eq!(
        json!([again["listener"]["state"], again["listener"]["problem"]]),
        json!(["listening", null])
    );
    engine.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_listener_moves_when_settings_say_so() {
    let app = TestApp::start().await;
    let before = app.port().await;
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = app.call("settings.update", json!({ "port": free, "appearance": "dark" })).await;
    assert_eq!(
        settings,
        json!({ "port": free, "appearance": "dark", "bodyLimitMib": 1, "notify": false })
    );
    assert_eq!(app.port().await, free);
    assert_eq!(app.send("GET", "/health", &[], b"").await.status, 200);
    assert!(std::net::TcpStream::connect(("127.0.0.1", before)).is_err(), "the old port is closed");
    let app = app.restart().await;
    assert_eq!(app.call("settings.get", json!({})).await, settings);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_is_announced_after_it_did() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let mut changes = app.engine().changes();
    let body = user("user.created", "user_1", Some("maya@example.com"), "Maya", NOON);
    let (_, first) = tokio::join!(app.post(&endpoint, &body), changes.next());
    let mut topics: BTreeSet<String> = first.unwrap().into_iter().collect();
    assert_eq!(app.contacts().await.len(), 1, "announced, so there");
    while !["messages", "contacts", "events", "endpoints"].iter().all(|t| topics.contains(*t)) {
        topics.extend(changes.next().await.unwrap());
    }
    let mut changes = app.engine().changes();
    let args = json!({ "environmentId": endpoint.environment_id, "email": "maya@example.com" });
    app.try_call("contacts.add", args).await.unwrap_err();
    app.call("settings.update", json!({ "appearance": "light" })).await;
    let topics = changes.next().await.unwrap();
    assert!(topics.contains(&"settings".to_owned()), "{topics:?}");
    assert!(
        !topics.contains(&"contacts".to_owned()),
        "what was refused changed nothing: {topics:?}"
    );
    app.close().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_usher_makes_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("new");
    let config = Config { listen: false, keychain: Choice::File, ..Config::new(folder.clone()) };
    Engine::open(config).await.unwrap().close().await;
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_belongs_to_one_engine() {
    let app = TestApp::start().await;
    let Err(error) = Engine::open(app.config()).await else { panic!("opened twice") };
    assert!(matches!(&error, OpenError::InUse(folder) if *folder == app.dir()), "{error:?}");
    assert!(error.to_string().contains("Another Usher"), "{error}");
    let endpoint = app.endpoint().await;
    assert_eq!(app.post(&endpoint, &json!({ "type": "x" })).await.status, 200);
    let stopped = app.stop().await;
    Engine::open(stopped.config()).await.unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_database_is_refused_and_left_as_it_is() {
    let app = TestApp::start().await;
    people(&app).await;
    let stopped = app.stop().await;
    stopped
        .sql(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
             values (99, 'later', 1, x'00', 0)",
        )
        .await;
    let file = stopped.dir().join("usher.db");
    let before = std::fs::read(&file).unwrap();
    let Err(error) = Engine::open(stopped.config()).await else { panic!("opened") };
    assert!(error.to_string().contains("newer Usher (schema 99, this one knows"), "{error}");
    assert!(error.to_string().contains("Update Usher"), "{error}");
    assert!(std::fs::read(&file).unwrap() == before, "the file was changed");
    stopped.sql("delete from _sqlx_migrations where version = 99").await;
    let app = stopped.start().await;
    assert_eq!(app.contacts().await.len(), 7);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_database_is_said_to_be_none() {
    let app = TestApp::start().await;
    let stopped = app.stop().await;
    let file = stopped.dir().join("usher.db");
    for end in ["", "-wal", "-shm"] {
        let _absent = std::fs::remove_file(format!("{}{end}", file.display()));
    }
    std::fs::write(&file, "this is a letter to my aunt, and not at all a database".repeat(99))
        .unwrap();
    let before = std::fs::read(&file).unwrap();
    let Err(error) = Engine::open(stopped.config()).await else { panic!("opened") };
    assert!(error.to_string().contains("usher.db could not be opened"), "{error}");
    assert!(std::fs::read(&file).unwrap() == before, "the file was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_a_whole_database_and_overwrites_nothing() {
    let app = TestApp::start().await;
    people(&app).await;
    let copy = tempfile::tempdir().unwrap();
    let file = copy.path().join("usher.db");
    let made = app.call("app.backup", json!({ "file": file })).await;
    assert_eq!(made["bytes"], json!(std::fs::metadata(&file).unwrap().len()));
    let again = app.try_call("app.backup", json!({ "file": file })).await.unwrap_err();
    assert_eq!(again.code, Code::Conflict, "{again}");
    let nowhere = copy.path().join("no/such/folder.db");
    let error = app.try_call("app.backup", json!({ "file": nowhere })).await.unwrap_err();
    assert_eq!(error.code, Code::Unavailable, "{error}");
    let before = app.audience().await;
    let config = Config { data_dir: copy.path().to_owned(), ..app.config() };
    let engine = Engine::open(config).await.unwrap();
    let rows = api::call(&engine, "contacts.list", json!({})).await.unwrap();
    assert_eq!(rows["rows"].as_array().unwrap().len(), before.lines().count());
    engine.close().await;
    app.close().await;
}
