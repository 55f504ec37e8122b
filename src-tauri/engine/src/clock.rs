//! The one home of time. Everything else is told what time it is, so that tests decide.
//!
//! Deliberately absent: formatting. Hosts and screens turn milliseconds into words.

use std::pin::Pin;
use std::time::Duration;

/// A pause that ends when the clock says so.
pub type Pause = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells the time and waits.
pub trait Clock: Send + Sync + 'static {
    /// Wall-clock time in unix milliseconds.
    fn now_ms(&self) -> i64;
    /// Time that never goes back, in microseconds since an arbitrary start.
    fn now_us(&self) -> i64;
    /// Ends after `duration`.
    fn pause(&self, duration: Duration) -> Pause;
    /// Ends once it is `at_ms` in unix milliseconds, soon after the machine woke if it slept through it.
    fn until(&self, at_ms: i64) -> Pause;
}

/// Longest wait between two looks at the wall clock: a timer stands still while the machine sleeps.
const LOOK: Duration = Duration::from_secs(30);

/// The machine's own clock.
#[derive(Debug)]
pub struct SystemClock {
    start: std::time::Instant,
}

impl SystemClock {
    /// A clock whose microseconds count from now.
    #[expect(clippy::disallowed_methods, reason = "the one home of time")]
    pub fn new() -> Self {
        Self { start: std::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        wall_ms()
    }

    fn now_us(&self) -> i64 {
        i64::try_from(self.start.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    fn pause(&self, duration: Duration) -> Pause {
        Box::pin(tokio::time::sleep(duration))
    }

    fn until(&self, at_ms: i64) -> Pause {
        Box::pin(async move {
            while let Ok(left @ 1..) = u64::try_from(at_ms - wall_ms()) {
                tokio::time::sleep(Duration::from_millis(left).min(LOOK)).await;
            }
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "the one home of time")]
fn wall_ms() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
