"""Whose event it is: links between devices and users, and users who are one person.

Definition: docs/definitions/events.md, "Identity". An event belongs to (1) its own user; else (2) the user of the last identify on its
device at or before it, until a reset; else (3) the user of the device's first identify, where none came before and no
reset lies between; else (4) the device. Everything here follows from the set of identity events, in whatever order they
came.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.core.contract import UTC_MICROSECONDS
from pipeline.core.days import ONE_DAY, day_start
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.events.duplicates import first_of_each_id, with_ids, without_repeated
from pipeline.events.keys import stable_keys
from pipeline.stats.buckets import by_bucket

_ORDER = ("occurred_at", "is_reset", "sequence", "source", "event_id")
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Identities:
    """`links`: the contract's identity_links. `users`: user_id to person_user_id, for users who are several ids."""

    links: pl.DataFrame
    users: pl.DataFrame


_REPORTED = (
    *("source", "event_id", "occurred_at", "received_at", "sequence", "anonymous_id", "user_id", "previous_user_id"),
)


def reported(raw: pl.LazyFrame, telling: Mapping[str, str]) -> pl.LazyFrame:
    """What accepted rows say of who somebody is.

    `telling` says per source which events name a device's user: `identify` events or each with a `user_id`.
    """
    by_user = [name for name, which in telling.items() if which == "user_id"]
    has_both = pl.col("anonymous_id").is_not_null() & pl.col("user_id").is_not_null()
    names_user = (pl.col("kind") == "identify") | pl.col("source").is_in(by_user)
    names_other = pl.col("user_id").is_not_null() & pl.col("previous_user_id").is_not_null()
    kind = (
        pl.when((pl.col("kind") == "alias") & names_other)
        .then(pl.lit("alias"))
        .when((pl.col("kind") == "reset") & pl.col("anonymous_id").is_not_null())
        .then(pl.lit("reset"))
        .when(names_user & has_both)
        .then(pl.lit("identify"))
    )
    return raw.with_columns(kind=kind).filter(pl.col("kind").is_not_null()).select(*_REPORTED, "kind")


