//! Boxes on the earth, in millionths of a degree.

use serde_json::Value;

/// So many units are a degree.
pub(super) const DEGREE: i64 = 1_000_000;
const HALF: i64 = 180 * DEGREE;

/// A box; `west` lies east of `east` where it crosses the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) west: i64,
    pub(super) south: i64,
    pub(super) east: i64,
    pub(super) north: i64,
}

impl Area {
    /// Reads a bbox of four or six numbers.
    pub(super) fn read(numbers: &[f64]) -> Result<Self, String> {
        let (west, south, east, north) = match *numbers {
            [west, south, east, north] | [west, south, _, east, north, _] => (west, south, east, north),
            _ => return Err(format!("a bbox has 4 or 6 numbers, not {}", numbers.len())),
        };
        if !(south <= north && south >= -90.0 && north <= 90.0) {
            return Err(format!("the bbox reaches from {south} to {north} degrees of latitude"));
        }
        if !(-180.0..=180.0).contains(&west) || !(-180.0..=180.0).contains(&east) {
            return Err(format!("the bbox reaches from {west} to {east} degrees of longitude"));
        }
        let unit = |degrees: f64| (degrees * DEGREE as f64).round() as i64;
        Ok(Self { west: unit(west), south: unit(south), east: unit(east), north: unit(north) })
    }

    /// The box around a GeoJSON geometry, which is not taken to cross the antimeridian.
    pub(super) fn around(geometry: &Value) -> Result<Self, String> {
        let mut bounds = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
        let found = match geometry.get("geometries").and_then(Value::as_array) {
            Some(all) => all.iter().filter(|one| reach(&one["coordinates"], &mut bounds)).count() > 0,
            None => reach(&geometry["coordinates"], &mut bounds),
        };
        match found && geometry["type"].is_string() {
            true => Self::read(&bounds),
            false => Err("the geometry is not one of GeoJSON".to_owned()),
        }
    }

    /// Whether the two have a point in common.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let meets = |(a, b): (i64, i64)| other.spans().any(|(c, d)| a <= d && c <= b);
        self.south <= other.north && other.south <= self.north && self.spans().any(meets)
    }

    /// Its one or two ranges of longitude.
    fn spans(&self) -> impl Iterator<Item = (i64, i64)> + use<> {
        let (first, second) = match self.west <= self.east {
            true => ((self.west, self.east), None),
            false => ((self.west, HALF), Some((-HALF, self.east))),
        };
        std::iter::once(first).chain(second)
    }

    /// Whether it crosses the antimeridian.
    pub(super) fn crosses(&self) -> bool {
        self.west > self.east
    }
}

/// Widens `bounds` by all positions below; false if there is none.
fn reach(coordinates: &Value, bounds: &mut [f64; 4]) -> bool {
    let Some(parts) = coordinates.as_array() else {
        return false;
    };
    if let (Some(x), Some(y)) = (parts.first().and_then(Value::as_f64), parts.get(1).and_then(Value::as_f64))
    {
        *bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x), bounds[3].max(y)];
        return true;
    }
    parts.iter().filter(|part| reach(part, bounds)).count() > 0
}

/// Brings a longitude back into the range from -180 to 180 degrees.
pub(super) fn wrap(longitude: i64) -> i64 {
    if longitude > HALF {
        longitude - 2 * HALF
    } else if longitude < -HALF {
        longitude + 2 * HALF
    } else {
        longitude
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn boxes_overlap_across_the_antimeridian() {
        let area = |numbers: &[f64]| Area::read(numbers).unwrap();
        let pacific = area(&[170.0, -10.0, -170.0, 10.0]);
        assert!(pacific.overlaps(&area(&[175.0, 0.0, 176.0, 1.0])));
        assert!(pacific.overlaps(&area(&[-171.0, 0.0, -160.0, 1.0])));
        assert!(pacific.overlaps(&area(&[179.0, 0.0, 0.0, -179.0, 1.0, 100.0])), "six numbers");
        assert!(!pacific.overlaps(&area(&[-160.0, 0.0, 160.0, 1.0])));
        assert!(area(&[0.0, 0.0, 1.0, 1.0]).overlaps(&area(&[1.0, 1.0, 2.0, 2.0])), "they touch");
        for wrong in [vec![1.0], vec![0.0, 5.0, 1.0, 1.0], vec![0.0, 0.0, 200.0, 1.0], vec![f64::NAN; 4]] {
            assert!(Area::read(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn geometries_have_a_box() {
        let polygon = json!({"type": "Polygon", "coordinates": [[[1, 2], [5, 2], [3, 9], [1, 2]]]});
        assert_eq!(Area::around(&polygon), Area::read(&[1.0, 2.0, 5.0, 9.0]));
        let all = json!({"type": "GeometryCollection", "geometries": [polygon, {"type": "Point", "coordinates": [7, 3]}]});
        assert_eq!(Area::around(&all), Area::read(&[1.0, 2.0, 7.0, 9.0]));
        for wrong in [json!({}), json!("x"), json!({"type": "Polygon", "coordinates": []})] {
            assert!(Area::around(&wrong).is_err(), "{wrong}");
        }
    }
}
