//! Labels whose values come from configurations and servers, held to a number that Prometheus bears.

use std::collections::BTreeMap;

use busta_engine::{HostState, SourceFigures, StreamFigures};

use super::input::SourceMetrics;

/// Sources that are told apart: a histogram each is about 30 lines.
const MOST_SOURCES: usize = 500;

/// Streams of a source that are told apart.
const MOST_STREAMS: usize = 50;

/// Hosts that are told apart.
const MOST_HOSTS: usize = 50;

/// The label of what is not told apart. No source, stream or host can have this name.
pub const OTHERS: &str = "(others)";

/// The sources' figures by name: the first ones of the configuration, and all others together, so that sums
/// over the sources stay right.
pub fn figures(sources: &[SourceMetrics]) -> Vec<(&str, SourceFigures)> {
    let (first, others) = sources.split_at(sources.len().min(MOST_SOURCES));
    let mut all: Vec<_> = first.iter().map(|source| (source.name.as_str(), source.figures.clone())).collect();
    if !others.is_empty() {
        let mut sum = SourceFigures::default();
        others.iter().for_each(|source| sum.add(&source.figures));
        all.push((OTHERS, sum));
    }
    all
}

/// The sources that are told apart.
pub fn apart(sources: &[SourceMetrics]) -> &[SourceMetrics] {
    &sources[..sources.len().min(MOST_SOURCES)]
}

/// The streams' figures by name.
pub fn streams(figures: &SourceFigures) -> Vec<(&str, StreamFigures)> {
    let mut all: Vec<_> = figures.streams.iter().map(|(name, counts)| (name.as_str(), *counts)).collect();
    if all.len() > MOST_STREAMS {
        let mut sum = StreamFigures::default();
        all.drain(MOST_STREAMS..).for_each(|(_, counts)| sum.add(&counts));
        all.push((OTHERS, sum));
    }
    all
}

/// Requests by the status of their answer. A server may answer with any number of three digits.
pub fn codes(figures: &SourceFigures) -> BTreeMap<String, u64> {
    let mut codes = BTreeMap::new();
    for (status, count) in &figures.statuses {
        let code = match status {
            None => "none".to_owned(),
            Some(status) if (100..600).contains(status) => status.to_string(),
            Some(_) => OTHERS.to_owned(),
        };
        *codes.entry(code).or_default() += count;
    }
    codes
}

/// The hosts that were asked most, by name. One that is asked with several credentials is one host here: its
/// limits are added up.
pub fn hosts(states: &[HostState]) -> BTreeMap<&str, HostState> {
    let mut hosts: BTreeMap<&str, HostState> = BTreeMap::new();
    for state in states {
        if let Some(host) = hosts.get_mut(state.host.as_str()) {
            host.in_flight += state.in_flight;
            host.limit = host.limit.zip(state.limit).map(|(one, other)| one + other);
            host.rate = host.rate.zip(state.rate).map(|(one, other)| one + other);
            host.paused |= state.paused;
            host.requests += state.requests;
            host.limited += state.limited;
        } else if hosts.len() < MOST_HOSTS {
            hosts.insert(&state.host, state.clone());
        }
    }
    hosts
}
