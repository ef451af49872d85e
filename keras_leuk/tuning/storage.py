"""The database of a study: opening it, and refusing to go on with another search in it.

Optuna is imported here and nowhere above, and only when a search begins: it is an extra.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from keras_leuk.errors import LeukError, RunError, UsageError
from keras_leuk.runs.atomic import write_json

SETTINGS = "keras-leuk"
"""The study's attribute that holds what all its trials share."""

FILE = "search.json"
"""The same in the search's folder: trials of two searches must not meet there."""

_WAIT = 60.0
"""Seconds that a process waits for another one's writing, where the database is a file."""


def optuna() -> Any:
    """The module.

    Raises:
        LeukError: it is not installed.
    """
    try:
        import optuna as module
    except ImportError:
        raise LeukError("keras-leuk tune needs Optuna; install keras-leuk[tune]") from None
    return module


def database(url: str | None, out: Path) -> str:
    """The URL, or that of the study's own SQLite file in `out`."""
    # Optuna formats the URL, so braces in a path would be taken for its fields.
    return url or f"sqlite:///{out.absolute() / 'study.db'}".replace("{", "{{").replace("}", "}}")


@contextmanager
def opened(url: str, name: str, direction: str) -> Iterator[Any]:
    """Optuna's study of that name, made if it is not there.

    Raises:
        UsageError: the URL is none, or of a kind of database whose driver is not installed.
        RunError: the database cannot be opened, or was written by another version of Optuna.
    """
    module = optuna()
    with _quiet(module):
        import sqlalchemy

        shown = _shown(url)
        try:
            wait = {"connect_args": {"timeout": _WAIT}} if url.startswith("sqlite") else {}
            storage = module.storages.RDBStorage(url, engine_kwargs=wait)
            study = module.create_study(study_name=name, storage=storage, direction=direction, load_if_exists=True)
        except sqlalchemy.exc.ArgumentError:
            raise UsageError(
                f"--storage {shown!r} is no database URL, such as sqlite:///study.db or postgresql://user@host/name"
            ) from None
        except ImportError as error:
            raise UsageError(
                f"--storage {shown}: the driver of this database is not installed ({error.__cause__ or error})"
            ) from None
        except (sqlalchemy.exc.SQLAlchemyError, module.exceptions.OptunaError, RuntimeError) as error:
            raise RunError(f"the database {shown} cannot be opened: {_first_line(error)}") from None
        try:
            yield study
        except (sqlalchemy.exc.SQLAlchemyError, module.exceptions.StorageInternalError) as error:
            raise RunError(f"the database {shown} no longer answers: {_first_line(error)}; go on with the same command") from None
        finally:
            storage.remove_session()
            storage.engine.dispose()


def agree(study: Any, name: str, out: Path, settings: Mapping[str, Any]) -> None:
    """Writes what all trials share into a new study and a new folder; where something else was kept, refuses.

    Args:
        settings: section to its keys and values, in the order in which a difference is to be named; JSON values.

    Raises:
        RunError: the study or the folder was begun with other settings, or the study not by keras-leuk.
    """
    file = out / FILE
    if file.is_file():
        _compare(_read(file), settings, f"the search in {out}")
    kept = study.user_attrs.get(SETTINGS)
    if kept is not None:
        _compare(kept, settings, f"study {name!r}")
    elif study.get_trials(deepcopy=False):
        raise RunError(f"study {name!r} was not begun by keras-leuk tune; choose another --study")
    else:
        study.set_user_attr(SETTINGS, settings)
    if not file.is_file():
        write_json(file, settings)


def _compare(kept: Mapping[str, Any], settings: Mapping[str, Any], where: str) -> None:
    for section, values in settings.items():
        before = kept.get(section, {})
        for key in [*values, *(key for key in before if key not in values)]:
            if before.get(key) != values.get(key):
                hashed = section == "data"
                what = f"other {key}" if hashed else f"another {section} ({key} was {before.get(key)!r}, now {values.get(key)!r})"
                raise RunError(f"{where} was begun with {what}; go on with the same, or choose another --out or --study")


def _read(file: Path) -> Mapping[str, Any]:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{file} cannot be read: {error}") from None
    return kept if isinstance(kept, dict) else {}


@contextmanager
def _quiet(module: Any) -> Iterator[None]:
    """Keeps Optuna's own lines from the user, who hears ours."""
    before = module.logging.get_verbosity()
    module.logging.set_verbosity(module.logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=module.exceptions.ExperimentalWarning)
            yield
    finally:
        module.logging.set_verbosity(before)


def _shown(url: str) -> str:
    """The URL without its password."""
    import sqlalchemy

    try:
        return str(sqlalchemy.engine.make_url(url).render_as_string(hide_password=True))
    except sqlalchemy.exc.ArgumentError:
        return url


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
