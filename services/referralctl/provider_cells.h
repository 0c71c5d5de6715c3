/* SPDX-License-Identifier: Apache-2.0 */
/* One row's cells on their way into a Provider record; for provider_rows.c and provider_cells.c
 * alone. Lists are added to what the record has. */
#ifndef REFERRALCTL_PROVIDER_CELLS_H
#define REFERRALCTL_PROVIDER_CELLS_H

#include "provider_rows.h"

struct cell_reading {
    const struct provider_columns *columns;
    const struct csv_row *row;
    struct record *record;
    struct reason *finding;
};

/* "" where there is no such column. */
const char *cell_value(const struct cell_reading *reading, enum provider_column column);
/* False, with the finding. */
bool cell_is_bad(const struct cell_reading *reading, enum provider_column column,
                 const char *expected);

bool cells_set_services(const struct cell_reading *reading);
bool cells_set_hours(const struct cell_reading *reading);
bool cells_set_special_days(const struct cell_reading *reading);
/* After the services. */
bool cells_set_accepting(const struct cell_reading *reading);
bool cells_set_capacity(const struct cell_reading *reading);

#endif
