"""What other readers find in a lake of Parquet files: many files, an evolved schema, folders as Hive names them.

    lake.py FOLDER ROWS.ndjson

DuckDB, Polars and pyarrow must find the rows, each in the way in which its users read such a folder.
Prints one line per judge; exits with 1 if one of them disagrees.
"""

import json
import sys
from pathlib import Path

import duckdb
import polars
import pyarrow
import pyarrow.dataset

from panel import ask


def with_duckdb(folder):
    table = duckdb.sql(
        f"SELECT * FROM read_parquet('{folder}/**/*.parquet', union_by_name = true, hive_partitioning = true)"
    )
    return [dict(zip(table.columns, row)) for row in table.fetchall()]


def with_polars(folder):
    files = sorted(Path(folder).rglob("*.parquet"))
    # Else it takes a folder country=007 for a number.
    folders = {"country": polars.String, "at_month": polars.String}
    frames = [polars.read_parquet(file, hive_partitioning=True, hive_schema=folders) for file in files]
    return polars.concat(frames, how="diagonal").to_dicts()


def with_pyarrow(folder):
    lake = pyarrow.dataset.dataset(folder, format="parquet", partitioning="hive")
    schemas = [lake.schema, *(fragment.physical_schema for fragment in lake.get_fragments())]
    schema = pyarrow.unify_schemas(schemas)
    return pyarrow.dataset.dataset(folder, format="parquet", partitioning="hive", schema=schema).to_table().to_pylist()


def normal(row):
    """The record in a row: without what is null, busta's own columns, and the folder of a column that is there."""
    own = {k: v for k, v in row.items() if v is not None and not k.startswith("_busta") and k != "at_month"}
    if isinstance(own.get("nested"), str):
        own["nested"] = json.loads(own["nested"])
    return own


def main(folder, expected):
    expected = {row["id"]: normal(row) for row in map(json.loads, Path(expected).read_text().splitlines())}

    def verdict(judge):
        found = [normal(row) for row in judge(folder)]
        if len(found) != len(expected):
            return f"{len(found)} rows instead of {len(expected)}"
        wrong = [(row, expected.get(row["id"])) for row in found if row != expected.get(row["id"])]
        return f"{wrong[0][0]} instead of {wrong[0][1]}" if wrong else None

    return 1 if ask((with_duckdb, with_polars, with_pyarrow), verdict) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
