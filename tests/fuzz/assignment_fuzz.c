/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what a group has given to a member: of one topic it is no more than of all. */
#include "kafka/assignment.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int all = assignment_count(data, size, NULL);
    const int one = assignment_count(data, size, "deliveries");

    if ((all < 0) != (one < 0) || one > all || (size_t)(all < 0 ? 0 : all) > size / 4)
        abort();
    return 0;
}
