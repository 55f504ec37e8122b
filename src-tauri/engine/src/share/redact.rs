//! Stand-ins for what says who somebody is: safe for a public issue, and still telling.
//!
//! What is kept is listed, not what is removed: names of fields, numbers, yes and no, and the texts of
//! a few fields that Clerk fills from a fixed set. Every other text becomes a stand-in of its kind, the
//! same one wherever the same text stands, so that what belonged together still does.

use std::collections::HashMap;

use serde_json::Value;

/// Fields whose texts come from a fixed set.
const KEPT: [&str; 12] = [
    "type", "object", "status", "strategy", "provider", "event", "locale", "role", "mode", "state",
    "action", "level",
];
/// Headers that say nothing of anybody.
const KEPT_HEADERS: [&str; 8] = [
    "accept",
    "accept-encoding",
    "content-length",
    "content-type",
    "svix-timestamp",
    "user-agent",
    "webhook-timestamp",
    "x-forwarded-proto",
];

/// What ids of Clerk and Svix begin with.
const PREFIXES: [&str; 24] = [
    "app", "client", "eac", "ema", "idn", "img", "ins", "inv", "msg", "org", "orginv", "orgmem",
    "perm", "plan", "role", "samlc", "sess", "sms", "sub", "user", "ver", "wait", "waitlist",
    "wle",
];

/// Replaces texts, and remembers by what.
#[derive(Debug, Default)]
pub struct Stand {
    known: HashMap<String, String>,
    counts: HashMap<&'static str, usize>,
}

impl Stand {
    /// A body with its texts replaced; one that is not JSON is only described.
    pub fn in_body(&mut self, body: &str) -> String {
        match serde_json::from_str::<Value>(body) {
            Ok(mut value) => {
                self.replace(&mut value, None);
                format!("{value:#}")
            }
            Err(_) => format!("({} bytes that are not JSON)", body.len()),
        }
    }

    /// The value of a header.
    pub fn in_header(&mut self, name: &str, value: &str) -> String {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            name if KEPT_HEADERS.contains(&name) => value.to_owned(),
            "svix-signature" | "webhook-signature" => "v1,REDACTED".to_owned(),
            "host" => "usher.example".to_owned(),
            _ => self.of(value),
        }
    }

    /// Any text that stands alone, such as a subject.
    pub fn of(&mut self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        if let Some(known) = self.known.get(text) {
            return known.clone();
        }
        let kind = kind_of(text);
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let count = *count;
        let stand_in = match kind {
            "email" => format!("person{count}@example.com"),
            "url" => format!("https://example.com/{count}"),
            "address" => format!("192.0.2.{}", count % 256),
            "phone" => format!("+1555010{:04}", count % 10_000),
            "id" => format!("{}_REDACTED{count}", text.split('_').next().unwrap_or_default()),
            kind => format!("{kind}{count}"),
        };
        self.known.insert(text.to_owned(), stand_in.clone());
        stand_in
    }

    fn replace(&mut self, value: &mut Value, field: Option<&str>) {
        match value {
            Value::String(text) if !field.is_some_and(|name| keeps(name, text)) => {
                *text = self.of(text);
            }
            Value::Array(values) => {
                values.iter_mut().for_each(|value| self.replace(value, field));
            }
            Value::Object(fields) if field.is_some_and(is_free) => {
                let taken = std::mem::take(fields);
                for (name, mut value) in taken {
                    self.replace_all(&mut value);
                    fields.insert(self.of(&name), value);
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields.iter_mut() {
                    let name = name.clone();
                    self.replace(value, Some(&name));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Replaces texts, numbers and names of fields: in what an app stores with Clerk anything may stand.
    fn replace_all(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.of(text),
            Value::Number(_) => *value = 0.into(),
            Value::Array(values) => values.iter_mut().for_each(|value| self.replace_all(value)),
            Value::Object(fields) => {
                for (name, mut value) in std::mem::take(fields) {
                    self.replace_all(&mut value);
                    fields.insert(self.of(&name), value);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
}

/// Whether the text of a field may stay: a word of a fixed set.
fn keeps(field: &str, text: &str) -> bool {
    KEPT.contains(&field)
        && text.len() <= 60
        && text.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '_' | '.' | '-'))
}

/// Fields into which an app puts what it likes.
fn is_free(field: &str) -> bool {
    field.ends_with("_metadata")
}

fn kind_of(text: &str) -> &'static str {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let is_id = text.split_once('_').is_some_and(|(prefix, rest)| {
        PREFIXES.contains(&prefix) && rest.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    if text.contains('@') {
        "email"
    } else if text.contains("://") {
        "url"
    } else if text.parse::<std::net::IpAddr>().is_ok() {
        "address"
    } else if text.starts_with('+') && digits >= 6 {
        "phone"
    } else if is_id {
        "id"
    } else {
        "text"
    }
}
