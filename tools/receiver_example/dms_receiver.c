/* See dms_receiver.h. */
#include "dms_messages.h"

/* Polynomial 0x1D, not reflected, no final XOR: AUTOSAR E2E Profile 11 starts from 0x00. */
uint8_t dms_crc8(const uint8_t *data, size_t length, uint8_t crc)
{
    for (size_t i = 0; i < length; i++) {
        crc = (uint8_t)(crc ^ data[i]);
        for (int bit = 0; bit < 8; bit++) {
            const unsigned shifted = (unsigned)crc << 1;
            crc = (uint8_t)((crc & 0x80u) ? shifted ^ 0x1Du : shifted);
        }
    }
    return crc;
}

/* The CRC covers the data ID, low byte first, and everything behind the CRC itself. */
static bool crc_fits(uint16_t data_id, const uint8_t *data)
{
    const uint8_t id[2] = {(uint8_t)(data_id & 0xFFu), (uint8_t)(data_id >> 8)};
    return data[0] == dms_crc8(data + 1, DMS_PAYLOAD - 1u, dms_crc8(id, 2u, 0u));
}

static bool timed_out(const DmsState *state, uint32_t now_ms)
{
    return now_ms - state->heard_ms > state->timeout_ms; /* unsigned: right across a wrap */
}

static DmsVerdict judge(DmsState *state, uint16_t data_id, const uint8_t *data, size_t length)
{
    if (length != DMS_PAYLOAD || !crc_fits(data_id, data)) {
        return DMS_WRONG_CRC;
    }
    const uint8_t counter = data[1] & 0x0Fu;
    if (counter >= DMS_COUNTER_MODULO) {
        return DMS_WRONG_CRC;
    }
    const bool first = !state->synchronised;
    const unsigned step =
        (counter + DMS_COUNTER_MODULO - state->counter) % DMS_COUNTER_MODULO;
    state->synchronised = true;
    state->counter = counter;
    if (first) {
        return DMS_INITIAL;
    }
    if (step == 0u) {
        return DMS_REPEATED;
    }
    if (step == 1u) {
        return DMS_OK;
    }
    return step <= DMS_STEP_MAX ? DMS_LOST : DMS_JUMPED;
}

DmsVerdict dms_check(DmsState *state, uint16_t data_id, uint16_t timeout_ms, const uint8_t *data,
                     size_t length, uint32_t now_ms)
{
    if (state->heard && timed_out(state, now_ms)) { /* counters are compared anew */
        state->late++;
        state->heard = state->synchronised = false;
    }
    const DmsVerdict verdict = judge(state, data_id, data, length);
    state->verdicts[verdict]++;
    if (verdict == DMS_OK || verdict == DMS_LOST) {
        for (size_t i = 0; i < DMS_PAYLOAD; i++) {
            state->payload[i] = data[i];
        }
        state->heard = true;
        state->heard_ms = now_ms;
        state->timeout_ms = timeout_ms;
        state->errors = 0u;
    } else if (verdict != DMS_INITIAL && state->errors < DMS_ERRORS_MAX) {
        state->errors++;
    }
    return verdict;
}

static int take(DmsState *states, unsigned index, uint16_t timeout_ms, const uint8_t *data,
                size_t length, uint32_t now_ms)
{
    const DmsVerdict verdict = dms_check(&states[index], dms_messages[index].data_id, timeout_ms,
                                         data, length, now_ms);
    return verdict == DMS_OK || verdict == DMS_LOST;
}

int dms_receive(DmsState *states, uint32_t can_id, const uint8_t *data, size_t length,
                uint32_t now_ms)
{
    for (unsigned i = 0; i < DMS_MESSAGES; i++) {
        if (dms_messages[i].can_id == can_id) {
            return take(states, i, dms_messages[i].timeout_ms, data, length, now_ms);
        }
    }
    for (unsigned c = 0; c < DMS_CONTAINERS; c++) {
        const DmsContainer *frame = &dms_containers[c];
        if (frame->can_id != can_id) {
            continue;
        }
        const bool whole = length == (size_t)frame->count * DMS_PAYLOAD;
        int usable = 0;
        for (unsigned i = 0; i < frame->count; i++) {
            usable += take(states, frame->parts[i], frame->timeout_ms,
                           whole ? data + (size_t)i * DMS_PAYLOAD : data,
                           whole ? DMS_PAYLOAD : 0u, now_ms);
        }
        return usable;
    }
    return -1;
}

static DmsValue decoded(const DmsState *state, const DmsSignal *signal)
{
    uint64_t word = 0;
    for (unsigned i = DMS_PAYLOAD; i-- > 0u;) {
        word = word << 8 | state->payload[i];
    }
    const uint32_t raw = (uint32_t)(word >> signal->start & ((1ull << signal->bits) - 1u));
    const bool listed = signal->table == 0u || (raw < 64u && (signal->table >> raw & 1u));
    DmsValue found = {DMS_VALUE, raw, 0.0f};
    if (raw == signal->unknown) {
        found.status = DMS_UNKNOWN;
    } else if (raw == signal->not_available) {
        found.status = DMS_NOT_AVAILABLE;
    } else if (raw == signal->invalid || raw > signal->top || !listed) {
        found.status = DMS_INVALID;
    } else {
        found.value = (float)raw * signal->scale + signal->offset;
    }
    return found;
}

DmsValue dms_read(const DmsState *state, const DmsSignal *signal, uint32_t now_ms)
{
    if (!state->heard || timed_out(state, now_ms)) {
        const DmsValue none = {DMS_NOT_AVAILABLE, signal->not_available, 0.0f};
        return none;
    }
    if (state->errors >= DMS_ERRORS_MAX) {
        const DmsValue broken = {DMS_INVALID, signal->invalid, 0.0f};
        return broken;
    }
    return decoded(state, signal);
}
