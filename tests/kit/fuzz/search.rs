//! Searches as people type them, or anything else.
//!
//! Held: any text is read or refused with a sentence and a place inside it that cuts no sign; what was
//! read, printed and read again, is the same; and what is searched for never becomes part of the SQL, which is one of
//! the texts that Usher itself can write.

use jiff::tz::TimeZone;
use sqlx::{Execute as _, QueryBuilder, Sqlite};
use usher_engine::filter::messages::{FIELDS, Search, Viewer};
use usher_engine::filter::{Node, parse};

use crate::app::NOON;

/// The target.
pub fn search(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let tree = match parse(&text) {
        Ok(tree) => tree,
        Err(problem) => return told(&text, &problem),
    };
    let printed = tree.to_string();
    if printed.len() <= usher_engine::filter::LONGEST {
        assert_eq!(parse(&printed).as_ref(), Ok(&tree), "printed as {printed}");
    }
    for (term, _) in tree.terms() {
        let place = text.get(term.span.start..term.span.end);
        assert!(place.is_some(), "a place outside, or in a sign: {term:?}");
    }
    let viewer = Viewer { now: NOON, zone: TimeZone::UTC };
    match Search::of(&tree, &viewer) {
        Err(problem) => told(&text, &problem),
        Ok(search) => {
            let mut sql = QueryBuilder::<Sqlite>::new("");
            search.push(&mut sql);
            only_ours(&tree, sql.build().sql().as_str());
        }
    }
}

fn told(text: &str, problem: &usher_engine::filter::Problem) {
    let (start, end) = (problem.span.start, problem.span.end);
    assert!(text.get(start..end).is_some(), "{problem:?} of {} bytes", text.len());
    assert!(problem.sentence.ends_with(['.', '?', '"']), "{}", problem.sentence);
}

/// The SQL with every term but its field taken out of the search.
fn only_ours(tree: &Node, sql: &str) {
    let viewer = Viewer { now: NOON, zone: TimeZone::UTC };
    let search = Search::of(&blank(tree), &viewer).expect("plain values are understood");
    let mut plain = QueryBuilder::<Sqlite>::new("");
    search.push(&mut plain);
    assert_eq!(sql, plain.build().sql().as_str());
}

/// The same search for other values of the same kind.
fn blank(node: &Node) -> Node {
    match node {
        Node::All(nodes) => Node::All(nodes.iter().map(blank).collect()),
        Node::Any(nodes) => Node::Any(nodes.iter().map(blank).collect()),
        Node::Not(node) => Node::Not(Box::new(blank(node))),
        Node::Term(term) => {
            let mut term = term.clone();
            let listed = FIELDS
                .iter()
                .any(|field| Some(field.name) == term.field.as_deref() && !field.values.is_empty());
            let word = term.value.trim().to_lowercase();
            let is_status = usher_engine::filter::messages::STATUSES.contains(&word.as_str());
            match term.field.as_deref() {
                None if is_status && !term.quoted => {}
                Some(_) if listed => {}
                Some("before" | "after") => "today".clone_into(&mut term.value),
                Some("larger" | "smaller") => "1".clone_into(&mut term.value),
                _ => "plain".clone_into(&mut term.value),
            }
            Node::Term(term)
        }
    }
}
