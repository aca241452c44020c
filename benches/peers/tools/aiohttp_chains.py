"""aiohttp: each stream is walked from page to page, as many streams at once as are allowed."""

import asyncio
import json
import sys

import aiohttp
import orjson
import uvloop


async def walk(session, stream, url):
    with open(f"out/{stream}.ndjson", "wb") as out:
        while url:
            async with session.get(url) as response:
                response.raise_for_status()
                page = orjson.loads(await response.read())
            out.write(b"".join(orjson.dumps(record) + b"\n" for record in page["items"]))
            url = page["next"]


async def main(work):
    limit = asyncio.Semaphore(work["concurrency"])

    async def limited(stream, url):
        async with limit:
            await walk(session, stream, url)

    connector = aiohttp.TCPConnector(limit=work["concurrency"])
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(limited(stream, url) for stream, url in work["streams"].items()))


uvloop.run(main(json.loads(sys.argv[1])))
