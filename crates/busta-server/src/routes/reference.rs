use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::app::App;
use crate::pages::text_page;

/// This description
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "reference",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Object))
)]
pub(super) async fn document(State(app): State<App>, headers: HeaderMap) -> Response {
    app.description.answer(&headers)
}

/// This description for people
#[utoipa::path(
    get,
    path = "/api/v1/docs",
    tag = "reference",
    responses((status = 200, description = "A page", body = String, content_type = "text/html"))
)]
pub(super) async fn page(State(app): State<App>, headers: HeaderMap) -> Response {
    text_page(app.reference.answer(&headers))
}
