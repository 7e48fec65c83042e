"""Device, system and browser of a visit: as its source sent them, else as its first known user agent tells them.

Definition: docs/definitions/events.md, "Device, system, browser". Told once per visit and carried to each of its events. Names and versions
are ua-parser's, of its compiled rules; nothing here asks anybody. Its names for a browser on phones (Chrome Mobile iOS,
Mobile Safari) are that browser's, as sources name it too: where it runs is told by system and device. A version is the
major one, as text, for some are words (Windows XP). What an agent or a source doesn't tell is null, never "Other".
"""

import re
from collections.abc import Collection

import polars as pl
import ua_parser
from ua_parser.core import Domain

from pipeline.core.canonical import SESSION_COLUMNS, VISIT_COLUMNS

# Real ones are far shorter; what comes after is somebody's attack, or an app's long tail.
MAX_AGENT_CHARACTERS = 1_000
_MAX_NAME_CHARACTERS = 100
# In this order: an iPad's agent says Mobile too, a television's Android.
_DEVICES = (
    ("desktop", re.compile(r"Windows NT(?!.*Xbox)|Macintosh|X11")),
    (None, re.compile(r"TV\b|BRAVIA|CrKey|\bAFT[A-Z]|Xbox")),
    ("tablet", re.compile(r"iPad|Tablet")),
    ("mobile", re.compile(r"Mobile|iPhone|iPod")),
    ("tablet", re.compile(r"Android")),
)
# Words that sources write where they know nothing.
_NOTHING = ("", "other", "<other>", "unknown", "undefined", "null", "none", "(not set)", "not set", "web")
_OF_PHONES = r"(?i)\b(?:mobile|ios|microsoft)\b"
_BROWSERS = {"internet explorer": "IE"}
_SYSTEMS = {
    **dict.fromkeys(("macos", "mac os", "mac", "macintosh", "os x", "mac os x"), "Mac OS X"),
    **dict.fromkeys(("ios", "iphone os"), "iOS"),
    **dict.fromkeys(("chromeos", "chrome os", "chromium os"), "Chrome OS"),
    "android": "Android",
    "windows": "Windows",
    "linux": "Linux",
}


def with_visits(rows: pl.DataFrame, visit: str) -> pl.DataFrame:
    """`rows` with VISIT_COLUMNS as they are told of each visit; `visit` names the column that says whose a row is.

    The rows of a visit stand together, in their total order, and bear these columns as they were sent, and `user_agent`. What was
    sent wins, the first value of the visit; a version counts beside the name that it is of. Agents are looked at once
    per distinct text.
    """
    known = _agents(rows["user_agent"])
    tell = rows.select(visit, "user_agent", *VISIT_COLUMNS).filter(
        pl.any_horizontal(pl.col("user_agent", *VISIT_COLUMNS).is_not_null())
    )
    sent = tell.select(
        visit,
        # Where rows of a group stand together it needs no hashing to be found.
        pl.col(visit).rle_id().set_sorted().alias("run"),
        *(_known(name) for name in VISIT_COLUMNS),
        agent=pl.when(pl.col("user_agent").is_in(known["agent"].implode())).then("user_agent"),
    ).with_columns(
        pl.when(pl.col(name).is_not_null()).then(f"{name}_version").alias(f"{name}_version")
        for name in ("os", "browser")
    )
    firsts = sent.group_by("run", maintain_order=True).agg(
        pl.all().exclude("os_version", "browser_version").first(ignore_nulls=True), *map(_version_of, ("os", "browser"))
    )
    both = _named(firsts).join(_named(known), on="agent", how="left", suffix="_told", maintain_order="left")
    reported = both.select(visit, pl.coalesce("device_type", "device_type_told"), *_of("os"), *_of("browser"))
    short = reported.with_columns(pl.col(VISIT_COLUMNS).str.slice(0, _MAX_NAME_CHARACTERS))
    # The other columns aren't touched: a day of events is the largest thing in memory.
    carried = rows.select(visit).join(short, on=visit, how="left", maintain_order="left")
    return rows.drop(VISIT_COLUMNS).hstack(carried.select(VISIT_COLUMNS))


