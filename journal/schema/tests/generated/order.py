# Written by slipring from the schema `Order`. One element is one record of a segment, the header
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
    ("ts", "M8[ns]", 16),  # Counts nanoseconds since 1970-01-01T00:00:00Z.
    ("sent", "M8[ms]", 24),  # Counts milliseconds since 1970-01-01T00:00:00Z.
    ("size", "V16", 32),  # Decimal, 20 digits behind the point. Unit: BTC. Default: 0.
    ("symbol", "S8", 48),  # UTF-8, filled up with zeros. In files: Ticker "symbol" * /.
    ("venues", ("S4", (2,)), 56),  # UTF-8, filled up with zeros.
    ("side", "u1", 64),  # One of: 1 buy, 2 sell short, 3 type, 4 é. Default: buy.
    ("state", "<i8", 72),  # One of: -9223372036854775808 low, 0 none, 9223372036854775807 high.
    ("price", "<i8", 80),  # Decimal, 2 digits behind the point.
    ("live", "?", 88),  # 0 or 1.
    ("raw", ("u1", (3,)), 89),
    ("type", "<u4", 92),
    ("self", "<f4", 96),
    ("bid-px", "<i8", 104),
    ("bid_px", "<f8", 112),
    ("\U000000e9", "<u2", 120),
    ("class", ("<u2", (3, 2,)), 122),
    ("id", "V16", 144),
    ("leg.px", "<i8", 160),  # Decimal, 4 digits behind the point.
    ("leg.qty", "<u4", 168),
    ("legs[0][0].px", "<i8", 176),  # Decimal, 4 digits behind the point.
    ("legs[0][0].qty", "<u4", 184),
    ("legs[1][0].px", "<i8", 192),  # Decimal, 4 digits behind the point.
    ("legs[1][0].qty", "<u4", 200),
    ("deep.leg.px", "i1", 208),
    ("pair.0", "<u4", 212),
    ("pair.1", "<u4", 216),
    ("message._variant", "<u4", 224),
    ("message.Tick.0", "<f8", 232),
]

dtype = np.dtype({
    "names": [name for name, _, _ in fields],
    "formats": [format for _, format, _ in fields],
    "offsets": [offset for _, _, offset in fields],
    "itemsize": 240,
})

# digits behind the point: divide by 10 ** scale, or make decimal.Decimal(n).scaleb(-scale)
scales = {
    "size": 20,
    "price": 2,
    "leg.px": 4,
    "legs[0][0].px": 4,
    "legs[1][0].px": 4,
}

# the names of numbers
names = {
    "side": {1: "buy", 2: "sell short", 3: "type", 4: "\U000000e9"},
    "state": {-9223372036854775808: "low", 0: "none", 9223372036854775807: "high"},
    "message._variant": {1: "Tick", 2: "Halt"},
}
