//! A STAC API: `/stac/{world}`, and the worlds behind it.

mod broken;
mod catalog;
mod fields;
mod files;
mod filter;
mod item;
mod meta;
mod page;
mod search;
mod space;
mod time;
mod tree;
mod world;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::Call;
use crate::body::Content;
use crate::data;
use crate::dataset::lock;
use crate::reply::Reply;
use item::{Links, Press, Templates};
use meta::{COLLECTIONS, Meta};
use search::Search;
use tree::Tree;
pub use world::StacWorld;

/// The results of so many searches are kept, each of four bytes an item.
const MAX_RESULTS: usize = 64;
const GEOJSON: &str = "application/geo+json";

/// What the API remembers: nothing that it could not make again.
#[derive(Default)]
pub(crate) struct Stac {
    press: Press,
    results: Mutex<HashMap<String, Arc<Vec<u32>>>>,
}

impl Stac {
    /// All items that match a search, in their order.
    fn results(&self, world: &StacWorld, search: &Search) -> Arc<Vec<u32>> {
        if let Some(known) = lock(&self.results).get(&search.key) {
            return Arc::clone(known);
        }
        let found = Arc::new(search.run(world));
        let mut results = lock(&self.results);
        if results.len() >= MAX_RESULTS {
            results.clear();
        }
        Arc::clone(results.entry(search.key.clone()).or_insert(found))
    }
}

/// A request to a world.
struct Visit<'a> {
    call: &'a Call<'a>,
    world: StacWorld,
    /// The URL of the landing page.
    base: String,
}

/// The URL of a request less these parts at its end.
fn before(call: &Call<'_>, parts: &[&str]) -> String {
    let url = call.url();
    let url = url.trim_end_matches('/');
    let behind: usize = parts.iter().map(|part| part.len() + 1).sum();
    url[..url.len().saturating_sub(behind)].to_owned()
}

/// Answers what lies under `/stac-static/{world}`.
pub(crate) fn answer_static(call: &Call<'_>, world: &str, path: &[&str]) -> Result<Reply, Reply> {
    let base = before(call, path);
    let origin = base.rsplit_once("/stac-static/").map_or("", |(origin, _)| origin);
    let world: StacWorld = world.parse().map_err(|problem: String| bad_request(&problem))?;
    let stac = &call.app.stac;
    let list = |place: usize| {
        let mut search = Search::of_collection(COLLECTIONS[place].id);
        search.key = format!("{} {} static {place}", world.items, world.seed);
        stac.results(&world, &search)
    };
    let file = Tree::new(&world, &stac.press, origin, Some(&base)).file(path, list);
    let file = file.ok_or_else(|| not_found("Not Found"))?;
    let etag = format!("\"{:016x}\"", data::hash(&file.bytes));
    Ok(Reply::ok(file.media_type, Content::whole(file.bytes)).validated(call.headers, &etag, None))
}

/// Answers what lies under `/stac/{world}`.
pub(crate) fn answer(call: &Call<'_>, world: &str, parts: &[&str]) -> Result<Reply, Reply> {
    let base = before(call, parts);
    let world = world.parse().map_err(|problem: String| bad_request(&problem))?;
    let visit = Visit { call, world, base };
    let is_search = parts == ["search"];
    let may_post = is_search && visit.world.post && visit.world.search;
    match *call.method {
        Method::GET | Method::HEAD => visit.get(parts),
        Method::POST if may_post => {
            let body: Value = serde_json::from_slice(call.body).unwrap_or_default();
            let body = body.as_object().ok_or_else(|| bad_request("the body is not a JSON object"))?;
            page::answer(&visit, body, page::Way::Post)
        }
        _ => {
            let refusal = refuse(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "Method Not Allowed");
            Err(refusal.header("allow", if may_post { "GET, HEAD, POST" } else { "GET, HEAD" }))
        }
    }
}

