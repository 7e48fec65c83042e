"""The gate: Great Expectations judges batches by suites made from the contracts (docs/design.md, "The gate").

Polars has judged each row by then. A batch profile (pipeline/events/profile.py) has one row per batch, so one validation
judges a whole range of days; marts up to 100,000 rows are judged whole. The only module that imports Great
Expectations, inside functions, since the import takes seconds.
"""

import logging
import threading
import warnings
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

import polars as pl

from pipeline.core.contract import Table
from pipeline.core.product import Product
from pipeline.events.profile import CheckResult, Facts

WHOLE_MART_ROWS = 100_000
SAME_WEEKDAYS_NEEDED = 4
VOLUME_BOUNDS = (0.5, 2.0)
MAX_UNKNOWN_PAGE_SHARE = 0.2
MAX_WITHOUT_PERSON_SHARE = 0.2
MAX_WITHOUT_REVENUE_SHARE = 0.1
# Facts of the batch itself, which must be 0: (name, what a number above 0 means).
HARD_ZEROS: dict[str, str] = {
    "wrong_columns": "columns or types that differ from the contract",
    "repeated_keys": "rows that repeat a key",
    "nulls": "nulls in columns that may not be null",
    "out_of_bounds": "values out of their bounds",
    "out_of_order": "rows where a part is larger than its whole",
    "rows_outside_day": "events outside the local day",
    "colliding_person_keys": "people who share a person_key",
    "unbalanced_rows": "accepted rows that are neither events nor counted as repetitions",
    "unbalanced_files": "landing files whose records are not all accounted for",
}
# Least, most (None: unbounded), and what a value beyond means.
_Bound = tuple[float | None, float | None, str]
_WARNINGS: dict[str, _Bound] = {
    "volume_ratio": (*VOLUME_BOUNDS, "rows against the median of the last same weekdays"),
    "unknown_page_share": (0.0, MAX_UNKNOWN_PAGE_SHARE, "of page views have an address that fits no page"),
    "without_person_share": (0.0, MAX_WITHOUT_PERSON_SHARE, "of events are without any id"),
    "repeated_order_ids": (0, 0, "orders that bear the order id of another"),
    "without_revenue_share": (0.0, MAX_WITHOUT_REVENUE_SHARE, "of orders are without revenue"),
}


def judge(
    table: Table, product: Product, batches: Sequence[Facts], history: Sequence[Sequence[Facts]]
) -> list[CheckResult]:
    """Judge batches of `table` by their profiles; `history` holds, for each, the profiles of the same weekdays before.

    Hard faults are facts of the batch itself; what compares with other days is a warning and holds nothing back, or
    results would depend on the order in which files arrived.
    """
    hard: dict[str, _Bound] = {name: (None, 0, text) for name, text in HARD_ZEROS.items()}
    if table.name == "events":
        limit, least = product.quality.max_rejected_share, product.quality.min_records
        share = f"of the records in the day's landing files were rejected; from {least} records on at most {limit:.0%} may be"
        hard["judged_rejected_share"] = (None, limit, share)
    looked: list[dict[str, Any]] = []
    for batch, (facts, past) in enumerate(zip(batches, history, strict=True)):
        row = _profile_row(facts, past, product.quality.min_records)
        looked += [
            {
                "batch": batch,
                "column": name,
                "value": row[name],
                "low": low,
                "high": high,
                "fault": text,
                "severity": severity,
            }
            for severity, bounds in (("critical", hard), ("warning", _WARNINGS))
            for name, (low, high, text) in bounds.items()
            if row[name] is not None
        ]
    return _check_results(table, looked, batches)


def _profile_row(facts: Facts, past: Sequence[Facts], min_records: int) -> dict[str, float | None]:
    row: dict[str, float | None] = {name: facts.get(name) for name in HARD_ZEROS}
    rows, views = facts["rows"] or 0, facts.get("page_views") or 0
    before = [then["rows"] or 0 for then in past]
    usual = median(before) if len(before) >= SAME_WEEKDAYS_NEEDED else 0
    # Below so many records a share says nothing.
    row["judged_rejected_share"] = (
        facts.get("rejected_share") if (facts.get("records_read") or 0) >= min_records else None
    )
    row["volume_ratio"] = rows / usual if usual else None
    row["unknown_page_share"] = (facts.get("page_views_unknown_page") or 0) / views if views else None
    row["without_person_share"] = (facts.get("events_without_person") or 0) / rows if rows else None
    row["repeated_order_ids"] = facts.get("repeated_order_ids")
    orders = facts.get("orders") or 0
    row["without_revenue_share"] = (facts.get("orders_without_revenue") or 0) / orders if orders else None
    return {name: None if value is None else float(value) for name, value in row.items()}


