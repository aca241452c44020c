"""What other readers make of a folder of stac-geoparquet files that busta wrote.

    judge_items.py FOLDER TRUTH

The Parquet files below FOLDER, in hive-style folders or not, must hold the Items of the ndjson file TRUTH:
pyarrow, duckdb and polars read the folder as a whole, stac-geoparquet and rustac file by file. Compared as
in judge.py of busta-parquet. busta's own three columns are properties to them, and left out. Prints one line per judge; exits with 1 if one of them disagrees.
"""

import asyncio
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "busta-parquet" / "tests"))

import duckdb
import polars
import pyarrow.dataset
import pyarrow.parquet
import stac_geoparquet.arrow

from judge import compare, parsed

STAMPS = ("_busta_run", "_busta_source", "_busta_loaded_at")


def key(item):
    return item.get("collection"), item["id"]


def bare(item):
    """The Item without what busta says about the row."""
    item = json.loads(json.dumps(item, default=str))
    for stamp in STAMPS:
        assert item["properties"].pop(stamp), stamp
    return item


def ids(rows, expected):
    found, truth = sorted(rows), sorted(key(item) for item in expected)
    return None if found == truth else f"{found[:3]} ({len(found)}) instead of {truth[:3]} ({len(truth)})"


def items(folder, expected, read):
    """Compares what `read` finds in each file. Which columns are JSON text is noted there."""
    found = []
    for path in Path(folder).rglob("*.parquet"):
        notes = json.loads(pyarrow.parquet.read_schema(path).metadata[b"busta:items"])
        found += [parsed(bare(item), notes) for item in read(path)]
    return compare(sorted(found, key=key), sorted(expected, key=key), {"json": []})


def with_pyarrow(folder, expected):
    rows = pyarrow.dataset.dataset(folder, format="parquet", partitioning="hive").to_table()
    for path in Path(folder).rglob("*.parquet"):
        names = pyarrow.parquet.read_schema(path).names
        assert names[-3:] == list(STAMPS), names
    return ids(zip(rows["collection"].to_pylist(), rows["id"].to_pylist()), expected)


def with_duckdb(folder, expected):
    found = f"read_parquet('{folder}/**/*.parquet', union_by_name = true, hive_partitioning = true)"
    return ids(duckdb.sql(f"SELECT collection, id FROM {found}").fetchall(), expected)


def with_polars(folder, expected):
    frame = polars.read_parquet(f"{folder}/**/*.parquet", hive_partitioning=True)
    return ids(frame.select("collection", "id").rows(), expected)


def with_stac_geoparquet(folder, expected):
    def read(path):
        return stac_geoparquet.arrow.stac_table_to_items(pyarrow.parquet.ParquetFile(path).read())

    return items(folder, expected, read)


def with_rustac(folder, expected):
    import rustac

    async def read(path):
        return (await rustac.read(str(path)))["features"]

    return items(folder, expected, lambda path: asyncio.run(read(path)))


def main(folder, truth):
    expected = [json.loads(line) for line in Path(truth).read_text().splitlines()]
    bad = 0
    for judge in (with_pyarrow, with_duckdb, with_polars, with_stac_geoparquet, with_rustac):
        try:
            verdict = judge(folder, expected)
        except BaseException as error:  # A judge that cannot read the files has judged them.
            verdict = f"{type(error).__name__}: {error}"
        bad += verdict is not None
        print(f"{judge.__name__[5:]}: {verdict or 'agrees'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
