//! Test events: samples of all that Clerk sends, against the schemas of its webhook document; stories
//! of several messages; and events that a person saved.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::Path;

use kit::app::{NOON, OTHER_SECRET, TestApp, TestEndpoint, user};
use serde_json::{Value, json};
use usher_engine::clerk::samples::{Group, catalogue, sample};
use usher_engine::clerk::scenarios::{SCENARIOS, scenario};
use usher_engine::clerk::{ALL_EVENTS, email_key, read};

/// What the schemas of Clerk's webhook document ask for; its source is named inside.
const DOCUMENT: &str = include_str!("../fixtures/clerk-webhooks.schema.json");

/// Types that Clerk's libraries name and its document lacks, with the one whose schema they share.
const UNLISTED: &[(&str, &str)] = &[
    ("subscriptionItem.created", "subscriptionItem.active"),
    ("subscriptionItem.expired", "subscriptionItem.ended"),
];

/// Where the samples follow what Clerk sends and not what its schemas say: the end of the place, the
/// problem, and why.
const DEVIATIONS: &[(&str, &str, &str)] = &[
    ("external_accounts[]", "lacks provider", GOOGLE),
    ("external_accounts[]", "lacks provider_user_id", GOOGLE),
    ("external_accounts[]", "lacks identification_id", GOOGLE),
    ("external_accounts[]", "lacks first_name", GOOGLE),
    ("external_accounts[]", "lacks last_name", GOOGLE),
    (
        "organizationInvitation.accepted.data",
        "lacks data",
        "The example in the document has no data inside the data.",
    ),
    (
        "session.pending.data.status",
        "\"pending\" is not listed",
        "The status is newer than the list of the document, and gave the event its name.",
    ),
    (
        "subscriptionItem.expired.data.status",
        "\"expired\" is not listed",
        "The document lacks the event, and the status in this list; another list of it has it.",
    ),
];
const GOOGLE: &str = "A Google account comes as a google_account of its own form, with google_id, \
                      given_name and family_name.";

struct Document {
    events: Value,
    schemas: Value,
}

impl Document {
    fn read() -> Self {
        let mut document: Value = serde_json::from_str(DOCUMENT).unwrap();
        Self { events: document["events"].take(), schemas: document["schemas"].take() }
    }

    /// References followed, and the parts of an `allOf` put together. The document closes parts that
    /// others add fields to (a session and its user), which nothing could satisfy, so what is closed
    /// is the whole.
    fn whole(&self, schema: &Value) -> Value {
        let mut whole = match schema["$ref"].as_str() {
            Some(name) => self.whole(&self.schemas[name]),
            None => schema.clone(),
        };
        if schema["nullable"] == true {
            whole["nullable"] = json!(true);
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            let part = self.whole(part);
            for (name, field) in part["properties"].as_object().into_iter().flatten() {
                whole["properties"][name] = field.clone();
            }
            let mut required = whole["required"].as_array().cloned().unwrap_or_default();
            required.extend(part["required"].as_array().into_iter().flatten().cloned());
            whole["required"] = json!(required);
            if part["additionalProperties"] == false {
                whole["additionalProperties"] = json!(false);
            }
        }
        whole
    }

