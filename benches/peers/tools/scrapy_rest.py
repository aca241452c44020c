"""Scrapy: a spider that follows next URLs, or asks for all pages once the first has told how many."""

import json
import sys

import scrapy
from scrapy.crawler import CrawlerProcess

work = json.loads(sys.argv[1])


class Rest(scrapy.Spider):
    name = "rest"

    async def start(self):
        callback = {"next": self.chain, "page": self.first}[work["pagination"]]
        for stream, url in work["streams"].items():
            # Streams may share URLs: the filter of duplicates would drop them.
            yield scrapy.Request(url, callback, cb_kwargs={"stream": stream, "url": url}, dont_filter=True)

    def items(self, page, stream):
        for record in page["items"]:
            yield {"stream": stream, **record}

    def chain(self, response, stream, url):
        page = response.json()
        if page["next"]:
            yield response.follow(
                page["next"], self.chain, cb_kwargs={"stream": stream, "url": url}, dont_filter=True
            )
        yield from self.items(page, stream)

    def first(self, response, stream, url):
        page = response.json()
        for number in range(2, page["pages"] + 1):
            yield scrapy.Request(
                f"{url}&page={number}", self.page, cb_kwargs={"stream": stream}, dont_filter=True
            )
        yield from self.items(page, stream)

    def page(self, response, stream):
        yield from self.items(response.json(), stream)


process = CrawlerProcess(
    {
        "CONCURRENT_REQUESTS": work["concurrency"],
        "CONCURRENT_REQUESTS_PER_DOMAIN": work["concurrency"],
        "DOWNLOAD_DELAY": 0,
        "ROBOTSTXT_OBEY": False,
        "TELNETCONSOLE_ENABLED": False,
        "LOG_LEVEL": "WARNING",
        "FEEDS": {"out/items.jsonl": {"format": "jsonlines"}},
    }
)
process.crawl(Rest)
process.start()
