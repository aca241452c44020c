//! What all lists have in common.

use busta_core::{Error, Result};

/// So many entries unless the request says otherwise.
const USUAL: u32 = 50;

/// So many entries at most.
const MOST: u32 = 1000;

/// How many entries a request wants.
pub fn limit(asked: Option<u32>) -> Result<usize> {
    let limit = asked.unwrap_or(USUAL);
    if (1..=MOST).contains(&limit) {
        return Ok(limit as usize);
    }
    Err(Error::data(format!("`limit` is {limit}; it lies between 1 and {MOST}")))
}

/// That a cursor is not one that was given.
pub fn no_cursor() -> Error {
    Error::data("the cursor is not one that was given")
        .hint("give the `next` of the page before, or none for the first page")
}
