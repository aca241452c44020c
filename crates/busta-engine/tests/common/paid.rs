//! A source whose requests cost something: it asks for leave before each, and remembers what it has sent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use busta_core::meter::{Meter, RateHints, Request};
use busta_core::{
    Batch, Checkpoint, Cursor, Error, HostKey, Probe, Reader, RecordsBuilder, Result, Source, Split,
    StreamSpec,
};
use busta_engine::{Hosts, SourceMeter};

/// What is to happen to a request for a page of a split.
type Fault = dyn Fn(&str, usize) -> Option<Error> + Send + Sync;

/// `splits` lists of `pages` pages; the first page of each finds `items` single items of the stream `items`.
#[derive(Clone)]
pub struct Paid {
    pub splits: usize,
    pub pages: usize,
    pub items: usize,
    /// Whether a refusal is passed over in silence, as no reader should.
    pub careless: bool,
    pub fault: Arc<Fault>,
    pub meter: Arc<SourceMeter>,
    /// What has been sent: the split and the page.
    pub sent: Arc<Mutex<Vec<String>>>,
    pub specs: Arc<[StreamSpec; 2]>,
}

impl Paid {
    pub fn new(splits: usize, pages: usize) -> Self {
        let settings = busta_core::settings::EngineSettings::default();
        let key = || vec!["id".to_owned()];
        let of = |name: &str, phase: &str, parent: Option<&str>| StreamSpec {
            phase: Some(phase.to_owned()),
            parent: parent.map(Into::into),
            ..StreamSpec::new(name, key())
        };
        Self {
            splits,
            pages,
            items: 0,
            careless: false,
            fault: Arc::new(|_, _| None),
            meter: SourceMeter::new(Arc::new(Hosts::new(&settings))),
            sent: Arc::default(),
            specs: Arc::new([of("lists", "search", None), of("items", "look", Some("lists"))]),
        }
    }

    #[must_use]
    pub fn fault(mut self, fault: impl Fn(&str, usize) -> Option<Error> + Send + Sync + 'static) -> Self {
        self.fault = Arc::new(fault);
        self
    }

    /// What has been sent: the split and the page.
    pub fn all_sent(&self) -> Vec<String> {
        self.sent.lock().unwrap().clone()
    }
}

#[async_trait]
impl Source for Paid {
    fn streams(&self) -> &[StreamSpec] {
        &*self.specs
    }

    async fn plan(&self, _from: &Checkpoint) -> Result<Vec<Split>> {
        (0..self.splits)
            .map(|n| {
                let subject = BTreeMap::from([("list".to_owned(), n.to_string())]);
                Ok(Split::new(format!("list-{n}"), "lists".into(), None, &self.pages)?.about(subject))
            })
            .collect()
    }

    async fn open(&self, split: &Split, at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        let (next, pages) = (at.map_or(Ok(0), Cursor::decode)?, split.decode()?);
        Ok(Box::new(Pages { source: self.clone(), split: split.id.as_str().to_owned(), next, pages }))
    }

    async fn test(&self) -> Result<Probe> {
        Err(Error::bug("not asked"))
    }
}

struct Pages {
    source: Paid,
    split: String,
    next: usize,
    pages: usize,
}

#[async_trait]
impl Reader for Pages {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let (source, page) = (&self.source, self.next);
        match source.meter.permit().await {
            Ok(()) => source.sent.lock().unwrap().push(format!("{}/{page}", self.split)),
            Err(_) if source.careless => return Ok(Some(Batch::last(RecordsBuilder::default().finish()))),
            Err(error) => return Err(error),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        let fault = (source.fault)(&self.split, page);
        source.meter.request(&Request {
            host: &HostKey::from("paid.example:443"),
            status: Some(if fault.is_some() { 500 } else { 200 }),
            latency: Duration::from_millis(20),
            bytes: 10,
            limits: RateHints::default(),
        });
        if let Some(error) = fault {
            return Err(error);
        }
        let mut records = RecordsBuilder::default();
        (0..3).for_each(|n| records.push(format!(r#"{{"id":"{}/{page}/{n}"}}"#, self.split).as_bytes()));
        self.next += 1;
        let mut batch = Batch::new(records.finish(), Cursor::encode(&self.next)?);
        batch.done = self.next == self.pages;
        if page == 0 && self.split.starts_with("list") {
            let items = 0..source.items;
            let item = |n| Split::new(format!("item-{}-{n}", self.split), "items".into(), None, &1);
            batch.found = items.map(item).collect::<Result<_>>()?;
        }
        Ok(Some(batch))
    }
}
