"""The page of value: what people bring in, who the buyers are, what to expect of them, and which behaviour goes with it."""

import polars as pl

from pipeline.core.product import Product
from pipeline.report import charts
from pipeline.report.page import ReportPage
from pipeline.report.parts import Marts, Page, Section, count, figure_text, label, money, share

_LEAST_SCORE, _LOW_SCORE = 4, 2
_SHOWN = 12
_COLOURS = {"marked": charts.BLUE, "unclear": charts.GREY}
_OUTCOMES = {"retained": "stay (active on days 7 to 34)", "revenue": "buy (revenue of days 7 to 96)"}
_DASH = "–"  # noqa: RUF001


def value_page(product: Product, marts: Marts) -> Page:
    """N-day value, revenue by month of first purchase, RFM, the model of buyers, behaviour beside value."""
    sections = [
        _windows(product, marts["customer_value"]),
        _cohorts(product, marts["revenue_cohorts"]),
        _rfm(product, marts["rfm"]),
        _model(product, marts["customer_model"]),
        *_behaviour(product, marts["behaviour_value"]),
        _suggestions(marts["behaviour_value"]),
    ]
    return Page("value", "Value", [], sections, lead=_lead(product, marts["customer_value"]))


def _lead(product: Product, result: pl.DataFrame) -> str:
    """What a person brings in the longest time that is known of at least half of all."""
    known = result.filter(pl.col("period") == "all", pl.col("people_mature") * 2 >= pl.col("people_in_cohort"))
    if known.is_empty() or not known["people_mature"].max():
        return ""
    r = known.sort("window_days").row(-1, named=True)
    value, low, high = (money(r[k], product.currency) for k in ("value_per_person", "low", "high"))
    return f"A person brings {value} in the first {r['window_days']} days ({low} to {high}); {share(r['buyer_rate'])} buy in that time."


def _windows(product: Product, result: pl.DataFrame) -> Section:
    whole = result.filter(pl.col("period") == "all").sort("window_days")
    shown = whole.filter(pl.col("people_mature") > 0)
    start = "first purchase" if product.value.start == "first_purchase" else "first event"
    left = whole.filter(pl.col("people_mature") == 0)["window_days"].to_list()
    note = f"Nobody has been there for {', '.join(map(str, left))} days yet." if left else ""
    return Section(
        "Value of a person",
        f"Revenue less refunds in the first days after the {start}, over people whose days are over.",
        [],
        ("days", "people", "of all", "who bought", "value", "from", "to"),
        [
            (count(r["window_days"]), count(r["people_mature"]), share(r["people_mature"] / r["people_in_cohort"]),
             share(r["buyer_rate"]), *(money(r[k], product.currency) for k in ("value_per_person", "low", "high")))
            for r in shown.rows(named=True)
        ],
        note=note,
        provenance="customer_value: window_days people_mature people_in_cohort buyer_rate value_per_person low high",
    )  # fmt: skip


def _cohorts(product: Product, result: pl.DataFrame) -> Section:
    cells = result.filter("mature").with_columns(
        cohort=pl.format("{} ({})", pl.col("cohort_start").dt.strftime("%b %Y"), "people_in_cohort"),
        rate="cumulated_per_person",
    ).rename({"month_number": "period_number"}).sort("cohort_start", "period_number")  # fmt: skip
    shown = cells.with_columns(
        shown=pl.col("rate").map_elements(lambda value: f"{value:,.0f}", return_dtype=pl.String),
    )
    return Section(
        "Revenue by month of first purchase",
        f"Revenue per buyer from the month of the first purchase on, cumulated, in {product.currency}; months that are over.",
        [charts.triangle(shown, "Cumulated revenue per buyer by month of first purchase")] if shown.height else [],
        note="" if shown.height else "No month is over yet.",
    )


def _rfm(product: Product, result: pl.DataFrame) -> Section:
    groups = {
        "best: recent, frequent, high": (pl.col("recency_score") >= _LEAST_SCORE, pl.col("frequency_score") >= _LEAST_SCORE, pl.col("monetary_score") >= _LEAST_SCORE),
        "recent, little so far": (pl.col("recency_score") >= _LEAST_SCORE, pl.col("monetary_score") < _LEAST_SCORE),
        "valuable, long not seen": (pl.col("recency_score") <= _LOW_SCORE, pl.col("monetary_score") >= _LEAST_SCORE),
        "long not seen, little": (pl.col("recency_score") <= _LOW_SCORE, pl.col("monetary_score") < _LEAST_SCORE),
        "all buyers": (pl.lit(value=True),),
    }  # fmt: skip
    rows: list[tuple[str, ...]] = []
    for name, tests in groups.items():
        own = result.filter(*tests)
        people, revenue = int(own["people"].sum()), float(own["revenue"].sum())
        per_person = money(revenue / people if people else None, product.currency)
        rows.append(
            (
                name,
                count(people),
                count(int(own["orders"].sum())),
                money(revenue, product.currency),
                per_person,
            )
        )
    return Section(
        "Buyers by recency, frequency and value",
        "Scores are 1 to 5 by how many buyers are strictly worse; the mart `rfm` has all combinations.",
        [],
        ("group", "people", "orders", "revenue", "per person"),
        rows if result.height else [],
        provenance="rfm: recency_score people orders revenue revenue",
    )


