//! What is known of an item before it is written down: what searches look at.

use super::space::{Area, DEGREE, wrap};
use super::time::{Interval, digits, write_compact};
use super::world::StacWorld;
use crate::data::mix;

const HOUR: i64 = 60 * 60 * 1000;
const DAY: i64 = 24 * HOUR;
/// No item with an interval lasts longer.
pub(super) const LONGEST: i64 = 10 * DAY;

/// A collection of items.
pub(super) struct Collection {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) constellation: &'static str,
    pub(super) platforms: [&'static str; 2],
    /// What the ids of its items say.
    pub(super) level: &'static str,
    pub(super) gsd: u32,
    /// How many of 100 items are in it.
    share: u64,
    /// Whether its items have an interval, and `datetime: null`.
    pub(super) is_composite: bool,
}

/// All collections; the last one is empty.
pub(super) const COLLECTIONS: [Collection; 5] = [
    Collection {
        id: "sentinel-2-l2a",
        title: "Sentinel-2 Level-2A",
        constellation: "sentinel-2",
        platforms: ["sentinel-2a", "sentinel-2b"],
        level: "L2A",
        gsd: 10,
        share: 55,
        is_composite: false,
    },
    Collection {
        id: "sentinel-2-l1c",
        title: "Sentinel-2 Level-1C",
        constellation: "sentinel-2",
        platforms: ["sentinel-2a", "sentinel-2b"],
        level: "L1C",
        gsd: 10,
        share: 25,
        is_composite: false,
    },
    Collection {
        id: "landsat-c2-l2",
        title: "Landsat Collection 2 Level-2",
        constellation: "landsat",
        platforms: ["landsat-8", "landsat-9"],
        level: "L2SP",
        gsd: 30,
        share: 14,
        is_composite: false,
    },
    Collection {
        id: "sentinel-2-mosaics",
        title: "Sentinel-2 mosaics of up to ten days",
        constellation: "sentinel-2",
        platforms: ["sentinel-2a", "sentinel-2b"],
        level: "MOS",
        gsd: 20,
        share: 6,
        is_composite: true,
    },
    Collection {
        id: "nothing-yet",
        title: "A collection without items",
        constellation: "sentinel-2",
        platforms: ["sentinel-2c", "sentinel-2c"],
        level: "NON",
        gsd: 10,
        share: 0,
        is_composite: false,
    },
];

/// Where items lie: west, south, width, height in degrees, and how many of 100. The sixth crosses the
/// antimeridian.
const REGIONS: [(i64, i64, i64, i64, u64); 7] = [
    (-5, 42, 25, 14, 40),
    (-70, -12, 18, 14, 15),
    (15, -5, 20, 14, 12),
    (130, 32, 12, 10, 12),
    (120, -32, 28, 16, 10),
    (175, -20, 10, 4, 5),
    (10, 70, 60, 9, 6),
];
const BANDS: &[u8] = b"CDEFGHJKLMNPQRSTUVWX";
const COLUMNS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";

/// An item as searches see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meta {
    pub(super) index: u64,
    pub(super) collection: usize,
    /// When it was taken; for composites from when until when.
    pub(super) time: Interval,
    pub(super) created: i64,
    pub(super) updated: i64,
    pub(super) area: Area,
    /// In hundredths of a per cent.
    pub(super) cloud: u32,
    /// In hundredths of a degree.
    pub(super) sun: (u32, u32),
    pub(super) platform: &'static str,
    pub(super) epsg: u32,
    pub(super) zone: u32,
    /// Latitude band and square of the military grid.
    pub(super) square: [u8; 3],
    /// Which of the variants of all assets it has.
    pub(super) variant: u64,
}

/// Draws small numbers from one hash.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = mix(self.0);
        self.0 % sides
    }

    /// The place in a list of shares of 100.
    fn among(&mut self, shares: impl Iterator<Item = u64>) -> usize {
        let (drawn, mut sum) = (self.roll(100), 0);
        let below = |share: &u64| {
            sum += share;
            sum <= drawn
        };
        shares.take_while(below).count()
    }
}

/// How many variants of each asset there are.
pub(super) const VARIANTS: u64 = 8;

impl Meta {
    /// The collection of an item, which is its first draw.
    pub(super) fn collection_of(world: &StacWorld, index: u64) -> usize {
        Self::dice(world, index).among(COLLECTIONS.iter().map(|one| one.share))
    }

    fn dice(world: &StacWorld, index: u64) -> Dice {
        Dice(world.seed ^ mix(index))
    }

