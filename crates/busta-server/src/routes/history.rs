use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use busta_core::reading::history::{EditWork, JsonText, RowKey};
use busta_core::{Error, Result as CoreResult};
use serde::Serialize;
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
use crate::security::{Pass, TokenHash};
use crate::service::{EditRequest, Service};

/// Who asks what, of which app.
pub(super) struct Asked {
    app: App,
    address: Uri,
    headers: HeaderMap,
    by: Option<TokenHash>,
}

impl FromRequestParts<App> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let by = match parts.extensions.get() {
            Some(Pass::Token(hash)) => Some(*hash),
            Some(Pass::Open) => None,
            None => return Err(Error::bug("a request has passed no guard").into()),
        };
        Ok(Self { app: app.clone(), address: parts.uri.clone(), headers: parts.headers.clone(), by })
    }
}

impl Asked {
    /// What `read` gives of the service when its turn has come.
    async fn read<T: Serialize, F>(self, read: impl FnOnce(Arc<dyn Service>) -> F) -> Answer
    where
        F: Future<Output = CoreResult<T>> + Send + 'static,
    {
        let reading = read(Arc::clone(&self.app.service));
        queued(&self.app.queues.scans, &self.address, &self.headers, reading).await
    }

    /// What an edit has done.
    async fn edit(self, table: String, source: Option<String>, work: EditWork) -> Answer {
        let request = EditRequest { table, source, by: self.by, work };
        json(&self.headers, &self.app.service.edit(request).await?)
    }
}

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
pub(super) async fn episodes(asked: Asked, Name(name): Name, Params(part): Params<PageQuery>) -> Answer {
    asked.read(|service| async move { service.episodes(&name, part).await }).await
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
pub(super) async fn changes(asked: Asked, Name(name): Name, Params(query): Params<ChangeQuery>) -> Answer {
    asked.read(|service| async move { service.changes(&name, query).await }).await
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
pub(super) async fn snapshots(asked: Asked, Name(name): Name, Params(part): Params<PageQuery>) -> Answer {
    asked.read(|service| async move { service.snapshots(&name, part).await }).await
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
    asked: Asked,
    Within(name, place): Within,
    Params(part): Params<PageQuery>,
) -> Answer {
    let Asked { app, address, headers, .. } = asked;
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
    asked: Asked,
    Name(name): Name,
    Params(query): Params<DifferenceQuery>,
) -> Answer {
    asked.read(|service| async move { service.difference(&name, query).await }).await
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
    asked: Asked,
    Name(name): Name,
    Params(query): Params<EditQuery>,
    Json(request): Json<InsertRequest>,
) -> Answer {
    some("records", request.records.len())?;
    let records = request.records.iter().map(text).collect::<Result<_, _>>()?;
    asked.edit(name, query.source, EditWork::Insert(records)).await
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
    asked: Asked,
    Within(name, key): Within,
    Params(query): Params<EditQuery>,
    Json(fields): Json<Map<String, Value>>,
) -> Answer {
    some(".", fields.len())?;
    let work = EditWork::Update { key: RowKey::Text(key), fields: text(&fields)? };
    asked.edit(name, query.source, work).await
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
    asked: Asked,
    Within(name, key): Within,
    Params(query): Params<EditQuery>,
) -> Answer {
    asked.edit(name, query.source, EditWork::Remove(vec![RowKey::Text(key)])).await
}

/// Removes records
///
/// All of them or, if one of them is not there, none.
#[utoipa::path(
    post,
    path = "/api/v1/datasets/{name}/remove",
    tag = "history",
    params(("name" = String, Path, description = "The table"), EditQuery),
    request_body = RemoveRequest,
    responses((status = 200, body = Edited))
)]
pub(super) async fn remove(
    asked: Asked,
    Name(name): Name,
    Params(query): Params<EditQuery>,
    Json(request): Json<RemoveRequest>,
) -> Answer {
    some("keys", request.keys.len())?;
    let keys = request.keys.into_iter().map(RowKey::Value).collect();
    asked.edit(name, query.source, EditWork::Remove(keys)).await
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
pub(super) async fn undo(asked: Asked, Within(name, change): Within) -> Answer {
    let change = change.parse().map_err(|_| Problem::from(Error::not_found("a change has a number")))?;
    asked.edit(name, None, EditWork::Undo(change)).await
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
