"""The works that all are given, and who does each."""

from dataclasses import dataclass, field
from pathlib import Path

import configs

SPAN = configs.SPAN
"""All items of the sandbox's STAC worlds lie within it."""

CHUNKS = 48
"""Into how many the peers cut a search of 10,000 items. Of 8, 16, 24, 32, 48, 64, 96 and 128 it is the number with
which 8 workers are done first: items are unevenly distributed in time, as real ones are."""


@dataclass(frozen=True)
class Peer:
    """A tool and how it is used for a work."""

    name: str
    script: str
    """The file in `tools`, without its ending."""
    into: str
    """Where the records land, in words."""
    needs: tuple[str, ...]
    """What must be installed; the version of the first is shown."""
    settings: dict = field(default_factory=dict)
    """What it is told besides the work's own task."""
    key: tuple[str, ...] = ()
    """What its rows are told apart by, where that is not the work's key."""
    records: int = 0
    """How many records it reads, where that is fewer than the work has (it would take too long)."""


@dataclass(frozen=True)
class Busta:
    """busta, with a configuration."""

    into: str
    yaml: str
    name: str = "busta"


@dataclass(frozen=True)
class Work:
    """The same work for all."""

    name: str
    title: str
    about: str
    records: int
    key: tuple[str, ...]
    """What records are told apart by."""
    concurrency: int
    task: dict
    """What the tools are told."""
    contestants: tuple
    floor: float = 0.0
    """Seconds that the latency alone takes: latency x requests / concurrency."""


REST = ("aiohttp", "orjson", "uvloop")


def rest_peers(walk):
    return (
        Peer("aiohttp + orjson, by hand", f"aiohttp_{walk}", "ndjson", REST),
        Peer("requests in threads", "requests_rest", "ndjson", ("requests",)),
        Peer("Scrapy", "scrapy_rest", "ndjson", ("Scrapy",)),
        Peer("dlt", "dlt_rest", "ndjson", ("dlt",), {"into": "jsonl"}),
        Peer("dlt", "dlt_rest", "duckdb", ("dlt", "duckdb"), {"into": "duckdb"}),
        Peer("Airbyte CDK", "airbyte_rest", "messages", ("airbyte-cdk",)),
        Peer("Singer SDK (Meltano)", "singer_rest", "messages", ("singer-sdk",)),
    )


def chains(origin, quick):
    streams, pages = 10, 3 if quick else 10
    base = f"{origin.url}/with/latency=50ms"
    urls = {f"s{n}": f"{base}/rest/next_url/s{n}?size={pages * 100}&per_page=100" for n in range(streams)}
    busta = tuple(Busta(into, configs.chains(origin.url, into, streams, pages)) for into in ("ndjson", "sqlite"))
    return Work(
        "chains",
        f"REST: {streams} streams of {pages} pages of 100 records, 50 ms latency",
        "Each page names the next, so a stream cannot be hurried; at most 10 requests are in flight.",
        streams * pages * 100, ("stream", "id"), 10,
        {"pagination": "next", "base": base, "streams": urls},
        busta + rest_peers("chains"), 0.05 * pages,
    )


def bulk(origin, quick):
    records = 20_000 if quick else 200_000
    urls = {f"b{n}": f"{origin.url}/rest/page/b?size={records // 10}&per_page=100" for n in range(10)}
    busta = tuple(Busta(into, configs.bulk(origin.url, into, records)) for into in ("ndjson", "sqlite"))
    return Work(
        "bulk",
        f"REST: {records:,} records in {records // 100:,} numbered pages, no latency",
        "What a record costs. 10 streams, at most 8 requests in flight.",
        records, ("stream", "id"), 8,
        {"pagination": "page", "base": origin.url, "streams": urls},
        busta + rest_peers("pages"),
    )


def feeds(origin, quick):
    count = 50 if quick else 500
    urls = configs.feed_urls(origin.url, count)
    busta = tuple(Busta(into, configs.feeds(urls, into)) for into in ("ndjson", "sqlite"))
    return Work(
        "feeds",
        f"Feeds: {count} of 20 entries, 50 ms latency",
        "RSS 2.0, Atom, RSS 1.0 and RSS 0.92 in turn; at most 10 requests in flight.",
        count * 20, ("feed", "id"), 10,
        {"feeds": urls},
        busta
        + (
            Peer("aiohttp + feedparser, by hand", "aiohttp_feeds", "ndjson", ("aiohttp", "feedparser", "uvloop")),
            Peer("requests in threads + feedparser", "requests_feeds", "ndjson", ("requests", "feedparser")),
            Peer("reader", "reader_feeds", "sqlite", ("reader",)),
            Peer("newsboat", "newsboat_feeds", "sqlite", ("newsboat (program)",), key=("feedurl", "guid")),
        ),
        0.05 * count / 10,
    )


def stac(origin, quick):
    return searches(origin, "stac", 1_000 if quick else 10_000, CHUNKS)


def stac_small(origin, quick):
    return searches(origin, "stac-small", 300 if quick else 1_000, 8)


