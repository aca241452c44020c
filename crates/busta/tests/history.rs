//! The past of a table and edits by hand, through the binary: API, command line, exports.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod support;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use support::server::Server;
use support::{COLLECT, Desk, landed, source};

fn sellers(more: &str) -> Desk {
    let desk = Desk::new(&format!(
        "destination: {{ type: sqlite, path: out.db }}
datasets:
  sellers: {{ change_log: true, snapshot: true }}
sources:
  - {{ name: market, type: files, paths: [drops/*.json], primary_key: id, table: sellers }}
{more}"
    ));
    desk.write(
        "drops/1.json",
        r#"[{"id": "a", "score": 1}, {"id": "b", "score": 2}, {"id": "c", "score": 3}]"#,
    );
    desk
}

fn run_of(report: &Value) -> String {
    report["run_id"].as_str().or(report["run"].as_str()).unwrap().to_owned()
}

#[test]
fn sellers_are_edited_compared_and_exported() {
    let desk = sellers("");
    let first = run_of(&desk.collect_well(&[]));
    let operator = desk.new_token("operate");
    let server = Server::start(&desk).with_token(&operator);
    let at = |path: &str| format!("/api/v1/datasets/sellers/{path}");

    let (status, removed) = server.post(&at("remove"), json!({ "keys": ["a", "b"] }));
    assert_eq!((status, &removed["count"]), (StatusCode::OK, &json!(1)), "{removed:#}");
    let (status, added) = server.post(&at("records"), json!({ "records": [{ "id": "d", "score": 9 }] }));
    assert_eq!(status, StatusCode::OK, "{added:#}");
    assert_eq!(added["records"][0]["_busta_source"], "market", "of the one source that lands there");
    let (status, text) = server.send(Method::PATCH, &at("records/c"), Some(json!({ "score": 30 })));
    assert_eq!(status, StatusCode::OK, "{text}");
    let (status, wrong) = server.send(Method::PATCH, &at("records/c"), Some(json!({ "score": "much" })));
    assert!(status == StatusCode::BAD_REQUEST && wrong.contains("holds INTEGER"), "{wrong}");
    let (status, wrong) = server.post(&at("records?source=nobody"), json!({ "records": [{ "id": "e" }] }));
    assert!(status == StatusCode::BAD_REQUEST, "{wrong:#}");

    // The next collection finds all three again, and a new one.
    desk.write(
        "drops/2.json",
        r#"[{"id": "a", "score": 1}, {"id": "b", "score": 2}, {"id": "e", "score": 5}]"#,
    );
    let second = server.collect();
    server.until_run(&second, "completed");
    let history = server.get(&at("history"));
    let told: Vec<Value> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            json!([
                item["kind"],
                item["who"],
                item["inserted"],
                item["updated"],
                item["removed"],
                item["count"]
            ])
        })
        .collect();
    let expected = json!([
        ["run", null, 1, 0, 0, 3],
        ["edit", "operate", 0, 1, 0, 2],
        ["edit", "operate", 1, 0, 0, 2],
        ["edit", "operate", 0, 0, 2, 1],
        ["run", null, 3, 0, 0, 3],
    ]);
    assert_eq!(Value::from(told), expected, "{history:#}");
    let marks = server.get(&at("snapshots"));
    assert_eq!((&marks["items"][0]["count"], &marks["items"][1]["run"]), (&json!(3), &json!(first)));
    let past = server.get(&at(&format!("snapshots/{first}/records?limit=2")));
    assert_eq!(past["items"].as_array().unwrap().len(), 2);
    let next = past["next"].as_str().unwrap();
    let rest = server.get(&at(&format!("snapshots/{first}/records?limit=2&cursor={next}")));
    assert_eq!((&rest["items"][0]["id"], &rest["items"][0]["score"]), (&json!("c"), &json!(3)));

    let difference = server.get(&at(&format!("diff?from={first}&to={second}")));
    let ids = |list: &str| -> Vec<&Value> {
        difference[list].as_array().unwrap().iter().map(|row| &row["id"]).collect()
    };
    assert_eq!(
        (ids("added"), ids("removed")),
        (vec![&json!("d"), &json!("e")], vec![&json!("a"), &json!("b")])
    );
    assert_eq!(difference["changed"][0]["after"]["score"], 30);
    let events =
        server.until("/api/v1/activity?action=edited", |page| page["items"].as_array().unwrap().len() == 3);
    let said = events["items"][2]["message"].as_str().unwrap();
    assert_eq!(said, "2 records removed from `sellers` by operate (change 2)");

    // The command line asks the server, which wants a token.
    let change = removed["change"].to_string();
    let refused = desk.busta(&["data", "undo", "sellers", &change]);
    assert!(refused.code != 0 && refused.stderr.contains("BUSTA_TOKEN"), "{}", refused.stderr);
    let undone = desk.busta(&["data", "undo", "sellers", &change, "--token", &operator]);
    assert_eq!(undone.code, 0, "{}", undone.stderr);
    assert!(undone.stdout.contains("there are 5 rows"), "{}", undone.stdout);
    let again = desk.busta(&["data", "undo", "sellers", &change, "--token", &operator]);
    assert!(again.code != 0 && again.stderr.contains("undone already"), "{}", again.stderr);
    server.signal("-TERM");
    drop(server);

    let table = desk.busta(&["data", "history", "sellers", "-n", "2"]).stdout;
    assert!(
        table.contains("operate undid 2") && table.contains(&format!("run {second} of market")),
        "{table}"
    );
    let changes = desk.busta(&["data", "changes", "sellers", "--since", "5"]).stdout;
    assert!(changes.contains("score: 3 -> 30") && !changes.contains("seq:5"), "{changes}");
    let diff = desk.busta(&["data", "diff", "sellers", &first]).stdout;
    assert!(diff.contains("from run ") && diff.contains(r#"+ {"id":"d""#), "{diff}");
    assert!(diff.contains(r#"~ {"id":"c"} score: 3 -> 30"#) && !diff.contains(r#""id":"a""#), "{diff}");
    let wrong = desk.busta(&["data", "diff", "sellers", "01AAAAAAAAAAAAAAAAAAAAAAAA"]);
    assert!(wrong.code != 0 && wrong.stderr.contains("has changed nothing"), "{}", wrong.stderr);

    let csv = desk.busta(&["data", "export", "sellers", "--format", "csv"]).stdout;
    assert!(csv.starts_with("id,score,_busta_run,_busta_source,_busta_loaded_at\n"), "{csv}");
    assert_eq!(csv.lines().count(), 6, "{csv}");
    let all: Value =
        serde_json::from_str(&desk.busta(&["data", "export", "sellers", "--format", "json"]).stdout).unwrap();
    let edited = all.as_array().unwrap().iter().find(|row| row["id"] == "c").unwrap();
    assert_eq!(edited["_busta_run"], "edit-4");
    assert!(edited["_busta_loaded_at"].is_string() && edited["_busta_source"] == "market");
    let tables = desk.busta(&["data", "list"]).stdout;
    assert!(!tables.contains("_busta_"), "{tables}");
}

#[test]
fn an_edit_is_undone_on_the_file_itself() {
    let desk = sellers("");
    desk.collect_well(&[]);
    {
        let server = Server::start(&desk);
        let (status, _) = server.send(Method::DELETE, "/api/v1/datasets/sellers/records/a", None);
        assert_eq!(status, StatusCode::OK);
        let history = server.get("/api/v1/datasets/sellers/history");
        assert_eq!(history["items"][0]["who"], "local");
        server.signal("-TERM");
    }
    let undone = desk.busta(&["data", "undo", "sellers", "2"]);
    assert_eq!(undone.code, 0, "{}", undone.stderr);
    let lines = desk.busta(&["data", "history", "sellers", "--json"]).stdout;
    let newest: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&newest["who"], &newest["undoes"], &newest["count"]),
        (&json!("command line"), &json!(2), &json!(3))
    );
    let plain = desk.busta(&["data", "history", "nothing"]);
    assert!(plain.code != 0 && plain.stderr.contains("there is no table"), "{}", plain.stderr);
}

/// A file that cannot be read costs the run its completeness, and nobody the snapshot.
#[test]
fn a_partial_run_has_a_snapshot_that_says_so() {
    let desk =
        sellers("  - { name: more, type: files, paths: [more/*.gz], primary_key: id, table: sellers }\n");
    desk.write("more/1.json.gz", [0x1f, 0x8b, 8, 0, 1, 2, 3]);
    let (_, report) = desk.collect(&[]);
    assert_eq!((&report["status"], &report["records"]), (&json!("partial"), &json!(3)), "{report:#}");
    let lines = desk.busta(&["data", "history", "sellers", "--json"]).stdout;
    let episodes: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |name: &str| {
        let of_it = episodes.iter().find(|episode| episode["source"] == name).unwrap();
        (of_it["status"].clone(), of_it["inserted"].clone())
    };
    assert_eq!(told("market"), (json!("completed"), json!(3)));
    assert_eq!(told("more"), (source(&report, "more")["status"].clone(), json!(0)));
    let table = desk.busta(&["data", "history", "sellers"]).stdout;
    assert!(table.contains("of more (partial)"), "{table}");
}

#[test]
fn a_row_may_have_any_key() {
    let desk = sellers("");
    desk.write("drops/2.json", r#"[{"id": "remove", "score": 4}]"#);
    desk.collect_well(&[]);
    let server = Server::start(&desk);
    let path = "/api/v1/datasets/sellers/records/remove";
    let (status, text) = server.send(Method::PATCH, path, Some(json!({ "score": 5 })));
    assert_eq!(status, StatusCode::OK, "{text}");
    let (_, same) = server.send(Method::PATCH, path, Some(json!({ "score": 5 })));
    let same: Value = serde_json::from_str(&same).unwrap();
    assert!(same.get("change").is_none() && same["records"][0]["_busta_run"] == "edit-2", "{same:#}");
    assert_eq!(server.send(Method::DELETE, path, None).0, StatusCode::OK);
    let (status, gone) = server.post("/api/v1/datasets/sellers/remove", json!({ "keys": ["a", "b"] }));
    assert_eq!((status, &gone["count"]), (StatusCode::OK, &json!(1)), "{gone:#}");
    server.signal("-TERM");
}

/// A file of sellers, in an order of its own.
fn drop_of(file: usize, sellers: usize) -> String {
    let mut numbers: Vec<usize> = (0..sellers).collect();
    fastrand::Rng::with_seed(file as u64).shuffle(&mut numbers);
    let rows: Vec<Value> =
        numbers.iter().map(|n| json!({ "id": format!("seller {n}"), "found_in": file })).collect();
    Value::from(rows).to_string()
}

/// Eight workers of a run find the same sellers at the same moment.
#[test]
fn workers_who_find_the_same_sellers_keep_each_once() {
    let desk = Desk::new(
        "concurrency: 8
destination: { type: sqlite, path: out.db }
datasets:
  sellers: { keep: first, change_log: true, snapshot: true }
sources:
  - { name: market, type: files, paths: [drops/*.json], primary_key: id, table: sellers }
",
    );
    (0..8).for_each(|file| desk.write(&format!("drops/{file}.json"), drop_of(file, 500)));
    let report = desk.collect_well(&[]);
    assert_eq!(report["records"], 500, "the others are known: {report:#}");
    let db = desk.file("out.db");
    landed::check_logs(&db, &["sellers"]);
    let db = rusqlite::Connection::open(db).unwrap();
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("SELECT count(DISTINCT id) FROM sellers"), 500);
    assert_eq!(number("SELECT count(*) FROM sellers"), 500);
    assert_eq!(number("SELECT count(*) FROM _busta_log_sellers"), 500, "the first stays as it was found");
    assert_eq!(number("SELECT ended_count FROM _busta_episodes"), 500);
}

/// Two processes, each with a state of its own, land in one database at once.
#[test]
fn two_processes_log_in_one_order() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("out.db");
    let desks = ["east", "west"].map(|source| {
        let desk = Desk::new(&format!(
            "destination: {{ type: sqlite, path: {} }}
datasets:
  sellers: {{ keep: first, change_log: true, snapshot: true }}
sources:
  - {{ name: {source}, type: files, paths: [drops/*.json], primary_key: id, table: sellers }}
",
            db.display()
        ));
        (0..6).for_each(|file| desk.write(&format!("drops/{file}.json"), drop_of(file, 300)));
        desk
    });
    for mut process in desks.each_ref().map(|desk| desk.spawn(&COLLECT)) {
        assert!(process.wait().unwrap().success());
    }
    landed::check_logs(&db, &["sellers"]);
    let db = rusqlite::Connection::open(db).unwrap();
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("SELECT count(*) FROM sellers"), 600, "each source has its own");
    assert_eq!(number("SELECT count(DISTINCT id) FROM sellers"), 300);
    assert_eq!(number("SELECT max(ended_count) FROM _busta_episodes"), 600);
}

#[test]
fn what_needs_a_key_says_so() {
    for setting in ["keep: first", "change_log: true", "ignore_changes: [score]"] {
        let desk = Desk::new(&format!(
            "destination: {{ type: sqlite, path: out.db }}
datasets: {{ sellers: {{ {setting} }} }}
sources:
  - {{ name: market, type: files, paths: [drops/*.json], table: sellers }}
"
        ));
        let ended = desk.busta(&["check"]);
        let name = setting.split(':').next().unwrap();
        assert!(
            ended.code == 2 && ended.stderr.contains(&format!("`{name}` needs rows")),
            "{}",
            ended.stderr
        );
        assert!(ended.stderr.contains("busta.yaml:2:"), "{}", ended.stderr);
    }
}

/// Lakes cannot log, but they know what is no change.
#[test]
fn a_lake_ignores_changes_too() {
    let desk = Desk::new(
        "destination: { type: ndjson, path: out }
datasets: { sellers: { ignore_changes: [seen] } }
sources:
  - { name: market, type: files, paths: [drops/*.json], primary_key: id, table: sellers }
",
    );
    desk.write("drops/1.json", r#"[{"id": "a", "score": 1, "seen": 1}, {"id": "b", "score": 1, "seen": 1}]"#);
    assert_eq!(desk.collect_well(&[])["records"], 2);
    desk.write("drops/2.json", r#"[{"id": "a", "score": 1, "seen": 2}, {"id": "b", "score": 2, "seen": 2}]"#);
    desk.collect_well(&[]);
    let rows: Vec<Value> = landed::ndjson(&desk.file("out"))["sellers"]
        .iter()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect();
    let told: Vec<_> = rows.iter().map(|row| (&row["id"], &row["score"], &row["seen"])).collect();
    let (one, two) = (json!(1), json!(2));
    assert_eq!(told, [(&json!("a"), &one, &one), (&json!("b"), &two, &two)]);
}

#[test]
fn a_log_needs_a_key_and_a_destination_that_keeps_one() {
    let check = |destination: &str, key: &str| {
        let desk = Desk::new(&format!(
            "destination: {destination}
datasets: {{ sellers: {{ change_log: true }} }}
sources:
  - {{ name: market, type: files, paths: [drops/*.json], table: sellers{key} }}
"
        ));
        desk.busta(&["check"])
    };
    let sqlite = "{ type: sqlite, path: out.db }";
    let good = check(sqlite, ", primary_key: id");
    assert_eq!(good.code, 0, "{}", good.stderr);
    let keyless = check(sqlite, "");
    assert!(keyless.code != 0 && keyless.stderr.contains("have no key"), "{}", keyless.stderr);
    let lake = check("{ type: ndjson, path: out }", ", primary_key: id");
    assert!(lake.code != 0 && lake.stderr.contains("sqlite"), "{}", lake.stderr);
}
