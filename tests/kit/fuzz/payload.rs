//! What a body says. The input is the body.
//!
//! Held: a fact belongs to its kind, times are milliseconds, an email is one and short; and reading
//! agrees with a plain walk over `serde_json::Value`, which knows none of the shortcuts.

use serde::de::IgnoredAny;
use serde_json::Value;
use usher_engine::clerk::{ACTED_ON, Fact, Message, NoEmail, Unusable, read};

const LAST_MS: i64 = 253_402_300_799_999;
const SECONDS_BELOW: i64 = 100_000_000_000;

/// The target.
pub fn payload(body: &[u8]) {
    let result = read(body);
    assert_eq!(read(body), result, "the same again");
    let is_json =
        serde_json::from_slice::<IgnoredAny>(body).is_ok() && str::from_utf8(body).is_ok();
    assert_eq!(is_json, !matches!(result, Err(Unusable::NotJson { .. })));
    if let Err(why) = &result {
        unusable(why, body);
    }
    let Some(message) = result.as_ref().ok().or_else(|| result.as_ref().err()?.message()) else {
        return;
    };
    consistent(message, result.is_ok());
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        agrees(message, &value);
        if !has_float(&value) {
            let pretty = serde_json::to_vec_pretty(&value).unwrap();
            assert_eq!(read(&pretty), result, "spaces and the order of keys say nothing");
        }
    }
}

fn unusable(why: &Unusable, body: &[u8]) {
    let sentence = why.to_string();
    assert!(sentence.ends_with('.'), "{sentence}");
    if let Unusable::NotJson { line, column } = why {
        let lines = body.iter().filter(|byte| **byte == b'\n').count() + 1;
        assert!((1..=lines).contains(line) && *column <= body.len() + 1, "{sentence}");
    }
}

fn consistent(message: &Message, usable: bool) {
    let acted_on = ACTED_ON.contains(&message.kind.as_str());
    assert_eq!(message.fact.is_some(), acted_on && message.object_id.is_some(), "{message:?}");
    assert_eq!(usable, !message.kind.is_empty() && (!acted_on || message.object_id.is_some()));
    let texts = [&message.instance_id, &message.object_id, &message.subject];
    texts.into_iter().flatten().for_each(|text| is_text(text));
    message.timestamp_ms.into_iter().for_each(is_time);
    let Some(fact) = &message.fact else { return };
    let id = message.object_id.as_deref();
    match fact {
        Fact::User(user) => {
            assert!(["user.created", "user.updated"].contains(&message.kind.as_str()));
            assert_eq!(Some(user.user_id.as_str()), id);
            assert_eq!(user.email.is_some(), user.no_email.is_none(), "{user:?}");
            user.email.iter().for_each(|email| is_email(email));
            [&user.first_name, &user.last_name]
                .into_iter()
                .flatten()
                .for_each(|name| is_text(name));
            [user.created_at_ms, user.updated_at_ms].into_iter().flatten().for_each(is_time);
            if let Some(why) = &user.no_email {
                assert!(why.to_string().ends_with('.'), "{why}");
                if let NoEmail::NotAnAddress { value } = why {
                    assert!(value.chars().count() <= 60, "{value}");
                }
            }
        }
        Fact::UserDeleted(deleted) => {
            assert_eq!(message.kind, "user.deleted");
            assert_eq!(Some(deleted.user_id.as_str()), id);
            deleted.external_id.iter().for_each(|text| is_text(text));
        }
        Fact::Waitlist(entry) => {
            assert!(message.kind.starts_with("waitlistEntry."));
            assert_eq!(Some(entry.entry_id.as_str()), id);
            entry.email.iter().for_each(|email| is_email(email));
            entry.status.iter().for_each(|status| is_text(status));
            [entry.created_at_ms, entry.updated_at_ms].into_iter().flatten().for_each(is_time);
        }
    }
}

fn is_text(text: &str) {
    assert!(!text.is_empty() && text.trim() == text, "{text:?}");
}

fn is_time(ms: i64) {
    assert!((1..=LAST_MS).contains(&ms), "{ms}");
    assert!(ms >= SECONDS_BELOW || ms % 1000 == 0, "{ms} is neither milliseconds nor seconds");
}

fn is_email(email: &str) {
    is_text(email);
    assert!(email.len() <= 320, "{} bytes", email.len());
    assert!(!email.contains(|c: char| c.is_whitespace() || c.is_control()), "{email:?}");
    let (local, domain) = email.rsplit_once('@').unwrap();
    assert!(!local.is_empty() && !domain.is_empty(), "{email:?}");
}

/// The plain walk.
fn agrees(message: &Message, value: &Value) {
    let data = &value["data"];
    assert_eq!(message.kind, text(&value["type"]).unwrap_or_default());
    assert_eq!(message.instance_id.as_deref(), text(&value["instance_id"]));
    assert_eq!(message.object_id.as_deref(), text(&data["id"]));
    same_time(message.timestamp_ms, &value["timestamp"]);
    match &message.fact {
        Some(Fact::User(user)) => {
            assert_eq!(user.email.as_deref(), primary_email(data));
            assert_eq!(user.first_name.as_deref(), text(&data["first_name"]));
            assert_eq!(user.last_name.as_deref(), text(&data["last_name"]));
            same_time(user.created_at_ms, &data["created_at"]);
            same_time(user.updated_at_ms, &data["updated_at"]);
        }
        Some(Fact::UserDeleted(deleted)) => {
            assert_eq!(deleted.external_id.as_deref(), text(&data["external_id"]));
        }
        Some(Fact::Waitlist(entry)) => {
            assert_eq!(entry.email.as_deref(), address(&data["email_address"]));
            assert_eq!(entry.status.as_deref(), text(&data["status"]));
            same_time(entry.created_at_ms, &data["created_at"]);
            same_time(entry.updated_at_ms, &data["updated_at"]);
        }
        None => {}
    }
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty())
}

fn address(value: &Value) -> Option<&str> {
    text(value).filter(|email| {
        let parts: Option<(&str, &str)> = email.rsplit_once('@');
        let whole = parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
        whole
            && email.len() <= 320
            && !email.contains(|c: char| c.is_whitespace() || c.is_control())
    })
}

fn primary_email(data: &Value) -> Option<&str> {
    let id = text(&data["primary_email_address_id"])?;
    let all = data["email_addresses"].as_array()?;
    address(&all.iter().find(|address| text(&address["id"]) == Some(id))?["email_address"])
}

/// Whole numbers only: how a fraction is rounded is the reader's own affair.
fn same_time(read: Option<i64>, written: &Value) {
    if written.is_f64() {
        return;
    }
    let whole = written.as_i64();
    let ms = whole.map(|time| if time < SECONDS_BELOW { time.saturating_mul(1000) } else { time });
    assert_eq!(read, ms.filter(|ms| (1..=LAST_MS).contains(ms)), "{written}");
}

fn has_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_float),
        Value::Object(fields) => fields.values().any(has_float),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}
