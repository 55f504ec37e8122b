//! Stdout and stderr: JSON lines for programs, calm aligned text for people.
//!
//! What came from outside may hold escape sequences of a terminal; in text they are made visible.

use std::fmt::Write as _;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::failure::Failure;

/// Stdout, and how to write to it.
pub struct Out {
    /// Data is wanted as JSON.
    pub json: bool,
    /// A person looks at stdout.
    pub terminal: bool,
    stdout: BufWriter<Stdout>,
}

impl Out {
    /// Stdout, for JSON or for text.
    pub fn new(json: bool) -> Self {
        let stdout = io::stdout();
        Self { json, terminal: stdout.is_terminal(), stdout: BufWriter::new(stdout) }
    }

    /// One object on a line of its own.
    pub fn object(&mut self, object: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.stdout, object)?;
        self.stdout.write_all(b"\n")
    }

    /// One line of text.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.stdout, "{}", text.trim_end())
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stdout.write_all(bytes)
    }

    /// Tells how something went: the whole of it as JSON, or its sentence; a failure in any case as one.
    pub fn outcome(
        &mut self,
        whole: &impl Serialize,
        failed: bool,
        sentence: &str,
    ) -> Result<(), Failure> {
        if self.json {
            self.object(whole)?;
        }
        if failed {
            return Err(Failure::Failed(sentence.to_owned()));
        }
        if !self.json {
            self.line(&printable(sentence))?;
        }
        Ok(())
    }

    /// Sends what was gathered on its way.
    pub fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}

/// A table written page by page; the first page decides how wide the columns are.
pub struct Table<const N: usize> {
    titles: [&'static str; N],
    widths: Option<[usize; N]>,
}

impl<const N: usize> Table<N> {
    /// A table with these columns.
    pub fn new(titles: [&'static str; N]) -> Self {
        Self { titles, widths: None }
    }

    /// Adds rows below those written so far.
    pub fn rows(&mut self, out: &mut Out, rows: &[[String; N]]) -> io::Result<()> {
        let cells: Vec<[String; N]> =
            rows.iter().map(|row| row.each_ref().map(|cell| printable(cell))).collect();
        let widths = match self.widths {
            Some(widths) => widths,
            None => {
                let widths = std::array::from_fn(|column| {
                    let cells = cells.iter().map(|row| row[column].chars().count());
                    cells.chain([self.titles[column].len()]).max().unwrap_or(0).min(48)
                });
                self.widths = Some(widths);
                if !cells.is_empty() {
                    out.line(&aligned(&self.titles.map(str::to_owned), &widths))?;
                }
                widths
            }
        };
        cells.iter().try_for_each(|row| out.line(&aligned(row, &widths)))
    }
}

fn aligned<const N: usize>(cells: &[String; N], widths: &[usize; N]) -> String {
    cells.iter().zip(widths).fold(String::new(), |mut line, (cell, width)| {
        let _ = write!(line, "{cell:<width$}  ");
        line
    })
}

/// A sentence for people, on stderr.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{}", printable_lines(text));
}

/// Whether colours may be used there.
#[expect(clippy::disallowed_methods, reason = "a host reads the environment")]
pub fn colours(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// `text` on one line, with control characters made visible.
pub fn printable(text: &str) -> String {
    text.chars().map(visible).collect()
}

/// `text` with its lines, all other control characters made visible.
pub fn printable_lines(text: &str) -> String {
    text.chars().map(|char| if char == '\n' { char } else { visible(char) }).collect()
}

fn visible(char: char) -> char {
    match char {
        '\t' | '\n' | '\r' => ' ',
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(char)).unwrap_or('\u{fffd}'),
        _ if char.is_control() => '\u{fffd}',
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        other => other,
    }
}

/// A moment in the local time zone; `ms` are Unix milliseconds.
pub fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(
        |_| ms.to_string(),
        |moment| moment.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// What there is, as a sentence: `There are "a", "b" and "c".`
pub fn there<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
    match (names.pop(), names.is_empty()) {
        (None, _) => "There is none at all.".to_owned(),
        (Some(one), true) => format!("There is only {one}."),
        (Some(last), false) => format!("There are {} and {last}.", names.join(", ")),
    }
}

/// The serde name of a value that is one word, such as an outcome.
pub fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word.replace('_', " "),
        _ => String::new(),
    }
}

/// `count` with the word in singular or plural: `1 message`, `2 messages`.
pub fn counted(count: i64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// An optional cell.
pub fn or_dash(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or("–").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_do_not_reach_the_terminal() {
        assert_eq!(printable("a\x1b[31mb\nc\u{9b}d\u{202e}e"), "a␛[31mb c\u{fffd}d\u{fffd}e");
        assert_eq!(printable_lines("a\nb\x07"), "a\nb␇");
    }

    #[test]
    fn what_there_is_reads_as_a_sentence() {
        for (names, sentence) in [
            (&[][..], "There is none at all."),
            (&["a"], "There is only \"a\"."),
            (&["a", "b"], "There are \"a\" and \"b\"."),
            (&["a", "b", "c"], "There are \"a\", \"b\" and \"c\"."),
        ] {
            assert_eq!(there(names.iter().copied()), sentence);
        }
    }

    #[test]
    fn cells_are_aligned_by_characters() {
        assert_eq!(aligned(&["é".into(), "b".into()], &[3, 1]), "é    b  ");
    }
}
