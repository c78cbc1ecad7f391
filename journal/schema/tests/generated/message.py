# Written by slipring from the schema `MessageEvent`. One element is one record of a segment, the header
# included: np.memmap(segment, dtype, "r", records_at, capacity); where the records begin and end
# is in docs/reference/format.md. The sequence is not stored: it is the segment's base + index.
# The epoch is `_epoch_kind >> 4`, the kind `_epoch_kind & 15`: 1 for an event, 2 for a void record.
# numpy has no integers of 128 bits: they are their bytes, int.from_bytes(bytes(n), "little").
import numpy as np

# name, format, offset in the record
fields = [
    ("_time", "M8[ns]", 0),
    ("_epoch_kind", "<u4", 8),
    ("_crc", "<u4", 12),
    ("_variant", "<u4", 16),
    ("Add.ts", "M8[ns]", 32),  # Counts nanoseconds since 1970-01-01T00:00:00Z.
    ("Add.order", "<u8", 40),
    ("Add.price", "<i8", 48),  # Decimal, 2 digits behind the point.
    ("Cancel.ts", "M8[ns]", 32),  # Counts nanoseconds since 1970-01-01T00:00:00Z.
    ("Cancel.order", "<u8", 40),
    ("Cancel.why", "u1", 48),  # One of: 0 user, 1 market.
    ("Tick.0", "<i8", 32),  # Decimal, 9 digits behind the point. Unit: USD.
    ("Stop-all.0", ("<u4", (3,)), 32),
    ("Levels.0[0].px", "<i8", 32),
    ("Levels.0[0].qty", "<u4", 40),
    ("Levels.0[1].px", "<i8", 48),
    ("Levels.0[1].qty", "<u4", 56),
    ("Levels.0[2].px", "<i8", 64),
    ("Levels.0[2].qty", "<u4", 72),
    ("Inner._variant", "<u4", 32),
    ("Inner.Small.0", "u1", 48),
    ("Inner.Big.id", "V16", 48),
]

dtype = np.dtype({
    "names": [name for name, _, _ in fields],
    "formats": [format for _, format, _ in fields],
    "offsets": [offset for _, _, offset in fields],
    "itemsize": 80,
})

# digits behind the point: divide by 10 ** scale, or make decimal.Decimal(n).scaleb(-scale)
scales = {
    "Add.price": 2,
    "Tick.0": 9,
}

# the names of numbers
names = {
    "_variant": {1: "Add", 2: "Cancel", 3: "Heartbeat", 70000: "Tick", 5: "Stop-all", 6: "Levels", 7: "Inner"},
    "Cancel.why": {0: "user", 1: "market"},
    "Inner._variant": {1: "Small", 2: "Big"},
}
