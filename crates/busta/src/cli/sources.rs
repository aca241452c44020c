//! `busta sources`.

use anyhow::Result;
use busta_core::report::SourceReport;
use busta_core::{Destination, StreamSpec};
use busta_store::{ScheduleState, StateStore};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Context, pauses, plan, sample, selection, session};
use crate::config::{BuiltSource, Config};
use crate::exit::Exit;
use crate::output::{line, note, to_stdout};
use crate::report::{gaps, quality, table};
use crate::{figures, wiring};

/// So many runs are looked through for the last one of a source.
const LOOK_BACK: usize = 200;

#[derive(Subcommand, Debug)]
pub enum Sources {
    /// List the sources of the configuration
    #[command(after_help = "Examples:\n  busta sources list\n  busta sources list --json")]
    List {
        /// One JSON document instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Show one source: its settings, its streams, and what is stored of it
    #[command(after_help = "Examples:\n  busta sources info orders")]
    Info {
        /// The source
        name: String,
    },
    /// Make one real request and show what came back
    #[command(
        after_help = "Examples:\n  busta sources test orders\n  busta sources test        (all of them)"
    )]
    Test {
        /// The sources; all if none is named
        names: Vec<String>,
    },
    /// Check the sections of the sources, and on request the first records; nothing is written
    #[command(
        after_help = "Examples:\n  busta sources validate                        the configuration, without any request\n  busta sources validate orders --records 100   and the first records, transformed and measured"
    )]
    Validate {
        /// The sources; all if none is named
        names: Vec<String>,
        /// Read so many records of each, transform them and hold them against `quality:`
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        records: Option<u64>,
    },
    /// Pause a schedule until somebody resumes it; a run under way goes on
    #[command(
        after_help = "A `busta serve` with the same state heeds it within seconds.\n\nExamples:\n  busta sources pause orders"
    )]
    Pause {
        /// The source
        name: String,
    },
    /// Let a source go on that was paused, by somebody or after too many failures
    #[command(
        after_help = "A `busta serve` with the same state heeds it within seconds.\n\nExamples:\n  busta sources resume orders"
    )]
    Resume {
        /// The source
        name: String,
    },
    /// Collect
    Collect(Collect),
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  busta sources collect                          all sources, one after another
  busta sources collect --parallel --concurrency 8
  busta sources collect orders news --limit 100
  busta sources collect --resume                 go on with the last unfinished run
  busta sources collect --dry-run                what would be read, without reading it
  busta sources collect --parallel --json > report.json")]
pub struct Collect {
    /// The sources; all that are enabled if none is named
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Read many splits at once
    #[arg(long)]
    pub parallel: bool,
    /// How many splits at once, over all sources; implies --parallel if above 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub concurrency: Option<u32>,
    /// Read everything again, and replace what is there
    #[arg(long)]
    pub full_refresh: bool,
    /// Go on with the last run that did not complete; start a new one if there is none
    #[arg(long, conflicts_with_all = ["full_refresh", "limit", "dry_run"])]
    pub resume: bool,
    /// Stop each stream after about this many records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Show the splits that would be read, and read none
    #[arg(long)]
    pub dry_run: bool,
    /// Print the report as one JSON document on stdout, and nothing else there
    #[arg(long)]
    pub json: bool,
}

impl Collect {
    /// Collecting these sources, as they are configured.
    pub fn of(names: Vec<String>) -> Self {
        Self {
            names,
            parallel: true,
            concurrency: None,
            full_refresh: false,
            resume: false,
            limit: None,
            dry_run: false,
            json: false,
        }
    }
}

impl Sources {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::List { json } => list(context, json).await,
            Self::Info { name } => info(context, &name).await,
            Self::Test { names } => test(context, &names).await,
            Self::Validate { names, records } => validate(context, &names, records).await,
            Self::Pause { name } => pauses::set(context, &name, true).await,
            Self::Resume { name } => pauses::set(context, &name, false).await,
            Self::Collect(command) if command.dry_run => plan::dry_run(context, &command).await,
            Self::Collect(command) => session::collect(context, &command).await,
        }
    }
}

