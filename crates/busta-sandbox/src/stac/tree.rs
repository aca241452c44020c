//! Static catalogues: files that link to one another, over HTTP or in a folder.

use std::sync::Arc;

use serde_json::{Value, json};

use super::item::{Links, Press, Templates};
use super::meta::{COLLECTIONS, Collection, Meta};
use super::world::StacWorld;
use super::{GEOJSON, catalog, write_item};
use crate::reply::JSON;

/// A catalogue below a collection holds so many items.
pub(super) const BLOCK: usize = 100;
/// The collection whose items lie directly beside it, without catalogues between.
const FLAT: &str = "landsat-c2-l2";

/// A catalogue of all items of a world: `catalog.json`, `{collection}/collection.json`,
/// `{collection}/{block}/catalog.json` and `{collection}/{block}/{item}.json`.
pub(super) struct Tree<'a> {
    pub(super) world: &'a StacWorld,
    /// Where it lies, if it has a URL: then every second link is absolute.
    pub(super) base: Option<&'a str>,
    templates: Arc<Templates>,
}

/// A file of a catalogue.
pub(super) struct File {
    pub(super) media_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

impl<'a> Tree<'a> {
    pub(super) fn new(world: &'a StacWorld, press: &Press, origin: &str, base: Option<&'a str>) -> Self {
        let links = Links { origin, base: "(a catalogue)", item: item_links };
        Self { world, base, templates: press.templates(world, &links) }
    }

    /// The file at a path; `list` gives the items of a collection by its place.
    pub(super) fn file(&self, path: &[&str], list: impl Fn(usize) -> Arc<Vec<u32>>) -> Option<File> {
        let place = |id: &str| COLLECTIONS.iter().position(|one| one.id == id);
        match *path {
            ["catalog.json"] => Some(document(&self.root())),
            [home, "collection.json"] => {
                let place = place(home)?;
                Some(document(&self.collection(&COLLECTIONS[place], &list(place))))
            }
            [home, block, "catalog.json"] if home != FLAT => {
                let place = place(home)?;
                let items = list(place);
                let items = items.chunks(BLOCK).nth(block.parse().ok()?)?;
                Some(document(&self.block(&COLLECTIONS[place], block, items)))
            }
            [home, file] if home == FLAT => self.item(place(home)?, file),
            [home, block, file] if home != FLAT => {
                let place = place(home)?;
                let index = self.world.index_of(file.strip_suffix(".json")?)? as u32;
                let items = list(place);
                items.chunks(BLOCK).nth(block.parse().ok()?).filter(|block| block.contains(&index))?;
                self.item(place, file)
            }
            _ => None,
        }
    }

    fn root(&self) -> Value {
        let mut links = vec![
            json!({"rel": "root", "type": JSON, "href": "./catalog.json"}),
            json!({"rel": "item", "type": GEOJSON, "href": "./gone.json", "title": "A dead link"}),
        ];
        links.extend(
            self.base
                .map(|base| json!({"rel": "self", "type": JSON, "href": format!("{base}/catalog.json")})),
        );
        for (n, one) in COLLECTIONS.iter().enumerate() {
            let path = format!("{}/collection.json", one.id);
            links.push(self.link("child", n, "./", "", &path));
        }
        json!({
            "type": "Catalog",
            "stac_version": "1.0.0",
            "id": "sandbox-static",
            "description": format!("{} items that never were, in files", self.world.items),
            "links": links,
        })
    }

    fn collection(&self, collection: &Collection, items: &[u32]) -> Value {
        let folder = format!("{}/", collection.id);
        let mut links = vec![
            json!({"rel": "root", "type": JSON, "href": "../catalog.json"}),
            json!({"rel": "parent", "type": JSON, "href": "../catalog.json"}),
        ];
        if collection.id == COLLECTIONS[0].id {
            links.push(json!({"rel": "child", "type": JSON, "href": "../catalog.json", "title": "A loop"}));
        }
        match collection.id == FLAT {
            true => links.extend(self.item_links(&folder, items)),
            false => links.extend(
                (0..items.len().div_ceil(BLOCK))
                    .map(|block| self.link("child", block, "./", &folder, &format!("{block}/catalog.json"))),
            ),
        }
        catalog::collection(collection, Value::Array(links))
    }

    fn block(&self, collection: &Collection, block: &str, items: &[u32]) -> Value {
        let mut links = vec![
            json!({"rel": "root", "type": JSON, "href": "../../catalog.json"}),
            json!({"rel": "parent", "type": JSON, "href": "../collection.json"}),
        ];
        links.extend(self.item_links(&format!("{}/{block}/", collection.id), items));
        json!({
            "type": "Catalog",
            "stac_version": "1.0.0",
            "id": format!("{}-{block}", collection.id),
            "description": format!("{} items", items.len()),
            "links": links,
        })
    }

    /// Links to items in a folder; the first of a block is linked twice.
    fn item_links(&self, folder: &str, items: &[u32]) -> Vec<Value> {
        let twice = items.first().into_iter().chain(items);
        let link = |(n, index): (usize, &u32)| {
            self.link("item", n, "./", folder, &format!("{}.json", self.world.id(u64::from(*index))))
        };
        twice.enumerate().map(link).collect()
    }

    /// A link to `file` in `folder`, whose every second is absolute if there is a URL.
    fn link(&self, rel: &str, n: usize, here: &str, folder: &str, file: &str) -> Value {
        let href = match self.base {
            Some(base) if n % 2 == 1 => format!("{base}/{folder}{file}"),
            _ => format!("{here}{file}"),
        };
        json!({"rel": rel, "type": if rel == "item" { GEOJSON } else { JSON }, "href": href})
    }

    fn item(&self, collection: usize, file: &str) -> Option<File> {
        let index = self.world.index_of(file.strip_suffix(".json")?)?;
        let meta = Meta::new(self.world, index);
        let mut bytes = Vec::new();
        write_item(&mut bytes, self.world, &self.templates, &meta);
        (meta.collection == collection).then_some(File { media_type: GEOJSON, bytes })
    }
}

fn document(value: &Value) -> File {
    File { media_type: JSON, bytes: value.to_string().into_bytes() }
}

/// The links of an item: to the files around it.
fn item_links(_: &str, collection: &str) -> Value {
    let (parent, up) = match collection == FLAT {
        true => ("./collection.json", ".."),
        false => ("./catalog.json", "../.."),
    };
    json!([
        {"rel": "root", "type": JSON, "href": format!("{up}/catalog.json")},
        {"rel": "parent", "type": JSON, "href": parent},
        {"rel": "collection", "type": JSON, "href": if collection == FLAT { parent } else { "../collection.json" }},
    ])
}
