"""Zone metrics as tables: a day's sums by zone, and who did what to a zone (docs/definitions/zones.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipeline.core.product import Product
from pipeline.core.product_pages import Zone
from pipeline.core.registry import TABLES
from pipeline.domains.zones.exposure import METHODS, REACH, TELLING
from pipeline.domains.zones.zone_facts import ZoneDay
from pipeline.events.outcomes import outcomes_after, results_of
from pipeline.events.zones import zones_valid_on
from pipeline.stats.buckets import added_up
from pipeline.stats.memberships import memberships, of_everybody_and_groups

_WHERE = ["page", "device_type"]
_GROUP_KEYS = ["segment", "variant"]
_BY = ["device_type", *_GROUP_KEYS]
_INTERACTIONS = {"click": "clicked", "hover": "hovered", "exposure": "exposed"}


@dataclass(frozen=True)
class ZoneSums:
    """Sums over some people of a day; those of disjoint people add up.

    `shown`: page views of each page and device, for everybody and groups; `telling`: those whose source tells of exposure, by source;
    `counted` and `after`: by zone; `watched`: of which (`zone`, `source`) exposure events came; `lines`: where zones lie.
    """

    shown: pl.DataFrame
    telling: pl.DataFrame
    counted: pl.DataFrame
    after: tuple[pl.DataFrame, ...]
    watched: pl.DataFrame
    lines: pl.DataFrame


def zone_sums(made: ZoneDay, events: pl.LazyFrame, product: Product) -> ZoneSums:
    """The sums of the people of `made`; `events` are their session_events of the day."""
    groups = memberships(events.filter(~pl.col("is_bot")), product)
    shown = _coded(of_everybody_and_groups(made.views, groups))
    facts = _coded(of_everybody_and_groups(made.facts, groups))
    counted = facts.group_by("zone", *_BY).agg(*_sums()).with_columns(_CODED.cast(pl.String))
    results = results_of(events)
    after = tuple(_after(events, results, facts, interaction, done) for interaction, done in _INTERACTIONS.items())
    return ZoneSums(_shown(shown, made), _telling(shown), counted, after, made.watched, made.lines)


def daily_zones(parts: Sequence[ZoneSums], day: date, product: Product) -> pl.DataFrame:
    """Sums by zone of the sessions booked on `day`, from those of disjoint people."""
    fits = pl.col("only_device").is_null() | (pl.col("only_device") == pl.col("device_type"))
    zones = _zone_frame(zones_valid_on(day, product), product)
    shown = added_up([part.shown for part in parts], [*_WHERE, *_GROUP_KEYS])
    telling = added_up([part.telling for part in parts], ["page", "source", "exposure_method", *_BY])
    watched, lines = (pl.concat(frames).unique() for frames in zip(*((p.watched, p.lines) for p in parts), strict=True))
    grid = _measured(zones.join(shown, on="page").filter(fits), lines, _blind(telling, watched, zones))
    keyed = ["zone_index", *_BY]
    joined = grid
    for frames in ([part.counted for part in parts], *zip(*(part.after for part in parts), strict=True)):
        joined = joined.join(added_up(frames, ["zone", *_BY]).rename({"zone": "zone_index"}), on=keyed, how="left")
    table = TABLES["daily_zones"]
    numbers = [name for name, dtype in table.schema.items() if dtype.is_integer()]
    return table.conform(joined.with_columns(pl.col(numbers).fill_null(0), session_day=pl.lit(day)))


_CODED = pl.col("device_type", "segment", "variant")


def _coded(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with devices and groups as codes: grouping millions of rows by text takes three times as long."""
    return rows.with_columns(_CODED.cast(pl.Categorical))


