"""aiohttp and feedparser: feeds are fetched at once and parsed by the library that everybody uses."""

import asyncio
import json
import sys

import aiohttp
import feedparser
import uvloop


async def main(work):
    feeds = iter(work["feeds"])
    connector = aiohttp.TCPConnector(limit=work["concurrency"])
    async with aiohttp.ClientSession(connector=connector) as session:
        with open("out/entries.ndjson", "w") as out:

            async def worker():
                for url in feeds:
                    async with session.get(url) as response:
                        response.raise_for_status()
                        parsed = feedparser.parse(await response.read())
                    for entry in parsed.entries:
                        id = entry.get("id") or entry.get("link")
                        out.write(json.dumps({**entry, "feed": url, "id": id}, default=str) + "\n")

            await asyncio.gather(*(worker() for _ in range(work["concurrency"])))


uvloop.run(main(json.loads(sys.argv[1])))
