#!/usr/bin/env python3
"""Collects from servers with limits: with the best fixed limit for each, and with nothing but what busta learns.

    cargo build --release && benches/adaptive.py [--pages 3000] [--json FILE] [--markdown FILE]

All limits of the configuration are 32. The sandbox counts requests and refusals, and times are its own: from the
first request to the last answer. Needs nothing but Python and the binary, on Linux. It takes about five minutes,
most of which is waiting.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from harness import BUSTA, Sandbox, add_outputs, measure, publish

LATENCY = "latency=30ms"
SERVERS = {
    "4 at once": ("concurrency=4", "max_concurrency: 4"),
    "4 at once, without `Retry-After`": ("concurrency=4,retry_after=none", "max_concurrency: 4"),
    "12 at once": ("concurrency=12", "max_concurrency: 12"),
    "12 at once, without `Retry-After`": ("concurrency=12,retry_after=none", "max_concurrency: 12"),
    "50 a second": ("rate=50:1s", "rate_limit: 50/s"),
}
"""What each does, and the best fixed limit."""

CONFIGURATION = """
destination: {{ type: ndjson, path: out }}
concurrency: 32
pools: {{ api: 32 }}
{limits}
sources:
  - name: pages
    type: api
    base_url: {url}/as/{name}/with/{profile}
    streams:
      - name: pages
        path: /rest/page/pages?size={size}
        records: $.items
        primary_key: id
        pagination: {{ type: page, per_page: 10, total_path: $.total }}
"""
COLLECT = ["sources", "collect", "--parallel", "--concurrency", "32"]


def collect(args, sandbox, name, profile, limits):
    """Seconds, and the share of refusals."""
    with tempfile.TemporaryDirectory() as folder:
        text = CONFIGURATION.format(limits=limits, url=sandbox.url, name=name, profile=profile, size=args.pages * 10)
        (Path(folder) / "busta.yaml").write_text(text)
        sandbox.reset()
        took = measure([args.busta, *COLLECT], folder, Path(folder) / "log")
        seen = sandbox.stats()["groups"][name]
        if took.code or seen["statuses"]["200"] < args.pages:
            sys.exit((Path(folder) / "log").read_text())
        seconds = (seen["last_answer_us"] - seen["first_request_us"]) / 1e6
        return {"seconds": seconds, "refused": seen["rate_limited"] / seen["requests"]}


def table(results):
    lines = ["| server | best fixed limit | learnt | | refused |", "| --- | --- | --- | --- | --- |"]
    for server, (fixed, learnt) in results.items():
        times = learnt["seconds"] / fixed["seconds"]
        lines.append(
            f"| {server} | {fixed['seconds']:.1f} s | {learnt['seconds']:.1f} s | {times:.2f}x "
            f"| {learnt['refused']:.2%} |"
        )
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--busta", type=Path, default=BUSTA)
    parser.add_argument("--pages", type=int, default=3_000)
    add_outputs(parser)
    args = parser.parse_args()
    results = {}
    with Sandbox(args.busta) as sandbox:
        for number, (server, (limit, best)) in enumerate(SERVERS.items()):
            fixed = f"hosts: {{ 127.0.0.1: {{ {best}, adaptive_concurrency: false }} }}"
            profile = f"{LATENCY},{limit}"
            results[server] = [
                collect(args, sandbox, f"fixed{number}", profile, fixed),
                collect(args, sandbox, f"learnt{number}", profile, ""),
            ]
    publish(args, results, table(results))


if __name__ == "__main__":
    main()
