//! Transforms from outside: a file through a chain into sqlite, and what becomes of bad records.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use serde_json::{Value, json};
use support::Desk;

const CONFIG: &str = r#"sources:
  - name: orders
    type: files
    paths: ["in/*.ndjson"]
    stream: orders
    primary_key: id
    transforms:
      - filter: { status: { ne: test } }
      - cast: { amount: float, placed: datetime }
      - rename: { customer.name: customer_name }
      - set: { label: "{id}: {customer_name}", customer.checked: true }
      - drop: [internal]
"#;

const ORDERS: &str = r#"{"id": 1, "status": "paid", "amount": "19.90", "placed": 1714564800, "customer": {"name": "Ada"}, "internal": 1}
{"id": 2, "status": "test", "amount": "soon", "placed": null, "customer": {"name": "Bob"}}
{"id": 3, "status": "paid", "amount": "a lot", "placed": null, "customer": {"name": "Cy"}}
{"id": 12345678901234567890123, "status": "paid", "amount": 1.10, "placed": "2024-05-01", "customer": {"name": "Di"}}
"#;

#[test]
fn records_are_transformed_and_what_fails_is_kept_with_its_reason() {
    let desk = Desk::new(CONFIG);
    desk.write("in/a.ndjson", ORDERS);
    let ended = desk.busta(&["sources", "collect", "--json"]);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["records"], 2, "{}", ended.stderr);
    assert_eq!(report["sources"][0]["dropped"], 1, "{report}");

    let head = desk.busta(&["data", "head", "orders", "--json"]);
    let rows: Vec<Value> = head.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let first = rows.iter().find(|row| row["label"] == "1: Ada").unwrap_or_else(|| panic!("{rows:?}"));
    assert_eq!(first["amount"], json!(19.9));
    assert_eq!(first["placed"], "2024-05-01T12:00:00Z");
    assert!(first.get("internal").is_none_or(Value::is_null));
    assert!(rows.iter().any(|row| row["label"] == "12345678901234567890123: Di"), "{rows:?}");

    let failures = desk.busta(&["runs", "failures", "--json"]).stdout;
    for part in ["transforms[1] cast: amount", "a lot", "record with id 3", "transform"] {
        assert!(failures.contains(part), "{part}: {failures}");
    }
}
