"""What happened to forms and their fields in page views (docs/definitions/forms.md)."""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from pipeline.core.registry import TABLES
from pipeline.events.chains import labels
from pipeline.events.channels import UNKNOWN
from pipeline.stats.buckets import added_up

_KINDS = ("click", "input", "validation", "form_submit")
_WHERE = ["page", "device_type"]
_FORM = [*_WHERE, "form"]
_LONGEST = timedelta(minutes=5)
_IS_FIELD = r"^<(?:input|select|textarea)\b"
# Buttons are clicked, not filled.
_IS_BUTTON = r"""^<input\b[^>]*\btype=["']?(?:submit|button|reset|image)\b"""


def form_sums(events: pl.LazyFrame, day: date) -> pl.DataFrame:
    """Forms in the sessions booked on `day`; sums of disjoint people add up."""
    acts = _acts(events)
    done = pl.col("kind")
    views = acts.group_by("page_view_key", *_FORM).agg(
        submits=(done == "form_submit").sum(), is_refused=(done == "validation").any()
    )
    counted = views.group_by(_FORM).agg(
        page_views_started=pl.len(),
        page_views_submitted=(pl.col("submits") > 0).sum(),
        page_views_submitted_again=(pl.col("submits") > 1).sum(),
        page_views_refused=pl.col("is_refused").sum(),
    )
    # Page views are those of all people, whether they touched a form or not: of no form until all are added up.
    shown = _shown(events).with_columns(pl.lit(0).alias(name) for name in counted.columns if name not in _FORM)
    both = pl.concat([counted.with_columns(page_views=0), shown.with_columns(form=pl.lit(""))], how="diagonal_relaxed")
    return TABLES["daily_forms"].conform(both.with_columns(session_day=pl.lit(day)))


def daily_forms(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The day's forms, each with the page views of its page and device, from the sums of disjoint people."""
    table = TABLES["daily_forms"]
    summed = added_up(parts, table.key)
    shown = summed.filter(pl.col("form") == "").select(*_WHERE, "page_views")
    return table.conform(summed.filter(pl.col("form") != "").drop("page_views").join(shown, on=_WHERE, how="left"))


def field_sums(events: pl.LazyFrame, day: date) -> pl.DataFrame:
    """Fields of forms in the sessions booked on `day`; sums of disjoint people add up."""
    view, table = ["page_view_key", *_FORM], TABLES["daily_form_fields"]
    acts = _acts(events)
    is_submitted = (pl.col("kind") == "form_submit").any().over(view)
    waited = (pl.col("occurred_at") - pl.col("occurred_at").shift().over(view)).clip(timedelta(), _LONGEST)
    is_change = pl.col("kind") == "input"
    told = acts.with_columns(is_submitted=is_submitted, waited=pl.when(is_change).then(waited))
    touched = told.filter(pl.col("field").is_not_null()).with_columns(
        is_left_at=~pl.col("is_submitted") & (pl.col("event_index") == pl.col("event_index").max().over(view))
    )
    by_view = touched.group_by(*view, "field").agg(
        changes=is_change.sum(),
        timed=pl.col("waited").count(),
        waited=pl.col("waited").dt.total_milliseconds().sum(),
        is_refused=(pl.col("kind") == "validation").any(),
        is_left_at=pl.col("is_left_at").any(),
    )
    counted = by_view.group_by(*_FORM, "field").agg(
        page_views_touched=pl.len(),
        page_views_changed=(pl.col("changes") > 0).sum(),
        page_views_corrected=(pl.col("changes") > 1).sum(),
        page_views_refused=pl.col("is_refused").sum(),
        page_views_left_at=pl.col("is_left_at").sum(),
        changes=pl.col("changes").sum(),
        changes_timed=pl.col("timed").sum(),
        fill_ms=pl.col("waited").sum(),
    )
    return table.conform(counted.with_columns(session_day=pl.lit(day)))


def _acts(events: pl.LazyFrame) -> pl.DataFrame:
    """What was done to forms in page views, in order, with the names of the form and of the field (null: the form itself)."""
    people = events.filter(
        pl.col("kind").is_in(_KINDS),
        pl.col("page").is_not_null(),
        pl.col("page_view_key").is_not_null(),
        ~pl.col("is_bot"),
        ~pl.col("implied"),
        pl.col("element_chain").str.contains("<form", literal=True),
    )
    acts = (
        people.select(
            "page_view_key", "page", pl.col("device_type").fill_null(UNKNOWN), "element_chain", "kind", "event_index", "occurred_at",
        )
        .collect()
        .join(_named(people), on="element_chain")
    )  # fmt: skip
    # A click in a form that is on none of its fields says nothing of it.
    meant = acts.filter((pl.col("kind") != "click") | pl.col("field").is_not_null())
    return meant.sort("page_view_key", "event_index")


def _named(people: pl.LazyFrame) -> pl.DataFrame:
    """Names of form and field by chain: there are few, and many acts."""
    chains = people.select(pl.col("element_chain").unique()).collect()
    chain, innermost = pl.col("element_chain"), pl.col("element_chain").str.extract(r"(<[^<]*)$", 1)
    form = labels(chain.str.extract(r"^.*(<form\b[^<]*)", 1))
    is_field = innermost.str.contains(_IS_FIELD) & ~innermost.str.contains(_IS_BUTTON)
    bare = pl.when(form.str.starts_with("<")).then(pl.lit("form")).otherwise(form)
    field = pl.when(is_field).then(labels(innermost).str.strip_chars("<>"))
    return chains.select("element_chain", form=bare, field=field)


def _shown(events: pl.LazyFrame) -> pl.DataFrame:
    """Page views by page and device."""
    views = events.filter(
        ~pl.col("is_bot"), pl.col("page").is_not_null(), pl.col("page_view_key").is_not_null(), ~pl.col("implied")
    )
    named = views.group_by("page", pl.col("device_type").fill_null(UNKNOWN))
    return named.agg(page_views=pl.col("page_view_key").n_unique().cast(pl.Int64)).collect()
