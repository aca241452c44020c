//! Worlds: which files a repository has, how large they are, and what is wrong with it, as a path says.

use std::fmt;
use std::str::FromStr;

use busta_core::units::ByteSize;
use chrono::{Datelike as _, NaiveDate};

use super::interval::Interval;
use crate::options::{Given, options};

/// A repository has so many files at most, side files included.
const MAX_FILES: u64 = 500_000;
/// A file has at most so many rows: fewer than 4 GiB of text, which is what a plain zip can tell, and than
/// milliseconds in a day.
const MAX_ROWS: u64 = 40_000_000;
/// A file is at most so large, for the same reasons.
const MAX_SIZE: u64 = 1_000_000_000;
/// The rows of a day of trades, unless the world says.
const DEFAULT_ROWS: u64 = 100;
/// The first symbols; those behind them have numbers.
const SYMBOLS: [&str; 10] = [
    "BTCUSDT",
    "ETHUSDT",
    "BNBUSDT",
    "SOLUSDT",
    "XRPUSDT",
    "ADAUSDT",
    "DOGEUSDT",
    "LTCUSDT",
    "LINKUSDT",
    "1000SHIBUSDT",
];

/// A repository of files as exchanges publish them: `symbols=BTCUSDT+ETHUSDT,from=2024-01-01,to=2024-01-31`.
///
/// Its files are computed from their paths, the options about their shape, and how often they were published
/// again. The crate's documentation lists all options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveWorld {
    pub(super) layout: Layout,
    pub(super) markets: Vec<Market>,
    pub(super) types: Vec<DataType>,
    pub(super) symbols: Vec<String>,
    pub(super) intervals: Vec<Interval>,
    /// The first day.
    pub(super) from: NaiveDate,
    /// The last day, which is there.
    pub(super) to: NaiveDate,
    pub(super) daily: bool,
    pub(super) monthly: bool,
    /// Whether files of days lie in folders of their year and month.
    pub(super) dated: bool,
    pub(super) shape: Shape,
    pub(super) checksums: Checksums,
    pub(super) etag: Tag,
    pub(super) index: Option<Index>,
    /// Whether S3's listings are allowed.
    pub(super) listing: bool,
    /// What is answered for what is not there: 404 or 403.
    pub(super) missing: u16,
    /// Files that were never published.
    pub(super) gone: Names,
    pub(super) wrong_checksum: Names,
    pub(super) late_checksum: Names,
    /// How many wrong answers a late checksum needs.
    pub(super) late: u64,
    pub(super) no_checksum: Names,
}

/// What the bytes of files depend on, besides their paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// The rows of a day of trades.
    pub(super) rows: u64,
    /// About how large files of trades are instead.
    pub(super) size: Option<u64>,
    /// In how many members of a zip the rows lie.
    pub(super) members: u64,
    /// Whether a zip also holds what macOS adds.
    pub(super) macosx: bool,
    /// Archives that are damaged inside, and that their checksums vouch for.
    pub(super) bad_crc: Names,
    /// Files of few rows that do not stand in their order.
    pub(super) shuffled: Names,
}

/// Whose tree it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// `data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-01-01.zip`.
    Binance,
    /// `trading/BTCUSDT/BTCUSDT2024-01-01.csv.gz`.
    Bybit,
}

/// Where something is traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Market {
    Spot,
    Um,
    Cm,
}

/// What the rows of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum DataType {
    Klines,
    Trades,
    AggTrades,
}

/// The form of side files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checksums {
    /// `{file}.CHECKSUM`: 64 digits, two blanks, the name.
    Checksum,
    /// `{file}.sha256`, the digits alone.
    Sha256,
    /// `{file}.md5`, as `md5sum` writes it.
    Md5,
    /// One `SHA256SUMS` in each folder.
    Sums,
    Off,
}

/// The form of `ETag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// The MD5, as S3 gives to what was put in one piece.
    Md5,
    /// The MD5 of the MD5s of parts of 8 MiB, and how many these are.
    Multipart,
    Off,
}

/// Who writes the index pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Index {
    Apache,
    ApacheTable,
    Nginx,
    NginxJson,
    Python,
}

