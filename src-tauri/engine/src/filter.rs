//! The one search language: text -> tree -> conditions -> SQL with bound parameters.
//!
//! Words and `field:value` terms are joined by AND; `OR`, brackets and a leading `-` do what they do
//! in every search box; quotes hold words together. What is still being typed is read as far as it
//! goes: a quote or a bracket that is not closed yet ends with the text. The tree knows no fields;
//! those of messages are in [`messages`], and what a word is in `words`. Deliberately absent: running
//! anything, and relevance: lists have their own order.

pub mod messages;
mod parse;
mod time;
mod words;

use std::fmt;

use sqlx::{QueryBuilder, Sqlite};

pub use parse::parse;
pub use words::is_word;

/// Most bytes of a search.
pub const LONGEST: usize = 4_000;
/// Most terms of a search.
pub const MOST_TERMS: usize = 100;
/// How deep brackets and minus signs may nest.
pub const DEEPEST: usize = 40;

/// A place in the text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

/// What a search says, of terms as they were written or as they were understood. [`Node::All`] and
/// [`Node::Any`] never hold one of their own kind, and only the empty search is an `All` of fewer than
/// two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node<T = Term> {
    /// Every one of these.
    All(Vec<Self>),
    /// At least one of these.
    Any(Vec<Self>),
    /// Not this.
    Not(Box<Self>),
    /// One word, phrase or `field:value`.
    Term(T),
}

/// One word, phrase or `field:value`.
#[derive(Debug, Clone)]
pub struct Term {
    /// What stands before the colon, in lower case; `None` for a bare word.
    pub field: Option<String>,
    /// The value without its quotes.
    pub value: String,
    /// It stood in quotes.
    pub quoted: bool,
    /// Where it stands, the field and the quotes included.
    pub span: Span,
}

/// Two terms are equal when they say the same, wherever they stand.
impl PartialEq for Term {
    fn eq(&self, other: &Self) -> bool {
        (&self.field, &self.value, self.quoted) == (&other.field, &other.value, other.quoted)
    }
}

impl Eq for Term {}

/// Why a search cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Problem {
    /// What is wrong and what would be right, for people.
    pub sentence: String,
    /// Where.
    pub span: Span,
}

impl<T> Node<T> {
    /// Whether it leaves nothing out.
    pub fn is_everything(&self) -> bool {
        matches!(self, Self::All(nodes) if nodes.is_empty())
    }

    /// The same tree of what `understand` makes of each term, from left to right.
    fn understood<U>(
        &self,
        understand: &impl Fn(&T) -> Result<U, Problem>,
    ) -> Result<Node<U>, Problem> {
        let all = |nodes: &[Self]| -> Result<Vec<Node<U>>, Problem> {
            nodes.iter().map(|node| node.understood(understand)).collect()
        };
        Ok(match self {
            Self::All(nodes) => Node::All(all(nodes)?),
            Self::Any(nodes) => Node::Any(all(nodes)?),
            Self::Not(node) => Node::Not(Box::new(node.understood(understand)?)),
            Self::Term(term) => Node::Term(understand(term)?),
        })
    }

    /// Puts the conditions of its terms together; `term` adds one.
    fn push(&self, sql: &mut QueryBuilder<Sqlite>, term: &impl Fn(&T, &mut QueryBuilder<Sqlite>)) {
        let (nodes, between, none) = match self {
            Self::Term(one) => return term(one, sql),
            Self::Not(node) => {
                sql.push("not (");
                node.push(sql, term);
                sql.push(")");
                return;
            }
            Self::All(nodes) => (nodes, " and ", "true"),
            Self::Any(nodes) => (nodes, " or ", "false"),
        };
        if nodes.is_empty() {
            sql.push(none);
            return;
        }
        for (place, node) in nodes.iter().enumerate() {
            sql.push(if place == 0 { "(" } else { between });
            node.push(sql, term);
        }
        sql.push(")");
    }
}

impl Node {
    /// Both this and the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        parse::joined(vec![self, other], Self::All)
    }

    /// The terms from left to right, each with whether a minus stands before it.
    pub fn terms(&self) -> Vec<(&Term, bool)> {
        fn gather<'a>(node: &'a Node, negated: bool, into: &mut Vec<(&'a Term, bool)>) {
            match node {
                Node::All(nodes) | Node::Any(nodes) => {
                    nodes.iter().for_each(|node| gather(node, negated, into));
                }
                Node::Not(node) => gather(node, !negated, into),
                Node::Term(term) => into.push((term, negated)),
            }
        }
        let mut terms = Vec::new();
        gather(self, false, &mut terms);
        terms
    }
}

/// The search as text; reading it gives the same tree again.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = |f: &mut fmt::Formatter<'_>, node: &Self| match node {
            Self::All(_) | Self::Any(_) => write!(f, "({node})"),
            Self::Not(_) | Self::Term(_) => write!(f, "{node}"),
        };
        let (nodes, between) = match self {
            Self::Term(term) => return write!(f, "{term}"),
            Self::Not(node) => {
                f.write_str("-")?;
                return inner(f, node);
            }
            Self::All(nodes) => (nodes, " "),
            Self::Any(nodes) => (nodes, " OR "),
        };
        for (place, node) in nodes.iter().enumerate() {
            if place > 0 {
                f.write_str(between)?;
            }
            inner(f, node)?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = &self.field {
            write!(f, "{field}:")?;
        }
        if self.quoted {
            write!(f, "\"{}\"", self.value.replace('\\', "\\\\").replace('"', "\\\""))
        } else {
            f.write_str(&self.value)
        }
    }
}

/// The nearest of these names, when one is near enough to be meant.
fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(word, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len().max(word.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
