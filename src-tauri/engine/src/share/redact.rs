//! Stand-ins for what says who somebody is: safe for a public issue, and still telling.
//!
//! What is kept is listed, not what is removed: plain names of fields, times and counts, yes and no, and
//! the words that Clerk's documents list for a few fields. A body may be anybody's, since refused ones
//! are kept too, so a word that is not listed does not stay because it looks harmless. Every other text
//! becomes a stand-in of its kind, the same one wherever the same text stands, so that what belonged
//! together still does.

use std::collections::HashMap;

use serde_json::Value;

/// Fields whose texts come from a fixed set.
const KEPT: [&str; 9] =
    ["type", "object", "status", "strategy", "provider", "locale", "role", "mode", "action"];

/// That set: what Clerk's documents list for those fields. Types of events come from the caller.
const WORDS: &[&str] = &[
    "abandoned",
    "accepted",
    "active",
    "actor_token",
    "admin",
    "allowlist_identifier",
    "api_key",
    "basic_member",
    "blocklist_identifier",
    "canceled",
    "client",
    "closed",
    "commerce_payer",
    "commerce_payment",
    "commerce_payment_method",
    "commerce_plan",
    "commerce_price",
    "commerce_source",
    "commerce_statement",
    "commerce_subscription",
    "commerce_subscription_item",
    "complete",
    "completed",
    "custom",
    "custom_attribute",
    "decrease",
    "delivered",
    "directory",
    "disconnected",
    "domain",
    "email",
    "email_address",
    "email_code",
    "email_link",
    "ended",
    "enterprise_account",
    "enterprise_connection",
    "event",
    "exhausted",
    "expired",
    "external_account",
    "facebook_account",
    "failed",
    "feature",
    "google_account",
    "google_one_tap",
    "incomplete",
    "increase",
    "initial",
    "instance",
    "invitation",
    "invited",
    "machine",
    "missing_requirements",
    "oauth_access_token",
    "oauth_application",
    "off",
    "oidc_custom",
    "oidc_github_enterprise",
    "oidc_gitlab",
    "open",
    "org:admin",
    "org:member",
    "organization",
    "organization_domain",
    "organization_invitation",
    "organization_membership",
    "paid",
    "passkey",
    "past_due",
    "password",
    "pending",
    "permission",
    "phone_code",
    "phone_number",
    "queued",
    "rejected",
    "removed",
    "replaced",
    "reset_password_email_code",
    "reset_password_phone_code",
    "revoked",
    "role",
    "saml",
    "saml_account",
    "saml_connection",
    "saml_custom",
    "saml_google",
    "saml_microsoft",
    "saml_okta",
    "scim",
    "scim_directory",
    "session",
    "session_reverification",
    "sent",
    "sign_in_token",
    "sign_up_attempt",
    "sms_message",
    "success",
    "ticket",
    "token",
    "totp",
    "transferable",
    "unverified",
    "upcoming",
    "user",
    "verification_admin",
    "verification_email_link",
    "verification_from_oauth",
    "verification_google_one_tap",
    "verification_oauth",
    "verification_otp",
    "verification_passkey",
    "verification_saml",
    "verification_scim",
    "verification_ticket",
    "verification_web3",
    "verified",
    "waitlist_entry",
    "web3_base_signature",
    "web3_coinbase_wallet_signature",
    "web3_metamask_signature",
    "web3_okx_wallet_signature",
    "web3_solana_signature",
    "web3_wallet",
];

/// Those who sign somebody in, after `oauth_` or `from_oauth_`.
const PROVIDERS: &[&str] = &[
    "apple",
    "atlassian",
    "bitbucket",
    "box",
    "coinbase",
    "discord",
    "dropbox",
    "facebook",
    "github",
    "gitlab",
    "google",
    "hubspot",
    "huggingface",
    "line",
    "linear",
    "linkedin",
    "linkedin_oidc",
    "microsoft",
    "notion",
    "slack",
    "spotify",
    "tiktok",
    "twitch",
    "twitter",
    "vercel",
    "x",
    "xero",
];

/// Fields, beside those that end in `_at` or `_count`, whose numbers say nothing of anybody.
const NUMBERS: [&str; 6] =
    ["timestamp", "attempts", "amount", "max_allowed_memberships", "quantity", "cycle"];

/// Names of headers that say nothing of anybody.
const HEADERS: [&str; 16] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-type",
    "svix-id",
    "svix-signature",
    "svix-timestamp",
    "traceparent",
    "user-agent",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
];

/// What ids of Clerk and Svix begin with.
const PREFIXES: [&str; 24] = [
    "app", "client", "eac", "ema", "idn", "img", "ins", "inv", "msg", "org", "orginv", "orgmem",
    "perm", "plan", "role", "samlc", "sess", "sms", "sub", "user", "ver", "wait", "waitlist",
    "wle",
];

