//! The listener over real sockets: framing, limits, order, failure and a clean end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use usher_engine::listener::{
    Answer, Handler, Limits, ListenError, Listener, RawRequest, Reply, State, at_once,
};

const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(60);

fn limits() -> Limits {
    Limits { upstream: 4, ..Limits::default() }
}

fn text(status: u16, body: String) -> Answer {
    Answer { status, content_type: "text/plain", body, retry_after_s: None }
}

/// Answers with what it was given: method, target, oversize and body.
fn echo(request: RawRequest) -> Answer {
    assert!(request.peer.is_some_and(|peer| peer.is_loopback()));
    assert!(request.target != "/panic", "asked to panic");
    let RawRequest { method, target, body, oversize, headers, .. } = request;
    let body = String::from_utf8_lossy(&body).into_owned();
    match (oversize, target.as_str()) {
        (Some(bytes), _) => text(413, format!("oversize {bytes} body {}", body.len())),
        (None, "/length") => text(200, body.len().to_string()),
        (None, "/headers") => text(200, format!("{headers:?}")),
        (None, "/empty") => text(204, "not sent".to_owned()),
        (None, "/busy") => Answer { retry_after_s: Some(7), ..text(503, String::new()) },
        (None, "/page") => text(200, "p".repeat(100_000)),
        _ => text(200, format!("{method} {target} [{body}]")),
    }
}

async fn start(limits: Limits) -> Listener {
    Listener::start(0, limits, at_once(echo)).await.unwrap()
}

async fn connect(listener: &Listener) -> TcpStream {
    TcpStream::connect(("127.0.0.1", listener.port())).await.unwrap()
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the connection closes");
    String::from_utf8(bytes).unwrap()
}

/// Sends `bytes`, keeps the write side open, and reads until the listener closes.
async fn until_closed(listener: &Listener, bytes: &[u8]) -> String {
    let mut stream = connect(listener).await;
    let _ = stream.write_all(bytes).await;
    read_all(&mut stream).await
}

/// Sends `bytes`, ends the write side, and reads until the listener closes.
async fn half_closed(listener: &Listener, bytes: &[u8]) -> String {
    let mut stream = connect(listener).await;
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    read_all(&mut stream).await
}

/// Reads one answer with a length from a connection that stays open.
async fn read_one(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            if body.len() == length.unwrap().parse::<usize>().unwrap() {
                return text;
            }
        }
        let read = timeout(PATIENCE, stream.read_buf(&mut bytes)).await.unwrap().unwrap();
        assert!(read > 0, "closed too early: {text}");
    }
}

fn status(answer: &str) -> u16 {
    let code = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    code.and_then(|code| code.parse().ok()).unwrap_or(0)
}

