//! Whether the files that a source has downloaded are still what they were.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use busta_connectors::download::{sha256_of, stays_below};
use busta_core::source::KeptFiles;
use busta_core::{Destination, Error, ErrorKind, Result, RunId, SourceName};
use busta_store::{RunFilter, RunState, StateStore};
use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use crate::config::BuiltSource;

/// Read at once: about what one processor hashes while another file comes from the disk.
const AT_ONCE: usize = 4;

/// What became of a source's files.
#[derive(Debug, Serialize)]
pub struct Found {
    /// How many are as they were.
    pub right: u64,
    /// How many bytes were read.
    pub bytes: u64,
    /// Those that are not.
    pub wrong: Vec<Wrong>,
    #[serde(skip)]
    folder: PathBuf,
}

/// A file that is not as it was, or as it should be.
#[derive(Debug, Serialize)]
pub struct Wrong {
    /// Its path below the source's folder.
    pub path: String,
    /// What it was, if it was ever there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What is wrong.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What is wrong with a file.
#[derive(Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Verdict {
    /// It is not there.
    Missing,
    /// It is another one.
    Differs {
        /// Its SHA-256 in hexadecimal digits.
        is: String,
    },
    /// It is another one, and was written by a run that has not come to its end: its record may follow.
    Newer {
        /// Its SHA-256 in hexadecimal digits.
        is: String,
        /// The run.
        run: RunId,
        /// Whether that is under way right now.
        live: bool,
    },
    /// It has come, and was not what it should be.
    Refused {
        /// What it was and should be.
        because: String,
    },
}

impl Wrong {
    /// Whether it is not for a run to finish.
    pub fn is_for_repair(&self) -> bool {
        !matches!(self.verdict, Verdict::Newer { .. })
    }
}

/// A run that may have replaced files whose records are not written yet.
#[derive(Debug)]
pub struct Unfinished {
    /// The newest one.
    pub run: RunId,
    /// Whether it is under way.
    pub live: bool,
    /// Files written before this moment are none of its.
    since: DateTime<Utc>,
}

/// The runs of `source`, `besides` one, that had not come to their end at `began`: those that are under way, and one
/// that was interrupted.
pub async fn unfinished(
    store: &StateStore,
    source: &SourceName,
    began: DateTime<Utc>,
    besides: Option<&RunId>,
) -> Result<Option<Unfinished>> {
    /// More than this many have not ended since the files were looked at.
    const LOOK_BACK: usize = 50;
    let filter = RunFilter { source: Some(source.clone()), limit: LOOK_BACK, ..RunFilter::default() };
    let mut runs = store.runs_page(filter).await?;
    runs.retain(|run| run.pid.is_some() && besides != Some(&run.id) && run.state != RunState::Abandoned);
    let open: Vec<_> =
        runs.iter().take_while(|run| run.finished.is_none_or(|finished| finished >= began)).collect();
    let (Some(newest), Some(oldest)) = (open.first(), open.last()) else { return Ok(None) };
    let live = newest.state == RunState::Running;
    Ok(Some(Unfinished { run: newest.id.clone(), live, since: oldest.started }))
}

/// What a record tells of a file.
#[derive(Debug, Deserialize)]
struct Told {
    path: String,
    /// Absent if the file never came.
    sha256: Option<String>,
    /// Why it is not there although it has come.
    refused_because: Option<String>,
}

/// A file that has come.
#[derive(Debug)]
struct Kept {
    path: String,
    sha256: String,
}

/// Whose record it is.
#[derive(Debug, Deserialize)]
struct Owner {
    #[serde(rename = "_busta_source")]
    source: String,
}

