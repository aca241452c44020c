//! Every preset is read, and every kind of file it knows becomes records.

use std::collections::HashSet;
use std::io::Write;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::check::problems;
use super::super::layout::DataType;
use super::super::rows::{RowsEnd, RowsFile};
use super::*;

fn layout(name: &str) -> Layout {
    let (_, text) = PRESETS.iter().find(|(known, _)| *known == name).unwrap();
    parse(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The words in braces.
fn values(pattern: &str) -> Vec<&str> {
    pattern.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect()
}

#[test]
fn presets_make_sense() {
    for name in presets() {
        let layout = layout(name);
        assert!(preset(name).is_some() && layout.base_url.is_some(), "{name}");
        let mut known = HashSet::new();
        for data_type in &layout.data_types {
            let what = format!("{name}: {} of {:?}", data_type.name, data_type.markets);
            for market in data_type.markets.iter().map(String::as_str).chain(["*"]) {
                assert!(market == "*" || known.insert((data_type.name.clone(), market.to_owned())), "{what}");
            }
            check_paths(data_type, &what);
        }
    }
    assert!(preset("mtgox").is_none());
}

fn check_paths(data_type: &DataType, what: &str) {
    let paths = [&data_type.daily, &data_type.monthly, &data_type.files];
    let paths: Vec<&str> = paths.into_iter().flatten().map(String::as_str).collect();
    assert!(!paths.is_empty(), "{what} has no path");
    for path in &paths {
        for value in values(path) {
            let plain = value.split(':').next().unwrap();
            assert!(["market", "symbol", "interval", "date", "month"].contains(&plain), "{what}: {value}");
        }
    }
    let has = |path: &Option<String>, value: &str| {
        path.as_ref().is_none_or(|path| values(path).iter().any(|known| known.starts_with(value)))
    };
    assert!(has(&data_type.daily, "date") && has(&data_type.monthly, "month"), "{what}");
    let told: HashSet<&str> = paths.iter().flat_map(|path| values(path)).collect();
    let table = data_type.table.as_ref().unwrap();
    assert_eq!(problems(table, &told), [], "{what}");
}

/// The first record of `text`, the number of records, and that of failures.
fn read(data_type: &DataType, about: &Value, text: &str) -> (Value, u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.csv");
    std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
    let table = Arc::new(data_type.table.clone().unwrap());
    let about: Map<String, Value> = about.as_object().unwrap().clone();
    let mut file = RowsFile::open(&path, &table, &about, "file.csv", None).unwrap();
    let batch = file.read(1 << 20).unwrap();
    let RowsEnd::Done(quality) = batch.end else { panic!("it is small") };
    let first = serde_json::from_slice(batch.records.get(0)).unwrap();
    (first, quality.rows, quality.failed_rows)
}

struct Case {
    preset: &'static str,
    name: &'static str,
    market: &'static str,
    text: &'static str,
    /// Fields of the first record; `null` if the record must have them so.
    expected: Value,
    rows: u64,
}

#[test]
fn every_kind_of_file_becomes_records() {
    let cases = cases();
    for Case { preset, name, market, text, expected, rows } in &cases {
        let what = format!("{preset} {name} {market}");
        let layout = layout(preset);
        let data_type = layout
            .data_types
            .iter()
            .find(|known| {
                known.name == *name && (known.markets.is_empty() || known.markets.iter().any(|m| m == market))
            })
            .unwrap_or_else(|| panic!("no {what}"));
        let about = json!({"symbol": "BTCUSDT", "interval": "1m"});
        let (first, read, failed) = read(data_type, &about, text);
        assert_eq!((read, failed), (*rows, 0), "{what}");
        for (field, value) in expected.as_object().unwrap() {
            // What a file writes as a whole number may be a double.
            let same = first[field] == *value
                || first[field].as_f64().is_some_and(|number| value.as_f64() == Some(number));
            assert!(same, "{what}: {field} of {first}");
        }
        let table = data_type.table.as_ref().unwrap();
        let kept = table.columns.iter().filter(|column| !column.skip);
        for column in kept {
            assert!(first.get(&column.name).is_some(), "{what}: no {} in {first}", column.name);
        }
    }
    for preset in presets() {
        for data_type in &layout(preset).data_types {
            let is_tried = cases.iter().any(|case| {
                case.preset == preset
                    && case.name == data_type.name
                    && (data_type.markets.is_empty() || data_type.markets.iter().any(|m| m == case.market))
            });
            assert!(is_tried, "no file of {preset} {} {:?}", data_type.name, data_type.markets);
        }
    }
}

const KLINES_HEADER: &str = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n";

/// One file of each kind, in the form in which the exchange writes it.
#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let headed = |rows: &str| -> &'static str { Box::leak(format!("{KLINES_HEADER}{rows}").into_boxed_str()) };
    let case = |preset, name, market, text, expected, rows| Case { preset, name, market, text, expected, rows };
    vec![
        case("binance", "klines", "spot",
            "1601510340000,4.15070000,4.15870000,4.15060000,4.15540000,539.23000000,1601510399999,2240.39860900,13,401.82000000,1669.98121300,0\n",
            json!({"symbol": "BTCUSDT", "interval": "1m", "open_time": "2020-09-30T23:59:00.000000Z",
                "close_time": "2020-09-30T23:59:59.999000Z", "open": 4.1507, "count": 13, "quote_volume": 2240.398609}), 1),
        case("binance", "klines", "spot",
            "1735689600000000,93576.00,93610.93,93537.50,93610.93,8.21827,1735689659999999,768978.33,2631,3.95157,369757.32,0\n",
            json!({"open_time": "2025-01-01T00:00:00.000000Z", "close_time": "2025-01-01T00:00:59.999999Z"}), 1),
        case("binance", "klines", "futures/um",
            headed("1704067200000,42314.00,42335.80,42289.60,42331.90,289.641,1704067259999,12256155.27,3310,175.211,7414459.09,0\n"),
            json!({"open_time": "2024-01-01T00:00:00.000000Z", "taker_buy_quote_volume": 7414459.09}), 1),
        case("binance", "klines", "futures/cm",
            headed("1767225600000,87500.7,87505.0,87483.8,87504.9,3192,1767225659999,3.64848660,135,1764,2.01632785,0\n"),
            json!({"open_time": "2026-01-01T00:00:00.000000Z", "volume": 3192, "base_volume": 3.6484866,
                "taker_buy_base_volume": 2.01632785, "quote_volume": null}), 1),
        case("binance", "indexPriceKlines", "futures/cm",
            headed("1704067200000,42300.1,42320.5,42290.0,42310.9,0,1704067259999,0,60,0,0,0\n"),
            json!({"close": 42310.9, "count": 60, "volume": null}), 1),
        case("binance", "markPriceKlines", "futures/um",
            headed("1706745600000,101.25,102,100,101.5,0,1706745659999,0,60,0,0,0\n"),
            json!({"open": 101.25, "high": 102}), 1),
        case("binance", "premiumIndexKlines", "futures/um",
            headed("1704067200000,-0.00012345,0.00002000,-0.00020000,0,0,1704067259999,0,12,0,0,0\n"),
            json!({"open": -0.00012345}), 1),
        case("binance", "trades", "spot", "51175358,17.80180000,5.69000000,101.29224200,1583709433583,True,True\n",
            json!({"id": 51175358, "quote_qty": 101.292242, "time": "2020-03-08T23:17:13.583000Z",
                "is_buyer_maker": true, "is_best_match": true}), 1),
        case("binance", "trades", "futures/um", "id,price,qty,quote_qty,time,is_buyer_maker\n1,50000.5,0.010,500.005,1687392000123,false\n",
            json!({"id": 1, "is_buyer_maker": false}), 1),
        case("binance", "trades", "futures/cm", "id,price,qty,base_qty,time,is_buyer_maker\n5,9640.7,206,2.13660389,1591258320123,true\n",
            json!({"base_qty": 2.13660389}), 1),
        case("binance", "aggTrades", "spot", "0,0.20000000,50.00000000,0,0,1608872400000,False,True\n",
            json!({"agg_trade_id": 0, "is_buyer_maker": false, "is_best_match": true, "transact_time": "2020-12-25T05:00:00.000000Z"}), 1),
        case("binance", "aggTrades", "futures/um", "26129,0.01633102,4.70443515,27781,27781,1598793709153,true\n",
            json!({"first_trade_id": 27781}), 1),
        case("binance", "bookTicker", "futures/um",
            "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n1,27077.3,19.35,27077.4,8.6,1684237787209,1684237787214\n",
            json!({"update_id": 1, "event_time": "2023-05-16T11:49:47.214000Z"}), 1),
        case("binance", "bookDepth", "futures/um",
            "timestamp,percentage,depth,notional\n2026-04-01 00:00:08,-5.00,8003.53600000,533657412.37580000\n2026-04-01 00:00:08,-4,1,2\n",
            json!({"timestamp": "2026-04-01T00:00:08.000000Z", "percentage": -5.0}), 2),
        case("binance", "metrics", "futures/cm",
            "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio\n2023-06-25 00:00:00,BTCUSD_PERP,5578700.00000000,18265.00911826,\"\",\"\",\"\",0.98\n",
            json!({"create_time": "2023-06-25T00:00:00.000000Z", "symbol": "BTCUSD_PERP",
                "count_long_short_ratio": null, "sum_taker_long_short_vol_ratio": 0.98}), 1),
        case("binance", "fundingRate", "futures/um", "calc_time,funding_interval_hours,last_funding_rate\n1709251200001,8,0.00010000\n",
            json!({"calc_time": "2024-03-01T00:00:00.001000Z", "funding_interval_hours": 8}), 1),
        case("binance", "liquidationSnapshot", "futures/cm",
            "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,last_fill_quantity,accumulated_fill_quantity\n1709598391022,SELL,LIMIT,IOC,1,67934.2,68203.4,FILLED,1,1\n1709598391022,SELL,LIMIT,IOC,1,67934.2,68203.4,FILLED,1,1\n",
            json!({"time": "2024-03-05T00:26:31.022000Z", "side": "SELL"}), 2),
        case("binance", "BVOLIndex", "option", "calc_time,symbol,base_asset,quote_asset,index_value\n1790812800001,BTCBVOLUSDT,BTCBVOL,USDT,37.2172\n",
            json!({"symbol": "BTCBVOLUSDT", "index_value": 37.2172}), 1),
        case("binance", "EOHSummary", "option",
            "date,hour,symbol,underlying,type,strike,open,high,low,close,volume_contracts,volume_usdt,best_bid_price,best_ask_price,best_bid_qty,best_ask_qty,best_buy_iv,best_sell_iv,mark_price,mark_iv,delta,gamma,vega,theta,openinterest_contracts,openinterest_usdt\n2023-10-23,7,BTC-231027-33000-C,BTCUSDT,C,231027-33000,,,,,0,0,45,60,1.2,3,,0.6,50.5,0.55,0.1,0.00012,5.3,-30.1,12.5,385000\n",
            json!({"date": "2023-10-23", "hour": 7, "symbol": "BTC-231027-33000-C", "open": null, "theta": -30.1}), 1),
        case("bybit", "trades", "derivatives",
            "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional\n1692748800.279,BTCUSD,Sell,641,26027.00,ZeroMinusTick,80253109-efbb-58ca-9adc-d458b66201e9,2.462827064202559e+06,641,0.02462827064202559\n",
            json!({"timestamp": "2023-08-23T00:00:00.279000Z", "symbol": "BTCUSD", "grossValue": 2462827.064202559, "RPI": null}), 1),
        case("bybit", "trades", "derivatives",
            "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional,RPI\n1777593600.1,SOLUSDT,Buy,2,100,x,a,0,0,0,0\n",
            json!({"timestamp": "2026-05-01T00:00:00.100000Z", "RPI": 0}), 1),
        case("bybit", "trades", "spot", "id,timestamp,price,volume,side,rpi\n1,1747612800074,106453.8,0.003718,sell,0\n",
            json!({"timestamp": "2025-05-19T00:00:00.074000Z", "rpi": 0}), 1),
        case("bybit", "trades", "spot", "id,timestamp,price,volume,side\n1,1696118403019,26965.24,0.000055,buy\n",
            json!({"price": 26965.24, "rpi": null}), 1),
        case("bitmex", "trade", "",
            "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional\n2018-12-05D00:00:04.778522000,XBTUSD,Buy,100,3900.5,PlusTick,0a,2563700,0.025637,100\n",
            json!({"timestamp": "2018-12-05T00:00:04.778522Z", "symbol": "XBTUSD", "trdType": null}), 1),
        case("bitmex", "quote", "",
            "timestamp,symbol,bidSize,bidPrice,askPrice,askSize\n2019-04-19D00:00:05.759343000,ADAM19,159977,1.58e-05,1.581e-05,185957\n",
            json!({"timestamp": "2019-04-19T00:00:05.759343Z", "symbol": "ADAM19", "bidPrice": 1.58e-5}), 1),
        case("gateio", "deals", "spot", "1690848000.123456,6039421987,29232.5,0.0125,1\n1690848001,6039421988,29232.6,0.5,2\n",
            json!({"symbol": "BTCUSDT", "timestamp": "2023-08-01T00:00:00.123456Z", "id": 6_039_421_987_i64, "side": 1}), 2),
        case("gateio", "trades", "futures_usdt", "1690848000.5,213456789,29230.1,-25\n",
            json!({"timestamp": "2023-08-01T00:00:00.500000Z", "price": 29230.1, "size": -25}), 1),
        case("gateio", "candlesticks", "futures_btc", "1690848000,1200,29231,29240.5,29220,29225.5\n",
            json!({"interval": "1m", "volume": 1200, "close": 29231, "high": 29240.5, "low": 29220, "open": 29225.5}), 1),
        case("gateio", "funding_applies", "futures_usdt", "1690848000,0.0001\n",
            json!({"timestamp": "2023-08-01T00:00:00.000000Z", "rate": 0.0001}), 1),
        case("okx", "trades", "", "instrument_name,trade_id,side,price,size,created_time\nBTC-USDT-SWAP,720073478,buy,42897.9,8.0,1705248000179\n",
            json!({"instrument_name": "BTC-USDT-SWAP", "created_time": "2024-01-14T16:00:00.179000Z", "source": null}), 1),
        case("okx", "candlesticks", "", "instrument_name,open,high,low,close,vol,vol_ccy,vol_quote,open_time,confirm\nBTC-USDT-SWAP,1,2,0.5,1.5,10,0.1,15,1747497600000,1\n",
            json!({"open_time": "2025-05-17T16:00:00.000000Z", "confirm": 1}), 1),
    ]
}
