//! Numbers that have the right type and make no sense.

use std::time::Duration;

use busta_core::connector::ConfigProblem;
use busta_core::settings::{EngineSettings, RetrySettings, SourceSettings};
use busta_core::units::{ByteSize, Span};

/// A batch may be a few MiB; with less than this for all of them, nothing would move.
const LEAST_MEMORY: ByteSize = ByteSize(1 << 20);

/// More than this at once is a slip of the finger.
const MOST_AT_ONCE: usize = 10_000;

/// What is wrong with the numbers of the engine's settings.
pub fn of_engine(settings: &EngineSettings, pools: &[String]) -> Vec<ConfigProblem> {
    let mut found = Vec::new();
    at_least_one(&mut found, "concurrency", Some(settings.concurrency));
    for (pool, &places) in &settings.pools {
        at_least_one(&mut found, &format!("pools.{pool}"), Some(places));
        if !pools.contains(pool) {
            let known = pools.iter().map(|p| format!("`{p}`")).collect::<Vec<_>>().join(", ");
            let message = format!("unknown pool `{pool}`, expected one of {known}");
            found.push(ConfigProblem::new(&format!("pools.{pool}"), message));
        }
    }
    of_retry(&mut found, &settings.retry);
    let deadlines = &settings.deadlines;
    not_zero(&mut found, "deadlines.request", Some(deadlines.request));
    not_zero(&mut found, "deadlines.split", deadlines.split);
    not_zero(&mut found, "deadlines.source", deadlines.source);
    not_zero(&mut found, "deadlines.run", deadlines.run);
    if settings.memory_budget < LEAST_MEMORY {
        found.push(ConfigProblem::new(
            "memory_budget",
            format!("{} is too little to work with; the least is {LEAST_MEMORY}", settings.memory_budget),
        ));
    }
    // A host's name holds dots, so its path is made by hand.
    for (host, limits) in &settings.hosts {
        let mut of_host = Vec::new();
        at_least_one(&mut of_host, "max_concurrency", limits.max_concurrency);
        for mut problem in of_host {
            let host = ["hosts", host].map(|key| busta_core::connector::PathPart::Key(key.to_owned()));
            problem.path.splice(0..0, host);
            found.push(problem);
        }
    }
    found
}

/// What is wrong with the numbers of one source's settings.
pub fn of_source(settings: &SourceSettings) -> Vec<ConfigProblem> {
    let mut found = Vec::new();
    at_least_one(&mut found, "max_concurrency", settings.max_concurrency);
    not_zero(&mut found, "deadline", settings.deadline);
    not_zero(&mut found, "request_timeout", settings.request_timeout);
    if let Some(retry) = &settings.retry {
        of_retry(&mut found, retry);
    }
    let budget = settings.budget.iter().flat_map(busta_core::BudgetSettings::problems);
    found.extend(budget.map(|(key, message)| ConfigProblem::new(&format!("budget.{key}"), message)));
    if settings.pause_after == Some(0) {
        found.push(ConfigProblem::new("pause_after", "expected at least 1; leave it out for never"));
    }
    found
}

fn of_retry(found: &mut Vec<ConfigProblem>, retry: &RetrySettings) {
    if retry.initial_backoff > retry.max_backoff {
        found.push(ConfigProblem::new(
            "retry.initial_backoff",
            format!("{} is more than max_backoff, {}", retry.initial_backoff, retry.max_backoff),
        ));
    }
}

fn at_least_one(found: &mut Vec<ConfigProblem>, path: &str, value: Option<usize>) {
    match value {
        Some(0) => found.push(ConfigProblem::new(path, "0 would let nothing through; the least is 1")),
        Some(n) if n > MOST_AT_ONCE => {
            found.push(ConfigProblem::new(path, format!("{n} is too many; the most is {MOST_AT_ONCE}")));
        }
        _ => {}
    }
}

fn not_zero(found: &mut Vec<ConfigProblem>, path: &str, value: Option<Span>) {
    if value == Some(Span(Duration::ZERO)) {
        found.push(ConfigProblem::new(path, "0 would let nothing through; leave it out for no limit"));
    }
}
