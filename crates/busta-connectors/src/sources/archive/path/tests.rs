use proptest::prelude::*;

use super::*;
use crate::sources::archive::period::Month;

const KLINES: &str = "data/{market}/daily/klines/{symbol}/{interval}/{symbol}-{interval}-{date}.zip";

fn pattern(text: &str) -> PathPattern {
    PathPattern::parse(text).unwrap()
}

fn captured(text: &str, path: &str) -> Option<String> {
    let captured = pattern(text).matches(path)?;
    let values = captured.values.iter().map(|(name, value)| format!("{name}={value}"));
    let period = captured.period.map(|period| period.to_string());
    Some(values.chain(period).collect::<Vec<_>>().join(" "))
}

fn value(name: &str) -> Option<String> {
    let known = [("market", "futures/um"), ("symbol", "BTCUSDT"), ("interval", "1mo"), ("year", "2023")];
    known.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

#[test]
fn paths_are_made_from_values() {
    let day = Some("2024-01-05".parse().unwrap());
    let month = Some("2024-01".parse().unwrap());
    for (text, period, path) in [
        (KLINES, day, Some("data/futures/um/daily/klines/BTCUSDT/1mo/BTCUSDT-1mo-2024-01-05.zip")),
        (KLINES, month, None),
        (KLINES, None, None),
        ("{symbol}-{month}.zip", month, Some("BTCUSDT-2024-01.zip")),
        ("{month}/{symbol}-{date}.zip", day, Some("2024-01/BTCUSDT-2024-01-05.zip")),
        ("{year}/{symbol}.zip", month, Some("2024/BTCUSDT.zip")),
        ("{year}/{symbol}.zip", None, Some("2023/BTCUSDT.zip")),
        ("{symbol}{date:%Y%m%d}.gz", day, Some("BTCUSDT20240105.gz")),
        ("{date:%Y/%b/%j}_{date:%y%m%d%%}", day, Some("2024/Jan/005_240105%")),
        ("{date:%F}.{date:%B}", day, Some("2024-01-05.January")),
        ("{missing}/x", day, None),
        ("all.zip", None, Some("all.zip")),
    ] {
        assert_eq!(pattern(text).expand(value, period).as_deref(), path, "{text}");
    }
}

#[test]
fn paths_give_their_values() {
    for (text, path, found) in [
        (
            KLINES,
            "data/futures/um/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01-31.zip",
            Some("interval=1m market=futures/um symbol=BTCUSDT 2024-01-31"),
        ),
        // A value that stands twice is the same in both places.
        (KLINES, "data/spot/daily/klines/BTCUSDT/1m/ETHUSDT-1m-2024-01-31.zip", None),
        (KLINES, "data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1h-2024-01-31.zip", None),
        // There is no such day.
        (KLINES, "data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-02-30.zip", None),
        (KLINES, "data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01-31.zip.CHECKSUM", None),
        (
            "{symbol}-{interval}-{month}.zip",
            "BTC-USD-1d-2024-01.zip",
            Some("interval=1d symbol=BTC-USD 2024-01"),
        ),
        ("{symbol}{date}.csv.gz", "BTCUSDT2024-01-05.csv.gz", Some("symbol=BTCUSDT 2024-01-05")),
        ("{symbol}{date:%Y%m%d}", "BTC220240105", Some("symbol=BTC2 2024-01-05")),
        ("{date:%Y}/{date:%m}/{date}.csv", "2024/01/2024-01-05.csv", Some("2024-01-05")),
        ("{date:%Y}/{date:%m}/{date}.csv", "2024/02/2024-01-05.csv", None),
        ("{date:%y%j}", "24366", Some("2024-12-31")),
        ("{date:%y%j}", "23366", None),
        ("{date:%d%b%Y}", "05May2024", Some("2024-05-05")),
        ("{date:%B-%Y}", "May-2024", Some("2024-05")),
        ("{year}/{x}.zip", "2024/all.zip", Some("x=all year=2024")),
        ("{x}.zip", "a/b.zip", None),
        ("{x}.zip", ".zip", None),
        ("{x}/{market}/{market}/y", "a/b/c/b/c/y", Some("market=b/c x=a")),
        ("{market}/{x}", "a/b/c", Some("market=a/b x=c")),
        ("{x}/y", "../y", None),
        ("{market}/y", "a/../y", None),
        ("{symbol}-{interval}", "BTC-1-d", Some("interval=d symbol=BTC-1")),
        ("é{x}ü", "é日本ü", Some("x=日本")),
    ] {
        assert_eq!(captured(text, path).as_deref(), found, "{text} {path}");
    }
}

#[test]
fn folders_lead_to_a_series_and_to_ever_shorter_times_of_it() {
    let is = |text: &str| {
        let pattern = pattern(text);
        (pattern.narrows(|name| name == "interval"), pattern.has_dated_folders())
    };
    for (text, narrows, has_dated_folders) in [
        ("{symbol}/{interval}/{symbol}-{interval}-{date}.zip", true, false),
        ("{symbol}/{symbol}-{interval}-{date}.zip", true, false),
        ("daily/{symbol}-{date}.zip", false, false),
        ("{symbol}/{date:%Y}/{date:%m}/{date:%d}.zip", true, true),
        ("{symbol}/{date:%Y/%j}/{interval}.zip", true, true),
        ("{symbol}/{date:%Y}/{interval}/{date}.zip", true, true),
        // A symbol that is in no folder of a year is not known there.
        ("{date:%Y}/{symbol}/{date}.zip", false, true),
        ("{symbol}-{date:%Y}/{date}.zip", false, true),
        // January of any year is no time.
        ("{symbol}/{date:%m}/{date:%Y}/{date}.zip", false, true),
        ("{date}.zip", true, false),
    ] {
        assert_eq!(is(text), (narrows, has_dated_folders), "{text}");
    }
}

#[test]
fn folders_say_what_they_hold_so_far() {
    let folder = |text: &str, folder: &str| {
        let captured = pattern(text).matches_folder(folder)?;
        let values = captured.values.iter().map(|(name, value)| format!("{name}={value}"));
        Some(values.chain(captured.period.map(|period| period.to_string())).collect::<Vec<_>>().join(" "))
    };
    for (text, path, found) in [
        (KLINES, "data/", Some("")),
        (KLINES, "data/spot/", Some("market=spot")),
        (KLINES, "data/futures/um/daily/klines/", Some("market=futures/um")),
        (KLINES, "data/spot/daily/klines/BTC/1m/", Some("interval=1m market=spot symbol=BTC")),
        ("{symbol}/{interval}/{date}.zip", "BTC/1-m/", None),
        ("{symbol}/{interval}/{date}.zip", "BTC/1m/more/", None),
        (KLINES, "other/", None),
        (KLINES, "dat/", None),
        (KLINES, "data", None),
        (KLINES, "", Some("")),
        ("{date:%Y}/{date:%m}/{date}.csv", "2024/", Some("year=2024")),
        ("{date:%Y}/{date:%m}/{date}.csv", "2024/02/", Some("2024-02")),
        ("{date:%Y}/{date:%m}/{date}.csv", "2024/13/", None),
        ("{date:%Y}/{date:%m}/{date}.csv", "2024/02/01/", None),
        ("{x}/{market}/{market}/y", "a/b/b/", Some("market=b x=a")),
        ("all.zip", "all.zip/", None),
    ] {
        assert_eq!(folder(text, path).as_deref(), found, "{text} {path}");
    }
}

#[test]
fn values_that_are_put_in_narrow_a_pattern() {
    let narrow = pattern(KLINES).with(|name| value(name).filter(|_| name != "interval"));
    assert_eq!(narrow.values().collect::<Vec<_>>(), ["interval"]);
    assert_eq!(narrow.prefix(|_| None), "data/futures/um/daily/klines/BTCUSDT/");
    let path = "data/futures/um/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-01-05.zip";
    let captured = narrow.matches(path).unwrap();
    assert_eq!(captured, pattern(KLINES).matches(path).unwrap());
    assert_eq!(captured.values["symbol"], "BTCUSDT");
    assert_eq!(narrow.matches(&path.replace("BTC", "ETH")), None);
    assert_eq!(narrow.expand(|_| Some("1h".to_owned()), captured.period).as_deref(), Some(path));
    assert_eq!(narrow.to_string(), KLINES);
}

#[test]
fn a_pattern_says_what_to_list() {
    assert_eq!(pattern(KLINES).prefix(value), "data/futures/um/daily/klines/BTCUSDT/1mo/BTCUSDT-1mo-2023-");
    assert_eq!(pattern(KLINES).prefix(|_| None), "data/");
    assert_eq!(pattern("{year}/{month}").prefix(value), "2023/2023-");
    assert_eq!(pattern(KLINES).values().collect::<Vec<_>>(), ["market", "symbol", "interval"]);
    assert_eq!(pattern(KLINES).to_string(), KLINES);
}

#[test]
fn a_pattern_says_how_much_of_the_period_it_holds() {
    assert_eq!(pattern(KLINES).grain(), Some(Grain::Day));
    assert_eq!(pattern("{date:%Y%m}/{x}").grain(), Some(Grain::Month));
    assert_eq!(pattern("{year}/{x}").grain(), Some(Grain::Year));
    assert_eq!(pattern("{x}").grain(), None);
}

#[test]
fn patterns_that_cannot_work_are_refused() {
    for (text, why) in [
        ("{symbol", "partner at `{symbol`"),
        ("symbol}", "partner at `}`"),
        ("a/{}", "no name"),
        ("{Symbol}", "no name"),
        ("{symbol:%Y}", "only `date`, `month` and `year`"),
        ("{date:%H}", "`%H` in a date"),
        ("{date:%}", "`%` in a date"),
        ("{date:%é}", "`%é` in a date"),
        ("{date:}", "no part such as %Y"),
        ("{date:%d}", "not the year"),
        ("{date:%m}", "not the year"),
        ("{date:%Y%d}", "not the month"),
        ("/data/{symbol}", "`base_url`"),
        ("", "name a file"),
        ("a//b", "empty folder"),
        ("{symbol}/", "name a file"),
        ("../{symbol}", "`..`"),
    ] {
        let error = PathPattern::parse(text).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
    assert!(PathPattern::parse(&"{a}-".repeat(40)).unwrap_err().contains("64 pieces"));
}

#[test]
fn the_worst_pattern_takes_bounded_work() {
    let many = pattern("{a}-{b}-{c}-{d}-{e}-{f}-{g}-{h}-{a}{b}{c}{d}x");
    assert_eq!(many.matches(&"-a".repeat(500)), None);
}

fn periods() -> impl Strategy<Value = Period> {
    (1990..2090i32, 1..=12u32, 1..=28u32, any::<bool>()).prop_map(|(year, month, day, is_month)| {
        let date = chrono::NaiveDate::from_ymd_opt(year, month, day).unwrap();
        if is_month { Period::Month(Month::of(date)) } else { Period::Day(date) }
    })
}

/// Patterns whose values stand in folders of their own, so that their paths can be read in one way only.
fn clear_patterns() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{symbol}".to_owned()),
        Just("{interval}".to_owned()),
        Just("{other}".to_owned()),
        "[a-z]{1,5}",
    ];
    let last =
        prop_oneof![Just("{date}"), Just("{month}"), Just("{date:%Y%m%d}"), Just("{date:%d%b%Y}"), Just("x")];
    (proptest::collection::vec(piece, 1..5), last)
        .prop_map(|(folders, last)| format!("{}/{{symbol}}-{last}.zip", folders.join("/")))
}

