//! One stream, as far as it can be understood without the others.

use std::collections::BTreeMap;

use busta_core::StreamSpec;

use super::super::config::{CursorConfig, FollowConfig, Follows, Order, StreamConfig};
use super::super::family::{Member, Use};
use super::super::pagination;
use super::super::problems::Problems;
use super::super::since::Since;
use super::super::stream::{Endpoint, Follow, Stream};
use super::super::template::{FOLLOW, FieldRef};
use super::ask::{self, Keys};
use super::each::combinations;
use super::mentions::mentions;
use super::service::Shared;
use crate::jq::Program;

/// What the programs of a stream can see: what it is read for.
const PURE: &[&str] = &["$for"];

/// What `map` can see: also the time of the request, which nothing that is read next may depend on.
const TIMED: &[&str] = &["$for", "$now"];

/// Compiles a stream; what it names of others is settled by its [`Member`].
pub fn compile(config: &StreamConfig, services: &[Shared], problems: &mut Problems) -> (Stream, Member) {
    let service = service(config, services, problems);
    let shared = services.get(service);
    let mut uses = Vec::new();
    let combinations = combinations(&config.for_each, problems);
    let pagination = problems.within("pagination", None, |problems| {
        let key = shared.and_then(|shared| shared.key.as_deref());
        let pagination = pagination::compile(&config.pagination, &config.params, key, problems);
        if in_order(config) { pagination.in_order() } else { pagination }
    });
    let map = config.map.as_ref().and_then(|map| ask::program(map, TIMED, "map", problems));
    uses.extend(config.map.iter().flat_map(|map| mentions(map, &["map"])));
    let (endpoint, map) = match &config.path {
        Some(path) if config.from.is_none() => {
            let asked = keys(config, path).asked(shared, problems);
            uses.extend(ask::uses(&asked, &[]));
            let records = config.records.as_deref();
            (Some(ask::endpoint(asked, records, pagination.values(), map, problems)), None)
        }
        _ => (None, map),
    };
    let follow = follows(config, shared, &mut uses, problems);
    let include = include(&config.include, &mut uses, problems);
    let stream = Stream {
        spec: spec(config),
        service,
        combinations,
        has_with: !config.with.is_empty(),
        endpoint,
        follow,
        pagination,
        since: config.cursor.as_ref().map(since),
        max_records: config.max_records.map(|most| usize::try_from(most).unwrap_or(usize::MAX)),
        include,
        skip: config.skip.clone(),
        idle: Vec::new(),
        children: Vec::new(),
        family: Vec::new(),
    };
    (stream, member(config, uses, map, problems))
}

/// Whether its pages are read one after another even where they could be read side by side: where a page decides
/// whether the next is wanted, or where only the planned splits know where the next run starts.
fn in_order(config: &StreamConfig) -> bool {
    let newest_first = config.cursor.as_ref().is_some_and(|cursor| cursor.order == Order::NewestFirst);
    newest_first || start_per_split(config) || (config.max_records.is_some() && config.map.is_some())
}

/// Whether each combination starts where it ended itself.
fn start_per_split(config: &StreamConfig) -> bool {
    config.cursor.is_some() && !config.for_each.0.is_empty()
}

fn service(config: &StreamConfig, services: &[Shared], problems: &mut Problems) -> usize {
    let Some(name) = &config.service else { return 0 };
    services.iter().position(|service| service.name.as_ref() == Some(name)).unwrap_or_else(|| {
        let known: Vec<_> = services.iter().filter_map(|service| service.name.as_deref()).collect();
        let known = if known.is_empty() { "there are none".to_owned() } else { known.join(", ") };
        problems.add("service", format!("there is no `{name}` under `services` ({known})"));
        0
    })
}

fn keys<'a>(config: &'a StreamConfig, path: &'a str) -> Keys<'a> {
    Keys {
        path,
        method: config.method,
        params: &config.params,
        headers: &config.headers,
        body: config.body.as_ref(),
        form: config.form.as_ref(),
    }
}

fn follows(
    config: &StreamConfig,
    shared: Option<&Shared>,
    uses: &mut Vec<Use>,
    problems: &mut Problems,
) -> Vec<Follow> {
    let Follows(follows) = &config.follow;
    let place = |index| if follows.len() > 1 { Some(index) } else { None };
    let one = |(index, follow)| {
        problems
            .within(FOLLOW, place(index), |problems| compile_follow(config, follow, shared, uses, problems))
    };
    follows.iter().enumerate().map(one).collect()
}

