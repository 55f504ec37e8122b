//! How many refused requests of an endpoint are kept: a burst, then so many a second.
//!
//! What is over the limit is answered like any other refusal, but it is not explained, not queued and
//! not stored, only counted: forging signatures must cost the forger more than it costs us. Clerk sends
//! again what it is refused, so nothing of its own is lost. Deliberately absent: telling senders apart.
//! Behind a tunnel everybody has the same address, and the other headers are the sender's to choose.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;

use crate::change::Topic;
use crate::db::Tx;

/// Refused requests of one endpoint that are kept at once.
pub const BURST: i64 = 200;
/// Refused requests of one endpoint that are kept each second after that.
pub const EACH_SECOND: i64 = 10;

/// The allowance of every endpoint.
#[derive(Debug, Default)]
pub struct Floods {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    allowances: HashMap<i64, Allowance>,
    unkept: Unkept,
}

/// In thousandths of a request, so that a refill of milliseconds is whole.
#[derive(Debug)]
struct Allowance {
    thousandths: i64,
    at_ms: i64,
}

/// Of each endpoint: how many were not kept, and when the first and the last came, unix milliseconds.
pub(super) type Unkept = BTreeMap<i64, (i64, i64, i64)>;

impl Floods {
    /// True if one more refused request of this endpoint may be kept; else it is counted.
    pub fn keeps(&self, endpoint: i64, now_ms: i64) -> bool {
        let mut state = self.state();
        let allowance = state
            .allowances
            .entry(endpoint)
            .or_insert(Allowance { thousandths: BURST * 1000, at_ms: now_ms });
        let passed = now_ms.saturating_sub(allowance.at_ms).max(0);
        let filled = allowance.thousandths.saturating_add(passed.saturating_mul(EACH_SECOND));
        allowance.thousandths = filled.min(BURST * 1000);
        allowance.at_ms = now_ms;
        if allowance.thousandths >= 1000 {
            allowance.thousandths -= 1000;
            return true;
        }
        let (count, first, last) = state.unkept.entry(endpoint).or_insert((0, now_ms, now_ms));
        *count += 1;
        *first = (*first).min(now_ms);
        *last = (*last).max(now_ms);
        false
    }

    /// What was counted since the last call.
    pub(super) fn take(&self) -> Unkept {
        std::mem::take(&mut self.state().unkept)
    }

    pub(super) fn put_back(&self, unkept: Unkept) {
        let mut state = self.state();
        for (endpoint, (count, first, last)) in unkept {
            let held = state.unkept.entry(endpoint).or_insert((0, first, last));
            *held = (held.0 + count, held.1.min(first), held.2.max(last));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds the counts to those of before.
pub(super) async fn write(tx: &mut Tx, unkept: &Unkept) -> Result<(), sqlx::Error> {
    if unkept.is_empty() {
        return Ok(());
    }
    tx.touch(Topic::Endpoints);
    let rows: Vec<_> =
        unkept.iter().map(|(id, (count, first, last))| (id, count, first, last)).collect();
    let rows = json!(rows).to_string();
    sqlx::query!(
        "insert into unkept (endpoint_id, count, first_at, last_at)
         select value ->> 0, value ->> 1, value ->> 2, value ->> 3 from json_each(?1)
         where exists (select 1 from endpoint where id = value ->> 0)
         on conflict (endpoint_id) do update
         set count = count + excluded.count, last_at = max(last_at, excluded.last_at)",
        rows
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
