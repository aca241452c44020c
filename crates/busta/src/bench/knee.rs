//! How many workers are worth it.

use super::results::Measurement;

/// No two numbers of workers differ if their times differ by less than this part.
const FLOOR: f64 = 0.05;

/// However noisy the measurements are, so much slower is slower.
const CEILING: f64 = 0.10;

/// The knee: the place of the smallest number of workers that is about as fast as the fastest. More
/// than that costs memory, connections and the server's good will, and gains nothing.
///
/// "About" is 5 %, or the spread of the fastest where that is larger, up to 10 %.
pub fn knee(measurements: &[Measurement]) -> usize {
    let time = |measurement: &Measurement| measurement.wall_s.median;
    let Some(best) = measurements.iter().min_by(|a, b| time(a).total_cmp(&time(b))) else { return 0 };
    let tolerance = best.wall_s.relative().clamp(FLOOR, CEILING);
    let enough = time(best) / (1.0 - tolerance);
    measurements.iter().position(|measurement| time(measurement) <= enough).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::spread::Spread;

    fn at(times: &[(usize, f64)], noise: f64) -> usize {
        let measurements: Vec<Measurement> = times
            .iter()
            .map(|(workers, wall)| Measurement {
                workers: *workers,
                wall_s: Spread { median: *wall, min: wall * (1.0 - noise), max: wall * (1.0 + noise) },
                ..Measurement::default()
            })
            .collect();
        measurements[knee(&measurements)].workers
    }

    #[test]
    fn the_knee_is_not_the_maximum() {
        assert_eq!(at(&[(1, 10.0), (5, 2.1), (10, 1.02), (20, 1.0)], 0.0), 10);
        assert_eq!(at(&[(1, 10.0), (5, 2.0), (10, 1.0), (20, 0.5)], 0.0), 20);
        assert_eq!(at(&[(1, 1.0), (5, 1.3), (10, 1.6)], 0.0), 1);
        assert_eq!(at(&[(1, 3.0)], 0.0), 1);
    }

    #[test]
    fn noise_widens_it_up_to_a_tenth() {
        let times = [(1, 10.0), (5, 1.08), (10, 1.0)];
        assert_eq!(at(&times, 0.0), 10);
        assert_eq!(at(&times, 0.04), 5);
        assert_eq!(at(&[(1, 10.0), (5, 1.2), (10, 1.0)], 0.5), 10);
    }
}
