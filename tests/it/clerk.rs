//! Reading Clerk's messages: one example of every type, the oddities of real payloads, and the test
//! events.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use usher_engine::clerk::{
    ACTED_ON, ALL_EVENTS, Fact, Message, NoEmail, Unusable, UserDeleted, UserSnapshot,
    WaitlistSnapshot, email_key, read,
    samples::{catalogue, sample},
};

/// One body of each type with the fields that matter, after the examples of Clerk's webhook
/// document.
const EXAMPLES: &str = include_str!("../fixtures/clerk-examples.json");

const MS: i64 = 1_763_900_000_000;

fn read_value(body: &Value) -> Result<Message, Unusable> {
    read(&serde_json::to_vec(body).unwrap())
}

fn event(kind: &str, data: Value) -> Value {
    let mut event = json!({ "type": kind });
    event["data"] = data;
    event
}

fn user_of(data: Value) -> UserSnapshot {
    match read_value(&event("user.updated", data)).unwrap().fact {
        Some(Fact::User(user)) => user,
        other => panic!("{other:?}"),
    }
}

fn waitlist_of(data: Value) -> WaitlistSnapshot {
    match read_value(&event("waitlistEntry.created", data)).unwrap().fact {
        Some(Fact::Waitlist(entry)) => entry,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_type_has_an_example_that_reads_as_expected() {
    let examples: Vec<Value> = serde_json::from_str(EXAMPLES).unwrap();
    let kinds: Vec<_> = examples.iter().map(|example| example["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds.iter().copied().collect::<BTreeSet<_>>(),
        ALL_EVENTS.iter().copied().collect()
    );
    assert_eq!((kinds.len(), ALL_EVENTS.len()), (47, 47));
    for example in &examples {
        let (kind, expect) = (example["type"].as_str().unwrap(), &example["expect"]);
        let message =
            read_value(&example["body"]).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(message.kind, kind);
        assert_eq!(message.timestamp_ms, Some(MS), "{kind}");
        assert_eq!(
            message.instance_id.as_deref(),
            example["body"]["instance_id"].as_str(),
            "{kind}"
        );
        assert_eq!(message.object_id.as_deref(), expect["object_id"].as_str(), "{kind}");
        assert_eq!(message.subject.as_deref(), expect["subject"].as_str(), "{kind}");
        let fact = match &message.fact {
            None => None,
            Some(Fact::User(_)) => Some("user"),
            Some(Fact::UserDeleted(_)) => Some("user_deleted"),
            Some(Fact::Waitlist(_)) => Some("waitlist"),
        };
        assert_eq!(fact, expect["fact"].as_str(), "{kind}");
        assert_eq!(fact.is_some(), ACTED_ON.contains(&kind), "{kind}");
        let dangling = matches!(
            &message.fact,
            Some(Fact::User(UserSnapshot { no_email: Some(NoEmail::Dangling { .. }), .. }))
        );
        assert_eq!(dangling, expect["no_email"] == "dangling", "{kind}");
    }
}

#[test]
fn the_acted_on_types_are_known_types() {
    assert!(ACTED_ON.iter().all(|kind| ALL_EVENTS.contains(kind)));
    assert_eq!(ALL_EVENTS.iter().collect::<HashSet<_>>().len(), ALL_EVENTS.len());
}

#[test]
fn the_primary_email_is_found_by_its_id() {
    let (a, b) = (
        json!({"id": "idn_a", "email_address": "a@example.com"}),
        json!({"id": "idn_b", "email_address": "B@Example.com"}),
    );
    let no_primary = |addresses| NoEmail::NoPrimary { addresses };
    let dangling = |id: &str, addresses| NoEmail::Dangling { id: id.to_owned(), addresses };
    let blank = || NoEmail::Blank { id: "idn_a".to_owned() };
    let cases: Vec<(Value, Value, Result<&str, NoEmail>)> = vec![
        (json!("idn_a"), json!([a]), Ok("a@example.com")),
        (json!("idn_b"), json!([a, b]), Ok("B@Example.com")),
        (json!(" idn_b "), json!([a, b]), Ok("B@Example.com")),
        (json!("idn_b"), json!([null, 3, "x", [], {}, b]), Ok("B@Example.com")),
        (
            json!("idn_a"),
            json!([{"id": "idn_a", "email_address": "  padded@example.com\n"}]),
            Ok("padded@example.com"),
        ),
        (
            json!("idn_a"),
            json!([{"id": "idn_a", "email_address": "\"a@b\"@example.com"}]),
            Ok("\"a@b\"@example.com"),
        ),
        (
            json!("idn_a"),
            json!([{"id": "idn_a", "email_address": "ü@bücher.example", "verification": null}]),
            Ok("ü@bücher.example"),
        ),
        (json!(null), json!([]), Err(no_primary(0))),
        (json!(null), json!([a]), Err(no_primary(1))),
        (json!(""), json!([a, b]), Err(no_primary(2))),
        (json!(7), json!([a]), Err(no_primary(1))),
        (json!(["idn_a"]), json!([a]), Err(no_primary(1))),
        (json!("idn_c"), json!([a, b]), Err(dangling("idn_c", 2))),
        (json!("idn_a"), json!([]), Err(dangling("idn_a", 0))),
        (json!("idn_a"), json!(null), Err(dangling("idn_a", 0))),
        (json!("idn_a"), json!({"idn_a": a}), Err(dangling("idn_a", 0))),
        (json!("idn_a"), json!("a@example.com"), Err(dangling("idn_a", 0))),
        (json!("idn_a"), json!([[a]]), Err(dangling("idn_a", 0))),
        (json!("idn_a"), json!([{"id": "idn_a"}]), Err(blank())),
        (json!("idn_a"), json!([{"id": "idn_a", "email_address": " "}]), Err(blank())),
        (json!("idn_a"), json!([{"id": "idn_a", "email_address": 5}]), Err(blank())),
        (
            json!("idn_a"),
            json!([{"id": "idn_a", "email_address": "nobody"}]),
            Err(NoEmail::NotAnAddress { value: "nobody".to_owned() }),
        ),
        (
            json!("idn_a"),
            json!([{"id": "idn_a", "email_address": "a b@example.com"}]),
            Err(NoEmail::NotAnAddress { value: "a b@example.com".to_owned() }),
        ),
    ];
    for (primary, addresses, expected) in cases {
        let user = user_of(
            json!({ "id": "user_1", "primary_email_address_id": primary, "email_addresses": addresses }),
        );
        let (email, why) = match expected {
            Ok(email) => (Some(email), None),
            Err(why) => (None, Some(why)),
        };
        assert_eq!((user.email.as_deref(), &user.no_email), (email, &why), "{primary} {addresses}");
        if let Some(why) = why {
            assert!(why.to_string().ends_with('.'), "{why}");
        }
    }
}

#[test]
fn names_and_times() {
    let names = [
        (json!("Ada"), Some("Ada")),
        (json!(" Ada "), Some("Ada")),
        (json!(""), None),
        (json!("  "), None),
        (json!(null), None),
        (json!(5), None),
        (json!({"a": 1}), None),
    ];
    for (name, expected) in names {
        let user = user_of(json!({ "id": "user_1", "first_name": name, "last_name": name }));
        assert_eq!(
            (user.first_name.as_deref(), user.last_name.as_deref()),
            (expected, expected),
            "{name}"
        );
    }
    let times = [
        (json!(MS), Some(MS)),
        (json!(1_763_900_000), Some(MS)),
        (json!(99_999_999_999_i64), Some(99_999_999_999_000)),
        (json!(100_000_000_000_i64), Some(100_000_000_000)),
        (json!(1_763_900_000_000.0), Some(MS)),
        (json!(1.7639e12), Some(MS)),
        (json!(0), None),
        (json!(-5), None),
        (json!(1e300), None),
        (json!(9_999_999_999_999_999_i64), None),
        (json!(i64::MIN), None),
        (json!(u64::MAX), None),
        (json!("1763900000000"), None),
        (json!("2025-11-23T12:13:20Z"), None),
        (json!(null), None),
        (json!([MS]), None),
        (json!(true), None),
    ];
    for (time, expected) in times {
        let user = user_of(json!({ "id": "user_1", "created_at": time, "updated_at": time }));
        assert_eq!((user.created_at_ms, user.updated_at_ms), (expected, expected), "{time}");
        let message = read_value(&json!({ "type": "x", "timestamp": time })).unwrap();
        assert_eq!(message.timestamp_ms, expected, "{time}");
    }
}

#[test]
fn a_user_with_an_id_alone_is_enough() {
    let message = read_value(&event("user.created", json!({ "id": "user_1" }))).unwrap();
    assert_eq!(
        (message.subject.as_deref(), message.object_id.as_deref()),
        (Some("user_1"), Some("user_1"))
    );
    assert_eq!((message.instance_id, message.timestamp_ms), (None, None));
    let expected = UserSnapshot {
        user_id: "user_1".to_owned(),
        email: None,
        no_email: Some(NoEmail::NoPrimary { addresses: 0 }),
        first_name: None,
        last_name: None,
        created_at_ms: None,
        updated_at_ms: None,
    };
    assert_eq!(message.fact, Some(Fact::User(expected)));
}

#[test]
fn what_a_list_shows() {
    let phone = json!([{ "id": "idn_p", "phone_number": "+15555550100" }]);
    let email = json!([{ "id": "idn_a", "email_address": "a@example.com" }]);
    let cases = [
        (
            "user.created",
            json!({"id": "u", "first_name": "Ada", "primary_email_address_id": "idn_a", "email_addresses": email}),
            Some("a@example.com"),
        ),
        ("user.created", json!({"id": "u", "phone_numbers": phone}), Some("phone only")),
        (
            "user.created",
            json!({"id": "u", "primary_phone_number_id": "idn_p"}),
            Some("phone only"),
        ),
        ("user.created", json!({"id": "u", "username": "ada"}), Some("username only")),
        (
            "user.created",
            json!({"id": "u", "username": "ada", "first_name": "Ada", "last_name": "Berg"}),
            Some("Ada Berg (username only)"),
        ),
        (
            "user.updated",
            json!({"id": "u", "last_name": "Berg", "phone_numbers": phone}),
            Some("Berg (phone only)"),
        ),
        (
            "user.updated",
            json!({"id": "u", "first_name": "Ada", "email_addresses": email, "username": "ada"}),
            Some("Ada"),
        ),
        (
            "user.updated",
            json!({"id": "u", "email_addresses": email, "username": "ada"}),
            Some("u"),
        ),
        ("user.deleted", json!({"id": "u", "deleted": true, "name": "x"}), Some("u")),
        (
            "waitlistEntry.created",
            json!({"id": "w", "email_address": "a@example.com"}),
            Some("a@example.com"),
        ),
        ("waitlistEntry.created", json!({"id": "w"}), Some("w")),
        (
            "session.created",
            json!({"id": "s", "user": {"primary_email_address_id": "idn_a", "email_addresses": email}}),
            Some("a@example.com"),
        ),
        ("something.new", json!({"id": "n"}), Some("n")),
        ("something.new", json!({"id": 42}), None),
        ("something.new", json!("some string"), None),
        ("something.new", json!(null), None),
    ];
    for (kind, data, expected) in cases {
        let message = read_value(&event(kind, data.clone())).unwrap();
        assert_eq!(message.subject.as_deref(), expected, "{kind} {data}");
    }
}

#[test]
fn waitlist_entries() {
    for object in ["waitlistEntry", "waitlist_entry", "", "user"] {
        let entry = waitlist_of(json!({
            "object": object, "id": "wle_1", "email_address": " Ada@Example.com ", "status": "completed",
            "created_at": MS / 1000, "updated_at": MS, "invitation": [1, 2],
        }));
        let expected = WaitlistSnapshot {
            entry_id: "wle_1".to_owned(),
            email: Some("Ada@Example.com".to_owned()),
            status: Some("completed".to_owned()),
            created_at_ms: Some(MS),
            updated_at_ms: Some(MS),
        };
        assert_eq!(entry, expected);
    }
    for email in [
        json!(null),
        json!(""),
        json!("nobody"),
        json!("@"),
        json!("a@"),
        json!(5),
        json!(["a@example.com"]),
    ] {
        assert_eq!(
            waitlist_of(json!({ "id": "wle_1", "email_address": email })).email,
            None,
            "{email}"
        );
    }
}

#[test]
fn deletions() {
    let deleted = |external_id: Option<&str>| {
        Some(Fact::UserDeleted(UserDeleted {
            user_id: "user_1".to_owned(),
            external_id: external_id.map(str::to_owned),
        }))
    };
    let cases = [
        (json!({ "deleted": true, "id": "user_1", "object": "user" }), deleted(None)),
        (json!({ "id": "user_1" }), deleted(None)),
        (
            json!({ "id": " user_1 ", "external_id": "ext-1", "deleted": "yes" }),
            deleted(Some("ext-1")),
        ),
        (json!({ "id": "user_1", "external_id": "" }), deleted(None)),
    ];
    for (data, expected) in cases {
        assert_eq!(read_value(&event("user.deleted", data)).unwrap().fact, expected);
    }
}

#[test]
fn what_cannot_be_acted_on_is_named_and_still_read() {
    let ids = [
        json!({}),
        json!(null),
        json!([]),
        json!("x"),
        json!({"id": null}),
        json!({"id": ""}),
        json!({"id": 42}),
        json!({"id": {}}),
    ];
    for data in ids {
        for kind in ACTED_ON {
            let error = read_value(
                &json!({ "type": kind, "data": data, "timestamp": MS, "instance_id": "ins_1" }),
            )
            .unwrap_err();
            assert_eq!(error.code(), "no_id");
            assert!(error.to_string().contains(kind), "{error}");
            let message = error.message().unwrap();
            assert_eq!((message.kind.as_str(), message.timestamp_ms), (kind, Some(MS)));
            assert_eq!((message.instance_id.as_deref(), &message.fact), (Some("ins_1"), &None));
        }
        assert!(read_value(&event("session.created", data)).is_ok());
    }
    let without_id =
        read_value(&event("waitlistEntry.created", json!({ "email_address": "a@example.com" })))
            .unwrap_err();
    assert_eq!(without_id.message().unwrap().subject.as_deref(), Some("a@example.com"));
    for kind in [json!(null), json!(""), json!(" "), json!(5), json!(["user.created"])] {
        let error = read_value(&json!({ "type": kind, "data": { "id": "user_1" } })).unwrap_err();
        assert_eq!(
            (error.code(), error.message().unwrap().subject.as_deref()),
            ("no_type", Some("user_1"))
        );
    }
    assert_eq!(read(b"{}").unwrap_err().code(), "no_type");
    for body in ["[]", "null", "\"user.created\"", "5", "[{\"type\":\"user.created\"}]", " true "] {
        assert_eq!(read(body.as_bytes()), Err(Unusable::NotAnObject), "{body}");
    }
    let broken: [(&[u8], usize, usize); 9] = [
        (b"", 1, 0),
        (b"{", 1, 1),
        (b"{\"a\":1}}", 1, 8),
        (b"{\n\"a\" 1}", 2, 5),
        (b"{'a':1}", 1, 2),
        (b"type=user.created", 1, 2),
        (b"\xff", 1, 1),
        (b"{\n \"a\":\"\xc3\"}", 2, 7),
        (b"\xef\xbb\xbf{}", 1, 1),
    ];
    for (body, line, column) in broken {
        assert_eq!(
            read(body),
            Err(Unusable::NotJson { line, column }),
            "{}",
            String::from_utf8_lossy(body)
        );
    }
}

#[test]
fn strange_but_harmless() {
    let message =
        read(br#"{"type":"x","type":"user.deleted","data":{"id":"a","id":"b"}}"#).unwrap();
    assert_eq!((message.kind.as_str(), message.object_id.as_deref()), ("user.deleted", Some("b")));
    let message = read(
        br#"{"type":"user.created","data":{"id":"u","first_name":"\ud800","last_name":"\u00e9"}}"#,
    )
    .unwrap();
    assert_eq!(message.subject.as_deref(), Some("é"));
    let message =
        read(br#"{"type":"user.created","data":{"id":"u","created_at":1e999,"unsafe_metadata":{"n":1e999}}}"#).unwrap();
    assert!(message.fact.is_some());
}

#[test]
fn deep_nesting_costs_no_stack_and_spoils_nothing() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        for place in ["unsafe_metadata", "email_addresses", "first_name", "created_at"] {
            let body = format!(
                "{{\"type\":\"user.created\",\"data\":{{\"id\":\"user_1\",\"last_name\":\"Ito\",\"{place}\":{deep}}}}}"
            );
            let message = read(body.as_bytes()).unwrap();
            assert_eq!(message.subject.as_deref(), Some("Ito"), "{place}");
        }
        assert!(read(deep.as_bytes()).is_err());
        assert!(read(open.repeat(100_000).as_bytes()).is_err());
        for whole in ["type", "data", "timestamp", "object"] {
            let _ = read(format!("{{\"{whole}\":{deep}}}").as_bytes());
        }
    }
}

#[test]
fn a_large_body_is_read() {
    let filler = "x".repeat(1_000_000);
    let many: Vec<_> = (0..5_000)
        .map(|n| json!({ "id": format!("idn_{n}"), "email_address": format!("a{n}@example.com") }))
        .collect();
    let user = user_of(json!({
        "id": "user_1", "unsafe_metadata": { "filler": filler }, "email_addresses": many, "primary_email_address_id": "idn_4999",
    }));
    assert_eq!(user.email.as_deref(), Some("a4999@example.com"));
}

#[test]
fn the_matching_key_of_an_address() {
    for (email, key) in [
        (" Ada@Example.COM\n", "ada@example.com"),
        ("ÜNAL@example.com", "ünal@example.com"),
        ("", ""),
    ] {
        assert_eq!(email_key(email), key);
    }
}

#[test]
fn samples_read_as_they_promise() {
    for seed in 0..300 {
        let facts: BTreeMap<_, _> = catalogue()
            .into_iter()
            .map(|entry| {
                let body = sample(entry.name, MS, seed).unwrap();
                let read = read_value(&body);
                let message = read
                    .as_ref()
                    .ok()
                    .or_else(|| read.as_ref().unwrap_err().message())
                    .unwrap()
                    .clone();
                assert_eq!(message.kind, entry.kind);
                assert_eq!(read.is_err(), entry.name == "user.deleted:no_id", "{}", entry.name);
                (entry.name, message)
            })
            .collect();
        let user = |name: &str| match &facts[name].fact {
            Some(Fact::User(user)) => user.clone(),
            other => panic!("{name}: {other:?}"),
        };
        let (created, updated) = (user("user.created"), user("user.updated"));
        let email = created.email.clone().unwrap();
        assert_eq!(
            (&created.user_id, &created.email, &created.first_name),
            (&updated.user_id, &updated.email, &updated.first_name)
        );
        assert_ne!(created.last_name, updated.last_name);
        assert_eq!((created.created_at_ms, created.updated_at_ms), (Some(MS), Some(MS)));
        assert!(updated.created_at_ms < updated.updated_at_ms && updated.updated_at_ms == Some(MS));
        assert!(
            ["example.com", "example.net", "example.org"]
                .contains(&email.rsplit_once('@').unwrap().1),
            "{email}"
        );
        assert!(
            email.bytes().all(|byte| byte.is_ascii_lowercase()
                || byte.is_ascii_digit()
                || b".@".contains(&byte)),
            "{email}"
        );
        let deleted = UserDeleted { user_id: created.user_id.clone(), external_id: None };
        assert_eq!(facts["user.deleted"].fact, Some(Fact::UserDeleted(deleted)));
        for name in ["waitlistEntry.created", "waitlistEntry.updated"] {
            let Some(Fact::Waitlist(entry)) = &facts[name].fact else { panic!("{name}") };
            assert_eq!(entry.email.as_ref(), Some(&email));
            assert!(
                entry.entry_id.starts_with("wle_") && entry.entry_id.len() == 31,
                "{}",
                entry.entry_id
            );
        }
        assert!(
            created.user_id.starts_with("user_") && created.user_id.len() == 32,
            "{}",
            created.user_id
        );
        for name in ["phone_only", "username_only", "no_primary", "dangling_primary"] {
            assert_eq!(user(&format!("user.created:{name}")).email, None, "{name}");
        }
        assert_eq!(
            facts["user.created:phone_only"]
                .subject
                .as_deref()
                .map(|text| text.ends_with("(phone only)")),
            Some(true)
        );
        assert_eq!(facts["user.created:username_only"].subject.as_deref(), Some("username only"));
        for name in ["two_emails", "no_names", "empty_names", "seconds", "bare"] {
            assert_eq!(
                user(&format!("user.created:{name}")).email.as_ref(),
                Some(&email),
                "{name}"
            );
        }
        for name in ["no_names", "empty_names", "bare"] {
            assert_eq!(user(&format!("user.created:{name}")).first_name, None, "{name}");
        }
        assert_eq!(user("user.created:seconds").updated_at_ms, Some(MS));
        assert_eq!(user("user.updated:late").updated_at_ms, Some(MS - 3_600_000));
    }
}

#[test]
fn samples_look_like_captures() {
    let body = sample("user.created", MS, 11).unwrap();
    let keys: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["data", "event_attributes", "instance_id", "object", "timestamp", "type"]);
    assert!(body["data"].as_object().unwrap().keys().is_sorted());
    assert!(body["event_attributes"]["http_request"]["client_ip"].is_string());
    assert_eq!(body["instance_id"].as_str().map(str::len), Some(31));
    assert_eq!(sample("user.created", MS, 11), Some(body));
    assert_eq!(sample("user.created:", MS, 11), None);
    assert_eq!(sample("session.exploded", MS, 11), None);
    for now_ms in [i64::MIN, -1, 0, i64::MAX] {
        assert!(catalogue().iter().all(|entry| sample(entry.name, now_ms, u64::MAX).is_some()));
    }
}

#[test]
fn different_seeds_are_different_people() {
    let mut seen = HashSet::new();
    for seed in 0..20_000 {
        let body = sample("waitlistEntry.created", MS, seed).unwrap();
        assert!(seen.insert(body["data"]["email_address"].as_str().unwrap().to_owned()), "{seed}");
        assert!(seen.insert(body["data"]["id"].as_str().unwrap().to_owned()), "{seed}");
    }
}

#[test]
fn the_catalogue_is_complete() {
    let entries = catalogue();
    let plain: Vec<_> = entries.iter().take(5).map(|entry| entry.name).collect();
    assert_eq!(plain, ACTED_ON);
    assert_eq!(entries.iter().map(|entry| entry.name).collect::<HashSet<_>>().len(), entries.len());
    for entry in entries {
        assert!(entry.name.starts_with(entry.kind), "{}", entry.name);
        assert!(!entry.title.is_empty() && entry.what_it_tests.ends_with('.'), "{}", entry.name);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = prop_oneof![
        Just("id".to_owned()),
        Just("type".to_owned()),
        Just("data".to_owned()),
        Just("email_addresses".to_owned()),
        Just("primary_email_address_id".to_owned()),
        Just("email_address".to_owned()),
        Just("created_at".to_owned()),
        Just("user.created".to_owned()),
        Just("user".to_owned()),
        Just("payer".to_owned()),
        ".{0,12}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(words.clone(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&body);
    }

    #[test]
    fn arbitrary_json_never_panics(body in any_json()) {
        let _ = read_value(&body);
    }

    #[test]
    fn arbitrary_data_in_a_known_event(kind in prop::sample::select(ACTED_ON.to_vec()), data in any_json()) {
        let result = read_value(&event(kind, data));
        let message = result.as_ref().ok().or_else(|| result.as_ref().err()?.message()).unwrap();
        prop_assert_eq!(message.kind.as_str(), kind);
        prop_assert_eq!(result.is_ok(), message.fact.is_some());
        if let Some(Fact::User(user)) = &message.fact {
            prop_assert_eq!(user.email.is_some(), user.no_email.is_none());
        }
    }

    #[test]
    fn a_sample_cut_or_flipped_anywhere_never_panics(
        seed in any::<u64>(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut body = serde_json::to_vec(&sample("user.updated", MS, seed).unwrap()).unwrap();
        let at = at.index(body.len());
        if cut { body.truncate(at) } else { body[at] = byte }
        let _ = read(&body);
    }
}
