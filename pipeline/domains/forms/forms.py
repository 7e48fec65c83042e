"""What happened to forms and their fields in page views (docs/definitions/forms.md)."""

from datetime import date, timedelta

import polars as pl

from pipeline.core.registry import TABLES
from pipeline.events.channels import UNKNOWN
from pipeline.events.on_views import on_views

_KINDS = ("click", "input", "validation", "form_submit")
_WHERE = ["page", "device_type"]
_OF = ["source", "device_type"]
_FORM = [*_WHERE, "form"]
_LONGEST = timedelta(minutes=5)
# Not <form-row>, which is an element of somebody's own.
_IS_FORM = r"<form(?:\s[^<>]*)?>"
_IS_FIELD = r"^<(?:input|select|textarea)[\s>]"
# Buttons are clicked, not filled.
_IS_BUTTON = r"""^<input\b[^>]*\stype=["']?(?:submit|button|reset|image)\b"""
# Whole names of attributes: what stands in `data-value` may be what somebody wrote.
_NAMES = ("aria-label", "title", "name", "id")


def telling(events: pl.LazyFrame, views: pl.LazyFrame) -> pl.DataFrame:
    """The sources and devices that tell of submitted forms, by the whole day: of others nobody knows who finished."""
    sent = on_views(events, views).filter(
        pl.col("kind") == "form_submit", ~pl.col("is_bot"), pl.col("element_chain").str.contains(_IS_FORM)
    )
    return sent.select("source", pl.col("device_type").fill_null(UNKNOWN)).unique().collect()


def form_sums(events: pl.LazyFrame, views: pl.LazyFrame, day: date, told: pl.DataFrame) -> pl.DataFrame:
    """Forms in the sessions booked on `day`; sums of disjoint people add up. `told` is what `telling` gives."""
    acts = _acts(events, views, told)
    done = pl.col("kind")
    each = acts.group_by("page_view_key", *_FORM).agg(
        submits=(done == "form_submit").sum(), is_refused=(done == "validation").any(), tells=pl.col("tells").any()
    )
    counted = each.group_by(_FORM).agg(
        page_views_started=pl.len(),
        page_views_measured_submit=pl.col("tells").sum(),
        page_views_submitted=(pl.col("submits") > 0).sum(),
        page_views_submitted_again=(pl.col("submits") > 1).sum(),
        page_views_refused=pl.col("is_refused").sum(),
    )
    return TABLES["daily_forms"].conform(counted.with_columns(session_day=pl.lit(day)))


def field_sums(events: pl.LazyFrame, views: pl.LazyFrame, day: date, told: pl.DataFrame) -> pl.DataFrame:
    """Fields of forms in the sessions booked on `day`; sums of disjoint people add up."""
    view, table = ["page_view_key", *_FORM], TABLES["daily_form_fields"]
    acts = _acts(events, views, told)
    is_submitted = (pl.col("kind") == "form_submit").any().over(view)
    waited = (pl.col("occurred_at") - pl.col("occurred_at").shift().over(view)).clip(timedelta(), _LONGEST)
    is_change = pl.col("kind") == "input"
    timed = acts.with_columns(is_submitted=is_submitted, waited=pl.when(is_change).then(waited))
    is_last = pl.col("event_index") == pl.col("event_index").max().over(view)
    touched = timed.filter(pl.col("field").is_not_null()).with_columns(
        is_left_at=~pl.col("is_submitted") & pl.col("tells") & is_last
    )
    by_view = touched.group_by(*view, "field").agg(
        changes=is_change.sum(),
        timed=pl.col("waited").count(),
        waited=pl.col("waited").dt.total_milliseconds().sum(),
        is_refused=(pl.col("kind") == "validation").any(),
        is_left_at=pl.col("is_left_at").any(),
        tells=pl.col("tells").any(),
    )
    counted = by_view.group_by(*_FORM, "field").agg(
        page_views_touched=pl.len(),
        page_views_measured_submit=pl.col("tells").sum(),
        page_views_changed=(pl.col("changes") > 0).sum(),
        page_views_corrected=(pl.col("changes") > 1).sum(),
        page_views_refused=pl.col("is_refused").sum(),
        page_views_left_at=pl.col("is_left_at").sum(),
        changes=pl.col("changes").sum(),
        changes_timed=pl.col("timed").sum(),
        fill_ms=pl.col("waited").sum(),
    )
    return table.conform(counted.with_columns(session_day=pl.lit(day)))


def _acts(events: pl.LazyFrame, views: pl.LazyFrame, told: pl.DataFrame) -> pl.DataFrame:
    """What was done to forms in page views, in order, with the names of the form and of the field (null: the form itself)."""
    people = on_views(
        events.filter(
            pl.col("kind").is_in(_KINDS),
            pl.col("page_view_key").is_not_null(),
            ~pl.col("is_bot"),
            ~pl.col("implied"),
            pl.col("element_chain").str.contains(_IS_FORM),
        ),
        views,
    ).filter(pl.col("page").is_not_null())
    acts = (
        people.select(
            "page_view_key", "source", "page", pl.col("device_type").fill_null(UNKNOWN), "element_chain", "kind", "event_index", "occurred_at",
        )
        .collect()
        .join(_named(people), on="element_chain")
        .join(told.with_columns(tells=pl.lit(value=True)), on=_OF, how="left")
        .with_columns(pl.col("tells").fill_null(value=False))
    )  # fmt: skip
    # A click in a form that is on none of its fields says nothing of it.
    meant = acts.filter((pl.col("kind") != "click") | pl.col("field").is_not_null())
    return meant.sort("page_view_key", "event_index")


def _named(people: pl.LazyFrame) -> pl.DataFrame:
    """Names of form and field by chain: there are few, and many acts."""
    chains = people.select(pl.col("element_chain").unique()).collect()
    chain, innermost = pl.col("element_chain"), pl.col("element_chain").str.extract(r"(<[^<]*)$", 1)
    form = _name(chain.str.extract(rf"^.*({_IS_FORM})", 1))
    is_field = innermost.str.contains(_IS_FIELD) & ~innermost.str.contains(_IS_BUTTON)
    tag = innermost.str.extract(r"^<([a-z]+)", 1)
    field = pl.when(is_field).then(pl.coalesce(_name(innermost), tag))
    return chains.select("element_chain", form=form.fill_null("form"), field=field)


def _name(tag: pl.Expr) -> pl.Expr:
    """An element's label, title, name or id; null where it bears none."""
    return pl.coalesce(tag.str.extract(rf'\s{name}="([^"]+)"', 1) for name in _NAMES)
