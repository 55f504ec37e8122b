//! A listener that stops answering is noticed, named, and started again; a port that is taken is taken
//! over once it is free. The faults are real: sockets are ended, files run out, threads panic.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use kit::app::{NOON, TestApp, user};
use kit::bin::Usher;
use kit::fault;
use kit::wire::{now_ms, try_get};
use serde_json::{Value, json};

fn maya() -> Value {
    user("user.created", "user_1", Some("maya@example.com"), "Maya", NOON)
}

fn listens_again(status: &Value) -> bool {
    status["listener"]["state"] == "listening" && status["listener"]["restarts"] != 0
}

async fn serves(app: &TestApp, port: u16) {
    assert_eq!(app.port().await, port, "a tunnel points at it");
    let health = app.send("GET", "/health", &[], b"").await;
    assert_eq!((health.status, &health.body), (200, &json!({ "ok": true })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_lost_is_noticed_by_the_next_look_and_opened_again() {
    let app = TestApp::start().await;
    let port = app.port().await;
    fault::lose_port(std::process::id(), port);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    let checks = app.call("diagnostics.doctor", json!({ "full": false })).await;
    assert_eq!(json!([checks[2]["name"], checks[2]["verdict"]]), json!(["port", "failed"]));
    app.clock.advance(15_000);
    let listener = app.until(listens_again).await["listener"].clone();
    assert_eq!(listener["restarts"], json!(1));
    assert_eq!(listener["problem"], Value::Null);
    let why = listener["lastProblem"].as_str().unwrap();
    assert!(why.starts_with("The listener did not answer its own check: "), "{why}");
    assert!(listener["lastProblemAt"].as_i64().unwrap() >= NOON + 15_000);
    serves(&app, port).await;
    let endpoint = app.endpoint().await;
    assert_eq!(app.post(&endpoint, &maya()).await.brief(), "200 processed");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accept_loop_that_ends_is_noticed_at_once() {
    let me = std::process::id();
    let (app, inside) = loop {
        let before = fault::local_listeners(me, "/usher-");
        let app = TestApp::start().await;
        let mut new = fault::local_listeners(me, "/usher-");
        new.retain(|inode| !before.contains(inode));
        if new.len() == 1 {
            break (app, new);
        }
        app.close().await;
    };
    let port = app.port().await;
    assert_eq!(fault::shut(me, &inside), 1);
    let listener = app.until(listens_again).await["listener"].clone();
    let why = "A part of the listener ended that should not have.";
    assert_eq!(listener["lastProblem"], json!(why));
    serves(&app, port).await;
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_at_the_start_is_taken_over_when_it_is_free() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let app = TestApp::start_with(|config| config.port = Some(port)).await;
    let failed = app.call("app.status", json!({})).await["listener"].clone();
    let problem = format!("Port {port} is already used by ");
    assert_eq!((&failed["state"], &failed["port"]), (&json!("failed"), &json!(port)));
    assert!(failed["problem"].as_str().unwrap().starts_with(&problem), "{failed}");
    for pause in [1_000, 2_000, 5_000] {
        app.clock.advance(pause);
        tokio::task::yield_now().await;
    }
    drop(taken);
    let listener = app.until(listens_again).await["listener"].clone();
    assert_eq!((&listener["restarts"], &listener["problem"]), (&json!(1), &Value::Null));
    assert!(listener["lastProblem"].as_str().unwrap().starts_with(&problem), "{listener}");
    serves(&app, port).await;
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_the_port_and_says_nothing_is_found_out_and_named() {
    let app = TestApp::start().await;
    let port = app.port().await;
    fault::lose_port(std::process::id(), port);
    let thief = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let failed = app.until(|status| status["listener"]["state"] == "failed").await;
    let listener = failed["listener"].clone();
    assert_eq!(listener["port"], json!(port), "it never moves by itself");
    assert!(listener["problem"].as_str().unwrap().contains("already used by"), "{listener}");
    drop(thief);
    assert_eq!(app.until(listens_again).await["listener"]["restarts"], json!(1));
    serves(&app, port).await;
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stores_messages_is_replaced_when_it_panics() {
    let app = TestApp::start().await;
    let (port, endpoint) = (app.port().await, app.endpoint().await);
    app.clock.break_once("tokio-");
    let lost = app.post_as(&endpoint, "msg_1", &maya()).await;
    assert_eq!((lost.status, &lost.body["ok"]), (500, &json!(false)), "{lost:?}");
    let listener = app.until(listens_again).await["listener"].clone();
    let why = "The part that stores messages met a defect of Usher.";
    assert_eq!(listener["lastProblem"], json!(why));
    serves(&app, port).await;
    assert_eq!(app.post_as(&endpoint, "msg_1", &maya()).await.brief(), "200 processed");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_over_one_request_is_told_and_ends_nothing() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    app.clock.break_once("http-");
    let met = app.post_as(&endpoint, "msg_1", &maya()).await;
    assert_eq!(met.status, 500, "{met:?}");
    let told = |status: &Value| !status["listener"]["lastProblem"].is_null();
    let listener = app.until(told).await["listener"].clone();
    assert_eq!((&listener["state"], &listener["restarts"]), (&json!("listening"), &json!(0)));
    let why = "A request met a defect of Usher and was answered with 500.";
    assert_eq!(listener["lastProblem"], json!(why));
    assert_eq!(app.post_as(&endpoint, "msg_1", &maya()).await.brief(), "200 processed");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_answers_is_left_alone() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        app.clock.advance(15_000);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let listener = app.call("app.status", json!({})).await["listener"].clone();
    assert_eq!((&listener["restarts"], &listener["lastProblem"]), (&json!(0), &Value::Null));
    let served = app.call("diagnostics.show", json!({})).await["listener"]["served"].clone();
    assert!(served.as_i64().unwrap() >= 1, "it was asked: {served}");
    app.close().await;
}

/// Half of a message, on its way.
fn begin(port: u16, target: &str, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "POST {target} HTTP/1.1\r\nhost: h\r\ncontent-length: {length}\r\n\r\n{{")
        .unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn another_limit_for_bodies_drains_what_is_under_way() {
    use std::io::Read as _;

    let app = TestApp::start().await;
    let (port, path) = (app.port().await, app.endpoint().await.path);
    let said = |mib: u64| format!("{}", mib * 1024 * 1024);
    let large = vec![b' '; 2 * 1024 * 1024];
    let refused = app.send("POST", &path, &[], &large).await;
    assert_eq!((refused.status, refused.field("message").contains(&said(1))), (413, true));

    let mut under_way = begin(port, &path, 2);
    let busy =
        async || app.call("diagnostics.show", json!({})).await["listener"]["connections"].clone();
    while busy().await == json!(0) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let finishing = std::thread::spawn(move || {
        while TcpStream::connect(("127.0.0.1", port)).is_ok() {
            std::thread::sleep(Duration::from_millis(2));
        }
        under_way.write_all(b"}").unwrap();
        let mut answer = String::new();
        under_way.read_to_string(&mut answer).unwrap();
        answer
    });
    let settings = app.call("settings.update", json!({ "bodyLimitMib": 3 })).await;
    assert_eq!(settings["bodyLimitMib"], json!(3));
    let answer = finishing.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("missing_headers"), "{answer}");

    assert_eq!(app.port().await, port);
    assert_eq!(app.send("POST", &path, &[], &large).await.status, 400, "read, and not signed");
    let refused = app.send("POST", &path, &[], &vec![b' '; 4 * 1024 * 1024]).await;
    assert_eq!((refused.status, refused.field("message").contains(&said(3))), (413, true));
    let limits = app.call("diagnostics.show", json!({})).await["limits"].clone();
    let limit = limits.as_array().unwrap().iter().find(|row| row["name"] == "Body of a message");
    assert_eq!(limit.unwrap()["value"], json!("3 MiB"));

    let listener = app.call("app.status", json!({})).await["listener"].clone();
    assert_eq!((&listener["state"], &listener["restarts"]), (&json!("listening"), &json!(0)));
    for wrong in [0, 11] {
        let refused = app.try_call("settings.update", json!({ "bodyLimitMib": wrong })).await;
        assert!(refused.unwrap_err().message.contains("from 1 to 10"));
    }
    let app = app.restart().await;
    assert_eq!(app.call("settings.get", json!({})).await["bodyLimitMib"], json!(3));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_is_told_with_its_reason() {
    let app = TestApp::start().await;
    let shown = app.call("diagnostics.show", json!({})).await;
    let limits = shown["limits"].as_array().unwrap();
    assert!(limits.len() >= 12, "{shown}");
    for row in limits {
        for field in ["name", "value", "reason"] {
            assert!(row[field].as_str().is_some_and(|text| !text.is_empty()), "{row}");
        }
        assert!(row["reason"].as_str().unwrap().ends_with('.'), "{row}");
    }
    assert!(shown["storage"]["databaseBytes"].as_u64().unwrap() > 0);
    assert!(shown["storage"]["freeBytes"].as_u64().unwrap() > 0);
    assert!(shown["listener"]["connectionLimit"].as_u64().unwrap() >= 8);
    app.close().await;
}

#[test]
#[ignore = "long"]
fn running_out_of_files_is_noticed_within_30_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let usher = Usher::new(folder.path());
    usher.json(&["endpoints", "add", "--name", "Local"]);
    let listening = usher.listen(&[]);
    let (begun, port) = (now_ms(), listening.port());
    fault::limit_files(listening.id(), 16);
    let answers = || try_get(port, "/health", Duration::from_millis(500)) == Some(200);
    assert!(!answers(), "no file is left for a connection");
    while !answers() {
        assert!(now_ms() - begun < 60_000, "it does not come back");
        std::thread::sleep(Duration::from_millis(200));
    }
    let took = now_ms() - begun;
    println!("it answered again after {took} ms");
    assert!(took < 40_000, "noticed within 30 s, and started again: {took} ms");
    let port_check = usher.json(&["doctor"]).into_iter().find(|check| check["name"] == "port");
    let sentence = port_check.unwrap()["sentence"].to_string();
    assert!(sentence.contains("started again once"), "{sentence}");
    assert_eq!(listening.signal("TERM"), Some(0));
}
