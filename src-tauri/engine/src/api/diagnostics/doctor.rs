//! The checks, each bounded in time. They look, and change nothing but a trial value in the keychain
//! and a trial file in the data folder, which both go again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{Check, Verdict};
use crate::api::app::ListenerState;
use crate::db::Db;
use crate::engine;
use crate::listener;
use crate::secret::{Choice, Keys, Place};
use crate::signing::verify::TOLERANCE_S;
use crate::{Config, DEFAULT_PORT, Engine};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const GIB: u64 = 1024 * 1024 * 1024;

/// The shortest time in which each check ends; reading a large database through takes longer.
const PATIENCE: Duration = Duration::from_secs(25);
const PATIENCE_QUICK: Duration = Duration::from_secs(60);
const PATIENCE_FULL: Duration = Duration::from_secs(1800);

/// From which free space on, in bytes, it gets tight, and from which on it is too little.
const TIGHT: u64 = GIB;
const TOO_LITTLE: u64 = 100 * 1024 * 1024;

/// So many of the newest messages are looked at.
const NEWEST: i64 = 10_000;

/// From which difference of the clocks on, in seconds, it should be looked at. At [`TOLERANCE_S`]
/// messages are refused.
const SKEWED_S: i64 = 60;

/// Programs that bring the internet to a port of this machine.
const TUNNELS: [&str; 8] =
    ["cloudflared", "ngrok", "tailscaled", "zrok", "frpc", "bore", "localxpose", "pinggy"];

/// Headers that a tunnel or a proxy adds for whom it speaks.
const FORWARDED: &str =
    r#"["x-forwarded-for","forwarded","x-real-ip","cf-connecting-ip","x-forwarded-host"]"#;

/// Every check, with the database open.
pub(super) async fn open(engine: &Engine, full: bool) -> Vec<Check> {
    let (db, now) = (engine.db(), engine.now());
    let port = match engine.listener_status().port {
        0 => engine.wanted_port().await.unwrap_or(DEFAULT_PORT),
        port => port,
    };
    vec![
        database(db, full).await,
        permissions(engine.data_dir()).await,
        port_of(engine).await,
        bounded("clock", clock(db, now)).await,
        keychain(engine.keys()).await,
        disk(engine.data_dir()).await,
        bounded("tunnel", tunnel(Some(db), now, port)).await,
    ]
}

/// The checks that can be made although the database cannot be opened, because of `trouble`.
pub async fn closed(config: &Config, trouble: &str) -> Vec<Check> {
    let folder = &config.data_dir;
    let port = config.port.filter(|port| *port != 0).unwrap_or(DEFAULT_PORT);
    let database = Check {
        name: "database".to_owned(),
        verdict: Verdict::Failed,
        sentence: trouble.to_owned(),
        remedy: Some(
            "If another Usher has it open, close that one. If the file is damaged, go back to a backup with `usher restore FILE`.".to_owned(),
        ),
    };
    let keychain = match timeout(PATIENCE, Keys::open(config.keychain, folder)).await {
        Ok(keys) => keychain(&keys).await,
        Err(_) => too_long("keychain"),
    };
    vec![
        database,
        permissions(folder).await,
        bounded("port", port_held(port)).await,
        unknown("clock", "The database would tell, and it cannot be opened."),
        keychain,
        disk(folder).await,
        bounded("tunnel", tunnel(None, 0, port)).await,
    ]
}

fn check(name: &str, verdict: Verdict, sentence: impl Into<String>, remedy: &str) -> Check {
    Check {
        name: name.to_owned(),
        verdict,
        sentence: sentence.into(),
        remedy: (!remedy.is_empty()).then(|| remedy.to_owned()),
    }
}

fn ok(name: &str, sentence: impl Into<String>) -> Check {
    check(name, Verdict::Ok, sentence, "")
}

fn unknown(name: &str, sentence: impl Into<String>) -> Check {
    check(name, Verdict::Unknown, sentence, "")
}

