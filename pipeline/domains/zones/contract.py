"""Zones of pages and heatmaps: what people do with the parts of a page (docs/definitions/zones.md, docs/definitions/heatmaps.md)."""

import polars as pl

from pipeline.core.columns import DEVICE, EVENT_DIMENSIONS, PAGE, PERSON, SESSION_DAY
from pipeline.core.contract import Column, Table, count, rate, ratio, text, time
from pipeline.core.published import mart

_WIDTH = Column("width_class", pl.String(), "width of the window in px: `0-599`, `600-959`, ..., `1920+`, `unknown`")
_DIMENSIONS = (*EVENT_DIMENSIONS, "width_class")
HEATMAP_CELLS = Table(
    name="heatmap_cells",
    layer="daily",
    grain="One row per session day, page, device, width class, kind, layer and cell, bots left out.",
    columns=(
        SESSION_DAY,
        PAGE,
        DEVICE,
        _WIDTH,
        Column(
            "kind",
            pl.String(),
            "`click`, `move`, `attention` (time in the window), `reach` (page views that had this stretch or one below it "
            "in the window) or `fold` (page views by the height of their window)",
        ),
        Column("layer", pl.String(), "`page`, or `fixed`: elements that keep their place in the window"),
        Column(
            "x_bin", pl.Int64(), "hundredth of the content's width; -1 and 100: margins; 0 for attention, reach, fold"
        ),
        Column(
            "y_bin", pl.Int64(), "20 px from the page's top, fixed layer: from the window's; 0 = 0-19 px", minimum=0
        ),
        count("events", "clicks or moves", "event", *_DIMENSIONS),
        count("page_views", "page views with one, or that reached it", "page view", *_DIMENSIONS),
        count("ms", "time in the window, at most 30 s between two acts", "ms", *_DIMENSIONS),
    ),
    key=("session_day", "page", "device_type", "width_class", "kind", "layer", "x_bin", "y_bin"),
)
_ZONE = Column("zone", pl.String(), "zone of the product file")
_VERSION = Column(
    "zone_version", pl.Date(), "valid_from of the zone's version; the product's start_date where it has none"
)
SEGMENT = Column("segment", pl.String(), "segment of the product file; empty: everybody. Segments overlap")
VARIANT = Column("variant", pl.String(), "`experiment/variant` met in the session; empty: everybody")


def _views(name: str, what: str) -> Column:
    return count(name, f"page views {what}", "page view", *EVENT_DIMENSIONS)


def _sessions(name: str, what: str) -> Column:
    return count(name, f"sessions {what}", "session", *EVENT_DIMENSIONS)


def _ms(name: str, what: str) -> Column:
    return count(name, what, "ms", *EVENT_DIMENSIONS)


def _after(interaction: str) -> tuple[Column, Column]:
    return (
        _sessions(f"sessions_converted_after_{interaction}", f"whose goal came after their first {interaction}"),
        Column(
            f"revenue_micros_after_{interaction}",
            pl.Int64(),
            f"revenue less refunds of sessions after their first {interaction}; credited to every zone touched",
            unit="micro-units",
            adds_over=EVENT_DIMENSIONS,
        ),
    )


