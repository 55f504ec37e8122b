//! Searching messages: each search finds the same, whether the index knows them yet or not.

use std::collections::BTreeSet;

use kit::app::{
    NOON, OTHER_SECRET, SECRET, TestApp, TestEndpoint, deleted, signed, user, waitlist,
};
use kit::dice::Dice;
use serde_json::{Value, json};

const DAY: i64 = 86_400_000;

/// Posts the messages that are searched and returns their ids, oldest first.
async fn messages(app: &TestApp, endpoint: &TestEndpoint) -> Vec<i64> {
    let maya =
        |kind: &str, name: &str, at| user(kind, "user_1", Some("maya@example.com"), name, at);
    let session = json!({
        "data": { "id": "sess_1", "object": "session", "user_id": "user_1", "note": "Exact words here",
                  "lines": "Une École\nsecondword <i>", "path": "a/b", "who": "Ärger" },
        "instance_id": "ins_test", "object": "event", "timestamp": NOON, "type": "session.created",
    });
    let mut big = user("user.created", "user_2", Some("bo@example.com"), "Bo", NOON);
    big["data"]["public_metadata"] = json!({ "filler": "x".repeat(20_000) });
    let mut ids = vec![
        app.post_as(endpoint, "msg_maya", &maya("user.created", "Maya", NOON)).await.id(),
        app.post(endpoint, &maya("user.updated", "May", NOON + 1)).await.id(),
        app.post(endpoint, &maya("user.updated", "Old", NOON - 1)).await.id(),
        app.post(endpoint, &session).await.id(),
        app.post(endpoint, &big).await.id(),
        app.post(
            endpoint,
            &waitlist("waitlistEntry.created", "wait_1", "wei@example.com", "pending", NOON),
        )
        .await
        .id(),
        app.post_signed(OTHER_SECRET, endpoint, "msg_forged", &maya("user.created", "Eve", NOON))
            .await
            .id(),
    ];
    app.post_as(endpoint, "msg_maya", &maya("user.created", "Maya", NOON)).await;
    app.clock.advance(3 * DAY);
    ids.push(app.post(endpoint, &deleted("user_2", NOON + 2 * DAY)).await.id());
    ids
}

