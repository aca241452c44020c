//! Files that name all others: lists of paths or URLs, of checksums, of objects.

use std::fmt::Write as _;

use serde_json::json;

use crate::reply::JSON;

use super::s3::encoded;
use super::shelf::hex;
use super::store::Store;
use super::tree::Entry;

/// The manifest of a name with its media type; none if there is none of this name. `url` is the repository's.
pub(super) fn write(store: &Store<'_>, url: &str, name: &str) -> Option<(&'static str, String)> {
    let files = || {
        store.site.tree.under("").iter().filter_map(|(path, entry)| match entry {
            Entry::Data(file) => Some((path, store.object(path, file))),
            Entry::Side(_) | Entry::Sums(_) => None,
        })
    };
    let mut out = String::new();
    let media_type = match name {
        "manifest.txt" => {
            files().for_each(|(path, _)| line(&mut out, path));
            "text/plain; charset=utf-8"
        }
        "urls.txt" => {
            files().for_each(|(path, _)| line(&mut out, &format!("{url}/{}", encoded(path))));
            "text/plain; charset=utf-8"
        }
        "manifest.sha256" => {
            files().for_each(|(path, object)| line(&mut out, &format!("{}  {path}", hex(&object.sha256()))));
            "text/plain; charset=utf-8"
        }
        "manifest.csv" => {
            line(&mut out, "path,size,sha256");
            files().for_each(|(path, object)| {
                line(&mut out, &format!("{path},{},{}", object.len(), hex(&object.sha256())));
            });
            "text/csv; charset=utf-8"
        }
        "manifest.jsonl" => {
            files().for_each(|(path, object)| {
                let one = json!({ "path": path, "size": object.len(), "sha256": hex(&object.sha256()) });
                line(&mut out, &one.to_string());
            });
            "application/x-ndjson"
        }
        "manifest.json" => {
            let all = files().map(|(path, object)| {
                json!({ "url": encoded(path), "size": object.len(), "checksum": hex(&object.sha256()) })
            });
            out = serde_json::Value::Array(all.collect()).to_string();
            JSON
        }
        _ => return None,
    };
    Some((media_type, out))
}

fn line(out: &mut String, text: &str) {
    // Writing into a string cannot fail.
    let _ = writeln!(out, "{text}");
}
