"""Days on which nothing came, shown in the UI as what they are. What must not be here: which days are computed."""

from collections.abc import Collection, Iterable
from datetime import date, timedelta
from itertools import pairwise

import dagster as dg

from assets.automation import day_keys
from assets.resources import Home
from pipeline.core.state import RAW
from pipeline.ingest.manifests import objects_by_day, read_manifests

_ONE_DAY = timedelta(days=1)
# Of a longer stretch each day would cost a record per table, and one event with a wrong year makes thousands of days.
_LONGEST_DAYS = 31


def show_empty_days(instance: dg.DagsterInstance, home: Home) -> None:
    """Record days without events, or without files, between others: "missing" would look like work that wasn't done.

    Stretches of more than a month stay missing.
    """
    manifests = read_manifests(home.lake).values()
    with_events = {day for day in objects_by_day(manifests) if home.exists(day)}
    arrived = {day for each in manifests if home.exists(day := date.fromisoformat(each.arrived))}
    raw, events = home.names.key(RAW), home.names.key("events")
    _record(instance, [raw], _unknown(instance, raw, arrived), "no file arrived on this day")
    _record(instance, day_keys(home), _unknown(instance, events, with_events), "nothing happened on this day")


def _unknown(instance: dg.DagsterInstance, key: dg.AssetKey, days: Collection[date]) -> list[date]:
    """Days of stretches between `days` of which Dagster knows nothing yet."""
    between = {
        before + _ONE_DAY * n
        for before, after in pairwise(sorted(days))
        if (after - before).days <= _LONGEST_DAYS
        for n in range(1, (after - before).days)
    }
    known = instance.get_materialized_partitions(key) if between else set[str]()
    return sorted(day for day in between if str(day) not in known)


def _record(instance: dg.DagsterInstance, keys: Iterable[dg.AssetKey], days: Iterable[date], why: str) -> None:
    wanted = [*keys]
    for day in days:
        for key in wanted:
            instance.report_runless_asset_event(
                dg.AssetMaterialization(
                    key, partition=str(day), description=why, metadata={"dagster/partition_row_count": 0}
                )
            )
