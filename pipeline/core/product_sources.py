"""The product file's sources: which format a landing folder holds and how its events are told apart, as Pydantic models."""

import codecs
from functools import cache
from importlib.metadata import entry_points
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from pipeline.core.canonical import INPUT_COLUMNS, KINDS, Capability
from pipeline.core.product_base import FileModel, TimeFormats, Zone
from pipeline.core.product_mapping import RecordMapping
from pipeline.core.product_selectors import Selector

BUILT_IN = (
    "canonical",
    "mapping",
    "segment",
    "posthog",
    "snowplow",
    "ga4",
    "mixpanel",
    "amplitude",
    "rrweb",
    "surveys",
)
# Under which a package of a team's own brings formats (docs/sources.md, "A format of your own").
ENTRY_POINTS = "footfall.sources"


@cache
def format_names() -> tuple[str, ...]:
    """All formats: ours, then those that installed packages bring."""
    brought = {each.name for each in entry_points(group=ENTRY_POINTS)} - set(BUILT_IN)
    return (*BUILT_IN, *sorted(brought))


def _known_format(name: str) -> str:
    if name not in format_names():
        # Said like any other word that isn't one of those listed.
        raise PydanticCustomError("literal_error", "no format of that name")
    return name


FormatName = Annotated[
    str, AfterValidator(_known_format), WithJsonSchema({"type": "string", "enum": list(format_names())})
]
_COLUMNS = frozenset(column.name for column in INPUT_COLUMNS)
_NO_TEXTS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "utf-7"})
# More entries than this in one record are no events but an attack on the machine.
MAX_EVENTS_PER_RECORD = 10_000


def _known_kind(kind: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"{kind} is no kind of event; write one of {', '.join(KINDS)}")
    return kind


Kind = Annotated[str, AfterValidator(_known_kind)]


def known_encoding(name: str) -> str:
    """Python's own name of a text encoding; ValueError with an example where it knows none."""
    try:
        result = codecs.lookup(name).name
        # Some of its codecs pack bytes, or write names of hosts.
        is_text = result not in _NO_TEXTS and "a;b\n".encode(result).decode(result) == "a;b\n"
    except (LookupError, ValueError):
        is_text = False
    if not is_text:
        raise ValueError(f"{name!r} is no encoding of texts; write one like utf-8, cp1252 or utf-16")
    return codecs.lookup(name).name


Encoding = Annotated[str, AfterValidator(known_encoding)]


class Replay(FileModel):
    """What is kept of session recordings, and what is masked before anything is stored."""

    events: bool = Field(
        default=True,
        description="false where another source sends the events of the same visits: recordings only are kept, found "
        "by their session id, else by device and time",
    )
    inputs: Literal["mask", "keep"] = Field(
        "mask", description="what stands in form fields; passwords, cards, e-mail and phone fields are always masked"
    )
    texts: Literal["mask", "keep"] = Field("keep", description="all texts of the page; `mask` keeps the layout only")
    mask: tuple[Selector, ...] = Field((), description="selectors of elements whose texts and fields are masked")
    hide: tuple[Selector, ...] = Field((), description="selectors of elements of which nothing but a grey box is kept")


def _none_as_word(value: object) -> object:
    # YAML reads a bare `none` as text but `null` or nothing as None; both say that the source has no ids.
    return "none" if value is None else value


_TIMED = ("segment", "posthog", "snowplow", "mixpanel", "amplitude", "surveys")
# Settings that do something for these formats only; what a format of a team's own does with them is its own affair.
_ONLY_OF: dict[str, tuple[str, ...]] = {
    "survey_id": ("surveys",),
    "time_zone": _TIMED,
    "time_format": _TIMED,
    "kinds": ("mixpanel", "amplitude"),
    "heartbeat_s": ("canonical", "mapping", "snowplow"),
    "minimum_visit_s": ("canonical", "mapping", "snowplow"),
    "orders": ("canonical", "mapping", "segment", "posthog", "snowplow", "ga4", "mixpanel", "amplitude"),
}