    fn check(&self, schema: &Value, value: &Value, place: &str, problems: &mut Vec<String>) {
        let schema = self.whole(schema);
        let mut problem = |what: String| problems.push(format!("{place}: {what}"));
        if value.is_null() {
            if schema["nullable"] != true && schema["type"].is_string() {
                problem("is null".to_owned());
            }
            return;
        }
        let fits = match schema["type"].as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            Some(other) => panic!("{place}: the type {other}"),
            None => true,
        };
        if !fits {
            problem(format!("is no {}", schema["type"].as_str().unwrap()));
            return;
        }
        if schema["enum"].as_array().is_some_and(|listed| !listed.contains(value)) {
            problem(format!("{value} is not listed"));
        }
        if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str()) {
            let prefix = pattern.trim_start_matches('^').split(['(', '[']).next().unwrap();
            let rest = text.strip_prefix(prefix).unwrap_or_default();
            if rest.is_empty() || !rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
                problem(format!("{value} is not of the form {pattern}"));
            }
        }
        if let Some(kinds) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
            let fits = kinds.iter().any(|kind| {
                let mut problems = Vec::new();
                self.check(kind, value, place, &mut problems);
                problems.is_empty()
            });
            if !fits {
                problem("fits none of the kinds".to_owned());
            }
        }
        if let Some(fields) = value.as_object() {
            for name in schema["required"].as_array().into_iter().flatten() {
                let name = name.as_str().unwrap();
                if !fields.contains_key(name) {
                    problem(format!("lacks {name}"));
                }
            }
            for (name, field) in fields {
                match schema["properties"].get(name) {
                    Some(known) => self.check(known, field, &format!("{place}.{name}"), problems),
                    None if schema["additionalProperties"] == false => {
                        problems.push(format!("{place}: has {name}"));
                    }
                    None => {}
                }
            }
        }
        for element in value.as_array().into_iter().flatten() {
            self.check(&schema["items"], element, &format!("{place}[]"), problems);
        }
    }
}

#[test]
fn samples_are_as_clerks_document_has_them() {
    let document = Document::read();
    let mut found = BTreeSet::new();
    for entry in catalogue() {
        if ![Group::People, Group::Clerk].contains(&entry.group) {
            continue;
        }
        let listed = UNLISTED.iter().find(|(kind, _)| *kind == entry.kind);
        let schema = &document.events[listed.map_or(entry.kind, |(_, other)| other)];
        assert!(schema.is_object(), "{}", entry.kind);
        for seed in 0..20 {
            let body = sample(entry.name, NOON, seed).unwrap();
            let mut problems = Vec::new();
            document.check(schema, &body, entry.kind, &mut problems);
            found.extend(problems);
        }
    }
    let covers = |(place, what, _): &(&str, &str, &str), problem: &String| {
        problem.ends_with(&format!("{place}: {what}"))
    };
    let unexpected: Vec<_> =
        found.iter().filter(|found| !DEVIATIONS.iter().any(|known| covers(known, found))).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    let over: Vec<_> =
        DEVIATIONS.iter().filter(|known| !found.iter().any(|found| covers(known, found))).collect();
    assert!(over.is_empty(), "{over:#?}");
    assert!(DEVIATIONS.iter().all(|(_, _, why)| why.ends_with('.')));
}

#[test]
fn every_type_has_a_sample_and_is_checked() {
    let document = Document::read();
    let listed: BTreeSet<&str> =
        document.events.as_object().unwrap().keys().map(|k| &**k).collect();
    let unlisted = UNLISTED.iter().map(|(kind, _)| *kind);
    assert_eq!(listed.iter().copied().chain(unlisted).collect::<BTreeSet<_>>(), all_events());
    let plain: Vec<_> = catalogue()
        .into_iter()
        .filter(|entry| [Group::People, Group::Clerk].contains(&entry.group))
        .collect();
    assert_eq!(plain.iter().map(|entry| entry.name).collect::<BTreeSet<_>>(), all_events());
    assert_eq!(plain.len(), 47);
}

fn all_events() -> BTreeSet<&'static str> {
    ALL_EVENTS.iter().copied().collect()
}

#[test]
fn one_seed_is_one_person_organization_and_session_over_all_events() {
    for seed in 0..50 {
        let mut known: BTreeMap<String, HashSet<String>> = BTreeMap::new();
        for entry in catalogue().into_iter().filter(|entry| entry.group == Group::Clerk) {
            let body = sample(entry.name, NOON, seed).unwrap();
            assert_eq!(body, sample(entry.name, NOON, seed).unwrap(), "{}", entry.name);
            let message = read(body.to_string().as_bytes()).unwrap();
            assert_eq!((message.kind.as_str(), &message.fact), (entry.kind, &None));
            assert!(message.timestamp_ms == Some(NOON) && message.subject.is_some());
            ids(&body, &mut known);
        }
        for (prefix, ids) in known {
            let most = match prefix.as_str() {
                "idn" => 3,
                "perm" | "user" => 2,
                _ => 1,
            };
            assert!(ids.len() <= most, "{prefix}: {ids:?}");
            assert!(ids.iter().all(|id| id.len() == prefix.len() + 28), "{ids:?}");
        }
    }
}

