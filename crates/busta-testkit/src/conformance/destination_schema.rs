//! Schema: fields come, go and change their types; every value comes back.

use busta_core::{Position, WriteMode};
use serde_json::{Map, Value, json};

use super::destination::*;

async fn come_back(new: fn() -> Place, batches: &[&[&str]]) {
    let mut desk = Desk::open(new(), &[stream("a", WriteMode::Append)]).await;
    for (n, batch) in batches.iter().enumerate() {
        let committed = desk.write("a", &format!("s{n}"), batch).await;
        assert_eq!(committed.inserted, batch.len() as u64);
    }
    desk.restart().await;
    let expected: Vec<Value> =
        batches.concat().iter().map(|text| plain(&serde_json::from_str(text).unwrap())).collect();
    same_list(&desk.rows("a").await, &expected);
    assert!(desk.failures().await.is_empty());
}

/// Each kind of value alone in its column.
pub async fn scalars_come_back(new: fn() -> Place) {
    let record = r#"{"i":-5,"f":1.25,"t":"text","yes":true,"no":false,"n":null,"a":[1,"x",null],"o":{"k":{"l":[]}},
        "empty":"","blank":" ","esc":"a\"b\\c\nd\u0000e\u00e9","emoji":"\ud83d\ude00","rtl":"\u202eabc","es":{},"ea":[]}"#;
    come_back(new, &[&[record, "{}", record]]).await;
}

