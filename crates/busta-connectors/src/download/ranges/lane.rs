//! One request for one stretch of an object.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use busta_core::meter::Spare;
use busta_core::{Error, Result};
use url::Url;

use super::super::answer::{Meaning, judge_range};
use super::super::place::Place;
use super::file::{PartFile, Writing};
use super::progress::Progress;
use crate::http::{HttpClient, Incoming, Request, shown_url};

/// A request under way. It ends when its stretch is in the part file.
pub type Lane = Pin<Box<dyn Future<Output = Result<(), Broken>> + Send>>;

/// Why a request has not brought its stretch.
#[derive(Debug)]
pub enum Broken {
    /// The object is another one by now, or the server sends no ranges any more.
    Changed,
    /// Anything else.
    Failed(Error),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Asks for a stretch of the object that `place` names, and writes what comes.
pub async fn fetch(
    client: HttpClient,
    url: Url,
    place: Place,
    file: Arc<PartFile>,
    progress: Arc<Progress>,
    stretch: Range<u64>,
    _held: Option<Spare>,
) -> Result<(), Broken> {
    let request = Request::get(url).range(stretch.clone(), place.validator());
    let incoming = client.open(request).await?;
    match judge_range(&incoming, &stretch, &place)? {
        Meaning::Rest(_) => read(incoming, file, progress, stretch).await,
        _ => Err(Broken::Changed),
    }
}

/// Writes the body of an answer, which is `stretch`.
pub async fn read(
    mut incoming: Incoming,
    file: Arc<PartFile>,
    progress: Arc<Progress>,
    stretch: Range<u64>,
) -> Result<(), Broken> {
    let mut writing = Writing::new(file, progress, stretch.start);
    let ended = loop {
        let chunk = tokio::select! {
            biased;
            chunk = incoming.chunk() => chunk,
            // The network has nothing just now: what has come need not wait in memory for a crash to lose.
            flushed = writing.flush(), if writing.is_waiting() => {
                flushed?;
                continue;
            }
        };
        match chunk {
            Ok(Some(chunk)) => {
                let left = stretch.end - writing.end();
                let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
                writing.take(&chunk[..wanted]).await?;
                if writing.end() == stretch.end {
                    break Ok(());
                }
            }
            Ok(None) if writing.end() == stretch.end => break Ok(()),
            Ok(None) => break Err(ended_early(&incoming, writing.end(), &stretch)),
            Err(error) => break Err(error),
        }
    };
    // What has come counts, whatever came after it.
    writing.finish().await?;
    ended.map_err(Broken::Failed)
}

fn ended_early(incoming: &Incoming, at: u64, stretch: &Range<u64>) -> Error {
    Error::unavailable(format!(
        "{}: the answer ended at byte {at}, and should have reached {}",
        shown_url(&incoming.url),
        stretch.end
    ))
}
