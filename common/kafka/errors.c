/* SPDX-License-Identifier: Apache-2.0 */
/* librdkafka's errors as verdicts. What may pass by itself (brokers away, elections, topics that
 * are still to be made) is TRY_AGAIN; what is wrong with the record is REFUSED; what only a person
 * or a restart can cure is BROKEN. */
#include "kafka/internal.h"

#include "base/text.h"

#include <ctype.h>

struct error_row {
    rd_kafka_resp_err_t error;
    enum verdict verdict;
    const char *code;
};

static const struct error_row rows[] = {
    {RD_KAFKA_RESP_ERR__TRANSPORT, TRY_AGAIN, "kafka-unreachable"},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, TRY_AGAIN, "kafka-unreachable"},
    {RD_KAFKA_RESP_ERR__RESOLVE, TRY_AGAIN, "kafka-unreachable"},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, TRY_AGAIN, "kafka-timed-out"},
    {RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, TRY_AGAIN, "kafka-timed-out"},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, TRY_AGAIN, "kafka-timed-out"},
    {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, TRY_AGAIN, "kafka-timed-out"},
    {RD_KAFKA_RESP_ERR__QUEUE_FULL, TRY_AGAIN, "queue-full"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, TRY_AGAIN, "no-such-topic"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, TRY_AGAIN, "no-such-partition"},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, TRY_AGAIN, "no-such-topic"},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, REFUSED, "bad-topic-name"},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, REFUSED, "record-too-large"},
    {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, REFUSED, "record-too-large"},
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, REFUSED, "record-invalid"},
    {RD_KAFKA_RESP_ERR__FATAL, BROKEN, "kafka-fatal"},
    {RD_KAFKA_RESP_ERR__FENCED, BROKEN, KAFKA_FENCED},
    {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, BROKEN, KAFKA_FENCED},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, BROKEN, KAFKA_FENCED},
    {RD_KAFKA_RESP_ERR_PRODUCER_FENCED, BROKEN, KAFKA_FENCED},
    {RD_KAFKA_RESP_ERR__INVALID_ARG, BROKEN, "kafka-bad-argument"},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, BROKEN, "kafka-forbidden"},
};

/* "COORDINATOR_NOT_AVAILABLE" -> "kafka-coordinator-not-available": codes are few and stable. */
static void code_from_name(rd_kafka_resp_err_t error, char *code, size_t size)
{
    const char *name = rd_kafka_err2name(error);
    size_t length;

    while (*name == '_')
        name++;
    text_format(code, size, "kafka-%s", name);
    length = 6;
    for (; code[length]; length++)
        code[length] = code[length] == '_' ? '-' : (char)tolower((unsigned char)code[length]);
}

static enum verdict explain(rd_kafka_resp_err_t error, const char *doing, const char *words,
                            struct reason *reason)
{
    char code[REASON_CODE_MAX];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].error == error) {
            reason_set(reason, rows[i].code, NULL, "%s: %.200s", doing, words);
            return rows[i].verdict;
        }
    }
    code_from_name(error, code, sizeof(code));
    reason_set(reason, code, NULL, "%s: %.200s", doing, words);
    return TRY_AGAIN;
}

enum verdict kafka_error(rd_kafka_resp_err_t error, const char *doing, struct reason *reason)
{
    return explain(error, doing, rd_kafka_err2str(error), reason);
}

enum verdict kafka_error_take(rd_kafka_error_t *error, const char *doing, struct reason *reason)
{
    enum verdict verdict =
        explain(rd_kafka_error_code(error), doing, rd_kafka_error_string(error), reason);

    if (rd_kafka_error_is_fatal(error))
        verdict = BROKEN;
    rd_kafka_error_destroy(error);
    return verdict;
}