/// What is searched for, and which of [`messages`] it finds, counted from 0.
const SEARCHES: &[(&str, &[usize])] = &[
    ("", &[0, 1, 2, 3, 4, 5, 6, 7]),
    ("type:user.created", &[0, 4, 6]),
    ("type:user.*", &[0, 1, 2, 4, 6, 7]),
    ("type:*created", &[0, 3, 4, 5, 6]),
    ("-type:user.*", &[3, 5]),
    ("type:USER.UPDATED", &[1, 2]),
    ("type:waitlistEntry.created", &[5]),
    ("type:waitlistEntry.*", &[5]),
    ("type:waitlistentry.*", &[5]),
    ("type:*ENTRY*", &[5]),
    ("-type:waitlistEntry.*", &[0, 1, 2, 3, 4, 6, 7]),
    ("status:refused", &[6]),
    ("refused", &[6]),
    ("status:Refused", &[6]),
    ("REFUSED", &[6]),
    ("\"refused\"", &[]),
    ("status:400", &[6]),
    ("status:stale OR status:ignored", &[2, 3]),
    ("is:stale", &[2]),
    ("is:duplicate", &[0]),
    ("has:error", &[6]),
    ("has:change", &[0, 1, 4, 5, 7]),
    ("reason:wrong_secret", &[6]),
    ("reason:\"wrong secret\"", &[6]),
    ("reason:wrong*", &[6]),
    ("reason:Wrong_Secret", &[6]),
    ("email:maya@", &[0, 1, 2, 6]),
    ("email:bo@example.com", &[4, 7]),
    ("email:aya", &[]),
    ("email:@example.com", &[0, 1, 2, 4, 5, 6, 7]),
    ("@example.com", &[0, 1, 2, 4, 5, 6, 7]),
    ("-@example.com", &[3]),
    ("email:@xample.com", &[]),
    ("user:user_1", &[0, 1, 2, 3, 6]),
    ("user:user_", &[]),
    ("id:msg_maya", &[0]),
    ("id:sess_1", &[3]),
    ("id:wait_1", &[5]),
    ("maya", &[0, 1, 2, 6]),
    ("MAY", &[0, 1, 2, 6]),
    ("sess_1", &[3]),
    ("\"exact words\"", &[3]),
    ("body:\"words exact\"", &[]),
    ("body:exact", &[3]),
    ("body:EXACT", &[3]),
    ("body:svix", &[]),
    ("body:application", &[]),
    ("svix", &[0, 1, 2, 3, 4, 5, 6, 7]),
    ("\"application/json\"", &[0, 1, 2, 3, 4, 5, 6, 7]),
    ("École", &[3]),
    ("école", &[3]),
    ("\"ÉCOLE\"", &[3]),
    ("cole", &[]),
    ("ärger", &[3]),
    ("rger", &[]),
    ("secondword", &[3]),
    ("nsecondword", &[3]),
    ("\"École secondword\"", &[]),
    ("xact", &[]),
    ("maya -status:stale type:user.updated", &[1]),
    ("(bo OR wei) type:*created", &[4, 5]),
    ("larger:10k", &[4]),
    ("smaller:10k type:user.created", &[0, 6]),
    ("before:2026-05-13", &[0, 1, 2, 3, 4, 5, 6]),
    ("after:2026-05-13", &[7]),
    ("after:\"2 days ago\"", &[7]),
    ("after:2026-05-13 before:2026-05-14", &[]),
    ("endpoint:clerk", &[0, 1, 2, 3, 4, 5, 6, 7]),
    ("endpoint:\"cLERK 1\"", &[0, 1, 2, 3, 4, 5, 6, 7]),
    ("endpoint:other", &[]),
    ("@", &[0, 1, 2, 4, 5, 6, 7]),
    ("is:pinned", &[]),
    ("is:replayed", &[]),
    ("is:forwarded", &[]),
    ("is:test", &[]),
    ("%", &[]),
    ("\"' OR 1=1 --\"", &[]),
];

async fn found(app: &TestApp, query: &str) -> Vec<i64> {
    let asked = json!({ "query": query, "limit": 3 });
    let mut ids: Vec<i64> = app
        .rows("messages.list", asked)
        .await
        .iter()
        .map(|row| row["id"].as_i64().unwrap())
        .collect();
    let count = app.call("messages.count", json!({ "query": query })).await["count"].clone();
    assert_eq!(count, json!(ids.len()), "{query}");
    assert!(ids.is_sorted_by(|a, b| a > b), "newest first: {ids:?}");
    ids.reverse();
    ids
}

/// Asks every search of the table and tells of all that find something else.
async fn all_found(app: &TestApp, ids: &[i64]) {
    let mut wrong = String::new();
    for (query, places) in SEARCHES {
        let found = found(app, query).await;
        let own: Vec<usize> = (0..ids.len()).filter(|place| found.contains(&ids[*place])).collect();
        if own != *places {
            wrong += &format!("{query} finds {own:?} and not {places:?}\n");
        }
    }
    assert_eq!(wrong, "");
}

