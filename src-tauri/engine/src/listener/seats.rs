//! Who may be connected: a bounded number of seats, and a bounded number of body bytes
//! held for all of them together.
//!
//! A connection that waits for its client (to send, or to take an answer) may lose its
//! seat to a newcomer; one whose request is being worked on never does. Those on which a
//! message was accepted give way last, unless they hold more than half of the seats, and
//! nobody gives way in the moment after it came, so that its first bytes can be read.
//! Small bodies always have room: only large ones can use up what is meant for them, and
//! then of those that are still being sent the longest waiting gives way.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

/// For each seat; 256 of them make 10 ms. A client on this machine, such as a tunnel, sends at
/// once, and two thousand that come together and say nothing have gone after 80 ms.
const MOMENT_PER_SEAT: Duration = Duration::from_micros(40);

pub(super) struct Seats {
    limit: usize,
    /// Bytes; a body below this is small.
    large: usize,
    /// Bytes of all large bodies together.
    budget: usize,
    /// How long a newcomer keeps its seat in any case.
    moment: Duration,
    hall: Mutex<Hall>,
}

#[derive(Default)]
struct Hall {
    seats: HashMap<u64, Seat>,
    /// Who waits for its client, by the ticket drawn when it began to.
    strangers: BTreeMap<u64, u64>,
    proven: BTreeMap<u64, u64>,
    tickets: u64,
    all_proven: usize,
    in_large: usize,
    evicted: u64,
    gone: u64,
}

struct Seat {
    came: Instant,
    /// `None` while its request is being worked on.
    ticket: Option<u64>,
    proven: bool,
    held: usize,
    leave: Arc<Notify>,
}

/// What a newcomer gets.
pub(super) enum Taken {
    Place(Place),
    /// All others have only come now; ask again at this time.
    Later(Instant),
    /// Every connection is being worked on.
    Full,
}

/// One connection's seat; dropping it frees the seat.
pub(super) struct Place {
    seats: Arc<Seats>,
    id: u64,
    leave: Arc<Notify>,
}

impl Seats {
    /// `budget`: bytes of request bodies held at once, by all connections together. A quarter
    /// of it is for small ones.
    pub(super) fn new(limit: usize, budget: usize) -> Arc<Self> {
        let small = budget / 4;
        Arc::new(Self {
            limit,
            large: (small / limit).max(1),
            budget: budget - small,
            moment: MOMENT_PER_SEAT.saturating_mul(u32::try_from(limit).unwrap_or(u32::MAX)),
            hall: Mutex::default(),
        })
    }

    /// A seat, at the cost of the longest waiting client if all are taken.
    pub(super) fn take(self: &Arc<Self>, now: Instant) -> Taken {
        let mut hall = self.hall();
        if hall.seats.len() >= self.limit {
            let Some((ticket, id)) = self.longest_waiting(&hall) else { return Taken::Full };
            let until = hall.seats[&id].came + self.moment;
            let is_new = ticket == id;
            if is_new && until > now {
                return Taken::Later(until);
            }
            self.evict(&mut hall, id);
        }
        let (id, leave) = (hall.draw(), Arc::new(Notify::new()));
        let seat =
            Seat { came: now, ticket: Some(id), proven: false, held: 0, leave: Arc::clone(&leave) };
        hall.strangers.insert(id, id);
        hall.seats.insert(id, seat);
        Taken::Place(Place { seats: Arc::clone(self), id, leave })
    }

