use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};

use super::admin::located;
use super::{Answer, json, queued};
use crate::app::App;
use crate::input::{Json, Name, Params};
use crate::model::{Accepted, Page, RetryRequest, RunDetail, RunQuery, RunSummary};

/// Runs, newest first
#[utoipa::path(
    get,
    path = "/api/v1/runs",
    tag = "runs",
    params(RunQuery),
    responses((status = 200, body = Page<RunSummary>))
)]
pub(super) async fn list(
    State(app): State<App>,
    Params(query): Params<RunQuery>,
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    let service = Arc::clone(&app.service);
    queued(&app.queues.history, &address, &headers, async move { service.runs(query).await }).await
}

/// One run
///
/// While it is under way, with its workers and what they do.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id, or the beginning of it")),
    responses((status = 200, body = RunDetail))
)]
pub(super) async fn show(State(app): State<App>, Name(id): Name, address: Uri, headers: HeaderMap) -> Answer {
    let service = Arc::clone(&app.service);
    queued(&app.queues.history, &address, &headers, async move { service.run(&id).await }).await
}

/// Stops a run
///
/// Within a second, and so that it can be resumed. One that waits is taken out of the queue; one that has
/// ended unfinished is given up.
#[utoipa::path(
    post,
    path = "/api/v1/runs/{id}/cancel",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id, or the beginning of it")),
    responses((status = 200, body = RunSummary))
)]
pub(super) async fn cancel(State(app): State<App>, Name(id): Name, headers: HeaderMap) -> Answer {
    json(&headers, &app.service.cancel(&id).await?)
}

/// Tries again what a run could not collect
#[utoipa::path(
    post,
    path = "/api/v1/runs/{id}/retry",
    tag = "runs",
    params(("id" = String, Path, description = "The run's id, or the beginning of it")),
    request_body = RetryRequest,
    responses((status = 202, description = "It runs, or waits for its turn", body = Accepted,
        headers(("Location" = String, description = "The run"))))
)]
pub(super) async fn retry(State(app): State<App>, Name(id): Name, _: Json<RetryRequest>) -> Answer {
    Ok(located(app.service.retry(&id).await?))
}
