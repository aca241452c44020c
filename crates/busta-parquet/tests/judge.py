"""What other readers of Parquet make of the files in a folder.

    judge.py FOLDER

For every NAME.parquet (stac-geoparquet) there is a NAME.ndjson with the Items that were written.
pyarrow, duckdb and polars must count the same rows and find the same ids; stac-geoparquet and rustac
must give the same Items. A column that holds values of several types is JSON text to all of them
(its names stand in the metadata under `busta:items`): such texts are parsed before comparing.
Prints one line per judge; exits with 1 if one of them disagrees.
"""

import json
import sys
from pathlib import Path

import duckdb
import polars
import pyarrow.parquet
import shapely
import stac_geoparquet.arrow

TIMES = {"datetime", "start_datetime", "end_datetime", "created", "updated"}


# Where a reader is known to be unable to read what is valid: rustac keeps geometries in two dimensions,
# has none that are null, and takes a collection of one for its member; stac-geoparquet has no bbox that
# is null, and looks for the `coordinates` of a collection. Seen with rustac 0.9.18 and stac-geoparquet 0.8.3.
LIMITS = {
    ("solid", "rustac"),
    ("nowhere", "rustac"),
    ("collection", "rustac"),
    ("nowhere", "stac_geoparquet"),
    ("collection", "stac_geoparquet"),
}


def normal(value, key=None):
    """Numbers by value, nulls left out, times as the instants that they are (to the second, since
    stac-geoparquet writes no more)."""
    if isinstance(value, dict):
        fields = {k: normal(v, k) for k, v in value.items() if v is not None}
        return {k: v for k, v in fields.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [normal(v) for v in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return None if value != value else float(value)
    if key in TIMES and value[:4].isdigit():
        return value[:19]
    return value


def parse_at(value, path):
    """Parses the JSON texts at the end of `path`."""
    if value is None:
        return None
    if not path:
        return json.loads(value) if isinstance(value, str) else value
    if isinstance(value, list):
        rest = path[1:] if path[0] == "element" else path
        return [parse_at(v, rest) for v in value]
    if path[0] in value:
        return {**value, path[0]: parse_at(value[path[0]], path[1:])}
    return value


def parsed(item, notes):
    for path in notes["json"]:
        if path[0] in item:
            item = parse_at(item, path)
        else:
            item = {**item, "properties": parse_at(item["properties"], path)}
    return item


def difference(found, expected, where=""):
    """The first place where two values differ."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in sorted(set(found) | set(expected)):
            if found.get(key) != expected.get(key):
                return difference(found.get(key), expected.get(key), f"{where}.{key}")
    return f"{where}: {str(found)[:200]} instead of {str(expected)[:200]}"


def compare(found, expected, notes):
    if len(found) != len(expected):
        return f"{len(found)} items instead of {len(expected)}"
    for item, truth in zip(found, expected):
        item, truth = normal(parsed(item, notes)), normal(truth)
        # rustac and stac-geoparquet need not keep what may be left out.
        for key in ("type", "stac_extensions", "links", "assets"):
            if not item.get(key) and not truth.get(key):
                item.pop(key, None), truth.pop(key, None)
        if item != truth:
            return f"{truth['id']}{difference(item, truth)}"
    return None


def with_pyarrow(path, expected, notes):
    table = pyarrow.parquet.read_table(path)
    rows = table.to_pylist()
    for row, truth in zip(rows, expected, strict=True):
        if row["id"] != truth["id"]:
            return f"id {row['id']} instead of {truth['id']}"
        geometry = row["geometry"] and json.loads(shapely.to_geojson(shapely.from_wkb(row["geometry"])))
        if normal(geometry) != normal(truth["geometry"]):
            return f"geometry of {truth['id']}: {geometry}"
    geo = json.loads(table.schema.metadata[b"geo"])
    assert geo["version"] == "1.1.0" and geo["primary_column"] == "geometry", geo
    types = {t for t in (g and shapely.from_wkb(g).geom_type for g in table["geometry"].to_pylist()) if t}
    if {t.removesuffix(" Z") for t in geo["columns"]["geometry"]["geometry_types"]} != types:
        return f"geometry_types {geo}"
    return None


def with_duckdb(path, expected, notes):
    # As text: duckdb takes geometries from the metadata by itself only where its extension is there.
    rows = duckdb.sql(f"SELECT id, bbox.xmin, links, assets FROM read_parquet('{path}')").fetchall() if has(
        expected, "assets") else duckdb.sql(f"SELECT id, bbox.xmin FROM read_parquet('{path}')").fetchall()
    found = [(row[0], row[1]) for row in rows]
    truth = [(item["id"], item["bbox"][0] if item["bbox"] else None) for item in expected]
    return None if found == truth else f"{found[:3]} instead of {truth[:3]}"


def has(items, field):
    return any(item.get(field) for item in items)


def with_polars(path, expected, notes):
    frame = polars.read_parquet(path)
    found, truth = frame["id"].to_list(), [item["id"] for item in expected]
    return None if found == truth else f"{found[:3]} instead of {truth[:3]}"


def with_stac_geoparquet(path, expected, notes):
    batches = pyarrow.parquet.ParquetFile(path)
    items = list(stac_geoparquet.arrow.stac_table_to_items(batches.read()))
    return compare(items, expected, notes)


def with_rustac(path, expected, notes):
    import asyncio

    import rustac

    async def read():
        return await rustac.read(str(path))

    return compare(asyncio.run(read())["features"], expected, notes)


def main(folder):
    bad = 0
    for path in sorted(Path(folder).glob("*.parquet")):
        expected = [json.loads(line) for line in path.with_suffix(".ndjson").read_text().splitlines()]
        notes = json.loads(pyarrow.parquet.read_schema(path).metadata[b"busta:items"])
        for judge in (with_pyarrow, with_duckdb, with_polars, with_stac_geoparquet, with_rustac):
            try:
                verdict = judge(path, expected, notes)
            except BaseException as error:  # A judge that cannot read the file has judged it.
                verdict = f"{type(error).__name__}: {error}"
            name = judge.__name__[5:]
            if verdict and (path.stem, name) in LIMITS:
                print(f"{path.stem}: {name}: known limit: {verdict}")
                continue
            bad += verdict is not None
            print(f"{path.stem}: {name}: {verdict or 'agrees'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
