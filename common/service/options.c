/* SPDX-License-Identifier: Apache-2.0 */
/* One table drives everything, so that --help, the parser and the documentation can't drift apart.
 * A variable that carries the service's prefix but is in no row is refused like a wrong flag: a
 * misspelt GATEWAY_LISTN that is quietly ignored costs an evening. What Kubernetes injects for a
 * Service of the same name (GATEWAY_SERVICE_HOST, GATEWAY_PORT_8080_TCP …) is left alone. */
#include "service/options.h"

#include "base/buffer.h"
#include "base/json.h"
#include "base/path.h"
#include "base/text.h"
#include "http/server.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTION_NAME_MAX 60
#define NAME_SIZE 96
#define FILE_SIZE_MAX 65536

/* Where a value came from, for messages: "--listen", "GATEWAY_LISTEN", "GATEWAY_LISTEN_FILE". */
struct found {
    const char *text;
    char *owned; /* the same, when it was read from a file */
    char from[NAME_SIZE];
};

static bool append_upper(char *to, size_t size, const char *from)
{
    size_t length = strlen(to);

    for (; *from; from++) {
        if (length + 1 >= size)
            return false;
        to[length++] = *from == '-' ? '_' : (char)toupper((unsigned char)*from);
        to[length] = '\0';
    }
    return true;
}

/* "gateway", "body-size-max" -> "GATEWAY_BODY_SIZE_MAX"; without the prefix when `service` is NULL.
 */
static bool variable_name(char name[NAME_SIZE], const char *service, const char *option,
                          const char *suffix)
{
    name[0] = '\0';
    if (service && (!append_upper(name, NAME_SIZE, service) || !append_upper(name, NAME_SIZE, "_")))
        return false;
    return append_upper(name, NAME_SIZE, option) && append_upper(name, NAME_SIZE, suffix);
}

static const char *const shapes[] = {
    [OPTION_ANY] = "text",
    [OPTION_ADDRESS] = "HOST:PORT or [IPV6]:PORT",
    [OPTION_FOLDER] = "a folder that is there",
    [OPTION_FILE] = "a file in a folder that is there",
    [OPTION_NAME] = "1 to 60 letters, digits, dots, hyphens and underscores",
};

static const char *kind_expected(const struct option *option, char text[128])
{
    switch (option->kind) {
    case OPTION_WHOLE:
        text_format(text, 128, "a whole number from %lld to %lld", (long long)option->least,
                    (long long)option->most);
        break;
    case OPTION_BOOLEAN:
        text_copy(text, 128, "true or false");
        break;
    case OPTION_CHOICE:
        text_format(text, 128, "one of %s", option->choices);
        break;
    case OPTION_TEXT:
        text_copy(text, 128, shapes[option->shape]);
        break;
    }
    return text;
}

static bool refuse(const struct option *option, const struct found *found, struct reason *reason)
{
    char expected[128];

    reason_set(reason, "bad-option", NULL, "%s is \"%.80s\", expected %s", found->from,
               option->secret ? "(secret)" : found->text, kind_expected(option, expected));
    return false;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);

    for (const char *at = choices; at && *at;) {
        const char *bar = strchr(at, '|');
        size_t width = bar ? (size_t)(bar - at) : strlen(at);

        if (width == length && memcmp(at, text, length) == 0)
            return true;
        at = bar ? bar + 1 : NULL;
    }
    return false;
}

static bool boolean_parse(const char *text, bool *ret_value)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
            *ret_value = strcmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

static void *value_at(const struct option *option, void *values)
{
    return (char *)values + option->offset;
}

static bool in_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];

    if (!slash)
        return *path != '\0';
    /* With its slash: the root has no other name. */
    return text_copy_bytes(folder, sizeof(folder), path, (size_t)(slash - path) + 1) &&
           path_is_folder(folder);
}

static bool is_name(const char *text)
{
    const size_t length = strlen(text);
    return length >= 1 && length <= OPTION_NAME_MAX &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_") ==
               length;
}

static bool has_shape(const char *text, enum option_shape shape)
{
    switch (shape) {
    case OPTION_ADDRESS:
        return http_address_valid(text);
    case OPTION_FOLDER:
        return path_is_folder(text);
    case OPTION_FILE:
        return in_folder(text);
    case OPTION_NAME:
        return is_name(text);
    case OPTION_ANY:
        break;
    }
    return true;
}

static bool text_set(const struct option *option, const char *text, void *values,
                     struct reason *reason)
{
    char *copy = strdup(text);

    if (!copy) {
        reason_set(reason, "no-memory", NULL, "no memory for option %s", option->name);
        return false;
    }
    memcpy(value_at(option, values), &copy, sizeof(copy));
    return true;
}

static bool value_set(const struct option *option, const struct found *found, void *values,
                      struct reason *reason)
{
    int64_t number;
    bool yes;

