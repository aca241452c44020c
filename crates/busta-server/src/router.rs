//! The routes, and what every request passes.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::time::{Instant, timeout};

use crate::app::{App, Description};
use crate::pages;
use crate::problem::{self, Problem};
use crate::security::{add_headers, guard};
use crate::{openapi, routes};

/// All routes, and their description.
pub(crate) fn routes() -> (Router<App>, Description) {
    let (router, document) = routes::all().split_for_parts();
    (router.merge(routes::short()), openapi::describe(document))
}

/// The service as a whole. The outermost layer stands last.
pub(crate) fn finish(routes: Router<App>, app: App) -> Router {
    routes
        .fallback(pages::page)
        .layer(from_fn_with_state(app.clone(), attend))
        .layer(from_fn_with_state(app.clone(), guard))
        .layer(from_fn_with_state(app.clone(), polish))
        .with_state(app)
}

/// Runs a route: a panic or a service that does not answer ends this request alone.
async fn attend(State(app): State<App>, request: Request, next: Next) -> Response {
    let changes = !request.method().is_safe();
    let run = AssertUnwindSafe(next.run(request)).catch_unwind();
    let response = match timeout(app.limits.answer_timeout, run).await {
        Ok(Ok(response)) => response,
        // The panic hook has logged it.
        Ok(Err(_)) => Problem::mistake().into_response(),
        Err(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the answer took too long")
            .retry_after(app.limits.answer_timeout)
            .into_response(),
    };
    if changes && response.status().is_success() {
        app.caches.clear();
    }
    response
}

/// Gives every answer its headers, every error its document, and the log its line; and counts it.
async fn polish(State(app): State<App>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    document(&method, &path, &mut response);
    add_headers(response.headers_mut());
    let (status, took) = (response.status(), start.elapsed());
    app.traffic.answered(route.as_ref().map(MatchedPath::as_str), &method, status, took);
    log(&method, &path, status, took);
    response
}

/// Errors that a library answered become problem documents as well.
fn document(method: &Method, path: &str, response: &mut Response) {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || is_whole(response.headers()) {
        return;
    }
    let problem = response.extensions_mut().remove::<Problem>().unwrap_or_else(|| match status {
        StatusCode::METHOD_NOT_ALLOWED => Problem::new(status, format!("{method} does not apply to this")),
        status => Problem::of(status),
    });
    problem.render(path, response);
    if method == Method::HEAD {
        *response.body_mut() = axum::body::Body::empty();
    }
}

/// Whether an answer is an error only by its status, and says what is to be said.
fn is_whole(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind == "application/json" || kind == problem::MEDIA_TYPE)
}

/// Never the query: it may hold what should not have been put there.
fn log(method: &Method, path: &str, status: StatusCode, took: Duration) {
    let ms = took.as_secs_f64() * 1e3;
    let status = status.as_u16();
    if status >= 500 {
        tracing::warn!(%method, path, status, ms, "request");
    } else if method.is_safe() {
        tracing::debug!(%method, path, status, ms, "request");
    } else {
        tracing::info!(%method, path, status, ms, "request");
    }
}
