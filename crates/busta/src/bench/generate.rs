//! Files to collect: always the same ones.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

const CITIES: [&str; 5] = ["Lisbon", "Bergen", "Osaka", "Quito", "Accra"];

/// Record `number`, of about half a kilobyte.
fn record(number: u64) -> Value {
    let draw = |salt: u64| scatter(number.wrapping_mul(64).wrapping_add(salt));
    json!({
        "id": number,
        "name": format!("{:016x}", draw(1)),
        "city": CITIES[(draw(2) % 5) as usize],
        "amount": (draw(3) % 10_000_000) as f64 / 100.0,
        "quantity": draw(4) % 100,
        "paid": draw(5).is_multiple_of(2),
        "at": format!("2024-{:02}-{:02}T{:02}:{:02}:00Z", draw(6) % 12 + 1, draw(7) % 28 + 1, draw(8) % 24, draw(9) % 60),
        "token": (10..22).map(|salt| format!("{:016x}", draw(salt))).collect::<String>(),
        "place": { "lat": (draw(22) % 18_000) as f64 / 100.0 - 90.0, "lon": (draw(23) % 36_000) as f64 / 100.0 - 180.0 },
    })
}

/// SplitMix64's finalizer (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
fn scatter(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// So many files of one record each lie in one folder, as collectors find them.
const FILES_PER_FOLDER: u64 = 1000;

/// Writes `count` JSON files of one record each.
///
/// # Errors
/// If the disk does not take them.
pub fn small_json(folder: &Path, count: u64) -> Result<()> {
    for number in 0..count {
        let part = folder.join(format!("{:03}", number / FILES_PER_FOLDER));
        if number.is_multiple_of(FILES_PER_FOLDER) {
            fs::create_dir_all(&part).with_context(|| format!("{} cannot be made", part.display()))?;
        }
        let path = part.join(format!("{number:06}.json"));
        fs::write(&path, serde_json::to_vec(&record(number))?)
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

/// Writes `count` Parquet files of at least `bytes` each.
///
/// # Errors
/// If the disk does not take them.
#[cfg(feature = "parquet")]
pub fn large_parquet(folder: &Path, count: u64, bytes: u64) -> Result<()> {
    use busta_core::Records;
    use busta_parquet::{ParquetWriter, Shape, WriteOptions};

    /// Records are given to the writer in batches, as a destination gives them.
    const BATCH: u64 = 1000;
    let batch = |first: u64| -> Result<Records> {
        let (mut buffer, mut spans) = (Vec::new(), Vec::new());
        for number in first..first + BATCH {
            let start = buffer.len() as u32;
            serde_json::to_writer(&mut buffer, &record(number))?;
            spans.push(start..buffer.len() as u32);
        }
        Ok(Records::from_spans(buffer.into(), spans))
    };
    let shape = Shape::of(&batch(0)?);
    for file in 0..count {
        let path = folder.join(format!("{file}.parquet"));
        let sink = File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
        let mut writer = ParquetWriter::create(sink, &shape, &WriteOptions::default())?;
        // Far enough apart that no record is in two files.
        let mut next = file << 32;
        while writer.bytes() < bytes {
            writer.write(&batch(next)?)?;
            next += BATCH;
        }
        writer.close()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_always_the_same_and_of_half_a_kilobyte() {
        assert_eq!(record(7), record(7));
        assert_ne!(record(7)["token"], record(8)["token"]);
        let size = serde_json::to_vec(&record(7)).unwrap().len();
        assert!((350..650).contains(&size), "{size}");
    }
}