    switch (option->kind) {
    case OPTION_WHOLE:
        if (!text_whole_number(found->text, option->least, option->most, &number))
            return refuse(option, found, reason);
        memcpy(value_at(option, values), &number, sizeof(number));
        return true;
    case OPTION_BOOLEAN:
        if (!boolean_parse(found->text, &yes))
            return refuse(option, found, reason);
        memcpy(value_at(option, values), &yes, sizeof(yes));
        return true;
    case OPTION_CHOICE:
        if (!is_choice(option->choices, found->text))
            return refuse(option, found, reason);
        return text_set(option, found->text, values, reason);
    case OPTION_TEXT:
        if (!has_shape(found->text, option->shape))
            return refuse(option, found, reason);
        return text_set(option, found->text, values, reason);
    }
    return false;
}

/* An empty variable counts as unset, so that a compose file may write X=${X:-}. */
static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static bool find_in_environment(const char *service, const struct option *option,
                                struct found *found)
{
    if (variable_name(found->from, service, option->name, "")) {
        found->text = environment(found->from);
        if (found->text)
            return true;
    }
    if (option->shared && variable_name(found->from, NULL, option->name, ""))
        found->text = environment(found->from);
    return found->text != NULL;
}

static bool find_in_file(const char *service, const struct option *option, struct found *found,
                         struct reason *reason)
{
    const char *path = NULL;

    if (option->kind != OPTION_TEXT)
        return true;
    if (variable_name(found->from, service, option->name, "_FILE"))
        path = environment(found->from);
    if (!path && option->shared && variable_name(found->from, NULL, option->name, "_FILE"))
        path = environment(found->from);
    if (!path)
        return true;
    found->owned = text_read_file(path, FILE_SIZE_MAX, NULL);
    if (!found->owned) {
        reason_set(reason, "bad-option", NULL, "%s names %.120s, which can't be read: %s",
                   found->from, path, strerror(errno));
        return false;
    }
    found->owned[strcspn(found->owned, "\r\n")] = '\0';
    found->text = found->owned;
    return true;
}

static bool row_read(const char *service, const struct option *option, const char *flag,
                     void *values, struct reason *reason)
{
    struct found found = {.text = flag};
    bool done = false;

    if (flag)
        text_format(found.from, sizeof(found.from), "--%s", option->name);
    else if (!find_in_environment(service, option, &found) &&
             !find_in_file(service, option, &found, reason))
        goto out;
    if (!found.text && option->otherwise) {
        found.text = option->otherwise;
        text_format(found.from, sizeof(found.from), "the default of --%s", option->name);
    }
    done = !found.text || value_set(option, &found, values, reason);
out:
    free(found.owned);
    return done;
}

static size_t row_of(const struct option *table, size_t count, const char *name, size_t length)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(table[i].name) == length && memcmp(table[i].name, name, length) == 0)
            return i;
    }
    return count;
}

/* Reads argv into `flags`, an entry per row. A boolean may stand alone. */
static bool flags_read(const struct option *table, size_t count, int argc, char **argv,
                       const char **flags, struct reason *reason)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i] + 2;
        size_t length, row;
        bool alone;

        if (strncmp(argv[i], "--", 2) != 0) {
            reason_set(reason, "unknown-option", NULL, "\"%.80s\" is no option; --help lists them",
                       argv[i]);
            return false;
        }
        length = strcspn(name, "=");
        row = row_of(table, count, name, length);
        if (row == count) {
            reason_set(reason, "unknown-option", NULL, "there is no --%.*s; --help lists what is",
                       (int)(length > 80 ? 80 : length), name);
            return false;
        }
        alone = i + 1 == argc || strncmp(argv[i + 1], "--", 2) == 0;
        if (name[length] == '=')
            flags[row] = name + length + 1;
        else if (!alone)
            flags[row] = argv[++i];
        else if (table[row].kind == OPTION_BOOLEAN)
            flags[row] = "true";
        else {
            reason_set(reason, "bad-option", NULL, "--%s needs a value", table[row].name);
            return false;
        }
    }
    return true;
}

/* What Kubernetes puts into the environment of every pod for a Service whose name starts like ours.
 */
bool options_is_service_link(const char *rest)
{
    static const char *const marks[] = {"SERVICE_HOST", "SERVICE_PORT", "_TCP", "_UDP"};
    size_t length = strcspn(rest, "=");

    if (strncmp(rest, "PORT=tcp://", 11) == 0)
        return true;
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        const char *at = strstr(rest, marks[i]);

        if (at && (size_t)(at - rest) < length)
            return true;
    }
    return length > 5 && strncmp(rest + length - 5, "_PORT=", 6) == 0 &&
           strstr(rest + length, "://") != NULL;
}

