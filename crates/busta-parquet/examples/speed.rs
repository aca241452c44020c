//! How fast Parquet is written and read here: `cargo run --release -p busta-parquet --example speed`.
//!
//! Writes 20,000 records like STAC Items of about 5 KB with zstd 1, then reads them, one thread. The figures
//! are of that thread's time on a processor (Linux), so that a busy machine changes little.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use busta_core::record::RecordsBuilder;
use busta_core::{Records, Result};
use busta_parquet::{ParquetReader, ParquetWriter, Shape, WriteOptions};

const ITEMS: usize = 20_000;
const PAGE: usize = 200;

fn main() -> Result<()> {
    let pages: Vec<Records> = (0..ITEMS / PAGE).map(page).collect();
    let bytes: u64 = pages.iter().map(Records::bytes).sum();
    let mb = bytes as f64 / 1e6;
    println!("{ITEMS} items, {mb:.0} MB of JSON, {} bytes each", bytes as usize / ITEMS);

    let file = tempfile::NamedTempFile::new().unwrap();
    for round in 0..3 {
        let started = processor_seconds();
        let mut shape = Shape::default();
        for page in &pages {
            shape.widen(&Shape::of(page));
        }
        let shaped = processor_seconds() - started;
        file.as_file().set_len(0).unwrap();
        let mut writer = ParquetWriter::create(file.reopen().unwrap(), &shape, &WriteOptions::default())?;
        for page in &pages {
            writer.write(page)?;
        }
        let written = writer.close()?;
        let wrote = processor_seconds() - started;
        println!(
            "round {round}: shape {:.0} MB/s, shape and write {:.0} MB/s, file {:.1} MB",
            mb / shaped,
            mb / wrote,
            written.bytes as f64 / 1e6
        );
        let started = processor_seconds();
        let mut read = 0;
        for batch in ParquetReader::open(file.reopen().unwrap())? {
            read += batch?.bytes();
        }
        println!(
            "round {round}: read {:.0} MB/s of JSON",
            read as f64 / 1e6 / (processor_seconds() - started)
        );
    }
    Ok(())
}

/// The seconds that this thread has been running: the first number of its `schedstat`, in nanoseconds.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

fn page(number: usize) -> Records {
    let mut builder = RecordsBuilder::default();
    for n in number * PAGE..(number + 1) * PAGE {
        builder.push(item(n).as_bytes());
    }
    builder.finish()
}

fn item(n: usize) -> String {
    // A linear congruential step: numbers that do not compress better than real ones.
    let noise = |k: usize| {
        (n * 31 + k).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
    };
    let assets: Vec<String> = (0..14)
        .map(|band| {
            format!(
                r#""B{band:02}":{{"href":"https://example.com/collections/s2/items/{n}/B{band:02}-{:016x}.tif","type":"image/tiff; application=geotiff; profile=cloud-optimized","title":"Band {band}","roles":["data"],"gsd":10,"proj:shape":[10980,10980],"proj:transform":[10,0,{},0,-10,{}]}}"#,
                noise(band), n % 60 * 10000, n % 90 * 100000
            )
        })
        .collect();
    let at = |k: usize| (noise(k) >> 40) as f64 / 1e5;
    format!(
        r#"{{"type":"Feature","stac_version":"1.0.0","id":"S2A_{n:08}_{:08x}","collection":"sentinel-2-l2a","datetime":"2024-01-{:02}T10:{:02}:{:02}.024Z","eo:cloud_cover":{},"platform":"sentinel-2a","sequence":{n},"geometry":{{"type":"Polygon","coordinates":[[[{a},{b}],[{c},{b}],[{c},{d}],[{a},{d}],[{a},{b}]]]}},"bbox":[{a},{b},{c},{d}],"links":[{{"rel":"self","href":"https://example.com/collections/s2/items/{n}"}},{{"rel":"collection","href":"https://example.com/collections/s2"}}],"assets":{{{}}}}}"#,
        noise(0) as u32,
        n % 28 + 1,
        n % 60,
        n / 60 % 60,
        at(1),
        assets.join(","),
        a = at(2),
        b = at(3),
        c = at(4),
        d = at(5)
    )
}
