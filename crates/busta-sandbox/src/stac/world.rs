//! Worlds: how many items there are, how the server behaves that shows them, and when they were taken.

use std::str::FromStr;

use super::meta::Meta;
use super::time::millis;
use crate::options::{Given, options};

/// How many items a world has unless its name says.
const DEFAULT_ITEMS: u64 = 80_000;
/// More than a page can count in its links, and less than what overflows anything.
const MAX_ITEMS: u64 = 10_000_000;
/// A page holds at most so many items, unless the world says.
const DEFAULT_MAX_LIMIT: u64 = 1000;
/// The largest asset of an item, unless the world says.
const DEFAULT_ASSET: u64 = 64 << 10;

/// When items were taken, in the order of time: from, until, and how many of 1000 items. Where both times
/// are one, all of these items have exactly that time.
const STRETCHES: [(&str, &str, u64); 12] = [
    ("2022-01-01T00:00:00Z", "2022-04-01T00:00:00Z", 40),
    ("2022-07-01T00:00:00Z", "2022-07-01T00:00:00Z", 5),
    ("2022-07-01T00:00:00Z", "2022-07-08T00:00:00Z", 200),
    ("2022-07-08T00:00:00Z", "2022-12-01T00:00:00Z", 120),
    ("2023-01-01T00:00:00Z", "2023-01-01T00:00:00Z", 5),
    ("2023-01-02T00:00:00Z", "2023-02-28T00:00:00Z", 60),
    ("2023-03-01T00:00:00Z", "2023-03-01T00:00:00Z", 5),
    ("2023-09-01T00:00:00Z", "2024-02-28T00:00:00Z", 250),
    ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z", 10),
    ("2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z", 20),
    ("2024-03-01T00:00:00Z", "2024-12-31T00:00:00Z", 280),
    ("2024-12-31T23:59:59.999Z", "2024-12-31T23:59:59.999Z", 5),
];
/// So many items in a row are one pass of the satellite.
const PASS: u64 = 5;

/// The items of a STAC API and what its server can do, as a path names them: `80000,matched=off`.
///
/// Items are computed from the seed and their index alone. In the order of their index they were taken one
/// after another, some at exactly the same time, some exactly when a month begins; there are dense weeks
/// and empty months.
#[derive(Clone, Debug)]
pub struct StacWorld {
    /// How many items there are, the broken ones included.
    pub items: u64,
    /// What they are drawn from.
    pub seed: u64,
    /// How many of them are broken, spread evenly.
    pub broken: u64,
    /// The size of the largest assets; the others are a half, a quarter or less of it.
    pub asset: u64,
    /// The largest page.
    pub max_limit: u64,
    pub(super) matched: Matched,
    pub(super) returned: bool,
    pub(super) next: Next,
    pub(super) post: bool,
    pub(super) search: bool,
    pub(super) filter: bool,
    pub(super) query: bool,
    pub(super) fields: bool,
    pub(super) sort: bool,
    /// Where in time the items are: the first index, from, until.
    stretches: Vec<(u64, i64, i64)>,
}

/// Where the number of all matches stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matched {
    Number,
    /// In the object `context` of older servers.
    Context,
    Off,
}

/// How a page links to the next one after a POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// POST with the whole body.
    Body,
    /// POST with what changes of the body, and `merge`.
    Merge,
    /// POST with a header, and `merge`.
    Headers,
    /// GET with everything in the URL.
    Get,
}

impl FromStr for StacWorld {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut world = Self {
            items: DEFAULT_ITEMS,
            seed: 42,
            broken: 0,
            asset: DEFAULT_ASSET,
            max_limit: DEFAULT_MAX_LIMIT,
            matched: Matched::Number,
            returned: true,
            next: Next::Body,
            post: true,
            search: true,
            filter: true,
            query: true,
            fields: true,
            sort: true,
            stretches: Vec::new(),
        };
        for option in options(text, "a STAC world", Some("items")) {
            world.set(option)?;
        }
        if world.items > MAX_ITEMS || world.broken > world.items {
            return Err(format!("a world has {MAX_ITEMS} items at most, and no more broken ones than items"));
        }
        world.stretches = stretches(world.items);
        Ok(world)
    }
}

impl StacWorld {
    fn set(&mut self, option: Given<'_>) -> Result<(), String> {
        match option.key {
            "items" => self.items = option.number()?,
            "seed" => self.seed = option.number()?,
            "broken" => self.broken = option.number()?,
            "asset" => self.asset = option.number()?.max(1),
            "max_limit" => self.max_limit = option.number()?.max(1),
            "matched" => self.matched = option.one(&MATCHED)?,
            "next" => self.next = option.one(&NEXT)?,
            "returned" => self.returned = option.switch()?,
            "post" => self.post = option.switch()?,
            "search" => self.search = option.switch()?,
            "filter" => self.filter = option.switch()?,
            "query" => self.query = option.switch()?,
            "fields" => self.fields = option.switch()?,
            "sort" => self.sort = option.switch()?,
            _ => return Err(option.wrong()),
        }
        Ok(())
    }

