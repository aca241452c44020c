"""aiohttp: the first page of a stream tells how many there are; workers take the pages of all streams."""

import asyncio
import json
import sys

import aiohttp
import orjson
import uvloop


async def main(work):
    connector = aiohttp.TCPConnector(limit=work["concurrency"])
    async with aiohttp.ClientSession(connector=connector) as session:

        async def fetch(out, url, number):
            async with session.get(url, params={"page": number}) as response:
                response.raise_for_status()
                page = orjson.loads(await response.read())
            out.write(b"".join(orjson.dumps(record) + b"\n" for record in page["items"]))
            return page["pages"]

        async def first(stream, url):
            out = open(f"out/{stream}.ndjson", "wb")
            pages = await fetch(out, url, 1)
            return [(out, url, number) for number in range(2, pages + 1)]

        async def worker():
            for task in rest:
                await fetch(*task)

        found = await asyncio.gather(*(first(stream, url) for stream, url in work["streams"].items()))
        rest = iter([task for tasks in found for task in tasks])
        await asyncio.gather(*(worker() for _ in range(work["concurrency"])))


uvloop.run(main(json.loads(sys.argv[1])))