def identity_events(rows: pl.DataFrame, day: date, repeated: pl.DataFrame) -> pl.DataFrame:
    """The identity events among what was `reported` of some devices, less those `repeated` from earlier days."""
    first = first_of_each_id(with_ids(rows))
    ordered = _in_order(without_repeated(first, repeated))
    telling = ordered.filter(~_tells_nothing_new(ordered))
    return TABLES["identity_events"].conform(telling.with_columns(day=pl.lit(day)))


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Sorted as the markers of a device count: at one instant identify first."""
    ordered = rows.with_columns(is_reset=pl.col("kind") == "reset")
    return ordered.sort("anonymous_id", *_ORDER, nulls_last=True)


def _tells_nothing_new(rows: pl.DataFrame) -> pl.Series:
    """True for an identify that says of its device what the marker before it said.

    Of resets none can go: the first ends what came before, the last begins what a later identify may claim.
    """
    of_device = rows.with_row_index("row").filter(pl.col("kind") != "alias")
    same = [pl.col(name).eq_missing(pl.col(name).shift()) for name in ("anonymous_id", "kind", "user_id")]
    again = of_device.filter(pl.all_horizontal(*same, ~pl.col("is_reset")).fill_null(value=False))["row"]
    return pl.int_range(rows.height, dtype=pl.UInt32, eager=True).is_in(again.implode())


def appearances(raw: pl.LazyFrame, day: date) -> pl.DataFrame:
    """Users of the day, and devices that had events without a user: those whose person a link decides."""
    users = raw.filter(pl.col("user_id").is_not_null()).select("occurred_at", id_kind=pl.lit("user"), id="user_id")
    devices = raw.filter(pl.col("user_id").is_null(), pl.col("anonymous_id").is_not_null()).select(
        "occurred_at", id_kind=pl.lit("device"), id="anonymous_id"
    )
    grouped = (
        pl.concat([users, devices])
        .group_by("id_kind", "id")
        .agg(first_at=pl.col("occurred_at").min(), last_at=pl.col("occurred_at").max())
    )
    return TABLES["appearances"].conform(grouped.with_columns(day=pl.lit(day)).collect())


def resolve(reported: pl.LazyFrame, product: Product) -> Identities:
    """Links and people from all identity events, less those that the product file strikes out or that came later."""
    rows = reported
    if product.identity.as_of is not None:
        rows = rows.filter(pl.col("occurred_at") < day_start(product.identity.as_of + ONE_DAY, product.zone_info))
    for struck in product.identity.strike_out:
        other = "anonymous_id" if struck.device is not None else "previous_user_id"
        kind = "identify" if struck.device is not None else "alias"
        value = struck.device if struck.device is not None else struck.previous_user
        is_struck = (pl.col("kind") == kind) & (pl.col("user_id") == struck.user) & (pl.col(other) == value)
        rows = rows.filter(~is_struck.fill_null(value=False))
    # An id that comes again after dedup_days is another event, but makes no second link.
    events = _in_order(rows.collect().sort("occurred_at").unique(["source", "event_id"], keep="first"))
    users = _people_of_users(events.filter(pl.col("kind") == "alias"))
    markers = events.filter(pl.col("kind") != "alias")
    return Identities(_links(markers.filter(~_tells_nothing_new(markers)), users), users)


def _people_of_users(aliases: pl.DataFrame) -> pl.DataFrame:
    """Users joined by aliases, directly or over others, are one person, named by the least id of them."""
    pairs = aliases.select("user_id", "previous_user_id")
    ids = pl.concat([pairs["user_id"], pairs["previous_user_id"]]).unique().sort()
    if ids.is_empty():
        return pl.DataFrame(schema={"user_id": pl.String, "person_user_id": pl.String})
    positions = dict(zip(ids, range(len(ids)), strict=True))
    rows = [positions[each] for each in pairs["user_id"]]
    columns = [positions[each] for each in pairs["previous_user_id"]]
    graph = coo_array(([1] * len(rows), (rows, columns)), shape=(len(ids), len(ids)))
    _, group = connected_components(graph, directed=False)
    result = pl.DataFrame({"user_id": ids, "group": group})
    return result.with_columns(person_user_id=pl.col("user_id").min().over("group")).drop("group")


def _links(markers: pl.DataFrame, users: pl.DataFrame) -> pl.DataFrame:
    """Stretches of a device's time: from each identify to the next marker, and what lies before the first one."""
    around = markers.with_columns(
        next_at=pl.col("occurred_at").shift(-1).over("anonymous_id"),
        reset_at=pl.col("occurred_at").shift().over("anonymous_id"),
        identified=(~pl.col("is_reset")).cum_sum().over("anonymous_id"),
    ).filter(~pl.col("is_reset"))
    after = around.with_columns(valid_from="occurred_at", valid_to="next_at", rule=pl.lit("identify"))
    before = around.filter(pl.col("identified") == 1).with_columns(
        valid_from="reset_at", valid_to="occurred_at", rule=pl.lit("later_identify")
    )
    both = pl.concat([after, before]).filter((pl.col("valid_from") != pl.col("valid_to")).fill_null(value=True))
    named = both.join(users, on="user_id", how="left", maintain_order="left")
    return TABLES["identity_links"].conform(
        named.with_columns(pl.coalesce("person_user_id", "user_id").alias("person_user_id"))
    )


def with_person(rows: pl.DataFrame, identities: Identities) -> pl.DataFrame:
    """Add person_id, person_key and the rule that decided; null for rows without any id."""
    linked = _linked(rows, identities.links)
    named = linked.join(identities.users, on="user_id", how="left", maintain_order="left")
    has_user = pl.col("user_id").is_not_null()
    person = (
        pl.when(has_user)
        .then("user:" + pl.coalesce("person_user_id", "user_id"))
        .when(pl.col("link_user").is_not_null())
        .then("user:" + pl.col("link_user"))
        .when(pl.col("anonymous_id").is_not_null())
        .then("device:" + pl.col("anonymous_id"))
    )
    rule = (
        pl.when(has_user)
        .then(pl.lit("user_id"))
        .when(pl.col("link_user").is_not_null())
        .then(pl.col("link_rule"))
        .when(pl.col("anonymous_id").is_not_null())
        .then(pl.lit("device"))
    )
    decided = named.with_columns(person_id=person, person_rule=rule).drop("link_user", "link_rule", "person_user_id")
    return decided.with_columns(person_key=stable_keys(pl.col("person_id")))


