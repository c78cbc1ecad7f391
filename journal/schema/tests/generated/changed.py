# Written by slipring from the schema `Fill`. One element is one record of a segment, the header
# included: np.memmap(segment, dtype, "r", records_at, capacity); where the records begin and end
# is in docs/reference/format.md. The sequence is not stored: it is the segment's base + index.
# The epoch is `_epoch_kind >> 4`, the kind `_epoch_kind & 15`: 1 for an event, 2 for a void record.
import numpy as np

# name, format, offset in the record
fields = [
    ("_time", "M8[ns]", 0),
    ("_epoch_kind", "<u4", 8),
    ("_crc", "<u4", 12),
    ("id", "<u8", 16),
    ("price", "<i8", 24),  # Decimal, 2 digits behind the point.
    ("legs[0].price", "<i8", 32),
    ("legs[0].qty", "<u8", 40),
    ("legs[1].price", "<i8", 48),
    ("legs[1].qty", "<u8", 56),
    ("last.price", "<i8", 64),
    ("last.qty", "<u8", 72),
    ("place.venue", "<u8", 80),
    ("place.desk.floor", "<u8", 88),
    ("place.desk.seat", "<u8", 96),
    ("what._variant", "<u4", 104),
    ("what.Buy.0", "<u8", 112),
]

dtype = np.dtype({
    "names": [name for name, _, _ in fields],
    "formats": [format for _, format, _ in fields],
    "offsets": [offset for _, _, offset in fields],
    "itemsize": 120,
})

# digits behind the point: divide by 10 ** scale, or make decimal.Decimal(n).scaleb(-scale)
scales = {
    "price": 2,
}

# the names of numbers
names = {
    "what._variant": {1: "Buy", 2: "Sell"},
}
