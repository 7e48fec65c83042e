"""The page of voice: scores over time, who answers, what they speak of, quotes, and what goes with a score."""

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl

from pipeline.core.product import Product
from pipeline.report import charts
from pipeline.report.asking import asking_lately
from pipeline.report.choices import choice_sections
from pipeline.report.page import ReportPage
from pipeline.report.parts import Marts, Page, Section, count, label, releases_of, share
from pipeline.report.replays import Replays, quote_of

_MOST = 15
_QUOTED_THEMES, _THEMES_SHOWN = 6, 8
_NAMES = {"nps": "NPS", "csat": "CSAT", "ces": "CES", "pmf": "Product-market fit"}
_UNITS = {
    "nps": "points from -100 to 100",
    "csat": "% of the top two boxes",
    "ces": "mean of 1 to 7",
    "pmf": "% very disappointed",
}
_COLOURS = {"lower": charts.RED, "unclear": charts.GREY, "higher": charts.GREEN}
_PERIOD = pl.col("period") == "last_28"
_FEW = 30
_DASH = "–"  # noqa: RUF001


def voice_page(product: Product, marts: Marts, replays: Replays) -> Page:
    """What people say: each survey's scores, response funnel, themes, quotes, and scores by behaviour."""
    daily = marts["feedback_daily"].filter(pl.col("segment") == "")
    if daily.is_empty():
        return Page("voice", "Voice")
    scores = marts["scores"]
    sections: list[Section] = [_answers(daily)]
    asked = scores.select("survey", "question", "question_kind").unique().sort("survey", "question").rows()
    for survey, question, kind in asked:
        own = (pl.col("survey") == survey) & (pl.col("question") == question)
        scored = _score(scores.filter(own), survey, question, kind, releases_of(product))
        sections += [replace(each, ask=asking_lately(marts, show="scores")) for each in scored]
        sections += _themes(marts["themes"].filter(own, _PERIOD), survey, kind)
        sections += _behaviour(marts["score_by_behaviour"].filter(own, _PERIOD), survey, kind)
    sections += [replace(each, ask=asking_lately(marts, show="choices")) for each in choice_sections(marts["choices"])]
    sections += _exit(daily, product)
    sections += _talk(marts["themes"])
    sections += _quotes(marts["quotes"], marts["themes"], replays)
    return Page("voice", "Voice", [], sections, lead=_lead(marts))


def _lead(marts: Marts) -> str:
    """The first survey's score of the last 28 days with its interval, and what is spoken of most."""
    scores = marts["scores"].filter(pl.col("period") == "last_28", pl.col("dimension") == "").drop_nulls("score")
    told: list[str] = []
    if scores.height:
        r = scores.sort("responses", "survey", "question", descending=[True, False, False]).row(0, named=True)
        ends = "" if r["low_end"] is None else f" ({_number(r['low_end'])} to {_number(r['high_end'])})"
        kind = r["question_kind"].upper()
        told.append(
            f"{label(r['survey'])}: {kind} {_number(r['score'])}{ends} of {count(r['responses'])} answers in 28 days."
        )
    # A theme has a row for each scored question besides its own.
    themes = marts["themes"].filter(pl.col("period") == "last_28", pl.col("question") == "").drop_nulls("name")
    most = (
        themes.group_by("theme", "name")
        .agg(pl.col("comments").sum())
        .sort("comments", "name", descending=[True, False])
    )
    if most.height and most["comments"][0]:
        told.append(f"People speak most of {label(most['name'][0])} ({count(most['comments'][0])} comments).")
    return " ".join(told)


def _answers(daily: pl.DataFrame) -> Section:
    last: date = daily["day"].max()  # pyright: ignore[reportAssignmentType]
    recent = daily.filter(pl.col("day") > last - pl.duration(days=28))
    names = ("impressions", "dismissals", "responses", "responses_measured", "without_person", "without_session")
    whole = recent.filter(pl.col("question_kind") == "").group_by("survey").agg(pl.col(names).sum())
    words = (
        recent.filter(pl.col("question_kind") == "text").group_by("survey").agg(pl.col("comments", "non_answers").sum())
    )
    shown = whole.join(words, on="survey", how="left").sort("survey")
    bars = shown.filter(pl.col("impressions") > 0).unpivot(
        ["impressions", "responses", "comments"], index="survey", variable_name="step", value_name="n"
    )
    drawn = [
        charts.steps(
            bars.filter(pl.col("survey") == name).select(
                step=pl.int_range(pl.len()),
                step_name=pl.lit(f"{label(name)}: ") + pl.col("step").replace({"impressions": "shown", "responses": "answered"}),
                people_converted="n", shown=pl.col("n").map_elements(count, return_dtype=pl.String),
            ),
            f"{label(name)}: shown, answered, with a comment",
            "times",
        )
        for name in bars["survey"].unique(maintain_order=True)
    ]  # fmt: skip
    return Section(
        "Who answers",
        "The last 28 days. A survey's response rate is told where its showing is; answers that belong to nobody known, or "
        "to no session, are kept and counted. Texts like “nothing” are no comments.",
        drawn,
        ("survey", "shown", "closed", "answered", "rate", "comments", "no comment", "nobody known", "no session"),
        [
            (label(r["survey"]) or "(not told)", count(r["impressions"]) if r["impressions"] else _DASH,
             count(r["dismissals"]) if r["impressions"] else _DASH, count(r["responses"]),
             share(r["responses_measured"] / r["impressions"] if r["impressions"] else None), count(r["comments"]),
             count(r["non_answers"]), count(r["without_person"]), count(r["without_session"]))
            for r in shown.rows(named=True)
        ],
        provenance="feedback_daily: survey impressions dismissals responses response_rate comments non_answers without_person without_session",
    )  # fmt: skip


