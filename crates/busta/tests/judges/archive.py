"""What Python's csv reads straight from the zips of an archive is what DuckDB and pyarrow read from the lake.

archive.py ARCHIVE LAKE: the folder with the zips of klines, and the folder of the table.
"""

import csv
import io
import math
import sys
import zipfile
from collections import defaultdict
from pathlib import Path

import duckdb
import pyarrow.compute as pc
import pyarrow.dataset as ds

archive, lake = Path(sys.argv[1]), Path(sys.argv[2])


def moment(text):
    """Milliseconds or microseconds since 1970, told apart by their size."""
    number = int(text)
    return number * 1000 if number < 10**14 else number


truth = defaultdict(lambda: {"rows": 0, "volume": [], "trades": 0, "first": math.inf, "last": -math.inf})
for path in sorted(archive.rglob("*.zip")):
    symbol = path.name.split("-")[0]
    with zipfile.ZipFile(path) as zipped:
        for member in zipped.namelist():
            if member.startswith("__MACOSX") or not member.endswith(".csv"):
                continue
            with zipped.open(member) as raw:
                for row in csv.reader(io.TextIOWrapper(raw, "utf-8")):
                    if not row[0].isdigit():
                        continue
                    one = truth[symbol]
                    one["rows"] += 1
                    one["volume"].append(float(row[5]))
                    one["trades"] += int(row[8])
                    one["first"] = min(one["first"], moment(row[0]))
                    one["last"] = max(one["last"], moment(row[0]))

assert truth, f"no zip below {archive}"


def judge(who, found):
    assert set(found) == set(truth), (who, set(found), set(truth))
    for symbol, (rows, volume, trades, first, last) in found.items():
        one = truth[symbol]
        total = math.fsum(one["volume"])
        assert rows == one["rows"], (who, symbol, rows, one["rows"])
        assert math.isclose(volume, total, rel_tol=1e-12), (who, symbol, volume, total)
        assert trades == one["trades"], (who, symbol, trades, one["trades"])
        assert first == one["first"], (who, symbol, first, one["first"])
        assert last == one["last"], (who, symbol, last, one["last"])
    print(f"{who}: {sum(one['rows'] for one in truth.values())} rows of {len(truth)} symbols")


files = f"{lake}/**/*.parquet"
judge(
    "duckdb",
    {
        symbol: rest
        for symbol, *rest in duckdb.sql(
            f"""select symbol, count(*), fsum(volume), sum("count")::bigint,
                       epoch_us(min(open_time)), epoch_us(max(open_time))
                from read_parquet('{files}', hive_partitioning = true) group by symbol"""
        ).fetchall()
    },
)

table = ds.dataset(lake, format="parquet", partitioning="hive").to_table()
found = {}
for symbol in pc.unique(table["symbol"]).to_pylist():
    rows = table.filter(pc.equal(table["symbol"], symbol))
    assert str(rows["open_time"].type) == "timestamp[us, tz=UTC]", rows["open_time"].type
    low_high = pc.min_max(rows["open_time"].cast("int64")).as_py()
    found[symbol] = (
        rows.num_rows,
        math.fsum(rows["volume"].to_pylist()),
        pc.sum(rows["count"]).as_py(),
        low_high["min"],
        low_high["max"],
    )
judge("pyarrow", found)
