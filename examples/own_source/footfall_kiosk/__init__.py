"""Events of kiosks: one JSON object a line, as our terminals write them.

| field | canonical column |
| --- | --- |
| no | event_id, with the terminal |
| terminal | anonymous_id |
| t | occurred_at, in ms since 1970 |
| what: screen, order | kind: page_view, order |
| screen | url |
| cents | revenue |
"""

from collections.abc import Iterable
from typing import Any

from pipeline.core.product_sources import Source
from pipeline.ingest.faults import RecordFault, RecordLeftOut
from pipeline.ingest.sources.base import Format
from pipeline.ingest.sources.fields import Fields
from pipeline.ingest.sources.times import Clock

_KINDS = {"screen": "page_view", "order": "order"}


def _begin(_source: Source, clock: Clock) -> Any:  # noqa: ANN401  # what `Format.begin` asks for
    def to_events(record: dict[str, Any]) -> Iterable[Fields]:
        what = record.get("what")
        if what == "heartbeat":
            raise RecordLeftOut("kiosk_heartbeat")
        if what not in _KINDS:
            raise RecordFault("unknown_kind", f"`what` is {what!r}; kiosks send {', '.join(_KINDS)} and heartbeat")
        event: Fields = {
            "event_id": f"{record['terminal']}-{record['no']}",
            "anonymous_id": record["terminal"],
            "occurred_at": clock.take(record, "t"),
            "kind": _KINDS[what],
            "url": f"https://kiosk.example{record.get('screen', '/')}",
        }
        if what == "order":
            event |= {"order_id": event["event_id"], "revenue_micros": record["cents"] * 10_000, "currency": "EUR"}
        return [event]

    return to_events


FORMAT = Format("Our kiosk software, release 7: events", _begin, version="1")
