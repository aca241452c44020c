//! The rows of trades: ten thousand in a row look like the next ten thousand, but for the upper digits of their
//! numbers and times. As these stand in the first row of a deflated block, and in all others are copies of it,
//! the rest of the block is the same bytes each time: files of any size are made of few, and no two rows agree.

use std::io::Write as _;

use bytes::Bytes;
use chrono::NaiveDate;

use crate::data::{hash, mix};

use super::deflate::Bits;
use super::tree::{File, Period, seconds};
use super::units::Unit;
use super::world::{DataType, Market};

/// So many rows are alike: their numbers and times differ in their lowest four digits.
pub(super) const ALIKE: u64 = 10_000;

/// What a pattern is made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Recipe {
    kind: DataType,
    market: Market,
    unit: Unit,
    symbol: String,
    version: u64,
    /// How many rows it needs to have.
    rows: u64,
}

impl Recipe {
    pub(super) fn new(file: &File, symbol: &str, version: u64, rows: u64) -> Self {
        let unit = Unit::of(file);
        let symbol = symbol.to_owned();
        Self { kind: file.kind, market: file.market, unit, symbol, version, rows: rows.clamp(1, ALIKE) }
    }
}

/// Rows in a row of one day, which agree in the upper digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    day: NaiveDate,
    /// How many runs the day has before it.
    before: u64,
    pub(super) rows: u64,
}

/// The runs of a file, each of whose days has so many rows.
pub(super) fn runs(file: &File, rows_a_day: u64) -> Vec<Run> {
    let days = file.period.start().iter_days().take(file.period.days() as usize);
    let of = |day| {
        let runs = 0..rows_a_day.div_ceil(ALIKE);
        runs.map(move |n| Run { day, before: n, rows: ALIKE.min(rows_a_day - n * ALIKE) })
    };
    days.flat_map(of).collect()
}

/// A run whose upper digits are zeros, as text and deflated.
pub(super) struct Pattern {
    unit: Unit,
    text: Vec<u8>,
    /// Where rows start in the text; the last is its end.
    starts: Vec<u32>,
    /// The upper digits in a row.
    marks: Vec<Mark>,
    packed: Bytes,
    /// Where rows end in `packed`, in bits.
    ends: Vec<u32>,
}

/// Digits that a run fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    at: usize,
    what: Upper,
}

/// Of what they are the upper digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upper {
    Id,
    Time,
}

impl Pattern {
    pub(super) fn new(recipe: &Recipe) -> Self {
        let mut writer =
            Writer { recipe, seed: mix(hash(recipe.symbol.as_bytes()) ^ recipe.version), out: Vec::new() };
        let (mut starts, mut marks) = (vec![0], Vec::new());
        for low in 0..recipe.rows {
            let own = writer.row(low);
            if low == 0 {
                marks = own;
            }
            starts.push(writer.out.len() as u32);
        }
        let text = writer.out;
        let mut bits = Bits::default();
        bits.begin();
        let mut before: &[u8] = &[];
        let mut ends = Vec::with_capacity(recipe.rows as usize);
        for ends_of in starts.windows(2) {
            let row = &text[ends_of[0] as usize..ends_of[1] as usize];
            bits.row(row, before);
            ends.push(bits.len() as u32);
            before = row;
        }
        Self { unit: recipe.unit, starts, marks, packed: bits.finish().into(), ends, text }
    }

    /// About how many bytes a row takes when it is packed.
    pub(super) fn bytes_a_row(&self) -> f64 {
        self.packed.len() as f64 / self.ends.len().max(1) as f64
    }

    /// How much memory it takes.
    pub(super) fn memory(&self) -> u64 {
        (self.text.len() + self.packed.len() + 4 * (self.starts.len() + self.ends.len())) as u64
    }

    /// The rows of a run.
    pub(super) fn text(&self, run: Run) -> Vec<u8> {
        let rows = run.rows as usize;
        let mut text = self.text[..self.starts[rows] as usize].to_vec();
        for mark in &self.marks {
            let digits = self.digits(run, mark.what);
            for start in &self.starts[..rows] {
                let at = *start as usize + mark.at;
                text[at..at + digits.len()].copy_from_slice(digits.as_bytes());
            }
        }
        text
    }

    /// The rows of a run, one by one.
    pub(super) fn rows(&self, run: Run) -> Vec<Vec<u8>> {
        let text = self.text(run);
        let ends = self.starts[..=run.rows as usize].windows(2);
        ends.map(|ends| text[ends[0] as usize..ends[1] as usize].to_vec()).collect()
    }

