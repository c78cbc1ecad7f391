"""What the tests share: a journal of trades, and the Rust programs on the other side."""

from __future__ import annotations

import pathlib
import subprocess
from typing import Any, Callable

import numpy as np
import pytest
import slipring
from command import built_by_cargo

HERE = pathlib.Path(__file__).resolve().parent
T0 = 1_700_000_000_000_000_000
TRADE = [("ts", "M8[ns]"), ("symbol", "S8"), ("price", "i8"), ("qty", "u4"), ("side", "u1")]
SAID = dict(time="ts", decimals={"price": 2}, enums={"side": {"buy": 1, "sell": 2}})


def trades(count: int, start: int = 0) -> np.ndarray:
    """Trades that differ in every field, two of them at each nanosecond."""
    n = np.arange(start, start + count)
    rows = np.zeros(count, TRADE)
    rows["ts"] = T0 + n // 2
    rows["symbol"] = np.array([b"A", b"BCD", b"ABCDEFGH"])[n % 3]
    rows["price"] = 10_000 - 7 * n
    rows["qty"] = n
    rows["side"] = 1 + n % 2
    return rows


@pytest.fixture
def made(tmp_path: pathlib.Path) -> Callable[..., str]:
    """Makes a journal of so many trades, a hundred in a segment; gives its folder."""

    def make(count: int = 250, name: str = "trades", **said: Any) -> str:
        path = str(tmp_path / name)
        with slipring.create(path, TRADE, name="Trade", **SAID, segment_records=100, **said) as writer:
            assert writer.append(trades(count)) == range(count)
        return path

    return make


@pytest.fixture(scope="session")
def engine() -> Callable[..., str]:
    """Runs `examples/engine.rs`."""
    # With the whole workspace's features, as its tests have built it: one package alone would be built anew.
    program = built_by_cargo(HERE.parent.parent, "--workspace", "--example", "engine")
    if program is None:
        pytest.skip("cargo is not installed: no engine to replay with")

    def run(*words: object) -> str:
        done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run
