"""rustac: one search, or one for each of some time chunks, some at once, into ndjson or stac-geoparquet."""

import asyncio
import json
import os
import sys

import rustac
from chunks import chunks

work = json.loads(sys.argv[1])


async def main():
    limit, found = asyncio.Semaphore(work["concurrency"]), {}

    async def search(span):
        async with limit:
            return await rustac.search(work["url"], datetime=span, limit=work["limit"])

    spans = chunks(work["datetime"], work["chunks"])
    for items in await asyncio.gather(*map(search, spans)):
        # Items with a span of their own may match two chunks.
        found.update(((item["collection"], item["id"]), item) for item in items)
    await rustac.write(f"out/items.{work['into']}", list(found.values()))


async def whole():
    await rustac.search_to(f"out/items.{work['into']}", work["url"], datetime=work["datetime"], limit=work["limit"])


asyncio.run(main() if work["chunks"] > 1 else whole())
# All is written. To leave by the front door crashes now and then, when a thread of the library's runtime meets an
# interpreter that is being torn down (github.com/PyO3/pyo3-async-runtimes/issues/40).
os._exit(0)
