//! A real STAC API (stac-fastapi over pgstac) as the origin, and programs of others as the judges.
//!
//! They come from package registries (`scripts/judges/install`); where they cannot be had, the tests say so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};
use support::Desk;
use support::landed;
use support::pgstac::{COLLECTIONS, PILE, Pgstac};

static PGSTAC: LazyLock<Option<Pgstac>> = LazyLock::new(Pgstac::start);

/// A search: as a source's keys, and as the body of a search, if that is something else.
struct Search {
    name: &'static str,
    keys: Value,
    body: Value,
}

fn search(name: &'static str, keys: Value) -> Search {
    Search { name, body: keys.clone(), keys }
}

fn searches(items: &[Value]) -> Vec<Search> {
    let ids: Vec<&Value> = items.iter().step_by(61).map(|item| &item["id"]).collect();
    let triangle = json!({"type": "Polygon", "coordinates":
        [[[-85.5, 30.8], [-85.2, 30.8], [-85.3, 31.1], [-85.5, 30.8]]]});
    let cloudy = json!({"op": "and", "args": [
        {"op": ">=", "args": [{"property": "eo:cloud_cover"}, 20]},
        {"op": "<", "args": [{"property": "eo:cloud_cover"}, 40]}]});
    let with_body = |name, keys: Value, other: Value| {
        let mut body = keys.clone();
        body.as_object_mut().unwrap().remove("method");
        body.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        Search { name, keys, body }
    };
    vec![
        search("everything", json!({})),
        search("one_collection", json!({"collections": [COLLECTIONS[1]]})),
        search(
            "two_collections",
            json!({"collections": [COLLECTIONS[0], COLLECTIONS[2]], "datetime": "2012-03-01T00:00:00Z/2012-12-01T00:00:00Z"}),
        ),
        with_body(
            "a_day",
            json!({"datetime": "2011-08-25"}),
            json!({"datetime": "2011-08-25T00:00:00Z/2011-08-25T23:59:59.999999Z"}),
        ),
        with_body(
            "a_month",
            json!({"datetime": "2012-06"}),
            json!({"datetime": "2012-06-01T00:00:00Z/2012-06-30T23:59:59.999999Z"}),
        ),
        search("a_span", json!({"datetime": "2012-05-31T23:59:59.999999Z/2012-07-15T00:00:00.000001Z"})),
        search("until", json!({"datetime": "../2011-12-31T23:59:59.999999Z", "collections": COLLECTIONS})),
        search("since", json!({"datetime": "2013-01-01T00:00:00.000001Z/.."})),
        search("a_moment", json!({"datetime": PILE})),
        search("a_box", json!({"bbox": [-88.0, 30.4, -87.9, 31.0]})),
        search(
            "a_box_in_a_span",
            json!({"bbox": [-88.0, 30.4, -87.5, 30.9], "datetime": "2012-01-01T00:00:00Z/2012-08-01T00:00:00Z"}),
        ),
        search("a_shape", json!({"intersects": triangle})),
        search("some_ids", json!({"ids": ids})),
        search("a_query", json!({"query": {"eo:cloud_cover": {"lt": 25}}})),
        search(
            "a_longer_query",
            json!({"query": {"eo:cloud_cover": {"gte": 10, "lte": 50}, "naip:state": {"eq": "al"}},
                   "collections": [COLLECTIONS[0], COLLECTIONS[1]]}),
        ),
        with_body("cql2_json", json!({"filter": cloudy}), json!({"filter-lang": "cql2-json"})),
        // The database speaks JSON only.
        with_body(
            "cql2_text",
            json!({"filter": "\"eo:cloud_cover\" < 20 AND \"naip:state\" = 'al'", "method": "auto"}),
            json!({"filter-lang": "cql2-json", "filter": {"op": "and", "args": [
                {"op": "<", "args": [{"property": "eo:cloud_cover"}, 20]},
                {"op": "=", "args": [{"property": "naip:state"}, "al"]}]}}),
        ),
        search(
            "some_fields",
            json!({"fields": {"include": ["id", "collection", "geometry", "properties.datetime",
                "properties.start_datetime", "properties.end_datetime"], "exclude": ["assets", "links"]}, "collections": [COLLECTIONS[2]]}),
        ),
        with_body(
            "in_order",
            json!({"sortby": ["-properties.eo:cloud_cover", "id"], "datetime": "2012-01-01/2012-04-30"}),
            json!({"sortby": [{"field": "properties.eo:cloud_cover", "direction": "desc"},
                              {"field": "id", "direction": "asc"}],
                   "datetime": "2012-01-01T00:00:00Z/2012-04-30T23:59:59.999999Z"}),
        ),
        search(
            "in_small_pages",
            json!({"limit": 9, "datetime": "2011-08-01T00:00:00Z/2011-09-15T00:00:00Z"}),
        ),
    ]
}

