//! The fields of messages: what they mean, and the SQL that says so.
//!
//! A condition is exact SQL over `message m` joined with `endpoint e`; it is never null, so that `not`
//! means not. Beside it, where one can be had, stands a [`Hint`]: words of the full-text index that
//! every matching message is known to hold. The index may only leave out what cannot match.

use jiff::tz::TimeZone;
use sqlx::{QueryBuilder, Sqlite};

use super::words::{folded, literally, push_begins, tokens};
use super::{Node, Problem, Term, nearest, time};

/// A field of a search over messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// What stands before the colon.
    pub name: &'static str,
    /// What it finds, for people.
    pub what: &'static str,
    /// The values it takes, when there is a list of them.
    pub values: &'static [&'static str],
}

const fn field(name: &'static str, what: &'static str, values: &'static [&'static str]) -> Field {
    Field { name, what, values }
}

/// What may stand after `status:`; the words of an outcome.
pub const STATUSES: [&str; 9] = [
    "processed",
    "ignored",
    "off",
    "no_email",
    "duplicate",
    "stale",
    "waiting",
    "failed",
    "refused",
];
const STATES: [&str; 8] =
    ["duplicate", "replayed", "refused", "stale", "ignored", "pinned", "forwarded", "test"];
const PARTS: [&str; 2] = ["error", "change"];

/// Every field, in the order in which they are offered.
pub const FIELDS: [Field; 14] = [
    field("type", "Clerk's type; * stands for anything: user.*", &[]),
    field("status", "What became of it, or the HTTP status answered", &STATUSES),
    field("endpoint", "Name of the endpoint", &[]),
    field("reason", "Named reason, such as wrong_secret", &[]),
    field("email", "Email of whom it is about; its beginning or @domain is enough", &[]),
    field("user", "Clerk's user ID", &[]),
    field("id", "Message, svix-id or the object's ID", &[]),
    field("body", "Words of the body", &[]),
    field("before", "Received before a date, or 2 days ago", &[]),
    field("after", "Received since a date, or 2 days ago", &[]),
    field("larger", "Body larger than 10k", &[]),
    field("smaller", "Body smaller than 10k", &[]),
    field("is", "A state of the message", &STATES),
    field("has", "Something the message has", &PARTS),
];

/// When and where a search is read.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// Unix milliseconds.
    pub now: i64,
    /// Where dates begin at midnight.
    pub zone: TimeZone,
}

/// A term that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Words(String),
    Body(String),
    Type(String),
    Outcome(&'static str),
    Answered(i64),
    Endpoint(String),
    Reason(String),
    Email(String),
    User(String),
    Id(String),
    Before(i64),
    After(i64),
    Larger(i64),
    Smaller(i64),
    Duplicate,
    Replayed,
    Pinned,
    Forwarded,
    Test,
    Error,
    Change,
}

/// Words of which the full-text index can tell the messages that hold them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint(String);

impl Hint {
    /// As the index takes it.
    pub fn as_match(&self) -> &str {
        &self.0
    }
}

/// A search over messages whose terms are all understood.
#[derive(Debug, Clone)]
pub struct Search {
    tree: Node<Condition>,
    /// What the full-text index can tell beforehand.
    pub hint: Option<Hint>,
    /// An index of `message` that holds every match.
    pub index: Option<&'static str>,
    /// Unix milliseconds: nothing received earlier matches.
    pub since: Option<i64>,
    /// Unix milliseconds: nothing received at or after it matches.
    pub until: Option<i64>,
}

impl Search {
    /// Understands every term.
    ///
    /// # Errors
    /// The first unknown field or value, and the nearest right one.
    pub fn of(tree: &Node, viewer: &Viewer) -> Result<Self, Problem> {
        let tree = tree.understood(&|term| Condition::of(term, viewer))?;
        let nodes = match &tree {
            Node::All(nodes) => nodes.as_slice(),
            node => std::slice::from_ref(node),
        };
        let (mut since, mut until, mut index) = (None, None, None);
        for node in nodes {
            let Node::Term(condition) = node else { continue };
            match condition {
                Condition::After(at) => since = since.max(Some(*at)),
                Condition::Before(at) => {
                    until = Some(until.map_or(*at, |known: i64| known.min(*at)))
                }
                condition => index = index.or_else(|| condition.index()),
            }
        }
        let hint = hint_of(&tree).map(Hint);
        Ok(Self { tree, hint, index, since, until })
    }

    /// Whether it leaves nothing out.
    pub fn is_everything(&self) -> bool {
        self.tree.is_everything()
    }

    /// Adds its condition to a statement over `message m join endpoint e`.
    pub fn push(&self, sql: &mut QueryBuilder<Sqlite>) {
        self.tree.push(sql, &|condition, sql| condition.push(sql));
    }
}

