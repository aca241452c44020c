use axum::extract::State;
use axum::http::HeaderMap;

use super::{Answer, content};
use crate::app::App;
use crate::model::Overview;

/// Everything at a glance
///
/// At most a quarter of a second old.
#[utoipa::path(get, path = "/api/v1/overview", tag = "overview", responses((status = 200, body = Overview)))]
pub(super) async fn overview(State(app): State<App>, headers: HeaderMap) -> Answer {
    let overview = app.caches.overview.get((), |()| content(&app.service.overview()))?;
    Ok(overview.answer(&headers))
}
