"""A team's own marts and small tables: `models/<name>.sql` and `tables/<name>.csv` of the home (docs/models.md).

A model is one SELECT like ours, with its grain, key and columns as YAML in the comment above it or in `<name>.yaml` beside
it; their types are those that DuckDB gives the result. A small table is what a team joins: owners of pages, targets, groups
of countries. What is wrong with one of them is a fault of its own: it is told, and takes no other with it.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO, StringIO
from pathlib import PurePosixPath
from typing import Any

import duckdb
import polars as pl
from pydantic import Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.build.sql_models import (
    NAME,
    Model,
    ModelError,
    described,
    in_order,
    load_models,
    parse_model,
    published_schemas,
    uses_chance,
)
from pipeline.core.contract import SQL_TYPES, Column, Table
from pipeline.core.lake import Lake
from pipeline.core.product_base import FileModel
from pipeline.core.registry import MARTS, TABLES
from pipeline.core.state import hash_texts

MODELS, SMALL = "models", "tables"
# What is joined by name isn't large; events belong into landing/.
MOST_BYTES = 10_000_000
# Assets of Dagster, and views of the catalog, that aren't tables.
_RESERVED = frozenset(
    {"publication", "catalog", "report", "alert_messages", "digest_message", "dictionary", "restatements"}
)
# What a cell of a small table may be; YAML holds more.
_CELLS = (pl.String, pl.Int64, pl.Float64, pl.Boolean, pl.Date, pl.Datetime, pl.Null)
_DTYPES = {name: dtype for dtype, name in SQL_TYPES.items()}


class _ColumnNote(FileModel):
    """A column of a team's mart."""

    meaning: str = Field(min_length=1)
    unit: str = ""
    adds_over: tuple[str, ...] = ()
    nullable: bool = True


class _Note(FileModel):
    """What a team says of its mart: what one row is, what tells rows apart, what each column means."""

    grain: str = Field(min_length=1)
    key: tuple[str, ...] = Field(min_length=1)
    columns: dict[str, str | _ColumnNote] = Field(min_length=1)


@dataclass(frozen=True)
class Models:
    """The SQL models of a home, ours and the team's, the contracts of its marts, and the team's small tables.

    `faults` has a sentence for each file that can't be used, by the file's key; `broken` names what they would be.
    """

    models: Mapping[str, Model]
    contracts: Mapping[str, Table]
    small: Mapping[str, pl.DataFrame] = field(default_factory=dict[str, pl.DataFrame])
    faults: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def own(self) -> list[str]:
        """Names of the team's marts."""
        return [name for name in self.contracts if name not in TABLES]

    @property
    def broken(self) -> frozenset[str]:
        """Names of models that can't be used: what was published of them stays."""
        return frozenset(PurePosixPath(file).stem for file in self.faults if file.startswith(f"{MODELS}/"))

    def sources(self, name: str) -> frozenset[str]:
        """Published and small tables that a model reads, directly or through others."""
        result: set[str] = set()
        for read in self.models[name].reads:
            result |= self.sources(read) if read in self.models else {read}
        return frozenset(result)

    def small_version(self, name: str) -> str:
        """A hash of a small table; empty where there is none."""
        return hash_texts([self.small[name].write_ndjson(), str(self.small[name].schema)]) if name in self.small else ""


def models_of(lake: Lake) -> Models:
    """The models of a home as its files are now."""
    files: dict[str, bytes] = {}
    for folder, kinds in ((MODELS, (".sql", ".yaml")), (SMALL, (".csv", ".yaml"))):
        keys = [key for key in lake.keys(folder) if key.endswith(kinds) and "/." not in key]
        files |= {key: lake.read(key) or b"" for key in keys}
    return _read(tuple(sorted(files.items())))


@lru_cache(maxsize=8)
def _read(files: tuple[tuple[str, bytes], ...]) -> Models:
    ours = load_models()
    contracts, faults = {mart.name: mart for mart in MARTS}, dict[str, str]()
    if not files:
        return Models(ours, contracts)
    small = dict(_small_tables(dict(files), faults))
    own: dict[str, Model] = {}
    for key, data in files:
        if key.startswith(f"{MODELS}/") and key.endswith(".sql"):
            try:
                model = _model(key, data, {*ours, *TABLES, *small, *own})
                own[model.name] = model
            except ModelError as fault:
                faults[key] = str(fault)
    sound = _sound({**ours, **own}, small, faults)
    for name in [name for name in sound if name in own]:
        try:
            contracts[name] = _contract(sound[name], dict(files), sound, small)
        except ModelError as fault:
            faults[own[name].file] = str(fault)
    # Who reads a model without a contract can't be made either.
    left = _sound({name: model for name, model in sound.items() if name in ours or name in contracts}, small, faults)
    return Models(left, {name: table for name, table in contracts.items() if name in left}, small, faults)


def _sound(models: Mapping[str, Model], small: Mapping[str, pl.DataFrame], faults: dict[str, str]) -> dict[str, Model]:
    """`models` in order, without those that read what isn't there."""
    left = dict(models)
    while True:
        try:
            return in_order(left, frozenset(small))
        except ModelError as fault:
            faults[fault.file] = str(fault)
            left = {name: model for name, model in left.items() if model.file != fault.file}