/// A choice of files: those whose paths hold one of these texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names(Vec<String>);

impl Names {
    pub(super) fn hit(&self, path: &str) -> bool {
        self.0.iter().any(|part| part == "all" || path.contains(part.as_str()))
    }
}

impl FromStr for ArchiveWorld {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut world = Self::default();
        for option in options(text, "an archive world", Some("layout")) {
            world.set(option)?;
        }
        world.check()?;
        Ok(world)
    }
}

impl Default for ArchiveWorld {
    fn default() -> Self {
        let day = |d| NaiveDate::from_ymd_opt(2024, 1, d).unwrap_or_default();
        Self {
            layout: Layout::Binance,
            markets: vec![Market::Spot, Market::Um],
            types: vec![DataType::Klines, DataType::Trades, DataType::AggTrades],
            symbols: symbols(2),
            intervals: vec![Interval::HOUR],
            from: day(1),
            to: day(31),
            daily: true,
            monthly: true,
            dated: false,
            shape: Shape {
                rows: DEFAULT_ROWS,
                size: None,
                members: 1,
                macosx: false,
                bad_crc: Names::default(),
                shuffled: Names::default(),
            },
            checksums: Checksums::Checksum,
            etag: Tag::Md5,
            index: None,
            listing: true,
            missing: 404,
            gone: Names::default(),
            wrong_checksum: Names::default(),
            late_checksum: Names::default(),
            late: 1,
            no_checksum: Names::default(),
        }
    }
}

impl ArchiveWorld {
    fn set(&mut self, option: Given<'_>) -> Result<(), String> {
        let value = option.value;
        let names = || Names(option.parts().filter(|part| !part.is_empty()).map(str::to_owned).collect());
        match option.key {
            "layout" => {
                self.layout = option.one(&LAYOUTS)?;
                if self.layout == Layout::Bybit {
                    self.checksums = Checksums::Off;
                }
            }
            "markets" => self.markets = option.many(&MARKETS)?,
            "types" => self.types = option.many(&TYPES)?,
            "symbols" => {
                self.symbols = match value.parse::<u64>() {
                    Ok(count) if count <= MAX_FILES => symbols(count),
                    Ok(_) => return Err(option.wrong()),
                    Err(_) => option.parts().map(str::to_owned).collect(),
                }
            }
            "intervals" => self.intervals = option.parts().map(str::parse).collect::<Result<_, _>>()?,
            "from" => self.from = option.parsed()?,
            "to" => self.to = option.parsed()?,
            "periods" => {
                let periods: Vec<&str> = option.parts().collect();
                (self.daily, self.monthly) = (periods.contains(&"daily"), periods.contains(&"monthly"));
            }
            "dated" => self.dated = option.switch()?,
            "rows" => self.shape.rows = option.number()?,
            "size" => self.shape.size = Some(value.parse::<ByteSize>()?.0),
            "members" => self.shape.members = option.number()?,
            "macosx" => self.shape.macosx = option.switch()?,
            "bad_crc" => self.shape.bad_crc = names(),
            "shuffled" => self.shape.shuffled = names(),
            "checksums" => self.checksums = option.one(&CHECKSUMS)?,
            "etag" => self.etag = option.one(&TAGS)?,
            "index" => self.index = Some(option.one(&INDEXES)?),
            "listing" => self.listing = option.switch()?,
            "missing" => {
                self.missing =
                    value.parse().ok().filter(|s| [403, 404].contains(s)).ok_or_else(|| option.wrong())?
            }
            "gone" => self.gone = names(),
            "wrong_checksum" => self.wrong_checksum = names(),
            "late_checksum" => self.late_checksum = names(),
            "late" => self.late = option.number()?,
            "no_checksum" => self.no_checksum = names(),
            _ => return Err(option.wrong()),
        }
        Ok(())
    }

