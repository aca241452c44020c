//! What the operator says about ranges.

use busta_core::connector::ConfigProblem;
use busta_core::units::ByteSize;
use schemars::JsonSchema;
use serde::Deserialize;

/// How large objects are fetched by several byte ranges at once, where their server has ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RangesConfig {
    /// Only objects that are larger than this.
    pub min_size: ByteSize,
    /// How large a range is.
    pub size: ByteSize,
    /// How many ranges of one object are fetched at once; 1 turns it off. Each counts against all limits as
    /// a split does, and there are only as many as no other split could use.
    #[schemars(range(min = 1))]
    pub max_concurrency: usize,
}

impl Default for RangesConfig {
    fn default() -> Self {
        Self { min_size: ByteSize(64 << 20), size: ByteSize(16 << 20), max_concurrency: 4 }
    }
}

/// Smaller ranges cost more in requests than they bring.
const SMALLEST: u64 = 64 << 10;

impl RangesConfig {
    /// What is wrong, with paths that begin with `place`.
    pub fn problems(&self, place: &str) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        let mut wrong = |key: &str, what: String| {
            problems.push(ConfigProblem::new(&format!("{place}{key}"), what));
        };
        if self.max_concurrency == 0 {
            wrong("max_concurrency", "is at least 1, which turns ranges off".to_owned());
        }
        if self.size.0 < SMALLEST {
            wrong("size", format!("is at least {}", ByteSize(SMALLEST)));
        }
        if self.min_size.0 < self.size.0 {
            wrong("min_size", "is at least `size`".to_owned());
        }
        problems
    }

    /// How many bytes the first request asks for, if it is not to ask for the whole: all of an object that
    /// is not larger than `min_size`, of whatever size it says to be.
    pub fn first(&self, expected: Option<u64>) -> Option<u64> {
        let range = if expected.is_some_and(|size| size > self.min_size.0) {
            self.size.0
        } else {
            // Whole ranges, so that others can go on behind them.
            self.min_size.0.next_multiple_of(self.size.0)
        };
        let is_small = expected.is_some_and(|size| size <= self.min_size.0);
        (self.max_concurrency > 1 && !is_small).then_some(range)
    }
}
