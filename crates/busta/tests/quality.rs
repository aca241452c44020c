//! What is measured of records, through the real binary: told, remembered, and able to fail a run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use support::Desk;

const SOURCE: &str = "sources:
  - name: shop
    type: files
    paths: [orders.json]
    format: ndjson
    stream: orders
    primary_key: id
    quality:
      fail_on: error
      streams:
        orders:
          fields:
            name: { required: true }
            price: { min: 0, level: error }
          volume: { change: 0.5 }
";

fn orders(desk: &Desk, lines: &[&str]) {
    desk.write("orders.json", lines.join("\n"));
}

#[test]
fn findings_are_told_and_the_bad_ones_fail_the_run() {
    let desk = Desk::new(SOURCE);
    orders(&desk, &[r#"{"id":1,"name":"a","price":1}"#, r#"{"id":2,"price":-1}"#]);
    let sample = desk.busta(&["sources", "validate", "shop", "--records", "10"]);
    assert_eq!(sample.code, 3, "{}", sample.stdout);
    assert!(
        sample.stdout.contains("error validity: price is not valid in 1 of 2 records"),
        "{}",
        sample.stdout
    );
    assert!(!desk.file("busta.db").exists(), "a look at the first records must not write");

    let run = desk.busta(&["sources", "collect"]);
    assert_eq!(run.code, 3, "{}", run.stdout);
    for part in
        ["Quality:", "error shop.orders validity", "warning shop.orders completeness", "failed: quality"]
    {
        let shown = run.stdout.replace("(failed)", "failed");
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    let stored = desk.busta(&["data", "list"]);
    assert!(stored.stdout.contains("orders"), "what was measured as bad has landed: {}", stored.stdout);
    assert!(!run.stdout.contains("runs retry"), "there is nothing to try again: {}", run.stdout);
    let resumed = desk.busta(&["sources", "collect", "--resume"]);
    assert!(resumed.stderr.contains("no run to go on with"), "{}", resumed.stderr);
    let info = desk.busta(&["sources", "info", "shop"]);
    assert!(info.stdout.contains("name says nothing in 50.0 %"), "{}", info.stdout);
}

#[test]
fn what_schemas_refuse_is_told_wherever_quality_is() {
    let config = "sources:
  - name: shop
    type: files
    paths: [orders.json]
    format: ndjson
    stream: orders
    transforms:
      - validate: { schema: { required: [price] }, strict: false }
      - validate: { schema: own.json }
    quality:
      fail_on: critical
      streams: { orders: { schemas: { tolerance: 0.3, level: critical } } }
";
    let desk = Desk::new(config);
    desk.write("own.json", r#"{ "properties": { "id": { "type": "integer" } } }"#);
    orders(
        &desk,
        &[r#"{"id":1,"price":1}"#, r#"{"id":2}"#, r#"{"id":"x","price":1}"#, r#"{"id":"y","price":2}"#],
    );
    let sample = desk.busta(&["sources", "validate", "shop", "--records", "10"]);
    assert!(sample.stdout.contains("the schema own.json refuses 2 of 4 records"), "{}", sample.stdout);
    let run = desk.busta(&["sources", "collect", "--json"]);
    assert_eq!(run.code, 3, "{}", run.stdout);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let quality = &report["sources"][0]["quality"][0];
    let counts: Vec<_> = quality["schemas"]
        .as_array()
        .unwrap()
        .iter()
        .map(|schema| {
            (
                schema["schema"].as_str().unwrap(),
                schema["valid"].as_u64().unwrap(),
                schema["invalid"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(counts, [("schema", 3, 1), ("own.json", 2, 2)]);
    let reason = &quality["schemas"][1]["reasons"][0];
    assert_eq!((&reason["rule"], &reason["count"]), (&"own.json#/properties/id".into(), &2.into()));
    assert_eq!(reason["example"], "/id: want integer, but got string");
    let finding = &quality["findings"][0];
    assert_eq!((&finding["count"], &finding["fails"]), (&2.into(), &true.into()), "{quality}");
    assert_eq!(quality["findings"].as_array().unwrap().len(), 1, "one in four is tolerated: {quality}");
    let info = desk.busta(&["sources", "info", "shop"]);
    assert!(info.stdout.contains("2 x own.json#/properties/id: /id: want integer"), "{}", info.stdout);
}

#[test]
fn volume_is_held_against_the_runs_before() {
    let desk = Desk::new(SOURCE);
    let good = r#"{"id":1,"name":"a","price":1}"#;
    for size in [2, 2, 2, 2] {
        let lines: Vec<String> = (0..size).map(|_| good.to_owned()).collect();
        orders(&desk, &lines.iter().map(String::as_str).collect::<Vec<_>>());
        let run = desk.busta(&["sources", "collect", "--full-refresh"]);
        assert!(!run.stdout.contains("volume"), "{}", run.stdout);
    }
    orders(&desk, &[good; 9]);
    let run = desk.busta(&["sources", "collect", "--full-refresh"]);
    assert!(run.stdout.contains("9 records, where earlier runs brought about 2"), "{}", run.stdout);
}
