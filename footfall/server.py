"""What a server of your own tells a collector: orders, refunds, who somebody is. Only the standard library is used."""

import http.client
import json
import os
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

KEY_VARIABLE = "FOOTFALL_CAPTURE_KEY"
_SECONDS, _TAKEN = 10, 204


class NotTakenError(Exception):
    """The collector didn't take it; `again` says whether sending the same once more may help."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.again = again


def track(  # noqa: PLR0913  # what an event is
    collector: str,
    kind: str,
    *,
    user_id: str | None = None,
    anonymous_id: str | None = None,
    event_id: str | None = None,
    occurred_at: datetime | None = None,
    key: str | None = None,
    **fields: Any,  # noqa: ANN401  # columns of docs/marts.md, raw_events
) -> str:
    """Send one event to `collector` (https://collect.shop.example); returns its event id once it is on the disk there.

    `kind` is one of `pipeline.core.canonical.KINDS`; of an order give `order_id`, `revenue` (in the currency's unit) and `currency`,
    of anything of your own kind="custom" and `name`. Give `event_id` where the same may be sent again (the id of a refund): an id
    counts once; of an order it is made of the order's id. A refund's revenue counts as given back, whatever its sign. `occurred_at` must bear a zone; default: now. The collector takes it by the key
    that it was started with (FOOTFALL_CAPTURE_KEY). Raises NotTakenError, ValueError for a time without a zone.
    """
    at = occurred_at or datetime.now(UTC)
    if at.tzinfo is None:
        raise ValueError("occurred_at has no time zone; write datetime.now(UTC) or give it one")
    if "revenue" in fields:
        micros = round(fields.pop("revenue") * 1_000_000)
        fields["revenue_micros"] = -abs(micros) if kind == "refund" else micros
    if event_id is None:
        own = fields.get("order_id")
        # Of an order there may be several refunds.
        event_id = f"order:{own}" if kind == "order" and own is not None else str(uuid.uuid4())
    ids = {"user_id": user_id, "anonymous_id": anonymous_id, "event_id": event_id}
    event = {
        "kind": kind,
        "occurred_at": at.isoformat(),
        **fields,
        **{name: each for name, each in ids.items() if each},
    }
    _post(collector, {"v": 1, "events": [event]}, key or os.environ.get(KEY_VARIABLE, ""))
    return event_id


def _post(collector: str, told: Mapping[str, Any], key: str) -> None:
    headers = {"authorization": f"Bearer {key}", "content-type": "text/plain"}
    sent = urllib.request.Request(f"{collector.rstrip('/')}/e", json.dumps(told).encode(), headers)  # noqa: S310  # the caller's own
    try:
        with urllib.request.urlopen(sent, timeout=_SECONDS) as answer:  # noqa: S310  # the same
            status = answer.status
    except urllib.error.HTTPError as fault:
        fault.close()
        hint = ": is the key that of the collector?" if fault.code == 403 else ""  # noqa: PLR2004
        is_later = fault.code in (408, 429) or fault.code >= 500  # noqa: PLR2004
        raise NotTakenError(f"the collector answered {fault.code}{hint}", again=is_later) from None
    except (OSError, http.client.HTTPException) as fault:
        raise NotTakenError(f"the collector can't be reached: {fault}", again=True) from None
    if status != _TAKEN:
        raise NotTakenError(f"what answers there ({status}) is no collector", again=False)
