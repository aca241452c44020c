//! Pages that can be asked for by number or offset.

use busta_core::{Error, Result};
use http::HeaderName;
use serde::{Deserialize, Serialize};

use super::super::config::Place as ParamPlace;
use super::super::draft::Draft;
use super::super::path::Segment;
use super::ranges::ranges;
use super::{Next, Place, Range, Told};

/// How pages are numbered.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// The parameter that says which page.
    pub param: String,
    /// Its value for the first page.
    pub start: u64,
    /// What it counts.
    pub unit: Unit,
    /// The parameter and value that ask for pages of a size.
    pub size: Option<(String, u64)>,
    /// Where the parameters go.
    pub place: ParamPlace,
    /// Where the body tells the number of records.
    pub total: Option<Vec<Segment>>,
    /// Where the body tells the number of pages.
    pub pages: Option<Vec<Segment>>,
    /// Where the body tells whether there is more.
    pub has_more: Option<Vec<Segment>>,
    /// The header that tells the number of records.
    pub total_header: Option<HeaderName>,
    /// The header that tells the number of pages.
    pub pages_header: Option<HeaderName>,
    /// Whether pages are read one after another even if page one tells how many there are.
    pub in_order: bool,
}

/// What the parameter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Pages.
    Pages,
    /// Records.
    Records,
}

/// A page with a number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberedPlace {
    /// Its number, from 0.
    pub page: u64,
    /// How many records a full page has, as far as known; 0 is unknown.
    #[serde(default)]
    pub size: u64,
    /// The fingerprint of the page before: a server that answers the same page for ever is found out.
    #[serde(default)]
    pub before: u64,
}

impl Numbered {
    /// The first page of a range, or of everything.
    pub fn first(&self, range: Option<&Range>) -> NumberedPlace {
        range.map_or_else(NumberedPlace::default, |range| NumberedPlace {
            page: range.from,
            size: range.size,
            before: 0,
        })
    }

    /// The values of the body that [`Numbered::next`] looks at.
    pub fn values(&self) -> Vec<Option<Vec<Segment>>> {
        vec![self.total.clone(), self.pages.clone(), self.has_more.clone()]
    }

    /// Asks for the page at `place`.
    pub fn ask(&self, place: &NumberedPlace, draft: &mut Draft) -> Result<()> {
        let asked = self.size.as_ref().map(|(_, size)| *size);
        let size = if place.size > 0 { place.size } else { asked.unwrap_or(0) };
        let step = if self.unit == Unit::Pages { 1 } else { size };
        let value = place
            .page
            .checked_mul(step)
            .and_then(|distance| distance.checked_add(self.start))
            .ok_or_else(|| Error::data(format!("page {} is beyond all numbers", place.page)))?;
        draft.set(self.place, &self.param, value)?;
        match &self.size {
            Some((param, size)) => draft.set(self.place, param, *size),
            None => Ok(()),
        }
    }

    /// What comes after the page at `place`.
    pub fn next(&self, place: &NumberedPlace, range: Option<&Range>, told: &Told<'_>) -> Result<Next> {
        let count = told.count as u64;
        if count == 0 {
            return Ok(Next::End);
        }
        if told.fingerprint == place.before {
            return Err(Error::data("the server answers every page with the same records")
                .hint(format!("check `{}`: it seems to be ignored", self.param)));
        }
        let asked = self.size.as_ref().map(|(_, size)| *size);
        let total = self.total(told);
        // Page one is full if there are more records than it has.
        let size = match total {
            Some(total) if place.size == 0 && total > count => count,
            _ => full_size(place.size, asked, count),
        };
        let next = NumberedPlace { page: place.page.saturating_add(1), size, before: told.fingerprint };
        if range.and_then(|range| range.to).is_some_and(|to| next.page >= to) {
            return Ok(Next::End);
        }
        let end = self.pages(told).or(total.map(|total| total.div_ceil(size)));
        if end.is_some_and(|pages| next.page >= pages) || told.says_no_more(2) {
            return Ok(Next::End);
        }
        if let (0, None, Some(pages), false) = (place.page, range, end, self.in_order) {
            return Ok(Next::Ranges(ranges(1, pages), size));
        }
        // Inside a closed range a short page is no end: the total has promised more.
        let closed = range.is_some_and(|range| range.to.is_some());
        if end.is_none() && count < size && !closed {
            return Ok(Next::End);
        }
        Ok(Next::Page(Place::Numbered(next)))
    }