fn too_long(name: &str) -> Check {
    unknown(name, format!("This was given up after {} seconds.", PATIENCE.as_secs()))
}

async fn bounded(name: &str, work: impl Future<Output = Result<Check, sqlx::Error>>) -> Check {
    match timeout(PATIENCE, work).await {
        Ok(Ok(check)) => check,
        Ok(Err(error)) => unknown(name, format!("The database does not answer: {error}.")),
        Err(_) => too_long(name),
    }
}

async fn blocking<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Check> {
    match timeout(PATIENCE, spawn_blocking(work)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(_)) => Err(unknown(name, "This ended unexpectedly.")),
        Err(_) => Err(too_long(name)),
    }
}

async fn database(db: &Db, full: bool) -> Check {
    const NAME: &str = "database";
    let storage = db.storage();
    if let Some(problem) = storage.problem {
        return check(NAME, Verdict::Failed, problem, "Usher tries again by itself.");
    }
    let stop = Arc::new(AtomicBool::new(false));
    let patience = if full { PATIENCE_FULL } else { PATIENCE_QUICK };
    match timeout(patience, db.check(full, Arc::clone(&stop))).await {
        Ok(Ok(found)) if found.is_empty() => {
            let how =
                if full { "and every index fits its table" } else { "every page is in order" };
            let size = std::fs::metadata(db.file()).map_or(0, |meta| meta.len());
            ok(NAME, format!("The database is whole: {}, {how}.", bytes(size)))
        }
        Ok(Ok(found)) => check(
            NAME,
            Verdict::Failed,
            format!("The database is damaged: {}.", found.join("; ")),
            "Go back to a backup with `usher restore FILE`. The damaged database is kept.",
        ),
        Ok(Err(error)) => check(
            NAME,
            Verdict::Failed,
            format!("The database could not be read through: {error}."),
            "Check the disk. If the file is damaged, go back to a backup with `usher restore FILE`.",
        ),
        Err(_) => {
            stop.store(true, Ordering::Relaxed);
            let sentence = format!("This was given up after {} seconds.", patience.as_secs());
            let remedy = if full { "" } else { "Run `usher doctor --full`, which takes its time." };
            check(NAME, Verdict::Unknown, sentence, remedy)
        }
    }
}

async fn permissions(folder: &Path) -> Check {
    let folder = folder.to_owned();
    blocking("permissions", move || permissions_now(&folder)).await.unwrap_or_else(|check| check)
}

fn permissions_now(folder: &Path) -> Check {
    const NAME: &str = "permissions";
    let trial = folder.join(format!("usher-doctor-{:016x}", rand::random::<u64>()));
    let written = std::fs::write(&trial, b"").and_then(|()| std::fs::remove_file(&trial));
    if let Err(error) = written {
        return check(
            NAME,
            Verdict::Failed,
            format!("Nothing can be written in {}: {error}.", folder.display()),
            "Make the folder yours and writable, or choose another with --data-dir.",
        );
    }
    let open: Vec<PathBuf> = files_of(folder).into_iter().filter(|file| is_open(file)).collect();
    let named: Vec<String> = open.iter().map(|file| file.display().to_string()).collect();
    match (is_open(folder), named.is_empty()) {
        (false, true) => ok(
            NAME,
            format!(
                "{} and what is in it can be read by your user account only.",
                folder.display()
            ),
        ),
        (false, false) => check(
            NAME,
            Verdict::Warning,
            format!(
                "Other users could read these files if the folder let them in: {}.",
                named.join(", ")
            ),
            &format!("chmod 600 {}", named.join(" ")),
        ),
        (true, true) => check(
            NAME,
            Verdict::Warning,
            format!("Other users of this machine can look into {}.", folder.display()),
            &format!("chmod 700 {}", folder.display()),
        ),
        (true, false) => check(
            NAME,
            Verdict::Failed,
            format!("Other users of this machine can read {}.", named.join(", ")),
            &format!("chmod 700 {} && chmod 600 {}", folder.display(), named.join(" ")),
        ),
    }
}

