//! Notifications of refused and failed messages, off until the person asks for them.
//!
//! Only what Usher itself says goes into one: a reason and the name of an endpoint. Deliberately
//! absent: bodies, addresses and names, which the system may show on a locked screen or keep.

use serde_json::{Value, json};
use tauri::{AppHandle, Manager as _};
use tauri_plugin_notification::NotificationExt as _;
use usher_engine::host::Host;

/// What is told of.
const SEARCH: &str = "status:refused OR status:failed";
/// Most messages that are counted.
const MOST: u64 = 100;

/// Tells of what went wrong since the message `seen`, unless the window is looked at or the person
/// does not want it; returns the newest message of now.
pub async fn tell(app: &AppHandle, host: &Host, seen: i64) -> Option<i64> {
    let newest = newest(host).await?;
    let wanted = host.call("settings.get", json!({})).await.ok()?["notify"] == json!(true);
    let windows = app.webview_windows();
    let looked_at = windows.values().any(|window| window.is_focused().unwrap_or(false));
    if wanted && !looked_at && newest > seen {
        let asked = json!({ "query": SEARCH, "after": seen, "limit": MOST });
        let page = host.call("messages.list", asked).await.ok()?;
        if let Some((title, body)) = words(page["rows"].as_array()?)
            && let Err(error) = app.notification().builder().title(title).body(body).show()
        {
            tracing::warn!("a notification could not be shown: {error}");
        }
    }
    Some(newest)
}

/// The id of the newest message; 0 when there is none.
pub async fn newest(host: &Host) -> Option<i64> {
    let page = host.call("messages.list", json!({ "limit": 1 })).await.ok()?;
    Some(page["rows"][0]["id"].as_i64().unwrap_or(0))
}

/// Title and text about these messages.
fn words(rows: &[Value]) -> Option<(String, String)> {
    let last = rows.last()?;
    let text = |row: &Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
    let what = match text(last, "outcome").as_str() {
        "failed" => "could not be processed",
        _ => "refused",
    };
    let title = match rows.len() {
        1 => format!("Message {what}"),
        count if rows.iter().all(|row| row["outcome"] == last["outcome"]) => {
            format!("{count} messages {what}")
        }
        count => format!("{count} messages refused or failed"),
    };
    let reason = text(last, "reason").replace('_', " ");
    let endpoint = text(last, "endpoint");
    let body = if reason.is_empty() { endpoint } else { format!("{endpoint}: {reason}") };
    Some((title, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(outcome: &str, reason: &str) -> Value {
        json!({ "outcome": outcome, "reason": reason, "endpoint": "Clerk", "subject": "a@b.c" })
    }

    #[test]
    fn one_or_many_are_told_of_without_saying_who() {
        let refused = row("refused", "wrong_secret");
        let failed = row("failed", "processing");
        for (rows, told) in [
            (vec![], None),
            (vec![refused.clone()], Some(("Message refused", "Clerk: wrong secret"))),
            (vec![failed.clone()], Some(("Message could not be processed", "Clerk: processing"))),
            (vec![refused.clone(); 3], Some(("3 messages refused", "Clerk: wrong secret"))),
            (vec![failed, refused], Some(("2 messages refused or failed", "Clerk: wrong secret"))),
        ] {
            let found = words(&rows);
            let found = found.as_ref().map(|(title, body)| (title.as_str(), body.as_str()));
            assert_eq!(found, told);
        }
    }
}
