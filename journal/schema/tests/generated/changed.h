/* Written by slipring from the schema `Fill`. Little-endian, as journals are. */
#ifndef SLIPRING_EVENT_FILL_H
#define SLIPRING_EVENT_FILL_H

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

struct Fill_legs {
    int64_t price;
    uint64_t qty;
};

struct Fill_last {
    int64_t price;
    uint64_t qty;
};

struct Fill_place_desk {
    uint64_t floor;
    uint64_t seat;
};

struct Fill_place {
    uint64_t venue;
    struct Fill_place_desk desk;
};

#define FILL_WHAT_TAG_BUY UINT32_C(1)
#define FILL_WHAT_TAG_SELL UINT32_C(2)

/* By tag: 1 Buy, 2 Sell. */
struct Fill_what {
    uint32_t tag;
    uint8_t gap[4];
    union {
        uint64_t Buy;
        uint8_t bytes[8];
    } value;
};

struct Fill {
    uint64_t id;
    /* Decimal, 2 digits behind the point. */
    int64_t price;
    struct Fill_legs legs[2];
    struct Fill_last last;
    struct Fill_place place;
    struct Fill_what what;
};

/* As it lies in a segment. */
struct Fill_record {
    struct slipring_record_header header;
    struct Fill event;
};

SLIPRING_ASSERT(sizeof(struct Fill) == 104);
SLIPRING_ASSERT(offsetof(struct Fill_record, event) == 16);
SLIPRING_ASSERT(sizeof(struct Fill_record) == 120);
SLIPRING_ASSERT(offsetof(struct Fill, id) == 0);
SLIPRING_ASSERT(offsetof(struct Fill, price) == 8);
SLIPRING_ASSERT(offsetof(struct Fill_legs, price) == 0);
SLIPRING_ASSERT(offsetof(struct Fill_legs, qty) == 8);
SLIPRING_ASSERT(offsetof(struct Fill, legs) == 16);
SLIPRING_ASSERT(offsetof(struct Fill_last, price) == 0);
SLIPRING_ASSERT(offsetof(struct Fill_last, qty) == 8);
SLIPRING_ASSERT(offsetof(struct Fill, last) == 48);
SLIPRING_ASSERT(offsetof(struct Fill_place, venue) == 0);
SLIPRING_ASSERT(offsetof(struct Fill_place_desk, floor) == 0);
SLIPRING_ASSERT(offsetof(struct Fill_place_desk, seat) == 8);
SLIPRING_ASSERT(offsetof(struct Fill_place, desk) == 8);
SLIPRING_ASSERT(offsetof(struct Fill, place) == 64);
SLIPRING_ASSERT(offsetof(struct Fill_what, value) == 8);
SLIPRING_ASSERT(offsetof(struct Fill, what) == 88);

#endif
