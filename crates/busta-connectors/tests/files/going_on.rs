//! What is read again: by the next run, and behind a crash.

use super::*;

#[tokio::test]
async fn only_new_and_changed_files_are_read_again() {
    let folder = Folder::new();
    for id in 0..30 {
        folder.write(&format!("in/{id:02}.json"), format!(r#"{{"id":{id}}}"#));
    }
    folder.write("in/99.json", "{");
    let source = build(folder.path(), json!({"paths": ["in"]}));
    let first = read_all(&*source, &Checkpoint::default()).await.unwrap();
    assert_eq!(first.stream("drops").len(), 30);
    let changed = folder.write("in/07.json", r#"{"id":7}"#);
    let later = fs::metadata(&changed).unwrap().modified().unwrap() + Duration::from_secs(1);
    fs::File::options().write(true).open(&changed).unwrap().set_modified(later).unwrap();
    folder.write("in/30.json", r#"{"id":30}"#);
    let second = read_all(&*source, &checkpoint(&first)).await.unwrap();
    assert_eq!(ids(second.stream("drops")), [7, 30]);
    // What has failed is tried again.
    assert_eq!(failures(&second).len(), 1);
    fs::remove_file(folder.path().join("in/99.json")).unwrap();
    let mut known = checkpoint(&first);
    known.starts.extend(second.starts);
    assert_eq!(source.plan(&known).await.unwrap(), []);
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_read_again() {
    let folder = Folder::new();
    folder.write("a.ndjson", "{\"id\":1}\n".repeat(600_000));
    let source = build(folder.path(), json!({"paths": ["a.ndjson"]}));
    let split = source.plan(&Checkpoint::default()).await.unwrap().remove(0);
    let mut reader = source.open(&split, None).await.unwrap();
    let mut starts = HashMap::new();
    let mut first = reader.next().await.unwrap().unwrap();
    assert!(!first.done);
    let at = first.cursor.clone();
    starts.extend(std::mem::take(&mut first.starts));
    let mut file = fs::File::options().append(true).open(folder.path().join("a.ndjson")).unwrap();
    file.write_all(b"{\"id\":2}\n").unwrap();
    while let Some(batch) = reader.next().await.unwrap() {
        starts.extend(batch.starts);
        if batch.done {
            break;
        }
    }
    let known = Checkpoint { starts: starts.into_iter().collect(), ..Checkpoint::default() };
    assert_eq!(source.plan(&known).await.unwrap().len(), 1);
    // Opened at its old place the file is another one: without a key that is told, with one it is
    // read from its start.
    let told = source.open(&split, Some(&at)).await.unwrap().next().await.unwrap().unwrap();
    assert!(told.done && told.records.is_empty() && told.starts.is_empty());
    assert!(told.failures[0].reason.contains("has changed"), "{:?}", told.failures);
    let merging = build(folder.path(), json!({"paths": ["a.ndjson"], "primary_key": "id"}));
    let again = merging.open(&split, Some(&at)).await.unwrap().next().await.unwrap().unwrap();
    assert_eq!(again.records.len(), first.records.len());
}

/// Large files of every format, with line breaks and brackets in texts.
fn large(folder: &Folder, count: u64) {
    let record =
        |id: u64| json!({"id": id, "text": format!("}}]\"\n{}", "ü,x".repeat((id % 50) as usize * 3))});
    let records: Vec<Value> = (0..count).map(record).collect();
    folder.write("in/array.json", serde_json::to_vec(&records).unwrap());
    folder.write("in/pretty.json.gz", gzip(&serde_json::to_vec_pretty(&records).unwrap()));
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    folder.write("in/lines.ndjson", &lines);
    folder.write("in/lines.jsonl.zst", zstd::encode_all(lines.as_bytes(), 1).unwrap());
    let features: Vec<Value> =
        records.iter().map(|r| json!({"type": "Feature", "id": r["id"], "text": r["text"]})).collect();
    let collection = json!({"features": features, "links": [{"a": "]"}], "type": "FeatureCollection"});
    folder.write("in/collection.json", collection.to_string());
    let mut rows = String::from("id,text\n");
    for record in &records {
        rows.push_str(&format!(
            "{},\"{}\"\n",
            record["id"],
            record["text"].as_str().unwrap().replace('"', "\"\"")
        ));
    }
    folder.write("in/rows.csv", rows);
}

#[tokio::test]
async fn large_files_go_on_where_they_were_left() {
    let folder = Folder::new();
    let count = 16_000;
    large(&folder, count);
    let source = build(folder.path(), json!({"paths": ["in"], "include_path": "file"}));
    let whole = read_all(&*source, &Checkpoint::default()).await.unwrap();
    assert!(whole.batches > 12, "{} batches", whole.batches);
    assert_eq!(failures(&whole), []);
    let mut by_file: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for record in whole.stream("drops") {
        by_file.entry(record["file"].as_str().unwrap()).or_default().push(record["id"].as_i64().unwrap());
    }
    assert_eq!(by_file.len(), 6);
    for (file, ids) in by_file {
        assert!(ids.iter().copied().eq(0..count as i64), "{file}: {} records", ids.len());
    }
    let reopened = read_all_reopening(&*source, &Checkpoint::default()).await.unwrap();
    assert_eq!(whole.stream("drops"), reopened.stream("drops"));
    assert_eq!(whole.starts, reopened.starts);
}

/// Reads one batch at a time, as if the process were killed after the commit of each: everything is
/// planned anew from what is committed. `resume` keeps the positions of the splits, as a resumed
/// run does; a new run has the start cursors alone.
async fn read_crashing(source: &dyn Source, resume: bool) -> (Vec<Value>, usize) {
    let mut known = Checkpoint::default();
    let mut records = Vec::new();
    let mut rounds = 0;
    loop {
        let splits = source.plan(&known).await.unwrap();
        let Some(split) = splits.iter().find(|split| known.position(&split.id) != Position::Done) else {
            return (records, rounds);
        };
        // Not always the first, since splits are read side by side.
        let open: Vec<_> = splits.iter().filter(|s| known.position(&s.id) != Position::Done).collect();
        let split = open.get(rounds % open.len()).copied().unwrap_or(split);
        let at = match known.position(&split.id) {
            Position::At(cursor) => Some(cursor),
            _ => None,
        };
        let batch = source.open(split, at.as_ref()).await.unwrap().next().await.unwrap().unwrap();
        records.extend(batch.records.iter().map(|r| serde_json::from_slice::<Value>(r).unwrap()));
        known.starts.extend(batch.starts);
        let position = if batch.done { Position::Done } else { Position::At(batch.cursor) };
        // Without positions a split of failures alone would be read for ever.
        if resume || batch.records.is_empty() {
            known.splits.insert(split.id.clone(), SplitState { position, high: None, found: None });
        }
        rounds += 1;
        assert!(rounds < 2_000, "this does not end");
    }
}

#[tokio::test]
async fn planning_again_after_every_batch_loses_and_repeats_nothing() {
    let folder = Folder::new();
    large(&folder, 6_000);
    for id in 0..400 {
        // The first of a group fails, and others here and there.
        let content = if id % 37 == 0 { "{".to_owned() } else { format!(r#"{{"id":{id},"file":"small"}}"#) };
        folder.write(&format!("in/{id:03}.json"), content);
    }
    for mode in ["append", "replace"] {
        let keys = json!({"paths": ["in"], "write_mode": mode});
        let source = build(folder.path(), keys);
        let undisturbed = read_all(&*source, &Checkpoint::default()).await.unwrap();
        let sorted = |records: &[Value]| {
            let mut texts: Vec<String> = records.iter().map(Value::to_string).collect();
            texts.sort();
            texts
        };
        let expected = sorted(undisturbed.stream("drops"));
        assert_eq!(expected.len(), 6 * 6_000 + 400 - 11);
        let (records, rounds) = read_crashing(&*source, true).await;
        assert!(rounds > 15, "{rounds} rounds");
        assert!(sorted(&records) == expected, "{mode}: {} of {}", records.len(), expected.len());
        if mode == "append" {
            let (records, _) = read_crashing(&*source, false).await;
            assert!(sorted(&records) == expected, "new runs: {} of {}", records.len(), expected.len());
            assert!(undisturbed.starts.keys().all(|key| key.starts_with("file:in/")));
        } else {
            assert!(undisturbed.starts.is_empty());
        }
    }
}
