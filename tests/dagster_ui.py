"""Backfills as the Dagster UI launches them, by its GraphQL."""

import json
import time
import urllib.request
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

_BACKFILL = """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_PROGRESS = """query($id: String!) { partitionBackfillOrError(backfillId: $id) { __typename
  ... on PartitionBackfill { status error { message } runs { status assetSelection { path } tags { key value } } } } }"""


def ask(url: str, query: str, **variables: Any) -> dict[str, Any]:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{url}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  # loopback
        return json.load(answer)["data"]


def launch_backfill(url: str, tables: Sequence[str], days: Iterable[date]) -> str:
    """Its id; a code server may be loaded a little after the webserver."""
    params = {
        "assetSelection": [{"path": [name]} for name in tables],
        "partitionNames": [day.isoformat() for day in days],
        "title": "28 days",
    }
    for _ in range(100):
        launched = ask(url, _BACKFILL, p=params)["launchPartitionBackfill"]
        if launched["__typename"] == "LaunchBackfillSuccess":
            return launched["backfillId"]
        time.sleep(2)
    raise AssertionError(launched)


def ended_backfill(url: str, backfill: str) -> dict[str, Any]:
    """What became of it, however slow the machine is: it ends, or CI ends it."""
    for _ in range(1_200):
        known = ask(url, _PROGRESS, id=backfill)["partitionBackfillOrError"]
        if known["status"] not in {"REQUESTED", "COMPLETING"}:
            return known
        time.sleep(1.5)
    raise AssertionError(known)
