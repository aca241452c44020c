//! The commands from outside: what they print, where, and with which exit code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::io::Read;
use std::process::Stdio;

use serde_json::Value;
use support::{Desk, Ended};

const FILES: &str = "sources:
  - name: drops
    type: files
    paths: [\"in/*.json\"]
    stream: drops
    primary_key: id
";

fn desk() -> Desk {
    let desk = Desk::new(FILES);
    desk.write("in/a.json", r#"[{"id": 1, "name": "one"}, {"id": 2, "name": "two, \"quoted\""}]"#);
    desk
}

fn well(ended: Ended) -> String {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.stdout
}

#[test]
fn init_writes_what_collects_at_once() {
    let desk = Desk::new("");
    std::fs::remove_file(desk.file("busta.yaml")).unwrap();
    well(desk.busta(&["init"]));
    assert!(well(desk.busta(&["check"])).starts_with("The configuration is valid: 1 source enabled."));
    assert!(well(desk.busta(&["sources", "collect"])).contains("completed"));
    assert_eq!(well(desk.busta(&["data", "head", "orders", "-n", "99", "--json"])).lines().count(), 5);
    let again = desk.busta(&["init"]);
    assert_eq!(again.code, 2);
    assert!(again.stderr.contains("--force overwrites it"), "{}", again.stderr);
}

#[test]
fn json_is_one_document_and_nothing_else_on_stdout() {
    let desk = desk();
    let stdout = well(desk.busta(&["sources", "collect", "--parallel", "--json"]));
    let report: Value = serde_json::from_str(&stdout).unwrap();
    for key in ["run_id", "status", "records", "speed_up", "sources", "peak_rss_bytes", "cpu_s"] {
        assert!(report.get(key).is_some(), "{key}");
    }
    assert_eq!(report["records"], 2);
    assert!(report["peak_rss_bytes"].as_u64().unwrap() > 1 << 20);
}

#[test]
fn wrong_usage_is_2_and_says_what_was_meant() {
    let desk = desk();
    let cases: [(&[&str], &str); 7] = [
        (&["sources", "collect", "drop"], "did you mean `drops`?"),
        (&["sources", "collekt"], "collect"),
        (&["sources", "collect", "--concurrency", "0"], "0"),
        (&["sources", "collect", "--resume", "--limit", "3"], "cannot be used"),
        (&["connectors", "show", "apo"], "did you mean `api`?"),
        (&["-c", "none.yaml", "check"], "none.yaml: cannot be read"),
        (&["--log", "a=b=c", "check"], "is not a log filter"),
    ];
    for (args, expected) in cases {
        let ended = desk.busta(args);
        assert_eq!(ended.code, 2, "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{args:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{args:?}");
    }
}

#[test]
fn all_problems_of_a_configuration_come_at_once() {
    let desk = Desk::new("concurency: 3\nsources:\n  - { name: a, type: fils }\n  - { type: api }\n");
    let ended = desk.busta(&["check"]);
    assert_eq!(ended.code, 2);
    for expected in [
        "has 3 problems",
        "busta.yaml:1:1",
        "did you mean `concurrency`?",
        "busta.yaml:3:22",
        "busta.yaml:4:",
    ] {
        assert!(ended.stderr.contains(expected), "{expected}: {}", ended.stderr);
    }
}

#[test]
fn files_that_cannot_be_a_configuration_are_told() {
    let desk = Desk::new("");
    desk.write("latin1.yaml", b"a: b\nc: \xe9\n");
    desk.write("folder/x", "");
    for (file, expected) in
        [("latin1.yaml", "is not UTF-8 in line 2"), ("folder", "is a folder"), ("busta.yaml", "is empty")]
    {
        let ended = desk.busta(&["-c", file, "check"]);
        assert_eq!(ended.code, 2);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
    std::fs::remove_file(desk.file("busta.yaml")).unwrap();
    let ended = desk.busta(&["check"]);
    assert!(ended.stderr.contains("busta init"), "{}", ended.stderr);
}

#[test]
fn the_history_knows_the_runs() {
    let desk = desk();
    assert_eq!(well(desk.busta(&["runs", "list", "--json"])).trim(), "[]");
    let (_, report) = desk.collect(&[]);
    let id = report["run_id"].as_str().unwrap();
    let runs: Value = serde_json::from_str(&well(desk.busta(&["runs", "list", "--json"]))).unwrap();
    assert_eq!(runs[0]["state"], "completed");
    assert_eq!(runs[0]["report"]["records"], 2);
    assert!(well(desk.busta(&["runs", "show", &id[..14]])).contains("drops"));
    assert_eq!(desk.busta(&["runs", "show", "NOPE"]).code, 1);
    let retry = desk.busta(&["runs", "retry", id]);
    assert_eq!(retry.code, 1);
    assert!(retry.stderr.contains("is completed"), "{}", retry.stderr);
}

#[test]
fn resume_without_an_unfinished_run_starts_a_new_one_and_says_so() {
    let desk = desk();
    let ended = desk.busta(&["sources", "collect", "--resume"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("there is no run to go on with"), "{}", ended.stderr);
}

/// A source over files, and one of which nothing answers.
fn two_sources() -> Desk {
    let desk = Desk::new(&format!(
        "{}{}",
        FILES,
        "  - { name: broken, type: api, base_url: \"http://127.0.0.1:1\", retry: { max_retries: 0 },
      streams: [{ name: broken, path: /x, records: $ }] }\n"
    ));
    desk.write("in/a.json", r#"[{"id": 1}]"#);
    desk
}

fn newest_state(desk: &Desk) -> (String, String) {
    let runs: Value = serde_json::from_str(&well(desk.busta(&["runs", "list", "--json"]))).unwrap();
    (runs[0]["id"].as_str().unwrap().to_owned(), runs[0]["state"].as_str().unwrap().to_owned())
}

#[test]
fn a_run_resumed_for_one_source_stays_unfinished_for_the_others() {
    let desk = two_sources();
    let (ended, report) = desk.collect(&[]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let id = report["run_id"].as_str().unwrap().to_owned();

    let ended = desk.busta(&["sources", "collect", "drops", "--resume"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("stays unfinished"), "{}", ended.stderr);
    assert_eq!(newest_state(&desk), (id.clone(), "cancelled".to_owned()));

    desk.write("busta.yaml", FILES);
    let ended = desk.busta(&["sources", "collect", "--resume"]);
    assert!(ended.stderr.contains("broken is no longer in the configuration"), "{}", ended.stderr);
    assert_eq!(newest_state(&desk), (id, "cancelled".to_owned()));
}

#[test]
fn a_new_run_beside_an_unfinished_one_says_so_and_supersedes_it() {
    let desk = two_sources();
    let (ended, report) = desk.collect(&[]);
    assert!(!ended.stderr.contains("did not complete"), "{}", ended.stderr);
    let old = report["run_id"].as_str().unwrap();
    let (ended, report) = desk.collect(&["drops"]);
    assert!(ended.stderr.contains(&format!("run {old} did not complete")), "{}", ended.stderr);
    let retry = desk.busta(&["runs", "retry", old]);
    assert_eq!(retry.code, 1);
    let newer = report["run_id"].as_str().unwrap();
    assert!(retry.stderr.contains(&format!("run {newer} has collected drops")), "{}", retry.stderr);
}

#[test]
fn a_completed_run_with_failed_records_says_where_they_are() {
    let desk = Desk::new(FILES);
    desk.write("in/a.json", r#"[{"id": 1}, 7]"#);
    let report = desk.collect_well(&[]);
    assert_eq!(report["failures"], 1);
    let retry = desk.busta(&["runs", "retry"]);
    assert_eq!(retry.code, 1);
    for expected in ["all its splits are done", "1 failed record is kept", "--full-refresh"] {
        assert!(retry.stderr.contains(expected), "{expected}: {}", retry.stderr);
    }
}

#[test]
fn a_closed_pipe_keeps_the_exit_code_of_the_run() {
    let desk = two_sources();
    for json in [&[][..], &["--json"]] {
        let args = [&["sources", "collect"][..], json].concat();
        let mut child = desk.command(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(3), "{args:?}");
    }
}

#[test]
fn a_secret_that_is_a_common_word_does_not_break_documents() {
    let desk = two_sources();
    let yaml = std::fs::read_to_string(desk.file("busta.yaml")).unwrap();
    desk.write("pass", "status");
    desk.write(
        "busta.yaml",
        yaml.replace("retry:", "auth: { type: bearer, token: \"${file:pass}\" }, retry:"),
    );
    desk.write("in/a.json", r#"[{"id": 1, "status": "new"}]"#);
    let (_, report) = desk.collect(&[]);
    assert_eq!(report["status"], "partial");
    assert!(well(desk.busta(&["data", "head", "drops", "--json"])).contains(r#""status":"new""#));
}

#[test]
fn data_comes_back_in_every_format() {
    let desk = desk();
    desk.collect_well(&[]);
    assert!(well(desk.busta(&["data", "list"])).contains("drops"));
    assert!(well(desk.busta(&["data", "schema", "drops"])).contains("primary key"));
    let csv = well(desk.busta(&["data", "export", "drops", "--format", "csv"]));
    assert!(csv.lines().next().unwrap().contains("id"), "{csv}");
    assert!(csv.contains("\"two, \"\"quoted\"\"\""), "{csv}");
    well(desk.busta(&["data", "export", "drops", "--format", "json", "--output", "out.json"]));
    let rows: Value = serde_json::from_slice(&std::fs::read(desk.file("out.json")).unwrap()).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 2);
    assert!(!desk.file("out.json.partial").exists());
    let missing = desk.busta(&["data", "head", "dorps"]);
    assert!(missing.stderr.contains("did you mean `drops`?"), "{}", missing.stderr);
}

#[test]
fn rows_are_filtered_and_ordered() {
    let desk = desk();
    desk.collect_well(&[]);
    let ids = |arguments: &[&str]| -> Vec<i64> {
        let stdout = well(desk.busta(&[&["data", "head", "drops", "--json"], arguments].concat()));
        let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap();
        stdout.lines().map(id).collect()
    };
    assert_eq!(ids(&["--order=-id"]), [2, 1]);
    assert_eq!(ids(&["--order", "-name", "-n", "1"]), [2]);
    assert_eq!(ids(&["--filter", "id>=1,name~ONE"]), [1]);
    assert_eq!(ids(&["--filter", r#"name="two, \"quoted\"""#]), [2]);
    assert!(ids(&["--filter", "name=null"]).is_empty());
    for (filter, why) in [
        ("id", "after `id` there must be one of"),
        ("ID=1", "has no column `ID` (columns: id, name"),
        ("id<null", "takes a number or a text"),
    ] {
        let ended = desk.busta(&["data", "head", "drops", "--filter", filter]);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    }
}

#[test]
fn a_dry_run_names_the_splits_and_reads_nothing() {
    let desk = desk();
    let stdout = well(desk.busta(&["sources", "collect", "--dry-run", "--json"]));
    let plan: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(plan[0]["splits"].as_array().unwrap().len(), 1);
    desk.collect_well(&[]);
    let plan: Value =
        serde_json::from_str(&well(desk.busta(&["sources", "collect", "--dry-run", "--json"]))).unwrap();
    assert_eq!(plan[0]["splits"], serde_json::json!([]), "the file has not changed");
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let desk = desk();
    let mut child = desk.command(&["schema"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(stderr, "");
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_schema_and_the_completions_are_for_machines() {
    let desk = desk();
    let schema: Value = serde_json::from_str(&well(desk.busta(&["schema"]))).unwrap();
    let sources = schema["properties"]["sources"]["items"]["oneOf"].as_array().unwrap();
    assert!(sources.iter().any(|source| source["properties"]["type"]["const"] == "files"));
    assert!(well(desk.busta(&["completions", "bash"])).contains("_busta"));
}

#[test]
fn connectors_show_an_example_that_is_valid() {
    let desk = Desk::new("");
    for name in ["api", "rss", "files"] {
        let shown = well(desk.busta(&["connectors", "show", name]));
        assert!(shown.contains("type: ") && shown.contains("Keys:"), "{shown}");
    }
}

#[test]
fn log_lines_go_to_the_file_as_json() {
    let desk = desk();
    well(desk.busta(&[
        "--log",
        "debug",
        "--log-format",
        "json",
        "--log-file",
        "log.jsonl",
        "sources",
        "collect",
    ]));
    let log = std::fs::read_to_string(desk.file("log.jsonl")).unwrap();
    for line in log.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        assert!(entry["level"].is_string() && entry["timestamp"].is_string(), "{line}");
    }
}

#[test]
fn a_token_is_printed_once_and_only_its_digest_is_stored() {
    let desk = desk();
    let made = desk.busta(&["token", "new", "--name", "ci", "--role", "operate"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let token = made.stdout.trim();
    assert!(token.starts_with("busta_") && token.len() == 70, "{token}");
    assert!(made.stderr.contains("which may operate") && !made.stderr.contains(token), "{}", made.stderr);
    assert_eq!(desk.busta(&["token", "new", "--name", "ci", "--role", "read"]).code, 1);

    let listed: Value = serde_json::from_str(&well(desk.busta(&["token", "list", "--json"]))).unwrap();
    assert_eq!((&listed[0]["name"], &listed[0]["role"]), (&"ci".into(), &"operate".into()));
    for file in std::fs::read_dir(desk.file(".busta")).unwrap() {
        let stored = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&stored).contains(&token[6..]), "the token is stored");
    }
    well(desk.busta(&["token", "revoke", "ci"]));
    assert!(well(desk.busta(&["token", "list"])).contains("UTC"), "when it was revoked");
    assert_eq!(desk.busta(&["token", "revoke", "ci"]).code, 1);
}

#[test]
fn a_run_that_waits_is_listed_and_taken_out_of_the_queue() {
    let desk = desk();
    let store = busta_store::StateStore::at(desk.file(".busta/state.db"));
    let now = chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000);
    let run = busta_store::NewRun {
        id: busta_core::RunId::new(now, 1),
        started: now,
        trigger: busta_store::Trigger::Schedule,
        sources: vec!["drops".into()],
        full_refresh: false,
        limit: None,
    };
    let id = run.id.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(store.queue(run, None)).unwrap();
    let listed = well(desk.busta(&["runs", "list"]));
    assert!(listed.contains("schedule") && listed.contains("queued"), "{listed}");
    assert!(well(desk.busta(&["runs", "cancel", id.as_str()])).contains("taken out of the queue"));
    assert!(well(desk.busta(&["runs", "list"])).contains("abandoned"));
    assert_eq!(desk.busta(&["runs", "cancel", id.as_str()]).code, 1);
}
