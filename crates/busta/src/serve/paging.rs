//! What all lists have in common.

use busta_core::Error;

/// That a cursor is not one that was given.
pub fn no_cursor() -> Error {
    Error::data("the cursor is not one that was given")
        .hint("give the `next` of the page before, or none for the first page")
}