/// Adds messages until those up to this one are indexed.
async fn indexed(app: &TestApp, endpoint: &TestEndpoint, last: i64) {
    let others: Vec<Value> =
        (0..200).map(|n| user("user.created", &format!("user_x{n}"), None, "Zed", NOON)).collect();
    app.post_all(endpoint, &others).await;
    while app.number("select coalesce(max(last), 0) from message_block").await < last {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_the_same_before_and_after_it_is_indexed() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let ids = messages(&app, &endpoint).await;
    assert_eq!(app.number("select count(*) from message_block").await, 0);
    all_found(&app, &ids).await;
    indexed(&app, &endpoint, *ids.last().unwrap()).await;
    all_found(&app, &ids).await;
    assert_eq!(found(&app, "zed").await.len(), 200);
    app.close().await;
}

/// Signs that are awkward to cut into words, to spell in another case, or to put into a pattern.
const ODD: &[&str] = &[
    "a", "B", "k", "s", "0", "_", " ", " ", "-", "@", ".", "\"", "\\", "/", "\n", "\t", "<", ">",
    "'", "*", "?", "[", "]", "^", "%", "(", ":", "é", "É", "Ä", "ä", "Ü", "ß", "ẞ", "ñ", "я", "Я",
    "σ", "ς", "Σ", "İ", "ı", "\u{212a}", "ſ", "ǆ", "中", "文", "、", "，", "。", "“", "”", "„",
    "«", "»", "—", "…", "€", "™", "ª", "²", "·", "\u{a0}", "\u{301}", "\u{200b}", "\u{fe0f}", "😀",
    "𝔘", "م", "،", "क", "ि", "।", "\u{e000}", "\u{feff}",
];

/// The string as JSON, with escapes where the dice want some.
fn escaped(text: &str, dice: &mut Dice) -> String {
    let mut json = String::from('"');
    for c in text.chars() {
        match c {
            '\n' | '\t' | '"' | '\\' => json.extend(c.escape_default()),
            '/' if dice.below(2) == 0 => json += "\\/",
            c if dice.below(4) == 0 => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    json += &format!("\\u{unit:04x}");
                }
            }
            c => json.push(c),
        }
    }
    json + "\""
}

