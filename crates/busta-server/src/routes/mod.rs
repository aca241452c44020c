//! The routes: a file for each resource.

mod activity;
mod admin;
mod datasets;
mod export;
mod failures;
mod history;
mod overview;
mod probes;
mod reference;
mod resources;
mod runs;
mod sources;
mod views;

use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::content::Content;
use crate::openapi;
use crate::problem::Problem;
use crate::queue::Queue;

pub(crate) use views::{SHORT, short};

/// What a handler answers.
type Answer = Result<Response, Problem>;

/// All routes of the API with their descriptions. The order is that of the reference.
pub(crate) fn all() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(overview::overview))
        .routes(routes!(sources::list))
        .routes(routes!(sources::show))
        .routes(routes!(sources::pause))
        .routes(routes!(sources::resume))
        .routes(routes!(sources::collect))
        .routes(routes!(admin::collect))
        .routes(routes!(runs::list))
        .routes(routes!(runs::show))
        .routes(routes!(runs::cancel))
        .routes(routes!(runs::retry))
        .routes(routes!(failures::list))
        .routes(routes!(failures::groups))
        .routes(routes!(activity::history))
        .routes(routes!(activity::stream))
        .routes(routes!(activity::ticket))
        .routes(routes!(datasets::list))
        .routes(routes!(datasets::show))
        .routes(routes!(datasets::records))
        .routes(routes!(views::recent))
        .routes(routes!(views::sentiment))
        .routes(routes!(views::trending))
        .routes(routes!(views::usual_recent))
        .routes(routes!(views::usual_sentiment))
        .routes(routes!(views::usual_trending))
        .routes(routes!(export::export))
        .routes(routes!(history::episodes))
        .routes(routes!(history::changes))
        .routes(routes!(history::snapshots))
        .routes(routes!(history::past_records))
        .routes(routes!(history::difference))
        .routes(routes!(history::insert))
        .routes(routes!(history::update))
        .routes(routes!(history::remove_one))
        .routes(routes!(history::remove))
        .routes(routes!(history::undo))
        .routes(routes!(resources::resources))
        .routes(routes!(resources::metrics))
        .routes(routes!(probes::health))
        .routes(routes!(probes::ready))
        .routes(routes!(reference::document))
        .routes(routes!(reference::page))
}

/// JSON, or `304` if the client has it.
fn json(request: &HeaderMap, value: &impl Serialize) -> Answer {
    Ok(content(value)?.answer(request))
}

/// JSON that `read` gives when its turn in the queue has come, or `304` if the client has it.
async fn queued<T: Serialize>(
    queue: &Queue,
    address: &Uri,
    request: &HeaderMap,
    read: impl Future<Output = busta_core::Result<T>> + Send + 'static,
) -> Answer {
    let content = queue.answer(address, async { content(&read.await?) }).await?;
    Ok(content.answer(request))
}

fn content(value: &impl Serialize) -> Result<Content, Problem> {
    Content::json(value)
        .map_err(|error| busta_core::Error::bug(format!("an answer is not JSON: {error}")).into())
}
