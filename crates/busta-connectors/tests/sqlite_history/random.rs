//! Random histories of runs, edits, undos, purges and restarts against the [model](super::model): what is read of any
//! place in the log is what the model was there.

use busta_core::reading::history::{EditWork, PartQuery, Place};
use busta_core::{ErrorKind, WriteMode};
use serde_json::{Value, json};

use super::desk::{Desk, HandClock, Set, key, spec, split_off, text};
use super::model::{Model, Row};

const HISTORIES: u64 = 12;
const ACTS: usize = 22;
const SOURCES: [&str; 2] = ["east", "west"];

/// A place in the log, when it was, and the rows there.
struct Mark {
    seq: u64,
    at: i64,
    run: Option<String>,
    set: Set,
}

struct World {
    folder: tempfile::TempDir,
    desk: Desk,
    model: Model,
    marks: Vec<Mark>,
    mode: WriteMode,
    runs: u32,
    purged: bool,
}

#[tokio::test]
async fn every_place_in_a_random_history_is_what_it_was() {
    for seed in 0..HISTORIES {
        let mut chance = fastrand::Rng::with_seed(seed);
        let folder = tempfile::tempdir().unwrap();
        let mode = if chance.bool() { WriteMode::Merge } else { WriteMode::Replace };
        let mut world = World {
            desk: Desk::open(folder.path()),
            folder,
            model: Model::default(),
            marks: Vec::new(),
            mode,
            runs: 0,
            purged: false,
        };
        world.run(&mut chance).await;
        for act in 0..ACTS {
            world.desk.clock.forward(10);
            let name = world.act(&mut chance).await;
            let now = world.desk.rows().await;
            assert_eq!(now, world.model.set(), "seed {seed}, act {act}: {name}");
            world.mark(None).await;
        }
        world.check(seed, &mut chance).await;
    }
}

