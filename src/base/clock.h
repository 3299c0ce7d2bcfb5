/* clock.h: two clocks. Monotonic milliseconds for durations; UTC text for records. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t
clock_ms(void);                         /* monotonic */
double
clock_seconds(void);                    /* the same clock, as fine as it is */

/* "2026-08-23T14:15:03.120Z", 24 characters and NUL. */
void
clock_utc(char out[32]);

/* The local time of what clock_utc() gave: "14:15" of today, "2026-08-23 14:15" of another day; "" when it is none. */
void
clock_local(const char *utc, char out[24]);

/* "20260823-141503" in UTC, for session ids; 15 characters and NUL. */
void
clock_stamp(char out[16]);

#endif