DAILY_ZONES = Table(
    name="daily_zones",
    layer="daily",
    grain="One row per session day, page, zone version, device, and segment or variant; zones without an act included.",
    columns=(
        SESSION_DAY,
        PAGE,
        _ZONE,
        _VERSION,
        DEVICE,
        SEGMENT,
        VARIANT,
        _views("page_views", "of the page, bots and implied ones left out"),
        _sessions("sessions", "that viewed the page"),
        count("page_clicks", "all clicks on the page", "event", *EVENT_DIMENSIONS),
        count("clicks", "clicks on the zone or one inside it", "event", *EVENT_DIMENSIONS),
        count("own_clicks", "clicks whose innermost zone this is", "event", "zone", *EVENT_DIMENSIONS),
        _views("page_views_clicked", "with a click on the zone or one inside it"),
        _sessions("sessions_clicked", "with a click on the zone or one inside it"),
        _ms("ms_to_click", "from the page view's start to its first click on the zone, summed"),
        _views("page_views_measured_hover", "of sources and devices that tell of the pointer"),
        _views("page_views_hovered", "with the pointer in the zone for 50 ms or more"),
        _ms("hover_ms", "time of the pointer in the zone"),
        _views("page_views_hovered_clicked", "hovered and clicked"),
        _views("page_views_hesitated", "clicked after a hover"),
        _ms("hesitation_ms", "from the start of the last hover before it to the first click, summed"),
        text("exposure_method", "how exposure was told: `events`, `element_tracking`, `scroll`, `scroll_reach`"),
        _views("page_views_measured_exposure", "of which it is known what was in the window"),
        _views("page_views_measured_exposure_time", "of which it is known how long it was in the window"),
        _views("page_views_exposed", "with the zone in the window"),
        _views("page_views_exposed_timed", "with the zone in the window for a known time"),
        _ms("exposure_ms", "time of the zone in the window"),
        _views("page_views_exposed_clicked", "exposed and clicked"),
        _views("page_views_raged", "with a rage click on the zone, by the first rule set"),
        _views("page_views_measured_dead_click", "of sources that tell of dead clicks"),
        _views("page_views_dead_clicked", "with a dead click on the zone, by the first rule set"),
        _views("page_views_measured_js_error", "of sources that tell of errors"),
        _views("page_views_error_clicked", "with an error click on the zone, by the first rule set"),
        _sessions("sessions_hovered", "with a hover on the zone"),
        _sessions("sessions_exposed", "with the zone in the window"),
        *_after("click"),
        *_after("hover"),
        *_after("exposure"),
    ),
    key=("session_day", "page", "zone", "zone_version", "device_type", "segment", "variant"),
    at_most=(
        ("page_views_clicked", "page_views"),
        ("sessions_clicked", "sessions"),
        ("page_views_clicked", "clicks"),
        ("sessions_clicked", "page_views_clicked"),
        ("own_clicks", "clicks"),
        ("clicks", "page_clicks"),
        ("page_views_hovered", "page_views_measured_hover"),
        ("page_views_exposed", "page_views_measured_exposure"),
        ("page_views_exposed_timed", "page_views_exposed"),
        ("page_views_hovered_clicked", "page_views_hovered"),
        ("page_views_exposed_clicked", "page_views_exposed"),
        ("page_views_dead_clicked", "page_views_measured_dead_click"),
        ("page_views_error_clicked", "page_views_measured_js_error"),
        ("sessions_converted_after_click", "sessions_clicked"),
        ("sessions_converted_after_hover", "sessions_hovered"),
        ("sessions_converted_after_exposure", "sessions_exposed"),
    ),
)
ZONE_PEOPLE = Table(
    name="zone_people",
    layer="daily",
    grain="One row per person, page, zone version and device of the day, and one without a zone per page seen.",
    columns=(
        SESSION_DAY,
        PERSON,
        PAGE,
        Column("zone", pl.String(), "zone of the product file; empty: the page itself, seen"),
        _VERSION,
        DEVICE,
        Column("is_clicked", pl.Boolean(), "the person clicked the zone or one inside it"),
        Column("is_hovered", pl.Boolean(), "the person's pointer was in the zone"),
        Column("is_exposed", pl.Boolean(), "the person had the zone in the window"),
        time("first_click_at", "the person's first click on the zone of the day", nullable=True),
        Column("hover_measured", pl.Boolean(), "of the page: a view's source and device tell of the pointer"),
        Column("exposure_reported", pl.Boolean(), "of the page: a view's source tells of elements in the window"),
        Column("positions_reported", pl.Boolean(), "of the page: a view's source tells where the window stood"),
    ),
    key=("person_key", "page", "zone", "zone_version", "device_type"),
)
SELECTOR_MATCHES = Table(
    name="selector_matches",
    layer="daily",
    grain="One row per session day and selector of a zone version that is valid then.",
    columns=(
        SESSION_DAY,
        PAGE,
        _ZONE,
        _VERSION,
        Column("selector", pl.String(), "one of the zone's CSS selectors"),
        count("interactions", "acts on elements that it fits", "event", "session_day"),
        count(
            "page_views", "page views of sources and devices that told of elements that day", "page view", "session_day"
        ),
    ),
    key=("page", "zone", "zone_version", "selector"),
)


def _people(name: str, what: str) -> Column:
    return Column(name, pl.Int64(), what, unit="person", nullable=True, minimum=0)


