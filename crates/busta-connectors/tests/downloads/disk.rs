//! The assets of items in files of this machine: copied from the disk, and never for whoever is on the web.

use busta_connectors::sources::stac::CONNECTOR;
use busta_core::{Checkpoint, Cursor, Reader, Source, Split};
use busta_testkit::drive::{Harvest, read_all};
use serde_json::{Value, json};

use crate::bench::{Bench, sha256};
use crate::scripted::{Answer, Script};

fn feature(id: &str, links: &Value, assets: &Value) -> Value {
    json!({"type": "Feature", "stac_version": "1.0.0", "id": id, "collection": "c", "geometry": null,
           "properties": {"datetime": "2024-05-06T07:08:09Z"}, "links": links, "assets": assets})
}

fn write(bench: &Bench, path: &str, bytes: impl AsRef<[u8]>) {
    let file = bench.file(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, bytes).unwrap();
}

fn source(bench: &Bench, mut keys: Value) -> Box<dyn Source> {
    if keys.get("assets").is_none() {
        keys["assets"] = json!({"folder": "out"});
    }
    (CONNECTOR.build)(keys, bench.context()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

async fn read(bench: &Bench, keys: Value) -> Harvest {
    read_all(&*source(bench, keys), &Checkpoint::default()).await.unwrap()
}

/// The files that were copied.
fn copied(bench: &Bench) -> Vec<String> {
    bench.files().into_iter().filter(|file| file.starts_with("out/c/")).collect()
}

fn reasons(harvest: &Harvest) -> Vec<&str> {
    harvest.failures.iter().map(|(_, failure)| &*failure.reason).collect()
}

/// Some MiB, so that it comes in pieces.
fn image() -> Vec<u8> {
    (0..3_000_000_u32).map(|n| (n / 251) as u8).collect()
}

#[tokio::test]
async fn assets_beside_their_items_are_copied_and_verified() {
    let image = image();
    let links = json!([{"rel": "item", "href": "./items/a.json"}, {"rel": "item", "href": "items/b.json"}]);
    let catalog = json!({"type": "Catalog", "id": "x", "links": links});
    for path in ["cat/catalog.json", "cat", "cat/items/*.json", "all.ndjson", "all.json"] {
        let bench = Bench::new().await;
        let is_folder = path.starts_with("cat");
        let beside = if is_folder { "../data/" } else { "cat/data/" };
        let a = json!({"visual": {"href": format!("{beside}an image.tif"), "file:checksum": format!("1220{}", sha256(&image))}});
        let whole = bench.file("cat/data/b.txt");
        let b = json!({
            "absolute": {"href": whole.to_str().unwrap()},
            "url": {"href": format!("file://{}", whole.display())},
        });
        let items = [feature("a", &json!([]), &a), feature("b", &json!([]), &b)];
        if is_folder {
            write(&bench, "cat/catalog.json", catalog.to_string());
            write(&bench, "cat/items/a.json", items[0].to_string());
            write(&bench, "cat/items/b.json", items[1].to_string());
        }
        write(&bench, "all.ndjson", format!("{}\n{}\n", items[0], items[1]));
        write(&bench, "all.json", json!({"type": "FeatureCollection", "features": items}).to_string());
        write(&bench, "cat/data/an image.tif", &image);
        write(&bench, "cat/data/b.txt", "b");
        write(&bench, "cat/data/thumb.JPG", "is no item, and no failure");
        // A folder's items lie beside its data: one of the two has to be named.
        let keys = json!({"path": path, "assets": {"folder": "out", "copy_from": ["cat/data"]}});
        let source = source(&bench, keys);
        let harvest = read_all(&*source, &Checkpoint::default()).await.unwrap();
        assert!(harvest.failures.is_empty(), "{path}: {:?}", harvest.failures);
        assert_eq!(harvest.stream("items").len(), 2, "{path}");
        assert_eq!(
            copied(&bench),
            ["out/c/a/visual.tif", "out/c/b/absolute.txt", "out/c/b/url.txt"],
            "{path}"
        );
        assert!(std::fs::read(bench.file("out/c/a/visual.tif")).unwrap() == image, "{path}");
        let record = &harvest.stream("assets")[0];
        assert_eq!((&record["verified"], &record["bytes"]), (&json!(true), &json!(image.len())), "{path}");
        assert!(record["url"].as_str().unwrap().starts_with("file:///"), "{record}");

        // What has not changed is not copied again; what has, is.
        let known =
            Checkpoint { starts: harvest.starts.clone().into_iter().collect(), ..Checkpoint::default() };
        let again = read_all(&*source, &known).await.unwrap();
        assert_eq!((again.stream("items").len(), again.stream("assets").len()), (2, 0), "{path}");
        write(&bench, "cat/data/b.txt", "changed");
        let again = read_all(&*source, &known).await.unwrap();
        assert_eq!(again.stream("assets").len(), 2, "{path}");
        assert_eq!(std::fs::read(bench.file("out/c/b/url.txt")).unwrap(), b"changed");
    }
}

#[tokio::test]
async fn what_an_item_of_a_file_may_not_have_is_a_failure_of_its_own() {
    let bench = Bench::new().await;
    let assets = json!({
        "good": {"href": "good.txt"},
        "gone": {"href": "gone.txt"},
        "folder": {"href": "."},
        "above": {"href": "../secret"},
        "secret": {"href": format!("file://{}", bench.file("secret").display())},
        "bucket": {"href": "s3://bucket/key.tif"},
    });
    write(&bench, "in/a.json", feature("a", &json!([]), &assets).to_string());
    write(&bench, "in/good.txt", "good");
    write(&bench, "secret", "s");
    let all = json!({"path": "in/*.json", "assets": {"folder": "out", "exclude": ["folder"]}});
    let harvest = read(&bench, all).await;
    assert_eq!(copied(&bench), ["out/c/a/good.txt"]);
    let reasons = reasons(&harvest);
    let [above, bucket, gone, secret] = &reasons[..] else { panic!("{reasons:?}") };
    for outside in [above, secret] {
        assert!(outside.contains("asset") && outside.contains("outside of the folders"), "{outside}");
    }
    assert!(bucket.contains("no client for S3 yet"), "{bucket}");
    assert!(gone.contains("asset gone of item a") && gone.contains("cannot be read"), "{gone}");
    let named =
        json!({"path": "in/*.json", "assets": {"folder": "out", "include": ["above"], "copy_from": ["."]}});
    assert!(read(&bench, named).await.failures.is_empty());
    assert_eq!(copied(&bench), ["out/c/a/above", "out/c/a/good.txt"]);
}

#[tokio::test]
async fn a_wrong_checksum_is_kept_aside() {
    let bench = Bench::new().await;
    let assets = json!({"x": {"href": "x.txt", "file:checksum": format!("1220{}", sha256(b"other"))}});
    write(&bench, "in/a.json", feature("a", &json!([]), &assets).to_string());
    write(&bench, "in/x.txt", "this");
    let all = source(&bench, json!({"path": "in"}));
    let error = read_all(&*all, &Checkpoint::default()).await.unwrap_err();
    assert!(error.to_string().contains("and should be sha256:"), "{error}");
    assert_eq!(copied(&bench), ["out/c/a/x.txt.quarantine"]);
}

/// Begins to read, and is cut off after the part file got all bytes, of which none is known to have come.
async fn half(source: &dyn Source) -> (Split, Cursor) {
    let items = source.plan(&Checkpoint::default()).await.unwrap().remove(0);
    let batch = source.open(&items, None).await.unwrap().next().await.unwrap().unwrap();
    let split = batch.found.into_iter().next().unwrap();
    let mut reader = source.open(&split, None).await.unwrap();
    let first = Reader::next(&mut *reader).await.unwrap().unwrap();
    (split, first.cursor)
}

#[tokio::test]
async fn a_copy_that_was_cut_off_goes_on_unless_its_file_has_changed() {
    for changes in [false, true] {
        let bench = Bench::new().await;
        let mut image = image();
        write(&bench, "in/a.json", feature("a", &json!([]), &json!({"x": {"href": "x.tif"}})).to_string());
        write(&bench, "in/x.tif", &image);
        let source = source(&bench, json!({"path": "in"}));
        let (split, at) = half(&*source).await;
        if changes {
            image.push(7);
            write(&bench, "in/x.tif", &image);
        }
        let mut reader = source.open(&split, Some(&at)).await.unwrap();
        while !reader.next().await.unwrap().unwrap().done {}
        assert!(std::fs::read(bench.file("out/c/a/x.tif")).unwrap() == image, "{changes}");
    }
}

#[tokio::test]
async fn an_item_that_says_where_it_is_on_the_web_has_what_is_not_here_from_there() {
    let bench = Bench::new().await;
    let own = format!("{}/objects/a.json", bench.sandbox.url());
    let assets = json!({"here": {"href": "here.txt"}, "there": {"href": "there.txt?size=5"}});
    write(&bench, "in/a.json", feature("a", &json!([{"rel": "self", "href": own}]), &assets).to_string());
    write(&bench, "in/here.txt", "here");
    let harvest = read(&bench, json!({"path": "in"})).await;
    assert!(harvest.failures.is_empty(), "{:?}", harvest.failures);
    assert_eq!(std::fs::read(bench.file("out/c/a/here.txt")).unwrap(), b"here");
    assert_eq!(std::fs::read(bench.file("out/c/a/there.txt")).unwrap().len(), 5);
}

/// A catalogue on the web tries everything to have a file of this machine read, also through a catalogue of this
/// machine that links to it.
#[tokio::test]
async fn nobody_on_the_web_gets_a_file_of_this_machine() {
    let bench = Bench::new().await;
    write(&bench, "in/secret", "s");
    let secret = format!("file://{}", bench.file("in/secret").display());
    let folder = format!("file://{}/", bench.file("in").display());
    let script = Script::start(move |asked| {
        let own = |href: &str| json!([{"rel": "self", "href": href}]);
        let item = |id: &str, own: &Value, href: &str| feature(id, own, &json!({"x": {"href": href}}));
        let mut items = vec![
            item("absolute", &json!([]), &secret),
            item("relative", &own(&folder), "./secret"),
            item("short", &own(&folder), "secret"),
            item("rewritten", &json!([]), "s3://bucket/secret"),
        ];
        match asked.path() {
            "/one.json" => Answer::json(items.remove(0)),
            "/catalog.json" => Answer::json(json!({"type": "Catalog", "id": "x", "links": [
                {"rel": "item", "href": "/one.json"}, {"rel": "item", "href": secret.clone()},
                {"rel": "child", "href": "/items"}, {"rel": "child", "href": folder.clone()}]})),
            "/items" => Answer::json(json!({"type": "FeatureCollection", "links": [], "features": items})),
            _ => Answer::new(404, &[], ""),
        }
    })
    .await;
    let link = json!({"type": "Catalog", "id": "home", "links": [
        {"rel": "child", "href": format!("{}/catalog.json", script.url)},
        {"rel": "item", "href": format!("{}/one.json", script.url)}]});
    write(&bench, "in/catalog.json", link.to_string());
    let rewrite = json!({"s3://bucket/": format!("file://{}/", bench.file("in").display())});
    let assets = json!({"folder": "out", "rewrite": rewrite});
    for keys in [
        json!({"url": format!("{}/catalog.json", script.url), "assets": assets}),
        json!({"url": format!("{}/items", script.url), "assets": assets}),
        json!({"path": "in/catalog.json", "assets": assets}),
    ] {
        // What would be beside the pages of the web is not there.
        let source = source(&bench, keys.clone());
        let mut waiting = source.plan(&Checkpoint::default()).await.unwrap();
        let mut tried = 0;
        while let Some(split) = waiting.pop() {
            let mut reader = source.open(&split, None).await.unwrap();
            while let Ok(Some(batch)) = reader.next().await {
                tried += batch
                    .failures
                    .iter()
                    .filter(|failure| failure.reason.contains("on this machine"))
                    .count();
                for split in batch.found.iter().filter(|split| split.stream.as_str() == "assets") {
                    assert!(!split.payload.to_string().contains("file:"), "{keys}: {}", split.payload);
                }
                waiting.extend(batch.found);
            }
        }
        assert!(tried >= 2, "{keys}: {tried}");
        assert_eq!(copied(&bench), [""; 0], "{keys}");
    }
    let wrong = json!({"url": "https://x.example", "assets": {"folder": "out", "copy_from": ["in"]}});
    let problems = (CONNECTOR.build)(wrong, bench.context()).err().unwrap();
    assert!(problems[0].to_string().contains("needs `path`"), "{problems:?}");
}

#[tokio::test]
async fn buckets_are_asked_on_the_web_where_their_address_is_given() {
    let bench = Bench::new().await;
    let assets = json!({"x": {"href": "s3://bucket/deep/x.tif?size=9"}, "y": {"href": "s3://other/y.tif"}});
    let page =
        json!({"type": "FeatureCollection", "links": [], "features": [feature("a", &json!([]), &assets)]});
    let conforms = ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"];
    let script = Script::start(move |asked| match asked.path() {
        "/" => Answer::json(json!({"type": "Catalog", "id": "api", "conformsTo": conforms,
            "links": [{"rel": "search", "href": "/search", "method": "GET", "type": "application/geo+json"}]})),
        _ => Answer::json(page.clone()),
    })
    .await;
    let rewrite = json!({"s3://": "https://wrong.example/", "s3://bucket/deep/": format!("{}/objects/", bench.sandbox.url())});
    let assets = json!({"folder": "out", "include": ["x"], "rewrite": rewrite});
    let harvest = read(&bench, json!({"url": script.url, "split": "none", "assets": assets})).await;
    assert!(harvest.failures.is_empty(), "{:?}", harvest.failures);
    assert_eq!(std::fs::read(bench.file("out/c/a/x.tif")).unwrap().len(), 9);
    let plain = source(&bench, json!({"url": script.url, "split": "none"}));
    let said = plain.test().await.unwrap().summary;
    assert!(said.contains("0 assets of 1 of the items would be downloaded, and 2 cannot be: "), "{said}");
    assert!(said.contains("no client for S3 yet"), "{said}");
}
