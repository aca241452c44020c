//! What a page leads to, and the splits that this makes.

use std::collections::HashSet;

use busta_core::{Result, Split};

use super::part::{Made, Part};
use super::stream::Api;
use super::template::Fields;

/// Something that a page leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The place of its stream in [`Api::streams`].
    pub stream: usize,
    /// What its split is read for.
    pub fields: Fields,
    /// How it is read.
    pub way: Way,
}

/// How something that was found is read.
#[derive(Clone, Debug, PartialEq)]
pub enum Way {
    /// By requests, from the first page on.
    Read,
    /// By one request that `follow` asks for.
    Followed {
        /// Which of the stream's kinds of them.
        kind: usize,
        /// Its answer may lead to so many more.
        share: u32,
    },
    /// It is here already.
    Made(Vec<String>),
}

/// The splits that `found` makes on page number `page` of the one that `part` of the stream at `parent` describes,
/// each once.
pub fn splits(found: Vec<Found>, api: &Api, parent: usize, part: &Part, page: u64) -> Result<Vec<Split>> {
    let mut known = HashSet::new();
    let mut splits = Vec::with_capacity(found.len());
    for one in found {
        let split = one.split(api, parent, part, page)?;
        if known.insert(split.id.clone()) {
            splits.push(split);
        }
    }
    Ok(splits)
}

impl Found {
    fn split(self, api: &Api, parent: usize, part: &Part, page: u64) -> Result<Split> {
        let stream = &api.streams[self.stream];
        let since = part.since.iter().filter(|(name, _)| stream.family.contains(name));
        let since = since.map(|(name, value)| (name.clone(), value.clone())).collect();
        let mut found = Part { fields: self.fields, since, ..Part::default() };
        match self.way {
            Way::Read => {}
            Way::Followed { kind, share } => (found.kind, found.share) = (kind, Some(share)),
            Way::Made(records) => {
                let of = format!("{}#{page}", part.id(&api.streams[parent]));
                found.made = Some(Made { of, records });
            }
        }
        api.split(stream, &found)
    }
}
