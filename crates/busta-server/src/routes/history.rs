use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use busta_core::Error;
use busta_core::reading::history::{EditWork, JsonText, RowKey};
use serde_json::value::to_raw_value;
use serde_json::{Map, Value};

use super::datasets::{Records, body};
use super::{Answer, json, queued};
use crate::app::App;
use crate::input::{Json, Name, Params, Within};
use crate::model::{
    Change, ChangeQuery, Difference, DifferenceQuery, EditQuery, Edited, Episode, InsertRequest, Page,
    PageQuery, RemoveRequest, SnapshotMark,
};
use crate::problem::{Fault, Problem};
use crate::security::Pass;
use crate::service::{EditRequest, Service};

/// What happened to a table
///
/// Runs, edits and retention, newest first. Needs a change log of the table.
#[utoipa::path(
    get,
    path = "/api/v1/datasets/{name}/history",
    tag = "history",
    params(("name" = String, Path, description = "The table"), PageQuery),
    responses((status = 200, body = Page<Episode>))
)]
pub(super) async fn episodes(
    State(app): State<App>,
    Name(name): Name,
    Params(part): Params<PageQuery>,
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    let service = Arc::clone(&app.service);
    queued(&app.queues.scans, &address, &headers, async move { service.episodes(&name, part).await }).await
}

/// The change log of a table
///
/// Each record that was inserted, changed or removed, with the record before and after.
#[utoipa::path(
    get,
    path = "/api/v1/datasets/{name}/changes",
    tag = "history",
    params(("name" = String, Path, description = "The table"), ChangeQuery),
    responses((status = 200, body = Page<Change>))
)]
pub(super) async fn changes(
    State(app): State<App>,
    Name(name): Name,
    Params(query): Params<ChangeQuery>,
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    let service = Arc::clone(&app.service);
    queued(&app.queues.scans, &address, &headers, async move { service.changes(&name, query).await }).await
}

/// The snapshots of a table
///
/// How many records there were after each run, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/datasets/{name}/snapshots",
    tag = "history",
    params(("name" = String, Path, description = "The table"), PageQuery),
    responses((status = 200, body = Page<SnapshotMark>))
)]
pub(super) async fn snapshots(
    State(app): State<App>,
    Name(name): Name,
    Params(part): Params<PageQuery>,
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    let service = Arc::clone(&app.service);
    queued(&app.queues.scans, &address, &headers, async move { service.snapshots(&name, part).await }).await
}

/// The records of a snapshot
///
/// As they were when the run ended; `seq:N` and times are understood as well. By source and key. A part may be
/// empty and still be followed by others.
#[utoipa::path(
    get,
    path = "/api/v1/datasets/{name}/snapshots/{run}/records",
    tag = "history",
    params(("name" = String, Path, description = "The table"),
        ("run" = String, Path, description = "The run"), PageQuery),
    responses((status = 200, body = Records))
)]
pub(super) async fn past_records(
    State(app): State<App>,
    Within(name, place): Within,
    Params(part): Params<PageQuery>,
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    let (service, request) = (Arc::clone(&app.service), headers.clone());
    let read = async move { body(service.past_records(&name, &place, part).await?, request).await };
    Ok(app.queues.scans.answer(&address, read).await?.answer(&headers))
}

/// The difference of two moments
///
/// Of two runs, places in the change log, or times.
#[utoipa::path(
    get,
    path = "/api/v1/datasets/{name}/diff",
    tag = "history",
    params(("name" = String, Path, description = "The table"), DifferenceQuery),
    responses((status = 200, body = Difference))
)]
pub(super) async fn difference(
    State(app): State<App>,
    Name(name): Name,
    Params(query): Params<DifferenceQuery>,
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    let service = Arc::clone(&app.service);
    queued(&app.queues.scans, &address, &headers, async move { service.difference(&name, query).await }).await
}

/// Adds records
///
/// All of them or, if one of them is wrong or there already, none.
#[utoipa::path(
    post,
    path = "/api/v1/datasets/{name}/records",
    tag = "history",
    params(("name" = String, Path, description = "The table"), EditQuery),
    request_body = InsertRequest,
    responses((status = 200, body = Edited))
)]
pub(super) async fn insert(
    State(app): State<App>,
    Extension(pass): Extension<Pass>,
    Name(name): Name,
    Params(query): Params<EditQuery>,
    headers: HeaderMap,
    Json(request): Json<InsertRequest>,
) -> Answer {
    some("records", request.records.len())?;
    let records = request.records.iter().map(text).collect::<Result<_, _>>()?;
    edit(&app, pass, &headers, name, query, EditWork::Insert(records)).await
}

