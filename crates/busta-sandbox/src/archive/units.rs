//! What differs between markets and years: the unit of times, and the header.

use chrono::NaiveDate;

use super::tree::File;
use super::world::{DataType, Layout, Market};

/// What times are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Unit {
    Millis,
    Micros,
    /// Seconds with four decimals.
    Seconds,
}

impl Unit {
    /// Spot has microseconds since 2025.
    pub(super) fn of(file: &File) -> Self {
        match (file.layout, file.market) {
            (Layout::Bybit, _) => Self::Seconds,
            (Layout::Binance, Market::Spot) if is_from(file, 2025, 1) => Self::Micros,
            (Layout::Binance, _) => Self::Millis,
        }
    }

    /// A moment given in seconds.
    pub(super) fn at(self, seconds: i64) -> i64 {
        seconds
            * match self {
                Self::Millis => 1000,
                Self::Micros => 1_000_000,
                Self::Seconds => 1,
            }
    }
}

fn is_from(file: &File, year: i32, month: u32) -> bool {
    NaiveDate::from_ymd_opt(year, month, 1).is_some_and(|first| file.period.start() >= first)
}

/// The names of the columns, if a file of its market and time has them: spot never does, USD-M futures since July
/// 2022, COIN-M futures always.
pub(super) fn header(file: &File) -> Option<&'static str> {
    let named = match (file.layout, file.market) {
        (Layout::Bybit, _) | (_, Market::Cm) => true,
        (_, Market::Um) => is_from(file, 2022, 7),
        (_, Market::Spot) => false,
    };
    let names = match (file.layout, file.kind) {
        (Layout::Bybit, _) => {
            "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional"
        }
        (_, DataType::Klines) => {
            "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,\
             taker_buy_quote_volume,ignore"
        }
        (_, DataType::Trades) if file.market == Market::Cm => "id,price,qty,base_qty,time,is_buyer_maker",
        (_, DataType::Trades) => "id,price,qty,quote_qty,time,is_buyer_maker",
        (_, DataType::AggTrades) => {
            "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"
        }
    };
    named.then_some(names)
}
