"""Zones over longer times: distinct people, and who came back after a click (docs/definitions/zones.md).

People don't add up over days, so each period is counted on its own; ranges of people do.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from pipeline.core.days import ONE_DAY, day_start
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.stats.buckets import in_ranges, ranges_of
from pipeline.stats.periods import complete_months, complete_weeks

RETURN_DAYS = (7, 28)
_TABLE = "zone_people_counts"
_ZONE = ["page", "zone", "zone_version"]
_PERIOD = ["period", "period_start", "period_end"]
_FLAGS = {"people_viewed": "is_viewed", "people_clicked": "is_clicked", "people_hovered": "is_hovered"} | {
    "people_exposed": "is_exposed",
    "people_hovered_measured": "is_hover_measured",
    "people_exposed_measured": "is_exposure_measured",
}


def zone_people_counts(rows: pl.LazyFrame, sessions: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """People and returns by zone and period; `rows` holds zone_people and `sessions` the sessions of `days`."""
    table = TABLES[_TABLE]
    if not days:
        return table.conform(pl.DataFrame(schema=table.schema))
    starts = sessions.filter(~pl.col("is_bot")).select("person_key", "started_at")
    periods, zones, placed = _periods(days, product), _zones(product), _placed(product)
    # Until something tells of a zone nobody knows who saw it, whatever is told of others.
    watched = rows.filter("is_exposed").group_by("page", "zone").agg(watched_from=pl.col("session_day").min()).collect()
    end = day_start(days[-1] + ONE_DAY, product.zone_info)

    def counted(inside: pl.Expr) -> pl.DataFrame:
        own = _valid(rows.filter(inside).collect(), zones)
        interactions = pl.concat([own, _seen(own, zones, placed, watched)], how="diagonal_relaxed")
        back = _returned(own, starts.filter(inside).collect(), end.timestamp())
        return pl.concat([_counts(interactions, back, periods), _by_version(interactions, back, zones, days)])

    # A page seen stands once for each of its zones, and that once for each period that holds its day.
    spans = Counter(periods["session_day"])
    most = max(spans.values()) * (1 + max(Counter(zone.page for zone in product.zones).values(), default=0))
    parts = list(in_ranges(counted, ranges_of(rows.select(pl.len()).collect().item() * most)))
    keys = [*_PERIOD, *_ZONE, "device_type"]
    summed = pl.concat(parts).group_by(keys).agg(pl.all().sum())
    known = {name: pl.col(f"{name}_measured") > 0 for name in ("people_hovered", "people_exposed")}
    return table.conform(summed.with_columns(pl.when(test).then(pl.col(name)) for name, test in known.items()))


def _periods(days: Sequence[date], product: Product) -> pl.DataFrame:
    """`period`, `period_start`, `period_end` and each `session_day` in it."""
    last = days[-1]
    spans = [("day", day, day) for day in days]
    spans += [("week", *week) for week in complete_weeks(days, product.week_start)]
    spans += [("month", *month) for month in complete_months(days)]
    spans += [(f"last_{n}", max(days[0], last - ONE_DAY * (n - 1)), last) for n in (7, 28)]
    spans.append(("all", days[0], last))
    rows = [(*span, day) for span in spans for day in days if span[1] <= day <= span[2]]
    schema = {"period": pl.String, "period_start": pl.Date, "period_end": pl.Date, "session_day": pl.Date}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _zones(product: Product) -> pl.DataFrame:
    rows = [(z.page, z.name, *product.zone_validity(z), z.device_type) for z in product.zones]
    rows += [(page.name, "", product.start_date, date.max, None) for page in product.pages]
    schema = {"page": pl.String, "zone": pl.String, "zone_version": pl.Date, "valid_to": pl.Date, "only": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _placed(product: Product) -> pl.DataFrame:
    """Zone versions whose place on a device is known."""
    rows = [
        (zone.page, zone.name, product.zone_validity(zone)[0], zone.device_type or box.device_type, True)
        for zone in product.zones
        for box in zone.boxes
        if zone.device_type is None or zone.box(zone.device_type) == box
    ]
    schema = {"page": pl.String, "zone": pl.String, "zone_version": pl.Date, "on": pl.String, "is_placed": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")


_FITS = pl.col("session_day").is_between("zone_version", "valid_to") & (
    pl.col("only").is_null() | (pl.col("only") == pl.col("device_type"))
)


def _valid(own: pl.DataFrame, zones: pl.DataFrame) -> pl.DataFrame:
    """Rows of zones that the product file still has: a day that is held back bears those of an older one."""
    return own.join(zones, on=_ZONE).filter(_FITS).drop("valid_to", "only")


def _seen(own: pl.DataFrame, zones: pl.DataFrame, placed: pl.DataFrame, watched: pl.DataFrame) -> pl.DataFrame:
    """Who saw the page of each zone on a day on which its version was valid, and whether more was measured of them."""
    measured = ("hover_measured", "exposure_reported", "positions_reported")
    pages = own.filter(pl.col("zone") == "").select("session_day", "person_key", "page", "device_type", *measured)
    seen = pages.join(zones, on="page").filter(_FITS).drop("valid_to", "only")
    anywhere = placed.filter(pl.col("on").is_null()).select(*_ZONE, everywhere="is_placed")
    here = placed.rename({"on": "device_type"})
    known = seen.join(here, on=[*_ZONE, "device_type"], how="left").join(anywhere, on=_ZONE, how="left")
    is_placed = pl.coalesce("is_placed", "everywhere", pl.lit(value=False))
    known = known.join(watched, on=["page", "zone"], how="left")
    is_watched = (pl.col("session_day") >= pl.col("watched_from")).fill_null(value=False)
    return known.with_columns(
        is_viewed=pl.lit(value=True),
        is_hover_measured="hover_measured",
        is_exposure_measured=(pl.col("exposure_reported") & is_watched) | (pl.col("positions_reported") & is_placed),
    ).drop(*measured, "is_placed", "everywhere", "watched_from")


def _returned(own: pl.DataFrame, starts: pl.DataFrame, end: float) -> pl.DataFrame:
    """Days of people with a click on a zone, by device and over all; per N whether it is known, and whether they returned.

    A return is a session that begins after the day's first click and within N x 86,400 s of it.
    """
    clicks = own.filter(pl.col("first_click_at").is_not_null())
    on_any = clicks.group_by("session_day", "person_key", *_ZONE).agg(
        pl.col("first_click_at").min(), device_type=pl.lit("")
    )
    columns = ["session_day", "person_key", *_ZONE, "device_type", "first_click_at"]
    each = pl.concat([clicks.select(columns), on_any.select(columns)]).sort("first_click_at")
    joined = each.join_asof(
        starts.sort("started_at").rename({"started_at": "next_at"}),
        left_on="first_click_at", right_on="next_at", by="person_key", strategy="forward",
        allow_exact_matches=False, check_sortedness=False,
    )  # fmt: skip
    columns_of: list[pl.Expr] = []
    for n in RETURN_DAYS:
        window = timedelta(days=n)
        known = pl.col("first_click_at").dt.epoch("us") + n * 86_400_000_000 <= int(end * 1_000_000)
        came = (pl.col("next_at") <= pl.col("first_click_at") + window).fill_null(value=False)
        columns_of += [
            known.cast(pl.Int64).alias(f"person_days_clicked_{n}d"),
            (known & came).cast(pl.Int64).alias(f"person_days_returned_{n}d"),
        ]
    return joined.with_columns(columns_of)


def _counts(interactions: pl.DataFrame, back: pl.DataFrame, periods: pl.DataFrame) -> pl.DataFrame:
    keys = [*_PERIOD, *_ZONE, "device_type"]
    return _summed(interactions.join(periods, on="session_day"), back.join(periods, on="session_day"), keys)


def _by_version(
    interactions: pl.DataFrame, back: pl.DataFrame, zones: pl.DataFrame, days: Sequence[date]
) -> pl.DataFrame:
    """Each version of a zone over all the days on which it was valid."""
    named = [
        pl.lit("zone_version").alias("period"),
        pl.max_horizontal("zone_version", pl.lit(days[0])).alias("period_start"),
    ]
    lasts = zones.group_by(_ZONE).agg(period_end=pl.min_horizontal(pl.col("valid_to").max(), pl.lit(days[-1])))
    within = [frame.with_columns(named).join(lasts, on=_ZONE) for frame in (interactions, back)]
    return _summed(within[0], within[1], [*_PERIOD, *_ZONE, "device_type"])


def _summed(interactions: pl.DataFrame, back: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    numbers = [f"person_days_{what}_{n}d" for n in RETURN_DAYS for what in ("clicked", "returned")]
    people = [
        pl.col("person_key").filter(pl.col(flag).fill_null(value=False)).n_unique().cast(pl.Int64).alias(name)
        for name, flag in _FLAGS.items()
    ]
    by_device = interactions.group_by(keys).agg(people)
    on_any = interactions.with_columns(device_type=pl.lit("")).group_by(keys).agg(people)
    returned = back.group_by(keys).agg(pl.col(numbers).sum())
    both = pl.concat([by_device, on_any]).join(returned, on=keys, how="left")
    return both.with_columns(pl.col(numbers).fill_null(0))
