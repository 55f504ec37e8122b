//! Forwarding to an app under development: what it gets, in which order, how often, and what is said
//! when it does not take it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use kit::app::{NOON, OTHER_SECRET, SECRET, TestApp, TestEndpoint, user};
use kit::bin::Usher;
use kit::devserver::{DevServer, Request, Say, status};
use kit::wire::free_port;
use serde_json::{Value, json};
use svix::webhooks::Webhook;
use usher_engine::forward::address::{Address, Barred, judge};
use usher_engine::forward::hint::Problem;

const PATH: &str = "/api/webhooks";
const PATIENCE: Duration = Duration::from_secs(20);

fn maya(name: &str, minutes: i64) -> Value {
    let kind = if minutes == 0 { "user.created" } else { "user.updated" };
    user(kind, "user_1", Some("maya@example.com"), name, NOON + minutes * 60_000)
}

fn leo() -> Value {
    user("user.created", "user_2", Some("leo@example.com"), "Leo", NOON)
}

fn names(server: &DevServer) -> Vec<String> {
    let name =
        |request: &Request| request.json()["data"]["first_name"].as_str().unwrap().to_owned();
    server.so_far().iter().map(name).collect()
}

async fn add(app: &TestApp, endpoint: &TestEndpoint, url: &str, more: Value) -> i64 {
    let mut args = json!({ "endpointId": endpoint.id, "url": url });
    args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.call("forwards.add", args).await["id"].as_i64().unwrap()
}

async fn row(app: &TestApp, id: i64) -> Value {
    let rows = app.call("forwards.list", json!({})).await;
    rows.as_array().unwrap().iter().find(|row| row["id"] == id).unwrap().clone()
}

/// The answer of a verb once it is as wanted; looked at again whenever something changed.
async fn until(app: &TestApp, verb: &str, args: Value, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut changes = app.engine().changes();
    let look = async {
        loop {
            let answer = app.call(verb, args.clone()).await;
            if wanted(&answer) {
                return answer;
            }
            changes.next().await.unwrap();
        }
    };
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(answer) => answer,
        Err(_) => panic!("it stays like this: {}", app.call(verb, args.clone()).await),
    }
}

/// Deliveries of a message, once they are in these states, oldest first.
async fn delivered(app: &TestApp, message: i64, states: &[&str]) -> Value {
    let args = json!({ "messageId": message });
    until(app, "forwards.deliveries", args, |rows| {
        let rows = rows.as_array().unwrap();
        rows.len() == states.len()
            && rows.iter().zip(states).all(|(row, state)| row["state"] == *state)
    })
    .await
}

/// The deliveries of a message, once the first of them was attempted so often.
async fn attempted(app: &TestApp, message: i64, times: usize) -> Value {
    let args = json!({ "messageId": message });
    let rows = until(app, "forwards.deliveries", args, |rows| {
        rows[0]["attempts"].as_array().is_some_and(|attempts| attempts.len() >= times)
    })
    .await;
    rows[0].clone()
}

fn problem(delivery: &Value) -> String {
    let last = delivery["attempts"].as_array().unwrap().last().unwrap();
    last["problem"].as_str().unwrap_or_default().to_owned()
}

