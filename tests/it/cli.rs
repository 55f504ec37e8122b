//! The command line as scripts use it: words, exit codes, first lines, JSON.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::thread;

use kit::bin::Usher;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

#[path = "../../src-tauri/engine/src/bin/usher/set.rs"]
mod set;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn usher() -> (TempDir, Usher) {
    let folder = tempfile::tempdir().unwrap();
    let usher = Usher::new(folder.path());
    (folder, usher)
}

fn with_endpoint() -> (TempDir, Usher) {
    let (folder, usher) = usher();
    usher.json(&["endpoints", "add", "--name", "Local", "--secret", SECRET]);
    (folder, usher)
}

#[test]
fn words_and_exit_codes() {
    let (_folder, usher) = with_endpoint();
    for (words, code) in [
        (&["--help"][..], 0),
        (&["--version"], 0),
        (&["listen", "--help"], 0),
        (&["endpoints", "add", "--help"], 0),
        (&["endpoints", "list"], 0),
        (&["messages", "list"], 0),
        (&["messages", "list", "a", "b", "--limit", "0"], 0),
        (&["contacts", "list", "--json"], 0),
        (&["rebuild"], 0),
        (&["trigger", "user.created", "--print"], 0),
        (&["trigger", "session.created", "--print"], 0),
        (&["trigger", "--list"], 0),
        (&["fixtures", "import", "."], 0),
        (&[], 2),
        (&["nonsense"], 2),
        (&["endpoints"], 2),
        (&["endpoints", "add"], 2),
        (&["endpoints", "add", "--name", "X", "--secret", "nonsense!"], 2),
        (&["endpoints", "add", "--name", "X", "--on-delete", "explode"], 2),
        (&["endpoints", "add", "--name", "X", "--events", "user.created,x"], 2),
        (&["endpoints", "set", "Local", "--pause", "--resume"], 2),
        (&["messages", "show"], 2),
        (&["messages", "show", "one"], 2),
        (&["messages", "verify"], 2),
        (&["messages", "list", "--limit", "-1"], 2),
        (&["listen", "--port", "70000"], 2),
        (&["trigger", "user.exploded"], 2),
        (&["trigger", "user.created", "--set", "nonsense"], 2),
        (&["trigger", "user.created", "--print", "--set", "type.x=1"], 2),
        (&["trigger"], 2),
        (&["trigger", "user.created", "--print", "--add", "type=x"], 2),
        (&["trigger", "user.created", "--print", "--remove", "data.nothing"], 2),
        (&["trigger", "user.created", "--remove", "a..b"], 2),
        (&["trigger", "user.created", "--repeat", "0"], 2),
        (&["trigger", "user.created", "--repeat", "2", "--edit"], 2),
        (&["trigger", "user.created", "--repeat", "2", "--rate", "fast"], 2),
        (&["trigger", "user.created", "--rate", "10/s"], 2),
        (&["trigger", "user.created", "--scenario", "storm"], 2),
        (&["trigger", "--scenario", "nonsense"], 2),
        (&["fixtures"], 2),
        (&["fixtures", "save", "1"], 2),
        (&["fixtures", "save", "99", "--name", "a/b"], 3),
        (&["fixtures", "forget", "nothing"], 3),
        (&["fixtures", "import", "/nowhere/at/all"], 3),
        (&["replay", "1", "--to", "http://localhost:3000/"], 3),
        (&["backup"], 2),
        (&["endpoints", "add", "--name", "X", "--environment", "Nowhere"], 3),
        (&["endpoints", "set", "Nobody", "--pause"], 3),
        (&["endpoints", "remove", "Nobody"], 3),
        (&["messages", "show", "99"], 3),
        (&["messages", "copy", "99"], 3),
        (&["messages", "pin", "99"], 3),
        (&["messages", "verify", "99", "98"], 3),
        (&["replay", "99"], 3),
        (&["contacts", "show", "99"], 3),
        (&["contacts", "show", "nobody@example.com"], 3),
        (&["contacts", "list", "--environment", "Nowhere"], 3),
        (&["trigger", "user.created", "--endpoint", "Nobody"], 3),
        (&["trigger", "user.created"], 1),
        (&["trigger", "--scenario", "sign-up"], 1),
        (&["endpoints", "add", "--name", "Local"], 1),
        (&["backup", "/nowhere/at/all.db"], 1),
    ] {
        let ran = usher.run(words);
        assert_eq!(ran.code, code, "{words:?}: {ran:?}");
        assert_eq!(
            ran.err.trim().is_empty(),
            code == 0 && !words.contains(&"--print"),
            "{words:?}: {ran:?}"
        );
        assert!(code == 0 || ran.out.is_empty(), "{words:?}: {ran:?}");
    }
}

