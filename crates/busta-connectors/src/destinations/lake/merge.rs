//! Which rows of keyed streams are superseded: of all rows with one key the newest by the cursor
//! field counts, of equally new ones the one committed last, and of equal ones the first: records
//! that have not changed cost their files no rewriting.
//!
//! Of batches whose keys lie apart, none is looked at ([`contest`](super::contest)). Of the others, the keys of the
//! new segments are held in a map, and those of the old ones stream past it. Where there are too many for that,
//! a [`Filter`] is shown them all first, and only those that it thinks it has seen before are held: of a merge
//! that brings nothing but new keys, next to none. Beyond [`KEYS_PER_FILTER`] new rows the hashes are looked at
//! part by part.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasherDefault;

use busta_core::{Error, Result};

use super::columns::Columns;
use super::contest::{Contested, Spans};
use super::filter::Filter;
use super::format::Form;
use super::keys::{KeyMap, RowKey};
use super::layout::Layout;
use super::rows::RowReader;
use super::segment::{RowKeySpec, Segment};
use super::sidecar::{Block, SidecarReader};
use super::span::Span;
use super::typed;

/// How many new keys are held at once: about 25 MB.
const KEYS_PER_PASS: u64 = 1 << 18;

/// How many new keys a filter is shown: it thinks of some 2 % of those that are new that it has seen them.
const KEYS_PER_FILTER: u64 = 8 << 20;

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

/// The keys of a segment's rows, batch by batch.
pub(super) struct RowKeys<'a> {
    layout: &'a Layout,
    segment: &'a Segment,
    spec: &'a RowKeySpec,
    sidecar: Option<SidecarReader>,
    /// Opened where keys are wanted that are only in the rows.
    rows: Option<RowReader>,
    /// The first row of the next batch.
    next: u64,
}

impl<'a> RowKeys<'a> {
    pub(super) fn open(layout: &'a Layout, segment: &'a Segment, spec: &'a RowKeySpec) -> Result<Self> {
        let sidecar = SidecarReader::open(&layout.sidecar(segment.id), spec, segment.rows)?;
        Ok(Self { layout, segment, spec, sidecar, rows: None, next: 0 })
    }

    /// The next batch; `None` at the end. Without a sidecar all rows are one, of which nothing is known.
    pub(super) fn block(&mut self) -> Result<Option<Block>> {
        if self.next >= self.segment.rows {
            return Ok(None);
        }
        let block = match &mut self.sidecar {
            Some(sidecar) => sidecar.block()?,
            None => Block::unknown(self.segment.rows),
        };
        self.next += block.rows;
        Ok(Some(block))
    }

