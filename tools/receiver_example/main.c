/*
 * Reads a candump log (candump -L, classic and FD) from stdin and says what a receiver believes:
 * without arguments each change of the alert and the counters at the end; with --values every signal
 * after every frame. An example of the use of dms_receiver.h, and what the tests run.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dms_messages.h"

static DmsState states[DMS_MESSAGES];

static const char *const STATUS[] = {"value", "unknown", "invalid", "not available"};
static const char *const VERDICT[] = {"ok",     "initial",  "lost",
                                      "jumped", "repeated", "wrong_crc"};

/* `(1.250000) can0 320#6E15...` or `... 330##1...`; false: another kind of line. */
static bool parse(const char *line, uint32_t *now_ms, uint32_t *can_id, uint8_t *data,
                  size_t *length)
{
    double seconds = 0.0;
    unsigned id = 0;
    int at = 0;
    if (sscanf(line, "(%lf) %*s %x#%n", &seconds, &id, &at) != 2 || at == 0) {
        return false;
    }
    const char *text = line + at;
    if (text[0] == '#' && text[1] != '\0') {
        text += 2; /* FD: a second # and a digit of flags */
    }
    *length = 0;
    unsigned byte = 0;
    while (*length < 64u && sscanf(text, "%2x", &byte) == 1) {
        data[(*length)++] = (uint8_t)byte;
        text += strlen(text) < 2u ? strlen(text) : 2u;
    }
    *now_ms = (uint32_t)(uint64_t)(seconds * 1000.0 + 0.5);
    *can_id = id;
    return true;
}

static void print_values(uint32_t now_ms)
{
    for (unsigned m = 0; m < DMS_MESSAGES; m++) {
        for (unsigned s = 0; s < dms_messages[m].count; s++) {
            const DmsSignal *signal = &dms_messages[m].signals[s];
            const DmsValue v = dms_read(&states[m], signal, now_ms);
            printf("%" PRIu32 " %s %s %" PRIu32 " %.9g\n", now_ms, signal->name, STATUS[v.status],
                   v.raw, (double)v.value);
        }
    }
}

static void print_alert(uint32_t now_ms)
{
    static uint32_t before = UINT32_MAX;
    const DmsValue kind =
        dms_read(&states[DMS_ALERT], &dms_alert_signals[DMS_IN_ALERT_KIND], now_ms);
    const DmsValue level =
        dms_read(&states[DMS_ALERT], &dms_alert_signals[DMS_IN_ALERT_LEVEL], now_ms);
    const uint32_t now = kind.raw << 8 | level.raw;
    if (now != before) {
        printf("%" PRIu32 " ms  alert kind %" PRIu32 " (%s), level %" PRIu32 " (%s)\n", now_ms,
               kind.raw, STATUS[kind.status], level.raw, STATUS[level.status]);
        before = now;
    }
}

static void print_counters(void)
{
    for (unsigned m = 0; m < DMS_MESSAGES; m++) {
        printf("%s", dms_messages[m].name);
        for (unsigned v = 0; v < DMS_VERDICTS; v++) {
            printf(" %s=%" PRIu32, VERDICT[v], states[m].verdicts[v]);
        }
        printf(" late=%" PRIu32 "\n", states[m].late);
    }
}

int main(int argc, char **argv)
{
    const bool values = argc > 1 && strcmp(argv[1], "--values") == 0;
    char line[512];
    uint8_t data[64];
    while (fgets(line, sizeof line, stdin)) {
        uint32_t now_ms = 0;
        uint32_t can_id = 0;
        size_t length = 0;
        if (!parse(line, &now_ms, &can_id, data, &length)) {
            continue;
        }
        (void)dms_receive(states, can_id, data, length, now_ms);
        if (values) {
            print_values(now_ms);
        } else {
            print_alert(now_ms);
        }
    }
    print_counters();
    return 0;
}