/// Replaces texts, and remembers by what.
#[derive(Debug)]
pub struct Stand<'a> {
    /// Types of events that may stay.
    types: &'a [&'a str],
    known: HashMap<String, String>,
    counts: HashMap<&'static str, usize>,
}

impl<'a> Stand<'a> {
    /// With the types of events that may stay.
    pub fn new(types: &'a [&'a str]) -> Self {
        Self { types, known: HashMap::new(), counts: HashMap::new() }
    }

    /// A body with its texts replaced; one that cannot be taken apart is only described.
    pub fn in_body(&mut self, body: &str) -> String {
        match serde_json::from_str::<Value>(body) {
            Ok(mut value) => {
                self.replace(&mut value, None);
                format!("{value:#}")
            }
            Err(_) => format!("({} bytes that cannot be taken apart as JSON)", body.len()),
        }
    }

    /// A type of event, or a stand-in.
    pub fn in_type(&mut self, kind: &str) -> String {
        if self.types.contains(&kind) { kind.to_owned() } else { self.of(kind) }
    }

    /// A header; `None` when it says nothing without the body that it came with.
    pub fn in_header(&mut self, name: &str, value: &str) -> Option<(String, String)> {
        let lower = name.to_ascii_lowercase();
        let all = |fits: fn(char) -> bool| value.chars().all(fits);
        let essence = value.split(';').next().unwrap_or_default().trim();
        let from = |sets: &[&str]| sets.iter().any(|set| value.starts_with(set));
        let stays = match lower.as_str() {
            "host" | "content-length" => return None,
            "accept" => value == "*/*" || value == "application/json",
            "accept-encoding" => value.split(',').all(|coding| {
                ["gzip", "deflate", "br", "zstd", "identity", "*"].contains(&coding.trim())
            }),
            "connection" => matches!(value, "close" | "keep-alive"),
            "content-type" => matches!(
                essence,
                "application/json" | "text/plain" | "application/x-www-form-urlencoded"
            ),
            "svix-timestamp" | "webhook-timestamp" => all(|c| c.is_ascii_digit()),
            "user-agent" => {
                from(&["Svix-Webhooks/", "Usher/", "curl/"])
                    && all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '/'))
            }
            "x-forwarded-proto" => matches!(value, "http" | "https"),
            _ => false,
        };
        let value = match lower.as_str() {
            "svix-signature" | "webhook-signature" => "v1,REDACTED".to_owned(),
            "content-type" if stays => essence.to_owned(),
            _ if stays => value.to_owned(),
            _ => self.of(value),
        };
        let name = if HEADERS.contains(&lower.as_str()) { lower } else { self.of(name) };
        Some((name, value))
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
            "address" if count < 255 => format!("192.0.2.{count}"),
            "address" => format!("2001:db8::{count:x}"),
            "phone" => format!("+1555010{count:04}"),
            "id" => format!("{}_REDACTED{count}", text.split('_').next().unwrap_or_default()),
            kind => format!("{kind}{count}"),
        };
        self.known.insert(text.to_owned(), stand_in.clone());
        stand_in
    }

    fn replace(&mut self, value: &mut Value, field: Option<&str>) {
        if field.is_some_and(is_free) {
            return self.replace_all(value);
        }
        match value {
            Value::String(text) => {
                if !field.is_some_and(|name| self.keeps(name, text)) {
                    *text = self.of(text);
                }
            }
            Value::Number(_) => {
                if !field.is_some_and(counts) {
                    *value = 0.into();
                }
            }
            Value::Array(values) => {
                values.iter_mut().for_each(|value| self.replace(value, field));
            }
            Value::Object(fields) => {
                for (name, mut value) in std::mem::take(fields) {
                    self.replace(&mut value, Some(&name));
                    let name = if is_plain(&name) { name } else { self.of(&name) };
                    fields.insert(name, value);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Whether the text of a field may stay.
    fn keeps(&self, field: &str, text: &str) -> bool {
        let provider = text.strip_prefix("from_oauth_").or_else(|| text.strip_prefix("oauth_"));
        let locale = |c: char| c.is_ascii_alphabetic() || c == '-';
        match field {
            "type" if self.types.contains(&text) => true,
            "locale" => text.len() <= 5 && text.chars().all(locale),
            _ => {
                KEPT.contains(&field)
                    && (WORDS.contains(&text)
                        || provider.is_some_and(|provider| PROVIDERS.contains(&provider)))
            }
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

/// Whether the number of a field may stay.
fn counts(field: &str) -> bool {
    field.ends_with("_at") || field.ends_with("_count") || NUMBERS.contains(&field)
}

/// Whether a name of a field looks like one of Clerk's.
fn is_plain(name: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Fields into which an app puts what it likes.
fn is_free(field: &str) -> bool {
    let field = field.to_ascii_lowercase();
    field.ends_with("metadata") || matches!(field.as_str(), "claims" | "custom_attributes")
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
