//! A source that does what a test says, and remembers what was asked of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use busta_core::{
    Batch, Checkpoint, Cursor, CursorValue, Error, HostKey, Probe, Reader, Records, RecordsBuilder, Result,
    Source, Split, SplitId, StreamSpec,
};

/// What happens at one pull of a split, before its ordinary batch is given.
pub type Fault = Box<dyn FnMut(&str, usize) -> Option<Error> + Send>;

/// What happens when the source is asked for its splits, before it names them.
pub type PlanFault = Box<dyn FnMut() -> Option<Error> + Send>;

/// A source of counted splits: each has a number of batches, each batch the same number of records,
/// each pull takes the same time.
pub struct Scripted {
    name: String,
    specs: Vec<StreamSpec>,
    splits: Vec<Split>,
    batches: HashMap<SplitId, usize>,
    records: usize,
    steps: usize,
    latency: HashMap<SplitId, Duration>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    fault: Mutex<Option<Fault>>,
    plan_fault: Mutex<Option<PlanFault>>,
    found: Mutex<HashMap<(String, usize), Vec<Split>>>,
    batches_of_found: Mutex<HashMap<SplitId, usize>>,
    in_flight: AtomicUsize,
    max_in_flight: AtomicUsize,
    begun: AtomicUsize,
    pulls: Mutex<Vec<(String, usize)>>,
    opens: Mutex<Vec<String>>,
}

impl Scripted {
    /// A source with one stream of its own name, whose records have the key `id`.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            specs: vec![StreamSpec::new(name, vec!["id".into()])],
            splits: Vec::new(),
            batches: HashMap::new(),
            records: 10,
            steps: 0,
            latency: HashMap::new(),
            shared: Arc::default(),
        }
    }

    /// Adds a split of so many batches, each of which takes `latency`.
    #[must_use]
    pub fn split(mut self, id: &str, batches: usize, latency: Duration) -> Self {
        let split = self.make(id, None);
        self.batches.insert(split.id.clone(), batches);
        self.latency.insert(split.id.clone(), latency);
        self.splits.push(split);
        self
    }

    /// Sends the requests of all splits so far to one host.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        for split in &mut self.splits {
            split.host = Some(HostKey::from(host));
        }
        self
    }

    /// Sends the requests of the last split to a host.
    #[must_use]
    pub fn last_host(mut self, host: &str) -> Self {
        if let Some(split) = self.splits.last_mut() {
            split.host = Some(HostKey::from(host));
        }
        self
    }

    /// Makes so many pulls for each batch that bring nothing and lead nowhere, as long work does.
    #[must_use]
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Weighs the last split.
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        if let Some(split) = self.splits.last_mut() {
            split.weight = weight;
        }
        self
    }

    /// Gives each planned split a start cursor of its own: the number of its last batch.
    #[must_use]
    pub fn starts_per_split(mut self) -> Self {
        for spec in &mut self.specs {
            spec.start_per_split = true;
        }
        self
    }

    /// Calls `fault` with the split and the number of the batch, from 0, before every batch.
    #[must_use]
    pub fn fault(self, fault: impl FnMut(&str, usize) -> Option<Error> + Send + 'static) -> Self {
        *lock(&self.shared.fault) = Some(Box::new(fault));
        self
    }

    /// Calls `fault` whenever it is asked for its splits.
    #[must_use]
    pub fn fault_in_plan(self, fault: impl FnMut() -> Option<Error> + Send + 'static) -> Self {
        *lock(&self.shared.plan_fault) = Some(Box::new(fault));
        self
    }

    /// Lets batch number `batch` of `split` find `found`, a split of so many batches.
    #[must_use]
    pub fn finds(self, split: &str, batch: usize, found: &str, batches: usize) -> Self {
        let child = self.make(found, None);
        lock(&self.shared.batches_of_found).insert(child.id.clone(), batches);
        lock(&self.shared.found).entry((split.to_owned(), batch)).or_default().push(child);
        self
    }

    /// What is asked of the source from now on, also after it was handed to the engine.
    pub fn watch(&self) -> Watch {
        Watch(self.shared.clone())
    }

    fn make(&self, id: &str, host: Option<HostKey>) -> Split {
        Split {
            id: id.into(),
            stream: self.specs[0].name.clone(),
            host,
            weight: 1.0,
            payload: serde_json::Value::Null,
            subject: std::collections::BTreeMap::new(),
        }
    }
}

