//! Single cases, each with what it is for.
