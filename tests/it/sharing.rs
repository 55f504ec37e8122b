//! Taking messages elsewhere, sending them again, and pinning them.

use std::fs;
use std::path::Path;
use std::process::Command;

use kit::app::{NOON, OTHER_SECRET, TestApp, user};
use serde_json::{Value, json};
use usher_engine::share::acts_on_a_terminal;

fn maya() -> Value {
    user("user.created", "user_1", Some("maya@example.com"), "Ma'ya \\ \"M\" $HOME", NOON)
}

async fn copied(app: &TestApp, id: i64, format: &str, redacted: bool) -> String {
    let asked = json!({ "which": { "ids": [id] }, "format": format, "redacted": redacted });
    app.call("messages.copy", asked).await["text"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_command_runs_as_pasted() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let first = app.post_signed(OTHER_SECRET, &endpoint, "msg_1", &maya()).await;
    assert_eq!(first.status, 400);
    let command = copied(&app, first.id(), "curl", false).await;
    let run = tokio::task::spawn_blocking(move || {
        Command::new("sh").args(["-c", &format!("{command} -s")]).output().unwrap()
    });
    let answer: Value = serde_json::from_slice(&run.await.unwrap().stdout).unwrap();
    assert_eq!(answer["outcome"], "processed", "{answer}");
    assert_eq!(app.contact("maya@example.com").await["firstName"], "Ma'ya \\ \"M\" $HOME");
    app.close().await;
}

/// What the message that a copied command makes holds; the command is read by a shell from a file, as
/// from a terminal.
async fn ran(app: &TestApp, command: String) -> Value {
    let file = app.dir().join("command.sh");
    fs::write(&file, format!("{command} -s")).unwrap();
    let run = tokio::task::spawn_blocking(move || Command::new("sh").arg(file).output().unwrap());
    let run = run.await.unwrap();
    assert!(run.status.success(), "{run:?}");
    let answer: Value = serde_json::from_slice(&run.stdout).unwrap();
    app.message(answer["id"].as_i64().unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_command_sends_the_body_whatever_it_begins_with_and_however_long_it_is() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let mut long = maya();
    long["data"]["about"] = json!("it's long ".repeat(30_000));
    let bodies =
        ["@/etc/hostname", "<(id)", "\\", "-\u{3}%s\\0é\u{85}'\r\nid\u{1b}[0m", &long.to_string()];
    for body in bodies {
        let first = app.send("POST", &endpoint.path, &[], body.as_bytes()).await;
        let command = copied(&app, first.id(), "curl", false).await;
        assert!(!command.contains(acts_on_a_terminal), "{command}");
        let message = ran(&app, command).await;
        assert_ne!(message["id"], first.id());
        assert!(message["bodyText"] == body, "{}", message["bodySize"]);
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_text_is_copied_as_base64_or_not_at_all() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let first = app.send("POST", &endpoint.path, &[], b"\xff\xfe{}").await.id();
    for format in ["curl", "fetch", "http"] {
        let asked = json!({ "which": { "ids": [first] }, "format": format, "redacted": false });
        let refused = app.try_call("messages.copy", asked).await.unwrap_err().message;
        assert!(refused.starts_with("Its body is not text."), "{format}: {refused}");
    }
    let json: Value = serde_json::from_str(&copied(&app, first, "json", false).await).unwrap();
    assert_eq!((&json["body"], &json["bodyEncoding"]), (&json!("//57fQ=="), &json!("base64")));
    let har: Value = serde_json::from_str(&copied(&app, first, "har", false).await).unwrap();
    let posted = &har["log"]["entries"][0]["request"]["postData"];
    assert_eq!((&posted["text"], &posted["encoding"]), (&json!("//57fQ=="), &json!("base64")));
    let redacted = copied(&app, first, "curl", true).await;
    assert!(redacted.contains("bytes that cannot be taken apart as JSON"), "{redacted}");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_holds_a_body_to_the_letter() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    for body in [r#"{"b":12345678901234567890123,"b":1e400,"a":"\ud800"}"#, "no JSON", ""] {
        let message = app.send("POST", &endpoint.path, &[], body.as_bytes()).await.id();
        let copy = copied(&app, message, "json", false).await;
        let written = if body.starts_with('{') { body.to_owned() } else { json!(body).to_string() };
        assert!(copy.contains(&format!("\"body\": {written}\n")), "{copy}");
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_too_large_has_its_size_and_is_not_sent_as_nothing() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let large = vec![b' '; 1_100_000];
    let id = app.send("POST", &endpoint.path, &[], &large).await;
    assert_eq!(id.status, 413);
    let id =
        app.call("messages.list", json!({ "query": "larger:1m" })).await["rows"][0]["id"].clone();
    for format in ["curl", "fetch", "http"] {
        let asked = json!({ "which": { "ids": [id] }, "format": format, "redacted": false });
        let error = app.try_call("messages.copy", asked).await.unwrap_err();
        assert_eq!(error.message, "Its body was too large and was not kept.", "{format}");
    }
    let asked = json!({ "which": { "ids": [id] }, "sameId": false, "refused": true });
    let replayed = app.call("messages.replay", asked).await;
    let sentence = replayed["sentence"].as_str().unwrap();
    assert!(sentence.ends_with("Its body was too large and was not kept."), "{sentence}");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_http_is_accepted_as_it_is() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let first = app.post(&endpoint, &maya()).await;
    let text = copied(&app, first.id(), "http", false).await;
    let text = text.replacen("\r\n\r\n", "\r\nconnection: close\r\n\r\n", 1);
    assert_eq!(app.raw(text.as_bytes()).await.brief(), "200 duplicate/same_id");
    let fetch = copied(&app, first.id(), "fetch", false).await;
    assert!(
        fetch.starts_with("await fetch(\"http://") && fetch.contains("\"svix-signature\": \"v1,")
    );
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redacted_nothing_of_a_person_is_left_and_what_belonged_together_still_does() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let mut body = maya();
    body["data"]["private_metadata"] = json!({ "ssn_of_maya": 123_456_789, "plan": "gold" });
    body["data"]["again"] = json!({ "address": "maya@example.com", "phone": "+14155550123" });
    body["event_attributes"] = json!({ "http_request": { "client_ip": "203.0.113.7" } });
    let first = app.post(&endpoint, &body).await;
    let private = [
        "maya",
        "Ma'ya",
        "user_1",
        "ins_test",
        "123456789",
        "gold",
        "4155550123",
        "203.0.113.7",
        "ssn",
        endpoint.path.trim_start_matches("/in/"),
    ];
    for format in ["curl", "fetch", "http", "json", "har"] {
        let text = copied(&app, first.id(), format, true).await;
        for word in private {
            assert!(
                !text.to_lowercase().contains(&word.to_lowercase()),
                "{word} in {format}: {text}"
            );
        }
        assert!(text.contains("user.created"), "{format}: {text}");
    }
    let json: Value = serde_json::from_str(&copied(&app, first.id(), "json", true).await).unwrap();
    let data = &json["body"]["data"];
    assert_eq!(data["again"]["address"], data["email_addresses"][0]["email_address"], "{data}");
    assert_eq!(data["created_at"], body["data"]["created_at"]);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redacted_nothing_is_left_of_a_body_or_head_that_is_not_as_clerks() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let body = json!({
        "type": "user.created maya@example.com", "object": "event", "maya@example.com": 1,
        "data": {
            "object": "user", "status": "Maya-Okafor", "role": "maya.okafor", "locale": "en-US",
            "strategy": "oauth_google", "provider": "oauth_maya", "level": "AKIAMAYA",
            "phone": 4_915_112_345_678_i64, "otp_code": 424_242, "created_at": NOON,
            "claims": { "bob@example.com": 424_242 }, "metadata": { "ssn": 424_242 },
            "public_metadata": [424_242, "okafor"], "privateMetadata": "okafor", "MayaKey": true,
        },
    });
    let headers = [
        ("User-Agent", "MayaApp (maya@example.com; 203.0.113.9)"),
        ("Accept", "application/maya"),
        ("Content-Type", "application/json; of=maya"),
        ("X-Maya", "1"),
        ("Cookie", "session=maya"),
        ("Accept-Encoding", "gzip, br"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let body = body.to_string();
    let first = app.send("POST", &endpoint.path, &headers, body.as_bytes()).await.id();
    let gone = ["maya", "okafor", "bob", "424242", "4915112345678", "203.0.113.9", "ssn", "akia"];
    let stays = ["en-US", "oauth_google", "gzip, br", "\"user\"", "\"event\""];
    for format in ["curl", "http", "json", "har"] {
        let text = copied(&app, first, format, true).await.replace('\\', "");
        for word in gone {
            assert!(!text.to_lowercase().contains(word), "{word} in {format}: {text}");
        }
        for word in stays.iter().chain([&NOON.to_string().as_str()]) {
            assert!(text.contains(word), "{word} is not in {format}: {text}");
        }
        let lengths = text.to_lowercase().matches("content-length").count();
        assert_eq!(lengths, usize::from(format == "http"), "{format}: {text}");
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_holds_all_that_a_search_finds() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    app.post(&endpoint, &maya()).await;
    app.post(&endpoint, &user("user.updated", "user_1", Some("maya@example.com"), "May", NOON + 1))
        .await;
    let asked = json!({ "which": { "query": "maya" }, "format": "har", "redacted": false });
    let text = app.call("messages.copy", asked).await["text"].as_str().unwrap().to_owned();
    let har: Value = serde_json::from_str(&text).unwrap();
    let entries = har["log"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0]["startedDateTime"], "2026-05-12T12:00:00Z");
    assert_eq!(entries[0]["response"]["status"], 200);
    let many = json!({ "which": { "query": "maya" }, "format": "curl", "redacted": false });
    let refused = app.try_call("messages.copy", many).await.unwrap_err().message;
    assert_eq!(refused, "These are 2 messages; only one is copied in this form.");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_saved_among_the_downloads_and_overwrites_nothing() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    app.post(&endpoint, &maya()).await;
    let asked =
        |format| json!({ "which": { "query": "maya" }, "format": format, "redacted": false });
    let nowhere = app.try_call("messages.save", asked("har")).await.unwrap_err().message;
    assert!(nowhere.contains("neither a Downloads folder nor a home folder"), "{nowhere}");
    let downloads = app.home().join("Downloads");
    fs::create_dir_all(&downloads).unwrap();
    let saved = app.call("messages.save", asked("har")).await;
    let again = app.call("messages.save", asked("har")).await;
    assert_eq!((&saved["count"], &again["count"]), (&json!(1), &json!(1)));
    let path = Path::new(saved["path"].as_str().unwrap());
    let name = path.file_name().unwrap().to_str().unwrap();
    assert_eq!((path.parent(), name.len()), (Some(downloads.as_path()), 34), "{saved}");
    assert!(name.starts_with("usher-messages-2026-05-1") && name.ends_with(".har"), "{name}");
    assert_eq!(saved["shown"], format!("~/Downloads/{name}"));
    assert_eq!(
        again["shown"],
        format!("~/Downloads/{}-2.har", path.file_stem().unwrap().display())
    );
    let har: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(har["log"]["entries"][0]["response"]["status"], 200);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let refused = app.try_call("messages.save", asked("curl")).await.unwrap_err().message;
    assert!(refused.starts_with("Only HAR and JSON are saved."), "{refused}");
    let none = json!({ "which": { "query": "leo" }, "format": "har", "redacted": false });
    assert!(app.try_call("messages.save", none).await.is_err());
    let person = |number| user("user.created", &format!("user_{number}"), None, "Pat", NOON);
    app.post_all(&endpoint, &(10..1010).map(person).collect::<Vec<_>>()).await;
    let many = json!({ "which": { "query": "" }, "format": "har", "redacted": false });
    let refused = app.try_call("messages.save", many).await.unwrap_err().message;
    assert!(refused.starts_with("These are 1001 messages, and at most 1000"), "{refused}");
    assert_eq!(fs::read_dir(downloads).unwrap().count(), 2);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_signed_anew_and_linked_to_its_origin() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let first = app.post_as(&endpoint, "msg_1", &maya()).await.id();
    app.clock.advance(3_600_000);
    let replay = async |same_id| {
        let asked = json!({ "which": { "ids": [first] }, "sameId": same_id });
        app.call("messages.replay", asked).await
    };
    let same = replay(true).await;
    assert_eq!((&same["sent"], &same["messageId"]), (&json!(1), &json!(first)), "{same}");
    assert_eq!(app.message(first).await["duplicates"], 1);
    let fresh = replay(false).await;
    let said =
        "1 message was sent again. Says exactly what an earlier message said; nothing to do.";
    assert_eq!(fresh["sentence"], said);
    let fresh = app.message(fresh["messageId"].as_i64().unwrap()).await;
    assert_eq!((&fresh["originId"], &fresh["test"]), (&json!(first), &json!(true)), "{fresh}");
    assert_eq!(fresh["outcome"], "duplicate");
    let none = json!({ "which": { "query": "type:nothing" }, "sameId": false });
    let none = app.call("messages.replay", none).await;
    assert_eq!(none["sentence"], "There was nothing to send again.");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_cannot_claim_to_be_a_replay() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let mut headers = kit::app::signed(kit::app::SECRET, "msg_1", NOON / 1000, b"{}");
    headers.push(("x-usher-origin".to_owned(), "1".to_owned()));
    headers.push(("x-usher-test".to_owned(), "guess".to_owned()));
    let reply = app.send("POST", &endpoint.path, &headers, b"{}").await;
    let kept = app.message(reply.id()).await;
    assert_eq!((&kept["originId"], &kept["test"]), (&Value::Null, &json!(false)));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flaws_are_refused_for_their_reason() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let body = maya().to_string();
    for (flaw, reason) in [
        ("wrong_secret", "wrong_secret"),
        ("old_timestamp", "clock_skew"),
        ("future_timestamp", "clock_skew"),
        ("altered_body", "body_altered"),
        ("no_headers", "missing_headers"),
    ] {
        let test = json!({ "endpointId": endpoint.id, "body": body, "flaw": flaw });
        let sent = app.call("tests.send", test).await;
        let kept = app.message(sent["messageId"].as_i64().unwrap()).await;
        assert_eq!(
            (&kept["outcome"], &kept["reason"]),
            (&json!("refused"), &json!(reason)),
            "{flaw}"
        );
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pins_are_set_and_taken_off_and_found() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let first = app.post(&endpoint, &maya()).await.id();
    let pin = async |pinned| {
        let asked = json!({ "which": { "ids": [first] }, "pinned": pinned });
        app.call("messages.pin", asked).await["count"].as_i64().unwrap()
    };
    let pinned = async || app.rows("messages.list", json!({ "query": "is:pinned" })).await.len();
    assert_eq!((pin(true).await, pin(true).await, pinned().await), (1, 0, 1));
    assert_eq!((pin(false).await, pinned().await), (1, 0));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cleared_can_be_taken_back_and_the_audience_stays() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let first = app.post_as(&endpoint, "msg_maya", &maya()).await.id();
    let forged = app.post_signed(OTHER_SECRET, &endpoint, "msg_forged", &maya()).await.id();
    let pinned = app.post(&endpoint, &user("user.updated", "user_1", None, "May", NOON)).await.id();
    let pin = json!({ "which": { "ids": [pinned] }, "pinned": true });
    app.call("messages.pin", pin).await;
    let shown = async |app: &TestApp| -> Vec<i64> {
        let rows = app.rows("messages.list", json!({})).await;
        rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
    };
    let all = shown(&app).await;
    let clear = json!({ "query": "" });
    let cleared = app.call("messages.remove", clear.clone()).await;
    assert_eq!((cleared["count"].clone(), shown(&app).await), (json!(2), vec![pinned]));
    let back = app.call("messages.restore", json!({ "id": cleared["undo"] })).await;
    assert_eq!((back["count"].clone(), shown(&app).await), (json!(2), all));
    let cleared = app.call("messages.remove", clear).await;
    assert_eq!(app.changed_by_rebuild().await, 0);
    let again = app.post_as(&endpoint, "msg_maya", &maya()).await;
    assert_eq!((again.id(), shown(&app).await), (first, vec![pinned, first]));
    let app = app.restart().await;
    let late = app.try_call("messages.restore", json!({ "id": cleared["undo"] })).await;
    assert_eq!(late.unwrap_err().message, "This removal cannot be undone any more.");
    let before = shown(&app).await;
    let newer = app.post_as(&endpoint, "msg_newer", &maya()).await.id();
    let cleared = app.call("messages.remove", json!({ "ids": [newer] })).await;
    let back = app.call("messages.restore", json!({ "id": cleared["undo"] })).await;
    assert_eq!(back["count"], 1, "what was cleared before the restart stays away");
    assert_eq!(shown(&app).await, [vec![newer], before].concat());
    assert_eq!(app.number("select count(*) from message").await, 3, "{forged} is erased");
    assert_eq!(app.contact("maya@example.com").await["email"], "maya@example.com");
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_message_before_about_the_same_object_is_found() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let about = |kind: &str, id: &str, at| user(kind, id, Some("maya@example.com"), "Maya", at);
    let first = app.post(&endpoint, &about("user.created", "user_1", NOON)).await.id();
    app.post(&endpoint, &about("user.created", "user_2", NOON)).await;
    let second = app.post(&endpoint, &about("user.updated", "user_1", NOON + 1)).await.id();
    let previous = async |id: i64| app.call("messages.previous", json!({ "id": id })).await;
    assert_eq!(previous(second).await, json!({ "id": first }));
    assert_eq!(previous(first).await, json!({ "id": null }));
    app.close().await;
}
