//! How many round trips a search takes, cut as it is: readers are simulated, and each page takes a round. In
//! which order the pages of a round come is chance, and must not matter much.

use super::chunks::{Chunk, chunks_for};
use super::outlook::Outlook;
use super::time::{Interval, Moment};

const LIMIT: u64 = 100;
const READERS: usize = 8;
const YEAR: i64 = 365 * 24 * 3600 * 1_000_000;

/// How long it took, and how many pages were asked for.
#[derive(Debug, PartialEq)]
struct Taken {
    rounds: u64,
    pages: u64,
}

/// A chunk that is being read: how many pages of it are left, once its first page has shown that.
struct Reading {
    chunk: Chunk,
    left: Option<u64>,
}

/// Items at these times, of a year.
struct World(Vec<i64>);

impl World {
    fn new(count: u64, time: impl Fn(f64) -> f64) -> Self {
        let mut times: Vec<i64> =
            (0..count).map(|n| (time((n as f64 + 0.5) / count as f64) * YEAR as f64) as i64).collect();
        times.sort_unstable();
        Self(times)
    }

    fn count(&self, chunk: &Chunk) -> u64 {
        let before = |moment: Option<Moment>, open: usize| {
            moment.map_or(open, |moment| self.0.partition_point(|time| *time < moment.micros()))
        };
        (before(chunk.to, self.0.len()) - before(chunk.from, 0)) as u64
    }

    /// The worst of a few readings.
    fn read(&self) -> Taken {
        let all: Vec<Taken> = (0..20).map(|seed| self.read_once(fastrand::Rng::with_seed(seed))).collect();
        let most = |count: fn(&Taken) -> u64| all.iter().map(count).max().unwrap_or(0);
        Taken { rounds: most(|taken| taken.rounds), pages: most(|taken| taken.pages) }
    }

    /// Reads it. The first page is there already, and what is found can be read in the next round.
    fn read_once(&self, mut chance: fastrand::Rng) -> Taken {
        let (outlook, total) = (Outlook::new(READERS), self.0.len() as u64);
        let pages = total.div_ceil(LIMIT);
        let count = chunks_for(pages, READERS as u64);
        outlook.announce(total);
        let year = (Moment::from_micros(0), Moment::from_micros(YEAR));
        let mut waiting = Chunk::whole(year, Interval::default()).cut(count, total.div_ceil(count));
        let mut reading: Vec<Reading> = Vec::new();
        let mut taken = Taken { rounds: 0, pages: 0 };
        while !(waiting.is_empty() && reading.is_empty()) {
            waiting.sort_by_key(|chunk| chunk.aim);
            let free = READERS - reading.len();
            let chosen = waiting.split_off(waiting.len().saturating_sub(free));
            reading.extend(chosen.into_iter().map(|chunk| Reading { chunk, left: None }));
            taken.rounds += 1;
            taken.pages += reading.len() as u64;
            chance.shuffle(&mut reading);
            reading.retain_mut(|one| {
                if one.left.is_none() {
                    let count = self.count(&one.chunk);
                    one.chunk.tell(&outlook, count);
                    if let Some(pieces) = one.chunk.pieces(count, LIMIT, outlook.share(LIMIT)) {
                        waiting.extend(one.chunk.cut(pieces, count.div_ceil(pieces)));
                        return false;
                    }
                    one.left = Some(count.div_ceil(LIMIT).max(1));
                }
                outlook.read(LIMIT);
                one.left = one.left.map(|left| left - 1);
                one.left != Some(0)
            });
        }
        taken
    }
}

#[test]
fn even_items_take_no_more_rounds_than_they_must() {
    // 12.5 pages for each reader.
    assert_eq!(World::new(10_000, |n| n).read(), Taken { rounds: 13, pages: 104 });
    assert_eq!(World::new(80_000, |n| n).read(), Taken { rounds: 100, pages: 800 });
}

#[test]
fn uneven_items_take_few_more() {
    /// Items, at which times of the year, and of what may be needed at the most: rounds and pages.
    type Case = (u64, fn(f64) -> f64, u64, u64);
    let week = |n: f64| if n < 0.5 { 0.3 + n * 2.0 * 7.0 / 365.0 } else { (n - 0.5) * 2.0 };
    let cases: [Case; 5] = [
        (10_000, f64::sqrt, 16, 115),
        (10_000, |n| n.powi(3), 20, 126),
        (10_000, week, 19, 138),
        (80_000, f64::sqrt, 115, 820),
        (80_000, week, 108, 825),
    ];
    for (count, time, rounds, pages) in cases {
        let taken = World::new(count, time).read();
        assert!(taken.rounds <= rounds && taken.pages <= pages, "{taken:?}, not {rounds} and {pages}");
    }
}

#[test]
fn items_of_one_moment_end() {
    let taken = World::new(10_000, |_| 0.7).read();
    assert!(taken.pages < 100 + 8 + 8 * 12, "{taken:?}");
}
