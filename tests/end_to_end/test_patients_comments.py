"""Real comments with human labels: 4,466 patients' answers through the formats `mapping` and `surveys`.

The ratings are 1 for very good to 5 for very poor, 6 for don't know, which counts in the denominator as the survey's
owner counts it; 7 and none are off the scale. Dates are written day first or month first, as hands did.
"""

import csv
import io
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from scipy.stats import spearmanr
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import normalized_mutual_info_score
from support import NOBODY_LINKED, NONE_REPEATED, booked, drop, product, take_all

from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.registry import TABLES
from pipeline.domains.themes.section import Theme
from pipeline.domains.themes.team_themes import team_strengths
from pipeline.domains.themes.themes import comment_themes
from pipeline.domains.voice.feedback import feedback
from pipeline.domains.voice.scores import feedback_counts, score_results
from pipeline.events.clean import clean_day
from pipeline.stats.answers import comments, last_answers
from pipeline.stats.text import BLANK

DATA = Path(__file__).parents[3] / "shared" / "data" / "nhs_fft_comments" / "v6framework_230831.csv"
pytestmark = pytest.mark.skipif(not DATA.is_file(), reason="needs ../shared/data/nhs_fft_comments")
ZONE = "Europe/London"
NO_LABELS = {"Labelling not possible", "Not assigned"}
FORMS = ("%d/%m/%Y", "%m/%d/%Y")
MAPPING = {
    "columns": {
        "occurred_at": {"field": "Date", "format": list(FORMS), "zone": ZONE},
        "kind": {"constant": "survey_answered"},
        "survey_id": {"constant": "fft"},
        "response_id": "Respondent ID",
        "user_id": "Respondent ID",
        "question_id": "FFT question",
        "score": "FFT categorical answer",
        "text": "FFT answer",
    }
}
CHANGES: dict[str, Any] = {
    "start_date": "2020-01-01",
    "time_zone": ZONE,
    **{name: {} for name in ("properties", "goals", "funnels")},
    **{name: [] for name in ("pages", "zones")},
    "sources": {
        "fft": {"format": "mapping", "event_id": ["Comment ID"], "mapping": MAPPING},
        "tool": {"format": "surveys", "survey_id": "fft", "time_zone": ZONE},
    },
    "surveys": {
        "fft": {
            "questions": {
                "rating": {"kind": "csat", "scale": [1, 6], "best": "low", "ids": ["*"]},
                "why": {"kind": "text", "ids": ["*"]},
            }
        }
    },
}
# A theme file as a team would write it from its own knowledge, with the label that a human gave such comments.
TEAM: dict[str, tuple[str, tuple[str, ...]]] = {
    "food": ("Food & drink provision & facilities", ("food", "meal", "menu", "drink", "tea", "coffee", "lunch", "dinner", "breakfast", "eat")),
    "time": ("Timeliness of care", ("wait*", "late", "delay*", "hours", "quick*", "prompt*", "time", "slow", "fast", "speed*", "minutes")),
    "staff": ("Staff manner & personal attributes", ("friendly", "polite", "rude", "kind*", "caring", "helpful", "professional", "attitude", "pleasant", "courteous", "cheerful", "respectful")),
    "listening": ("Staff listening, understanding & involving patients", ("listen*", "understood", "understanding", "heard", "empathy", "questions", "involved")),
    "appointments": ("Appointment arrangements", ("appointment", "booking", "booked", "reschedule", "cancel*", "rearrange")),
}  # fmt: skip


def rows() -> list[dict[str, str]]:
    with DATA.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def day_of(written: str) -> date:
    for form in FORMS:
        try:
            return datetime.strptime(written, form).replace(tzinfo=ZoneInfo(ZONE)).date()
        except ValueError:
            continue
    raise ValueError(written)


def raw_of(lake: Lake) -> pl.LazyFrame:
    home = lake.path(".")
    keys = sorted(str(path.relative_to(home)) for path in lake.path("lake/raw_events").glob("*/*.parquet"))
    return lake.scan(TABLES["raw_events"], keys)


