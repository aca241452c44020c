//! Places: those of the process, below them those of its pools, and those of a run and its sources.
//!
//! The dispatchers of all runs take them from one [`Capacity`] and give them to splits. What is left when
//! nothing else can be admitted, readers of large objects may take for a moment, to make several requests at
//! once ([`Places::spare`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use busta_core::Pool;
use busta_core::settings::EngineSettings;
use tokio::sync::watch;

/// The places of the process, which all its runs share: `concurrency` and `pools` of the settings.
pub struct Capacity {
    counts: Mutex<Shared>,
    /// Changes whenever a place is given back.
    freed: watch::Sender<()>,
}

struct Shared {
    all: Room,
    pools: HashMap<Pool, Room>,
}

/// How full a pool is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolUse {
    /// The pool.
    pub name: Pool,
    /// How many places it has.
    pub places: Option<usize>,
    /// How many are taken.
    pub taken: usize,
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

impl Capacity {
    /// What the settings allow.
    pub fn new(settings: &EngineSettings) -> Arc<Self> {
        Self::with(
            settings.concurrency.max(1),
            settings.pools.iter().map(|(name, places)| (Pool::new(name), *places)),
        )
    }

    fn with(places: usize, pools: impl IntoIterator<Item = (Pool, usize)>) -> Arc<Self> {
        let pools = pools.into_iter().map(|(name, most)| (name, Room::of(Some(most)))).collect();
        let counts = Shared { all: Room::of(Some(places)), pools };
        Arc::new(Self { counts: Mutex::new(counts), freed: watch::Sender::new(()) })
    }

    /// How full the pools are, by name.
    pub fn pools(&self) -> Vec<PoolUse> {
        let counts = self.counts();
        let pools = counts.pools.iter();
        let mut pools: Vec<_> = pools
            .map(|(name, room)| PoolUse { name: name.clone(), places: room.most, taken: room.taken })
            .collect();
        pools.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
        pools
    }

    /// How many splits are being read.
    pub fn taken(&self) -> usize {
        self.counts().all.taken
    }

    fn has_room(&self, pool: &Pool) -> bool {
        let counts = self.counts();
        !counts.all.is_full() && counts.pools.get(pool).is_none_or(|pool| !pool.is_full())
    }

    fn take(&self, pool: &Pool) -> bool {
        let mut counts = self.counts();
        let room = counts.pools.entry(pool.clone()).or_default();
        if room.is_full() {
            return false;
        }
        room.taken += 1;
        if counts.all.is_full() {
            counts.give_back(pool);
            return false;
        }
        counts.all.taken += 1;
        true
    }

    fn release(&self, pool: &Pool) {
        {
            let mut counts = self.counts();
            counts.all.taken = counts.all.taken.saturating_sub(1);
            counts.give_back(pool);
        }
        self.freed.send_replace(());
    }

    fn counts(&self) -> MutexGuard<'_, Shared> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn give_back(&mut self, pool: &Pool) {
        if let Some(room) = self.pools.get_mut(pool) {
            room.taken = room.taken.saturating_sub(1);
        }
    }
}

/// The places of a run.
pub struct Places {
    capacity: Arc<Capacity>,
    /// The pool of each source.
    pools: Vec<Pool>,
    counts: Mutex<Counts>,
}

struct Counts {
    /// The numbers of the workers that are free.
    workers: BTreeSet<u32>,
    sources: Vec<Room>,
    /// Whether everything that could be admitted has been.
    settled: bool,
}

impl Places {
    /// So many workers, and sources with their pool and their own limit.
    pub fn new(
        capacity: Arc<Capacity>,
        workers: usize,
        sources: impl IntoIterator<Item = (Pool, Option<usize>)>,
    ) -> Self {
        let (pools, sources) = sources.into_iter().map(|(pool, most)| (pool, Room::of(most))).unzip();
        let workers = (1..=u32::try_from(workers).unwrap_or(u32::MAX)).collect();
        Self { capacity, pools, counts: Mutex::new(Counts { workers, sources, settled: false }) }
    }

    /// Whether a worker is free.
    pub fn any(&self) -> bool {
        !self.counts().workers.is_empty()
    }

    /// Whether the source, its pool and the process have a free place.
    pub fn has_room(&self, source: usize) -> bool {
        self.counts().has_room(source)
            && self.pools.get(source).is_some_and(|pool| self.capacity.has_room(pool))
    }

    /// Takes a place for a split; gives the number of its worker.
    pub fn take(&self, source: usize) -> Option<u32> {
        self.take_from(&mut self.counts(), source)
    }

    /// Takes a place that nobody else has a use for now.
    pub fn spare(&self, source: usize) -> Option<u32> {
        let mut counts = self.counts();
        if counts.settled { self.take_from(&mut counts, source) } else { None }
    }

