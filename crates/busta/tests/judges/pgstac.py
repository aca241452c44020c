"""What a database of pgstac, and others that ask it, say. Reads a task from standard input as JSON.

    pgstac.py search < {"url", "dsn", "counts": true, "searches": {NAME: BODY}}
        lets the API tell how many items match, or not; prints for each search the (collection, id) that
        the database itself finds: {NAME: [...]}. Fails if pystac-client gets something else from the API
    pgstac.py load < {"dsn", "collections": FILE, "items": FILE}
        loads the files into a new, empty database with pypgstac and prints the items that are in it then
"""

import json
import subprocess
import sys

import psycopg
import pystac_client

ALL = 10_000
SMALL = 100


def in_database(dsn, body):
    with psycopg.connect(dsn) as connection:
        connection.execute("SET search_path TO pgstac, public")
        [found] = connection.execute("SELECT search(%s::jsonb)", [json.dumps({**body, "limit": ALL})]).fetchone()
    return found["features"]


def keys(items):
    return sorted((item["collection"], item["id"]) for item in items)


# What pystac-client names otherwise, or does not take as a body has it.
def by_client(client, body):
    search = dict(body)
    if "filter-lang" in search:
        search["filter_lang"] = search.pop("filter-lang")
    # Items without what the fields leave out are none to pystac; ids are enough here.
    search.pop("fields", None)
    return client.search(**{**search, "limit": 1000})


def search(url, dsn, counts, searches):
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "INSERT INTO pgstac.pgstac_settings (name, value) VALUES ('context', %s)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            ["on" if counts else "off"],
        )
    client = pystac_client.Client.open(url)
    found = {}
    for name, body in searches.items():
        found[name] = keys(in_database(dsn, {**body, "fields": {"include": ["id", "collection"]}}))
        agree(name, found[name], by_client(client, body), counts)
    return found


# Every page costs the server much, so the client reads small searches only, and asks how many of others.
def agree(name, found, search, counts):
    if len(found) <= SMALL:
        assert keys(search.items_as_dicts()) == found, f"{name}: the database and the API do not agree"
    elif counts:
        assert search.matched() == len(found), f"{name}: {search.matched()} instead of {len(found)}"


def load(dsn, collections, items):
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE DATABASE empty")
    dsn = dsn.replace("@/stac", "@/empty")
    for arguments in (["migrate"], ["load", "collections", collections], ["load", "items", items]):
        command = [sys.executable, "-m", "pypgstac.pypgstac", *arguments, "--dsn", dsn]
        subprocess.run(command, check=True, stdout=sys.stderr)
    return in_database(dsn, {})


if __name__ == "__main__":
    task = {"search": search, "load": load}[sys.argv[1]]
    json.dump(task(**json.load(sys.stdin)), sys.stdout)
