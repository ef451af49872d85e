"""The papers that keras-leuk replays, as data: what they state and leave open, their recipes, their published numbers.

A paper is a folder of ``experiments/`` with a file ``paper.yaml``; adding one is adding a folder. ``experiments/`` lies beside
the package in a checkout and inside it in an installation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import keras_leuk
from keras_leuk.errors import DataError, UsageError, suggestion
from keras_leuk.papers.library_facts import Arm, PaperFacts
from keras_leuk.papers.library_reading import read
from keras_leuk.papers.library_tables import PublishedCell, PublishedTable, read_tables
from keras_leuk.papers.protocol import Protocol, read_protocol

__all__ = ["Arm", "Paper", "Protocol", "PublishedCell", "PublishedTable", "experiments", "paper", "papers", "read_paper"]


@dataclass(frozen=True)
class Paper:
    """A paper as data.

    Attributes:
        folder: where its files lie.
        facts: paper.yaml, see `library_facts.PaperFacts`.
        protocols: paper and honest.
        tables: its published tables.
    """

    folder: Path
    facts: PaperFacts
    protocols: tuple[Protocol, ...]
    tables: tuple[PublishedTable, ...]

    @property
    def key(self) -> str:
        return self.facts.key

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The readings of what it leaves open."""
        return self.facts.arms

    def protocol(self, name: str) -> Protocol:
        """A protocol by name.

        Raises:
            UsageError: it is neither paper nor honest.
        """
        known = {protocol.name: protocol for protocol in self.protocols}
        if name not in known:
            raise UsageError(f"no such protocol of {self.key}: {name!r}{suggestion(name, known)}")
        return known[name]

    def table(self, name: str) -> PublishedTable:
        """A published table by name, such as ``table1``.

        Raises:
            UsageError: there is no such table.
        """
        known = {table.name: table for table in self.tables}
        if name not in known:
            raise UsageError(f"no such table of {self.key}: {name!r}{suggestion(name, known)}")
        return known[name]


def experiments() -> Path:
    """The folder that holds a folder for each paper.

    Raises:
        DataError: the installation has none.
    """
    package = Path(keras_leuk.__file__).parent
    for folder in (package / "experiments", package.parent / "experiments"):
        if any(folder.glob("*/paper.yaml")):
            return folder
    raise DataError("the papers are missing from this installation of keras-leuk; install it again, or use a checkout")


def papers() -> tuple[Paper, ...]:
    """Every paper, in alphabetical order.

    Raises:
        DataError: see `read_paper`.
    """
    return tuple(_known(name) for name in _keys())


def paper(key: str) -> Paper:
    """One paper by its key, such as ``fata2023``.

    Raises:
        UsageError: there is no such paper.
        DataError: see `read_paper`.
    """
    if key not in _keys():
        raise UsageError(f"no such paper: {key!r}{suggestion(key, _keys())}")
    return _known(key)


def read_paper(folder: Path) -> Paper:
    """The paper of a folder, with every file read and checked.

    Raises:
        DataError: a file is missing or holds what it cannot; the line names file and key.
    """
    path = folder / "paper.yaml"
    facts = read(path, PaperFacts)
    if facts.key != folder.name:
        raise DataError(f"{path}: key: {facts.key!r} is not the name of the folder, {folder.name!r}")
    protocols = tuple(read_protocol(folder, name, told, facts.arms) for name, told in facts.protocols.items())
    tables = read_tables(folder / "published")
    known = [table.name for table in tables]
    for result in facts.results:
        if result.table is not None and result.table not in known:
            raise DataError(f"{path}: results: {result.name}: no such table: {result.table!r}{suggestion(result.table, known)}")
    return Paper(folder, facts, protocols, tables)


def _keys() -> list[str]:
    return sorted(path.parent.name for path in experiments().glob("*/paper.yaml"))


@cache
def _known(key: str) -> Paper:
    return read_paper(experiments() / key)