def feedback_of(lake: Lake, chosen: Product) -> pl.DataFrame:
    """What the day tables make of all that was taken, day by day."""
    clean = clean_day(raw_of(lake), chosen, NOBODY_LINKED, NONE_REPEATED).events
    assert not clean["is_bot"].any(), "hundreds of answers of one instant are no crowd of programs"
    views = TABLES["page_views"].schema.to_frame().lazy()
    local = pl.col("occurred_at").dt.convert_time_zone(ZONE).dt.date()
    by_day = clean.with_columns(local=local).partition_by("local", as_dict=True, include_key=False)
    parts = [feedback(own.lazy(), booked(own).lazy(), views, day, chosen) for (day,), own in sorted(by_day.items())]
    return pl.concat(parts)


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> tuple[pl.DataFrame, dict[str, int]]:
    """The feedback, and each event's place in the file."""
    home, chosen = tmp_path_factory.mktemp("home"), product(**CHANGES)
    drop(home, "fft/comments.csv", DATA.read_bytes())
    lake = Lake(home)
    (manifest,) = take_all(lake, chosen)
    assert manifest.balances
    assert manifest.records_rejected == 0
    positions = dict(raw_of(lake).select("event_id", "record_number").collect().iter_rows())
    return feedback_of(lake, chosen), positions


@pytest.fixture(scope="module")
def reported(mapped: tuple[pl.DataFrame, dict[str, int]]) -> pl.DataFrame:
    return mapped[0]


def whole(reported: pl.DataFrame) -> dict[str, Any]:
    results = score_results(reported.lazy(), sorted(set(reported["day"])), product(**CHANGES))
    (row,) = results.filter(pl.col("period") == "all", pl.col("dimension") == "").to_dicts()
    return row


def test_the_rating_belongs_to_the_response(reported: pl.DataFrame) -> None:
    row = whole(reported)
    assert (row["responses"], row["people"], row["high"]) == (4241, 4241, 3604)
    assert round(row["points"] / row["responses"] / 100, 4) == 0.8498
    # Per comment it would be this, which is another number.
    by_comment = [r["FFT categorical answer"] for r in rows() if r["FFT categorical answer"] in set("123456")]
    assert (len(by_comment), round(sum(a in "12" for a in by_comment) / len(by_comment), 6)) == (7492, 0.849973)
    counts = feedback_counts(reported.lazy(), product(**CHANGES))
    assert counts.filter(pl.col("question") == "")["responses"].sum() == 4466
    assert counts.filter(pl.col("question") == "rating")["out_of_scale"].sum() == 225


def test_non_answers_are_set_aside(reported: pl.DataFrame) -> None:
    result = reported.filter(pl.col("question") == "why")["non_answer"]
    assert result.len() == 7908
    assert result.is_in([BLANK, "did not answer"]).sum() == 1697
    # 'Nothing', 'None', 'n/a' are none either.
    assert result.is_not_null().sum() == 2290


def test_the_same_answers_through_a_survey_tools_export(reported: pl.DataFrame, tmp_path: Path) -> None:
    written = io.StringIO()
    out = csv.writer(written)
    out.writerow(["Response ID", "Submitted at", "Question", "Score", "Comment"])
    for row in rows():
        at = day_of(row["Date"]).isoformat()
        score = row["FFT categorical answer"]
        out.writerow([row["Respondent ID"], at, " ".join(row["FFT question"].split()), score, row["FFT answer"]])
    drop(tmp_path, "tool/export.csv", written.getvalue().encode())
    lake, chosen = Lake(tmp_path), product(**CHANGES)
    (manifest,) = take_all(lake, chosen)
    assert manifest.records_rejected == 0
    # A row with neither score nor comment answers nothing.
    empty = sum(not row["FFT categorical answer"] and not row["FFT answer"].strip() for row in rows())
    assert sum(manifest.filtered.values()) == empty
    again = feedback_of(lake, chosen)
    row, mine = whole(again), whole(reported)
    assert [row[name] for name in ("responses", "high", "middle", "low")] == [
        mine[name] for name in ("responses", "high", "middle", "low")
    ]
    assert row["people"] == 0, "the export names nobody"
    texts = [comments(last_answers(each.lazy()))["text"].sort().to_list() for each in (reported, again)]
    assert texts[0] == texts[1]


