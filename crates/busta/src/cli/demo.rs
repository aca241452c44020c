//! `busta demo`: the sandbox, collected one split after another and then in parallel.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, anyhow};
use busta_core::report::RunReport;
use busta_sandbox::{DEMO_HOSTS, Sandbox as Origin, SandboxConfig, demo_config, write_demo_files};
use clap::Args;
use tokio::sync::oneshot;

use super::Context;
use crate::collect::{Collected, collect};
use crate::config::{Draft, ProcessEnvironment};
use crate::exit::Exit;
use crate::figures;
use crate::output::line;
use crate::progress::Show;
use crate::report::table;
use crate::wiring::{self, Choice, Wired};

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  busta demo
  busta demo --concurrency 32 --folder demo-data

Everything happens on this machine: the sandbox answers on a free port of 127.0.0.1.")]
pub struct Demo {
    /// How many splits at once in the parallel run
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(2..=1000))]
    concurrency: u32,
    /// Where to put the data; a new folder below the system's temporary one if left out
    #[arg(long)]
    folder: Option<PathBuf>,
}

impl Demo {
    pub async fn run(&self, context: &Context) -> Result<Exit> {
        let folder = self.folder()?;
        let files = write_demo_files(&folder)?;
        let origin = OriginThread::start()?;
        // Both are items of one list, which is indented by two.
        let sources = format!("{}  {}", demo_config(&origin.urls), files.trim_start());
        line(&format!(
            "A sandbox with {DEMO_HOSTS} origins (REST and feeds, with latency, limits and faults) is up,"
        ))?;
        line(&format!("and 60 files lie in {}.", folder.display()))?;

        line("\nFirst one split after another, which takes about 20 s:")?;
        let sequential = self.collect(&folder, &sources, "sequential", false).await?;
        if let Some(signal) = sequential.signal {
            return Ok(Exit::Stopped(signal));
        }
        line(table::report_without_estimate(&sequential.report, context.colour).trim_end())?;

        line(&format!("\nThen the same in parallel, at most {} at once:", self.concurrency))?;
        let parallel = self.collect(&folder, &sources, "parallel", true).await?;
        if let Some(signal) = parallel.signal {
            return Ok(Exit::Stopped(signal));
        }
        line(table::report_without_estimate(&parallel.report, context.colour).trim_end())?;
        origin.end()?;

        line(&format!("\n{}", comparison(&sequential.report, &parallel.report, context.colour)))?;
        line(&next_steps(&folder))?;
        let exits = [&sequential, &parallel].map(|run| Exit::of_run(run.report.status, None));
        Ok(if exits.contains(&Exit::Incomplete) { Exit::Incomplete } else { Exit::Done })
    }

    fn folder(&self) -> Result<PathBuf> {
        let folder = match &self.folder {
            Some(folder) => folder.clone(),
            None => std::env::temp_dir().join(format!("busta-demo-{}", wiring::new_run_id())),
        };
        std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(folder)
    }

    async fn collect(&self, folder: &Path, sources: &str, name: &str, parallel: bool) -> Result<Collected> {
        let places = self.concurrency;
        // The pools as wide as the whole, so that the comparison shows one number.
        let text = format!(
            "concurrency: {places}\npools: {{ api: {places}, rss: {places}, files: {places} }}\n\
             destination: {{ type: sqlite, path: {name}.db }}\n\n{sources}"
        );
        let path = folder.join(format!("{name}.yaml"));
        std::fs::write(&path, &text)?;
        let draft = Draft::read(&path, text, &ProcessEnvironment::new(folder), wiring::registry())?;
        let wired = Wired::new(draft)?;
        let sources = wired.config.sources.iter().map(|source| source.name.clone()).collect();
        let plan = wired.plan(Choice {
            run: wiring::new_run_id(),
            sources,
            resumed: false,
            full_refresh: false,
            parallel,
            limit: None,
            expected: std::collections::HashMap::new(),
            earlier: std::collections::HashMap::new(),
        });
        collect(plan, Show::detect()).await
    }
}

fn comparison(sequential: &RunReport, parallel: &RunReport, colour: bool) -> String {
    let mut table = table::plain(&["", "one by one", "in parallel"], colour);
    let mut row = |what: &str, of: &dyn Fn(&RunReport) -> String| {
        table.add_row(vec![
            comfy_table::Cell::new(what),
            table::figure(of(sequential)),
            table::figure(of(parallel)),
        ]);
    };
    let per_second = |n: u64, seconds: f64| figures::count((n as f64 / seconds.max(0.001)) as u64);
    row("time", &|run| figures::seconds(run.duration_s));
    row("records", &|run| figures::count(run.records));
    row("records/s", &|run| per_second(run.records, run.duration_s));
    row("requests", &|run| figures::count(run.requests));
    row("retries", &|run| figures::count(run.retries));
    row("failures", &|run| figures::count(run.failures));
    row("processor", &|run| figures::seconds(run.cpu_s));
    let faster = sequential.duration_s / parallel.duration_s.max(0.001);
    format!("{}\n\nIn parallel it took {faster:.1}x less time.", table::trimmed(&table))
}

fn next_steps(folder: &Path) -> String {
    let at = folder.display();
    format!(
        "\nThe data lies in {at}. Look at it:\n  \
         busta data list -c {at}/parallel.yaml\n  \
         busta data head orders -c {at}/parallel.yaml\n  \
         sqlite3 {at}/parallel.db .tables\n\
         Start with your own: busta init"
    )
}

/// The sandbox on a runtime of its own, so that the two do not share threads.
struct OriginThread {
    urls: Vec<String>,
    end: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl OriginThread {
    fn start() -> Result<Self> {
        let (end, ended) = oneshot::channel::<()>();
        let (up, urls) = mpsc::channel();
        let thread = std::thread::Builder::new().name("sandbox".to_owned()).spawn(move || {
            let started = tokio::runtime::Runtime::new().map_err(anyhow::Error::from).and_then(|runtime| {
                let origin = runtime.block_on(Origin::start(SandboxConfig {
                    hosts: DEMO_HOSTS,
                    ..SandboxConfig::default()
                }))?;
                Ok((runtime, origin))
            });
            match started {
                Err(error) => drop(up.send(Err(error))),
                Ok((runtime, origin)) => {
                    drop(up.send(Ok(origin.urls())));
                    runtime.block_on(async {
                        // Dropping the sender ends it as well.
                        let _ = ended.await;
                        origin.shutdown().await;
                    });
                }
            }
        })?;
        let urls = urls.recv().context("the sandbox did not start")??;
        Ok(Self { urls, end, thread })
    }

    fn end(self) -> Result<()> {
        drop(self.end);
        self.thread.join().map_err(|_| anyhow!("the sandbox has panicked"))
    }
}
