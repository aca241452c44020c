//! Programs in the language of jq, run by jaq: what transforms and sources share.
//!
//! A program is pure: it sees the JSON that it is given, the variables that its user has named, and
//! nothing else. How much it may give is bounded; how long it takes, and what it holds while it makes one value,
//! is not: a program that never ends holds a thread for good.

mod complaint;
mod program;

pub use program::{Given, Program};
