//! Runs: one dispatcher, its slots and its committer (being written).