#[test]
fn without_a_listener_trigger_says_how_to_start_one() {
    let (_folder, usher) = with_endpoint();
    assert!(usher.run(&["trigger", "user.created"]).err.contains("usher listen"));
}

#[test]
fn an_endpoint_is_made_listed_changed_and_removed() {
    let (_folder, usher) = usher();
    let added = usher.json(&["endpoints", "add", "--name", "Shop", "--secret", SECRET]);
    let [added] = added.as_slice() else { panic!("{added:?}") };
    let keys: Vec<&String> = added.as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 3);
    let (path, url) = (added["path"].as_str().unwrap(), added["url"].as_str().unwrap());
    assert!(
        path.starts_with("/in/") && url.ends_with(path) && url.starts_with("http://127.0.0.1:")
    );

    let only = ["--events", "user.created,user.deleted", "--on-delete", "delete"];
    let words = [&["endpoints", "set", "shop", "--name", "Store", "--pause"][..], &only].concat();
    let set = usher.json(&words);
    assert_eq!(set[0]["name"], "Store");
    assert_eq!(set[0]["paused"], true);
    assert_eq!(set[0]["enabledEvents"], json!(["user.created", "user.deleted"]));

    usher.json(&["endpoints", "add", "--name", "Second"]);
    let names = |limit| -> Vec<Value> {
        let rows = usher.json(&["endpoints", "list", "--limit", limit]);
        rows.into_iter().map(|row| row["name"].clone()).collect()
    };
    assert_eq!(names("0"), ["Second", "Store"]);
    assert_eq!(names("1"), ["Second"]);

    usher.json(&["endpoints", "remove", "Store"]);
    assert_eq!(names("0"), ["Second"]);
}

#[test]
fn what_arrives_is_told_listed_and_shown() {
    let (_folder, usher) = with_endpoint();
    let listening = usher.listen(&[]);
    assert!(listening.url().starts_with("http://127.0.0.1:"));
    let email = "--set=data.email_addresses.0.email_address=grace@example.com";
    let sent = usher.json(&["trigger", "user.created", email, "--set=data.first_name=Grace"]);
    assert_eq!(sent[0]["status"], 200, "{sent:?}");

    let line = listening.line();
    assert_eq!(line["type"], "message");
    assert_eq!(line["event"], "user.created");
    assert_eq!(line["outcome"], "processed");
    assert_eq!(line["id"], sent[0]["messageId"]);
    assert_eq!(line["svixId"], sent[0]["svixId"]);

    let messages = usher.json(&["messages", "list", "grace"]);
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(message["type"], "user.created");
    assert_eq!(message["endpoint"], "Local");
    let id = message["id"].to_string();
    let shown = usher.json(&["messages", "show", &id]);
    for field in ["headers", "body", "steps", "changes"] {
        assert!(
            !shown[0][field].as_str().map_or(shown[0][field] == json!([]), str::is_empty),
            "{field}"
        );
    }
    assert_eq!(usher.run(&["messages", "show", &id]).code, 0);

    let contacts = usher.json(&["contacts", "list"]);
    let [contact] = contacts.as_slice() else { panic!("{contacts:?}") };
    assert_eq!(contact["email"], "grace@example.com");
    assert_eq!(contact["source"], "Clerk webhook");
    assert_eq!(contact["subscribed"], true);
    for named in
        ["GRACE@example.com", &contact["id"].to_string(), contact["userId"].as_str().unwrap()]
    {
        let shown = usher.json(&["contacts", "show", named]);
        assert_eq!(shown[0]["email"], "grace@example.com");
        assert_eq!(shown[0]["timeline"].as_array().unwrap().len(), 1);
    }
    assert!(usher.run(&["contacts", "show", "grace@example.com"]).out.contains("Timeline"));

    assert_eq!(usher.json(&["rebuild"])[0]["contacts"], 1);
    assert_eq!(listening.signal("TERM"), Some(0));
    assert_eq!(usher.json(&["contacts", "list"]).len(), 1);
}

#[test]
fn a_printed_message_can_be_sent_by_anybody() {
    let (_folder, usher) = with_endpoint();
    let listening = usher.listen(&[]);
    let printed = usher.json(&["trigger", "waitlistEntry.created", "--print"]);
    let (url, body) = (printed[0]["url"].as_str().unwrap(), printed[0]["body"].as_str().unwrap());
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    assert!(listening.url().ends_with(host));
    let mut request = format!("POST /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in printed[0]["headers"].as_object().unwrap() {
        if name != "content-length" && name != "host" {
            request += &format!("{name}: {}\r\n", value.as_str().unwrap());
        }
    }
    request += &format!("content-length: {}\r\n\r\n{body}", body.len());
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(listening.line()["event"], "waitlistEntry.created");

    let raw = usher.run(&["trigger", "user.created", "--print"]).out;
    let (headers, body) = raw.split_once("\n\n").unwrap();
    assert!(headers.contains("svix-signature: v1,"), "{headers}");
    assert!(serde_json::from_str::<Value>(body).is_ok());
}

