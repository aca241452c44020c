#!/usr/bin/env python3
"""Measures the release build against the sandbox in a process of its own, and prints a table.

    cargo build --release && benches/run.py [--runs 3] [--only chain,bulk,feeds,files,startup,stac] [--json FILE]

Each figure is the median of the runs, beside its floor (latency x requests / concurrency) or its target.
Needs nothing but Python and the binary.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

from configs import SPAN, bulk, chains, feed_urls, feeds, files, make_files, stac
from harness import BUSTA, Sandbox


def collect(yaml, concurrency, folder=None):
    """Runs the main command in a folder; gives wall time, report and the moment it was started."""
    own = folder or tempfile.mkdtemp(prefix="busta-bench-")
    try:
        Path(own, "busta.yaml").write_text(yaml)
        command = [BUSTA, "sources", "collect", "--parallel", "--concurrency", str(concurrency), "--json"]
        started_us, began = time.time_ns() // 1000, time.perf_counter()
        done = subprocess.run(command, cwd=own, capture_output=True, text=True)
        wall = time.perf_counter() - began
        if done.returncode != 0:
            sys.exit(f"exit code {done.returncode}: {done.stderr}\n{done.stdout}")
        return wall, json.loads(done.stdout), started_us
    finally:
        if folder is None:
            shutil.rmtree(own, ignore_errors=True)


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, values, unit, goal, note=""):
        median = statistics.median(values)
        spread = f"{min(values):.4g}..{max(values):.4g}"
        self.rows.append({"what": what, "median": median, "spread": spread, "unit": unit, "goal": goal, "note": note})
        print(f"{what:<44} {median:>10.4g} {unit:<10} {goal:<22} {spread:<18} {note}", flush=True)


def mib(report):
    return report["peak_rss_bytes"] / 2**20


# What a search of about 10,000 items is in time: a stretch where there is one as often as another, and all of a
# world with dense weeks, empty months, and hundreds of items at one moment.
WORLDS = {
    "even in time": ("stac/40000", "2024-03-15T00:00:00Z/2024-12-11T18:00:00Z"),
    "uneven": ("stac/10000", SPAN),
}
LATENCY, PAGE, READERS = 0.05, 100, 8


def stac_searches(origin, table, runs):
    for name, (world, span) in WORLDS.items():
        for kind in ("sqlite", "parquet"):
            search(origin, table, runs, f"{name}, {kind}", world, span, kind, READERS)
    search(origin, table, runs, "even in time, one chain, ndjson", *WORLDS["even in time"], "ndjson", 1, "split: none")


def search(origin, table, runs, what, world, span, kind, readers, key=""):
    items = matched(f"{origin.url}/{world}", span)
    floor = -(-items // PAGE) * LATENCY / readers
    goal = f"<= {floor * (1.25 if readers > 1 else 1.1):.3f} + start-up"
    walls, requests = [], set()
    for _ in range(runs):
        origin.reset()
        url = f"{origin.url}/with/latency={LATENCY * 1000:.0f}ms/{world}"
        wall, report, _ = collect(stac(url, kind, PAGE, span) + f"    {key}\n", readers)
        assert report["records"] == items, report["records"]
        walls.append(wall)
        requests.add(origin.stats()["total"]["requests"])
    note = f"{'..'.join(map(str, sorted({min(requests), max(requests)})))} requests for {-(-items // PAGE)} pages"
    table.add(f"STAC: {items:,} items, {what}", walls, "s", goal, note)


def stac_bulk(origin, table, runs):
    for kind, goal in [("ndjson", 300), ("parquet", 120), ("sqlite", 70)]:
        rates, memory = [], []
        for _ in range(runs + 1):
            wall, report, _ = collect(stac(f"{origin.url}/stac/80000", kind, 500, SPAN), READERS)
            assert report["records"] == 80_000, report["records"]
            rates.append(report["bytes"] / 1e6 / wall)
            memory.append(mib(report))
        # In the first run the origin looks its results up.
        note = f"peak {max(memory[1:]):.0f} MiB, goal < 150"
        table.add(f"STAC: 80,000 items, no latency, {kind}", rates[1:], "MB/s", f">= {goal}", note)


def matched(url, span):
    query = urllib.parse.urlencode({"limit": 1, "datetime": span})
    return json.load(urllib.request.urlopen(f"{url}/search?{query}"))["numberMatched"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="startup,chain,bulk,feeds,files,stac")
    parser.add_argument("--large", action="store_true", help="also 2,000,000 records")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    only, table = args.only.split(","), Table()

    with Sandbox() as origin:
        url = origin.url
        if "startup" in only:
            values = []
            for _ in range(max(args.runs, 7)):
                origin.reset()
                _, _, started = collect(chains(url, streams=1, pages=1, latency="0ms"), 8)
                values.append((origin.stats()["total"]["first_request_unix_us"] - started) / 1000)
            table.add("start of the process to its first request", values, "ms", "< 30 ms")
        if "chain" in only:
            walls, memory = [], []
            for _ in range(args.runs):
                wall, report, _ = collect(chains(url), 10)
                assert report["records"] == 10_000
                walls.append(wall)
                memory.append(mib(report))
            table.add("10 chains x 10 pages, 50 ms, sqlite", walls, "s", "<= 0.575 + start-up")
        if "bulk" in only:
            for kind, goal in [("sqlite", 150_000), ("ndjson", 500_000)]:
                for records in [200_000] + ([2_000_000] if args.large else []):
                    collect(bulk(url, kind, records), 8)  # the origin renders its pages once
                    rates, memory = [], []
                    for _ in range(args.runs):
                        wall, report, _ = collect(bulk(url, kind, records), 8)
                        assert report["records"] == records, report["records"]
                        rates.append(records / wall)
                        memory.append(mib(report))
                    note = f"peak {statistics.median(memory):.0f} MiB"
                    table.add(f"{records:,} records, no latency, {kind}", rates, "records/s", f">= {goal:,}", note)
        if "feeds" in only:
            first, second = [], []
            for _ in range(args.runs):
                folder = tempfile.mkdtemp(prefix="busta-bench-")
                wall, report, _ = collect(feeds(feed_urls(url)), 10, folder)
                assert report["records"] == 10_000, report["records"]
                first.append(wall)
                written = os.stat(Path(folder, "out.db")).st_mtime_ns
                wall, report, _ = collect(feeds(feed_urls(url)), 10, folder)
                assert report["records"] == 0, report["records"]
                assert os.stat(Path(folder, "out.db")).st_mtime_ns == written, "the second run wrote"
                second.append(wall)
                shutil.rmtree(folder)
            table.add("500 feeds x 20 entries, 50 ms, pool 10", first, "s", "<= 2.75")
            table.add("the same again (304)", second, "s", "<= 2.75")
        if "stac" in only:
            stac_searches(origin, table, args.runs)
            stac_bulk(origin, table, args.runs)
    if "files" in only:
        folder = Path(tempfile.mkdtemp(prefix="busta-bench-"))
        make_files(folder)
        for kind, goal in [("sqlite", 20_000), ("ndjson", 60_000)]:
            rates = []
            for _ in range(args.runs):
                wall, report, _ = collect(files(kind), 8, folder)
                assert report["records"] == 10_000, report["records"]
                rates.append(10_000 / wall)
                for left in [".busta", "out.db", "out.db-wal", "out.db-shm", "out"]:
                    path = folder / left
                    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
            table.add(f"10,000 JSON files of 5-6 KB, warm, {kind}", rates, "files/s", f">= {goal:,}")
        shutil.rmtree(folder)
    if args.json:
        args.json.write_text(json.dumps(table.rows, indent=2))


if __name__ == "__main__":
    main()
