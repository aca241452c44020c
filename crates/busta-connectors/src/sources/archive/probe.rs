//! `busta sources test`: whether what the source names is there.

use std::sync::Arc;

use busta_core::{Checkpoint, Error, ErrorKind, Probe, Reader, Records, Result};

use super::list::ListReader;
use super::plan;
use super::settings::Archive;
use super::work::Work;
use crate::http::{Request, shown_url};

/// So many files are looked for before it is said that there is none.
const TRIES: usize = 5;

/// Looks into the first folder, or for the first files.
pub async fn probe(archive: &Arc<Archive>) -> Result<Probe> {
    archive.remember(&Checkpoint::default());
    let splits = plan::splits(archive)?;
    let works: Vec<Work> = splits.iter().take(TRIES).map(busta_core::Split::decode).collect::<Result<_>>()?;
    let mut last = Error::not_found("there is nothing to look for").hint("look at `from` and `to`");
    for work in works {
        let object = match work {
            Work::List(listing) => {
                let folder = listing.folder.clone();
                let mut reader = ListReader::new(archive.clone(), listing, None)?;
                let (mut found, mut first) = (0, None);
                // The files of months come before those of days; pages have a thousand files.
                for _ in 0..TRIES {
                    let Some(batch) = reader.next().await? else { break };
                    found += batch.found.len();
                    first = first.or(batch.found.first().map(|split| split.id.to_string()));
                    if found > 0 || batch.done {
                        break;
                    }
                }
                let first = first.map(|first| format!(": {first} and others")).unwrap_or_default();
                let summary = format!("`{folder}` is there; {found} of what it begins with is wanted{first}");
                return Ok(Probe { summary, sample: Records::default() });
            }
            Work::Fetch(object) => object,
            Work::Rows(_) | Work::Quality(_) => continue,
        };
        let request = Request::get(object.url.clone()).range(0..1, None);
        match archive.client.open(request).await {
            Ok(answer) => {
                let size = answer.header("content-range").and_then(|range| range.rsplit('/').next());
                let size = size.map(|size| format!(", {size} bytes")).unwrap_or_default();
                let shown = shown_url(&object.url);
                let summary = format!("{} files are named; {shown} is there{size}", splits.len());
                return Ok(Probe { summary, sample: Records::default() });
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Auth) => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}