    /// From when until when an item was taken, without the rest of it.
    pub(super) fn time_of(world: &StacWorld, index: u64, collection: usize) -> Interval {
        let from = world.taken(index);
        let days = 1 + (mix(world.seed ^ index) % 10) as i64;
        Interval { from, until: if COLLECTIONS[collection].is_composite { from + days * DAY } else { from } }
    }

    pub(super) fn new(world: &StacWorld, index: u64) -> Self {
        let mut dice = Self::dice(world, index);
        let collection = dice.among(COLLECTIONS.iter().map(|one| one.share));
        let time = Self::time_of(world, index, collection);
        let created = time.until + 3 * HOUR + dice.roll(DAY.unsigned_abs()) as i64;
        let updated = if dice.roll(4) == 0 { created + dice.roll(400 * 24) as i64 * HOUR } else { created };
        let (west, south, width, height, _) = REGIONS[dice.among(REGIONS.iter().map(|one| one.4))];
        let degrees = DEGREE.unsigned_abs();
        let x = wrap(west * DEGREE + dice.roll(width.unsigned_abs() * degrees) as i64);
        let y = south * DEGREE + dice.roll(height.unsigned_abs() * degrees) as i64;
        let zone = ((x + 180 * DEGREE) / (6 * DEGREE)).clamp(0, 59) as u32 + 1;
        let band = BANDS[((y + 80 * DEGREE) / (8 * DEGREE)).clamp(0, 19) as usize];
        let letter = |drawn: u64| COLUMNS[drawn as usize];
        Self {
            index,
            collection,
            time,
            created,
            updated,
            area: Area {
                west: wrap(x - 700_000),
                south: y - 500_000,
                east: wrap(x + 700_000),
                north: y + 500_000,
            },
            cloud: dice.roll(10_001) as u32,
            sun: (dice.roll(36_000) as u32, dice.roll(9_000) as u32),
            platform: COLLECTIONS[collection].platforms[dice.roll(2) as usize],
            epsg: if y < 0 { 32_700 } else { 32_600 } + zone,
            zone,
            square: [band, letter(dice.roll(24)), letter(dice.roll(24))],
            variant: dice.roll(VARIANTS),
        }
    }

    pub(super) fn id(&self) -> String {
        let mut out = Vec::with_capacity(48);
        self.write_id(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Appends `S2A_32TNS_20240131T120000_L2A_0000123`.
    pub(super) fn write_id(&self, out: &mut Vec<u8>) {
        let platform = self.platform.as_bytes();
        out.extend(platform.first().map(u8::to_ascii_uppercase));
        out.extend_from_slice(match platform {
            [.., b'-', number @ b'0'..=b'9'] => std::slice::from_ref(number),
            _ => b"2",
        });
        out.extend(platform.last().filter(|last| last.is_ascii_alphabetic()).map(u8::to_ascii_uppercase));
        out.push(b'_');
        self.write_tile(out);
        out.push(b'_');
        write_compact(out, self.time.from);
        out.push(b'_');
        out.extend_from_slice(COLLECTIONS[self.collection].level.as_bytes());
        out.push(b'_');
        digits(out, self.index as u32, 8);
    }

    /// Appends `32TNS`.
    pub(super) fn write_tile(&self, out: &mut Vec<u8>) {
        digits(out, self.zone, 2);
        out.extend_from_slice(&self.square);
    }

    /// Its collection.
    pub(super) fn home(&self) -> &'static Collection {
        &COLLECTIONS[self.collection]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_spread_over_collections_and_the_earth() {
        let world: StacWorld = "20000".parse().unwrap();
        let all: Vec<Meta> = (0..20_000).map(|index| Meta::new(&world, index)).collect();
        for (n, collection) in COLLECTIONS.iter().enumerate() {
            let count = all.iter().filter(|meta| meta.collection == n).count() as u64;
            assert!(count.abs_diff(collection.share * 200) <= 300, "{}: {count}", collection.id);
        }
        assert!(all.iter().any(|meta| meta.area.crosses()));
        for meta in &all {
            assert_eq!(meta.collection, Meta::collection_of(&world, meta.index));
            assert!(meta.created <= meta.updated && meta.time.until - meta.time.from <= LONGEST);
            assert_eq!(world.index_of(&meta.id()), Some(meta.index));
        }
        assert_eq!(world.index_of("S2A_32TNS_20240131T120000_L2A_00000001"), None);
    }
}
