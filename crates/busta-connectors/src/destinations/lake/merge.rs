//! Which rows of keyed streams are superseded: of all rows with one key the newest by the cursor
//! field counts, of equally new ones the one committed last, and of equal ones the first: records
//! that have not changed cost their files no rewriting.
//!
//! The keys of the new segments are held in a map, those of the old ones stream past it. Memory is
//! bounded by looking at one part of the hashes at a time, so a merge of N new rows reads every
//! sidecar N / [`KEYS_PER_PASS`] times, rounded up; only one bit per row is kept for all parts.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use busta_core::Result;

use super::columns::Columns;
use super::keys::{RowKey, SidecarReader};
use super::layout::Layout;
use super::rows::RowReader;
use super::segment::{RowKeySpec, Segment};

/// How many new keys are held at once: about 50 MB.
const KEYS_PER_PASS: u64 = 1 << 19;

/// A set of rows of a segment, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct RowSet {
    bits: Vec<u64>,
    count: u64,
}

impl RowSet {
    fn insert(&mut self, row: u64) {
        let (word, bit) = ((row / 64) as usize, 1 << (row % 64));
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        if self.bits[word] & bit == 0 {
            self.bits[word] |= bit;
            self.count += 1;
        }
    }

    pub(super) fn contains(&self, row: u64) -> bool {
        self.bits.get((row / 64) as usize).is_some_and(|word| word & (1 << (row % 64)) != 0)
    }

    pub(super) fn len(&self) -> u64 {
        self.count
    }
}

/// Superseded rows by the number of their segment. Segments that have none are not in it.
pub(super) type Superseded = BTreeMap<u64, RowSet>;

/// The keys of a segment's rows, in their order.
pub(super) enum RowKeys {
    Sidecar(SidecarReader),
    /// There is no sidecar for this key: the rows are read and parsed.
    Rows {
        rows: RowReader,
        spec: RowKeySpec,
        line: Vec<u8>,
    },
}

impl RowKeys {
    pub(super) fn open(layout: &Layout, segment: &Segment, spec: &RowKeySpec) -> Result<Self> {
        Ok(match SidecarReader::open(&layout.sidecar(segment.id), spec, segment.rows)? {
            Some(reader) => Self::Sidecar(reader),
            None => {
                let rows = RowReader::open(layout, segment)?;
                Self::Rows { rows, spec: spec.clone(), line: Vec::new() }
            }
        })
    }

    /// The next key; `None` for a row that has none.
    pub(super) fn next(&mut self) -> Result<Option<RowKey>> {
        match self {
            Self::Sidecar(reader) => reader.next().map(Some),
            Self::Rows { rows, spec, line } => {
                line.clear();
                rows.next(line)?;
                Ok(RowKey::of(spec, line, &mut Columns::default()).ok())
            }
        }
    }
}

struct Winner {
    segment: u64,
    row: u64,
    key: RowKey,
}

/// Finds the superseded rows among `old` segments, in which no key occurs twice, and `new` ones,
/// which were committed after them and in this order.
pub(super) fn superseded(
    layout: &Layout,
    old: &[&Segment],
    new: &[&Segment],
    spec: &RowKeySpec,
) -> Result<Superseded> {
    let rows: u64 = new.iter().map(|segment| segment.rows).sum();
    let passes = rows.div_ceil(KEYS_PER_PASS);
    let mut found = Superseded::new();
    for pass in 0..passes {
        let mut winners = HashMap::with_capacity((rows / passes) as usize);
        let mut each = |segments: &[&Segment],
                        visit: &mut dyn FnMut(&mut HashMap<_, _>, u64, u64, RowKey)| {
            for segment in segments {
                let mut keys = RowKeys::open(layout, segment, spec)?;
                for row in 0..segment.rows {
                    if let Some(key) = keys.next()?.filter(|key| key.hash as u64 % passes == pass) {
                        visit(&mut winners, segment.id, row, key);
                    }
                }
            }
            Ok(())
        };
        each(new, &mut |winners, segment, row, key| meet_new(winners, &mut found, segment, row, key))?;
        each(old, &mut |winners, segment, row, key| meet_old(winners, &mut found, segment, row, key))?;
    }
    Ok(found)
}

fn meet_new(
    winners: &mut HashMap<u128, Winner>,
    found: &mut Superseded,
    segment: u64,
    row: u64,
    key: RowKey,
) {
    match winners.entry(key.hash) {
        Entry::Vacant(place) => {
            place.insert(Winner { segment, row, key });
        }
        Entry::Occupied(mut place) => {
            if place.get().key.yields_to(&key) {
                let loser = place.insert(Winner { segment, row, key });
                found.entry(loser.segment).or_default().insert(loser.row);
            } else {
                found.entry(segment).or_default().insert(row);
            }
        }
    }
}

fn meet_old(
    winners: &mut HashMap<u128, Winner>,
    found: &mut Superseded,
    segment: u64,
    row: u64,
    key: RowKey,
) {
    let Some(winner) = winners.get_mut(&key.hash) else { return };
    if key.yields_to(&winner.key) {
        found.entry(segment).or_default().insert(row);
    } else {
        found.entry(winner.segment).or_default().insert(winner.row);
        *winner = Winner { segment, row, key };
    }
}
