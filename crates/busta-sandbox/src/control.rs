//! `/_sandbox`: what was seen, for people and for programs, and the levers. Nothing here is counted.

use std::fmt::Write as _;

use http::{Method, Response, StatusCode, request};

use crate::app::App;
use crate::body::{Body, Content};
use crate::params::Params;
use crate::reply::{JSON, Reply};
use crate::stats::Tally;

/// Answers what lies under `/_sandbox`.
pub(crate) fn answer(app: &App, head: &request::Parts) -> Response<Body> {
    let reply = control(app, head).unwrap_or_else(|refusal| refusal);
    let mut response = Response::new(Body::uncounted(reply.content));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

fn control(app: &App, head: &request::Parts) -> Result<Reply, Reply> {
    let params = Params::read(head.uri.query().unwrap_or_default(), "", b"")?;
    let what = head.uri.path().trim_start_matches("/_sandbox").trim_matches('/');
    match (what, head.method == Method::POST) {
        ("", false) => Ok(Reply::ok("text/html; charset=utf-8", Content::whole(page(app)))),
        ("stats", false) => {
            let stats = serde_json::to_vec(&app.judge.stats()).unwrap_or_default();
            Ok(Reply::ok(JSON, Content::whole(stats)))
        }
        ("reset", true) => {
            app.reset();
            Ok(done())
        }
        ("advance", true) => advance(app, &params),
        ("profile", true) => set_profile(app, &params),
        ("republish", true) => republish(app, &params),
        ("stats" | "", true) | ("reset" | "advance" | "profile" | "republish", false) => Err(Reply::error(
            StatusCode::METHOD_NOT_ALLOWED,
            "GET stats; POST reset, advance, republish and profile",
        )),
        _ => Err(Reply::not_found("lever")),
    }
}

fn done() -> Reply {
    Reply::json(&serde_json::json!({ "ok": true }))
}

fn advance(app: &App, params: &Params) -> Result<Reply, Reply> {
    let add = params.number("add")?;
    if let Some(days) = params.number("archive_days")? {
        app.archive.advance(days);
        return Ok(done());
    }
    if let Some(steps) = params.number("reddit")? {
        app.reddit.advance(steps);
        return Ok(done());
    }
    if let Some(steps) = params.number("market")? {
        app.market.advance(steps);
        return Ok(done());
    }
    match (params.get("stream"), params.get("feed")) {
        (Some(stream), None) => {
            app.dataset.advance(stream, add.unwrap_or(10), params.number("update")?.unwrap_or(5));
            Ok(done())
        }
        (None, Some(feed)) => {
            app.feeds.advance(feed, add.unwrap_or(1));
            Ok(done())
        }
        _ => Err(Reply::bad_request(
            "name a `stream` (with `add` and `update`), a `feed` (with `add`), `archive_days`, or steps of `reddit` or `market`",
        )),
    }
}

fn republish(app: &App, params: &Params) -> Result<Reply, Reply> {
    let part = params.get("path").filter(|part| !part.is_empty());
    app.archive.republish(part.ok_or_else(|| Reply::bad_request("name a part of the `path` of files"))?);
    Ok(done())
}

fn set_profile(app: &App, params: &Params) -> Result<Reply, Reply> {
    let profile =
        params.get("with").unwrap_or_default().parse().map_err(|e: String| Reply::bad_request(&e))?;
    app.set_profile(params.get("prefix").unwrap_or("/"), profile);
    Ok(done())
}

/// A table of all routes and groups.
fn page(app: &App) -> String {
    let stats = app.judge.stats();
    let mut html = String::from(HEAD);
    row(&mut html, "all", &stats.total);
    for (name, tally) in stats.groups.iter().chain(&stats.routes) {
        row(&mut html, name, tally);
    }
    let _ = writeln!(
        html,
        "</table><p>{} connections, {} URLs, {:.1} s. <a href=\"/_sandbox/stats\">As JSON</a></p></body></html>",
        stats.connections,
        stats.urls.len(),
        stats.elapsed_us as f64 / 1e6
    );
    html
}

fn row(html: &mut String, name: &str, tally: &Tally) {
    let name = name.replace('&', "&amp;").replace('<', "&lt;");
    let statuses: Vec<String> = tally.statuses.iter().map(|(status, n)| format!("{status}: {n}")).collect();
    let _ = writeln!(
        html,
        "<tr><td>{name}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.1}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        tally.requests,
        tally.in_flight,
        tally.max_in_flight,
        tally.mean_in_flight,
        tally.max_per_second,
        tally.bytes,
        statuses.join(", ")
    );
}

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>busta sandbox</title>\
<meta http-equiv=\"refresh\" content=\"2\"><style>body{font:14px system-ui;margin:2em}\
table{border-collapse:collapse}td,th{padding:.3em .8em;text-align:right;border-bottom:1px solid #ccc}\
td:first-child,th:first-child{text-align:left}:root{color-scheme:light dark}</style></head><body>\
<h1>busta sandbox</h1><table><tr><th>route or group</th><th>requests</th><th>in flight</th><th>most</th>\
<th>mean</th><th>most in 1 s</th><th>bytes</th><th>statuses</th></tr>\n";
