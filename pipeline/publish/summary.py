"""A few headline rows out of the marts, as text for a terminal."""

from pathlib import Path

import polars as pl

_OFFSETS = (1, 7, 14)


def retention_rows(mart: Path) -> list[tuple[str, ...]]:
    """Pooled return rates over mature cohorts: sum of people returned / sum of people in the cohorts."""
    cells = pl.scan_parquet(mart).filter("mature", pl.col("day_offset").is_in(_OFFSETS))
    pooled = cells.group_by("day_offset").agg(pl.col("people_in_cohort", "people_returned").sum()).sort("day_offset")
    return [
        (str(row["day_offset"]), f"{row['people_in_cohort']:,}", f"{row['people_returned']:,}", _share(row, *_RETURNED))
        for row in pooled.collect().iter_rows(named=True)
    ]


_RETURNED = ("people_returned", "people_in_cohort")


def funnel_rows(mart: Path) -> list[tuple[str, ...]]:
    """Steps of each funnel over the whole history."""
    steps = pl.scan_parquet(mart).filter(pl.col("period") == "all", pl.col("breakdown_value") == "").collect()
    return [
        (
            f"{row['funnel']} {row['step']}. {row['step_name']}",
            f"{row['people_converted']:,}",
            _share(row, "people_converted", "people_at_previous_step"),
            _share(row, "people_converted", "people_entered"),
        )
        for row in steps.iter_rows(named=True)
    ]


def zone_rows(mart: Path) -> list[tuple[str, ...]]:
    """Click rate of each zone version over all days and devices."""
    key = ["page", "zone", "zone_version"]
    everybody = pl.scan_parquet(mart).filter(pl.col("segment") == "", pl.col("variant") == "")
    summed = everybody.group_by(key).agg(pl.col("page_views", "page_views_clicked").sum()).sort(key)
    return [
        (
            row["page"],
            row["zone"],
            str(row["zone_version"]),
            f"{row['page_views']:,}",
            _share(row, "page_views_clicked", "page_views"),
        )
        for row in summed.collect().iter_rows(named=True)
    ]


def _share(row: dict[str, int], numerator: str, denominator: str) -> str:
    return f"{row[numerator] / row[denominator]:.1%}" if row[denominator] else "—"
