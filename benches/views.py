#!/usr/bin/env python3
"""Asks the views of a large table, alone and while a collection writes, and says what a view costs the writer.

    cargo build --release && benches/views.py [--posts 1000000] [--seconds 30] [--json FILE] [--markdown FILE]

Posts of thirty days in 14 groups, in no order, with words as frequent as words are (the n-th in proportion to 1/n).
They are collected without a view and with one. Then users ask the server: each asks one of the questions by
chance, for another group, length or text each time, and asks again when it is answered. What the view says is compared with
what SQL and Python find in the table. Needs nothing but Python and the binary, on Linux.
"""

import argparse
import json
import math
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from harness import BUSTA, add_outputs, measure, publish
from load import Server, summary
from users import Crowd

DAYS = 30
GROUPS = 14
WORDS = 50_000
ROUND = 5_000
"""Records that a collection brings while users ask: half of them new, half of them posts with another score."""

CONFIGURATION = """
destination: {{ type: sqlite, path: posts.db }}
{datasets}
sources:
  - {{ name: posts, type: files, paths: [{folder}/posts.ndjson], stream: posts, primary_key: id }}
  - {{ name: live, type: files, paths: [{folder}/live/*.ndjson], stream: posts, primary_key: id, enabled: false }}
"""
VIEW = """
datasets:
  posts: { view: { time: created_utc, group_by: subreddit, text: [title], score: score, sentiment: sentiment } }
"""


