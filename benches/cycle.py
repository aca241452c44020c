#!/usr/bin/env python3
"""A whole cycle of `recipes/reddit.yaml` with people at the dashboard and users of the API, and what it cost both.

    cargo build --release && benches/cycle.py [--faster 5] [--comments 300] [--users 100] [--markdown FILE]

The sandbox plays Reddit: 14 subreddits with 50 posts each, each post with so many comments, 100 requests a minute
(here as many `--faster`, so that a cycle takes two minutes and not eight). It refuses what is above its limit, and counts
that. The recipe runs as it is shipped, started by its own schedule: once with nobody looking, and once with a browser
that has the dashboard's pages open, users who ask the API, and clients of the activity stream; then once more half an
hour of the sandbox's time later. Needs Python and the binary, on Linux; and for the browser node, playwright-core
(`cd ui && npm ci`) and a Chromium.
"""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from contextlib import closing
from pathlib import Path

from harness import BUSTA, ROOT, Sandbox, add_outputs, publish
from load import Server, summary
from users import Crowd

PER_MINUTE = 100
"""What Reddit allows."""
TABLES = ["comments", "posts", "subreddits"]
CHROMIUM = ROOT / "target/judges/chromium/bin/chromium"


class Cycling(Server):
    """`busta serve` with the recipe, whose first cycle starts by itself."""

    def first_run(self):
        return self.newest(lambda run: True)

    def newest(self, fits):
        while True:
            runs = [run["id"] for run in self.get("/api/v1/runs?limit=1")["items"] if fits(run)]
            if runs:
                return runs[0]
            time.sleep(0.1)

    def again(self):
        """Starts the next cycle."""
        request = urllib.request.Request(
            f"{self.url}/api/v1/sources/reddit/collect", b"{}", {"content-type": "application/json"}
        )
        return json.load(urllib.request.urlopen(request))["run_id"]

    def until_ended(self, run):
        while (now := self.get(f"/api/v1/runs/{run}"))["state"] in ("queued", "running"):
            time.sleep(0.2)
        if now["state"] != "completed":
            sys.exit(f"the cycle is {now['state']}: {json.dumps(now)[:2000]}")
        return now

    def rows(self):
        """How many rows have landed in each table, by the file itself."""
        with closing(sqlite3.connect(f"file:{self.folder}/reddit.db?mode=ro", uri=True)) as db:
            return {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}


