//! The loopback host: who gets in, what is answered, and one engine for several.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use kit::bin::{Listening, Usher};
use serde_json::{Value, json};
use tempfile::TempDir;
use usher_engine::api::Code;
use usher_engine::host::{Address, Host};
use usher_engine::{Config, secret};

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

fn start() -> (TempDir, Listening) {
    let folder = tempfile::tempdir().unwrap();
    let ui = folder.path().join("ui");
    fs::create_dir_all(ui.join("assets")).unwrap();
    fs::write(ui.join("index.html"), "<title>Usher</title>").unwrap();
    fs::write(ui.join("assets/app.js"), "1").unwrap();
    fs::write(folder.path().join("outside.txt"), "secret").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path().join("outside.txt"), ui.join("link.txt")).unwrap();
    let usher = Usher::new(&folder.path().join("data"));
    let listening = usher.listen(&["--ui-dir", ui.to_str().unwrap()]);
    (folder, listening)
}

/// Sends exactly this head, `\n` standing for the line ends.
fn send(listening: &Listening, head: &str, body: &str) -> Answer {
    let (url, token) = listening.console();
    let address = url.strip_prefix("http://").unwrap();
    let head = head.replace("ADDRESS", address).replace("TOKEN", token).replace('\n', "\r\n");
    let length = body.len();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
        .write_all(
            format!("{head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n").as_bytes(),
        )
        .unwrap();
    let _ = stream.write_all(body.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

#[test]
fn who_gets_in() {
    let (_folder, listening) = start();
    let call = "POST /call/app.status HTTP/1.1\nhost: ADDRESS\nauthorization: Bearer TOKEN";
    for (head, status) in [
        (call.to_owned(), 200),
        (call.replace("Bearer", "bearer"), 200),
        (call.replace("host: ADDRESS", "host: localhost:1"), 200),
        (format!("{call}\norigin: http://ADDRESS"), 200),
        (call.replace("\nauthorization: Bearer TOKEN", ""), 401),
        (call.replace("TOKEN", "TOKENx"), 401),
        (call.replace("TOKEN", ""), 401),
        (call.replace("TOKEN", "AAAA"), 401),
        (call.replace("Bearer TOKEN", "TOKEN"), 401),
        (call.replace("authorization: Bearer", "cookie: token="), 401),
        (
            call.replace("/call/app.status HTTP", "/call/app.status?token=TOKEN HTTP")
                .replace("Bearer TOKEN", ""),
            401,
        ),
        (call.replace("host: ADDRESS", "host: evil.example"), 403),
        (call.replace("host: ADDRESS", "host: 127.0.0.1.evil.example"), 403),
        (call.replace("host: ADDRESS", "host: ADDRESS@evil.example"), 403),
        (call.replace("host: ADDRESS", "x: y"), 403),
        (format!("{call}\nhost: evil.example"), 403),
        (format!("{call}\norigin: http://evil.example"), 403),
        (format!("{call}\norigin: http://localhost:1"), 403),
        (format!("{call}\norigin: null"), 403),
        (call.replace("POST", "GET"), 405),
        (call.replace("/call/app.status", "/changes"), 405),
        ("GET /changes HTTP/1.1\nhost: ADDRESS".to_owned(), 401),
        (
            "OPTIONS /call/app.status HTTP/1.1\nhost: ADDRESS\norigin: http://evil.example"
                .to_owned(),
            403,
        ),
        ("GET / HTTP/1.1\nhost: ADDRESS".to_owned(), 200),
        ("GET / HTTP/1.1\nhost: evil.example".to_owned(), 403),
    ] {
        let answer = send(&listening, &head, "");
        assert_eq!(answer.status, status, "{head}: {}", answer.body);
        assert!(
            answer.head.contains("content-security-policy: default-src 'self'; style-src"),
            "{head}"
        );
        assert!(!answer.head.contains("access-control"), "{head}");
    }
}

#[test]
fn files_come_from_the_folder_only() {
    let (_folder, listening) = start();
    for (path, status) in [
        ("/", 200),
        ("/messages/12", 200),
        ("/index.html", 200),
        ("/assets/app.js", 200),
        ("/assets/app.js?v=1", 200),
        ("/assets/none.js", 404),
        ("/..", 404),
        ("/../outside.txt", 404),
        ("/assets/../../outside.txt", 404),
        ("/%2e%2e/outside.txt", 404),
        ("/..%2foutside.txt", 404),
        ("/%2e%2e%2foutside.txt", 404),
        ("/..%5coutside.txt", 404),
        ("//etc/passwd.txt", 404),
        ("/%00.txt", 404),
        ("/link.txt", 404),
    ] {
        let answer = send(&listening, &format!("GET {path} HTTP/1.1\nhost: ADDRESS"), "");
        assert_eq!(answer.status, status, "{path}");
        assert!(!answer.body.contains("secret"), "{path}");
    }
    let page = send(&listening, "GET /contacts/1 HTTP/1.1\nhost: ADDRESS", "");
    assert_eq!(page.body, "<title>Usher</title>");
    assert!(page.head.contains("content-type: text/html"));
    let posted = send(&listening, "POST / HTTP/1.1\nhost: ADDRESS", "");
    assert_eq!(posted.status, 405);
}

#[test]
fn errors_say_what_kind_they_are() {
    let (_folder, listening) = start();
    let call = |verb: &str, body: &str| {
        let head = "HTTP/1.1\nhost: ADDRESS\nauthorization: Bearer TOKEN";
        let answer = send(&listening, &format!("POST /call/{verb} {head}"), body);
        (answer.status, answer.json())
    };
    for (verb, body, status, code) in [
        ("messages.show", r#"{"id":99}"#, 404, "notFound"),
        ("messages.show", r#"{"id":"x"}"#, 400, "invalid"),
        ("messages.show", r#"{"#, 400, "invalid"),
        ("messages.explode", "", 400, "invalid"),
    ] {
        let (answered, error) = call(verb, body);
        assert_eq!((answered, &error["code"]), (status, &json!(code)), "{verb} {body}: {error}");
        assert!(error["message"].is_string());
    }
    let (status, reply) = call("environments.list", "{}");
    assert_eq!(status, 200);
    assert!(reply.is_array());
    let (status, _) = call("environments.add", &format!("\"{}\"", "a".repeat(16 << 20)));
    assert_eq!(status, 413);
}

#[test]
fn changes_are_streamed() {
    let (_folder, listening) = start();
    let (url, token) = listening.console();
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "GET /changes HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let mut event = || lines.find(|line| line.starts_with("data:"));
    assert_eq!(event().as_deref(), Some("data: []"));
    let add = "POST /call/environments.add HTTP/1.1\nhost: ADDRESS\nauthorization: Bearer TOKEN";
    assert_eq!(send(&listening, add, r#"{"name":"Other"}"#).status, 200);
    assert!(event().unwrap().contains("\"environments\""));
    assert_eq!(listening.signal("TERM"), Some(0));
    assert_eq!(event(), None);
}

fn config(folder: &Path) -> Config {
    let mut config = Config::new(folder.to_owned());
    config.listen = false;
    config.keychain = secret::Choice::File;
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_uses_the_engine_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut owner = Host::open(config(folder.path())).await.unwrap();
    owner.serve(None).await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(Address::file(folder.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    let guest = Host::open(config(folder.path())).await.unwrap();
    assert!(owner.owns() && !guest.owns());
    let (mut seen_by_owner, mut seen_by_guest) =
        (owner.changes().await.unwrap(), guest.changes().await.unwrap());
    guest.call("environments.add", json!({ "name": "Other" })).await.unwrap();
    assert!(seen_by_owner.next().await.unwrap().contains(&"environments".to_owned()));
    assert!(seen_by_guest.next().await.unwrap().contains(&"environments".to_owned()));
    let all = owner.call("environments.list", json!({})).await.unwrap();
    assert_eq!(all, guest.call("environments.list", json!({})).await.unwrap());

    let (here, there) = tokio::join!(
        owner.call("messages.show", json!({ "id": 99 })),
        guest.call("messages.show", json!({ "id": 99 })),
    );
    assert_eq!(here, there);
    assert_eq!(here.unwrap_err().code, Code::NotFound);

    owner.close().await;
    assert_eq!(seen_by_guest.next().await, None);
    assert!(!Address::file(folder.path()).exists());
    assert_eq!(guest.call("app.status", json!({})).await.unwrap_err().code, Code::Unavailable);
    assert!(Host::open(config(folder.path())).await.unwrap().owns());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_while_a_command_runs_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let command = Host::open(config(folder.path())).await.unwrap();
    let (guest, ()) = tokio::join!(Host::open(config(folder.path())), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        command.close().await;
    });
    assert!(guest.unwrap().owns());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_does_not_answer_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let _command = Host::open(config(folder.path())).await.unwrap();
    fs::write(Address::file(folder.path()), r#"{"port":1,"token":"t","pid":4242,"version":"0"}"#)
        .unwrap();
    let error = Host::open(config(folder.path())).await.err().unwrap().to_string();
    let pid = if cfg!(target_os = "linux") { std::process::id() } else { 4242 };
    assert!(error.contains(&format!("process {pid}")), "{error}");
}
