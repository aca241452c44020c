//! Programs in the language of jq, run by jaq: what transforms and sources share.
//!
//! A program is pure: it sees the JSON that it is given, the variables that its user has named, and
//! nothing else. What it may do is bounded: its outputs, the values that it makes, and its steps (`gauge`), so
//! that one without an end fails its record and no more. jaq knows no such bounds; programs are rewritten
//! before they are compiled (`bounded`) so that what it calls (`natives`) can keep them.
//!
//! What is left: what is done to a value that is there already is one step, such as sorting a list, comparing two, or
//! splitting a text. How long that may take, and what it may make, is bounded by what such a value may have when it is
//! written (`extent`); but `contains` and `indices` take the product of two.

mod bounded;
mod capped;
mod complaint;
mod extent;
mod gauge;
mod natives;
mod program;

pub use gauge::Spare;
pub use program::{Given, Program};

#[cfg(test)]
mod tests;