class Posts:
    """Makes posts."""

    def __init__(self, seed=7):
        self.chance = random.Random(seed)
        self.now = int(time.time())
        self.made = 0

    def words(self, count):
        # Uniform in the logarithm of the rank is proportional to 1/rank.
        return " ".join(f"w{int(WORDS ** self.chance.random())}x" for _ in range(count))

    def post(self, number, age):
        chance = self.chance
        compound = round(chance.uniform(-1, 1), 4)
        label = "positive" if compound >= 0.05 else "negative" if compound <= -0.05 else "neutral"
        return {
            "id": f"p{number}",
            "subreddit": f"s{number % GROUPS}",
            "title": self.words(chance.randrange(4, 24)),
            "created_utc": self.now - int(age),
            # A few have very many points.
            "score": int(1 / (chance.random() + 1e-4)),
            "sentiment_compound": compound,
            "sentiment_label": label,
        }

    def write(self, path, posts):
        with open(path, "w") as file:
            file.writelines(json.dumps(post) + "\n" for post in posts)

    def new(self, count, days):
        for _ in range(count):
            self.made += 1
            yield self.post(self.made, self.chance.uniform(0, days * 86_400))

    def round(self):
        """What a collection brings: posts of the last hours, and known ones that have another score."""
        known = [self.post(self.chance.randrange(1, self.made), self.chance.uniform(0, 86_400)) for _ in range(ROUND // 2)]
        return [*self.new(ROUND // 2, 0.1), *known]


class Writing(threading.Thread):
    """Collects new files until it is told to stop."""

    def __init__(self, server, posts, folder):
        super().__init__(daemon=True)
        self.server, self.posts, self.folder = server, posts, folder
        self.stop, self.rounds, self.took, self.error = threading.Event(), 0, 0.0, None

    def run(self):
        try:
            while not self.stop.is_set():
                self.posts.write(self.folder / f"{time.time_ns()}.ndjson", self.posts.round())
                self.took += self.server.collect("live", full=False)
                self.rounds += 1
        except (OSError, RuntimeError) as error:
            self.error = error


def questions(chance, count=200):
    """Of each question, so many of its forms."""

    def some(form):
        return [form() for _ in range(count)]

    def group():
        return f"&group=s{chance.randrange(GROUPS)}"

    def limit():
        return f"limit={chance.randrange(10, 60)}"

    def text():
        return f"&q=w{int(WORDS ** chance.random())}x"

    def label():
        return f"&label={chance.choice(['positive', 'neutral', 'negative'])}"

    mix = {
        "recent": some(lambda: f"/posts/recent?{limit()}"),
        "recent, group": some(lambda: f"/posts/recent?{limit()}{group()}"),
        "recent, label": some(lambda: f"/posts/recent?{limit()}{label()}"),
        "recent, words": some(lambda: f"/posts/recent?{limit()}{text()}"),
        "recent, words and group": some(lambda: f"/posts/recent?{limit()}{text()}{group()}"),
    }
    for window, bucket in (("24h", "1h"), ("7d", "1h"), ("30d", "1h"), ("30d", "1d")):
        path = f"/sentiment/stats?window={window}&bucket={bucket}"
        mix[f"stats, {window} by {bucket}"] = [path]
        mix[f"stats, {window} by {bucket}, group"] = some(lambda path=path: path + group())
    for window in ("24h", "7d", "30d"):
        path = f"/trending?window={window}&"
        mix[f"trending, {window}"] = some(lambda path=path: path + limit())
        mix[f"trending, {window}, group"] = some(lambda path=path: path + limit() + group())
    return mix


def collected(args, folder, data, view):
    """Collects all posts; what the process took, and its folder."""
    place = folder / ("with" if view else "without")
    place.mkdir()
    (place / "busta.yaml").write_text(CONFIGURATION.format(folder=data, datasets=VIEW if view else ""))
    took = measure([args.busta, "sources", "collect"], place, place / "log", timeout=7_200)
    if took.code:
        sys.exit((place / "log").read_text())
    return place, took


def asked(server, args, writing=None):
    """What users waited for, with a collection beside them or not."""
    crowd = Crowd(server.address, args.users, 0, questions(random.Random(3)))
    if writing:
        writing.start()
    took = crowd.run(args.seconds)
    if writing:
        writing.stop.set()
        writing.join()
        if writing.error:
            raise writing.error
    return [summary(name, route.waits, route.errors, took) for name, route in crowd.routes.items()]


def compared(server, database):
    """How many answers were compared with what SQL and Python find in the table; exits if one is another."""
    rows = sqlite3.connect(database)
    asked = 0
    for window in ("24h", "7d", "30d"):
        for group in (None, "s3"):
            where = "" if group is None else f" AND subreddit = '{group}'"
            named = "" if group is None else f"&group={group}"
            stats = server.get(f"/sentiment/stats?window={window}{named}")
            equal("stats", stats["total"], expected_stats(rows, stats, where))
            now = time.time()
            trending = server.get(f"/trending?window={window}{named}")
            equal("terms", [tuple(term.values()) for term in trending["terms"]], expected_terms(rows, trending, where))
            velocities = [record["velocity"] for record in trending["records"]]
            equal("records", velocities, expected_velocities(rows, trending, where, now))
            asked += 2
    return asked


def equal(what, found, expected):
    def same(a, b):
        if isinstance(a, float) or isinstance(b, float):
            return math.isclose(a, b, rel_tol=1e-3)
        if isinstance(a, (list, tuple)):
            return len(a) == len(b) and all(map(same, a, b))
        return a == b

    found, expected = (list(x.values()) if isinstance(x, dict) else x for x in (found, expected))
    if not same(found, expected):
        sys.exit(f"{what}: the view says {found}, the table {expected}")


def span(answer):
    times = [time.strptime(answer[end][:19], "%Y-%m-%dT%H:%M:%S") for end in ("from", "to")]
    return [int(time.mktime(t) - time.timezone) for t in times]


def expected_stats(rows, answer, where):
    sums = ", ".join(f"sum(sentiment_label = '{label}')" for label in ("positive", "neutral", "negative"))
    sql = f"SELECT count(*), {sums}, avg(sentiment_compound) FROM posts WHERE created_utc >= ? AND created_utc < ?{where}"
    names = ("records", "positive", "neutral", "negative", "compound_mean")
    return dict(zip(names, rows.execute(sql, span(answer)).fetchone()))


def expected_velocities(rows, answer, where, now):
    # No score has changed yet, so what counts is the score over the age.
    pace = f"max(score, 0) / max(({now} - created_utc) / 3600.0, 1)"
    sql = f"SELECT {pace} FROM posts WHERE created_utc >= ? AND created_utc < ?{where} ORDER BY 1 DESC LIMIT 20"
    return [pace for (pace,) in rows.execute(sql, span(answer))]


def expected_terms(rows, answer, where):
    begin, end = span(answer)
    counts, posts = (Counter(), Counter()), [0, 0]
    for created, title in rows.execute(f"SELECT created_utc, title FROM posts WHERE created_utc < ?{where}", (end,)):
        before = created < begin
        posts[before] += 1
        counts[before].update(set(title.split()))
    window, past = counts
    terms = []
    for term, count in window.items():
        before = past[term] / posts[1] * posts[0] if posts[1] else 0.0
        growth = (count - before) / math.sqrt(before + 1)
        if count >= 3 and growth > 0:
            terms.append((term, count, before, growth))
    return sorted(terms, key=lambda t: (-t[3], -t[1], t[0]))[:20]


def table(result):
    """As Markdown."""
    settings = result["settings"]
    lines = [
        f"{settings['posts']:,} posts, {settings['users']} users who ask without a pause:",
        "",
        "| question | p50 | p99 | longest | p50, collecting | p99, collecting | longest | errors |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for alone, beside in zip(*result["loads"]):
        times = [row[key] for row in (alone, beside) for key in ("p50_ms", "p99_ms", "max_ms")]
        shown = " | ".join("-" if took is None else f"{took:.1f} ms" for took in times)
        errors = Counter(alone["errors"]) + Counter(beside["errors"])
        lines.append(f"| {alone['route']} | {shown} | {', '.join(f'{n} x {why}' for why, n in errors.items()) or 0} |")
    lines += ["", "| collecting them | rows/s | CPU per row | peak memory | database |", "| --- | --- | --- | --- | --- |"]
    for name, one in result["collections"].items():
        lines.append(
            f"| {name} | {settings['posts'] / one['wall_s']:,.0f} | {one['cpu_s'] / settings['posts'] * 1e6:.0f} us "
            f"| {one['peak_mib']:.0f} MiB | {one['database_mib']:.0f} MiB |"
        )
    writing = result["writing"]
    lines += [
        "",
        f"{result['compared']} answers are what SQL and Python find in the table. With the users, {writing['rounds']} "
        f"collections of {ROUND:,} posts took {writing['took_s'] / max(1, writing['rounds']):.2f} s each.",
    ]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=30, help="how long users ask, alone and beside a collection")
    parser.add_argument("--busta", type=Path, default=BUSTA, help="another build")
    parser.add_argument("--folder", type=Path, help="where to put it all meanwhile: choose the disk that matters")
    add_outputs(parser)
    args = parser.parse_args()

    folder = Path(tempfile.mkdtemp(prefix="busta-views-", dir=args.folder))
    try:
        data = folder / "data"
        (data / "live").mkdir(parents=True)
        posts = Posts()
        posts.write(data / "posts.ndjson", posts.new(args.posts, DAYS))
        collections = {}
        for name, view in (("without a view", False), ("with a view", True)):
            place, took = collected(args, folder, data, view)
            collections[name] = {
                "wall_s": took.wall,
                "cpu_s": took.cpu,
                "peak_mib": took.peak / 2**20,
                "database_mib": (place / "posts.db").stat().st_size / 2**20,
            }
        with Server(args.busta, place) as server:
            found = compared(server, place / "posts.db")
            alone = asked(server, args)
            writing = Writing(server, posts, data / "live")
            loads = [alone, asked(server, args, writing)]
        settings = {key: value for key, value in vars(args).items() if not isinstance(value, Path | None)}
        result = {
            "settings": settings,
            "collections": collections,
            "compared": found,
            "loads": loads,
            "writing": {"rounds": writing.rounds, "took_s": writing.took},
        }
    finally:
        shutil.rmtree(folder)
    publish(args, result, table(result))
    if any(route["errors"] for load in loads for route in load):
        sys.exit(1)


if __name__ == "__main__":
    main()
