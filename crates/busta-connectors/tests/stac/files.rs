//! Static catalogues on the web and on this machine, and items in files.

use busta_core::Checkpoint;
use busta_sandbox::StacWorld;
use busta_testkit::drive::read_all;
use serde_json::json;

use super::{build, build_in, keys, read, read_both, sandbox, with};

fn world(text: &str) -> StacWorld {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_catalogue_on_the_web_is_followed() {
    let sandbox = sandbox().await;
    let url = format!("{}/stac-static/250/catalog.json", sandbox.url());
    let harvest = read_both(&*build(json!({ "url": url }))).await;
    let api = read(&*build(json!({ "url": format!("{}/stac/250", sandbox.url()) }))).await;
    assert_eq!(keys(&harvest), keys(&api));
    let dead: Vec<_> = harvest.failures.iter().map(|(_, f)| f.position.clone().unwrap()).collect();
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert!(dead[0].ends_with("gone.json"), "{dead:?}");

    let some = json!({ "url": url, "collections": ["landsat-c2-l2"], "include_collections": true });
    let harvest = read_both(&*build(some)).await;
    assert!(harvest.stream("items").iter().all(|item| item["collection"] == "landsat-c2-l2"));
    assert!(!harvest.stream("items").is_empty());
    assert_eq!(harvest.stream("collections").len(), 1);
}

#[tokio::test]
async fn items_that_have_not_changed_are_not_sent_again() {
    let sandbox = sandbox().await;
    let url = format!("{}/stac-static/250/catalog.json", sandbox.url());
    let not_modified = || sandbox.stats().total.statuses.get(&304).copied().unwrap_or(0);
    let config = json!({ "url": url, "datetime": "2023/.." });
    let first = read(&*build(config.clone())).await;
    assert!(!first.stream("items").is_empty() && not_modified() == 0);
    let known = Checkpoint { starts: first.starts.clone().into_iter().collect(), ..Checkpoint::default() };
    let again = read_all(&*build(config.clone()), &known).await.unwrap();
    assert!(again.stream("items").is_empty() && again.starts.is_empty());
    assert_eq!(not_modified(), 250);
    // What was left out then may be wanted now.
    for more in [json!({ "datetime": "2022/.." }), json!({ "write_mode": "replace" })] {
        let asked = build(with(config.clone(), &more));
        let harvest = read_all(&*asked, &known).await.unwrap();
        assert!(harvest.stream("items").len() >= first.stream("items").len(), "{more}");
        assert_eq!(not_modified(), 250);
    }
}

#[tokio::test]
async fn catalogues_are_searched_by_what_items_show() {
    let sandbox = sandbox().await;
    let web = json!({ "url": format!("{}/stac-static/250/catalog.json", sandbox.url()) });
    let api = json!({ "url": format!("{}/stac/250", sandbox.url()) });
    for search in [
        json!({ "datetime": "2022-07" }),
        json!({ "datetime": "2024-01-01/.." }),
        json!({ "bbox": [-180, 0, 180, 90], "datetime": "2023/2024" }),
    ] {
        let harvest = read(&*build(with(web.clone(), &search))).await;
        assert_eq!(keys(&harvest), keys(&read(&*build(with(api.clone(), &search))).await), "{search}");
    }
    let error = build(with(web, &json!({ "query": {} }))).plan(&Default::default()).await.unwrap_err();
    assert!(error.message().contains("`query` needs a STAC API"), "{error}");
}

#[tokio::test]
async fn files_of_every_layout_give_the_same_items() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let world = world("120");
    world.write_catalog(&here.join("catalog"), "http://x.example").unwrap();
    world.write_items(&here.join("items"), "http://x.example").unwrap();
    world.write_ndjson(&here.join("items.ndjson"), "http://x.example").unwrap();
    world.write_item_collection(&here.join("all.json"), "http://x.example").unwrap();
    let expected = keys(&read(&*build_in(here.into(), json!({ "path": "items.ndjson" }))).await);
    assert_eq!(expected.len(), 120);
    for path in ["catalog/catalog.json", "catalog", "items", "all.json"] {
        let harvest = read_both(&*build_in(here.into(), json!({ "path": path }))).await;
        assert_eq!(keys(&harvest), expected, "{path}");
        let failures = usize::from(path == "catalog/catalog.json");
        assert_eq!(harvest.failures.len(), failures, "{path}: {:?}", harvest.failures);
    }
    let some = json!({ "path": "items.ndjson", "datetime": "2022", "collections": "sentinel-2-l2a" });
    let harvest = read(&*build_in(here.into(), some)).await;
    assert!(harvest.stream("items").iter().all(|item| item["collection"] == "sentinel-2-l2a"));
}

#[tokio::test]
async fn broken_files_are_failures() {
    let folder = tempfile::tempdir().unwrap();
    world("60,broken=6").write_items(folder.path(), "http://x.example").unwrap();
    std::fs::write(folder.path().join("no.json"), "{").unwrap();
    let harvest = read_both(&*build_in(folder.path().into(), json!({ "path": "." }))).await;
    assert_eq!(harvest.stream("items").len() + harvest.failures.len(), 61);
    assert!(harvest.failures.len() >= 5, "{:?}", harvest.failures);
    assert!(harvest.failures.iter().all(|(_, failure)| failure.position.is_some()));
}

#[tokio::test]
async fn a_broken_file_is_named_as_any_file_is() {
    let folder = tempfile::tempdir().unwrap();
    for n in 1..=5 {
        let id = if n == 3 { json!({}) } else { json!({ "id": format!("i{n}") }) };
        let item = with(json!({ "type": "Feature", "properties": {} }), &id);
        std::fs::write(folder.path().join(format!("i{n}.json")), item.to_string()).unwrap();
    }
    let source = build_in(folder.path().into(), json!({ "path": "." }));
    let split = source.plan(&Checkpoint::default()).await.unwrap().remove(0);
    let batch = source.open(&split, None).await.unwrap().next().await.unwrap().unwrap();
    assert_eq!(batch.failures[0].position.as_deref(), Some("i3.json: item 1"));
    // What the destination refuses later is named by its own file too.
    assert_eq!(batch.records.position(2), "i4.json: item 1");
}
