"""Polars: a lazy scan of all files, streamed into lines of JSON, or Parquet."""

import json
import sys

import polars

work = json.loads(sys.argv[1])
scan = {"json": polars.scan_ndjson, "parquet": polars.scan_parquet}[work["format"]]
rows = scan(f"{work['folder']}/**/*.{work['format']}")
if work["into"] == "parquet":
    rows.sink_parquet("out/rows.parquet", compression="zstd")
else:
    rows.sink_ndjson("out/rows.ndjson")
