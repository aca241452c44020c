"""pystac-client: one search, or one for each of some time chunks in threads, a client per thread."""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pystac_client
from chunks import chunks

work = json.loads(sys.argv[1])
local = threading.local()


def search(number, span):
    if not hasattr(local, "client"):
        local.client = pystac_client.Client.open(work["url"])
    found = local.client.search(datetime=span, limit=work["limit"], max_items=work.get("max_items"))
    for item in found.items_as_dicts():
        # Items with a span of their own may match two chunks.
        key = (item["collection"], item["id"])
        if key not in seen:
            seen.add(key)
            outs[number].write(json.dumps(item) + "\n")


seen = set()
spans = chunks(work["datetime"], work["chunks"])
outs = [open(f"out/{number}.ndjson", "w") for number in range(len(spans))]
with ThreadPoolExecutor(min(work["chunks"], work["concurrency"])) as pool:
    list(pool.map(search, range(len(spans)), spans))
