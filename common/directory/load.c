/* SPDX-License-Identifier: Apache-2.0 */
/* A decision of our own is known by its event's id until that event has been read back: whichever
 * of commit, abort and reading back comes first, it counts once, and a commit in doubt that did
 * arrive is counted when its event is read. */
#include "directory/load.h"

#include "base/map.h"
#include "base/text.h"
#include "ids/formats.h"

#include <stdlib.h>
#include <string.h>

#define KEY_SIZE (ODS_CODE_SIZE + 48)
#define UNDECIDED_FIRST 256

struct decided {
    struct uuid event;
    int32_t *counter;
};

struct load {
    int32_t day;
    struct map *counters; /* "ODS service" -> int32_t */
    struct map *own;      /* event ids, not yet read back */
    struct decided *undecided;
    size_t undecided_count, undecided_capacity;
    uint64_t left_out;
};

struct load *load_new(void)
{
    struct load *load = calloc(1, sizeof *load);
    if (load == NULL)
        return NULL;
    load->day = INT32_MIN;
    load->counters = map_new(LOAD_COUNTERS_MAX);
    load->own = map_new(LOAD_OWN_MAX);
    if (load->counters == NULL || load->own == NULL) {
        load_free(load);
        return NULL;
    }
    return load;
}

void load_free(struct load *load)
{
    if (load == NULL)
        return;
    if (load->counters != NULL)
        map_free(load->counters, free);
    if (load->own != NULL)
        map_free(load->own, NULL);
    free(load->undecided);
    free(load);
}

/* False for a day that is over. What was decided yesterday and is not committed yet counts nowhere
 * any more, and so has nothing to be undone. */
static bool turn_to(struct load *load, int32_t day)
{
    if (day <= load->day)
        return day == load->day;
    struct map *fresh = map_new(LOAD_COUNTERS_MAX);
    if (fresh == NULL)
        return false;
    map_free(load->counters, free);
    load->counters = fresh;
    while (load->undecided_count > 0) {
        const struct uuid *event = &load->undecided[--load->undecided_count].event;
        (void)map_remove(load->own, event->bytes, sizeof event->bytes);
    }
    load->day = day;
    return true;
}

static size_t key_of(char key[KEY_SIZE], const char *ods_code, const char *service)
{
    size_t length = strnlen(ods_code, ODS_CODE_SIZE - 1);
    memcpy(key, ods_code, length);
    key[length++] = ' ';
    (void)text_copy(key + length, KEY_SIZE - length, service);
    return length + strlen(key + length);
}

/* NULL if there is no more room. */
static int32_t *counter_of(struct load *load, const char *ods_code, const char *service)
{
    char key[KEY_SIZE];
    size_t length = key_of(key, ods_code, service);
    int32_t *counter = map_get(load->counters, key, length);
    if (counter != NULL)
        return counter;
    counter = calloc(1, sizeof *counter);
    if (counter != NULL && !map_set(load->counters, key, length, counter, NULL)) {
        free(counter);
        return NULL;
    }
    return counter;
}

void load_read(struct load *load, const struct uuid *event, int32_t day, const char *ods_code,
               const char *service)
{
    if (map_remove(load->own, event->bytes, sizeof event->bytes) != NULL || !turn_to(load, day))
        return;
    int32_t *counter = counter_of(load, ods_code, service);
    if (counter == NULL)
        load->left_out++;
    else
        ++*counter;
}

static bool remember(struct load *load, const struct uuid *event, int32_t *counter)
{
    if (load->undecided_count == load->undecided_capacity) {
        size_t capacity =
            load->undecided_capacity == 0 ? UNDECIDED_FIRST : load->undecided_capacity * 2;
        struct decided *undecided = realloc(load->undecided, capacity * sizeof *undecided);
        if (undecided == NULL)
            return false;
        load->undecided = undecided;
        load->undecided_capacity = capacity;
    }
    if (!map_set(load->own, event->bytes, sizeof event->bytes, load, NULL))
        return false;
    load->undecided[load->undecided_count++] = (struct decided){*event, counter};
    return true;
}

/* One that can't be remembered is not counted now, but when its event is read. */
void load_decide(struct load *load, const struct uuid *event, int32_t day, const char *ods_code,
                 const char *service)
{
    if (!turn_to(load, day))
        return;
    int32_t *counter = counter_of(load, ods_code, service);
    if (counter == NULL)
        load->left_out++;
    else if (remember(load, event, counter))
        ++*counter;
}

void load_commit(struct load *load)
{
    load->undecided_count = 0;
}

void load_undo(struct load *load)
{
    while (load->undecided_count > 0) {
        const struct decided *decided = &load->undecided[--load->undecided_count];
        if (map_remove(load->own, decided->event.bytes, sizeof decided->event.bytes) != NULL)
            --*decided->counter;
    }
}

int32_t load_of(const struct load *load, int32_t day, const char *ods_code, const char *service)
{
    char key[KEY_SIZE];
    if (day != load->day)
        return 0;
    const int32_t *counter = map_get(load->counters, key, key_of(key, ods_code, service));
    return counter == NULL ? 0 : *counter;
}

void load_restart(struct load *load)
{
    load->day = INT32_MIN; /* whatever day comes next starts with nothing */
}

void load_leave_out(struct load *load)
{
    load->left_out++;
}

uint64_t load_left_out(const struct load *load)
{
    return load->left_out;
}
