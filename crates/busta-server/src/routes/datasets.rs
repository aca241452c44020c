use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use busta_core::Error;
use busta_core::reading::RowPage;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Answer, queued};
use crate::app::App;
use crate::content::Content;
use crate::input::{Name, Params};
use crate::model::{Dataset, DatasetSchema, Page, PageQuery, RecordQuery};
use crate::problem::Problem;

/// Pages of so many bytes are made on a thread that may take its time: to compress one takes a millisecond.
const LARGE: u64 = 256 << 10;

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
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    let service = Arc::clone(&app.service);
    queued(&app.queues.scans, &address, &headers, async move { service.datasets(part).await }).await
}

/// One table and its columns
#[utoipa::path(
    get,
    path = "/api/v1/datasets/{name}",
    tag = "data",
    params(("name" = String, Path, description = "The table")),
    responses((status = 200, body = DatasetSchema))
)]
pub(super) async fn show(
    State(app): State<App>,
    Name(name): Name,
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    let service = Arc::clone(&app.service);
    queued(&app.queues.scans, &address, &headers, async move { service.dataset(&name).await }).await
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
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    let as_stored = query.filter.is_none() && query.order.is_none();
    let queue = if as_stored { &app.queues.pages } else { &app.queues.scans };
    let (service, request) = (Arc::clone(&app.service), headers.clone());
    let read = async move { body(service.records(&name, query).await?, request).await };
    Ok(queue.answer(&address, read).await?.answer(&headers))
}

/// The page as an answer to a request with these headers.
pub(super) async fn body(page: RowPage, request: HeaderMap) -> Result<Content, Problem> {
    let broken = |error| Problem::from(Error::bug(format!("a page is not JSON: {error}")));
    if page.rows.bytes() < LARGE {
        return Content::records(&page).map_err(broken);
    }
    let made = tokio::task::spawn_blocking(move || {
        let content = Content::records(&page)?;
        content.prepare(&request);
        Ok(content)
    });
    made.await.map_err(|error| Error::bug(format!("a page was not made: {error}")))?.map_err(broken)
}
