"""DuckDB: one statement reads all files and writes lines of JSON, or Parquet."""

import json
import sys

import duckdb

work = json.loads(sys.argv[1])
read = {"json": "read_json", "parquet": "read_parquet"}[work["format"]]
write = {"ndjson": "FORMAT json", "parquet": "FORMAT parquet, COMPRESSION zstd"}[work["into"]]
files, out = f"{work['folder']}/**/*.{work['format']}", f"out/rows.{work['into']}"
duckdb.sql(f"COPY (SELECT * FROM {read}('{files}')) TO '{out}' ({write})")
