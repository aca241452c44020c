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
    for part in ["transforms[1] cast: amount", "a lot", "in/a.ndjson:3 (record with id 3)", "transform"] {
        assert!(failures.contains(part), "{part}: {failures}");
    }
}

/// Several small files are one batch. What the destination refuses is named by its file all the same, also
/// after transforms that leave records out and make others of them.
#[test]
fn a_refused_record_names_its_file() {
    for destination in ["{ type: sqlite, path: out.db }", "{ type: ndjson, path: out }"] {
        for transforms in ["[]", "[{ filter: { keep: { ne: false } } }, { set: { seen: true } }]"] {
            let source = "{ name: s, type: files, paths: [in], primary_key: id";
            let desk = Desk::new(&format!(
                "destination: {destination}\nsources:\n  - {source}, transforms: {transforms} }}\n"
            ));
            desk.write("in/1.json", r#"[{"id": 1, "keep": false}, {"id": 2}, {"no": 1}]"#);
            desk.write(
                "in/2.ndjson",
                "{\"id\": 3, \"keep\": false}\n\n{\"id\": 4}\n{\"no\": 2}\n{\"id\": 5}\n",
            );
            desk.write("in/3.csv", "id,no\n6,a\n7,\"b\nc\"\n,d\n");
            let ended = desk.busta(&["sources", "collect", "--json"]);
            let told = desk.busta(&["runs", "failures", "--json"]).stdout;
            for position in ["\"in/1.json: item 3\"", "\"in/2.ndjson:4\"", "\"in/3.csv:5\""] {
                assert!(told.contains(position), "{position}: {told}\n{}", ended.stderr);
            }
        }
    }
}

#[test]
fn what_is_doubted_goes_on_and_is_told() {
    let rules = "{ required: [id], properties: { price: { type: number } } }";
    let desk = Desk::new(&format!(
        "sources:\n  - name: a\n    type: files\n    paths: [a.ndjson]\n    transforms:\n      - validate: {{ schema: {rules}, strict: false }}\n",
    ));
    desk.write(
        "a.ndjson",
        "{\"id\":1,\"price\":2}\n{\"id\":2,\"price\":\"x\"}\n{\"id\":3,\"price\":\"x\"}\n{\"price\":4}\n",
    );
    let ended = desk.busta(&["sources", "collect"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let told = ended.stdout.split_once("a: 3 warnings about records that went on, such as:\n").unwrap().1;
    let told: Vec<&str> = told.lines().take_while(|line| line.starts_with("  ")).collect();
    // Each once, though two records have the same.
    assert_eq!(told.len(), 2, "{}", ended.stdout);
    assert!(told[0].contains("price") && told[1].contains("id"), "{told:?}");
}

/// An example of the guide: a list of transforms, the records in and the records out.
#[derive(Default)]
struct Example {
    transforms: String,
    records: Vec<Value>,
    expected: Option<Vec<Value>>,
}

/// The examples, and the files that they use with their names.
fn examples(guide: &str) -> (Vec<Example>, Vec<(String, String)>) {
    let (mut examples, mut files): (Vec<Example>, _) = (Vec::new(), Vec::new());
    let mut parts = guide.split("```");
    // Between fences stands text; each block begins with its language.
    while let (Some(_), Some(block)) = (parts.next(), parts.next()) {
        let (language, text) = block.split_once('\n').unwrap();
        let lines = || text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        match (language, examples.last_mut()) {
            ("yaml", _) if text.starts_with("- ") => {
                examples.push(Example { transforms: text.to_owned(), ..Example::default() });
            }
            ("json", Some(example)) if example.records.is_empty() => example.records = lines(),
            ("json", Some(example)) => example.expected = Some(lines()),
            _ => files.extend(language.split_once(' ').map(|(_, name)| (name.to_owned(), text.to_owned()))),
        }
    }
    (examples, files)
}

/// A row as the record that it was made of.
fn record(mut row: Value) -> Value {
    let fields = row.as_object_mut().unwrap();
    fields.retain(|name, value| !name.starts_with("_busta") && !value.is_null());
    for value in fields.values_mut() {
        let nested = value.as_str().filter(|text| text.starts_with(['{', '[']));
        if let Some(nested) = nested.and_then(|text| serde_json::from_str(text).ok()) {
            *value = nested;
        }
    }
    row
}

#[test]
fn the_examples_of_the_guide_do_what_it_says() {
    let guide =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide-transforms.md"));
    let (examples, files) = examples(&guide.unwrap());
    assert!(examples.len() >= 12, "{} examples found", examples.len());
    let mut config = "sources:\n".to_owned();
    for (index, example) in examples.iter().enumerate() {
        let list = example.transforms.replace('\n', "\n      ");
        config.push_str(&format!(
            "  - name: example{index}\n    type: files\n    paths: [in/{index}.ndjson]\n    transforms:\n      {}\n",
            list.trim_end()
        ));
    }
    let desk = Desk::new(&config);
    for (name, text) in files {
        desk.write(&name, text);
    }
    for (index, example) in examples.iter().enumerate() {
        let lines: String = example.records.iter().map(|record| format!("{record}\n")).collect();
        desk.write(&format!("in/{index}.ndjson"), lines);
    }
    let ended = desk.busta(&["sources", "collect", "--json"]);
    for (index, example) in examples.iter().enumerate() {
        let head = desk.busta(&["data", "head", &format!("example{index}"), "--json", "-n", "99"]);
        let rows = head.stdout.lines().map(|line| record(serde_json::from_str(line).unwrap()));
        let expected = example.expected.iter().flatten().cloned().map(record);
        let (rows, expected): (Vec<_>, Vec<_>) = (rows.collect(), expected.collect());
        assert_eq!(rows, expected, "{}\n{}\n{}", example.transforms, head.stderr, ended.stderr);
    }
}

#[test]
fn a_side_file_that_is_missing_fails_the_source_before_anything_is_read() {
    let desk = Desk::new(
        "sources:\n  - name: a\n    type: files\n    paths: [a.ndjson]\n    transforms:\n      - enrich: { file: none.csv, key: id }\n",
    );
    desk.write("a.ndjson", "{\"id\": 1}\n");
    let ended = desk.busta(&["sources", "collect", "--json"]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(
        ended.stdout.contains("transforms[0] enrich") && ended.stdout.contains("none.csv"),
        "{}",
        ended.stdout
    );
}

/// Filters that are handed on for ever would take the whole stack, and with it the process.
#[test]
fn a_program_that_goes_too_deep_fails_its_record_and_no_more() {
    let endless = ["def f(g): f(g | g); f(.)", "reduce range(infinite) as $n (.; . as $x | {} | .next = $x)"];
    for endless in endless {
        let program = format!("if .id == 1 then {endless} else . end");
        let desk = Desk::new(&format!(
            "sources:\n  - {{ name: s, type: files, paths: [in.ndjson], transforms: [{{ jq: '{program}' }}] }}\n"
        ));
        desk.write("in.ndjson", "{\"id\": 1}\n{\"id\": 2}\n");
        let ended = desk.busta(&["sources", "collect", "--json"]);
        assert_eq!(ended.code, 0, "{program}: {}", ended.stderr);
        let report: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!((&report["records"], &report["failures"]), (&json!(1), &json!(1)), "{program}: {report}");
        let failures = desk.busta(&["runs", "failures", "--json"]).stdout;
        assert!(failures.contains("the program goes too deep"), "{program}: {failures}");
    }
}
