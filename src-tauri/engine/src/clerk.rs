//! What Clerk sends, read into facts. Pure: bytes in, facts out.
//!
//! Only `type`, `data` and the object's id are relied on; everything else may be missing, null or
//! of another type (Clerk's own examples differ from its schema, and its schema from what arrives).
//! `object` is never tested: the schema says `waitlist_entry` where the examples say
//! `waitlistEntry`. Unknown fields are left alone, since the raw body is kept. What a fact does to
//! a contact is `audience`; whether the sender is Clerk is `signing::verify`.

mod payload;
pub mod samples;
pub mod scenarios;

use serde_json::value::RawValue;

use self::payload::Object;

/// The events that change the audience, the same five that Loops takes from Clerk.
pub const ACTED_ON: [&str; 5] = [
    "user.created",
    "user.updated",
    "user.deleted",
    "waitlistEntry.created",
    "waitlistEntry.updated",
];

/// Every event type Clerk is known to send: the 45 of its webhook document of 2025-04-15, and
/// `subscriptionItem.created` and `subscriptionItem.expired`, named in its libraries. Others may
/// arrive.
pub const ALL_EVENTS: &[&str] = &[
    "email.created",
    "organization.created",
    "organization.updated",
    "organization.deleted",
    "organizationDomain.created",
    "organizationDomain.updated",
    "organizationDomain.deleted",
    "organizationInvitation.created",
    "organizationInvitation.accepted",
    "organizationInvitation.revoked",
    "organizationMembership.created",
    "organizationMembership.updated",
    "organizationMembership.deleted",
    "paymentAttempt.created",
    "paymentAttempt.updated",
    "permission.created",
    "permission.updated",
    "permission.deleted",
    "role.created",
    "role.updated",
    "role.deleted",
    "session.created",
    "session.pending",
    "session.ended",
    "session.removed",
    "session.revoked",
    "sms.created",
    "subscription.created",
    "subscription.updated",
    "subscription.active",
    "subscription.pastDue",
    "subscriptionItem.abandoned",
    "subscriptionItem.active",
    "subscriptionItem.canceled",
    "subscriptionItem.created",
    "subscriptionItem.ended",
    "subscriptionItem.expired",
    "subscriptionItem.freeTrialEnding",
    "subscriptionItem.incomplete",
    "subscriptionItem.pastDue",
    "subscriptionItem.upcoming",
    "subscriptionItem.updated",
    "user.created",
    "user.updated",
    "user.deleted",
    "waitlistEntry.created",
    "waitlistEntry.updated",
];

/// One webhook body, as far as it could be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// `type`, such as `user.created`; empty if absent.
    pub kind: String,
    /// `instance_id` (`ins_…`); absent in old messages and in some of the examples Clerk's
    /// dashboard sends.
    pub instance_id: Option<String>,
    /// `timestamp`: when Clerk made the event, Unix milliseconds.
    pub timestamp_ms: Option<i64>,
    /// `data.id`.
    pub object_id: Option<String>,
    /// What a list shows: an email if there is one, else a name or "phone only", else `data.id`.
    pub subject: Option<String>,
    /// What to do; `None` for a type that changes nothing.
    pub fact: Option<Fact>,
}

/// Something Clerk stated about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// `user.created` or `user.updated`: both carry the whole user.
    User(UserSnapshot),
    /// `user.deleted`.
    UserDeleted(UserDeleted),
    /// `waitlistEntry.created` or `waitlistEntry.updated`: both carry the whole entry.
    Waitlist(WaitlistSnapshot),
}

/// A user as of `updated_at_ms`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSnapshot {
    /// `user_…`.
    pub user_id: String,
    /// The primary address, trimmed, in its original case.
    pub email: Option<String>,
    /// Why there is no `email`; set exactly when that is `None`.
    pub no_email: Option<NoEmail>,
    /// First name; blank is `None`.
    pub first_name: Option<String>,
    /// Last name; blank is `None`.
    pub last_name: Option<String>,
    /// Unix milliseconds.
    pub created_at_ms: Option<i64>,
    /// Unix milliseconds; grows with every change Clerk makes.
    pub updated_at_ms: Option<i64>,
}

