//! What a bench has found: one value, from which the tables, the JSON document, the Markdown report and
//! the plot are made, and which two benches are compared by. `docs/guide-bench.md` explains every field.

use std::path::Path;

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::bottleneck::Bottleneck;
use super::spread::Spread;
use crate::exit::Usage;

/// The version of the document. It grows when a field changes its meaning or goes.
pub const VERSION: u32 = 1;

/// The document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    /// [`VERSION`].
    pub version: u32,
    /// The version of busta.
    pub busta: String,
    /// `release` or `debug`.
    pub build: String,
    /// `files`, `api`, `stac` or `pipeline`.
    pub suite: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// Where it ran.
    pub machine: Machine,
    /// How often each measurement was repeated.
    pub repeat: usize,
    /// What was measured.
    pub scenarios: Vec<ScenarioResult>,
}

/// The machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// The operating system and its kernel.
    pub system: String,
    /// The model of the processor; empty where the system does not tell.
    pub processor: String,
    /// How many cores this process may use.
    pub cores: usize,
    /// Its memory in bytes; 0 where the system does not tell.
    pub memory_bytes: u64,
}

/// One kind of work, with one or more numbers of workers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScenarioResult {
    /// Its name, by which benches are compared.
    pub name: String,
    /// What is collected from where.
    pub title: String,
    /// The type of destination.
    pub destination: String,
    /// By the number of workers, ascending.
    pub measurements: Vec<Measurement>,
    /// The smallest number of workers that is about as fast as the best.
    pub recommended_workers: usize,
    /// How many times faster that is than the fewest workers that were measured.
    pub speed_up: f64,
    /// What limits it there.
    pub bottleneck: Bottleneck,
}

/// The repeated runs with one number of workers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measurement {
    /// How many splits were read at once. 1 is the sequential mode.
    pub workers: usize,
    /// From the start of the process to its end, in seconds.
    pub wall_s: Spread,
    /// Records that landed.
    pub records: u64,
    /// Bytes received or read.
    pub bytes: u64,
    /// HTTP requests.
    pub requests: u64,
    /// Records and splits in the failures store.
    pub failures: u64,
    /// Waits that the server asked for.
    pub rate_limited: u64,
    /// Records by the median of the time.
    pub records_per_s: f64,
    /// Bytes by the median of the time, in units of 1,000,000.
    pub mb_per_s: f64,
    /// Processor time of the process: the median, in seconds.
    pub cpu_s: f64,
    /// Processor time of the sandbox: the median, in seconds; 0 without one.
    pub origin_cpu_s: f64,
    /// How many cores everything else on the machine used: the median.
    pub others_cores: f64,
    /// The most memory that the process held, in bytes.
    pub peak_rss_bytes: Spread,
    /// What the workers spent their time on.
    pub shares: Shares,
    /// How long splits waited, without a worker, for what their host allows: the mean, in seconds.
    pub limits_s: f64,
    /// The memory of the process over time, of one of the runs.
    pub memory: Vec<Sample>,
}

/// Parts of the workers' time (workers x duration of the run). Together they are 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// Waiting for the server or the disk.
    pub wait: f64,
    /// Making records of what came.
    pub parse: f64,
    /// Transforming and measuring them.
    pub transform: f64,
    /// Encoding them, and waiting for the destination to take them.
    pub write: f64,
    /// Nothing: no split was left, or none could start.
    pub idle: f64,
}

/// Memory at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Since the start of the process, in seconds.
    pub at_s: f64,
    /// Resident memory in bytes.
    pub rss_bytes: u64,
}

impl Measurement {
    /// How many cores the process and its origin kept busy.
    pub fn busy_cores(&self) -> f64 {
        (self.cpu_s + self.origin_cpu_s) / self.wall_s.median.max(1e-9)
    }

    /// The mode in words.
    pub fn words(&self) -> String {
        mode(self.workers)
    }
}

/// How so many workers are called.
pub fn mode(workers: usize) -> String {
    if workers == 1 { "sequential".to_owned() } else { format!("{workers} workers") }
}

impl Results {
    /// Reads the document at `path`.
    ///
    /// # Errors
    /// If it cannot be read, is no such document, or one of a version that this busta does not know.
    pub fn read(path: &Path) -> Result<Self> {
        let at = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("{at} cannot be read"))?;
        let value: serde_json::Value = serde_json::from_str(&text)
            .map_err(|error| Usage(format!("{at} is not the JSON document of a bench: {error}")))?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(VERSION) => {}
            Some(version) => {
                let known = format!("{at} has version {version}, and this busta reads {VERSION}");
                return Err(Usage(format!("{known}; measure again with this one")).into());
            }
            None => {
                let hint = "`busta bench files --json FILE` writes one";
                return Err(Usage(format!("{at} is not the JSON document of a bench; {hint}")).into());
            }
        }
        Ok(serde_json::from_value(value)
            .map_err(|error| Usage(format!("{at} is not the JSON document of a bench: {error}")))?)
    }

    /// The document, indented, with a line break at its end.
    pub fn document(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::bench::bottleneck::Kind;

    /// A bench as it might be: one scenario, four numbers of workers.
    pub fn results() -> Results {
        let measurements: Vec<Measurement> =
            [(1, 5.4, 30e6), (5, 1.2, 34e6), (10, 0.7, 38e6), (20, 0.68, 47e6)]
                .map(|(workers, wall, memory)| Measurement {
                    workers,
                    wall_s: Spread { median: wall, min: wall * 0.98, max: wall * 1.02 },
                    records: 10_000,
                    bytes: 5_000_000,
                    requests: 100,
                    records_per_s: (10_000.0 / wall).round(),
                    mb_per_s: (50.0 / wall).round() / 10.0,
                    cpu_s: 0.4,
                    peak_rss_bytes: Spread::of([memory]),
                    shares: Shares { wait: 0.8, parse: 0.05, transform: 0.0, write: 0.05, idle: 0.1 },
                    ..Measurement::default()
                })
                .into();
        Results {
            version: VERSION,
            busta: "0.1.0".to_owned(),
            build: "release".to_owned(),
            suite: "api".to_owned(),
            started_at: "2024-06-01T12:00:00Z".parse().unwrap(),
            machine: Machine {
                system: "linux 6.1".to_owned(),
                processor: "A Processor".to_owned(),
                cores: 4,
                memory_bytes: 8 << 30,
            },
            repeat: 3,
            scenarios: vec![ScenarioResult {
                name: "parallel-pages".to_owned(),
                title: "10,000 records on 100 pages, 50 ms each".to_owned(),
                destination: "ndjson".to_owned(),
                measurements,
                recommended_workers: 10,
                speed_up: 7.7,
                bottleneck: Bottleneck {
                    kind: Kind::Server,
                    words:
                        "waiting for the server: 80 % of the workers' time; more workers help up to about 10"
                            .to_owned(),
                },
            }],
        }
    }

    #[test]
    fn the_document_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, results().document().unwrap()).unwrap();
        assert_eq!(Results::read(&path).unwrap().document().unwrap(), results().document().unwrap());
    }

    #[test]
    fn other_documents_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        assert!(Results::read(&path).unwrap_err().to_string().contains("cannot be read"));
        for (text, what) in [("{", "is not"), ("{}", "is not"), (r#"{"version": 99}"#, "version 99")] {
            std::fs::write(&path, text).unwrap();
            assert!(Results::read(&path).unwrap_err().to_string().contains(what), "{text}");
        }
    }
}
