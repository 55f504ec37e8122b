//! Strangers against the real program: during each attack a good sender's messages get through
//! quickly, and afterwards nothing is left of it. The bars stand in `kit::siege`.
//!
//! Each attack is a row, once for two seconds, and once for a minute (`long`).

use std::time::Duration;

use kit::siege::{stand, strangers};

const GIB: u64 = 1024 * 1024 * 1024;
const SHORT: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(60);

const PAGE: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
const UNSENT: &str = "Content-Length: 99999\r\n";
const GIGABYTE: &str = "Content-Length: 1073741824\r\n";

macro_rules! attacks {
    ($($name:ident: $attack:expr;)*) => {
        $(
            #[test]
            fn $name() {
                stand(stringify!($name), &$attack, SHORT);
            }
        )*

        mod long {
            use super::*;

            $(
                #[test]
                #[ignore = "long"]
                fn $name() {
                    stand(stringify!($name), &$attack, LONG);
                }
            )*
        }
    };
}

attacks! {
    connections_that_say_nothing: strangers(2_000);

    connections_that_say_nothing_with_256_files: strangers(400).files(256);

    connections_that_come_and_go: strangers(50).and_close().visits(5_000).per_second(2_500);

    heads_that_drip: strangers(300).say("POST / HTTP/1.1\r\nHost: ").and_drip();

    heads_without_end: strangers(12)
        .say_in_turn(&["GET /", "GET / HTTP/1.1\r\nHost: h\r\nA: ", "GET / HTTP/1.1\r\n"])
        .and_push_in_turn(&["x".repeat(60_000), "x".repeat(60_000), "A: b\r\n".repeat(10_000)], GIB)
        .per_second(50)
        .answered(&[431]);

    bodies_that_drip: strangers(300)
        .say_in_turn(&[post("/", UNSENT, ""), post("/", CHUNKED, "5\r\n")])
        .and_drip();

    bodies_that_drip_with_256_files: strangers(300)
        .say(post("/", UNSENT, ""))
        .and_drip()
        .files(256);

    bodies_that_drip_after_they_were_refused: strangers(150)
        .say(post("/in/nobody", GIGABYTE, ""))
        .and_drip()
        .answered(&[404]);

    bodies_that_never_come: strangers(300)
        .say_in_turn(&[
            post("/", UNSENT, ""),
            post("/", CHUNKED, ""),
            post("/", "Content-Length: 9\r\nExpect: 100-continue\r\n", ""),
        ])
        .answered(&[100]);

    bodies_that_stay_unfinished: strangers(300)
        .say(post("/", "Content-Length: 40000\r\n", &"x".repeat(31_000)));

    large_bodies_that_stay_unfinished: strangers(60)
        .say(post("/", "Content-Length: 1000000\r\n", &"x".repeat(999_999)))
        .per_second(100);

    bodies_without_end: strangers(15)
        .say_each(|path, visit| match visit % 5 {
            0 => post(path, GIGABYTE, ""),
            1 => post(path, CHUNKED, ""),
            2 => post(path, "", ""),
            3 => post(path, CHUNKED, "1;"),
            _ => post(path, CHUNKED, "0\r\nA: "),
        })
        .and_push_in_turn(
            &[
                "x".repeat(60_000),
                ["10000\r\n", &"x".repeat(64 * 1024), "\r\n"].concat(),
                "x".repeat(60_000),
                "x".repeat(60_000),
                "x".repeat(60_000),
            ],
            GIB,
        )
        .per_second(50)
        .answered(&[400, 413, 431]);

    bodies_in_tiny_chunks: strangers(6)
        .say_each(|path, _| post(path, CHUNKED, ""))
        .and_push("4\r\nxxxx\r\n".repeat(8_000), GIB)
        .per_second(50)
        .maybe(413);

    bodies_without_a_signature: strangers(3)
        .say_each(|path, _| {
            post(path, "Content-Length: 1048576\r\nConnection: close\r\n", &"x".repeat(1024 * 1024))
        })
        .per_second(4)
        .answered(&[400]);

    lengths_that_lie: strangers(20)
        .say_in_turn(&[
            post("/", "Content-Length: 100000000000000\r\n", "tiny"),
            post("/", "Content-Length: 18446744073709551615\r\n", "tiny"),
            post("/", "Content-Length: 18446744073709551616\r\n", "tiny"),
            post("/", "Content-Length: -5\r\n", PAGE),
            post("/", "Content-Length: +5\r\n", PAGE),
            post("/", "Content-Length: 5, 5\r\n", PAGE),
            post("/", "Content-Length: 5\r\nContent-Length: 6\r\n", PAGE),
            post("/", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", PAGE),
            post("/", "Transfer-Encoding: xchunked\r\n", PAGE),
            post("/", "A: b\r\n Transfer-Encoding: chunked\r\n", PAGE),
            post("/", CHUNKED, "FFFFFFFFFFFFFFFF\r\n"),
            post("/", CHUNKED, "FFFFFFFFFFFFFFFFF\r\n"),
            post("/", CHUNKED, "-1\r\n"),
        ])
        .answered(&[400, 405]);

    odd_requests: strangers(20)
        .say_in_turn(&[
            "GET / HTTP/2.0\r\nHost: h\r\n\r\n".to_owned(),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\nHost: h\n\n".to_owned(),
            "GET / HTTP/1.1\r\nHost: h\r\nA: \0\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nHost: h\r\nA: \u{e9}\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nHost : h\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nHost: h\r\nExpect: more\r\n\r\n".to_owned(),
            PAGE.replace("h\r\n\r\n", "h\r\nConnection: close, upgrade\r\nUpgrade: websocket\r\n\r\n"),
            "CONNECT a:443 HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
            format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "A: b\r\n".repeat(64)),
            format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(17_000)),
            format!("{PAGE}trailing garbage\r\n\r\n"),
        ])
        .answered(&[200, 400, 417, 431, 505]);

    tls_and_random_bytes: strangers(20)
        .say_each(|_, visit| match visit % 3 {
            0 => [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &noise(visit, 506)].concat(),
            _ => noise(visit, 2_000),
        })
        .answered(&[400]);

    requests_by_the_hundred_thousand_on_few_connections: strangers(100)
        .and_push(PAGE.repeat(1_000), PAGE.len() as u64 * 1_000)
        .per_second(0)
        .answered(&[200]);

    requests_on_all_connections_at_once: strangers(300)
        .and_push(PAGE.repeat(100), GIB)
        .answered(&[200]);

    requests_whose_answers_nobody_reads: strangers(40)
        .and_push_deaf(PAGE.repeat(1_000), GIB);

    requests_on_fresh_connections_in_bursts: strangers(200)
        .say(PAGE.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"))
        .answered(&[200]);

    resets_in_mid_body: strangers(50)
        .say_each(|path, _| post(path, "Content-Length: 9000\r\n", &"x".repeat(4_000)))
        .and_reset();

    full_requests_and_a_reset: strangers(50)
        .say_each(full_request)
        .and_reset()
        .visits(3_000)
        .per_second(1_500);

    full_requests_and_a_reset_with_256_files: strangers(50)
        .say_each(full_request)
        .and_reset()
        .visits(3_000)
        .per_second(1_500)
        .files(256);

    tokens_that_do_not_exist: strangers(20)
        .say_each(|_, visit| {
            let one = |number| post(&format!("/in/{visit}{number}"), "Content-Length: 2\r\n", "{}");
            (0..20).flat_map(one).chain(post("/in/", "Connection: close\r\n", "")).collect()
        })
        .per_second(100)
        .answered(&[404]);

    signatures_that_are_wrong: strangers(20)
        .say_each(|path, visit| {
            let fields = format!(
                "svix-id: msg_{visit}\r\nsvix-timestamp: {}\r\nsvix-signature: v1,{}=\r\n\
                 Content-Length: 4000\r\nConnection: close\r\n",
                kit::wire::now_ms() / 1000,
                "A".repeat(43)
            );
            post(path, &fields, &"x".repeat(4_000))
        })
        .per_second(200)
        .answered(&[400]);
}

/// One in ten of them is stored as refused.
fn full_request(path: &str, visit: u64) -> Vec<u8> {
    let path = if visit.is_multiple_of(10) { path } else { "/in/nobody" };
    post(path, "Content-Length: 4000\r\n", &"x".repeat(4_000))
}

fn post(path: &str, fields: &str, body: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: h\r\n{fields}\r\n{body}").into_bytes()
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}
