"""Session recordings; a mart is its SQL model and its contract."""

from pipeline.core.days import ONE_DAY, day_start
from pipeline.core.keys import day_folder
from pipeline.core.registry import TABLES
from pipeline.core.state import RECORDED, Reads
from pipeline.declare import Built, DayTable, Domain, Sources
from pipeline.domains.replays.moments import MOMENTS, recorded_moments
from pipeline.domains.replays.recordings import RECORDINGS, recordings

# A session booked on a day may go on after midnight.
_AND_NEXT = (0, 1)


def _recordings(s: Sources) -> Built:
    kept: list[str] = []

    def keep(name: str, data: bytes) -> str:
        key = f"{day_folder(RECORDINGS, s.day)}/{name}"
        s.lake.write(key, data)
        kept.append(key)
        return key

    ends = day_start(s.day + ONE_DAY, s.product.zone_info)
    frame = recordings(s.scan(RECORDED, _AND_NEXT), s.scan("sessions"), s.scan("events"), s.day, ends, keep)
    return Built(frame, objects=tuple(kept))


DOMAIN = Domain(
    day_tables=(
        DayTable(
            TABLES[RECORDINGS],
            (Reads(RECORDED, _AND_NEXT), Reads("sessions"), Reads("events")),
            (),
            "2",
            compute=_recordings,
            needs=("recordings",),
        ),
        DayTable(
            TABLES[MOMENTS],
            (Reads(RECORDINGS), Reads("friction_incidents"), Reads("session_events"), Reads("feedback")),
            ("friction", "goals"),
            "1",
            compute=lambda s: Built(
                recorded_moments(
                    s.scan(RECORDINGS),
                    s.scan("friction_incidents"),
                    s.scan("session_events"),
                    s.scan("feedback"),
                    s.day,
                    s.product,
                )
            ),
            needs=("recordings",),
        ),
    ),
)
