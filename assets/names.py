"""How what belongs to a home is called in a Dagster deployment that others share. What must not be here: what it is."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import dagster as dg

from pipeline.core.registry import TABLES

# The jobs of a home, and what Dagster calls runs of backfills.
JOBS, OF_BACKFILLS = ("days", "marts", "prune"), "__ASSET_JOB"
# The jobs by the tag of what they make: groups are subjects.
JOB_TAG = "footfall/job"
# What is made from the marts; alone it costs seconds.
OUTPUTS = ("publication", "catalog", "report", "alert_messages", "digest_message")


@dataclass(frozen=True)
class Names:
    """Keys, groups and owners of a home's assets, and names of its jobs, sensors and schedules.

    Two products in one deployment need key prefixes of their own; group prefixes keep their maps apart. `pool` is the
    deployment's concurrency pool that each step takes a place in; none by default.
    """

    key_prefix: Sequence[str] = ()
    group_prefix: str = ""
    owners: Sequence[str] = ("team:data",)
    pool: str | None = None

    def key(self, name: str) -> dg.AssetKey:
        """The asset key of a table, or of what is made from all of them."""
        return dg.AssetKey([*self.key_prefix, name])

    def keys(self, names: Iterable[str]) -> list[dg.AssetKey]:
        """Their asset keys."""
        return [self.key(name) for name in names]

    def named(self, what: str) -> str:
        """The name of a job, sensor, schedule or resource: a code location knows them by their names alone."""
        return re.sub(r"\W", "_", "_".join([*self.key_prefix, what]))

    @property
    def resource(self) -> str:
        """The key under which assets find their home."""
        return self.named("home")

    def job_tag(self, job: str) -> dict[str, str]:
        """The tag of assets that a job of this home makes."""
        return {JOB_TAG: self.named(job)}

    def is_ours(self, run: dg.DagsterRun) -> bool:
        """Whether a run is of one of the home's jobs, or of a backfill over assets of the home."""
        if run.job_name in set(map(self.named, JOBS)):
            return run.asset_selection is None or self._owns(run.asset_selection)
        return run.job_name == OF_BACKFILLS and self._owns(run.asset_selection or ())

    def _owns(self, keys: Iterable[dg.AssetKey]) -> bool:
        ours = [key.path[-1] for key in keys if [*key.path[:-1]] == [*self.key_prefix]]
        # Without a prefix others' assets may have keys of one word too.
        return any(self.key_prefix or name in TABLES or name in OUTPUTS for name in ours)

    def group(self, domain: str) -> str:
        """The group of a domain."""
        return f"{self.group_prefix}{domain}"
