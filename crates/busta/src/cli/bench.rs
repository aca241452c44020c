//! `busta bench`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use url::Url;

use super::Context;
use crate::bench::compare::{self, compare};
use crate::bench::destination::To;
use crate::bench::results::Results;
use crate::bench::{self, Given, Plan, Suite, markdown, plot, text};
use crate::exit::{Exit, Usage};
use crate::output::{line, note};
use crate::signals::Signals;

#[derive(Subcommand, Debug)]
pub enum Bench {
    /// Measure files: 10,000 small ones, 5 large ones, a folder of items with broken ones among them
    #[command(after_help = "Examples:
  busta bench files --quick
  busta bench files --json a.json --report a.md --plot a.svg
  busta bench files --path incoming --workers 1,2,4,8 --to sqlite")]
    Files {
        /// Your own files instead of generated ones: a file or a folder
        #[arg(long, value_name = "DIR")]
        path: Option<PathBuf>,
        #[command(flatten)]
        options: Options,
    },
    /// Measure a REST API: pages in a chain, and side by side
    #[command(after_help = "Examples:
  busta bench api
  busta bench api --url 'https://api.example/orders' --limit 2000 --workers 1,2,4
  busta bench api --url 'https://api.example/orders' --records '$.items' \\
      --pagination '{\"type\": \"page\", \"per_page\": 100, \"total_path\": \"$.total\"}'")]
    Api {
        /// Your own API instead of the sandbox: the URL of a list
        #[arg(long)]
        url: Option<Url>,
        #[command(flatten)]
        list: List,
        #[command(flatten)]
        options: Options,
    },
    /// Measure STAC: a small collection, a large one, chained and in parallel
    #[command(after_help = "Examples:
  busta bench stac --to parquet
  busta bench stac --url https://stac.example/v1 --limit 5000 --repeat 1
  busta bench stac --path items")]
    Stac {
        /// Your own API instead of the sandbox: its landing page
        #[arg(long)]
        url: Option<Url>,
        /// Your own items: a folder, a file, or a catalogue
        #[arg(long, value_name = "DIR", conflicts_with = "url")]
        path: Option<PathBuf>,
        #[command(flatten)]
        options: Options,
    },
    /// Measure it end to end: from the source through transforms into the destination
    #[command(after_help = "Examples:
  busta bench pipeline
  busta bench pipeline --to parquet --report pipeline.md
  busta bench pipeline --path incoming --jq '.total = .price * .count'
  busta bench pipeline --url https://stac.example/v1 --limit 5000 --repeat 1
  busta bench pipeline --url 'https://api.example/orders' --records '$.items'")]
    Pipeline {
        /// Your own files instead of generated items: a file or a folder
        #[arg(long, value_name = "DIR", group = "given")]
        path: Option<PathBuf>,
        /// Your own API: the landing page of STAC, or the URL of a list
        #[arg(long, group = "given")]
        url: Option<Url>,
        #[command(flatten)]
        list: List,
        /// What is done to your own records
        #[arg(long, value_name = "PROGRAM", requires = "given", default_value = ".")]
        jq: String,
        #[command(flatten)]
        options: Options,
    },
    /// Say what got better or worse between two benches, beyond noise
    #[command(after_help = "Examples:
  busta bench compare before.json after.json

Exit codes: 0 nothing got worse, 3 something did, 2 nothing can be compared.")]
    Compare {
        /// The JSON document of the earlier bench
        old: PathBuf,
        /// The JSON document of the later bench
        new: PathBuf,
    },
}

/// How the list at a URL is read.
#[derive(Args, Debug)]
pub struct List {
    /// Where in an answer the records are, as a JSONPath
    #[arg(long, value_name = "PATH", requires = "url")]
    records: Option<String>,
    /// How pages follow each other, as in the configuration, in JSON [default: {"type": "link_header"}]
    #[arg(long, value_name = "JSON", requires = "url")]
    pagination: Option<String>,
}

