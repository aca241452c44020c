"""Python alone: `json` reads each file and writes a line."""

import json
import sys
from pathlib import Path

work = json.loads(sys.argv[1])
with open("out/rows.ndjson", "w") as out:
    for path in sorted(Path(work["folder"]).rglob("*.json")):
        out.write(json.dumps(json.loads(path.read_text())) + "\n")
