//! Programs in the language of jq, run by jaq: what transforms and sources share.
//!
//! A program is pure: it sees the JSON that it is given, the variables that its user has named, and
//! nothing else. How much it may give is bounded, so that one record cannot fill the memory.

mod complaint;
mod program;

pub use program::{Given, Program};
