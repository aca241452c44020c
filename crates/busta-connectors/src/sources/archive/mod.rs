//! Archives: bulk repositories of files, verified and turned into records.

// Its parts are being put together.
#![allow(dead_code, reason = "the connector that uses all of it is not in the registry yet")]

mod check;
pub mod layout;
mod listing;
mod path;
mod period;
pub mod preset;
pub mod rows;
mod side;
