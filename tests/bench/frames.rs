//! What a page draws, frame by frame, while somebody scrolls it.
//!
//! In each frame, after scrolling was told to the page and before it is painted, the gap to the frame
//! before is noted, and the highest stretch of the visible list that no row covers. More than half a row
//! is a blank. Two ends are no blanks: the true one, and the line at the end of what is loaded that says
//! that more is coming; standing at that end while there is more counts as waiting, with the time it
//! takes. Wheel and keys come through the driver as the system's events, so that the engine scrolls as it
//! does for a person. Deliberately absent: what WebKit itself has not painted yet, which a page cannot
//! know.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use kit::webdriver::Session;
use serde_json::{Value, json};

use crate::figures::{Latency, short};

/// A list in the page.
#[derive(Debug, Clone, Copy)]
pub struct Watched {
    /// Selector of the element that holds the rows, whose parent scrolls.
    pub list: &'static str,
    /// Selector of a row in it.
    pub row: &'static str,
    /// Pixels.
    pub row_height: f64,
    /// Rows at which it is at its true end, when the page does not say so.
    pub whole: u64,
}

const RECORD: &str = r"
const [selector, rowSelector, rowHeight, whole] = arguments;
const seen = { gaps: [], blanks: [], waits: [], moved: 0, rows: 0, wait: 0 };
let last = performance.now();
let place = null;
window.usherBench = seen;
const frame = () => {
  if (window.usherBench !== seen) return;
  requestAnimationFrame(frame);
  const now = performance.now();
  const gap = now - last;
  last = now;
  seen.gaps.push(gap);
  const list = document.querySelector(selector);
  if (list === null) {
    seen.blanks.push(-1);
    return;
  }
  const scroller = list.parentElement;
  const view = scroller.getBoundingClientRect();
  const box = list.getBoundingClientRect();
  const rects = [];
  let size = 0;
  for (const row of list.querySelectorAll(rowSelector)) {
    rects.push(row.getBoundingClientRect());
    size = Math.max(size, Number(row.getAttribute('aria-setsize')));
  }
  seen.rows = Math.max(seen.rows, size);
  const foot = scroller.querySelector(':scope > [role=status]');
  if (foot !== null) rects.push(foot.getBoundingClientRect());
  const capped = foot !== null && foot.textContent.includes('not drawn here');
  const all = capped || size >= whole;
  rects.sort((a, b) => a.top - b.top);
  let at = Math.max(view.top, box.top);
  const bottom = all || foot !== null ? Math.min(view.bottom, box.bottom) : view.bottom;
  let blank = 0;
  for (const rect of rects) {
    blank = Math.max(blank, Math.min(rect.top, bottom) - at);
    at = Math.max(at, rect.bottom);
  }
  blank = Math.max(blank, bottom - at);
  if (blank > rowHeight / 2) seen.blanks.push(blank);
  const end = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 1;
  if (end && !all) seen.wait += gap;
  else if (seen.wait > 0) {
    seen.waits.push(seen.wait);
    seen.wait = 0;
  }
  if (place !== null) seen.moved += Math.abs(scroller.scrollTop - place);
  place = scroller.scrollTop;
};
requestAnimationFrame(frame);";

const STOP: &str = "const seen = window.usherBench; window.usherBench = null; return seen";

/// What was seen of a list.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Milliseconds between two frames.
    pub gaps: Vec<f64>,
    /// Pixels without a row, for each frame that had too many.
    pub blanks: Vec<f64>,
    /// Milliseconds at the end of what was loaded, each time.
    pub waits: Vec<f64>,
    /// Pixels it was scrolled.
    pub moved: f64,
    /// Most rows that were loaded.
    pub rows: u64,
}

/// Watches a list while `act` is done.
pub fn watch(window: &Session, list: Watched, act: impl FnOnce()) -> Seen {
    let Watched { list, row, row_height, whole } = list;
    window.execute(RECORD, &json!([list, row, row_height, whole]));
    act();
    let seen = window.execute(STOP, &json!([]));
    let numbers = |key: &str| -> Vec<f64> {
        seen[key].as_array().unwrap().iter().filter_map(Value::as_f64).collect()
    };
    let mut waits = numbers("waits");
    waits.extend(seen["wait"].as_f64().filter(|wait| *wait > 0.0));
    Seen {
        gaps: numbers("gaps"),
        blanks: numbers("blanks"),
        waits,
        moved: seen["moved"].as_f64().unwrap(),
        rows: seen["rows"].as_u64().unwrap_or(0),
    }
}

/// The heads of [`Seen::row`].
pub const HEAD: [&str; 10] = [
    "what is done",
    "px moved",
    "rows loaded",
    "frames",
    "blank",
    "gap p50 ms",
    "p99",
    "longest",
    "waited at the end ms",
    "longest",
];

impl Seen {
    /// The gaps between frames.
    pub fn gap(&self) -> Latency {
        Latency::of_ms(self.gaps.iter().copied())
    }

    fn waited(&self) -> f64 {
        self.waits.iter().fold(0.0, |sum, wait| sum + wait)
    }

    /// The longest time at the end of what was loaded, ms.
    pub fn longest_wait(&self) -> f64 {
        self.waits.iter().copied().fold(0.0, f64::max)
    }

    /// A row of a table.
    pub fn row(&self, what: &str) -> Vec<String> {
        let Latency { p50, p99, max, .. } = self.gap();
        let mut row = vec![what.to_owned(), short(self.moved), self.rows.to_string()];
        row.extend([self.gaps.len().to_string(), self.blanks.len().to_string()]);
        row.extend([p50, p99, max, self.waited(), self.longest_wait()].map(short));
        row
    }

    /// For the JSON report.
    pub fn json(&self, what: &str) -> Value {
        json!({
            "what": what, "movedPx": self.moved, "rows": self.rows, "frames": self.gaps.len(),
            "blankFrames": self.blanks.len(),
            "blankPx": self.blanks.iter().copied().fold(0.0, f64::max),
            "gapMs": self.gap().json(), "waitedMs": self.waits,
        })
    }
}

/// So many ticks of the wheel over the middle of an element, one a frame. The driver takes a distance as
/// where a wheel has been turned to since it was made, so each call has a wheel of its own.
pub fn wheel(window: &Session, element: &str, ticks: i32, pixels: i32) {
    static WHEELS: AtomicU32 = AtomicU32::new(0);
    let find = "const box = document.querySelector(arguments[0]).getBoundingClientRect();
        return [Math.round(box.left + box.width / 2),
            Math.round((Math.max(box.top, 0) + Math.min(box.bottom, innerHeight)) / 2)]";
    let middle = window.execute(find, &json!([element]));
    let tick = |tick: i32| {
        json!({
            "type": "scroll", "x": middle[0], "y": middle[1], "deltaX": 0, "deltaY": tick * pixels,
            "duration": 0, "origin": "viewport",
        })
    };
    let actions: Vec<Value> = (1..=ticks).map(tick).collect();
    let id = format!("wheel{}", WHEELS.fetch_add(1, Relaxed));
    let wheel = json!({ "type": "wheel", "id": id, "actions": actions });
    window.command("POST", "actions", &json!({ "actions": [wheel] }));
}