fn verifies(secret: &str, request: &Request) -> bool {
    let mut headers = http::HeaderMap::new();
    for name in ["svix-id", "svix-timestamp", "svix-signature"] {
        headers.insert(name, request.header(name).unwrap().parse().unwrap());
    }
    Webhook::new(secret).unwrap().verify_ignoring_timestamp(&request.body, &headers).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_arrives_as_it_came_and_the_answer_is_kept() {
    let server =
        DevServer::start(|_, _| Say::Status(202, "x-seen: yes\r\n", "{\"ok\":true}".to_owned()))
            .await;
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let headers = json!([{ "name": "X-Tenant", "value": "blue" }]);
    let id = add(&app, &endpoint, &server.url(PATH), json!({ "headers": headers })).await;
    let body = maya("Maya", 0).to_string();
    let mut sent = kit::app::signed(SECRET, "msg_1", NOON / 1000, body.as_bytes());
    for (name, value) in [
        ("X-Usher-Thing", "no"),
        ("Keep-Alive", "timeout=5"),
        ("X-Tenant", "red"),
        ("X-Trace", "t1"),
        ("Accept-Encoding", "gzip, br"),
    ] {
        sent.push((name.to_owned(), value.to_owned()));
    }
    let reply = app.send("POST", &endpoint.path, &sent, body.as_bytes()).await;
    let request = server.received(1).await.remove(0);
    assert_eq!(request.line, format!("POST {PATH}"));
    assert_eq!(request.body, body.as_bytes());
    assert!(verifies(SECRET, &request));
    let host = format!("localhost:{}", server.port);
    let length = body.len().to_string();
    for (name, value) in [
        ("host", Some(host.as_str())),
        ("content-length", Some(length.as_str())),
        ("content-type", Some("application/json")),
        ("user-agent", Some("Svix-Webhooks/1.81.0")),
        ("svix-id", Some("msg_1")),
        ("x-trace", Some("t1")),
        ("x-tenant", Some("blue")),
        ("x-usher-thing", None),
        ("keep-alive", None),
        ("accept-encoding", None),
    ] {
        assert_eq!(request.header(name), value, "{name}");
    }
    let delivery = delivered(&app, reply.id(), &["done"]).await[0].clone();
    let attempt = &delivery["attempts"][0];
    assert_eq!(delivery["forwardId"], id);
    assert_eq!((&attempt["status"], &attempt["at"]), (&json!(202), &json!(NOON)));
    assert_eq!((&attempt["problem"], &attempt["body"]), (&Value::Null, &json!("{\"ok\":true}")));
    let seen = json!({ "name": "x-seen", "value": "yes" });
    assert!(attempt["headers"].as_array().unwrap().contains(&seen), "{attempt}");
    let message = app.message(reply.id()).await;
    let step = message["steps"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(step["name"], "forward");
    assert_eq!((&step["state"], &step["detail"]), (&json!("done"), &json!("202 in 0 ms")));
    assert_eq!(step["title"], format!("Forwarded to localhost:{}", server.port));
    let row = row(&app, id).await;
    assert_eq!((&row["done"], &row["waiting"], &row["failed"]), (&json!(1), &json!(0), &json!(0)));
    assert_eq!((&row["lastStatus"], &row["lastProblem"]), (&json!(202), &Value::Null));
    let found = app.call("messages.count", json!({ "query": "is:forwarded" })).await;
    assert_eq!(found["count"], 1);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_signature_is_of_the_chosen_secret_and_of_now() {
    let server = DevServer::start(|_, _| status(200)).await;
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let own = add(&app, &endpoint, &server.url("/own"), json!({ "secret": OTHER_SECRET })).await;
    add(&app, &endpoint, &server.url("/endpoint"), json!({ "signature": "fresh" })).await;
    assert_eq!(row(&app, own).await["secretHint"], OTHER_SECRET[OTHER_SECRET.len() - 4..]);
    assert_eq!(row(&app, own).await["signature"], "fresh");
    let body = maya("Maya", 0).to_string();
    let sent = kit::app::signed(SECRET, "msg_1", NOON / 1000 - 200, body.as_bytes());
    app.send("POST", &endpoint.path, &sent, body.as_bytes()).await;
    for request in server.received(2).await {
        let secret = if request.line.ends_with("/own") { OTHER_SECRET } else { SECRET };
        assert!(verifies(secret, &request), "{request:?}");
        assert_eq!(request.header("svix-id"), Some("msg_1"));
        assert_eq!(request.header("svix-timestamp"), Some((NOON / 1000).to_string().as_str()));
    }
    let secrets = || std::fs::read_to_string(app.dir().join("secrets.json")).unwrap();
    assert!(secrets().contains(OTHER_SECRET));
    let changed = json!({ "id": own, "secret": "" });
    assert_eq!(app.call("forwards.update", changed).await["secretHint"], Value::Null);
    assert!(!secrets().contains(OTHER_SECRET));
    app.post_as(&endpoint, "msg_2", &leo()).await;
    let all = server.received(4).await;
    assert!(all[2..].iter().all(|request| verifies(SECRET, request)));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_over_tls_is_believed_when_the_system_trusts_it() {
    let server = DevServer::start_tls(|_, _| status(200)).await;
    let url = server.url(PATH);
    for (trusted, state) in [(true, "done"), (false, "waiting")] {
        let folder = tempfile::tempdir().unwrap();
        let (file, other) =
            (folder.path().join("ca.pem"), DevServer::start_tls(|_, _| status(200)));
        let whose = if trusted { server.certificate.clone() } else { other.await.certificate };
        std::fs::write(&file, whose.unwrap()).unwrap();
        let usher = Usher::new(&folder.path().join("data")).with("SSL_CERT_FILE", &file);
        usher.json(&["endpoints", "add", "--name", "Clerk", "--secret", SECRET]);
        usher.json(&["forwards", "add", "--endpoint", "Clerk", &url]);
        let listening = usher.listen(&[]);
        let sent = usher.json(&["trigger", "user.created"]).remove(0);
        let message = sent["messageId"].to_string();
        let tried = || {
            let shown = usher.json(&["messages", "show", &message]).remove(0);
            let mut steps = shown["steps"].as_array().unwrap().clone().into_iter();
            steps.find(|step| step["name"] == "forward" && !step["detail"].is_null())
        };
        let delivery = (0..500).find_map(|_| tried()).expect("it is tried once");
        assert_eq!(delivery["state"], state, "{delivery}");
        if !trusted {
            let why = delivery["detail"].as_str().unwrap();
            assert!(why.contains("No secure connection"), "{why}");
        }
        drop(listening);
    }
    let request = server.so_far().remove(0);
    assert!(verifies(SECRET, &request));
    assert_eq!(server.so_far().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_trusted_messages_of_the_types_wanted_and_none_of_before() {
    let server = DevServer::start(|_, _| status(200)).await;
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let other = app.endpoint().await;
    app.post(&endpoint, &maya("Maya", 0)).await;
    let types = json!({ "types": ["session.*", "user.updated", "user.updated"] });
    let id = add(&app, &endpoint, &server.url(PATH), types).await;
    assert_eq!(row(&app, id).await["types"], json!(["session.*", "user.updated"]));
    let session = json!({
        "data": { "id": "sess_1", "object": "session" }, "object": "event",
        "timestamp": NOON, "type": "session.created",
    });
    app.post(&endpoint, &leo()).await;
    app.post(&other, &maya("May", 1)).await;
    let refused = app.post_signed(OTHER_SECRET, &endpoint, "msg_bad", &maya("Eve", 2)).await;
    assert_eq!(refused.status, 400);
    assert_eq!(app.post(&endpoint, &session).await.brief(), "200 ignored/not_handled");
    app.call("endpoints.update", json!({ "id": endpoint.id, "paused": true })).await;
    assert_eq!(app.post(&endpoint, &maya("Mia", 3)).await.brief(), "200 waiting/paused");
    let types: Vec<String> = server
        .received(2)
        .await
        .iter()
        .map(|request| request.json()["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(types, ["session.created", "user.updated"]);
    let added = json!({ "id": endpoint.id, "secret": OTHER_SECRET });
    app.call("endpoints.add_secret", added).await;
    app.call("messages.verify", json!({ "ids": [refused.id()] })).await;
    let late = server.received(3).await.remove(2);
    assert_eq!(late.json()["data"]["first_name"], "Eve");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_about_one_object_goes_in_order() {
    let server = DevServer::start(|request, before| {
        let first = request.json()["data"]["first_name"] == "Maya";
        status(if first && before < 3 { 500 } else { 200 })
    })
    .await;
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    add(&app, &endpoint, &server.url(PATH), json!({})).await;
    let first = app.post(&endpoint, &maya("Maya", 0)).await.id();
    attempted(&app, first, 1).await;
    let second = app.post(&endpoint, &maya("May", 1)).await.id();
    let third = app.post(&endpoint, &maya("Mia", 2)).await.id();
    let other = app.post(&endpoint, &leo()).await.id();
    delivered(&app, other, &["done"]).await;
    delivered(&app, second, &["waiting"]).await;
    app.clock.advance(5_000);
    attempted(&app, first, 2).await;
    app.clock.advance(300_000);
    delivered(&app, third, &["done"]).await;
    let names: Vec<Value> = server
        .so_far()
        .iter()
        .map(|request| request.json()["data"]["first_name"].clone())
        .collect();
    assert_eq!(names, ["Maya", "Leo", "Maya", "Maya", "May", "Mia"]);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_tried_again_on_the_schedule_of_svix_or_not_at_all() {
    let server = DevServer::start(|_, _| Say::Status(500, "", "stack trace".to_owned())).await;
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let svix = add(&app, &endpoint, &server.url("/svix"), json!({})).await;
    let message = app.post(&endpoint, &maya("Maya", 0)).await.id();
    let minute = 60_000;
    let pauses = [5_000, 5 * minute, 30 * minute, 120 * minute, 300 * minute, 600 * minute];
    let mut at = NOON;
    for (times, pause) in pauses.into_iter().chain([600 * minute]).enumerate() {
        let delivery = attempted(&app, message, times + 1).await;
        assert_eq!(delivery["state"], "waiting");
        assert_eq!(delivery["dueAt"], at + pause, "after attempt {}", times + 1);
        assert_eq!(delivery["attempts"][times]["at"], at);
        app.clock.advance(pause);
        at += pause;
    }
    let listed = app.call("messages.list", json!({})).await["rows"][0].clone();
    assert_eq!(listed["forward"], "waiting", "{listed}");
    let delivery = delivered(&app, message, &["failed"]).await[0].clone();
    assert_eq!(delivery["attempts"].as_array().unwrap().len(), 8);
    assert_eq!(app.message(message).await["forward"], "failed");
    assert_eq!(delivery["dueAt"], Value::Null);
    assert_eq!(delivery["attempts"][7]["body"], "stack trace");
    let said = "Answered 500. Your handler failed. Look at the log of your server.";
    assert_eq!(problem(&delivery), said);
    assert_eq!(row(&app, svix).await["lastProblem"], said);
    let found = app.call("messages.count", json!({ "query": "has:error" })).await;
    assert_eq!(found["count"], 1);
    app.call("forwards.update", json!({ "id": svix, "retries": "none" })).await;
    let once = app.post(&endpoint, &leo()).await.id();
    let delivery = delivered(&app, once, &["failed"]).await[0].clone();
    assert_eq!(delivery["attempts"].as_array().unwrap().len(), 1);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_survives_a_restart_and_can_be_tried_now() {
    let server = DevServer::start(|_, before| status(if before < 2 { 503 } else { 200 })).await;
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let id = add(&app, &endpoint, &server.url(PATH), json!({})).await;
    let message = app.post(&endpoint, &maya("Maya", 0)).await.id();
    let delivery = attempted(&app, message, 1).await;
    let retried = app.call("forwards.retry", json!({ "id": delivery["id"] })).await;
    assert_eq!((&retried["state"], &retried["dueAt"]), (&json!("waiting"), &json!(NOON)));
    attempted(&app, message, 2).await;
    let app = app.restart().await;
    assert_eq!(row(&app, id).await["waiting"], 1);
    app.clock.advance(300_000);
    let delivery = delivered(&app, message, &["done"]).await[0].clone();
    assert_eq!(delivery["attempts"].as_array().unwrap().len(), 3);
    assert_eq!(server.so_far().len(), 3);
    let error = app.try_call("forwards.retry", json!({ "id": delivery["id"] })).await.unwrap_err();
    assert!(error.message.starts_with("It was received already."), "{error}");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trying_now_uses_up_none_of_the_schedule() {
    let server = DevServer::start(|_, _| status(503)).await;
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let id = add(&app, &endpoint, &server.url(PATH), json!({})).await;
    let message = app.post(&endpoint, &maya("Maya", 0)).await.id();
    let mut delivery = attempted(&app, message, 1).await;
    for times in 2..10 {
        app.call("forwards.retry", json!({ "id": delivery["id"] })).await;
        delivery = attempted(&app, message, times).await;
        let stands = (&delivery["state"], &delivery["dueAt"]);
        assert_eq!(stands, (&json!("waiting"), &json!(NOON + 5_000)), "after attempt {times}");
    }
    app.clock.advance(5_000);
    let delivery = attempted(&app, message, 10).await;
    assert_eq!(delivery["dueAt"], NOON + 305_000);
    app.call("forwards.update", json!({ "id": id, "retries": "none" })).await;
    let once = app.post(&endpoint, &leo()).await.id();
    let delivery = delivered(&app, once, &["failed"]).await[0].clone();
    app.call("forwards.retry", json!({ "id": delivery["id"] })).await;
    attempted(&app, once, 2).await;
    delivered(&app, once, &["failed"]).await;
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_a_delivery_is_of_one_moment() {
    let server = DevServer::start(|_, _| status(503)).await;
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    add(&app, &endpoint, &server.url(PATH), json!({})).await;
    for number in 0..100 {
        let person = user("user.created", &format!("user_{number}"), None, "Pat", NOON);
        let message = app.post(&endpoint, &person).await.id();
        let mut attempts = 0;
        while attempts == 0 {
            let rows = app.call("forwards.deliveries", json!({ "messageId": message })).await;
            let Some(delivery) = rows.get(0) else { continue };
            attempts = delivery["attempts"].as_array().unwrap().len();
            let due = NOON + [0, 5_000][attempts];
            assert_eq!(delivery["dueAt"], due, "after {attempts} attempts, message {number}");
        }
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trying_now_what_waits_for_another_tries_that_one_first() {
    let server = DevServer::start(|_, before| status(if before == 0 { 503 } else { 200 })).await;
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    add(&app, &endpoint, &server.url(PATH), json!({})).await;
    let first = app.post(&endpoint, &maya("Maya", 0)).await.id();
    assert_eq!(attempted(&app, first, 1).await["behindId"], Value::Null);
    let second = app.post(&endpoint, &maya("May", 1)).await.id();
    let third = app.post(&endpoint, &maya("Mia", 2)).await.id();
    let last = delivered(&app, third, &["waiting"]).await[0].clone();
    assert_eq!(last["behindId"], first);
    let retried = app.call("forwards.retry", json!({ "id": last["id"] })).await;
    assert_eq!(retried["behindId"], first);
    for message in [first, second, third] {
        assert_eq!(delivered(&app, message, &["done"]).await[0]["behindId"], Value::Null);
    }
    assert_eq!(names(&server), ["Maya", "Maya", "May", "Mia"]);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_again_waits_for_what_is_under_way_about_its_object() {
    let server =
        DevServer::start(|request, before| match request.json()["data"]["first_name"].as_str() {
            Some("Maya") if before == 0 => status(500),
            Some("May") => Say::Nothing,
            _ => status(200),
        })
        .await;
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    add(&app, &endpoint, &server.url(PATH), json!({ "retries": "none" })).await;
    let first = app.post(&endpoint, &maya("Maya", 0)).await.id();
    let delivery = delivered(&app, first, &["failed"]).await[0].clone();
    let second = app.post(&endpoint, &maya("May", 1)).await.id();
    server.received(2).await;
    app.call("forwards.retry", json!({ "id": delivery["id"] })).await;
    let other = app.post(&endpoint, &leo()).await.id();
    delivered(&app, other, &["done"]).await;
    assert_eq!(names(&server), ["Maya", "May", "Leo"]);
    app.clock.advance(15_000);
    delivered(&app, second, &["failed"]).await;
    delivered(&app, first, &["done"]).await;
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_hangs_holds_up_nobody_else() {
    let hanging = DevServer::start(|_, _| Say::Nothing).await;
    let server = DevServer::start(|_, _| status(200)).await;
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let stuck = add(&app, &endpoint, &hanging.url(PATH), json!({ "retries": "none" })).await;
    add(&app, &endpoint, &server.url(PATH), json!({})).await;
    let mut ids = Vec::new();
    for person in 0..20 {
        let who = format!("user_{person}");
        let email = format!("{who}@example.com");
        let reply = app.post(&endpoint, &user("user.created", &who, Some(&email), "A", NOON)).await;
        assert_eq!(reply.brief(), "200 processed");
        ids.push(reply.id());
    }
    server.received(20).await;
    delivered(&app, ids[19], &["waiting", "done"]).await;
    assert_eq!(hanging.received(8).await.len(), 8, "so many at once and no more");
    app.clock.advance(15_000);
    let delivery = delivered(&app, ids[0], &["failed", "done"]).await[0].clone();
    assert!(problem(&delivery).contains("did not answer within 15 s"), "{delivery}");
    assert_eq!(delivery["attempts"][0]["status"], Value::Null);
    hanging.received(16).await;
    app.call("forwards.remove", json!({ "id": stuck })).await;
    let delivery = delivered(&app, ids[19], &["failed", "done"]).await[0].clone();
    assert_eq!(problem(&delivery), "The target was removed before this was forwarded.");
    assert_eq!(app.call("forwards.list", json!({})).await.as_array().unwrap().len(), 1);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_off_gets_what_waited_and_nothing_of_meanwhile() {
    let server = DevServer::start(|_, before| status(if before == 0 { 500 } else { 200 })).await;
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let id = add(&app, &endpoint, &server.url(PATH), json!({})).await;
    let first = app.post(&endpoint, &maya("Maya", 0)).await.id();
    let delivery = attempted(&app, first, 1).await;
    app.call("forwards.update", json!({ "id": id, "enabled": false })).await;
    let error = app.try_call("forwards.retry", json!({ "id": delivery["id"] })).await.unwrap_err();
    assert_eq!(error.message, "Its target is off. Switch it on first.");
    app.post(&endpoint, &leo()).await;
    app.clock.advance(60_000);
    app.call("forwards.update", json!({ "id": id, "enabled": true })).await;
    delivered(&app, first, &["done"]).await;
    let last = app.post(&endpoint, &maya("Mia", 1)).await.id();
    delivered(&app, last, &["done"]).await;
    let names: Vec<Value> = server
        .so_far()
        .iter()
        .map(|request| request.json()["data"]["first_name"].clone())
        .collect();
    assert_eq!(names, ["Maya", "Maya", "Mia"]);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_types_are_of_what_arrives_from_then_on() {
    let server = DevServer::start(|_, _| status(200)).await;
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let none = json!(["nothing.at.all"]);
    let id = add(&app, &endpoint, &server.url(PATH), json!({ "types": none })).await;
    for (minutes, name) in [(0, "Maya"), (1, "May"), (2, "Mai")] {
        app.post(&endpoint, &maya(name, minutes)).await;
    }
    app.call("forwards.update", json!({ "id": id, "types": ["user.*"] })).await;
    let wanted = app.post(&endpoint, &maya("Mia", 3)).await.id();
    app.call("forwards.update", json!({ "id": id, "types": none })).await;
    delivered(&app, wanted, &["done"]).await;
    app.call("forwards.update", json!({ "id": id, "types": [] })).await;
    let wanted = app.post(&endpoint, &maya("Em", 4)).await.id();
    app.call("forwards.update", json!({ "id": id, "enabled": false })).await;
    app.call("forwards.update", json!({ "id": id, "enabled": true })).await;
    delivered(&app, wanted, &["done"]).await;
    assert_eq!(names(&server), ["Mia", "Em"]);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_goes_through_the_listener_or_straight_on() {
    let server = DevServer::start(|_, _| status(200)).await;
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let first = app.post_as(&endpoint, "msg_1", &maya("Maya", 0)).await.id();
    let none = json!({ "which": { "ids": [first] }, "sameId": true, "to": "forwards" });
    let replayed = app.call("messages.replay", none.clone()).await;
    assert_eq!((&replayed["sent"], &replayed["failed"]), (&json!(0), &json!(1)));
    assert!(replayed["sentence"].as_str().unwrap().contains("No target"), "{replayed}");
    add(&app, &endpoint, &server.url(PATH), json!({})).await;
    for (to, same, ids) in [
        ("forwards", true, vec!["msg_1"]),
        ("forwards", false, vec!["new"]),
        ("usher", true, vec![]),
        ("usher", false, vec!["new"]),
        ("both", true, vec!["msg_1"]),
        ("both", false, vec!["new"]),
    ] {
        let before = server.so_far().len();
        let args = json!({ "which": { "ids": [first] }, "sameId": same, "to": to });
        let replayed = app.call("messages.replay", args).await;
        assert_eq!(replayed["failed"], 0, "{to} {same}: {replayed}");
        let waits = |rows: &Value| rows[0]["waiting"] == 0;
        let came = server.received(before + ids.len()).await.split_off(before);
        until(&app, "forwards.list", json!({}), waits).await;
        let came: Vec<&str> = came
            .iter()
            .map(|request| {
                assert!(verifies(SECRET, request), "{to} {same}");
                match request.header("svix-id").unwrap() {
                    "msg_1" => "msg_1",
                    _ => "new",
                }
            })
            .collect();
        assert_eq!(came, ids, "{to} {same}");
        assert_eq!(server.so_far().len(), before + ids.len(), "{to} {same}");
    }
    let bad = app.post_signed(OTHER_SECRET, &endpoint, "msg_2", &leo()).await.id();
    let which = json!({ "ids": [bad] });
    let args = json!({ "which": which, "sameId": true, "to": "forwards", "refused": true });
    let replayed = app.call("messages.replay", args).await;
    assert!(replayed["sentence"].as_str().unwrap().contains("It was refused"), "{replayed}");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_goes_to_one_target_of_several() {
    let server = DevServer::start(|_, _| status(200)).await;
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let other = app.endpoint().await;
    let first = app.post_as(&endpoint, "msg_1", &maya("Maya", 0)).await.id();
    let stranger = app.post(&other, &leo()).await.id();
    add(&app, &endpoint, &server.url("/one"), json!({})).await;
    let two = add(&app, &endpoint, &server.url("/two"), json!({})).await;
    let replay = async |to: &str, id: i64, forward: i64| {
        let args = json!({
            "which": { "ids": [id] }, "sameId": true, "to": to, "forwardId": forward,
        });
        app.try_call("messages.replay", args).await.map_err(|error| error.message)
    };
    let replayed = replay("forwards", first, two).await.unwrap();
    assert_eq!(replayed["sentence"], "1 message is on its way to the forwards.");
    delivered(&app, first, &["done"]).await;
    let lines: Vec<String> =
        server.received(1).await.into_iter().map(|request| request.line).collect();
    assert_eq!(lines, ["POST /two"]);
    let foreign = replay("forwards", stranger, two).await.unwrap();
    assert!(foreign["sentence"].as_str().unwrap().contains("of another endpoint"), "{foreign}");
    assert!(replay("both", first, two).await.unwrap_err().contains("past the listener"));
    assert_eq!(replay("forwards", first, 99).await.unwrap_err(), "There is no target 99.");
    app.call("forwards.update", json!({ "id": two, "enabled": false })).await;
    assert!(replay("forwards", first, two).await.unwrap_err().contains("Switch it on"));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_wrong_is_said_in_words() {
    let server = DevServer::start(|request, _| match request.line.as_str() {
        "POST /moved" => Say::Status(308, "location: /moved/\r\n", String::new()),
        "POST /ends" => Say::End,
        "POST /cut" => Say::Cut(200),
        _ => Say::Status(400, "", "x".repeat(100_000)),
    })
    .await;
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let closed = free_port();
    for (url, words) in [
        (server.url("/moved"), "Only a slash at the end differs"),
        (server.url("/ends"), "ended without an answer"),
        (server.url("/cut"), "ended before it was whole"),
        (server.url("/other"), "signature check of your handler failed"),
        (format!("http://localhost:{closed}/"), "Is your dev server running?"),
        ("http://no-such-machine.invalid/".to_owned(), "There is no machine called"),
        (format!("https://localhost:{}/", server.port), "No secure connection"),
    ] {
        let id = add(&app, &endpoint, &url, json!({ "retries": "none" })).await;
        let message = app.post(&endpoint, &leo()).await.id();
        let delivery = delivered(&app, message, &["failed"]).await[0].clone();
        assert!(problem(&delivery).contains(words), "{url}: {delivery}");
        if url.ends_with("/other") {
            assert_eq!(delivery["attempts"][0]["body"].as_str().unwrap().len(), 65_536);
        }
        let message = app.message(message).await;
        let step = message["steps"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(step["state"], "failed");
        assert!(step["detail"].as_str().unwrap().contains(words), "{step}");
        app.call("forwards.remove", json!({ "id": id })).await;
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_end_is_told_from_none() {
    let server = DevServer::start(|request, _| {
        let maya = request.json()["data"]["first_name"] == "Maya";
        if maya { Say::Endless(200) } else { status(200) }
    })
    .await;
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    add(&app, &endpoint, &server.url(PATH), json!({ "retries": "none" })).await;
    let message = app.post(&endpoint, &maya("Maya", 0)).await.id();
    server.received(1).await;
    // A whole round after its beginning was sent, that beginning has arrived.
    let other = app.post(&endpoint, &leo()).await.id();
    delivered(&app, other, &["done"]).await;
    app.clock.advance(15_000);
    let delivery = delivered(&app, message, &["failed"]).await[0].clone();
    assert_eq!(delivery["attempts"][0]["status"], 200);
    let said = problem(&delivery);
    assert!(said.contains("began to answer (status 200) but did not end within 15 s"), "{said}");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_target_is_refused_with_a_sentence() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let port = app.port().await;
    let own = |host: &str| format!("http://{host}:{port}{}", endpoint.path);
    let fine = "http://localhost:3000/";
    for (url, more, words) in [
        (own("localhost"), json!({}), "Usher's own endpoint"),
        (own("127.0.0.1"), json!({}), "Usher's own endpoint"),
        (own("127.8.0.1"), json!({}), "Usher's own endpoint"),
        (own("[::1]"), json!({}), "Usher's own endpoint"),
        (own("[::ffff:127.0.0.1]"), json!({}), "Usher's own endpoint"),
        (own("app.localhost"), json!({}), "Usher's own endpoint"),
        ("localhost:3000".into(), json!({}), "is not an address"),
        ("ftp://localhost/".into(), json!({}), "is not an address"),
        ("http://a:b@localhost/".into(), json!({}), "extra header"),
        ("http://8.8.8.8/".into(), json!({}), "Allow public addresses"),
        ("http://169.254.169.254/".into(), json!({ "allowPublic": true }), "never forwards"),
        ("http://[fe80::1]/".into(), json!({ "allowPublic": true }), "never forwards"),
        (fine.into(), json!({ "types": ["user created"] }), "not a type"),
        (fine.into(), json!({ "types": ["user.[a-z]"] }), "not a type"),
        (fine.into(), json!({ "secret": "nonsense!" }), "garbled"),
        (
            fine.into(),
            json!({ "secret": SECRET, "signature": "original" }),
            "Choose a fresh signature",
        ),
        (
            fine.into(),
            json!({ "headers": [{ "name": "Svix-Id", "value": "x" }] }),
            "belongs to the signature",
        ),
        (fine.into(), json!({ "headers": [{ "name": "Host", "value": "x" }] }), "set by Usher"),
        (fine.into(), json!({ "headers": [{ "name": "a b", "value": "x" }] }), "not the name"),
        (fine.into(), json!({ "headers": [{ "name": "a", "value": "x\r\ny" }] }), "line break"),
    ] {
        let mut args = json!({ "endpointId": endpoint.id, "url": url });
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let error = app.try_call("forwards.add", args.clone()).await.unwrap_err();
        assert!(error.message.contains(words), "{args}: {error}");
    }
    assert_eq!(app.call("forwards.list", json!({})).await, json!([]));
    let id = add(&app, &endpoint, "http://8.8.8.8/x", json!({ "allowPublic": true })).await;
    let changed = json!({ "id": id, "allowPublic": false });
    let error = app.try_call("forwards.update", changed).await.unwrap_err();
    assert!(error.message.contains("Allow public addresses"), "{error}");
    app.call("endpoints.remove", json!({ "id": endpoint.id })).await;
    assert_eq!(app.call("forwards.list", json!({})).await, json!([]));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_messages_reach_two_targets_once_and_in_order() {
    let (one, two) =
        (DevServer::start(|_, _| status(200)).await, DevServer::start(|_, _| status(204)).await);
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    for url in [one.url(PATH), two.url(PATH)] {
        add(&app, &endpoint, &url, json!({})).await;
    }
    let person = |number: i64, turn: i64| {
        let who = format!("user_{number}");
        let email = format!("{who}@example.com");
        let name = turn.to_string();
        user("user.updated", &who, Some(&email), &name, NOON + turn * 1000)
    };
    for turn in 0..50 {
        let posts = (0..20).map(|number| {
            let body = person(number, turn);
            let (app, endpoint) = (&app, &endpoint);
            async move { app.post(endpoint, &body).await.status }
        });
        assert!(kit::app::at_once(posts).await.iter().all(|status| *status == 200));
    }
    for server in [&one, &two] {
        let mut turns: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for request in server.received(1000).await {
            let data = request.json()["data"].clone();
            let turn = data["first_name"].as_str().unwrap().parse().unwrap();
            turns.entry(data["id"].as_str().unwrap().to_owned()).or_default().push(turn);
        }
        assert_eq!(turns.len(), 20);
        assert!(turns.values().all(|turns| turns.iter().copied().eq(0..50)), "{turns:?}");
    }
    let all = |rows: &Value| {
        rows.as_array().unwrap().iter().all(|row| row["done"] == 1000 && row["waiting"] == 0)
    };
    until(&app, "forwards.list", json!({}), all).await;
    app.close().await;
}

#[test]
fn addresses_that_may_be_connected_to() {
    const PUBLIC: Option<Barred> = Some(Barred::Public);
    let never = |ip: IpAddr| {
        matches!(judge(ip, true), Err(Barred::Never(_)))
            && matches!(judge(ip, false), Err(Barred::Never(_)))
    };
    for text in [
        "127.0.0.1",
        "127.255.0.9",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.20",
        "::1",
        "fc00::1",
        "fd12:3456::1",
        "fd00:ec3::23",
        "fd00:42::43",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
    ] {
        assert_eq!(judge(text.parse().unwrap(), false), Ok(()), "{text}");
    }
    for text in [
        "8.8.8.8",
        "172.32.0.1",
        "172.15.0.1",
        "192.169.0.1",
        "11.0.0.1",
        "100.64.0.1",
        "2606:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
        "::192.168.0.1",
        "::127.0.0.1",
        "::ffff:0:192.168.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:c0a8:0101::1",
        "2002:7f00:1::",
    ] {
        assert_eq!(judge(text.parse().unwrap(), false).err(), PUBLIC, "{text}");
        assert_eq!(judge(text.parse().unwrap(), true), Ok(()), "{text}");
    }
    for text in [
        "169.254.169.254",
        "169.254.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd00:ec2:ffff::1",
        "fd00:42::42",
        "fd20:ce::254",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "::ffff:0:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::1",
        "64:ff9b:1::1",
        "2001::1",
        "::ffff:0.0.0.0",
        "::ffff:255.255.255.255",
    ] {
        assert!(never(text.parse().unwrap()), "{text}");
    }
}

#[test]
fn addresses_are_read_as_they_are_written() {
    for (text, origin, path) in [
        ("http://localhost:3000/api/webhooks", "http://localhost:3000", "/api/webhooks"),
        (" http://LOCALHOST ", "http://localhost", "/"),
        ("http://localhost:80/a?b=c", "http://localhost", "/a?b=c"),
        ("http://localhost.?x", "http://localhost", "/?x"),
        ("http://[::1]:5173/x", "http://[::1]:5173", "/x"),
        ("https://example.com:443", "https://example.com", "/"),
        ("https://example.com:8443/", "https://example.com:8443", "/"),
    ] {
        let address = Address::parse(text).unwrap();
        assert_eq!((address.origin().as_str(), address.path.as_str()), (origin, path), "{text}");
        assert_eq!(Address::parse(&address.to_string()).unwrap(), address, "{text}");
    }
    for text in [
        "",
        "localhost",
        "/x",
        "http://",
        "http:///x",
        "http://:80/",
        "http://a:0/",
        "http://a:+80/",
        "http://[::1]:+80/",
        "http://a:99999/",
        "http://a:b@c/",
        "http://a/#b",
        "file:///etc/passwd",
        "http://a b/",
        "http://é/",
    ] {
        assert!(Address::parse(text).is_err(), "{text}");
    }
}

#[test]
fn every_problem_says_what_to_do() {
    let to = Address::parse("http://localhost:3000/api/webhooks").unwrap();
    let redirect = |at: &str| Problem::Status(307, Some(at.to_owned()));
    for (problem, words) in [
        (Problem::Refused, "Nothing listens at http://localhost:3000. Is your dev server running?"),
        (Problem::Timeout, "did not answer within 15 s"),
        (Problem::Endless(200), "began to answer (status 200) but did not end within 15 s"),
        (Problem::Broken("reset".into()), "ended without an answer: reset."),
        (Problem::NoSuchHost("nobody knows it".into()), "no machine called localhost"),
        (Problem::Status(400, None), "the body was parsed before it was verified"),
        (Problem::Status(401, None), "createRouteMatcher(['/api/webhooks'])"),
        (Problem::Status(403, None), "behind your auth middleware"),
        (Problem::Status(404, None), "has no route /api/webhooks"),
        (Problem::Status(405, None), "does not take POST"),
        (Problem::Status(413, None), "too large"),
        (Problem::Status(429, None), "limits how often"),
        (Problem::Status(502, None), "Is your dev server running?"),
        (Problem::Status(500, None), "Look at the log of your server."),
        (Problem::Status(199, None), "Only a 2xx counts"),
        (redirect("http://localhost:3000/api/webhooks/"), "Only a slash at the end differs"),
        (redirect("https://localhost:3000/api/webhooks"), "wants https"),
        (redirect("http://localhost:3000/sign-in"), "sign-in page"),
        (Problem::Loop, "Usher's own endpoint"),
        (Problem::Barred("8.8.8.8".parse().unwrap(), Barred::Public), "localhost (8.8.8.8)"),
        (Problem::Defect, "defect"),
    ] {
        let sentence = problem.sentence(&to);
        assert!(sentence.contains(words), "{problem:?}: {sentence}");
        assert!(sentence.ends_with(['.', '?']), "{sentence}");
    }
}

#[test]
fn the_command_line_says_what_is_tried_first() {
    let folder = tempfile::tempdir().unwrap();
    let usher = Usher::new(folder.path());
    usher.json(&["endpoints", "add", "--name", "Local", "--secret", SECRET]);
    usher.json(&["forwards", "add", &format!("http://localhost:{}/", free_port())]);
    let _listening = usher.listen(&[]);
    let sent = |kind: &str| {
        let sent = usher.json(&["trigger", kind, "--set", "data.id=user_1"]).remove(0);
        sent["messageId"].to_string()
    };
    let (first, second) = (sent("user.created"), sent("user.updated"));
    let deliveries = |message: &str| {
        let rows = || usher.json(&["forwards", "list", "--message", message]);
        (0..500).map(|_| rows()).find(|rows| !rows.is_empty()).expect("it is to be forwarded")
    };
    deliveries(&second);
    usher.json(&["replay", &first, "--to", "forwards"]);
    for (message, which, words) in [
        (&second, 0, format!("after message {first}, which is tried first.")),
        (&first, 1, "after an earlier delivery of this message, which is tried first.".into()),
    ] {
        let id = deliveries(message)[which]["id"].to_string();
        let listed = usher.run(&["forwards", "list", "--message", message]).out;
        assert!(listed.contains(&format!("It goes {words}")), "{listed}");
        let retried = usher.run(&["forwards", "retry", &id]).out;
        assert!(retried.contains(&words), "{retried}");
    }
}

#[test]
fn the_command_line_adds_lists_and_removes() {
    let folder = tempfile::tempdir().unwrap();
    let usher = Usher::new(folder.path());
    usher.json(&["endpoints", "add", "--name", "Local", "--secret", SECRET]);
    let url = "http://localhost:3000/api/webhooks";
    let added = usher.json(&[
        "forwards",
        "add",
        "--endpoint",
        "Local",
        url,
        "--types",
        "user.*,session.created",
        "--signature",
        "fresh",
        "--secret",
        OTHER_SECRET,
        "--header",
        "x-a: 1",
        "--header",
        "x-b:2",
        "--retries",
        "none",
        "--allow-public",
    ]);
    let added = &added[0];
    assert_eq!(added["types"], json!(["user.*", "session.created"]));
    assert_eq!(added["headers"][1], json!({ "name": "x-b", "value": "2" }));
    assert_eq!(
        (&added["signature"], &added["retries"], &added["allowPublic"]),
        (&json!("fresh"), &json!("none"), &json!(true))
    );
    assert_eq!(usher.json(&["forwards", "list"])[0]["url"], url);
    let text = usher.run(&["forwards", "list", "--endpoint", "Local"]);
    assert!(text.out.contains("user.*,session.created") && text.out.contains(url), "{text:?}");
    assert!(usher.json(&["forwards", "list", "--message", "1"]).is_empty());
    for (words, code) in [
        (&["forwards", "retry", "1"][..], 3),
        (&["forwards", "remove", "99"], 3),
        (&["forwards", "set", "99", "--pause"], 3),
        (&["forwards", "set", "1", "--pause", "--resume"], 2),
        (&["forwards", "set", "1", "--url", "nonsense"], 2),
        (&["forwards", "add", "nonsense"], 2),
        (&["forwards", "add", url, "--header", "x"], 2),
        (&["forwards", "add", "http://8.8.8.8/"], 2),
        (&["forwards"], 2),
        (&["replay", "99", "--to", url], 3),
        (&["replay", "99", "--to", "http://localhost:3000/"], 3),
        (&["replay", "99", "--to", "forward"], 3),
    ] {
        assert_eq!(usher.run(words).code, code, "{words:?}");
    }
    let id = added["id"].to_string();
    let set = |words: &[&str]| {
        let mut row = usher.json(&[&["forwards", "set", &id], words].concat()).remove(0);
        ["url", "types", "headers", "retries", "signature", "allowPublic", "enabled"]
            .map(|name| row[name].take())
    };
    let mut stands = set(&[]);
    let other = "http://localhost:3001/";
    for (words, at, value) in [
        (&["--pause"][..], 6, json!(false)),
        (&["--url", other, "--resume"], 6, json!(true)),
        (&["--types", "user.*,session.*"], 1, json!(["user.*", "session.*"])),
        (&["--header", "x-c: 3"], 2, json!([{ "name": "x-c", "value": "3" }])),
        (&["--retries", "svix"], 3, json!("svix")),
        (&["--signature", "original"], 4, json!("original")),
    ] {
        stands[at] = value;
        if words.contains(&other) {
            stands[0] = json!(other);
        }
        assert_eq!(set(words), stands, "{words:?}");
    }
    let text = usher.run(&["forwards", "set", &id, "--pause"]).out;
    assert!(text.contains("http://localhost:3001/: off"), "{text}");
    let removed = usher.json(&["forwards", "remove", &id]);
    assert_eq!(removed[0]["removed"], true);
    assert!(usher.json(&["forwards", "list"]).is_empty());
}
