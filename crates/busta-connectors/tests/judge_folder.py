"""What pystac makes of a folder of Items that busta wrote.

    judge_folder.py FOLDER TRUTH

Opens FOLDER/catalog.json and walks it: the Items must be those of the ndjson file TRUTH, but for links;
every root, parent, collection and item link must lead to what it says; and where jsonschema is installed, the
catalogue, the collections and the first Items must be valid by STAC's core schemas, which come with pystac.
Exits with 1 on a difference.
"""

import importlib.util
import json
import sys
from pathlib import Path

import pystac
from pystac.validation import RegisteredValidator

LINKS = {"root", "parent", "collection", "item", "child"}


def bare(item):
    fields = {name: value for name, value in item.items() if name != "links" and value is not None}
    fields["properties"] = {n: v for n, v in item["properties"].items() if v is not None or n == "datetime"}
    return fields


def key(item):
    return item.get("collection") or "", item["id"]


def check_links(thing):
    for link in thing.get_links():
        if link.rel in LINKS:
            target = link.resolve_stac_object(root=thing.get_root()).target
            assert Path(target.get_self_href()).exists(), (thing.id, link)
            if link.rel in ("parent", "collection"):
                assert any(
                    below.target.get_self_href() == thing.get_self_href()
                    for below in target.get_links()
                    if below.rel in ("item", "child") and below.resolve_stac_object()
                ), (thing.id, link)


def check_valid(thing):
    found = thing.to_dict(include_self_link=False, transform_hrefs=False)
    version = found["stac_version"]
    RegisteredValidator.get_validator().validate_core(found, thing.STAC_OBJECT_TYPE, version)


def has_schemas():
    return importlib.util.find_spec("jsonschema") is not None


def main(folder, truth):
    expected = [json.loads(line) for line in Path(truth).read_text().splitlines()]
    catalog = pystac.Catalog.from_file(str(Path(folder) / "catalog.json"))
    items = list(catalog.get_items(recursive=True))
    collections = list(catalog.get_children())
    for thing in [catalog, *collections, *items[:50]]:
        check_links(thing)
        if has_schemas():
            check_valid(thing)
    found = [bare(item.to_dict(include_self_link=False, transform_hrefs=False)) for item in items]
    found.sort(key=key)
    # pystac brings old Items to the newest version of STAC.
    expected = [pystac.Item.from_dict(item).to_dict(transform_hrefs=False) for item in expected]
    expected = sorted(map(bare, expected), key=key)
    for item, truth in zip(found, expected, strict=True):
        if item != truth:
            for name in item.keys() | truth.keys():
                if item.get(name) != truth.get(name):
                    print(f"{truth['id']}: {name}: {item.get(name)} instead of {truth.get(name)}")
            return 1
    print(f"pystac: {len(found)} items in {len(collections)} collections agree, schemas {'too' if has_schemas() else 'not asked'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
