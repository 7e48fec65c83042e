"""Answers as files."""

import io
from collections.abc import Callable

import polars as pl
from starlette.responses import Response

from pipeline.publish.csv_export import harmless


def _parquet(rows: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    rows.write_parquet(out)
    return out.getvalue()


def _csv(rows: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    harmless(rows.lazy()).collect().write_csv(out, include_bom=True)
    return out.getvalue()


# By its ending, the type of a file and what writes it.
WRITTEN: dict[str, tuple[str, Callable[[pl.DataFrame], bytes]]] = {
    "csv": ("text/csv; charset=utf-8", _csv),
    "parquet": ("application/vnd.apache.parquet", _parquet),
}


def file_of(data: bytes, kind: str, name: str) -> Response:
    """A file to be saved."""
    return Response(data, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