def _text(key: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ModelError(key, "isn't UTF-8 text; save it so") from None


def _free_name(key: str, others: Collection[str]) -> str:
    """The name of a file's table; ModelError where it can't be one, or is another's."""
    name = PurePosixPath(key).stem
    if not NAME.fullmatch(name):
        raise ModelError(key, "a table's name has lower-case letters, digits and _; rename the file")
    if name in others or name in _RESERVED:
        raise ModelError(key, f"there is another table named {name}; rename the file")
    return name


def _model(key: str, data: bytes, others: Collection[str]) -> Model:
    model = parse_model(_free_name(key, others), MODELS, _text(key, data), key)
    if chance := uses_chance(model):
        raise ModelError(key, f"{chance} differs from run to run; read a day from a table instead")
    return model


def _small_tables(files: Mapping[str, bytes], faults: dict[str, str]) -> Iterator[tuple[str, pl.DataFrame]]:
    taken = {*load_models(), *(table.name for table in TABLES.values() if table.layer != "home")}
    for key, data in files.items():
        if key.startswith(f"{SMALL}/"):
            try:
                name = _free_name(key, taken)
                taken.add(name)
                yield name, _small_table(name, key, data)
            except ModelError as fault:
                faults[key] = str(fault)


def _small_table(name: str, key: str, data: bytes) -> pl.DataFrame:
    if len(data) > MOST_BYTES:
        raise ModelError(key, f"has over {MOST_BYTES:,} bytes; what is so large belongs into landing/ as events")
    text, known = _text(key, data), TABLES.get(name)
    try:
        frame = (
            pl.read_csv(BytesIO(text.encode()), infer_schema=False)
            if key.endswith(".csv")
            else pl.DataFrame(_rows(key, text))
        )
        if odd := [name for name, dtype in frame.schema.items() if dtype.base_type() not in _CELLS]:
            raise ModelError(
                key, f"{', '.join(odd)}: write texts, whole numbers of 64 bits, numbers, days, true or false"
            )
        if known is None:
            return frame.with_columns(pl.col(pl.Null).cast(pl.String))
        if lacking := [column.name for column in known.columns if column.name not in frame.columns]:
            raise ModelError(key, f"has no column {', '.join(lacking)}; it needs {', '.join(known.schema.names())}")
        if frame.select(known.key).is_duplicated().any():
            raise ModelError(key, f"two rows have one {', '.join(known.key)}; keep one of them")
        return known.conform(frame)
    except (pl.exceptions.PolarsError, ValueError, TypeError, OverflowError) as fault:
        raise ModelError(key, f"can't be read as a table: {str(fault).splitlines()[0]}") from None


def _rows(key: str, text: str) -> list[dict[str, Any]]:
    rows = _yaml(key, text)
    if not isinstance(rows, list) or not all(isinstance(row, dict) and _is_flat(row) for row in rows):
        raise ModelError(key, "must be a list of rows, as `- {page: checkout, owner: Payments}`")
    return [dict(row) for row in rows]


def _is_flat(row: dict[Any, Any]) -> bool:
    return not any(isinstance(value, dict | list) for value in row.values())


def _yaml(key: str, text: str) -> Any:  # noqa: ANN401  # YAML holds anything
    try:
        return YAML(typ="safe").load(StringIO(text))
    except (YAMLError, ValueError, RecursionError) as fault:
        raise ModelError(key, f"isn't valid YAML: {str(fault).splitlines()[0]}") from None


def _contract(
    model: Model, files: Mapping[str, bytes], models: Mapping[str, Model], small: Mapping[str, pl.DataFrame]
) -> Table:
    """The contract of a team's mart: its note with the types of its result."""
    key = model.file
    note = _note(key, files)
    try:
        types = described(model.name, models, {**published_schemas(), **{n: f.clear() for n, f in small.items()}})
    except (duckdb.Error, RecursionError) as fault:
        raise ModelError(key, str(fault).splitlines()[0]) from None
    if lacking := sorted({*types} ^ {*note.columns}):
        raise ModelError(key, f"{', '.join(lacking)} stands in the SELECT or in `columns`, but not in both")
    if lacking := [name for name in note.key if name not in types]:
        raise ModelError(key, f"the key names {', '.join(lacking)}, which the SELECT doesn't have")
    for name, type_ in types.items():
        if type_ not in _DTYPES:
            raise ModelError(key, f"{name} is {type_}; cast it to one of {', '.join(sorted(_DTYPES))}")
    columns = tuple(_column(name, _DTYPES[type_], note) for name, type_ in types.items())
    return Table(model.name, "mart", note.grain, columns, note.key)


def _column(name: str, dtype: pl.DataType, note: _Note) -> Column:
    written = note.columns[name]
    of = _ColumnNote(meaning=written) if isinstance(written, str) else written
    nullable = of.nullable and name not in note.key
    return Column(name, dtype, of.meaning, unit=of.unit, nullable=nullable, adds_over=of.adds_over)


def _note(key: str, files: Mapping[str, bytes]) -> _Note:
    beside = key.removesuffix(".sql") + ".yaml"
    if beside in files:
        where, text = beside, _text(beside, files[beside])
    else:
        where, lines = key, list[str]()
        for line in _text(key, files[key]).splitlines():
            if not line.startswith("--"):
                break
            lines.append(line.removeprefix("--").removeprefix(" "))
        text = "\n".join(lines)
    written = _yaml(where, text)
    if not isinstance(written, dict):
        raise ModelError(
            key,
            f"say what the mart is: `grain`, `key` and `columns` as YAML in the comment above the SELECT, or in {beside}",
        )
    try:
        return _Note.model_validate(written)
    except ValidationError as fault:
        wrong = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in fault.errors()]
        raise ModelError(key, f"what it says of the mart: {'; '.join(wrong)}") from None
