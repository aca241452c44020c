//! YAML: configurations, and the layouts that come with busta.

mod parse;
mod tree;

pub use parse::{SyntaxError, parse};
pub use tree::{Content, Entry, Node, Place};