/// The database with what is beside it, copies of it, the secrets and the way to the owner.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            name.contains(".db") || name == "secrets.json" || name == "host.json"
        })
        .collect();
    files.sort();
    files
}

#[cfg(unix)]
fn is_open(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open(_: &Path) -> bool {
    false
}

async fn port_of(engine: &Engine) -> Check {
    const NAME: &str = "port";
    let status = engine.listener_status();
    match status.state {
        ListenerState::Listening => {
            let asked = timeout(PATIENCE, engine::ask(status.port)).await;
            if let Err(why) = asked.unwrap_or_else(|_| Err("it takes too long".to_owned())) {
                return check(
                    NAME,
                    Verdict::Failed,
                    format!("The listener at {} does not answer: {why}.", status.url),
                    "Usher starts it again by itself within half a minute.",
                );
            }
            let sentence = format!("Usher listens at {}.", status.url);
            match status.last_problem.filter(|_| status.restarts > 0) {
                None => ok(NAME, sentence),
                Some(why) => {
                    let times = if status.restarts == 1 {
                        "once".to_owned()
                    } else {
                        format!("{} times", status.restarts)
                    };
                    ok(
                        NAME,
                        format!("{sentence} It was started again {times}, last because: {why}"),
                    )
                }
            }
        }
        ListenerState::Restarting | ListenerState::Failed => check(
            NAME,
            Verdict::Failed,
            status.problem.unwrap_or_else(|| "The listener is being started again.".to_owned()),
            "Usher tries again by itself.",
        ),
        ListenerState::Stopped => {
            let port = engine.wanted_port().await.unwrap_or(DEFAULT_PORT);
            bounded(NAME, port_held(port)).await
        }
    }
}

/// Who holds the port while Usher does not listen.
async fn port_held(port: u16) -> Result<Check, sqlx::Error> {
    const NAME: &str = "port";
    let free = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err();
    if free {
        return Ok(check(
            NAME,
            Verdict::Warning,
            format!("Nobody listens on port {port}, so no message can arrive."),
            "Open the Usher window, or run `usher listen`.",
        ));
    }
    let holder = blocking(NAME, move || listener::holder(port)).await;
    let holder = holder.ok().flatten().unwrap_or_else(|| "another program".to_owned());
    Ok(check(
        NAME,
        Verdict::Failed,
        format!("Port {port} is used by {holder}, and not by this Usher."),
        "Close that program, or choose another port in Settings.",
    ))
}

async fn clock(db: &Db, now: i64) -> Result<Check, sqlx::Error> {
    const NAME: &str = "clock";
    let since = now - 6 * HOUR;
    let mut skews: Vec<i64> = sqlx::query_scalar!(
        r#"select (received_at - signed_at) / 1000 as "skew!: i64" from message
           where accepted = 1 and test = 0 and signed_at is not null and received_at >= ?1
             and id > (select coalesce(max(id), 0) from message) - ?2
           order by id desc limit 101"#,
        since,
        NEWEST
    )
    .fetch_all(&db.read())
    .await?;
    skews.sort_unstable();
    let refused = sqlx::query_scalar!(
        r#"select count(*) as "count!: i64" from message
           where accepted = 0 and test = 0 and reason = 'clock_skew' and received_at >= ?1
             and id > (select coalesce(max(id), 0) from message) - ?2"#,
        since,
        NEWEST
    )
    .fetch_one(&db.read())
    .await?;
    const REMEDY: &str = if cfg!(target_os = "linux") {
        "Let the system keep the time: sudo timedatectl set-ntp true"
    } else if cfg!(target_os = "macos") {
        "Let the system keep the time: System Settings, General, Date & Time, Set automatically."
    } else {
        "Let the system keep the time: Settings, Time & language, Date & time, Sync now."
    };
    let Some(skew) = skews.get(skews.len() / 2).copied() else {
        return Ok(if refused > 0 {
            check(
                NAME,
                Verdict::Failed,
                format!(
                    "In the last six hours every message was refused because its signing time is more than five minutes away from this machine's clock ({refused} of them)."
                ),
                REMEDY,
            )
        } else {
            unknown(
                NAME,
                "No message of Clerk has come in the last six hours, so there is nothing to compare this machine's clock with.",
            )
        });
    };
    let which = if skew < 0 { "behind" } else { "ahead of" };
    let sentence = format!("This machine's clock is {} s {which} the clock of Svix.", skew.abs());
    Ok(match skew.abs() {
        skew if skew >= TOLERANCE_S => check(NAME, Verdict::Failed, sentence, REMEDY),
        skew if skew >= SKEWED_S => check(
            NAME,
            Verdict::Warning,
            format!("{sentence} From {TOLERANCE_S} s on messages are refused."),
            REMEDY,
        ),
        _ => ok(NAME, "This machine's clock agrees with the signing times of messages."),
    })
}

async fn keychain(keys: &Keys) -> Check {
    const NAME: &str = "keychain";
    match timeout(PATIENCE, keys.probe()).await {
        Err(_) => too_long(NAME),
        Ok(Err(error)) => check(
            NAME,
            Verdict::Failed,
            error.to_string(),
            "Unlock the keychain, or make the secrets file writable; then restart Usher.",
        ),
        Ok(Ok(())) if keys.place() == Place::System || keys.choice() == Choice::File => {
            ok(NAME, keys.sentence())
        }
        Ok(Ok(())) => check(
            NAME,
            Verdict::Warning,
            keys.sentence(),
            "Usher works like this. For a keychain, start one (on Linux: GNOME Keyring or KWallet) and restart Usher.",
        ),
    }
}

async fn disk(folder: &Path) -> Check {
    const NAME: &str = "disk";
    match free(folder).await {
        Err(check) => check,
        Ok(Err(error)) => {
            unknown(NAME, format!("The system does not tell how much is free: {error}."))
        }
        Ok(Ok(free)) => {
            let sentence = format!("{} are free on the disk of the data folder.", bytes(free));
            match free {
                free if free < TOO_LITTLE => check(
                    NAME,
                    Verdict::Failed,
                    sentence,
                    "Free some space before messages are lost.",
                ),
                free if free < TIGHT => {
                    check(NAME, Verdict::Warning, sentence, "Free some space soon.")
                }
                _ => ok(NAME, sentence),
            }
        }
    }
}

/// Free bytes on the volume of `folder`.
pub(super) async fn free(folder: &Path) -> Result<std::io::Result<u64>, Check> {
    let folder = folder.to_owned();
    blocking("disk", move || fs4::available_space(folder)).await
}

/// Whether a message from outside arrived, and which tunnel runs. Whether one points at the right
/// port cannot be told from here.
async fn tunnel(db: Option<&Db>, now: i64, port: u16) -> Result<Check, sqlx::Error> {
    const NAME: &str = "tunnel";
    let last = match db {
        Some(db) => last_from_outside(db).await?,
        None => None,
    };
    let running = blocking(NAME, running).await.unwrap_or_default();
    let program = match running.as_slice() {
        [] => "No tunnel program that Usher knows runs on this machine.".to_owned(),
        running => format!("On this machine runs {}.", running.join(" and ")),
    };
    let open_one = format!(
        "Open a tunnel to the listener, for example `cloudflared tunnel --url http://127.0.0.1:{port}`, and give its address to Clerk."
    );
    Ok(match last {
        Some(at) if now - at < DAY => {
            ok(NAME, format!("A message came from outside {}. {program}", ago(now - at)))
        }
        Some(at) => check(
            NAME,
            if running.is_empty() { Verdict::Warning } else { Verdict::Unknown },
            format!("The last message from outside came {}. {program}", ago(now - at)),
            "Send an example from Clerk (Testing, Send Example), and see whether it arrives.",
        ),
        None if running.is_empty() => check(
            NAME,
            Verdict::Warning,
            format!("No message has come from outside yet. {program}"),
            &open_one,
        ),
        None => check(
            NAME,
            Verdict::Unknown,
            format!("No message has come from outside yet. {program}"),
            "Check that the tunnel points at Usher's port, and send an example from Clerk (Testing, Send Example).",
        ),
    })
}

/// When a message last came from outside: one that a tunnel or proxy says it passed on, or that was
/// sent to another name than this machine's own. A right signature says nothing of that, since a copied
/// request has it too.
async fn last_from_outside(db: &Db) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select m.received_at as "at!: i64" from message m join message_body b on b.message_id = m.id
           where m.test = 0
             and m.id > (select coalesce(max(id), 0) from message) - ?2
             and exists (select 1 from json_each(b.headers) h
                         where lower(h.value ->> 0) in (select value from json_each(?1))
                            or lower(h.value ->> 0) = 'host' and h.value ->> 1 not like 'localhost%'
                               and h.value ->> 1 not like '127.%' and h.value ->> 1 not like '[::1]%')
           order by m.id desc limit 1"#,
        FORWARDED,
        NEWEST
    )
    .fetch_optional(&db.read())
    .await
}