/// Where words begin, as anybody would say.
fn words(text: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.split(|c: char| !is_word(c) && !usher_engine::filter::is_word(c))
        .filter(|word| word.chars().all(is_word) && !word.is_empty())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_texts_are_found_alike_before_and_after_and_where_words_begin() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let mut dice = Dice::new(2026);
    let mut texts: Vec<String> = [
        "École Ärger Übung",
        "first\nsecondword",
        "<b>boldword</b>",
        "Zoë a/b",
        "Σίσυφος ΟΔΟΣ οδος",
        "«quoted» “typed”—dash…dots",
        "中文 Москва МОСКВА",
        "Müller, Zoë Łódź",
        "naïve façade",
        "ΑΘΗΝΑ Αθήνα",
        "back\\slash",
    ]
    .map(str::to_owned)
    .to_vec();
    for _ in 0..24 {
        let length = 3 + dice.below(12);
        texts.push((0..length).map(|_| *dice.one_of(ODD)).collect());
    }
    let mut ids = Vec::new();
    let large = "x".repeat(262_144) + "\nfarword";
    for text in texts.iter().chain([&large]) {
        let body = format!(
            r#"{{"data":{{"id":"sess_1","object":"session","note":{}}},"instance_id":"ins_test","object":"event","timestamp":{NOON},"type":"session.created"}}"#,
            escaped(text, &mut dice)
        );
        let id = format!("msg_odd{}", ids.len());
        let headers = signed(SECRET, &id, app.clock.now() / 1000, body.as_bytes());
        ids.push(app.send("POST", &endpoint.path, &headers, body.as_bytes()).await.id());
    }
    let mut asked = BTreeSet::new();
    for text in &texts {
        let signs: Vec<char> = text.chars().collect();
        for _ in 0..6 {
            let start = dice.below(signs.len());
            let end = start + 1 + dice.below(signs.len() - start);
            asked.insert(signs[start..end].iter().collect::<String>());
        }
        for word in words(text) {
            asked.extend(word.char_indices().map(|(at, _)| word[at..].to_owned()));
        }
    }
    asked.insert("farword".to_owned());
    asked.retain(|text| !text.trim().is_empty());
    let query = |field: &str, text: &str| {
        format!("{field}\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    };
    let mut before = Vec::new();
    for text in &asked {
        before.push(found(&app, &query("", text)).await);
    }
    for (text, id) in texts.iter().zip(&ids) {
        for word in words(text) {
            let shape = |text: &str| text.chars().map(|c| c.is_ascii()).collect::<Vec<_>>();
            let spellings = [word.to_owned(), word.to_lowercase(), word.to_uppercase()];
            for spelling in spellings.into_iter().filter(|to| shape(to) == shape(word)) {
                let found = found(&app, &query("body:", &spelling)).await;
                assert!(found.contains(id), "{spelling} in {text}");
            }
        }
    }
    indexed(&app, &endpoint, *ids.last().unwrap()).await;
    for (text, before) in asked.iter().zip(before) {
        let after: Vec<i64> =
            found(&app, &query("", text)).await.into_iter().filter(|id| ids.contains(id)).collect();
        assert_eq!(after, before, "{text:?}");
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_repeated_or_replayed_is_found_beside_other_fields() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let maya = user("user.created", "user_1", Some("maya@example.com"), "Maya", NOON);
    let first = app.post_as(&endpoint, "msg_first", &maya).await.id();
    app.post_as(&endpoint, "msg_first", &maya).await;
    let same = app.post_as(&endpoint, "msg_same", &maya).await;
    assert_eq!(same.brief(), "200 duplicate/same_content");
    let other = app.post(&endpoint, &user("user.created", "user_2", None, "Bo", NOON)).await.id();
    let replay = json!({ "which": { "ids": [other] }, "sameId": false, "to": "usher" });
    let replayed = app.call("messages.replay", replay).await["messageId"].as_i64().unwrap();
    app.call("messages.pin", json!({ "which": { "ids": [first, replayed] }, "pinned": true }))
        .await;
    let same = same.id();
    let is_repeated = app.message(replayed).await["outcome"] == "duplicate";
    let repeated: Vec<i64> =
        [first, same].into_iter().chain(is_repeated.then_some(replayed)).collect();
    let rest: Vec<i64> = (!is_repeated).then_some(replayed).into_iter().collect();
    for when in ["before", "after"] {
        for (query, wanted) in [
            ("is:duplicate", repeated.clone()),
            ("is:Duplicate email:maya@", vec![first, same]),
            ("is:duplicate is:pinned -is:replayed", vec![first]),
            ("is:pinned is:duplicate maya", vec![first]),
            ("is:duplicate status:duplicate type:user.* email:maya@", vec![same]),
            ("is:replayed", vec![replayed]),
            ("is:replayed is:pinned type:user.created", vec![replayed]),
            ("is:replayed -is:duplicate", rest.clone()),
            ("is:replayed OR email:maya@", vec![first, same, replayed]),
            ("-is:duplicate -is:replayed -zed", vec![other]),
            ("is:replayed after:2026-05-13", vec![]),
        ] {
            assert_eq!(found(&app, query).await, wanted, "{query}, {when}");
        }
        if when == "before" {
            indexed(&app, &endpoint, replayed).await;
        }
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_message_is_about_is_found_when_it_becomes_known_later() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    app.post(&endpoint, &user("user.created", "user_1", Some("maya@example.com"), "Maya", NOON))
        .await;
    let forged =
        app.post_signed(OTHER_SECRET, &endpoint, "msg_forged", &deleted("user_1", NOON + 1)).await;
    let others: Vec<Value> =
        (0..100).map(|n| user("user.created", &format!("user_x{n}"), None, "Zed", NOON)).collect();
    app.post_all(&endpoint, &others).await;
    while app.number("select coalesce(max(last), 0) from message_block").await < forged.id() {
        tokio::task::yield_now().await;
    }
    assert!(!found(&app, "email:maya@").await.contains(&forged.id()));
    app.call("endpoints.add_secret", json!({ "id": endpoint.id, "secret": OTHER_SECRET })).await;
    let done = app.call("messages.verify", json!({ "query": "type:user.deleted" })).await;
    assert_eq!(done["accepted"], 1, "{done} {}", app.message(forged.id()).await);
    assert!(found(&app, "email:maya@").await.contains(&forged.id()));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_search_is_answered_with_what_is_wrong() {
    let app = TestApp::start().await;
    let ask = async |args| app.try_call("messages.list", args).await.unwrap_err().message;
    assert_eq!(
        ask(json!({ "query": "tpye:x" })).await,
        "There is no field tpye. Did you mean type:x?"
    );
    assert_eq!(
        ask(json!({ "zone": "Mars/Olympus" })).await,
        "There is no time zone \"Mars/Olympus\"."
    );
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_shown_is_verified_again_however_the_search_is_written() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let event = user("user.created", "user_1", Some("maya@example.com"), "Maya", NOON);
    app.post(&endpoint, &event).await;
    app.post_signed(OTHER_SECRET, &endpoint, "msg_forged", &event).await;
    let terms = "type:user.* ".repeat(99);
    for query in [
        "",
        "status:refused \"user.created",
        "maya OR nobody",
        "(maya OR nobody",
        &terms,
        "-nobody",
    ] {
        assert!(!found(&app, query).await.is_empty(), "{query}");
        let done = app.call("messages.verify", json!({ "query": query })).await;
        assert_eq!(done["refused"], 1, "{query}: {done}");
    }
    for query in ["maya) OR (bob", "maya -"] {
        assert!(app.try_call("messages.verify", json!({ "query": query })).await.is_err());
    }
    let of_endpoint = json!({ "endpointId": endpoint.id });
    assert_eq!(app.call("messages.verify", of_endpoint).await["refused"], 1);
    assert!(app.try_call("messages.verify", json!({})).await.is_err());
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_from_beyond_the_last_or_first_id_is_empty() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    app.post(&endpoint, &user("user.created", "user_1", None, "Maya", NOON)).await;
    for (args, count) in [
        (json!({ "after": i64::MAX }), 0),
        (json!({ "after": i64::MIN }), 1),
        (json!({ "cursor": i64::MIN.to_string() }), 0),
        (json!({ "cursor": i64::MAX.to_string() }), 1),
        (json!({ "cursor": i64::MAX.to_string(), "after": 0 }), 0),
    ] {
        let page = app.call("messages.list", args.clone()).await;
        assert_eq!(page["rows"].as_array().unwrap().len(), count, "{args}");
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_is_explained_and_completed() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    app.post(&endpoint, &user("user.created", "user_1", None, "Maya", NOON)).await;
    app.post_signed(OTHER_SECRET, &endpoint, "msg_1", &deleted("user_1", NOON)).await;
    let explain = async |query: &str| app.call("messages.explain", json!({ "query": query })).await;
    let offers = async |query: &str| {
        let explained = explain(query).await;
        let texts: Vec<String> = explained["offers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|offer| offer["text"].as_str().unwrap().to_owned())
            .collect();
        texts.join(" ")
    };
    for (typed, offered) in [
        (
            "",
            "type: status: endpoint: reason: email: user: id: body: before: after: larger: smaller:",
        ),
        ("ada st", "status:"),
        ("ada -st", "status:"),
        ("status:re", "status:refused"),
        ("is:re", "is:replayed is:refused"),
        ("type:", "type:user.created type:user.deleted"),
        ("type:user.d", "type:user.deleted"),
        ("reason:", "reason:no_email reason:wrong_secret"),
        ("endpoint:", "endpoint:\"Clerk 1\""),
        ("before:", "before:today before:yesterday before:\"2 days ago\" before:\"1 week ago\""),
        ("status:refused", ""),
        ("what:", ""),
    ] {
        assert_eq!(offers(typed).await, offered, "{typed}");
    }
    let explained = explain("é -type:x (tpye:y").await;
    let terms = json!([
        { "start": 0, "end": 1, "field": null, "value": "é", "negated": false },
        { "start": 3, "end": 9, "field": "type", "value": "x", "negated": true },
        { "start": 11, "end": 17, "field": "tpye", "value": "y", "negated": false },
    ]);
    assert_eq!(explained["terms"], terms);
    let sentence = "There is no field tpye. Did you mean type:y?";
    assert_eq!(explained["problem"], json!({ "sentence": sentence, "start": 11, "end": 17 }));
    for (typed, start, end) in [
        ("a".to_owned() + &"é".repeat(2001), 2000, 2002),
        ("-".repeat(40) + "é", 40, 41),
        ("(".repeat(40) + "é", 40, 41),
    ] {
        let problem = explain(&typed).await["problem"].clone();
        assert_eq!((&problem["start"], &problem["end"]), (&json!(start), &json!(end)), "{typed}");
    }
    app.close().await;
}
