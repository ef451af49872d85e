"""A paper as plain values, for ``--json``. Printed numbers stay strings, because a float would lose their last zeros."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter

from keras_leuk.papers.library import Paper
from keras_leuk.papers.library_facts import PaperFacts
from keras_leuk.papers.library_tables import PublishedTable
from keras_leuk.papers.protocol import Protocol, settings


def summary(paper: Paper) -> dict[str, Any]:
    """A line of the list of papers."""
    facts = paper.facts
    return {
        "key": facts.key,
        "title": facts.title,
        "authors": list(facts.authors),
        "year": facts.year,
        "venue": facts.venue,
        "doi": facts.doi,
        "data": facts.data.name,
        "arms": [arm.name for arm in facts.arms],
        "tables": [table.number for table in paper.tables],
    }


def whole(paper: Paper) -> dict[str, Any]:
    """Everything of a paper: its facts, each protocol with its commands, and its published tables cell by cell."""
    facts: dict[str, Any] = TypeAdapter(PaperFacts).dump_python(paper.facts, mode="json")
    return facts | {
        "folder": str(paper.folder),
        "protocols": {protocol.name: _protocol(protocol) for protocol in paper.protocols},
        "tables": [_table(table) for table in paper.tables],
    }


def _protocol(protocol: Protocol) -> dict[str, Any]:
    return {
        "meaning": protocol.meaning,
        "recipe": str(protocol.recipe_file),
        "train": protocol.train_command(),
        "grids": [
            {
                "name": grid.name,
                "meaning": grid.meaning,
                "axes": {key: list(values) for key, values in grid.lists},
                "cells": len(grid.cells()),
                "command": protocol.command(grid.name),
            }
            for grid in protocol.grids
        ],
        "arms": {arm.name: settings(arm) for arm in protocol.arms},
    }


def heading(table: PublishedTable) -> dict[str, Any]:
    """What a published table is called and about."""
    facts = table.facts
    return {
        "name": table.name,
        "number": table.number,
        "kind": facts.kind,
        "caption": table.caption,
        "side": facts.side,
        "basis": facts.basis,
        "images": facts.images,
        "header": list(table.header),
    }


def _table(table: PublishedTable) -> dict[str, Any]:
    facts = table.facts
    return heading(table) | {
        "rows": [list(row) for row in table.rows],
        "notes": {name: row.note for name, row in facts.rows.items() if row.note is not None},
        "sha256": table.sha256,
        "cells": [{field.name: _plain(getattr(cell, field.name)) for field in fields(cell)} for cell in table.cells],
    }


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else dict(value) if hasattr(value, "items") else value