ZONE_PEOPLE_COUNTS = Table(
    name="zone_people_counts",
    layer="period",
    grain="One row per period, page, zone version and device; device empty: on all devices.",
    columns=(
        Column("period", pl.String(), "`day`, `week`, `month`, `last_7`, `last_28`, `all` or `zone_version`"),
        Column("period_start", pl.Date(), "first local day of the period"),
        Column("period_end", pl.Date(), "last local day of the period"),
        PAGE,
        Column("zone", pl.String(), "zone of the product file; empty: the page itself, seen, clicked anywhere"),
        _VERSION,
        Column("device_type", pl.String(), "device; empty: all devices"),
        count("people_viewed", "people who saw the page while the zone's version was valid", "person"),
        count("people_clicked", "people who clicked the zone", "person"),
        _people("people_hovered", "people whose pointer was in the zone; null where no source tells"),
        _people("people_exposed", "people who had the zone in the window; null where no source tells"),
        *(
            count(f"person_days_{what}_{n}d", f"{meaning} {n} x 24 h", "person-day")
            for n in (7, 28)
            for what, meaning in (
                ("clicked", "days of people with a click on the zone, where it is known who came back within"),
                ("returned", "of them, those after whose first click a session began within"),
            )
        ),
    ),
    key=("period", "period_start", "page", "zone", "zone_version", "device_type"),
    at_most=(
        ("people_clicked", "people_viewed"),
        ("people_hovered", "people_viewed"),
        ("people_exposed", "people_viewed"),
        ("person_days_returned_7d", "person_days_clicked_7d"),
        ("person_days_returned_28d", "person_days_clicked_28d"),
    ),
)
HEATMAPS = mart(
    name="heatmaps",
    grain=HEATMAP_CELLS.grain,
    columns=(*HEATMAP_CELLS.columns, Column("y_px", pl.Int64(), "first px of the cell", unit="px", minimum=0)),
    key=HEATMAP_CELLS.key,
    depends_on_measuring=True,
    version=2,
    names={"ms": "seconds"},
)
SCROLL_REACH = mart(
    name="scroll_reach",
    grain="One row per session day, page, device, width class and 20 px of the page.",
    columns=(
        SESSION_DAY,
        PAGE,
        DEVICE,
        _WIDTH,
        Column("y_px", pl.Int64(), "first px of the stretch", unit="px", minimum=0),
        count("page_views_reached", "page views that had it, or what lies below, in the window", "page view", *_DIMENSIONS),
        count("page_views_measured", "page views of which it is known how far they were scrolled", "page view", *_DIMENSIONS),
        rate("reach_rate", "page_views_reached / page_views_measured"),
        Column(
            "fold_px_approx", pl.Int64(), "median height of the window, to 20 px; what lies above is seen unscrolled",
            unit="px", nullable=True,
        ),
    ),
    key=("session_day", "page", "device_type", "width_class", "y_px"),
    at_most=(("page_views_reached", "page_views_measured"),),
    depends_on_measuring=True,
    version=2,
)  # fmt: skip


def _per(interaction: str, done: str) -> tuple[Column, Column]:
    return (
        rate(f"conversion_per_{interaction}", f"sessions_converted_after_{interaction} / sessions_{done}"),
        ratio(f"revenue_per_{interaction}", f"revenue after it / sessions_{done}", "currency units per session", None),
    )


# What is summed beside the mean that is made of it.
_SUMMED = {f"{name}_ms": f"{name}_seconds_total" for name in ("hover", "hesitation", "exposure")}
_SUMMED["ms_to_click"] = "seconds_to_click_total"
ZONE_METRICS = mart(
    name="zone_metrics",
    grain=DAILY_ZONES.grain,
    columns=(
        *DAILY_ZONES.columns,
        rate("click_rate", "page_views_clicked / page_views"),
        rate("session_click_rate", "sessions_clicked / sessions"),
        ratio("click_recurrence", "clicks / page_views_clicked", "clicks per page view clicked"),
        rate("click_share", "own_clicks / page_clicks"),
        ratio("seconds_to_click", "mean time from the page view's start to its first click", "s"),
        rate("hover_rate", "page_views_hovered / page_views_measured_hover"),
        ratio("float_seconds", "mean time of the pointer in the zone, over page views hovered", "s"),
        rate("engagement_rate", "page_views_hovered_clicked / page_views_hovered"),
        ratio("hesitation_seconds", "mean time from the last hover's start to the first click", "s"),
        rate("exposure_rate", "page_views_exposed / page_views_measured_exposure"),
        ratio("exposure_seconds", "mean time in the window, over page views exposed for a known time", "s"),
        rate("attractiveness_rate", "page_views_exposed_clicked / page_views_exposed"),
        *_per("click", "clicked"),
        *_per("hover", "hovered"),
        *_per("exposure", "exposed"),
        rate("rage_click_rate", "page_views_raged / page_views"),
        rate("dead_click_rate", "page_views_dead_clicked / page_views_measured_dead_click"),
        rate("error_click_rate", "page_views_error_clicked / page_views_measured_js_error"),
    ),
    key=DAILY_ZONES.key,
    at_most=DAILY_ZONES.at_most,
    depends_on_measuring=True,
    version=2,
    names=_SUMMED,
)
ZONE_REACH = Table(
    name="zone_reach",
    layer="mart",
    grain=ZONE_PEOPLE_COUNTS.grain,
    columns=(
        *ZONE_PEOPLE_COUNTS.columns,
        rate("reach", "people_clicked / people_viewed"),
        rate("return_rate_7d", "person_days_returned_7d / person_days_clicked_7d"),
        rate("return_rate_28d", "person_days_returned_28d / person_days_clicked_28d"),
    ),
    key=ZONE_PEOPLE_COUNTS.key,
    at_most=ZONE_PEOPLE_COUNTS.at_most,
    matures=True,
)
