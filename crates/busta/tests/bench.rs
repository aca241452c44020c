//! `busta bench` from outside: small benches from their data to their reports.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use serde_json::Value;
use support::Desk;

fn desk() -> Desk {
    Desk::new("")
}

/// Whatever is generated and collected goes again.
fn leaves_nothing(desk: &Desk) {
    let left = std::fs::read_dir(desk.file("work")).unwrap().count();
    assert_eq!(left, 0, "something was left behind");
}

#[test]
fn files_are_measured_reported_and_compared() {
    let desk = desk();
    desk.write("work/.keep", "");
    std::fs::remove_file(desk.file("work/.keep")).unwrap();
    let args = "bench files --quick --only small-json,stac-items --workers 2,1 --folder work";
    let files = "--json a.json --report a.md --plot a.svg";
    let args: Vec<&str> = args.split(' ').chain(files.split(' ')).collect();
    let ended = desk.busta(&args);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stdout.contains("Bottleneck: ") && ended.stdout.contains("Recommended: "),
        "{}",
        ended.stdout
    );
    leaves_nothing(&desk);

    let read = |name: &str| std::fs::read_to_string(desk.file(name)).unwrap();
    let results: Value = serde_json::from_str(&read("a.json")).unwrap();
    assert_eq!((&results["version"], &results["suite"]), (&Value::from(1), &Value::from("files")));
    let [json, items] = &results["scenarios"].as_array().unwrap()[..] else { panic!("{results}") };
    assert_eq!([&json["name"], &items["name"]], ["small-json", "stac-items"]);
    // Of the four broken items, one is so in a way that only a schema shows.
    for (scenario, records, failures) in [(json, 1000, 0), (items, 197, 3)] {
        let measurements = scenario["measurements"].as_array().unwrap();
        let workers: Vec<&Value> = measurements.iter().map(|one| &one["workers"]).collect();
        assert_eq!(workers, [1, 2]);
        for one in measurements {
            assert_eq!((&one["records"], &one["failures"]), (&Value::from(records), &Value::from(failures)));
            let positive = |key: &str| assert!(one[key].as_f64().unwrap() > 0.0, "{key}: {one}");
            positive("records_per_s");
            positive("mb_per_s");
            assert!(one["wall_s"]["median"].as_f64().unwrap() > 0.0);
            assert!(one["peak_rss_bytes"]["median"].as_f64().unwrap() > 1e6);
            let shares = one["shares"].as_object().unwrap().values();
            let whole: f64 = shares.map(|share| share.as_f64().unwrap()).sum();
            assert!((whole - 1.0).abs() < 1e-6, "{one}");
            assert!(one["shares"]["wait"].as_f64().unwrap() > 0.0, "reading takes time: {one}");
        }
    }
    assert!(read("a.md").contains("![throughput and memory over workers](a.svg)"), "{}", read("a.md"));
    assert!(read("a.svg").starts_with("<svg ") && read("a.svg").trim_end().ends_with("</svg>"));

    let same = desk.busta(&["bench", "compare", "a.json", "a.json"]);
    assert_eq!((same.code, same.stdout.as_str()), (0, "No difference beyond noise in 8 figures.\n"));
    let mut slower = results;
    for end in ["median", "min", "max"] {
        slower["scenarios"][0]["measurements"][1]["wall_s"][end] = 60.0.into();
    }
    desk.write("b.json", slower.to_string());
    slower["scenarios"] = Value::Array(Vec::new());
    desk.write("none.json", slower.to_string());
    let nothing = desk.busta(&["bench", "compare", "a.json", "none.json"]);
    assert_eq!(nothing.code, 2, "{}", nothing.stdout);
    let worse = desk.busta(&["bench", "compare", "a.json", "b.json"]);
    assert_eq!(worse.code, 3);
    assert!(worse.stdout.starts_with("Worse:\n  small-json, 2 workers: time "), "{}", worse.stdout);
}

