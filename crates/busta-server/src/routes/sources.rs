use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};

use super::admin::accepted;
use super::{Answer, content, json, queued};
use crate::app::App;
use crate::input::{Json, Name, Params};
use crate::model::{
    Accepted, CollectRequest, Page, PageQuery, SourceCollectRequest, SourceDetail, SourceView,
};

/// All sources
///
/// In the order of the configuration; at most a quarter of a second old.
#[utoipa::path(
    get,
    path = "/api/v1/sources",
    tag = "sources",
    params(PageQuery),
    responses((status = 200, body = Page<SourceView>))
)]
pub(super) async fn list(
    State(app): State<App>,
    Params(part): Params<PageQuery>,
    headers: HeaderMap,
) -> Answer {
    let sources = app.caches.sources.get(part, |part| content(&app.service.sources(part)?))?;
    Ok(sources.answer(&headers))
}

/// One source
#[utoipa::path(
    get,
    path = "/api/v1/sources/{name}",
    tag = "sources",
    params(("name" = String, Path, description = "The source")),
    responses((status = 200, body = SourceDetail))
)]
pub(super) async fn show(
    State(app): State<App>,
    Name(name): Name,
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    let service = Arc::clone(&app.service);
    queued(&app.queues.history, &address, &headers, async move { service.source(&name).await }).await
}

/// Pauses a schedule
///
/// Until somebody resumes it, over restarts too. A run under way goes on.
#[utoipa::path(
    post,
    path = "/api/v1/sources/{name}/pause",
    tag = "sources",
    params(("name" = String, Path, description = "The source")),
    responses((status = 200, body = SourceView))
)]
pub(super) async fn pause(State(app): State<App>, Name(name): Name, headers: HeaderMap) -> Answer {
    json(&headers, &app.service.pause(&name).await?)
}

/// Lets a paused source go on
///
/// Whether somebody has paused it, or it was paused by itself after too many failures.
#[utoipa::path(
    post,
    path = "/api/v1/sources/{name}/resume",
    tag = "sources",
    params(("name" = String, Path, description = "The source")),
    responses((status = 200, body = SourceView))
)]
pub(super) async fn resume(State(app): State<App>, Name(name): Name, headers: HeaderMap) -> Answer {
    json(&headers, &app.service.resume(&name).await?)
}

/// Collects a source now
///
/// Like `POST /api/v1/admin/collect` with this source alone.
#[utoipa::path(
    post,
    path = "/api/v1/sources/{name}/collect",
    tag = "sources",
    params(("name" = String, Path, description = "The source")),
    request_body = SourceCollectRequest,
    responses((status = 202, description = "It runs, or waits for its turn", body = Accepted,
        headers(("Location" = String, description = "The run"))))
)]
pub(super) async fn collect(
    State(app): State<App>,
    Name(name): Name,
    Json(request): Json<SourceCollectRequest>,
) -> Answer {
    let SourceCollectRequest { full_refresh, limit } = request;
    accepted(&app, CollectRequest { sources: vec![name], full_refresh, limit }).await
}