    /// The rows of a run as a block of a deflated stream.
    pub(super) fn block(&self, run: Run) -> [Bytes; 3] {
        let first = &self.text(Run { rows: 1, ..run });
        let mut head = Bits::default();
        head.begin();
        head.row(first, &[]);
        if run.rows == 1 {
            head.end();
            return [head.finish().into(), Bytes::new(), Bytes::new()];
        }
        let (border, end) = (head.len(), self.ends[run.rows as usize - 1] as usize);
        let mut head = head.finish();
        // The first row and the second one share a byte.
        if let Some(last) = head.last_mut() {
            *last |= self.packed[border / 8] & (0xFF << (border % 8));
        }
        let mut tail = Bits::behind(self.packed.get(end / 8).copied().unwrap_or_default(), (end % 8) as u32);
        tail.end();
        [head.into(), self.packed.slice(border / 8 + 1..end / 8), tail.finish().into()]
    }

    fn digits(&self, run: Run, what: Upper) -> String {
        let day = seconds(Period::Day(run.day)).start;
        match (what, self.unit) {
            // Ten thousand days of a hundred million trades each lie before the first.
            (Upper::Id, _) => format!("{:09}", (10_000 + day / 86_400) * 10_000 + run.before as i64),
            (Upper::Time, Unit::Seconds) => format!("{:010}", day + run.before as i64),
            (Upper::Time, _) => format!("{:09}", day / 10 + run.before as i64),
        }
    }
}

/// Writes rows whose upper digits are zeros.
struct Writer<'a> {
    recipe: &'a Recipe,
    seed: u64,
    out: Vec<u8>,
}

impl Writer<'_> {
    /// Appends a row, and says where its upper digits are.
    fn row(&mut self, low: u64) -> Vec<Mark> {
        let start = self.out.len();
        let drawn = mix(self.seed ^ mix(low));
        // In cents, and in 10^-5; so the product has seven decimals and five digits before them.
        let price = 1_000_000 + self.seed % 3_000_000 + drawn % 50_000;
        let amount = 100_000 + (drawn >> 20) % 1000 * 100;
        let sold = (drawn >> 40) & 1 == 1;
        let places = match self.recipe.unit {
            Unit::Seconds => self.bybit(low, price, amount, sold),
            _ => self.binance(low, price, amount, sold),
        };
        places.into_iter().map(|(at, what)| Mark { at: at - start, what }).collect()
    }

    fn binance(&mut self, low: u64, price: u64, amount: u64, sold: bool) -> Vec<(usize, Upper)> {
        let (whole, product) = (self.recipe.market == Market::Spot, price * amount);
        let mut places = vec![self.upper(Upper::Id, 9)];
        let zeros = if whole { "000000" } else { "" };
        self.put(format_args!("{low:04},{}.{:02}{zeros},", price / 100, price % 100));
        match whole {
            true => self.put(format_args!("{}.{:05}000,", amount / 100_000, amount % 100_000)),
            false => self.put(format_args!("{}.{:03},", amount / 100_000, amount / 100 % 1000)),
        }
        match self.recipe.kind {
            DataType::AggTrades => {
                for _ in 0..2 {
                    places.push(self.upper(Upper::Id, 9));
                    self.put(format_args!("{low:04},"));
                }
            }
            _ if whole => self.put(format_args!("{}.{:07}0,", product / 10_000_000, product % 10_000_000)),
            _ => self.put(format_args!("{}.{:05},", product / 10_000_000, product / 100 % 100_000)),
        }
        places.push(self.upper(Upper::Time, 9));
        let micros = if self.recipe.unit == Unit::Micros { "000" } else { "" };
        self.put(format_args!("{low:04}{micros},"));
        match (whole, sold) {
            (true, true) => self.put(format_args!("True,True\n")),
            (true, false) => self.put(format_args!("False,True\n")),
            (false, sold) => self.put(format_args!("{sold}\n")),
        }
        places
    }

    fn bybit(&mut self, low: u64, price: u64, amount: u64, sold: bool) -> Vec<(usize, Upper)> {
        let recipe = self.recipe;
        let mut places = vec![self.upper(Upper::Time, 10)];
        let amount = amount / 100;
        // Both have the same length, so that what is behind them stands at the same place.
        let (side, zeros, tick) = if sold { ("Sell", "", "MinusTick") } else { ("Buy", "00", "PlusTick") };
        let size = format!("{}.{:03}{zeros}", amount / 1000, amount % 1000);
        self.put(format_args!(
            ".{low:04},{},{side},{size},{}.{:02},{tick},",
            recipe.symbol,
            price / 100,
            price % 100
        ));
        let drawn = mix(low);
        self.put(format_args!(
            "{:08x}-{low:04}-4{:03x}-8{:03x}-000",
            drawn as u32,
            drawn >> 52,
            (drawn >> 40) & 0xFFF
        ));
        places.push(self.upper(Upper::Id, 9));
        let worth = price * amount;
        self.put(format_args!(",{worth}000,{size},{}.{:05}\n", worth / 100_000, worth % 100_000));
        places
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing into a vector cannot fail.
        let _ = self.out.write_fmt(text);
    }

    /// So many zeros, where upper digits will be.
    fn upper(&mut self, what: Upper, width: usize) -> (usize, Upper) {
        let at = self.out.len();
        self.out.resize(at + width, b'0');
        (at, what)
    }
}

