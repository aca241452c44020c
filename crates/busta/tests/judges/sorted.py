#!/usr/bin/env python3
"""Whether pyarrow and DuckDB find every Parquet file below a folder sorted by a column: sorted.py FOLDER COLUMN."""

import sys
from pathlib import Path

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq

folder, column = Path(sys.argv[1]), sys.argv[2]
files = sorted(folder.rglob("*.parquet"))
assert files, f"{folder} has no Parquet"
rows = 0
for file in files:
    times = pq.ParquetFile(file).read([column])[column].combine_chunks()
    rows += len(times)
    falls = pc.sum(pc.less(times[1:], times[:-1])).as_py() or 0
    assert falls == 0, f"{file}: {falls} rows are earlier than the one before them"
query = f"""select count(*), count(*) filter (where fell) from (
    select {column} < lag({column}) over (partition by filename order by file_row_number) as fell
    from read_parquet('{folder}/**/*.parquet', filename = true, file_row_number = true))"""
[(read, falls)] = duckdb.sql(query).fetchall()
assert (read, falls) == (rows, 0), f"DuckDB: {read} rows of {rows}, {falls} out of order"
print(f"{len(files)} files, {rows} rows, all in the order of {column}")
