//! Manifests from outside: a user's own reads an API that it has never heard of, and the commands know it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use busta_sandbox::SandboxConfig;
use serde_json::Value;
use support::Desk;
use support::landed::sqlite;
use support::origin::Origin;

/// The manifest of the guide.
fn manifest() -> String {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide-manifests.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let (_, after) = guide.split_once("```yaml connectors/shop.yaml\n").unwrap();
    after.split_once("```").unwrap().0.to_owned()
}

fn shop(url: &str, more: &str) -> Desk {
    let desk = Desk::new(&format!(
        "connectors: [connectors/shop.yaml]
sources:
  - name: mine
    type: shop
    base_url: {url}
{more}"
    ));
    desk.write("connectors/shop.yaml", manifest());
    desk
}

#[test]
fn an_own_manifest_collects_parents_and_children() {
    let origin = Origin::new(SandboxConfig { records: 60, ..SandboxConfig::default() });
    let desk = shop(&origin.url(), "    lines: true\n    page_size: 25\n");
    let report = desk.collect_well(&[]);
    let landed = sqlite(&desk.file("busta.db"));
    let lines: usize = (0..60).map(|id| id % 5).sum();
    assert_eq!((landed["orders"].len(), landed["order_lines"].len()), (60, lines), "{report:#}");
    assert_eq!(report["sources"][0]["type"], "shop");
    // One of a size of 25 needs three pages.
    assert_eq!(origin.stats().route("/rest/page/orders").requests, 3);

    // What has not changed is not asked for again, as with any `api`.
    let report = desk.collect_well(&[]);
    assert!(report["records"].as_u64().unwrap() < 60, "{report:#}");
}

#[test]
fn the_commands_know_own_manifests() {
    let desk = shop("http://127.0.0.1:9", "    preset: small\n");
    let well = |args: &[&str]| {
        let ended = desk.busta(args);
        assert_eq!(ended.code, 0, "{args:?}: {}", ended.stderr);
        ended.stdout
    };
    assert!(well(&["check"]).contains("mine (shop): orders -> sqlite busta.db"));
    let listed = well(&["connectors", "list"]);
    for name in ["shop", "reddit", "ebay", "amazon", "sqlite"] {
        assert!(listed.lines().any(|line| line.trim_start().starts_with(name)), "{name}: {listed}");
    }
    let shown = well(&["connectors", "show", "shop"]);
    for part in ["type: shop", "page_size", "Streams: orders, order_lines", "Presets:\n  small"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(well(&["connectors", "show", "shop", "--yaml"]), manifest());
    assert!(well(&["connectors", "show", "reddit", "--yaml"]).starts_with("# Reddit"));
    let schema: Value = serde_json::from_str(&well(&["schema"])).unwrap();
    let kinds = schema["properties"]["sources"]["items"]["oneOf"].as_array().unwrap();
    let shop = kinds.iter().find(|kind| kind["properties"]["type"]["const"] == "shop").unwrap();
    assert_eq!(shop["properties"]["page_size"]["maximum"], 500.0);
    assert!(kinds.iter().any(|kind| kind["properties"]["type"]["const"] == "reddit"));
    let ended = desk.busta(&["connectors", "show", "api", "--yaml"]);
    assert!(ended.code == 2 && ended.stderr.contains("written in Rust"), "{}", ended.stderr);
}

#[test]
fn a_wrong_manifest_is_told_with_its_place_wherever_it_is_used() {
    let desk = shop("http://127.0.0.1:9", "    page_size: 9000\n");
    let ended = desk.busta(&["check"]);
    assert!(
        ended.code == 2 && ended.stderr.contains("busta.yaml:6:16: sources[0].page_size"),
        "{}",
        ended.stderr
    );
    desk.write("connectors/shop.yaml", manifest().replace("records: $.items", "record: $.items"));
    desk.write("busta.yaml", std::fs::read_to_string(desk.file("busta.yaml")).unwrap().replace("9000", "90"));
    let ended = desk.busta(&["check"]);
    assert!(ended.code == 2 && ended.stderr.contains("connectors/shop.yaml:"), "{}", ended.stderr);
    assert!(ended.stderr.contains("did you mean `records`?"), "{}", ended.stderr);
}

#[test]
fn what_a_destination_cannot_do_is_told_in_a_note() {
    let desk = Desk::new(
        "destination: { type: ndjson, path: out }
sources:
  - { name: s, type: ebay, queries: [lamp], auth: { client_id: i, client_secret: secret-of-ebay } }
",
    );
    let ended = desk.busta(&["check"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("note: `sellers`: ndjson out only holds rows"), "{}", ended.stdout);
}

#[test]
fn the_recipes_are_right() {
    for recipe in
        [include_str!("../../../recipes/reddit.yaml"), include_str!("../../../recipes/marketplace.yaml")]
    {
        let desk = Desk::new(recipe);
        let mut command = desk.command(&["check"]);
        for name in ["REDDIT_ID", "REDDIT_SECRET", "REDDIT_USER", "AMAZON_API_KEY", "EBAY_ID", "EBAY_SECRET"]
        {
            command.env(name, format!("value-of-{}", name.to_lowercase().replace('_', "-")));
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