/// What every match of this node holds, for the index.
fn hint_of(node: &Node<Condition>) -> Option<String> {
    let (hints, between): (Vec<String>, _) = match node {
        Node::Term(condition) => return condition.hint(),
        Node::Not(_) => return None,
        Node::All(nodes) => (nodes.iter().filter_map(hint_of).collect(), " AND "),
        Node::Any(nodes) => (nodes.iter().map(hint_of).collect::<Option<_>>()?, " OR "),
    };
    (!hints.is_empty()).then(|| format!("({})", hints.join(between)))
}

impl Condition {
    fn of(term: &Term, viewer: &Viewer) -> Result<Self, Problem> {
        let value = term.value.trim();
        let problem = |sentence: String| Problem { sentence, span: term.span };
        if value.is_empty() {
            return Err(problem("There is nothing between the quotes.".to_owned()));
        }
        let lower = value.to_lowercase();
        let Some(name) = term.field.as_deref() else {
            let status = STATUSES.into_iter().find(|status| !term.quoted && *status == lower);
            return Ok(status.map_or_else(|| Self::Words(value.to_owned()), Self::Outcome));
        };
        let one_of = |known: &'static [&'static str]| {
            known.iter().copied().find(|known| *known == lower).ok_or_else(|| {
                let hint = match nearest(&lower, known.iter().copied()) {
                    Some(near) => format!("Did you mean {name}:{near}?"),
                    None => format!("There is {}.", known.join(", ")),
                };
                problem(format!("{name}: does not know \"{value}\". {hint}"))
            })
        };
        let at = || {
            time::moment(value, viewer.now, &viewer.zone).ok_or_else(|| {
                problem(format!(
                    "{name}: does not know the time \"{value}\". Write 2026-08-01, \
                     2026-08-01T14:30, today, or \"2 days ago\"."
                ))
            })
        };
        let size = || {
            bytes(&lower).ok_or_else(|| {
                problem(format!(
                    "{name}: does not know the size \"{value}\". Write 500, 10k or 1m."
                ))
            })
        };
        Ok(match name {
            "type" => Self::Type(value.to_owned()),
            "status" => match lower.parse() {
                Ok(status) => Self::Answered(status),
                Err(_) => Self::Outcome(one_of(&STATUSES)?),
            },
            "endpoint" => Self::Endpoint(value.to_owned()),
            "reason" => Self::Reason(value.replace(' ', "_")),
            "email" => Self::Email(value.to_owned()),
            "user" => Self::User(value.to_owned()),
            "id" => Self::Id(value.to_owned()),
            "body" => Self::Body(value.to_owned()),
            "before" => Self::Before(at()?),
            "after" => Self::After(at()?),
            "larger" => Self::Larger(size()?),
            "smaller" => Self::Smaller(size()?),
            "is" => match one_of(&STATES)? {
                "duplicate" => Self::Duplicate,
                "replayed" => Self::Replayed,
                "refused" => Self::Outcome("refused"),
                "stale" => Self::Outcome("stale"),
                "ignored" => Self::Outcome("ignored"),
                "pinned" => Self::Pinned,
                "forwarded" => Self::Forwarded,
                _ => Self::Test,
            },
            "has" => match one_of(&PARTS)? {
                "error" => Self::Error,
                _ => Self::Change,
            },
            unknown => {
                let hint = match nearest(unknown, FIELDS.iter().map(|field| field.name)) {
                    Some(near) => format!("Did you mean {near}:{}?", shown(term)),
                    None => format!("To look for these very words: \"{unknown}:{value}\"."),
                };
                return Err(problem(format!("There is no field {unknown}. {hint}")));
            }
        })
    }

    /// An index that holds every match and is small as a rule.
    fn index(&self) -> Option<&'static str> {
        match self {
            Self::Outcome("processed") => None,
            Self::Outcome(_) | Self::Reason(_) => Some("message_outcome"),
            Self::Pinned => Some("message_pinned"),
            Self::Duplicate => Some("message_repeated"),
            Self::Replayed => Some("message_replayed"),
            _ => None,
        }
    }

    /// Words that every match holds in what is indexed: type, subject, ids, headers and body.
    fn hint(&self) -> Option<String> {
        match self {
            Self::Words(text) | Self::Body(text) | Self::Email(text) => tokens(text, false),
            Self::User(text) => tokens(text, false),
            Self::Id(text) if text.parse::<i64>().is_err() => tokens(text, false),
            Self::Type(pattern) => tokens(pattern, true),
            _ => None,
        }
    }

    fn push(&self, sql: &mut QueryBuilder<Sqlite>) {
        let wild = |pattern: &str| folded(pattern).replace("[*]", "*");
        match self {
            Self::Words(words) => {
                sql.push("(");
                push_begins(
                    sql,
                    "m.kind || ' ' || coalesce(m.subject, '') || ' ' \
                     || coalesce(m.svix_id, '') || ' ' || coalesce(m.object_id, '')",
                    words,
                );
                sql.push(" or ");
                in_body(sql, words, true);
                sql.push(")");
            }
            Self::Body(words) => in_body(sql, words, false),
            Self::Type(pattern) => {
                sql.push("lower(m.kind) glob ").push_bind(wild(pattern));
            }
            // The second part seems idle; with it SQLite sees that the index of what was not
            // processed will do.
            Self::Outcome("processed") => {
                sql.push("m.outcome = 'processed'");
            }
            Self::Outcome(outcome) => {
                sql.push("(m.outcome = ")
                    .push_bind(*outcome)
                    .push(" and m.outcome <> 'processed')");
            }
            Self::Answered(status) => {
                sql.push("m.status = ").push_bind(*status);
            }
            Self::Endpoint(name) => {
                sql.push("lower(e.name) glob ").push_bind(format!("{}*", wild(name)));
            }
            Self::Reason(reason) => {
                sql.push("(m.outcome <> 'processed' and coalesce(m.reason, '') glob ")
                    .push_bind(wild(reason))
                    .push(")");
            }
            Self::Email(email) => {
                sql.push("(");
                push_begins(sql, "coalesce(m.subject, '')", email);
                sql.push(
                    " or exists (select 1 from contact_change c where c.message_id = m.id and ",
                );
                push_begins(sql, "c.email", email);
                sql.push("))");
            }
            Self::User(user) => {
                sql.push("(coalesce(m.object_id, '') = ").push_bind(user.clone()).push(" or ");
                in_body_exactly(sql, format!("*\"{}\"*", literally(user)));
                sql.push(")");
            }
            Self::Id(id) => {
                sql.push("(coalesce(m.svix_id, '') = ")
                    .push_bind(id.clone())
                    .push(" or coalesce(m.object_id, '') = ")
                    .push_bind(id.clone())
                    .push(" or m.id = ")
                    .push_bind(id.parse::<i64>().unwrap_or(0))
                    .push(")");
            }
            Self::Before(at) => {
                sql.push("m.received_at < ").push_bind(*at);
            }
            Self::After(at) => {
                sql.push("m.received_at >= ").push_bind(*at);
            }
            Self::Larger(size) => {
                sql.push("m.body_size > ").push_bind(*size);
            }
            Self::Smaller(size) => {
                sql.push("m.body_size < ").push_bind(*size);
            }
            Self::Duplicate => {
                sql.push("(m.outcome = 'duplicate' or m.duplicates > 0)");
            }
            Self::Replayed => {
                sql.push("m.origin_id is not null");
            }
            Self::Pinned => {
                sql.push("m.pinned = 1");
            }
            Self::Forwarded => {
                sql.push("exists (select 1 from delivery d where d.message_id = m.id)");
            }
            Self::Test => {
                sql.push("m.test = 1");
            }
            Self::Error => {
                sql.push(
                    "((m.outcome <> 'processed' and m.outcome in ('refused', 'failed')) \
                     or exists (select 1 from delivery d \
                                where d.message_id = m.id and d.state = 'failed'))",
                );
            }
            Self::Change => {
                sql.push(
                    "exists (select 1 from contact_change c \
                     where c.message_id = m.id and c.changes <> '[]')",
                );
            }
        }
    }
}

