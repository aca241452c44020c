"""Counts what landed: by opening what a tool wrote, never by its word.

Runs in the peers' environment: `landed.py FOLDER KEY...` prints the number of records, of distinct keys and
of bytes, as JSON.
A folder is searched for lines of JSON and Parquet files (below `out`), SQLite and DuckDB databases. What
starts with `_` belongs to the tool itself. A record is counted in its stream: the field `stream` that a tool
adds where it mixes streams, else the folder or file or table it lies in, if the key begins with `stream`.
"""

import json
import sqlite3
import sys
from pathlib import Path


def lines(path, root):
    import orjson

    place = str(path.parent.relative_to(root)) if path.parent != root else path.name
    with open(path, "rb") as file:
        for line in file:
            row = orjson.loads(line)
            if row.get("type") == "RECORD":  # Airbyte, Singer
                record = row["record"]
                yield (row["stream"], record) if "stream" in row else (record["stream"], record["data"])
            elif row.get("type") in ("SCHEMA", "STATE", "LOG", "TRACE", "CONTROL", "ACTIVATE_VERSION", "BATCH"):
                continue
            else:
                yield row.get("stream", place), row


def parquet(path, fields):
    from pyarrow.parquet import ParquetFile

    columns = [field for field in fields if field in ParquetFile(path).schema_arrow.names]
    for batch in ParquetFile(path).iter_batches(columns=columns):
        for row in batch.to_pylist():
            yield path.parent.name, row


def tables(connection, listed, fields):
    for table in listed:
        if table.rpartition(".")[2].startswith(("_", "sqlite_")) or "__" in table:
            continue
        cursor = connection.execute(f"SELECT * FROM {table} LIMIT 0")
        if all(field in {column[0] for column in cursor.description} for field in fields):
            cursor = connection.execute(f"SELECT {', '.join(fields)} FROM {table}")
            for row in iter(cursor.fetchone, None):
                yield table, dict(zip(fields, row, strict=True))


def records(folder, fields):
    for path in folder.glob("*.db"):
        connection = sqlite3.connect(path)
        listed = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        yield from tables(connection, listed, fields)
    for path in folder.glob("*.duckdb"):
        import duckdb

        connection = duckdb.connect(str(path))
        listed = connection.execute("SELECT table_schema || '.' || table_name FROM information_schema.tables")
        yield from tables(connection, [name for (name,) in listed.fetchall()], fields)
    root = folder / "out"
    for path in sorted(root.rglob("*")):
        if any(part.startswith("_") for part in path.relative_to(root).parts):
            continue
        if path.suffix in (".ndjson", ".jsonl"):
            yield from lines(path, root)
        elif path.suffix == ".parquet":
            yield from parquet(path, fields)


def main():
    folder, *key = sys.argv[1:]
    fields = [field for field in key if field != "stream"]
    seen, count = set(), 0
    for place, record in records(Path(folder), fields):
        count += 1
        seen.add((place if "stream" in key else None, *(record.get(field) for field in fields)))
    size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    print(json.dumps({"records": count, "distinct": len(seen), "bytes": size}))


if __name__ == "__main__":
    main()
