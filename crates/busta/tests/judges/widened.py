"""What readers find in a folder of Parquet files whose columns got wider types, read as their manuals begin.

    widened.py FOLDER

DuckDB (with and without `union_by_name`), Polars and pyarrow, each without a word about types, must find all rows with
the same values. Prints one line per judge; exits with 1 if one of them disagrees.
"""

import sys

import duckdb
import polars
import pyarrow.dataset

from panel import ask

COLUMNS = ["id", "a", "b", "c", "d", "e", "f", "g", "h", "i"]


def with_duckdb(folder):
    return duckdb.sql(f"SELECT * FROM read_parquet('{folder}/*.parquet')").pl().to_dicts()


def with_duckdb_by_name(folder):
    return duckdb.sql(f"SELECT * FROM read_parquet('{folder}/**/*.parquet', union_by_name = true)").pl().to_dicts()


def with_polars(folder):
    return polars.scan_parquet(folder).collect().to_dicts()


def with_pyarrow(folder):
    return pyarrow.dataset.dataset(folder).to_table().to_pylist()


def expected():
    """All rows, by their id."""
    rows = {}
    for n in range(60):
        old = (float(n), str(n), f"{n}.5", "true", "2024-01-31T23:59:59.000001Z", None, '{"x":%d}' % n, '"text"', n)
        new = (n + 0.25, f"b{n}", "c", "d", "later", n, '{"x":"y"}', '["list"]', n)
        rows[n], rows[n + 100] = old, new
    for n in range(5):
        rows[n] = (0.5, None, None, None, None, None, None, None, n)
    return rows


def main(folder):
    wanted = expected()

    def verdict(judge):
        found = {row["id"]: tuple(row[name] for name in COLUMNS[1:]) for row in judge(folder)}
        if len(found) != len(wanted):
            return f"{len(found)} rows instead of {len(wanted)}"
        wrong = [(key, row, wanted.get(key)) for key, row in found.items() if row != wanted.get(key)]
        return f"row {wrong[0][0]} is {wrong[0][1]} instead of {wrong[0][2]}" if wrong else None

    return 1 if ask((with_duckdb, with_duckdb_by_name, with_polars, with_pyarrow), verdict) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
