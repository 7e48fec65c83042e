"""What the attributes of a recorded element tell, and texts as they may be kept."""

import re
from functools import lru_cache
from typing import Any

from pipeline.ingest.scrub import plain_name, scrub_text
from pipeline.ingest.scrub_names import is_secret

MASKED = "*****"
_WORDING = frozenset(
    {"title", "alt", "placeholder", "label", "content", "value", "summary"}
    | {f"aria-{name}" for name in ("label", "description", "placeholder", "valuetext", "roledescription")}
)
# Names that developers give elements for their tests; selectors use them.
_FOR_TESTS = frozenset({"data-testid", "data-test-id", "data-test", "data-cy", "data-qa", "data-rr-is-password"})
ADDRESSES = frozenset(
    {"href", "src", "action", "formaction", "cite", "poster", "data", "srcset", "xlink:href", "background"}
)
# Numbers of drawings, some of which look like those of cards.
SHAPES = frozenset({"d", "points", "transform", "gradienttransform", "viewbox", "stroke-dasharray", "path"})
# What tells an element without telling what is in it.
NAMED = frozenset({"id", "class", "name", "role", "type"})
# What says which of several is chosen, and what says what stands in a field.
CHOSEN = frozenset({"checked", "selected", "aria-checked", "aria-selected"})
_VALUES = CHOSEN | {"value", "aria-valuetext", "aria-valuenow"}
_VISIBLE = re.compile(r"\S")
_LONG = 1_024


def is_value(name: str) -> bool:
    """Whether an attribute tells what stands in a form field."""
    name = name.lower()
    return name in _VALUES or (name.startswith("data-") and "value" in name)


def is_wording(name: str) -> bool:
    """Whether an attribute says in words what an element is or holds."""
    name = name.lower()
    return name in _WORDING or (name.startswith("data-") and name not in _FOR_TESTS)


def names_secret(name: str, value: str) -> bool:
    """Whether an attribute holds a secret by its name; the key that opens a menu is none."""
    if name in NAMED or name == "accesskey":
        return False
    return is_secret(name, value, in_address=False) or "sessionid" in plain_name(name)


def starred(text: str) -> str:
    """A text as stars, as long as it was."""
    return _VISIBLE.sub("*", text)


def scrubbed(value: Any) -> Any:  # noqa: ANN401  # JSON holds anything
    """A value of any shape with its texts scrubbed; nothing is taken out, or the recording would not play."""
    if isinstance(value, dict):
        return {name: scrubbed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [scrubbed(inner) for inner in value]
    return scrub(value) if isinstance(value, str) else value


def scrub(text: str) -> str:
    """A text of a recording without personal data."""
    # Pictures and fonts as bytes hold no words, and are long.
    if not text.startswith("data:image/svg") and text.startswith(
        ("data:image/", "data:font/", "data:audio/", "data:video/", "data:application/font")
    ):
        return text
    return scrub_text(text) if len(text) < _LONG else _scrub_long(text)


@lru_cache(maxsize=64)
def _scrub_long(text: str) -> str:
    # Style sheets come again with each snapshot; keeping many of them would cost memory.
    return scrub_text(text)
