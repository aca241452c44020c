//! Every cutter gives the same whatever the pieces are in which a file comes in.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::csv::{CsvCutter, CsvOptions, Header};
use super::json::{JsonCutter, RecordsPath, spans_of_document};
use super::ndjson::NdjsonCutter;
use super::{Cut, Cutter};

/// Cuts `text`, of which `piece` bytes more are there at each look. Where the cutter can be left, it
/// is left, and a new one goes on, if `leave` says so.
fn cut(make: &dyn Fn() -> Cutter, text: &[u8], piece: usize, leave: bool) -> (Vec<Value>, Vec<String>) {
    let (mut records, mut failures) = (Vec::new(), Vec::new());
    let (mut start, mut end) = (0, 0);
    let mut cutter = make();
    loop {
        let window = &text[start..end];
        let (used, cut) = cutter.next(window, end == text.len());
        match cut {
            Cut::Record(span) => records.push(serde_json::from_slice(&window[span]).unwrap()),
            Cut::Made(_) => records.push(serde_json::from_slice(cutter.made()).unwrap()),
            Cut::Bad { span, place, error } => {
                let payload = String::from_utf8_lossy(&window[span]).into_owned();
                failures.push(format!("{place}|{payload}|{}", error.message()));
            }
            Cut::More => {
                assert!(end < text.len(), "wants more where there is no more");
                end = text.len().min(end + piece);
            }
            Cut::End => return (records, failures),
        }
        start += used;
        if leave && let Some(place) = cutter.place() {
            let mut next = make();
            if let Cutter::Csv(rows) = &mut next {
                rows.read_header(text, true).unwrap();
            }
            next.restore(place);
            // The header is read at the start of the file, not again where the rows go on.
            if !matches!(cutter, Cutter::Csv(_)) || start > 0 {
                cutter = next;
            }
        }
    }
}

fn json_cutter(path: &str) -> impl Fn() -> Cutter {
    let path = if path == "auto" { RecordsPath::Auto } else { path.parse().unwrap() };
    move || Cutter::Json(JsonCutter::new(path.clone()))
}

