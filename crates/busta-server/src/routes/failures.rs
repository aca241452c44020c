use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Answer, queued};
use crate::app::App;
use crate::input::Params;
use crate::model::{FailureGroup, FailureQuery, FailureView, GroupBy, Limit, Page};

/// Failures, newest first
#[utoipa::path(
    get,
    path = "/api/v1/failures",
    tag = "failures",
    params(FailureQuery),
    responses((status = 200, body = Page<FailureView>))
)]
pub(super) async fn list(
    State(app): State<App>,
    Params(query): Params<FailureQuery>,
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    let service = Arc::clone(&app.service);
    queued(&app.queues.scans, &address, &headers, async move { service.failures(query).await }).await
}

/// Which failures to group, and by what.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(super) struct GroupQuery {
    /// What they have in common; their reason if it is left out.
    #[param(inline)]
    by: Option<GroupBy>,
    /// Only those of this run.
    run: Option<String>,
    /// Only those of this source.
    source: Option<String>,
    /// Only those of this kind of error.
    kind: Option<String>,
    /// How many groups at most.
    #[param(inline, required = false)]
    limit: Limit,
    /// Where the last part ended.
    cursor: Option<String>,
}

/// Failures by what they have in common
///
/// The most frequent first. The newest 10,000 failures of each destination are looked at.
#[utoipa::path(
    get,
    path = "/api/v1/failures/groups",
    tag = "failures",
    params(GroupQuery),
    responses((status = 200, body = Page<FailureGroup>))
)]
pub(super) async fn groups(
    State(app): State<App>,
    Params(query): Params<GroupQuery>,
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    let GroupQuery { by, run, source, kind, limit, cursor } = query;
    let which = FailureQuery { run, source, kind, limit, cursor };
    let (service, by) = (Arc::clone(&app.service), by.unwrap_or_default());
    queued(&app.queues.scans, &address, &headers, async move { service.failure_groups(which, by).await })
        .await
}
