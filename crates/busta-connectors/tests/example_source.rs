//! The smallest source, as CONTRIBUTING.md shows it, and the test that every source should begin with.
#![allow(missing_docs, reason = "a test")]

use async_trait::async_trait;
use busta_core::connector::{Built, SourceConnector, SourceContext, read_config};
use busta_core::{
    Batch, Checkpoint, Cursor, Probe, Reader, Records, RecordsBuilder, Result, Source, Split, StreamSpec,
};
use schemars::JsonSchema;
use serde_json::Value;

/// Sources of type `numbers`.
pub static CONNECTOR: SourceConnector = SourceConnector {
    name: "numbers",
    summary: "the numbers from 1 on, for trying things",
    pool: "files",
    example: "name: numbers\ntype: numbers\ncount: 1000\n",
    schema: Config::json_schema,
    build,
};

/// Numbers from 1 on.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The last one.
    count: u64,
}

fn build(keys: Value, context: SourceContext) -> Built<Box<dyn Source>> {
    let config: Config = read_config(keys)?;
    let stream = StreamSpec::new(context.name.as_str(), vec!["n".to_owned()]);
    Ok(Box::new(Numbers { count: config.count, streams: [stream] }))
}

struct Numbers {
    count: u64,
    streams: [StreamSpec; 1],
}

#[async_trait]
impl Source for Numbers {
    fn streams(&self) -> &[StreamSpec] {
        &self.streams
    }

    async fn plan(&self, _from: &Checkpoint) -> Result<Vec<Split>> {
        // The id must be the same in a resumed run. The payload is what `open` needs.
        Ok(vec![Split::new("all", self.streams[0].name.clone(), None, &self.count)?])
    }

    async fn open(&self, split: &Split, at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        let next = at.map_or(Ok(1), |cursor| cursor.decode())?;
        Ok(Box::new(NumbersReader { next, count: split.decode()? }))
    }

    async fn test(&self) -> Result<Probe> {
        Ok(Probe { summary: format!("{} numbers", self.count), sample: page(1, self.count.min(3)) })
    }
}

struct NumbersReader {
    next: u64,
    count: u64,
}

#[async_trait]
impl Reader for NumbersReader {
    async fn next(&mut self) -> Result<Option<Batch>> {
        let last = self.count.min(self.next + 99);
        let records = page(self.next, last);
        self.next = last + 1;
        // Opening at the cursor must go on exactly after this batch: that is what makes it exactly once.
        let done = last == self.count;
        Ok(Some(if done { Batch::last(records) } else { Batch::new(records, Cursor::encode(&self.next)?) }))
    }
}

fn page(first: u64, last: u64) -> Records {
    let mut records = RecordsBuilder::with_capacity(1024);
    for n in first..=last {
        records.push(format!("{{\"n\":{n}}}").as_bytes());
    }
    records.finish()
}

#[tokio::test]
async fn reopening_after_every_batch_gives_the_same() {
    use busta_testkit::drive::{read_all, read_all_reopening};

    let source = Numbers { count: 1234, streams: [StreamSpec::new("numbers", vec!["n".to_owned()])] };
    let whole = read_all(&source, &Checkpoint::default()).await.unwrap();
    assert_eq!(whole.stream("numbers").len(), 1234);
    let reopened = read_all_reopening(&source, &Checkpoint::default()).await.unwrap();
    assert_eq!(whole.records, reopened.records);
    assert_eq!((CONNECTOR.name, reopened.batches), ("numbers", 13));
}
