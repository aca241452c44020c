//! How fast a chain of transforms is: `cargo run --release -p busta-connectors --example transform_speed`.
//!
//! Batches of 100 STAC items of about 5 KB. Prints the rate of one core for a chain that sets one nested
//! field, for longer ones, and for comparison that of a document tree that sets the same field.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement for people")]

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use busta_connectors::registry::TRANSFORMS;
use busta_connectors::transforms::{Chain, TransformContext, read};
use busta_core::{Records, Transform};
use serde_json::{Value, json};

fn item(id: usize) -> String {
    let assets: Vec<String> = (1..=12)
        .map(|band| {
            format!(
                r#""B{band:02}":{{"href":"https://data.example/sentinel-2/33/U/UP/2024/5/{id}/B{band:02}.tif","type":"image/tiff; application=geotiff; profile=cloud-optimized","title":"Band {band}","eo:bands":[{{"name":"B{band:02}","center_wavelength":0.{band}43,"full_width_half_max":0.027}}],"gsd":10,"proj:shape":[10980,10980],"proj:transform":[10,0,300000,0,-10,5900040],"roles":["data"]}}"#
            )
        })
        .collect();
    format!(
        r#"{{"type":"Feature","stac_version":"1.0.0","id":"S2B_{id}","collection":"sentinel-2-l2a","bbox":[12.1,52.3,13.7,53.2],"geometry":{{"type":"Polygon","coordinates":[[[12.1,52.3],[13.7,52.3],[13.7,53.2],[12.1,53.2],[12.1,52.3]]]}},"properties":{{"datetime":"2024-05-01T10:20:30.123Z","platform":"sentinel-2b","eo:cloud_cover":12.34,"proj:epsg":32633,"view:sun_elevation":51.2}},"links":[{{"rel":"self","href":"https://stac.example/items/{id}"}}],"stac_extensions":["https://stac-extensions.github.io/eo/v1.1.0/schema.json"],"assets":{{{}}}}}"#,
        assets.join(",")
    )
}

fn rate(bytes: u64, mut once: impl FnMut()) -> f64 {
    let (started, mut rounds) = (Instant::now(), 0u64);
    while started.elapsed() < Duration::from_secs(2) {
        once();
        rounds += 1;
    }
    (bytes * rounds) as f64 / started.elapsed().as_secs_f64() / 1e6
}

fn chain(elements: Value) -> Chain {
    let context = TransformContext { base_dir: PathBuf::new() };
    let elements = elements.as_array().unwrap().iter().cloned().enumerate();
    Chain::new(elements.map(|(index, element)| read(index, element, TRANSFORMS, &context).unwrap()).collect())
}

fn main() {
    let items: Vec<String> = (0..100).map(item).collect();
    let records: Records = items.iter().map(String::as_str).collect();
    println!("batches of 100 items, {} bytes each", records.bytes() / 100);
    for (name, elements) in [
        ("set one nested field", json!([{ "set": { "properties.source": "example" } }])),
        ("filter", json!([{ "filter": { "properties.eo:cloud_cover": { "lt": 20 } } }])),
        (
            "filter, set, cast, drop",
            json!([
                { "filter": { "properties.eo:cloud_cover": { "lt": 20 } } },
                { "set": { "properties.key": "{collection}/{id}" } },
                { "cast": { "properties.datetime": "datetime" } },
                { "drop": ["links"] },
            ]),
        ),
        ("set in every asset", json!([{ "set": { "assets.*.owner": "example" } }])),
        ("jq", json!([{ "jq": ".properties.source = \"example\"" }])),
    ] {
        let chain = chain(elements);
        let stream = "items".into();
        let fast = rate(records.bytes(), || {
            let made = chain.apply(&stream, black_box(&records));
            assert_eq!(made.records.len(), 100);
            black_box(made);
        });
        println!("{name}: {fast:.0} MB/s");
    }
    let tree = rate(records.bytes(), || {
        for record in records.iter() {
            let mut value: Value = serde_json::from_slice(record).unwrap();
            value["properties"]["source"] = json!("example");
            black_box(serde_json::to_vec(&value).unwrap());
        }
    });
    println!("the same field on a document tree: {tree:.0} MB/s");
}
