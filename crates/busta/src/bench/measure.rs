//! One scenario, measured: all its runs, and what they say together.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::bottleneck::{Surroundings, judge};
use super::knee::knee;
use super::live::Live;
use super::machine;
use super::results::{Measurement, Sample, ScenarioResult, Shares};
use super::run::{Seen, run};
use super::sandbox::Sandbox;
use super::scenario::Scenario;
use super::spread::Spread;
use super::workplace::Workplace;

/// The default of the configuration, which the runs leave as it is.
const MEMORY_BUDGET: u64 = 256 << 20;

/// So many samples of the memory are kept of a run.
const SAMPLES: usize = 100;

/// Measures `scenario`, each number of workers `repeat` times. The numbers take turns, so that what
/// changes on the machine meanwhile meets all of them.
///
/// # Errors
/// If a run could not collect.
pub async fn measure(
    scenario: &Scenario,
    repeat: usize,
    place: &Workplace,
    sandbox: Option<&Sandbox>,
    live: &Live,
) -> Result<ScenarioResult> {
    let folder = place.path().join("run");
    let once = async |workers: usize, what: String| -> Result<Seen> {
        let tick = |time: Duration, memory: u64| live.running(scenario.name, &what, time, memory);
        let seen = run(scenario, workers, &folder, sandbox, tick).await;
        seen.with_context(|| format!("{} with {workers} at once", scenario.name))
    };
    if scenario.warm_up {
        once(scenario.workers.last().copied().unwrap_or(1), "warming up".to_owned()).await?;
    }
    let mut runs: Vec<Vec<Seen>> = scenario.workers.iter().map(|_| Vec::new()).collect();
    for round in 1..=repeat {
        for (workers, runs) in scenario.workers.iter().zip(&mut runs) {
            runs.push(once(*workers, format!("{workers} at once, run {round} of {repeat}")).await?);
            if round == repeat {
                live.measured(scenario.name, &measurement(*workers, runs));
            }
        }
    }
    let measurements: Vec<Measurement> =
        scenario.workers.iter().zip(&runs).map(|(workers, runs)| measurement(*workers, runs)).collect();
    Ok(conclude(scenario, measurements))
}

fn conclude(scenario: &Scenario, measurements: Vec<Measurement>) -> ScenarioResult {
    let knee = knee(&measurements);
    let around = Surroundings {
        cores: machine::cores(),
        reads_disk: scenario.reads_disk,
        is_chain: scenario.is_chain,
        memory_budget: MEMORY_BUDGET,
    };
    let time = |place: usize| measurements.get(place).map_or(0.0, |m| m.wall_s.median);
    ScenarioResult {
        name: scenario.name.to_owned(),
        title: scenario.title.clone(),
        destination: scenario.destination.as_str().to_owned(),
        recommended_workers: measurements.get(knee).map_or(1, |m| m.workers),
        speed_up: if time(knee) > 0.0 { time(0) / time(knee) } else { 1.0 },
        bottleneck: judge(&measurements, knee, around),
        measurements,
    }
}

/// What the runs with one number of workers say together.
fn measurement(workers: usize, runs: &[Seen]) -> Measurement {
    let of = |value: &dyn Fn(&Seen) -> f64| Spread::of(runs.iter().map(value));
    let count = |value: &dyn Fn(&Seen) -> u64| of(&|seen| value(seen) as f64).median as u64;
    let wall_s = of(&|seen| seen.wall_s);
    let records = count(&|seen| seen.report.records);
    let bytes = count(&|seen| seen.report.bytes);
    let seconds = wall_s.median.max(1e-9);
    Measurement {
        workers,
        wall_s,
        records,
        bytes,
        requests: count(&|seen| seen.report.requests),
        failures: count(&|seen| seen.report.failures),
        rate_limited: count(&|seen| seen.report.sources.iter().map(|source| source.rate_limited).sum()),
        records_per_s: records as f64 / seconds,
        mb_per_s: bytes as f64 / 1e6 / seconds,
        cpu_s: of(&|seen| seen.cpu_s).median,
        origin_cpu_s: of(&|seen| seen.origin_cpu_s).median,
        others_cores: of(&|seen| seen.others_cores).median,
        peak_rss_bytes: of(&|seen| seen.peak_rss_bytes as f64),
        shares: shares(workers, runs),
        limits_s: runs.iter().map(|seen| seen.phases().limits_s).sum::<f64>() / runs.len().max(1) as f64,
        memory: runs.last().map(|seen| thinned(&seen.memory)).unwrap_or_default(),
    }
}

fn shares(workers: usize, runs: &[Seen]) -> Shares {
    let sum = |value: &dyn Fn(&Seen) -> f64| runs.iter().map(value).sum::<f64>();
    let (wait, parse) = (sum(&|seen| seen.phases().wait_s), sum(&|seen| seen.phases().parse_s));
    let (transform, write) = (sum(&|seen| seen.phases().transform_s), sum(&|seen| seen.phases().write_s));
    let busy = wait + parse + transform + write;
    // Clocks that differ by a hair must not make a share negative.
    let all = (workers as f64 * sum(&|seen| seen.report.duration_s)).max(busy).max(1e-9);
    Shares {
        wait: wait / all,
        parse: parse / all,
        transform: transform / all,
        write: write / all,
        idle: (all - busy) / all,
    }
}

fn thinned(samples: &[Sample]) -> Vec<Sample> {
    samples.iter().step_by(samples.len().div_ceil(SAMPLES).max(1)).copied().collect()
}
