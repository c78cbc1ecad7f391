/* Written by slipring from the schema `Feed`. Little-endian, as journals are. */
#ifndef SLIPRING_EVENT_FEED_H
#define SLIPRING_EVENT_FEED_H

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

struct Feed_Words {
    uint64_t a;
    uint64_t b;
};

#define FEED_TAG_WORD UINT32_C(1)
#define FEED_TAG_WORDS UINT32_C(2)

/* By tag: 1 Word, 2 Words. */
struct Feed {
    uint32_t tag;
    uint8_t gap[12];
    union {
        uint64_t Word;
        struct Feed_Words Words;
        uint8_t bytes[16];
    } value;
};

/* As it lies in a segment. */
struct Feed_record {
    struct slipring_record_header header;
    struct Feed event;
};

SLIPRING_ASSERT(sizeof(struct Feed) == 32);
SLIPRING_ASSERT(offsetof(struct Feed_record, event) == 16);
SLIPRING_ASSERT(sizeof(struct Feed_record) == 48);
SLIPRING_ASSERT(offsetof(struct Feed_Words, a) == 0);
SLIPRING_ASSERT(offsetof(struct Feed_Words, b) == 8);
SLIPRING_ASSERT(offsetof(struct Feed, value) == 16);

#endif
