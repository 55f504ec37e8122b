//! When nothing can be stored: Svix hears 503, the screen says why, nothing acknowledged is lost, and
//! it goes on by itself once the cause is gone. And going back to a backup.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use kit::app::{ManualClock, NOON, SECRET, TestApp, TestEndpoint, at_once, user};
use kit::bin::Usher;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use usher_engine::api::Code;
use usher_engine::clock::Clock;
use usher_engine::host::{Address, Host};
use usher_engine::secret::Choice;
use usher_engine::{Config, Engine, OpenError};

fn person(number: i64) -> Value {
    let email = format!("p{number}@example.com");
    user("user.created", &format!("user_{number}"), Some(&email), "Pat", NOON)
}

fn stores(status: &Value) -> bool {
    status["storage"]["ok"] == json!(true)
}

fn fails(status: &Value) -> bool {
    !stores(status)
}

async fn storage(app: &TestApp) -> Value {
    app.call("app.status", json!({})).await["storage"].clone()
}

/// A message comes and cannot be stored: 503 with these words, and the screen says what `says`.
async fn refused(app: &TestApp, endpoint: &TestEndpoint, number: i64, words: &str, says: &str) {
    let reply = app.post_as(endpoint, &format!("msg_{number}"), &person(number)).await;
    assert_eq!((reply.status, &reply.body["id"]), (503, &Value::Null), "{reply:?}");
    assert!(reply.head.to_lowercase().contains("retry-after: 5"), "{}", reply.head);
    assert!(reply.field("message").contains(words), "{reply:?}");
    let storage = storage(app).await;
    assert_eq!(storage["ok"], json!(false));
    assert!(storage["problem"].as_str().unwrap().contains(says), "{storage}");
    assert!(storage["since"].as_i64().unwrap() >= NOON, "{storage}");
}

/// The same engine stores again, by itself: first the screen says so, then a message proves it.
async fn recovers(app: &TestApp, endpoint: &TestEndpoint, number: i64) {
    let status = app.until(stores).await;
    assert_eq!(
        (&status["storage"]["problem"], &status["storage"]["since"]),
        (&Value::Null, &Value::Null)
    );
    let reply = app.post_as(endpoint, &format!("msg_{number}"), &person(number)).await;
    assert_eq!(reply.brief(), "200 processed", "{reply:?}");
    let stored = app.number("select count(*) from message where accepted = 1").await;
    assert_eq!(i64::try_from(app.messages().await.len()).unwrap(), stored);
    assert_eq!(app.contacts().await.len() as i64, stored, "every message is a person");
    assert_eq!(
        app.number("select count(*) from pragma_integrity_check where integrity_check <> 'ok'")
            .await,
        0
    );
}

async fn with_one_message() -> (TestApp, TestEndpoint) {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    assert_eq!(app.post_as(&endpoint, "msg_1", &person(1)).await.brief(), "200 processed");
    (app, endpoint)
}

fn beside(folder: &Path) -> PathBuf {
    folder.with_extension("taken-away")
}

