"""Zones that are picked by clicking: who may pick, and where it is kept until `footfall zones --accept`."""

import hmac
import json
import secrets
import time

from pipeline.core.lake import Lake
from pipeline.propose.picked_zones import PICKED, PICKING, kept, picked_of

_SECONDS = 3600


def allow_picking(lake: Lake) -> str:
    """A token that lets somebody pick zones for an hour; one that was given before is void."""
    token = secrets.token_urlsafe(24)
    lake.write(PICKING, json.dumps({"token": token, "until": time.time() + _SECONDS}).encode())
    return token


def end_picking(lake: Lake) -> None:
    """Forget token and picks."""
    for key in (PICKING, PICKED):
        if lake.exists(key):
            lake.delete(key)


def may_pick(lake: Lake, token: object) -> bool:
    """Whether the token is the one that was given, within its hour."""
    data = lake.read(PICKING)
    if not data:
        return False
    known = json.loads(data)
    return hmac.compare_digest(str(token).encode(), known["token"].encode()) and time.time() < known["until"]


def keep_picks(lake: Lake, sent: object) -> int:
    """Keep what was picked beside what was before; how many there are. ValueError where it isn't what the picker sends."""
    both = (*picked_of(lake.read(PICKED)), *picked_of(json.dumps(sent).encode()))
    data = kept(both)
    lake.write(PICKED, data)
    return len(picked_of(data))
