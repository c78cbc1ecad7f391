"""The command `slipring` of this clone, for tests that need it."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]


def built_by_cargo(workspace: pathlib.Path, *what: str) -> str | None:
    """A program as cargo builds it of what is here; None without cargo."""
    if shutil.which("cargo") is None:
        return None
    command = ["cargo", "build", "--quiet", *what, "--message-format=json"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=workspace, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    said = (json.loads(line) for line in done.stdout.splitlines())
    return next(one["executable"] for one in said if one.get("executable"))


def built() -> str | None:
    """`SLIPRING`, or the command as cargo builds it of what is here."""
    return os.environ.get("SLIPRING") or built_by_cargo(ROOT, "--package", "slipring-cli", "--bin", "slipring")


def columns() -> str | None:
    """`SLIPRING_COLUMNS`, the one in the path, or the one that was built last here."""
    places = [ROOT / "bridges" / "target" / profile / "slipring-columns" for profile in ("debug", "release")]
    found = sorted((place for place in places if place.is_file()), key=lambda place: place.stat().st_mtime)
    named = os.environ.get("SLIPRING_COLUMNS") or shutil.which("slipring-columns")
    return named or (str(found[-1]) if found else None)


@pytest.fixture(scope="session")
def slipring_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH in which `slipring` is, and `slipring-columns` if there is one."""
    slipring = built()
    if slipring is None:
        pytest.skip("neither cargo nor SLIPRING is there: no command slipring")
    folder = tmp_path_factory.mktemp("bin")
    for name, file in [("slipring", slipring), ("slipring-columns", columns())]:
        if file is not None:
            (folder / name).symlink_to(pathlib.Path(file).resolve())
    return f"{folder}{os.pathsep}{os.environ['PATH']}"
