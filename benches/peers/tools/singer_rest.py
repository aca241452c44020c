"""Meltano's Singer SDK: a tap of REST streams, which are read one after another; its messages are kept."""

import contextlib
import json
import sys
from urllib.parse import parse_qsl, urlsplit

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.pagination import BaseHATEOASPaginator, BasePageNumberPaginator

work = json.loads(sys.argv[1])


class NextUrl(BaseHATEOASPaginator):
    def get_next_url(self, response):
        return response.json()["next"]


class PageNumber(BasePageNumberPaginator):
    def has_more(self, response):
        page = response.json()
        return page["page"] < page["pages"]


class Rest(RESTStream):
    records_jsonpath = "$.items[*]"
    primary_keys = ("id",)
    url_base = work["base"]
    schema = th.PropertiesList(th.Property("id", th.IntegerType), additional_properties=True).to_dict()

    def __init__(self, tap, name, url):
        path, _, self.query = url.removeprefix(work["base"]).partition("?")
        super().__init__(tap, name=name, path=path)

    def get_new_paginator(self):
        return NextUrl() if work["pagination"] == "next" else PageNumber(start_value=1)

    def get_url_params(self, context, next_page_token):
        if work["pagination"] == "next" and next_page_token:
            return dict(parse_qsl(urlsplit(next_page_token.geturl()).query))
        return dict(parse_qsl(self.query)) | ({"page": next_page_token} if next_page_token else {})


class TapRest(Tap):
    name = "tap-rest"
    config_jsonschema = th.PropertiesList().to_dict()

    def discover_streams(self):
        return [Rest(self, name, url) for name, url in work["streams"].items()]


with open("out/messages.jsonl", "w") as out, contextlib.redirect_stdout(out):
    TapRest(config={}).sync_all()
