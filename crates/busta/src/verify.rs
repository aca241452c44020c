//! Whether the files that a source has downloaded are still what they were.

use std::path::PathBuf;

use busta_connectors::download::{sha256_of, stays_below};
use busta_core::source::KeptFiles;
use busta_core::{Destination, Error, ErrorKind, Result};
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

/// A file that is not as it was.
#[derive(Debug, Serialize)]
pub struct Wrong {
    /// Its path below the source's folder.
    pub path: String,
    /// What it was.
    pub sha256: String,
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
}

/// What a record tells of a file.
#[derive(Debug, Deserialize)]
struct Told {
    path: String,
    /// Absent if the file never came.
    sha256: Option<String>,
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

/// Reads all files that `source` has a record of in `destination`.
pub async fn verify(source: &BuiltSource, kept: &KeptFiles, destination: &dyn Destination) -> Result<Found> {
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
            let no_file =
                |error| Error::data(format!("a record of table {} tells of no file: {error}", stream.table));
            let owner: Owner = serde_json::from_slice(record).map_err(no_file)?;
            if owner.source == source.name.as_str() {
                let Told { path, sha256 } = serde_json::from_slice(record).map_err(no_file)?;
                check_path(&path)?;
                files.extend(sha256.map(|sha256| Kept { path, sha256 }));
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
            found.wrong.push(Wrong { path: file.path, sha256: file.sha256, verdict });
        }
    }
    Ok(found)
}

/// Refuses paths that lead out of their folder, which no source writes.
fn check_path(path: &str) -> Result<()> {
    if stays_below(path) {
        return Ok(());
    }
    Err(Error::corrupt(format!("the record of the file `{path}` was changed: it leads out of its folder")))
}

impl Found {
    /// Gives what is wrong another name, so that it is fetched again.
    pub async fn set_aside(self) -> Result<()> {
        let rename = move || {
            self.wrong.iter().filter(|wrong| matches!(wrong.verdict, Verdict::Differs { .. })).try_for_each(
                |wrong| {
                    let path = self.folder.join(&wrong.path);
                    let aside = self.folder.join(format!("{}.quarantine", wrong.path));
                    std::fs::rename(&path, aside).map_err(|error| {
                        Error::unavailable(format!("{} cannot be renamed: {error}", path.display()))
                    })
                },
            )
        };
        tokio::task::spawn_blocking(rename).await.map_err(|error| Error::bug(format!("renaming: {error}")))?
    }
}

async fn look(path: PathBuf, file: Kept) -> Result<(Kept, Option<(String, u64)>)> {
    sha256_of(path).await.map(|digest| (file, digest))
}