/// Which of the known tunnel programs run, as far as the list of processes tells.
fn running() -> Vec<String> {
    let names = process_names();
    let runs = |tunnel: &&&str| {
        names.iter().any(|name| name.trim_end_matches(".exe").eq_ignore_ascii_case(tunnel))
    };
    TUNNELS.iter().filter(runs).map(|tunnel| (*tunnel).to_owned()).collect()
}

#[cfg(target_os = "linux")]
fn process_names() -> Vec<String> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("comm")).ok())
        .map(|name| name.trim().to_owned())
        .collect()
}

#[cfg(all(unix, not(target_os = "linux")))]
fn process_names() -> Vec<String> {
    let listed = std::process::Command::new("ps").args(["-axo", "comm="]).output();
    let listed = listed.map(|out| String::from_utf8_lossy(&out.stdout).into_owned());
    let base = |line: &str| line.trim().rsplit('/').next().unwrap_or_default().to_owned();
    listed.unwrap_or_default().lines().map(base).collect()
}

#[cfg(windows)]
fn process_names() -> Vec<String> {
    use std::os::windows::process::CommandExt as _;
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    let mut tasks = std::process::Command::new("tasklist");
    let listed = tasks.args(["/FO", "CSV", "/NH"]).creation_flags(CREATE_NO_WINDOW).output();
    let listed = listed.map(|out| String::from_utf8_lossy(&out.stdout).into_owned());
    let first = |line: &str| line.split('"').nth(1).unwrap_or_default().to_owned();
    listed.unwrap_or_default().lines().map(first).collect()
}

fn ago(ms: i64) -> String {
    let counted = |count: i64, one: &str| {
        if count == 1 { format!("1 {one} ago") } else { format!("{count} {one}s ago") }
    };
    match ms {
        ms if ms < MINUTE => "just now".to_owned(),
        ms if ms < HOUR => counted(ms / MINUTE, "minute"),
        ms if ms < DAY => counted(ms / HOUR, "hour"),
        ms => counted(ms / DAY, "day"),
    }
}

/// A size for people, such as `4.2 MiB`.
pub(super) fn bytes(count: u64) -> String {
    let (unit, name) = match count {
        count if count >= GIB => (GIB, "GiB"),
        count if count >= 1024 * 1024 => (1024 * 1024, "MiB"),
        _ => (1024, "KiB"),
    };
    let tenths = count.saturating_mul(10) / unit;
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}
