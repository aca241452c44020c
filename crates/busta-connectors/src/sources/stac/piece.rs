//! Pieces of a search: what a split of an API is, and how it is cut into smaller ones.

use busta_core::{CursorValue, Result, Split};
use serde::{Deserialize, Serialize};

use super::chunks::{Chunk, chunks_for};
use super::config;
use super::item::Head;
use super::landing::{Endpoint, How};
use super::next::Place;
use super::page::Page;
use super::query::{Asking, First};
use super::settings::Stac;
use super::time::{Interval, Moment};
use super::work::Work;

/// So many chunks are made where nobody knows how many items there are.
const BLIND_CHUNKS: u64 = 16;

/// A piece that takes as long as any other has so many pages.
const ORDINARY_PAGES: u64 = 10;

/// A piece of a search: stored with the checkpoint, so old forms must stay readable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Piece {
    /// The way in.
    pub endpoint: Endpoint,
    /// Its collections; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<String>,
    /// Only what was changed since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<CursorValue>,
    /// What part of it this is.
    pub part: Part,
}

/// What part of a search a piece is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// All of it, page after page.
    Chain,
    /// All of it, unless its first page shows that it is worth cutting. The items are thought to lie
    /// between these moments.
    Root(Moment, Moment),
    /// What lies in a chunk of time.
    Chunk(Chunk),
    /// Nothing: only whether chunks of time find all of so many items.
    Check(u64),
    /// What no chunk of time finds, since it has no `datetime`.
    Timeless,
}

/// All of time, as far as four digits of a year go.
const ALWAYS: Interval = Interval {
    from: Some(Moment::from_micros(-62_135_596_800_000_000)),
    to: Some(Moment::from_micros(253_402_300_799_000_000)),
};

impl Piece {
    /// The split of this piece. Its id names its collection, if it has only one, and its time.
    pub fn split(&self, stac: &Stac) -> Result<Split> {
        let mut id = stac.items.name.as_str().to_owned();
        if let [collection] = self.collections.as_slice() {
            id.push('/');
            id.push_str(collection);
        }
        if let Part::Chunk(chunk) = &self.part {
            let interval = chunk.interval(stac.search.datetime).unwrap_or_default();
            id.push_str(&format!("?datetime={interval}"));
        }
        match &self.part {
            Part::Check(_) => id.push_str("?check"),
            Part::Timeless => id.push_str("?datetime=null"),
            Part::Chain | Part::Root(..) | Part::Chunk(_) => {}
        }
        let work = Work::Search(Box::new(self.clone()));
        let split = Split::new(id, stac.items.name.clone(), Some(stac.host(&self.endpoint.url)), &work)?;
        Ok(Split { weight: self.weight(stac), ..split })
    }

    /// How long it should take: the longest goes first, so that the last to be read are short.
    fn weight(&self, stac: &Stac) -> f64 {
        match &self.part {
            Part::Chunk(chunk) if chunk.aim > 0 => {
                chunk.aim as f64 / (stac.search.limit * ORDINARY_PAGES) as f64
            }
            _ => 1.0,
        }
    }

    /// Whether it is a chunk of time.
    pub fn is_chunk(&self) -> bool {
        matches!(self.part, Part::Chunk(_))
    }

    /// The time that its requests ask for.
    fn interval(&self, stac: &Stac) -> Option<Interval> {
        let search = stac.search.datetime;
        match &self.part {
            Part::Chunk(chunk) => chunk.interval(search),
            Part::Chain | Part::Root(..) | Part::Timeless => (!search.is_everything()).then_some(search),
            Part::Check(_) => Some(ALWAYS),
        }
    }

    /// The request that the chain at `place` began with.
    pub fn first(&self, stac: &Stac, place: &Place) -> Result<First> {
        let collections = match self.endpoint.how {
            How::Items => self.collections.iter().skip(place.collection as usize).take(1).cloned().collect(),
            How::Post | How::Get => self.collections.clone(),
        };
        let asking = Asking {
            collections: &collections,
            datetime: self.interval(stac),
            since: self.since.as_ref(),
            limit: if matches!(self.part, Part::Check(_)) { 1 } else { stac.search.limit },
        };
        stac.search.first(&self.endpoint, &asking)
    }

    /// Whether its items come in the order of the cursor field.
    pub fn rises(&self, stac: &Stac) -> bool {
        stac.search.rises() && !self.has_collection(1)
    }

    /// Whether there is a collection at this place that is read on its own.
    pub fn has_collection(&self, index: u64) -> bool {
        self.endpoint.how == How::Items && index < self.collections.len() as u64
    }

    /// Whether an item that the server shows here belongs here.
    pub fn wants(&self, stac: &Stac, head: &Head<'_>) -> bool {
        match &self.part {
            Part::Chunk(chunk) => chunk.keeps(&head.times, stac.search.datetime),
            Part::Chain | Part::Root(..) => true,
            Part::Check(_) => false,
            Part::Timeless => head.times.datetime.is_none(),
        }
    }

    /// The pieces to cut it into, given its first page; `None` if it is to be read as it is.
    pub fn cut(&self, stac: &Stac, page: &Page) -> Result<Option<Vec<Split>>> {
        if let Part::Check(total) = self.part {
            let all_found = page.matched.is_none_or(|matched| matched == total);
            let rest = Self { part: Part::Timeless, ..self.clone() };
            return if all_found { Ok(Some(Vec::new())) } else { Ok(Some(vec![rest.split(stac)?])) };
        }
        if let Part::Chunk(chunk) = &self.part {
            chunk.tell(&stac.outlook, page.matched.unwrap_or(page.count() as u64));
        }
        if page.next.is_none() {
            return Ok(None);
        }
        // Servers may give smaller pages than were asked for.
        let page_size = (page.count() as u64).clamp(1, stac.search.limit);
        let chunks = match &self.part {
            Part::Chain | Part::Check(_) | Part::Timeless => None,
            Part::Root(from, to) => {
                let (count, aim) = match (stac.split, page.matched) {
                    (config::Split::None, _) => (1, 0),
                    (config::Split::Time(chunks), _) => (u64::from(chunks), 0),
                    (config::Split::Auto, Some(matched)) => {
                        let pages = matched.div_ceil(page_size);
                        let count = chunks_for(pages, stac.outlook.readers());
                        if count > 1 {
                            stac.outlook.announce(matched);
                        }
                        (count, matched.div_ceil(count))
                    }
                    (config::Split::Auto, None) => (BLIND_CHUNKS, 0),
                };
                (count > 1).then(|| Chunk::whole((*from, *to), stac.search.datetime).cut(count, aim))
            }
            Part::Chunk(chunk) => page.matched.and_then(|matched| {
                let count = chunk.pieces(matched, page_size, stac.outlook.share(page_size))?;
                Some(chunk.cut(count, matched.div_ceil(count)))
            }),
        };
        let Some(chunks) = chunks.filter(|chunks| chunks.len() > 1) else { return Ok(None) };
        // A search without a time may hold items that no search by time finds.
        let check = match (&self.part, page.matched) {
            (Part::Root(..), Some(total)) if stac.search.datetime.is_everything() => Some(Part::Check(total)),
            _ => None,
        };
        let parts = chunks.into_iter().map(Part::Chunk).chain(check);
        let pieces = parts.map(|part| Self { part, ..self.clone() });
        pieces.map(|piece| piece.split(stac)).collect::<Result<_>>().map(Some)
    }
}
