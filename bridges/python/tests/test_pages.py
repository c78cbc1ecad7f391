"""The how-to pages: their commands and their Python do what the pages say, block after block, in an empty folder.

```sh is run by `sh -eu`, ```python here, all of a page with the same names. A ```text right behind is what that
prints; `..` stands for what differs from run to run. A block with `title:FILE` is written to that file. What
`needs:` a command or a package that is not there is left out, by name.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import pathlib
import re
import shutil
import subprocess
from typing import Iterator, NamedTuple

import pytest
from command import ROOT, slipring_path  # noqa: F401

PAGES = ["come-from-a-script", "come-from-sqlite", "come-from-pandas", "record-files", "export-files"]
FENCE = re.compile(r"^```(\S*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    line: int
    language: str
    title: str | None
    needs: list[str]
    text: str
    is_right_behind: bool


def blocks(page: str) -> Iterator[Block]:
    end = 0
    for found in FENCE.finditer(page):
        language, info, text = found.groups()
        said = dict(word.split(":", 1) for word in info.split() if ":" in word)
        needs = [name for name in said.get("needs", "").split(",") if name]
        behind = end > 0 and not page[end : found.start()].strip()
        line = page.count("\n", 0, found.start()) + 1
        yield Block(line, language, said.get("title"), needs, text, behind)
        end = found.end()


def is_as_said(said: str, printed: str) -> bool:
    lines = [r"(.*\n)*?" if line == ".." else any_dots(line) + r"\n" for line in said.rstrip().splitlines()]
    return re.fullmatch("".join(lines), printed.rstrip() + "\n") is not None


def any_dots(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.split(".."))


def is_there(need: str, path: str) -> bool:
    return shutil.which(need, path=path) is not None or importlib.util.find_spec(need) is not None


def shell(script: str, path: str) -> str:
    done = subprocess.run(
        ["sh", "-euc", "exec 2>&1\n" + script],
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, (script, done.stdout)
    return done.stdout


def run(page: str, path: str) -> list[str]:
    """Does what a page says in the working folder; returns what was left out."""
    names: dict[str, object] = {}
    left_out, printed = [], None
    for block in blocks(page):
        if block.title is not None:
            pathlib.Path(pathlib.Path(block.title).name).write_text(block.text)
        elif block.language in ("sh", "python"):
            missing = [need for need in block.needs if not is_there(need, path)]
            printed = None
            if missing:
                left_out.append(f"line {block.line} needs {', '.join(missing)}")
            elif block.language == "sh":
                printed = shell(block.text, path)
            else:
                out = io.StringIO()
                with contextlib.redirect_stdout(out):
                    exec(compile(block.text, f"line {block.line}", "exec"), names)
                printed = out.getvalue()
            continue
        elif block.language == "text" and block.is_right_behind and printed is not None:
            assert is_as_said(block.text, printed), f"line {block.line}: it printed\n{printed}"
        printed = None
    return left_out


@pytest.mark.parametrize("name", PAGES)
def test_the_code_of_a_page_does_what_the_page_says(name, slipring_path, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    left_out = run((ROOT / "docs" / "how-to" / f"{name}.md").read_text(), slipring_path)
    if left_out:
        pytest.skip(f"but for {len(left_out)} blocks it is right: {'; '.join(left_out)}")


def test_a_page_that_is_wrong_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = os.environ["PATH"]
    assert run("```csv title:a.csv\n1\n```\n\n```sh\ncat a.csv\n```\n\n```text\n1\n```\n", path) == []
    assert run("```python needs:nothing_like_it\nx\n```\n", path) == ["line 1 needs nothing_like_it"]
    for page in [
        "```sh\nfalse\n```\n",
        "```python\nprint(1)\n```\n```text\n2\n```\n",
        "```sh\necho 1\n```\n\n```text\n1\n2\n```\n",
    ]:
        with pytest.raises(AssertionError):
            run(page, path)