/// A user who is gone. Clerk sends no email, no name and no time with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDeleted {
    /// `user_…`.
    pub user_id: String,
    /// The id the user's own app gave, if any.
    pub external_id: Option<String>,
}

/// A waitlist entry as of `updated_at_ms`. It never names a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitlistSnapshot {
    /// `wle_…`.
    pub entry_id: String,
    /// The address, trimmed, in its original case.
    pub email: Option<String>,
    /// `pending`, `invited`, `rejected`, `completed`, or a newer word.
    pub status: Option<String>,
    /// Unix milliseconds.
    pub created_at_ms: Option<i64>,
    /// Unix milliseconds.
    pub updated_at_ms: Option<i64>,
}

/// Why a user has no usable email. `Display` is the sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoEmail {
    /// `primary_email_address_id` is null, as for people who sign in by phone, username or wallet.
    #[error("{}", no_primary_sentence(*addresses))]
    NoPrimary {
        /// How many addresses the user has that are not primary.
        addresses: usize,
    },
    /// `primary_email_address_id` names none of `email_addresses`, as in Clerk's own published
    /// examples.
    #[error(
        "The primary email address is {id}, which is not among the user's {addresses} email addresses."
    )]
    Dangling {
        /// The id that leads nowhere.
        id: String,
        /// How many addresses there are.
        addresses: usize,
    },
    /// The primary entry has no text.
    #[error("The primary email address {id} is empty.")]
    Blank {
        /// Its id.
        id: String,
    },
    /// The primary entry is not an email address.
    #[error("The primary email address is \"{value}\", which is not an email address.")]
    NotAnAddress {
        /// What stood there, shortened.
        value: String,
    },
}

/// Why a body cannot be acted on. `Display` is the sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Not JSON, or not UTF-8.
    #[error("The body is not JSON: it stops making sense at line {line}, column {column}.")]
    NotJson {
        /// From 1.
        line: usize,
        /// In bytes, from 1; 0 at the end of the previous line.
        column: usize,
    },
    /// JSON, but a list, text or number.
    #[error("The body is JSON but not an object, so it is not an event from Clerk.")]
    NotAnObject,
    /// No `type`.
    #[error("The event has no type, so nothing can be done with it.")]
    NoType {
        /// What could be read.
        message: Box<Message>,
    },
    /// An event Usher acts on, without the id it is about.
    #[error("The {} event has no data.id, so it is not known whom it is about.", message.kind)]
    NoId {
        /// What could be read.
        message: Box<Message>,
    },
}

impl Unusable {
    /// What could be read all the same, to store and list.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        match self {
            Self::NotJson { .. } | Self::NotAnObject => None,
            Self::NoType { message } | Self::NoId { message } => Some(message),
        }
    }

    /// A name for the database.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotJson { .. } => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::NoType { .. } => "no_type",
            Self::NoId { .. } => "no_id",
        }
    }
}

/// Reads one body.
///
/// # Errors
/// Why it cannot be acted on, with what could be read.
pub fn read(body: &[u8]) -> Result<Message, Unusable> {
    let text = std::str::from_utf8(body).map_err(|error| not_text(body, error.valid_up_to()))?;
    let whole: &RawValue = serde_json::from_str(text)
        .map_err(|error| Unusable::NotJson { line: error.line(), column: error.column() })?;
    let envelope = Object::read(whole).ok_or(Unusable::NotAnObject)?;
    let data = envelope.object("data").unwrap_or_default();
    let kind = envelope.text("type").unwrap_or_default();
    let object_id = data.text("id");
    let fact = object_id.as_deref().and_then(|id| fact(&kind, id, &data));
    let message = Message {
        instance_id: envelope.text("instance_id"),
        timestamp_ms: envelope.time("timestamp"),
        subject: subject(&kind, &data).or_else(|| object_id.clone()),
        object_id,
        fact,
        kind,
    };
    if message.kind.is_empty() {
        Err(Unusable::NoType { message: Box::new(message) })
    } else if message.object_id.is_none() && ACTED_ON.contains(&message.kind.as_str()) {
        Err(Unusable::NoId { message: Box::new(message) })
    } else {
        Ok(message)
    }
}