#[cfg(test)]
mod tests {
    use super::super::world::Layout;
    use super::*;
    use crate::archive::deflate::LAST;
    use crate::archive::interval::Interval;
    use std::collections::HashSet;
    use std::io::Read as _;

    fn file(layout: Layout, market: Market, kind: DataType, day: &str) -> File {
        let period = Period::Day(day.parse().unwrap());
        File { layout, market, kind, symbol: 0, interval: Interval::HOUR, period }
    }

    fn all() -> Vec<File> {
        let mut files = vec![file(Layout::Bybit, Market::Um, DataType::Trades, "2024-01-01")];
        for market in [Market::Spot, Market::Um, Market::Cm] {
            for kind in [DataType::Trades, DataType::AggTrades] {
                files.push(file(Layout::Binance, market, kind, "2025-03-01"));
            }
        }
        files
    }

    #[test]
    fn blocks_unpack_to_the_text() {
        for file in all() {
            let pattern = Pattern::new(&Recipe::new(&file, "BTCUSDT", 0, ALIKE));
            for (before, rows) in [(0, ALIKE), (17, ALIKE), (3, 1), (4, 2), (999, 777)] {
                let run = Run { day: file.period.start(), before, rows };
                let packed = [pattern.block(run).concat(), LAST.to_vec()].concat();
                let mut out = Vec::new();
                flate2::read::DeflateDecoder::new(packed.as_slice()).read_to_end(&mut out).unwrap();
                assert!(out == pattern.text(run), "{file:?}, {rows} rows");
                assert!(
                    rows < ALIKE || packed.len() * 10 < out.len() * 7,
                    "{} of {}",
                    packed.len(),
                    out.len()
                );
            }
        }
    }

    #[test]
    fn all_rows_differ_in_number_and_are_in_order() {
        for file in all() {
            let pattern = Pattern::new(&Recipe::new(&file, "ETHUSDT", 0, ALIKE));
            let runs = runs(&file, 25_000);
            assert_eq!(runs.iter().map(|run| run.rows).collect::<Vec<_>>(), [ALIKE, ALIKE, 5000]);
            let rows: Vec<String> = runs
                .iter()
                .flat_map(|run| pattern.rows(*run))
                .map(|row| String::from_utf8(row).unwrap().trim_end().to_owned())
                .collect();
            assert_eq!(rows.len(), 25_000);
            let bybit = file.layout == Layout::Bybit;
            let (id, time) = match (bybit, file.kind) {
                (true, _) => (6, 0),
                (false, DataType::AggTrades) => (0, 5),
                (false, _) => (0, 4),
            };
            let cell = |row: &str, n: usize| row.split(',').nth(n).unwrap().to_owned();
            assert_eq!(rows.iter().map(|row| cell(row, id)).collect::<HashSet<_>>().len(), 25_000);
            let times: Vec<f64> = rows.iter().map(|row| cell(row, time).parse().unwrap()).collect();
            assert!(times.is_sorted() && times[0] < times[24_999]);
            let day = seconds(file.period).start as f64;
            let unit = match Unit::of(&file) {
                Unit::Millis => 1e3,
                Unit::Micros => 1e6,
                Unit::Seconds => 1.0,
            };
            assert_eq!(times[0], day * unit, "{file:?}");
        }
    }
}
