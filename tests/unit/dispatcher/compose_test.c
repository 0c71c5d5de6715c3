// SPDX-License-Identifier: Apache-2.0
// A batch of requests: each has its own body and signature, whatever becomes of the others.
#include "wire/compose.h"

#include "base/text.h"
#include "codec/contract.h"
#include "lifecycle/delivery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REFERRAL "11111111-1111-4111-8111-111111111111"
#define EXAMPLE SOURCE_DIR "/schemas/pathways/pharmacy-first/examples/valid-1-uti-from-gp.json"

static struct {
    struct contract *contract;
    struct codec *codec;
    struct composer *composer;
    struct secrets secrets, none;
    struct buffer payload;
} here;

static int set_up(void **state)
{
    (void)state;
    struct reason reason = {0};
    here.contract = contract_load(SOURCE_DIR "/schemas", &reason);
    assert_non_null(here.contract);
    here.codec = codec_new(here.contract, NULL);
    here.composer = composer_new();
    assert_true(secrets_parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &here.secrets, NULL));
    struct record *referral = record_new(contract_referral(here.contract, "pharmacy-first"));
    struct json *json = json_parse_file(EXAMPLE, 65536, &reason);
    assert_true(json_set_text(json, "id", REFERRAL) && json_set_whole(json, "accepted_at", 1));
    assert_int_equal(record_from_json(referral, json, &reason), DONE);
    /* as a producer of its own may write it, who need not be as tidy as the gateway */
    assert_true(record_set_text(referral, "patient.nhs_number", "999 100 0011") &&
                record_set_text(referral, "patient.postcode", "me149zz"));
    buffer_init(&here.payload, 65536);
    assert_int_equal(codec_write(here.codec, referral, &here.payload, &reason), DONE);
    json_free(json);
    record_free(referral);
    return here.codec && here.composer ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    buffer_clear(&here.payload);
    composer_free(here.composer);
    codec_free(here.codec);
    contract_free(here.contract);
    return 0;
}

static void encode(int number, struct buffer *record)
{
    struct delivery delivery = {.referral_id = REFERRAL,
                                .pathway = "pharmacy-first",
                                .service = "minor-illness",
                                .source_kind = "gp-practice",
                                .destination = "FA001",
                                .hop = number,
                                .payload = here.payload.data,
                                .payload_size = here.payload.length};
    delivery_id_of("pharmacy-first", REFERRAL, number, delivery.id);
    buffer_init(record, 65536);
    assert_int_equal(delivery_encode(here.codec, here.contract, &delivery, record, NULL), DONE);
}

static const char *line_of(const struct send_request *request, const char *name)
{
    const size_t length = strlen(name);
    for (size_t i = 0; i < SEND_HEADERS_MAX && request->headers[i]; i++)
        if (strncmp(request->headers[i], name, length) == 0 &&
            strncmp(request->headers[i] + length, ": ", 2) == 0)
            return request->headers[i] + length + 2;
    return NULL;
}

/* As a receiver does it. */
static void assert_signed(const struct send_request *request)
{
    struct buffer text;
    char expected[SIGNATURE_SIZE];
    buffer_init(&text, 65536);
    assert_true(buffer_append_format(&text, "%s.%s.", line_of(request, "webhook-id"),
                                     line_of(request, "webhook-timestamp")) &&
                buffer_append(&text, request->body, request->body_size));
    struct signing signing = {
        .secrets = &here.secrets, .bytes = text.data, .length = text.length, .signature = expected};
    sign_webhooks(&signing, 1);
    assert_string_equal(line_of(request, "webhook-signature"), expected);
    buffer_clear(&text);
}

static bool mentions(const struct send_request *request, const char *text)
{
    return memmem(request->body, request->body_size, text, strlen(text));
}

/* Every third can't be read, every fourth is not to be signed. */
static void each_of_a_batch_is_its_own(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        struct send_request requests[COMPOSED_MOST];
        struct buffer records[3 * COMPOSED_MOST];
        bool well[COMPOSED_MOST] = {false};
        int numbers[COMPOSED_MOST], number = 0;
        size_t count = 0;
        for (; count < COMPOSED_MOST - (size_t)round; number++) {
            const bool broken = number % 3 == 1;
            struct answer answer;
            encode(number, &records[number]);
            if (broken)
                records[number].data[records[number].length - 1] ^= 0xFF;
            const struct order order = {.record = records[number].data,
                                        .record_size = records[number].length - broken,
                                        .secrets = number % 4 ? &here.secrets : &here.none,
                                        .certificate = number % 5 ? NULL : "/certificates/own"};
            requests[count] = (struct send_request){.flight = (uint32_t)number};
            const bool composed =
                composer_compose(here.composer, here.codec, &order, &requests[count], &answer);
            assert_int_equal(composed, !broken);
            if (broken)
                assert_string_equal(answer.error, "payload-unreadable");
            else
                numbers[count++] = number;
        }
        composer_sign(here.composer, well);
        for (size_t i = 0; i < count; i++) {
            char id[UUID_TEXT_SIZE];
            delivery_id_of("pharmacy-first", REFERRAL, numbers[i], id);
            assert_true(well[i]);
            assert_string_equal(line_of(&requests[i], "webhook-id"), id);
            assert_true(mentions(&requests[i], id));
            assert_true(mentions(&requests[i], "\"condition\":\"uncomplicated-uti\""));
            assert_true(mentions(&requests[i], "\"nhs_number\":\"9991000011\""));
            assert_true(mentions(&requests[i], "\"postcode\":\"ME14 9ZZ\""));
            assert_true(
                text_equal(requests[i].certificate, numbers[i] % 5 ? NULL : "/certificates/own"));
            if (numbers[i] % 4)
                assert_signed(&requests[i]);
            else
                assert_null(line_of(&requests[i], "webhook-signature"));
        }
        for (int i = 0; i < number; i++)
            buffer_clear(&records[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_of_a_batch_is_its_own)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
