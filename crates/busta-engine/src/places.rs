//! The places of a run: its own, and below them those of its pools and of its sources.
//!
//! The dispatcher gives them to splits. What is left when nothing else can be admitted, readers of large
//! objects may take for a moment, to make several requests at once ([`Places::spare`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use busta_core::Pool;
use tokio::sync::Notify;

/// Who is where.
pub struct Places {
    counts: Mutex<Counts>,
    /// A spare place has been given back.
    freed: Notify,
}

struct Counts {
    /// The numbers of the workers that are free.
    workers: BTreeSet<u32>,
    pools: HashMap<Pool, Room>,
    sources: Vec<(Pool, Room)>,
    /// Whether everything that could be admitted has been.
    settled: bool,
}

#[derive(Clone, Copy, Default)]
struct Room {
    most: Option<usize>,
    taken: usize,
}

impl Room {
    fn of(most: Option<usize>) -> Self {
        Self { most, taken: 0 }
    }

    fn is_full(&self) -> bool {
        self.most.is_some_and(|most| self.taken >= most)
    }
}

impl Places {
    /// So many workers, pools of these sizes, and sources with their pool and their own limit.
    pub fn new(
        workers: usize,
        pools: impl IntoIterator<Item = (Pool, usize)>,
        sources: impl IntoIterator<Item = (Pool, Option<usize>)>,
    ) -> Self {
        let counts = Counts {
            workers: (1..=u32::try_from(workers).unwrap_or(u32::MAX)).collect(),
            pools: pools.into_iter().map(|(name, most)| (name, Room::of(Some(most)))).collect(),
            sources: sources.into_iter().map(|(pool, most)| (pool, Room::of(most))).collect(),
            settled: false,
        };
        Self { counts: Mutex::new(counts), freed: Notify::new() }
    }

    /// Whether a worker is free.
    pub fn any(&self) -> bool {
        !self.counts().workers.is_empty()
    }

    /// Whether the source and its pool have a free place.
    pub fn has_room(&self, source: usize) -> bool {
        self.counts().has_room(source)
    }

    /// Takes a place for a split; gives the number of its worker.
    pub fn take(&self, source: usize) -> Option<u32> {
        self.counts().take(source)
    }

    /// Takes a place that nobody else has a use for now.
    pub fn spare(&self, source: usize) -> Option<u32> {
        let mut counts = self.counts();
        if counts.settled { counts.take(source) } else { None }
    }

    /// Gives a split's place back. It is nobody's spare one before the dispatcher has looked.
    pub fn release(&self, source: usize, worker: u32) {
        let mut counts = self.counts();
        counts.release(source, worker);
        counts.settled = false;
    }

    /// Gives a spare place back.
    pub fn release_spare(&self, source: usize, worker: u32) {
        self.release(source, worker);
        self.freed.notify_one();
    }

    /// The dispatcher has admitted all that it could.
    pub fn settle(&self) {
        self.counts().settled = true;
    }

    /// Which workers are free, and how full the pools of the sources are, each once and by name.
    pub fn view(&self) -> (BTreeSet<u32>, BTreeMap<Pool, (Option<usize>, usize)>) {
        let counts = self.counts();
        let mut pools = BTreeMap::new();
        for (pool, room) in &counts.sources {
            let most = counts.pools.get(pool).and_then(|pool| pool.most);
            pools.entry(pool.clone()).or_insert((most, 0)).1 += room.taken;
        }
        (counts.workers.clone(), pools)
    }

    /// The pool of a source.
    pub fn pool_of(&self, source: usize) -> Option<Pool> {
        self.counts().sources.get(source).map(|(pool, _)| pool.clone())
    }

    /// Waits until a spare place is given back.
    pub async fn freed(&self) {
        self.freed.notified().await;
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn has_room(&self, source: usize) -> bool {
        let Some((pool, room)) = self.sources.get(source) else { return false };
        !room.is_full() && self.pools.get(pool).is_none_or(|pool| !pool.is_full())
    }

    fn take(&mut self, source: usize) -> Option<u32> {
        if !self.has_room(source) {
            return None;
        }
        let worker = self.workers.pop_first()?;
        self.count(source, |taken| taken + 1);
        Some(worker)
    }

    fn release(&mut self, source: usize, worker: u32) {
        self.workers.insert(worker);
        self.count(source, |taken| taken.saturating_sub(1));
    }

    fn count(&mut self, source: usize, change: impl Fn(usize) -> usize) {
        let Some((pool, room)) = self.sources.get_mut(source) else { return };
        room.taken = change(room.taken);
        if let Some(pool) = self.pools.get_mut(pool) {
            pool.taken = change(pool.taken);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        let (api, files) = (Pool::new("api"), Pool::new("files"));
        Places::new(4, [(api.clone(), 2)], [(api.clone(), None), (api, Some(1)), (files, None)])
    }

    #[test]
    fn no_limit_is_exceeded() {
        let places = places();
        assert_eq!((places.take(1), places.take(1)), (Some(1), None));
        assert_eq!((places.take(0), places.take(0)), (Some(2), None));
        assert!(!places.has_room(0) && places.has_room(2));
        assert_eq!((places.take(2), places.take(2), places.take(2)), (Some(3), Some(4), None));
        places.release(1, 1);
        assert_eq!((places.take(0), places.any()), (Some(1), false));
    }

    #[test]
    fn the_view_has_every_pool_once() {
        let places = places();
        places.take(0);
        places.take(2);
        places.take(1);
        let (free, pools) = places.view();
        assert_eq!(free, [4].into());
        let (api, files) = (Pool::new("api"), Pool::new("files"));
        assert_eq!(pools, [(api.clone(), (Some(2), 2)), (files, (None, 1))].into());
        assert_eq!((places.pool_of(1), places.pool_of(9)), (Some(api), None));
    }

    #[test]
    fn spare_places_are_those_that_are_left() {
        let places = places();
        assert_eq!(places.spare(2), None);
        places.settle();
        let worker = places.spare(2).unwrap();
        places.release(2, places.take(2).unwrap());
        assert_eq!(places.spare(2), None, "the dispatcher may have a split for it");
        places.settle();
        assert!(places.spare(2).is_some());
        places.release_spare(2, worker);
    }
}