    /// Whether it is one that this can be.
    fn check(&self) -> Result<(), String> {
        let days = if self.monthly { 31 } else { 1 };
        if self.shape.rows.saturating_mul(days) > MAX_ROWS
            || self.shape.size.is_some_and(|size| size > MAX_SIZE)
        {
            return Err(format!("a file has {MAX_ROWS} rows and {} at most", ByteSize(MAX_SIZE)));
        }
        if !(1..=100).contains(&self.shape.members) {
            return Err("a zip has 1 to 100 members".to_owned());
        }
        if self.symbols.iter().any(|symbol| symbol.is_empty() || symbol.contains('/')) {
            return Err("a symbol is a text without slashes".to_owned());
        }
        if self.from.year() < 2000 || self.to.year() > 2200 {
            return Err("the days lie between 2000 and 2200".to_owned());
        }
        let days = (self.to - self.from).num_days().max(0) as u64 + 1;
        let kinds = self.markets.len() * (self.intervals.len() + self.types.len()) * self.symbols.len();
        match kinds as u64 * days * 2 > MAX_FILES {
            true => Err(format!("an archive world has {MAX_FILES} files at most")),
            false => Ok(()),
        }
    }
}

/// The first `count` symbols.
fn symbols(count: u64) -> Vec<String> {
    let name = |n| SYMBOLS.get(n as usize).map_or_else(|| format!("C{n:05}USDT"), |name| (*name).to_owned());
    (0..count).map(name).collect()
}

const LAYOUTS: [(&str, Layout); 2] = [("binance", Layout::Binance), ("bybit", Layout::Bybit)];
const MARKETS: [(&str, Market); 3] = [("spot", Market::Spot), ("um", Market::Um), ("cm", Market::Cm)];
const TYPES: [(&str, DataType); 3] =
    [("klines", DataType::Klines), ("trades", DataType::Trades), ("aggTrades", DataType::AggTrades)];
const CHECKSUMS: [(&str, Checksums); 5] = [
    ("checksum", Checksums::Checksum),
    ("sha256", Checksums::Sha256),
    ("md5", Checksums::Md5),
    ("sums", Checksums::Sums),
    ("off", Checksums::Off),
];
const TAGS: [(&str, Tag); 3] = [("md5", Tag::Md5), ("multipart", Tag::Multipart), ("off", Tag::Off)];
const INDEXES: [(&str, Index); 5] = [
    ("apache", Index::Apache),
    ("apache_table", Index::ApacheTable),
    ("nginx", Index::Nginx),
    ("nginx_json", Index::NginxJson),
    ("python", Index::Python),
];

impl Market {
    /// Its folder.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::Um => "futures/um",
            Self::Cm => "futures/cm",
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Klines => "klines",
            Self::Trades => "trades",
            Self::AggTrades => "aggTrades",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worlds_are_read() {
        let world: ArchiveWorld =
            "bybit,symbols=3,from=2024-02-01,to=2024-02-02,size=1MB,etag=multipart,missing=403"
                .parse()
                .unwrap();
        assert_eq!((world.layout, world.symbols.len(), world.missing), (Layout::Bybit, 3, 403));
        assert_eq!((world.shape.size, world.etag), (Some(1_000_000), Tag::Multipart));
        let world: ArchiveWorld =
            "symbols=AUSDT+BUSDT,markets=spot+cm,types=trades,periods=daily".parse().unwrap();
        assert_eq!(
            (world.symbols.as_slice(), world.monthly),
            (["AUSDT".into(), "BUSDT".into()].as_slice(), false)
        );
        assert_eq!("default".parse::<ArchiveWorld>(), "".parse());
        for wrong in [
            "okx",
            "markets=moon",
            "rows=many",
            "missing=500",
            "intervals=7h",
            "members=0",
            "symbols=a/b",
            "symbols=5000,from=2020-01-01",
            "size=9GB",
            "speed=9",
        ] {
            assert!(wrong.parse::<ArchiveWorld>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_choose_by_parts_of_paths() {
        let world: ArchiveWorld = "gone=2024-01-03+ETH,no_checksum=all".parse().unwrap();
        assert!(world.gone.hit("a/BTCUSDT-2024-01-03.zip") && world.gone.hit("a/ETHUSDT"));
        assert!(!world.gone.hit("a/BTCUSDT-2024-01-04.zip") && world.no_checksum.hit("x"));
        assert!(!world.wrong_checksum.hit("x"));
    }
}