#[test]
fn a_second_listener_follows_and_takes_over() {
    let (_folder, usher) = with_endpoint();
    let first = usher.listen(&[]);
    let second = usher.listen(&[]);
    let url = first.url().to_owned();
    assert_eq!(second.url(), url);
    usher.json(&["trigger", "user.created"]);
    let message = first.line();
    assert_eq!(message, second.line());
    usher.json(&["replay", "1", "--same-id"]);
    let again = first.line();
    assert_eq!((&again["type"], &again["id"]), (&json!("repeat"), &message["id"]));
    assert_eq!(again["duplicates"], 1);
    assert_eq!(again, second.line());

    let other = usher.run(&["listen", "--port", "1"]);
    assert_eq!((other.code, other.out.as_str()), (1, ""), "{other:?}");

    assert_eq!(first.signal("INT"), Some(0));
    assert_eq!(second.line(), json!({ "type": "ready", "url": url }));
    usher.json(&["trigger", "user.created"]);
    assert_eq!(second.line()["type"], "message");
    assert_eq!(second.signal("TERM"), Some(0));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let (_folder, usher) = usher();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran = usher.run(&["listen", "--port", &port]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
    assert!(ran.err.contains(&port), "{ran:?}");
}

#[test]
fn commands_at_the_same_time_wait_for_each_other() {
    let (_folder, usher) = with_endpoint();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| assert_eq!(usher.json(&["endpoints", "list"]).len(), 1));
        }
    });
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let (_folder, usher) = with_endpoint();
    let mut child = usher.command(&["endpoints", "list"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_backup_is_a_database_of_its_own() {
    let (folder, usher) = with_endpoint();
    let file = folder.path().join("copy.db");
    let name = file.to_str().unwrap();
    let done = usher.json(&["backup", name]);
    assert_eq!(done[0]["bytes"].as_u64().unwrap(), file.metadata().unwrap().len());
    assert_eq!(usher.run(&["backup", name]).code, 1);
}

#[test]
fn samples_are_changed_added_to_and_cut() {
    let (_folder, usher) = with_endpoint();
    let printed = usher.json(&[
        "trigger",
        "user.created",
        "--print",
        "--set=data.first_name=Ada",
        "--add=data.public_metadata.plan=pro",
        "--add=data.phone_numbers={\"id\":\"idn_x\"}",
        "--remove=data.last_name",
        "--remove=data.email_addresses.0",
    ]);
    let body: Value = serde_json::from_str(printed[0]["body"].as_str().unwrap()).unwrap();
    let data = &body["data"];
    assert_eq!(data["first_name"], "Ada");
    assert_eq!(data["public_metadata"], json!({ "plan": "pro" }));
    assert_eq!(data["phone_numbers"], json!([{ "id": "idn_x" }]));
    assert_eq!((data.get("last_name"), &data["email_addresses"]), (None, &json!([])));
}

#[test]
fn messages_are_repeated_each_about_somebody_else() {
    let (_folder, usher) = with_endpoint();
    let _listening = usher.listen(&[]);
    let words = ["trigger", "user.created", "--repeat", "4", "--rate", "1000/s"];
    let sent = usher.json(&words);
    assert_eq!(sent.len(), 4);
    assert_eq!(usher.json(&["contacts", "list"]).len(), 4);
    let refused = usher.run(&["trigger", "user.created:wrong_secret", "--repeat", "2"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("2 of 2 messages were refused."), "{refused:?}");
}

#[test]
fn a_story_is_played_and_all_of_them_are_listed() {
    let (_folder, usher) = with_endpoint();
    let _listening = usher.listen(&[]);
    let played = usher.run(&["trigger", "--scenario", "waitlist-to-user"]);
    assert_eq!(played.out, "Sent 4 messages; all were accepted.\n", "{played:?}");
    let contacts = usher.json(&["contacts", "list"]);
    assert_eq!(contacts.len(), 1);
    assert!(contacts[0]["userId"].is_string());
    let played = usher.run(&["trigger", "--scenario", "retries"]);
    assert_eq!(
        (played.code, played.out.as_str()),
        (0, "Sent 3 messages; 1 was refused, as the story has it.\n")
    );
    let lacking = usher.run(&["trigger", "--scenario", "rotation"]);
    assert_eq!(lacking.code, 2);
    assert!(lacking.err.contains("needs 2 signing secrets"), "{lacking:?}");
    let list = usher.run(&["trigger", "--list"]).out;
    for words in ["session.revoked", "user.created:altered_body", "storm", "Two hundred messages"] {
        assert!(list.contains(words), "{words}: {list}");
    }
}

#[cfg(unix)]
#[test]
fn a_body_is_edited_until_it_is_json() {
    use std::os::unix::fs::PermissionsExt as _;

    let (folder, usher) = with_endpoint();
    let script = folder.path().join("editor.sh");
    let edit = |text: &str| {
        std::fs::write(&script, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    };
    let usher = usher.with("VISUAL", "").with("EDITOR", format!("{} --wait", script.display()));
    let words = ["trigger", "user.created", "--print", "--edit"];

    edit(
        "if [ -e \"$0.again\" ]; then echo '{\"type\":\"mine\"}' > \"$2\"; \
          else touch \"$0.again\"; printf '{\\n\"a\": x}' > \"$2\"; fi",
    );
    let ran = usher.run(&words);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("Line 2, column 6"), "{ran:?}");
    assert!(ran.out.ends_with("\n\n{\"type\":\"mine\"}"), "{ran:?}");

    edit("echo '{' > \"$2\"");
    let ran = usher.run(&words);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    edit("exit 3");
    assert_eq!(usher.run(&words).code, 1);
    let nobody = Usher::new(usher.folder()).with("VISUAL", "").with("EDITOR", "");
    let ran = nobody.run(&words);
    assert!(ran.code == 2 && ran.err.contains("EDITOR"), "{ran:?}");
}

#[test]
fn own_messages_are_saved_sent_and_kept_as_files() {
    let (folder, usher) = with_endpoint();
    let _listening = usher.listen(&[]);
    let sent = usher.json(&["trigger", "session.created"]);
    let id = sent[0]["messageId"].to_string();
    let saved = usher.run(&["fixtures", "save", &id, "--name", "in", "--title", "Signed in"]);
    assert_eq!(saved.out, "Saved. Send it with: usher trigger own:in\n", "{saved:?}");
    assert_eq!(usher.json(&["trigger", "own:in"])[0]["status"], 200);
    let files = folder.path().join("files");
    let files = files.to_str().unwrap();
    assert_eq!(usher.json(&["fixtures", "export", files])[0]["count"], 1);
    assert_eq!(usher.run(&["fixtures", "forget", "own:in"]).code, 0);
    assert!(usher.json(&["fixtures", "list"]).is_empty());
    std::fs::write(folder.path().join("files/broken.json"), "{").unwrap();
    let ran = usher.run(&["fixtures", "import", files]);
    assert_eq!((ran.code, ran.out.as_str()), (1, "1 added, 0 changed, 0 unchanged.\n"), "{ran:?}");
    assert!(ran.err.starts_with("broken.json: Line 1, column 1"), "{ran:?}");
    let list = usher.json(&["fixtures", "list"]);
    assert_eq!((&list[0]["name"], &list[0]["title"]), (&json!("own:in"), &json!("Signed in")));
    assert!(usher.run(&["fixtures", "list"]).out.contains("session.created"));
    let usher = Usher::new(usher.folder()).with("HOME", folder.path());
    let ran = usher.run(&["fixtures", "export", "~/from-home"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(folder.path().join("from-home/in.json").is_file());
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,4}", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_set_can_be_read_and_nothing_else_moves(
        path in prop::collection::vec("[a-z_]{1,6}", 1..5),
        value in json_value(),
        other in prop::collection::btree_map("[A-Z]{1,4}", json_value(), 0..4),
    ) {
        let mut document = json!(other);
        let text = format!("{}={value}", path.join("."));
        text.parse::<set::Set>().unwrap().apply(&mut document).unwrap();
        prop_assert_eq!(document.pointer(&format!("/{}", path.join("/"))), Some(&value));
        let mut rest: BTreeMap<String, Value> = serde_json::from_value(document).unwrap();
        rest.remove(&path[0]);
        prop_assert_eq!(rest, other);
    }

    #[test]
    fn nothing_typed_makes_it_panic(text in ".{0,40}", mut document in json_value()) {
        if let Ok(set) = text.parse::<set::Set>() {
            let _ = set.apply(&mut document);
        }
        if let Ok(add) = text.parse::<set::Add>() {
            let _ = add.apply(&mut document);
        }
        if let Ok(remove) = text.parse::<set::Remove>() {
            let _ = remove.apply(&mut document);
        }
    }
}
