//! The fuzz targets over their committed corpus and over mutations of it, the same every time.
//!
//! Looking for new inputs is `cargo xtask fuzz`; this keeps what was found from coming back, and
//! notices a law that a change breaks nearby.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use kit::app::TestApp;
use kit::dice::Dice;
use kit::fuzz::{self, OTHERS, OURS, SPARE, TARGETS};
use serde_json::json;
use usher_engine::clerk::{self, Unusable};

fn repeat(name: &str, mutations: usize) {
    let (_, target) = TARGETS.into_iter().find(|target| target.0 == name).unwrap();
    let (corpus, words) = (fuzz::corpus(name), fuzz::words(name));
    for (file, input) in &corpus {
        hold(name, target, file, input);
    }
    let mut dice = Dice::new(2026);
    for number in 0..mutations {
        let input = fuzz::mutated(&corpus, &words, &mut dice);
        hold(name, target, &format!("mutation-{number}"), &input);
    }
}

fn hold(name: &str, target: fn(&[u8]), what: &str, input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| target(input))).is_ok() {
        return;
    }
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}-{what}"));
    std::fs::write(&kept, input).unwrap();
    panic!(
        "{name} broke on {what}, for the reason above. The input, also in {}:\n\nb\"{}\"\n\n\
         To keep it: cp {} tests/fuzz/corpus/{name}/WHAT-IT-IS",
        kept.display(),
        input.escape_ascii(),
        kept.display(),
    );
}

macro_rules! targets {
    ($($target:ident: $mutations:literal,)*) => {
        $(
            mod $target {
                #[test]
                fn holds_over_the_corpus_and_near_it() {
                    super::repeat(stringify!($target), $mutations);
                }

                #[test]
                #[ignore = "long: a hundred times as many mutations"]
                fn holds_further_from_the_corpus() {
                    super::repeat(stringify!($target), $mutations * 100);
                }
            }
        )*

        #[test]
        fn every_target_is_repeated() {
            let repeated = [$(stringify!($target)),*];
            assert_eq!(repeated, TARGETS.map(|(name, _)| name));
        }
    };
}

targets! {
    framing: 6000,
    request: 5000,
    payload: 20000,
    signature: 12000,
    merge: 500,
    search: 5000,
}

#[test]
fn every_target_has_its_program() {
    let folder = kit::root().join("tests/fuzz/targets");
    for (name, _) in TARGETS {
        let text = std::fs::read_to_string(folder.join(format!("{name}.rs"))).unwrap();
        assert!(text.contains(&format!("kit::fuzz::{name}(data)")), "{text}");
    }
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), TARGETS.len());
}

/// A client can send it, and the guard lets it through.
fn can_be_sent(headers: &[(String, String)]) -> bool {
    const THE_GUARDS: [&str; 4] = ["host", "content-length", "transfer-encoding", "expect"];
    let fits = |(name, value): &(String, String)| {
        let name_fits = |byte| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-');
        let value_fits = |byte| matches!(byte, b'\t' | b' '..=b'~');
        let named = !name.is_empty() && name.bytes().all(name_fits);
        named && !THE_GUARDS.contains(&&*name.to_lowercase()) && value.bytes().all(value_fits)
    };
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    headers.len() < 60 && bytes < 15_000 && headers.iter().all(fits)
}

/// What the target `request` leaves out: the way there and back, and the inbox.
#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_over_the_socket_as_the_target_judges_them() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint_with(|args| args["secret"] = json!(OURS)).await;
    app.call("endpoints.add_secret", json!({ "id": endpoint.id, "secret": SPARE })).await;
    app.endpoint_with(|args| args["secret"] = json!(OTHERS)).await;
    let (mut inputs, words) = (fuzz::corpus("request"), fuzz::words("request"));
    let mut dice = Dice::new(2026);
    let near: Vec<_> = (0..200).map(|_| fuzz::mutated(&inputs, &words, &mut dice)).collect();
    inputs.extend(near.into_iter().map(|input| ("a mutation".to_owned(), input)));
    let mut sent = (0, 0);
    for (what, input) in inputs {
        let (letter, verdict) = fuzz::verdict(&input);
        if !can_be_sent(&letter.headers) {
            continue;
        }
        let reply = app.send("POST", &endpoint.path, &letter.headers, &letter.body).await;
        let expected = match (&verdict, clerk::read(&letter.body)) {
            (Err(refusal), _) => (400, refusal.public_code()),
            (Ok(_), Err(Unusable::NotJson { .. } | Unusable::NotAnObject)) => (400, "not_json"),
            (Ok(_), _) => (200, ""),
        };
        let reason = if reply.status == 200 { "" } else { reply.field("reason") };
        let input = input.escape_ascii();
        assert_eq!((reply.status, reason), expected, "{what}, b\"{input}\": {reply:?}");
        if let Err(refusal) = verdict {
            assert_eq!(reply.field("message"), refusal.public_sentence(), "{what}, b\"{input}\"");
        }
        sent = if reply.status == 200 { (sent.0 + 1, sent.1) } else { (sent.0, sent.1 + 1) };
    }
    assert!(sent.0 > 25 && sent.1 > 100, "accepted and refused: {sent:?}");
    app.close().await;
}
