//! The splits that can be named before anything is read.

use std::collections::BTreeMap;

use busta_core::{Checkpoint, CursorValue, Result, Split};

use super::part::Part;
use super::stream::{Api, Stream};

/// One split for each combination of each stream without a parent.
pub fn plan(api: &Api, from: &Checkpoint) -> Result<Vec<Split>> {
    let roots = api.streams.iter().filter(|stream| stream.spec.parent.is_none());
    let parts = roots.flat_map(|stream| stream.combinations.iter().map(move |fields| (stream, fields)));
    let split = |(stream, fields): (&Stream, &super::template::Fields)| {
        let mut part = Part { fields: fields.clone(), ..Part::default() };
        part.since = since(stream, &part, from)?;
        api.split(stream, &part)
    };
    parts.map(split).collect()
}

/// Where the streams of `stream`'s family start this time. The split of a combination starts where it ended itself.
fn since(stream: &Stream, part: &Part, from: &Checkpoint) -> Result<BTreeMap<String, CursorValue>> {
    let own = stream.has_own_starts().then(|| part.id(stream));
    let start = |name: &String| {
        let key = own.as_ref().filter(|_| name == stream.spec.name.as_str()).unwrap_or(name);
        Some(from.start(key)?.decode().map(|value| (name.clone(), value)))
    };
    stream.family.iter().filter_map(start).collect()
}
