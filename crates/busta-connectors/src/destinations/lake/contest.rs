//! Which keys may stand in two batches, of which one is new.
//!
//! The spans of all batches are put in order and looked at once, from the least to the greatest: what lies in two
//! of them has to be compared. Batches without a span, or with one of another kind, meet all others.

use super::span::{MAX_SPANS, Span, SpanSet};

/// The spans of batches that are compared: first of the new ones, then of those that are there.
#[derive(Default)]
pub(super) struct Spans {
    new: Vec<Span>,
    old: Vec<Span>,
    met: SpanSet,
    /// Whether an old batch meets all others.
    any: bool,
}

/// What has to be compared.
pub(super) enum Contested {
    All,
    Within { kind: Option<Span>, spans: SpanSet },
}

impl Spans {
    /// Takes in a new batch; `false` if it meets all others, and there is nothing more to find out.
    pub(super) fn add_new(&mut self, span: Option<&Span>) -> bool {
        let Some(span) = span.filter(|span| self.new.first().is_none_or(|first| first.is_like(span))) else {
            return false;
        };
        self.new.push(span.clone());
        if self.new.len() > MAX_SPANS {
            thin(&mut self.new, |common| self.met.insert(common));
        }
        true
    }

    /// Takes in a batch that is there; `false` if it meets all others.
    pub(super) fn add_old(&mut self, span: Option<&Span>) -> bool {
        let Some(span) = span.filter(|span| self.new.first().is_some_and(|first| first.is_like(span))) else {
            self.any = true;
            return false;
        };
        self.old.push(span.clone());
        if self.old.len() > MAX_SPANS {
            thin(&mut self.old, |_| {});
        }
        true
    }

    pub(super) fn contested(self) -> Contested {
        let Self { new, old, met: mut spans, any } = self;
        let kind = new.first().cloned();
        if any {
            new.into_iter().for_each(|span| spans.insert(span));
            return Contested::Within { kind, spans };
        }
        let mut all: Vec<(Span, bool)> = new.into_iter().map(|span| (span, true)).collect();
        all.extend(old.into_iter().map(|span| (span, false)));
        all.sort_unstable();
        // Of those before, the one that reaches furthest; and the one among the new ones.
        let mut furthest: [Option<&Span>; 2] = [None, None];
        for (span, is_new) in &all {
            let before = furthest[usize::from(!is_new)];
            if let Some(before) = before.filter(|before| before.meets(span)) {
                spans.insert(before.common(span));
            }
            for place in &mut furthest[..=usize::from(*is_new)] {
                *place = Some(place.map_or(span, |known| known.further(span)));
            }
        }
        Contested::Within { kind, spans }
    }
}

/// Makes one of each two that follow one another; tells what lies in both.
fn thin(spans: &mut Vec<Span>, mut both: impl FnMut(Span)) {
    spans.sort_unstable();
    let mut rest = std::mem::take(spans).into_iter();
    while let Some(span) = rest.next() {
        let Some(next) = rest.next() else {
            spans.push(span);
            break;
        };
        if span.meets(&next) {
            both(span.common(&next));
        }
        spans.push(span.hull(next));
    }
}