    /// The longest waiting client gives way, so that the system has a file again.
    pub(super) fn give_way(&self) {
        let mut hall = self.hall();
        if let Some((_, id)) = self.longest_waiting(&hall) {
            self.evict(&mut hall, id);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.hall().seats.len()
    }

    /// Connections that lost their seat and are not closed yet.
    pub(super) fn leaving(&self) -> u64 {
        let hall = self.hall();
        hall.evicted - hall.gone
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn evicted(&self) -> u64 {
        self.hall().evicted
    }

    /// Its ticket and its seat.
    fn longest_waiting(&self, hall: &Hall) -> Option<(u64, u64)> {
        let stranger = hall.strangers.first_key_value();
        let proven = hall.proven.first_key_value();
        let sheltered = hall.all_proven <= self.limit / 2;
        let first = match (stranger, proven) {
            (Some(stranger), Some(proven)) if !sheltered => Some(stranger.min(proven)),
            (stranger, proven) => stranger.or(proven),
        };
        first.map(|(ticket, id)| (*ticket, *id))
    }

    fn evict_large_body(&self, hall: &mut Hall) -> bool {
        let waiting = hall.strangers.iter().chain(&hall.proven);
        let large = waiting.filter(|(_, id)| hall.seats[id].held >= self.large);
        let id = large.min().map(|(_, id)| *id);
        id.is_some_and(|id| self.evict(hall, id))
    }

    fn evict(&self, hall: &mut Hall, id: u64) -> bool {
        let Some(leave) = self.vacate(hall, id) else { return false };
        leave.notify_one();
        hall.evicted += 1;
        true
    }

    fn vacate(&self, hall: &mut Hall, id: u64) -> Option<Arc<Notify>> {
        self.release(hall, id);
        hall.work(id);
        let seat = hall.seats.remove(&id)?;
        hall.all_proven -= usize::from(seat.proven);
        Some(seat.leave)
    }

    fn release(&self, hall: &mut Hall, id: u64) {
        if let Some(seat) = hall.seats.get_mut(&id) {
            let held = std::mem::take(&mut seat.held);
            hall.in_large -= if held < self.large { 0 } else { held };
        }
    }

    fn hall(&self) -> MutexGuard<'_, Hall> {
        self.hall.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hall {
    fn draw(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    fn work(&mut self, id: u64) -> bool {
        let Some(seat) = self.seats.get_mut(&id) else { return false };
        if let Some(ticket) = seat.ticket.take() {
            self.strangers.remove(&ticket);
            self.proven.remove(&ticket);
        }
        true
    }
}

impl Place {
    /// From now on this connection waits for its client and may be evicted.
    pub(super) fn wait(&self) {
        let hall = &mut *self.seats.hall();
        if hall.work(self.id) {
            let ticket = hall.draw();
            if let Some(seat) = hall.seats.get_mut(&self.id) {
                seat.ticket = Some(ticket);
                let waiting = if seat.proven { &mut hall.proven } else { &mut hall.strangers };
                waiting.insert(ticket, self.id);
            }
        }
    }

    /// From now on its request is being worked on. False if the seat is already lost.
    pub(super) fn work(&self) -> bool {
        self.seats.hall().work(self.id)
    }

    /// A message that came over this connection was accepted. Call it while at work.
    pub(super) fn prove(&self) {
        let hall = &mut *self.seats.hall();
        if let Some(seat) = hall.seats.get_mut(&self.id) {
            hall.all_proven += usize::from(!seat.proven);
            seat.proven = true;
        }
    }

    pub(super) fn is_proven(&self) -> bool {
        self.seats.hall().seats.get(&self.id).is_some_and(|seat| seat.proven)
    }

    /// Counts `bytes` more of a body. When that makes too much of all large bodies, one that
    /// is still being sent gives way. False if there is no room, or the seat is lost.
    pub(super) fn hold(&self, bytes: usize) -> bool {
        let hall = &mut *self.seats.hall();
        let Some(seat) = hall.seats.get_mut(&self.id) else { return false };
        let before = seat.held;
        seat.held += bytes;
        let large = self.seats.large;
        hall.in_large += match (before < large, seat.held < large) {
            (_, true) => 0,
            (true, false) => seat.held,
            (false, false) => bytes,
        };
        while hall.in_large > self.seats.budget {
            if !self.seats.evict_large_body(hall) {
                return false;
            }
        }
        hall.seats.contains_key(&self.id)
    }

    /// The body is no longer held.
    pub(super) fn release(&self) {
        self.seats.release(&mut self.seats.hall(), self.id);
    }

    /// Ends once the seat is lost.
    pub(super) async fn lost(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let hall = &mut *self.seats.hall();
        if self.seats.vacate(hall, self.id).is_none() {
            hall.gone += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A seat for somebody who comes once the others are no longer new.
    fn place(seats: &Arc<Seats>) -> Place {
        let now = Instant::now() + seats.moment * u32::try_from(seats.hall().tickets).unwrap();
        match seats.take(now) {
            Taken::Place(place) => place,
            Taken::Later(_) | Taken::Full => panic!("no seat"),
        }
    }

    #[test]
    fn the_longest_waiting_gives_way_and_the_working_stay() {
        let seats = Seats::new(2, 10);
        let (first, second) = (place(&seats), place(&seats));
        first.wait();
        let third = place(&seats);
        assert!(!second.work() && first.work() && third.work());
        assert!(matches!(seats.take(Instant::now()), Taken::Full));
        assert_eq!((seats.len(), seats.evicted(), seats.leaving()), (2, 1, 1));
        drop(second);
        assert_eq!((seats.len(), seats.leaving()), (2, 0));
        drop(first);
        place(&seats);
    }

    #[test]
    fn who_has_only_come_now_keeps_the_seat_for_a_moment() {
        let (seats, now) = (Seats::new(2, 10), Instant::now());
        let (Taken::Place(first), Taken::Place(second)) = (seats.take(now), seats.take(now)) else {
            panic!("both have a seat");
        };
        assert!(matches!(seats.take(now), Taken::Later(time) if time == now + seats.moment));
        assert!(second.work());
        let Taken::Place(_third) = seats.take(now + seats.moment) else {
            panic!("the moment is over")
        };
        assert!(!first.work());
        second.wait();
        assert!(matches!(seats.take(now + seats.moment), Taken::Later(_)), "the third is new");
    }

    #[test]
    fn the_longest_waiting_large_body_gives_way() {
        let seats = Seats::new(4, 80);
        let [a, b, c, d] = [(); 4].map(|()| place(&seats));
        assert!(a.hold(4) && b.hold(2) && b.hold(28) && c.hold(30));
        assert!(d.hold(30));
        assert!(a.work() && !b.work() && c.work() && d.work());
        assert!(!a.hold(1), "nobody waits, so nobody gives way");
        d.release();
        assert!(a.hold(25));
        drop(c);
        assert!(d.hold(30));
    }

    #[test]
    fn small_bodies_always_have_room() {
        let seats = Seats::new(4, 80);
        let [a, b, c, d] = [(); 4].map(|()| place(&seats));
        assert!(a.hold(60) && a.work());
        assert!(b.hold(4) && c.hold(2) && c.hold(2) && d.hold(4));
        assert!(b.work() && d.work(), "no small one gives way");
        assert!(!c.hold(1), "the large one is worked on, and this would be a second");
        assert!(!c.work());
    }

    #[test]
    fn those_that_brought_a_message_give_way_last_up_to_half_of_the_seats() {
        let seats = Seats::new(4, 10);
        let [a, b, c, d] = [(); 4].map(|()| place(&seats));
        for place in [&a, &b] {
            assert!(place.work());
            place.prove();
            place.wait();
        }
        let e = place(&seats);
        assert!(!c.work() && a.is_proven() && b.is_proven());
        assert!(e.work());
        e.prove();
        d.wait();
        let f = place(&seats);
        assert!(!a.work() && b.work() && d.work(), "three of four are too many");
        drop((e, f));
        assert_eq!(seats.len(), 2);
    }
}