def _check_results(table: Table, looked: Sequence[Mapping[str, Any]], batches: Sequence[Facts]) -> list[CheckResult]:
    """What lies out of its bounds, batch by batch.

    A row of the judged frame is a fact of a batch with how far it lies out: one expectation judges all facts of all
    batches, where one for each would cost Great Expectations more than computing the table.
    """
    beyond = pl.max_horizontal(
        pl.col("value") - pl.col("high"), pl.col("low") - pl.col("value"), pl.lit(0.0, dtype=pl.Float64)
    )
    number = pl.Float64
    schema = {"batch": pl.Int64, "column": pl.String, "value": number, "low": number, "high": number, "fault": pl.String, "severity": pl.String}  # fmt: skip
    frame = pl.DataFrame(looked, schema=schema, orient="row").with_row_index("fact_index")
    within = _great_expectations().expectations.ExpectColumnValuesToBeBetween(
        column="beyond", max_value=0, meta={"fault": "out of its bounds"}
    )
    results: dict[str, list[list[str]]] = {name: [[] for _ in batches] for name in ("critical", "warning")}
    for result in _failed(frame.select("fact_index", beyond=beyond), [within], by="fact_index"):
        for failed in result["batches"]:
            fact = looked[int(failed)]
            batch, column = int(fact["batch"]), fact["column"]
            value = f"{fact['value']:{'.1%' if column.endswith('_share') else 'g'}}"
            sentence = f"{table.name}: {value} {fact['fault']} ({column})"
            details = [f"{name}={count}" for name, count in batches[batch].items() if name.startswith(f"{column}:")]
            results[fact["severity"]][batch].append(f"{sentence}: {', '.join(details)}" if details else sentence)
    return [CheckResult(tuple(f), tuple(w)) for f, w in zip(*results.values(), strict=True)]


def judge_mart(table: Table, product: Product, frame: pl.DataFrame, facts: Facts) -> CheckResult:
    """Judge a mart: whole up to 100,000 rows, by its profile above.

    What each row breaks is counted beside it by kind: an expectation for each column would take longer than the mart.
    """
    if frame.height > WHOLE_MART_ROWS:
        return judge(table, product, [facts], [[]])[0]
    others = set(frame.columns) ^ {column.name for column in table.columns}
    if others:
        return CheckResult((f"{table.name}: other columns than the contract's: {', '.join(sorted(others))}",))
    gxe = _great_expectations().expectations

    counts = {kind: _total(test.values()) for kind, test in _row_tests(table).items()}
    counted = frame.select(*table.key, **counts).with_columns(broken=pl.sum_horizontal(*counts))
    repeated = {"fault": "rows that repeat the key"}
    expectations: list[Any] = [
        gxe.ExpectCompoundColumnsToBeUnique(column_list=list(table.key), ignore_row_if="never", meta=repeated)
        if len(table.key) > 1
        else gxe.ExpectColumnValuesToBeUnique(column=next(iter(table.key)), meta=repeated),
        gxe.ExpectColumnValuesToBeBetween(column="broken", min_value=0, max_value=0, meta={"fault": "broken"}),
    ]
    faults: list[str] = []
    for failed in _failed(counted, expectations, by=None):
        if failed["column"] == "broken":
            rows = {kind: counted.filter(pl.col(kind) > 0).height for kind in counts}
            faults += [f"{n} {_ROW_FAULTS[kind]}{_where(table, frame, kind)}" for kind, n in rows.items() if n]
        else:
            faults.append(f"{failed['count']} {failed['fault']}")
    return CheckResult(tuple(f"{table.name}: {fault}" for fault in faults))


_ROW_FAULTS = {
    "nulls": "rows with nulls where none may be",
    "out_of_bounds": "rows with values out of their bounds",
    "out_of_order": "rows where a part is larger than its whole",
}