proptest! {
    #[test]
    fn expand_then_match_gives_the_same_values(
        text in clear_patterns(),
        symbol in "[A-Za-z0-9_.é]{0,8}[A-Z]",
        interval in "[0-9]{1,2}[a-z]{1,2}",
        other in "[^/\\\\.]{1,9}",
        period in periods(),
    ) {
        let pattern = pattern(&text);
        let value = |name: &str| match name {
            "symbol" => Some(symbol.clone()),
            "interval" => Some(interval.clone()),
            "other" => Some(other.clone()),
            _ => None,
        };
        let Some(path) = pattern.expand(value, Some(period)) else {
            prop_assert_eq!((pattern.grain(), matches!(period, Period::Month(_))), (Some(Grain::Day), true));
            return Ok(());
        };
        prop_assert!(path.starts_with(&pattern.prefix(value)));
        for (slash, _) in path.match_indices('/') {
            prop_assert!(pattern.matches_folder(&path[..=slash]).is_some(), "{}", &path[..=slash]);
        }
        let captured = pattern.matches(&path).unwrap();
        prop_assert_eq!(&pattern.with(value).matches(&path).unwrap(), &captured);
        for name in pattern.values() {
            prop_assert_eq!(captured.values.get(name).cloned(), value(name), "{}", name);
        }
        let expected = pattern.grain().map(|grain| match grain {
            Grain::Day => period,
            _ => Period::Month(Month::of(period.start())),
        });
        prop_assert_eq!(captured.period, expected);
    }

    #[test]
    fn what_matches_expands_to_the_same_path(text in "(\\{(symbol|date|month|market|interval|date:%Y%m%d|x)\\}|[a-z/-]){1,8}", path in "[a-z0-9/-]{0,30}") {
        let Ok(pattern) = PathPattern::parse(&text) else { return Ok(()) };
        if let Some(captured) = pattern.matches(&path) {
            let made = pattern.expand(|name| captured.values.get(name).cloned(), captured.period);
            prop_assert_eq!(made, Some(path));
        }
    }

    #[test]
    fn any_text_is_a_pattern_or_refused(text in "(\\{|\\}|%|:|date|/|\\PC){0,20}", path in "\\PC{0,40}") {
        if let Ok(pattern) = PathPattern::parse(&text) {
            let _ = (pattern.matches(&path), pattern.matches_folder(&path));
            let _ = pattern.prefix(|_| None);
        }
    }
}