impl Visit<'_> {
    fn get(&self, parts: &[&str]) -> Result<Reply, Reply> {
        let (world, base) = (&self.world, self.base.as_str());
        let shown = match parts {
            [] => catalog::landing(world, base),
            ["conformance"] => catalog::conformance(world),
            ["api"] => catalog::openapi(),
            ["collections"] => catalog::collections(base),
            ["queryables"] if world.filter => catalog::queryables(&self.call.url()),
            ["search"] if world.search => {
                let body = page::body_of(world, &self.call.params)?;
                return page::answer(self, &body, page::Way::Get);
            }
            ["collections", id, rest @ ..] => {
                let Some(collection) = catalog::one(base, id) else {
                    return Err(not_found(&format!("Collection {id} does not exist.")));
                };
                match rest {
                    [] => collection,
                    ["queryables"] if world.filter => catalog::queryables(&self.call.url()),
                    ["items"] => {
                        let mut body = page::body_of(world, &self.call.params)?;
                        body.insert("collections".to_owned(), json!([id]));
                        return page::answer(self, &body, page::Way::Get);
                    }
                    ["items", item] => return self.item(id, item),
                    _ => return Err(not_found("Not Found")),
                }
            }
            _ => return Err(not_found("Not Found")),
        };
        Ok(Reply::json(&shown))
    }

    fn item(&self, collection: &str, id: &str) -> Result<Reply, Reply> {
        let index = self.world.index_of(id);
        let meta = index.map(|index| Meta::new(&self.world, index));
        match meta.filter(|meta| meta.home().id == collection) {
            Some(meta) => {
                let mut out = Vec::new();
                write_item(&mut out, &self.world, &self.templates(), &meta);
                Ok(Reply::ok(GEOJSON, Content::whole(out)))
            }
            None => Err(not_found(&format!("Item {id} in Collection {collection} does not exist."))),
        }
    }

    fn templates(&self) -> Arc<Templates> {
        // The world's name and what stands before it belong to the landing page, not to the objects.
        let origin = self.base.rsplit_once("/stac/").map_or("", |(origin, _)| origin);
        let links = Links { origin, base: &self.base, item: item::api_links };
        self.call.app.stac.press.templates(&self.world, &links)
    }
}

/// Appends an item, broken if it is one of those.
fn write_item(out: &mut Vec<u8>, world: &StacWorld, templates: &Templates, meta: &Meta) {
    let start = out.len();
    templates.write(out, meta);
    if world.is_broken(meta.index) {
        let mut item: Value = serde_json::from_slice(&out[start..]).unwrap_or_default();
        broken::spoil(&mut item, world.broken_before(meta.index));
        out.truncate(start);
        out.extend_from_slice(item.to_string().as_bytes());
    }
}

impl StacWorld {
    /// The ids of its collections; the last one has no items.
    pub fn collections() -> Vec<&'static str> {
        COLLECTIONS.iter().map(|one| one.id).collect()
    }

    /// The id of an item, which broken items too are known by to searches.
    pub fn id(&self, index: u64) -> String {
        Meta::new(self, index).id()
    }

    /// Item `index` (from 0, in the order of time) as it is served under `url`, which is that of the landing
    /// page.
    pub fn item(&self, index: u64, url: &str) -> Value {
        let origin = url.rsplit_once("/stac/").map_or("", |(origin, _)| origin);
        let templates = Press::default().templates(self, &Links { origin, base: url, item: item::api_links });
        let mut out = Vec::new();
        write_item(&mut out, self, &templates, &Meta::new(self, index));
        serde_json::from_slice(&out).unwrap_or_default()
    }

    /// The indexes of the items that a search with this body of a POST finds, in their order, whatever
    /// its `limit`. The error says what is wrong with it.
    pub fn search(&self, body: &Value) -> Result<Vec<u64>, String> {
        let body = body.as_object().ok_or("the body is not a JSON object")?;
        Ok(Search::read(self, body)?.run(self).into_iter().map(u64::from).collect())
    }
}

fn refuse(status: StatusCode, code: &str, description: &str) -> Reply {
    Reply::json(&json!({ "code": code, "description": description })).status(status)
}

fn not_found(description: &str) -> Reply {
    refuse(StatusCode::NOT_FOUND, "NotFoundError", description)
}

/// The 400 of this API.
pub(crate) fn bad_request(description: &str) -> Reply {
    refuse(StatusCode::BAD_REQUEST, "RequestValidationError", description)
}