def _linked(rows: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """Add link_user and link_rule: of the stretch of the row's device that the row's instant lies in."""
    stretches = (
        links.lazy()
        .select(
            "anonymous_id",
            "valid_to",
            valid_from=pl.col("valid_from").fill_null(pl.lit(_BEGINNING, dtype=UTC_MICROSECONDS)),
            link_user="person_user_id",
            link_rule="rule",
        )
        .filter(pl.col("anonymous_id").is_in(rows["anonymous_id"].unique().implode()))
        .sort("valid_from")
        .collect()
    )
    placed = rows.with_row_index("row").sort("occurred_at")
    joined = placed.join_asof(
        stretches, left_on="occurred_at", right_on="valid_from", by="anonymous_id", check_sortedness=False
    )
    inside = pl.col("valid_to").is_null() | (pl.col("occurred_at") < pl.col("valid_to"))
    return (
        joined.with_columns(pl.when(inside).then(pl.col(name)).alias(name) for name in ("link_user", "link_rule"))
        .sort("row")
        .drop("row", "valid_from", "valid_to", strict=False)
    )


def decided_by_links(appeared: pl.LazyFrame, identities: Identities) -> pl.LazyFrame:
    """What links and aliases decide on each day: per appearance that they touch one row, cut to the day's own span.

    A link that begins or ends on another day reads the same here, so only touched days differ.
    """
    links = identities.links.lazy().select("anonymous_id", "valid_from", "valid_to", "person_user_id", "rule")
    devices = appeared.filter(pl.col("id_kind") == "device").join(links, left_on="id", right_on="anonymous_id")
    begins, ends = pl.col("valid_from"), pl.col("valid_to")
    overlaps = (begins.is_null() | (begins <= pl.col("last_at"))) & (ends.is_null() | (ends > pl.col("first_at")))
    by_link = devices.filter(overlaps).select(
        "day",
        "id",
        decided="person_user_id",
        how="rule",
        since=pl.when(begins > pl.col("first_at")).then(begins),
        until=pl.when(ends <= pl.col("last_at")).then(ends),
    )
    users = appeared.filter(pl.col("id_kind") == "user").join(
        identities.users.lazy().filter(pl.col("user_id") != pl.col("person_user_id")), left_on="id", right_on="user_id"
    )
    nothing = pl.lit(None, dtype=UTC_MICROSECONDS)
    by_alias = users.select("day", "id", decided="person_user_id", how=pl.lit("alias"), since=nothing, until=nothing)
    return pl.concat([by_link, by_alias])


def people(seen: pl.LazyFrame, identities: Identities) -> pl.DataFrame:
    """One row per person of `people_first`, with how many user ids and devices make up the person."""
    ids = identities.users.lazy().group_by("person_user_id").agg(ids=pl.len())
    devices = identities.links.lazy().group_by("person_user_id").agg(linked=pl.col("anonymous_id").n_unique())
    grouped = (
        seen.with_columns(user=pl.col("person_id").str.strip_prefix("user:"))
        .join(ids, left_on="user", right_on="person_user_id", how="left")
        .join(devices, left_on="user", right_on="person_user_id", how="left")
    )
    is_user = pl.col("person_id").str.starts_with("user:")
    counted = grouped.with_columns(
        users=pl.when(is_user).then(pl.col("ids").fill_null(1)).otherwise(0),
        devices=pl.when(is_user).then(pl.col("linked").fill_null(0)).otherwise(1),
    )
    return TABLES["people"].conform(counted.collect())


def with_active(seen: pl.DataFrame, active: pl.LazyFrame) -> pl.DataFrame:
    """`seen`, which has the columns of `people_first`, with what later days say: rows of activity."""
    table = TABLES["people_first"]

    def met(rows: pl.LazyFrame) -> pl.DataFrame:
        grouped = rows.group_by("person_key").agg(
            pl.col("person_id").first(),
            pl.col("first_at").min(),
            first_day=pl.col("day").min(),
            last_day=pl.col("day").max(),
            days_active=pl.len().cast(pl.Int64),
        )
        return grouped.select(table.schema.names()).collect()

    new = pl.concat(by_bucket(active, met))
    again = new.join(seen, on="person_key", how="semi")
    known = seen.join(again.select("person_key", "last_day", more="days_active"), on="person_key", how="left")
    grown = known.with_columns(
        last_day=pl.coalesce("last_day_right", "last_day"),
        days_active=pl.col("days_active") + pl.col("more").fill_null(0),
    )
    first = new.join(seen, on="person_key", how="anti")
    return table.conform(pl.concat([grown.select(table.schema.names()), first]))
