// SPDX-License-Identifier: Apache-2.0
// When the records are due that close a silent partition's segments. Once an aborted transaction
// took them along, and they came an hour later only.
#include "roll.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define HOUR 3600000LL
#define START (497000 * HOUR)

static void each_slot_has_its_records_once_they_are_committed(void **state)
{
    (void)state;
    static const struct {
        int64_t at_ms;
        bool due;
        char then; /* c: commit, a: abort, blank: the transaction stays open */
    } rows[] = {
        {5, false, 'c'},             /* the slot of the start has its fences */
        {HOUR - 1, false, 'a'},      //
        {HOUR, true, ' '},           /* the next one */
        {HOUR + 1, false, 'c'},      /* once in a transaction */
        {HOUR + 2, false, 'c'},      //
        {2 * HOUR, true, 'a'},       /* they were taken back */
        {2 * HOUR + 3, true, 'a'},   //
        {2 * HOUR + 5, true, ' '},   //
        {2 * HOUR + 7, false, 'a'},  /* with what came behind them */
        {2 * HOUR + 9, true, 'c'},   //
        {2 * HOUR + 20, false, 'a'}, /* another's abort is not theirs */
        {2 * HOUR + 21, false, 'c'}, //
        {3 * HOUR - 1, false, ' '},  //
        {3 * HOUR, true, 'a'},       /* a slot that was missed whole is not made up for */
        {9 * HOUR, true, ' '},       //
        {10 * HOUR, true, 'c'},      /* two slots in one transaction */
        {10 * HOUR + 1, false, 'c'}, //
    };
    struct roll roll = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (roll_due(&roll, START + rows[i].at_ms, HOUR) != rows[i].due)
            fail_msg("row %zu: %s", i, rows[i].due ? "they were due" : "they were not due");
        if (rows[i].then == 'c')
            roll_committed(&roll);
        else if (rows[i].then == 'a')
            roll_aborted(&roll);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_slot_has_its_records_once_they_are_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