impl World {
    async fn act(&mut self, chance: &mut fastrand::Rng) -> &'static str {
        match chance.u32(0..20) {
            0..=6 => self.run(chance).await,
            7..=9 => self.insert(chance).await,
            10..=11 => self.update(chance).await,
            12..=14 => self.remove(chance).await,
            15..=17 => self.undo(chance).await,
            18 => self.purge(chance).await,
            _ => {
                self.desk = Desk::open_with(self.folder.path(), self.desk.clock.clone());
                "restart"
            }
        }
    }

    async fn run(&mut self, chance: &mut fastrand::Rng) -> &'static str {
        self.runs += 1;
        let (run, source) = (format!("R{}", self.runs), SOURCES[chance.usize(..2)]);
        let batches: Vec<Vec<Value>> =
            (0..chance.usize(..3)).map(|_| (0..chance.usize(..6)).map(|_| draw(chance)).collect()).collect();
        let at = self.desk.clock.seconds();
        let done = self.desk.collect(&run, source, &spec(self.mode), &batches).await;
        let before = self.model.rows.len() as i64;
        if self.mode == WriteMode::Replace {
            self.model.replace(source, &batches.concat(), at);
        } else {
            self.model.merge(source, &batches.concat(), at);
            let inserted: u64 = done.iter().map(|committed| committed.inserted).sum();
            assert_eq!(inserted as i64, self.model.rows.len() as i64 - before, "what {run} says");
        }
        self.mark(Some(run)).await;
        "run"
    }

    async fn insert(&mut self, chance: &mut fastrand::Rng) -> &'static str {
        let (record, source) = (draw(chance), SOURCES[chance.usize(..2)]);
        let id = (source.to_owned(), record["id"].to_string());
        let there = self.model.rows.contains_key(&id);
        match self.desk.edit(Some(source), EditWork::Insert(vec![text(&record)])).await {
            Ok(done) => {
                assert!(!there);
                let (found, fields) = split_off(serde_json::from_str(done.records[0].get()).unwrap());
                assert_eq!(found, id);
                let at = self.desk.clock.seconds();
                self.model.put(done.change.unwrap(), &id, Some(Row { fields, at }));
            }
            Err(error) if there => {
                assert!(error.kind() == ErrorKind::Conflict || is_invalid(&error), "{error}")
            }
            Err(error) => assert!(is_invalid(&error), "{error}"),
        }
        "insert"
    }

    async fn update(&mut self, chance: &mut fastrand::Rng) -> &'static str {
        let (record, source) = (draw(chance), SOURCES[chance.usize(..2)]);
        let id = (source.to_owned(), record["id"].to_string());
        let known = self.model.rows.get(&id).cloned();
        let work =
            EditWork::Update { key: key(record["id"].clone()), fields: text(&json!({ "v": record["v"] })) };
        match (self.desk.edit(Some(source), work).await, known) {
            (Ok(done), Some(known)) => {
                let (_, fields) = split_off(serde_json::from_str(done.records[0].get()).unwrap());
                assert_eq!(fields.get("v").unwrap_or(&Value::Null), &record["v"]);
                assert_eq!(done.change.is_none(), known.fields == fields, "nothing is changed, or something");
                if let Some(change) = done.change {
                    let at = self.desk.clock.seconds();
                    self.model.put(change, &id, Some(Row { fields, at }));
                }
            }
            (Err(error), None) => {
                assert!(error.kind() == ErrorKind::NotFound || is_invalid(&error), "{error}")
            }
            (outcome, known) => assert!(is_invalid(outcome.as_ref().unwrap_err()), "{known:?}: {outcome:?}"),
        }
        "update"
    }

    async fn remove(&mut self, chance: &mut fastrand::Rng) -> &'static str {
        let source = SOURCES[chance.usize(..2)];
        let mine: Vec<_> = self.model.rows.keys().filter(|key| key.0 == source).cloned().collect();
        let some: Vec<_> = mine.into_iter().filter(|_| chance.bool()).collect();
        let missing = chance.u32(..6) == 0;
        let mut keys: Vec<_> =
            some.iter().map(|id| key(serde_json::from_str::<Value>(&id.1).unwrap())).collect();
        keys.extend(missing.then(|| key("nobody")));
        match self.desk.edit(Some(source), EditWork::Remove(keys)).await {
            Ok(done) => {
                assert!(!missing && done.count == (self.model.rows.len() - some.len()) as u64);
                some.iter().for_each(|id| self.model.put(done.change.unwrap(), id, None));
            }
            Err(error) if missing => assert_eq!(error.kind(), ErrorKind::NotFound),
            Err(error) => assert!(some.is_empty(), "{error}"),
        }
        "remove"
    }

    async fn undo(&mut self, chance: &mut fastrand::Rng) -> &'static str {
        let edits: Vec<u64> = self.model.edits.keys().copied().collect();
        let Some(&change) = chance.choice(&edits) else { return "nothing to undo" };
        match self.desk.edit(None, EditWork::Undo(change)).await {
            Ok(done) => {
                assert!(self.model.can_undo(change), "change {change} was undone");
                self.model.undo(change, done.change.unwrap());
            }
            Err(error) => {
                let forgotten = self.purged && error.kind() == ErrorKind::Data;
                assert!(forgotten || !self.model.can_undo(change), "change {change}: {error}");
            }
        }
        "undo"
    }

    async fn purge(&mut self, chance: &mut fastrand::Rng) -> &'static str {
        let (source, older_than) =
            (SOURCES[chance.usize(..2)], self.desk.clock.seconds() - chance.i64(0..150));
        let removed = self.desk.purge(source, HandClock::at(older_than)).await;
        assert_eq!(removed, self.model.purge(source, older_than));
        self.purged = true;
        "purge"
    }

    /// Remembers where the log is.
    async fn mark(&mut self, run: Option<String>) {
        let here = self.desk.difference(Place::Now, Place::Now).await.unwrap();
        let set = self.model.set();
        assert_eq!(here.to.count, set.len() as u64);
        self.marks.push(Mark { seq: here.to.seq, at: self.desk.clock.seconds(), run, set });
    }

    /// Whether a place must be known.
    fn forgotten(&self, error: &busta_core::Error) -> bool {
        self.purged && error.kind() == ErrorKind::Data && error.message().contains("not known before")
    }

    async fn check(&self, seed: u64, chance: &mut fastrand::Rng) {
        let mut known = Vec::new();
        for mark in &self.marks {
            let by_run = mark.run.as_deref().map(|run| Place::Run(run.into()));
            for place in [Place::Seq(mark.seq)].into_iter().chain(by_run) {
                match self.desk.rows_at(place.clone()).await {
                    Ok(set) => assert_eq!(set, mark.set, "seed {seed}, {place}"),
                    Err(error) => assert!(self.forgotten(&error), "seed {seed}, {place}: {error}"),
                }
            }
            match self.desk.rows_at(Place::At(HandClock::at(mark.at + 5))).await {
                // Of several marks of one moment the last one counts.
                Ok(set) if mark.run.is_none() => assert_eq!(set, mark.set, "seed {seed}, time {}", mark.at),
                Ok(_) => {}
                Err(error) => assert!(self.forgotten(&error), "seed {seed}: {error}"),
            }
            if self.desk.rows_at(Place::Seq(mark.seq)).await.is_ok() {
                known.push(mark);
            }
        }
        assert!(!known.is_empty(), "the newest place is known at least");
        for _ in 0..10 {
            let (from, to) = (known[chance.usize(..known.len())], known[chance.usize(..known.len())]);
            self.check_difference(seed, from, to).await;
        }
        self.check_lists(seed).await;
    }

    async fn check_difference(&self, seed: u64, from: &Mark, to: &Mark) {
        let found = self.desk.difference(Place::Seq(from.seq), Place::Seq(to.seq)).await.unwrap();
        let rows = |texts: Vec<busta_core::reading::history::JsonText>| -> Set {
            texts.iter().map(|text| split_off(serde_json::from_str(text.get()).unwrap())).collect()
        };
        let only = |one: &Set, other: &Set| -> Set {
            one.iter()
                .filter(|(key, _)| !other.contains_key(*key))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect()
        };
        assert_eq!(rows(found.added), only(&to.set, &from.set), "seed {seed}");
        assert_eq!(rows(found.removed), only(&from.set, &to.set), "seed {seed}");
        let differ =
            to.set.iter().filter(|(key, row)| from.set.get(*key).is_some_and(|was| was != *row)).count();
        assert_eq!(found.changed.len(), differ, "seed {seed}");
        for changed in found.changed {
            let (key, before) = split_off(serde_json::from_str(changed.before.get()).unwrap());
            let (_, after) = split_off(serde_json::from_str(changed.after.get()).unwrap());
            assert_eq!((Some(&before), Some(&after)), (from.set.get(&key), to.set.get(&key)), "seed {seed}");
        }
        let counts = (found.from.count, found.to.count);
        assert_eq!(counts, (from.set.len() as u64, to.set.len() as u64), "seed {seed}");
    }

    /// Entries follow each other without a gap, and episodes say what their entries do.
    async fn check_lists(&self, seed: u64) {
        let changes = self.desk.changes(0).await;
        let mut count = None;
        for change in &changes {
            let step = i64::from(change.before.is_none()) - i64::from(change.after.is_none());
            if let Some(before) = count.filter(|_| !self.purged) {
                assert_eq!(change.count as i64, before + step, "seed {seed}, seq {}", change.seq);
            }
            count = Some(change.count as i64);
        }
        let mut part = PartQuery::of(super::desk::TABLE, 4);
        let (mut snapshots, mut done) = (0, [0; 3]);
        loop {
            let page = self.desk.history().episodes(&part).await.unwrap();
            for episode in &page.items {
                done[0] += episode.inserted as usize;
                done[1] += episode.updated as usize;
                done[2] += episode.removed as usize;
                snapshots += usize::from(episode.run.is_some());
            }
            part.after = page.next;
            if part.after.is_none() {
                break;
            }
        }
        assert_eq!(snapshots, self.runs as usize, "seed {seed}");
        if !self.purged {
            let by = |before: bool, after: bool| {
                changes.iter().filter(|c| c.before.is_some() == before && c.after.is_some() == after).count()
            };
            assert_eq!(done, [by(false, true), by(true, true), by(true, false)], "seed {seed}");
        }
        let marks =
            self.desk.history().snapshots(&PartQuery::of(super::desk::TABLE, 1000)).await.unwrap().items;
        let expected =
            self.marks.iter().rev().filter_map(|m| Some((m.run.clone()?, m.seq, m.set.len() as u64)));
        let found: Vec<_> = marks.into_iter().map(|m| (m.run.to_string(), m.seq, m.count)).collect();
        assert_eq!(found, expected.collect::<Vec<_>>(), "seed {seed}");
    }
}

fn is_invalid(error: &busta_core::Error) -> bool {
    error.kind() == ErrorKind::Data
        && (error.message().contains("holds") || error.message().contains("no column"))
}

/// Keys of two types, and values of many, so that columns are widened on the way.
fn draw(chance: &mut fastrand::Rng) -> Value {
    let n = chance.u32(..6);
    let id = if n.is_multiple_of(2) { json!(n) } else { json!(format!("k{n}")) };
    let v = match chance.u32(..12) {
        0..=5 => json!(chance.u32(..3)),
        6..=7 => json!("text"),
        8 => json!(1.5),
        9 => json!([1, { "a": null }]),
        10 => json!(true),
        _ => Value::Null,
    };
    json!({ "id": id, "v": v })
}
