//! From what is measured to the text.

use busta_engine::{SourceFigures, WorkerAction};
use busta_server::model::SourceHealth;
use chrono::{DateTime, Utc};

use super::bounded;
use super::families::*;
use super::input::{BudgetMetrics, MetricsInput, PausedBy, SourceMetrics};
use super::text::Text;

/// How a source may do, and the words for it.
const HEALTH_STATES: [(SourceHealth, &str); 4] = [
    (SourceHealth::Ok, "ok"),
    (SourceHealth::Degraded, "degraded"),
    (SourceHealth::Failing, "failing"),
    (SourceHealth::Unknown, "unknown"),
];

/// Who may have paused a source, and the words for it.
const PAUSED_BY: [(PausedBy, &str); 2] = [(PausedBy::Person, "person"), (PausedBy::Failures, "failures")];

/// All metrics.
pub fn all(input: &MetricsInput) -> String {
    let mut text = Text::default();
    text.add(&BUILD_INFO, [([input.version], 1.0)]);
    runs(&mut text, input);
    counted(&mut text, &bounded::figures(&input.sources));
    standing(&mut text, bounded::apart(&input.sources));
    places(&mut text, input);
    hosts(&mut text, input);
    traffic(&mut text, input);
    process(&mut text, input);
    text.finish()
}

fn runs(text: &mut Text, input: &MetricsInput) {
    let runs = &input.runs;
    text.add(&RUNS, [(["running"], runs.running as f64), (["queued"], runs.queued as f64)]);
    text.add(&RUNS_ENDED, runs.ended.iter().map(|(state, count)| ([*state], *count as f64)));
    text.one(&RUN_AGE, runs.oldest.unwrap_or_default().as_secs_f64());
}

/// What the meters have counted.
fn counted(text: &mut Text, sources: &[(&str, SourceFigures)]) {
    let streams = sources.iter().flat_map(|(source, figures)| {
        bounded::streams(figures).into_iter().flat_map(move |(stream, counts)| {
            let outcomes =
                [("inserted", counts.inserted), ("updated", counts.updated), ("deduped", counts.deduped)];
            outcomes.map(|(outcome, count)| ([*source, stream, outcome], count as f64))
        })
    });
    text.add(&RECORDS, streams);
    let each =
        |of: fn(&SourceFigures) -> f64| sources.iter().map(move |(source, figures)| ([*source], of(figures)));
    text.add(&SPLITS, each(|figures| figures.splits as f64));
    text.add(&READ, each(|figures| figures.bytes as f64));
    let codes: Vec<_> = sources.iter().map(|(source, figures)| (*source, bounded::codes(figures))).collect();
    let codes = codes.iter().flat_map(|(source, codes)| {
        codes.iter().map(move |(code, count)| ([*source, code.as_str()], *count as f64))
    });
    text.add(&REQUESTS, codes);
    let asked = sources.iter().filter(|(_, figures)| figures.latency.count() > 0);
    text.histograms(
        &REQUEST_DURATION,
        asked.map(|(source, figures)| {
            (*source, figures.latency.cumulative(), figures.latency.sum().as_secs_f64())
        }),
    );
    text.add(&WAITED, each(|figures| figures.waited.as_secs_f64()));
    text.add(&RETRIES, each(|figures| figures.retries as f64));
    text.add(&RATE_LIMITED, each(|figures| figures.limited as f64));
    text.add(&FAILURES, each(|figures| figures.failures as f64));
}

/// How the sources stand.
fn standing(text: &mut Text, sources: &[SourceMetrics]) {
    let health = sources.iter().flat_map(|source| {
        HEALTH_STATES.map(|(state, word)| ([source.name.as_str(), word], truth(state == source.health)))
    });
    text.add(&HEALTH, health);
    let times = |of: fn(&SourceMetrics) -> Option<DateTime<Utc>>| {
        sources.iter().filter_map(move |source| Some(([source.name.as_str()], seconds(of(source)?))))
    };
    text.add(&LAST_RUN, times(|source| source.last_run_at));
    text.add(&LAST_SUCCESS, times(|source| source.last_success_at));
    text.add(&NEXT_RUN, times(|source| source.schedule?.next_at));
    let schedules = sources.iter().filter_map(|source| Some((source, source.schedule?)));
    text.add(&PAUSED, schedules.map(|(source, schedule)| ([source.name.as_str()], truth(schedule.paused))));
    let paused = sources.iter().flat_map(|source| {
        PAUSED_BY.map(|(by, word)| ([source.name.as_str(), word], truth(source.paused == Some(by))))
    });
    text.add(&SOURCE_PAUSED, paused);
    budgets(text, sources);
}

