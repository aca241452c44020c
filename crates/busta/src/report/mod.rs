//! The end of a run, in forms for people and for programs.

pub mod gaps;
pub mod json;
pub mod quality;
pub mod table;
