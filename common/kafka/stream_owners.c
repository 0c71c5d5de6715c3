/* SPDX-License-Identifier: Apache-2.0 */
/* Partitions that nobody owns. To move a partition the group first takes it from its owner, who
 * then joins again, and gives it to another in the rebalance that follows. If that owner dies in
 * between and comes back within its session, under the instance that keeps its place, the group
 * gives it what it has left and begins no rebalance: what was taken from it has no owner, and
 * nobody would ever notice. So each member looks now and then, and where something has no owner for
 * two looks the one that has least leaves the group and joins it anew, which makes it divide the
 * partitions. */
#include "kafka/stream_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <poll.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 5000
#define AGAIN_MS 3000 /* when some had no owner: they may be on their way */
#define JOINS_MOST 7  /* doublings of LOOK_MS, to some ten minutes, where joining does not help */
#define ANSWER_MS 1000

/* ---- what the members have */

/* The bytes of an assignment that are still to be read. */
struct rest {
    const uint8_t *at;
    size_t size;
};

static bool read_number(struct rest *rest, size_t size, uint32_t *ret_number)
{
    if (rest->size < size)
        return false;
    *ret_number = 0;
    for (size_t i = 0; i < size; i++)
        *ret_number = *ret_number << 8 | rest->at[i];
    rest->at += size;
    rest->size -= size;
    return true;
}

static bool pass(struct rest *rest, size_t size)
{
    if (rest->size < size)
        return false;
    rest->at += size;
    rest->size -= size;
    return true;
}

/* How many partitions of the topic the member has, of all for NULL. Its assignment is a version
 * (2 bytes), how many topics (4), and of each the name (2 and its letters), how many partitions (4)
 * and their numbers (4 each); what follows is the assignor's. Nothing at all is an empty one; -1:
 * not to be understood. */
static int owned_by(const struct rd_kafka_group_member_info *member, const char *topic)
{
    struct rest rest = {member->member_assignment, (size_t)member->member_assignment_size};
    uint32_t version, topics, letters, partitions;
    size_t owned = 0;

    if (rest.size == 0)
        return 0;
    if (!read_number(&rest, 2, &version) || !read_number(&rest, 4, &topics))
        return -1;
    for (uint32_t i = 0; i < topics; i++) {
        const char *name;
        bool same;

        if (!read_number(&rest, 2, &letters))
            return -1;
        name = (const char *)rest.at;
        if (!pass(&rest, letters) || !read_number(&rest, 4, &partitions))
            return -1;
        same = !topic || (strlen(topic) == letters && memcmp(name, topic, letters) == 0);
        if (!pass(&rest, (size_t)partitions * 4))
            return -1;
        owned += same ? partitions : 0;
    }
    return (int)owned;
}

/* Of the topic, by all; -1: not to be understood. */
static int owned_of(const struct rd_kafka_group_info *group, const char *topic)
{
    int all = 0;

    for (int i = 0; i < group->member_cnt; i++) {
        const int owned = owned_by(&group->members[i], topic);

        if (owned < 0)
            return -1;
        all += owned;
    }
    return all;
}

/* Whether we have the fewest, and of those who do the first name: one member only acts. */
static bool has_least(const struct rd_kafka_group_info *group, const char *self)
{
    const char *least = NULL;
    int fewest = 0;

    for (int i = 0; i < group->member_cnt; i++) {
        const char *id = group->members[i].member_id;
        const int owned = owned_by(&group->members[i], NULL);

        if (!least || owned < fewest || (owned == fewest && strcmp(id, least) < 0)) {
            least = id;
            fewest = owned;
        }
    }
    return least && self && strcmp(least, self) == 0;
}

/* ---- what there is to be had */

static bool matches(const char *pattern, const char *topic)
{
    regex_t compiled;
    bool match;

    if (pattern[0] != '^')
        return strcmp(pattern, topic) == 0;
    if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    match = regexec(&compiled, topic, 0, NULL, 0) == 0;
    regfree(&compiled);
    return match;
}