/// Every id of Clerk's form under its prefix.
fn ids(value: &Value, known: &mut BTreeMap<String, HashSet<String>>) {
    match value {
        Value::String(text) => {
            if let Some((prefix, tail)) = text.rsplit_once('_')
                && tail.starts_with('3')
                && tail.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && !["pi", "acct", "pm"].contains(&prefix)
            {
                known.entry(prefix.to_owned()).or_default().insert(text.clone());
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| ids(element, known)),
        Value::Object(fields) => fields.values().for_each(|field| ids(field, known)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_entry_of_the_catalogue_is_answered_as_it_says() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let rows = app.call("tests.catalogue", json!({})).await;
    for row in rows.as_array().unwrap() {
        let asked = json!({ "type": row["name"], "person": 7 });
        let made = app.call("tests.make", asked).await;
        assert_eq!((&made["flaw"], &made["person"]), (&row["flaw"], &json!(7)));
        let test = json!({ "endpointId": endpoint.id, "body": made["body"], "flaw": made["flaw"] });
        let sent = app.call("tests.send", test).await;
        let flawed = row["group"] == "flawed";
        assert_eq!(sent["status"], if flawed { 400 } else { 200 }, "{row} {sent}");
        assert_eq!(flawed, row["flaw"].is_string(), "{row}");
        let kept = app.message(sent["messageId"].as_i64().unwrap()).await;
        assert_eq!(kept["type"], row["type"], "{row}");
        assert_eq!(kept["outcome"] == "refused", flawed, "{kept}");
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_sign_up_is_a_duplicate_from_the_second_time_on() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let made = app.call("tests.make", json!({ "type": "user.created:duplicate" })).await;
        let test = json!({ "endpointId": endpoint.id, "body": made["body"] });
        let id = app.call("tests.send", test).await["messageId"].as_i64().unwrap();
        outcomes.push(app.message(id).await["outcome"].clone());
        app.clock.advance(60_000);
    }
    assert_eq!(outcomes, ["processed", "duplicate"]);
    app.close().await;
}

async fn with_two_secrets(app: &TestApp) -> TestEndpoint {
    let endpoint = app.endpoint().await;
    let second = json!({ "id": endpoint.id, "secret": OTHER_SECRET });
    app.call("endpoints.add_secret", second).await;
    endpoint
}

/// Email and what else a contact of the seed's person shows.
fn line(seed: u64, user_id: &str, what: &str) -> String {
    let body = sample("user.created", NOON, seed).unwrap();
    let email = body["data"]["email_addresses"][0]["email_address"].as_str().unwrap().to_owned();
    let first = body["data"]["first_name"].as_str().unwrap().to_owned();
    format!("{email} {user_id} {first} {what}")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_story_ends_as_it_should() {
    let seed = 11;
    let body = |kind: &str| sample(kind, NOON, seed).unwrap();
    let text =
        |body: &Value, pointer: &str| body.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let created = body("user.created");
    let id = text(&created, "/data/id");
    let last = text(&created, "/data/last_name");
    let other_last = text(&body("user.updated"), "/data/last_name");
    let rest = |last: &str, subscribed: &str| format!("{last} group=- lists=[] {subscribed}");
    let mut moved = line(seed, &id, &rest(&last, "subscribed"));
    let second = text(&body("user.created:two_emails"), "/data/email_addresses/0/email_address");
    moved.replace_range(..moved.find(' ').unwrap(), &second);
    let again = scenario("delete-and-recreate").unwrap().steps(NOON, seed).pop().unwrap();
    let again = text(&again.body, "/data/id");
    assert_ne!(again, id);
    for (name, sent, refused, audience) in [
        ("sign-up", 3, 0, line(seed, &id, &rest(&last, "subscribed"))),
        ("waitlist-to-user", 4, 0, line(seed, &id, &rest(&last, "subscribed"))),
        ("email-change", 4, 0, moved),
        ("delete-and-recreate", 3, 0, line(seed, &again, &rest(&last, "unsubscribed"))),
        ("rotation", 4, 0, line(seed, &id, &rest(&other_last, "subscribed"))),
        ("retries", 3, 1, line(seed, &id, &rest(&last, "subscribed"))),
    ] {
        for pace in ["gaps", "at_once"] {
            let app = TestApp::start().await;
            let endpoint = with_two_secrets(&app).await;
            let asked =
                json!({ "endpointId": endpoint.id, "name": name, "person": seed, "pace": pace });
            let played = app.call("tests.play", asked).await;
            assert_eq!(
                (&played["sent"], &played["refused"], &played["surprises"]),
                (&json!(sent), &json!(refused), &json!(0)),
                "{name}: {played}"
            );
            assert_eq!(app.audience().await, audience, "{name} {pace}");
            assert_eq!(app.changed_by_rebuild().await, 0, "{name}");
            app.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_storm_ends_as_if_it_had_come_in_order() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let asked = json!({ "endpointId": endpoint.id, "name": "storm", "person": 1000 });
    let played = app.call("tests.play", asked).await;
    assert_eq!(played["sentence"], "Sent 200 messages; all were accepted.");
    assert_eq!(played["messageIds"].as_array().unwrap().len(), 200);
    let stormy = app.audience().await;
    app.close().await;

    let mut steps = scenario("storm").unwrap().steps(NOON, 1000);
    steps.sort_by_key(|step| step.body["timestamp"].as_i64());
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let bodies: Vec<Value> = steps.into_iter().map(|step| step.body).collect();
    app.post_all(&endpoint, &bodies).await;
    assert_eq!(app.audience().await, stormy);
    let lines: Vec<&str> = stormy.lines().collect();
    let gone = lines.iter().filter(|line| line.ends_with(" unsubscribed")).count();
    assert_eq!((lines.len(), gone), (50, 10));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_story_lacks_is_said() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let bare = app.endpoint_with(|args| args["secret"] = Value::Null).await;
    let refused = async |endpoint: &TestEndpoint, name: &str| {
        let asked = json!({ "endpointId": endpoint.id, "name": name });
        app.try_call("tests.play", asked).await.unwrap_err().message
    };
    let one = refused(&endpoint, "rotation").await;
    assert!(one.contains("needs 2 signing secrets") && one.contains("has 1"), "{one}");
    assert!(refused(&bare, "sign-up").await.contains("no signing secret"));
    assert!(refused(&endpoint, "nonsense").await.contains("nonsense"));
    assert!(app.messages().await.is_empty());
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stories_are_listed_with_what_they_test() {
    let app = TestApp::start().await;
    let rows = app.call("tests.scenarios", json!({})).await;
    assert_eq!(rows.as_array().unwrap().len(), SCENARIOS.len());
    for row in rows.as_array().unwrap() {
        assert!(row["tests"].as_str().unwrap().ends_with('.'), "{row}");
        let story = scenario(row["name"].as_str().unwrap()).unwrap();
        assert_eq!(row["messages"], story.steps(NOON, 1).len());
        assert_eq!(story.steps(NOON, 1), story.steps(NOON, 1));
    }
    for story in SCENARIOS {
        for now_ms in [i64::MIN / 2, 0, i64::MAX] {
            assert!(!story.steps(now_ms, u64::MAX).is_empty());
        }
        for (number, step) in story.steps(NOON, 3).iter().enumerate() {
            assert!(step.secret < story.secrets, "{}", story.name);
            assert!(step.same_id_as.is_none_or(|earlier| earlier < number), "{}", story.name);
            assert!(step.body["timestamp"].as_i64().unwrap() <= NOON, "{}", story.name);
        }
    }
    app.close().await;
}

async fn own(app: &TestApp) -> Vec<(String, String)> {
    let rows = app.call("tests.catalogue", json!({})).await;
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let rows = rows.as_array().unwrap().iter().filter(|row| row["group"] == "own");
    rows.map(|row| (text(row, "name"), text(row, "title"))).collect()
}

fn import(folder: &Path) -> Value {
    json!({ "folder": folder })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_saved_and_sent_exactly_as_it_was() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let mut changes = app.engine().changes();
    let body = user("user.created", "user_1", Some("maya@example.com"), "Maya", NOON);
    let message = app.post(&endpoint, &body).await.id();
    let saved = app
        .call("tests.save", json!({ "name": "maya", "title": " Our Maya ", "messageId": message }))
        .await;
    assert_eq!(saved["name"], "own:maya");
    assert_eq!((&saved["type"], &saved["title"]), (&json!("user.created"), &json!("Our Maya")));
    while !changes.next().await.unwrap().contains(&"tests".to_owned()) {}
    let made = app.call("tests.make", json!({ "type": "own:maya" })).await;
    assert_eq!(made["body"], app.message(message).await["bodyText"]);

    let odd = "{ \"type\":\"x\",\n\n\"b\":1 , \"a\": 2}";
    app.call("tests.save", json!({ "name": "MAYA", "body": odd })).await;
    assert_eq!(own(&app).await, [("own:MAYA".to_owned(), "MAYA".to_owned())]);
    assert_eq!(app.call("tests.make", json!({ "type": "own:maya" })).await["body"], odd);
    let app = app.restart().await;
    assert_eq!(own(&app).await.len(), 1);
    app.call("tests.forget", json!({ "name": "maya" })).await;
    assert!(own(&app).await.is_empty());
    assert!(app.try_call("tests.forget", json!({ "name": "maya" })).await.is_err());
    assert!(app.try_call("tests.make", json!({ "type": "own:maya" })).await.is_err());
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_saved_is_refused_in_words() {
    let app = TestApp::start().await;
    let long = "x".repeat(61);
    for (asked, words) in [
        (json!({ "name": "", "body": "{}" }), "needs a name"),
        (json!({ "name": "../up", "body": "{}" }), "letters"),
        (json!({ "name": "a/b", "body": "{}" }), "letters"),
        (json!({ "name": ".hidden", "body": "{}" }), "letters"),
        (json!({ "name": "ümlaut", "body": "{}" }), "letters"),
        (json!({ "name": long, "body": "{}" }), "61"),
        (json!({ "name": "a", "body": "{\n  \"a\": x}" }), "Line 2, column 8"),
        (json!({ "name": "a", "body": "[]" }), "object"),
        (json!({ "name": "a", "body": "{}", "title": "a\nb" }), "one line"),
        (json!({ "name": "a", "messageId": 99 }), "no message 99"),
        (json!({ "name": "a", "messageId": 1, "body": "{}" }), "not both"),
        (json!({ "name": "a" }), "not both"),
    ] {
        let error = app.try_call("tests.save", asked.clone()).await.unwrap_err();
        assert!(error.message.contains(words), "{asked}: {}", error.message);
    }
    for verb in ["tests.export", "tests.import"] {
        let error = app.try_call(verb, json!({ "folder": "here" })).await.unwrap_err();
        assert!(error.message.contains("full path"), "{}", error.message);
    }
    assert!(own(&app).await.is_empty());
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_round_and_compare_well() {
    let app = TestApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("new");
    for (name, title, body) in [
        ("b.1", "", r#"{"z":1,"a":{"y":[],"x":null}}"#),
        ("a_2", "Two", r#"{"type":"user.created"}"#),
    ] {
        app.call("tests.save", json!({ "name": name, "title": title, "body": body })).await;
    }
    assert_eq!(app.call("tests.export", import(&folder)).await["count"], 2);
    let mut names: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["a_2.json", "a_2.title.txt", "b.1.json"]);
    let text = fs::read_to_string(folder.join("b.1.json")).unwrap();
    assert_eq!(text, "{\n  \"a\": {\n    \"x\": null,\n    \"y\": []\n  },\n  \"z\": 1\n}\n");
    let long = r#"{"n":123456789012345678901234567890,"a":1,"a":2}"#;
    app.call("tests.save", json!({ "name": "long", "body": long })).await;
    app.call("tests.export", import(&folder)).await;
    assert_eq!(fs::read_to_string(folder.join("long.json")).unwrap(), format!("{long}\n"));
    fs::remove_file(folder.join("long.json")).unwrap();
    app.call("tests.forget", json!({ "name": "long" })).await;
    let imported = app.call("tests.import", import(&folder)).await;
    let brought = |added: i64, changed: i64, unchanged: i64| json!({ "added": added, "changed": changed, "unchanged": unchanged, "problems": [] });
    assert_eq!(imported, brought(0, 0, 2));

    let other = TestApp::start().await;
    assert_eq!(other.call("tests.import", import(&folder)).await, brought(2, 0, 0));
    assert_eq!(own(&other).await, own(&app).await);
    fs::write(folder.join("a_2.title.txt"), "Three\n").unwrap();
    fs::write(folder.join("b.1.json"), "{\"z\": 2}").unwrap();
    assert_eq!(other.call("tests.import", import(&folder)).await, brought(0, 2, 0));
    assert_eq!(own(&other).await[0].1, "Three");
    app.call("tests.save", json!({ "name": "a_2", "body": "{}" })).await;
    app.call("tests.export", import(&folder)).await;
    assert!(!folder.join("a_2.title.txt").exists());
    other.close().await;
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_named_from_home() {
    let app = TestApp::start().await;
    app.call("tests.save", json!({ "name": "a", "body": "{}" })).await;
    let folder = json!({ "folder": "~/my-app/fixtures" });
    assert_eq!(app.call("tests.export", folder.clone()).await["count"], 1);
    assert!(app.home().join("my-app/fixtures/a.json").is_file());
    assert_eq!(app.call("tests.import", folder).await["unchanged"], 1);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_is_named_and_the_others_are_taken() {
    let app = TestApp::start().await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("good.json", b"{\"type\": \"user.created\"}");
    write("broken.json", b"{\n  \"a\": 1,\n}");
    write("list.json", b"[]");
    write("latin.json", b"{\n\"a\": \"\xe9\"}");
    write("bad name.json", b"{}");
    write("notes.md", b"not one of them");
    fs::create_dir(folder.path().join("folder.json")).unwrap();
    let imported = app.call("tests.import", import(folder.path())).await;
    assert_eq!(imported["added"], 1);
    let problems: Vec<&str> =
        imported["problems"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
    for (file, words) in [
        ("bad name.json", "letters"),
        ("broken.json", "Line 3, column 1"),
        ("folder.json", "not a file"),
        ("latin.json", "Line 2"),
        ("list.json", "object"),
    ] {
        let named = problems.iter().find(|problem| problem.starts_with(&format!("{file}: ")));
        assert!(named.is_some_and(|problem| problem.contains(words)), "{file}: {problems:?}");
    }
    assert_eq!(problems.len(), 5);
    assert_eq!(own(&app).await, [("own:good".to_owned(), "good".to_owned())]);
    let nowhere = app.try_call("tests.import", import(&folder.path().join("no"))).await;
    assert!(nowhere.unwrap_err().message.starts_with("There is no folder "));
    let file = app.try_call("tests.import", import(&folder.path().join("notes.md"))).await;
    assert!(file.unwrap_err().message.contains("cannot be read"));
    app.close().await;
}

#[test]
fn an_address_in_mixed_case_is_that_of_the_person() {
    let of = |name| {
        let body = sample(name, NOON, 5).unwrap();
        body["data"]["email_addresses"][0]["email_address"].as_str().unwrap().to_owned()
    };
    let mixed = of("user.created:mixed_case");
    assert_ne!(mixed, of("user.created"));
    assert_eq!(email_key(&mixed), of("user.created"));
}
