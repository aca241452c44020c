use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Answer, queued};
use crate::activity::{EventStream, Filter, Seat};
use crate::app::App;
use crate::input::Params;
use crate::model::{ActivityEvent, ActivityQuery, Page};
use crate::problem::{Fault, Problem};
use crate::security::{Pass, TICKET_LIFETIME};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What has happened, newest first
///
/// From the store, so that it reaches back further than the stream.
#[utoipa::path(
    get,
    path = "/api/v1/activity",
    tag = "activity",
    params(ActivityQuery),
    responses((status = 200, body = Page<ActivityEvent>))
)]
pub(super) async fn history(
    State(app): State<App>,
    Params(query): Params<ActivityQuery>,
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    Filter::read(&query)?;
    let service = Arc::clone(&app.service);
    queued(&app.queues.history, &address, &headers, async move { service.history(query).await }).await
}

/// Which events to stream. Several values of one field are separated by commas.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StreamQuery {
    /// Only of these runs.
    run: Option<String>,
    /// Only of these sources.
    source: Option<String>,
    /// Only of these workers.
    #[param(pattern = "^([0-9]{1,9}(,[0-9]{1,9})*)?$")]
    worker: Option<String>,
    /// Only these actions.
    #[param(example = "error,retrying")]
    action: Option<String>,
    /// Only of these parts of their source's work.
    phase: Option<String>,
    /// Go on behind this event. The header `Last-Event-ID` says the same, and wins.
    last_event_id: Option<u64>,
    /// A ticket of `POST /api/v1/activity/ticket`, for clients that cannot send a header.
    ticket: Option<String>,
}

/// What happens, live
///
/// Server-sent events: each has the `id` of an event, and the event as JSON in `data`. A client that comes
/// back with `Last-Event-ID` goes on where it was; if what it missed is no longer in memory, it gets
/// `event: gap` with `{"missed_from", "oldest"}` and goes on with the oldest event that is, and the history
/// has the rest. Without `Last-Event-ID` the stream begins now. A comment every 15 seconds shows that it
/// lives. A client that takes nothing for 30 seconds is cut off, and so is one whose token was revoked, with the
/// next comment at the latest.
#[utoipa::path(
    get,
    path = "/api/v1/activity/stream",
    tag = "activity",
    params(StreamQuery, ("Last-Event-ID" = Option<u64>, Header, description = "Go on behind this event")),
    responses((status = 200, description = "Events until the client or the server ends",
        body = String, content_type = "text/event-stream"))
)]
pub(super) async fn stream(
    State(app): State<App>,
    Extension(pass): Extension<Pass>,
    Params(query): Params<StreamQuery>,
    headers: HeaderMap,
) -> Answer {
    let from = match headers
        .get(LAST_EVENT_ID)
        .map(|id| id.to_str().ok().and_then(|id| id.trim().parse().ok()))
    {
        Some(None) => {
            return Err(Problem::invalid(vec![Fault::parameter("Last-Event-ID", "this is no event's id")]));
        }
        Some(id) => id,
        None => query.last_event_id,
    };
    let StreamQuery { run, source, worker, action, phase, .. } = query;
    let query = ActivityQuery { run, source, worker, action, phase, ..ActivityQuery::default() };
    let filter = Filter::read(&query)?;
    let place = Arc::clone(&app.streams).try_acquire_owned().map_err(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many clients follow the activity")
            .retry_after(std::time::Duration::from_secs(30))
    })?;
    let seat = Seat::new(place, pass, Arc::clone(&app.tokens));
    let events = EventStream::new(
        Arc::clone(&app.activity),
        filter,
        from,
        &app.pulse,
        app.limits.heartbeat,
        app.stopping.clone(),
        seat,
    );
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // nginx would gather the events otherwise.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::new(events)).into_response())
}

/// A ticket for the activity stream.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ticket {
    /// Give this as `ticket` to the stream. It works once.
    ticket: String,
    /// It works so long, in seconds.
    expires_s: u64,
}

/// A ticket for the stream
///
/// For browsers, whose `EventSource` cannot send a token in a header.
#[utoipa::path(post, path = "/api/v1/activity/ticket", tag = "activity", responses((status = 200, body = Ticket)))]
pub(super) async fn ticket(
    State(app): State<App>,
    Extension(pass): Extension<Pass>,
) -> Result<Response, Problem> {
    let ticket = app.tickets.issue(pass)?;
    Ok(Json(Ticket { ticket, expires_s: TICKET_LIFETIME.as_secs() }).into_response())
}
