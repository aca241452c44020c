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
        {"op": "<", "args": [{"property": "eo:cloud_cover"}, 30]}]});
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
            json!({"collections": [COLLECTIONS[0], COLLECTIONS[2]], "datetime": "2012-03-01T00:00:00Z/2012-04-20T00:00:00Z"}),
        ),
        with_body(
            "a_day",
            json!({"datetime": "2011-08-25"}),
            json!({"datetime": "2011-08-25T00:00:00Z/2011-08-25T23:59:59.999999Z"}),
        ),
        with_body(
            "a_month",
            json!({"datetime": "2012-02"}),
            json!({"datetime": "2012-02-01T00:00:00Z/2012-02-29T23:59:59.999999Z"}),
        ),
        search(
            "a_span",
            json!({"datetime": "2012-05-31T23:59:59.999999Z/2012-07-15T00:00:00.000001Z",
                   "collections": [COLLECTIONS[1]]}),
        ),
        search("until", json!({"datetime": "../2011-12-31T23:59:59.999999Z", "collections": COLLECTIONS})),
        search("since", json!({"datetime": "2013-04-01T00:00:00Z/.."})),
        search("a_moment", json!({"datetime": PILE, "collections": [COLLECTIONS[0]]})),
        search("a_box", json!({"bbox": [-88.0, 30.4, -87.9, 31.0]})),
        search(
            "a_box_in_a_span",
            json!({"bbox": [-88.0, 30.4, -87.5, 30.9], "datetime": "2012-01-01T00:00:00Z/2012-05-15T00:00:00Z"}),
        ),
        search("a_shape", json!({"intersects": triangle})),
        search("some_ids", json!({"ids": ids})),
        search("a_query", json!({"query": {"eo:cloud_cover": {"lt": 10}}})),
        search(
            "a_longer_query",
            json!({"query": {"eo:cloud_cover": {"gte": 10, "lte": 25}, "naip:state": {"eq": "al"}},
                   "collections": [COLLECTIONS[0], COLLECTIONS[1]]}),
        ),
        with_body("cql2_json", json!({"filter": cloudy}), json!({"filter-lang": "cql2-json"})),
        // The database speaks JSON only.
        with_body(
            "cql2_text",
            json!({"filter": "\"eo:cloud_cover\" < 10 AND \"naip:state\" = 'al'", "method": "auto"}),
            json!({"filter-lang": "cql2-json", "filter": {"op": "and", "args": [
                {"op": "<", "args": [{"property": "eo:cloud_cover"}, 10]},
                {"op": "=", "args": [{"property": "naip:state"}, "al"]}]}}),
        ),
        search(
            "some_fields",
            json!({"fields": {"include": ["id", "collection", "geometry", "properties.datetime",
                "properties.start_datetime", "properties.end_datetime"], "exclude": ["assets", "links"]},
                "collections": [COLLECTIONS[2]], "datetime": "2012-02-01T00:00:00Z/2012-08-01T00:00:00Z"}),
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

/// A way to read a search: its name and its keys. What is appended shows if it lands twice.
type Way = (&'static str, &'static str);

const WHOLE_BY_POST: Way = ("whole_by_post", r#""split": "none", "method": "post""#);
const AUTO_BY_GET: Way = ("auto_by_get", r#""split": "auto", "method": "get", "write_mode": "append""#);
const AUTO_BY_POST: Way = ("auto_by_post", r#""split": "auto", "method": "post", "write_mode": "append""#);

type Keys = Vec<(String, String)>;

/// Every search in every way is a source with a table of its own.
fn desk(pgstac: &Pgstac, searches: &[Search], ways: &[Way], destination: &str) -> Desk {
    let mut yaml = format!("destination: {destination}\nsources:\n");
    for search in searches {
        for (way, keys) in ways {
            let name = table(search, way);
            let mut source =
                json!({"name": name, "type": "stac", "url": pgstac.url, "table": name, "limit": 15});
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

/// Lets the server tell how many items match a search, or not; and what each search finds.
fn truth(pgstac: &Pgstac, searches: &[Search], counts: bool) -> BTreeMap<String, Keys> {
    let bodies: BTreeMap<&str, &Value> = searches.iter().map(|s| (s.name, &s.body)).collect();
    let task = json!({"url": pgstac.url, "dsn": pgstac.dsn, "counts": counts, "searches": bodies});
    serde_json::from_value(pgstac.ask("search", &task)).unwrap()
}

/// Collects every search in every way, and holds what has landed against what the judges find.
fn judge(
    pgstac: &Pgstac,
    searches: &[Search],
    truth: &BTreeMap<String, Keys>,
    ways: &[Way],
    destination: &str,
    read: fn(&Desk, &str) -> Keys,
) {
    let desk = desk(pgstac, searches, ways, destination);
    let report = desk.collect_well(&[]);
    assert_eq!(report["failures"], 0, "{report:#}");
    let mut wrong = Vec::new();
    for search in searches {
        let expected = &truth[search.name];
        for (way, _) in ways {
            let landed = read(&desk, &table(search, way));
            if landed != *expected {
                wrong.push(difference(&table(search, way), &landed, expected));
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
    let Some(pgstac) = &*PGSTAC else { return };
    let searches = searches(&pgstac.items);
    let found = truth(pgstac, &searches, true);
    for search in &searches {
        assert!(!found[search.name].is_empty(), "{} finds nothing", search.name);
    }
    assert_eq!(found["everything"].len(), pgstac.items.len());
    judge(
        pgstac,
        &searches,
        &found,
        &[WHOLE_BY_POST, AUTO_BY_GET],
        "{ type: sqlite, path: out.db }",
        in_sqlite,
    );
    truth(pgstac, &[], false);
    judge(pgstac, &searches, &found, &[AUTO_BY_POST], "{ type: ndjson, path: out }", in_ndjson);
}

const LANDINGS: [(&str, &str); 3] = [
    ("sqlite", "{ type: sqlite, path: out.db }"),
    ("ndjson", "{ type: ndjson, path: out-ndjson }"),
    ("parquet", "{ type: parquet, path: out-parquet, partition_by: [collection] }"),
];

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

/// pgstac keeps no `datetime: null`.
fn without_null(mut item: Value) -> Value {
    item["properties"].as_object_mut().unwrap().retain(|_, value| !value.is_null());
    item
}

fn assert_equal(found: &[Value], expected: &[Value], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected, "{what}");
    }
}

/// Past the schemas into every destination, and on from there into an empty database.
#[test]
fn items_stay_equal_in_every_format() {
    let Some(pgstac) = &*PGSTAC else { return };
    let mut yaml = "sources:\n".to_owned();
    for (name, destination) in LANDINGS {
        yaml.push_str(&format!(
            "  - {{ name: {name}, type: stac, path: items.ndjson, table: {name}, destination: {destination},
      transforms: [{{ validate: {{ schema: stac, strict: true }} }}] }}\n"
        ));
    }
    let desk = Desk::new(&yaml);
    let mine: Vec<Value> = pgstac.items.iter().step_by(4).cloned().collect();
    let lines: Vec<String> = mine.iter().map(Value::to_string).collect();
    desk.write("items.ndjson", lines.join("\n"));
    assert_eq!(desk.collect_well(&[])["failures"], 0);
    let expected = sorted(mine);
    for (name, _) in LANDINGS {
        let (text, items) = exported(&desk, name);
        assert_equal(&items, &expected, name);
        desk.write(&format!("{name}.ndjson"), text);
    }
    let (collections, items) = (pgstac.collections(), desk.file("ndjson.ndjson"));
    let loaded = pgstac.ask("load", &json!({"dsn": pgstac.dsn, "collections": collections, "items": items}));
    let loaded = sorted(serde_json::from_value(loaded).unwrap());
    let expected: Vec<Value> = expected.into_iter().map(without_null).collect();
    assert_equal(&loaded, &expected, "loaded by pypgstac");
}

/// What the API sends is what somebody has loaded there; links are the server's own.
#[test]
fn items_of_the_api_land_as_they_were_loaded() {
    let Some(pgstac) = &*PGSTAC else { return };
    let desk = Desk::new(&format!(
        "destination: {{ type: parquet, path: lake, partition_by: [collection] }}
sources:
  - {{ name: items, type: stac, url: '{}', datetime: 2012-03, limit: 50 }}
",
        pgstac.url
    ));
    desk.collect_well(&[]);
    let (_, landed) = exported(&desk, "items");
    assert!(landed.len() > 100, "{} items", landed.len());
    let originals: BTreeMap<&str, &Value> =
        pgstac.items.iter().map(|item| (item["id"].as_str().unwrap(), item)).collect();
    for mut item in landed {
        let mut original = without_null(originals[item["id"].as_str().unwrap()].clone());
        original["links"] = item["links"].take();
        item["links"] = original["links"].clone();
        assert_eq!(item, original);
    }
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
