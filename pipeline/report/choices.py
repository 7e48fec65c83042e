"""Choice answers on the page of voice: of each question the biggest choices, and who chose them (docs/definitions/voice.md, "Choices")."""

from typing import Any

import polars as pl

from pipeline.report import charts
from pipeline.report.parts import Body, Picker, Section, count, label, share

_LABEL = 34
_DRAWN, _ROWS, _GROUPS = 10, 30, 6
_OTHER = "(other)"
_MEANING = (
    "A response counts once, with its last answer; shares are of the responses to this question, with their 95 % interval. "
    "Fewer than 30 responses are a hint and no finding."
)
_SEVERAL = "An answer may hold several choices, so that shares add up to more than 100 %."
_GATHERED = (
    "“(other)” gathers what people wrote themselves and what fewer than five people chose; name the question's choices in the "
    "product file to see each of them."
)


def choice_sections(choices: pl.DataFrame) -> list[Section]:
    """A section for each question with choices that was answered in the last 28 days."""
    recent = choices.filter(pl.col("period") == "last_28")
    asked = recent.select("survey", "question").unique().sort("survey", "question").rows()
    return [
        _section(recent.filter(pl.col("survey") == survey, pl.col("question") == question), survey, question)
        for survey, question in asked
    ]


def _section(own: pl.DataFrame, survey: str, question: str) -> Section:
    ordered = own.sort(pl.col("choice") == _OTHER, "answers", "choice", descending=[False, True, False])
    everybody = ordered.filter(pl.col("page") == "", pl.col("device_type") == "")
    drawn = everybody.filter(pl.col("answers") > 0).head(_DRAWN).with_row_index("step")
    asked = f"{label(survey) or '(not reported)'}: {label(question)}"
    bars = drawn.select(
        "step",
        step_name=pl.Series(_shortened(drawn["choice"].to_list()), dtype=pl.String),
        people_converted="answers",
        shown=pl.struct("share", "answers").map_elements(_shown, return_dtype=pl.String),
    )
    groups = _groups(own)
    bodies = [
        Body((name,), [_row(r) for r in ordered.filter(pl.col("page") == page, pl.col("device_type") == device).head(_ROWS).rows(named=True)])
        for name, page, device in groups
    ]  # fmt: skip
    return Section(
        f"{label(survey) or '(not reported)'}: what they chose for “{label(question)}”",
        _meaning(everybody),
        [charts.steps(bars, f"{asked}: how many chose what, last 28 days", "answers")],
        ("choice", "share", "from", "to", "answers", "of", "people", "how many"),
        provenance="choices: choice share low_end high_end answers answers_all people is_small",
        pickers=[Picker("Group", [(name, name) for name, _, _ in groups])],
        bodies=bodies,
    )


def _shortened(choices: list[str]) -> list[str]:
    """As much of each as a chart has place for, unless two would be one bar; the table holds the whole."""
    short = [each if len(each) <= _LABEL else f"{each[: _LABEL - 1].rstrip()}…" for each in choices]
    return short if len(set(short)) == len(short) else choices


def _shown(r: dict[str, Any]) -> str:
    return f"{r['share']:.0%} ({count(r['answers'])})"


def _meaning(everybody: pl.DataFrame) -> str:
    """What was chosen most, in words, and what must be known to read the shares."""
    most = everybody.row(0, named=True)
    reported = f"Of {count(most['answers_all'])} answers in the last 28 days "
    # Gathered answers stand last: they are first where there is nothing else.
    stands_out = most["answers"] > 0 and most["choice"] != _OTHER
    reported += (
        f"{share(most['share'])} chose “{most['choice']}” ({share(most['low_end'])} to {share(most['high_end'])})."
        if stands_out
        else "none is a choice that can be told."
    )
    several = everybody["answers"].sum() > most["answers_all"]
    gathered = everybody.filter(pl.col("choice") == _OTHER)["answers"].sum() > 0
    return " ".join([reported, _MEANING, *([_SEVERAL] if several else []), *([_GATHERED] if gathered else [])])


def _groups(own: pl.DataFrame) -> list[tuple[str, str, str]]:
    """Name, page and device of everybody and of the largest pages and devices."""
    cells = own.select("page", "device_type", "answers_all").unique()
    result = [("everybody", "", "")]
    for column, name in (("page", "page"), ("device_type", "device")):
        other = "device_type" if column == "page" else "page"
        alone = cells.filter(pl.col(column) != "", pl.col(other) == "")
        most = alone.sort("answers_all", column, descending=[True, False]).head(_GROUPS)
        result += [(f"{name}: {label(r[column])}", r["page"], r["device_type"]) for r in most.rows(named=True)]
    return result


def _row(r: dict[str, Any]) -> tuple[str, ...]:
    return (
        r["choice"], share(r["share"]), share(r["low_end"]), share(r["high_end"]), count(r["answers"]), count(r["answers_all"]),
        count(r["people"]), "few" if r["is_small"] else "",
    )  # fmt: skip
