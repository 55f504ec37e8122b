//! Searching messages: each search finds the same, whether the index knows them yet or not.

use kit::app::{NOON, OTHER_SECRET, TestApp, TestEndpoint, deleted, user, waitlist};
use serde_json::{Value, json};

const DAY: i64 = 86_400_000;

/// Posts the messages that are searched and returns their ids, oldest first.
async fn messages(app: &TestApp, endpoint: &TestEndpoint) -> Vec<i64> {
    let maya =
        |kind: &str, name: &str, at| user(kind, "user_1", Some("maya@example.com"), name, at);
    let session = json!({
        "data": { "id": "sess_1", "object": "session", "user_id": "user_1", "note": "Exact words here" },
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
    ("status:refused", &[6]),
    ("refused", &[6]),
    ("status:400", &[6]),
    ("status:stale OR status:ignored", &[2, 3]),
    ("is:stale", &[2]),
    ("is:duplicate", &[0]),
    ("has:error", &[6]),
    ("has:change", &[0, 1, 4, 5, 7]),
    ("reason:wrong_secret", &[6]),
    ("reason:\"wrong secret\"", &[6]),
    ("reason:wrong*", &[6]),
    ("email:maya@", &[0, 1, 2, 6]),
    ("email:bo@example.com", &[4, 7]),
    ("email:aya", &[]),
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
    ("endpoint:other", &[]),
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

async fn all_found(app: &TestApp, ids: &[i64]) {
    for (query, places) in SEARCHES {
        let wanted: Vec<i64> = places.iter().map(|place| ids[*place]).collect();
        let own: Vec<i64> =
            found(app, query).await.into_iter().filter(|id| ids.contains(id)).collect();
        assert_eq!(own, wanted, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_the_same_before_and_after_it_is_indexed() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let ids = messages(&app, &endpoint).await;
    assert_eq!(app.number("select count(*) from message_block").await, 0);
    all_found(&app, &ids).await;
    let others: Vec<Value> =
        (0..200).map(|n| user("user.created", &format!("user_x{n}"), None, "Zed", NOON)).collect();
    app.post_all(&endpoint, &others).await;
    let last = *ids.last().unwrap();
    while app.number("select coalesce(max(last), 0) from message_block").await < last {
        tokio::task::yield_now().await;
    }
    all_found(&app, &ids).await;
    assert_eq!(found(&app, "zed").await.len(), 200);
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
