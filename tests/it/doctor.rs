//! What the doctor finds, and what leaves the machine: a report and logs without anybody's data.

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use kit::app::{NOON, OTHER_SECRET, SECRET, TestApp, TestEndpoint, signed, user};
use kit::bin::Usher;
use kit::wire;
use serde_json::{Value, json};

const NAMES: [&str; 7] = ["database", "permissions", "port", "clock", "keychain", "disk", "tunnel"];

fn maya() -> Value {
    user("user.created", "user_1", Some("maya@example.com"), "Maya", NOON)
}

async fn checks(app: &TestApp) -> Vec<Value> {
    let checks = app.call("diagnostics.doctor", json!({ "full": true })).await;
    let checks = checks.as_array().unwrap().clone();
    let names: Vec<&str> = checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(names, NAMES);
    for check in &checks {
        let bad = check["verdict"] == "failed" || check["verdict"] == "warning";
        assert!(check["sentence"].as_str().unwrap().ends_with('.') || bad, "{check}");
        assert!(!bad || check["remedy"].is_string(), "it says what to do: {check}");
    }
    checks
}

async fn check(app: &TestApp, name: &str) -> (String, Value) {
    let found = checks(app).await.into_iter().find(|check| check["name"] == name).unwrap();
    (found["verdict"].as_str().unwrap().to_owned(), found)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_usher_is_told_so() {
    let app = TestApp::start().await;
    for check in checks(&app).await {
        let expected = match check["name"].as_str().unwrap() {
            "clock" => &["unknown"][..],
            "tunnel" => &["warning", "unknown"],
            "disk" => &["ok", "warning", "failed"],
            _ => &["ok"],
        };
        assert!(expected.contains(&check["verdict"].as_str().unwrap()), "{check}");
    }
    app.close().await;
}

/// Posts a message that was signed so many seconds ago.
async fn post_signed(app: &TestApp, endpoint: &TestEndpoint, id: &str, ago: i64) -> String {
    let body = maya().to_string();
    let headers = signed(SECRET, id, app.clock.now() / 1000 - ago, body.as_bytes());
    app.send("POST", &endpoint.path, &headers, body.as_bytes()).await.brief()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_is_judged_by_the_signing_times_of_messages() {
    for (agos, verdict, says) in [
        (&[0, 1, 2][..], "ok", "agrees"),
        (&[0, 250, 0], "ok", "agrees"),
        (&[90, 100, 110], "warning", "100 s ahead"),
        (&[-90, -100, -110], "warning", "100 s behind"),
        (&[300, 300, 0], "failed", "300 s ahead"),
        (&[400, 420], "failed", "refused"),
    ] {
        let app = TestApp::start().await;
        let endpoint = app.endpoint().await;
        for (number, ago) in agos.iter().enumerate() {
            post_signed(&app, &endpoint, &format!("msg_{number}"), *ago).await;
        }
        let (found, check) = check(&app, "clock").await;
        assert_eq!(found, verdict, "{agos:?} {check}");
        assert!(check["sentence"].as_str().unwrap().contains(says), "{agos:?} {check}");
        app.clock.advance(7 * 3_600_000);
        assert_eq!(self::check(&app, "clock").await.0, "unknown", "that was long ago");
        app.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_of_usher_itself_say_nothing_of_the_clock_or_the_tunnel() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let made = app.call("tests.make", json!({ "type": "user.created", "person": 1 })).await;
    app.call("tests.send", json!({ "endpointId": endpoint.id, "body": made["body"] })).await;
    assert_eq!(check(&app, "clock").await.0, "unknown");
    let (_, tunnel) = check(&app, "tunnel").await;
    assert!(
        tunnel["sentence"].as_str().unwrap().contains("No message has come from outside"),
        "{tunnel}"
    );
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_from_outside_shows_that_the_tunnel_works() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let (nothing, from_here) =
        (Vec::new(), vec![("X-Forwarded-For".to_owned(), "198.51.100.7".to_owned())]);
    app.send("POST", &endpoint.path, &nothing, b"{}").await;
    assert_ne!(check(&app, "tunnel").await.0, "ok", "anybody on this machine could do that");
    app.send("POST", &endpoint.path, &from_here, b"{}").await;
    assert_eq!(check(&app, "tunnel").await.0, "ok");
    app.clock.advance(3 * 24 * 3_600_000);
    let (_, old) = check(&app, "tunnel").await;
    assert!(old["sentence"].as_str().unwrap().contains("3 days ago"), "{old}");
    assert_eq!(app.post(&endpoint, &maya()).await.brief(), "200 processed");
    assert_ne!(check(&app, "tunnel").await.0, "ok", "a copied request is signed too");
    let to_its_name = format!(
        "POST {} HTTP/1.1\r\nHost: bore.example:1234\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}",
        endpoint.path
    );
    app.raw(to_its_name.as_bytes()).await;
    let (verdict, new) = check(&app, "tunnel").await;
    assert_eq!(verdict, "ok");
    assert!(new["sentence"].as_str().unwrap().contains("just now"), "{new}");
    app.close().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_program_that_runs_is_named() {
    let app = TestApp::start().await;
    let program = app.dir().join("zrok");
    fs::copy("/bin/sleep", &program).unwrap();
    let mut tunnel = Command::new(&program).arg("60").spawn().unwrap();
    let (verdict, found) = check(&app, "tunnel").await;
    tunnel.kill().unwrap();
    tunnel.wait().unwrap();
    assert_eq!(verdict, "unknown", "{found}");
    assert!(found["sentence"].as_str().unwrap().contains("zrok"), "{found}");
    app.close().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn files_that_others_can_read_are_named_with_the_command_that_helps() {
    use std::os::unix::fs::PermissionsExt as _;

    let app = TestApp::start().await;
    app.endpoint().await;
    let mode = |name: &str, mode: u32| {
        fs::set_permissions(app.dir().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    for name in ["usher.db", "usher.db-wal", "secrets.json"] {
        let meta = fs::metadata(app.dir().join(name)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600, "{name}");
    }
    for (folder, secrets, verdict) in [
        (0o700, 0o600, "ok"),
        (0o700, 0o644, "warning"),
        (0o755, 0o600, "warning"),
        (0o755, 0o644, "failed"),
    ] {
        mode("", folder);
        mode("secrets.json", secrets);
        let (found, check) = check(&app, "permissions").await;
        assert_eq!(found, verdict, "{check}");
        if verdict != "ok" {
            let remedy = check["remedy"].as_str().unwrap().to_owned();
            let healed = Command::new("sh").args(["-c", &remedy]).status().unwrap();
            assert!(healed.success(), "{remedy}");
            assert_eq!(self::check(&app, "permissions").await.0, "ok", "{remedy} helps");
        }
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keychain_that_does_not_keep_is_told() {
    let app = TestApp::start().await;
    assert_eq!(check(&app, "keychain").await.0, "ok");
    fs::write(app.dir().join("secrets.json"), "not json").unwrap();
    assert_eq!(check(&app, "keychain").await.0, "failed");
    app.close().await;
}

#[test]
fn the_command_checks_with_and_without_a_running_usher_and_says_who_has_the_port() {
    let folder = tempfile::tempdir().unwrap();
    let usher = Usher::new(folder.path());
    let port =
        |found: &[Value]| found.iter().find(|check| check["name"] == "port").unwrap().clone();
    let listening = usher.listen(&[]);
    let found = usher.json(&["doctor", "--full"]);
    let names: Vec<&str> = found.iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(names, NAMES);
    assert_eq!(port(&found)["verdict"], "ok");
    assert_eq!(listening.signal("TERM"), Some(0));

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let number = taken.local_addr().unwrap().port();
    set_port(&usher, number);
    let ran = usher.run(&["doctor", "--json"]);
    assert_eq!((ran.code, ran.err.trim()), (1, "1 check failed."), "{ran:?}");
    let found: Vec<Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let check = port(&found);
    assert_eq!(check["verdict"], "failed");
    assert!(check["sentence"].as_str().unwrap().contains(&number.to_string()), "{check}");
    drop(taken);
    let ran = usher.run(&["doctor"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let line = ran.out.lines().find(|line| line.contains("port")).unwrap();
    assert!(line.starts_with("warning") && line.contains("Nobody listens"), "{line}");
    assert!(ran.out.contains("→ Open the Usher window"), "{ran:?}");
}

/// Sets the port of Settings in the folder of `usher`, whatever it listens on.
fn set_port(usher: &Usher, port: u16) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut config = usher_engine::Config::new(usher.folder().to_owned());
        config.listen = false;
        config.keychain = usher_engine::secret::Choice::File;
        let engine = usher_engine::Engine::open(config).await.unwrap();
        let args = json!({ "port": port });
        usher_engine::api::call(&engine, "settings.update", args).await.unwrap();
        engine.close().await;
    });
}

/// What belongs to somebody: none of it may be in a report or a log.
const MARKED: [&str; 14] = [
    "zelda.quux@example.com",
    "example.com",
    "Zelda",
    "Quux",
    "user_marked",
    "msg_marked",
    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "C2FVsBQIhrscChlQIMV",
    "whsec_",
    "203.0.113.77",
    "Secret Project",
    "Secret Customer",
    "secret-body",
    "v1,",
];

fn marked(kind: &str) -> Value {
    let mut body = user(kind, "user_marked", Some("zelda.quux@example.com"), "Zelda", NOON);
    body["data"]["last_name"] = json!("Quux");
    body["data"]["private"] = json!("secret-body");
    body
}

fn reveals(text: &str, folder: &str, token: &str) -> Vec<String> {
    let own = [folder.to_owned(), token.to_owned()];
    let marks = MARKED.iter().map(|mark| (*mark).to_owned()).chain(own);
    marks.filter(|mark| text.contains(mark)).collect()
}

/// Messages of every fate, full of marks; each is a request's headers and body.
fn traffic(now_s: i64) -> Vec<(Vec<(String, String)>, String)> {
    let forwarded = || ("x-forwarded-for".to_owned(), "203.0.113.77".to_owned());
    let mut all = Vec::new();
    let mut add = |secret: &str, id: &str, at: i64, body: String| {
        let mut headers = signed(secret, id, at, body.as_bytes());
        headers.push(forwarded());
        all.push((headers, body));
    };
    let created = marked("user.created").to_string();
    add(SECRET, "msg_marked_1", now_s, created.clone());
    add(SECRET, "msg_marked_1", now_s, created.clone());
    add(SECRET, "msg_marked_2", now_s, marked("user.updated").to_string());
    add(SECRET, "msg_marked_3", now_s, "{ secret-body".to_owned());
    add(SECRET, "msg_marked_4", now_s, json!({ "type": 7, "data": "secret-body" }).to_string());
    add(OTHER_SECRET, "msg_marked_5", now_s, created.clone());
    add(SECRET, "msg_marked_6", now_s - 900, created.clone());
    all.push((vec![forwarded()], created.clone()));
    let mut broken = signed(SECRET, "msg_marked_7", now_s, created.as_bytes());
    broken[3].1 = "Zelda".to_owned();
    all.push((broken, created.clone()));
    let altered = signed(SECRET, "msg_marked_8", now_s, created.as_bytes());
    all.push((altered, created.replace("Quux", "Quux2")));
    all.push((Vec::new(), format!("{created}{}", " ".repeat(1024 * 1024))));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_carries_no_secret_body_or_address() {
    let app = TestApp::start().await;
    let environment = app.environment_named("Secret Project").await;
    let endpoint = app
        .endpoint_with(|args| {
            args["environmentId"] = json!(environment);
            args["name"] = json!("Secret Customer");
        })
        .await;
    app.mailing_list("Secret Project").await;
    for (headers, body) in traffic(NOON / 1000) {
        app.send("POST", &endpoint.path, &headers, body.as_bytes()).await;
    }
    app.sql("update message set subject = 'Zelda'").await;
    let text = app.call("diagnostics.export", json!({})).await["text"].as_str().unwrap().to_owned();
    let token = endpoint.path.trim_start_matches("/in/");
    let folder = app.dir().display().to_string();
    assert_eq!(reveals(&text, &folder, token), Vec::<String>::new(), "{text}");
    for says in [
        "Usher 0.",
        "listening on port",
        "takes writes",
        "Body of a message",
        "processed",
        "refused (wrong_secret)",
        "Endpoints 1 (0 paused)",
        "Contacts 1",
    ] {
        let squeezed = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeezed.contains(says), "{says} is missing in\n{text}");
    }
    app.close().await;
}

#[test]
fn the_logs_carry_no_secret_body_or_address() {
    let folder = tempfile::tempdir().unwrap();
    let usher = Usher::new(folder.path());
    let path = usher.json(&["endpoints", "add", "--name", "Secret Customer", "--secret", SECRET]);
    let path = path[0]["path"].as_str().unwrap().to_owned();
    usher.json(&["endpoints", "add", "--name", "Secret Project", "--secret", OTHER_SECRET]);
    let mut command = usher.command(&["listen", "--port", "0"]);
    command.env("RUST_LOG", "trace");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let port = ready_port(&mut child);
    for (headers, body) in traffic(wire::now_ms() / 1000) {
        let reply = wire::post(port, &path, &headers, body.as_bytes());
        assert!([200, 400, 413].contains(&reply.status), "{reply:?}");
    }
    for request in [
        &b"GET /zelda.quux@example.com HTTP/1.1\r\nHost: Zelda\r\n\r\n"[..],
        b"POST /in/Zelda Quux\r\n\r\n",
    ] {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        std::io::Write::write_all(&mut stream, request).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let (database, away) = (folder.path().join("usher.db"), folder.path().join("away"));
    fs::rename(&database, &away).unwrap();
    let (headers, body) = &traffic(wire::now_ms() / 1000)[0];
    assert_eq!(wire::post(port, &path, headers, body.as_bytes()).status, 503);
    fs::rename(&away, &database).unwrap();
    fs::write(folder.path().join("secrets.json"), "{}").unwrap();
    usher.json(&["endpoints", "set", "Secret Customer", "--pause"]);
    usher.json(&["rebuild"]);
    usher.json(&["doctor"]);
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    for says in ["Listening at", "nothing can be stored", "no longer in the keychain"] {
        assert!(log.contains(says), "{says} is missing in\n{log}");
    }
    let token = path.trim_start_matches("/in/");
    assert_eq!(reveals(&log, "no folder is checked here", token), Vec::<String>::new(), "{log}");
}

fn ready_port(child: &mut std::process::Child) -> u16 {
    use std::io::BufRead as _;

    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    let ready: Value = serde_json::from_str(&line).unwrap();
    ready["url"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap()
}
