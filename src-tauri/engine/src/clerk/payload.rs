//! Lenient reading of Clerk's JSON: a field of the wrong type is an absent field.
//!
//! Values stay text until someone asks for them, and skipping one does not recurse. So a huge or
//! very deeply nested `unsafe_metadata` costs one pass and no stack, and it cannot spoil the fields
//! beside it. Nothing here knows an event.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// Below this a number is taken for Unix seconds, from here on for milliseconds. Clerk's published
/// examples use seconds in the envelope, real messages milliseconds.
pub(super) const SECONDS_BELOW: i64 = 100_000_000_000;

/// The end of the year 9999 in Unix milliseconds. Later is no time: one such `updated_at` would
/// outrank everything.
const LAST_MS: i64 = 253_402_300_799_999;

/// One JSON object, its values unread. The last of a repeated key counts.
#[derive(Debug, Default)]
pub(super) struct Object<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Object<'a> {
    /// `None` when the value is not an object.
    pub(super) fn read(value: &'a RawValue) -> Option<Self> {
        serde_json::from_str(value.get()).ok().map(Self)
    }

    /// A string, trimmed; blank counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let text: String = serde_json::from_str(self.0.get(name)?.get()).ok()?;
        let trimmed = text.trim();
        (!trimmed.is_empty()).then(|| trimmed.to_owned())
    }

    /// A time in Unix milliseconds. Zero, negative and absurd values count as absent.
    pub(super) fn time(&self, name: &str) -> Option<i64> {
        let written = self.0.get(name)?.get();
        let whole: i64 = match written.parse() {
            Ok(whole) => whole,
            Err(_) => format!("{:.0}", written.parse::<f64>().ok()?).parse().ok()?,
        };
        let ms = if whole < SECONDS_BELOW { whole.checked_mul(1000)? } else { whole };
        (1..=LAST_MS).contains(&ms).then_some(ms)
    }

    /// A nested object.
    pub(super) fn object(&self, name: &str) -> Option<Self> {
        Self::read(self.0.get(name)?)
    }

    /// The objects of an array; elements that are something else are left out.
    pub(super) fn objects(&self, name: &str) -> Vec<Self> {
        let Some(array) = self.0.get(name) else {
            return Vec::new();
        };
        let elements: Vec<&'a RawValue> = serde_json::from_str(array.get()).unwrap_or_default();
        elements.into_iter().filter_map(Self::read).collect()
    }
}
