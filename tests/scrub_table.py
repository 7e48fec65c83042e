"""The table of texts and properties that are scrubbed or stay (tests/pipeline/data/scrub.txt), and how a result is judged."""

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

_MARK = re.compile(r"«(.*?)(?:\|([a-z]+))?»", re.DOTALL)
_DRAWN = re.compile(r"\{([ahB])(\d+)\}")
_SIGNS = {
    "a": "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789",
    "h": "0123456789abcdef",
    "B": "ABCDEFGHJKLMNPQR234567",
}
READINGS = {"A": "address", "W": "words", "T": "text"}


class Case(NamedTuple):
    """`given` as it comes, `left` of it; `gone` are the parts that must not be found again."""

    kind: str
    given: Any
    left: Any
    gone: list[str]


def cases() -> Iterator[Case]:
    drawn = random.Random(7)
    for line in (Path(__file__).parent / "pipeline/data/scrub.txt").read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        kind, _, stated = line.partition(" ")
        if kind == "P":
            given, _, left = stated.partition(" => ")
            one, other = json.loads(given), json.loads(left or given)
            yield Case(kind, one, other, sorted(_leaves(one) - _leaves(other)))
            continue
        text = _DRAWN.sub(lambda m: "".join(drawn.choices(_SIGNS[m[1]], k=int(m[2]) - 1)) + "7", stated).replace(
            "\\n", "\n"
        )
        left = _MARK.sub(lambda m: f"[{m[2] or 'secret'}]", text)
        yield Case(kind, _MARK.sub(lambda m: m[1], text), left, [m[1] for m in _MARK.finditer(text)])


def is_miss(case: Case, result: Any) -> bool:
    """Whether something is left that must go."""
    results = _leaves(result) if case.kind == "P" else [result]
    return any(gone in results if case.kind == "P" else gone in result for gone in case.gone)


def is_false_alarm(case: Case, result: Any) -> bool:
    """Whether something is gone that must stay."""
    if case.kind == "P":
        return bool((_leaves(case.given) & _leaves(case.left)) - _leaves(result))
    at = 0
    for part in re.split(r"\[[a-z]+\]", case.left) if case.gone else [case.given]:
        at = result.find(part, at)
        if at < 0:
            return True
    return False


def _leaves(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {
            leaf
            for name, inner in value.items()
            for leaf in (_leaves(inner) if isinstance(inner, dict | list) else {f"{name}={inner}"})
        }
    if isinstance(value, list):
        return {
            leaf for inner in value for leaf in (_leaves(inner) if isinstance(inner, dict | list) else {str(inner)})
        }
    return {str(value)}
