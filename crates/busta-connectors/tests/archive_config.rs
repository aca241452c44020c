//! What an archive's configuration can get wrong, and what is said about it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::sync::Arc;
use std::time::Duration;

use busta_connectors::registry;
use busta_core::clock::SystemClock;
use busta_core::connector::SourceContext;
use busta_core::meter::NoMeter;
use serde_json::{Value, json};

fn problems(keys: Value) -> Vec<String> {
    let context = SourceContext {
        name: "klines".into(),
        base_dir: "/nowhere".into(),
        meter: Arc::new(NoMeter),
        clock: Arc::new(SystemClock),
        request_timeout: Duration::from_secs(30),
        readers: 8,
    };
    match (registry::source("archive").unwrap().build)(keys, context) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

/// What works, with some keys put over it.
fn keys(over: Value) -> Value {
    let mut keys = json!({
        "preset": "binance", "market": "spot", "data_type": "klines", "discover": {"type": "template"},
        "symbols": ["BTCUSDT"], "intervals": "1h", "from": "2024-01-01", "to": "2024-01-31",
    });
    for (key, value) in over.as_object().unwrap() {
        match value {
            Value::Null => keys.as_object_mut().unwrap().remove(key),
            value => keys.as_object_mut().unwrap().insert(key.clone(), value.clone()),
        };
    }
    keys
}

#[test]
fn what_works_has_no_problems() {
    assert_eq!(problems(keys(json!({}))), Vec::<String>::new());
    let listed =
        json!({"discover": {"type": "s3"}, "symbols": "*USDT", "intervals": null, "from": null, "to": null});
    assert_eq!(problems(keys(listed)), Vec::<String>::new());
    let own = json!({
        "layout": {
            "base_url": "https://data.example/exports",
            "checksum": "{path}.sha256",
            "data_types": [{
                "name": "readings",
                "daily": "{station}/{date:%Y}/{station}-{date:%Y%m%d}.csv.gz",
                "table": {
                    "columns": [{"name": "time", "type": "time"}, {"name": "value", "type": "number"}],
                    "primary_key": ["station", "time"], "time": "time",
                },
            }],
        },
        "values": {"station": ["north", "south"]}, "from": "2024-01-01",
    });
    assert_eq!(problems(own), Vec::<String>::new());
}

#[test]
fn each_mistake_is_told_with_what_there_is() {
    for (over, wanted) in [
        (json!({"preset": "binanse"}), "preset. knows no `binanse`; there are binance, "),
        (json!({"preset": null}), "preset. is missing; name one of binance"),
        (json!({"data_type": "candles"}), "data_type. knows no `candles`; there are"),
        (json!({"data_type": null}), "data_type. is missing; there are"),
        (json!({"market": null}), "market. is missing; `klines` is offered in futures/cm, futures/um, spot"),
        (json!({"market": "options"}), "market. `options` has no `klines`; it is offered in"),
        (json!({"symbols": null}), "symbols. has to name them all, where files are not listed"),
        (json!({"symbols": "BTC*"}), "symbols. has to name them all"),
        (json!({"intervals": null}), "intervals. has to name them all"),
        (json!({"from": null}), "from. is missing: the first day"),
        (json!({"from": "2024-02-01"}), "to. is before `from`"),
        (json!({"from": "01.02.2024"}), "`01.02.2024` is no day such as 2024-01-31"),
        (json!({"base_url": "ftp://x.example"}), "base_url. cannot be read by `ftp`"),
        (json!({"include": ["a[b"]}), "include.0."),
        (json!({"values": {"station": "north"}}), "values.station. stands in no path"),
        (json!({"write_mode": "replace"}), "write_mode. cannot be `replace`"),
        (json!({"ranges": {"max_concurrency": 0}}), "ranges.max_concurrency"),
        (json!({"headers": {"a b": "c"}}), "headers.a b. cannot be the name of a header"),
        (json!({"headers": {"Range": "bytes=0-"}}), "headers.range. is set by busta itself"),
        (json!({"simbols": "x"}), "unknown field `simbols`"),
    ] {
        let told = problems(keys(over.clone()));
        assert!(told.iter().any(|told| told.contains(wanted)), "{over}: {told:?}");
    }
}

#[test]
fn a_layout_must_make_sense() {
    let layout = |data_type: Value| {
        problems(json!({
            "layout": {"base_url": "https://x.example", "data_types": [data_type]}, "from": "2024-01-01",
            "symbols": ["a"],
        }))
    };
    for (data_type, wanted) in [
        (json!({"name": "t", "daily": "{symbol}.csv"}), "says no day"),
        (json!({"name": "t", "monthly": "{symbol}-{date}.csv"}), "says no month"),
        (json!({"name": "t", "files": "{symbol}-{date}.csv"}), "says a time"),
        (json!({"name": "t", "daily": "{symbol-{date}.csv"}), "the path"),
        (json!({"name": "t", "daily": "/{symbol}-{date}.csv"}), "must not begin with `/`"),
        (
            json!({"name": "files", "daily": "{symbol}-{date}.csv", "table": {"columns": [{"name": "a", "type": "text"}]}}),
            "cannot be called `files`",
        ),
        (
            json!({"name": "t", "daily": "{symbol}-{date}.csv", "table": {"columns": [{"name": "a", "type": "text"}], "primary_key": ["b"]}}),
            "`b` is neither a column",
        ),
    ] {
        let told = layout(data_type.clone());
        assert!(told.iter().any(|told| told.contains(wanted)), "{data_type}: {told:?}");
    }
}

#[test]
fn a_month_must_find_the_rows_of_its_days() {
    let keys = |period: Value, more: Value| {
        let mut keys = json!({
            "preset": "bybit", "market": "spot", "data_type": "trades", "discover": {"type": "template"},
            "symbols": ["BTCUSDT"], "from": "2024-01-01", "to": "2024-01-31", "period": period,
        });
        keys.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        keys
    };
    let found = problems(keys("auto".into(), json!({})));
    assert!(
        matches!(&found[..], [one] if one.starts_with("period") && one.contains("no primary key")),
        "{found:?}"
    );
    for (period, more) in [("daily", json!({})), ("monthly", json!({})), ("auto", json!({"convert": false}))]
    {
        assert_eq!(problems(keys(period.into(), more)), Vec::<String>::new(), "{period}");
    }
}

#[test]
fn members_are_chosen_by_what_their_names_say() {
    let keys = |member: &str| {
        json!({
            "layout": {
                "base_url": "https://data.example/kraken",
                "data_types": [{
                    "name": "ohlcvt",
                    "files": "Kraken_OHLCVT.zip",
                    "table": {
                        "member": member,
                        "columns": [{"name": "time", "type": "time"}, {"name": "open", "type": "number"}],
                        "primary_key": ["symbol", "interval", "time"], "time": "time",
                    },
                }],
            },
            "symbols": ["XBTUSD", "ETH*"], "intervals": "60",
        })
    };
    assert_eq!(problems(keys("{symbol}_{interval}.csv")), Vec::<String>::new());
    let found = problems(keys("{symbol}.csv"));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("intervals") && found[1].contains("primary_key[1]"), "{found:?}");
    let found = problems(keys("{symbol}_{interval}_{date}.csv"));
    assert!(
        found.iter().any(|problem| problem.contains("member") && problem.contains("says a time")),
        "{found:?}"
    );
}

#[test]
fn a_wrong_period_or_interval_is_one_problem() {
    let wrong =
        json!({"data_type": "fundingRate", "market": "futures/um", "period": "daily", "intervals": null});
    let found = problems(keys(wrong));
    assert!(found.len() == 1 && found[0].contains("comes in months only"), "{found:?}");
    let found = problems(keys(json!({"intervals": ["1h", "1M"]})));
    assert!(found.len() == 1 && found[0].contains("`1M`") && found[0].contains("1mo"), "{found:?}");
    let globs = json!({"discover": {"type": "s3"}, "intervals": ["1*"]});
    assert_eq!(problems(keys(globs)), Vec::<String>::new());
}
