//! The records: realistic, about half a kilobyte each, and computable from seed, stream and index alone.

use std::io::Write as _;

use chrono::{DateTime, Datelike, Timelike};

/// 2024-01-01T00:00:00Z: when the first record of every stream was made.
pub(crate) const EPOCH: i64 = 1_704_067_200;

const FIRST: [&str; 16] = [
    "Zoë", "Łukasz", "Amélie", "Jürgen", "Søren", "Noor", "Mateo", "Aiko", "Ingrid", "Tomás", "Fatima",
    "Björn", "Chloé", "Dmitri", "Anaïs", "Wei",
];
const LAST: [&str; 16] = [
    "Müller",
    "Nowak",
    "García",
    "Østergård",
    "Tanaka",
    "Okafor",
    "Dvořák",
    "Rossi",
    "Lefèvre",
    "Kowalczyk",
    "Silva",
    "Håkansson",
    "O'Neill",
    "Petrov",
    "Yılmaz",
    "Chen",
];
const LOGIN: [&str; 16] = [
    "zoe", "lukasz", "amelie", "jurgen", "soren", "noor", "mateo", "aiko", "ingrid", "tomas", "fatima",
    "bjorn", "chloe", "dmitri", "anais", "wei",
];
const CITY: [(&str, &str); 8] = [
    ("Zürich", "CH"),
    ("São Paulo", "BR"),
    ("Kraków", "PL"),
    ("København", "DK"),
    ("京都", "JP"),
    ("Málaga", "ES"),
    ("Québec", "CA"),
    ("İzmir", "TR"),
];
const STATUS: [&str; 6] = ["new", "paid", "packed", "shipped", "delivered", "returned"];
const TAGS: [&str; 8] = ["gift", "express", "b2b", "fragile", "café", "repeat", "wholesale", "früh"];
const NOTES: [&str; 16] = [
    "Bitte beim Nachbarn abgeben, falls niemand öffnet.",
    "Ring twice — the bell is \\\"temperamental\\\".",
    "Livrer après 17 h, s'il vous plaît ☕.",
    "配達は午前中にお願いします。",
    "Leave it behind the blue door; the dog is friendly 🐕.",
    "Factura a nombre de la empresa, gracias.",
    "Second floor, no lift, mind the low ceiling.",
    "Prosím zavolejte předem na uvedené číslo.",
    "Gate code follows by e-mail on the day.",
    "Emballage cadeau si possible, sans le prix.",
    "Fragile: contains glass & ceramics <handle with care>.",
    "Kan leveres til pakkeboks på hjørnet.",
    "Repeat of last month's order, same address.",
    "Teslimattan önce mesaj atınız lütfen.",
    "Weekend delivery is fine, any time before noon.",
    "Zapłacono z góry, proszę o potwierdzenie.",
];

/// Mixes bits (the finalizer of SplitMix64, Steele, Lea and Flood, 2014).
pub(crate) fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// A number from a text (FNV-1a, 64 bits).
pub(crate) fn hash(text: &[u8]) -> u64 {
    text.iter().fold(0xCBF2_9CE4_8422_2325, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3))
}

/// Which state of a record is meant: records change when a stream is advanced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// Minutes between [`EPOCH`] and `updated_at`.
    pub(crate) slot: u64,
    /// How often it was changed.
    pub(crate) revision: u32,
}

/// Draws small numbers from one hash.
pub(crate) struct Dice(u64);

impl Dice {
    /// What these numbers draw, always the same for the same ones.
    pub(crate) fn of(parts: &[u64]) -> Self {
        Self(parts.iter().fold(0, |drawn, part| mix(drawn ^ part)))
    }

    /// A number from 0 to `sides` - 1, of which there are some.
    pub(crate) fn pick(&mut self, sides: u64) -> usize {
        let drawn = self.0 % sides;
        self.0 = mix(self.0);
        drawn as usize
    }

    /// One of several things, of which there are some.
    pub(crate) fn one<T: Copy>(&mut self, things: &[T]) -> T {
        things[self.pick(things.len() as u64)]
    }

    /// Whether something happens that does so `times` in `of`.
    pub(crate) fn chance(&mut self, times: u64, of: u64) -> bool {
        (self.pick(of) as u64) < times
    }
}