class Source(FileModel):
    """One folder below landing/ and how its files are read."""

    format: FormatName = "canonical"
    event_id: Annotated[
        Literal["event_id", "none"] | Annotated[tuple[str, ...], Field(min_length=1)], BeforeValidator(_none_as_word)
    ] = Field(
        "event_id",
        description="`none` where the source has no ids: equal rows are then all kept; "
        "or a list of fields (paths with dots) that tell one event from another",
    )
    identified_by: Literal["identify", "user_id"] | None = Field(
        None,
        description="which events tell who uses a device: only identify, or each that bears a user_id; "
        "default: as the format does",
    )
    capabilities: tuple[Capability, ...] | None = Field(
        None, description="what the source measures; default: what its format declares, or its events show"
    )
    encoding: Encoding = Field(
        "utf-8", description="of text files without a byte order mark, such as cp1252 of Excel's CSV"
    )
    heartbeat_s: int | None = Field(None, gt=0, description="seconds between page pings")
    minimum_visit_s: int = Field(0, ge=0, description="seconds after which the first page ping is sent")
    ignore_columns: tuple[str, ...] = Field(
        (),
        description="columns not to be filled from this source, such as a user_id that isn't one; kept in properties",
    )
    orders: Literal["each", "once_per_order_id"] | None = Field(
        None,
        description="`once_per_order_id`: an order that its device sends again, as when its page is loaded anew, counts "
        "once, the first; default: so for `ga4`, else `each`",
    )
    kinds: dict[str, Kind] = Field(
        default_factory=dict,
        description="for the formats `mixpanel` and `amplitude`: what the team's own events are, by their names",
    )
    mapping: RecordMapping | None = Field(None, description="for the format `mapping`")
    replay: Replay = Field(default_factory=lambda: Replay.model_validate({}), description="for the format `rrweb`")
    survey_id: str | None = Field(None, description="for the format `surveys`: the survey of files that name none")
    time_zone: Zone = Field(
        "UTC",
        description="zone of times that tell none; of `mixpanel` the zone of the project whose clock `time` shows",
    )
    time_format: TimeFormats = Field(
        (),
        description="of times, as in a mapping; default: any that can be read in one way only, or as the file proves",
    )

    @model_validator(mode="after")
    def _says_nothing_idle(self) -> Self:
        for name, formats in _ONLY_OF.items():
            if (
                self.format in BUILT_IN
                and self.format not in formats
                and getattr(self, name) != type(self).model_fields[name].get_default(call_default_factory=True)
            ):
                instead = "; in a mapping write it beside the column" if self.format == "mapping" else ""
                raise ValueError(
                    f"`{name}` does nothing for `format: {self.format}`, only for {', '.join(formats)}{instead}"
                )
        if self.minimum_visit_s and self.heartbeat_s is None:
            raise ValueError("`minimum_visit_s` does nothing without `heartbeat_s`; give both")
        if self.event_id == "none" and self.orders == "once_per_order_id":
            raise ValueError(
                "`orders: once_per_order_id` does nothing beside `event_id: none`; equal rows are all kept then"
            )
        return self

    @model_validator(mode="after")
    def _ignores_what_exists(self) -> Self:
        unknown = [name for name in self.ignore_columns if name not in _COLUMNS - {"occurred_at", "kind"}]
        if unknown:
            raise ValueError(f"ignore_columns: {', '.join(unknown)} can't be left out; see docs/marts.md, raw_events")
        return self

    @model_validator(mode="after")
    def _replay_belongs_to_recordings(self) -> Self:
        if self.format != "rrweb" and self.replay != Replay.model_validate({}):
            raise ValueError("`replay` is for sources of `format: rrweb`; this one has no recordings")
        return self

    @model_validator(mode="after")
    def _mapping_belongs_to_mapping(self) -> Self:
        if (self.format == "mapping") != (self.mapping is not None):
            raise ValueError("`format: mapping` and a section `mapping` belong together; give both or neither")
        if self.mapping is not None and self.event_id == "event_id":
            for i, event in enumerate(self.mapping.events):
                if "event_id" not in {**self.mapping.columns, **event.columns}:
                    raise ValueError(
                        f"mapping: event {i} has no event_id; map one, or write `event_id: [fields]` or "
                        "`event_id: none` for the source"
                    )
        return self
