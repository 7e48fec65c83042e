"""How a home's assets are called in a Dagster deployment that others share. What must not be here: what they are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import dagster as dg


@dataclass(frozen=True)
class Names:
    """Keys, groups and owners of a home's assets.

    Two products in one deployment need key prefixes of their own; group prefixes keep their maps apart.
    """

    key_prefix: Sequence[str] = ()
    group_prefix: str = ""
    owners: Sequence[str] = ("team:data",)

    def key(self, name: str) -> dg.AssetKey:
        """The asset key of a table, or of what is made from all of them."""
        return dg.AssetKey([*self.key_prefix, name])

    def keys(self, names: Iterable[str]) -> list[dg.AssetKey]:
        """Their asset keys."""
        return [self.key(name) for name in names]

    def owns(self, keys: Iterable[dg.AssetKey] | None) -> bool:
        """Whether a run over these assets is ours; None: of a whole job, which is ours where nobody shares the deployment."""
        if keys is None:
            return not self.key_prefix
        return any([*key.path[:-1]] == [*self.key_prefix] for key in keys)

    def group(self, domain: str) -> str:
        """The group of a domain."""
        return f"{self.group_prefix}{domain}"