/// A look at a [`Scripted`] source from outside.
pub struct Watch(Arc<Shared>);

impl Watch {
    /// The most pulls that were under way at once.
    pub fn max_in_flight(&self) -> usize {
        self.0.max_in_flight.load(Ordering::SeqCst)
    }

    /// How many pulls have been made of all splits, answered or not.
    pub fn begun(&self) -> usize {
        self.0.begun.load(Ordering::SeqCst)
    }

    /// Split and batch number of every pull that was answered, in order.
    pub fn pulls(&self) -> Vec<(String, usize)> {
        lock(&self.0.pulls).clone()
    }

    /// The split of every open, in order.
    pub fn opens(&self) -> Vec<String> {
        lock(&self.0.opens).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[async_trait]
impl Source for Scripted {
    fn streams(&self) -> &[StreamSpec] {
        &self.specs
    }

    async fn plan(&self, _from: &Checkpoint) -> Result<Vec<Split>> {
        let error = lock(&self.shared.plan_fault).as_mut().and_then(|fault| fault());
        error.map_or_else(|| Ok(self.splits.clone()), Err)
    }

    async fn open(&self, split: &Split, at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        lock(&self.shared.opens).push(split.id.as_str().to_owned());
        let next = match at {
            Some(cursor) => cursor.decode::<usize>()?,
            None => 0,
        };
        let known = self.batches.get(&split.id).copied();
        let batches = known.or_else(|| lock(&self.shared.batches_of_found).get(&split.id).copied());
        Ok(Box::new(ScriptedReader {
            source: self.name.clone(),
            split: split.id.as_str().to_owned(),
            next,
            batches: batches.unwrap_or(1),
            records: self.records,
            steps: self.steps,
            step: 0,
            latency: self.latency.get(&split.id).copied().unwrap_or_default(),
            has_high: self.specs[0].start_per_split,
            shared: self.shared.clone(),
        }))
    }

    async fn test(&self) -> Result<Probe> {
        Ok(Probe { summary: "scripted".into(), sample: Records::default() })
    }
}

struct ScriptedReader {
    source: String,
    split: String,
    next: usize,
    batches: usize,
    records: usize,
    steps: usize,
    step: usize,
    latency: Duration,
    has_high: bool,
    shared: Arc<Shared>,
}

/// Counts a pull for as long as it lives.
struct InFlight<'a>(&'a Shared);

impl<'a> InFlight<'a> {
    fn begin(shared: &'a Shared) -> Self {
        let now = shared.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        shared.max_in_flight.fetch_max(now, Ordering::SeqCst);
        shared.begun.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Reader for ScriptedReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        if self.next == self.batches {
            return Ok(None);
        }
        let in_flight = InFlight::begin(&self.shared);
        // A scripted source is the one reader that may sleep: it plays the part of the network.
        tokio::time::sleep(self.latency).await;
        drop(in_flight);
        let fault = lock(&self.shared.fault).as_mut().and_then(|fault| fault(&self.split, self.next));
        if let Some(error) = fault {
            return Err(error);
        }
        if self.step < self.steps {
            self.step += 1;
            return Ok(Some(Batch::new(Records::default(), Cursor::encode(&self.next)?)));
        }
        self.step = 0;
        let number = self.next;
        lock(&self.shared.pulls).push((self.split.clone(), number));
        let mut records = RecordsBuilder::default();
        for item in 0..self.records {
            let id = format!("{}/{}/{number}/{item}", self.source, self.split);
            records.push(format!(r#"{{"id":"{id}","n":{item}}}"#).as_bytes());
        }
        self.next += 1;
        let mut batch = Batch::new(records.finish(), Cursor::encode(&self.next)?);
        batch.done = self.next == self.batches;
        batch.high = self.has_high.then_some(CursorValue::Integer(number as i64));
        batch.found = lock(&self.shared.found).remove(&(self.split.clone(), number)).unwrap_or_default();
        Ok(Some(batch))
    }
}