/// The key by which addresses are matched: trimmed, lower case.
#[must_use]
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

fn fact(kind: &str, id: &str, data: &Object<'_>) -> Option<Fact> {
    match kind {
        "user.created" | "user.updated" => Some(Fact::User(user(id, data))),
        "user.deleted" => Some(Fact::UserDeleted(UserDeleted {
            user_id: id.to_owned(),
            external_id: data.text("external_id"),
        })),
        "waitlistEntry.created" | "waitlistEntry.updated" => {
            Some(Fact::Waitlist(WaitlistSnapshot {
                entry_id: id.to_owned(),
                email: data.text("email_address").filter(|email| is_address(email)),
                status: data.text("status"),
                created_at_ms: data.time("created_at"),
                updated_at_ms: data.time("updated_at"),
            }))
        }
        _ => None,
    }
}

fn user(id: &str, data: &Object<'_>) -> UserSnapshot {
    let (email, no_email) = match primary_email(data) {
        Ok(email) => (Some(email), None),
        Err(why) => (None, Some(why)),
    };
    UserSnapshot {
        user_id: id.to_owned(),
        email,
        no_email,
        first_name: data.text("first_name"),
        last_name: data.text("last_name"),
        created_at_ms: data.time("created_at"),
        updated_at_ms: data.time("updated_at"),
    }
}

/// The address whose `id` is `primary_email_address_id`. Never simply the first one.
fn primary_email(data: &Object<'_>) -> Result<String, NoEmail> {
    let addresses = data.objects("email_addresses");
    let Some(id) = data.text("primary_email_address_id") else {
        return Err(NoEmail::NoPrimary { addresses: addresses.len() });
    };
    let Some(primary) = addresses.iter().find(|address| address.text("id").as_ref() == Some(&id))
    else {
        return Err(NoEmail::Dangling { id, addresses: addresses.len() });
    };
    match primary.text("email_address") {
        None => Err(NoEmail::Blank { id }),
        Some(email) if is_address(&email) => Ok(email),
        Some(value) => Err(NoEmail::NotAnAddress { value: value.chars().take(60).collect() }),
    }
}

fn is_address(email: &str) -> bool {
    const LONGEST: usize = 320;
    email.len() <= LONGEST
        && !email.contains(|c: char| c.is_whitespace() || c.is_control())
        && email
            .rsplit_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

fn subject(kind: &str, data: &Object<'_>) -> Option<String> {
    match kind {
        "user.created" | "user.updated" => primary_email(data).ok().or_else(|| without_email(data)),
        "user.deleted" => None,
        _ => data
            .text("email_address")
            .or_else(|| data.text("to_email_address"))
            .or_else(|| {
                data.object("user")
                    .and_then(|user| primary_email(&user).ok().or_else(|| without_email(&user)))
            })
            .or_else(|| data.object("public_user_data")?.text("identifier"))
            .or_else(|| data.object("payer")?.text("email"))
            .or_else(|| data.text("name"))
            .or_else(|| data.text("to_phone_number")),
    }
}

fn without_email(data: &Object<'_>) -> Option<String> {
    let names = [data.text("first_name"), data.text("last_name")];
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let has_phone =
        data.text("primary_phone_number_id").is_some() || !data.objects("phone_numbers").is_empty();
    let means = if !data.objects("email_addresses").is_empty() {
        None
    } else if has_phone {
        Some("phone only")
    } else {
        data.text("username").map(|_| "username only")
    };
    match (name.is_empty(), means) {
        (true, means) => means.map(str::to_owned),
        (false, Some(means)) => Some(format!("{name} ({means})")),
        (false, None) => Some(name),
    }
}

fn no_primary_sentence(addresses: usize) -> String {
    match addresses {
        0 => "The user has no email address.".to_owned(),
        1 => "The user has an email address, but it is not set as the primary one.".to_owned(),
        many => format!("The user has {many} email addresses, but none is set as the primary one."),
    }
}

fn not_text(body: &[u8], at: usize) -> Unusable {
    let before = body.get(..at).unwrap_or_default();
    let last_line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    Unusable::NotJson {
        line: before.split(|byte| *byte == b'\n').count(),
        column: last_line.len() + 1,
    }
}