#[derive(Args, Debug)]
pub struct Options {
    /// How many splits at once; 1 is one after another
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_value = "1,5,10,20",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    workers: Vec<u32>,
    /// How often each measurement is repeated [default: 3, or 1 with --quick]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    repeat: Option<u32>,
    /// A tenth of the data, or less, and no repeats
    #[arg(long)]
    quick: bool,
    /// Where records land [default: ndjson, for `pipeline` sqlite]
    #[arg(long, value_enum, value_name = "TYPE")]
    to: Option<To>,
    /// Only these scenarios
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Stop each run after about this many records (your own data only)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Where generated and collected data is put, and removed again [default: the system's temporary folder]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Write the results as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a report in Markdown
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write a plot of throughput and memory over workers, as SVG (NAME.svg)
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Compare with this earlier bench; exit code 3 if something got worse
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
}

impl Bench {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::Files { path, options } => {
                options.measure(Suite::Files, Given { path, ..Given::default() }, context).await
            }
            Self::Api { url, list: List { records, pagination }, options } => {
                let given = Given { url, records, pagination, ..Given::default() };
                options.measure(Suite::Api, given, context).await
            }
            Self::Stac { url, path, options } => {
                options.measure(Suite::Stac, Given { url, path, ..Given::default() }, context).await
            }
            Self::Pipeline { path, url, list: List { records, pagination }, jq, options } => {
                let given = Given { path, url, records, pagination, jq, ..Given::default() };
                options.measure(Suite::Pipeline, given, context).await
            }
            Self::Compare { old, new } => compared(&Results::read(&old)?, &Results::read(&new)?),
        }
    }
}

impl Options {
    async fn measure(self, suite: Suite, mut given: Given, context: &Context) -> Result<Exit> {
        // What cannot be read or written is better known before minutes of measuring.
        let before = self.compare.as_deref().map(Results::read).transpose()?;
        for file in [&self.json, &self.report, &self.plot].into_iter().flatten() {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
            if folder.is_some_and(|folder| !folder.is_dir()) {
                return Err(Usage(format!("{}: there is no such folder", file.display())).into());
            }
        }
        if let Some(plot) = self.plot.as_deref().filter(|plot| !is_svg(plot)) {
            let plot = plot.display();
            return Err(Usage(format!("--plot {plot}: plots are SVG, so the name must end with .svg")).into());
        }
        if self.limit.is_some() && given.path.is_none() && given.url.is_none() {
            return Err(Usage("--limit is for your own data; --quick generates less".to_owned()).into());
        }
        given.limit = self.limit;
        let mut signals = Signals::listen()?;
        let plan = self.plan(suite, given);
        // Dropped by a signal, the bench ends its processes and removes what it wrote.
        let results = tokio::select! {
            results = bench::run(&plan) => results?,
            signal = signals.next() => return Ok(Exit::Stopped(signal)),
        };
        line(&text::text(&results, context.colour))?;
        self.write(&results)?;
        match before {
            Some(before) => {
                line("")?;
                compared(&before, &results)
            }
            None => Ok(Exit::Done),
        }
    }

    fn plan(&self, suite: Suite, given: Given) -> Plan {
        let mut workers: Vec<usize> = self.workers.iter().map(|n| *n as usize).collect();
        workers.sort_unstable();
        workers.dedup();
        let destination = if suite == Suite::Pipeline { To::Sqlite } else { To::Ndjson };
        Plan {
            suite,
            given,
            workers,
            repeat: self.repeat.map_or(if self.quick { 1 } else { 3 }, |n| n as usize),
            quick: self.quick,
            destination: self.to.unwrap_or(destination),
            only: self.only.clone(),
            folder: self.folder.clone(),
        }
    }

    fn write(&self, results: &Results) -> Result<()> {
        if let Some(path) = &self.json {
            write(path, &results.document()?)?;
        }
        if let Some(path) = &self.report {
            let plot = self.plot.as_deref().map(|plot| beside(path, plot));
            write(path, &markdown::report(results, plot.as_deref()))?;
        }
        if let Some(path) = &self.plot {
            write(path, &plot::svg(results))?;
        }
        Ok(())
    }
}

fn is_svg(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("svg"))
}

/// How `plot` is named in a report at `report`.
fn beside(report: &Path, plot: &Path) -> String {
    let is_same = report.parent() == plot.parent();
    let name = if is_same { plot.file_name().map(Path::new).unwrap_or(plot) } else { plot };
    name.display().to_string()
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    note(&format!("written: {}", path.display()));
    Ok(())
}

fn compared(old: &Results, new: &Results) -> Result<Exit> {
    let comparison = compare(old, new);
    line(compare::text(&comparison).trim_end())?;
    if comparison.changes.is_empty() {
        // Who asks in a script whether something got worse must not take this for a no.
        return Err(Usage("the two benches have nothing in common that can be compared".to_owned()).into());
    }
    Ok(if comparison.is_worse() { Exit::Incomplete } else { Exit::Done })
}