/// Ways to read a search: what is appended shows if it lands twice.
const WITH_COUNTS: &[(&str, &str)] = &[
    ("whole_by_post", r#""split": "none", "method": "post""#),
    ("auto_by_get", r#""split": "auto", "method": "get", "write_mode": "append""#),
];
const WITHOUT_COUNTS: &[(&str, &str)] = &[
    ("time_by_get", r#""split": {"by": "time", "chunks": 3}, "method": "get", "write_mode": "append""#),
    ("auto_by_post", r#""split": "auto", "method": "post", "write_mode": "append""#),
];

type Keys = Vec<(String, String)>;

/// Every search in every way is a source with a table of its own.
fn desk(pgstac: &Pgstac, searches: &[Search], ways: &[(&str, &str)], destination: &str) -> Desk {
    let mut yaml = format!("destination: {destination}\nsources:\n");
    for search in searches {
        for (way, keys) in ways {
            let name = table(search, way);
            let mut source =
                json!({"name": name, "type": "stac", "url": pgstac.url, "table": name, "limit": 40});
            let way: Value = serde_json::from_str(&format!("{{{keys}}}")).unwrap();
            for more in [&way, &search.keys] {
                source.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            }
            yaml.push_str(&format!("  - {source}\n"));
        }
    }
    Desk::new(&yaml)
}

fn table(search: &Search, way: &str) -> String {
    format!("{}_{way}", search.name)
}

/// Collects every search in every way, and holds what has landed against what the judges find.
fn judge(counts: bool, ways: &[(&str, &str)], destination: &str, read: fn(&Desk, &str) -> Keys) {
    let Some(pgstac) = &*PGSTAC else { return };
    let searches = searches(&pgstac.items);
    let bodies: BTreeMap<&str, &Value> = searches.iter().map(|s| (s.name, &s.body)).collect();
    let began = std::time::Instant::now();
    let truth = pgstac
        .ask("search", &json!({"url": pgstac.url, "dsn": pgstac.dsn, "counts": counts, "searches": bodies}));
    println!("the truth took {:?}", began.elapsed());
    let desk = desk(pgstac, &searches, ways, destination);
    let report = desk.collect_well(&[]);
    println!("collecting took {:?}; {} requests", began.elapsed(), report["requests"]);
    assert_eq!(report["failures"], 0, "{report:#}");
    let mut wrong = Vec::new();
    for search in &searches {
        let expected = truth[search.name].clone();
        let expected: Keys = serde_json::from_value(expected).unwrap();
        println!("{}: {} items", search.name, expected.len());
        assert!(!expected.is_empty(), "{}: nothing is found", search.name);
        for (way, _) in ways {
            let landed = read(&desk, &table(search, way));
            if landed != expected {
                wrong.push(difference(&table(search, way), &landed, &expected));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn difference(name: &str, landed: &Keys, expected: &Keys) -> String {
    let lost: Vec<_> = expected.iter().filter(|key| !landed.contains(key)).take(3).collect();
    let added: Vec<_> = landed.iter().filter(|key| !expected.contains(key)).take(3).collect();
    let twice: Vec<_> = landed.windows(2).filter(|pair| pair[0] == pair[1]).take(3).collect();
    format!(
        "{name}: {} instead of {}: lost {lost:?}, added {added:?}, twice {twice:?}",
        landed.len(),
        expected.len()
    )
}

fn in_sqlite(desk: &Desk, table: &str) -> Keys {
    let db = rusqlite::Connection::open(desk.file("out.db")).unwrap();
    let mut query = db.prepare(&format!("SELECT collection, id FROM \"{table}\" ORDER BY 1, 2")).unwrap();
    query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap()
}

fn in_ndjson(desk: &Desk, table: &str) -> Keys {
    let folder = landed::ndjson(&desk.file("out"));
    let key = |row: &String| {
        let row: Value = serde_json::from_str(row).unwrap();
        (row["collection"].as_str().unwrap().to_owned(), row["id"].as_str().unwrap().to_owned())
    };
    let mut keys: Keys = folder[table].iter().map(key).collect();
    keys.sort();
    keys
}

/// One test, since whether the server counts is a setting of the database.
#[test]
fn twenty_searches_find_what_the_database_holds() {
    judge(true, WITH_COUNTS, "{ type: sqlite, path: out.db }", in_sqlite);
    judge(false, WITHOUT_COUNTS, "{ type: ndjson, path: out }", in_ndjson);
}

const LANDINGS: [(&str, &str); 3] = [
    ("sqlite", "{ type: sqlite, path: out.db }"),
    ("ndjson", "{ type: ndjson, path: out-ndjson }"),
    ("parquet", "{ type: parquet, path: out-parquet, partition_by: [collection] }"),
];

/// Links are the server's. The rest must be what somebody has loaded there.
fn without_links(items: &[Value]) -> Vec<Value> {
    let mut items = items.to_vec();
    for item in &mut items {
        item.as_object_mut().unwrap().remove("links");
    }
    sorted(items)
}

fn sorted(mut items: Vec<Value>) -> Vec<Value> {
    items.sort_by_key(|item| format!("{} {}", item["collection"], item["id"]));
    items
}

fn exported(desk: &Desk, table: &str) -> (String, Vec<Value>) {
    let ended = desk.busta(&["data", "export", table, "--plain"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let items = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (ended.stdout, sorted(items))
}

fn assert_equal(found: &[Value], expected: &[Value], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected, "{what}");
    }
}

/// From the API, past the schemas, into every destination, and on into an empty database.
#[test]
fn items_stay_equal_in_every_format() {
    let Some(pgstac) = &*PGSTAC else { return };
    let mut yaml = "sources:\n".to_owned();
    for (name, destination) in LANDINGS {
        yaml.push_str(&format!(
            "  - {{ name: {name}, type: stac, url: '{}', collections: [{}], table: {name}, limit: 250,
      transforms: [{{ validate: {{ schema: stac, strict: true }} }}], destination: {destination} }}\n",
            pgstac.url, COLLECTIONS[2]
        ));
    }
    let desk = Desk::new(&yaml);
    desk.collect_well(&[]);
    let mine: Vec<Value> =
        pgstac.items.iter().filter(|item| item["collection"] == COLLECTIONS[2]).cloned().collect();
    let expected = without_links(&mine);
    for (name, _) in LANDINGS {
        assert_equal(&without_links(&exported(&desk, name).1), &expected, name);
    }
    let (text, items) = exported(&desk, "sqlite");
    desk.write("plain.ndjson", text);
    let loaded = pgstac.ask(
        "load",
        &json!({"dsn": pgstac.dsn, "collections": pgstac.collections(), "items": desk.file("plain.ndjson")}),
    );
    let loaded = serde_json::from_value(loaded).unwrap();
    assert_equal(&sorted(loaded), &items, "loaded by pypgstac");
}

/// The schemas let no broken item through.
#[test]
fn broken_items_are_held_back() {
    let Some(items) = support::pgstac::items() else { return };
    type Damage = fn(&mut Value);
    let damages: [Damage; 6] = [
        |item| item["geometry"] = json!({"type": "Point", "coordinates": ["1", 2]}),
        |item| item["properties"]["datetime"] = Value::Null,
        |item| item["properties"]["datetime"] = json!("yesterday"),
        |item| item["assets"]["image"]["href"] = json!(1),
        |item| item["stac_version"] = json!("1.0.0-beta.2"),
        |item| drop(item.as_object_mut().unwrap().remove("bbox")),
    ];
    let mut lines: Vec<String> = items[..10].iter().map(Value::to_string).collect();
    for (item, damage) in items.iter().zip(damages) {
        let mut item = item.clone();
        item["id"] = json!(format!("broken {}", item["id"]));
        damage(&mut item);
        lines.push(item.to_string());
    }
    let desk = Desk::new(
        "sources:
  - { name: items, type: stac, path: items.ndjson, transforms: [{ validate: { schema: stac, strict: true } }] }
",
    );
    desk.write("items.ndjson", lines.join("\n"));
    let (_, report) = desk.collect(&[]);
    assert_eq!((&report["records"], &report["failures"]), (&json!(10), &json!(6)), "{report:#}");
}
