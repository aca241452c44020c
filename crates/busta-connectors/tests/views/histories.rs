//! Random histories: whatever is done to a table, its view says what its rows say.

use busta_core::WriteMode;
use busta_core::clock::Clock;
use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Desk, spec, view};

/// What is done to a table.
#[derive(Clone, Debug)]
enum Act {
    Merge(Vec<Draft>),
    Pass(i64),
    /// What was stored more than so many minutes ago goes.
    Purge(i64),
    Restart,
    /// The view is taken away while records are merged, and given again.
    Without(Vec<Draft>),
    /// Another word becomes a stop word.
    Stop(usize),
}

/// A record to be made.
#[derive(Clone, Debug)]
struct Draft {
    id: i64,
    /// Minutes before now; the way in which it is written.
    age: Option<(i64, u8)>,
    group: usize,
    words: Vec<usize>,
    score: Option<i32>,
    compound: Option<i16>,
    more: bool,
}

const WORDS: [&str; 8] = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"];

fn draft() -> impl Strategy<Value = Draft> {
    let age = proptest::option::weighted(0.9, (-90_i64..60_000, 0..3_u8));
    let text = proptest::collection::vec(0..WORDS.len(), 0..6);
    let score = proptest::option::weighted(0.9, -20..500_i32);
    let compound = proptest::option::weighted(0.8, -10_000..=10_000_i16);
    (0..40_i64, age, 0..5_usize, text, score, compound, any::<bool>()).prop_map(
        |(id, age, group, words, score, compound, more)| Draft {
            id,
            age,
            group,
            words,
            score,
            compound,
            more,
        },
    )
}

fn drafts() -> impl Strategy<Value = Vec<Draft>> {
    proptest::collection::vec(draft(), 1..25)
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => drafts().prop_map(Act::Merge),
        3 => (1..2_000_i64).prop_map(Act::Pass),
        1 => (0..4_000_i64).prop_map(Act::Purge),
        1 => Just(Act::Restart),
        1 => drafts().prop_map(Act::Without),
        1 => (0..WORDS.len()).prop_map(Act::Stop),
    ]
}

fn record(draft: &Draft, desk: &Desk) -> Value {
    let compound = draft.compound.map(|n| f64::from(n) / 1e4);
    let label = compound.map(|c| {
        if c >= 0.05 {
            "positive"
        } else if c <= -0.05 {
            "negative"
        } else {
            "neutral"
        }
    });
    let words: Vec<&str> = draft.words.iter().map(|word| WORDS[*word]).collect();
    let (title, body) = words.split_at(words.len() / 2);
    let mut record = json!({
        "id": draft.id, "group": (["a", "b", "c"].get(draft.group)), "score": draft.score,
        "title": title.join(" "), "body": body.join(" "), "s_compound": compound, "s_label": label,
    });
    if let Some((minutes, form)) = draft.age {
        let at = desk.clock.now() - TimeDelta::minutes(minutes);
        record["at"] = match form {
            0 => at.timestamp().into(),
            1 => at.timestamp_millis().into(),
            _ => at.to_rfc3339().into(),
        };
    }
    if draft.more {
        // Columns appear and change their types.
        record["more"] = if draft.id % 2 == 0 { json!(draft.id) } else { json!({ "n": draft.id }) };
    }
    record
}

async fn play(acts: Vec<Act>) {
    let folder = tempfile::tempdir().unwrap();
    let mut wanted = spec(WriteMode::Merge, Some(view()));
    let mut desk = Desk::new(folder.path(), &wanted).await;
    // All columns are there from the first.
    let at = desk.clock.now().timestamp();
    let first = json!({ "id": 1_000, "at": at, "group": "a", "title": "alpha", "body": "beta", "score": 1,
                        "s_compound": 0.0, "s_label": "neutral" });
    desk.merge(&[first]).await;
    for act in acts {
        match act {
            Act::Merge(drafts) => {
                let records: Vec<Value> = drafts.iter().map(|draft| record(draft, &desk)).collect();
                merge_each(&mut desk, &records).await;
            }
            Act::Pass(minutes) => desk.clock.pass(minutes),
            Act::Purge(minutes) => {
                let older_than = desk.clock.now() - TimeDelta::minutes(minutes);
                desk.purge(older_than).await;
            }
            Act::Restart => desk.restart(folder.path(), &wanted).await,
            Act::Without(drafts) => {
                desk.restart(folder.path(), &spec(WriteMode::Merge, None)).await;
                let records: Vec<Value> = drafts.iter().map(|draft| record(draft, &desk)).collect();
                merge_each(&mut desk, &records).await;
                desk.restart(folder.path(), &wanted).await;
                desk.oracle.rebuild();
            }
            Act::Stop(word) => {
                let stop_words = vec![WORDS[word].to_uppercase()];
                let before = wanted.dataset.view.clone();
                wanted.dataset.view = Some(busta_core::dataset::ViewSettings { stop_words, ..view() });
                desk.restart(folder.path(), &wanted).await;
                if wanted.dataset.view != before {
                    desk.oracle.stop = Some(WORDS[word]);
                    desk.oracle.rebuild();
                }
            }
        }
        desk.check().await;
    }
}

/// Records of one commit count as they stand at its end, so one key comes once in a batch here.
async fn merge_each(desk: &mut Desk, records: &[Value]) {
    let mut batch: Vec<Value> = Vec::new();
    for record in records {
        batch.retain(|other| other["id"] != record["id"]);
        batch.push(record.clone());
    }
    desk.merge(&batch).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_view_says_what_the_rows_say(acts in proptest::collection::vec(act(), 1..14)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(acts));
    }
}

/// Rows of a replacement are others than those that had their rowids.
#[tokio::test]
async fn a_replaced_table_is_counted_anew() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = spec(WriteMode::Replace, Some(view()));
    let mut desk = Desk::new(folder.path(), &wanted).await;
    for round in 0..3_i64 {
        let at = desk.clock.now().timestamp();
        let record = |n: i64| {
            json!({ "id": n + round * 7, "at": at - n * 400, "group": "a", "title": WORDS[(n % 8) as usize],
                    "score": n * 10, "s_compound": 0.5, "s_label": "positive" })
        };
        let records: Vec<Value> = (0..20).map(record).collect();
        desk.replace(folder.path(), &wanted, &records).await;
        desk.check().await;
        desk.clock.pass(100);
    }
}
