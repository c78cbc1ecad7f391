/* Written by slipring from the schema `tick-v2`. Little-endian, as journals are. */
#ifndef SLIPRING_EVENT_TICK_V2_H
#define SLIPRING_EVENT_TICK_V2_H

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

#pragma pack(push, 1)

struct tick_v2_leg {
    uint8_t a;
    uint32_t b;
};

struct tick_v2 {
    uint8_t kind;
    int64_t price;
    struct tick_v2_leg leg;
};

#pragma pack(pop)

/* As it lies in a segment. */
struct tick_v2_record {
    struct slipring_record_header header;
    struct tick_v2 event;
    uint8_t zeros[2];
};

SLIPRING_ASSERT(sizeof(struct tick_v2) == 14);
SLIPRING_ASSERT(offsetof(struct tick_v2_record, event) == 16);
SLIPRING_ASSERT(sizeof(struct tick_v2_record) == 32);
SLIPRING_ASSERT(offsetof(struct tick_v2, kind) == 0);
SLIPRING_ASSERT(offsetof(struct tick_v2, price) == 1);
SLIPRING_ASSERT(offsetof(struct tick_v2_leg, a) == 0);
SLIPRING_ASSERT(offsetof(struct tick_v2_leg, b) == 1);
SLIPRING_ASSERT(offsetof(struct tick_v2, leg) == 9);

#endif
