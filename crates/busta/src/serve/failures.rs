//! Failures of all destinations, one by one and by what they have in common.

use std::collections::HashMap;
use std::iter::Peekable;
use std::str::Chars;

use busta_core::reading::FailuresQuery;
use busta_core::{ErrorKind, Failure, Result};
use busta_server::model::{FailureGroup, FailureQuery, FailureView, GroupBy, Page};

use super::paging;
use crate::config::Config;

/// So many failures are looked at to group them.
const GROUPED: usize = 10_000;

/// So many runs of a group are named.
const RUNS: usize = 10;

/// A page: newest first in each destination, one destination after the other.
pub async fn page(config: &Config, query: FailureQuery) -> Result<Page<FailureView>> {
    let limit = query.limit.get();
    let (mut place, mut after) = query.cursor.as_deref().map_or(Ok((0, None)), read_cursor)?;
    let Some(wanted) = Wanted::of(query)? else { return Ok(Page::last(Vec::new())) };
    let mut items = Vec::new();
    while let Some(built) = config.destinations.get(place) {
        let query = wanted.query(after.take(), limit - items.len());
        let page = match built.destination.readable().failures_page(&query).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Default::default(),
            other => other?,
        };
        items.extend(page.failures.into_iter().map(view));
        match page.next {
            Some(next) => after = Some(next),
            None => place += 1,
        }
        if items.len() >= limit {
            let more = after.is_some() || place < config.destinations.len();
            return Ok(Page { items, next: more.then(|| cursor(place, after.as_deref())) });
        }
    }
    Ok(Page::last(items))
}