/// What sources may use, and have used.
fn budgets(text: &mut Text, sources: &[SourceMetrics]) {
    let budgets: Vec<_> =
        sources.iter().filter_map(|source| Some((source.name.as_str(), source, source.budget?))).collect();
    let cost = |(name, source, budget): &(_, &SourceMetrics, BudgetMetrics)| {
        Some(([*name], budget.settings.cost(source.figures.requests)?))
    };
    text.add(&COST, budgets.iter().filter_map(cost));
    let caps = |(name, _, budget): &(_, _, BudgetMetrics)| {
        let (name, settings) = (*name, budget.settings);
        let run = settings.run_cap().map(|cap| ([name, "run"], budget.of_run, cap));
        let day = settings.requests_per_day.zip(budget.of_day);
        [run, day.map(|(cap, used)| ([name, "day"], used, cap))].into_iter().flatten()
    };
    let caps: Vec<_> = budgets.iter().flat_map(caps).collect();
    text.add(&BUDGET_USED, caps.iter().map(|(labels, used, _)| (*labels, *used as f64)));
    text.add(&BUDGET_LIMIT, caps.iter().map(|(labels, _, cap)| (*labels, *cap as f64)));
}

fn places(text: &mut Text, input: &MetricsInput) {
    use WorkerAction::{Fetching, Idle, Opening, Transforming, Writing};
    let workers = [Idle, Opening, Fetching, Transforming, Writing].map(|action| {
        let count = input.workers.iter().filter(|worker| **worker == action).count();
        ([action.as_str()], count as f64)
    });
    text.add(&WORKERS, workers);
    text.one(&QUEUE, input.queued as f64);
    let names: Vec<String> = input.pools.iter().map(|pool| pool.name.to_string()).collect();
    let pools = || names.iter().map(String::as_str).zip(&input.pools);
    text.add(&POOL_PLACES, pools().filter_map(|(name, pool)| Some(([name], pool.places? as f64))));
    text.add(&POOL_TAKEN, pools().map(|(name, pool)| ([name], pool.taken as f64)));
    text.add(&POOL_WAITING, pools().map(|(name, pool)| ([name], pool.waiting as f64)));
}

fn hosts(text: &mut Text, input: &MetricsInput) {
    let hosts = bounded::hosts(&input.hosts);
    let hosts = || hosts.iter().map(|(name, host)| ([*name], host));
    text.add(&HOST_IN_FLIGHT, hosts().map(|(name, host)| (name, host.in_flight as f64)));
    text.add(&HOST_CONCURRENCY, hosts().filter_map(|(name, host)| Some((name, host.limit? as f64))));
    text.add(&HOST_RATE, hosts().filter_map(|(name, host)| Some((name, host.rate?))));
    text.add(&HOST_PAUSED, hosts().map(|(name, host)| (name, truth(host.paused))));
    text.add(&HOST_REQUESTS, hosts().map(|(name, host)| (name, host.requests as f64)));
    text.add(&HOST_LIMITED, hosts().map(|(name, host)| (name, host.limited as f64)));
}

/// The requests to the API. Its routes bound them.
fn traffic(text: &mut Text, input: &MetricsInput) {
    let counts = input.traffic.iter().flat_map(|(route, counted)| {
        let requests = counted.requests.iter();
        requests.map(move |((method, status), count)| (route.as_str(), *method, status.to_string(), *count))
    });
    let counts: Vec<_> = counts.collect();
    let counts = counts
        .iter()
        .map(|(route, method, status, count)| ([*route, *method, status.as_str()], *count as f64));
    text.add(&API_REQUESTS, counts);
    let durations = input.traffic.iter();
    let durations = durations
        .map(|(route, counted)| (route.as_str(), counted.cumulative(), counted.took().as_secs_f64()));
    text.histograms(&API_DURATION, durations);
}

fn process(text: &mut Text, input: &MetricsInput) {
    text.one(&EVENTS, input.activity.events as f64);
    text.one(&GAPS, input.activity.gaps as f64);
    text.one(&CLIENTS, input.activity.clients as f64);
    text.one(&TASKS, input.tasks as f64);
    let process = &input.process;
    let mut some = |family, value: Option<f64>| text.add(family, value.map(|value| ([], value)));
    some(&CPU, process.processor.map(|time| time.as_secs_f64()));
    some(&MEMORY, process.memory.map(|bytes| bytes as f64));
    some(&OPEN_FDS, process.open_files.map(|files| files as f64));
    some(&MAX_FDS, process.most_files.map(|files| files as f64));
    text.one(&START_TIME, seconds(input.started_at));
}

fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

fn truth(is: bool) -> f64 {
    f64::from(u8::from(is))
}
