//! The search language: what is read, what is refused and in which words, and that printing and
//! reading agree.

use jiff::tz::TimeZone;
use kit::app::NOON;
use proptest::prelude::*;
use sqlx::{Connection as _, SqliteConnection};
use usher_engine::filter::messages::{Search, Viewer};
use usher_engine::filter::{Node, Span, Term, is_word, parse};

/// The tree in one line: `a & b`, `a | b`, `!a`, `field=value`.
fn shape(node: &Node) -> String {
    let joined = |nodes: &[Node], sign: &str| {
        let parts: Vec<String> = nodes.iter().map(shape).collect();
        format!("({})", parts.join(sign))
    };
    match node {
        Node::All(nodes) => joined(nodes, " & "),
        Node::Any(nodes) => joined(nodes, " | "),
        Node::Not(node) => format!("!{}", shape(node)),
        Node::Term(Term { field, value, .. }) => match field {
            Some(field) => format!("{field}={value}"),
            None => value.clone(),
        },
    }
}

#[test]
fn a_search_is_read_as_it_is_meant() {
    for (text, meant) in [
        ("", "()"),
        ("   ", "()"),
        ("ada", "ada"),
        ("ada lovelace", "(ada & lovelace)"),
        ("ada AND lovelace", "(ada & lovelace)"),
        ("a OR b c", "(a | (b & c))"),
        ("(a OR b) c", "((a | b) & c)"),
        ("a OR (b OR c)", "(a | b | c)"),
        ("((a))", "a"),
        ("-a", "!a"),
        ("-(a b)", "!(a & b)"),
        ("--a", "!!a"),
        ("a-b", "a-b"),
        ("\"a OR b\"", "a OR b"),
        ("\"a \\\" b\"", "a \" b"),
        ("or", "or"),
        ("ORANGE", "ORANGE"),
        ("Type:user.*", "type=user.*"),
        ("-type:session.* email:ada@", "(!type=session.* & email=ada@)"),
        ("endpoint:\"Local dev\"", "endpoint=Local dev"),
        ("12:30", "12:30"),
        // Still being typed.
        ("\"a b", "a b"),
        ("(a OR b", "(a | b)"),
        ("a AND", "a"),
    ] {
        let read = parse(text).map(|tree| shape(&tree));
        assert_eq!(read.as_deref(), Ok(meant), "{text}");
    }
}

fn viewer(zone: &str) -> Viewer {
    Viewer { now: NOON, zone: TimeZone::get(zone).unwrap() }
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    for (text, place, sentence) in [
        ("a)", ")", "This bracket closes nothing."),
        ("()", "()", "There is nothing in these brackets."),
        ("a -", "-", "Something has to follow the minus."),
        ("OR a", "OR", "Something has to stand before OR."),
        ("a OR", "OR", "Something has to follow OR."),
        ("type:", "type:", "type: needs a value."),
        ("a type: b", "type:", "type: needs a value."),
        (
            "tpye:user.created",
            "tpye:user.created",
            "There is no field tpye. Did you mean type:user.created?",
        ),
        (
            "http://x",
            "http://x",
            "There is no field http. To look for these very words: \"http://x\".",
        ),
        ("a \"\"", "\"\"", "There is nothing between the quotes."),
        (
            "status:refusd",
            "status:refusd",
            "status: does not know \"refusd\". Did you mean status:refused?",
        ),
        ("has:wings", "has:wings", "has: does not know \"wings\". There is error, change."),
        (
            "before:soon",
            "before:soon",
            "before: does not know the time \"soon\". Write 2026-08-01, 2026-08-01T14:30, today, or \"2 days ago\".",
        ),
        (
            "larger:huge",
            "larger:huge",
            "larger: does not know the size \"huge\". Write 500, 10k or 1m.",
        ),
    ] {
        let problem =
            parse(text).and_then(|tree| Search::of(&tree, &viewer("UTC"))).expect_err(text);
        let Span { start, end } = problem.span;
        assert_eq!((&text[start..end], problem.sentence.as_str()), (place, sentence), "{text}");
    }
    let deep = "(".repeat(50) + "a";
    assert!(parse(&deep).unwrap_err().sentence.contains("nest"));
    let many = "a ".repeat(200);
    assert!(parse(&many).unwrap_err().sentence.contains("100 terms"));
    let long = "a".repeat(5_000);
    assert!(parse(&long).unwrap_err().sentence.contains("4000 bytes"));
}

#[test]
fn dates_begin_where_the_viewer_is() {
    let hour = 3_600_000;
    for (text, zone, after_noon) in [
        ("2026-05-12", "UTC", -12 * hour),
        ("2026-05-12", "America/New_York", -8 * hour),
        ("today", "Asia/Tokyo", -21 * hour),
        ("yesterday", "UTC", -36 * hour),
        ("2026-05-12T11:30", "UTC", -hour / 2),
        ("\"2026-05-12 11:30\"", "Europe/Berlin", -5 * hour / 2),
        ("2026-05-12T11:30:00Z", "Europe/Berlin", -hour / 2),
        ("2d", "UTC", -48 * hour),
        ("\"2 days ago\"", "UTC", -48 * hour),
        ("\"3 hours ago\"", "UTC", -3 * hour),
        ("now", "UTC", 0),
        // Summer time began on 29 March: midnight was an hour later by the clock of the world.
        ("2026-03-29", "Europe/Berlin", -(44 * 24 + 13) * hour),
    ] {
        let search = Search::of(&parse(&format!("after:{text}")).unwrap(), &viewer(zone)).unwrap();
        assert_eq!(search.since, Some(NOON + after_noon), "{text} in {zone}");
    }
}

