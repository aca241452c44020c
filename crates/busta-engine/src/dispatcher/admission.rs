//! Who is read next: admitting splits to slots, parking them, leaving them for later.

use std::sync::Arc;
use std::time::Duration;

use busta_core::{Error, Split};
use tokio::task::{Id, JoinError};
use tokio::time::Instant;
use tracing::Instrument;

use super::{Dispatcher, Ended, SNAPSHOT_EVERY, SlotInfo, UNKNOWN_COST, panicked};
use crate::committer::End;
use crate::hosts::{self, Place, Refusal};
use crate::queue::{LaneKey, Ticket};
use crate::slot::{Last, Outcome, Parked, Slot, Work, deadline_passed};

impl Dispatcher {
    pub(super) fn enqueue(&mut self, index: usize, work: Vec<Work>) {
        let now = Instant::now();
        for work in work {
            if self.stop.is_cancelled() || self.ledgers[index].is_over() {
                self.ledgers[index].split_left(&work.split.stream);
                continue;
            }
            let ordinary =
                self.ledgers[index].expected.get(&work.split.stream).copied().unwrap_or(UNKNOWN_COST);
            let ticket = Ticket {
                priority: self.priorities[index],
                cost: work.split.expected(ordinary),
                since: now,
                number: self.next_ticket,
            };
            self.next_ticket += 1;
            let lane = LaneKey { source: index, host: work.split.host.clone() };
            if let (Some(host), Some(rate)) = (&lane.host, self.rates[index]) {
                self.hosts.limit_rate(host, rate);
            }
            self.queue.push(lane, ticket, work);
        }
    }

    /// Gives every free place to the split whose turn it is.
    pub(super) fn admit(&mut self) {
        self.wake = None;
        if self.stop.is_cancelled() {
            return;
        }
        self.fail_hopeless();
        while self.places.any() {
            let now = Instant::now();
            let mut wake = None;
            let has_room =
                |source: usize| self.places.has_room(source).then(|| self.ledgers[source].in_slots);
            let is_open = |lane: &LaneKey| match lane
                .host
                .as_ref()
                .map_or(Ok(()), |host| self.hosts.would_admit(host, now))
            {
                Ok(()) => true,
                Err(Refusal::Full) => false,
                Err(Refusal::Until(until) | Refusal::Paused(until)) => {
                    wake = Some(wake.map_or(until, |known: Instant| known.min(until)));
                    false
                }
            };
            let popped = self.queue.pop(now, has_room, is_open);
            self.wake = wake;
            let Some((lane, ticket, mut work)) = popped else { break };
            if self.ledgers[lane.source].is_exhausted(&work.split.stream) {
                self.ledgers[lane.source].split_limited(&work.split.stream);
                continue;
            }
            let Some((worker, place)) = self.places_for(&lane, now) else {
                // Somebody else has taken one since the look a moment ago.
                self.queue.push(lane, ticket, work);
                self.wake = Some(now + Duration::from_millis(10));
                break;
            };
            work.place = place;
            self.occupy(worker, lane, ticket, work, now);
        }
        self.places.settle();
    }

    /// Takes a worker, and a place of the host.
    fn places_for(&self, lane: &LaneKey, now: Instant) -> Option<(u32, Option<Place>)> {
        let worker = self.places.take(lane.source)?;
        match lane.host.as_ref().map(|host| self.hosts.admit(host, now)).transpose() {
            Ok(place) => Some((worker, place)),
            Err(_) => {
                self.places.release(lane.source, worker);
                None
            }
        }
    }

