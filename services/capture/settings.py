"""What the tag is told: made of the product file, read anew when that changes."""

import hashlib
import time
from dataclasses import dataclass
from typing import Any

import msgspec

from pipeline.core.lake import Lake
from pipeline.core.object_lake import StoreError
from pipeline.core.product import Product
from pipeline.core.product_capture import Ask, Capture
from pipeline.core.product_file import PRODUCT_FILE, ProductFileError, product_of
from pipeline.core.product_surveys import Question, Survey
from pipeline.events.matching import path_pattern

_LOOK_SECONDS = 2.0
# Where consent is asked for by law: the EEA, the United Kingdom, Switzerland.
LAW_ZONES = (
    *(
        "Europe/",
        "Arctic/",
        "Atlantic/Azores",
        "Atlantic/Canary",
        "Atlantic/Faroe",
        "Atlantic/Madeira",
        "Atlantic/Reykjavik",
    ),
    *("Asia/Nicosia", "Asia/Famagusta", "Africa/Ceuta", "Indian/Mayotte", "Indian/Reunion", "America/Cayenne"),
    *("America/Guadeloupe", "America/Marigot", "America/Martinique"),
)
_PMF = ("very disappointed", "somewhat disappointed", "not disappointed")


class NoCaptureError(ValueError):
    """The product file has no section `capture`."""


@dataclass(frozen=True)
class Known:
    """The product file as the collector needs it."""

    capture: Capture
    body: bytes
    etag: str
    denied: frozenset[str]


class Settings:
    """The settings of a home, by its product file as it is now; while that is faulty, as they were before."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        # Why the file as it is now isn't used.
        self.fault: str | None = None
        self._written, self._looked = self._stamp(), time.monotonic()
        self._known = known_of(product_of(lake))

    def _stamp(self) -> tuple[int, int] | None:
        file = self._lake.path(PRODUCT_FILE)
        return (file.stat().st_mtime_ns, file.stat().st_size) if file.exists() else None

    @property
    def known(self) -> Known:
        """The settings as they were last looked at; asks nobody."""
        return self._known

    def look(self) -> Known:
        """The settings, looked at anew every other second."""
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._looked = time.monotonic()
            try:
                if (stamp := self._stamp()) != self._written:
                    self._known, self._written = known_of(product_of(self._lake)), stamp
                self.fault = None
            except (ProductFileError, NoCaptureError, StoreError, OSError) as fault:
                self.fault = str(fault)
        return self._known


def known_of(product: Product) -> Known:
    """What the collector and the tag need of a product file; NoCaptureError where it has no section `capture`."""
    if product.capture is None:
        raise NoCaptureError("product.yaml has no section `capture`; add it with the `origins` of your pages")
    body = msgspec.json.encode(tag_settings(product, product.capture))
    digest = hashlib.sha256(body).hexdigest()[:16]
    return Known(product.capture, body, f'"{digest}"', frozenset(product.privacy.drop_properties))


def tag_settings(product: Product, capture: Capture) -> dict[str, Any]:
    """The settings of the tag, short names since every page loads them."""
    source = product.sources[capture.source]
    # The tag looks at paths alone; what else makes a page is looked at when its events are counted.
    patterns = {page.name: [path_pattern(_path(url)) for url in page.urls] for page in product.pages}
    zones = [
        {"name": zone.name, "page": zone.page, "selectors": zone.selectors}
        for zone in product.zones
        if zone.valid_to is None
    ]
    return {
        "consent": capture.consent,
        "law_zones": LAW_ZONES if capture.consent == "by_law" else (),
        "hash_routes": capture.hash_routes,
        "heartbeat_s": source.heartbeat_s or 0,
        "minimum_visit_s": source.minimum_visit_s,
        "pause_s": product.sessions.pause_minutes * 60,
        "replays": capture.replays,
        "line": product.exposure.line,
        "least_ms": product.exposure.least_ms,
        "pages": patterns if zones or any(each.ask for each in product.surveys.values()) else {},
        "zones": zones,
        "surveys": [_asked(name, each, each.ask) for name, each in product.surveys.items() if each.ask],
    }


def _path(url: str) -> str:
    return url.partition("#")[0].partition("?")[0]


def _asked(name: str, survey: Survey, ask: Ask) -> dict[str, Any]:
    words = {
        language: [
            _question(each, survey.questions[each], told.model_dump(exclude_none=True)) for each, told in asked.items()
        ]
        for language, asked in ask.words.items()
    }
    return {
        "id": survey.id or name,
        "on": ask.on,
        "pages": ask.pages,
        "after_ms": round(ask.after_seconds * 1000),
        "scroll": ask.scroll,
        "share": ask.share,
        "once_in_days": ask.once_in_days,
        "only": {each: only.model_dump(exclude_none=True) for each, only in ask.only.items()},
        "words": words,
        "label": ask.label,
    }


def _question(name: str, question: Question, words: dict[str, Any]) -> dict[str, Any]:
    chosen = question.choices or (_PMF if question.kind == "pmf" else ())
    shown = words.get("choices") or {}
    return {
        "name": name,
        "text": words["text"],
        "kind": question.kind,
        "scale": question.bounds,
        "ends": [words.get("low", ""), words.get("high", "")],
        "choices": [[each, shown.get(each, each)] for each in chosen],
    }
