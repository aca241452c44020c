//! Pages of items, and the links from one to the next.

use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::fields::Fields;
use super::meta::Meta;
use super::search::Search;
use super::world::{Matched, Next, StacWorld};
use super::{GEOJSON, Visit, bad_request, write_item};
use crate::body::Content;
use crate::params::Params;
use crate::reply::Reply;

/// The header that brings the token where the world has `next=headers`.
const TOKEN_HEADER: &str = "x-next-token";

/// How a search was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Get,
    Post,
}

/// The page that a search with this body asks for.
pub(super) fn answer(visit: &Visit<'_>, body: &Map<String, Value>, way: Way) -> Result<Reply, Reply> {
    let world = &visit.world;
    let mut search = Search::read(world, body).map_err(|problem| bad_request(&problem))?;
    if let Some(token) = visit.call.headers.get(TOKEN_HEADER).and_then(|value| value.to_str().ok()) {
        search.token = Some(token.to_owned());
    }
    let found = visit.call.app.stac.results(world, &search);
    let start = match &search.token {
        Some(token) => behind(visit, &found, token)?,
        None => 0,
    };
    let end = found.len().min(start + search.limit as usize);
    let mut links = vec![
        json!({"rel": "root", "type": "application/json", "href": visit.base}),
        json!({"rel": "self", "type": GEOJSON, "href": visit.call.url()}),
    ];
    if let Some(last) = found[start..end].last().filter(|_| end < found.len()) {
        let token = format!("next:{}", world.id(u64::from(*last)));
        links.push(next(visit, body, way, &token));
    }
    let features = features(visit, &found[start..end], search.fields.as_ref());
    let mut head = json!({ "links": links });
    match world.matched {
        Matched::Number => head["numberMatched"] = json!(found.len()),
        Matched::Context => {
            let (returned, limit, matched) = (end - start, search.limit, found.len());
            head["context"] = json!({ "returned": returned, "limit": limit, "matched": matched });
        }
        Matched::Off => {}
    }
    if world.returned {
        head["numberReturned"] = json!(end - start);
    }
    let tail = head.to_string();
    let front = &br#"{"type":"FeatureCollection","features":["#[..];
    let tail = format!("],{}", tail.trim_start_matches('{'));
    Ok(Reply::ok(GEOJSON, Content::parts([front.into(), features.into(), tail.into()])))
}

/// The items with commas between them.
fn features(visit: &Visit<'_>, indexes: &[u32], fields: Option<&Fields>) -> Vec<u8> {
    let templates = visit.templates();
    let mut out = Vec::with_capacity(indexes.len() * 5800);
    for (n, index) in indexes.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        let start = out.len();
        write_item(&mut out, &visit.world, &templates, &Meta::new(&visit.world, u64::from(*index)));
        if let Some(fields) = fields {
            let item: Value = serde_json::from_slice(&out[start..]).unwrap_or_default();
            out.truncate(start);
            out.extend_from_slice(fields.apply(&item).to_string().as_bytes());
        }
    }
    out
}

/// Where the item that a token names stands among the results, and one more.
fn behind(visit: &Visit<'_>, found: &[u32], token: &str) -> Result<usize, Reply> {
    let last = token.strip_prefix("next:").and_then(|id| visit.world.index_of(id));
    let place = last.and_then(|last| found.iter().position(|index| u64::from(*index) == last));
    place
        .map(|place| place + 1)
        .ok_or_else(|| bad_request(&format!("token: `{token}` is not one of this search")))
}

