"""Configurations of busta for the works that are measured, and files to read."""

import json
import random

# All of the time of the sandbox's STAC worlds.
SPAN = "2022-01-01T00:00:00.000Z/2024-12-31T23:59:59.999Z"


def destination(kind):
    return "{ type: sqlite, path: out.db }" if kind == "sqlite" else f"{{ type: {kind}, path: out }}"


def chains(url, kind="sqlite", streams=10, pages=10, latency="50ms"):
    mode = "primary_key: id" if kind == "sqlite" else "write_mode: append"
    yaml = f"destination: {destination(kind)}\npools: {{ api: {streams} }}\nsources:\n"
    for n in range(streams):
        yaml += f"""  - name: s{n}
    type: api
    base_url: {url}/with/latency={latency}
    streams:
      - name: s{n}
        path: /rest/next_url/s{n}?size={pages * 100}&per_page=100
        records: $.items
        {mode}
        pagination: {{ type: next_url, path: $.next }}
"""
    return yaml


def bulk(url, kind, records):
    mode = "primary_key: id" if kind == "sqlite" else "write_mode: append"
    yaml = f"destination: {destination(kind)}\npools: {{ api: 8 }}\nsources:\n"
    for n in range(10):
        yaml += f"""  - name: b{n}
    type: api
    base_url: {url}
    streams:
      - name: b{n}
        path: /rest/page/b?size={records // 10}
        records: $.items
        {mode}
        pagination: {{ type: page, per_page: 100, total_path: $.total }}
"""
    return yaml


def feed_urls(url, count=500):
    formats = ["rss2", "atom", "rdf", "rss092"]
    return [f"{url}/with/latency=50ms/feeds/{formats[n % 4]}/f{n}?entries=20" for n in range(count)]


def feeds(urls, kind="sqlite"):
    lines = "".join(f"      - {url}\n" for url in urls)
    return f"""destination: {destination(kind)}
pools: {{ rss: 10 }}
sources:
  - name: news
    type: rss
    feeds:
{lines}"""


def stac(url, kind, limit, datetime):
    return f"""destination: {destination(kind)}
pools: {{ stac: 8 }}
sources:
  - name: search
    type: stac
    url: {url}
    datetime: {datetime}
    limit: {limit}
"""


def make_files(folder, count=10_000):
    chance = random.Random(7)
    for n in range(count):
        place = folder / f"in/{n % 100:02}"
        place.mkdir(parents=True, exist_ok=True)
        item = {
            "id": f"item-{n:06}",
            "type": "Feature",
            "collection": "bench",
            "properties": {f"p{k}": chance.random() for k in range(60)},
            "text": "lorem ipsum dolor sit amet " * 140,
            "at": f"2024-01-01T00:00:{n % 60:02}Z",
        }
        (place / f"{n}.json").write_text(json.dumps(item))


def files(kind, path="in"):
    mode = "primary_key: id" if kind == "sqlite" else "write_mode: append"
    return f"""destination: {destination(kind)}
sources:
  - name: drops
    type: files
    paths: ["{path}"]
    {mode}
"""
