"""How what belongs to a home is called in a Dagster deployment that others share. What must not be here: what it is."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import dagster as dg


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

    @property
    def jobs(self) -> frozenset[str]:
        """Names of the home's jobs; the last is what Dagster calls runs of backfills, of whatever home."""
        return frozenset({*map(self.named, ("days", "marts", "prune")), "__ASSET_JOB"})

    @property
    def all_assets(self) -> dg.AssetSelection:
        """All assets under the home's prefix."""
        prefix = [*self.key_prefix]
        return dg.AssetSelection.key_prefixes(prefix) if prefix else dg.AssetSelection.all()

    def owns(self, keys: Iterable[dg.AssetKey] | None) -> bool:
        """Whether a run over these assets is ours; None: of a whole job, which is ours where nobody shares the deployment."""
        if keys is None:
            return not self.key_prefix
        return any([*key.path[:-1]] == [*self.key_prefix] for key in keys)

    def group(self, domain: str) -> str:
        """The group of a domain."""
        return f"{self.group_prefix}{domain}"
