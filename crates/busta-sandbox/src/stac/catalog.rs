//! What an API says of itself: its landing page, what it conforms to, its collections.

use serde_json::{Map, Value, json};

use super::filter::PROPERTIES;
use super::item::ASSETS;
use super::meta::{COLLECTIONS, Collection};
use super::world::StacWorld;

/// The classes that a server conforms to.
fn classes(world: &StacWorld) -> Vec<&'static str> {
    let mut all = vec![
        "https://api.stacspec.org/v1.0.0/core",
        "https://api.stacspec.org/v1.0.0/collections",
        "https://api.stacspec.org/v1.0.0/ogcapi-features",
        "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
        "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
        "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    ];
    if world.search {
        all.push("https://api.stacspec.org/v1.0.0/item-search");
    }
    let search = |class| world.search.then_some(class);
    if world.fields {
        all.extend(search("https://api.stacspec.org/v1.0.0/item-search#fields"));
        all.push("https://api.stacspec.org/v1.0.0/ogcapi-features#fields");
    }
    if world.sort {
        all.extend(search("https://api.stacspec.org/v1.0.0/item-search#sort"));
        all.push("https://api.stacspec.org/v1.0.0/ogcapi-features#sort");
    }
    if world.query {
        all.extend(search("https://api.stacspec.org/v1.0.0/item-search#query"));
        all.push("https://api.stacspec.org/v1.0.0/ogcapi-features#query");
    }
    if world.filter {
        all.extend(search("https://api.stacspec.org/v1.0.0/item-search#filter"));
        all.extend([
            "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
            "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
            "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
            "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
            "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
            "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
        ]);
    }
    all
}

/// `/conformance`.
pub(super) fn conformance(world: &StacWorld) -> Value {
    json!({ "conformsTo": classes(world) })
}

/// The landing page.
pub(super) fn landing(world: &StacWorld, base: &str) -> Value {
    let link = |rel: &str, media_type: &str, path: &str| json!({"rel": rel, "type": media_type, "href": format!("{base}{path}")});
    let mut links = vec![
        link("self", "application/json", ""),
        link("root", "application/json", ""),
        link("data", "application/json", "/collections"),
        link("conformance", "application/json", "/conformance"),
        link("service-desc", "application/vnd.oai.openapi+json;version=3.0", "/api"),
    ];
    for method in ["GET", "POST"].iter().filter(|method| world.search && (world.post || **method == "GET")) {
        let mut search = link("search", "application/geo+json", "/search");
        search["method"] = json!(method);
        search["title"] = json!("STAC search");
        links.push(search);
    }
    if world.filter {
        links.push(link(QUERYABLES, "application/schema+json", "/queryables"));
    }
    for collection in &COLLECTIONS {
        let mut child = link("child", "application/json", &format!("/collections/{}", collection.id));
        child["title"] = json!(collection.title);
        links.push(child);
    }
    json!({
        "type": "Catalog",
        "stac_version": "1.0.0",
        "id": "sandbox",
        "title": "The sandbox's STAC API",
        "description": format!("{} items that never were", world.items),
        "conformsTo": classes(world),
        "links": links,
    })
}

const QUERYABLES: &str = "http://www.opengis.net/def/rel/ogc/1.0/queryables";

/// `/collections`.
pub(super) fn collections(base: &str) -> Value {
    json!({
        "collections": COLLECTIONS.iter().map(|one| collection(one, api_links(base, one))).collect::<Vec<_>>(),
        "links": [
            {"rel": "self", "type": "application/json", "href": format!("{base}/collections")},
            {"rel": "root", "type": "application/json", "href": base},
            {"rel": "parent", "type": "application/json", "href": base},
        ],
    })
}

/// `/collections/{id}`.
pub(super) fn one(base: &str, id: &str) -> Option<Value> {
    COLLECTIONS.iter().find(|one| one.id == id).map(|one| collection(one, api_links(base, one)))
}

fn api_links(base: &str, collection: &Collection) -> Value {
    let home = format!("{base}/collections/{}", collection.id);
    json!([
        {"rel": "self", "type": "application/json", "href": home},
        {"rel": "parent", "type": "application/json", "href": base},
        {"rel": "root", "type": "application/json", "href": base},
        {"rel": "items", "type": "application/geo+json", "href": format!("{home}/items")},
        {"rel": QUERYABLES, "type": "application/schema+json", "href": format!("{home}/queryables")},
    ])
}

/// A collection with its links.
pub(super) fn collection(collection: &Collection, links: Value) -> Value {
    let assets = ASSETS.iter().map(|asset| (asset.key.to_owned(), asset.about()));
    json!({
        "type": "Collection",
        "stac_version": "1.0.0",
        "stac_extensions": ["https://stac-extensions.github.io/item-assets/v1.0.0/schema.json"],
        "id": collection.id,
        "title": collection.title,
        "description": format!("{}, made up", collection.title),
        "license": "other",
        "keywords": ["sandbox", collection.constellation],
        "providers": [{"name": "busta", "roles": ["producer", "host"]}],
        "extent": {
            "spatial": {"bbox": [[-180.0, -90.0, 180.0, 90.0]]},
            "temporal": {"interval": [["2022-01-01T00:00:00Z", null]]},
        },
        "summaries": {"platform": collection.platforms, "gsd": [collection.gsd]},
        "item_assets": Value::Object(assets.collect()),
        "links": links,
    })
}

/// `/queryables`: what filters may ask for.
pub(super) fn queryables(url: &str) -> Value {
    let one = |(name, _, kind): &(&str, _, &str)| {
        let schema = match *kind {
            "date-time" => json!({"type": "string", "format": "date-time"}),
            kind => json!({"type": kind}),
        };
        ((*name).to_owned(), schema)
    };
    let mut properties: Map<String, Value> = PROPERTIES.iter().map(one).collect();
    let geometry = json!({"$ref": "https://geojson.org/schema/Geometry.json"});
    properties.insert("geometry".to_owned(), geometry);
    json!({
        "$schema": "https://json-schema.org/draft/2019-09/schema",
        "$id": url,
        "type": "object",
        "title": "What filters may ask for",
        "properties": properties,
        "additionalProperties": true,
    })
}

/// `/api`: as much of OpenAPI as a link needs to lead somewhere.
pub(super) fn openapi() -> Value {
    json!({"openapi": "3.0.2", "info": {"title": "The sandbox's STAC API", "version": "1.0.0"}, "paths": {}})
}