def _score(own: pl.DataFrame, survey: str, question: str, kind: str, releases: charts.Releases) -> list[Section]:
    everybody = own.filter(pl.col("dimension") == "")
    weeks = everybody.filter(pl.col("period") == "week").sort("period_start")
    recent = own.filter(_PERIOD)
    of_all = recent.filter(pl.col("dimension") == "")["responses"].sum()
    # A group that holds everybody says nothing new.
    groups = recent.filter((pl.col("dimension") == "") | (pl.col("responses") < of_all))
    shown = groups.sort("dimension", "responses", "value", descending=[False, True, False])
    band = weeks.filter(pl.col("low_end").is_not_null()).select("score", "low_end", "high_end", start="period_start")
    name = f"{_NAMES[kind]}: {label(survey)}"
    return [
        Section(
            name,
            f"“{label(question)}” over the last 28 days, {_UNITS[kind]}. A response counts once, with its last answer; "
            "where people answer more than once the interval allows for it. Fewer than 30 responses are a hint and no finding.",
            [charts.band(band, f"{name} by week, with its 95 % interval", _UNITS[kind], releases)] if band.height > 1 else [],
            ("group", "score", "from", "to", "responses", "people", "high", "low", "how many"),
            [
                (f"{r['dimension']}: {label(r['value'])}" if r["dimension"] else "everybody", _number(r["score"]), _number(r["low_end"]),
                 _number(r["high_end"]), count(r["responses"]), count(r["people"]), share(r["share_high"]), share(r["share_low"]),
                 "few" if r["is_small"] else "")
                for r in shown.head(2 * _MOST).rows(named=True)
            ],
        provenance="scores: value score low_end high_end responses people share_high share_low is_small",
    )
    ]  # fmt: skip


def _number(value: float | None) -> str:
    return _DASH if value is None else f"{value:.1f}"


