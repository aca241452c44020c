"""pyarrow alone: what reading takes that ends in Arrow and writes nothing. The floor, not the same work."""

import json
import sys

import pyarrow.dataset

work = json.loads(sys.argv[1])
rows = sum(batch.num_rows for batch in pyarrow.dataset.dataset(work["folder"], format="parquet").to_batches())
print(rows)
