//! Chains: what becomes of records, whatever batches they come in.

use std::path::PathBuf;

use busta_core::transform::Transformed;
use busta_core::{Records, Transform};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Chain, TransformContext, read};
use crate::registry::TRANSFORMS;

fn chain(elements: Value) -> Chain {
    let context = TransformContext { base_dir: PathBuf::new() };
    let elements = elements.as_array().unwrap().iter().cloned().enumerate();
    Chain::new(elements.map(|(index, element)| read(index, element, TRANSFORMS, &context).unwrap()).collect())
}

fn apply(chain: &Chain, records: &[String]) -> Transformed {
    let records: Records = records.iter().map(String::as_str).collect();
    chain.apply(&"s".into(), &records)
}

fn texts(made: &Transformed) -> Vec<String> {
    made.records.iter().map(|json| String::from_utf8(json.to_vec()).unwrap()).collect()
}

#[test]
fn a_batch_that_nothing_changes_is_the_same_batch() {
    let chain = chain(json!([{ "filter": { "a": { "exists": true } } }, { "drop": ["b"] }]));
    let records: Records = ["{ \"a\" : 1 }", "{\"a\":2}"].into_iter().collect();
    let made = chain.apply(&"s".into(), &records);
    assert_eq!(made.records.get(0).as_ptr(), records.get(0).as_ptr());
}

