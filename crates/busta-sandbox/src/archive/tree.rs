//! The tree of a world: which files there are, under which paths.

use std::fmt;
use std::ops::Range;

use chrono::{Datelike as _, Days, Months, NaiveDate};

use super::interval::Interval;
use super::world::{ArchiveWorld, Checksums, DataType, Layout, Market};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) layout: Layout,
    pub(super) market: Market,
    pub(super) kind: DataType,
    /// Its place among the symbols of the world.
    pub(super) symbol: usize,
    /// Of klines.
    pub(super) interval: Interval,
    pub(super) period: Period,
}

/// The time that a file covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Period {
    Day(NaiveDate),
    /// By its first day.
    Month(NaiveDate),
}

impl Period {
    /// Its first day.
    pub(super) fn start(self) -> NaiveDate {
        match self {
            Self::Day(day) | Self::Month(day) => day,
        }
    }

    /// The first day behind it.
    pub(super) fn end(self) -> NaiveDate {
        match self {
            Self::Day(day) => day + Days::new(1),
            Self::Month(day) => day + Months::new(1),
        }
    }

    pub(super) fn days(self) -> u64 {
        (self.end() - self.start()).num_days().unsigned_abs()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => write!(f, "{day}"),
            Self::Month(day) => write!(f, "{}", day.format("%Y-%m")),
        }
    }
}

/// What lies under a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Data(File),
    /// The checksum of the file of this path.
    Side(String),
    /// The checksums of the files of this folder.
    Sums(String),
}

/// All paths in the order of their bytes, as S3 lists them.
#[derive(Debug, Default)]
pub(super) struct Tree {
    entries: Vec<(String, Entry)>,
}

impl Tree {
    /// The tree of a world whose last day is `more` days later than it says.
    pub(super) fn new(world: &ArchiveWorld, more: u64) -> Self {
        let mut tree = Self::default();
        let to = world.to + Days::new(more);
        for (symbol, name) in world.symbols.iter().enumerate() {
            match world.layout {
                Layout::Binance => tree.binance(world, symbol, name, to),
                Layout::Bybit => {
                    let path = |period: Period| format!("trading/{name}/{name}{period}.csv.gz");
                    let file = |period| File {
                        layout: Layout::Bybit,
                        market: Market::Um,
                        kind: DataType::Trades,
                        symbol,
                        interval: Interval::HOUR,
                        period,
                    };
                    tree.add(world, days(world.from, to).map(|period| (path(period), file(period))));
                }
            }
        }
        tree.entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        tree.entries.dedup_by(|a, b| a.0 == b.0);
        tree
    }

    fn binance(&mut self, world: &ArchiveWorld, symbol: usize, name: &str, to: NaiveDate) {
        for &market in &world.markets {
            for &kind in &world.types {
                let intervals = match kind {
                    DataType::Klines => world.intervals.as_slice(),
                    DataType::Trades | DataType::AggTrades => &[Interval::HOUR],
                };
                for &interval in intervals {
                    let file = |period| File { layout: world.layout, market, kind, symbol, interval, period };
                    let path = |period: Period| {
                        let word = if matches!(period, Period::Day(_)) { "daily" } else { "monthly" };
                        let market = market.path();
                        match kind {
                            DataType::Klines => format!(
                                "data/{market}/{word}/klines/{name}/{interval}/{name}-{interval}-{period}.zip"
                            ),
                            _ => format!("data/{market}/{word}/{kind}/{name}/{name}-{kind}-{period}.zip"),
                        }
                    };
                    if world.daily {
                        self.add(world, days(world.from, to).map(|period| (path(period), file(period))));
                    }
                    if world.monthly && (kind != DataType::Klines || interval.has_months()) {
                        self.add(world, months(world.from, to).map(|period| (path(period), file(period))));
                    }
                }
            }
        }
    }

    /// Adds files with what vouches for them.
    fn add(&mut self, world: &ArchiveWorld, files: impl Iterator<Item = (String, File)>) {
        let files = files.map(|(path, file)| (placed(world, path, file.period), file));
        for (path, file) in files.filter(|(path, _)| !world.gone.hit(path)) {
            let folder = &path[..path.rfind('/').map_or(0, |at| at + 1)];
            let side = match world.checksums {
                Checksums::Checksum => Some((format!("{path}.CHECKSUM"), Entry::Side(path.clone()))),
                Checksums::Sha256 => Some((format!("{path}.sha256"), Entry::Side(path.clone()))),
                Checksums::Md5 => Some((format!("{path}.md5"), Entry::Side(path.clone()))),
                Checksums::Sums => Some((format!("{folder}SHA256SUMS"), Entry::Sums(folder.to_owned()))),
                Checksums::Off => None,
            };
            self.entries.extend(side.filter(|(side, _)| !world.no_checksum.hit(side)));
            self.entries.push((path, Entry::Data(file)));
        }
    }

