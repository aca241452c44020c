use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::model::{Health, Readiness};

/// Whether the process lives
///
/// Answers as long as it does, whatever is being collected. Needs no token.
#[utoipa::path(get, path = "/health", tag = "probes", responses((status = 200, body = Health)))]
pub(super) async fn health(State(app): State<App>) -> Response {
    Json(app.service.health()).into_response()
}

/// Whether the service can do its work
///
/// `503` says what is missing. Needs no token.
#[utoipa::path(
    get,
    path = "/ready",
    tag = "probes",
    responses((status = 200, body = Readiness), (status = 503, description = "Something is missing", body = Readiness))
)]
pub(super) async fn ready(State(app): State<App>) -> Response {
    let readiness = app.service.readiness();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}
