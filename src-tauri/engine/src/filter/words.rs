//! What a word is: for `glob` over what is stored, and for the full-text index. The two agree.
//!
//! A text that begins with a sign of words is found where a word begins, any other, such as
//! `@acme.com`, anywhere; in either case letters are found in both cases. The index cuts texts into
//! words by a table of its own, where a sign newer than the table is one of words. A sign that parts
//! words here and not there would let the index hide what matches; so only those that part them there
//! are taken, and of them the usual ones.
//! Deliberately absent: letters without their accents, and cases of different length, as of `ß`.

use sqlx::{QueryBuilder, Sqlite};

/// Signs beyond ASCII that part words, from the first to the last of each range.
const PARTING: [(char, char); 53] = [
    ('\u{80}', '\u{a9}'),
    ('\u{ab}', '\u{b1}'),
    ('\u{b4}', '\u{b4}'),
    ('\u{b6}', '\u{b8}'),
    ('\u{bb}', '\u{bb}'),
    ('\u{bf}', '\u{bf}'),
    ('\u{d7}', '\u{d7}'),
    ('\u{f7}', '\u{f7}'),
    ('\u{60c}', '\u{60c}'),
    ('\u{61b}', '\u{61b}'),
    ('\u{61e}', '\u{61f}'),
    ('\u{964}', '\u{965}'),
    ('\u{2000}', '\u{2064}'),
    ('\u{206a}', '\u{206f}'),
    ('\u{20a0}', '\u{20b9}'),
    ('\u{2116}', '\u{2118}'),
    ('\u{2120}', '\u{2123}'),
    ('\u{2190}', '\u{23f3}'),
    ('\u{2400}', '\u{2426}'),
    ('\u{2500}', '\u{26ff}'),
    ('\u{2701}', '\u{2775}'),
    ('\u{2794}', '\u{2b4c}'),
    ('\u{2b50}', '\u{2b59}'),
    ('\u{2e00}', '\u{2e2e}'),
    ('\u{2e30}', '\u{2e3b}'),
    ('\u{3000}', '\u{3003}'),
    ('\u{3008}', '\u{3020}'),
    ('\u{fe00}', '\u{fe19}'),
    ('\u{fe30}', '\u{fe52}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ff01}', '\u{ff0f}'),
    ('\u{ff1a}', '\u{ff20}'),
    ('\u{ff3b}', '\u{ff40}'),
    ('\u{ff5b}', '\u{ff65}'),
    ('\u{ffe0}', '\u{ffe6}'),
    ('\u{fff9}', '\u{ffff}'),
    ('\u{1f1e6}', '\u{1f202}'),
    ('\u{1f300}', '\u{1f320}'),
    ('\u{1f330}', '\u{1f335}'),
    ('\u{1f337}', '\u{1f37c}'),
    ('\u{1f380}', '\u{1f393}'),
    ('\u{1f3a0}', '\u{1f3c4}'),
    ('\u{1f3c6}', '\u{1f3ca}'),
    ('\u{1f3e0}', '\u{1f3f0}'),
    ('\u{1f400}', '\u{1f43e}'),
    ('\u{1f440}', '\u{1f440}'),
    ('\u{1f442}', '\u{1f4f7}'),
    ('\u{1f4f9}', '\u{1f4fc}'),
    ('\u{1f500}', '\u{1f53d}'),
    ('\u{1f550}', '\u{1f567}'),
    ('\u{1f5fb}', '\u{1f640}'),
    ('\u{1f645}', '\u{1f64f}'),
    ('\u{1f680}', '\u{1f6c5}'),
];
/// Every ASCII sign that parts words, as a class of `glob`.
const ASCII: &str = "[]\u{1}-/:-@[\\^`{-\u{7f}]";
/// Letters beyond ASCII whose two cases are one to the index as well, from the first to the last of each
/// range: Latin, Greek, Cyrillic, kana, Han, Hangul.
const INDEXED: [(char, char); 7] = [
    ('\u{c0}', '\u{17e}'),
    ('\u{391}', '\u{3ce}'),
    ('\u{400}', '\u{45f}'),
    ('\u{3041}', '\u{3096}'),
    ('\u{30a1}', '\u{30fa}'),
    ('\u{4e00}', '\u{9fa5}'),
    ('\u{ac00}', '\u{d7a3}'),
];
/// Any sign beyond ASCII.
const BEYOND: &str = "[\u{80}-\u{10ffff}]";
/// Letters with more than two spellings, or with one that Unicode's simple rules do not lead to.
const SPELLED: [&str; 2] = ["σςΣ", "ßẞ"];