fn compile_follow(
    stream: &StreamConfig,
    config: &FollowConfig,
    shared: Option<&Shared>,
    uses: &mut Vec<Use>,
    problems: &mut Problems,
) -> Follow {
    let keys = Keys {
        path: &config.path,
        method: config.method,
        params: &config.params,
        headers: &config.headers,
        body: config.body.as_ref(),
        form: config.form.as_ref(),
    };
    let asked = keys.asked(shared, problems);
    let own = ask::uses(&asked, &[FOLLOW]);
    if !own.iter().any(|used| used.field.stream == FOLLOW) {
        problems
            .add("path", "nothing that `find` gives is used: name it in a placeholder such as {follow.ids}");
    }
    let mut looked_at = mentions(&config.find, &[FOLLOW, "find"]);
    looked_at.extend(
        config.map.as_ref().or(stream.map.as_ref()).iter().flat_map(|map| mentions(map, &[FOLLOW, "map"])),
    );
    let fields = followed(&own, &looked_at);
    uses.extend(own);
    uses.extend(looked_at);
    let map = match (&config.map, &stream.map) {
        (Some(own), _) => ask::program(own, TIMED, "map", problems),
        // What is wrong with the stream's is said there.
        (None, Some(shared)) => Program::with_variables(shared, TIMED).ok(),
        (None, None) => None,
    };
    let records = config.records.as_deref();
    let endpoint: Endpoint = match (records, stream.records.as_deref()) {
        (None, Some(shared)) => ask::endpoint(asked, Some(shared), Vec::new(), map, &mut Problems::default()),
        _ => ask::endpoint(asked, records, Vec::new(), map, problems),
    };
    let largest = config.largest.as_ref().and_then(|text| ask::program(text, PURE, "largest", problems));
    Follow {
        endpoint,
        find: ask::program(&config.find, PURE, "find", problems),
        largest,
        limit: config.limit,
        fields,
    }
}

/// What its splits carry of what was found: what placeholders name, and what programs look at.
fn followed(named: &[Use], looked_at: &[Use]) -> Vec<(FieldRef, bool)> {
    let mut fields: BTreeMap<&FieldRef, bool> = BTreeMap::new();
    for (uses, needed) in [(named, true), (looked_at, false)] {
        for used in uses.iter().filter(|used| used.field.stream == FOLLOW) {
            *fields.entry(&used.field).or_default() |= needed;
        }
    }
    fields.into_iter().map(|(field, needed)| (field.clone(), needed)).collect()
}

fn include(
    config: &BTreeMap<String, String>,
    uses: &mut Vec<Use>,
    problems: &mut Problems,
) -> Vec<(String, FieldRef)> {
    let mut include = Vec::new();
    for (name, field) in config {
        match FieldRef::parse(field) {
            Ok(field) => {
                let place = vec!["include".to_owned(), name.clone()];
                uses.push(Use { field: field.clone(), place });
                include.push((name.clone(), field));
            }
            Err(message) => problems.within("include", None, |problems| problems.add(name, message)),
        }
    }
    include
}

fn member(config: &StreamConfig, uses: Vec<Use>, map: Option<Program>, problems: &mut Problems) -> Member {
    let with = problems.within("with", None, |problems| {
        let program = |(name, text): (&String, &String)| {
            Some((name.clone(), ask::program(text, PURE, name, problems)?))
        };
        config.with.iter().filter_map(program).collect()
    });
    let mentioned = config.with.iter().flat_map(|(name, text)| mentions(text, &["with", name]));
    let parent = match (&config.from, &config.parent) {
        (Some(from), _) => Some(("from", from.clone())),
        (None, parent) => parent.clone().map(|parent| ("parent", parent)),
    };
    Member {
        name: config.name.clone(),
        mentioned: mentioned.collect(),
        uses,
        each: config.for_each.0.iter().map(|(name, _)| name.clone()).collect(),
        follows: !config.follow.0.is_empty(),
        newest_first: config.cursor.as_ref().is_some_and(|cursor| cursor.order == Order::NewestFirst),
        has_with: config.with.keys().cloned().collect(),
        with,
        parent,
        made: config.from.is_some(),
        map,
    }
}

fn spec(config: &StreamConfig) -> StreamSpec {
    let mut spec = StreamSpec::new(config.name.as_str(), config.primary_key.0.clone());
    spec.table = config.table.clone().unwrap_or(spec.table);
    spec.write_mode = config.write_mode.unwrap_or(spec.write_mode);
    spec.phase = config.phase.clone();
    spec.start_per_split = start_per_split(config);
    // The destination compares a top-level field only.
    spec.cursor_field =
        config.cursor.as_ref().map(|cursor| cursor.field.clone()).filter(|f| !f.contains('.'));
    spec
}

fn since(config: &CursorConfig) -> Since {
    Since {
        field: config.field.split('.').map(str::to_owned).collect(),
        newest_first: config.order == Order::NewestFirst,
        param: config.param.clone().map(|param| (param, config.place)),
        format: config.format,
        start: config.start.clone().map(|start| start.0),
        lookback: config.lookback.and_then(|span| chrono::TimeDelta::from_std(span.0).ok()),
    }
}