#[test]
fn pages_side_by_side_are_faster_than_one_after_another() {
    let desk = desk();
    let ended = desk.busta(&["bench", "api", "--quick", "--workers", "1,5", "--json", "a.json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let results: Value = serde_json::from_slice(&std::fs::read(desk.file("a.json")).unwrap()).unwrap();
    let [chain, parallel] = &results["scenarios"].as_array().unwrap()[..] else { panic!("{results}") };
    assert_eq!(chain["bottleneck"]["kind"], "server");
    assert!(chain["measurements"][0]["shares"]["wait"].as_f64().unwrap() > 0.5, "{chain}");
    assert_eq!(
        (&parallel["measurements"][0]["requests"], &parallel["recommended_workers"]),
        (&10.into(), &5.into())
    );
}

#[test]
fn a_search_is_measured_as_a_chain_and_in_chunks_of_time() {
    let desk = desk();
    let args = ["bench", "stac", "--quick", "--only", "large-chained,large-parallel", "--workers", "8"];
    let ended = desk.busta(&[&args[..], &["--json", "a.json"]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let results: Value = serde_json::from_slice(&std::fs::read(desk.file("a.json")).unwrap()).unwrap();
    let [chain, chunks] = &results["scenarios"].as_array().unwrap()[..] else { panic!("{results}") };
    let [chain, chunks] = [chain, chunks].map(|scenario| &scenario["measurements"][0]);
    for one in [chain, chunks] {
        assert_eq!((&one["records"], &one["failures"]), (&2000.into(), &0.into()));
    }
    // A landing page and 20 pages, one after another; chunks take more of them, side by side.
    assert_eq!((&chain["workers"], &chain["requests"]), (&1.into(), &21.into()));
    assert_eq!(chunks["workers"], 8);
    assert!(chunks["requests"].as_u64().unwrap() > 21, "{chunks}");
    assert!(chain["wall_s"]["median"].as_f64().unwrap() >= 1.0, "{chain}");
}

#[test]
fn an_own_api_is_measured_end_to_end_whichever_kind_it_is() {
    let desk = desk();
    let origin = support::origin::Origin::default();
    let list = format!("{}/rest/page/orders?size=40", origin.url());
    let pagination = r#"{"type": "page", "per_page": 20, "total_path": "$.total"}"#;
    let how = ["--records", "$.items", "--pagination", pagination, "--jq", ".id += 1"];
    let items = format!("{}/stac/60", origin.url());
    for (url, how, records, shown) in
        [(&list, &how[..], 40, "the records of"), (&items, &["--jq", ".n = 1"], 60, "the items of")]
    {
        let args = ["bench", "pipeline", "--url", url, "--workers", "2", "--quick", "--json", "a.json"];
        let ended = desk.busta(&[&args[..], how].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let results: Value = serde_json::from_slice(&std::fs::read(desk.file("a.json")).unwrap()).unwrap();
        let [transformed, plain] = &results["scenarios"].as_array().unwrap()[..] else { panic!("{results}") };
        assert_eq!([&transformed["name"], &plain["name"]], ["given-transformed", "given-untransformed"]);
        for one in [transformed, plain] {
            assert!(one["title"].as_str().unwrap().starts_with(shown), "{one}");
            assert_eq!(one["measurements"][0]["records"], records, "{one}");
        }
        // Without a program nothing but the measuring of records counts as transforming them.
        let share = |one: &Value| one["measurements"][0]["shares"]["transform"].as_f64().unwrap();
        assert!(share(transformed) > share(plain), "{results}");
    }
}

#[test]
fn own_files_are_measured_where_they_lie() {
    let desk = desk();
    desk.write("in/a.ndjson", "{\"n\": 1}\n{\"n\": 2}\n");
    let args = ["bench", "pipeline", "--path", "in", "--jq", ".n += 1", "--workers", "1", "--repeat", "1"];
    let ended = desk.busta(&args);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stdout.contains("given-transformed: ") && ended.stdout.contains("into sqlite"),
        "{}",
        ended.stdout
    );
    let names: Vec<_> =
        std::fs::read_dir(desk.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "only busta.yaml and the files: {names:?}");
}

#[test]
fn what_is_wrong_is_said_before_anything_is_measured() {
    let desk = desk();
    desk.write("no.json", "{}");
    let cases: [(&[&str], i32, &str); 9] = [
        (&["files", "--path", "gone"], 2, "--path: gone is not there"),
        (&["files", "--only", "fast"], 2, "no scenario fast; there are small-json"),
        (&["files", "--json", "gone/a.json"], 2, "gone/a.json: there is no such folder"),
        (&["files", "--compare", "no.json"], 2, "no.json is not the JSON document of a bench"),
        (&["api", "--limit", "5"], 2, "--limit is for your own data"),
        (&["api", "--url", "http://127.0.0.1:1/list"], 1, "--url: nothing came back"),
        (&["pipeline", "--url", "http://127.0.0.1:1/list"], 1, "--url: nothing came back"),
        (&["pipeline", "--records", "$.items"], 2, "--url"),
        (&["compare", "no.json", "gone.json"], 2, "no.json is not the JSON document of a bench"),
    ];
    for (args, code, words) in cases {
        let ended = desk.busta(&[&["bench"], args].concat());
        assert_eq!(ended.code, code, "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{args:?}: {}", ended.stderr);
    }
}