/// Has one message and no room for another, until the file is removed; or why that cannot be arranged.
#[cfg(target_os = "linux")]
async fn on_a_full_disk() -> Result<(kit::fault::Volume, PathBuf, TestApp, TestEndpoint), String> {
    let volume = kit::fault::Volume::of(3)?;
    let app = TestApp::start_with(|config| config.data_dir = volume.path().join("data")).await;
    let endpoint = app.endpoint().await;
    assert_eq!(app.post_as(&endpoint, "msg_1", &person(1)).await.brief(), "200 processed");
    let filler = volume.fill();
    Ok((volume, filler, app, endpoint))
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk() {
    let (_volume, filler, app, endpoint) = match on_a_full_disk().await {
        Ok(all) => all,
        Err(why) => return println!("not tested, because nothing can be mounted here: {why}"),
    };
    let mut acknowledged = 1;
    let mut number = 2;
    loop {
        let reply = app.post_as(&endpoint, &format!("msg_{number}"), &person(number)).await;
        if reply.status == 503 {
            break;
        }
        assert_eq!(reply.brief(), "200 processed");
        (acknowledged, number) = (acknowledged + 1, number + 1);
        assert!(number < 500, "the disk does not fill up");
    }
    refused(&app, &endpoint, number, "the disk is full", "Free some space").await;
    assert_eq!(app.number("select count(*) from message").await, acknowledged);
    let health = app.send("GET", "/health", &[], b"").await;
    assert_eq!(health.status, 200, "it still listens");
    fs::remove_file(filler).unwrap();
    recovers(&app, &endpoint, number).await;
    app.close().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_with_room_for_a_little_is_still_full() {
    let (_volume, filler, app, endpoint) = match on_a_full_disk().await {
        Ok(all) => all,
        Err(why) => return println!("not tested, because nothing can be mounted here: {why}"),
    };
    let shorter = fs::OpenOptions::new().write(true).open(&filler).unwrap();
    shorter.set_len(shorter.metadata().unwrap().len() - 64 * 1024).unwrap();
    drop(shorter);
    let mut large = person(2);
    large["data"]["public_metadata"] = json!({ "note": "x".repeat(200_000) });
    assert_eq!(app.post_as(&endpoint, "msg_2", &large).await.status, 503);
    let pin = json!({ "which": { "ids": [1] }, "pinned": true });
    assert_eq!(app.call("messages.pin", pin).await["count"], json!(1), "there is room for that");
    let storage = storage(&app).await;
    assert!(storage["problem"].as_str().unwrap().contains("Free some space"), "{storage}");
    fs::remove_file(filler).unwrap();
    recovers(&app, &endpoint, 3).await;
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_written_to() {
    let (app, endpoint) = with_one_message().await;
    let files = [app.dir().join("usher.db"), app.dir().join("usher.db-wal")];
    let lock = |how: &str| {
        let done = Command::new("chattr").arg(how).args(&files).output();
        done.is_ok_and(|done| done.status.success())
    };
    if !lock("+i") {
        println!("not tested, because files cannot be made immutable here (chattr +i)");
        return app.close().await;
    }
    let first = app.post_as(&endpoint, "msg_2", &person(2)).await;
    assert_eq!(first.status, 503, "{first:?}");
    refused(&app, &endpoint, 2, "cannot be written to", "writable again").await;
    assert!(lock("-i"));
    recovers(&app, &endpoint, 2).await;
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_another_program_locks() {
    let (app, endpoint) = with_one_message().await;
    let options = SqliteConnectOptions::new().filename(app.dir().join("usher.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("begin immediate").execute(&mut other).await.unwrap();
    refused(&app, &endpoint, 2, "in use by another program", "Close the program").await;
    sqlx::raw_sql("rollback").execute(&mut other).await.unwrap();
    recovers(&app, &endpoint, 2).await;
    other.close().await.unwrap();
    app.close().await;
}

/// Overwrites the root page of a table with nonsense and returns what was there.
async fn damage(app_folder: &Path, table: &str) -> (u64, Vec<u8>) {
    let file = app_folder.join("usher.db");
    let options = SqliteConnectOptions::new().filename(&file);
    let mut db = SqliteConnection::connect_with(&options).await.unwrap();
    let page: i64 = sqlx::query_scalar("select rootpage from sqlite_schema where name = ?1")
        .bind(table)
        .fetch_one(&mut db)
        .await
        .unwrap();
    let size: i64 = sqlx::query_scalar("pragma page_size").fetch_one(&mut db).await.unwrap();
    db.close().await.unwrap();
    let at = u64::try_from((page - 1) * size).unwrap();
    let open = fs::OpenOptions::new().read(true).write(true).open(&file).unwrap();
    let mut whole = vec![0; usize::try_from(size).unwrap()];
    open.read_exact_at(&mut whole, at).unwrap();
    open.write_all_at(&vec![0x5a; whole.len()], at).unwrap();
    (at, whole)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_page() {
    let (app, endpoint) = with_one_message().await;
    let stopped = app.stop().await;
    let (at, whole) = damage(&stopped.dir(), "message_body").await;
    let app = stopped.start().await;
    refused(&app, &endpoint, 2, "the database is damaged", "usher restore FILE").await;
    refused(&app, &endpoint, 2, "the database is damaged", "usher doctor --full").await;
    let checks = app.call("diagnostics.doctor", json!({ "full": false })).await;
    assert_eq!(checks[0]["verdict"], json!("failed"), "{checks}");
    let file = fs::OpenOptions::new().write(true).open(app.dir().join("usher.db")).unwrap();
    file.write_all_at(&whole, at).unwrap();
    recovers(&app, &endpoint, 2).await;
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_audience_is_no_reason_to_acknowledge() {
    let (app, endpoint) = with_one_message().await;
    let stopped = app.stop().await;
    let (at, whole) = damage(&stopped.dir(), "seen_email").await;
    let app = stopped.start().await;
    refused(&app, &endpoint, 2, "the database is damaged", "usher restore FILE").await;
    let file = fs::OpenOptions::new().write(true).open(app.dir().join("usher.db")).unwrap();
    file.write_all_at(&whole, at).unwrap();
    recovers(&app, &endpoint, 2).await;
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_taken_away_and_put_back() {
    let (app, endpoint) = with_one_message().await;
    let (here, away) = (app.dir(), beside(&app.dir()));
    fs::rename(&here, &away).unwrap();
    refused(&app, &endpoint, 2, "not in its place", "is gone").await;
    refused(&app, &endpoint, 2, "not in its place", "Put it back").await;
    fs::rename(&away, &here).unwrap();
    recovers(&app, &endpoint, 2).await;
    assert_eq!(storage(&app).await["note"], Value::Null, "nothing else happened");

    fs::rename(&here, &away).unwrap();
    app.until(fails).await;
    fs::rename(&away, &here).unwrap();
    recovers(&app, &endpoint, 3).await;
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_deleted_and_made_anew_is_started_in_anew() {
    let (app, endpoint) = with_one_message().await;
    fs::remove_dir_all(app.dir()).unwrap();
    refused(&app, &endpoint, 2, "not in its place", "make an empty one").await;
    fs::create_dir(app.dir()).unwrap();
    let status = app.until(stores).await;
    assert!(status["storage"]["note"].as_str().unwrap().contains("started anew"), "{status}");
    assert_eq!(
        app.post_as(&endpoint, "msg_2", &person(2)).await.status,
        404,
        "its endpoint is gone"
    );
    let endpoint = app.endpoint().await;
    recovers(&app, &endpoint, 2).await;
    let second = Engine::open(app.config()).await;
    assert!(matches!(second.err(), Some(OpenError::InUse(_))), "the new folder is locked too");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_from_its_folder_is_not_replaced_by_an_empty_one() {
    let (app, endpoint) = with_one_message().await;
    let file = app.dir().join("usher.db");
    let away = app.dir().join("elsewhere");
    fs::rename(&file, &away).unwrap();
    refused(&app, &endpoint, 2, "not in its place", "Put it back").await;
    for _ in 0..5 {
        app.clock.advance(31_000);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(!file.exists());
    fs::rename(&away, &file).unwrap();
    recovers(&app, &endpoint, 2).await;
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_database_in_the_same_place_is_opened() {
    let (app, endpoint) = with_one_message().await;
    let copy = app.dir().join("copy");
    app.call("app.backup", json!({ "file": copy.to_str().unwrap() })).await;
    assert_eq!(app.post_as(&endpoint, "msg_2", &person(2)).await.brief(), "200 processed");
    fs::rename(&copy, app.dir().join("usher.db")).unwrap();
    refused(&app, &endpoint, 3, "not in its place", "another database").await;
    let status = app.until(stores).await;
    assert!(status["storage"]["note"].as_str().unwrap().contains("another database"), "{status}");
    assert_eq!(app.messages().await.len(), 1, "that of the copy");
    recovers(&app, &endpoint, 3).await;
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_deleted_takes_nothing_with_it() {
    let (app, endpoint) = with_one_message().await;
    fs::remove_file(app.dir().join("usher.db-wal")).unwrap();
    refused(&app, &endpoint, 2, "not in its place", "taken out").await;
    app.until(stores).await;
    assert_eq!(app.messages().await.len(), 1, "what was in the log is in the file now");
    recovers(&app, &endpoint, 2).await;
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_person_does_wrong_is_no_problem_of_the_storage() {
    let app = TestApp::start().await;
    app.environment_named("Other").await;
    let twice = app.try_call("environments.add", json!({ "name": "Other" })).await;
    assert_eq!(twice.unwrap_err().code, Code::Conflict);
    assert_eq!(
        storage(&app).await,
        json!({ "ok": true, "problem": null, "since": null, "note": null })
    );
    app.close().await;
}

async fn rows(file: &Path) -> Vec<String> {
    let options = SqliteConnectOptions::new().filename(file);
    let mut db = SqliteConnection::connect_with(&options).await.unwrap();
    let ids = sqlx::query_scalar("select svix_id from message order by id");
    let ids = ids.fetch_all(&mut db).await.unwrap();
    db.close().await.unwrap();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn going_back_to_a_backup_while_messages_arrive_loses_none_that_was_acknowledged() {
    let (app, endpoint) = with_one_message().await;
    let copy = app.dir().join("copy.db");
    let copy = copy.to_str().unwrap();
    app.call("app.backup", json!({ "file": copy })).await;
    assert_eq!(app.post_as(&endpoint, "msg_2", &person(2)).await.brief(), "200 processed");
    let work = (0..30).map(|number| {
        let (app, endpoint) = (&app, &endpoint);
        async move {
            if number == 10 {
                let restored = app.call("app.restore", json!({ "file": copy })).await;
                return (0, restored["kept"].as_str().unwrap().to_owned());
            }
            let id = format!("msg_{}", 100 + number);
            (app.post_as(endpoint, &id, &person(100 + number)).await.status, id)
        }
    });
    let done = at_once(work).await;
    let kept = Path::new(&done[10].1);
    let (before, now) = (rows(kept).await, rows(&app.dir().join("usher.db")).await);
    assert!(before.starts_with(&["msg_1".to_owned(), "msg_2".to_owned()]), "{before:?}");
    assert_eq!(now[0], "msg_1");
    assert!(!now.contains(&"msg_2".to_owned()));
    for (status, id) in done.iter().filter(|(status, _)| *status != 0) {
        let stored = before.contains(id) || now.contains(id);
        assert!([200, 503].contains(status), "{id}: {status}");
        assert_eq!(stored, *status == 200, "{id}: {status}");
    }
    let number = 500;
    app.post_as(&endpoint, "msg_500", &person(number)).await;
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_brings_back_endpoints_and_says_whose_secrets_are_gone() {
    let (app, endpoint) = with_one_message().await;
    let other = app.endpoint_with(|args| args["name"] = json!("Stays")).await;
    let copy = app.dir().join("copy.db");
    app.call("app.backup", json!({ "file": copy.to_str().unwrap() })).await;
    app.call("endpoints.remove", json!({ "id": endpoint.id })).await;
    assert_eq!(app.post(&endpoint, &person(2)).await.status, 404);
    let restored = app.call("app.restore", json!({ "file": copy.to_str().unwrap() })).await;
    assert_eq!(
        json!([restored["messages"], restored["contacts"], restored["withoutSecret"]]),
        json!([1, 1, ["Clerk 1 · Development"]])
    );
    let rows = app.call("endpoints.list", json!({})).await;
    assert_eq!((&rows[0]["state"], &rows[1]["state"]), (&json!("needsSecret"), &json!("waiting")));
    let shown = app.call("endpoints.show", json!({ "id": endpoint.id })).await;
    assert_eq!(shown["signingSecrets"][0]["readable"], json!(false));
    assert_eq!(app.post(&endpoint, &person(2)).await.brief(), "400 refused/no_secret");
    assert_eq!(app.post(&other, &person(3)).await.brief(), "200 processed");
    app.call("endpoints.add_secret", json!({ "id": endpoint.id, "secret": SECRET })).await;
    assert_eq!(app.post(&endpoint, &person(4)).await.brief(), "200 processed");
    assert!(copy.exists(), "a backup is only read");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn going_back_ends_well_when_nobody_waits_for_it_and_brings_the_settings_back() {
    let (app, endpoint) = with_one_message().await;
    let copy = app.dir().join("copy.db");
    let copy = copy.to_str().unwrap();
    app.call("app.backup", json!({ "file": copy })).await;
    app.call("settings.update", json!({ "bodyLimitMib": 3 })).await;
    assert_eq!(app.post_as(&endpoint, "msg_2", &person(2)).await.brief(), "200 processed");
    let mut impatient = Box::pin(app.call("app.restore", json!({ "file": copy })));
    tokio::select! {
        biased;
        _ = &mut impatient => panic!("it takes longer than one look"),
        () = std::future::ready(()) => {}
    }
    drop(impatient);
    let body_limit = async || {
        let limits = app.call("diagnostics.show", json!({})).await["limits"].clone();
        let rows = limits.as_array().unwrap().clone();
        rows.iter().find(|row| row["name"] == "Body of a message").unwrap()["value"].clone()
    };
    while body_limit().await != json!("1 MiB") {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(app.messages().await.len(), 1);
    recovers(&app, &endpoint, 3).await;
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_find_the_owner_of_a_folder_that_was_made_anew() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), ManualClock::at_noon());
    let config = Config {
        listen: false,
        keychain: Choice::File,
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        ..Config::new(dir.path().join("data"))
    };
    let mut owner = Host::open(config.clone()).await.unwrap();
    owner.serve(None).await.unwrap();
    fs::remove_dir_all(&config.data_dir).unwrap();
    fs::create_dir(&config.data_dir).unwrap();
    while !Address::file(&config.data_dir).exists() {
        clock.advance(31_000);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let guest = Host::open(config).await.unwrap();
    assert!(!guest.owns());
    guest.call("environments.list", json!({})).await.unwrap();
    owner.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_whole_backup_is_refused_and_changes_nothing() {
    let (app, endpoint) = with_one_message().await;
    let file = |name: &str| app.dir().join(name).to_str().unwrap().to_owned();
    let backup = async |name: &str| {
        app.call("app.backup", json!({ "file": file(name) })).await;
        file(name)
    };
    let change = async |file: &str, statements: &str| {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let mut db = SqliteConnection::connect_with(&options).await.unwrap();
        let statements = sqlx::AssertSqlSafe(statements.to_owned());
        sqlx::raw_sql(statements).execute(&mut db).await.unwrap();
        db.close().await.unwrap();
    };
    fs::write(file("text"), "no database").unwrap();
    change(&file("stranger"), "create table t (a)").await;
    let newer = backup("newer").await;
    change(&newer, "update _sqlx_migrations set version = 9999 where version = (select max(version) from _sqlx_migrations)").await;
    let altered = backup("altered").await;
    change(&altered, "update _sqlx_migrations set checksum = x'00' where version = 1").await;
    let broken = backup("broken").await;
    change(&broken, "pragma writable_schema = 1; update sqlite_schema set rootpage = 2 where name = 'message_svix'").await;
    for (name, code, says) in [
        ("nothing", Code::NotFound, "There is no file"),
        ("text", Code::Invalid, "not a database"),
        ("stranger", Code::Invalid, "none of its tables"),
        ("newer", Code::Invalid, "newer Usher"),
        ("altered", Code::Invalid, "not a database of Usher"),
        ("broken", Code::Invalid, "damaged"),
        ("usher.db", Code::Invalid, "the database in use"),
    ] {
        let refused = app.try_call("app.restore", json!({ "file": file(name) })).await.unwrap_err();
        assert_eq!(refused.code, code, "{name}: {refused}");
        assert!(refused.message.contains(says), "{name}: {refused}");
    }
    let relative = app.try_call("app.restore", json!({ "file": "usher.db" })).await;
    assert_eq!(relative.unwrap_err().code, Code::Invalid);
    recovers(&app, &endpoint, 2).await;
    let left = fs::read_dir(app.dir()).unwrap().flatten().map(|entry| entry.file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().contains("restor")).collect();
    assert!(left.is_empty(), "{left:?}");
    app.close().await;
}

#[test]
fn the_command_goes_back_with_and_without_a_running_usher() {
    let folder = tempfile::tempdir().unwrap();
    let usher = Usher::new(folder.path());
    usher.json(&["endpoints", "add", "--name", "Local", "--secret", SECRET]);
    let file = folder.path().join("copy.db");
    let file = file.to_str().unwrap();
    usher.json(&["backup", file]);
    usher.json(&["endpoints", "add", "--name", "Later"]);
    let names = || -> Vec<Value> {
        let rows = usher.json(&["endpoints", "list"]);
        rows.into_iter().map(|row| row["name"].clone()).collect()
    };
    let unasked = usher.run(&["restore", file]);
    assert_eq!((unasked.code, unasked.err.contains("--yes")), (2, true), "{unasked:?}");
    assert_eq!(usher.run(&["restore", "/nowhere/at/all.db", "--yes"]).code, 3);
    assert_eq!(names().len(), 2, "nothing was changed");

    let listening = usher.listen(&[]);
    let done = usher.run(&["restore", file, "--yes"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.out.contains("before-restore"), "{done:?}");
    assert_eq!(names(), ["Local"]);
    assert_eq!(usher.json(&["trigger", "user.created"])[0]["status"], 200);
    assert_eq!(listening.signal("TERM"), Some(0));

    fs::write(folder.path().join("usher.db"), "not a database at all").unwrap();
    assert_eq!(usher.run(&["endpoints", "list"]).code, 1);
    let doctor = usher.run(&["doctor"]);
    assert_eq!((doctor.code, doctor.out.contains("usher restore")), (1, true), "{doctor:?}");
    let done = usher.json(&["restore", file, "--yes"]);
    assert_eq!(done[0]["withoutSecret"], json!([]));
    let kept = fs::read_to_string(done[0]["kept"].as_str().unwrap()).unwrap();
    assert_eq!(kept, "not a database at all");
    assert_eq!(names(), ["Local"]);
}
