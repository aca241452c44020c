//! Files that are broken, closed or beyond all bounds: each costs itself.

use super::*;

#[tokio::test]
async fn bad_files_and_items_leave_the_others_alone() {
    let folder = Folder::new();
    folder.write("in/01.json", r#"[{"id":1},{"id":2},{"id":3"#);
    folder.write("in/02.ndjson", "{\"id\":4}\nnonsense\n{\"id\":5}\n[1]\n");
    folder.write("in/03.json", "");
    folder.write("in/04.json", b"{\"id\":\"\xff\"}");
    folder.write("in/05.csv", "id,n\n6,1\n7\n8,1,2\n9,1\n");
    folder.write("in/06.json.gz", &gzip(br#"[{"id":10}]"#)[..15]);
    folder.write("in/07.bin", b"\0\x01\x02");
    folder.write("in/08.html", "<!doctype html>");
    folder.write("in/09.json", r#"{"id":11}"#);
    folder.write("in/10.ndjson", "");
    let harvest = folder.read(json!({"paths": ["in", "gone.json", "nowhere/*.json"]})).await;
    assert_eq!(ids(harvest.stream("drops")), [1, 2, 4, 5, 6, 9, 11]);
    let mut told = failures(&harvest);
    told.sort();
    let positions: Vec<&str> = told.iter().map(|(position, _)| position.as_str()).collect();
    let expected = [
        "gone.json",
        "in/01.json: item 3",
        "in/02.ndjson:2",
        "in/02.ndjson:4",
        "in/03.json",
        "in/04.json: item 1",
        "in/05.csv:3",
        "in/05.csv:4",
        "in/06.json.gz",
        "in/07.bin",
        "in/08.html",
        "nowhere",
    ];
    assert_eq!(positions, expected, "{told:#?}");
    assert!(told[0].1.contains("nearest folder"), "{told:?}");
    let payload =
        harvest.failures.iter().find(|(_, f)| f.position.as_deref() == Some("in/05.csv:4")).unwrap();
    assert_eq!(payload.1.payload.as_deref(), Some("8,1,2"));
}

#[tokio::test]
async fn a_file_that_breaks_off_gives_its_first_part_once() {
    let folder = Folder::new();
    let lines: String = (0..200_000).map(|id| format!("{{\"id\":{id}}}\n")).collect();
    let compressed = gzip(lines.as_bytes());
    folder.write("a.ndjson.gz", &compressed[..compressed.len() / 2]);
    let source = build(folder.path(), json!({"paths": ["*"]}));
    let first = read_all(&*source, &Checkpoint::default()).await.unwrap();
    let count = first.stream("drops").len();
    assert!((1_000..199_000).contains(&count), "{count}");
    assert_eq!(first.failures.len(), 1);
    let second = read_all(&*source, &checkpoint(&first)).await.unwrap();
    assert_eq!((second.stream("drops").len(), second.failures.len()), (0, 1));
}

#[tokio::test]
async fn an_item_beyond_all_bounds_costs_only_itself() {
    let folder = Folder::new();
    let huge = format!(r#"{{"id":2,"text":"{}"}}"#, "]}".repeat(20 << 20));
    folder.write("a.json", format!(r#"[{{"id":1}},{huge},{{"id":3}}]"#));
    folder.write("b.ndjson", format!("{{\"id\":1}}\n{huge}\n{{\"id\":3}}"));
    let harvest = folder.read(json!({"paths": ["*"]})).await;
    assert_eq!(ids(harvest.stream("drops")), [1, 3, 1, 3]);
    let told = failures(&harvest);
    assert_eq!((&*told[0].0, &*told[1].0), ("a.json: item 2", "b.ndjson:2"));
    assert!(told.iter().all(|(_, reason)| reason.contains("larger than 32 MiB")), "{told:?}");
}

#[tokio::test]
async fn wrong_compression_is_one_failure_a_file() {
    let folder = Folder::new();
    folder.write("a.json", r#"{"id":1}"#);
    folder.write("b.json", gzip(br#"{"id":2}"#));
    let harvest = folder.read(json!({"paths": ["*.json"], "compression": "gzip"})).await;
    assert_eq!(ids(harvest.stream("drops")), [2]);
    assert_eq!(failures(&harvest).len(), 1);
    assert_eq!(harvest.failures[0].1.kind, ErrorKind::Corrupt);
}

#[tokio::test]
async fn closed_files_and_folders_are_failures() {
    let folder = Folder::new();
    folder.write("in/closed/a.json", r#"{"id":1}"#);
    let closed = folder.write("in/b.json", r#"{"id":2}"#);
    folder.write("in/c.json", r#"{"id":3}"#);
    let close = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    close(&closed, 0o000);
    close(&folder.path().join("in/closed"), 0o000);
    if fs::File::open(&closed).is_ok() {
        eprintln!("skipped: this user may read everything");
        close(&folder.path().join("in/closed"), 0o755);
        return;
    }
    let harvest = folder.read(json!({"paths": ["in"]})).await;
    close(&folder.path().join("in/closed"), 0o755);
    assert_eq!(ids(harvest.stream("drops")), [3]);
    let mut positions: Vec<String> = failures(&harvest).into_iter().map(|(position, _)| position).collect();
    positions.sort();
    assert_eq!(positions, ["in/b.json", "in/closed"]);
}
