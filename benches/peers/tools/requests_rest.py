"""requests in threads: a thread walks one stream, by next URLs or page numbers; a session per thread."""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import requests

work = json.loads(sys.argv[1])
local = threading.local()


def fetch(url, **params):
    if not hasattr(local, "session"):
        local.session = requests.Session()
    response = local.session.get(url, params=params, timeout=30)
    response.raise_for_status()
    return response.json()


def write(out, page):
    out.writelines(json.dumps(record) + "\n" for record in page["items"])


def chain(stream, url):
    with open(f"out/{stream}.ndjson", "w") as out:
        while url:
            page = fetch(url)
            write(out, page)
            url = page["next"]


def pages(stream, url):
    with open(f"out/{stream}.ndjson", "w") as out:
        number, last = 1, 1
        while number <= last:
            page = fetch(url, page=number)
            write(out, page)
            number, last = number + 1, page["pages"]


walk = {"next": chain, "page": pages}[work["pagination"]]
with ThreadPoolExecutor(work["concurrency"]) as pool:
    list(pool.map(lambda item: walk(*item), work["streams"].items()))
