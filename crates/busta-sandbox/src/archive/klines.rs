//! The rows of klines, each of them computed from its symbol and its time alone: a month is its days.

use std::io::Write as _;

use crate::data::{hash, mix};

use super::tree::{File, seconds};
use super::units::{Unit, header};
use super::world::Market;

/// The rows of a file in their order, its header (if its kind has one) at their beginning.
pub(super) fn text(file: &File, symbol: &str, version: u64) -> Vec<Vec<u8>> {
    let unit = Unit::of(file);
    let maker = Maker { seed: mix(hash(symbol.as_bytes()) ^ version), unit, digits: digits(file.market) };
    let step = file.interval.seconds();
    let span = seconds(file.period);
    let rows = span.step_by(step as usize).map(|start| maker.row(start, step));
    header(file).map(|names| format!("{names}\n").into_bytes()).into_iter().chain(rows).collect()
}

/// How many decimals prices have.
fn digits(market: Market) -> usize {
    match market {
        Market::Spot => 8,
        Market::Um => 2,
        Market::Cm => 1,
    }
}

struct Maker {
    seed: u64,
    unit: Unit,
    digits: usize,
}

impl Maker {
    fn draw(&self, time: i64, salt: u64, sides: u64) -> u64 {
        mix(self.seed ^ mix(time.unsigned_abs()).rotate_left(salt as u32 * 8)) % sides
    }

    /// The price at a moment, in cents.
    fn price(&self, time: i64) -> u64 {
        1_000_000 + self.seed % 3_000_000 + self.draw(time, 0, 50_000)
    }

    fn row(&self, start: i64, step: i64) -> Vec<u8> {
        let (open, close) = (self.price(start), self.price(start + step));
        let high = open.max(close) + self.draw(start, 1, 2_000);
        let low = open.min(close) - self.draw(start, 2, 2_000);
        // In units of 10^-5 of the first currency, and so 10^-7 of the other.
        let volume = 100_000 + self.draw(start, 3, 90_000_000);
        let taken = volume / 10 * self.draw(start, 4, 10);
        let shown = |cents: u64| match self.digits {
            1 => format!("{}.{}", cents / 100, cents / 10 % 10),
            digits => format!("{}.{:02}{}", cents / 100, cents % 100, "0".repeat(digits - 2)),
        };
        let amount = |value: u64| format!("{}.{:05}000", value / 100_000, value % 100_000);
        let worth = |value: u64| {
            let product = u128::from(value) * u128::from(open);
            format!("{}.{:07}0", product / 10_000_000, product % 10_000_000)
        };
        let mut row = Vec::with_capacity(160);
        let trades = 10 + self.draw(start, 5, 100_000);
        // Writing into a vector cannot fail.
        let _ = writeln!(
            row,
            "{},{},{},{},{},{},{},{},{trades},{},{},0",
            self.unit.at(start),
            shown(open),
            shown(high),
            shown(low),
            shown(close),
            amount(volume),
            self.unit.at(start + step) - 1,
            worth(volume),
            amount(taken),
            worth(taken),
        );
        row
    }
}
