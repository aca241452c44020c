//! Logs: human or JSON, to stderr or a file, every line without secrets.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use busta_core::secret::redact;
use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::exit::Usage;
use crate::output;

/// Libraries that tell much and rarely what an operator asks: only their warnings, unless a filter
/// names them.
const QUIET: [&str; 6] = ["hyper", "hyper_util", "h2", "reqwest", "rustls", "tower"];

/// Options for logs and colour, on every command.
#[derive(Args, Debug)]
pub struct Logging {
    /// What to log: a level, or levels by target such as `info,busta_engine=debug`
    #[arg(
        long,
        global = true,
        value_name = "FILTER",
        env = "BUSTA_LOG",
        default_value = "warn",
        hide_env_values = true
    )]
    log: String,

    /// How log lines look
    #[arg(long, global = true, value_name = "FORMAT", default_value = "human", hide_possible_values = true)]
    log_format: LogFormat,

    /// Append log lines to this file instead of writing them to stderr
    #[arg(long, global = true, value_name = "FILE")]
    log_file: Option<PathBuf>,

    /// Whether to use colours: auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    pub color: Color,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object per line.
    Json,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Whether stdout is coloured.
    pub fn on_stdout(self) -> bool {
        match self {
            Self::Auto => anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
            Self::Always => true,
            Self::Never => false,
        }
    }

    fn on_stderr(self) -> bool {
        match self {
            Self::Auto => anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

impl Logging {
    /// Starts logging, and has panics logged without secrets.
    pub fn start(&self) -> anyhow::Result<()> {
        let sink = match &self.log_file {
            Some(path) => Sink::File(Arc::new(Mutex::new(open(path)?))),
            None => Sink::Stderr,
        };
        let ansi = self.log_file.is_none() && self.color.on_stderr();
        let builder =
            tracing_subscriber::fmt().with_env_filter(filter(&self.log)?).with_writer(sink).with_ansi(ansi);
        match self.log_format {
            LogFormat::Human => builder.init(),
            LogFormat::Json => builder.json().flatten_event(true).init(),
        }
        std::panic::set_hook(Box::new(|panic| tracing::error!(target: "busta::panic", "{panic}")));
        Ok(())
    }
}

fn open(path: &PathBuf) -> anyhow::Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.with_context(|| format!("the log file {} cannot be opened", path.display()))
}

fn filter(spec: &str) -> Result<EnvFilter, Usage> {
    let wrong = |e: &dyn std::fmt::Display| {
        Usage(format!(
            "`{spec}` is not a log filter ({e}); write a level such as `info`, or `busta_engine=debug`"
        ))
    };
    let named = |library: &str| spec.split(',').any(|part| part.trim().starts_with(library));
    let mut full = String::new();
    for library in QUIET.iter().filter(|library| !named(library)) {
        full.push_str(library);
        full.push_str("=warn,");
    }
    full.push_str(spec);
    EnvFilter::builder().parse(&full).map_err(|e| wrong(&e))
}

/// Where lines go.
#[derive(Clone)]
enum Sink {
    Stderr,
    File(Arc<Mutex<File>>),
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { sink: self.clone(), text: Vec::new() }
    }
}

/// One log line: gathered whole, so that a secret is not cut in two, and written when dropped.
struct Line {
    sink: Sink,
    text: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.text);
        match &self.sink {
            Sink::Stderr => output::to_stderr(&text),
            Sink::File(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                // A full disk must not end the collection.
                let _ = file.write_all(redact(&text).as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_quiet_unless_named() {
        let text = filter("debug,hyper=trace").unwrap().to_string();
        assert!(text.contains("hyper=trace") && !text.contains("hyper=warn"), "{text}");
        assert!(text.contains("reqwest=warn") && text.contains("debug"), "{text}");
        assert!(filter("busta=nonsense").is_err());
    }

    #[test]
    fn lines_are_written_whole_and_without_secrets() {
        busta_core::secret::register("sw0rdfish-in-logs");
        let file = tempfile::NamedTempFile::new().unwrap();
        let sink = Sink::File(Arc::new(Mutex::new(file.reopen().unwrap())));
        let mut line = sink.make_writer();
        line.write_all(b"token sw0rd").unwrap();
        line.write_all(b"fish-in-logs sent\n").unwrap();
        drop(line);
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "token *** sent\n");
    }
}
