//! Parquet in and out: JSON records become columns, and columns JSON records.
//!
//! The only crate that knows Arrow and Parquet, which are a good part of a cold build. It uses Arrow's
//! arrays and schemas and none of its kernels: conversion from and to JSON text is our own, without a
//! document tree in between.
//!
//! # What becomes of a record
//!
//! Every top-level field is a column. A [`Shape`] says which there are and what they hold; it is found
//! by looking at records ([`Shape::of`]) and grows by joining ([`Shape::widen`]). No value is lost on
//! the way: a number that a 64-bit integer or a double cannot hold exactly is kept as text, and objects
//! and arrays are kept as the JSON text that they were. Null and absent are the same thing, both ways.

mod chunk;
mod column;
mod error;
mod hybrid;
mod numbers;
mod reader;
mod row_groups;
mod runs;
mod shape;
mod stac;
mod time;
mod value;
mod writer;
mod zstd;

pub use reader::{FileColumn, ParquetReader};
pub use row_groups::BATCH_BYTES;
pub use shape::{Column, Kind, Shape};
pub use stac::{ItemShape, StacWriter, check_item};
pub use writer::{ParquetWriter, WriteOptions, Written};
