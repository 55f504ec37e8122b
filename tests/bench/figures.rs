//! Percentiles, medians over rounds, and tables of them.

use std::fmt;

use serde_json::{Value, json};

use crate::load::Run;

/// Latencies of a run, milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Latency {
    /// The middle one.
    pub p50: f64,
    /// 99 of 100 are shorter.
    pub p99: f64,
    /// 999 of 1,000 are shorter.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

impl Latency {
    /// Of all messages, also of those without a good answer.
    pub fn of(run: &Run) -> Self {
        Self::of_ms(run.samples.iter().map(|sample| f64::from(sample.latency_us) / 1000.0))
    }

    /// Of these times, milliseconds.
    pub fn of_ms(times: impl IntoIterator<Item = f64>) -> Self {
        let mut times: Vec<f64> = times.into_iter().collect();
        times.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let index = (times.len() as f64 * share) as usize;
            times.get(index.min(times.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
        };
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1.0) }
    }

    /// For the JSON report.
    pub fn json(&self) -> Value {
        let Self { p50, p99, p999, max } = self;
        json!({ "p50": p50, "p99": p99, "p999": p999, "max": max })
    }

    /// Four cells of a table.
    pub fn cells(&self) -> [String; 4] {
        [self.p50, self.p99, self.p999, self.max].map(short)
    }
}

/// The median of some rounds, with the lowest and the highest.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
}

impl Spread {
    /// Of these; not a number when there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (values.first(), values.last()) else {
            return Self { median: f64::NAN, min: f64::NAN, max: f64::NAN };
        };
        let half = values.len() / 2;
        let median = match values.len() % 2 {
            0 => f64::midpoint(values[half - 1], values[half]),
            _ => values[half],
        };
        Self { median, min, max }
    }

    /// For the JSON report.
    pub fn json(&self) -> Value {
        json!({ "median": self.median, "min": self.min, "max": self.max })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}..{}]", short(self.median), short(self.min), short(self.max))
    }
}

/// A figure with as many digits as mean something.
pub fn short(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => "-".to_owned(),
        size if size >= 1000.0 => thousands(value.round() as i64),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn thousands(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let first = digits.len() % 3;
    let mut parts: Vec<&str> = Vec::new();
    if first > 0 {
        parts.push(&digits[..first]);
    }
    parts.extend((first..digits.len()).step_by(3).map(|at| &digits[at..at + 3]));
    format!("{}{}", if value < 0 { "-" } else { "" }, parts.join(","))
}

/// KiB as MiB.
pub fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// A Markdown table whose columns are aligned for the terminal as well.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let rule = widths.iter().map(|width| format!("{}|", "-".repeat(width + 2)));
    let mut text = line(head.to_vec());
    text.push_str(&format!("|{}\n", rule.collect::<String>()));
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    text
}