static bool is_subscribed(const struct stream *stream, const char *topic)
{
    char excluded[2048] = "", *rest = excluded;
    size_t size = sizeof(excluded);
    bool subscribed = false;

    for (int i = 0; !subscribed && i < stream->subscription->cnt; i++)
        subscribed = matches(stream->subscription->elems[i].topic, topic);
    if (!subscribed || rd_kafka_conf_get(stream->consumer_conf, "topic.blacklist", excluded,
                                         &size) != RD_KAFKA_CONF_OK)
        return subscribed;
    while (subscribed && rest) {
        const char *pattern = strsep(&rest, ",");

        subscribed = !*pattern || !matches(pattern, topic);
    }
    return subscribed;
}

static int unowned_of(const struct stream *stream, const struct rd_kafka_group_info *group)
{
    const struct rd_kafka_metadata *metadata = NULL;
    int unowned = 0;

    if (rd_kafka_metadata(stream->consumer, 1, NULL, &metadata, ANSWER_MS) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];
        const int owned = owned_of(group, topic->topic);

        if (topic->err == RD_KAFKA_RESP_ERR_NO_ERROR && owned >= 0 &&
            is_subscribed(stream, topic->topic))
            unowned += topic->partition_cnt - owned;
    }
    rd_kafka_metadata_destroy(metadata);
    return unowned;
}

/* ---- the look, on a thread of its own */

/* By the older of the two questions that there are for it: an answer to the newer that comes after
 * its time-out ends the process (an assertion of librdkafka 2.14). */
static void look(void *self)
{
    struct stream *stream = self;
    const struct rd_kafka_group_list *list = NULL;
    char name[256] = "", *member;
    size_t size = sizeof(name);

    if (rd_kafka_conf_get(stream->consumer_conf, "group.id", name, &size) == RD_KAFKA_CONF_OK)
        (void)rd_kafka_list_groups(stream->consumer, name, &list, ANSWER_MS);
    if (!list) /* else at least one broker has answered */
        return;
    member = rd_kafka_memberid(stream->consumer);
    if (list->group_cnt == 1 && list->groups[0].err == RD_KAFKA_RESP_ERR_NO_ERROR &&
        strcmp(list->groups[0].state, "Stable") == 0 && has_least(&list->groups[0], member))
        stream->owners.unowned = unowned_of(stream, &list->groups[0]);
    if (member)
        rd_kafka_mem_free(stream->consumer, member);
    rd_kafka_group_list_destroy(list);
}

static void join_anew(struct stream *stream)
{
    char count[16];

    text_format(count, sizeof(count), "%d", stream->owners.unowned);
    log_fact(LOG_LEVEL_WARNING, "partitions-unowned", "count", count, "detail",
             "joining the group anew, so that it divides them", NULL);
    /* Nor would a failure be ours to deal with: the library has died then, and says so. */
    if (rd_kafka_unsubscribe(stream->consumer) == RD_KAFKA_RESP_ERR_NO_ERROR)
        (void)rd_kafka_subscribe(stream->consumer, stream->subscription);
}

void stream_owners_watch(struct stream *stream)
{
    struct stream_owners *owners = &stream->owners;
    const int64_t now_ms = clock_monotonic_ms();
    bool found;

    if (owners->looking) {
        if (!aside_ended(owners->aside))
            return;
        owners->looking = false;
        found = owners->unowned > 0;
        if (!found)
            owners->joins = 0;
        owners->at_ms = now_ms + (found && !owners->found ? AGAIN_MS : LOOK_MS << owners->joins);
        if (found && owners->found) {
            join_anew(stream);
            owners->joins += owners->joins < JOINS_MOST;
        }
        owners->found = found && !owners->found;
    } else if (now_ms >= owners->at_ms && stream_not_ready(stream) == NULL) {
        /* The first look of all comes LOOK_MS after there is something to look at. */
        if (owners->at_ms > 0) {
            owners->looking = true;
            owners->unowned = 0;
            aside_begin(owners->aside, look, stream);
        }
        owners->at_ms = now_ms + LOOK_MS;
    }
}

void stream_owners_wait(struct stream *stream)
{
    struct stream_owners *owners = &stream->owners;

    while (owners->looking) {
        struct pollfd ended = {.fd = aside_fd(owners->aside), .events = POLLIN};

        (void)poll(&ended, 1, -1);
        owners->looking = !aside_ended(owners->aside);
    }
    owners->found = false;
}