/// A number in base 36, as ids often are.
pub(crate) fn base36(mut number: u64) -> String {
    let mut digits = Vec::with_capacity(13);
    loop {
        digits.push(char::from_digit((number % 36) as u32, 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            return digits.iter().rev().collect();
        }
    }
}

/// Appends record `index` (from 0) of a stream, whose name's hash is `stream`, as JSON.
pub(crate) fn write_record(out: &mut Vec<u8>, seed: u64, stream: u64, index: u64, version: Version) {
    let mut dice = Dice(mix(seed ^ stream ^ mix(index)));
    let (first, last) = (dice.pick(16), dice.pick(16));
    let (city, country) = CITY[dice.pick(8)];
    let cents = dice.pick(500_000);
    let status = STATUS[(dice.pick(6) + version.revision as usize) % 6];
    let id = index + 1;
    // Writing into a vector cannot fail.
    let _ = write!(
        out,
        r#"{{"id":{id},"name":"{} {}","email":"{}.{id}@example.com","amount":{}.{:02},"quantity":{},"paid":{},"status":"{status}","customer":{{"id":{},"city":"{city}","country":"{country}","geo":{{"lat":{}.{:04},"lon":{}.{:04}}}}},"tags":["#,
        FIRST[first],
        LAST[last],
        LOGIN[first],
        cents / 100,
        cents % 100,
        dice.pick(12) + 1,
        dice.pick(3) > 0,
        dice.pick(9_000) + 1_000,
        dice.pick(160) as i64 - 80,
        dice.pick(10_000),
        dice.pick(340) as i64 - 170,
        dice.pick(10_000),
    );
    let tag = dice.pick(8);
    for n in 0..dice.pick(4) {
        let comma = if n == 0 { "" } else { "," };
        let _ = write!(out, "{comma}\"{}\"", TAGS[(tag + n * 3) % 8]);
    }
    out.extend_from_slice(br#"],"note":""#);
    for n in 0..3 {
        let blank = if n == 0 { "" } else { " " };
        let _ = write!(out, "{blank}{}", NOTES[dice.pick(16)]);
    }
    let _ = write!(out, r#"","revision":{},"created_at":""#, version.revision);
    // A record that came later was made in the slot it was last changed in, less its changes.
    write_time(out, if version.revision == 0 { version.slot } else { index });
    out.extend_from_slice(br#"","updated_at":""#);
    write_time(out, version.slot);
    out.extend_from_slice(br#""}"#);
}

/// Appends line `line` (from 1) of the record with `parent`; `field` names the parent's id.
pub(crate) fn write_line(out: &mut Vec<u8>, seed: u64, stream: u64, field: &str, parent: u64, line: u64) {
    let mut dice = Dice(mix(seed ^ stream.rotate_left(17) ^ mix(parent * 64 + line)));
    let cents = dice.pick(90_000) + 100;
    let _ = write!(
        out,
        r#"{{"{field}":{parent},"line":{line},"sku":"SKU-{:05}","product":"{} № {}","quantity":{},"price":{}.{:02}}}"#,
        dice.pick(100_000),
        TAGS[dice.pick(8)],
        dice.pick(900) + 100,
        dice.pick(9) + 1,
        cents / 100,
        cents % 100
    );
}

/// How many lines the record with id `parent` has: 0 to 4.
pub(crate) fn lines_of(parent: u64) -> u64 {
    parent % 5
}

/// The time of a slot as RFC 3339.
#[cfg(test)]
pub(crate) fn time_of(slot: u64) -> String {
    let mut out = Vec::with_capacity(20);
    write_time(&mut out, slot);
    String::from_utf8_lossy(&out).into_owned()
}

fn write_time(out: &mut Vec<u8>, slot: u64) {
    let seconds = EPOCH.saturating_add_unsigned(slot.saturating_mul(60));
    let time = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    let _ = write!(
        out,
        "{:04}-{:02}-{:02}T{:02}:{:02}:00Z",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(index: u64, version: Version) -> String {
        let mut out = Vec::new();
        write_record(&mut out, 7, hash(b"orders"), index, version);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn records_are_json_of_about_half_a_kilobyte_and_never_change() {
        let mut bytes = 0;
        for index in 0..2000 {
            let version = Version { slot: index, revision: 0 };
            let record = text(index, version);
            let value: serde_json::Value = serde_json::from_str(&record).expect(&record);
            assert_eq!(value["id"], index + 1);
            assert_eq!(value["created_at"], value["updated_at"]);
            assert!(value["amount"].is_f64() && value["customer"]["geo"]["lat"].is_f64());
            assert_eq!(record, text(index, version));
            bytes += record.len();
        }
        assert!((450..=620).contains(&(bytes / 2000)), "{}", bytes / 2000);
    }

    #[test]
    fn a_changed_record_keeps_its_id_and_moves_its_time() {
        let old: serde_json::Value =
            serde_json::from_str(&text(3, Version { slot: 3, revision: 0 })).unwrap();
        let new: serde_json::Value =
            serde_json::from_str(&text(3, Version { slot: 99, revision: 1 })).unwrap();
        assert_eq!(old["id"], new["id"]);
        assert_eq!(old["created_at"], new["created_at"]);
        assert_ne!(old["status"], new["status"]);
        assert_eq!(new["updated_at"], time_of(99));
    }

    #[test]
    fn lines_are_json() {
        let mut out = Vec::new();
        write_line(&mut out, 7, hash(b"orders"), "order_id", 12, 2);
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!((&value["order_id"], &value["line"]), (&12.into(), &2.into()));
    }
}
