//! Who may be connected: a bounded number of seats, and a bounded number of body bytes
//! held for all of them together.
//!
//! A connection that waits for its client (to send, or to take an answer) may lose its
//! seat to a newcomer; one whose request is being worked on never does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

const WORKING: u64 = 0;
const LEAVING: u64 = u64::MAX;

pub(super) struct Seats {
    limit: usize,
    budget: usize,
    held: AtomicUsize,
    ticket: AtomicU64,
    evicted: AtomicU64,
    taken: Mutex<HashMap<u64, Arc<Seat>>>,
}

struct Seat {
    /// `WORKING`, `LEAVING`, or the ticket drawn when it began to wait for its client.
    phase: AtomicU64,
    held: AtomicUsize,
    leave: Notify,
}

/// One connection's seat; dropping it frees the seat.
pub(super) struct Place {
    seats: Arc<Seats>,
    seat: Arc<Seat>,
    id: u64,
}

impl Seats {
    /// `budget`: bytes of request bodies held at once, by all connections together.
    pub(super) fn new(limit: usize, budget: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            budget,
            held: AtomicUsize::new(0),
            ticket: AtomicU64::new(1),
            evicted: AtomicU64::new(0),
            taken: Mutex::default(),
        })
    }

    /// A seat, at the cost of the longest waiting client if all are taken; `None` if every
    /// connection is being worked on.
    pub(super) fn take(self: &Arc<Self>) -> Option<Place> {
        if self.len() >= self.limit && !self.evict_longest_waiting() {
            return None;
        }
        let id = self.ticket.fetch_add(1, SeqCst);
        let seat = Arc::new(Seat {
            phase: AtomicU64::new(id),
            held: AtomicUsize::new(0),
            leave: Notify::new(),
        });
        self.taken().insert(id, Arc::clone(&seat));
        Some(Place { seats: Arc::clone(self), seat, id })
    }

    pub(super) fn len(&self) -> usize {
        self.taken().len()
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted.load(SeqCst)
    }

    pub(super) fn evict_longest_waiting(&self) -> bool {
        self.evict(|seats| seats.min_by_key(|(_, _, phase)| *phase))
    }

    fn evict_largest(&self) -> bool {
        let held = |seat: &Seat| seat.held.load(SeqCst);
        self.evict(|seats| {
            seats.filter(|(_, seat, _)| held(seat) > 0).max_by_key(|(_, seat, _)| held(seat))
        })
    }

    fn evict(
        &self,
        choose: impl for<'a> Fn(
            &mut dyn Iterator<Item = (u64, &'a Arc<Seat>, u64)>,
        ) -> Option<(u64, &'a Arc<Seat>, u64)>,
    ) -> bool {
        let mut taken = self.taken();
        loop {
            let mut waiting = taken
                .iter()
                .map(|(id, seat)| (*id, seat, seat.phase.load(SeqCst)))
                .filter(|(_, _, phase)| ![WORKING, LEAVING].contains(phase));
            let Some((id, seat, phase)) = choose(&mut waiting) else {
                return false;
            };
            if seat.phase.compare_exchange(phase, LEAVING, SeqCst, SeqCst).is_ok() {
                seat.leave.notify_one();
                self.held.fetch_sub(seat.held.swap(0, SeqCst), SeqCst);
                self.evicted.fetch_add(1, SeqCst);
                taken.remove(&id);
                return true;
            }
        }
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<u64, Arc<Seat>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// From now on this connection waits for its client and may be evicted.
    pub(super) fn wait(&self) {
        let ticket = self.seats.ticket.fetch_add(1, SeqCst);
        let keep = |phase| (phase != LEAVING).then_some(ticket);
        let _ = self.seat.phase.fetch_update(SeqCst, SeqCst, keep);
    }

    /// From now on its request is being worked on. False if the seat is already lost.
    pub(super) fn work(&self) -> bool {
        let keep = |phase| (phase != LEAVING).then_some(WORKING);
        self.seat.phase.fetch_update(SeqCst, SeqCst, keep).is_ok()
    }

    /// Counts `bytes` more of a body against the common budget; when that is used up, the
    /// waiting connection that holds most gives way. False if there is still no room.
    pub(super) fn hold(&self, bytes: usize) -> bool {
        self.seat.held.fetch_add(bytes, SeqCst);
        let mut total = self.seats.held.fetch_add(bytes, SeqCst) + bytes;
        while total > self.seats.budget {
            if !self.seats.evict_largest() {
                return false;
            }
            total = self.seats.held.load(SeqCst);
        }
        true
    }

    pub(super) fn release(&self) {
        self.seats.held.fetch_sub(self.seat.held.swap(0, SeqCst), SeqCst);
    }

    /// Ends once the seat is lost.
    pub(super) async fn lost(&self) {
        self.seat.leave.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.release();
        self.seats.taken().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_waiting_gives_way_and_the_working_stay() {
        let seats = Seats::new(2, 10);
        let (first, second) = (seats.take().unwrap(), seats.take().unwrap());
        first.wait();
        let third = seats.take().unwrap();
        assert!(!second.work() && first.work() && third.work());
        assert!(seats.take().is_none());
        assert_eq!((seats.len(), seats.evicted()), (2, 1));
        drop(second);
        drop(first);
        assert!(seats.take().is_some());
    }

    #[test]
    fn the_largest_waiting_body_gives_way() {
        let seats = Seats::new(3, 10);
        let (a, b, c) = (seats.take().unwrap(), seats.take().unwrap(), seats.take().unwrap());
        assert!(a.hold(3) && b.hold(6) && c.hold(2));
        assert!(!b.work() && a.work() && c.work());
        assert!(!a.hold(9), "nobody waits, so nobody gives way");
        a.release();
        assert!(a.hold(8));
    }
}