    /// Shows the keys of the batch that [`block`](Self::block) gave last, by the numbers of their rows. A row
    /// that has none is passed over.
    pub(super) fn each(&mut self, block: &Block, mut visit: impl FnMut(u64, RowKey)) -> Result<()> {
        let rows = self.next - block.rows..self.next;
        if let Some(sidecar) = self.sidecar.as_mut().filter(|_| block.has_entries) {
            return rows.into_iter().try_for_each(|row| sidecar.entry().map(|key| visit(row, key)));
        }
        let reader = match &mut self.rows {
            Some(reader) => reader,
            none => none.insert(RowReader::open(self.layout, self.segment)?),
        };
        reader.skip_to_row(rows.start)?;
        let mut rows = rows;
        // The pages of such a segment are the batches as they came, with the types that they came with. Those of
        // other files end where they like.
        while self.segment.form == Form::Columns
            && !rows.is_empty()
            && let Some(columns) = reader.columns()?
        {
            for key in typed::keys(self.spec, columns) {
                if let (Some(row), Ok(key)) = (rows.next(), key) {
                    visit(row, key);
                }
            }
        }
        let (numbers, mut line, mut fields) = (block.numbers(self.spec), Vec::new(), Columns::default());
        for row in rows {
            line.clear();
            if !reader.next(&mut line)? {
                let path = self.layout.sidecar(self.segment.id);
                return Err(Error::bug(format!("{}: keys of more rows than there are", path.display())));
            }
            let key = RowKey::of_row(self.spec, &numbers, &line, &mut fields);
            key.into_iter().for_each(|key| visit(row, key));
        }
        Ok(())
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
    let mut found = Superseded::new();
    let contested = contested(layout, old, new, spec)?;
    if contested.is_empty() {
        return Ok(found);
    }
    let keys = Keys { layout, old, new, spec, contested };
    let rows = keys.contested_rows()?;
    if rows <= KEYS_PER_PASS {
        keys.compare(rows, |_| true, &mut found)?;
        return Ok(found);
    }
    let parts = rows.div_ceil(KEYS_PER_FILTER);
    for part in 0..parts {
        let in_part = |hash: u128| hash as u64 % parts == part;
        let filter = keys.filter(rows / parts, in_part)?;
        let passes = filter.suspects().div_ceil(KEYS_PER_PASS);
        for pass in 0..passes {
            let counts =
                |hash| in_part(hash) && hash as u64 / parts % passes == pass && filter.suspects_again(hash);
            keys.compare(filter.suspects() / passes, counts, &mut found)?;
        }
    }
    Ok(found)
}

/// Which keys may occur more than once.
fn contested(layout: &Layout, old: &[&Segment], new: &[&Segment], spec: &RowKeySpec) -> Result<Contested> {
    let mut spans = Spans::default();
    for segment in new {
        if !each_span(layout, segment, spec, |span| spans.add_new(span))? {
            return Ok(Contested::All);
        }
    }
    for segment in old.iter().filter(|_| !new.is_empty()) {
        each_span(layout, segment, spec, |span| spans.add_old(span))?;
    }
    Ok(spans.contested())
}

/// Shows the spans of a segment's batches until `goes_on` says no; whether it did not.
pub(super) fn each_span(
    layout: &Layout,
    segment: &Segment,
    spec: &RowKeySpec,
    mut goes_on: impl FnMut(Option<&Span>) -> bool,
) -> Result<bool> {
    let mut keys = RowKeys::open(layout, segment, spec)?;
    while let Some(block) = keys.block()? {
        if !goes_on(block.span.as_ref()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The keys that are compared.
struct Keys<'a> {
    layout: &'a Layout,
    old: &'a [&'a Segment],
    new: &'a [&'a Segment],
    spec: &'a RowKeySpec,
    contested: Contested,
}

impl Keys<'_> {
    /// How many new rows are in batches that have to be compared.
    fn contested_rows(&self) -> Result<u64> {
        let mut rows = 0;
        for segment in self.new {
            let mut keys = RowKeys::open(self.layout, segment, self.spec)?;
            while let Some(block) = keys.block()? {
                rows += if self.contested.wants(block.span.as_ref()) { block.rows } else { 0 };
            }
        }
        Ok(rows)
    }

    /// Compares the keys whose hashes count, about `about` of the new ones.
    fn compare(&self, about: u64, counts: impl Fn(u128) -> bool, found: &mut Superseded) -> Result<()> {
        let mut winners = KeyMap::with_capacity_and_hasher(about as usize, BuildHasherDefault::default());
        self.each(self.new, |segment, row, key| {
            if counts(key.hash) {
                meet_new(&mut winners, found, segment, row, key);
            }
        })?;
        self.each(self.old, |segment, row, key| {
            if counts(key.hash) {
                meet_old(&mut winners, found, segment, row, key);
            }
        })
    }

    /// Shows the keys of a part, of which there are about `about` new ones, to a filter.
    fn filter(&self, about: u64, in_part: impl Fn(u128) -> bool) -> Result<Filter> {
        let mut filter = Filter::for_keys(about);
        self.each(self.new, |_, _, key| {
            if in_part(key.hash) {
                filter.meet_new(key.hash);
            }
        })?;
        self.each(self.old, |_, _, key| {
            if in_part(key.hash) {
                filter.meet_old(key.hash);
            }
        })?;
        Ok(filter)
    }

    fn each(&self, segments: &[&Segment], mut visit: impl FnMut(u64, u64, RowKey)) -> Result<()> {
        for segment in segments {
            let mut keys = RowKeys::open(self.layout, segment, self.spec)?;
            while let Some(block) = keys.block()? {
                if self.contested.wants(block.span.as_ref()) {
                    keys.each(&block, |row, key| visit(segment.id, row, key))?;
                }
            }
        }
        Ok(())
    }
}

fn meet_new(winners: &mut KeyMap<Winner>, found: &mut Superseded, segment: u64, row: u64, key: RowKey) {
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

fn meet_old(winners: &mut KeyMap<Winner>, found: &mut Superseded, segment: u64, row: u64, key: RowKey) {
    let Some(winner) = winners.get_mut(&key.hash) else { return };
    if key.yields_to(&winner.key) {
        found.entry(segment).or_default().insert(row);
    } else {
        found.entry(winner.segment).or_default().insert(winner.row);
        *winner = Winner { segment, row, key };
    }
}