async fn list(context: &Context, json: bool) -> Result<Exit> {
    let config = wiring::open(context.config.as_ref())?;
    let paused = pauses::all(&config).await?;
    if json {
        let sources: Vec<Value> =
            config.sources.iter().map(|source| describe(source, &config, paused.get(&source.name))).collect();
        line(&serde_json::to_string_pretty(&sources)?)?;
        return Ok(Exit::Done);
    }
    let mut table =
        table::plain(&["source", "type", "priority", "streams", "destination", ""], context.colour);
    for source in &config.sources {
        let streams: Vec<&str> = source.source.streams().iter().map(|s| s.name.as_str()).collect();
        table.add_row(vec![
            source.name.as_str().to_owned(),
            source.kind.clone(),
            priority(source),
            streams.join(", "),
            destination(&config, source),
            notes(source, paused.get(&source.name)),
        ]);
    }
    line(&table::trimmed(&table))?;
    Ok(Exit::Done)
}

/// What is out of the ordinary about a source.
fn notes(source: &BuiltSource, paused: Option<&ScheduleState>) -> String {
    let disabled = (!source.enabled).then(|| "not enabled".to_owned());
    disabled.into_iter().chain(paused.and_then(pauses::short)).collect::<Vec<_>>().join(", ")
}

fn describe(source: &BuiltSource, config: &Config, paused: Option<&ScheduleState>) -> Value {
    json!({
        "name": source.name,
        "type": source.kind,
        "enabled": source.enabled,
        "pool": source.pool,
        "settings": source.settings,
        "streams": source.source.streams(),
        "destination": destination(config, source),
        "pause": paused.map(|state| pauses::json(state, config)),
    })
}