    /// Whether an item is one of the broken ones.
    pub fn is_broken(&self, index: u64) -> bool {
        self.broken_before(index + 1) > self.broken_before(index)
    }

    /// How many of the items before this one are broken.
    pub(super) fn broken_before(&self, index: u64) -> u64 {
        index * self.broken / self.items.max(1)
    }

    /// The indexes of the broken items.
    pub fn broken_items(&self) -> impl Iterator<Item = u64> {
        (0..self.items).filter(|index| self.is_broken(*index))
    }

    /// When an item was taken (or began to be), in milliseconds of Unix time.
    pub(super) fn taken(&self, index: u64) -> i64 {
        let at = self.stretches.partition_point(|(first, ..)| *first <= index).saturating_sub(1);
        let Some((first, from, until)) = self.stretches.get(at).copied() else {
            return 0;
        };
        let count = self.stretches.get(at + 1).map_or(self.items, |next| next.0) - first;
        let span = until - from;
        let pass = (index - first) / PASS;
        let gap = span * PASS as i64 / (count.max(PASS) as i64);
        // The first three of a pass have the same time; none is later than the pass behind it.
        let within = match (index - first) % PASS {
            0..=2 => 0,
            3 => (gap / 3).min(1_501),
            _ => (gap / 2).min(14_267),
        };
        from + span * (pass * PASS) as i64 / count.max(1) as i64 + within
    }

    /// The first index that was taken at `time` or later.
    pub(super) fn first_at(&self, time: i64) -> u64 {
        let (mut low, mut high) = (0, self.items);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.taken(middle) < time { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The index of the item with this id.
    pub(super) fn index_of(&self, id: &str) -> Option<u64> {
        let index = id.rsplit('_').next()?.parse().ok().filter(|index| *index < self.items)?;
        (Meta::new(self, index).id() == id).then_some(index)
    }
}

const MATCHED: [(&str, Matched); 3] =
    [("on", Matched::Number), ("context", Matched::Context), ("off", Matched::Off)];
const NEXT: [(&str, Next); 4] =
    [("body", Next::Body), ("merge", Next::Merge), ("headers", Next::Headers), ("get", Next::Get)];

fn stretches(items: u64) -> Vec<(u64, i64, i64)> {
    let mut share = 0;
    let mut all: Vec<(u64, i64, i64)> = Vec::with_capacity(STRETCHES.len());
    for (from, until, weight) in STRETCHES {
        let first = items * share / 1000;
        share += weight;
        // In small worlds a stretch may have no item.
        if items * share / 1000 > first {
            all.push((first, millis(from).unwrap_or_default(), millis(until).unwrap_or_default()));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_in_the_order_of_time() {
        for items in [1, 3, 7, 100, 1000, 80_000] {
            let world: StacWorld = items.to_string().parse().unwrap();
            let times: Vec<i64> = (0..items).map(|index| world.taken(index)).collect();
            assert!(times.is_sorted(), "{items}");
            assert!(times.iter().all(|time| *time >= millis("2022-01-01T00:00:00Z").unwrap()));
            for time in [0, times[0], times[items as usize / 2], times[items as usize / 2] + 1, i64::MAX] {
                let first = times.partition_point(|t| *t < time) as u64;
                assert_eq!(world.first_at(time), first);
            }
        }
    }

    #[test]
    fn many_items_share_a_time() {
        let world: StacWorld = "default".parse().unwrap();
        let noon = millis("2024-02-29T12:00:00Z").unwrap();
        assert_eq!(world.first_at(noon + 1) - world.first_at(noon), 1600);
        let march = millis("2023-03-01T00:00:00Z").unwrap();
        assert_eq!(world.first_at(march + 1) - world.first_at(march), 400);
        let gap =
            |from, until| world.first_at(millis(until).unwrap()) - world.first_at(millis(from).unwrap());
        assert_eq!(gap("2023-04-01T00:00:00Z", "2023-09-01T00:00:00Z"), 0);
    }

    #[test]
    fn broken_items_are_as_many_as_asked_for() {
        for (items, broken) in [(1000, 7), (10, 10), (10, 0), (80_000, 123)] {
            let world: StacWorld = format!("{items},broken={broken}").parse().unwrap();
            assert_eq!(world.broken_items().count() as u64, broken);
        }
    }

    #[test]
    fn mistakes_are_named() {
        for text in ["many", "80,matched=maybe", "80,colour=red", "5,broken=6", "99999999999"] {
            assert!(text.parse::<StacWorld>().is_err(), "{text}");
        }
    }
}
