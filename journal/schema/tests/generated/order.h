/* Written by slipring from the schema `Order`. Little-endian, as journals are. */
#ifndef SLIPRING_EVENT_ORDER_H
#define SLIPRING_EVENT_ORDER_H

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

struct Order_leg {
    /* Decimal, 4 digits behind the point. */
    int64_t px;
    uint32_t qty;
    uint8_t _pad[4];
};

struct Order_legs {
    /* Decimal, 4 digits behind the point. */
    int64_t px;
    uint32_t qty;
    uint8_t _pad[4];
};

struct Order_deep_leg {
    int8_t px;
};

struct Order_deep {
    struct Order_deep_leg leg;
};

struct Order_pair {
    /* Named `0` in the schema. */
    uint32_t field_0;
    /* Named `1` in the schema. */
    uint32_t field_1;
};

#define ORDER_MESSAGE_TAG_TICK UINT32_C(1)
#define ORDER_MESSAGE_TAG_HALT UINT32_C(2)

/* By tag: 1 Tick, 2 Halt. */
struct Order_message {
    uint32_t tag;
    uint8_t gap[4];
    union {
        double Tick;
        uint8_t bytes[8];
    } value;
};

#define ORDER_SIDE_BUY UINT8_C(1)
#define ORDER_SIDE_SELL_SHORT UINT8_C(2)
#define ORDER_SIDE_TYPE UINT8_C(3)
#define ORDER_SIDE_VALUE_ UINT8_C(4)
#define ORDER_STATE_LOW (-INT64_C(9223372036854775807) - 1)
#define ORDER_STATE_NONE INT64_C(0)
#define ORDER_STATE_HIGH INT64_C(9223372036854775807)

struct Order {
    /* Counts nanoseconds since 1970-01-01T00:00:00Z. */
    uint64_t ts;
    /* Counts milliseconds since 1970-01-01T00:00:00Z. */
    int64_t sent;
    /* Decimal, 20 digits behind the point. Unit: BTC. Default: 0. */
    __int128 size;
    /* UTF-8, filled up with zeros. In files: Ticker "symbol" * /. */
    uint8_t symbol[8];
    /* UTF-8, filled up with zeros. */
    uint8_t venues[2][4];
    /* One of: 1 buy, 2 sell short, 3 type, 4 é. Default: buy. */
    uint8_t side;
    uint8_t _pad[7];
    /* One of: -9223372036854775808 low, 0 none, 9223372036854775807 high. */
    int64_t state;
    /* Decimal, 2 digits behind the point. */
    int64_t price;
    /* 0 or 1. */
    uint8_t live;
    uint8_t raw[3];
    uint32_t type;
    float self;
    uint8_t _pad1[4];
    /* Named `bid-px` in the schema. */
    int64_t bid_px;
    /* Named `bid_px` in the schema. */
    double bid_px_2;
    /* Named `é` in the schema. */
    uint16_t field_;
    /* Named `class` in the schema. */
    uint16_t class_[3][2];
    uint8_t _pad2[10];
    unsigned __int128 id;
    /* `empty` has no bytes. */
    struct Order_leg leg;
    struct Order_legs legs[2][1];
    struct Order_deep deep;
    uint8_t _pad3[3];
    struct Order_pair pair;
    uint8_t _pad4[4];
    struct Order_message message;
};

/* As it lies in a segment. */
struct Order_record {
    struct slipring_record_header header;
    struct Order event;
};

SLIPRING_ASSERT(sizeof(struct Order) == 224);
SLIPRING_ASSERT(offsetof(struct Order_record, event) == 16);
SLIPRING_ASSERT(sizeof(struct Order_record) == 240);
SLIPRING_ASSERT(offsetof(struct Order, ts) == 0);
SLIPRING_ASSERT(offsetof(struct Order, sent) == 8);
SLIPRING_ASSERT(offsetof(struct Order, size) == 16);
SLIPRING_ASSERT(offsetof(struct Order, symbol) == 32);
SLIPRING_ASSERT(offsetof(struct Order, venues) == 40);
SLIPRING_ASSERT(offsetof(struct Order, side) == 48);
SLIPRING_ASSERT(offsetof(struct Order, _pad) == 49);
SLIPRING_ASSERT(offsetof(struct Order, state) == 56);
SLIPRING_ASSERT(offsetof(struct Order, price) == 64);
SLIPRING_ASSERT(offsetof(struct Order, live) == 72);
SLIPRING_ASSERT(offsetof(struct Order, raw) == 73);
SLIPRING_ASSERT(offsetof(struct Order, type) == 76);
SLIPRING_ASSERT(offsetof(struct Order, self) == 80);
SLIPRING_ASSERT(offsetof(struct Order, _pad1) == 84);
SLIPRING_ASSERT(offsetof(struct Order, bid_px) == 88);
SLIPRING_ASSERT(offsetof(struct Order, bid_px_2) == 96);
SLIPRING_ASSERT(offsetof(struct Order, field_) == 104);
SLIPRING_ASSERT(offsetof(struct Order, class_) == 106);
SLIPRING_ASSERT(offsetof(struct Order, _pad2) == 118);
SLIPRING_ASSERT(offsetof(struct Order, id) == 128);
SLIPRING_ASSERT(offsetof(struct Order_leg, px) == 0);
SLIPRING_ASSERT(offsetof(struct Order_leg, qty) == 8);
SLIPRING_ASSERT(offsetof(struct Order_leg, _pad) == 12);
SLIPRING_ASSERT(offsetof(struct Order, leg) == 144);
SLIPRING_ASSERT(offsetof(struct Order_legs, px) == 0);
SLIPRING_ASSERT(offsetof(struct Order_legs, qty) == 8);
SLIPRING_ASSERT(offsetof(struct Order_legs, _pad) == 12);
SLIPRING_ASSERT(offsetof(struct Order, legs) == 160);
SLIPRING_ASSERT(offsetof(struct Order_deep_leg, px) == 0);
SLIPRING_ASSERT(offsetof(struct Order_deep, leg) == 0);
SLIPRING_ASSERT(offsetof(struct Order, deep) == 192);
SLIPRING_ASSERT(offsetof(struct Order, _pad3) == 193);
SLIPRING_ASSERT(offsetof(struct Order_pair, field_0) == 0);
SLIPRING_ASSERT(offsetof(struct Order_pair, field_1) == 4);
SLIPRING_ASSERT(offsetof(struct Order, pair) == 196);
SLIPRING_ASSERT(offsetof(struct Order, _pad4) == 204);
SLIPRING_ASSERT(offsetof(struct Order_message, value) == 8);
SLIPRING_ASSERT(offsetof(struct Order, message) == 208);

#endif
