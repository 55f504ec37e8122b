//! What was found: printed, and kept as `target/bench/bench.md` and `bench.json`.

use std::fs;

use serde_json::{Map, Value, json};

use crate::figures::{short, table};
use crate::proc;
use crate::server::folder;

/// A figure that was aimed at.
#[derive(Debug)]
pub struct Bar {
    what: String,
    aim: f64,
    found: f64,
    at_least: bool,
}

impl Bar {
    /// At least `aim` was to be reached.
    pub fn least(what: impl Into<String>, aim: f64, found: f64) -> Self {
        Self { what: what.into(), aim, found, at_least: true }
    }

    /// At most `aim` was allowed.
    pub fn most(what: impl Into<String>, aim: f64, found: f64) -> Self {
        Self { what: what.into(), aim, found, at_least: false }
    }

    fn met(&self) -> bool {
        if self.at_least { self.found >= self.aim } else { self.found <= self.aim }
    }
}

/// The report as it grows.
pub struct Report {
    text: String,
    json: Map<String, Value>,
    bars: Vec<Bar>,
}

impl Report {
    /// An empty one, about this machine.
    pub fn new(words: &[String]) -> Self {
        let machine = proc::machine();
        let mut report = Self {
            text: format!(
                "# Usher, measured\n\n`cargo xtask bench {}` on {machine}.\n",
                words.join(" ")
            ),
            json: Map::new(),
            bars: Vec::new(),
        };
        report.json("machine", json!(machine));
        report
    }

    /// Begins a part.
    pub fn section(&mut self, title: impl AsRef<str>, preface: &str) {
        self.text(&format!("\n## {}\n\n", title.as_ref()));
        if !preface.is_empty() {
            self.text(&format!("{preface}\n"));
        }
    }

    /// Adds words or a table.
    pub fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds a value to the JSON report.
    pub fn json(&mut self, key: &str, value: Value) {
        self.json.insert(key.to_owned(), value);
    }

    /// Adds a figure that was aimed at.
    pub fn bar(&mut self, bar: Bar) {
        self.bars.push(bar);
    }

    /// Writes both files as far as they go, and gives the words.
    pub fn write(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .bars
            .iter()
            .map(|bar| {
                let sign = if bar.at_least { "≥" } else { "≤" };
                let met = if bar.met() { "yes" } else { "NO" };
                let aim = format!("{sign} {}", short(bar.aim));
                vec![bar.what.clone(), aim, short(bar.found), met.to_owned()]
            })
            .collect();
        let mut text = self.text.clone();
        if !rows.is_empty() {
            text.push_str("\n## Reach\n\n");
            text.push_str(&table(&["what", "aim", "found", "met"], &rows));
        }
        let bars = self.bars.iter().map(
            |bar| json!({ "what": bar.what, "aim": bar.aim, "found": bar.found, "met": bar.met() }),
        );
        let mut json = self.json.clone();
        json.insert("reach".to_owned(), bars.collect());
        let (md, js) = (folder().join("bench.md"), folder().join("bench.json"));
        fs::write(&md, &text).unwrap();
        fs::write(&js, format!("{:#}\n", Value::Object(json))).unwrap();
        text
    }

    /// Prints it and says where it is.
    pub fn finish(self) {
        let text = self.write();
        let folder = folder();
        println!("\n{text}\nThis is in bench.md and bench.json of {}.", folder.display());
    }
}