class People:
    """The browser with its tabs; none if it cannot be had."""

    def __init__(self, args, server, run):
        env = {**os.environ, "BUSTA_URL": server.url, "BUSTA_RUN": run, "BUSTA_CHROMIUM": str(args.chromium)}
        script = Path(__file__).with_name("cycle.mjs")
        self.node = subprocess.Popen(
            [args.node, script], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if self.node.stdout.readline().strip() != "ready":
            sys.exit("the browser does not start; `--no-browser` goes without")

    def leave(self):
        said, _ = self.node.communicate()
        return json.loads(said)


def mix(run):
    """What users ask for, each of these as often as another: the pages of the dashboard, and the seed's paths."""
    return {
        "health": ["/health"],
        "overview": ["/api/v1/overview"],
        "runs": ["/api/v1/runs?limit=20"],
        "the run": [f"/api/v1/runs/{run}"],
        "sources": ["/api/v1/sources"],
        "the source": ["/api/v1/sources/reddit"],
        "datasets": ["/api/v1/datasets"],
        "posts/recent": ["/posts/recent?limit=25", "/posts/recent?limit=25&group=rust"],
        "sentiment/stats": ["/sentiment/stats?window=7d&bucket=1d", "/sentiment/stats?window=24h"],
        "trending": ["/trending?window=24h&limit=20", "/trending?window=7d&limit=20"],
    }


class Users(threading.Thread):
    """Users of the API until they are told to leave."""

    def __init__(self, args, server, run):
        super().__init__(daemon=True)
        self.crowd = Crowd(server.address, args.users, args.streams, mix(run), args.pause)
        self.leave, self.took = threading.Event(), 0.0

    def run(self):
        while not self.leave.is_set():
            self.took += self.crowd.run(1)

    def seen(self):
        routes = [
            summary(name, route.waits, dict(route.errors), self.took) for name, route in self.crowd.routes.items()
        ]
        errors = Counter()
        for route in self.crowd.routes.values():
            errors.update(route.errors)
        everything = [wait for route in self.crowd.routes.values() for wait in route.waits]
        routes.append(summary("all", everything, dict(errors), self.took))
        return {
            "routes": routes,
            "errors": errors.total(),
            "streams_lost": self.crowd.lost_streams,
            "events": sum(stream.events for stream in self.crowd.streams),
            "gaps": sum(stream.gaps for stream in self.crowd.streams),
        }


def environment(origin, args):
    world = f"subreddits=14,posts=50,comments={args.comments},new=5,start=now,limit={PER_MINUTE * args.faster}:60s"
    return {
        **os.environ,
        "REDDIT_URL": f"{origin.url}/with/latency={args.latency}ms,jitter={args.latency // 2}ms/reddit/{world}",
        "REDDIT_RATE": f"{PER_MINUTE * args.faster}/m",
        "REDDIT_ID": "sandbox-client",
        "REDDIT_SECRET": "sandbox-client-secret",
        "REDDIT_USER": "sandbox",
    }


def cycle(args, watched):
    """A server from its start to the end of its first cycle; and of a second one, if somebody watches."""
    folder = Path(tempfile.mkdtemp(prefix="busta-cycle-"))
    try:
        with Sandbox(args.busta) as origin:
            shutil.copy(ROOT / "recipes/reddit.yaml", folder / "busta.yaml")
            with Cycling(args.busta, folder, environment(origin, args)) as server:
                run = server.first_run()
                people = People(args, server, run) if watched and args.browser else None
                users = Users(args, server, run) if watched else None
                if users:
                    users.start()
                result = {"first": ended(server, origin, server.until_ended(run))}
                if watched:
                    advance(origin)
                    result["second"] = ended(server, origin, server.until_ended(server.again()))
                    users.leave.set()
                    users.join()
                    result["users"] = users.seen()
                    result["people"] = people.leave() if people else None
                result["peak_mib"] = server.peak_mib()
                result["cpu_s"] = server.cpu_seconds()
                return result
    finally:
        shutil.rmtree(folder)


def ended(server, origin, run):
    """What a cycle was; the sandbox counts anew from here."""
    stats = origin.stats()
    origin.reset()
    return {
        "seconds": run["duration_s"],
        "totals": run["totals"],
        "rows": server.rows(),
        "asked": stats["total"]["requests"],
        "refused": stats["total"].get("limited", 0),
    }


def advance(origin):
    urllib.request.urlopen(urllib.request.Request(f"{origin.url}/_sandbox/advance?reddit=1", method="POST")).read()


def table(args, alone, watched):
    """As Markdown."""
    first, second = watched["first"], watched["second"]
    lines = [
        f"14 subreddits, 50 posts each, {args.comments} comments each, {PER_MINUTE * args.faster:,} requests a minute, "
        f"{args.users} users who pause {args.pause} s, {args.streams} streams of events"
        f"{', five tabs of the dashboard in Chromium' if watched['people'] else ''}:",
        "",
        "| cycle | took | records | requests | refused (429) |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, one in [("alone", alone["first"]), ("watched", first), ("watched, half an hour later", second)]:
        lines.append(
            f"| {name} | {one['seconds']:.1f} s | {one['totals']['records']:,} | {one['asked']:,} | {one['refused']} |"
        )
    rows = ", ".join(f"{count:,} {name}" for name, count in sorted(second["rows"].items()))
    lines += ["", f"Landed: {rows}.", "", "| | requests/s | p50 | p99 | longest | errors |"]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for row in watched["users"]["routes"]:
        times = " | ".join("-" if row[key] is None else f"{row[key]:.1f} ms" for key in ("p50_ms", "p99_ms", "max_ms"))
        errors = ", ".join(f"{count} x {why}" for why, count in row["errors"].items()) or "0"
        lines.append(f"| {row['route']} | {row['per_s']:,.0f} | {times} | {errors} |")
    users, people = watched["users"], watched["people"]
    lines += [
        "",
        f"{users['events']:,} events sent, {users['gaps']} gaps, {users['streams_lost']} streams lost. "
        f"Peak memory {watched['peak_mib']:.0f} MiB ({alone['peak_mib']:.0f} alone), {watched['cpu_s']:.1f} s of the "
        f"processor in both cycles ({alone['cpu_s']:.1f} s alone, for the first).",
    ]
    if people:
        frames = ", ".join(f"`{path}` {took} ms" for path, took in people["slowest_frame_ms"].items())
        lines.append(
            f"The browser: {len(people['problems'])} problems, {people['seconds_without_connection']} s without a "
            f"connection; the longest time between two frames: {frames}."
        )
        lines += [f"- {problem}" for problem in people["problems"][:20]]
    return "\n".join(lines) + "\n"


def failed(args, alone, watched):
    """What is not as it should be."""
    users, people = watched["users"], watched["people"]
    rows = watched["first"]["rows"]
    checks = {
        "posts are missing": rows.get("posts", 0) < 700,
        "comments are missing": rows.get("comments", 0) < 4_000,
        "the limit was exceeded": any(one["refused"] for one in (alone["first"], watched["first"], watched["second"])),
        "users met errors": users["errors"],
        "streams were lost": users["streams_lost"] or users["gaps"],
        "the browser met problems": people and (people["problems"] or people["seconds_without_connection"]),
        "p99 is over 100 ms": users["routes"][-1]["p99_ms"] > 100,
    }
    return [why for why, wrong in checks.items() if wrong]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faster", type=int, default=5, help="so many times the requests that Reddit allows")
    parser.add_argument("--comments", type=int, default=300, help="of each post")
    parser.add_argument("--latency", type=int, default=40, help="milliseconds that Reddit takes for an answer")
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--pause", type=float, default=1, help="seconds between an answer and the next request")
    parser.add_argument("--streams", type=int, default=20, help="clients of the activity stream")
    parser.add_argument("--no-browser", dest="browser", action="store_false")
    parser.add_argument("--chromium", type=Path, default=CHROMIUM)
    parser.add_argument("--node", default="node")
    parser.add_argument("--busta", type=Path, default=BUSTA, help="another build")
    add_outputs(parser)
    args = parser.parse_args()

    alone = cycle(args, watched=False)
    watched = cycle(args, watched=True)
    publish(args, {"alone": alone, "watched": watched}, table(args, alone, watched))
    if wrong := failed(args, alone, watched):
        sys.exit("; ".join(wrong))


if __name__ == "__main__":
    main()
