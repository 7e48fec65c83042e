"""Which events a program made: by its user agent, by crowds of one-event devices, by a pace that no hand has.

What one event shows holds for its device's day: a crawler's click is no person's, though it bears no user agent.

Definition: docs/definitions/events.md, "Bots". Bots are flagged, never deleted; who is one follows from the events of its
local day.
"""

import polars as pl
from crawlerdetect import CrawlerDetect

from pipeline.core.product import Bots

CROWD_MINUTES = 10
PACE_SECONDS = 60
_HAND_INTERACTIONS = ("page_view", "click", "form_submit")


_DEVICE = pl.coalesce("device:" + pl.col("anonymous_id"), "user:" + pl.col("user_id"))


def with_bots(rows: pl.DataFrame, limits: Bots) -> pl.DataFrame:
    """Add is_bot and bot_rule to all events of some devices on a day: what each device shows by itself, which crowds don't."""
    known = rows.with_columns(bot_device=_DEVICE)
    is_crawler = _is_crawler(rows["user_agent"])
    crawling = known.filter(is_crawler)["bot_device"].drop_nulls().unique()
    rule = pl.coalesce(
        pl.when(is_crawler | pl.col("bot_device").is_in(crawling.implode())).then(pl.lit("user_agent")),
        pl.when(pl.col("bot_device").is_in(_too_fast(known, limits).implode())).then(pl.lit("pace")),
    )
    flagged = known.with_columns(bot_rule=rule).drop("bot_device")
    return flagged.with_columns(is_bot=pl.col("bot_rule").is_not_null())


def with_crowds(rows: pl.DataFrame, devices: pl.Series) -> pl.DataFrame:
    """`rows` with those of crowds flagged too; `devices` as `crowds` names them. No other rule is about one event."""
    if devices.is_empty():
        return rows
    is_of_crowd = _DEVICE.is_in(devices.implode()).fill_null(value=False) & pl.col("bot_rule").is_null()
    flagged = pl.when(is_of_crowd).then(pl.lit("one_event_devices")).otherwise("bot_rule")
    return rows.with_columns(bot_rule=flagged, is_bot=pl.col("is_bot") | is_of_crowd)


def _is_crawler(agents: pl.Series) -> pl.Series:
    detector = CrawlerDetect()
    distinct = agents.drop_nulls().unique()
    crawlers = distinct.filter(pl.Series([detector.isCrawler(agent) for agent in distinct], dtype=pl.Boolean))
    return agents.is_in(crawlers.implode()).fill_null(value=False)


_ALIKE = ("user_agent", "country", "landing")


def one_event_devices(rows: pl.DataFrame) -> pl.DataFrame:
    """Devices with one event that day, by all of their events, and what may make a crowd of them.

    That are user agent, country and the address they landed on, without its query. All three must be told: many devices that
    tell nothing are no crowd.
    """
    return (
        rows.select("occurred_at", "user_agent", "country", "url", bot_device=_DEVICE)
        .filter(pl.col("bot_device").is_not_null())
        .filter(pl.len().over("bot_device") == 1)
        .with_columns(landing=pl.col("url").str.extract(r"^([^?#]*)", 1))
        .filter(pl.all_horizontal(pl.col(name).is_not_null() for name in _ALIKE))
        .select("bot_device", "occurred_at", *_ALIKE)
    )


def crowds(devices: pl.DataFrame, limits: Bots) -> pl.Series:
    """Those of a day's one-event devices that are more than the limit within ten minutes, alike in what they tell."""
    single = devices.sort(*_ALIKE, "occurred_at", "bot_device")
    width = limits.one_event_devices
    ends = pl.col("occurred_at").shift(-width).over(_ALIKE)
    is_begin = (ends - pl.col("occurred_at") <= pl.duration(minutes=CROWD_MINUTES)).fill_null(value=False)
    # A device is in a crowd if one that begins at it or at most `width` devices before it holds more than the limit.
    position = pl.int_range(pl.len()).over(_ALIKE)
    begun = pl.when(is_begin).then(position).forward_fill().over(_ALIKE)
    return single.filter((position - begun <= width).fill_null(value=False))["bot_device"]


def _too_fast(rows: pl.DataFrame, limits: Bots) -> pl.Series:
    """Devices with more page views, clicks and submits within a minute than the limit."""
    interactions = rows.filter(pl.col("kind").is_in(_HAND_INTERACTIONS), pl.col("bot_device").is_not_null()).sort(
        "bot_device", "occurred_at"
    )
    later = pl.col("occurred_at").shift(-limits.interactions_per_minute).over("bot_device")
    within = (later - pl.col("occurred_at") < pl.duration(seconds=PACE_SECONDS)).fill_null(value=False)
    return interactions.filter(within)["bot_device"].unique()
