//! The stored events, page by page.

use busta_core::{Error, Result, RunId};
use busta_server::model::{ActivityEvent, ActivityQuery, Page};
use busta_store::{EventFilter, StateStore};

use super::paging;

/// Events that have happened, newest first.
pub async fn page(store: &StateStore, query: ActivityQuery) -> Result<Page<ActivityEvent>> {
    let workers = list(query.worker.as_deref()).map(|worker| {
        worker.parse().map_err(|_| Error::data("`worker` is not a list of numbers, such as `worker=1,2`"))
    });
    let filter = EventFilter {
        runs: list(query.run.as_deref()).map(RunId::from).collect(),
        sources: list(query.source.as_deref()).map(Into::into).collect(),
        workers: workers.collect::<Result<_>>()?,
        actions: list(query.action.as_deref()).map(str::to_owned).collect(),
        phases: list(query.phase.as_deref()).map(str::to_owned).collect(),
        before: query.cursor.as_deref().map(event_cursor).transpose()?,
        after: None,
        limit: query.limit.get(),
    };
    let page = store.events_page(filter).await?;
    let events = page.events.iter().map(|event| {
        serde_json::from_str(&event.body).map_err(|e| Error::data(format!("a stored event is broken: {e}")))
    });
    Ok(Page { items: events.collect::<Result<_>>()?, next: page.next.map(|id| id.to_string()) })
}

/// The run that a page ended with.
pub fn run_cursor(text: &str) -> Result<RunId> {
    let is_id = !text.is_empty() && text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric());
    if is_id { Ok(text.into()) } else { Err(paging::no_cursor()) }
}

fn event_cursor(text: &str) -> Result<u64> {
    text.parse().map_err(|_| paging::no_cursor())
}

/// The values of a list with commas.
fn list(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty())
}
