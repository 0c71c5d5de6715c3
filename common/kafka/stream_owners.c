/* SPDX-License-Identifier: Apache-2.0 */
/* Partitions that nobody owns. To move a partition the group first takes it from its owner, who
 * then joins again, and gives it to another in the rebalance that follows. If that owner dies in
 * between and comes back within its session, under the instance that keeps its place, the group
 * gives it what it has left and begins no rebalance: what was taken from it has no owner, and
 * nobody would ever notice. So each member looks now and then, and where something has no owner for
 * two looks the one that has least joins the group anew, which makes it divide the partitions. */
#include "kafka/stream_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "kafka/assignment.h"

#include <poll.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 10000
#define AGAIN_MS 3000   /* when some had no owner: they may be on their way */
#define JOINS_MOST 6    /* doublings of LOOK_MS between two, to some ten minutes: it may not help */
#define WELL_MS 1200000 /* since the last one: the next comes at once */
#define ANSWER_MS 1000
#define UNKNOWN (-1)

/* ---- what the members have */

static int count_of(const struct rd_kafka_group_member_info *member, const char *topic)
{
    return assignment_count(member->member_assignment, (size_t)member->member_assignment_size,
                            topic);
}

/* Of the topic, by all; UNKNOWN if one can't be understood. */
static int owned_of(const struct rd_kafka_group_info *group, const char *topic)
{
    int all = 0;

    for (int i = 0; i < group->member_cnt; i++) {
        const int owned = count_of(&group->members[i], topic);

        if (owned < 0)
            return UNKNOWN;
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
        const int owned = count_of(&group->members[i], NULL);

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

/* `excluded`: patterns, commas between. */
static bool is_subscribed(const struct stream *stream, const char *excluded, const char *topic)
{
    char text[2048], *rest = text;
    bool subscribed = false;

    for (int i = 0; !subscribed && i < stream->subscription->cnt; i++)
        subscribed = matches(stream->subscription->elems[i].topic, topic);
    if (!text_copy(text, sizeof(text), excluded))
        return false;
    while (subscribed && rest) {
        const char *pattern = strsep(&rest, ",");

        subscribed = !*pattern || !matches(pattern, topic);
    }
    return subscribed;
}

static int unowned_of(const struct stream *stream, const struct rd_kafka_group_info *group)
{
    const struct rd_kafka_metadata *metadata = NULL;
    char excluded[2048];
    int unowned = 0;

    (void)stream_setting(stream, "topic.blacklist", excluded, sizeof(excluded));
    if (rd_kafka_metadata(stream->consumer, 1, NULL, &metadata, ANSWER_MS) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return UNKNOWN;
    for (int i = 0; unowned >= 0 && i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];
        int owned;

        if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR ||
            !is_subscribed(stream, excluded, topic->topic))
            continue;
        owned = owned_of(group, topic->topic);
        if (owned == UNKNOWN)
            unowned = UNKNOWN;
        else if (owned < topic->partition_cnt)
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
    struct stream_owners *owners = &stream->owners;
    const struct rd_kafka_group_list *list = NULL;
    char group[256], *member;

    if (stream_setting(stream, "group.id", group, sizeof(group)))
        (void)rd_kafka_list_groups(stream->consumer, group, &list, ANSWER_MS);
    if (!list) /* else at least one broker has answered */
        return;
    member = rd_kafka_memberid(stream->consumer);
    if (list->group_cnt == 1 && list->groups[0].err == RD_KAFKA_RESP_ERR_NO_ERROR &&
        strcmp(list->groups[0].state, "Stable") == 0 && has_least(&list->groups[0], member))
        owners->unowned = unowned_of(stream, &list->groups[0]);
    owners->looked_ms = clock_monotonic_ms();
    if (member)
        rd_kafka_mem_free(stream->consumer, member);
    rd_kafka_group_list_destroy(list);
}

/* Who has nothing leaves the group first; who has something gives it up and comes back under its
 * name. Either is news to the group. */
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

/* Not in the middle of something else. */
static bool is_calm(const struct stream *stream)
{
    return !stream_not_ready(stream) && !stream->rejoin_needed && stream_can_send(stream);
}

/* Twice in a row, the second time just now. */
static void judge(struct stream *stream, int64_t now_ms)
{
    struct stream_owners *owners = &stream->owners;
    const bool found = owners->unowned > 0 && now_ms - owners->looked_ms < AGAIN_MS;
    const bool again = found && owners->found;
    const int64_t since_ms = now_ms - owners->joined_ms;
    char count[16];

    text_format(count, sizeof(count), "%d", owners->unowned);
    log_fact(LOG_LEVEL_DEBUG, "owners-looked", "unowned", count, NULL);
    owners->at_ms = now_ms + (found && !again ? AGAIN_MS : LOOK_MS);
    owners->found = found && !again;
    if (!again || !is_calm(stream))
        return;
    if (owners->joined_ms == 0 || since_ms >= WELL_MS)
        owners->joins = 0;
    else if (since_ms < (int64_t)LOOK_MS << owners->joins)
        return;
    owners->joined_ms = now_ms;
    owners->joins += owners->joins < JOINS_MOST;
    join_anew(stream);
}

void stream_owners_watch(struct stream *stream)
{
    struct stream_owners *owners = &stream->owners;
    const int64_t now_ms = clock_monotonic_ms();

    if (owners->looking) {
        if (!aside_ended(owners->aside))
            return;
        owners->looking = false;
        judge(stream, now_ms);
    } else if (now_ms >= owners->at_ms && is_calm(stream)) {
        /* The first look of all comes LOOK_MS after there is something to look at. */
        owners->looking = owners->at_ms > 0;
        owners->at_ms = now_ms + LOOK_MS;
        owners->unowned = UNKNOWN;
        if (owners->looking)
            aside_begin(owners->aside, look, stream);
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
