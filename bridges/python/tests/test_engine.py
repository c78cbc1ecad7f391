"""What a notebook writes, a Rust engine replays."""

import numpy as np
import slipring
from conftest import T0, trades


def test_an_engine_replays_what_python_wrote(engine, made):
    path = made(250)
    wrote = trades(250)
    value = int((wrote["price"] * wrote["qty"].astype("i8")).sum())
    assert engine("replay", path) == f"250 {value} {wrote['symbol'][-1].decode()}"
    later = wrote[wrote["ts"] >= np.datetime64(T0 + 100, "ns")]
    value = int((later["price"] * later["qty"].astype("i8")).sum())
    assert engine("replay", path, T0 + 100) == f"{len(later)} {value} {later['symbol'][-1].decode()}"
    assert len(slipring.open(path).read(from_=T0 + 100)) == len(later)