def _row_tests(table: Table) -> dict[str, dict[str, pl.Expr]]:
    """By kind of fault and column: whether a row breaks the contract."""
    bounds = {c.name: c for c in table.columns if c.minimum is not None or c.maximum is not None}
    return {
        "nulls": {c.name: pl.col(c.name).is_null() for c in table.columns if not c.nullable},
        "out_of_bounds": {
            name: ~pl.col(name).is_between(
                pl.lit(-float("inf") if c.minimum is None else c.minimum),
                pl.lit(float("inf") if c.maximum is None else c.maximum),
            )
            for name, c in bounds.items()
        },
        "out_of_order": {
            f"{smaller} over {larger}": pl.col(smaller) > pl.col(larger) for smaller, larger in table.at_most
        },
    }


def _total(tests: Iterable[pl.Expr]) -> pl.Expr:
    return pl.sum_horizontal(pl.lit(0, dtype=pl.Int64), *(test.fill_null(value=False).cast(pl.Int64) for test in tests))


def _where(table: Table, frame: pl.DataFrame, kind: str) -> str:
    """In which columns rows break the contract, and how often."""
    tests = _row_tests(table).get(kind, {})
    counts = frame.select(**{name: test.fill_null(value=False).sum() for name, test in tests.items()}).row(0, named=True) if tests else {}  # fmt: skip
    return "".join(f", {name}={number}" for name, number in counts.items() if number)


def _failed(frame: pl.DataFrame, expectations: Sequence[Any], by: str | None) -> list[dict[str, Any]]:
    """The expectations that `frame` doesn't meet: column, fault, failed count and failed values of `by` of each.

    Whether all is met is asked first: what fails, and where, costs Great Expectations twice as much to answer.
    """
    if frame.is_empty() or _report(frame, expectations, "BOOLEAN_ONLY").success:
        return []
    how: Any = {"result_format": "COMPLETE", "unexpected_index_column_names": [by]} if by else "BASIC"
    results: list[dict[str, Any]] = []
    for result in _report(frame, expectations, how).results:
        if result.success:
            continue
        details = result.result or {}
        results.append(
            {
                "column": _column(result),
                "fault": result.expectation_config.meta["fault"],
                "count": details.get("unexpected_count", 1),
                "batches": [index[by] for index in details.get("unexpected_index_list") or []] if by else [],
            }
        )
    return results


def _report(frame: pl.DataFrame, expectations: Sequence[Any], how: Any) -> Any:  # noqa: ANN401  # GX's own objects
    """Validate; Great Expectations doesn't raise where an expectation itself breaks: looked for and raised here."""
    batch_definition, suite = _suite(expectations)
    batch = batch_definition.get_batch(batch_parameters={"dataframe": frame.to_pandas()})
    report = batch.validate(suite, result_format=how)
    for result in report.results:
        if broken := _raised(result.exception_info or {}):
            raise RuntimeError(f"the check of {_column(result)} itself failed: {broken[0]}")
    return report


def _column(result: Any) -> str:  # noqa: ANN401  # GX's own object
    named = result.expectation_config.kwargs
    return named.get("column") or named.get("column_B") or "key"


def _great_expectations() -> Any:  # noqa: ANN401  # its stubs hide the names that its documentation tells to use
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="module 'sre_", category=DeprecationWarning)
        import great_expectations as gx  # noqa: PLC0415, TID251  # seconds to import
    logging.captureWarnings(capture=False)  # its import sends the whole process's warnings to a logger
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    return gx


def _suite(expectations: Sequence[Any]) -> tuple[Any, Any]:
    """A batch definition of this thread's own ephemeral context, and the suite: a shared context mixes up threads."""
    gx = _great_expectations()
    if not hasattr(_of_thread, "batch_definition"):
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        asset = context.data_sources.add_pandas("memory").add_dataframe_asset("frame")
        _of_thread.batch_definition = asset.add_batch_definition_whole_dataframe("whole")
    return _of_thread.batch_definition, gx.ExpectationSuite(name="contract", expectations=list(expectations))


# Making a context costs as much as a validation.
_of_thread = threading.local()


def _raised(info: Mapping[str, Any]) -> list[str]:
    entries = [info] if "raised_exception" in info else [entry for entry in info.values() if isinstance(entry, dict)]
    return [str(entry["exception_message"]) for entry in entries if entry.get("raised_exception")]
