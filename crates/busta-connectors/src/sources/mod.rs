//! What is collected from.
