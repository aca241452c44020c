"""requests in threads, and feedparser."""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import feedparser
import requests

work = json.loads(sys.argv[1])
local = threading.local()


def entries(url):
    if not hasattr(local, "session"):
        local.session = requests.Session()
    response = local.session.get(url, timeout=30)
    response.raise_for_status()
    found = feedparser.parse(response.content).entries
    return [{**entry, "feed": url, "id": entry.get("id") or entry.get("link")} for entry in found]


with ThreadPoolExecutor(work["concurrency"]) as pool, open("out/entries.ndjson", "w") as out:
    for found in pool.map(entries, work["feeds"]):
        out.writelines(json.dumps(entry, default=str) + "\n" for entry in found)
