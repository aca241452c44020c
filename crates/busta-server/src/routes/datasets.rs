use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Answer, json};
use crate::app::App;
use crate::input::{Name, Params};
use crate::model::{Dataset, DatasetSchema, Page, PageQuery, RecordQuery};

/// All tables
///
/// By destination, in the order of their names.
#[utoipa::path(
    get,
    path = "/api/v1/datasets",
    tag = "data",
    params(PageQuery),
    responses((status = 200, body = Page<Dataset>))
)]
pub(super) async fn list(
    State(app): State<App>,
    Params(part): Params<PageQuery>,
    headers: HeaderMap,
) -> Answer {
    json(&headers, &app.service.datasets(part).await?)
}

/// One table and its columns
#[utoipa::path(
    get,
    path = "/api/v1/datasets/{name}",
    tag = "data",
    params(("name" = String, Path, description = "The table")),
    responses((status = 200, body = DatasetSchema))
)]
pub(super) async fn show(State(app): State<App>, Name(name): Name, headers: HeaderMap) -> Answer {
    json(&headers, &app.service.dataset(&name).await?)
}

/// A part of a table.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described: the records are passed on as the text they are")]
pub(super) struct Records {
    /// Its records.
    #[schema(value_type = Vec<Object>)]
    items: Vec<Value>,
    /// Give this as `cursor` to get the next part; absent at the end. Its content means nothing.
    next: Option<String>,
}

/// Records of a table
#[utoipa::path(
    get,
    path = "/api/v1/datasets/{name}/records",
    tag = "data",
    params(("name" = String, Path, description = "The table"), RecordQuery),
    responses((status = 200, body = Records))
)]
pub(super) async fn records(
    State(app): State<App>,
    Name(name): Name,
    Params(query): Params<RecordQuery>,
    headers: HeaderMap,
) -> Answer {
    json(&headers, &app.service.records(&name, query).await?)
}
