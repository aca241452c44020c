//! What repeated measurements say together.

use serde::{Deserialize, Serialize};

/// The middle and the ends of some measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Half of them are no larger, half no smaller.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of `values`; zeros if there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (Some(min), Some(max)) = (values.first(), values.last()) else { return Self::default() };
        let upper = values[values.len() / 2];
        let lower = values[(values.len() - 1) / 2];
        Self { median: lower.midpoint(upper), min: *min, max: *max }
    }

    /// How far the ends lie apart, as a part of the median.
    pub fn relative(&self) -> f64 {
        if self.median > 0.0 { (self.max - self.min) / self.median } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_an_even_number_lies_between_two() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).median, 2.5);
        assert_eq!(Spread::of([]), Spread::default());
    }

    #[test]
    fn the_spread_is_a_part_of_the_median() {
        assert_eq!(Spread::of([1.0, 2.0, 3.0]).relative(), 1.0);
        assert_eq!(Spread::of([0.0]).relative(), 0.0);
    }
}
