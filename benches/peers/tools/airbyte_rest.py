"""Airbyte: a low-code manifest of its CDK; the messages of the connector are kept as they come."""

import json
import sys

from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.models import ConfiguredAirbyteCatalogSerializer
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource

work = json.loads(sys.argv[1])
PAGINATION = {
    "next": {
        "page_token_option": {"type": "RequestPath"},
        "pagination_strategy": {
            "type": "CursorPagination",
            "cursor_value": "{{ response.get('next') }}",
            "stop_condition": "{{ not response.get('next') }}",
        },
    },
    "page": {
        "page_token_option": {"type": "RequestOption", "inject_into": "request_parameter", "field_name": "page"},
        "pagination_strategy": {"type": "PageIncrement", "start_from_page": 1, "page_size": 100},
    },
}


def stream(name, url):
    path, _, query = url.removeprefix(work["base"]).partition("?")
    return {
        "type": "DeclarativeStream",
        "name": name,
        "primary_key": "id",
        "retriever": {
            "type": "SimpleRetriever",
            "requester": {
                "type": "HttpRequester",
                "url_base": work["base"],
                "path": path,
                "http_method": "GET",
                "request_parameters": dict(pair.split("=") for pair in query.split("&")),
            },
            "record_selector": {
                "type": "RecordSelector",
                "extractor": {"type": "DpathExtractor", "field_path": ["items"]},
            },
            "paginator": {"type": "DefaultPaginator", **PAGINATION[work["pagination"]]},
        },
        "schema_loader": {
            "type": "InlineSchemaLoader",
            "schema": {"type": "object", "additionalProperties": True, "properties": {"id": {"type": "integer"}}},
        },
    }


manifest = {
    "version": "6.0.0",
    "type": "DeclarativeSource",
    "check": {"type": "CheckStream", "stream_names": [next(iter(work["streams"]))]},
    "concurrency_level": {"type": "ConcurrencyLevel", "default_concurrency": work["concurrency"]},
    "streams": [stream(name, url) for name, url in work["streams"].items()],
    "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}},
}
catalog = {
    "streams": [
        {
            "stream": {"name": name, "json_schema": {}, "supported_sync_modes": ["full_refresh"]},
            "sync_mode": "full_refresh",
            "destination_sync_mode": "append",
        }
        for name in work["streams"]
    ]
}
with open("config.json", "w") as file:
    json.dump({}, file)
with open("catalog.json", "w") as file:
    json.dump(catalog, file)

arguments = ["read", "--config", "config.json", "--catalog", "catalog.json"]
source = ConcurrentDeclarativeSource(
    catalog=ConfiguredAirbyteCatalogSerializer.load(catalog), config={}, state=None, source_config=manifest
)
with open("out/messages.jsonl", "w") as out:
    for message in AirbyteEntrypoint(source).run(AirbyteEntrypoint.parse_args(arguments)):
        out.write(message + "\n")
