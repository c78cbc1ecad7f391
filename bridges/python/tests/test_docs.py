"""What the documents show is what happens: their code runs, block after block, in an empty folder."""

import doctest
import importlib
import os
import pathlib
import re
import subprocess
import sys

import pytest
from conftest import HERE

ROOT = HERE.parent.parent.parent
PAGES = [HERE.parent / "README.md", ROOT / "docs" / "how-to" / "use-from-python.md"]
NEEDS = re.compile(r"to_(pandas|polars|arrow)\b")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch, capsys):
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    assert blocks, f"{page} shows no code"
    for package in sorted({name for block in blocks for name in NEEDS.findall(block)}):
        pytest.importorskip({"arrow": "pyarrow"}.get(package, package))
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)
        # A comment behind a print says what it prints.
        said = capsys.readouterr().out.splitlines()
        wanted = re.findall(r"^ *print\(.*\)  # (.*)$", block, re.MULTILINE)
        assert [line for line in wanted if line not in said] == [], (block, said)


@pytest.mark.parametrize("name", ["slipring", "slipring.schema", "slipring.times", "slipring.wide"])
def test_the_examples_of_a_module_hold(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_survey_runs(tmp_path):
    script = HERE.parent / "examples" / "survey.py"
    command = [sys.executable, "-W", "error::DeprecationWarning:__main__", str(script), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1001 events in" in done.stdout and "every one verified: True" in done.stdout
    if "left out" in done.stdout:
        pytest.skip(done.stdout.splitlines()[0])


def test_every_public_name_is_documented():
    import slipring

    for name in slipring.__all__:
        value = getattr(slipring, name)
        assert name.startswith("__") or value.__doc__, name
        for member, method in vars(value).items() if isinstance(value, type) else ():
            if not member.startswith("_") and (callable(method) or isinstance(method, property)):
                assert method.__doc__, f"{name}.{member}"
    assert pathlib.Path(os.path.dirname(slipring.__file__), "py.typed").exists()