    fn occupy(&mut self, worker: u32, lane: LaneKey, ticket: Ticket, mut work: Work, now: Instant) {
        let cell = self.cell_of(worker);
        let ledger = &mut self.ledgers[lane.source];
        ledger.in_slots += 1;
        ledger.waiting = None;
        if work.deadline.is_none() {
            work.deadline = self.split_deadline.map(|span| now + span);
        }
        let (split, place, attempt) = (work.split.clone(), work.place, work.attempt());
        cell.begin(work.batches, work.records);
        let slot = Slot {
            shared: ledger.shared.clone(),
            worker,
            cell,
            chance: fastrand::Rng::with_seed(self.chance.u64(..)),
        };
        // Whatever a connector logs while it reads says whose it is.
        let span = tracing::info_span!(
            "split",
            run = self.run.as_str(),
            source = slot.shared.name.as_str(),
            split = split.id.as_str(),
            worker
        );
        let reading = async move { Ended::Slot(slot.run(work).await) }.instrument(span);
        let id = self.slots.spawn(reading).id();
        self.slot_of.insert(id, SlotInfo { lane, place, ticket, worker, split, attempt, began: now });
    }

    pub(super) fn slot_ended(&mut self, ended: std::result::Result<(Id, Ended), JoinError>) {
        let (id, outcome) = match ended {
            Ok((id, Ended::Recorded)) => {
                self.last_of.remove(&id);
                return;
            }
            Ok((id, Ended::Slot(outcome))) => (id, Ok(outcome)),
            Err(error) => (error.id(), Err(error)),
        };
        let Some(slot) = self.slot_of.remove(&id) else {
            if let (Some((source, split)), Err(error)) = (self.last_of.remove(&id), outcome) {
                self.fail(source, split, &panicked(error));
            }
            return;
        };
        let source = slot.lane.source;
        self.places.release(source, slot.worker);
        if let Some((host, place)) = slot.lane.host.as_ref().zip(slot.place) {
            self.hosts.release(host, place);
        }
        let ledger = &mut self.ledgers[source];
        ledger.in_slots -= 1;
        ledger.spent(&slot.split.stream, slot.began.elapsed());
        if ledger.shared.orders.is_closed() && matches!(outcome, Ok(Outcome::Ended(_) | Outcome::Failed(_))) {
            // Its last chunk has met a committer that is gone.
            return ledger.split_ended(&slot.split.stream, End::Failed);
        }
        match outcome {
            Ok(Outcome::Ended(last)) => {
                self.split_done_by(slot.worker);
                self.ledgers[source].failed_in_a_row = 0;
                if let Some(last) = last {
                    self.deliver(source, slot.split, last);
                }
            }
            Ok(Outcome::Failed(error)) => {
                ledger.note_error(&error);
                self.heed_failure(source);
            }
            Ok(Outcome::Stopped) => {
                ledger.split_left(&slot.split.stream);
                self.heed_budget(source);
            }
            Ok(Outcome::Limited) => ledger.split_limited(&slot.split.stream),
            Ok(Outcome::Parked { work, until, why }) => self.park(slot.lane, slot.ticket, work, until, why),
            Err(error) => {
                let error = panicked(error);
                self.fail(source, slot.split, &error);
            }
        }
    }

    /// Has the last batch of a split made ready, whose slot and places are free already.
    fn deliver(&mut self, source: usize, split: Arc<Split>, last: Box<Last>) {
        let delivering = async move {
            last.deliver().await;
            Ended::Recorded
        };
        let id = self.slots.spawn(delivering).id();
        self.last_of.insert(id, (source, split));
    }

    pub(super) fn park(
        &mut self,
        lane: LaneKey,
        ticket: Ticket,
        work: Work,
        until: Option<Instant>,
        why: Parked,
    ) {
        let ledger = &mut self.ledgers[lane.source];
        match why {
            Parked::Retry => ledger.retried(1),
            Parked::RateLimited => ledger.limited(1),
            Parked::Turn | Parked::Backlog => {}
        }
        if self.stop.is_cancelled() || ledger.is_over() {
            return ledger.split_left(&work.split.stream);
        }
        if ledger.in_slots == 0 {
            ledger.waiting = Some(match why {
                Parked::Retry => format!("retry {} after an error", work.tries.retries),
                Parked::RateLimited => "asked to slow down".to_owned(),
                Parked::Turn => "at its rate limit".to_owned(),
                Parked::Backlog => "what it found goes first".to_owned(),
            });
        }
        let deadline = [work.deadline, ledger.shared.deadline()].into_iter().flatten().min();
        if until.zip(deadline).is_some_and(|(until, deadline)| until >= deadline) {
            return self.fail(
                lane.source,
                work.split,
                &deadline_passed().at("it comes before the next turn"),
            );
        }
        match until {
            Some(until) => {
                self.parked.insert((until, ticket.number), (lane, ticket, work));
            }
            None => self.queue.push(lane, ticket, work),
        }
    }

