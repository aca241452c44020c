"""Parquet files before and after: what pyarrow writes, busta collects into Parquet, and others read again.

    tables.py write|compare FOLDER LAKE

`write` makes three files of 20,000 rows: the second lacks columns and has others, and doubles where the first has
integers. `compare` reads the lake with DuckDB and with pyarrow; both must find the values of the files, and the types
that do not depend on the file.
"""

import datetime
import decimal
import json
import sys
from pathlib import Path

import duckdb
import pyarrow
import pyarrow.dataset
import pyarrow.parquet

ROWS = 20_000
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
START = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)


def rows(number):
    """The rows of a file as Python has them."""
    for n in range(number * ROWS, (number + 1) * ROWS):
        row = {
            "id": n,
            "value": n if number == 0 else n / 8,
            "single": n / 4,
            "flag": None if n % 3 == 0 else n % 2 == 0,
            "text": None if n % 5 == 0 else f"row {n} \u00fc \"quoted\"\n",
            "at": START + datetime.timedelta(microseconds=n),
            "day": START.date() + datetime.timedelta(days=n % 1000),
            "price": decimal.Decimal(n) / 100,
            "tags": [f"t{n % 7}", None],
            "place": {"x": n, "y": None},
        }
        if number == 1:
            del row["flag"]
            row["late"] = -n
        yield row


def schema(number):
    types = {
        "id": pyarrow.int64(),
        "value": pyarrow.int32() if number == 0 else pyarrow.float64(),
        "single": pyarrow.float32(),
        "flag": pyarrow.bool_(),
        "text": pyarrow.string() if number < 2 else pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
        "at": pyarrow.timestamp(("us", "ns", "us")[number], "UTC"),
        "day": pyarrow.date32(),
        "price": pyarrow.decimal128(12, 2),
        "tags": pyarrow.list_(pyarrow.string()),
        "place": pyarrow.struct({"x": pyarrow.int64(), "y": pyarrow.string()}),
        "late": pyarrow.int16() if number < 1 else pyarrow.int64(),
    }
    names = next(rows(number)).keys()
    return pyarrow.schema([(name, types[name]) for name in types if name in names])


def write(folder):
    folder.mkdir()
    for number, compression in enumerate(("zstd", "snappy", "gzip")):
        table = pyarrow.Table.from_pylist(list(rows(number)), schema=schema(number))
        pyarrow.parquet.write_table(table, folder / f"{number}.parquet", compression=compression, row_group_size=7000)


def landed(row):
    """A row as it is to be found in the lake: without what is null, dates as texts, nested values as JSON."""
    row = {name: value for name, value in row.items() if value is not None}
    row["day"] = row["day"].isoformat()
    row["price"] = float(row["price"])
    row["place"] = {"x": row["place"]["x"]}
    return row


def found(row):
    row = {name: value for name, value in row.items() if value is not None and not name.startswith("_busta")}
    nested = {name: json.loads(row[name]) for name in ("tags", "place")}
    return row | nested


def with_duckdb(lake):
    # As microseconds: for times with a zone it wants a library that is not here.
    files = f"read_parquet('{lake}/*.parquet', union_by_name = true)"
    table = duckdb.sql(f'SELECT * REPLACE (epoch_us("at") AS "at") FROM {files}')
    types = duckdb.sql(f'SELECT DISTINCT typeof("at") FROM {files}').fetchall()
    assert types == [("TIMESTAMP WITH TIME ZONE",)], types
    rows = [dict(zip(table.columns, row)) for row in table.fetchall()]
    return [row | {"at": EPOCH + datetime.timedelta(microseconds=row["at"])} for row in rows]


def with_pyarrow(lake):
    files = pyarrow.dataset.dataset(lake, format="parquet")
    schemas = [fragment.physical_schema for fragment in files.get_fragments()]
    whole = pyarrow.unify_schemas(schemas, promote_options="permissive")
    assert whole.field("at").type == pyarrow.timestamp("us", "UTC"), whole.field("at")
    assert whole.field("id").type == pyarrow.int64(), whole.field("id")
    return pyarrow.dataset.dataset(lake, format="parquet", schema=whole).to_table().to_pylist()


def compare(lake):
    expected = {row["id"]: landed(row) for number in range(3) for row in rows(number)}
    bad = False
    for judge in (with_duckdb, with_pyarrow):
        got = [found(row) for row in judge(lake)]
        wrong = next(((row, expected[row["id"]]) for row in got if row != expected[row["id"]]), None)
        verdict = f"{wrong[0]} instead of {wrong[1]}" if wrong else None
        if len({row["id"] for row in got}) != len(expected) or len(got) != len(expected):
            verdict = f"{len(got)} rows instead of {len(expected)}"
        print(f"{judge.__name__}: {verdict or 'the same'}")
        bad |= verdict is not None
    sys.exit(bad)


if __name__ == "__main__":
    act, folder, lake = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    write(folder) if act == "write" else compare(lake)
