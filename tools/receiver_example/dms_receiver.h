/*
 * Receives what the driver monitor sends: end-to-end check, time-outs, decoding. C99, no allocation,
 * no library beyond <stdbool.h>, <stddef.h>, <stdint.h>. docs/can.md is the contract.
 *
 * Copy dms_receiver.h, dms_receiver.c and dms_messages.h; feed every received frame to dms_receive
 * and read signals with dms_read. Time is a millisecond counter of the caller's that may wrap.
 */
#ifndef DMS_RECEIVER_H
#define DMS_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DMS_PAYLOAD 8u          /* bytes of a message; a CAN FD frame holds several */
#define DMS_COUNTER_MODULO 15u  /* the counter runs from 0 to 14 */
#define DMS_STEP_MAX 3u         /* two lost in a row are tolerated */
#define DMS_ERRORS_MAX 3u       /* so many bad ones in a row make the content invalid */

/* What the check of one message says. Only DMS_OK and DMS_LOST may be used. */
typedef enum {
    DMS_OK,
    DMS_INITIAL,   /* the first good one: nothing to compare its counter with */
    DMS_LOST,      /* good, but one or two before it are missing */
    DMS_JUMPED,    /* the counter moved too far: the sender restarted or was away */
    DMS_REPEATED,  /* the same counter again: frozen or replayed */
    DMS_WRONG_CRC, /* corrupted, of the wrong length, or a counter of 15 */
    DMS_VERDICTS
} DmsVerdict;

/* What a signal has, instead of a value or besides it. Never mix them up with 0. */
typedef enum {
    DMS_VALUE,
    DMS_UNKNOWN,      /* the monitor works, but cannot tell */
    DMS_INVALID,      /* broken: the monitor, its camera, or the way here */
    DMS_NOT_AVAILABLE /* no data: never heard, timed out, starting, stalled, shut down */
} DmsStatus;

typedef struct {
    DmsStatus status;
    uint32_t raw;
    float value; /* physical, in the signal's unit; 0 without a value */
} DmsValue;

typedef struct {
    const char *name;
    uint8_t start; /* lowest bit, in the 8 bytes as one little-endian number */
    uint8_t bits;
    float scale;
    float offset;
    uint32_t top;   /* largest raw value that means a number */
    uint64_t table; /* of a choice: one bit for each entry; 0: a number */
    uint32_t unknown;
    uint32_t invalid;
    uint32_t not_available;
} DmsSignal;

typedef struct {
    const char *name;
    uint16_t can_id;
    uint16_t data_id;
    uint16_t timeout_ms;
    const DmsSignal *signals;
    uint8_t count;
} DmsMessage;

/* A CAN FD frame and the messages in it, as indices into dms_messages. */
typedef struct {
    uint16_t can_id;
    uint16_t timeout_ms;
    uint8_t count;
    uint8_t parts[8];
} DmsContainer;

/* What is remembered of one message. Zeroed: nothing heard yet. */
typedef struct {
    uint8_t payload[DMS_PAYLOAD];
    bool synchronised; /* `counter` is that of the last good message */
    bool heard;        /* `payload` is that of a usable one */
    uint8_t counter;
    uint8_t errors; /* bad ones in a row */
    uint16_t timeout_ms;
    uint32_t heard_ms;
    uint32_t verdicts[DMS_VERDICTS];
    uint32_t late; /* times it came after its time-out */
} DmsState;

uint8_t dms_crc8(const uint8_t *data, size_t length, uint8_t crc);

/* Judges one message of 8 bytes and keeps it if it may be used. */
DmsVerdict dms_check(DmsState *state, uint16_t data_id, uint16_t timeout_ms, const uint8_t *data,
                     size_t length, uint32_t now_ms);

/* Takes one frame, classic or FD; `states` has one entry for each of dms_messages.
 * The number of messages in it that may be used; -1: the frame is not of the monitor. */
int dms_receive(DmsState *states, uint32_t can_id, const uint8_t *data, size_t length,
                uint32_t now_ms);

/* The present value of a signal of the message that `state` is of. */
DmsValue dms_read(const DmsState *state, const DmsSignal *signal, uint32_t now_ms);

#endif
