"""Many manifests changed as one: what is to be done is written down first, and done to its end by whoever comes next.

A killed erasure or rebuild leaves the home as it was, or one whose journal the next command finishes.
"""

import msgspec

from pipeline.core.lake import Lake
from pipeline.core.sealed import read_sealed, write_sealed
from pipeline.ingest.manifests import Manifest, write_manifest

KEY = "lake/_state/journal.json"


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """Manifests to write, JSON objects to write by key, objects to remove by key, and folders to remove."""

    manifests: list[Manifest]
    documents: dict[str, dict[str, str]] = {}
    objects: list[str] = []
    folders: list[str] = []


def carry_out(lake: Lake, journal: Journal) -> None:
    """Do what the journal says, as one; to be called under the lock."""
    write_sealed(lake, KEY, journal)
    finish(lake)


def finish(lake: Lake) -> bool:
    """End what a killed command began, and tell whether there was anything; to be called under the lock."""
    journal = read_sealed(lake, KEY, Journal)
    if journal is None:
        return False
    for manifest in journal.manifests:
        write_manifest(lake, manifest)
    for key, document in journal.documents.items():
        write_sealed(lake, key, document)
    for key in journal.objects:
        lake.delete(key)
    for folder in journal.folders:
        lake.delete_folder(folder)
    lake.delete(KEY)
    return True
