//! Dedupe against the batch and against the store, as two connections commit in turn: rows, counts and log are those of
//! an oracle that knows nothing but a map.

use std::collections::BTreeMap;

use busta_core::dataset::Keep;
use busta_core::{Committed, DatasetSettings, StreamSpec, WriteMode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::desk::{Desk, spec, split_off};

/// A seller: `1` and `"1"` are two.
fn seller() -> impl Strategy<Value = Value> {
    let id = (0..6u8, any::<bool>()).prop_map(|(n, text)| if text { json!(n.to_string()) } else { json!(n) });
    let name = prop_oneof![
        Just(Value::Null),
        Just(json!("a\u{fc}\"b")),
        Just(json!([1, { "x": null }])),
        Just(json!(1.0))
    ];
    (id, name, 0..3u8, 0..1000u32).prop_map(|(id, name, score, at)| match score {
        // Fields come in any order, and may be missing.
        0 => json!({ "at": at, "name": name, "id": id }),
        score => json!({ "id": id, "score": score, "name": name, "at": at }),
    })
}

/// What a table is for: with a log and without.
fn datasets() -> impl Strategy<Value = DatasetSettings> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(first, change_log, ignored)| DatasetSettings {
        keep: if first { Keep::First } else { Keep::Newest },
        change_log,
        ignore_changes: if ignored { vec!["at".to_owned()] } else { vec![] },
        ..DatasetSettings::default()
    })
}

/// What the oracle knows: each seller's fields that are not null.
#[derive(Default)]
struct Oracle(BTreeMap<String, Value>);

impl Oracle {
    fn take(&mut self, record: &Value, dataset: &DatasetSettings, done: &mut Committed) {
        let bare = |record: &Value, but_for: &[String]| -> Value {
            let fields = record.as_object().unwrap().iter();
            fields
                .filter(|(name, value)| !value.is_null() && !but_for.contains(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        };
        let ignored = &dataset.ignore_changes;
        match self.0.get_mut(&record["id"].to_string()) {
            None => {
                done.inserted += 1;
                self.0.insert(record["id"].to_string(), bare(record, &[]));
            }
            Some(_) if dataset.keep == Keep::First => done.deduped += 1,
            Some(known) if bare(known, ignored) == bare(record, ignored) => done.deduped += 1,
            Some(known) => {
                done.updated += 1;
                *known = bare(record, &[]);
            }
        }
    }
}

async fn check(dataset: DatasetSettings, commits: Vec<(bool, Vec<Vec<Value>>)>) {
    let folder = tempfile::tempdir().unwrap();
    let one = Desk::open(folder.path());
    let other = Desk::open_with(folder.path(), one.clock.clone());
    let spec = StreamSpec { dataset: dataset.clone(), ..spec(WriteMode::Merge) };
    for desk in [&one, &other] {
        let streams = std::slice::from_ref(&spec);
        desk.destination.prepare(&"R1".into(), &"ebay".into(), streams).await.unwrap();
    }
    let (mut oracle, mut split, mut logged) = (Oracle::default(), 0, 0);
    for (first, batches) in &commits {
        let desk = if *first { &one } else { &other };
        let chunks: Vec<_> = batches
            .iter()
            .map(|batch| {
                split += 1;
                desk.chunk("R1", "ebay", split, batch)
            })
            .collect();
        let done = desk.destination.commit(&chunks).await.unwrap();
        for (batch, done) in batches.iter().zip(done) {
            let mut wanted = Committed::default();
            batch.iter().for_each(|record| oracle.take(record, &dataset, &mut wanted));
            let done = done.unwrap();
            assert_eq!(
                (done.inserted, done.updated, done.deduped),
                (wanted.inserted, wanted.updated, wanted.deduped)
            );
            logged += wanted.inserted + wanted.updated;
        }
    }
    let rows: BTreeMap<String, Value> =
        one.rows().await.into_iter().map(|((_, key), fields)| (key, fields)).collect();
    assert_eq!(rows, oracle.0);
    if dataset.change_log {
        let changes = one.changes(0).await;
        assert_eq!(changes.len() as u64, logged);
        let mut played = BTreeMap::new();
        for change in changes {
            let after = serde_json::from_str(change.after.unwrap().get()).unwrap();
            let ((_, key), fields) = split_off(after);
            played.insert(key, fields);
            assert_eq!(change.count, played.len() as u64);
        }
        assert_eq!(played, oracle.0, "the log says what the rows say");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_seller_is_kept_once(
        dataset in datasets(),
        commits in prop::collection::vec(
            (any::<bool>(), prop::collection::vec(prop::collection::vec(seller(), 0..8), 1..4)),
            1..5,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(dataset, commits));
    }
}
