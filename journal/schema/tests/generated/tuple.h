/* Written by slipring from the schema `Pair`. Little-endian, as journals are. */
#ifndef SLIPRING_EVENT_PAIR_H
#define SLIPRING_EVENT_PAIR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define SLIPRING_ASSERT(truth) static_assert(truth, #truth)
#else
#define SLIPRING_ASSERT(truth) _Static_assert(truth, #truth)
#endif

#ifndef SLIPRING_RECORD_HEADER
#define SLIPRING_RECORD_HEADER
/* In front of every event. */
struct slipring_record_header {
    /* Journal time: nanoseconds since 1970-01-01T00:00:00Z. */
    uint64_t time_ns;
    /* Bits 0-3: kind, 1 for an event, 2 for a void record. Bits 4-31: epoch. */
    uint32_t epoch_kind;
    /* CRC-32C; docs/reference/format.md says over what. */
    uint32_t crc;
};
#endif

struct Pair {
    /* Named `0` in the schema. Counts microseconds since 1970-01-01T00:00:00Z. */
    uint64_t field_0;
    /* Named `1` in the schema. */
    int32_t field_1[2];
};

/* As it lies in a segment. */
struct Pair_record {
    struct slipring_record_header header;
    struct Pair event;
};

SLIPRING_ASSERT(sizeof(struct Pair) == 16);
SLIPRING_ASSERT(offsetof(struct Pair_record, event) == 16);
SLIPRING_ASSERT(sizeof(struct Pair_record) == 32);
SLIPRING_ASSERT(offsetof(struct Pair, field_0) == 0);
SLIPRING_ASSERT(offsetof(struct Pair, field_1) == 8);

#endif
