//! A source that misbehaves on purpose, for tests of isolation. Only with the feature `failpoints`.

use async_trait::async_trait;
use busta_core::connector::{Built, SourceConnector, SourceContext, read_config};
use busta_core::{
    Batch, Checkpoint, Cursor, Probe, Reader, Records, RecordsBuilder, Result, Source, Split, StreamSpec,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// `type: scripted`
pub static CONNECTOR: SourceConnector = SourceConnector {
    name: "scripted",
    summary: "a source that does what a test wants",
    pool: "api",
    example: "name: broken\ntype: scripted\npanic: true\n",
    schema: Keys::json_schema,
    build,
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Call {
    /// While it plans.
    Plan,
    /// While it opens a split.
    Open,
    /// While it reads the second batch.
    #[default]
    Next,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// Whether it panics.
    #[serde(default)]
    panic: bool,
    /// In which call.
    #[serde(default)]
    at: Call,
}

fn build(keys: Value, context: SourceContext) -> Built<Box<dyn Source>> {
    let keys = read_config(keys)?;
    Ok(Box::new(Scripted {
        keys,
        streams: vec![StreamSpec::new(context.name.as_str(), vec!["id".to_owned()])],
    }))
}

struct Scripted {
    keys: Keys,
    streams: Vec<StreamSpec>,
}

impl Keys {
    #[allow(clippy::panic, reason = "this is what it is for")]
    fn reach(self, call: Call) {
        if self.panic && self.at == call {
            panic!("a scripted panic in {call:?}");
        }
    }
}

#[async_trait]
impl Source for Scripted {
    fn streams(&self) -> &[StreamSpec] {
        &self.streams
    }

    async fn plan(&self, _: &Checkpoint) -> Result<Vec<Split>> {
        self.keys.reach(Call::Plan);
        Ok(vec![Split::new("all", self.streams[0].name.clone(), None, &())?])
    }

    async fn open(&self, _: &Split, at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        self.keys.reach(Call::Open);
        let read = at.map_or(Ok(0), Cursor::decode)?;
        Ok(Box::new(Script { keys: self.keys, read }))
    }

    async fn test(&self) -> Result<Probe> {
        Ok(Probe { summary: "a script".to_owned(), sample: record(0) })
    }
}

/// Two batches of one record.
struct Script {
    keys: Keys,
    read: u64,
}

#[async_trait]
impl Reader for Script {
    async fn next(&mut self) -> Result<Option<Batch>> {
        self.read += 1;
        if self.read == 2 {
            self.keys.reach(Call::Next);
            return Ok(Some(Batch::last(record(2))));
        }
        Ok(Some(Batch::new(record(1), Cursor::encode(&1)?)))
    }
}

fn record(id: u64) -> Records {
    let mut records = RecordsBuilder::default();
    records.push(json!({ "id": id }).to_string().as_bytes());
    records.finish()
}
