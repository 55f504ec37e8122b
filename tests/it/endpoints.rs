//! Environments, endpoints and their secrets.

use kit::app::{NOON, OTHER_SECRET, SECRET, TestApp, TestEndpoint, at_once, event, user};
use serde_json::{Value, json};
use usher_engine::api::Code;

const HOUR: i64 = 3_600_000;

fn maya() -> Value {
    user("user.created", "user_1", Some("maya@example.com"), "Maya", NOON)
}

async fn show(app: &TestApp, endpoint: &TestEndpoint) -> Value {
    app.call("endpoints.show", json!({ "id": endpoint.id })).await
}

/// What a verb refuses with; the sentence ends like one.
async fn refusal(app: &TestApp, verb: &str, args: Value) -> (Code, String) {
    let error = match app.try_call(verb, args.clone()).await {
        Ok(reply) => panic!("{verb} {args}: {reply}"),
        Err(error) => error,
    };
    assert!(error.message.ends_with('.'), "{verb} {args}: {}", error.message);
    (error.code, error.message)
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_keep_apart() {
    let app = TestApp::start().await;
    let (first, second) = (app.environment().await, app.environment_named("Live").await);
    let here = app.endpoint().await;
    let there = app.endpoint_with(|args| args["environmentId"] = json!(second)).await;
    app.post(&here, &maya()).await;
    let twin = app.post(&there, &maya()).await;
    assert_eq!(twin.brief(), "200 processed", "known in the other environment only");
    app.edit("maya@example.com", json!({ "firstName": "Edited" })).await;
    let audiences = [app.audience_in(Some(first)).await, app.audience_in(Some(second)).await];
    let both = audiences.concat();
    assert_eq!((both.matches("Edited").count(), both.matches("Maya").count()), (1, 1), "{both}");
    for environment in [first, second] {
        let scope = json!({ "environmentId": environment });
        let counts = app.call("app.counts", scope.clone()).await;
        assert_eq!(counts, json!({ "messages": 1, "contacts": 1, "events": 1, "endpoints": 1 }));
        assert_eq!(app.rows("messages.list", scope.clone()).await.len(), 1);
        assert_eq!(app.call("messages.count", scope.clone()).await["count"], json!(1));
        assert_eq!(app.call("contacts.count", scope).await, json!({ "count": 1 }));
    }
    let ids: Vec<Value> = app.contacts().await.iter().map(|row| row["id"].clone()).collect();
    assert_eq!(refusal(&app, "contacts.remove", json!({ "ids": ids })).await.0, Code::Invalid);
    let list = app.mailing_list("News").await;
    let stranger =
        app.rows("contacts.list", json!({ "environmentId": second })).await[0]["id"].clone();
    let across = json!({ "id": stranger, "listIds": [list] });
    assert_eq!(refusal(&app, "contacts.edit", across).await.0, Code::NotFound);
    let mut settings = show(&app, &there).await["settings"].clone();
    settings["events"][0]["mailingLists"] = json!([list]);
    let across = json!({ "id": there.id, "settings": settings });
    assert_eq!(refusal(&app, "endpoints.update", across).await.0, Code::NotFound);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_unique_short_and_there() {
    let app = TestApp::start().await;
    let environment = app.environment().await;
    let second = app.environment_named("Live").await;
    let endpoint = app.endpoint_with(|args| args["name"] = json!("  Shop ")).await;
    let other = app.endpoint().await;
    let elsewhere = json!({ "environmentId": second, "name": "Shop" });
    assert_eq!(app.call("endpoints.add", elsewhere).await["name"], json!("Shop"));
    assert_eq!(show(&app, &endpoint).await["name"], json!("Shop"));
    let long = "x".repeat(61);
    for (verb, args, code) in [
        ("environments.add", json!({ "name": "live" }), Code::Conflict),
        ("environments.add", json!({ "name": "  " }), Code::Invalid),
        ("environments.add", json!({ "name": long }), Code::Invalid),
        ("environments.add", json!({ "name": "Red", "color": "red" }), Code::Invalid),
        ("environments.update", json!({ "id": second, "name": "development" }), Code::Conflict),
        ("environments.update", json!({ "id": 99, "name": "X" }), Code::NotFound),
        ("environments.remove", json!({ "id": 99 }), Code::NotFound),
        ("environments.remove", json!({ "id": environment }), Code::Conflict),
        ("endpoints.add", json!({ "environmentId": environment, "name": "shop" }), Code::Conflict),
        ("endpoints.add", json!({ "environmentId": environment, "name": "" }), Code::Invalid),
        ("endpoints.add", json!({ "environmentId": 99, "name": "X" }), Code::NotFound),
        ("endpoints.update", json!({ "id": other.id, "name": "SHOP" }), Code::Conflict),
        ("endpoints.update", json!({ "id": 99, "name": "X" }), Code::NotFound),
        ("endpoints.show", json!({ "id": 99 }), Code::NotFound),
        ("endpoints.remove", json!({ "id": 99 }), Code::NotFound),
        ("endpoints.remove_secret", json!({ "id": other.id, "secretId": 99 }), Code::NotFound),
        ("endpoints.reveal_secret", json!({ "id": other.id, "secretId": 99 }), Code::NotFound),
        ("lists.add", json!({ "environmentId": environment, "name": " " }), Code::Invalid),
        ("lists.add", json!({ "environmentId": 99, "name": "X" }), Code::NotFound),
    ] {
        assert_eq!(refusal(&app, verb, args.clone()).await.0, code, "{verb} {args}");
    }
    let renamed = json!({ "id": other.id, "name": "Clerk" });
    assert_eq!(app.call("endpoints.update", renamed).await["name"], json!("Clerk"));
    let same = json!({ "id": other.id, "name": "CLERK" });
    assert_eq!(app.call("endpoints.update", same).await["name"], json!("CLERK"));
    let (list, again) = (app.mailing_list("News").await, app.mailing_list("news").await);
    assert_eq!(list, again);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_given_once_even_at_once() {
    let app = TestApp::start().await;
    let args = json!({ "environmentId": app.environment().await, "name": "Shop" });
    let made = at_once((0..6).map(|_| app.try_call("endpoints.add", args.clone()))).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1);
    let errors = made.into_iter().filter_map(Result::err);
    assert!(errors.into_iter().all(|error| error.code == Code::Conflict));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_without_anything_can_be_removed() {
    let app = TestApp::start().await;
    let (empty, used) = (app.environment_named("Empty").await, app.environment_named("Used").await);
    let tried = app.endpoint_with(|args| args["environmentId"] = json!(empty)).await;
    app.call("endpoints.remove", json!({ "id": tried.id })).await;
    let endpoint = app.endpoint_with(|args| args["environmentId"] = json!(used)).await;
    app.post(&endpoint, &maya()).await;
    app.call("endpoints.remove", json!({ "id": endpoint.id })).await;
    assert_eq!(refusal(&app, "environments.remove", json!({ "id": used })).await.0, Code::Conflict);
    app.call("environments.remove", json!({ "id": empty })).await;
    assert_eq!(app.call("environments.list", json!({})).await.as_array().unwrap().len(), 2);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistaken_secrets_are_named() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    for (pasted, says) in [
        ("  ", "empty"),
        ("whsec_", "empty"),
        ("sk_test_abcdefghijklmnop", "secret key"),
        ("pk_live_abcdefghijklmnop", "publishable key"),
        ("ep_2abcdefghijklmnop", "endpoint's ID"),
        ("https://example.com/in/ep_1", "web address"),
        ("whsec_••••••••", "dots"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "garbled"),
        ("whsec_AAAA", "too short"),
    ] {
        let (code, sentence) =
            refusal(&app, "endpoints.add_secret", json!({ "id": endpoint.id, "secret": pasted }))
                .await;
        assert_eq!(code, Code::Invalid, "{pasted}");
        assert!(sentence.contains(says), "{pasted}: {sentence}");
    }
    let environment = endpoint.environment_id;
    let args = json!({ "environmentId": environment, "name": "New", "secret": "sk_test_abcdefgh" });
    assert_eq!(refusal(&app, "endpoints.add", args).await.0, Code::Invalid);
    assert_eq!(app.call("endpoints.list", json!({})).await.as_array().unwrap().len(), 1);
    let again = json!({ "id": endpoint.id, "secret": format!(" \"{SECRET}\"\n") });
    assert_eq!(refusal(&app, "endpoints.add_secret", again).await.0, Code::Conflict);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_rotate_and_are_shown_on_request_only() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let send = async |secret: &str, id: &str| {
        app.post_signed(secret, &endpoint, id, &maya()).await.brief()
    };
    assert_eq!(send(OTHER_SECRET, "msg_1").await, "400 refused/wrong_secret");
    app.clock.advance(1000);
    let add = json!({ "id": endpoint.id, "secret": OTHER_SECRET });
    let both = app.call("endpoints.add_secret", add).await;
    let secrets = both["signingSecrets"].as_array().unwrap();
    assert_eq!(
        secrets[0],
        json!({
            "id": secrets[0]["id"], "hint": OTHER_SECRET[OTHER_SECRET.len() - 4..],
            "addedAt": NOON + 1000, "lastVerifiedAt": null, "readable": true,
        })
    );
    assert_eq!(send(OTHER_SECRET, "msg_2").await, "200 processed");
    assert_eq!(send(SECRET, "msg_3").await, "200 duplicate/same_content");
    let shown = show(&app, &endpoint).await;
    assert_eq!(shown["signingSecrets"][0]["lastVerifiedAt"], json!(NOON + 1000));
    assert!(!shown.to_string().contains(&SECRET[6..]), "{shown}");
    let old = shown["signingSecrets"][1]["id"].clone();
    let which = json!({ "id": endpoint.id, "secretId": old });
    let revealed = app.call("endpoints.reveal_secret", which.clone()).await;
    assert_eq!(revealed, json!({ "secret": SECRET }));
    app.call("endpoints.remove_secret", which.clone()).await;
    assert_eq!(send(SECRET, "msg_4").await, "400 refused/wrong_secret");
    assert_eq!(send(OTHER_SECRET, "msg_5").await, "200 duplicate/same_content");
    assert_eq!(refusal(&app, "endpoints.reveal_secret", which).await.0, Code::NotFound);
    let rows = app.messages().await;
    let by_old = rows.iter().find(|row| row["svixId"] == "msg_3").unwrap();
    let verification = &app.message(by_old["id"].as_i64().unwrap()).await["verification"];
    assert_eq!(
        json!([verification["verified"], verification["sentence"]]),
        json!([true, "The signature fitted a secret that was removed since."])
    );
    let last = show(&app, &endpoint).await["signingSecrets"][0]["id"].clone();
    let none = json!({ "id": endpoint.id, "secretId": last });
    assert_eq!(app.call("endpoints.remove_secret", none).await["state"], json!("needsSecret"));
    assert_eq!(send(OTHER_SECRET, "msg_6").await, "400 refused/no_secret");
    let add = json!({ "id": endpoint.id, "secret": SECRET });
    app.call("endpoints.add_secret", add).await;
    let by_last = rows.iter().find(|row| row["svixId"] == "msg_5").unwrap();
    let verification = &app.message(by_last["id"].as_i64().unwrap()).await["verification"];
    assert_eq!(
        verification["sentence"], "The signature fitted a secret that was removed since.",
        "and not one that was added after it"
    );
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_their_file_and_nowhere_else() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let add = json!({ "id": endpoint.id, "secret": OTHER_SECRET });
    app.call("endpoints.add_secret", add).await;
    app.post(&endpoint, &maya()).await;
    let file = app.dir().join("secrets.json");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(SECRET) && text.contains(OTHER_SECRET));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let status = app.call("app.status", json!({})).await;
    assert_eq!(status["keychain"]["kind"], json!("file"));
    assert!(status["keychain"]["sentence"].as_str().unwrap().contains("secrets.json"), "{status}");
    let app = app.restart().await;
    assert_eq!(app.post_signed(OTHER_SECRET, &endpoint, "msg_9", &maya()).await.status, 200);
    let mut read = 0;
    for entry in std::fs::read_dir(app.dir()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name != "secrets.json") {
            let bytes = std::fs::read(&path).unwrap();
            for secret in [SECRET, OTHER_SECRET] {
                let value = secret.trim_start_matches("whsec_").as_bytes();
                assert!(
                    !bytes.windows(value.len()).any(|part| part == value),
                    "{}",
                    path.display()
                );
            }
            read += bytes.len();
        }
    }
    assert!(read > 10_000, "the database was among them");
    app.call("endpoints.remove", json!({ "id": endpoint.id })).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), "{}", "forgotten with the endpoint");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_endpoint_is_gone_and_its_messages_stay() {
    let app = TestApp::start().await;
    let (endpoint, other) = (app.endpoint().await, app.endpoint().await);
    let reply = app.post(&endpoint, &maya()).await;
    app.call("endpoints.remove", json!({ "id": endpoint.id })).await;
    assert_eq!(app.post(&endpoint, &maya()).await.status, 404);
    assert_eq!(
        refusal(&app, "endpoints.show", json!({ "id": endpoint.id })).await.0,
        Code::NotFound
    );
    let left = app.call("endpoints.list", json!({})).await;
    assert_eq!(json!([left[0]["id"], left[1]]), json!([other.id, null]));
    assert_eq!(app.message(reply.id()).await["endpoint"], json!("Clerk 1"));
    assert_eq!(app.contacts().await.len(), 1);
    let again = json!({ "environmentId": endpoint.environment_id, "name": "Clerk 1" });
    assert_ne!(app.call("endpoints.add", again).await["path"], json!(endpoint.path));
    assert_eq!(app.changed_by_rebuild().await, 0);
    let app = app.restart().await;
    assert_eq!(app.post(&endpoint, &maya()).await.status, 404);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_says_how_it_is() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint_with(|args| args["secret"] = Value::Null).await;
    let state = async || show(&app, &endpoint).await["state"].as_str().unwrap().to_owned();
    assert_eq!(state().await, "needsSecret");
    app.call("endpoints.add_secret", json!({ "id": endpoint.id, "secret": SECRET })).await;
    assert_eq!(state().await, "waiting");
    app.post(&endpoint, &maya()).await;
    assert_eq!(state().await, "receiving");
    let flawed = json!({ "endpointId": endpoint.id, "body": "{}", "flaw": "wrong_secret" });
    assert_eq!(app.call("tests.send", flawed).await["status"], 400);
    assert_eq!(state().await, "receiving", "a test that is refused on purpose says nothing");
    app.clock.advance(2 * HOUR);
    app.post_signed(OTHER_SECRET, &endpoint, "msg_x", &maya()).await;
    assert_eq!(state().await, "failing");
    app.call("endpoints.update", json!({ "id": endpoint.id, "paused": true })).await;
    assert_eq!(state().await, "paused");
    let shown = show(&app, &endpoint).await;
    assert_eq!(
        json!([
            shown["messages24h"],
            shown["refused24h"],
            shown["lastMessageAt"],
            shown["environment"]
        ]),
        json!([3, 2, NOON + 2 * HOUR, "Development"])
    );
    let hours = shown["hours"].as_array().unwrap();
    assert_eq!(hours.len(), 24);
    assert_eq!(
        [hours[21].clone(), hours[23].clone()],
        [
            json!({ "startAt": NOON, "accepted": 1, "refused": 1 }),
            json!({ "startAt": NOON + 2 * HOUR, "accepted": 0, "refused": 1 }),
        ]
    );
    assert_eq!(shown["week"], json!([{ "kind": "user.created", "count": 1 }]));
    assert_eq!(shown["lastVerified"]["receivedAt"], json!(NOON));
    let url = format!("http://127.0.0.1:{}{}", app.port().await, endpoint.path);
    assert_eq!(shown["url"], json!(url));
    app.clock.advance(23 * HOUR);
    let shown = show(&app, &endpoint).await;
    assert_eq!(json!([shown["messages24h"], shown["refused24h"]]), json!([1, 1]));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_completed_and_kept() {
    let app = TestApp::start().await;
    let environment = app.environment().await;
    let plain =
        app.call("endpoints.add", json!({ "environmentId": environment, "name": "A" })).await;
    assert_eq!(plain["settings"]["onDelete"], json!("unsubscribe"));
    let events = plain["settings"]["events"].as_array().unwrap();
    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, usher_engine::clerk::ACTED_ON);
    assert!(events.iter().all(|event| event["enabled"] == json!(true)));
    let endpoint = app
        .endpoint_with(|args| {
            event(args, "user.deleted")["enabled"] = json!(false);
            event(args, "user.created")["userGroup"] = json!("  ");
            let events = args["settings"]["events"].as_array_mut().unwrap();
            events.reverse();
            events.truncate(4);
            events[0]["event"] = json!("comet.sighted");
        })
        .await;
    let shown = show(&app, &endpoint).await;
    let events = shown["settings"]["events"].as_array().unwrap();
    assert_eq!(events.len(), 5);
    assert_eq!(json!([events[0]["userGroup"], events[2]["enabled"]]), json!([null, false]));
    let app = app.restart().await;
    let again = show(&app, &endpoint).await;
    assert_eq!((&again["settings"], &again["token"]), (&shown["settings"], &shown["token"]));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_again_after_a_restart() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    app.post_as(&endpoint, "msg_1", &maya()).await;
    app.post_signed(OTHER_SECRET, &endpoint, "msg_2", &maya()).await;
    app.edit("maya@example.com", json!({ "userGroup": "VIP" })).await;
    let state = async |app: &TestApp| {
        let contact = app.contact("maya@example.com").await;
        let scope = json!({ "environmentId": 1 });
        let mut all = vec![contact.clone(), app.call("environments.list", json!({})).await];
        all.extend(app.messages().await);
        all.extend(app.rows("contacts.timeline", json!({ "id": contact["id"] })).await);
        all.push(app.call("events.list", scope.clone()).await);
        all.push(show(app, &endpoint).await["signingSecrets"].clone());
        all
    };
    let before = state(&app).await;
    let app = app.restart().await;
    assert_eq!(state(&app).await, before);
    let again = app.post_as(&endpoint, "msg_1", &maya()).await;
    assert_eq!(again.brief(), "200 duplicate/same_id");
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}
