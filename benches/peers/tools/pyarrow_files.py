"""pyarrow and orjson: Parquet in record batches, each row one line of JSON."""

import json
import sys

import orjson
import pyarrow.dataset

work = json.loads(sys.argv[1])
with open("out/rows.ndjson", "wb") as out:
    for batch in pyarrow.dataset.dataset(work["folder"], format="parquet").to_batches(batch_size=10_000):
        out.write(b"".join(orjson.dumps(row) + b"\n" for row in batch.to_pylist()))
