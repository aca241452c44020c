//! The downloads of STAC items.

use busta_connectors::download::assets::{Assets, AssetsConfig};
use busta_connectors::download::{Folder, Rules, Task};
use busta_core::checkpoint::SplitState;
use busta_core::{Checkpoint, Position, Reader, Split};
use busta_sandbox::Object;
use serde_json::{Value, json};
use url::Url;

use crate::bench::{Bench, bytes, sha256};

fn item(assets: &Value) -> Vec<u8> {
    json!({
        "type": "Feature", "id": "S2A/1", "collection": "sentinel-2",
        "properties": {"datetime": "2024-05-06T07:08:09Z"},
        "links": [], "assets": assets,
    })
    .to_string()
    .into_bytes()
}

fn assets(bench: &Bench, config: &Value) -> Result<Assets, Vec<String>> {
    let config: AssetsConfig = serde_json::from_value(config.clone()).unwrap();
    Assets::new(&config, &bench.context(), &"items".into(), bench.client(), &[])
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn paths(splits: &[Split]) -> Vec<String> {
    splits.iter().map(|split| split.decode::<Task>().unwrap().path).collect()
}

#[tokio::test]
async fn wanted_assets_become_splits_and_files() {
    let bench = Bench::new().await;
    let body = bytes(Object::named("B04.tif", 1000));
    let stream = assets(&bench, &json!({"folder": "scenes", "include": ["B*"], "exclude": ["B08"]})).unwrap();
    let (splits, failures) = stream.find(
        &item(&json!({
            "B04": {"href": "../objects/B04.tif?size=1000", "type": "image/tiff",
                    "file:size": 1000, "file:checksum": format!("1220{}", sha256(&body))},
            "B08": {"href": "nowhere"},
            "thumbnail": {"href": "nowhere"},
            "Bucket": {"href": "s3://bucket/key.tif"},
        })),
        Some(&Url::parse(&format!("{}/items/page", bench.sandbox.url())).unwrap()),
    );
    assert_eq!(failures.len(), 1);
    assert!(failures[0].reason.contains("only by http and https"), "{}", failures[0].reason);
    assert_eq!(splits.len(), 1);
    assert_eq!(splits[0].id.as_str(), "assets/sentinel-2/S2A%2F1/B04");
    assert!(splits[0].host.is_some());
    let mut reader = stream.open(&splits[0], None).unwrap();
    let batch = Reader::next(&mut *reader).await.unwrap().unwrap();
    let record: Value = serde_json::from_slice(batch.records.get(0)).unwrap();
    assert_eq!(record["collection"], "sentinel-2");
    assert_eq!((&record["item"], &record["asset"]), (&json!("S2A/1"), &json!("B04")));
    assert_eq!(record["verified"], true);
    let path = record["path"].as_str().unwrap();
    assert!(path.starts_with("sentinel-2/S2A_1~") && path.ends_with("/B04.tif"), "{path}");
    assert!(std::fs::read(bench.file("scenes").join(path)).unwrap() == body);
}

#[tokio::test]
async fn what_is_there_and_recorded_is_not_named() {
    let bench = Bench::new().await;
    let stream = assets(&bench, &json!({"folder": "scenes", "path": "{asset}.tif"})).unwrap();
    let page = Url::parse(&bench.sandbox.url()).unwrap();
    let checksum = format!("1220{}", sha256(&bytes(Object::named("red.tif", 1000))));
    let find = |id: &str, checksum: &str| {
        let asset = json!({"href": "/objects/red.tif?size=1000", "file:checksum": checksum});
        let item = json!({"id": id, "collection": "c", "assets": {"red": asset}}).to_string();
        stream.find(item.as_bytes(), Some(&page)).0
    };
    let split = find("one", &checksum).remove(0);
    let batch = stream.open(&split, None).unwrap().next().await.unwrap().unwrap();
    let from = Checkpoint { starts: batch.starts.into_iter().collect(), ..Checkpoint::default() };

    stream.remember(&from);
    assert!(find("one", &checksum).is_empty());
    assert_eq!(find("two", &checksum).len(), 1, "the file of another asset");
    assert_eq!(find("one", &checksum.replace("1220", "122000")).len(), 1, "no such checksum");
    stream.remember(&from);
    assert_eq!(find("one", &format!("1220{}", sha256(b"other"))).len(), 1, "another object");
    let file = std::fs::File::options().write(true).open(bench.file("scenes/red.tif")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(find("one", &checksum).len(), 1, "another file");
}

#[tokio::test]
async fn parts_that_nobody_will_go_on_with_are_swept() {
    let bench = Bench::new().await;
    let stream = assets(&bench, &json!({"folder": "scenes", "path": "{asset}"})).unwrap();
    let found = |key: &str| {
        let asset = json!({(key): {"href": format!("/objects/{key}?size=1000")}});
        let page = Url::parse(&bench.sandbox.url()).unwrap();
        stream.find(&item(&asset), Some(&page)).0.remove(0)
    };
    let parts = Folder::new(bench.file("scenes"), Rules::default());
    std::fs::create_dir_all(bench.file("scenes/_busta/parts")).unwrap();
    for name in ["left", "open", "done"] {
        let file = std::fs::File::create(parts.part(name, 0)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    }
    let mut from = Checkpoint::default();
    for (name, position) in [("open", Position::Start), ("done", Position::Done)] {
        let split = found(name);
        from.splits.insert(split.id.clone(), SplitState { position, high: None, found: Some(split) });
    }
    stream.remember(&from);
    let there = |name| parts.part(name, 0).exists();
    assert!(there("left"), "planning alone takes nothing away");
    stream.open(&found("other"), None).unwrap().next().await.unwrap();
    assert_eq!((there("left"), there("open"), there("done")), (false, true, false));
}

#[tokio::test]
async fn paths_and_roles_are_as_configured() {
    let bench = Bench::new().await;
    let config = json!({
        "folder": "x", "roles": ["data"], "path": "{year}/{month}/{day}/{name}-{asset}"
    });
    let stream = assets(&bench, &config).unwrap();
    let (splits, _) = stream.find(
        &item(&json!({
            "a": {"href": "https://x.example/dir/red.tif?sig=1", "roles": ["data", "visual"]},
            "b": {"href": "https://x.example/b.tif", "roles": ["thumbnail"]},
            "c": {"href": "https://x.example/c.tif"},
        })),
        None,
    );
    assert_eq!(paths(&splits), ["2024/05/06/red.tif-a"]);
    assert_eq!(splits[0].host.as_ref().unwrap().as_str(), "x.example");
}

#[tokio::test]
async fn all_that_is_wrong_in_the_section_is_said() {
    let bench = Bench::new().await;
    let config = json!({"folder": "x", "include": ["[", "ok"], "path": "../{ID}"});
    let problems = assets(&bench, &config).err().unwrap();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].starts_with("include.0.") && problems[1].starts_with("path."), "{problems:?}");
    let problems = assets(&bench, &json!({"folder": "x", "include": []})).err().unwrap();
    assert!(problems[0].contains("names no asset"), "{problems:?}");
}

#[tokio::test]
async fn an_item_that_cannot_be_read_is_one_failure() {
    let bench = Bench::new().await;
    let stream = assets(&bench, &json!({"folder": "x"})).unwrap();
    let (splits, failures) = stream.find(br#"{"id": "a", "assets": {"b": 7}}"#, None);
    assert_eq!((splits.len(), failures.len()), (0, 1));
    assert!(stream.find(br#"{"id": "a"}"#, None).0.is_empty());
}

#[tokio::test]
async fn a_stac_source_downloads_what_its_items_name() {
    let bench = Bench::new().await;
    let objects = format!("{}/objects", bench.sandbox.url());
    let body = bytes(Object::named("b.tif", 2000));
    let feature = |id: &str, assets: Value| {
        json!({"type": "Feature", "stac_version": "1.0.0", "id": id, "collection": "c",
               "geometry": null, "properties": {"datetime": "2024-05-06T07:08:09Z"},
               "links": [], "assets": assets})
    };
    let page = json!({"type": "FeatureCollection", "links": [], "numberMatched": 2, "features": [
        feature("one", json!({"visual": {"href": format!("{objects}/a.tif?size=1000"), "type": "image/tiff"}})),
        feature("two", json!({
            "visual": {"href": format!("{objects}/b.tif?size=2000"),
                       "file:checksum": format!("1220{}", sha256(&body))},
            "thumbnail": {"href": format!("{objects}/none")}})),
    ]});
    let script = crate::scripted::Script::start(move |asked| match asked.path() {
        "/" => crate::scripted::Answer::json(json!({
            "type": "Catalog", "id": "api", "stac_version": "1.0.0", "description": "",
            "conformsTo": ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"],
            "links": [{"rel": "search", "href": "/search", "method": "GET", "type": "application/geo+json"}],
        })),
        "/collections" => crate::scripted::Answer::json(json!({"collections": [{"id": "c"}], "links": []})),
        _ => crate::scripted::Answer::json(page.clone()),
    })
    .await;
    let keys = json!({
        "url": script.url, "assets": {"folder": "scenes", "include": ["visual"]},
    });
    let source = (busta_connectors::sources::stac::CONNECTOR.build)(keys, bench.context()).unwrap();
    let names: Vec<_> = source.streams().iter().map(|stream| stream.name.to_string()).collect();
    assert_eq!(names, ["items", "assets"]);
    let harvest = busta_testkit::drive::read_all_reopening(&*source, &Default::default()).await.unwrap();
    assert_eq!(harvest.stream("items").len(), 2);
    let files: Vec<_> =
        harvest.stream("assets").iter().map(|file| (&file["path"], &file["verified"])).collect();
    assert_eq!(
        files,
        [(&json!("c/one/visual.tif"), &json!(false)), (&json!("c/two/visual.tif"), &json!(true))]
    );
    assert_eq!(
        bench.files(),
        ["scenes/c/one/visual.tif", "scenes/c/two/visual.tif"].map(|file| file.to_owned()).to_vec()
    );
    assert!(std::fs::read(bench.file("scenes/c/two/visual.tif")).unwrap() == body);
}
