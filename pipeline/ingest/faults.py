"""What can be wrong with a landing file or a record, as exceptions that carry the rule and the reason."""

from collections.abc import Sequence


class RecordFault(Exception):
    """A record can't be read; it is rejected under `rule`, and the file goes on.

    `raw` is what there was of it, and `names` the columns of a row whose cells can't be told apart.
    """

    def __init__(self, rule: str, reason: str, raw: bytes = b"", names: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason
        self.raw = raw
        self.names = names


class FileFault(Exception):
    """A file can't be read to its end; it is rejected whole under `rule`."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason


class RecordLeftOut(Exception):
    """A record holds no event, or the product file leaves it out; it is counted as filtered under `rule`."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class CannotRead(Exception):
    """A disk or network doesn't give the file's bytes at the moment: nothing is known of the file, and it waits.

    No OSError, so that it is never taken for trouble with writing. `is_passing` is false where another try at once
    can't help: the file has vanished, or its rights don't let us read it.
    """

    def __init__(self, reason: str, *, is_passing: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_passing = is_passing

    def __reduce__(self) -> tuple[object, ...]:
        """Workers hand it over to the process that asked."""
        return _cannot_read, (self.reason, self.is_passing)


def _cannot_read(reason: str, is_passing: bool) -> CannotRead:
    return CannotRead(reason, is_passing=is_passing)
