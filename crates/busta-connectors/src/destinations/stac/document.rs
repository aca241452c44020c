//! The documents of the tree. What was collected stays as it came, but for links that say where it was.

use std::borrow::Cow;

use busta_core::json::for_each_field;
use busta_core::{Error, Result};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::extent::Extent;
use super::name::safe;

/// The version of STAC of the documents that are not from a source.
const VERSION: &str = "1.1.0";

/// Fields that busta adds to rows.
const STAMPS: [&str; 3] = ["_busta_run", "_busta_source", "_busta_loaded_at"];

/// Links that the tree has its own of.
const OWN_LINKS: [&str; 8] = ["self", "root", "parent", "collection", "child", "item", "items", "data"];

/// What a document is called.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Names {
    /// The collection of an Item, if it has one.
    pub(super) collection: Option<String>,
    pub(super) id: String,
}

impl Names {
    /// The names of an Item.
    ///
    /// # Errors
    /// If it is none: without `id`, `geometry` or `properties`, or these are of a wrong type.
    pub(super) fn of_item(record: &[u8]) -> Result<Self> {
        let no_item = |why: &str| Error::data(format!("this is no STAC Item: {why}"));
        let (mut id, mut collection, mut geometry, mut properties) = (None, None, None, None);
        for_each_field(record, |name, raw| match &*name {
            "id" => id = Some(raw),
            "collection" => collection = Some(raw).filter(|raw| *raw != "null"),
            "geometry" => geometry = Some(raw),
            "properties" => properties = Some(raw),
            _ => {}
        })
        .map_err(|error| no_item(&error.to_string()))?;
        let text = |raw: Option<&str>| raw.and_then(|raw| serde_json::from_str::<String>(raw).ok());
        let id = text(id).filter(|id| !id.is_empty()).ok_or_else(|| no_item("it has no `id`"))?;
        if !geometry.is_some_and(|raw| raw == "null" || raw.starts_with('{')) {
            return Err(no_item("it has no `geometry`"));
        }
        if !properties.is_some_and(|raw| raw.starts_with('{')) {
            return Err(no_item("it has no `properties`"));
        }
        match (collection, text(collection)) {
            (Some(_), None) => Err(no_item("its `collection` is not a text")),
            (_, collection) => Ok(Self { collection: collection.filter(|name| !name.is_empty()), id }),
        }
    }

    /// The id of a Collection.
    ///
    /// # Errors
    /// If it has none.
    pub(super) fn of_collection(record: &[u8]) -> Result<String> {
        let id =
            busta_core::json::field(record, "id").and_then(|raw| serde_json::from_str::<String>(raw).ok());
        id.filter(|id| !id.is_empty())
            .ok_or_else(|| Error::data("this is no STAC Collection: it has no `id`"))
    }
}

/// An Item as its file has it.
pub(super) fn item(record: &[u8], names: &Names) -> Vec<u8> {
    let links = match names.collection {
        Some(_) => vec![
            link("root", "../../catalog.json"),
            link("parent", "../collection.json"),
            link("collection", "../collection.json"),
        ],
        None => vec![link("root", "../catalog.json"), link("parent", "../catalog.json")],
    };
    relinked(record, links, true)
}

/// A Collection as its file has it: its own document, or one that its Items give.
pub(super) fn collection<'a>(
    id: &str,
    document: Option<&[u8]>,
    extent: Extent,
    items: impl Iterator<Item = &'a str>,
) -> Vec<u8> {
    let mut links = vec![link("root", "../catalog.json"), link("parent", "../catalog.json")];
    links.extend(items.map(item_link));
    match document {
        Some(document) => relinked(document, links, false),
        None => json!({
            "type": "Collection", "stac_version": VERSION, "id": id,
            "description": format!("Items of the collection {id}"), "license": "other",
            "extent": extent.to_json(), "links": links,
        })
        .to_string()
        .into_bytes(),
    }
}

/// The catalogue.
pub(super) fn catalog<'a>(
    id: &str,
    description: &str,
    collections: impl Iterator<Item = &'a str>,
    items: impl Iterator<Item = &'a str>,
) -> Vec<u8> {
    let mut links = vec![link("root", "./catalog.json")];
    links.extend(collections.map(|id| link("child", &format!("./{}/collection.json", safe(id)))));
    links.extend(items.map(item_link));
    let catalog = json!({
        "type": "Catalog", "stac_version": VERSION, "id": id, "description": description, "links": links,
    });
    catalog.to_string().into_bytes()
}

fn item_link(id: &str) -> Value {
    let name = safe(id);
    let mut link = link("item", &format!("./{name}/{name}.json"));
    link["type"] = json!("application/geo+json");
    link
}

fn link(rel: &str, href: &str) -> Value {
    json!({ "rel": rel, "href": href, "type": "application/json" })
}

/// A document with other links, and without what busta says about its row. Of links to where it was, that
/// to itself stays, as STAC's `canonical`.
fn relinked(record: &[u8], own: Vec<Value>, is_item: bool) -> Vec<u8> {
    let mut links: Vec<String> = own.iter().map(Value::to_string).collect();
    let mut out = Vec::with_capacity(record.len() + 256);
    out.push(b'{');
    let mut has_assets = false;
    // A row is valid JSON.
    let _ = for_each_field(record, |name, raw| {
        has_assets |= name == "assets";
        if name == "links" {
            kept_links(raw, &mut links);
        } else if !STAMPS.contains(&&*name) {
            push_field(&mut out, &name, raw);
        }
    });
    if is_item && !has_assets {
        push_field(&mut out, "assets", "{}");
    }
    push_field(&mut out, "links", &format!("[{}]", links.join(",")));
    out.push(b'}');
    out
}

fn kept_links(raw: &str, links: &mut Vec<String>) {
    let found: Vec<&RawValue> = serde_json::from_str(raw).unwrap_or_default();
    let rel = |link: &RawValue| {
        let raw = busta_core::json::field(link.get().as_bytes(), "rel")?;
        serde_json::from_str::<String>(raw).ok()
    };
    let has_canonical = found.iter().any(|link| rel(link).as_deref() == Some("canonical"));
    for link in &found {
        let Some(rel) = rel(link) else { continue };
        if !OWN_LINKS.contains(&&*rel) {
            links.push(link.get().to_owned());
        } else if rel == "self"
            && !has_canonical
            && let Ok(mut link) = serde_json::from_str::<Value>(link.get())
            && link["href"].as_str().is_some_and(|href| href.contains("://"))
        {
            link["rel"] = json!("canonical");
            links.push(link.to_string());
        }
    }
}

fn push_field(out: &mut Vec<u8>, name: &str, raw: &str) {
    if out.len() > 1 {
        out.push(b',');
    }
    out.extend_from_slice(Value::from(Cow::Borrowed(name)).to_string().as_bytes());
    out.push(b':');
    out.extend_from_slice(raw.as_bytes());
}
