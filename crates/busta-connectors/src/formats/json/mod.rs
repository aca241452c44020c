//! JSON documents of any size, cut into their records without a document tree.

mod cutter;
mod path;
mod scan;
mod shape;
mod whole;

pub(crate) use cutter::ITEM;
pub use cutter::{JsonCutter, Place};
pub use path::RecordsPath;
pub(crate) use scan::value_end;
pub use whole::spans_of_document;
