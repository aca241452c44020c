//! `datasets:` — what tables are for, beyond holding rows — and how the streams that land in them learn it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use busta_core::report::Gaps;
use busta_core::source::KeptFiles;
use busta_core::{Checkpoint, Cursor, DatasetSettings, Probe, Reader, Result, Source, Split, StreamSpec};
use serde_json::{Map, Value};

/// The section, by table.
pub type Datasets = BTreeMap<String, DatasetSettings>;

/// What is said of a table in two places, key by key: `own` takes the place of `default`, and null takes a key
/// away.
pub(super) fn overlaid(default: Value, own: Value) -> Value {
    match (default, own) {
        (Value::Object(mut default), Value::Object(own)) => {
            for (key, value) in own {
                let below = default.remove(&key).unwrap_or_default();
                if !value.is_null() {
                    default.insert(key, overlaid(below, value));
                }
            }
            Value::Object(default)
        }
        (_, own) => without_nulls(own),
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key, without_nulls(value))).collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// A source whose streams know what their tables are for.
struct Informed {
    inner: Arc<dyn Source>,
    streams: Vec<StreamSpec>,
}

/// Tells the streams of `source` what is said of their tables.
pub(super) fn inform<'a>(
    source: Arc<dyn Source>,
    settings_of: impl Fn(&str) -> Option<&'a DatasetSettings>,
) -> Arc<dyn Source> {
    let mut streams = source.streams().to_vec();
    let mut concerned = false;
    for stream in &mut streams {
        if let Some(settings) = settings_of(&stream.table) {
            stream.dataset = settings.clone();
            concerned = true;
        }
    }
    if concerned { Arc::new(Informed { inner: source, streams }) } else { source }
}

#[async_trait]
impl Source for Informed {
    fn streams(&self) -> &[StreamSpec] {
        &self.streams
    }

    async fn plan(&self, from: &Checkpoint) -> Result<Vec<Split>> {
        self.inner.plan(from).await
    }

    async fn open(&self, split: &Split, at: Option<&Cursor>) -> Result<Box<dyn Reader>> {
        self.inner.open(split, at).await
    }

    async fn test(&self) -> Result<Probe> {
        self.inner.test().await
    }

    fn kept_files(&self) -> Option<KeptFiles> {
        self.inner.kept_files()
    }

    fn gaps(&self) -> Option<Gaps> {
        self.inner.gaps()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_user_says_takes_the_place_of_the_default_key_by_key() {
        let default = json!({ "keep": "first", "view": { "time": "t", "text": ["a", "b"], "score": "s" } });
        let own = json!({ "snapshot": true, "view": { "text": ["a"], "score": null } });
        let expected = json!({ "keep": "first", "snapshot": true, "view": { "time": "t", "text": ["a"] } });
        assert_eq!(overlaid(default.clone(), own), expected);
        assert_eq!(overlaid(default, json!({ "keep": null, "view": null })), json!({}));
        assert_eq!(
            overlaid(Value::Null, json!({ "view": { "time": "t", "score": null } })),
            json!({ "view": { "time": "t" } })
        );
    }
}
