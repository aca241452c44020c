"""aiohttp, orjson and uvloop: the search by hand, alone or in time chunks that workers take from a list."""

import asyncio
import json
import sys

import aiohttp
import orjson
import uvloop
from chunks import chunks


async def main(work):
    seen = set()
    spans = iter(chunks(work["datetime"], work["chunks"]))
    connector = aiohttp.TCPConnector(limit=work["concurrency"])
    async with aiohttp.ClientSession(connector=connector) as session:
        with open("out/items.ndjson", "wb") as out:

            async def search(span):
                body = {"datetime": span, "limit": work["limit"]}
                while body:
                    async with session.post(f"{work['url']}/search", json=body) as response:
                        response.raise_for_status()
                        page = orjson.loads(await response.read())
                    write(page["features"])
                    body = next((link["body"] for link in page["links"] if link["rel"] == "next"), None)

            def write(items):
                # Items with a span of their own may match two chunks.
                new = [item for item in items if (item["collection"], item["id"]) not in seen]
                seen.update((item["collection"], item["id"]) for item in new)
                out.write(b"".join(orjson.dumps(item) + b"\n" for item in new))

            async def worker():
                for span in spans:
                    await search(span)

            await asyncio.gather(*(worker() for _ in range(work["concurrency"])))


uvloop.run(main(json.loads(sys.argv[1])))
