//! Random histories of commits, restarts, runs and finishes against a model that keeps everything
//! in maps.

use std::collections::BTreeMap;

use busta_core::{Chunk, Committed, ErrorKind, Position, WriteMode};
use serde_json::{Value, json};

use super::destination::*;

/// How many histories, and how many acts in each.
const HISTORIES: u64 = 40;
const ACTS: usize = 25;

/// Acts drawn from a fixed seed give the same rows, counts, positions and failures as the model.
pub async fn random_histories_match_the_model(new: fn() -> Place) {
    match_the_model(new, true).await;
}

/// The same where each column keeps its type, and the order of rows is the destination's own.
pub async fn random_histories_of_steady_types_match_the_model(new: fn() -> Place) {
    match_the_model(new, false).await;
}

async fn match_the_model(new: fn() -> Place, drifts: bool) {
    for seed in 0..HISTORIES {
        let mut chance = fastrand::Rng::with_seed(seed);
        let specs =
            [stream("append", WriteMode::Append), merged_by_time("merge"), replaced_by_time("replace")];
        let mut desk = Desk::open(new(), &specs).await;
        let mut model = Model { drifts, ..Model::default() };
        for act in 0..ACTS {
            let name = one_act(&mut desk, &mut model, &mut chance).await;
            model.check(&desk, &format!("seed {seed}, act {act}: {name}")).await;
        }
    }
}

fn replaced_by_time(name: &str) -> busta_core::StreamSpec {
    busta_core::StreamSpec { write_mode: WriteMode::Replace, ..merged_by_time(name) }
}

async fn one_act(desk: &mut Desk, model: &mut Model, chance: &mut fastrand::Rng) -> &'static str {
    match chance.u32(0..20) {
        0..=13 => {
            let acts: Vec<Move> = (0..chance.usize(1..4)).map(|_| Move::draw(model, chance)).collect();
            let chunks = acts.iter().map(|act| act.chunk(desk)).collect();
            let outcomes = desk.commit(chunks).await;
            for (act, outcome) in acts.iter().zip(outcomes) {
                match (model.apply(act), outcome) {
                    (Ok(expected), Ok(outcome)) => assert_eq!(outcome, expected, "{act:?}"),
                    (Err(()), Err(error)) => assert_eq!(error.kind(), ErrorKind::Conflict, "{act:?}"),
                    (expected, outcome) => panic!("{act:?}: {outcome:?} instead of {expected:?}"),
                }
            }
            "commit"
        }
        14..=16 => {
            let checkpoint = desk.restart().await;
            let positions =
                checkpoint.splits.into_iter().map(|(id, s)| (id.to_string(), s.position)).collect();
            assert_eq!(model.positions, positions, "positions after a restart");
            "restart"
        }
        17..=18 => {
            let stream = *chance.choice(&STREAMS).unwrap_or(&"merge");
            desk.finish(&[stream]).await;
            model.finish(stream);
            "finish"
        }
        _ => {
            model.runs += 1;
            let (before, run) = (desk.run.clone(), format!("R{}", model.runs + 1));
            assert!(desk.restart_as(&run).await.splits.is_empty());
            if chance.bool() {
                let splits = desk.restart_as(before.as_str()).await.splits;
                assert_eq!(splits.len(), model.positions.len(), "positions after another run has asked");
                return "asked";
            }
            model.positions.clear();
            model.pending.clear();
            model.finished = false;
            "another run"
        }
    }
}

const STREAMS: [&str; 3] = ["append", "merge", "replace"];

/// A commit of one chunk.
#[derive(Debug)]
struct Move {
    stream: &'static str,
    split: String,
    from: Position,
    to: Position,
    records: Vec<Value>,
}