def _zone_frame(zones: Sequence[Zone], product: Product) -> pl.DataFrame:
    rows = [(i, z.page, z.name, product.zone_validity(z)[0], z.device_type) for i, z in enumerate(zones)]
    schema = {
        "zone_index": pl.Int64,
        "page": pl.String,
        "zone": pl.String,
        "zone_version": pl.Date,
        "only_device": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _shown(shown: pl.DataFrame, made: ZoneDay) -> pl.DataFrame:
    """Page views, sessions and clicks of each page, and how many of its page views were measured for what."""
    clicks = made.clicks.group_by("view").agg(page_clicks=pl.len())
    return (
        shown.join(clicks, on="view", how="left")
        .group_by(*_WHERE, *_GROUP_KEYS)
        .agg(
            page_views=pl.len(),
            sessions=pl.col("session_key").n_unique(),
            page_clicks=pl.col("page_clicks").sum(),
            page_views_measured_hover=pl.col("hover").sum(),
            page_views_measured_dead_click=pl.col("dead_click").sum(),
            page_views_measured_js_error=pl.col("js_error").sum(),
            **{method: (pl.col("exposure_method") == method).sum() for method in METHODS},
        )
        .with_columns(_CODED.cast(pl.String))
    )


def _telling(shown: pl.DataFrame) -> pl.DataFrame:
    """Page views of sources that tell of exposure themselves, by page, source, method, device and group."""
    reported = shown.filter(pl.col("exposure_method").is_in(TELLING))
    counted = reported.group_by("page", "source", "exposure_method", *_BY).agg(page_views=pl.len().cast(pl.Int64))
    return counted.with_columns(_CODED.cast(pl.String))


def _blind(telling: pl.DataFrame, watched: pl.DataFrame, zones: pl.DataFrame) -> pl.DataFrame:
    """Page views by TELLING method whose source tells of exposure but not of this zone, where another source does."""
    named = watched.rename({"zone": "zone_index"})
    asked = zones.select("zone_index", "page").join(telling.select("page", "source").unique(), on="page")
    others = asked.join(named, on="zone_index", how="semi").join(named, on=["zone_index", "source"], how="anti")
    return (
        telling.join(others, on=["page", "source"])
        .group_by("zone_index", *_BY)
        .agg(
            pl.col("page_views").filter(pl.col("exposure_method") == method).sum().alias(f"blind_{method}")
            for method in TELLING
        )
    )


def _measured(grid: pl.DataFrame, lines: pl.DataFrame, blind: pl.DataFrame) -> pl.DataFrame:
    """Of how many page views exposure is known, and by what: positions tell it only of zones whose place is known."""
    placed = lines.select("device_type", zone_index="zone", is_placed=pl.lit(value=True))
    known = grid.join(placed, on=["zone_index", "device_type"], how="left").join(
        blind, on=["zone_index", "device_type", *_GROUP_KEYS], how="left"
    )
    counts = {
        method: pl.col(method) - pl.col(f"blind_{method}").fill_null(0)
        if method in TELLING
        else pl.when(pl.col("is_placed").is_not_null()).then(pl.col(method)).otherwise(0)
        for method in METHODS
    }
    shown = [pl.when(counts[method] > 0).then(pl.lit(method)) for method in METHODS]
    return known.with_columns(
        page_views_measured_exposure=pl.sum_horizontal(*counts.values()),
        page_views_measured_exposure_time=pl.sum_horizontal(counts[m] for m in METHODS if m != REACH),
        exposure_method=pl.concat_str(shown, separator="+", ignore_nulls=True).replace("", None),
    ).drop(*METHODS, *(f"blind_{method}" for method in TELLING))


def _sums() -> list[pl.Expr]:
    """Sums over page views; what was not measured of a page view is in no sum that is divided by those measured."""
    clicked, hovered = pl.col("is_clicked"), pl.col("is_hovered") & pl.col("hover")
    exposed = pl.col("is_exposed")
    return [
        pl.col("clicks", "own_clicks").sum(),
        clicked.sum().alias("page_views_clicked"),
        pl.col("session_key").filter(clicked).n_unique().alias("sessions_clicked"),
        pl.col("ms_to_click").sum(),
        hovered.sum().alias("page_views_hovered"),
        pl.col("hover_ms").filter(hovered).sum(),
        (hovered & clicked).sum().alias("page_views_hovered_clicked"),
        pl.col("hesitation_ms").is_not_null().sum().alias("page_views_hesitated"),
        pl.col("hesitation_ms").sum(),
        exposed.sum().alias("page_views_exposed"),
        pl.col("exposure_ms").is_not_null().sum().alias("page_views_exposed_timed"),
        pl.col("exposure_ms").sum(),
        (exposed & clicked).sum().alias("page_views_exposed_clicked"),
        pl.col("raged").sum().alias("page_views_raged"),
        (pl.col("dead") & pl.col("dead_click")).sum().alias("page_views_dead_clicked"),
        (pl.col("erred") & pl.col("js_error")).sum().alias("page_views_error_clicked"),
        pl.col("session_key").filter(hovered).n_unique().alias("sessions_hovered"),
        pl.col("session_key").filter(exposed).n_unique().alias("sessions_exposed"),
    ]


def _after(
    events: pl.LazyFrame, results: pl.DataFrame, facts: pl.DataFrame, interaction: str, done: str
) -> pl.DataFrame:
    """Sessions whose goal came after their first such act on the zone, and their revenue after it."""
    by = ["zone", "device_type", *_GROUP_KEYS]
    # Only sessions with a goal or money, or of people who have some elsewhere, can have an outcome.
    own = pl.col("session_key").is_in(results["session_key"].unique().implode())
    others = pl.col("person_key").is_in(results.filter("elsewhere")["person_key"].unique().implode())
    positions = (
        facts.filter(f"is_{done}", own | others)
        .group_by("session_key", *by)
        .agg(event_index=pl.col(f"{done}_index").min())
    )
    reached = positions.join(
        outcomes_after(events, results, positions.select("session_key", "event_index").unique()),
        on=["session_key", "event_index"],
    )
    summed = reached.group_by(by).agg(
        (pl.col("goal_bits") != 0).sum().alias(f"sessions_converted_after_{interaction}"),
        pl.col("revenue_micros").sum().alias(f"revenue_micros_after_{interaction}"),
    )
    return summed.with_columns(_CODED.cast(pl.String))


def zone_people(made: ZoneDay, day: date, product: Product) -> pl.DataFrame:
    """Who saw a page, and who clicked, hovered or was exposed to a zone: a row per person, zone and device.

    Rows without a zone tell who saw the page, and who clicked anywhere on it.
    """
    table = TABLES["zone_people"]
    zones = _zone_frame(made.zones, product).select("zone", "zone_version", "page", zone_index="zone_index")
    acted = (
        made.facts.rename({"zone": "zone_index"})
        .join(zones, on="zone_index")
        .group_by("person_key", "page", "zone", "zone_version", "device_type")
        .agg(pl.col("is_clicked", "is_hovered", "is_exposed").any(), first_click_at=pl.col("clicked_at").min())
    )
    never = pl.lit(value=False)
    # Marked before they are grouped: within a group the list of views would stand once a group.
    marked = made.views.with_columns(is_clicked=pl.col("view").is_in(made.clicks["view"].unique().implode()))
    saw = marked.group_by("person_key", *_WHERE).agg(
        zone=pl.lit(""),
        zone_version=pl.lit(product.start_date),
        is_clicked=pl.col("is_clicked").any(),
        is_hovered=never,
        is_exposed=never,
        hover_measured=pl.col("hover").any(),
        exposure_reported=pl.col("exposure_method").is_in(TELLING).any(),
        positions_reported=(~pl.col("exposure_method").is_in(TELLING)).any(),
    )
    both = pl.concat([acted, saw], how="diagonal_relaxed")
    measured = pl.col("hover_measured", "exposure_reported", "positions_reported").fill_null(value=False)
    return table.conform(both.with_columns(measured, session_day=pl.lit(day)))
