/* Written by slipring from the schema `MessageEvent`. Little-endian, as journals are. */
#ifndef SLIPRING_EVENT_MESSAGEEVENT_H
#define SLIPRING_EVENT_MESSAGEEVENT_H

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

#ifndef __SIZEOF_INT128__
#error "this event has integers of 128 bits"
#endif

struct MessageEvent_Add {
    /* Counts nanoseconds since 1970-01-01T00:00:00Z. */
    uint64_t ts;
    uint64_t order;
    /* Decimal, 2 digits behind the point. */
    int64_t price;
};

#define MESSAGEEVENT_CANCEL_WHY_USER UINT8_C(0)
#define MESSAGEEVENT_CANCEL_WHY_MARKET UINT8_C(1)

struct MessageEvent_Cancel {
    /* Counts nanoseconds since 1970-01-01T00:00:00Z. */
    uint64_t ts;
    uint64_t order;
    /* One of: 0 user, 1 market. */
    uint8_t why;
    uint8_t _pad[7];
};

struct MessageEvent_Levels {
    int64_t px;
    uint32_t qty;
    uint8_t _pad[4];
};

struct MessageEvent_Inner_Big {
    unsigned __int128 id;
};

#define MESSAGEEVENT_INNER_TAG_SMALL UINT32_C(1)
#define MESSAGEEVENT_INNER_TAG_BIG UINT32_C(2)

/* By tag: 1 Small, 2 Big. */
struct MessageEvent_Inner {
    uint32_t tag;
    uint8_t gap[12];
    union {
        uint8_t Small;
        struct MessageEvent_Inner_Big Big;
        uint8_t bytes[16];
    } value;
};

#define MESSAGEEVENT_TAG_ADD UINT32_C(1)
#define MESSAGEEVENT_TAG_CANCEL UINT32_C(2)
#define MESSAGEEVENT_TAG_HEARTBEAT UINT32_C(3)
#define MESSAGEEVENT_TAG_TICK UINT32_C(70000)
#define MESSAGEEVENT_TAG_STOP_ALL UINT32_C(5)
#define MESSAGEEVENT_TAG_LEVELS UINT32_C(6)
#define MESSAGEEVENT_TAG_INNER UINT32_C(7)

/* By tag: 1 Add, 2 Cancel, 3 Heartbeat, 70000 Tick, 5 Stop-all, 6 Levels, 7 Inner. */
struct MessageEvent {
    uint32_t tag;
    uint8_t gap[12];
    union {
        struct MessageEvent_Add Add;
        struct MessageEvent_Cancel Cancel;
        /* Decimal, 9 digits behind the point. Unit: USD. */
        int64_t Tick;
        uint32_t Stop_all[3];
        struct MessageEvent_Levels Levels[3];
        struct MessageEvent_Inner Inner;
        uint8_t bytes[48];
    } value;
};

/* As it lies in a segment. */
struct MessageEvent_record {
    struct slipring_record_header header;
    struct MessageEvent event;
};

SLIPRING_ASSERT(sizeof(struct MessageEvent) == 64);
SLIPRING_ASSERT(offsetof(struct MessageEvent_record, event) == 16);
SLIPRING_ASSERT(sizeof(struct MessageEvent_record) == 80);
SLIPRING_ASSERT(offsetof(struct MessageEvent_Add, ts) == 0);
SLIPRING_ASSERT(offsetof(struct MessageEvent_Add, order) == 8);
SLIPRING_ASSERT(offsetof(struct MessageEvent_Add, price) == 16);
SLIPRING_ASSERT(offsetof(struct MessageEvent_Cancel, ts) == 0);
SLIPRING_ASSERT(offsetof(struct MessageEvent_Cancel, order) == 8);
SLIPRING_ASSERT(offsetof(struct MessageEvent_Cancel, why) == 16);
SLIPRING_ASSERT(offsetof(struct MessageEvent_Cancel, _pad) == 17);
SLIPRING_ASSERT(offsetof(struct MessageEvent_Levels, px) == 0);
SLIPRING_ASSERT(offsetof(struct MessageEvent_Levels, qty) == 8);
SLIPRING_ASSERT(offsetof(struct MessageEvent_Levels, _pad) == 12);
SLIPRING_ASSERT(offsetof(struct MessageEvent_Inner_Big, id) == 0);
SLIPRING_ASSERT(offsetof(struct MessageEvent_Inner, value) == 16);
SLIPRING_ASSERT(offsetof(struct MessageEvent, value) == 16);

#endif