impl Move {
    /// Mostly the next step of a split, sometimes the last one again or one from elsewhere.
    fn draw(model: &Model, chance: &mut fastrand::Rng) -> Self {
        let stream = STREAMS[chance.usize(..3)];
        let split = format!("{stream} {}", chance.u32(..2));
        let stands = model.positions.get(&split).cloned().unwrap_or(Position::Start);
        let page = match &stands {
            Position::Start => 0,
            Position::At(cursor) => cursor.decode().unwrap(),
            Position::Done => 9,
        };
        let (from, to) = match chance.u32(..10) {
            0 => (at(chance.u32(..4)), at(chance.u32(4..6))),
            1 if page > 1 => (at(page - 1), stands.clone()),
            2 => (stands.clone(), Position::Done),
            _ => (stands.clone(), at(page + 1)),
        };
        let records = (0..chance.usize(..5)).map(|_| draw_record(model.drifts, chance)).collect();
        Self { stream, split, from, to, records }
    }

    fn chunk(&self, desk: &Desk) -> Chunk {
        let texts: Vec<String> = self.records.iter().map(Value::to_string).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        desk.chunk(self.stream, &self.split, self.from.clone(), self.to.clone(), &texts)
    }
}

fn draw_record(drifts: bool, chance: &mut fastrand::Rng) -> Value {
    let mut record = json!({ "id": chance.u32(..6), "at": chance.u32(..4), "v": chance.u32(..3) });
    match chance.u32(..12) {
        0 => record["id"] = Value::Null,
        1 if drifts => record["v"] = json!("text"),
        2 if drifts => record["v"] = json!([1, 2]),
        3 => record["at"] = Value::Null,
        4 => record[format!("extra {}", chance.u32(..5))] = json!(1.5),
        _ => {}
    }
    record
}

type Keyed = BTreeMap<u64, Value>;

#[derive(Default)]
struct Model {
    /// Whether types change, and the order of rows matters.
    drifts: bool,
    runs: u32,
    positions: BTreeMap<String, Position>,
    appended: Vec<Value>,
    merged: Keyed,
    /// The rows of `replace` that are visible, and those that wait for the end of the run.
    visible: Keyed,
    pending: Keyed,
    /// Whether this run's rows of `replace` are visible and nothing came since.
    finished: bool,
}

impl Model {
    fn apply(&mut self, act: &Move) -> Result<Committed, ()> {
        let stands = self.positions.get(&act.split).cloned().unwrap_or(Position::Start);
        if stands != act.from {
            return if stands == act.to {
                Ok(Committed { already: true, ..Default::default() })
            } else {
                Err(())
            };
        }
        self.positions.insert(act.split.clone(), act.to.clone());
        if act.stream == "replace" {
            self.finished = false;
        }
        let mut committed = Committed::default();
        for record in &act.records {
            self.take(act, record, &mut committed);
        }
        Ok(committed)
    }

    fn take(&mut self, act: &Move, record: &Value, committed: &mut Committed) {
        if act.stream == "append" {
            self.appended.push(plain(record));
            committed.inserted += 1;
            return;
        }
        let Some(id) = record["id"].as_u64() else {
            committed.rejected += 1;
            return;
        };
        let rows = if act.stream == "merge" { &mut self.merged } else { &mut self.pending };
        let record = plain(record);
        match rows.get(&id) {
            None => committed.inserted += 1,
            Some(known) if *known == record || record["at"].as_u64() < known["at"].as_u64() => {
                committed.deduped += 1;
                return;
            }
            Some(_) => committed.updated += 1,
        }
        rows.insert(id, record);
    }

    fn finish(&mut self, stream: &str) {
        self.positions.retain(|split, _| !split.starts_with(stream));
        if stream == "replace" && !self.finished {
            self.visible = std::mem::take(&mut self.pending);
            self.finished = true;
        }
    }

    async fn check(&self, desk: &Desk, after: &str) {
        let rows = desk.rows("append").await;
        assert_eq!(rows.len(), self.appended.len(), "{after}: rows of append");
        if self.drifts {
            same_list(&rows, &self.appended);
        } else {
            same_rows(rows, self.appended.clone());
        }
        for (table, expected) in [("merge", &self.merged), ("replace", &self.visible)] {
            let rows = desk.rows(table).await;
            assert_eq!(rows.len(), expected.len(), "{after}: rows of {table}");
            same_rows(rows, expected.values().cloned().collect());
        }
    }
}
