//! Paths of files as patterns: made from values, and matched against names.