    pub(super) fn get(&self, path: &str) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|(key, _)| key.as_str().cmp(path)).ok()?;
        self.entries.get(at).map(|(_, entry)| entry)
    }

    /// All entries whose paths begin so.
    pub(super) fn under(&self, prefix: &str) -> &[(String, Entry)] {
        let start = self.entries.partition_point(|(key, _)| key.as_str() < prefix);
        let behind = &self.entries[start..];
        &behind[..behind.partition_point(|(key, _)| key.starts_with(prefix))]
    }
}

/// A path in the folders of a world.
fn placed(world: &ArchiveWorld, path: String, period: Period) -> String {
    match (period, path.rsplit_once('/')) {
        (Period::Day(day), Some((folder, name))) if world.dated => {
            format!("{folder}/{}/{name}", day.format("%Y/%m"))
        }
        _ => path,
    }
}

fn days(from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = Period> {
    from.iter_days().take_while(move |day| *day <= to).map(Period::Day)
}

/// The months that lie between two days as a whole.
fn months(from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = Period> {
    let first = from.with_day(1).unwrap_or(from);
    let months = (0..).map(move |n| Period::Month(first + Months::new(n)));
    months
        .skip_while(move |month| month.start() < from)
        .take_while(move |month| month.end() <= to + Days::new(1))
}

/// The whole seconds of a period, in Unix time.
pub(super) fn seconds(period: Period) -> Range<i64> {
    let at = |day: NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
    at(period.start())..at(period.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(world: &str) -> Tree {
        Tree::new(&world.parse().unwrap(), 0)
    }

    fn paths(tree: &Tree) -> Vec<&str> {
        tree.under("").iter().map(|(path, _)| path.as_str()).collect()
    }

    #[test]
    fn the_paths_are_those_of_the_exchanges() {
        let one = tree(
            "symbols=BTCUSDT,markets=um,types=klines+trades,from=2024-02-28,to=2024-03-31,checksums=off",
        );
        assert_eq!(one.under("data/futures/um/daily/").len(), 2 * 33);
        assert_eq!(
            paths(&one).into_iter().filter(|path| path.contains("monthly")).collect::<Vec<_>>(),
            [
                "data/futures/um/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-03.zip",
                "data/futures/um/monthly/trades/BTCUSDT/BTCUSDT-trades-2024-03.zip",
            ]
        );
        let day = "data/futures/um/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-02-29.zip";
        assert!(matches!(one.get(day), Some(Entry::Data(file)) if file.period.days() == 1));
        let two = tree("bybit,symbols=BTCUSDT,from=2024-02-28,to=2024-02-29");
        assert_eq!(
            paths(&two),
            ["trading/BTCUSDT/BTCUSDT2024-02-28.csv.gz", "trading/BTCUSDT/BTCUSDT2024-02-29.csv.gz"]
        );
    }

    #[test]
    fn side_files_lie_beside_their_files() {
        let short = "symbols=1,markets=spot,types=klines,periods=daily,from=2024-01-01,to=2024-01-03";
        assert_eq!(tree(short).under("").len(), 6);
        assert_eq!(tree(&format!("{short},checksums=sums")).under("").len(), 4);
        let holes = tree(&format!("{short},gone=01-02,no_checksum=01-03"));
        let paths = paths(&holes);
        assert_eq!(paths.len(), 3);
        assert!(paths[1].ends_with("2024-01-01.zip.CHECKSUM") && paths[2].ends_with("2024-01-03.zip"));
        assert_eq!(Tree::new(&short.parse().unwrap(), 2).under("").len(), 10);
    }

    #[test]
    fn months_are_whole() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let list = |from, to| months(day(from), day(to)).map(|m| m.to_string()).collect::<Vec<_>>();
        assert_eq!(list("2023-12-01", "2024-02-29"), ["2023-12", "2024-01", "2024-02"]);
        assert_eq!(list("2023-12-02", "2024-02-28"), ["2024-01"]);
        assert!(list("2024-01-02", "2024-01-31").is_empty());
    }
}
