# Written by slipring from the schema `Pair`. One element is one record of a segment, the header
# included: np.memmap(segment, dtype, "r", records_at, capacity); where the records begin and end
# is in docs/reference/format.md. The sequence is not stored: it is the segment's base + index.
# The epoch is `_epoch_kind >> 4`, the kind `_epoch_kind & 15`: 1 for an event, 2 for a void record.
import numpy as np

# name, format, offset in the record
fields = [
    ("_time", "M8[ns]", 0),
    ("_epoch_kind", "<u4", 8),
    ("_crc", "<u4", 12),
    ("0", "M8[us]", 16),  # Counts microseconds since 1970-01-01T00:00:00Z.
    ("1", ("<i4", (2,)), 24),
]

dtype = np.dtype({
    "names": [name for name, _, _ in fields],
    "formats": [format for _, format, _ in fields],
    "offsets": [offset for _, _, offset in fields],
    "itemsize": 32,
})

# digits behind the point: divide by 10 ** scale, or make decimal.Decimal(n).scaleb(-scale)
scales = {
}

# the names of numbers
names = {
}