/// Whether this is a sign of words.
pub fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || is_beyond(c)
}

fn is_beyond(c: char) -> bool {
    !c.is_ascii() && !PARTING.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

/// Adds whether `of`, an expression of SQL, holds the text where a word begins. A quick pattern goes
/// before each slow one: most texts do not hold the text at all, in most that do a word begins behind
/// an ASCII sign, and in most others no other sign stands before it.
pub(super) fn push_begins(sql: &mut QueryBuilder<Sqlite>, of: &'static str, text: &str) {
    let folded = folded(text);
    let begins = text.starts_with(is_word);
    let [ascii, beyond, parting] = if begins { [ASCII, BEYOND, &parting()] } else { [""; 3] };
    sql.push("(lower(").push(of).push(") glob ").push_bind(format!("*{folded}*"));
    sql.push(" and (' ' || lower(").push(of).push(") glob ");
    sql.push_bind(format!("*{ascii}{folded}*")).push(" or lower(").push(of).push(") glob ");
    sql.push_bind(format!("*{beyond}{folded}*")).push(" and lower(").push(of).push(") glob ");
    sql.push_bind(format!("*{parting}{folded}*")).push("))");
}

/// [`PARTING`] as a class of `glob`.
fn parting() -> String {
    let mut class = "[".to_owned();
    for (first, last) in PARTING {
        class.extend([first, '-', last]);
    }
    class.push(']');
    class
}

/// The text as a `glob` pattern for itself in either case, in what `lower` made of a text. That leaves
/// letters beyond ASCII as they are.
pub(super) fn folded(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            push_literally(&mut pattern, c.to_ascii_lowercase());
            continue;
        }
        match spellings(c).as_slice() {
            [only] => pattern.push(*only),
            several => {
                pattern.push('[');
                pattern.extend(several);
                pattern.push(']');
            }
        }
    }
    pattern
}

/// The letter in both cases, where these are single letters beyond ASCII.
fn spellings(c: char) -> Vec<char> {
    if let Some(known) = SPELLED.iter().find(|known| known.contains(c)) {
        return known.chars().collect();
    }
    let (lower, upper) = (single(c.to_lowercase(), c), single(c.to_uppercase(), c));
    let mut all = vec![c];
    for other in [lower, upper, single(lower.to_uppercase(), c), single(upper.to_lowercase(), c)] {
        if !other.is_ascii() && !all.contains(&other) {
            all.push(other);
        }
    }
    all
}

fn single(mut letters: impl Iterator<Item = char>, or: char) -> char {
    match (letters.next(), letters.next()) {
        (Some(letter), None) => letter,
        _ => or,
    }
}

/// The text as a `glob` pattern for exactly itself.
pub(super) fn literally(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    text.chars().for_each(|c| push_literally(&mut pattern, c));
    pattern
}

fn push_literally(pattern: &mut String, c: char) {
    match c {
        '*' | '?' | '[' => pattern.extend(['[', c, ']']),
        c => pattern.push(c),
    }
}

/// Whether the index holds this sign of words as it is, or as what `lower` makes of it.
fn is_plain(c: char) -> bool {
    let within = |(first, last): &(char, char)| (*first..=*last).contains(&c);
    let spelled = || SPELLED.iter().any(|known| known.contains(c));
    is_word(c) && (c.is_ascii() || c.is_alphabetic() && INDEXED.iter().any(within) && !spelled())
}

/// Words of the index in a text that stands at the beginning of a word: whole ones, and the beginning
/// of one at its end. A word with letters that are not plain is left out, since the index may spell it
/// otherwise; so is one beside a star, of a pattern.
pub(super) fn tokens(text: &str, pattern: bool) -> Option<String> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut before: Option<char> = None;
    while let Some(start) = rest.find(is_plain) {
        let before_word = rest[..start].chars().next_back().or(before);
        let from = &rest[start..];
        let end = from.find(|c| !is_plain(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        let next = after.chars().next();
        let cut = |c: Option<char>| c.is_some_and(|c| is_beyond(c) || (pattern && c == '*'));
        if !cut(before_word) && !cut(next) {
            let whole = next.is_some() || pattern;
            found.push(format!("\"{word}\"{}", if whole { "" } else { "*" }));
        }
        before = word.chars().next_back();
        rest = after;
    }
    (!found.is_empty()).then(|| format!("({})", found.join(" AND ")))
}
