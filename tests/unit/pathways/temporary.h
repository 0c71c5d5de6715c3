/* SPDX-License-Identifier: Apache-2.0 */
/* A schemas folder of a test's own with one pathway, minor-eye, whose pathway.json it writes. */
#ifndef TEST_TEMPORARY_H
#define TEST_TEMPORARY_H

#include "bodies.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "minor-eye"

static const char referral[] =
    "{\"type\": \"record\", \"name\": \"Details\", \"fields\": ["
    "{\"name\": \"eye\", \"type\": {\"type\": \"enum\", \"name\": \"Eye\", \"symbols\": [\"LEFT\", "
    "\"RIGHT\"]}},"
    "{\"name\": \"problem\", \"type\": \"string\", \"oneOf\": [\"itch\", \"sticky\"]},"
    "{\"name\": \"words\", \"type\": [\"null\", \"string\"], \"default\": null},"
    "{\"name\": \"since\", \"type\": [\"null\", \"string\"], \"default\": null, "
    "\"format\": \"date\"},"
    "{\"name\": \"days\", \"type\": [\"null\", \"int\"], \"default\": null},"
    "{\"name\": \"lenses\", \"type\": [\"null\", \"boolean\"], \"default\": null},"
    "{\"name\": \"signs\", \"type\": {\"type\": \"array\", \"items\": {\"type\": \"string\", "
    "\"oneOf\": [\"pain\", \"blind\"]}}, \"default\": []}]}";

static char root[256];

static inline void write_file(const char *name, const char *text)
{
    char path[512];
    assert_true(text_format(path, sizeof(path),
                            "%s/"
                            "%s",
                            root, name));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static inline int make_folder(void **state)
{
    (void)state;
    static const char *const shared[] = {"envelope", "delivery", "event", "provider", "volume"};
    const char *temporary = getenv("TMPDIR");
    char path[512], target[512];
    if (!text_format(root, sizeof(root), "%s/pathways-XXXXXX", temporary ? temporary : P_tmpdir) ||
        !mkdtemp(root))
        return -1;
    text_format(path, sizeof(path), "%s/pathways", root);
    if (mkdir(path, 0700) != 0)
        return -1;
    text_format(path, sizeof(path), "%s/pathways/" NAME, root);
    if (mkdir(path, 0700) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
        text_format(path, sizeof(path), "%s/%s.avsc", root, shared[i]);
        text_format(target, sizeof(target), SOURCE_DIR "/schemas/%s.avsc", shared[i]);
        if (symlink(target, path) != 0)
            return -1;
    }
    write_file("pathways/" NAME "/referral.avsc", referral);
    return 0;
}

static inline int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"envelope.avsc",
                                        "delivery.avsc",
                                        "event.avsc",
                                        "provider.avsc",
                                        "volume.avsc",
                                        "pathways/" NAME "/referral.avsc",
                                        "pathways/" NAME "/pathway.json",
                                        "pathways/" NAME,
                                        "pathways",
                                        ""};
    char path[512];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        text_format(path, sizeof(path), "%s/%s", root, names[i]);
        if (remove(path) != 0)
            print_error("%s: %s\n", path, strerror(errno));
    }
    return 0;
}

#endif
