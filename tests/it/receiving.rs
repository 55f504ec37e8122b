//! From the socket to the contact: routes, refusals, repetition, waiting, and what is kept.

use kit::app::{
    NOON, OTHER_SECRET, Reply, SECRET, TestApp, TestEndpoint, at_once, deleted, event, signed,
    user, waitlist,
};
use serde_json::{Value, json};

const HOUR: i64 = 3_600_000;

fn maya() -> Value {
    user("user.created", "user_1", Some("maya@example.com"), "Maya", NOON)
}

/// Sends a body with headers that were signed for something else, or not at all.
async fn deliver(
    app: &TestApp,
    to: &TestEndpoint,
    headers: &[(String, String)],
    body: &str,
) -> Reply {
    app.send("POST", &to.path, headers, body.as_bytes()).await
}

async fn without_secret(app: &TestApp) -> TestEndpoint {
    app.endpoint_with(|args| args["secret"] = Value::Null).await
}

async fn verify(app: &TestApp, args: Value) -> (i64, i64, String) {
    let result = app.call("messages.verify", args).await;
    let number = |name: &str| result[name].as_i64().unwrap();
    (number("accepted"), number("refused"), result["sentence"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_user_becomes_a_contact() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let reply = app.post(&endpoint, &maya()).await;
    assert_eq!(reply.brief(), "200 processed", "{reply:?}");
    assert_eq!(
        app.audience().await,
        "maya@example.com user_1 Maya Okafor group=- lists=[] subscribed"
    );
    let rebuilt = app.call("app.rebuild", json!({})).await;
    assert_eq!(rebuilt, json!({ "messages": 1, "contacts": 1, "changed": 0 }));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn routes() {
    let app = TestApp::start().await;
    let path = app.endpoint().await.path;
    let page = app.send("GET", "/", &[], b"").await;
    assert_eq!(page.status, 200);
    assert!(page.head.to_lowercase().contains("content-type: text/plain"), "{}", page.head);
    assert!(page.body.as_str().unwrap().contains("Usher is listening"), "{page:?}");
    for health in ["/health", "/health?from=tunnel"] {
        let reply = app.send("GET", health, &[], b"").await;
        assert_eq!((reply.status, &reply.body), (200, &json!({ "ok": true })));
    }
    for (method, target, status, says) in [
        ("POST", "/", 405, "GET"),
        ("PUT", "/health", 405, "GET"),
        ("GET", "/favicon.ico", 404, "/in/"),
        ("GET", "/in", 404, "/in/"),
        ("POST", "/in/", 404, "/in/"),
        ("POST", "/in/ep_unknown", 404, "no such endpoint"),
        ("GET", "/in/ep_unknown", 404, "no such endpoint"),
        ("POST", &path.to_uppercase(), 404, "/in/"),
        ("POST", &format!("{path}/more"), 404, "no such endpoint"),
        ("GET", &path, 405, "POST"),
        ("PUT", &path, 405, "POST"),
        ("DELETE", &path, 405, "POST"),
        ("OPTIONS", &path, 405, "POST"),
    ] {
        let reply = app.send(method, target, &[], b"").await;
        assert_eq!(reply.status, status, "{method} {target}");
        assert!(reply.head.to_lowercase().contains("content-type: application/json"));
        assert!(!reply.head.to_lowercase().contains("location:"), "{}", reply.head);
        assert_eq!(reply.body["ok"], json!(false), "{reply:?}");
        assert!(reply.field("message").contains(says), "{method} {target}: {reply:?}");
    }
    assert_eq!(app.messages().await.len(), 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_may_end_in_a_slash_and_any_host_is_taken() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    for (number, end) in ["/", "?utm=x", "/?a=b&c=d"].iter().enumerate() {
        let body = maya().to_string();
        let headers = signed(SECRET, &format!("msg_p{number}"), NOON / 1000, body.as_bytes());
        let path = format!("{}{end}", endpoint.path);
        let reply = app.send("POST", &path, &headers, body.as_bytes()).await;
        assert_eq!(reply.status, 200, "{path} {reply:?}");
    }
    for host in ["a1b2.trycloudflare.com", "hooks.example.com:443", "192.168.1.9", "[::1]:9"] {
        let request = format!("GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let reply = app.raw(request.as_bytes()).await;
        assert_eq!((reply.status, &reply.body), (200, &json!({ "ok": true })), "{host}");
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_messages_are_kept_with_their_reason() {
    let app = TestApp::start().await;
    let here = app.endpoint().await;
    let _there = app.endpoint_with(|args| args["secret"] = json!(OTHER_SECRET)).await;
    let bare = without_secret(&app).await;
    let (body, now) = (maya().to_string(), NOON / 1000);
    let sign = |secret, at, body: &str| signed(secret, "msg_r", at, body.as_bytes());
    let lacking = |name: &str| {
        let mut headers = sign(SECRET, now, &body);
        headers.retain(|(header, _)| header != name);
        headers
    };
    let pretty = serde_json::to_string_pretty(&maya()).unwrap();
    let mut when = sign(SECRET, now, &body);
    when[3].1 = "yesterday".to_owned();
    let unknown = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let table = [
        (
            &here,
            vec![],
            body.as_str(),
            "missing_headers",
            "svix-id, svix-timestamp and svix-signature",
        ),
        (&here, lacking("svix-id"), &body, "missing_headers", "svix-id"),
        (&here, lacking("svix-timestamp"), &body, "missing_headers", "svix-timestamp"),
        (&here, lacking("svix-signature"), &body, "missing_headers", "svix-signature"),
        (&here, when, &body, "bad_timestamp", "yesterday"),
        (&here, sign(SECRET, now - 360, &body), &body, "clock_skew", "6 minutes ago"),
        (&here, sign(SECRET, now + 360, &body), &body, "clock_skew", "6 minutes in the future"),
        (&here, sign(unknown, now, &body), &body, "wrong_secret", "Signing Secret"),
        (&here, sign(SECRET, now, &body), &pretty, "body_altered", "changed on its way"),
        (&bare, sign(SECRET, now, &body), &body, "no_secret", "no signing secret"),
        (&here, sign(SECRET, now, "{\n oops"), "{\n oops", "not_json", "at line 2, column 2."),
        (&here, sign(SECRET, now, "[1]"), "[1]", "not_json", "not an object"),
        (&here, sign(SECRET, now, ""), "", "not_json", "not JSON"),
    ];
    for (place, (endpoint, headers, body, reason, says)) in table.into_iter().enumerate() {
        let reply = deliver(&app, endpoint, &headers, body).await;
        assert_eq!(reply.brief(), format!("400 refused/{reason}"), "{place} {reply:?}");
        assert_eq!(reply.body["ok"], json!(false));
        let kept = app.message(reply.id()).await;
        assert_eq!(app.kept(reply.id()).await, format!("400 refused/{reason}"));
        assert_eq!(kept["bodyText"], json!(body));
        assert_eq!(kept["verification"]["verified"], json!(false));
        for sentence in [reply.field("message"), kept["sentence"].as_str().unwrap()] {
            assert!(sentence.contains(says), "{place} {reason}: {sentence}");
            assert!(sentence.ends_with('.') && !sentence.ends_with(".."), "{sentence}");
            assert!(sentence.matches("The body is").count() <= 1, "{sentence}");
        }
    }
    assert_eq!(app.audience().await, "");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_another_endpoint_is_named_on_screen_only() {
    let app = TestApp::start().await;
    let here = app.endpoint().await;
    let _there = app
        .endpoint_with(|args| {
            args["secret"] = json!(OTHER_SECRET);
            args["name"] = json!("Shop");
        })
        .await;
    let other = app.post_signed(OTHER_SECRET, &here, "msg_o", &maya()).await;
    let unknown = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let wrong = app.post_signed(unknown, &here, "msg_w", &maya()).await;
    assert_eq!(other.brief(), "400 refused/wrong_secret");
    assert_eq!(other.field("message"), wrong.field("message"));
    let kept = app.message(other.id()).await;
    assert_eq!(kept["reason"], json!("other_endpoints_secret"));
    assert!(kept["sentence"].as_str().unwrap().contains("Shop"), "{kept}");
    assert_eq!(kept["answer"].as_str(), Some(other.field("message")), "what Clerk was told");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_is_answered_413_and_kept_without_its_body() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let body = format!("{{\"type\":\"{}\"}}", "x".repeat(1024 * 1024));
    let headers = signed(SECRET, "msg_large", NOON / 1000, body.as_bytes());
    let reply = deliver(&app, &endpoint, &headers, &body).await;
    assert_eq!(reply.brief(), "413 refused/too_large", "{reply:?}");
    assert!(reply.field("message").contains("1048576"), "{reply:?}");
    let kept = app.message(reply.id()).await;
    assert_eq!((&kept["svixId"], &kept["bodyText"]), (&json!("msg_large"), &json!("")));
    assert_eq!(kept["bodySize"], body.len());
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_minutes_either_way_and_both_families_of_headers() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    for (away, family, brief) in [
        (0, "svix", "200 processed"),
        (300, "svix", "200 duplicate/same_content"),
        (-300, "webhook", "200 duplicate/same_content"),
        (301, "webhook", "400 refused/clock_skew"),
        (-301, "svix", "400 refused/clock_skew"),
    ] {
        let body = maya().to_string();
        let id = format!("msg_{away}");
        let mut headers = signed(SECRET, &id, NOON / 1000 + away, body.as_bytes());
        for (name, _) in &mut headers {
            *name = name.replace("svix-", &format!("{family}-"));
        }
        let reply = deliver(&app, &endpoint, &headers, &body).await;
        assert_eq!(reply.brief(), brief, "{away}");
        let kept = app.message(reply.id()).await;
        assert_eq!(kept["svixId"], json!(id));
        if reply.status == 200 {
            assert_eq!(kept["verification"]["ageS"], json!(-away));
        }
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_after_the_commit() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    for number in 1..=20 {
        let reply = app.post(&endpoint, &maya()).await;
        assert_eq!(reply.status, 200);
        assert_eq!(app.number("select count(*) from message").await, number);
        assert_eq!(app.number("select max(message_id) from message_body").await, reply.id());
        assert_eq!(app.message(reply.id()).await["bodyText"], json!(maya().to_string()));
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_twice_is_one_message() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let first = app.post_as(&endpoint, "msg_1", &maya()).await;
    app.clock.advance(5_000);
    let again = app.post_as(&endpoint, "msg_1", &maya()).await;
    assert_eq!(again.brief(), "200 duplicate/same_id");
    assert_eq!(again.id(), first.id());
    let kept = app.message(first.id()).await;
    assert_eq!(app.messages().await.len(), 1);
    assert_eq!(
        json!([
            kept["outcome"],
            kept["duplicates"],
            kept["lastDuplicateAt"],
            kept["alteredDuplicate"]
        ]),
        json!(["processed", 1, NOON + 5_000, false])
    );
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_body_under_the_same_id_is_flagged_and_the_first_stays() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let first = app.post_as(&endpoint, "msg_1", &maya()).await;
    let other = user("user.updated", "user_1", Some("maya@example.com"), "Mallory", NOON + 9);
    let again = app.post_as(&endpoint, "msg_1", &other).await;
    assert_eq!((again.brief().as_str(), again.id()), ("200 duplicate/same_id", first.id()));
    assert!(again.field("message").contains("different body"), "{again:?}");
    let kept = app.message(first.id()).await;
    assert_eq!(kept["alteredDuplicate"], json!(true));
    assert_eq!(kept["bodyText"], json!(maya().to_string()));
    assert_eq!(app.contact("maya@example.com").await["firstName"], json!("Maya"));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_copies_at_once_are_one_message() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let body = maya();
    let replies = at_once((0..30).map(|_| app.post_as(&endpoint, "msg_1", &body))).await;
    let count = |brief: &str| replies.iter().filter(|reply| reply.brief() == brief).count();
    assert_eq!((count("200 processed"), count("200 duplicate/same_id")), (1, 29));
    let messages = app.messages().await;
    assert_eq!((messages.len(), &messages[0]["duplicates"]), (1, &json!(29)));
    assert_eq!(app.contacts().await.len(), 1);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_message_does_not_take_the_id_of_the_real_one() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let forged = app.post_signed(OTHER_SECRET, &endpoint, "msg_1", &deleted("user_1", NOON)).await;
    assert_eq!(forged.brief(), "400 refused/wrong_secret");
    let real = app.post_as(&endpoint, "msg_1", &maya()).await;
    assert_eq!(real.brief(), "200 processed");
    let late = app.post_signed(OTHER_SECRET, &endpoint, "msg_1", &maya()).await;
    assert_eq!(late.brief(), "400 refused/wrong_secret");
    assert_eq!(app.message(real.id()).await["duplicates"], json!(0));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_under_two_ids_happens_once() {
    let app = TestApp::start().await;
    let (one, two) = (app.endpoint().await, app.endpoint().await);
    let environment = one.environment_id;
    let first = app.post_as(&one, "msg_1", &maya()).await;
    let rotated = app.post_as(&one, "msg_2", &maya()).await;
    let elsewhere = app.post_as(&two, "msg_1", &maya()).await;
    assert_eq!(first.brief(), "200 processed");
    assert_eq!(rotated.brief(), "200 duplicate/same_content");
    assert_eq!(elsewhere.brief(), "200 duplicate/same_content", "ids belong to an endpoint");
    assert_eq!(app.messages().await.len(), 3);
    let events = app.call("events.list", json!({ "environmentId": environment })).await;
    assert_eq!(json!([events[0]["name"], events[0]["count"]]), json!(["clerk.user.created", 1]));
    let contact = app.contact("maya@example.com").await;
    assert_eq!(app.timeline(&contact["id"]).await.len(), 1);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_acted_on_is_kept_and_answered_200() {
    let app = TestApp::start().await;
    let endpoint =
        app.endpoint_with(|args| event(args, "user.updated")["enabled"] = json!(false)).await;
    for (body, brief) in [
        (
            json!({ "type": "session.created", "data": { "id": "sess_1" } }),
            "200 ignored/not_handled",
        ),
        (json!({ "type": "comet.sighted", "data": {} }), "200 ignored/not_handled"),
        (json!({ "type": "session.created" }), "200 ignored/not_handled"),
        (json!({ "data": { "id": "user_1" } }), "200 ignored/no_type"),
        (json!({}), "200 ignored/no_type"),
        (
            json!({ "type": "user.created", "data": { "first_name": "Nobody" } }),
            "200 ignored/no_id",
        ),
        (
            user("user.updated", "user_1", Some("maya@example.com"), "Maya", NOON),
            "200 off/switched_off",
        ),
    ] {
        let reply = app.post(&endpoint, &body).await;
        assert_eq!(reply.brief(), brief, "{body}");
        assert!(reply.field("message").ends_with('.'), "{reply:?}");
        assert_eq!(app.kept(reply.id()).await, brief);
        assert_eq!(app.message(reply.id()).await["touched"], json!([]));
    }
    assert_eq!(app.audience().await, "");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_endpoint_keeps_messages_until_it_is_resumed() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    app.call("endpoints.update", json!({ "id": endpoint.id, "paused": true })).await;
    let mut ids = Vec::new();
    for (number, name) in ["Maya", "May", "M"].iter().enumerate() {
        let at = NOON + i64::try_from(number).unwrap() * 1000;
        let body = user("user.updated", "user_1", Some("maya@example.com"), name, at);
        let reply = app.post(&endpoint, &body).await;
        assert_eq!(reply.brief(), "200 waiting/paused");
        ids.push(reply.id());
    }
    let skipped = app.post(&endpoint, &json!({ "type": "session.created" })).await;
    assert_eq!(skipped.brief(), "200 ignored/not_handled", "nothing to wait for");
    assert_eq!(app.audience().await, "");
    let app = app.restart().await;
    let (accepted, refused, sentence) = verify(&app, json!({ "ids": ids })).await;
    assert_eq!((accepted, refused), (0, 0));
    assert_eq!(sentence, "3 messages are trusted and wait until the endpoint is resumed.");
    assert_eq!(app.kept(ids[0]).await, "200 waiting/paused");
    app.call("endpoints.update", json!({ "id": endpoint.id, "paused": false })).await;
    for id in &ids {
        assert_eq!(app.kept(*id).await, "200 processed");
    }
    let contact = app.contact("maya@example.com").await;
    assert_eq!(
        app.timeline(&contact["id"]).await[1..],
        [
            "Updated (user.updated): firstName Maya > May",
            "Updated (user.updated): firstName May > M"
        ]
    );
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_is_judged_and_rebuilt_by_the_same_settings() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    app.call("endpoints.update", json!({ "id": endpoint.id, "paused": true })).await;
    app.post(&endpoint, &maya()).await;
    let mut settings =
        app.call("endpoints.show", json!({ "id": endpoint.id })).await["settings"].clone();
    settings["events"][0]["userGroup"] = json!("Beta");
    let resumed = json!({ "id": endpoint.id, "paused": false, "settings": settings });
    app.call("endpoints.update", resumed).await;
    let before = app.audience().await;
    assert_eq!(app.changed_by_rebuild().await, 0, "{before}\n{}", app.audience().await);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_secret_messages_are_kept_and_verified_later() {
    let app = TestApp::start().await;
    let endpoint = without_secret(&app).await;
    let early = app.post_as(&endpoint, "msg_1", &maya()).await;
    let forged = app.post_signed(OTHER_SECRET, &endpoint, "msg_2", &deleted("user_1", NOON)).await;
    assert_eq!(early.brief(), "400 refused/no_secret");
    app.clock.advance(7 * HOUR);
    let nothing = verify(&app, json!({ "endpointId": endpoint.id })).await;
    assert_eq!((nothing.0, nothing.1), (0, 2));
    app.call("endpoints.add_secret", json!({ "id": endpoint.id, "secret": SECRET })).await;
    let (accepted, refused, sentence) = verify(&app, json!({ "endpointId": endpoint.id })).await;
    assert_eq!((accepted, refused), (1, 1));
    assert_eq!(sentence, "1 message is trusted now and was processed, 1 message is still refused.");
    let kept = app.message(early.id()).await;
    assert_eq!(kept["outcome"], json!("processed"));
    assert_eq!(kept["verification"]["verified"], json!(true));
    assert_eq!(kept["verification"]["ageS"], json!(0));
    let steps = kept["steps"].as_array().unwrap();
    let titles: Vec<_> = steps.iter().map(|step| step["title"].as_str().unwrap()).collect();
    assert_eq!(titles[..3], ["Refused at first", "Stored durably", "Verified again"]);
    assert_eq!(titles.last(), Some(&"Answered 400"));
    let shown = app.call("endpoints.show", json!({ "id": endpoint.id })).await;
    assert_eq!(shown["signingSecrets"][0]["lastVerifiedAt"], NOON, "{shown}");
    assert_eq!(app.message(forged.id()).await["reason"], json!("wrong_secret"));
    assert_eq!(app.contact("maya@example.com").await["userId"], json!("user_1"));
    let retry = app.post_as(&endpoint, "msg_1", &maya()).await;
    assert_eq!((retry.brief().as_str(), retry.id()), ("200 duplicate/same_id", early.id()));
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_late_when_it_came_stays_late() {
    let app = TestApp::start().await;
    let endpoint = without_secret(&app).await;
    let body = maya().to_string();
    let headers = signed(SECRET, "msg_1", NOON / 1000 - 400, body.as_bytes());
    let reply = deliver(&app, &endpoint, &headers, &body).await;
    app.call("endpoints.add_secret", json!({ "id": endpoint.id, "secret": SECRET })).await;
    assert_eq!(verify(&app, json!({ "ids": [reply.id()] })).await.1, 1);
    assert_eq!(app.message(reply.id()).await["reason"], json!("clock_skew"));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_message_is_not_doubled_when_its_retry_came_first() {
    let app = TestApp::start().await;
    let endpoint = without_secret(&app).await;
    let early = app.post_as(&endpoint, "msg_1", &maya()).await;
    app.call("endpoints.add_secret", json!({ "id": endpoint.id, "secret": SECRET })).await;
    app.clock.advance(HOUR);
    let retry = app.post_as(&endpoint, "msg_1", &maya()).await;
    assert_eq!(retry.brief(), "200 processed");
    let (.., sentence) = verify(&app, json!({ "ids": [early.id()] })).await;
    assert_eq!(sentence, "1 message was received before under the same id.");
    assert_eq!(app.kept(early.id()).await, "400 duplicate/same_id");
    let message = app.message(early.id()).await;
    assert_eq!(message["againstId"], retry.id());
    assert_eq!(message["verification"]["verified"], json!(true));
    assert_eq!(message["steps"][2]["title"], "Verified again");
    let contact = app.contact("maya@example.com").await;
    assert_eq!(app.timeline(&contact["id"]).await.len(), 1);
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_again_twice_at_once_does_it_once() {
    let app = TestApp::start().await;
    let endpoint = without_secret(&app).await;
    let early = app.post(&endpoint, &maya()).await;
    app.call("endpoints.add_secret", json!({ "id": endpoint.id, "secret": SECRET })).await;
    let ids = json!({ "ids": [early.id(), early.id()] });
    at_once((0..8).map(|_| app.call("messages.verify", ids.clone()))).await;
    assert_eq!(app.message(early.id()).await["outcome"], json!("processed"));
    let paused = |on: bool| json!({ "id": endpoint.id, "paused": on });
    app.call("endpoints.update", paused(true)).await;
    let body = user("user.updated", "user_1", Some("maya@example.com"), "May", NOON + 1);
    let waiting = app.post(&endpoint, &body).await;
    at_once((0..4).map(|_| app.call("endpoints.update", paused(false)))).await;
    assert_eq!(app.kept(waiting.id()).await, "200 processed");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_waiting_when_an_endpoint_is_resumed_in_a_burst() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    for round in 0..10 {
        app.call("endpoints.update", json!({ "id": endpoint.id, "paused": true })).await;
        let burst = async |place: i64| {
            if place == 6 {
                app.call("endpoints.update", json!({ "id": endpoint.id, "paused": false })).await;
            } else {
                let at = NOON + round * 100 + place;
                let body = user("user.updated", "user_1", Some("maya@example.com"), "Maya", at);
                assert_eq!(app.post(&endpoint, &body).await.status, 200);
            }
        };
        at_once((0..12).map(burst)).await;
        let waiting = app.call("messages.count", json!({ "query": "waiting" })).await;
        assert_eq!(waiting["count"], json!(0), "round {round}");
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nothing_can_be_stored_the_answer_is_503_and_it_recovers() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    app.sql("alter table message_body rename to elsewhere").await;
    let reply = app.post_as(&endpoint, "msg_1", &maya()).await;
    assert_eq!((reply.status, &reply.body["id"]), (503, &Value::Null), "{reply:?}");
    assert!(reply.head.to_lowercase().contains("retry-after:"), "{}", reply.head);
    assert!(reply.field("message").contains("could not store"), "{reply:?}");
    assert_eq!(app.number("select count(*) from message").await, 0);
    app.sql("alter table elsewhere rename to message_body").await;
    let retry = app.post_as(&endpoint, "msg_1", &maya()).await;
    assert_eq!(retry.brief(), "200 processed");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_projecting_fails_the_message_says_so_and_is_processed_later() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    app.sql("alter table seen_email rename to elsewhere").await;
    let failed = app.post(&endpoint, &maya()).await;
    assert_eq!(failed.brief(), "200 failed/processing");
    let ignored = app.post(&endpoint, &json!({ "type": "session.created" })).await;
    assert_eq!(ignored.brief(), "200 ignored/not_handled");
    app.sql("alter table elsewhere rename to seen_email").await;
    assert_eq!(verify(&app, json!({ "ids": [failed.id()] })).await.0, 1);
    assert_eq!(app.kept(failed.id()).await, "200 processed");
    assert_eq!(app.contacts().await.len(), 1);
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_messages_are_bounded_in_number_and_the_newest_stay() {
    let app = TestApp::start().await;
    let (endpoint, other) = (app.endpoint().await, app.endpoint().await);
    let good = app.post(&endpoint, &maya()).await;
    let elsewhere = deliver(&app, &other, &[], "{}").await;
    let pinned = deliver(&app, &endpoint, &[], "{}").await.id();
    let pin = json!({ "which": { "ids": [pinned] }, "pinned": true });
    app.call("messages.pin", pin).await;
    let mut newest = 0;
    for _ in 0..44 {
        app.clock.advance(3_000);
        let replies = at_once((0..24).map(|_| deliver(&app, &endpoint, &[], "{}"))).await;
        newest = replies.iter().map(Reply::id).max().unwrap();
    }
    let kept =
        app.number("select count(*) from message where accepted = 0 and endpoint_id = 1").await;
    let oldest = app
        .number("select min(id) from message where pinned = 0 and accepted = 0 and endpoint_id = 1")
        .await;
    assert_eq!((kept, oldest), (1001, newest - 999));
    assert_eq!(app.number("select count(*) from message_body").await, 1003);
    assert_eq!(app.kept(pinned).await, "400 refused/missing_headers");
    assert_eq!(app.kept(good.id()).await, "200 processed");
    assert_eq!(app.kept(elsewhere.id()).await, "400 refused/missing_headers");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_forgeries_is_counted_and_not_kept() {
    let app = TestApp::start().await;
    let (endpoint, other) = (app.endpoint().await, app.endpoint().await);
    let forged = signed(OTHER_SECRET, "msg_forged", NOON / 1000, b"{}");
    let mut kept = 0;
    for _ in 0..20 {
        let replies = at_once((0..15).map(|_| deliver(&app, &endpoint, &forged, "{}"))).await;
        for reply in replies {
            assert_eq!(reply.brief(), "400 refused/wrong_secret");
            assert!(reply.field("message").contains("does not match"), "{reply:?}");
            kept += i32::from(!reply.body["id"].is_null());
        }
    }
    assert_eq!(kept, 200, "a burst");
    assert_eq!(deliver(&app, &other, &forged, "{}").await.id(), 201, "of each endpoint");
    assert_eq!(app.post(&endpoint, &maya()).await.brief(), "200 processed");

    app.clock.advance(500);
    let later = at_once((0..9).map(|_| deliver(&app, &endpoint, &forged, "{}"))).await;
    let kept = later.iter().filter(|reply| !reply.body["id"].is_null()).count();
    assert_eq!(kept, 5, "ten a second");
    let endpoint_id = endpoint.id;
    let app = app.restart().await;
    let unkept = app.call("endpoints.show", json!({ "id": endpoint_id })).await["unkept"].clone();
    assert_eq!(unkept, json!({ "count": 104, "firstAt": NOON, "lastAt": NOON + 500 }));
    let unkept = app.call("endpoints.show", json!({ "id": other.id })).await["unkept"].clone();
    assert_eq!(unkept, Value::Null);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_kept_is_counted_even_when_nothing_can_be_stored() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let forged = signed(OTHER_SECRET, "msg_forged", NOON / 1000, b"{}");
    app.sql("alter table message rename to elsewhere").await;
    let mut counted = 0;
    for _ in 0..205 {
        let reply = deliver(&app, &endpoint, &forged, "{}").await;
        counted += i64::from(reply.status == 400);
    }
    assert_eq!(counted, 5, "the others were to be kept, and were answered 503");
    app.clock.advance(1_000);
    assert_eq!(deliver(&app, &endpoint, &forged, "{}").await.status, 503);
    app.sql("alter table elsewhere rename to message").await;
    assert_eq!(app.post(&endpoint, &maya()).await.brief(), "200 processed");
    let id = endpoint.id;
    let app = app.restart().await;
    let unkept = app.call("endpoints.show", json!({ "id": id })).await["unkept"].clone();
    assert_eq!(unkept, json!({ "count": 5, "firstAt": NOON, "lastAt": NOON }));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_messages_are_bounded_in_size_too() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(deliver(&app, &endpoint, &[], "{}").await.id());
    }
    app.sql("update message set body_size = 17 * 1024 * 1024").await;
    ids.push(deliver(&app, &endpoint, &[], "{}").await.id());
    assert_eq!(app.number("select count(*) from message").await, 2, "17 MiB fit, 34 do not");
    for (id, stays) in ids.into_iter().zip([false, false, true, true]) {
        assert_eq!(app.try_call("messages.show", json!({ "id": id })).await.is_ok(), stays);
    }
    app.close().await;
}

/// One body of each type Clerk publishes.
const EXAMPLES: &str = include_str!("../fixtures/clerk-examples.json");

#[tokio::test(flavor = "multi_thread")]
async fn every_published_example_has_the_right_outcome() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    for example in serde_json::from_str::<Vec<Value>>(EXAMPLES).unwrap() {
        let expect = &example["expect"];
        let brief = match (expect["fact"].as_str(), expect["no_email"].as_str()) {
            (None, _) => "200 ignored/not_handled",
            (Some(_), Some(_)) => "200 no_email/no_email",
            (Some("user_deleted" | "user" | "waitlist"), None) => "200 processed",
            (Some(fact), None) => panic!("{fact}"),
        };
        let reply = app.post(&endpoint, &example["body"]).await;
        assert_eq!(reply.brief(), brief, "{}", example["type"]);
        let kept = app.message(reply.id()).await;
        assert_eq!(kept["type"], example["type"]);
        assert_eq!(kept["instanceId"], example["body"]["instance_id"]);
        if expect["fact"].is_null() {
            assert_eq!(kept["subject"], expect["subject"], "{}", example["type"]);
        }
    }
    assert_eq!(app.audience().await, "wren.ito@example.com - - - group=- lists=[] subscribed");
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_passes_through_the_listener() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    for sample in app.call("tests.catalogue", json!({})).await.as_array().unwrap() {
        let made = app.call("tests.make", json!({ "type": sample["name"], "person": 7 })).await;
        let args = json!({ "endpointId": endpoint.id, "body": made["body"] });
        let sent = app.call("tests.send", args).await;
        assert_eq!(sent["status"], json!(200), "{sample} {sent}");
        let kept = app.message(sent["messageId"].as_i64().unwrap()).await;
        assert_eq!((&kept["test"], &kept["type"]), (&json!(true), &sample["type"]), "{kept}");
        let headers = kept["headers"].as_array().unwrap();
        assert!(headers.iter().all(|header| header["name"] != "x-usher-test"), "{kept}");
    }
    let environments = app.call("environments.list", json!({})).await;
    assert_eq!(environments[0]["instanceId"], Value::Null, "samples are not of an instance");
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_instance_is_remembered_and_others_are_flagged() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let mut other = waitlist("waitlistEntry.created", "wle_1", "ada@example.com", "pending", NOON);
    other["instance_id"] = json!("ins_other");
    let first = app.post(&endpoint, &maya()).await;
    let second = app.post(&endpoint, &other).await;
    let environments = app.call("environments.list", json!({})).await;
    assert_eq!(environments[0]["instanceId"], json!("ins_test"));
    assert_eq!(app.message(first.id()).await["otherInstance"], json!(false));
    assert_eq!(app.message(second.id()).await["otherInstance"], json!(true));
    app.close().await;
}