def labels(mapped: tuple[pl.DataFrame, dict[str, int]]) -> dict[str, set[str]]:
    """Human labels of each comment's event."""
    given, positions = rows(), mapped[1]
    names = list(given[0])[11:]
    return {
        event: {name for name in names if given[position - 1][name] == "1"} for event, position in positions.items()
    }


def test_found_themes_beside_the_human_labels(mapped: tuple[pl.DataFrame, dict[str, int]]) -> None:
    reported, human = mapped[0], labels(mapped)
    days = sorted(set(reported["day"]))
    own = comments(last_answers(reported.lazy()))
    themes = comment_themes(reported.lazy(), days, product(**CHANGES))
    covered = themes["event_id"].n_unique() / own.height
    assert covered > 0.68
    best = dict(
        themes.sort("strength", descending=True).unique("event_id", keep="first").select("event_id", "theme").rows()
    )
    clear = {
        event: next(iter(human[event]))
        for event in own["event_id"]
        if len(human[event] - NO_LABELS) == 1 == len(human[event])
    }
    shared = [event for event in own["event_id"] if event in best and event in clear]
    ours = normalized_mutual_info_score([clear[e] for e in shared], [best[e] for e in shared])
    # The baseline: TF-IDF and k-means with as many clusters over the same comments, judged on the same ones.
    vectors = TfidfVectorizer(stop_words="english", min_df=3).fit_transform(own["text"].to_list())
    clusters = KMeans(themes["theme"].n_unique(), n_init=3, random_state=0).fit(vectors).labels_
    plain = dict(zip(own["event_id"], clusters.tolist(), strict=True))
    baseline = normalized_mutual_info_score([clear[e] for e in shared], [plain[e] for e in shared])
    everything = list(clear)
    ours_all = normalized_mutual_info_score([clear[e] for e in everything], [best.get(e, "none") for e in everything])
    plain_all = normalized_mutual_info_score([clear[e] for e in everything], [plain[e] for e in everything])
    assert ours > baseline + 0.04
    assert ours_all > plain_all + 0.03


@pytest.mark.parametrize(
    ("theme", "precision", "recall"),
    [
        ("food", 0.85, 0.85),
        ("time", 0.6, 0.85),
        ("staff", 0.6, 0.8),
        ("listening", 0.6, 0.65),
        ("appointments", 0.5, 0.7),
    ],
)
def test_a_teams_themes_beside_the_human_labels(
    mapped: tuple[pl.DataFrame, dict[str, int]], theme: str, precision: float, recall: float
) -> None:
    label, words = TEAM[theme]
    human = labels(mapped)
    own = comments(last_answers(mapped[0].lazy()))
    result = set(team_strengths(own, {theme: Theme(words=words)})["event_id"])
    true = {event for event in own["event_id"] if label in human[event]}
    hit = len(result & true)
    assert hit / len(result) >= precision
    assert hit / len(true) >= recall


def test_mood_beside_the_labellers(mapped: tuple[pl.DataFrame, dict[str, int]]) -> None:
    reported, positions = mapped
    given = rows()
    own = comments(last_answers(reported.lazy())).filter(pl.col("sentiment_e4").is_not_null())
    # The labeller's 1 is very positive, 5 very negative.
    pairs = [
        (mood, int(label))
        for event, mood in own.select("event_id", "sentiment_e4").rows()
        if (label := given[positions[event] - 1]["Comment sentiment"])
    ]
    rank = spearmanr([mood for mood, _ in pairs], [-label for _, label in pairs]).statistic
    both = [(mood > 0, label < 3) for mood, label in pairs if abs(mood) >= 500 and label != 3]
    agreed = sum(a == b for a, b in both) / len(both)
    assert rank > 0.4
    assert agreed > 0.78
