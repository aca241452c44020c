//! One run: this same binary collects in a process of its own, and is watched from outside.

use std::fs::{self, File};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use busta_core::report::{Phases, RunReport, Status};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::{MissedTickBehavior, interval};

use super::results::Sample;
use super::sandbox::Sandbox;
use super::scenario::Scenario;
use crate::process::{self, Use};

/// How often the process is looked at: often enough for runs of a tenth of a second, and still a
/// thousandth of a core.
const EVERY: Duration = Duration::from_millis(10);

/// What one run has shown.
pub struct Seen {
    /// What busta says itself.
    pub report: RunReport,
    /// From the start of the process to its end, in seconds.
    pub wall_s: f64,
    /// The most memory that it held, in bytes.
    pub peak_rss_bytes: u64,
    /// Its processor time in seconds.
    pub cpu_s: f64,
    /// The sandbox's in that time.
    pub origin_cpu_s: f64,
    /// How many cores all others used.
    pub others_cores: f64,
    /// Its memory over time.
    pub memory: Vec<Sample>,
}

impl Seen {
    /// What its workers spent their time on, over all sources.
    pub fn phases(&self) -> Phases {
        self.report.sources.iter().fold(Phases::default(), |sum, source| Phases {
            limits_s: sum.limits_s + source.phases.limits_s,
            wait_s: sum.wait_s + source.phases.wait_s,
            parse_s: sum.parse_s + source.phases.parse_s,
            transform_s: sum.transform_s + source.phases.transform_s,
            write_s: sum.write_s + source.phases.write_s,
        })
    }
}

/// Collects `scenario` with so many workers in `folder`, which goes again. `tick` is called with the time
/// and the memory while it runs.
///
/// # Errors
/// If the process cannot be started, or if it could not collect.
pub async fn run(
    scenario: &Scenario,
    workers: usize,
    folder: &Path,
    sandbox: Option<&Sandbox>,
    tick: impl Fn(Duration, u64),
) -> Result<Seen> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let config = folder.join("busta.yaml");
    // JSON is YAML, and needs no thought about quotes.
    fs::write(&config, serde_json::to_vec_pretty(&configuration(scenario, workers))?)?;
    let origin_before = sandbox.map_or(Duration::ZERO, Sandbox::processor_time);
    let machine_before = process::machine_time();
    let started = Instant::now();
    let child = start(&config, workers, scenario.limit, folder)?;
    let watched = watch(child, started, tick).await?;
    let machine = process::machine_time().saturating_sub(machine_before).as_secs_f64();
    let origin = sandbox.map_or(Duration::ZERO, Sandbox::processor_time).saturating_sub(origin_before);
    let report = report(folder, watched.status)?;
    fs::remove_dir_all(folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
    let cpu_s = report.cpu_s.max(watched.last.processor.as_secs_f64());
    let others = machine - cpu_s - origin.as_secs_f64();
    Ok(Seen {
        wall_s: watched.wall_s,
        peak_rss_bytes: report.peak_rss_bytes.max(watched.last.peak),
        cpu_s,
        origin_cpu_s: origin.as_secs_f64(),
        others_cores: (others / watched.wall_s.max(1e-9)).max(0.0),
        memory: watched.memory,
        report,
    })
}

/// Makes one request of `scenario`, so that an address that does not answer is known at once and not
/// after all retries.
///
/// # Errors
/// If nothing came back.
pub async fn probe(scenario: &Scenario, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let config = folder.join("busta.yaml");
    fs::write(&config, serde_json::to_vec_pretty(&configuration(scenario, 1))?)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["sources", "test", "--config"]).arg(&config).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.context("busta cannot be started")?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    bail!("--url: nothing came back: {}", String::from_utf8_lossy(&said).trim_end());
}

fn configuration(scenario: &Scenario, workers: usize) -> Value {
    json!({
        "concurrency": workers,
        "pools": { "api": workers, "files": workers, "stac": workers },
        "state": { "path": "state.db" },
        "destination": scenario.destination.configuration(),
        "sources": scenario.sources,
    })
}

fn start(config: &Path, workers: usize, limit: Option<u64>, folder: &Path) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["sources", "collect", "--json", "--concurrency", &workers.to_string()]);
    if let Some(limit) = limit {
        command.args(["--limit", &limit.to_string()]);
    }
    command.arg("--config").arg(config).stdin(Stdio::null()).kill_on_drop(true);
    command.stdout(File::create(folder.join("stdout"))?).stderr(File::create(folder.join("stderr"))?);
    command.spawn().context("busta cannot be started")
}

struct Watched {
    status: ExitStatus,
    wall_s: f64,
    last: Use,
    memory: Vec<Sample>,
}

async fn watch(mut child: Child, started: Instant, tick: impl Fn(Duration, u64)) -> Result<Watched> {
    let pid = child.id().ok_or_else(|| anyhow!("busta has ended at once"))?;
    let mut last = Use::default();
    let mut memory = Vec::new();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            _ = ticks.tick() => {
                let Some(seen) = process::of(pid) else { continue };
                last = seen;
                memory.push(Sample { at_s: started.elapsed().as_secs_f64(), rss_bytes: seen.memory });
                tick(started.elapsed(), seen.memory);
            }
        }
    };
    Ok(Watched { status, wall_s: started.elapsed().as_secs_f64(), last, memory })
}

/// What the run says itself, if it could collect.
fn report(folder: &Path, status: ExitStatus) -> Result<RunReport> {
    let stdout = fs::read(folder.join("stdout"))?;
    let Ok(report) = serde_json::from_slice::<RunReport>(&stdout) else {
        let stderr = fs::read_to_string(folder.join("stderr")).unwrap_or_default();
        bail!("busta has ended with {status}\n{}", stderr.trim_end());
    };
    // Items that are broken, and kept as failures, are part of the work; a source that is not there is not.
    let error = report.sources.iter().find_map(|source| source.error.as_deref());
    match (report.status, error) {
        (Status::Completed, _) => Ok(report),
        (Status::Partial, _) if report.records > 0 => Ok(report),
        (_, error) => bail!("nothing could be collected: {}", error.unwrap_or("the run says no reason")),
    }
}