/// Numbers keep their values to the last digit, and texts that look like numbers stay texts.
pub async fn numbers_come_back(new: fn() -> Place) {
    let values = [
        "0",
        "1",
        "-1",
        "1.0",
        "0.1",
        "-0.0",
        "1e308",
        "1e-308",
        "5e-324",
        "1.7976931348623157e308",
        "2e0",
        "9007199254740993",
        "-9007199254740993",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "18446744073709551615",
        "\"007\"",
        "\"1.0\"",
        "\"1e5\"",
        "\" 5 \"",
        "\"-0\"",
        "\"9223372036854775808\"",
        "\"true\"",
        "\"null\"",
        "\"{}\"",
        "\"NaN\"",
        "\"Infinity\"",
        "\"0x10\"",
    ];
    for first in ["1", "1.5", "\"a\"", "true", "[1]"] {
        let texts: Vec<String> =
            std::iter::once(first).chain(values).map(|v| format!(r#"{{"v":{v}}}"#)).collect();
        let records: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (one, rest) = records.split_at(1);
        come_back(new, &[one, rest]).await;
    }
}

/// Any text may be a field's name.
pub async fn names_come_back(new: fn() -> Place) {
    let record = r#"{"select":1,"from":2,"table":3,"index":4,"order":5,"rowid":6,"_rowid_":7,"oid":8,"a b":9,
        "a.b":10,"a\"b":11,"a'b":12,"a`b":13,"[x]":14,"😀":15,"ä":16,"Ä":17,"":18," ":19,"a;--":20,"1":21,
        "name":22,"Name":23,"NAME":24,"name_2":25,"a\nb":26,"a\u0000b":27,"?1":28,":x":29,"$":30,"*":31,
        "__proto__":32,"null":33,"a/b":34,"a\\b":35,"%":36,"NAME_2":37}"#;
    let long = format!(r#"{{"{}":1}}"#, "long".repeat(500));
    come_back(new, &[&[record], &[r#"{"nAme":38,"name":39}"#, record], &[&long]]).await;
}

/// A field that changes its type keeps all its values, whatever came first.
pub async fn types_may_drift(new: fn() -> Place) {
    let values = ["1", "1.5", "true", "\"x\"", "[1]", "{\"a\":1}", "null", "18446744073709551615"];
    for first in 0..values.len() {
        let texts: Vec<String> = (0..values.len())
            .map(|n| format!(r#"{{"n":{n},"v":{}}}"#, values[(first + n) % values.len()]))
            .collect();
        let each: Vec<[&str; 1]> = texts.iter().map(|t| [t.as_str()]).collect();
        let batches: Vec<&[&str]> = each.iter().map(|b| &b[..]).collect();
        come_back(new, &batches).await;
        come_back(new, &[&texts.iter().map(String::as_str).collect::<Vec<_>>()]).await;
    }
}

/// The schema of the issue: a thousand records, each with other fields and types.
pub async fn a_thousand_drifting_records_come_back(new: fn() -> Place) {
    let texts: Vec<String> = (0..1_000).map(|n| drifting(n).to_string()).collect();
    let pages: Vec<Vec<&str>> =
        texts.chunks(100).map(|page| page.iter().map(String::as_str).collect()).collect();
    come_back(new, &pages.iter().map(Vec::as_slice).collect::<Vec<_>>()).await;
}

fn drifting(n: u64) -> Value {
    let mut record = Map::new();
    record.insert("n".into(), n.into());
    for field in 0..8 {
        // Any spread will do: what matters is that fields meet types in many orders.
        let chance = (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(field * 7) >> 7;
        let name = format!("field {}", (chance / 11) % 60);
        record.insert(name, drifting_value(chance));
    }
    Value::Object(record)
}

fn drifting_value(chance: u64) -> Value {
    match chance % 13 {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(chance as i64),
        3 => json!(u64::MAX - chance % 3),
        4 => json!(1u64 << 63),
        5 => json!(1e308),
        6 => json!(chance as f64 / 7.0),
        7 => json!(format!("{:03}", chance % 1000)),
        8 => json!("ünïcödé 😀\u{0}\u{7f}"),
        9 => json!({ "nested": { "deep": [chance, null, "x"] } }),
        10 => (0..60).fold(json!(chance), |inner, _| json!([inner])),
        11 => json!(-1.0),
        _ => json!(""),
    }
}

/// Records of two thousand fields, and more than two thousand over time.
pub async fn two_thousand_fields_come_back(new: fn() -> Place) {
    let wide = |from: usize| {
        let fields: Map<String, Value> = (from..from + 2_000)
            .map(|n| (format!("f{n}"), if n % 3 == 0 { json!([n]) } else { json!(n) }))
            .collect();
        Value::Object(fields).to_string()
    };
    let (first, second, narrow) = (wide(0), wide(1_000), r#"{"f2500":"text","f1":1.5}"#);
    come_back(new, &[&[&first], &[narrow], &[&second, narrow]]).await;
}

/// Columns that were added and widened are known after a restart, also to `merge`.
pub async fn drift_survives_a_restart(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("m", WriteMode::Merge)]).await;
    let versions = ["true", "1", "2.0", "\"007\"", "{\"a\":[1]}", "null", "18446744073709551615", "false"];
    for (n, v) in versions.iter().enumerate() {
        desk.restart().await;
        let moving = format!(r#"{{"id":0,"V":{v},"v":{n},"only {n}":{v}}}"#);
        let staying = format!(r#"{{"id":{},"V":{v}}}"#, n + 1);
        let chunk = desk.chunk("m", &n.to_string(), Position::Start, Position::Done, &[&moving, &staying]);
        desk.put(chunk).await;
        let mut expected: Vec<String> =
            (0..=n).map(|k| format!(r#"{{"id":{},"V":{}}}"#, k + 1, versions[k])).collect();
        expected.push(moving);
        desk.expect("m", &expected.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
}

/// Empty objects, names that occur twice, line breaks inside a record.
pub async fn odd_records_come_back(new: fn() -> Place) {
    let deep = format!(r#"{{"deep":{}1{}}}"#, "[".repeat(100), "]".repeat(100));
    let twice = [r#"{"a":1,"a":"two"}"#, r#"{"a":1,"a":null}"#, r#"{"b":null,"b":2}"#];
    come_back(new, &[&["{}"], &["{}", "{\n\t\"a\" : 1 ,\r\n \"b\":[ 1 , 2 ] }"], &twice, &[&deep]]).await;
}