    /// Fails what waits for a host that has been given up, or past its source's deadline.
    fn fail_hopeless(&mut self) {
        let now = Instant::now();
        let is_late =
            |source: &usize| self.ledgers[*source].shared.deadline().is_some_and(|deadline| deadline <= now);
        let late: Vec<usize> = self.queue.sources().filter(is_late).collect();
        for source in late {
            for (_, work) in self.queue.drain(|key| key.source == source) {
                self.fail(source, work.split, &deadline_passed());
            }
        }
        if now < self.hopeless_at {
            return;
        }
        self.hopeless_at = now + SNAPSHOT_EVERY;
        let given_up = self.hosts.given_up(now);
        if given_up.is_empty() {
            return;
        }
        let sources: Vec<usize> = self.queue.sources().collect();
        for host in given_up {
            let error = Error::unavailable(format!(
                "{} has only failed for too long, so its circuit is open",
                hosts::shown(&host)
            ))
            .hint("see whether it is up, then `busta runs retry`");
            for source in &sources {
                let lane = LaneKey { source: *source, host: Some(host.clone()) };
                for work in self.queue.drain_lane(&lane) {
                    self.fail(*source, work.split, &error);
                }
            }
        }
    }

    /// Records a failure without a slot. Done in a task, because the committer may be busy.
    pub(super) fn fail(&mut self, source: usize, split: Arc<Split>, error: &Error) {
        let ledger = &mut self.ledgers[source];
        ledger.note_error(error);
        let slot = Slot {
            shared: ledger.shared.clone(),
            worker: 0,
            cell: Arc::default(),
            chance: fastrand::Rng::with_seed(0),
        };
        let error = Error::new(error.kind(), error.to_string());
        self.slots.spawn(async move {
            slot.fail(&split, &error).await;
            Ended::Recorded
        });
        self.heed_failure(source);
    }

    pub(super) fn leave_waiting(&mut self) {
        self.leave(|_| true);
    }

    pub(super) fn leave(&mut self, which: impl Fn(&LaneKey) -> bool) {
        let parked = std::mem::take(&mut self.parked);
        for (key, (lane, ticket, work)) in parked {
            if which(&lane) {
                self.ledgers[lane.source].split_left(&work.split.stream);
            } else {
                self.parked.insert(key, (lane, ticket, work));
            }
        }
        for (source, work) in self.queue.drain(which) {
            self.ledgers[source].split_left(&work.split.stream);
        }
    }

    pub(super) fn next_wake(&self) -> Instant {
        let parked = self.parked.first_key_value().map(|((until, _), _)| *until);
        let now = Instant::now();
        let deadlines = self.ledgers.iter().filter(|l| l.open > 0).filter_map(|l| l.shared.deadline());
        // One that has passed has done its work: what waited has failed, what is read ends by itself.
        let deadlines = deadlines.filter(|deadline| *deadline > now);
        let next = parked.into_iter().chain(self.wake).chain(deadlines).min();
        let snapshot = self.snapshot_at + SNAPSHOT_EVERY;
        next.map_or(snapshot, |next| next.min(snapshot)).max(now)
    }

    pub(super) fn time_passed(&mut self) {
        let now = Instant::now();
        while let Some(entry) = self.parked.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let (lane, ticket, work) = entry.remove();
            self.queue.push(lane, ticket, work);
        }
    }
}
