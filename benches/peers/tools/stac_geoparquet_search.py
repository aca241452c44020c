"""pystac-client and stac-geoparquet: the reference writer of STAC into Parquet, fed batch by batch."""

import json
import sys

import pystac_client
import stac_geoparquet.arrow

work = json.loads(sys.argv[1])
client = pystac_client.Client.open(work["url"])
search = client.search(datetime=work["datetime"], limit=work["limit"], max_items=work.get("max_items"))
items = stac_geoparquet.arrow.parse_stac_items_to_arrow(search.items_as_dicts())
stac_geoparquet.arrow.to_parquet(items, "out/items.parquet")