/// Changes a record
///
/// The body holds the columns that get other values; `null` empties one.
#[utoipa::path(
    patch,
    path = "/api/v1/datasets/{name}/records/{key}",
    tag = "history",
    params(("name" = String, Path, description = "The table"),
        ("key" = String, Path, description = "The record's key: its text, or its JSON"), EditQuery),
    request_body(content = Object),
    responses((status = 200, body = Edited))
)]
pub(super) async fn update(
    State(app): State<App>,
    Extension(pass): Extension<Pass>,
    Within(name, key): Within,
    Params(query): Params<EditQuery>,
    headers: HeaderMap,
    Json(fields): Json<Map<String, Value>>,
) -> Answer {
    some(".", fields.len())?;
    let work = EditWork::Update { key: RowKey::Text(key), fields: text(&fields)? };
    edit(&app, pass, &headers, name, query, work).await
}

/// Removes a record
///
/// Collections do not bring it back, unless the removal is undone or somebody adds it again.
#[utoipa::path(
    delete,
    path = "/api/v1/datasets/{name}/records/{key}",
    tag = "history",
    params(("name" = String, Path, description = "The table"),
        ("key" = String, Path, description = "The record's key: its text, or its JSON"), EditQuery),
    responses((status = 200, body = Edited))
)]
pub(super) async fn remove_one(
    State(app): State<App>,
    Extension(pass): Extension<Pass>,
    Within(name, key): Within,
    Params(query): Params<EditQuery>,
    headers: HeaderMap,
) -> Answer {
    edit(&app, pass, &headers, name, query, EditWork::Remove(vec![RowKey::Text(key)])).await
}

/// Removes records
///
/// All of them or, if one of them is not there, none.
#[utoipa::path(
    post,
    path = "/api/v1/datasets/{name}/records/remove",
    tag = "history",
    params(("name" = String, Path, description = "The table"), EditQuery),
    request_body = RemoveRequest,
    responses((status = 200, body = Edited))
)]
pub(super) async fn remove(
    State(app): State<App>,
    Extension(pass): Extension<Pass>,
    Name(name): Name,
    Params(query): Params<EditQuery>,
    headers: HeaderMap,
    Json(request): Json<RemoveRequest>,
) -> Answer {
    some("keys", request.keys.len())?;
    let keys = request.keys.into_iter().map(RowKey::Value).collect();
    edit(&app, pass, &headers, name, query, EditWork::Remove(keys)).await
}

/// Undoes an edit
///
/// As long as its records stand as it left them; else the conflict says which does not. An undo can be undone.
#[utoipa::path(
    post,
    path = "/api/v1/datasets/{name}/changes/{change}/undo",
    tag = "history",
    params(("name" = String, Path, description = "The table"),
        ("change" = u64, Path, description = "The edit's number")),
    responses((status = 200, body = Edited))
)]
pub(super) async fn undo(
    State(app): State<App>,
    Extension(pass): Extension<Pass>,
    Within(name, change): Within,
    headers: HeaderMap,
) -> Answer {
    let change = change.parse().map_err(|_| Problem::from(Error::not_found("a change has a number")))?;
    edit(&app, pass, &headers, name, EditQuery::default(), EditWork::Undo(change)).await
}

async fn edit(
    app: &App,
    pass: Pass,
    headers: &HeaderMap,
    table: String,
    query: EditQuery,
    work: EditWork,
) -> Answer {
    let by = match pass {
        Pass::Open => None,
        Pass::Token(hash) => Some(hash),
    };
    let service: &dyn Service = &*app.service;
    json(headers, &service.edit(EditRequest { table, source: query.source, by, work }).await?)
}

fn some(field: &str, count: usize) -> Result<(), Problem> {
    match count {
        0 => Err(Problem::invalid(vec![Fault::field(field, "is empty: nothing would change")])),
        _ => Ok(()),
    }
}

fn text(fields: &Map<String, Value>) -> Result<JsonText, Problem> {
    to_raw_value(fields).map_err(|error| Error::bug(format!("a record is no JSON: {error}")).into())
}
