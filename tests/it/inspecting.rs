//! Inspecting from the command line: searching, following, replaying, copying, pinning.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use kit::bin::Usher;
use serde_json::Value;
use tempfile::TempDir;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn with_endpoint() -> (TempDir, Usher) {
    let folder = tempfile::tempdir().unwrap();
    let usher = Usher::new(folder.path());
    usher.json(&["endpoints", "add", "--name", "Local", "--secret", SECRET]);
    (folder, usher)
}

#[test]
fn the_first_steps_of_the_help_work() {
    let folder = tempfile::tempdir().unwrap();
    let usher = Usher::new(folder.path());
    let _listening = usher.listen(&[]);
    let sent = usher.run(&["trigger", "user.created"]);
    assert_eq!(sent.code, 0, "{sent:?}");
    assert!(sent.err.contains("\"Clerk\" was made, with a secret of its own"), "{sent:?}");
    assert_eq!(usher.json(&["contacts", "list"]).len(), 1);
    usher.json(&["endpoints", "add", "--name", "Second", "--secret", "new"]);
    assert_eq!(usher.run(&["trigger", "user.created", "--endpoint", "Second"]).code, 0);
}

#[test]
fn a_search_that_cannot_be_read_says_what_is_wrong() {
    let (_folder, usher) = with_endpoint();
    for (search, says) in [
        ("tpye:user.created", "Did you mean type:user.created?"),
        ("status:refusd", "Did you mean status:refused?"),
        ("a )", "This bracket closes nothing."),
    ] {
        let ran = usher.run(&["messages", "list", search]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{search}: {ran:?}");
        assert!(ran.err.contains(says), "{search}: {}", ran.err);
    }
}

#[test]
fn messages_are_searched_replayed_copied_and_pinned() {
    let (_folder, usher) = with_endpoint();
    let _listening = usher.listen(&[]);
    usher.json(&["trigger", "user.created"]);
    let found = usher.json(&["messages", "list", "type:user.created", "-status:refused"]);
    let [first] = found.as_slice() else { panic!("{found:?}") };
    let id = first["id"].to_string();
    let again = usher.json(&["replay", &id]);
    assert_eq!(again[0]["sent"], 1, "{again:?}");
    let replays = usher.json(&["messages", "list", "is:replayed"]);
    assert_eq!(replays[0]["originId"], first["id"], "{replays:?}");
    let all = usher.json(&["replay", "--search", "type:user.created", "--same-id"]);
    assert_eq!(all[0]["sent"], 2, "{all:?}");
    usher.json(&["messages", "pin", &id]);
    assert_eq!(usher.json(&["messages", "list", "is:pinned"]).len(), 1);
    usher.json(&["messages", "pin", &id, "--off"]);
    assert_eq!(usher.json(&["messages", "list", "is:pinned"]).len(), 0);

    let copied = usher.run(&["messages", "copy", &id]);
    assert_eq!(copied.code, 0, "{copied:?}");
    let ran = Command::new("sh").args(["-c", &format!("{} -s", copied.out.trim_end())]).output();
    let answer: Value = serde_json::from_slice(&ran.unwrap().stdout).unwrap();
    assert_eq!(answer["ok"], true, "{answer}");
    let redacted = usher.run(&["messages", "copy", &id, "--as", "json", "--redacted"]).out;
    assert!(!redacted.contains(first["subject"].as_str().unwrap()), "{redacted}");
    let har = usher.run(&["messages", "copy", "--search", "type:user.created", "--as", "har"]).out;
    let har: Value = serde_json::from_str(&har).unwrap();
    assert_eq!(har["log"]["entries"].as_array().unwrap().len(), 2);
    assert_eq!(usher.run(&["messages", "verify", "--search", "status:refused"]).code, 0);
}

#[test]
fn options_may_stand_before_and_behind_a_search_and_a_minus_belongs_to_it() {
    let (_folder, usher) = with_endpoint();
    let _listening = usher.listen(&[]);
    for _ in 0..3 {
        usher.json(&["trigger", "user.created"]);
    }
    usher.json(&["trigger", "session.created"]);
    for (words, rows) in [
        (&["type:user.*", "--limit", "2"][..], 2),
        (&["--limit", "2", "type:user.*"], 2),
        (&["-type:session.*", "--limit=2"], 2),
        (&["user", "-type:session.*", "-\"no such words\""], 3),
        (&["-(type:user.* OR is:pinned)"], 1),
        (&["--", "-type:session.*"], 3),
    ] {
        let words = [&["--json", "messages", "list"], words].concat();
        assert_eq!(usher.run(&words).out.lines().count(), rows, "{words:?}");
    }
    assert_eq!(usher.run(&["messages", "list", "user", "--limt", "3"]).code, 2);
    assert_eq!(usher.run(&["contacts", "list", "example", "--json"]).out.lines().count(), 3);
    assert_eq!(usher.json(&["replay", "--search", "-type:user.*"])[0]["sent"], 1);
}

#[test]
fn refused_ones_are_replayed_only_when_that_is_said() {
    let (_folder, usher) = with_endpoint();
    let _listening = usher.listen(&[]);
    usher.json(&["trigger", "user.created"]);
    usher.run(&["trigger", "user.created:wrong_secret"]);
    let refused = usher.json(&["messages", "list", "status:refused"]).remove(0)["id"].to_string();
    let alone = usher.run(&["replay", &refused]);
    assert!(alone.err.contains("nobody knows who sent it"), "{alone:?}");
    assert_eq!(alone.code, 1);
    let all = usher.json(&["replay", "--search", "type:user.created"]).remove(0);
    assert_eq!((&all["sent"], &all["leftOut"]), (&Value::from(1), &Value::from(1)), "{all}");
    let said = "1 message was sent again, 1 refused one was left out. ";
    assert!(all["sentence"].as_str().unwrap().starts_with(said), "{all}");
    let asked = usher.json(&["replay", &refused, "--even-refused"]).remove(0);
    assert_eq!(asked["sent"], 1, "{asked}");
}

#[test]
fn dates_are_those_of_a_zone_that_has_no_name_too() {
    let (_folder, usher) = with_endpoint();
    let _listening = usher.listen(&[]);
    usher.json(&["trigger", "user.created"]);
    let in_zone = |words: &[&str]| {
        let done = usher.command(words).env("TZ", "EAST-24").output().unwrap();
        String::from_utf8(done.stdout).unwrap()
    };
    let shown = in_zone(&["messages", "list"]);
    let date = shown.split_whitespace().find(|word| word.starts_with("20")).unwrap();
    assert_eq!(in_zone(&["--json", "messages", "list", &format!("before:{date}")]), "");
    let found = in_zone(&["--json", "messages", "list", &format!("after:{date}")]);
    assert_eq!(found.lines().count(), 1, "{shown}");
}

#[test]
fn what_arrives_and_matches_is_followed() {
    let (_folder, usher) = with_endpoint();
    let _listening = usher.listen(&[]);
    for name in ["Ada", "Bo", "Cy"] {
        usher.json(&["trigger", "user.updated", "--set", &format!("data.first_name={name}")]);
    }
    let words = ["messages", "list", "--json", "type:user.updated", "--follow", "--limit", "2"];
    let mut following =
        usher.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut says = BufReader::new(following.stderr.take().unwrap()).lines();
    assert_eq!(says.next().unwrap().unwrap(), "Following. Press Ctrl+C to stop.");
    usher.json(&["trigger", "user.created"]);
    usher.json(&["trigger", "user.updated"]);
    usher.json(&["replay", "4", "--same-id"]);
    usher.json(&["replay", "1", "--same-id"]);
    let lines = BufReader::new(following.stdout.take().unwrap()).lines().take(4);
    let rows: Vec<Value> =
        lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    following.kill().unwrap();
    following.wait().unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [2, 3, 5, 1], "the last two, what came, and what came again");
    assert_eq!(rows[3]["duplicates"], 1);
    assert!(rows.iter().all(|row| row["type"] == "user.updated"));
}