fn post(target: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// A handler that reports each call of `/wait` and answers it when it is released.
fn gate() -> (Handler, tokio::sync::mpsc::UnboundedReceiver<()>, mpsc::Sender<()>) {
    let (entered, has_entered) = tokio::sync::mpsc::unbounded_channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let handler = move |request: RawRequest, reply: Reply| {
        if request.target != "/wait" {
            return reply.send(text(200, request.target));
        }
        let _ = entered.send(());
        let released = Arc::clone(&released);
        std::thread::spawn(move || {
            let _ = released.lock().unwrap().recv();
            reply.send(text(200, request.target));
        });
    };
    (Arc::new(handler), has_entered, release)
}

#[tokio::test(flavor = "multi_thread")]
async fn both_loopback_addresses_and_keep_alive() {
    let listener = start(limits()).await;
    for host in ["127.0.0.1", "::1"] {
        let address = SocketAddr::new(host.parse().unwrap(), listener.port());
        let Ok(mut stream) = TcpStream::connect(address).await else {
            assert_eq!(host, "::1", "IPv4 must work");
            continue;
        };
        for round in 0..3 {
            stream.write_all(&post("/in/a?b=c", &format!("{round}"))).await.unwrap();
            let answer = read_one(&mut stream).await;
            assert_eq!(status(&answer), 200);
            assert!(answer.ends_with(&format!("POST /in/a?b=c [{round}]")), "{answer}");
            assert!(!answer.contains("Connection: close") && !answer.contains("tiny"));
        }
    }
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_in_order() {
    let listener = start(limits()).await;
    let three = [post("/1", "a"), post("/2", ""), post("/3", "ccc")].concat();
    let answers = half_closed(&listener, &three).await;
    let found: Vec<_> = ["/1 [a]", "/2 []", "/3 [ccc]"].map(|part| answers.find(part)).into();
    assert!(found.iter().all(Option::is_some) && found.is_sorted(), "{answers}");
    listener.stop().await;

    let listener = start(Limits { requests_per_connection: 2, ..limits() }).await;
    let answers = until_closed(&listener, &three).await;
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 2);
    assert!(answers.split("POST /1 ").last().unwrap().contains("Connection: close"));
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_forms_a_request_may_take() {
    let listener = start(limits()).await;
    for (request, expected) in [
        ("GET /a HTTP/1.0\r\n\r\n", "GET /a []"),
        ("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET /a []"),
        (
            "GET http://other:1/a?b HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n",
            "GET /a?b []",
        ),
        ("\r\nGET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET /a []"),
        (
            "POST /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: Chunked\r\n\r\n\
             3;n=v\r\nabc\r\n0a\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
            "POST /c [abc0123456789]",
        ),
        ("PURGE /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "PURGE /a []"),
        (
            "POST /a HTTP/1.1\r\nHost: h\r\nConnection: close, upgrade\r\nUpgrade: x\r\nTE: chunked\r\n\r\n",
            "POST /a []",
        ),
    ] {
        let answer = until_closed(&listener, request.as_bytes()).await;
        assert_eq!(status(&answer), 200, "{request}");
        assert!(answer.ends_with(expected), "{request} {answer}");
        assert!(answer.contains("Connection: close"), "{request} {answer}");
    }
    let half = half_closed(&listener, &post("/half", "xyz")).await;
    assert!(half.ends_with("POST /half [xyz]"), "{half}");
    let two = b"HEAD /page HTTP/1.1\r\nHost: h\r\n\r\nGET /empty HTTP/1.1\r\nHost: h\r\n\r\nGET /page HTTP/1.1\r\nHost: h\r\n\r\n";
    let answers = half_closed(&listener, two).await;
    assert_eq!(answers.matches("Content-Length: 100000\r\n").count(), 2);
    assert!(answers.contains("HTTP/1.1 204 No Content") && !answers.contains("not sent"));
    assert_eq!(answers.matches('p').count(), 100_000 + 3 * 2, "only GET has the page");
    let busy = half_closed(&listener, &post("/busy", "")).await;
    assert!(status(&busy) == 503 && busy.contains("Retry-After: 7\r\n"));
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_reach_the_handler_as_sent_but_for_those_of_the_connection() {
    let listener = start(limits()).await;
    let request = "POST /headers HTTP/1.1\r\nsvix-id:  msg_1\t\r\nHost: a.example\r\nusher-guard-0: 1\r\n\
                   Usher-Guard-00000000000000000000000000000000: ::1 5\r\nX: a:b\r\nx: c\r\nKeep-Alive: 5\r\nContent-Length: 2\r\n\r\nhi";
    let answer = half_closed(&listener, request.as_bytes()).await;
    let expected = [
        ("Host", "a.example"),
        ("svix-id", "msg_1"),
        ("X", "a:b"),
        ("x", "c"),
        ("Content-Length", "2"),
    ];
    assert!(answer.ends_with(&format!("{expected:?}")), "{answer}");
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expectations() {
    let listener = start(limits()).await;
    let mut stream = connect(&listener).await;
    let head = "POST /e HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go = [0; 25];
    timeout(PATIENCE, stream.read_exact(&mut go)).await.unwrap().unwrap();
    assert_eq!(&go, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"ok").await.unwrap();
    assert!(read_one(&mut stream).await.ends_with("POST /e [ok]"));

    let other = head.replace("100-Continue", "200-maybe");
    assert_eq!(status(&until_closed(&listener, other.as_bytes()).await), 417);
    let large = head.replace(": 2\r", ": 2000000\r");
    let answer = until_closed(&listener, large.as_bytes()).await;
    assert_eq!(status(&answer), 413, "no 100 before a refusal: {answer}");
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_framing_is_refused_and_the_connection_closed() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let handler = move |request| {
        counted.fetch_add(1, SeqCst);
        echo(request)
    };
    let listener = Listener::start(0, limits(), at_once(handler)).await.unwrap();
    let hidden = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";
    let many = "a: b\r\n".repeat(64);
    let long = "x".repeat(17_000);
    for (expected, fields) in [
        (400, "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
        (400, "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
        (400, "Content-Length: 3\r\nContent-Length: 3\r\n"),
        (400, "Content-Length: 3\r\ncontent-length: 4\r\n"),
        (400, "Content-Length: -5\r\n"),
        (400, "Content-Length: +5\r\n"),
        (400, "Content-Length: 5, 5\r\n"),
        (400, "Content-Length: 0x5\r\n"),
        (400, "Content-Length: 5 5\r\n"),
        (400, "Content-Length:\r\n"),
        (400, "Content-Length: 18446744073709551616\r\n"),
        (400, "Transfer-Encoding: xchunked\r\n"),
        (400, "Transfer-Encoding: gzip, chunked\r\n"),
        (400, "Transfer-Encoding: chunked, identity\r\n"),
        (400, "Transfer-Encoding: identity\r\n"),
        (400, "Transfer-Encoding:\r\n"),
        (400, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        (400, "A: b\r\n Transfer-Encoding: chunked\r\n"),
        (400, "A: b\r\n\tfolded\r\n"),
        (400, " Content-Length: 3\r\n"),
        (400, "Content-Length : 3\r\n"),
        (400, "A: b\nContent-Length: 3\r\n"),
        (400, "A: b\rContent-Length: 3\r\n"),
        (400, "A: b\0c\r\n"),
        (400, "A: b\u{7f}\r\n"),
        (400, "A: \u{e9}\r\n"),
        (400, "A\u{1}: b\r\n"),
        (400, "no colon\r\n"),
        (400, ": empty\r\n"),
        (400, "Host: second\r\n"),
        (413, "Content-Length: 100000000000000\r\n"),
        (413, "Content-Length: 18446744073709551615\r\n"),
        (431, &many),
        (431, &format!("A: {long}\r\n")),
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n{hidden}");
        let answer = half_closed(&listener, request.as_bytes()).await;
        assert_eq!(status(&answer), expected, "{fields:?} {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "one answer only: {fields:?}");
        assert!(answer.contains("Connection: close\r\n"));
        if expected != 413 {
            let (_, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(body.starts_with("{\"ok\":false,\"message\":\"") && body.ends_with(".\"}"));
        }
    }
    assert_eq!(calls.load(SeqCst), 2, "only the two too large ones are for the handler");
    for (expected, request) in [
        (505, "GET / HTTP/2.0\r\nHost: h\r\n\r\n"),
        (505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (505, "GET / HTTP/1.2\r\n\r\n"),
        (400, "GET /\r\n\r\n"),
        (400, "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "GET / HTTP/1.1 \r\nHost: h\r\n\r\n"),
        (400, "GET / HTTP/1.1\r\n\r\n"),
        (400, "GET / HTTP/1.1\nHost: h\n\n"),
        (400, "CONNECT a:443 HTTP/1.1\r\nHost: h\r\n\r\n"),
        (400, "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0"),
        (400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ] {
        let answer = until_closed(&listener, request.as_bytes()).await;
        assert_eq!(status(&answer), expected, "{request:?} {answer}");
    }
    assert_eq!(calls.load(SeqCst), 2);
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_at_and_over_the_limit() {
    let listener = start(limits()).await;
    let million = "x".repeat(1024 * 1024);
    let answer = half_closed(&listener, &post("/length", &million)).await;
    assert!(answer.ends_with("\r\n\r\n1048576"), "{answer}");
    let answer = until_closed(&listener, &post("/length", &million.repeat(2))).await;
    assert!(answer.ends_with("oversize 2097152 body 0"), "{answer}");

    let chunk = format!("80000\r\n{}\r\n", &million[..0x80000]);
    let chunked = |count| {
        let head = "POST /length HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        format!("{head}{}0\r\n\r\n", chunk.repeat(count)).into_bytes()
    };
    assert!(half_closed(&listener, &chunked(2)).await.ends_with("\r\n\r\n1048576"));
    let answer = until_closed(&listener, &chunked(3)).await;
    assert!(status(&answer) == 413 && answer.ends_with("oversize 1572864 body 0"), "{answer}");
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_bodies_never_reach_the_handler() {
    let listener = start(limits()).await;
    for (expected, rest) in [
        (400, "Content-Length: 9\r\n\r\nshort"),
        (400, "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        (400, "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"),
        (400, "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"),
        (400, "Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n"),
        (400, "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n"),
        (413, "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n"),
        (400, "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n"),
        (400, &format!("Transfer-Encoding: chunked\r\n\r\n1;{}", "x".repeat(20_000))),
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: h\r\n{rest}");
        let answer = half_closed(&listener, request.as_bytes()).await;
        assert_eq!(status(&answer), expected, "{rest:.60} {answer}");
    }
    assert_eq!(listener.health().served, 1);
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_closed() {
    let slow = Limits { head: SHORT, body: SHORT, idle: SHORT, ..limits() };
    let listener = start(slow).await;
    assert_eq!(until_closed(&listener, b"").await, "", "an idle connection just closes");
    for start in
        ["GET / HTTP/1.1\r\nHost: ", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\n"]
    {
        let (mut read, mut write) = connect(&listener).await.into_split();
        let mut drip = JoinSet::new();
        drip.spawn(async move {
            write.write_all(start.as_bytes()).await.unwrap();
            while write.write_all(b"x").await.is_ok() {
                tokio::time::sleep(SHORT / 10).await;
            }
        });
        let mut answer = String::new();
        let _ = timeout(PATIENCE, read.read_to_string(&mut answer)).await.unwrap();
        assert_eq!(status(&answer), 408, "{start} {answer}");
    }
    let mut stream = connect(&listener).await;
    stream.write_all(&post("/a", "b")).await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.ends_with("POST /a [b]"), "answered, then closed when idle");
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_waiting_client_makes_room() {
    let listener = start(Limits { connections: 8, ..limits() }).await;
    let mut idle = Vec::new();
    for _ in 0..8 {
        let mut stream = connect(&listener).await;
        stream.write_all(&post("/a", "")).await.unwrap();
        read_one(&mut stream).await;
        idle.push(stream);
    }
    assert_eq!(listener.health().connections, 8);
    assert!(half_closed(&listener, &post("/b", "")).await.ends_with("POST /b []"));
    assert_eq!(read_all(&mut idle[0]).await, "", "the first one is gone");
    idle[7].write_all(&post("/c", "")).await.unwrap();
    assert!(read_one(&mut idle[7]).await.ends_with("POST /c []"));
    assert_eq!(listener.health().evicted, 1);
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_brought_a_message_outlasts_a_crowd_of_strangers() {
    let listener = start(Limits { connections: 8, ..limits() }).await;
    let (mut sender, mut reader) = (connect(&listener).await, connect(&listener).await);
    sender.write_all(&post("/a", "")).await.unwrap();
    read_one(&mut sender).await;
    reader.write_all(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    read_one(&mut reader).await;
    let mut strangers = Vec::new();
    for _ in 0..40 {
        strangers.push(connect(&listener).await);
    }
    assert_eq!(read_all(&mut reader).await, "", "what it asked brought no message");
    let crowded = async {
        while listener.health().evicted < 34 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, crowded).await.unwrap();
    sender.write_all(&post("/b", "")).await.unwrap();
    assert!(read_one(&mut sender).await.ends_with("POST /b []"));
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_that_go_on_asking_leave_room_for_others() {
    let (handler, mut entered, release) = gate();
    let listener = Listener::start(0, limits(), handler).await.unwrap();
    let mut asking = Vec::new();
    for _ in 0..4 {
        let mut stream = connect(&listener).await;
        stream.write_all(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        read_one(&mut stream).await;
        stream.write_all(b"GET /wait HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        asking.push(stream);
    }
    timeout(PATIENCE, entered.recv()).await.unwrap().unwrap();
    assert_eq!(status(&half_closed(&listener, &post("/b", "")).await), 200);
    assert_eq!(listener.health().busy, 1, "the other three wait for their turn");
    for _ in 0..4 {
        release.send(()).unwrap();
    }
    for mut stream in asking {
        assert_eq!(status(&read_one(&mut stream).await), 200);
    }
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_at_and_over_the_limit() {
    let listener = start(limits()).await;
    let head = |bytes: usize| {
        let start = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nA: ";
        format!("{start}{}\r\n\r\n", "x".repeat(bytes - start.len() - 4))
    };
    let fields = |count: usize| {
        let start = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n";
        format!("{start}{}\r\n", "A: b\r\n".repeat(count - 2))
    };
    for (request, expected) in [
        (head(16 * 1024), 200),
        (head(16 * 1024 + 1), 431),
        (head(64 * 1024), 431),
        (fields(64), 200),
        (fields(65), 431),
    ] {
        let answer = until_closed(&listener, request.as_bytes()).await;
        assert_eq!(status(&answer), expected, "{} bytes: {answer}", request.len());
    }
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_are_at_work_others_get_a_quick_503() {
    let (handler, mut entered, release) = gate();
    let small = Limits { connections: 8, upstream: 8, ..limits() };
    let listener = Listener::start(0, small, handler).await.unwrap();
    let mut working = Vec::new();
    for _ in 0..8 {
        let mut stream = connect(&listener).await;
        stream.write_all(&post("/wait", "")).await.unwrap();
        timeout(PATIENCE, entered.recv()).await.unwrap().unwrap();
        working.push(stream);
    }
    let mut others = Vec::new();
    for _ in 0..80 {
        let mut stream = connect(&listener).await;
        let _ = stream.write_all(&post("/a", "")).await;
        others.push(stream);
    }
    for mut stream in others {
        let busy = read_all(&mut stream).await;
        assert!(status(&busy) == 503 && busy.contains("Retry-After: "), "{busy}");
        assert!(busy.contains("{\"ok\":false,\"message\":\"Usher is busy."));
    }
    for _ in 0..8 {
        release.send(()).unwrap();
    }
    for mut stream in working {
        assert_eq!(status(&read_one(&mut stream).await), 200);
    }
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_handler_costs_a_503_and_its_connection_serves_again() {
    let (handler, mut entered, release) = gate();
    let small = Limits { upstream: 1, answer: SHORT, queue_wait: SHORT, ..limits() };
    let listener = Listener::start(0, small, handler).await.unwrap();
    let stuck = until_closed(&listener, &post("/wait", "")).await;
    assert_eq!(status(&stuck), 503);
    timeout(PATIENCE, entered.recv()).await.unwrap().unwrap();
    assert_eq!(status(&until_closed(&listener, &post("/a", "")).await), 503, "nobody is free");
    assert_eq!(listener.health().busy, 1);
    release.send(()).unwrap();
    let again = async { while status(&half_closed(&listener, &post("/a", "")).await) != 200 {} };
    timeout(PATIENCE, again).await.unwrap();
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_cannot_fill_the_memory_with_unfinished_bodies() {
    let listener = start(Limits { held_bytes: 2 * 1024 * 1024, ..limits() }).await;
    let almost = "x".repeat(900_000);
    let mut unfinished = Vec::new();
    for _ in 0..6 {
        let mut stream = connect(&listener).await;
        let head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n";
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(almost.as_bytes()).await;
        unfinished.push(stream);
        assert_eq!(status(&half_closed(&listener, &post("/a", "small")).await), 200);
    }
    let dropped = async {
        while listener.health().evicted < 4 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, dropped).await.unwrap();
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_names_its_holder() {
    let listener = start(limits()).await;
    let port = listener.port();
    let Err(error) = Listener::start(port, limits(), at_once(echo)).await else {
        panic!("the port is taken");
    };
    let sentence = error.to_string();
    let ListenError::PortTaken { port: named, holder } = error else { panic!("{sentence}") };
    assert_eq!(named, port);
    assert!(sentence.contains("choose another port in Settings or with `usher listen --port N`"));
    if cfg!(target_os = "linux") {
        let holder = holder.unwrap();
        assert!(holder.ends_with(&format!("(process {})", std::process::id())), "{holder}");
        assert!(sentence.contains(&holder));
    }
    listener.stop().await;
    Listener::start(port, limits(), at_once(echo)).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panicking_handler_costs_one_answer() {
    let listener = start(Limits { upstream: 1, ..limits() }).await;
    let mut stream = connect(&listener).await;
    for _ in 0..3 {
        stream.write_all(&post("/panic", "")).await.unwrap();
        let answer = read_one(&mut stream).await;
        assert!(status(&answer) == 500 && answer.contains("{\"ok\":false,"), "{answer}");
        stream.write_all(&post("/a", "")).await.unwrap();
        assert_eq!(status(&read_one(&mut stream).await), 200);
    }
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_finishes_what_runs_and_refuses_the_rest() {
    let (handler, mut entered, release) = gate();
    let listener = Listener::start(0, limits(), handler).await.unwrap();
    let (port, state) = (listener.port(), listener.state());
    let mut idle = connect(&listener).await;
    idle.write_all(&post("/a", "")).await.unwrap();
    read_one(&mut idle).await;
    let mut running = connect(&listener).await;
    running.write_all(&post("/wait", "")).await.unwrap();
    timeout(PATIENCE, entered.recv()).await.unwrap().unwrap();

    assert_eq!(*state.borrow(), State::Listening);
    let mut stopping = JoinSet::new();
    stopping.spawn(listener.stop());
    assert_eq!(read_all(&mut idle).await, "", "idle connections close at once");
    let refused = async { while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {} };
    timeout(PATIENCE, refused).await.unwrap();
    release.send(()).unwrap();
    let answer = read_all(&mut running).await;
    assert!(status(&answer) == 200 && answer.contains("Connection: close"), "{answer}");
    timeout(PATIENCE, stopping.join_next()).await.unwrap();
    assert_eq!(*state.borrow(), State::Stopped);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_200_resets_and_a_stop() {
    use std::fs::read_dir;
    let count = |folder: &str| read_dir(folder).unwrap().count();
    async fn settles(what: impl Fn() -> usize, base: usize) {
        let back = async {
            while what() > base {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, back).await.expect("back at the base");
    }
    tokio::task::yield_now().await;
    let (files, threads) = (count("/proc/self/fd"), count("/proc/self/task"));
    let listener = start(limits()).await;
    let running = count("/proc/self/fd");
    for round in 0..200 {
        let mut stream = connect(&listener).await;
        stream.set_zero_linger().unwrap();
        let request = post("/a", &"x".repeat(3_000));
        let part = if round % 2 == 0 { request.len() } else { request.len() / 2 };
        stream.write_all(&request[..part]).await.unwrap();
    }
    settles(|| count("/proc/self/fd"), running).await;
    assert_eq!(status(&half_closed(&listener, &post("/a", "")).await), 200);
    assert_eq!(*listener.state().borrow(), State::Listening);
    listener.stop().await;
    settles(|| count("/proc/self/fd"), files).await;
    settles(|| count("/proc/self/task"), threads).await;
}