static bool is_known_variable(const char *service, const struct option *table, size_t count,
                              const char *entry)
{
    size_t length = strcspn(entry, "=");
    char name[NAME_SIZE];

    for (size_t i = 0; i < count; i++) {
        if (variable_name(name, service, table[i].name, "") && strlen(name) == length &&
            memcmp(name, entry, length) == 0)
            return true;
        if (table[i].kind == OPTION_TEXT && variable_name(name, service, table[i].name, "_FILE") &&
            strlen(name) == length && memcmp(name, entry, length) == 0)
            return true;
    }
    return false;
}

static bool variables_known(const char *service, const struct option *table, size_t count,
                            struct reason *reason)
{
    char prefix[NAME_SIZE];
    size_t length;

    if (!variable_name(prefix, service, "", ""))
        return true;
    length = strlen(prefix);
    for (char **entry = environ; entry && *entry; entry++) {
        if (strncmp(*entry, prefix, length) != 0 || options_is_service_link(*entry + length) ||
            is_known_variable(service, table, count, *entry))
            continue;
        reason_set(reason, "unknown-option", NULL,
                   "the environment has %.*s, which is no option of %s; --help lists them",
                   (int)strcspn(*entry, "="), *entry, service);
        return false;
    }
    return true;
}

bool options_read(const char *service, const struct option *table, size_t count, int argc,
                  char **argv, void *values, struct reason *reason)
{
    const char **flags = calloc(count + 1, sizeof(*flags));
    bool done = false;

    if (!flags) {
        reason_set(reason, "no-memory", NULL, "no memory for the options");
        return false;
    }
    if (!flags_read(table, count, argc, argv, flags, reason) ||
        !variables_known(service, table, count, reason))
        goto out;
    for (size_t i = 0; i < count; i++) {
        if (!row_read(service, &table[i], flags[i], values, reason))
            goto out;
    }
    done = true;
out:
    free(flags);
    if (!done)
        options_clear(table, count, values);
    return done;
}

void options_clear(const struct option *table, size_t count, void *values)
{
    for (size_t i = 0; i < count; i++) {
        char *text = NULL;

        if (table[i].kind != OPTION_TEXT && table[i].kind != OPTION_CHOICE)
            continue;
        memcpy(&text, value_at(&table[i], values), sizeof(text));
        free(text);
        text = NULL;
        memcpy(value_at(&table[i], values), &text, sizeof(text));
    }
}

void options_print_help(const char *service, const char *summary, const struct option *table,
                        size_t count)
{
    char name[NAME_SIZE], expected[128];

    printf("%s: %s\n\nA flag wins over the environment, which wins over the file named by the _FILE"
           " form.\n\n",
           service, summary);
    for (size_t i = 0; i < count; i++) {
        const struct option *option = &table[i];

        if (!variable_name(name, option->shared ? NULL : service, option->name, ""))
            continue;
        printf("  --%s %s\n      %s\n      environment: %s%s", option->name,
               option->kind == OPTION_BOOLEAN ? "[true|false]" : "VALUE", option->help, name,
               option->kind == OPTION_TEXT ? " or the same with _FILE" : "");
        if (option->shared && variable_name(name, service, option->name, ""))
            printf(", %s before it", name);
        if (option->kind != OPTION_TEXT || option->shape != OPTION_ANY)
            printf("\n      value: %s", kind_expected(option, expected));
        printf("\n      default: %s\n", option->otherwise ? option->otherwise : "none");
    }
}

static struct json *row_json(const char *service, const struct option *option)
{
    static const char *const kinds[] = {"text", "whole", "boolean", "choice"};
    struct json *row = json_new_object();
    char name[NAME_SIZE];
    bool fine = row != NULL;

    fine = fine && json_set_text(row, "name", option->name);
    fine = fine && json_set_text(row, "kind", kinds[option->kind]);
    fine = fine && variable_name(name, service, option->name, "") &&
           json_set_text(row, "environment", name);
    fine = fine && (!option->shared || (variable_name(name, NULL, option->name, "") &&
                                        json_set_text(row, "shared", name)));
    fine = fine && json_set_text(row, "default", option->otherwise);
    if (option->kind == OPTION_WHOLE)
        fine = fine && json_set_whole(row, "least", option->least) &&
               json_set_whole(row, "most", option->most);
    if (option->kind == OPTION_CHOICE)
        fine = fine && json_set_text(row, "choices", option->choices);
    fine = fine && json_set_boolean(row, "secret", option->secret);
    fine = fine && json_set_text(row, "help", option->help);
    if (!fine) {
        json_free(row);
        return NULL;
    }
    return row;
}

void options_print_json(const char *service, const struct option *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct json *row = row_json(service, &table[i]);
        char *text = row ? json_print(row, JSON_COMPACT) : NULL;

        if (text)
            puts(text);
        free(text);
        json_free(row);
    }
}
