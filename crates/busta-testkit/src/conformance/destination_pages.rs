//! Reading a part at a time: every row once, filters as the model has them, and no harm from anybody's
//! names, values and cursors.

use busta_core::reading::{Condition, FailuresQuery, Operator, Order, OrderKey, RowQuery, Value as Compared};
use busta_core::{ErrorKind, Position, WriteMode};
use serde_json::{Value, json};

use super::destination::*;
use super::destination_steps::failure;

/// All pages of a query together give every row once, whatever their size.
pub async fn pages_give_every_row_once(new: fn() -> Place) {
    let desk = varied(new).await;
    let stored = desk.rows("a").await;
    for limit in [3, 100, 1_000] {
        let rows = read_pages(&desk, &RowQuery::of("a", limit)).await;
        same_list(&rows, &stored);
    }
}

/// In an order too: nulls, numbers, texts, the rest; equal ones as they were stored.
pub async fn pages_come_in_any_order(new: fn() -> Place) {
    let desk = varied(new).await;
    let stored = desk.rows("a").await;
    for column in COLUMNS {
        for (descending, limit) in [(false, 9), (true, 40), (false, 1_000)] {
            let order = Some(Order { column: column.to_owned(), descending });
            let rows = read_pages(&desk, &RowQuery { order, ..RowQuery::of("a", limit) }).await;
            let mut expected = stored.clone();
            expected.sort_by(|a, b| {
                let (a, b) = (key(a, column), key(b, column));
                if descending { b.cmp(&a) } else { a.cmp(&b) }
            });
            same_list(&rows, &expected);
        }
    }
}

fn key(row: &Value, column: &str) -> OrderKey {
    let text = row.get(column).unwrap_or(&Value::Null).to_string();
    OrderKey::of(&Compared::of(&text))
}

/// Filters drawn from a fixed seed give the rows that a model of its own finds.
pub async fn filters_match_the_model(new: fn() -> Place) {
    let desk = varied(new).await;
    let stored = desk.rows("a").await;
    let mut chance = fastrand::Rng::with_seed(4);
    let mut found = 0;
    for _ in 0..150 {
        let filter: Vec<Condition> = (0..chance.usize(1..3)).map(|_| draw(&mut chance)).collect();
        let query = RowQuery { filter, ..RowQuery::of("a", chance.usize(1..60)) };
        let rows = read_pages(&desk, &query).await;
        let expected: Vec<Value> =
            stored.iter().filter(|row| query.filter.iter().all(|c| holds(row, c))).cloned().collect();
        assert_eq!(rows.len(), expected.len(), "{:?}", query.filter);
        same_list(&rows, &expected);
        found += rows.len();
    }
    assert!(found > 1_000, "the filters find next to nothing: {found}");
}

/// A filter and an order together.
pub async fn filters_and_orders_go_together(new: fn() -> Place) {
    let desk = varied(new).await;
    let filter = Condition::parse_all("v>=0,flag!=true").unwrap();
    let order = Some(Order { column: "text".into(), descending: true });
    let query = RowQuery { filter, order, ..RowQuery::of("a", 11) };
    let rows = read_pages(&desk, &query).await;
    let mut expected: Vec<Value> = desk.rows("a").await;
    expected.retain(|row| query.filter.iter().all(|condition| holds(row, condition)));
    expected.sort_by_key(|row| std::cmp::Reverse(key(row, "text")));
    assert!(expected.len() > 20);
    same_list(&rows, &expected);
}

/// Rows that are stored while somebody reads do not disturb what was there. Where files are made anew, the
/// reader may be told to begin again.
pub async fn pages_are_steady_while_rows_come_in(new: fn() -> Place) {
    let desk = varied(new).await;
    let stored = desk.rows("a").await;
    for order in [None, Some(Order::parse("real").unwrap()), Some(Order::parse("-text").unwrap())] {
        let mut query = RowQuery { order, ..RowQuery::of("a", 20) };
        let mut rows = Vec::new();
        let mut split = 0;
        loop {
            let page = match desk.destination.readable().page(&query).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    (query.after, rows) = (None, Vec::new());
                    continue;
                }
                page => page.unwrap(),
            };
            rows.extend(page.rows.iter().map(|row| plain(&serde_json::from_slice(row).unwrap())));
            let Some(next) = page.next else { break };
            query.after = Some(next);
            split += 1;
            if split < 20 {
                let row = r#"{"n":-1,"v":2,"real":0.25,"text":"new"}"#;
                desk.write("a", &format!("{:?} {split}", query.order), &[row]).await;
            }
        }
        rows.retain(|row| row["n"] != -1);
        same_rows(rows, stored.clone());
    }
}

