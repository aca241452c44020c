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
    let mut looked_into = Vec::new();
    for work in works {
        let object = match work {
            Work::List(listing) => {
                let folder = listing.folder.clone();
                let mut reader = ListReader::new(archive.clone(), listing, None)?;
                let mut found = 0;
                // The months are looked at before the days.
                for _ in 0..TRIES {
                    let Some(batch) = reader.next().await? else { break };
                    found += batch.found.len();
                    if found > 0 || batch.done {
                        break;
                    }
                }
                looked_into.push(format!("`{folder}`"));
                if found == 0 {
                    continue;
                }
                let summary = format!(
                    "{} of {} looked into: {found} files and folders of what is wanted in its first page",
                    looked_into.join(", "),
                    splits.len()
                );
                return Ok(Probe { summary, sample: Records::default() });
            }
            Work::Fetch(object) => object,
            Work::Rows(_) | Work::Quality(_) | Work::Absent(_) => continue,
        };
        let url = archive.where_is(&object);
        let request = Request::get(url.clone()).range(0..1, None);
        match archive.client.open(request).await {
            Ok(answer) => {
                let size = answer.header("content-range").and_then(|range| range.rsplit('/').next());
                let size = size.map(|size| format!(", {size} bytes")).unwrap_or_default();
                let shown = shown_url(&url);
                let summary = format!("{} files are named; {shown} is there{size}", splits.len());
                return Ok(Probe { summary, sample: Records::default() });
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Auth) => last = error,
            Err(error) => return Err(error),
        }
    }
    if looked_into.is_empty() {
        return Err(last);
    }
    Err(Error::not_found(format!("nothing that is wanted is in {}", looked_into.join(", ")))
        .hint("look at `symbols`, `intervals`, `from`, `to`, `include` and `exclude`"))
}