fn priority(source: &BuiltSource) -> String {
    serde_json::to_value(source.settings.priority)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn destination(config: &Config, source: &BuiltSource) -> String {
    config.destinations.get(source.destination).map_or_else(String::new, |d| d.words())
}

async fn info(context: &Context, name: &str) -> Result<Exit> {
    let config = wiring::open(context.config.as_ref())?;
    let source = selection::find(&config.sources, name)?;
    let mut text = format!(
        "{} ({}, priority {}, pool {}{})\nlands in {}\n",
        source.name,
        source.kind,
        priority(source),
        source.pool,
        if source.enabled { "" } else { ", not enabled" },
        destination(&config, source),
    );
    if let Some(state) = pauses::all(&config).await?.get(&source.name) {
        text.push_str(&pauses::long(state, &config));
    }
    text.push_str(&pauses::budget(&config, source).await?);
    for stream in source.source.streams() {
        text.push_str(&format!("\n  {}\n", stream_words(stream)));
    }
    to_stdout(&text)?;
    if let Some(built) = config.destinations.get(source.destination) {
        line(&stored(&*built.destination, source.source.streams()).await)?;
    }
    let store = StateStore::at(&config.state);
    if let Some(words) = missing(&store, source).await? {
        line(words.trim_end())?;
    }
    line(measured(&store, source).await?.trim_end())?;
    Ok(Exit::Done)
}

/// What the last run did not find of what it was asked for, if it is a source that can tell.
async fn missing(store: &StateStore, source: &BuiltSource) -> Result<Option<String>> {
    if source.source.gaps().is_none() {
        return Ok(None);
    }
    let mut reports = store.runs(LOOK_BACK).await?.into_iter().filter_map(|run| run.report);
    let last = reports.find_map(|report| {
        let mine = report.sources.into_iter().find(|s| s.name == source.name)?;
        Some((report.run_id, report.finished_at, mine.gaps?))
    });
    Ok(last.map(|(run, at, found)| {
        let words = match found.files {
            0 => "nothing that was asked for is missing".to_owned(),
            _ => format!("asked for, and not there: {}", gaps::words(&found, "  ")),
        };
        format!("\nin run {run} ({}): {words}", at.format("%F %T UTC"))
    }))
}

/// What the last run measured of it.
async fn measured(store: &StateStore, source: &BuiltSource) -> Result<String> {
    let runs = store.runs(LOOK_BACK).await?;
    let mut reports = runs.into_iter().filter_map(|run| run.report);
    let last = reports.find_map(|report| {
        // A run without news has measured nothing.
        let measured = |s: &SourceReport| s.quality.iter().any(|stream| stream.records > 0);
        let mine = report.sources.into_iter().find(|s| s.name == source.name && measured(s))?;
        Some((report.run_id, report.finished_at, mine.quality))
    });
    let Some((run, at, streams)) = last else { return Ok("no run has measured it yet".to_owned()) };
    let words: String = streams.iter().map(quality::stream).collect();
    Ok(format!("\nquality in run {run} ({}):\n{words}", at.format("%F %T UTC")))
}

fn stream_words(stream: &StreamSpec) -> String {
    let mut text =
        format!("stream {} -> table {}, {:?}", stream.name, stream.table, stream.write_mode).to_lowercase();
    if !stream.primary_key.is_empty() {
        text.push_str(&format!(" by {}", stream.primary_key.join(", ")));
    }
    if let Some(field) = &stream.cursor_field {
        text.push_str(&format!(", newest by {field}"));
    }
    if let Some(parent) = &stream.parent {
        text.push_str(&format!(", for each record of {parent}"));
    }
    text
}

async fn stored(destination: &dyn Destination, streams: &[StreamSpec]) -> String {
    match destination.readable().tables().await {
        Err(error) => format!("\nnothing can be read back: {error}"),
        Ok(tables) => {
            let mine = tables.iter().filter(|table| streams.iter().any(|stream| stream.table == table.name));
            let words: Vec<String> =
                mine.map(|table| format!("{} in {}", figures::of(table.rows, "row"), table.name)).collect();
            if words.is_empty() {
                "\nnothing is stored yet".to_owned()
            } else {
                format!("\nstored: {}", words.join(", "))
            }
        }
    }
}

async fn test(context: &Context, names: &[String]) -> Result<Exit> {
    let config = wiring::open(context.config.as_ref())?;
    let chosen = selection::select(&config.sources, names)?;
    let mut exit = Exit::Done;
    for source in config.sources.iter().filter(|source| chosen.contains(&source.name)) {
        match source.source.test().await {
            Ok(probe) => {
                line(&format!("{}: {}", source.name, probe.summary))?;
                for record in probe.sample.iter() {
                    line(&format!("  {}", excerpt(record)))?;
                }
            }
            Err(error) => {
                exit = Exit::Incomplete;
                line(&format!("{}: {} ({})", source.name, error.message(), error.kind()))?;
                if let Some(hint) = error.hint_text() {
                    line(&format!("  hint: {hint}"))?;
                }
            }
        }
    }
    Ok(exit)
}

/// The start of a record in one line.
fn excerpt(record: &[u8]) -> String {
    const SHOWN: usize = 200;
    let text: String = String::from_utf8_lossy(record).split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= SHOWN {
        return text;
    }
    text.chars().take(SHOWN).collect::<String>() + "…"
}

async fn validate(context: &Context, names: &[String], records: Option<u64>) -> Result<Exit> {
    let config = wiring::open(context.config.as_ref())?;
    let chosen = selection::select(&config.sources, names)?;
    if let Some(records) = records {
        let mut exit = Exit::Done;
        for source in config.sources.iter().filter(|source| chosen.contains(&source.name)) {
            if !sample::show(source, records).await? {
                exit = Exit::Incomplete;
            }
        }
        return Ok(exit);
    }
    for name in &chosen {
        line(&format!("{name}: valid"))?;
    }
    note(&format!(
        "{} checked without any request; `busta sources test` makes one, `--records 100` looks at records",
        figures::of(chosen.len() as u64, "source")
    ));
    Ok(Exit::Done)
}