fn ndjson_cutter() -> Cutter {
    Cutter::Ndjson(NdjsonCutter::default())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[\\PC\\n\"\\\\{}\\[\\],:]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z\"{}]{0,4}|features|type", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-z\"\\\\]{1,4}", value(), 0..4)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

fn text_of(value: &Value, pretty: bool) -> String {
    if pretty { serde_json::to_string_pretty(value).unwrap() } else { value.to_string() }
}

proptest! {
    #[test]
    fn an_array_gives_its_elements(
        items in prop::collection::vec(object(), 0..6), pretty: bool, piece in 1usize..40, leave: bool,
    ) {
        let text = text_of(&json!(items), pretty);
        let (records, failures) = cut(&json_cutter("auto"), text.as_bytes(), piece, leave);
        prop_assert_eq!(&records, &items);
        prop_assert!(failures.is_empty(), "{:?}", failures);
        let spans = spans_of_document(text.as_bytes(), &RecordsPath::Auto).unwrap();
        let fast: Vec<Value> = spans.into_iter().map(|s| serde_json::from_str(&text[s]).unwrap()).collect();
        prop_assert_eq!(fast, items);
    }

    #[test]
    fn concatenated_objects_are_records(
        items in prop::collection::vec(object(), 0..6), pretty: bool, piece in 1usize..40, leave: bool,
    ) {
        let text: String = items.iter().map(|item| text_of(item, pretty)).collect::<Vec<_>>().join("\n");
        let (records, failures) = cut(&json_cutter("$"), text.as_bytes(), piece, leave);
        prop_assert_eq!(records, items);
        prop_assert!(failures.is_empty(), "{:?}", failures);
    }

    #[test]
    fn a_path_leads_to_the_records(
        items in prop::collection::vec(object(), 0..5), before in value(), after in value(), pretty: bool,
        piece in 1usize..40, leave: bool,
    ) {
        // `a` and `z` stand around `data`, as serde_json sorts them.
        let document = json!({ "a": before, "data": { "a": after, "items": items, "z": before }, "z": after });
        let text = text_of(&document, pretty);
        let (records, failures) = cut(&json_cutter("$.data.items"), text.as_bytes(), piece, leave);
        prop_assert_eq!(records, items);
        prop_assert!(failures.is_empty(), "{:?}", failures);
    }

    #[test]
    fn a_feature_collection_gives_its_features(
        items in prop::collection::vec(object(), 0..5), links in value(), pretty: bool, piece in 1usize..40,
        leave: bool,
    ) {
        let features: Vec<Value> = items.into_iter().map(|mut item| {
            item["type"] = json!("Feature");
            item
        }).collect();
        let text = text_of(&json!({
            "bbox": links, "features": features, "links": links, "type": "FeatureCollection",
        }), pretty);
        let (records, failures) = cut(&json_cutter("auto"), text.as_bytes(), piece, leave);
        prop_assert_eq!(records, features);
        prop_assert!(failures.is_empty(), "{:?}", failures);
    }

    #[test]
    fn lines_are_records_and_bad_ones_failures(
        items in prop::collection::vec(prop_oneof![
            4 => object().prop_map(|item| Ok(item.to_string())),
            1 => "[a-z\\[{\"]{1,9}".prop_map(Err),
        ], 0..8),
        crlf: bool, piece in 1usize..40, leave: bool,
    ) {
        let lines: Vec<&str> = items.iter().map(|item| match item { Ok(t) | Err(t) => t.as_str() }).collect();
        let text = lines.join(if crlf { "\r\n" } else { "\n" });
        let (records, failures) = cut(&ndjson_cutter, text.as_bytes(), piece, leave);
        let good: Vec<Value> = items.iter().flatten().map(|t| serde_json::from_str(t).unwrap()).collect();
        prop_assert_eq!(records, good);
        let bad: Vec<String> = items.iter().enumerate()
            .filter_map(|(i, item)| item.as_ref().err().map(|t| format!("{}|{t}|", i + 1))).collect();
        prop_assert_eq!(failures.len(), bad.len());
        for (failure, bad) in failures.iter().zip(bad) {
            prop_assert!(failure.starts_with(&bad), "{} for {}", failure, bad);
        }
    }

    #[test]
    fn rows_come_back_as_they_were_written(
        rows in prop::collection::vec(prop::collection::vec("[a-z0-9\",;\\n .ü-]{0,8}", 3), 1..8),
        crlf: bool, quoted: bool, piece in 1usize..40, leave: bool,
    ) {
        let mut writer = csv::WriterBuilder::new()
            .terminator(if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') })
            .quote_style(if quoted { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary })
            .from_writer(Vec::new());
        writer.write_record(["a", "b", "c"]).unwrap();
        rows.iter().for_each(|row| writer.write_record(row).unwrap());
        let text = writer.into_inner().unwrap();
        let options = CsvOptions { delimiter: Some(b','), typed: false, ..CsvOptions::default() };
        let make = || Cutter::Csv(CsvCutter::new(options.clone()));
        let (records, failures) = cut(&make, &text, piece, leave);
        prop_assert!(failures.is_empty(), "{:?}", failures);
        let read: Vec<Vec<String>> = records.iter().map(|record| ["a", "b", "c"]
            .map(|name| record[name].as_str().unwrap_or_default().to_owned()).to_vec()).collect();
        prop_assert_eq!(read, rows);
    }

    #[test]
    fn no_bytes_break_a_cutter(
        bytes in prop::collection::vec(prop_oneof![
            Just(b'{'), Just(b'}'), Just(b'['), Just(b']'), Just(b'"'), Just(b'\\'), Just(b','), Just(b':'),
            Just(b'\n'), Just(b'a'), Just(b'1'), any::<u8>(),
        ], 0..60),
        piece in 1usize..20,
    ) {
        let csv = || Cutter::Csv(CsvCutter::new(CsvOptions { header: Header::Absent, ..CsvOptions::default() }));
        let makers: [&dyn Fn() -> Cutter; 4] =
            [&json_cutter("auto"), &json_cutter("$.a"), &ndjson_cutter, &csv];
        for make in makers {
            let whole = cut(make, &bytes, bytes.len().max(1), false);
            prop_assert_eq!(&cut(make, &bytes, piece, false).0, &whole.0);
        }
    }
}

#[test]
fn broken_items_are_passed_over() {
    let text =
        br#"[{"a":1}, {"a":}, 7, "x", [1], oops, {"b":"\ud83d]"}, {"a":"\ud83d\ude00"} {"a":3},, {"a":4"#;
    let (records, failures) = cut(&json_cutter("auto"), text, 7, true);
    assert_eq!(records, [json!({"a":1}), json!({"a":"😀"}), json!({"a":3})]);
    let places: Vec<&str> = failures.iter().map(|f| f.rsplit_once('|').unwrap().0).collect();
    let expected = [
        "item 2|{\"a\":}",
        "item 3|7",
        "item 4|\"x\"",
        "item 5|[1]",
        "item 6|oops",
        "item 7|{\"b\":\"\\ud83d]\"}",
        "item 10|{\"a\":4",
    ];
    assert_eq!(places, expected);
}

#[test]
fn what_is_not_json_fails_once() {
    let (records, failures) =
        cut(&json_cutter("auto"), b"<html>\n<body>no, this { is } not</body>", 9, false);
    assert!(records.is_empty());
    assert_eq!(failures.len(), 1, "{failures:?}");
}

#[test]
fn a_wrong_path_is_told() {
    for text in [r#"{"a":1,"b":{}}"#, r#"{"items":"x"}"#, r#"[{"items":[]}]"#] {
        let (records, failures) = cut(&json_cutter("$.items"), text.as_bytes(), 3, false);
        assert!(records.is_empty());
        assert_eq!(failures.len(), 1, "{text}: {failures:?}");
        assert!(failures[0].contains("$.items"), "{failures:?}");
    }
    assert_eq!(cut(&json_cutter("$.items"), br#"{"items":null,"b":2}"#, 3, false), (vec![], vec![]));
    let one = cut(&json_cutter("$.items"), br#"{"items":{"id":1},"b":{}}"#, 3, true);
    assert_eq!(one, (vec![json!({"id":1})], vec![]));
}

#[test]
fn a_stray_quote_costs_one_line() {
    let make = || Cutter::Csv(CsvCutter::new(CsvOptions::default()));
    let text = b"a,b\n1,x\n2,\"oops\n3,y\n\n4,z,w\n5,\"two\nlines\"\n6,\xff\n7,\n";
    let (records, failures) = cut(&make, text, 5, false);
    assert_eq!(
        records,
        [
            json!({"a":1,"b":"x"}),
            json!({"a":3,"b":"y"}),
            json!({"a":5,"b":"two\nlines"}),
            json!({"a":7,"b":null})
        ]
    );
    let places: Vec<&str> = failures.iter().map(|f| f.rsplit_once('|').unwrap().0).collect();
    assert_eq!(places, ["3|2,\"oops", "6|4,z,w", "9|6,\u{fffd}"]);
}

#[test]
fn an_item_beyond_all_bounds_is_given_up() {
    let mut cutter = Cutter::Json(JsonCutter::new(RecordsPath::Auto));
    let (used, _) = cutter.next(b"[", false);
    assert_eq!(used, 1);
    let (used, cut) = cutter.give_up(br#"{"a":"}"#);
    assert!(matches!(cut, Cut::Bad { .. }) && used == 7);
    let (_, cut) = cutter.next(br#"]"},{"b":1}]"#, true);
    assert!(matches!(cut, Cut::Record(span) if span == (4..11)));
}