/// An empty full-text index of the kind that holds the words of messages.
async fn index() -> SqliteConnection {
    let mut db = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    sqlx::raw_sql(
        "create virtual table t using fts5 (text, content = '', detail = none,
             tokenize = \"unicode61 remove_diacritics 0 tokenchars '_'\")",
    )
    .execute(&mut db)
    .await
    .unwrap();
    db
}

async fn put(db: &mut SqliteConnection, id: usize, text: String) {
    sqlx::query("insert into t (rowid, text) values (?1, ?2)")
        .bind(i64::try_from(id).unwrap())
        .bind(text)
        .execute(db)
        .await
        .unwrap();
}

/// The letter and what it is in the other case, where that is one letter beyond ASCII.
fn cases(c: char) -> Vec<char> {
    let all = [c.to_string(), c.to_lowercase().to_string(), c.to_uppercase().to_string()];
    let single = all.iter().filter(|case| case.chars().count() == 1 && !case.is_ascii());
    let mut cases: Vec<char> = single.flat_map(|case| case.chars()).collect();
    cases.sort_unstable();
    cases.dedup();
    cases
}

#[tokio::test]
async fn the_index_is_only_asked_for_words_that_it_has_in_either_case() {
    let mut db = index().await;
    let mut asked = 0;
    for c in ('\u{80}'..=char::MAX).filter(|c| c.is_alphabetic()) {
        let tree = parse(&format!("\"{c}a\"")).unwrap();
        let Some(hint) = Search::of(&tree, &viewer("UTC")).unwrap().hint else { continue };
        asked += 1;
        let cases = cases(c);
        if cases == [c] && asked % 100 > 0 {
            continue;
        }
        for (id, case) in cases.iter().enumerate() {
            put(&mut db, id, format!("{case}ab")).await;
        }
        let found: Vec<i64> = sqlx::query_scalar("select rowid from t where t match ?1")
            .bind(hint.as_match())
            .fetch_all(&mut db)
            .await
            .unwrap();
        assert_eq!(found.len(), cases.len(), "{c}: {} finds not all of {cases:?}", hint.as_match());
        sqlx::query("insert into t (t) values ('delete-all')").execute(&mut db).await.unwrap();
    }
    assert!(asked > 30_000, "{asked}");
}

/// What the full-text index takes for a sign of words, the search does too; otherwise the index would
/// hide what matches.
#[tokio::test]
async fn signs_that_part_words_part_them_in_the_index_as_well() {
    let mut db = index().await;
    let parting: Vec<char> = ('\u{1}'..=char::MAX).filter(|c| !is_word(*c)).collect();
    assert!(parting.len() > 3000, "{}", parting.len());
    for c in &parting {
        put(&mut db, usize::try_from(u32::from(*c)).unwrap(), format!("aa{c}bb")).await;
    }
    let parted: Vec<i64> = sqlx::query_scalar("select rowid from t where t match 'aa AND bb'")
        .fetch_all(&mut db)
        .await
        .unwrap();
    let joining: Vec<&char> =
        parting.iter().filter(|c| !parted.contains(&i64::from(u32::from(**c)))).collect();
    assert!(joining.is_empty(), "{joining:?}");
}

fn value() -> impl Strategy<Value = (String, bool)> {
    prop_oneof![
        "[a-zA-Z0-9@.*_é-]{1,8}".prop_map(|text| (text, false)),
        "[ -~é]{0,10}".prop_map(|text| (text, true)),
    ]
}

fn term() -> impl Strategy<Value = Node> {
    (proptest::option::of("[a-z_]{1,6}"), value()).prop_map(|(field, (mut value, quoted))| {
        if !quoted
            && (field.is_none() && value.starts_with('-')
                || ["OR", "AND"].contains(&value.as_str()))
        {
            value.insert(0, 'x');
        }
        Node::Term(Term { field, value, quoted, span: Span::default() })
    })
}

/// Any tree in its normal form.
fn tree() -> impl Strategy<Value = Node> {
    term().prop_recursive(4, 24, 4, |inner| {
        let several = proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            several.clone().prop_map(|nodes| {
                let parts = nodes.into_iter().flat_map(|node| match node {
                    Node::All(nodes) => nodes,
                    node => vec![node],
                });
                Node::All(parts.collect())
            }),
            several.prop_map(|nodes| {
                let parts = nodes.into_iter().flat_map(|node| match node {
                    Node::Any(nodes) => nodes,
                    node => vec![node],
                });
                Node::Any(parts.collect())
            }),
            inner.prop_map(|node| Node::Not(Box::new(node))),
        ]
    })
}

proptest! {
    #[test]
    fn printed_and_read_again_it_is_the_same(tree in tree()) {
        let printed = tree.to_string();
        prop_assert_eq!(parse(&printed), Ok(tree), "{}", printed);
    }

    #[test]
    fn a_place_cuts_no_sign(signs in "[-(é😀 a\"):]{30,60}", count in 1usize..60) {
        kit::fuzz::search(signs.repeat(count).as_bytes());
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        kit::fuzz::search(text.as_bytes());
    }
}
