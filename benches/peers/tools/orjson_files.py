"""Python with orjson in threads: the fastest loop over files that is easily written."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson

work = json.loads(sys.argv[1])


def line(path):
    return orjson.dumps(orjson.loads(path.read_bytes())) + b"\n"


with ThreadPoolExecutor(work["concurrency"]) as pool, open("out/rows.ndjson", "wb") as out:
    for text in pool.map(line, sorted(Path(work["folder"]).rglob("*.json"))):
        out.write(text)