def of_their_visits(
    events: pl.LazyFrame, booked: pl.LazyFrame, dimensions: Collection[str], sessions: pl.LazyFrame | None = None
) -> pl.LazyFrame:
    """Events of a day with the columns among `dimensions` that are told of visits: VISIT_COLUMNS, SESSION_COLUMNS, session_key.

    `booked` and `sessions` hold session_events and sessions of the day and the one before, where every event of a person
    stands; without `sessions` there are no SESSION_COLUMNS.
    """
    reported = [name for name in ("session_key", *VISIT_COLUMNS) if name in dimensions]
    of_sessions = [name for name in SESSION_COLUMNS if name in dimensions] if sessions is not None else []
    if not reported and not of_sessions:
        return events
    key = ["source", "event_id"]
    known = booked.select(*key, *dict.fromkeys((*reported, *(("session_key",) if of_sessions else ()))))
    if sessions is not None and of_sessions:
        known = known.join(sessions.select("session_key", *of_sessions), on="session_key", how="left")
    told = known.select(*key, *reported, *of_sessions)
    return events.drop(*reported, *of_sessions, strict=False).join(told, on=key, how="left")


def _known(name: str) -> pl.Expr:
    value = pl.col(name).str.strip_chars()
    return pl.when(~value.str.to_lowercase().is_in(_NOTHING)).then(value).alias(name)


def _version_of(name: str) -> pl.Expr:
    """Of a visit the first version that came beside its first name."""
    version = f"{name}_version"
    return pl.col(version).filter(pl.col(name) == pl.col(name).first(ignore_nulls=True)).first(ignore_nulls=True)


def _of(name: str) -> tuple[pl.Expr, pl.Expr]:
    """A name and its version: one that was told of another name isn't this one's."""
    version = f"{name}_version"
    is_same = pl.col(name).is_null() | (pl.col(name) == pl.col(f"{name}_told"))
    return pl.coalesce(name, f"{name}_told"), pl.coalesce(version, pl.when(is_same).then(f"{version}_told"))


def _named(frame: pl.DataFrame) -> pl.DataFrame:
    """Systems and browsers by one name each, versions by their first number."""
    browser = pl.col("browser").str.replace_all(_OF_PHONES, "").str.replace_all(r"\s+", " ").str.strip_chars()
    plain = pl.when(browser != "").then(browser).otherwise("browser")
    return frame.with_columns(
        pl.col("os").str.to_lowercase().replace_strict(_SYSTEMS, default=pl.col("os")),
        plain.str.to_lowercase().replace_strict(_BROWSERS, default=plain).alias("browser"),
        *(
            pl.coalesce(pl.col(name).str.extract(r"(?:^|\s)v?(\d+)"), name).alias(name)
            for name in ("os_version", "browser_version")
        ),
    )


def _agents(agents: pl.Series) -> pl.DataFrame:
    """Each distinct user agent of which anything is known: `agent` and what it tells as VISIT_COLUMNS."""
    rows = [(agent, *_device_of_agent(agent[:MAX_AGENT_CHARACTERS])) for agent in agents.drop_nulls().unique()]
    names = ("agent", *VISIT_COLUMNS)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    return frame.filter(pl.any_horizontal(pl.col(VISIT_COLUMNS).is_not_null()))


def _device_of_agent(agent: str) -> tuple[str | None, ...]:
    result = ua_parser.parser(agent, Domain.OS | Domain.USER_AGENT)
    device = next((name for name, pattern in _DEVICES if pattern.search(agent)), None)
    system, browser = result.os, result.user_agent
    return (
        device,
        *((system.family, system.major) if system else (None, None)),
        *((browser.family, browser.major) if browser else (None, None)),
    )
