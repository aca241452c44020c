//! What the records of a table say over time. Each question may be asked of a table, or without naming one of
//! the table that the configuration makes the usual one.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::routing::get;

use super::datasets::{Records, body};
use super::{Answer, queued};
use crate::app::App;
use crate::input::{Name, Params};
use crate::model::{RecentQuery, SentimentStats, StatsQuery, Trending, TrendingQuery};

/// The paths at which the usual table answers besides those below `/api/v1`, for short. They need what those need.
pub(crate) const SHORT: [&str; 3] = ["/posts/recent", "/sentiment/stats", "/trending"];

/// The routes of the short paths, which need no description of their own.
pub(crate) fn short() -> Router<App> {
    let [recent, stats, trending] = SHORT;
    Router::new()
        .route(recent, get(usual_recent))
        .route(stats, get(usual_sentiment))
        .route(trending, get(usual_trending))
}

/// The newest records
///
/// Newest first by the time of the table's view.
#[utoipa::path(
    get,
    path = "/api/v1/datasets/{name}/recent",
    tag = "data",
    params(("name" = String, Path, description = "The table"), RecentQuery),
    responses((status = 200, body = Records))
)]
pub(super) async fn recent(
    State(app): State<App>,
    Name(name): Name,
    Params(query): Params<RecentQuery>,
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    newest(app, Some(name), query, address, headers).await
}

/// The newest records of the usual table
///
/// Also at `/posts/recent`. The usual table is the one whose view has `default: true`, or the only one with a
/// view.
#[utoipa::path(
    get,
    path = "/api/v1/posts/recent",
    tag = "data",
    params(RecentQuery),
    responses((status = 200, body = Records))
)]
pub(super) async fn usual_recent(
    State(app): State<App>,
    Params(query): Params<RecentQuery>,
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    newest(app, None, query, address, headers).await
}

async fn newest(
    app: App,
    name: Option<String>,
    query: RecentQuery,
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    let (service, request) = (Arc::clone(&app.service), headers.clone());
    let read = async move { body(service.recent(name.as_deref(), query).await?, request).await };
    Ok(app.queues.views.answer(&address, read).await?.answer(&headers))
}

/// Sentiment over time
///
/// As a whole, by group, and as a series of buckets.
#[utoipa::path(
    get,
    path = "/api/v1/datasets/{name}/sentiment/stats",
    tag = "data",
    params(("name" = String, Path, description = "The table"), StatsQuery),
    responses((status = 200, body = SentimentStats))
)]
pub(super) async fn sentiment(
    State(app): State<App>,
    Name(name): Name,
    Params(query): Params<StatsQuery>,
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    let service = Arc::clone(&app.service);
    let read = async move { service.sentiment(Some(&name), query).await };
    queued(&app.queues.views, &address, &headers, read).await
}

/// Sentiment of the usual table over time
///
/// Also at `/sentiment/stats`. The usual table is the one whose view has `default: true`, or the only one with a
/// view.
#[utoipa::path(
    get,
    path = "/api/v1/sentiment/stats",
    tag = "data",
    params(StatsQuery),
    responses((status = 200, body = SentimentStats))
)]
pub(super) async fn usual_sentiment(
    State(app): State<App>,
    Params(query): Params<StatsQuery>,
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    let service = Arc::clone(&app.service);
    queued(&app.queues.views, &address, &headers, async move { service.sentiment(None, query).await }).await
}

/// What is trending
///
/// Records by the points they gain per hour, terms by their growth over their own past.
#[utoipa::path(
    get,
    path = "/api/v1/datasets/{name}/trending",
    tag = "data",
    params(("name" = String, Path, description = "The table"), TrendingQuery),
    responses((status = 200, body = Trending))
)]
pub(super) async fn trending(
    State(app): State<App>,
    Name(name): Name,
    Params(query): Params<TrendingQuery>,
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    let service = Arc::clone(&app.service);
    let read = async move { service.trending(Some(&name), query).await };
    queued(&app.queues.views, &address, &headers, read).await
}

/// What is trending in the usual table
///
/// Also at `/trending`. The usual table is the one whose view has `default: true`, or the only one with a view.
#[utoipa::path(
    get,
    path = "/api/v1/trending",
    tag = "data",
    params(TrendingQuery),
    responses((status = 200, body = Trending))
)]
pub(super) async fn usual_trending(
    State(app): State<App>,
    Params(query): Params<TrendingQuery>,
    address: Uri,
    headers: HeaderMap,
) -> Answer {
    let service = Arc::clone(&app.service);
    queued(&app.queues.views, &address, &headers, async move { service.trending(None, query).await }).await
}
