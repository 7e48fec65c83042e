"""How the demo shop's visitors fill in the checkout form; drawn apart from their walks, so that filling changes nothing else.

The model: everybody who sees the checkout fills four fields, one after the other, before they press the button. Six of a hundred
change a field once more. The card's number is the hard one on phones: it refuses twelve of a hundred first tries, three
elsewhere, and who was refused changes it again.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

_FORM = '<main><form id="checkout">'
FIELDS = {
    name: f'{_FORM}<fieldset class="{group}"><input name="{name}">'
    for name, group in (("name", "address"), ("street", "address"), ("city", "address"), ("card", "payment"))
}
CORRECTED = 0.06
REFUSED = {"mobile": 0.12}
REFUSED_ELSEWHERE = 0.03
# Shares of the stay: before the first field, and when the last one is filled.
_BEGINS, _ENDS = 0.12, 0.84


def filled(session: str, number: int, device: str, stay: float, seed: int) -> Iterator[tuple[float, dict[str, Any]]]:
    """What is done in the form of one checkout view of `stay` seconds: how long after its start, and the event's fields."""
    chance = Random(f"{seed}:form:{session}:{number}")
    each = (_ENDS - _BEGINS) * stay / len(FIELDS)
    for place, (name, chain) in enumerate(FIELDS.items()):
        at = _BEGINS * stay + each * (place + chance.uniform(0.4, 0.6))
        yield at, {"kind": "input", "element_chain": chain}
        is_refused = name == "card" and chance.random() < REFUSED.get(device, REFUSED_ELSEWHERE)
        if is_refused:
            yield at + 0.1 * each, {"kind": "validation", "element_chain": chain}
        if is_refused or chance.random() < CORRECTED:
            yield at + 0.3 * each, {"kind": "input", "element_chain": chain}
