//! XML and HTML as a stream of tokens, however broken they are: what feeds, listings of objects and index
//! pages are read with.

pub(crate) mod entity;
pub(crate) mod token;
