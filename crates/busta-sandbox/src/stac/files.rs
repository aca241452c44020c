//! The same items as files: a catalogue, a folder of items, one file of all.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use busta_core::{Error, Result};
use serde_json::json;

use super::item::{Links, Press, Templates};
use super::meta::{COLLECTIONS, Meta};
use super::search::Search;
use super::tree::{BLOCK, Tree};
use super::world::StacWorld;
use super::write_item;

/// Files for benches and tests. `origin` is the URL before `/objects/` in the links of assets: that of a
/// sandbox whose objects are to be downloaded, or any other. Of the broken items, every third is not JSON:
/// it is cut in the middle. All of these block.
impl StacWorld {
    /// Writes `catalog.json` and what it links to: `{collection}/collection.json`,
    /// `{collection}/{block}/catalog.json` and `{collection}/{block}/{item}.json`, with relative links. One
    /// collection has its items beside it. As in `/stac-static` there are a loop, a dead link (`gone.json`)
    /// and items that are linked twice.
    pub fn write_catalog(&self, dir: &Path, origin: &str) -> Result<()> {
        let tree = Tree::new(self, &Press::default(), origin, None);
        let lists: Vec<Arc<Vec<u32>>> =
            COLLECTIONS.iter().map(|one| Arc::new(Search::of_collection(one.id).run(self))).collect();
        let write = |path: &[&str]| {
            let file = tree.file(path, |place| Arc::clone(&lists[place]));
            let target = path.iter().fold(dir.to_owned(), |target, part| target.join(part));
            let folder = target.parent().unwrap_or(dir);
            fs::create_dir_all(folder).map_err(|error| cannot_write(folder, error))?;
            let bytes = file.map(|file| file.bytes).unwrap_or_default();
            fs::write(&target, bytes).map_err(|error| cannot_write(&target, error))
        };
        write(&["catalog.json"])?;
        for (place, one) in COLLECTIONS.iter().enumerate() {
            write(&[one.id, "collection.json"])?;
            for (block, items) in lists[place].chunks(BLOCK).enumerate() {
                let block = block.to_string();
                let nested =
                    tree.file(&[one.id, &block, "catalog.json"], |_| Arc::clone(&lists[place])).is_some();
                if nested {
                    write(&[one.id, &block, "catalog.json"])?;
                }
                for index in items {
                    let name = format!("{}.json", self.id(u64::from(*index)));
                    match nested {
                        true => write(&[one.id, &block, &name])?,
                        false => write(&[one.id, &name])?,
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes each item into a file `{id}.json` of its own in `dir`.
    pub fn write_items(&self, dir: &Path, origin: &str) -> Result<()> {
        fs::create_dir_all(dir).map_err(|error| cannot_write(dir, error))?;
        let templates = self.loose(origin);
        for index in 0..self.items {
            let path = dir.join(format!("{}.json", self.id(index)));
            fs::write(&path, self.text(&templates, index)).map_err(|error| cannot_write(&path, error))?;
        }
        Ok(())
    }

    /// Writes all items into one file, each on a line of its own.
    pub fn write_ndjson(&self, path: &Path, origin: &str) -> Result<()> {
        let templates = self.loose(origin);
        let lines = |out: &mut BufWriter<File>| {
            (0..self.items).try_for_each(|index| {
                out.write_all(&self.text(&templates, index))?;
                out.write_all(b"\n")
            })
        };
        stream(path, lines)
    }

    /// Writes all items into one ItemCollection. Broken items are JSON here, all of them.
    pub fn write_item_collection(&self, path: &Path, origin: &str) -> Result<()> {
        let templates = self.loose(origin);
        let all = |out: &mut BufWriter<File>| {
            out.write_all(br#"{"type":"FeatureCollection","features":["#)?;
            for index in 0..self.items {
                let mut item = if index == 0 { Vec::new() } else { b",\n".to_vec() };
                write_item(&mut item, self, &templates, &Meta::new(self, index));
                out.write_all(&item)?;
            }
            out.write_all(b"]}\n")
        };
        stream(path, all)
    }

    /// Templates of items without links.
    fn loose(&self, origin: &str) -> Arc<Templates> {
        let links = Links { origin, base: "", item: |_, _| json!([]) };
        Press::default().templates(self, &links)
    }

    fn text(&self, templates: &Templates, index: u64) -> Vec<u8> {
        let mut out = Vec::new();
        let meta = Meta::new(self, index);
        if self.is_broken(index) && self.broken_before(index) % 3 == 2 {
            templates.write(&mut out, &meta);
            out.truncate(out.len() / 2);
        } else {
            write_item(&mut out, self, templates, &meta);
        }
        out
    }
}

fn stream(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) -> Result<()> {
    let written = File::create(path).and_then(|file| {
        let mut out = BufWriter::with_capacity(1 << 20, file);
        write(&mut out)?;
        out.flush()
    });
    written.map_err(|error| cannot_write(path, error))
}

fn cannot_write(path: &Path, error: std::io::Error) -> Error {
    Error::unavailable(format!("{} cannot be written: {error}", path.display())).caused_by(error)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn files(dir: &Path) -> Vec<std::path::PathBuf> {
        let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }

    fn world(text: &str) -> StacWorld {
        text.parse().unwrap()
    }

    #[test]
    fn a_folder_has_a_file_for_each_item_and_some_are_broken() {
        let (dir, world) = (tempfile::tempdir().unwrap(), world("300,broken=6,asset=64"));
        world.write_items(dir.path(), "http://x").unwrap();
        assert_eq!(files(dir.path()).len(), 300);
        let parsed = |index: u64| {
            let text = fs::read(dir.path().join(format!("{}.json", world.id(index)))).unwrap();
            serde_json::from_slice::<Value>(&text).ok()
        };
        assert_eq!(world.broken_items().filter(|index| parsed(*index).is_none()).count(), 2);
        let sound = (0..300).filter(|index| !world.is_broken(*index));
        assert!(sound.clone().all(|index| parsed(index).unwrap()["id"] == world.id(index)));
        assert_eq!(sound.count(), 294);
    }

    #[test]
    fn one_file_has_all_items() {
        let (dir, world) = (tempfile::tempdir().unwrap(), world("50,asset=64"));
        let (lines, whole) = (dir.path().join("a.ndjson"), dir.path().join("a.json"));
        world.write_ndjson(&lines, "http://x").unwrap();
        world.write_item_collection(&whole, "http://x").unwrap();
        let text = fs::read_to_string(lines).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let whole: Value = serde_json::from_slice(&fs::read(whole).unwrap()).unwrap();
        assert_eq!((lines.len(), &whole["features"]), (50, &Value::Array(lines)));
        assert!(
            world.write_ndjson(dir.path(), "http://x").unwrap_err().to_string().contains("cannot be written")
        );
    }

    #[test]
    fn a_catalogue_leads_to_all_items_by_relative_links() {
        let (dir, world) = (tempfile::tempdir().unwrap(), world("500,asset=64"));
        world.write_catalog(dir.path(), "http://x").unwrap();
        let (mut open, mut seen) = (vec![dir.path().join("catalog.json")], std::collections::BTreeSet::new());
        let mut missing = Vec::new();
        while let Some(path) = open.pop() {
            let Ok(path) = path.canonicalize() else {
                missing.push(path);
                continue;
            };
            if !seen.insert(path.clone()) {
                continue;
            }
            let document: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            for link in document["links"].as_array().unwrap() {
                open.push(path.parent().unwrap().join(link["href"].as_str().unwrap()));
            }
        }
        assert_eq!(seen, files(dir.path()).iter().map(|path| path.canonicalize().unwrap()).collect());
        let items = |path: &&std::path::PathBuf| {
            !path.ends_with("catalog.json") && !path.ends_with("collection.json")
        };
        assert_eq!(seen.iter().filter(items).count(), 500);
        assert!(missing.len() == 1 && missing[0].ends_with("gone.json"), "{missing:?}");
    }
}
