//! The extent of a collection, from its Items.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use busta_core::json::field;

/// What Items cover in space and time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    /// West, south, east, north.
    bbox: Option<[f64; 4]>,
    times: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Extent {
    /// Takes in an Item.
    pub(super) fn add(&mut self, item: &[u8]) {
        if let Some(bbox) = field(item, "bbox").and_then(flat) {
            self.add_box(bbox);
        }
        let Some(properties) = field(item, "properties") else { return };
        for name in ["datetime", "start_datetime", "end_datetime"] {
            let text: Option<String> =
                field(properties.as_bytes(), name).and_then(|raw| serde_json::from_str(raw).ok());
            if let Some(time) = text.and_then(|text| DateTime::parse_from_rfc3339(&text).ok()) {
                let time = time.to_utc();
                let (first, last) = self.times.unwrap_or((time, time));
                self.times = Some((first.min(time), last.max(time)));
            }
        }
    }

    fn add_box(&mut self, [mut west, south, mut east, north]: [f64; 4]) {
        if west > east {
            // Across the antimeridian.
            (west, east) = (-180.0, 180.0);
        }
        let [w, s, e, n] = self.bbox.unwrap_or([west, south, east, north]);
        self.bbox = Some([w.min(west), s.min(south), e.max(east), n.max(north)]);
    }

    /// As a collection has it. Where nothing is known, it is the whole world, and all time.
    pub(super) fn to_json(self) -> Value {
        let text = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let bbox = self.bbox.unwrap_or([-180.0, -90.0, 180.0, 90.0]);
        let interval =
            self.times.map_or(json!([null, null]), |(first, last)| json!([text(first), text(last)]));
        json!({ "spatial": { "bbox": [bbox] }, "temporal": { "interval": [interval] } })
    }
}

/// A bbox without heights.
fn flat(raw: &str) -> Option<[f64; 4]> {
    let numbers: Vec<f64> = serde_json::from_str(raw).ok()?;
    match numbers[..] {
        [west, south, east, north] | [west, south, _, east, north, _] => Some([west, south, east, north]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_covers_all_items() {
        let mut extent = Extent::default();
        assert_eq!(extent.to_json()["spatial"]["bbox"][0], json!([-180.0, -90.0, 180.0, 90.0]));
        assert_eq!(extent.to_json()["temporal"]["interval"][0], json!([null, null]));
        for item in [
            json!({"bbox": [1, 2, 3, 4], "properties": {"datetime": "2024-05-01T02:00:00+02:00"}}),
            json!({"bbox": [0, 3, 9, 2, 5, 10], "properties": {"datetime": null, "start_datetime": "2024-01-01T00:00:00Z", "end_datetime": "2024-02-01T00:00:00Z"}}),
            json!({"bbox": "no", "properties": {"datetime": "soon"}}),
        ] {
            extent.add(item.to_string().as_bytes());
        }
        let json = extent.to_json();
        assert_eq!(json["spatial"]["bbox"], json!([[0.0, 2.0, 3.0, 5.0]]));
        assert_eq!(json["temporal"]["interval"], json!([["2024-01-01T00:00:00Z", "2024-05-01T00:00:00Z"]]));
        extent.add(br#"{"bbox":[170,0,-170,1]}"#);
        assert_eq!(extent.to_json()["spatial"]["bbox"], json!([[-180.0, 0.0, 180.0, 5.0]]));
    }
}