/// Reads all files that `source` has a record of in `destination`, or only those at these paths.
pub async fn verify(
    source: &BuiltSource,
    kept: &KeptFiles,
    destination: &dyn Destination,
    only: Option<&HashSet<String>>,
) -> Result<Found> {
    let streams = source.source.streams();
    let stream = streams.iter().find(|stream| stream.name == kept.stream);
    let stream = stream.ok_or_else(|| Error::bug(format!("{} has no stream of files", source.name)))?;
    let mut found = Found { right: 0, bytes: 0, wrong: Vec::new(), folder: kept.folder.clone() };
    let mut scan = match destination.readable().scan(&stream.table).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        other => other?,
    };
    while let Some(records) = scan.next().await? {
        let mut files = Vec::with_capacity(records.len());
        for record in records.iter() {
            let told = told(record, source)
                .map_err(|error| Error::data(format!("a record of table {} {error}", stream.table)))?;
            let Some(Told { path, sha256, refused_because }) = told else { continue };
            check_path(&path)?;
            if only.is_some_and(|only| !only.contains(&path)) {
                continue;
            }
            match (sha256, refused_because) {
                (Some(sha256), _) => files.push(Kept { path, sha256 }),
                (None, Some(because)) => {
                    let verdict = Verdict::Refused { because };
                    found.wrong.push(Wrong { path, sha256: None, verdict });
                }
                (None, None) => {}
            }
        }
        let looks = files.into_iter().map(|file| look(kept.folder.join(&file.path), file));
        let mut looks = stream::iter(looks).buffered(AT_ONCE);
        while let Some((file, digest)) = looks.try_next().await? {
            let verdict = match digest {
                None => Verdict::Missing,
                Some((is, bytes)) => {
                    found.bytes += bytes;
                    if is == file.sha256 {
                        found.right += 1;
                        continue;
                    }
                    Verdict::Differs { is }
                }
            };
            found.wrong.push(Wrong { path: file.path, sha256: Some(file.sha256), verdict });
        }
    }
    Ok(found)
}

/// What a record tells, if it is one of `source`.
fn told(record: &[u8], source: &BuiltSource) -> Result<Option<Told>, String> {
    let no_file = |error: serde_json::Error| format!("tells of no file: {error}");
    let owner: Owner = serde_json::from_slice(record).map_err(no_file)?;
    let is_ours = owner.source == source.name.as_str();
    is_ours.then(|| serde_json::from_slice(record).map_err(no_file)).transpose()
}

/// Refuses paths that lead out of their folder, which no source writes.
fn check_path(path: &str) -> Result<()> {
    if stays_below(path) {
        return Ok(());
    }
    Err(Error::corrupt(format!("the record of the file `{path}` was changed: it leads out of its folder")))
}

impl Found {
    /// Tells files that `unfinished` has replaced from those that are damaged.
    pub async fn excuse(mut self, unfinished: Unfinished) -> Result<Self> {
        let look = move || {
            for wrong in &mut self.wrong {
                let Verdict::Differs { is } = &wrong.verdict else { continue };
                if is_newer(&self.folder.join(&wrong.path), unfinished.since) {
                    let (is, run, live) = (is.clone(), unfinished.run.clone(), unfinished.live);
                    wrong.verdict = Verdict::Newer { is, run, live };
                }
            }
            self
        };
        tokio::task::spawn_blocking(look).await.map_err(|error| Error::bug(format!("looking: {error}")))
    }

    /// The paths of what is to be mended.
    pub fn for_repair(&self) -> HashSet<String> {
        self.wrong.iter().filter(|wrong| wrong.is_for_repair()).map(|wrong| wrong.path.clone()).collect()
    }

    /// Gives what is wrong another name, and lets go of what was refused, so that both are fetched again. Only while
    /// no run collects the source.
    pub async fn set_aside(self) -> Result<()> {
        let mend = move || {
            self.wrong.iter().try_for_each(|wrong| {
                let path = self.folder.join(&wrong.path);
                let aside = self.folder.join(format!("{}.quarantine", wrong.path));
                let (done, path) = match wrong.verdict {
                    Verdict::Missing | Verdict::Newer { .. } => return Ok(()),
                    Verdict::Differs { .. } => (std::fs::rename(&path, aside), path),
                    Verdict::Refused { .. } => (std::fs::remove_file(&aside), aside),
                };
                match done {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        Err(Error::unavailable(format!("{} cannot be set aside: {error}", path.display())))
                    }
                    _ => Ok(()),
                }
            })
        };
        tokio::task::spawn_blocking(mend).await.map_err(|error| Error::bug(format!("renaming: {error}")))?
    }
}

/// Whether a file was written at `since` or later.
fn is_newer(path: &Path, since: DateTime<Utc>) -> bool {
    let written = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    written.is_ok_and(|written| DateTime::<Utc>::from(written) >= since)
}

async fn look(path: PathBuf, file: Kept) -> Result<(Kept, Option<(String, u64)>)> {
    sha256_of(path).await.map(|digest| (file, digest))
}
