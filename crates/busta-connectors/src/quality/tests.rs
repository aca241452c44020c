use busta_core::quality::Quality;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::*;

struct At(&'static str);

impl Clock for At {
    fn now(&self) -> DateTime<Utc> {
        self.0.parse().unwrap()
    }
}

fn measurer(section: Value) -> Measurer {
    let spec = StreamSpec::new("orders", vec!["id".to_owned()]);
    build(section, &[spec], Arc::new(At("2024-01-10T00:00:00Z"))).unwrap()
}

fn observe(measurer: &Measurer, records: &[&str]) -> StreamQuality {
    for batch in records.chunks(2) {
        measurer.observe(&"orders".into(), &batch.iter().copied().collect());
    }
    measurer.report().remove(0)
}

fn words(quality: &StreamQuality) -> Vec<String> {
    quality.findings.iter().map(|f| format!("{} {}: {} ({})", f.level, f.check, f.message, f.count)).collect()
}

#[test]
fn every_check_finds_what_it_is_for() {
    let measurer = measurer(json!({
        "fail_on": "error",
        "streams": { "orders": {
            "fields": {
                "name": { "required": true },
                "price": { "type": "number", "min": 0, "level": "error" },
                "meta.state": { "one_of": ["open", "closed"] },
            },
            "rules": [{ "left": "start", "is": "le", "right": "end" }],
            "timeliness": { "field": "start", "max_age": "1d", "max_gap": "1d" },
            "volume": { "min": 10 },
        }},
    }));
    let quality = observe(
        &measurer,
        &[
            r#"{"id":1,"name":"a","price":1,"meta":{"state":"open"},"start":"2024-01-01T00:00:00Z","end":"2024-01-02T00:00:00Z"}"#,
            r#"{"id":2,"name":"","price":-1,"meta":{"state":"lost"},"start":"2024-01-03T00:00:00+01:00","end":"2024-01-02T00:00:00Z"}"#,
            r#"{"id":2,"name":null,"price":"1"}"#,
            r#"{"price":5.5,"start":"2024-01-03T12:00:00Z"}"#,
        ],
    );
    assert_eq!(
        words(&quality),
        [
            "error validity: price is not valid in 2 of 4 records: -1 is below 0 (2)",
            "error uniqueness: 1 records have no id, which is their key (1)",
            "warning validity: meta.state is not valid in 1 of 4 records: \"lost\" is none of the known values (1)",
            "warning completeness: name says nothing in 3 of 4 records (3)",
            "warning uniqueness: 1 records repeat the id of another (1)",
            "warning consistency: `start <= end` does not hold, first for \"2024-01-03T00:00:00+01:00\" and \"2024-01-02T00:00:00Z\" (1)",
            "warning timeliness: the newest record is of 2024-01-03T12:00:00Z, more than 1d ago (1)",
            "warning timeliness: no record for more than 1d, the longest from 2024-01-01T00:00:00Z to 2024-01-02T23:00:00Z (1)",
            "warning volume: 4 records, fewer than 10 (4)",
        ]
    );
    assert!(quality.findings.iter().all(|finding| finding.fails == (finding.level >= Level::Error)));
    let missing: Vec<_> = quality.fields.iter().map(|f| (f.name.as_str(), f.missing, f.invalid)).collect();
    assert_eq!(
        missing,
        [("id", 1, 0), ("name", 3, 0), ("price", 0, 2), ("meta", 2, 0), ("start", 1, 0), ("end", 2, 0)]
    );
}

#[test]
fn good_records_are_found_good() {
    let measurer = measurer(json!({ "streams": { "orders": {
        "fields": { "id": { "required": true, "type": "int" }, "x": { "required": true, "tolerance": 0.5 } },
        "volume": { "change": 0.5 },
    }}}));
    measurer.learn(&"orders".into(), vec![2, 3, 100]);
    let quality = observe(&measurer, &[r#"{"id":1}"#, r#"{"id":2,"x":1}"#]);
    assert_eq!(words(&quality), Vec::<String>::new());
}

#[test]
fn volume_is_held_against_earlier_runs() {
    let measurer =
        measurer(json!({ "streams": { "orders": { "volume": { "change": 0.5, "level": "critical" } } } }));
    measurer.learn(&"orders".into(), vec![10, 12]);
    assert!(observe(&measurer, &[r#"{"id":1}"#]).findings.is_empty());
    measurer.learn(&"orders".into(), vec![10, 12, 11]);
    assert_eq!(
        words(&measurer.report().remove(0)),
        ["critical volume: 1 records, where earlier runs brought about 11 (1)"]
    );
}

#[test]
fn what_schemas_refuse_is_counted_and_can_be_demanded() {
    let demanding = measurer(json!({
        "fail_on": "error",
        "streams": { "orders": { "schemas": { "tolerance": 0.25, "level": "error" } } },
    }));
    let of = |refused: &[(&str, &str)]| {
        let mut schema = SchemaQuality::new("stac");
        schema.valid = 3;
        refused.iter().for_each(|(rule, example)| schema.refuse(rule, example));
        schema
    };
    let quality = observe(&demanding, &[r#"{"id":1}"#]);
    assert_eq!(
        words(&quality),
        [
            "error validity: no record was held against a schema: there is no `validate` among the transforms (0)"
        ]
    );
    demanding.validated(&"orders".into(), vec![of(&[("b", "first"), ("a", "x")])]);
    demanding.validated(&"orders".into(), vec![of(&[])]);
    let quality = demanding.report().remove(0);
    assert!(quality.findings.is_empty(), "2 of 8 are tolerated: {:?}", quality.findings);
    demanding
        .validated(&"orders".into(), vec![of(&[("c", "y"), ("b", "z")]), SchemaQuality::new("own.json")]);
    let quality = demanding.report().remove(0);
    assert_eq!(
        words(&quality),
        ["error validity: the schema stac refuses 4 of 13 records, mostly b: first (4)"]
    );
    assert!(quality.findings[0].fails);
    let rules: Vec<_> = quality.schemas[0].reasons.iter().map(|r| (&*r.rule, r.count)).collect();
    assert_eq!(rules, [("b", 2), ("a", 1), ("c", 1)]);

    // Of a batch of which nothing goes on, something is known all the same; and nothing is remembered of a run before.
    let plain = measurer(json!({}));
    plain.validated(&"orders".into(), vec![of(&[("a", "x")])]);
    assert_eq!((plain.report()[0].records, plain.report()[0].schemas[0].invalid), (0, 1));
    assert!(plain.report()[0].findings.is_empty(), "it is told, and nobody asked for more");
    plain.begin();
    assert!(plain.report().is_empty());
    let section = json!({ "streams": { "orders": { "schemas": { "tolerance": 2 } } } });
    assert!(QualityConfig::read(section, None).unwrap_err()[0].message.contains("between 0 and 1"));
}

#[test]
fn without_rules_a_sample_is_looked_at() {
    let measurer = measurer(json!({}));
    let records: Vec<String> = (0..10_000).map(|n| format!(r#"{{"id":{n},"x":null}}"#)).collect();
    for batch in records.chunks(77) {
        measurer.observe(&"orders".into(), &batch.iter().map(String::as_str).collect());
    }
    let quality = measurer.report().remove(0);
    assert_eq!(quality.records, 10_000);
    let looked_at = 1_001 + (10_000 - 1_001) / SAMPLE as u64;
    assert!(quality.looked_at.abs_diff(looked_at) <= 2, "{} of {looked_at}", quality.looked_at);
    assert_eq!((quality.fields[0].missing, quality.fields[1].missing), (0, quality.looked_at));
    assert!(quality.findings.is_empty());
}

#[test]
fn what_is_wrong_in_the_section_is_told_with_its_place() {
    let spec = StreamSpec::new("orders", Vec::new());
    let section = json!({ "streams": {
        "order": {},
        "orders": {
            "fields": { "a.b": { "pattern": "(" , "tolerance": 2, "min": 2, "max": 1 } },
            "timeliness": { "field": "t", "max_gap": "0s" },
            "volume": { "min": 2, "max": 1 },
        },
    }});
    let Err(problems) = build(section, &[spec], Arc::new(At("2024-01-10T00:00:00Z"))) else { panic!() };
    let words: Vec<String> = problems.iter().map(|p| p.to_string().replace('\n', " ")).collect();
    assert_eq!(words.len(), 6, "{words:?}");
    assert!(words[0].contains("unknown stream `order`, expected one of `orders`"), "{words:?}");
}