def _themes(own: pl.DataFrame, survey: str, kind: str) -> list[Section]:
    reported = own.filter(pl.col("theme") != "", pl.col("responses_with") >= _FEW // 3).sort("effect", "theme")
    if reported.is_empty():
        return []
    conclusion = (
        pl.when(pl.col("effect_high") < 0).then(pl.lit("lower"))
        .when(pl.col("effect_low") > 0).then(pl.lit("higher"))
        .otherwise(pl.lit("unclear"))
    )  # fmt: skip
    points = reported.filter(pl.col("effect_low").is_not_null()).select(
        "effect", what="name", low="effect_low", high="effect_high", conclusion=conclusion
    )
    return [
        Section(
            f"{label(survey)}: what goes with a lower or higher {_NAMES[kind]}",
            "The score of responses that have a comment with the theme, less that of responses with a comment without it; the "
            "line is the 95 % interval. An association: who speaks of a theme may differ in other things too.",
            [charts.intervals(points, f"Effect of themes on the {_NAMES[kind]} of {label(survey)}", _UNITS[kind], _COLOURS, "+d")] if points.height else [],
            ("theme", "with it", "without", "effect", "from", "to", "how many"),
            [
                (r["name"], count(r["responses_with"]), count(r["responses_without"]), _signed(r["effect"]),
                 _signed(r["effect_low"]), _signed(r["effect_high"]), "few" if r["is_small"] else "")
                for r in reported.rows(named=True)
            ],
        provenance="themes: theme responses_with responses_without effect effect_low effect_high is_small",
    )
    ]  # fmt: skip


def _signed(value: float | None) -> str:
    return _DASH if value is None else f"{value:+.1f}"


def _whole_points(value: float | None) -> str:
    return _DASH if value is None else f"{100 * value:+.0f} points"


def _behaviour(own: pl.DataFrame, survey: str, kind: str) -> list[Section]:
    # What nearly everybody or nobody did tells nothing.
    reported = own.filter(pl.min_horizontal("responses_with", "responses_without") >= _FEW // 3)
    shown = reported.sort("low_rank").head(_MOST)
    if shown.is_empty():
        return []
    lows = {"nps": "detractors"}.get(kind, "people with low answers")
    return [
        Section(
            f"{label(survey)}: what {lows} did differently",
            "What people did or ran into in the days before they answered, ranked by how much more of those with a low answer did "
            "it than of the others. The conclusion speaks of the score and allows for the number of things looked at.",
            [],
            ("what", "did", "score", "of the others", "difference", "from", "to", "conclusion", "more of the low"),
            [
                (f"{label(r['behaviour'])}: {label(r['value'])}", count(r["responses_with"]), _number(r["score_with"]),
                 _number(r["score_without"]), _signed(r["effect"]), _signed(r["effect_low"]), _signed(r["effect_high"]),
                 r["conclusion"], _whole_points(r["low_difference"]))
                for r in shown.rows(named=True)
            ],
        provenance="score_by_behaviour: behaviour responses_with score_with score_without effect effect_low effect_high conclusion low_difference",
    )
    ]  # fmt: skip


def _exit(daily: pl.DataFrame, product: Product) -> list[Section]:
    names = [name for name, survey in product.surveys.items() if survey.trigger == "exit_intent"]
    is_exit = (pl.col("trigger") == "exit_intent") | pl.col("survey").is_in(names)
    own = daily.filter(is_exit, pl.col("question_kind") == "")
    by_page = own.group_by("page").agg(pl.col("impressions", "dismissals", "responses", "responses_measured").sum())
    shown = by_page.sort("impressions", "page", descending=[True, False])
    if shown.is_empty():
        return []
    return [
        Section(
            "Exit intent by page",
            "Surveys shown to people about to leave, over all days.",
            [],
            ("page", "shown", "closed", "answered", "rate"),
            [
                (r["page"] or "(no page)", count(r["impressions"]), count(r["dismissals"]), count(r["responses"]),
                 share(r["responses_measured"] / r["impressions"] if r["impressions"] else None))
                for r in shown.rows(named=True)
            ],
        provenance="feedback_daily: page impressions dismissals responses response_rate",
    )
    ]  # fmt: skip


def _talk(themes: pl.DataFrame) -> list[Section]:
    own = themes.filter(_PERIOD, pl.col("question") == "")
    reported = own.filter(pl.col("theme") != "").sort("survey", "comments", "theme", descending=[False, True, False])
    if reported.is_empty():
        return []
    most = reported.group_by("survey", maintain_order=True).head(_THEMES_SHOWN)
    has_before = reported["comments_all_before"].sum() > 0
    trend = ("before", "change", "from", "to") if has_before else ()
    covered = own.filter(pl.col("theme") == "").select(pl.col("comments", "comments_all").sum()).row(0)
    return [
        Section(
            "What they speak of",
            f"Themes of the last 28 days{' beside the 28 days before' if has_before else ''}: the team's own, and those that were found. "
            f"{share(covered[0] / covered[1])} of {count(covered[1])} comments have one or more.",
            [],
            ("theme", "survey", "comments", "share", *trend, "mood", "since", "words"),
            [
                (r["name"], label(r["survey"]).replace(" ", "\u00a0"), count(r["comments"]), share(r["share"]),
                 *(_trend(r) if has_before else ()),
                 _DASH if r["sentiment_mean"] is None else f"{r['sentiment_mean']:+.2f}", "new" if r["is_new"] else "", r["words"] or "")
                for r in most.rows(named=True)
            ],
            provenance=f"themes: theme survey comments share {_TREND if has_before else ''} sentiment_mean is_new words",
        )
    ]  # fmt: skip


_TREND = "share_before share_change share_change_low share_change_high"


def _trend(r: dict[str, Any]) -> tuple[str, ...]:
    change = (_points(r[name]) for name in ("share_change", "share_change_low", "share_change_high"))
    return (share(r["share_before"]), *change)


def _points(value: float | None) -> str:
    return _DASH if value is None else f"{100 * value:+.1f}"


def _quotes(quotes: pl.DataFrame, themes: pl.DataFrame, replays: Replays) -> list[Section]:
    weights = themes.filter(pl.col("period") == "last_90", pl.col("question") == "", pl.col("theme") != "")
    most = weights.sort("comments", "survey", "theme", descending=[True, False, False]).head(_QUOTED_THEMES)
    result: list[Section] = []
    for r in most.rows(named=True):
        own = quotes.filter(pl.col("survey") == r["survey"], pl.col("theme") == r["theme"])
        order = {"typical": 0, "lowest": 1, "highest": 2}
        reported = [
            quote_of(q, replays)
            for q in sorted(own.rows(named=True), key=lambda q: (order[q["pick"]], q["position"]))
        ]  # fmt: skip
        if reported:
            result.append(
                Section(
                    f"In their words: {r['name']}",
                    f"{label(r['survey'])}, last 90 days: the most typical comments, and those with the lowest and highest "
                    "scores. Verbatim, personal data removed.",
                    quotes=reported,
                )
            )
    return result


PAGE = ReportPage("voice", "Voice", "Why", 90, lambda shown: voice_page(shown.product, shown.marts, shown.replays))
