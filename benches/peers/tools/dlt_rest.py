"""dlt: its declarative `rest_api` source whose resources are parallelized, into DuckDB or files of JSON lines."""

import json
import os
import sys

import dlt
from dlt.sources.rest_api import rest_api_source

work = json.loads(sys.argv[1])
os.environ |= {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "EXTRACT__WORKERS": str(work["concurrency"]),
    "EXTRACT__MAX_PARALLEL_ITEMS": str(2 * work["concurrency"]),
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
}

PAGINATORS = {
    "next": {"type": "json_link", "next_url_path": "next"},
    "page": {"type": "page_number", "base_page": 1, "page_param": "page", "total_path": "pages"},
}


def resource(stream, url):
    path, _, query = url.removeprefix(work["base"]).partition("?")
    return {
        "name": stream,
        "primary_key": "id",
        "write_disposition": "append",
        "max_table_nesting": 0,
        "endpoint": {
            "path": path.lstrip("/"),
            "params": dict(pair.split("=") for pair in query.split("&")),
            "data_selector": "items",
            "paginator": PAGINATORS[work["pagination"]],
        },
    }


source = rest_api_source(
    {
        "client": {"base_url": work["base"] + "/"},
        "resources": [resource(stream, url) for stream, url in work["streams"].items()],
    },
    parallelized=True,
)
# Between the steps, dlt keeps rows in files: Parquet is what is fastest into DuckDB.
if work["into"] == "duckdb":
    pipeline = dlt.pipeline(
        "bench", destination=dlt.destinations.duckdb("out.duckdb"), dataset_name="bench", pipelines_dir="state"
    )
    pipeline.run(source, loader_file_format="parquet")
else:
    pipeline = dlt.pipeline(
        "bench", destination=dlt.destinations.filesystem("out"), dataset_name="bench", pipelines_dir="state"
    )
    pipeline.run(source, loader_file_format="jsonl")
