//! Signature and time of a request. The tables are the vectors of Svix and Standard Webhooks (A,
//! X), the header cases of their test suites (B), rotation (C) and the behaviour of the svix crate
//! (D).

use proptest::prelude::*;
use svix::webhooks::Webhook;
use usher_engine::{
    signing::SigningSecret,
    signing::verify::{EXPLAIN_LIMIT, Key, Refusal, Stranger, TOLERANCE_S, Verified, verify},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const BODY: &[u8] = b"{\"test\": 2432232314}";
const SIGNED_S: i64 = 1_614_265_330;
const GOOD: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

type Headers = Vec<(String, String)>;

/// What is tried, the headers, the expected code.
type HeaderCase = (&'static str, Vec<(&'static str, &'static str)>, &'static str);

fn secret(text: &str) -> SigningSecret {
    SigningSecret::parse(text).unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn svix(id: &str, time: &str, signature: &str) -> Headers {
    headers(&[("svix-id", id), ("svix-timestamp", time), ("svix-signature", signature)])
}

fn unbranded(id: &str, time: &str, signature: &str) -> Headers {
    headers(&[("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", signature)])
}

fn judge(headers: &Headers, body: &[u8]) -> Result<Verified, Refusal> {
    judge_at(headers, body, SIGNED_S * 1000)
}

fn judge_at(headers: &Headers, body: &[u8], now_ms: i64) -> Result<Verified, Refusal> {
    verify(headers, body, &[Key { id: 7, secret: &secret(SECRET) }], &[], now_ms)
}

fn signature(body: &[u8]) -> String {
    secret(SECRET).sign(ID, SIGNED_S, body).unwrap()
}

fn code(result: Result<Verified, Refusal>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(refusal) => refusal.code(),
    }
}

#[test]
fn positive_vectors() {
    let utf8 = "{\"name\":\"Örnek 🎉\"}";
    let long = "whsec_dGVzdF9zaWduaW5nX3NlY3JldF8zMl9jaGFyc19sb25n";
    let cases: [(&str, &str, &str, i64, &str, &str); 6] = [
        (
            "A1",
            OTHER_SECRET,
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            1_649_367_553,
            "{\"email\":\"test@example.com\",\"username\":\"test_user\"}",
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ),
        ("A2", SECRET, ID, SIGNED_S, "{\"test\": 2432232314}", GOOD),
        (
            "A3",
            "whsec_plJ3nmyCDGBKInavdOK15jsl",
            "msg_loFOjxBNrRLzqYUf",
            1_731_705_121,
            "{\"event_type\":\"ping\",\"data\":{\"success\":true}}",
            "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
        ),
        ("X1", SECRET, ID, SIGNED_S, "", "v1,v48jdbgvh29KJz2Qc+ghw8G6vG3nAKnujWBg8oM/62A="),
        ("X2", SECRET, ID, SIGNED_S, utf8, "v1,mtB0UZqVDnhmCB+qPIqWOmxKFg35noL8ICQwtVinaVY="),
        (
            "X3",
            long,
            "msg_123",
            1_700_000_000,
            "{\"type\":\"user.created\",\"data\":{\"id\":\"user_123\"}}",
            "v1,kLln/mW/qoI9eUisvvoz9O/1VqBkTyNgcAAorkVSisc=",
        ),
    ];
    for (name, text, id, time_s, body, expected) in cases {
        for text in [text, text.trim_start_matches("whsec_")] {
            let secret = secret(text);
            assert_eq!(secret.sign(id, time_s, body.as_bytes()).as_deref(), Ok(expected), "{name}");
            for headers in [
                svix(id, &time_s.to_string(), expected),
                unbranded(id, &time_s.to_string(), expected),
            ] {
                let keys = [Key { id: 7, secret: &secret }];
                let verified =
                    verify(&headers, body.as_bytes(), &keys, &[], time_s * 1000).unwrap();
                assert_eq!(
                    (verified.svix_id(), verified.signed_at_s(), verified.secret_id()),
                    (id, time_s, 7),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn an_asymmetric_signature_is_ignored() {
    let a4 = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
    assert_eq!(code(judge(&svix(ID, "1614265330", a4), BODY)), "wrong_secret");
    assert_eq!(code(judge(&svix(ID, "1614265330", &format!("{a4} {GOOD}")), BODY)), "ok");
}

#[test]
fn signature_entries() {
    let others = "v1,tFtCZ5RDCPxzWQRWXWPgrCgE2frDBe9gjpbWQxnVfsQ= v1,Mm7xgUVICxZfQ3bgf0h0Dof65L/IFx+PnZvnDWPCX6Q=";
    let last = "v1,9DfC1c3eeOrXB6w/5dIDydLNQaEyww5KalE5jLBZucE=";
    let v2 = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
    let cases = [
        (GOOD.to_owned(), "ok"),
        ("v1,R3PTzyfHASBKHH98a7yexTwaJ4yNIcGhFQc1yuN+BPU=".to_owned(), "wrong_secret"),
        ("v1,".to_owned(), "wrong_secret"),
        (GOOD[..8].to_owned(), "wrong_secret"),
        (GOOD[..GOOD.len() - 1].to_owned(), "wrong_secret"),
        (format!("{GOOD}A"), "wrong_secret"),
        ("v1,dawfeoifkpqwoekfpqoekf".to_owned(), "wrong_secret"),
        ("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=".to_owned(), "wrong_secret"),
        (format!("{others} {GOOD} {last}"), "ok"),
        (format!("{others} {last}"), "wrong_secret"),
        (format!("{v2} {GOOD} {last}"), "ok"),
        (format!("{v2} {last}"), "wrong_secret"),
        (GOOD.replace("v1,", "v2,"), "wrong_secret"),
        (GOOD.replace("v1,", ""), "wrong_secret"),
        (format!("nonsense {GOOD}"), "ok"),
        (format!("{last}  {GOOD}"), "ok"),
        (format!("{last},{GOOD}"), "wrong_secret"),
        (GOOD.to_lowercase(), "wrong_secret"),
    ];
    for (signature, expected) in cases {
        assert_eq!(code(judge(&svix(ID, "1614265330", &signature), BODY)), expected, "{signature}");
        assert_eq!(
            code(judge(&unbranded(ID, "1614265330", &signature), BODY)),
            expected,
            "{signature}"
        );
    }
}

#[test]
fn missing_headers_are_all_named() {
    let full = [("svix-id", ID), ("svix-timestamp", "1614265330"), ("svix-signature", GOOD)];
    for absent in 0..8_usize {
        for stand_in in [None, Some(""), Some("  \t ")] {
            let is_absent = |at: usize| absent & (1 << at) != 0;
            let sent: Vec<_> = (0..3)
                .filter_map(|at| {
                    if is_absent(at) {
                        stand_in.map(|blank| (full[at].0, blank))
                    } else {
                        Some(full[at])
                    }
                })
                .collect();
            let names: Vec<_> = (0..3).filter(|at| is_absent(*at)).map(|at| full[at].0).collect();
            match judge(&headers(&sent), BODY) {
                Ok(_) => assert!(names.is_empty()),
                Err(refusal) => {
                    assert!(
                        names.iter().all(|name| refusal.to_string().contains(name)),
                        "{refusal}"
                    );
                    assert_eq!(refusal, Refusal::MissingHeaders { names });
                }
            }
        }
    }
    assert_eq!(code(judge(&Vec::new(), BODY)), "missing_headers");
}

#[test]
fn header_names_and_values() {
    let bad = "v1,R3PTzyfHASBKHH98a7yexTwaJ4yNIcGhFQc1yuN+BPU=";
    let (id, time, signature) =
        (("svix-id", ID), ("svix-timestamp", "1614265330"), ("svix-signature", GOOD));
    let branded = [id, time, signature];
    let plain_good =
        [("webhook-id", ID), ("webhook-timestamp", "1614265330"), ("webhook-signature", GOOD)];
    let plain_bad =
        [("webhook-id", "msg_x"), ("webhook-timestamp", "1"), ("webhook-signature", bad)];
    let cases: [HeaderCase; 13] = [
        (
            "names in any case",
            vec![("Svix-Id", ID), ("SVIX-TIMESTAMP", "1614265330"), ("sViX-sIgNaTuRe", GOOD)],
            "ok",
        ),
        (
            "padded values",
            vec![
                ("svix-id", " msg_p5jXN8AQM9LWM0D4loKWxJek\t"),
                ("svix-timestamp", " 1614265330 "),
                signature,
            ],
            "ok",
        ),
        ("svix wins over webhook", [branded, plain_bad].concat(), "ok"),
        ("svix wins whatever the order", [plain_bad, branded].concat(), "ok"),
        (
            "svix wins even when wrong",
            [plain_good.as_slice(), &[id, time, ("svix-signature", bad)]].concat(),
            "wrong_secret",
        ),
        (
            "a mixed set is read header by header",
            vec![id, ("webhook-timestamp", "1614265330"), signature],
            "ok",
        ),
        (
            "a blank svix header gives way",
            [[("svix-id", ""), time, signature], plain_good].concat(),
            "ok",
        ),
        (
            "the first of a repeated header counts",
            vec![id, time, signature, ("svix-signature", bad)],
            "ok",
        ),
        ("and not a later one", vec![id, time, ("svix-signature", bad), signature], "wrong_secret"),
        ("a blank repetition is passed over", vec![("svix-id", " "), id, time, signature], "ok"),
        (
            "unreadable characters count as absent",
            vec![("svix-id", "msg_é"), time, signature],
            "missing_headers",
        ),
        (
            "line breaks count as absent",
            vec![("svix-id", "msg\r\nx"), time, signature],
            "missing_headers",
        ),
        (
            "other headers are nobody's business",
            [&branded[..], &[("x-\u{1}", "é"), ("", "")]].concat(),
            "ok",
        ),
    ];
    for (name, sent, expected) in cases {
        assert_eq!(code(judge(&headers(&sent), BODY)), expected, "{name}");
    }
}

#[test]
fn timestamps() {
    let long = "9".repeat(500);
    let minus = secret(SECRET).sign(ID, -1, BODY).unwrap();
    let cases = [
        ("hello", GOOD, "bad_timestamp"),
        ("1614265330.5", GOOD, "bad_timestamp"),
        ("16142653 30", GOOD, "bad_timestamp"),
        ("99999999999999999999", GOOD, "bad_timestamp"),
        (&long, GOOD, "bad_timestamp"),
        ("-1", &minus, "bad_timestamp"),
        ("1614265331", GOOD, "wrong_secret"),
        ("1614265329", GOOD, "wrong_secret"),
        ("1614265330", GOOD, "ok"),
    ];
    for (time, signature, expected) in cases {
        let result = judge(&svix(ID, time, signature), BODY);
        if let Err(refusal) = &result {
            assert!(refusal.to_string().len() < 400, "{refusal}");
        }
        assert_eq!(code(result), expected, "{time}");
    }
}

#[test]
fn the_time_is_judged_by_the_clock_passed_in() {
    let headers = svix(ID, "1614265330", GOOD);
    let cases = [
        (0, None),
        (300, None),
        (-300, None),
        (301, Some(301)),
        (-301, Some(-301)),
        (86_400, Some(86_400)),
        (-1_614_265_330, Some(-1_614_265_330)),
    ];
    for (later_s, skew) in cases {
        let refusal = judge_at(&headers, BODY, (SIGNED_S + later_s) * 1000).err();
        assert_eq!(refusal, skew.map(|seconds| Refusal::ClockSkew { seconds }), "{later_s}");
    }
    assert_eq!(code(judge_at(&headers, BODY, (SIGNED_S + TOLERANCE_S) * 1000 + 999)), "ok");
    assert_eq!(code(judge_at(&headers, BODY, i64::MAX)), "clock_skew");
    assert_eq!(code(judge_at(&headers, BODY, i64::MIN)), "clock_skew");
}

#[test]
fn a_wrong_secret_is_never_called_a_wrong_clock() {
    let wrong = secret(OTHER_SECRET).sign(ID, SIGNED_S, BODY).unwrap();
    let result = judge_at(&svix(ID, "1614265330", &wrong), BODY, (SIGNED_S + 100_000) * 1000);
    assert_eq!(code(result), "wrong_secret");
}

#[test]
fn skew_is_told_in_words() {
    let sentence = |seconds| Refusal::ClockSkew { seconds }.to_string();
    assert!(sentence(301).contains("signed 5 minutes 1 second ago"), "{}", sentence(301));
    assert!(sentence(301).contains("clock is 5 minutes 1 second ahead"));
    assert!(sentence(-720).contains("signed 12 minutes in the future"), "{}", sentence(-720));
    assert!(sentence(-720).contains("clock is 12 minutes behind"));
    assert!(sentence(7260).contains("2 hours 1 minute"));
    assert!(sentence(90_000).contains("1 day 1 hour"));
    assert!(sentence(i64::MIN).contains("days"));
}

#[test]
fn several_secrets() {
    let (old, new, foreign) =
        (secret(SECRET), secret(OTHER_SECRET), secret("whsec_plJ3nmyCDGBKInavdOK15jsl"));
    let by_new = new.sign(ID, SIGNED_S, BODY).unwrap();
    let (old_key, new_key) = (Key { id: 1, secret: &old }, Key { id: 2, secret: &new });
    let cases: [(&str, String, Vec<Key<'_>>, Option<i64>); 7] = [
        (
            "Svix signs with both, we hold the old",
            format!("{by_new} {GOOD}"),
            vec![old_key],
            Some(1),
        ),
        (
            "Svix signs with both, we hold the new",
            format!("{by_new} {GOOD}"),
            vec![new_key],
            Some(2),
        ),
        ("both and both: our first", format!("{by_new} {GOOD}"), vec![old_key, new_key], Some(1)),
        ("Clerk's second endpoint, old", GOOD.to_owned(), vec![new_key, old_key], Some(1)),
        ("Clerk's second endpoint, new", by_new.clone(), vec![old_key, new_key], Some(2)),
        ("neither", foreign.sign(ID, SIGNED_S, BODY).unwrap(), vec![old_key, new_key], None),
        ("the secret that was removed", GOOD.to_owned(), vec![new_key], None),
    ];
    for (name, signature, keys, expected) in cases {
        let verified =
            verify(&svix(ID, "1614265330", &signature), BODY, &keys, &[], SIGNED_S * 1000).ok();
        assert_eq!(verified.map(|verified| verified.secret_id()), expected, "{name}");
    }
}

#[test]
fn no_secret_comes_first() {
    for headers in [Vec::new(), svix(ID, "hello", "x"), svix(ID, "1614265330", GOOD)] {
        assert_eq!(verify(&headers, b"\xff", &[], &[], 0), Err(Refusal::NoSecret));
    }
}

#[test]
fn the_secret_of_another_endpoint_is_named_at_home_only() {
    let (ours, theirs) = (secret(SECRET), secret(OTHER_SECRET));
    let signature = theirs.sign(ID, SIGNED_S, BODY).unwrap();
    let others = [Stranger { endpoint: "Production", secret: &theirs }];
    let keys = [Key { id: 1, secret: &ours }];
    let refusal =
        verify(&svix(ID, "1614265330", &signature), BODY, &keys, &others, SIGNED_S * 1000)
            .unwrap_err();
    assert_eq!(refusal, Refusal::OtherEndpointsSecret { endpoint: "Production".to_owned() });
    assert!(refusal.to_string().contains("Production"));
    assert_eq!(refusal.public_sentence(), Refusal::WrongSecret.to_string());
    assert_eq!((refusal.code(), refusal.public_code()), ("other_endpoints_secret", "wrong_secret"));
}

#[test]
fn an_altered_body_is_explained() {
    let compact = "{\"data\":{\"id\":\"user_1\",\"name\":\"a \\\"b\\\\\"},\"n\":1.50,\"type\":\"user.created\"}";
    let pretty = "{\n  \"data\": {\"id\": \"user_1\", \"name\": \"a \\\"b\\\\\"},\n  \"n\": 1.50,\n  \"type\": \"user.created\"\n}\n";
    let sorted = "{\"a\":\"é\",\"b\":{\"c\":1,\"d\":2}}";
    let shuffled = "{\"b\": {\"d\": 2, \"c\": 1}, \"a\": \"\\u00e9\"}";
    let cases = [
        (compact.to_owned(), format!("{compact}\n"), Some("added at its end")),
        (compact.to_owned(), format!("{compact}\r\n"), Some("added at its end")),
        (format!("{compact}\n"), compact.to_owned(), Some("removed")),
        (format!("{compact}\r\n"), compact.to_owned(), Some("removed")),
        (compact.to_owned(), pretty.to_owned(), Some("spaces or line breaks")),
        (sorted.to_owned(), shuffled.to_owned(), Some("parsed and written again")),
        (compact.to_owned(), compact.replace("user_1", "user_2"), None),
        (compact.to_owned(), compact.replace("user.created\"}", "user.created\"}}"), None),
        ("{\"test\": 2432232314}".to_owned(), "{\"test\":2432232314}".to_owned(), None),
        (String::new(), "\n".to_owned(), Some("added at its end")),
    ];
    for (sent, received, expected) in cases {
        let headers = svix(ID, "1614265330", &signature(sent.as_bytes()));
        let refusal = judge(&headers, received.as_bytes()).unwrap_err();
        match expected {
            None => assert_eq!(refusal, Refusal::WrongSecret, "{received}"),
            Some(words) => {
                assert_eq!(refusal.code(), "body_altered", "{received}");
                assert!(refusal.to_string().contains(words), "{refusal}");
            }
        }
    }
}

#[test]
fn only_bodies_of_bounded_size_are_explained() {
    let body = |len: usize| format!("\"{}\"", "x".repeat(len - 2));
    for (len, expected) in [(EXPLAIN_LIMIT, "body_altered"), (EXPLAIN_LIMIT + 1, "wrong_secret")] {
        let received = body(len - 1) + "\n";
        let headers = svix(ID, "1614265330", &signature(body(len - 1).as_bytes()));
        assert_eq!(code(judge(&headers, received.as_bytes())), expected);
    }
    let large = body(EXPLAIN_LIMIT * 4);
    assert_eq!(
        code(judge(&svix(ID, "1614265330", &signature(large.as_bytes())), large.as_bytes())),
        "ok"
    );
}

#[test]
fn a_body_that_is_not_text_is_refused_as_such() {
    let refusal = judge(&svix(ID, "1614265330", GOOD), b"{\"a\":\xff}").unwrap_err();
    assert_eq!(refusal, Refusal::NotJson { at: "byte 6 (not UTF-8 text)".to_owned() });
}

#[test]
fn codes_and_sentences() {
    let all = [
        (
            Refusal::MissingHeaders { names: vec!["svix-id", "svix-timestamp", "svix-signature"] },
            "missing_headers",
        ),
        (Refusal::BadTimestamp { value: "hello".to_owned() }, "bad_timestamp"),
        (Refusal::ClockSkew { seconds: 400 }, "clock_skew"),
        (Refusal::WrongSecret, "wrong_secret"),
        (Refusal::OtherEndpointsSecret { endpoint: "B".to_owned() }, "other_endpoints_secret"),
        (Refusal::BodyAltered { how: "a line break was added at its end" }, "body_altered"),
        (Refusal::NoSecret, "no_secret"),
        (Refusal::TooLarge { bytes: 2_000_000, limit: 1_048_576 }, "too_large"),
        (Refusal::NotJson { at: "line 1, column 2".to_owned() }, "not_json"),
    ];
    for (refusal, expected) in all {
        assert_eq!(refusal.code(), expected);
        let sentence = refusal.to_string();
        assert!(sentence.ends_with('.') && sentence.len() < 400, "{sentence}");
        assert!(
            !sentence.contains("whsec_") && !refusal.public_sentence().contains("endpoint \""),
            "{sentence}"
        );
    }
}

#[test]
fn the_svix_crate_agrees_on_a_fresh_message() {
    let now_s = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs().cast_signed();
    for (text, headers_of) in
        [(SECRET, svix as fn(&str, &str, &str) -> Headers), (SECRET, unbranded)]
    {
        let signature = Webhook::new(text).unwrap().sign(ID, now_s, BODY).unwrap();
        let sent = headers_of(ID, &now_s.to_string(), &signature);
        let map: http::HeaderMap = sent
            .iter()
            .map(|(name, value)| {
                (
                    http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    http::HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect();
        assert!(Webhook::new(text).unwrap().verify(BODY, &map).is_ok());
        assert_eq!(code(judge_at(&sent, BODY, now_s * 1000)), "ok");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn never_panics(
        sent in proptest::collection::vec(("(svix|webhook)-(id|timestamp|signature)", ".{0,60}"), 0..8),
        body in proptest::collection::vec(any::<u8>(), 0..200),
        now_ms in any::<i64>(),
    ) {
        let _ = judge_at(&sent, &body, now_ms);
    }

    #[test]
    fn what_is_signed_is_accepted_and_one_changed_byte_is_not(
        body in "\\PC{1,200}",
        id in "msg_[a-zA-Z0-9]{1,30}",
        at in any::<prop::sample::Index>(),
        time_s in 1_i64..4_000_000_000,
        skew_s in -300_i64..=300,
    ) {
        let signature = secret(SECRET).sign(&id, time_s, body.as_bytes()).unwrap();
        let sent = svix(&id, &time_s.to_string(), &signature);
        let now_ms = (time_s + skew_s) * 1000;
        let verified = judge_at(&sent, body.as_bytes(), now_ms);
        prop_assert_eq!(verified.as_ref().map(Verified::svix_id), Ok(id.as_str()));
        let mut changed = body.clone().into_bytes();
        let at = at.index(changed.len());
        changed[at] ^= 1;
        prop_assert!(judge_at(&sent, &changed, now_ms).is_err());
    }
}
