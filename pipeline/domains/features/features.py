"""Feature adoption: who could use a part of the product, tried it, used it again, and whether buyers use it.

Definition: docs/definitions/value.md. Again means on a later local day: a second click a moment later is the
same use. People who used a feature could.
"""

from collections.abc import Iterable
from datetime import date, timedelta

import polars as pl

from pipeline.core.days import ONE_DAY, day_start
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.features.section import Feature
from pipeline.events.matching import matches, matches_any, revenue_of
from pipeline.events.zones import chain_zones, with_names, zones_valid_on
from pipeline.stats.buckets import by_bucket
from pipeline.stats.periods import complete_weeks

_RECENT_DAYS = 28
_NOBODY = pl.lit(value=False)
Periods = list[tuple[str, date, date]]


def feature_days(events: pl.LazyFrame, day: date, product: Product) -> pl.DataFrame:
    """What `day` says of the features: per person first use, number of uses, whether they could; bots left out."""
    table = TABLES["feature_days"]
    if not product.features:
        return table.conform(pl.DataFrame(schema=table.schema))
    people = events.filter(pl.col("person_key").is_not_null(), ~pl.col("is_bot"))
    if any(feature.zones for feature in product.features.values()):
        people = _with_zones(people, day, product)
    everybody = people.group_by("person_key").agg(
        feature=pl.lit(""),
        first_at=pl.col("occurred_at").min(),
        uses=pl.lit(0, dtype=pl.Int64),
        could=pl.lit(value=True),
        has_revenue=(revenue_of(product) > 0).any(),
    )
    parts = [everybody, *(_rows(people, name, feature) for name, feature in product.features.items())]
    return table.conform(
        pl.concat(pl.collect_all(parts)).with_columns(pl.col("has_revenue").fill_null(value=False), day=pl.lit(day))
    )


def _with_zones(people: pl.LazyFrame, day: date, product: Product) -> pl.LazyFrame:
    """Add `zones`: names, as page/zone, of the zones that the element of a click lies in; null where there are none."""
    where = ["page", "device_type", "element_chain"]
    given = people.with_columns(pl.col("device_type").fill_null("unknown"))
    clicks = given.filter(pl.col("kind") == "click").select(where).unique().collect()
    zones = zones_valid_on(day, product)
    named = with_names(chain_zones(clicks, zones), zones)
    named = named.group_by(where).agg(kind=pl.lit("click"), zones=pl.format("{}/{}", "page", "zone"))
    return given.join(named.lazy(), on=["kind", *where], how="left")


def _rows(people: pl.LazyFrame, name: str, feature: Feature) -> pl.LazyFrame:
    in_zones = (pl.col("zones").list.contains(zone).fill_null(value=False) for zone in feature.zones)
    is_use = pl.any_horizontal(matches_any(feature.events), *in_zones)
    could = _NOBODY if feature.could is None else matches(feature.could)
    marked = people.select("person_key", "occurred_at", is_use=is_use, could=could)
    return (
        marked.filter("is_use" if feature.could is None else pl.col("is_use") | pl.col("could"))
        .group_by("person_key")
        .agg(
            feature=pl.lit(name),
            first_at=pl.col("occurred_at").filter("is_use").min(),
            uses=pl.col("is_use").sum().cast(pl.Int64),
            could=pl.col("could").any(),
            has_revenue=pl.lit(value=False),
        )
    )


def feature_counts(rows: pl.LazyFrame, days: list[date], product: Product) -> pl.DataFrame:
    """Adoption of each feature by period; `rows` holds feature_days of `days`."""
    table = TABLES["feature_counts"]
    if not days or not product.features:
        return table.conform(pl.DataFrame(schema=table.schema))
    recent = max(days[0], days[-1] - ONE_DAY * (_RECENT_DAYS - 1))
    periods: Periods = [("all", days[0], days[-1]), ("last_28", recent, days[-1])]
    periods += [("week", first, last) for first, last in complete_weeks(days, product.week_start)]
    parts = list(by_bucket(rows, lambda part: _counted(part.collect(), days[-1], periods, product)))
    counts, times = (pl.concat(each) for each in zip(*parts, strict=True))
    key = ["feature", "period", "period_start", "period_end"]
    # Medians don't add up over ranges of people: times are gathered whole.
    medians = times.group_by(key).agg(median_seconds_to_first_use=pl.col("us").median() / 1_000_000)
    summed = counts.group_by(key).agg(pl.exclude(*key).sum())
    return table.conform(summed.join(medians, on=key, how="left"))


def _counted(rows: pl.DataFrame, last: date, periods: Periods, product: Product) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Counts of a range of people by feature and period, and the times to first use of its people."""
    end = day_start(last + ONE_DAY, product.zone_info)
    base = rows.filter(feature="")
    born = base.group_by("person_key").agg(born_at=pl.col("first_at").min())
    counts: list[pl.DataFrame] = []
    times: list[pl.DataFrame] = []
    for name, feature in product.features.items():
        own = rows.filter(feature=name)
        uses = own.filter(pl.col("uses") > 0)
        able = base if feature.could is None else own.filter("could")
        firsts = _first_uses(uses, timedelta(days=feature.again_days)).join(born, on="person_key", how="left")
        firsts = firsts.with_columns(is_mature=pl.col("first_at") + timedelta(days=feature.again_days) <= end)
        for period, begin, until in periods:
            inside = pl.col("day").is_between(begin, until)
            started = firsts.filter(inside)
            about = {"feature": name, "period": period, "period_start": begin, "period_end": until}
            known = pl.DataFrame([about], schema_overrides={"period_start": pl.Date, "period_end": pl.Date})
            counts.append(known.with_columns(_sizes(base, able, uses, inside, started)))
            passed = (started["first_at"] - started["born_at"]).dt.total_microseconds()
            times.append(pl.DataFrame({"us": passed}).join(known, how="cross"))
    return pl.concat(counts), pl.concat(times)


def _first_uses(uses: pl.DataFrame, window: timedelta) -> pl.DataFrame:
    """Per person `day` and `first_at` of the first use ever, and whether a later day within `window` has another."""
    ordered = uses.sort("person_key", "day")
    first = pl.col("first_at").first().over("person_key")
    later = (pl.col("day") > pl.col("day").first().over("person_key")) & (pl.col("first_at") <= first + window)
    return (
        ordered.with_columns(again=later)
        .group_by("person_key")
        .agg(pl.col("day", "first_at").first(), pl.col("again").any())
    )


def _sizes(
    base: pl.DataFrame, able: pl.DataFrame, uses: pl.DataFrame, inside: pl.Expr, started: pl.DataFrame
) -> Iterable[pl.Expr]:
    tried = uses.filter(inside)["person_key"].unique()
    could = pl.concat([able.filter(inside)["person_key"], tried]).n_unique()
    buyers = base.filter(inside, "has_revenue")["person_key"].unique()
    mature = started.filter("is_mature")
    sizes = {
        "people_could": could,
        "people_tried": len(tried),
        "people_first": started.height,
        "people_first_mature": mature.height,
        "people_again": int(mature["again"].sum() or 0),
        "people_with_revenue": len(buyers),
        "people_with_revenue_tried": int(buyers.is_in(tried.implode()).sum() or 0),
    }
    return [pl.lit(size, dtype=pl.Int64).alias(name) for name, size in sizes.items()]
