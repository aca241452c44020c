use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::{Answer, content};
use crate::app::App;
use crate::model::Resources;

/// What the process uses
///
/// Processors, memory, network, pools and hosts; at most a quarter of a second old.
#[utoipa::path(get, path = "/api/v1/resources", tag = "resources", responses((status = 200, body = Resources)))]
pub(super) async fn resources(State(app): State<App>, headers: HeaderMap) -> Answer {
    let resources = app.caches.resources.get((), |()| content(&app.service.resources()))?;
    Ok(resources.answer(&headers))
}

/// The metrics for Prometheus
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "resources",
    responses((status = 200, description = "Prometheus' text format", body = String, content_type = "text/plain"))
)]
pub(super) async fn metrics(State(app): State<App>) -> Response {
    let format = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, format)], app.service.metrics()).into_response()
}