    /// The number of pages, if it is told.
    fn pages(&self, told: &Told<'_>) -> Option<u64> {
        told.number(1).or_else(|| told.header(self.pages_header.as_ref()?)?.parse().ok())
    }

    /// The number of records, if it is told.
    pub fn total(&self, told: &Told<'_>) -> Option<u64> {
        told.number(0).or_else(|| told.header(self.total_header.as_ref()?)?.parse().ok())
    }
}

/// How many records a full page has. What was asked for counts only if the first page has as many:
/// a server may cap the size, and then every page is shorter than asked for, and is full.
///
/// A first page that is short is the only one, unless its length is as round as such a cap: then one
/// more request tells.
fn full_size(known: u64, asked: Option<u64>, count: u64) -> u64 {
    match (known, asked) {
        (0, Some(asked)) if count < asked && !is_round(count) => asked,
        (0, _) => count,
        (known, _) => known.max(count),
    }
}

fn is_round(count: u64) -> bool {
    count >= 10 && (count.is_multiple_of(10) || count.is_multiple_of(25))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    fn numbered(size: Option<u64>) -> Numbered {
        Numbered {
            param: "page".into(),
            start: 1,
            unit: Unit::Pages,
            size: size.map(|size| ("per_page".into(), size)),
            place: ParamPlace::Query,
            total: Some(Vec::new()),
            pages: None,
            has_more: None,
            total_header: Some(HeaderName::from_static("x-total-count")),
            pages_header: None,
            in_order: false,
        }
    }

    struct Page<'a> {
        place: NumberedPlace,
        range: Option<Range>,
        count: usize,
        values: [Option<&'a str>; 3],
        header: Option<&'static str>,
    }

    fn page(page: u64, size: u64, count: usize) -> Page<'static> {
        let place = NumberedPlace { page, size, before: 0 };
        Page { place, range: None, count, values: [None; 3], header: None }
    }

    fn next(numbered: &Numbered, page: Page<'_>) -> Next {
        let mut headers = HeaderMap::new();
        if let Some(total) = page.header {
            headers.insert("x-total-count", HeaderValue::from_static(total));
        }
        let url = Url::parse("http://a.example/").unwrap();
        let told = Told {
            count: page.count,
            fingerprint: 7,
            values: page.values.to_vec(),
            headers: &headers,
            url: &url,
        };
        numbered.next(&page.place, page.range.as_ref(), &told).unwrap()
    }

    fn goes_on(next: Next) -> Option<u64> {
        match next {
            Next::Page(Place::Numbered(place)) => Some(place.page),
            _ => None,
        }
    }

    #[test]
    fn untold_pages_end_with_an_empty_or_short_one() {
        let of_100 = numbered(Some(100));
        assert_eq!(goes_on(next(&of_100, page(0, 0, 100))), Some(1));
        assert_eq!(goes_on(next(&of_100, page(3, 100, 100))), Some(4));
        assert_eq!(next(&of_100, page(3, 100, 99)), Next::End);
        assert_eq!(next(&of_100, page(3, 100, 0)), Next::End);
        assert_eq!(next(&of_100, page(0, 0, 37)), Next::End);
        assert_eq!(goes_on(next(&numbered(None), page(0, 0, 37))), Some(1));
    }

    #[test]
    fn a_cap_of_the_server_is_no_end() {
        assert_eq!(goes_on(next(&numbered(Some(1000)), page(0, 0, 250))), Some(1));
        assert_eq!(goes_on(next(&numbered(Some(1000)), page(1, 250, 250))), Some(2));
        assert_eq!(next(&numbered(Some(1000)), page(2, 250, 249)), Next::End);
    }

    #[test]
    fn a_told_total_gives_ranges() {
        let told = |page: Page<'static>, total| Page { values: [Some(total), None, None], ..page };
        let Next::Ranges(ranges, size) = next(&numbered(Some(100)), told(page(0, 0, 100), "301")) else {
            panic!("no ranges")
        };
        assert_eq!((ranges.len(), size), (3, 100));
        assert_eq!(next(&numbered(Some(100)), told(page(0, 0, 100), "100")), Next::End);
        // The server caps pages at 50, so that there are more of them.
        let Next::Ranges(ranges, 50) = next(&numbered(Some(100)), told(page(0, 0, 50), "\"200\"")) else {
            panic!("no ranges")
        };
        assert_eq!(ranges.len(), 3);
        let by_header = Page { header: Some("250"), ..page(0, 0, 100) };
        assert!(matches!(next(&numbered(None), by_header), Next::Ranges(ranges, 100) if ranges.len() == 2));
    }

    #[test]
    fn ranges_end_where_they_should() {
        let closed =
            |at, count| Page { range: Some(Range { from: 1, to: Some(4), size: 10 }), ..page(at, 10, count) };
        assert_eq!(goes_on(next(&numbered(Some(10)), closed(1, 10))), Some(2));
        assert_eq!(goes_on(next(&numbered(Some(10)), closed(1, 9))), Some(2));
        assert_eq!(next(&numbered(Some(10)), closed(3, 10)), Next::End);
        let open = |at, count, total| Page {
            range: Some(Range { from: 4, to: None, size: 10 }),
            values: [total, None, None],
            ..page(at, 10, count)
        };
        assert_eq!(goes_on(next(&numbered(Some(10)), open(4, 10, None))), Some(5));
        assert_eq!(next(&numbered(Some(10)), open(5, 4, None)), Next::End);
        // Records were added meanwhile.
        assert_eq!(goes_on(next(&numbered(Some(10)), open(5, 10, Some("61")))), Some(6));
        assert_eq!(next(&numbered(Some(10)), open(5, 10, Some("60"))), Next::End);
    }

    #[test]
    fn has_more_is_believed() {
        let no = Page { values: [None, None, Some("false")], ..page(0, 0, 100) };
        assert_eq!(next(&numbered(Some(100)), no), Next::End);
    }

    #[test]
    fn the_same_page_for_ever_is_an_error() {
        let headers = HeaderMap::new();
        let url = Url::parse("http://a.example/").unwrap();
        let told = Told { count: 5, fingerprint: 7, values: Vec::new(), headers: &headers, url: &url };
        let place = NumberedPlace { page: 4, size: 5, before: 7 };
        let error = numbered(None).next(&place, None, &told).unwrap_err();
        assert!(error.to_string().contains("`page`"), "{error}");
    }

    proptest! {
        /// A server with `total` records and pages of at most `cap`: reading from page one and the
        /// ranges it gives reads every record once.
        #[test]
        fn everything_is_read_once(total in 0u64..2500, asked in 1u64..60, cap in 1u64..60, told in any::<bool>()) {
            // A cap that is not round and not told cannot be seen through.
            prop_assume!(told || cap >= asked || is_round(cap));
            let of = numbered(Some(asked));
            let step = asked.min(cap);
            let count = |page: u64| total.saturating_sub(page * step).min(step);
            let text = total.to_string();
            let mut seen = Vec::new();
            let mut splits = vec![None];
            while let Some(range) = splits.pop() {
                let mut place = of.first(range.as_ref());
                loop {
                    seen.extend((0..count(place.page)).map(|n| place.page * step + n));
                    let at = Page {
                        place: place.clone(),
                        range: range.clone(),
                        count: count(place.page) as usize,
                        values: [told.then_some(text.as_str()), None, None],
                        header: None,
                    };
                    let at = Page { place: NumberedPlace { before: 0, ..at.place }, ..at };
                    match next(&of, at) {
                        Next::End => break,
                        Next::Page(Place::Numbered(next)) => place = next,
                        Next::Page(_) => unreachable!(),
                        Next::Ranges(ranges, size) => {
                            splits.extend(ranges.iter().map(|r| Some(Range { from: r.from, to: r.to, size })));
                            break;
                        }
                    }
                }
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..total).collect::<Vec<_>>());
        }
    }
}