/// The link to the next page.
fn next(visit: &Visit<'_>, body: &Map<String, Value>, way: Way, token: &str) -> Value {
    let url = visit.call.url();
    let mut link = json!({ "rel": "next", "type": GEOJSON });
    match (way, visit.world.next) {
        (Way::Get, Next::Headers) => {
            let query = visit.call.params.query_without("token");
            link["method"] = json!("GET");
            link["href"] = json!(format!("{url}?{query}"));
            link["headers"] = json!({ TOKEN_HEADER: token });
        }
        (Way::Get, _) => {
            link["method"] = json!("GET");
            link["href"] = json!(format!("{url}?{}", visit.call.params.query_with("token", token)));
        }
        (Way::Post, Next::Get) => {
            link["method"] = json!("GET");
            link["href"] = json!(format!("{url}?{}", query_of(body, token)));
        }
        (Way::Post, how) => {
            link["method"] = json!("POST");
            link["href"] = json!(url);
            match how {
                Next::Merge => {
                    link["body"] = json!({ "token": token });
                    link["merge"] = json!(true);
                }
                Next::Headers => {
                    link["headers"] = json!({ TOKEN_HEADER: token });
                    link["body"] = json!({});
                    link["merge"] = json!(true);
                }
                _ => {
                    let mut whole = body.clone();
                    whole.insert("token".to_owned(), json!(token));
                    link["body"] = Value::Object(whole);
                    link["merge"] = json!(false);
                }
            }
        }
    }
    link
}

/// The parameters of a GET as the body of a POST would have them.
pub(super) fn body_of(world: &StacWorld, params: &Params) -> Result<Map<String, Value>, Reply> {
    let mut body = Map::new();
    for (name, text) in params.all() {
        let wrong = |problem: &str| bad_request(&format!("{name}: {problem}"));
        let list = || text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let value = match name {
            "limit" => json!(text.trim().parse::<i64>().map_err(|_| wrong("it is a number from 1 up"))?),
            "bbox" => {
                let numbers: Result<Vec<f64>, _> = list().map(str::parse).collect();
                json!(numbers.map_err(|_| wrong("it is a list of numbers"))?)
            }
            "ids" | "collections" => json!(list().collect::<Vec<_>>()),
            // What is switched off is ignored, whatever it says.
            "query" if !world.query => continue,
            "filter" if !world.filter => continue,
            "intersects" | "query" | "filter" => {
                serde_json::from_str(text).map_err(|error| wrong(&format!("it is not JSON: {error}")))?
            }
            "sortby" => list().map(sort_key).collect(),
            "fields" => {
                let (out, kept): (Vec<&str>, Vec<&str>) = list().partition(|field| field.starts_with('-'));
                let bare = |all: Vec<&str>| -> Vec<String> {
                    all.iter().map(|field| field.trim_start_matches(['-', '+']).to_owned()).collect()
                };
                json!({ "include": bare(kept), "exclude": bare(out) })
            }
            _ => json!(text),
        };
        body.insert(name.to_owned(), value);
    }
    Ok(body)
}

/// `+field` and `-field`; a plus sign may have become a blank on its way.
fn sort_key(text: &str) -> Value {
    let direction = if text.starts_with('-') { "desc" } else { "asc" };
    json!({ "field": text.trim_start_matches(['-', '+', ' ']), "direction": direction })
}

/// The body of a POST as the query of a GET.
fn query_of(body: &Map<String, Value>, token: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let joined = |all: &[String]| all.join(",");
    for (name, value) in body.iter().filter(|(name, value)| *name != "token" && !value.is_null()) {
        let list =
            |value: &Value| -> Vec<String> { value.as_array().into_iter().flatten().map(text).collect() };
        let written = match name.as_str() {
            "bbox" | "ids" | "collections" => joined(&list(value)),
            "sortby" => {
                let sign = |key: &Value| if key["direction"] == "desc" { "-" } else { "+" };
                let key = |key: &Value| format!("{}{}", sign(key), text(&key["field"]));
                joined(&value.as_array().into_iter().flatten().map(key).collect::<Vec<_>>())
            }
            "fields" => {
                let out = list(&value["exclude"]).into_iter().map(|field| format!("-{field}"));
                joined(&list(&value["include"]).into_iter().chain(out).collect::<Vec<_>>())
            }
            _ => text(value),
        };
        query.append_pair(name, &written);
    }
    query.append_pair("token", token);
    query.finish()
}