#[test]
fn a_failure_names_the_transform_and_the_record() {
    let chain = chain(json!([{ "drop": ["x"] }, { "cast": { "n": "int" } }]));
    let records =
        ["{\"id\":\"a\",\"n\":1}", "{\"id\":\"b\",\"n\":\"many\"}", "{\"n\":{}}"].map(str::to_owned);
    let made = apply(&chain, &records);
    assert_eq!(texts(&made), records[..1]);
    let failures: Vec<_> = made
        .failures
        .iter()
        .map(|failure| {
            (
                failure.position.as_deref().unwrap(),
                failure.reason.as_str(),
                failure.payload.as_deref().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        failures,
        [
            (
                "record with id \"b\"",
                "transforms[1] cast: n: \"many\" is not a whole number",
                records[1].as_str()
            ),
            ("record 3 of its batch", "transforms[1] cast: n: {} is not a whole number", records[2].as_str()),
        ]
    );
}

#[test]
fn a_record_fails_as_a_whole() {
    let chain = chain(json!([{ "jq": ".l[] | {n: .}" }, { "cast": { "n": "int" } }]));
    let made =
        apply(&chain, &["{\"l\":[1,\"x\"]}".to_owned(), "{\"l\":[]}".to_owned(), "{\"l\":[2,3]}".to_owned()]);
    assert_eq!(texts(&made), ["{\"n\":2}", "{\"n\":3}"]);
    assert_eq!((made.failures.len(), made.dropped), (1, 1));
}

#[test]
fn fields_can_swap_names() {
    let chain = chain(json!([{ "rename": { "a": "b", "b": "a", "c.d": "e" } }]));
    let made = apply(&chain, &["{\"a\":1,\"b\":2,\"c\":{\"d\":3}}".to_owned()]);
    let value: Value = serde_json::from_str(&texts(&made)[0]).unwrap();
    assert_eq!(value, json!({ "a": 2, "b": 1, "c": {}, "e": 3 }));
    let taken = apply(&self::chain(json!([{ "rename": { "a": "b" } }])), &["{\"a\":1,\"b\":2}".to_owned()]);
    assert!(
        taken.failures[0].reason.contains("there is a field `b` already"),
        "{}",
        taken.failures[0].reason
    );
}

#[test]
fn doubt_is_a_warning_where_the_user_wants_it() {
    let chain = chain(json!([{ "validate": { "schema": { "required": ["id"] }, "strict": false } }]));
    // `prepare` is asynchronous; the engine calls it, and so does a runtime here.
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(chain.prepare()).unwrap();
    let made = apply(&chain, &["{\"id\":1}".to_owned(), "{\"x\":1}".to_owned()]);
    assert_eq!((made.records.len(), made.failures.len(), made.warnings.len()), (2, 0, 1));
    assert!(made.warnings[0].message.contains("id"), "{}", made.warnings[0].message);
}

#[test]
fn extensions_are_declared_once() {
    let chain = chain(
        json!([{ "extension": { "name": "eo", "defaults": { "cloud_cover": 0, "assets.*.gsd": 10 } } }]),
    );
    let url = "https://stac-extensions.github.io/eo/v1.1.0/schema.json";
    let record = json!({ "id": "a", "properties": { "eo:cloud_cover": 5 }, "assets": { "x": { "eo:gsd": 1 }, "y": {} } });
    let once = texts(&apply(&chain, &[record.to_string()]));
    let value: Value = serde_json::from_str(&once[0]).unwrap();
    assert_eq!(value["stac_extensions"], json!([url]));
    assert_eq!(value["properties"]["eo:cloud_cover"], 5);
    assert_eq!(value["assets"], json!({ "x": { "eo:gsd": 1 }, "y": { "eo:gsd": 10 } }));
    assert_eq!(texts(&apply(&chain, &once)), once, "twice is as once");
}

fn everything() -> Chain {
    chain(json!([
        { "filter": { "k": { "ne": 3 } } },
        { "cast": { "n": "int" } },
        { "rename": { "k": "key" } },
        { "set": { "label": "{key}", "o.p": "{n}" } },
        { "update": { "set": { "o": { "q": [1] }, "l[*].t": true } } },
        { "jq": "if .key == 4 then ., . else . end" },
        { "drop": ["x"] },
    ]))
}

fn record() -> impl Strategy<Value = String> {
    let number =
        prop_oneof![Just(json!(1)), Just(json!("2")), Just(json!("x")), Just(json!(2.0)), Just(Value::Null)];
    let list = prop_oneof![Just(json!([{}, { "t": 1 }])), Just(json!([1])), Just(Value::Null)];
    (0..6, number, list, any::<bool>()).prop_map(|(key, number, list, spaced)| {
        let record = json!({ "k": key, "n": number, "l": list, "x": "y", "id": key });
        if spaced { serde_json::to_string_pretty(&record).unwrap() } else { record.to_string() }
    })
}

proptest! {
    #[test]
    fn batches_and_their_order_do_not_matter(records in prop::collection::vec(record(), 1..12), cut in any::<prop::sample::Index>()) {
        let chain = everything();
        let whole = apply(&chain, &records);
        let cut = cut.index(records.len());
        let (second, first) = (apply(&chain, &records[cut..]), apply(&chain, &records[..cut]));
        prop_assert_eq!(texts(&whole), [texts(&first), texts(&second)].concat());
        prop_assert_eq!(whole.dropped, first.dropped + second.dropped);
        let ids = |made: &Transformed| made.failures.iter().map(|f| (f.position.clone(), f.reason.clone())).collect::<Vec<_>>();
        prop_assert_eq!(ids(&whole), [ids(&first), ids(&second)].concat());
        let alone: Vec<String> = records.iter().flat_map(|record| texts(&apply(&chain, std::slice::from_ref(record)))).collect();
        prop_assert_eq!(texts(&whole), alone);
    }
}

#[test]
fn of_repetitions_in_a_batch_the_first_goes_on() {
    let chain = chain(json!([
        { "dedupe": { "fields": ["name", "at.city"] } },
        { "cast": { "n": "int" } },
        { "dedupe": { "fields": ["n"] } },
    ]));
    let records = [
        r#"{"name":"a","n":"bad"}"#,
        r#"{"name":"a","n":1}"#,
        r#"{"name":"\u0061","n":2}"#,
        r#"{"name":"a","at":{"city":"B"},"n":3}"#,
        r#"{"other":1,"n":1}"#,
        r#"{"other":2,"n":4}"#,
        r#"{"name":null,"n":5}"#,
    ]
    .map(str::to_owned);
    let made = apply(&chain, &records);
    let numbers: Vec<Value> =
        texts(&made).iter().map(|json| serde_json::from_str::<Value>(json).unwrap()["n"].clone()).collect();
    assert_eq!(numbers, [1, 3, 4, 5], "one that failed hides no other, and nulls say nothing");
    assert_eq!((made.failures.len(), made.dropped), (1, 2));
    let again = apply(&chain, &records);
    assert_eq!(texts(&again), texts(&made), "a batch remembers nothing of another");
}
