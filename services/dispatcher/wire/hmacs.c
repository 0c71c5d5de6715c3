/* SPDX-License-Identifier: Apache-2.0 */
/* Behind it stands Intel's library of multi-buffer cryptography where the build found it (it is for
 * x86-64 alone), OpenSSL for the rest: for fewer than some texts, and for what the former did not
 * do. */
#include "wire/hmacs.h"

#include <string.h>

static void one_by_one(struct hmac *hmacs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!hmacs[i].done)
            hmacs[i].done = digest_hmac_sha256(hmacs[i].key, hmacs[i].key_size, hmacs[i].bytes,
                                               hmacs[i].length, hmacs[i].digest);
}

#ifdef WITH_IPSEC_MB
#include <intel-ipsec-mb.h>
#include <pthread.h>

#define LEAST 3 /* texts; two take as long as one after the other */
#define AT_ONCE 32
#define BLOCK 64

/* A key, hashed as the first block of HMAC's inner and outer pass. */
struct pads {
    const struct hmac *of;
    uint8_t inner[SHA256_SIZE], outer[SHA256_SIZE];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static IMB_MGR *manager;

static void open_manager(void)
{
    manager = alloc_mb_mgr(0);
    /* Eight are as good as the sixteen of AVX-512, whose use slows many a processor's clock: it
     * cost the sender's thread more than it saved here. */
    if (manager && manager->features & IMB_FEATURE_AVX2)
        init_mb_mgr_avx2(manager);
    else if (manager)
        init_mb_mgr_auto(manager, NULL);
    if (manager && imb_get_errno(manager) != 0) {
        free_mb_mgr(manager);
        manager = NULL;
    }
}

static void hash_pad(const struct hmac *hmac, uint8_t pad, uint8_t state[SHA256_SIZE])
{
    uint8_t block[BLOCK];
    const uint8_t *key = hmac->key;
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = (i < hmac->key_size ? key[i] : 0) ^ pad;
    IMB_SHA256_ONE_BLOCK(manager, block, state);
    explicit_bzero(block, sizeof(block));
}

/* Most texts of a batch have the key of the one before. */
static void hash_key(struct pads *pads, const struct pads *before, const struct hmac *hmac)
{
    pads->of = hmac;
    if (before && before->of->key_size == hmac->key_size &&
        memcmp(before->of->key, hmac->key, hmac->key_size) == 0) {
        memcpy(pads->inner, before->inner, sizeof(pads->inner));
        memcpy(pads->outer, before->outer, sizeof(pads->outer));
        return;
    }
    hash_pad(hmac, 0x36, pads->inner);
    hash_pad(hmac, 0x5C, pads->outer);
}

static void finish(const IMB_JOB *job)
{
    struct hmac *hmac = job->user_data;
    hmac->done = job->status == IMB_STATUS_COMPLETED;
}

static void begin(struct hmac *hmac, const struct pads *pads)
{
    IMB_JOB *job = IMB_GET_NEXT_JOB(manager);
    *job = (IMB_JOB){.cipher_mode = IMB_CIPHER_NULL,
                     .cipher_direction = IMB_DIR_ENCRYPT,
                     .chain_order = IMB_ORDER_HASH_CIPHER,
                     .hash_alg = IMB_AUTH_HMAC_SHA_256,
                     .src = hmac->bytes,
                     .msg_len_to_hash_in_bytes = hmac->length,
                     .auth_tag_output = hmac->digest,
                     .auth_tag_output_len_in_bytes = sizeof(hmac->digest),
                     .user_data = hmac};
    job->u.HMAC._hashed_auth_key_xor_ipad = pads->inner;
    job->u.HMAC._hashed_auth_key_xor_opad = pads->outer;
    for (job = IMB_SUBMIT_JOB(manager); job; job = IMB_GET_COMPLETED_JOB(manager))
        finish(job);
}

static void side_by_side(struct hmac *hmacs, size_t count)
{
    struct pads pads[AT_ONCE];
    const struct pads *before = NULL;
    for (size_t i = 0; i < count; i++) {
        if (hmacs[i].key_size > BLOCK || !hmacs[i].length) /* such a key is hashed first; rare */
            continue;
        hash_key(&pads[i], before, &hmacs[i]);
        before = &pads[i];
        begin(&hmacs[i], before);
    }
    const IMB_JOB *job;
    while ((job = IMB_FLUSH_JOB(manager)))
        finish(job);
    explicit_bzero(pads, sizeof(pads));
}

void hmacs_sha256(struct hmac *hmacs, size_t count)
{
    pthread_once(&once, open_manager);
    for (size_t i = 0; i < count; i++)
        hmacs[i].done = false;
    for (size_t i = 0, most; manager && count - i >= LEAST; i += most) {
        most = count - i < AT_ONCE ? count - i : AT_ONCE;
        side_by_side(hmacs + i, most);
    }
    one_by_one(hmacs, count);
}
#else
void hmacs_sha256(struct hmac *hmacs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hmacs[i].done = false;
    one_by_one(hmacs, count);
}
#endif
