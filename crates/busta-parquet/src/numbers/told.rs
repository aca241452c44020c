//! What the row group is told of the values of a chunk: of all of them, and of each page.

use parquet::basic::BoundaryOrder;
use parquet::file::metadata::ColumnIndexBuilder;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescPtr;

use super::kind::Kind;
use crate::chunk::Told;

/// What is told of a page.
#[derive(Clone, Copy)]
pub(super) struct About {
    /// The least and the greatest value, if there are any, as they are [ordered](Kind::ordered).
    bounds: Option<[i64; 2]>,
    nulls: usize,
}

impl About {
    /// A page of so many rows, which have these values.
    pub fn of(kind: Kind, rows: usize, values: &[i64]) -> Self {
        let ordered = values.iter().map(|bits| kind.ordered(*bits));
        let bounds =
            ordered.fold([i64::MAX, i64::MIN], |[low, high], value| [low.min(value), high.max(value)]);
        Self { bounds: (!values.is_empty()).then_some(bounds), nulls: rows - values.len() }
    }
}

/// What is told of a chunk of these pages.
pub(super) fn of(kind: Kind, pages: &[About], column: &ColumnDescPtr) -> Told {
    Told {
        statistics: Some(statistics(kind, pages)),
        pages: Some(column_index(kind, pages, column)),
        text_bytes: None,
    }
}

fn statistics(kind: Kind, pages: &[About]) -> Statistics {
    let known = pages.iter().filter_map(|page| page.bounds);
    let all = known.reduce(|[low, high], [least, greatest]| [low.min(least), high.max(greatest)]);
    let [least, greatest] = all.map_or([None; 2], |all| shown(kind, all).map(Some));
    let nulls = Some(pages.iter().map(|page| page.nulls as u64).sum());
    let double = |bits: i64| f64::from_bits(bits as u64);
    match kind {
        Kind::Bool => Statistics::boolean(least.map(is_set), greatest.map(is_set), None, nulls, false),
        Kind::Whole => Statistics::int64(least, greatest, None, nulls, false),
        Kind::Double => {
            let doubles = ValueStatistics::new(least.map(double), greatest.map(double), None, nulls, false);
            Statistics::Double(doubles.with_nan_count(kind.nans()))
        }
    }
}

fn column_index(kind: Kind, pages: &[About], column: &ColumnDescPtr) -> ColumnIndexBuilder {
    let mut index = ColumnIndexBuilder::new(column.physical_type());
    for page in pages {
        let [least, greatest] = page.bounds.map_or_else(Default::default, |bounds| {
            shown(kind, bounds).map(|value| match kind {
                Kind::Bool => vec![value as u8],
                Kind::Whole | Kind::Double => value.to_le_bytes().to_vec(),
            })
        });
        let nans = kind.nans().map(|count| count as i64);
        index.append(page.bounds.is_none(), least, greatest, page.nulls as i64, nans);
    }
    let bounds = || pages.iter().filter_map(|page| page.bounds);
    let ascends = [0, 1].map(|side| bounds().is_sorted_by_key(|bounds| bounds[side]));
    let descends = [0, 1].map(|side| bounds().is_sorted_by_key(|bounds| std::cmp::Reverse(bounds[side])));
    index.set_boundary_order(match () {
        () if ascends == [true; 2] => BoundaryOrder::ASCENDING,
        () if descends == [true; 2] => BoundaryOrder::DESCENDING,
        () => BoundaryOrder::UNORDERED,
    });
    index
}

/// The bits of the least and the greatest value, as readers are told them: zeros of both signs lie between.
fn shown(kind: Kind, bounds: [i64; 2]) -> [i64; 2] {
    let [least, greatest] = bounds.map(|bound| kind.ordered(bound));
    if kind != Kind::Double {
        return [least, greatest];
    }
    const NEGATIVE_ZERO: i64 = i64::MIN;
    [if least == 0 { NEGATIVE_ZERO } else { least }, if greatest == NEGATIVE_ZERO { 0 } else { greatest }]
}

fn is_set(bits: i64) -> bool {
    bits != 0
}
