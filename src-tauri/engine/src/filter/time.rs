//! Moments in a search: dates and times in the viewer's zone, and how long ago.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _};

/// Unix milliseconds of `2026-08-01`, `2026-08-01T12:30`, `today`, `yesterday`, `2 days ago` or `2d`.
/// A date is its first moment in `zone`; with `Z` or an offset a time says its own.
pub(super) fn moment(text: &str, now_ms: i64, zone: &TimeZone) -> Option<i64> {
    let text = text.trim();
    let now = Timestamp::from_millisecond(now_ms).ok()?.to_zoned(zone.clone());
    let start_of = |date: Date| date.to_zoned(zone.clone()).ok();
    let found = match text.to_ascii_lowercase().as_str() {
        "now" => Some(now.clone()),
        "today" => start_of(now.date()),
        "yesterday" => start_of(now.date().yesterday().ok()?),
        words => match ago(words) {
            Some(span) => now.checked_sub(span).ok(),
            None => None,
        },
    };
    let found = found
        .or_else(|| start_of(strict_date(text)?))
        .or_else(|| text.parse::<Timestamp>().ok().map(|at| at.to_zoned(zone.clone())))
        .or_else(|| text.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok())?;
    Some(found.timestamp().as_millisecond())
}

fn strict_date(text: &str) -> Option<Date> {
    let is_date = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    is_date.then(|| text.parse().ok())?
}

/// `2 days ago`, `2 days`, `2d`.
fn ago(words: &str) -> Option<Span> {
    let words = words.strip_suffix("ago").unwrap_or(words).trim();
    let digits = words.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = words.split_at(digits);
    let count: i64 = count.parse().ok().filter(|count| (0..=100_000).contains(count))?;
    Some(match unit.trim() {
        "s" | "sec" | "second" | "seconds" => count.seconds(),
        "m" | "min" | "minute" | "minutes" => count.minutes(),
        "h" | "hour" | "hours" => count.hours(),
        "d" | "day" | "days" => count.days(),
        "w" | "week" | "weeks" => count.weeks(),
        "month" | "months" => Span::new().try_months(count).ok()?,
        "y" | "year" | "years" => Span::new().try_years(count).ok()?,
        _ => return None,
    })
}