/// Adds whether the body holds the text where a word begins, as it came or with the strings of its JSON
/// read; the same is indexed (inbox/words.rs).
fn in_body(sql: &mut QueryBuilder<Sqlite>, text: &str, headers_too: bool) {
    sql.push("exists (select 1 from message_body b where b.message_id = m.id and (");
    push_begins(sql, "cast(b.body as text)", text);
    if headers_too {
        sql.push(" or ");
        push_begins(sql, "b.headers", text);
    }
    sql.push(" or exists (select 1 from message_strings s where s.message_id = b.message_id and ");
    push_begins(sql, "s.text", text);
    sql.push(")))");
}

fn in_body_exactly(sql: &mut QueryBuilder<Sqlite>, pattern: String) {
    sql.push(
        "exists (select 1 from message_body b where b.message_id = m.id and \
         cast(b.body as text) glob ",
    )
    .push_bind(pattern)
    .push(")");
}

/// `500`, `10k`, `1m`: bytes, in steps of 1024.
fn bytes(text: &str) -> Option<i64> {
    let text = text.strip_suffix('b').unwrap_or(text);
    let (digits, unit) = match text.strip_suffix(['k', 'm']) {
        Some(digits) if text.ends_with('k') => (digits, 1024),
        Some(digits) => (digits, 1024 * 1024),
        None => (text, 1),
    };
    digits.trim().parse::<i64>().ok().filter(|n| *n >= 0)?.checked_mul(unit)
}

fn shown(term: &Term) -> String {
    Term { field: None, ..term.clone() }.to_string()
}