def _model(product: Product, result: pl.DataFrame) -> Section:
    fits = {row["fit"]: row for row in result.rows(named=True)}
    held = fits.get("holdout")
    known = [row for row in fits.values() if row["r"] is not None]
    note = "Too few people bought again to tell how often buyers return."
    if held is not None and held["holdout_error"] is not None:
        error = held["holdout_error"]
        note = (
            f"How far to trust it: fitted on purchases up to {held['to_day']:%d %B %Y}, it expected "
            f"{count(held['expected_purchase_days'])} purchase days in the {count(held['weeks_held_out'])} weeks after, and there "
            f"were {count(held['actual_purchase_days'])}: {abs(error):.0%} {'too few' if error < 0 else 'too many'}."
        )
    elif known:
        note = "There are too few weeks to hold some out: nobody can say how far it is off."
    return Section(
        "What buyers will do",
        "BG/NBD and Gamma-Gamma on purchase days: how often buyers come back while they are customers, when they leave, and "
        f"what a purchase is worth. Each buyer's expected revenue over {product.value.horizon_days} days stands in the table "
        "`customers`.",
        [],
        ("fitted on", "buyers", "r", "alpha", "a", "b", "log-likelihood", "who bought again", "p", "q", "v"),
        [
            ("all days" if r["fit"] == "whole" else f"days to {r['to_day']:%d %b %Y}", count(r["people"]),
             *(_number(r[k]) for k in ("r", "alpha", "a", "b", "log_likelihood")), count(r["people_repeating"]),
             *(_number(r[k]) for k in ("p", "q", "v")))
            for r in known
        ],
        note=note,
        provenance="customer_model: fit people r alpha a b log_likelihood people_repeating p q v",
    )  # fmt: skip


def _number(value: float | None) -> str:
    return _DASH if value is None else f"{value:.6g}"


def _behaviour(product: Product, result: pl.DataFrame) -> list[Section]:
    sections: list[Section] = []
    for outcome, words in _OUTCOMES.items():
        own = result.filter(pl.col("outcome") == outcome, pl.col("p_value").is_not_null()).sort(
            "low", "behaviour", descending=[True, False]
        )
        unit = "share" if outcome == "retained" else "currency"
        best = own.head(_SHOWN)
        drawn = best.select(
            "effect", "low", "high", what=pl.concat_str("kind", pl.lit(": "), "behaviour"),
            conclusion=pl.when("is_marked").then(pl.lit("marked")).otherwise(pl.lit("unclear")),
        )  # fmt: skip
        sections.append(
            Section(
                f"Behaviour of the first week and who will {words.split(' ')[0]}",
                f"People who did it on days 0 to 6 beside people like them (days active, device, channel) who didn't: do they "
                f"{words}? Marked ones hold after allowing for the number of things looked at. An association, not a cause.",
                [charts.intervals(drawn, f"Effect of behaviours on {outcome}", "with it less without it", _COLOURS, "+.0%" if unit == "share" else "+,.2f")] if drawn.height else [],
                ("behaviour", "people", "others", "with it", "without", "difference", "from", "to", "plain difference"),
                [
                    (f"{label(r['kind'])}: {label(r['behaviour'])}", count(r["people_with"]), count(r["people_without"]),
                     *(figure_text(r[k], unit, product.currency) for k in ("mean_with", "mean_without")),
                     *(figure_text(r[k], unit, product.currency, signed=True) for k in ("effect", "low", "high", "plain_difference")))
                    for r in best.rows(named=True)
                ],
                note="" if own.height else "Nobody's time for it is over yet.",
        provenance="behaviour_value: behaviour people_with people_without mean_with mean_without effect low high plain_difference",
    )
        )  # fmt: skip
    return sections


def _suggestions(result: pl.DataFrame) -> Section:
    own = result.filter(pl.col("kind") == "step_suggestion", "is_marked", pl.col("effect") > 0)
    best = own.sort("low", "behaviour", descending=[True, False]).head(_SHOWN)
    return Section(
        "What helps to the next step",
        "Things done after one step of a funnel and before the next one, that go with taking it. Who goes on at once has no "
        "time for anything else, which works against all of these: only those that help all the same are shown.",
        [],
        ("step > what was done", "people", "others", "took the next step", "of the others", "difference", "from", "to"),
        [
            (label(r["behaviour"]), count(r["people_with"]), count(r["people_without"]), share(r["mean_with"]),
             share(r["mean_without"]), *(figure_text(r[k], "share", "", signed=True) for k in ("effect", "low", "high")))
            for r in best.rows(named=True)
        ],
        note="" if own.height else "Nothing that people do between steps goes with taking the next one.",
        provenance="behaviour_value: behaviour people_with people_without mean_with mean_without effect low high",
    )  # fmt: skip


PAGE = ReportPage("value", "Value", "Growth", 50, lambda shown: value_page(shown.product, shown.marts))
