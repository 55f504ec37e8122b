//! Fuzz targets: functions over bytes that panic when a law is broken, not only when the code does.
//!
//! One body serves twice. Under `cargo xtask fuzz`, libFuzzer looks for new inputs (tests/fuzz);
//! in every test run, `it/fuzz.rs` repeats the committed corpus and a fixed number of mutations of
//! it. Inputs are text wherever people may have to read them, and their forms are forgiving: every
//! byte means something, so that a mutation is rarely wasted. Deliberately absent: sockets, disks
//! and the machine's clock. What runs here answers the same to the same bytes.

mod framing;
pub mod letter;
mod merge;
mod payload;
mod request;
mod search;
mod signature;

use std::fs;
use std::path::PathBuf;

pub use self::framing::framing;
pub use self::merge::merge;
pub use self::payload::payload;
pub use self::request::{NOW_S, OTHERS, OURS, SPARE, request, verdict};
pub use self::search::search;
pub use self::signature::signature;
use crate::dice::Dice;

/// A target: its name, as under `tests/fuzz`, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 6] = [
    ("framing", framing),
    ("request", request),
    ("payload", payload),
    ("signature", signature),
    ("merge", merge),
    ("search", search),
];

/// The committed inputs of a target by file name, in the order of the names.
pub fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = home().join("corpus").join(target);
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read(entry.path()).unwrap())
    };
    let entries = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("the corpus {} cannot be read: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| read(entry.unwrap())).collect();
    files.sort();
    files
}

/// The words of a target's dictionary, which is in libFuzzer's form: one quoted word a line.
pub fn words(target: &str) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(home().join("words").join(format!("{target}.dict"))).unwrap();
    let quoted = text.lines().filter(|line| line.starts_with('"'));
    quoted.map(|line| unquoted(line).unwrap_or_else(|| panic!("{target}.dict: {line}"))).collect()
}

fn home() -> PathBuf {
    crate::root().join("tests/fuzz")
}

fn unquoted(line: &str) -> Option<Vec<u8>> {
    let mut rest = line.strip_prefix('"')?.strip_suffix('"')?.as_bytes();
    let mut word = Vec::new();
    while let Some((first, after)) = rest.split_first() {
        (rest, _) = match (first, after) {
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = str::from_utf8(&digits).ok()?;
                (after, word.push(u8::from_str_radix(digits, 16).ok()?))
            }
            (b'\\', [plain, after @ ..]) => (after, word.push(*plain)),
            (plain, after) => (after, word.push(*plain)),
        };
    }
    Some(word)
}

/// Longest input made by [`mutated`], in bytes.
const LONGEST: usize = 64 * 1024;

/// One of the inputs with one to six changes of the kinds libFuzzer makes.
pub fn mutated(inputs: &[(String, Vec<u8>)], words: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = dice.one_of(inputs).1.clone();
    for _ in 0..=dice.below(6) {
        let at = dice.below(bytes.len() + 1);
        let end = at + dice.below((bytes.len() - at).min(24) + 1);
        match dice.below(9) {
            0 => _ = bytes.get_mut(at).map(|byte| *byte ^= 1 << dice.below(8)),
            1 => _ = bytes.get_mut(at).map(|byte| *byte = any_byte(dice)),
            2 => bytes.insert(at, any_byte(dice)),
            3 => _ = bytes.drain(at..end),
            4 => bytes.splice(at..at, bytes[at..end].to_vec()).for_each(drop),
            5 => bytes.truncate(at),
            6 => {
                let other = &dice.one_of(inputs).1;
                let from = dice.below(other.len() + 1);
                bytes.splice(at.., other[from..].iter().copied()).for_each(drop);
            }
            _ if words.is_empty() => {}
            7 => bytes.splice(at..end, dice.one_of(words).iter().copied()).for_each(drop),
            _ => bytes.splice(at..at, dice.one_of(words).iter().copied()).for_each(drop),
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

fn any_byte(dice: &mut Dice) -> u8 {
    const TELLING: &[u8] = b"\r\n\t :;,=\"\\{}[]-+.@/0189aAzZ\0\x7f\x80\xc3\xff";
    if dice.below(2) == 0 { *dice.one_of(TELLING) } else { dice.below(256).to_le_bytes()[0] }
}
