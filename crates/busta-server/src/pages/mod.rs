//! The dashboard: files that the build script put into the binary.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::content::Content;
use crate::problem::Problem;
use crate::security::TEXT_PAGE_POLICY;

/// A file of the dashboard.
struct Page {
    /// Its path below the root, without a slash in front.
    path: &'static str,
    bytes: &'static [u8],
}

/// `PAGES`, made by `build.rs`.
mod built {
    use super::Page;

    include!(concat!(env!("OUT_DIR"), "/pages.rs"));
}

/// Stands for the dashboard where it was not built.
const WITHOUT: &str = include_str!("without.html");
const INDEX: &str = "index.html";
/// The bundler puts a hash of their content into the names of these.
const HASHED: &str = "assets/";

static PAGES: LazyLock<HashMap<&'static str, Content>> = LazyLock::new(|| {
    let mut pages: HashMap<_, _> = built::PAGES.iter().map(|page| (page.path, content(page))).collect();
    pages.entry(INDEX).or_insert_with(|| content(&Page { path: INDEX, bytes: WITHOUT.as_bytes() }));
    pages
});

fn content(page: &Page) -> Content {
    let cache =
        if page.path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    Content::new(media_type(page.path), cache, page.bytes)
}

/// A file of the dashboard, or its beginning for every other path: the dashboard finds its own way from there.
pub(crate) async fn page(request: Request) -> Response {
    let path = request.uri().path();
    // A wrong path of the API must not look like an answer, and a missing file not like a page.
    if path.starts_with("/api/") || path.starts_with("/assets/") && !PAGES.contains_key(&path[1..]) {
        return Problem::new(StatusCode::NOT_FOUND, "there is nothing here")
            .hint("what there is stands at /api/v1/docs")
            .into_response();
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = Problem::of(StatusCode::METHOD_NOT_ALLOWED).into_response();
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET,HEAD"));
        return response;
    }
    let file = PAGES.get(path.trim_start_matches('/')).or_else(|| PAGES.get(INDEX));
    match file.map(|file| file.answer(request.headers())) {
        Some(answer) if built::PAGES.is_empty() => text_page(answer),
        Some(answer) => answer,
        None => Problem::of(StatusCode::NOT_FOUND).into_response(),
    }
}

/// A page that needs nothing but the styles that stand in it.
pub(crate) fn text_page(mut answer: Response) -> Response {
    let policy = HeaderValue::from_static(TEXT_PAGE_POLICY);
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    answer
}

/// The types of files that dashboards are made of.
fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