/// The newest failures by what they have in common, the most frequent first.
pub async fn groups(config: &Config, query: FailureQuery, by: GroupBy) -> Result<Page<FailureGroup>> {
    let (limit, from) = (query.limit, query.cursor.as_deref().map_or(Ok(0), str::parse::<usize>));
    let from = from.map_err(|_| paging::no_cursor())?;
    let mut groups: HashMap<Common, FailureGroup> = HashMap::new();
    let Some(wanted) = Wanted::of(query)? else { return Ok(Page::last(Vec::new())) };
    for built in &config.destinations {
        let (mut after, mut left) = (None, GROUPED);
        while left > 0 {
            let page =
                match built.destination.readable().failures_page(&wanted.query(after, left.min(500))).await {
                    Err(error) if error.kind() == ErrorKind::NotFound => break,
                    other => other?,
                };
            left = left.saturating_sub(page.failures.len());
            for failure in page.failures {
                let common = Common::of(&failure, by);
                match groups.get_mut(&common) {
                    Some(group) => join(group, &failure),
                    None => {
                        groups.insert(common.clone(), begin(common, failure));
                    }
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    let mut groups: Vec<FailureGroup> = groups.into_values().collect();
    groups.sort_by(|a, b| {
        let names = |group: &FailureGroup| (group.title.clone(), group.source.clone());
        b.count.cmp(&a.count).then_with(|| b.last_at.cmp(&a.last_at)).then_with(|| names(a).cmp(&names(b)))
    });
    let part = groups.into_iter().skip(from).take(limit.get() + 1).collect();
    Ok(Page::cut(part, limit, |_| (from + limit.get()).to_string()))
}

struct Wanted {
    run: Option<String>,
    source: Option<String>,
    kind: Option<ErrorKind>,
}

impl Wanted {
    /// `None` if nothing can be wanted: there is no such kind of error.
    fn of(query: FailureQuery) -> Result<Option<Self>> {
        let kind = match query.kind {
            None => None,
            Some(name) => match serde_json::from_value(name.into()) {
                Ok(kind) => Some(kind),
                Err(_) => return Ok(None),
            },
        };
        Ok(Some(Self { run: query.run, source: query.source, kind }))
    }

    fn query(&self, after: Option<String>, limit: usize) -> FailuresQuery {
        FailuresQuery {
            run: self.run.as_deref().map(Into::into),
            source: self.source.as_deref().map(Into::into),
            kind: self.kind,
            after,
            limit,
        }
    }
}

fn cursor(place: usize, after: Option<&str>) -> String {
    format!("{place}.{}", after.unwrap_or_default())
}

fn read_cursor(text: &str) -> Result<(usize, Option<String>)> {
    let (place, after) = text.split_once('.').ok_or_else(paging::no_cursor)?;
    let place = place.parse().map_err(|_| paging::no_cursor())?;
    Ok((place, (!after.is_empty()).then(|| after.to_owned())))
}

/// What the failures of a group have in common.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Common {
    Reason { source: String, kind: &'static str, stage: &'static str, pattern: String },
    Source(String),
    Kind(&'static str),
}

impl Common {
    fn of(failure: &Failure, by: GroupBy) -> Self {
        match by {
            GroupBy::Reason => Self::Reason {
                source: failure.source.to_string(),
                kind: failure.kind.as_str(),
                stage: failure.stage.as_str(),
                pattern: pattern(&failure.reason),
            },
            GroupBy::Source => Self::Source(failure.source.to_string()),
            GroupBy::Kind => Self::Kind(failure.kind.as_str()),
        }
    }
}

fn begin(common: Common, failure: Failure) -> FailureGroup {
    let (title, source, kind, stage) = match common {
        Common::Reason { source, kind, stage, pattern } => {
            (pattern, Some(source), Some(kind.to_owned()), Some(stage.to_owned()))
        }
        Common::Source(source) => (source.clone(), Some(source), None, None),
        Common::Kind(kind) => (kind.to_owned(), None, Some(kind.to_owned()), None),
    };
    FailureGroup {
        title,
        source,
        kind,
        stage,
        count: 1,
        first_at: failure.at,
        last_at: failure.at,
        runs: vec![failure.run.to_string()],
        example: view(failure),
    }
}

fn join(group: &mut FailureGroup, failure: &Failure) {
    group.count += 1;
    group.first_at = group.first_at.min(failure.at);
    group.last_at = group.last_at.max(failure.at);
    if group.runs.len() < RUNS && !group.runs.iter().any(|run| run == failure.run.as_str()) {
        group.runs.push(failure.run.to_string());
        group.runs.sort_unstable_by(|a, b| b.cmp(a));
    }
}

/// A reason without what differs from one failure to the next: numbers, addresses, and what stands in quotes.
fn pattern(reason: &str) -> String {
    /// Longer reasons differ in their beginnings, or do not differ.
    const LONGEST: usize = 200;
    let mut pattern = String::new();
    let mut characters = reason.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '0'..='9' => {
                while characters.next_if(char::is_ascii_digit).is_some() {}
                pattern.push('#');
            }
            'h' if is_address(characters.clone()) => {
                while characters.next_if(|c| !c.is_whitespace()).is_some() {}
                pattern.push('…');
            }
            '`' | '"' => {
                let ended = characters.by_ref().any(|c| c == character);
                pattern.push_str(if ended { "…" } else { "" });
            }
            other => pattern.push(other),
        }
        if pattern.len() >= LONGEST {
            pattern.push('…');
            break;
        }
    }
    pattern
}

/// Whether an address begins with the `h` before `rest`.
fn is_address(rest: Peekable<Chars<'_>>) -> bool {
    let start: String = rest.take("ttps://".len()).collect();
    start == "ttps://" || start.starts_with("ttp://")
}

fn view(failure: Failure) -> FailureView {
    FailureView {
        id: failure.id,
        run_id: failure.run.to_string(),
        source: failure.source.to_string(),
        stream: failure.stream.to_string(),
        split: failure.split.to_string(),
        position: failure.position,
        stage: failure.stage.as_str().to_owned(),
        kind: failure.kind.as_str().to_owned(),
        reason: failure.reason,
        payload: failure.payload,
        at: failure.at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_one_kind_are_one() {
        let one = pattern("GET `https://a.example/1` answered 503 after 1200 ms");
        assert_eq!(one, pattern("GET `https://a.example/22` answered 500 after 7 ms"));
        assert_eq!(one, "GET … answered # after # ms");
        assert_eq!(one, pattern("GET http://a.example/1?of=a answered 404 after 1200 ms"));
        assert_eq!(pattern("the http page, https:/x"), "the http page, https:/x");
        assert_ne!(one, pattern("not an object"));
        assert!(pattern(&"é".repeat(1000)).len() < 210);
    }

    #[test]
    fn cursors_come_back() {
        assert_eq!(read_cursor(&cursor(2, Some("x.y"))).unwrap(), (2, Some("x.y".to_owned())));
        assert_eq!(read_cursor(&cursor(1, None)).unwrap(), (1, None));
        assert!(read_cursor("nonsense").is_err() && read_cursor("x.1").is_err());
    }
}
