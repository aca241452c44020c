//! The records that leave a chain.

use busta_core::{Error, Records, RecordsBuilder, Result};

use super::document::Node;
use crate::formats::MAX_RECORD;

/// No batch may grow beyond this by being transformed: its places are counted in 32 bits.
const MAX_BATCH: usize = 2 << 30;

/// Collects what goes on. As long as that is what came in, nothing is copied.
pub struct Output<'r> {
    records: &'r Records,
    /// So many records went on as they were, and none was left out.
    same: usize,
    builder: Option<RecordsBuilder>,
    text: String,
}

impl<'r> Output<'r> {
    /// For the outcome of transforming `records`, in order.
    pub fn new(records: &'r Records) -> Self {
        Self { records, same: 0, builder: None, text: String::new() }
    }

    /// What the next record became. On an error nothing of it goes on.
    pub fn push(&mut self, made: &[Node<'_>]) -> Result<()> {
        match (&self.builder, made) {
            (None, [only]) if !only.is_changed() => {
                self.same += 1;
                return Ok(());
            }
            _ => self.builder(),
        };
        self.text.clear();
        let mut ends = Vec::with_capacity(made.len());
        for record in made {
            let start = self.text.len();
            record.write(&mut self.text);
            if self.text.len() - start > MAX_RECORD {
                return Err(Error::data(format!("transformed, it is larger than {} MiB", MAX_RECORD >> 20)));
            }
            ends.push(self.text.len());
        }
        let text = std::mem::take(&mut self.text);
        let builder = self.builder();
        if builder.bytes() + text.len() > MAX_BATCH {
            return Err(Error::data("its batch grows beyond 2 GiB by being transformed"));
        }
        let mut start = 0;
        for end in ends {
            builder.push(&text.as_bytes()[start..end]);
            start = end;
        }
        self.text = text;
        Ok(())
    }

    /// The next record does not go on.
    pub fn skip(&mut self) {
        self.builder();
    }

    /// The records.
    pub fn finish(self) -> Records {
        self.builder.map_or_else(|| self.records.clone(), RecordsBuilder::finish)
    }

    /// The builder, with all that went on as it was.
    fn builder(&mut self) -> &mut RecordsBuilder {
        self.builder.get_or_insert_with(|| {
            let room = self.records.bytes() as usize + self.records.len() * 64;
            let mut builder = RecordsBuilder::with_capacity(room);
            self.records.iter().take(self.same).for_each(|json| builder.push(json));
            builder
        })
    }
}
