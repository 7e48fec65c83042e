"""What is said where a question can't be answered."""

from pydantic import ValidationError

from pipeline.ask.data import StoppedError
from pipeline.core.lake import DamagedObject
from pipeline.core.object_lake import StoreError
from pipeline.core.product_faults import sentences
from services.ask.slots import BusyError

TOO_MUCH = 503
_TOO_LONG = "This took longer than {:.0f} s and was stopped. Take fewer days, or fewer conditions."
_MOVING = "Days are being replaced by a run just now, or one is damaged. Try again in a moment; `footfall doctor` tells of damage."
_BUSY = "Too many questions are being computed. Try again in a moment."


def said_of(fault: Exception, seconds: float) -> tuple[int, list[str]]:
    """The status and the sentences of a fault: 400 what can't be asked, 503 what is too much; `seconds` may a question take."""
    if isinstance(fault, ValidationError):
        return 400, [
            f"{'.'.join(map(str, path))}: {sentence}" if path else sentence for path, sentence in sentences(fault)
        ]
    if isinstance(fault, BusyError):
        return TOO_MUCH, [_BUSY]
    if isinstance(fault, DamagedObject | FileNotFoundError | StoreError):
        return TOO_MUCH, [_MOVING]
    if isinstance(fault, StoppedError):
        return TOO_MUCH, [_TOO_LONG.format(seconds)]
    return 400, [str(fault)]