impl Contested {
    /// Whether there is nothing to compare.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Within { spans, .. } if spans.is_empty())
    }

    /// Whether the keys of a batch have to be compared.
    pub(super) fn wants(&self, span: Option<&Span>) -> bool {
        let Self::Within { kind, spans } = self else { return true };
        let span = span.filter(|span| kind.as_ref().is_some_and(|kind| kind.is_like(span)));
        span.map_or(!spans.is_empty(), |span| spans.meets(span))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use busta_core::columns::{Cell, Column, Columns, Texts, Values};
    use proptest::prelude::*;

    use super::super::segment::RowKeySpec;
    use super::*;

    fn spec() -> RowKeySpec {
        RowKeySpec {
            fields: vec!["symbol".into(), "id".into()],
            optional: vec![],
            cursor: None,
            ignored: vec![],
        }
    }

    /// The columns of rows with these keys, in this order.
    fn batch(keys: &[(char, i64)]) -> Columns {
        let list = vec![
            Column::new("symbol", Values::Texts(Texts::default())),
            Column::new("id", Values::Ints(vec![])),
        ];
        let mut columns = Columns::new(list);
        for (symbol, id) in keys {
            columns.column_mut(0).push(Cell::Text(&symbol.to_string()));
            columns.column_mut(1).push(Cell::Int(*id));
            columns.end_row();
        }
        columns
    }

    fn span(keys: &BTreeSet<(char, i64)>) -> Span {
        let found = Span::of(&spec(), &batch(&keys.iter().copied().collect::<Vec<_>>())).unwrap();
        assert!(found.ascends);
        let mut bytes = Vec::new();
        found.span.encode(&mut bytes);
        assert_eq!(Span::decode(&mut &bytes[..], 2), Some(found.span.clone()));
        found.span
    }

    fn contested(new: &[Option<Span>], old: &[Option<Span>]) -> Contested {
        contested_of(Spans::default(), new, old)
    }

    fn contested_of(mut spans: Spans, new: &[Option<Span>], old: &[Option<Span>]) -> Contested {
        if !new.iter().all(|span| spans.add_new(span.as_ref())) {
            return Contested::All;
        }
        for span in old {
            spans.add_old(span.as_ref());
        }
        spans.contested()
    }

    fn keys() -> impl Strategy<Value = BTreeSet<(char, i64)>> {
        let any = prop::collection::btree_set((prop::char::range('a', 'c'), 0..60_i64), 1..4);
        let series = (prop::char::range('a', 'c'), 0..60_i64, 1..8_i64);
        prop_oneof![
            any,
            series.prop_map(|(symbol, from, count)| (from..from + count).map(|id| (symbol, id)).collect())
        ]
    }

    #[test]
    fn days_that_follow_one_another_are_not_compared() {
        let day = |symbol, day: i64| Some(span(&(day * 10..day * 10 + 10).map(|id| (symbol, id)).collect()));
        let new = [day('a', 3), day('b', 1), day('a', 4)];
        let old = [day('b', 0), day('a', 1), day('b', 2)];
        assert!(contested(&new, &old).is_empty());
        let again = contested(&new, &[day('a', 1), day('a', 4), None]);
        assert!(again.wants(None) && again.wants(new[0].as_ref()));
        let again = contested(&new, &[day('a', 1), day('a', 4)]);
        assert!(
            again.wants(new[2].as_ref()) && !again.wants(new[0].as_ref()) && !again.wants(old[1].as_ref())
        );
    }

    #[test]
    fn keys_of_other_types_are_compared() {
        let times =
            Columns::of(1, vec![Column::new("id", Values::Times(vec![3]))]).unwrap().with("symbol", "\"a\"");
        let other = Span::of(&spec(), &times).unwrap().span;
        let own = Some(span(&[('a', 100)].into()));
        assert!(contested(std::slice::from_ref(&own), &[Some(other.clone())]).wants(own.as_ref()));
        assert!(matches!(contested(&[own, Some(other)], &[]), Contested::All));
    }

    proptest! {
        #[test]
        fn keys_that_occur_twice_are_compared(
            new in prop::collection::vec(keys(), 1..12),
            old in prop::collection::vec(keys(), 0..12),
            before in 0..12_usize,
        ) {
            let spans = |all: &[BTreeSet<(char, i64)>]| all.iter().map(|keys| Some(span(keys))).collect::<Vec<_>>();
            let new_spans = spans(&new);
            let (before, after) = new_spans.split_at(before.min(new.len()));
            let mut some = Spans::default();
            for span in before {
                some.add_new(span.as_ref());
            }
            // As if they were too many.
            let Spans { new: many, met, .. } = &mut some;
            thin(many, |common| met.insert(common));
            let contested = contested_of(some, after, &spans(&old));
            for (at, keys) in new.iter().enumerate() {
                for other in new[..at].iter().chain(&old).filter(|other| !other.is_disjoint(keys)) {
                    prop_assert!(contested.wants(Some(&span(keys))));
                    prop_assert!(contested.wants(Some(&span(other))));
                }
            }
        }

        #[test]
        fn a_set_of_spans_holds_all_of_them(all in prop::collection::vec(keys(), 1..12), other in keys()) {
            let mut set = SpanSet::default();
            all.iter().for_each(|keys| set.insert(span(keys)));
            prop_assert!(all.iter().all(|keys| set.meets(&span(keys))));
            let meets = all.iter().any(|keys| span(keys).meets(&span(&other)));
            prop_assert_eq!(set.meets(&span(&other)), meets);
            set.thin();
            prop_assert!(all.iter().all(|keys| set.meets(&span(keys))));
        }

        #[test]
        fn spans_of_rows_in_any_order(keys in prop::collection::vec((prop::char::range('a', 'c'), any::<i64>()), 1..9)) {
            let found = Span::of(&spec(), &batch(&keys)).unwrap();
            let sorted: BTreeSet<_> = keys.iter().copied().collect();
            prop_assert_eq!(&found.span, &span(&sorted));
            prop_assert_eq!(found.ascends, sorted.into_iter().eq(keys));
        }
    }
}