/// Merged rows come in their newest form, once each, before and after their stream is finished.
pub async fn pages_show_the_newest_of_merged_rows(new: fn() -> Place) {
    let desk = Desk::open(new(), &[merged_by_time("m")]).await;
    for (split, at) in ["1", "3", "2"].iter().zip([1, 3, 2]) {
        let records: Vec<String> = (0..30).map(|id| format!(r#"{{"id":{id},"at":{at}}}"#)).collect();
        desk.write("m", split, &records.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    let expected: Vec<Value> = (0..30).map(|id| json!({ "id": id, "at": 3 })).collect();
    let by_id = RowQuery { order: Some(Order::parse("id").unwrap()), ..RowQuery::of("m", 8) };
    let old = RowQuery { filter: Condition::parse_all("at<3").unwrap(), ..RowQuery::of("m", 8) };
    for finished in [false, true] {
        same_rows(read_pages(&desk, &RowQuery::of("m", 7)).await, expected.clone());
        same_list(&read_pages(&desk, &by_id).await, &expected);
        assert!(read_pages(&desk, &old).await.is_empty());
        if !finished {
            desk.finish(&["m"]).await;
        }
    }
}

/// What is not there is named, with what is; a cursor of another query is refused.
pub async fn a_query_of_what_is_not_there_is_refused(new: fn() -> Place) {
    let desk = varied(new).await;
    let readable = desk.destination.readable();
    let error = readable.page(&RowQuery::of("aa", 1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("a"), "{error}");
    let wrong = [
        RowQuery { filter: Condition::parse_all("txet=1").unwrap(), ..RowQuery::of("a", 1) },
        RowQuery { order: Some(Order::parse("txet").unwrap()), ..RowQuery::of("a", 1) },
    ];
    for query in wrong {
        let error = readable.page(&query).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Data, "{error}");
        assert!(error.message().contains("`txet`") && error.to_string().contains("v"), "{error}");
    }
    let next = readable.page(&RowQuery::of("a", 1)).await.unwrap().next;
    let other = RowQuery { filter: Condition::parse_all("n>1").unwrap(), ..RowQuery::of("a", 1) };
    for after in [next, Some("'; DROP TABLE a; --".to_owned()), Some(String::new())] {
        let error = readable.page(&RowQuery { after, ..other.clone() }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Data, "{error}");
    }
}

/// Names and values that look like SQL are only names and values.
pub async fn hostile_names_and_values_do_no_harm(new: fn() -> Place) {
    const NAMES: [&str; 5] = [r#"a" OR 1=1 --"#, "'; DROP TABLE t; --", "key", "?1", "a,b~c"];
    let desk = Desk::open(new(), &[stream("t", WriteMode::Append)]).await;
    let rows: Vec<String> = NAMES
        .iter()
        .map(|value| {
            Value::Object(NAMES.iter().map(|n| ((*n).to_owned(), json!(value))).collect()).to_string()
        })
        .collect();
    desk.write("t", "s", &rows.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for column in NAMES {
        for value in NAMES {
            for operator in [Operator::Equal, Operator::Contains] {
                let condition = Condition { column: column.to_owned(), operator, value: json!(value) };
                let order = Some(Order { column: column.to_owned(), descending: true });
                let query = RowQuery { filter: vec![condition], order, ..RowQuery::of("t", 2) };
                let found = read_pages(&desk, &query).await;
                assert_eq!(found.len(), 1, "{column} {operator} {value}");
                assert_eq!(found[0][column], value);
            }
        }
    }
    for table in [r#"t" --"#, "t; DROP TABLE t", "_busta_splits", "../t", "", "sqlite_schema"] {
        let error = desk.destination.readable().page(&RowQuery::of(table, 1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{table}: {error}");
    }
    assert_eq!(desk.rows("t").await.len(), NAMES.len());
}

/// Failures come the newest first, each once, and filtered.
pub async fn failures_come_page_by_page(new: fn() -> Place) {
    let mut desk = Desk::open(new(), &[stream("a", WriteMode::Append)]).await;
    for run in ["R1", "R2"] {
        desk.restart_as(run).await;
        for split in 0..4 {
            let name = format!("{run} {split}");
            let mut chunk = desk.chunk("a", &name, Position::Start, at(1), &[]);
            chunk.failures = (0..3).map(|n| failure(&desk, &name, Some(&n.to_string()), "no luck")).collect();
            desk.put(chunk).await;
        }
    }
    let all = read_failures(&desk, FailuresQuery { limit: 5, ..FailuresQuery::default() }).await;
    assert_eq!(all.len(), 24);
    assert_eq!((all[0].as_str(), all[23].as_str()), ("R2 3 2", "R1 0 0"));
    let first = FailuresQuery { run: Some("R1".into()), limit: 100, ..FailuresQuery::default() };
    assert_eq!(read_failures(&desk, first.clone()).await, all[12..]);
    let source = FailuresQuery { source: Some("other".into()), ..first.clone() };
    assert!(read_failures(&desk, source).await.is_empty());
    let kind = |kind| FailuresQuery { kind: Some(kind), limit: 2, ..first.clone() };
    assert!(read_failures(&desk, kind(ErrorKind::Auth)).await.is_empty());
    assert_eq!(read_failures(&desk, kind(ErrorKind::Unavailable)).await, all[12..]);
    let after = Some("nonsense".to_owned());
    let error =
        desk.destination.readable().failures_page(&FailuresQuery { after, ..first }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
}

/// Split and position of all failures of a query.
async fn read_failures(desk: &Desk, mut query: FailuresQuery) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let page = desk.destination.readable().failures_page(&query).await.unwrap();
        assert!(page.failures.len() <= query.limit);
        all.extend(
            page.failures.iter().map(|f| format!("{} {}", f.split, f.position.as_deref().unwrap_or(""))),
        );
        match page.next {
            Some(next) => query.after = Some(next),
            None => return all,
        }
    }
}

/// All rows of a query, page by page.
pub(super) async fn read_pages(desk: &Desk, query: &RowQuery) -> Vec<Value> {
    let (mut query, mut rows, mut pages) = (query.clone(), Vec::new(), 0);
    loop {
        let page = desk.destination.readable().page(&query).await.unwrap();
        assert!(page.rows.len() <= query.limit, "{} rows in a page of {}", page.rows.len(), query.limit);
        rows.extend(page.rows.iter().map(|text| plain(&serde_json::from_slice(text).unwrap())));
        pages += 1;
        assert!(pages < 2_000, "the pages do not end");
        match page.next {
            Some(next) => query.after = Some(next),
            None => return rows,
        }
    }
}

const COLUMNS: [&str; 6] = ["n", "v", "real", "text", "flag", "nested"];
const TEXTS: [&str; 9] =
    ["", "blue", "Blue sky", "10", "Zebra", "ähre", "null", "it's \"quoted\", yes", "blue\u{1F600}"];

/// 240 rows with values of every type, each column with one type and some without a value, in several
/// commits; the first half in files that are complete, where there are files.
async fn varied(new: fn() -> Place) -> Desk {
    let mut desk = Desk::open(new(), &[stream("a", WriteMode::Append)]).await;
    let mut chance = fastrand::Rng::with_seed(7);
    for split in 0..6 {
        let records: Vec<String> = (0..40).map(|n| record(split * 40 + n, &mut chance).to_string()).collect();
        let texts: Vec<&str> = records.iter().map(String::as_str).collect();
        desk.write("a", &split.to_string(), &texts).await;
        if split == 2 {
            desk.finish(&["a"]).await;
            desk.begin("R2").await;
        }
    }
    desk
}

fn record(n: u32, chance: &mut fastrand::Rng) -> Value {
    let mut record = json!({
        "v": chance.i64(-3..4),
        "real": f64::from(chance.i32(-8..8)) + 0.5,
        "text": TEXTS[chance.usize(..TEXTS.len())],
        "flag": chance.bool(),
        "nested": [TEXTS[chance.usize(..TEXTS.len())]],
        "n": n,
    });
    for column in ["v", "real", "text", "flag", "nested"] {
        // The first row tells the type of each column.
        if n > 0 && chance.u32(..6) == 0 {
            record[column] = Value::Null;
        }
    }
    record
}

fn draw(chance: &mut fastrand::Rng) -> Condition {
    use Operator::{Contains, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let column = COLUMNS[chance.usize(..COLUMNS.len())].to_owned();
    let text = TEXTS[chance.usize(..TEXTS.len())];
    let (operators, value): (&[Operator], Value) = match chance.u32(..7) {
        0 => (&[Equal, NotEqual], Value::Null),
        1 => (&[Equal, NotEqual], json!(chance.bool())),
        2 => (&[Contains], json!(text.chars().take(2).collect::<String>().to_uppercase())),
        3 | 4 => (&[Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual], json!(text)),
        5 => (&[Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual], json!(chance.i32(-4..200))),
        _ => (
            &[Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual],
            json!(f64::from(chance.i32(-4..4)) / 2.0),
        ),
    };
    Condition { column, operator: operators[chance.usize(..operators.len())], value }
}

/// The model: what the documentation of filters says, over documents.
fn holds(row: &Value, condition: &Condition) -> bool {
    let stored = row.get(&condition.column).unwrap_or(&Value::Null);
    let given = &condition.value;
    let order = match (stored, given) {
        (Value::Number(a), Value::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()),
        (Value::String(a), Value::String(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
        _ => None,
    };
    let equal = order.map_or(stored == given, |order| order.is_eq());
    match condition.operator {
        Operator::Equal => equal,
        Operator::NotEqual => !equal,
        Operator::Less => order.is_some_and(|o| o.is_lt()),
        Operator::LessOrEqual => order.is_some_and(|o| o.is_le()),
        Operator::Greater => order.is_some_and(|o| o.is_gt()),
        Operator::GreaterOrEqual => order.is_some_and(|o| o.is_ge()),
        Operator::Contains => match (stored, given) {
            (Value::String(text), Value::String(part)) => text.to_lowercase().contains(&part.to_lowercase()),
            (Value::Array(_), Value::String(part)) => {
                stored.to_string().to_lowercase().contains(&part.to_lowercase())
            }
            _ => false,
        },
    }
}

/// Columns whose types change while rows come in are filtered and ordered like any other.
pub async fn pages_of_drifting_types_match_the_rows(new: fn() -> Place) {
    const VALUES: [&[&str]; 5] = [
        &["1", "-7", "1.0", "1.5", "1e3", "9007199254740993", "9007199254740992.0"],
        &["[1,2]", r#""blue""#, r#"{"a":"Blue"}"#, r#""[1,2]""#, "3"],
        &["true", "0", "1", "false", "null"],
        &[r#""10""#, "123456789012345678901234567890", "10", r#""1234567890""#],
        &[r#""x""#, "2.5", "null", "[]", "true", "-1"],
    ];
    let desk = Desk::open(new(), &[stream("d", WriteMode::Append)]).await;
    let mut chance = fastrand::Rng::with_seed(11);
    for split in 0..VALUES[0].len() {
        // Each commit brings a type that the last has not seen.
        let mut value = |of: usize| VALUES[of][chance.usize(..(split + 1).min(VALUES[of].len()))];
        let records: Vec<String> = (0..12)
            .map(|_| {
                (0..VALUES.len()).map(|n| format!(r#""v{n}":{}"#, value(n))).collect::<Vec<_>>().join(",")
            })
            .map(|fields| format!("{{{fields}}}"))
            .collect();
        desk.write("d", &split.to_string(), &records.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    let stored = raw_rows(&desk, "d").await;
    for (n, values) in VALUES.iter().enumerate() {
        for text in values.iter().flat_map(|value| [*value, r#""bl""#]) {
            let given: Value = serde_json::from_str(text).unwrap();
            for operator in ["=", "!=", "<", "<=", ">", ">=", "~"] {
                let operator: Operator = serde_json::from_value(json!(operator)).unwrap();
                let condition = Condition { column: format!("v{n}"), operator, value: given.clone() };
                if condition.check().is_err() {
                    continue;
                }
                let query = RowQuery { filter: vec![condition], ..RowQuery::of("d", 5) };
                let expected: Vec<&String> =
                    stored.iter().filter(|row| query.admits(row.as_bytes())).collect();
                let found = raw_pages(&desk, &query).await;
                assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{:?}", query.filter);
            }
        }
        for descending in [false, true] {
            let order = Order { column: format!("v{n}"), descending };
            let found =
                raw_pages(&desk, &RowQuery { order: Some(order.clone()), ..RowQuery::of("d", 9) }).await;
            let mut expected = stored.clone();
            expected.sort_by(|a, b| {
                let key = |row: &str| {
                    let raw = busta_core::json::field(row.as_bytes(), &order.column).map(str::to_owned);
                    OrderKey::of(&Compared::of(raw.as_deref().unwrap_or("null")))
                };
                let keys = key(a).cmp(&key(b));
                if descending { keys.reverse() } else { keys }
            });
            assert_eq!(found, expected, "{order:?}");
        }
    }
}

async fn raw_rows(desk: &Desk, table: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let mut scan = desk.destination.readable().scan(table).await.unwrap();
    while let Some(page) = scan.next().await.unwrap() {
        rows.extend(page.iter().map(|row| String::from_utf8(row.to_vec()).unwrap()));
    }
    rows
}

async fn raw_pages(desk: &Desk, query: &RowQuery) -> Vec<String> {
    let (mut query, mut rows) = (query.clone(), Vec::new());
    loop {
        let page = desk.destination.readable().page(&query).await.unwrap();
        rows.extend(page.rows.iter().map(|row| String::from_utf8(row.to_vec()).unwrap()));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return rows,
        }
    }
}
