//! A report in plain text for somebody who helps.
//!
//! It is made of versions, counts, limits and Usher's own sentences; bodies, contacts, names of
//! endpoints and secrets are never read for it. What a sentence could still carry (a path, an
//! address, a token) is blotted out at the end.

use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;

use super::doctor::{self, bytes};
use super::{Verdict, limits, sizes};
use crate::Engine;
use crate::api::{ApiError, app};

const DAY: i64 = 24 * 3_600_000;

pub(super) async fn text(engine: &Engine) -> Result<String, ApiError> {
    let mut text = String::new();
    let status = app::status(engine, app::Nothing {}).await?;
    let now = engine.now();
    let mut line = |what: &str, value: String| {
        let _ = writeln!(text, "{what:<34} {value}");
    };
    line("Usher", status.version);
    line("System", format!("{} {}", std::env::consts::OS, std::env::consts::ARCH));
    line("Made at", time(now));
    line("Running since", time(status.started_at));
    line("Secrets are in", word(&status.keychain.kind));
    let listener = status.listener;
    line("Listener", format!("{} on port {}", word(&listener.state), listener.port));
    line("Listener since", time(listener.since));
    line("Listener's problem", listener.problem.unwrap_or_else(none));
    line("Listener started again", format!("{} times", listener.restarts));
    line("Listener's last problem", listener.last_problem.unwrap_or_else(none));
    line("  noticed at", listener.last_problem_at.map_or_else(none, time));
    if let Some(health) = engine.listener_health().await {
        let of = format!("{} of {}", health.connections, health.connection_limit);
        line("Connections", of);
        line("Requests worked on", health.busy.to_string());
        line("Requests answered", health.served.to_string());
        line("Requests refused for their form", health.refused.to_string());
        line("Connections given up", health.evicted.to_string());
        line("Connections not handed over", health.accept_errors.to_string());
    }
    line("Storage", status.storage.problem.unwrap_or_else(|| "takes writes".to_owned()));
    line("Storage's note", status.storage.note.unwrap_or_else(none));
    let sizes = sizes(engine).await;
    line("Database", bytes(sizes.database_bytes));
    line("Write-ahead log", bytes(sizes.wal_bytes));
    line("Free on the disk", sizes.free_bytes.map_or_else(|| "not known".to_owned(), bytes));

    text.push_str("\nLimits\n");
    for limit in limits(engine).await {
        let _ = writeln!(text, "{:<34} {}", limit.name, limit.value);
    }
    text.push_str("\nDoctor\n");
    for check in doctor::open(engine, false).await {
        let verdict = match check.verdict {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failed => "FAILED",
            Verdict::Unknown => "unknown",
        };
        let _ = writeln!(text, "{:<12} {verdict:<8} {}", check.name, check.sentence);
    }
    counts(engine, now, &mut text).await;
    Ok(blotted(&text, engine.data_dir()))
}

/// What is stored, in numbers; a database that does not answer is part of the report.
async fn counts(engine: &Engine, now: i64, text: &mut String) {
    let since = now - DAY;
    let read = engine.db().read();
    let kept = sqlx::query!(
        r#"select outcome as "outcome!", reason, count(*) as "count!: i64",
                  count(*) filter (where received_at >= ?1) as "day!: i64"
           from message group by outcome, reason order by 3 desc"#,
        since
    )
    .fetch_all(&read)
    .await;
    text.push_str("\nMessages                           kept  last 24 hours\n");
    match kept {
        Ok(rows) => {
            for row in rows {
                let reason = row.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
                let what = format!("{}{reason}", row.outcome);
                let _ = writeln!(text, "{what:<30} {:>8} {:>14}", row.count, row.day);
            }
        }
        Err(error) => {
            let _ = writeln!(text, "could not be counted: {error}");
        }
    }
    let rest = sqlx::query!(
        r#"select (select count(*) from environment) as "environments!: i64",
                  (select count(*) from endpoint where removed_at is null) as "endpoints!: i64",
                  (select count(*) from endpoint where removed_at is null and paused = 1)
                      as "paused!: i64",
                  (select count(*) from endpoint_secret) as "secrets!: i64",
                  (select count(*) from contact) as "contacts!: i64""#
    )
    .fetch_one(&read)
    .await;
    match rest {
        Ok(rest) => {
            let all = engine.directory().all();
            let usable: usize = all.values().map(|live| live.secrets.len()).sum();
            let _ = write!(
                text,
                "\nEnvironments {}\nEndpoints {} ({} paused)\nSigning secrets {} ({usable} can be read)\nContacts {}\n",
                rest.environments, rest.endpoints, rest.paused, rest.secrets, rest.contacts
            );
        }
        Err(error) => {
            let _ = writeln!(text, "\nThe rest could not be counted: {error}");
        }
    }
}

fn none() -> String {
    "none".to_owned()
}

fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |at| format!("{at:.0}"))
}

fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The text with the data folder, the home folder, and whatever looks like an email, an address of
/// another machine, a token or a secret made unreadable.
fn blotted(text: &str, folder: &Path) -> String {
    let mut text = text.replace(&folder.display().to_string(), "<data folder>");
    let home = std::env::home_dir().filter(|home| home.components().count() > 1);
    if let Some(home) = home {
        text = text.replace(&home.display().to_string(), "~");
    }
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    for char in text.chars().chain(std::iter::once('\n')) {
        if char.is_alphanumeric() || "@._-+:%/".contains(char) {
            word.push(char);
        } else {
            out.push_str(blot(&word).unwrap_or(&word));
            out.push(char);
            word.clear();
        }
    }
    out.trim_end().to_owned() + "\n"
}

fn blot(word: &str) -> Option<&'static str> {
    let bare = word.trim_end_matches(['.', ':']);
    let host = bare.rsplit_once(':').map_or(bare, |(host, _)| host);
    let host = host.rsplit('/').next().unwrap_or(host);
    let address = bare.parse::<std::net::IpAddr>().or_else(|_| host.parse());
    if word.contains('@') {
        Some("<email>")
    } else if word.contains("whsec_") {
        Some("<secret>")
    } else if word.contains("ep_") && word.len() > 12 {
        Some("<token>")
    } else if address.is_ok_and(|address| !address.is_loopback()) {
        Some("<address>")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_points_at_somebody_is_blotted_out() {
        let text = "in /srv/acme/usher.db, maya@example.com at 203.0.113.9:443 and [2001:db8::1], \
                    http://127.0.0.1:4870/in/ep_abcdefghij0123456789, whsec_AbC+/=, port 4870: busy.";
        assert_eq!(
            blotted(text, Path::new("/srv/acme")),
            "in <data folder>/usher.db, <email> at <address> and [<address>], \
             <token>, <secret>=, port 4870: busy.\n"
        );
    }
}
