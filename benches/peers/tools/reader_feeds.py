"""reader, the feed reader library: it stores feeds in SQLite and updates them in threads."""

import json
import sys

import reader

work = json.loads(sys.argv[1])
store = reader.make_reader("out.db")
for url in work["feeds"]:
    store.add_feed(url)
store.update_feeds(workers=work["concurrency"])