    /// Gives a place back. It is nobody's spare one before the dispatcher has looked.
    pub fn release(&self, source: usize, worker: u32) {
        let mut counts = self.counts();
        counts.workers.insert(worker);
        counts.settled = false;
        if let (Some(room), Some(pool)) = (counts.sources.get_mut(source), self.pools.get(source)) {
            room.taken = room.taken.saturating_sub(1);
            self.capacity.release(pool);
        }
    }

    /// The dispatcher has admitted all that it could.
    pub fn settle(&self) {
        self.counts().settled = true;
    }

    /// The numbers of the workers that are free.
    pub fn free(&self) -> BTreeSet<u32> {
        self.counts().workers.clone()
    }

    /// The pools of the sources, each once and by name: how many places it has, and how many are taken.
    pub fn pools(&self) -> BTreeMap<Pool, (Option<usize>, usize)> {
        let counts = self.counts();
        let mut pools = BTreeMap::new();
        for (pool, room) in self.pools.iter().zip(&counts.sources) {
            let most = self.capacity.counts().pools.get(pool).and_then(|pool| pool.most);
            pools.entry(pool.clone()).or_insert((most, 0)).1 += room.taken;
        }
        pools
    }

    /// The pool of a source.
    pub fn pool_of(&self, source: usize) -> Option<Pool> {
        self.pools.get(source).cloned()
    }

    /// Changes whenever a place is given back, in this run or another.
    pub fn freed(&self) -> watch::Receiver<()> {
        self.capacity.freed.subscribe()
    }

    fn take_from(&self, counts: &mut Counts, source: usize) -> Option<u32> {
        if !counts.has_room(source) || !self.capacity.take(self.pools.get(source)?) {
            return None;
        }
        counts.sources.get_mut(source)?.taken += 1;
        counts.workers.pop_first()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn has_room(&self, source: usize) -> bool {
        !self.workers.is_empty() && self.sources.get(source).is_some_and(|room| !room.is_full())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity(places: usize) -> Arc<Capacity> {
        Capacity::with(places, [(Pool::new("api"), 2)])
    }

    fn places(capacity: &Arc<Capacity>) -> Places {
        let (api, files) = (Pool::new("api"), Pool::new("files"));
        Places::new(capacity.clone(), 4, [(api.clone(), None), (api, Some(1)), (files, None)])
    }

    #[test]
    fn no_limit_is_exceeded() {
        let places = places(&capacity(9));
        assert_eq!((places.take(1), places.take(1)), (Some(1), None));
        assert_eq!((places.take(0), places.take(0)), (Some(2), None));
        assert!(!places.has_room(0) && places.has_room(2));
        assert_eq!((places.take(2), places.take(2), places.take(2)), (Some(3), Some(4), None));
        places.release(1, 1);
        assert_eq!((places.take(0), places.any()), (Some(1), false));
    }

    #[test]
    fn runs_share_the_places_of_the_process() {
        let capacity = capacity(3);
        let (one, other) = (places(&capacity), places(&capacity));
        assert!(one.take(0).is_some() && other.take(0).is_some());
        assert!(one.take(0).is_none() && other.take(0).is_none(), "the pool has two places");
        assert!(other.take(2).is_some());
        assert!(one.take(2).is_none() && !one.has_room(2), "the process has three places");
        let freed = one.freed();
        other.release(2, 2);
        assert!(freed.has_changed().unwrap() && one.take(2).is_some());
        assert_eq!(capacity.taken(), 3);
        let pool = |name: &str, places, taken| PoolUse { name: Pool::new(name), places, taken };
        assert_eq!(capacity.pools(), [pool("api", Some(2), 2), pool("files", None, 1)]);
    }

    #[test]
    fn every_pool_is_shown_once() {
        let places = places(&capacity(9));
        places.take(0);
        places.take(2);
        places.take(1);
        assert_eq!(places.free(), [4].into());
        let (api, files) = (Pool::new("api"), Pool::new("files"));
        assert_eq!(places.pools(), [(api.clone(), (Some(2), 2)), (files, (None, 1))].into());
        assert_eq!((places.pool_of(1), places.pool_of(9)), (Some(api), None));
    }

    #[test]
    fn spare_places_are_those_that_are_left() {
        let places = places(&capacity(9));
        assert_eq!(places.spare(2), None);
        places.settle();
        let worker = places.spare(2).unwrap();
        places.release(2, places.take(2).unwrap());
        assert_eq!(places.spare(2), None, "the dispatcher may have a split for it");
        places.settle();
        assert!(places.spare(2).is_some());
        places.release(2, worker);
    }
}
