use axum::Json as JsonBody;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use super::Answer;
use crate::app::App;
use crate::input::Json;
use crate::model::{Accepted, CollectRequest};
use crate::problem::{Fault, Problem};

/// Collects now
///
/// Answers at once; `Location` says where to look at the run. While one of the sources is being collected,
/// the run waits for it, or is refused with `409`, as configured.
#[utoipa::path(
    post,
    path = "/api/v1/admin/collect",
    tag = "runs",
    request_body = CollectRequest,
    responses((status = 202, description = "It runs, or waits for its turn", body = Accepted,
        headers(("Location" = String, description = "The run"))))
)]
pub(super) async fn collect(State(app): State<App>, Json(request): Json<CollectRequest>) -> Answer {
    accepted(&app, request).await
}

/// Starts a run, and says where it is.
pub(super) async fn accepted(app: &App, request: CollectRequest) -> Answer {
    if request.limit == Some(0) {
        let reason = "nothing would be collected; leave it out for no limit";
        return Err(Problem::invalid(vec![Fault::field("limit", reason)]));
    }
    Ok(located(app.service.collect(request).await?))
}

/// `202` and the place of the run.
pub(super) fn located(run: Accepted) -> axum::response::Response {
    let place = format!("/api/v1/runs/{}", run.run_id);
    (StatusCode::ACCEPTED, [(header::LOCATION, place)], JsonBody(run)).into_response()
}
