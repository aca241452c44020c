"""newsboat, the feed reader of the terminal, without its terminal: `-x reload`."""

import json
import os
import sys

work = json.loads(sys.argv[1])
with open("urls", "w") as urls:
    urls.writelines(url + "\n" for url in work["feeds"])
with open("config", "w") as config:
    config.write(f"reload-threads {work['concurrency']}\n")
os.execvp("newsboat", ["newsboat", "-q", "-u", "urls", "-C", "config", "-c", "out.db", "-x", "reload"])
