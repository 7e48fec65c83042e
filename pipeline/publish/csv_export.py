"""Marts as CSV for spreadsheets, in which no text of somebody outside is run as a formula."""

from pathlib import Path

import polars as pl

from pipeline.build.home_models import models_of
from pipeline.core.keys import mart_key
from pipeline.core.lake import Lake

# What spreadsheets take for the begin of a formula (OWASP, "CSV Injection"); a quote in front makes it text.
_FORMULA = r"^\s*[=+\-@\t\r|%\uff1d\uff0b\uff0d\uff20]"


def harmless(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Texts that a spreadsheet would take for formulas with a quote in front; numbers as they are."""
    texts = [name for name, dtype in frame.collect_schema().items() if dtype == pl.String]
    return frame.with_columns(
        pl.when(pl.col(name).str.contains(_FORMULA))
        .then(pl.lit("'") + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name in texts
    )


def export_csv(lake: Lake, folder: Path) -> list[Path]:
    """Write each published mart to `folder`/<mart>.csv, as UTF-8 with a byte order mark, which spreadsheets ask for."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for mart in models_of(lake).contracts.values():
        source = lake.path(mart_key(mart.name))
        if source.exists():
            target = folder / f"{mart.name}.csv"
            harmless(pl.scan_parquet(source)).sink_csv(target, include_bom=True)
            written.append(target)
    return written