def searches(origin, name, items, chunks):
    url = f"{origin.url}/with/latency=50ms/stac/{items}"
    limit, cut = 100, {"chunks": chunks}
    tools, rust = ("pystac-client",), ("rustac",)
    return Work(
        name,
        f"STAC: a search of {items:,} items in pages of {limit}, 50 ms latency",
        "An item has about 5 KB. A search's pages are a chain; at most 8 requests are in flight. Chunks are spans "
        "of time of equal length, searched on their own; busta finds its own.",
        items, ("id",), 8,
        {"url": url, "limit": limit, "datetime": SPAN, "chunks": 1},
        tuple(Busta(into, configs.stac(url, into, limit, SPAN)) for into in ("ndjson", "sqlite", "parquet"))
        + (
            Busta("ndjson", configs.stac(url, "ndjson", limit, SPAN) + "    split: none\n", "busta, one chain"),
            Peer(f"aiohttp + orjson, {chunks} chunks, 8 workers", "aiohttp_stac", "ndjson", REST, cut),
            Peer("aiohttp + orjson, one chain", "aiohttp_stac", "ndjson", REST),
            Peer(f"pystac-client, {chunks} chunks, 8 threads", "pystac_client_search", "ndjson", tools, cut),
            Peer("pystac-client", "pystac_client_search", "ndjson", tools),
            Peer(f"rustac, {chunks} chunks, 8 at once", "rustac_search", "ndjson", rust, cut | {"into": "ndjson"}),
            Peer("rustac", "rustac_search", "ndjson", rust, {"into": "ndjson"}),
            Peer("rustac", "rustac_search", "parquet", rust, {"into": "parquet"}),
        ),
        0.05 * items / limit / 8,
    )


def stac_bulk(origin, quick):
    items = 4_000 if quick else 80_000
    fewer = items // 8
    url, limit = f"{origin.url}/stac/{items}", 500
    return Work(
        "stac-bulk",
        f"STAC: {items:,} items of 5 KB in pages of {limit}, no latency",
        "What an item costs. At most 8 requests in flight.",
        items, ("id",), 8,
        {"url": url, "limit": limit, "datetime": SPAN, "chunks": 1},
        tuple(Busta(into, configs.stac(url, into, limit, SPAN)) for into in ("ndjson", "sqlite", "parquet"))
        + (
            Peer(f"aiohttp + orjson, {CHUNKS} chunks, 8 workers", "aiohttp_stac", "ndjson", REST, {"chunks": CHUNKS}),
            Peer("rustac", "rustac_search", "ndjson", ("rustac",), {"into": "ndjson"}),
            Peer("rustac", "rustac_search", "parquet", ("rustac",), {"into": "parquet"}),
            Peer(
                "pystac-client", "pystac_client_search", "ndjson", ("pystac-client",), {"max_items": fewer},
                records=fewer,
            ),
            Peer(
                "pystac-client + stac-geoparquet", "stac_geoparquet_search", "parquet",
                ("stac-geoparquet", "pystac-client"), {"max_items": fewer}, records=fewer,
            ),
        ),
    )


def engines(into):
    return (
        Peer("DuckDB", "duckdb_files", into, ("duckdb",), {"into": into}),
        Peer("Polars", "polars_files", into, ("polars",), {"into": into}),
    )


def json_files(folder: Path, quick):
    count = 1_000 if quick else 10_000
    configs.make_files(folder, count)
    return Work(
        "json-files",
        f"Files: {count:,} of JSON, 5 to 6 KB each",
        "One document per file; from the page cache.",
        count, ("id",), 8,
        {"folder": str(folder / "in"), "format": "json"},
        tuple(Busta(into, configs.files(into, str(folder / "in"))) for into in ("ndjson", "sqlite"))
        + (
            Peer("Python's json, a loop", "python_files", "ndjson", ()),
            Peer("orjson in 8 threads", "orjson_files", "ndjson", ("orjson",)),
            *engines("ndjson"),
        ),
    )


def parquet_files(folder: Path, quick):
    count, rows = 5, 20_000 if quick else 200_000
    return Work(
        "parquet-files",
        f"Files: {count} of Parquet, {rows:,} rows of 12 columns each",
        "Read and written again; from the page cache. The second row of pyarrow only reads, and writes nothing.",
        count * rows, ("id",), 8,
        {"folder": str(folder / "in"), "format": "parquet", "make": {"files": count, "rows": rows}},
        tuple(Busta(into, configs.files(into, str(folder / "in"))) for into in ("ndjson", "sqlite", "parquet"))
        + (
            *engines("ndjson"),
            *engines("parquet"),
            Peer("pyarrow + orjson, a loop", "pyarrow_files", "ndjson", ("pyarrow", "orjson")),
            Peer("pyarrow, only reading", "pyarrow_read", "nothing", ("pyarrow",)),
        ),
    )


FROM_ORIGIN = {
    "chains": chains,
    "bulk": bulk,
    "feeds": feeds,
    "stac": stac,
    "stac-small": stac_small,
    "stac-bulk": stac_bulk,
}
FROM_FILES = {"json-files": json_files, "parquet-files": parquet_files}
