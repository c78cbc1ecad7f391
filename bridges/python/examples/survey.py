"""What people keep events in, and the same on a journal. Cells as a notebook has them; a test runs all of it.

python survey.py [FOLDER]
"""

# %% A journal of events: made once, from a numpy dtype
import csv
import heapq
import io
import itertools
import json
import pathlib
import pickle
import sqlite3
import sys
import tempfile
from collections import OrderedDict, deque

import numpy as np
import slipring

folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
T0 = 1_700_000_000_000_000_000  # Nanoseconds since 1970.
EVENT = [("timestamp", "M8[ns]"), ("user", "u8"), ("amount", "i8"), ("kind", "u1")]
KINDS = ["USER_LOGIN", "PAYMENT", "USER_LOGOUT"]

events = np.zeros(1000, EVENT)
n = np.arange(1000)
events["timestamp"] = T0 + n // 3  # Three at each nanosecond.
events["user"], events["amount"], events["kind"] = n % 17, 1250 + n, n % 3

path = folder / "events"
with slipring.create(
    path, EVENT, name="UserEvent", time="timestamp", decimals={"amount": 2}, enums={"kind": KINDS}
) as writer:
    writer.append(events)
journal = slipring.open(path)

# %% deque(maxlen=n): the last n events; here they are still there after a restart
last = deque(events.tolist(), maxlen=5)
kept = journal.read(last=5)
assert kept["amount"].tolist() == [amount for _, _, amount, _ in last]

# %% heapq: sources merged by time, equal times in the order of the sources
left, right = events[::2], events[1::2]
merged = list(heapq.merge(left.tolist(), right.tolist(), key=lambda event: event[0]))
order = np.argsort(np.concatenate([left["timestamp"], right["timestamp"]]), kind="stable")
both = np.concatenate([left, right])[order]
with slipring.create(folder / "merged", EVENT, name="UserEvent", time="timestamp") as writer:
    writer.append(both)
    assert writer.regressions == 0
rows = slipring.open(folder / "merged").read()
assert rows["user"].tolist() == [user for _, user, _, _ in merged]

# %% An LRU cache of the last event of each user: gone with its process; a journal makes it again
CAPACITY = 8


def touched(cache, user, event):
    cache[user] = event
    cache.move_to_end(user)
    if len(cache) > CAPACITY:
        cache.popitem(last=False)


live = OrderedDict()
for _, user, amount, _ in events.tolist():
    touched(live, user, amount)
again = OrderedDict()
for rows in journal.follow(from_sequence=0, timeout=0):
    for user, amount in zip(rows["user"].tolist(), rows["amount"].tolist()):
        touched(again, user, amount)
assert list(again.items()) == list(live.items())

# %% pickle: the whole list is written again for one event more, and read as a whole
blob = pickle.dumps(events.tolist())
with slipring.append_to(path) as writer:
    writer.append([(np.datetime64(T0 + 400, "ns"), 3, 999, 1)])  # One event more is one event written.
journal.refresh()
assert len(pickle.loads(blob)) + 1 == len(journal) == 1001
assert journal.read(last=1)["amount"][0] == 999

# %% JSON lines: 19 digits are no double; the journal's numbers and times are exact both ways
names = dict(enumerate(KINDS))
lines = [
    json.dumps({"timestamp": int(row["timestamp"].astype("i8")), "user": int(row["user"]),
                "amount": int(row["amount"]), "kind": names[int(row["kind"])]})
    for row in journal.read(last=3)
]  # fmt: skip
back = [json.loads(line) for line in lines]
with slipring.create(folder / "from-json", journal.schema) as writer:
    writer.append({name: [line[name] for line in back] for name in back[0]})
fields = ["timestamp", "user", "amount", "kind"]
assert (slipring.open(folder / "from-json").read()[fields] == journal.read(last=3)[fields]).all()

# %% CSV: times parsed as integers, decimals as decimals
text = io.StringIO("timestamp,event_type,user,amount\n1700000001,USER_LOGIN,17,0.00\n1700000002,PAYMENT,17,12.50\n")
from decimal import Decimal  # noqa: E402

table = list(csv.DictReader(text))
with slipring.create(folder / "from-csv", journal.schema) as writer:
    writer.append(
        {
            "timestamp": np.array([int(row["timestamp"]) for row in table], "M8[s]"),
            "user": [int(row["user"]) for row in table],
            "amount": [Decimal(row["amount"]) for row in table],
            "kind": [row["event_type"] for row in table],
        }
    )
assert slipring.open(folder / "from-csv").read()["amount"].tolist() == [0, 1250]

# %% SQLite: SELECT .. WHERE timestamp >= ? is read(from_=..)
rows = journal.read()
database = sqlite3.connect(":memory:")
database.execute("CREATE TABLE events (sequence INTEGER PRIMARY KEY, timestamp INTEGER, user INTEGER, amount INTEGER)")
columns = [rows["_sequence"], rows["timestamp"].astype("i8"), rows["user"], rows["amount"]]
database.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", zip(*(column.tolist() for column in columns)))
for t in [T0 - 1, T0, T0 + 7, T0 + 8, T0 + 333, T0 + 400, T0 + 401]:
    found = database.execute("SELECT sequence FROM events WHERE timestamp >= ? ORDER BY sequence", (t,))
    assert journal.read(from_=t)["_sequence"].tolist() == [sequence for (sequence,) in found]

# %% pandas: frame[frame.timestamp >= t], to the nanosecond
try:
    import pandas as pd
    import pyarrow  # noqa: F401
except ImportError as error:
    print("left out, for want of a package:", error)
else:
    frame = journal.to_pandas()
    for t in [T0, T0 + 7, T0 + 8, T0 + 400, T0 + 401]:
        stamp = pd.Timestamp(t, tz="UTC")
        assert frame[frame.timestamp >= stamp]._sequence.tolist() == journal.read(from_=stamp)["_sequence"].tolist()
    # What was a frame is a journal again.
    with slipring.create(folder / "from-pandas", journal.schema) as writer:
        writer.append(frame)
    assert (slipring.open(folder / "from-pandas").read()[fields] == journal.read()[fields]).all()

# %% A running window over history, batch by batch: what would be rolling(3).mean() of a frame
window, means = deque(maxlen=3), []
for rows in journal.follow(from_sequence=0, timeout=0, fields=["amount"]):
    for amount in itertools.chain(rows["amount"].tolist()):
        window.append(amount)
        means.append(sum(window) / len(window))
assert len(means) == len(journal)

print(f"{len(journal)} events in {path}, every one verified: {bool(journal.verify())}")
