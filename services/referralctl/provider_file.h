/* SPDX-License-Identifier: Apache-2.0 */
/* Files of providers read into memory: our CSV or a file of NHS ODS, and a second CSV of services
 * keyed by ODS code. Bad rows become findings and are left out. */
#ifndef REFERRALCTL_PROVIDER_FILE_H
#define REFERRALCTL_PROVIDER_FILE_H

#include "base/map.h"
#include "directory/directory.h"

#include <stdio.h>

#define PROVIDER_FINDINGS_MAX 1000
#define PROVIDER_FILE_SIZE_MAX ((size_t)64 << 20)

struct provider_file {
    struct directory *wanted; /* what the file says, by ODS code */
    struct reason *findings;  /* the first PROVIDER_FINDINGS_MAX */
    size_t findings_listed;
    size_t findings_total;
    size_t rows, others, closed;
    size_t left_out; /* rows of either file that were refused: `wanted` is not all it names */
    bool ods;
    struct map *seen;     /* codes of the file that is being read */
    struct map *services; /* that some pathway has */
    const char *second;   /* path of the second file, while and after it is read; borrowed */
};

/* `format`: "auto", "csv", "ods". Rows of ODS change name, postcode and place of a provider that
 * `existing` has, or add one that offers no service yet; a closed one that `existing` has is
 * paused, and one that is paused there but active in the file is a finding. Rows of our CSV say
 * everything that their file has a column for; one without name or kind, such as `services_path`
 * (may be NULL), changes only what a cell says. A service that no pathway has is a finding, too;
 * its row stays. REFUSED: the file itself can't be used. Clear with provider_file_clear either way.
 */
__attribute__((warn_unused_result)) enum verdict
provider_file_read(const char *path, const char *services_path, const char *format,
                   const struct contract *contract, const struct places *places,
                   const struct directory *existing, struct provider_file *ret_file,
                   struct reason *reason);
void provider_file_clear(struct provider_file *file);
/* The names of the services of all pathways; none if a pathway can't be read, which `validate`
 * tells. NULL without memory; map_free it. */
struct map *services_known(const struct contract *contract);
/* The provider's next service, from *at on, that is none of them; NULL if there is none, or if
 * `services` has none. Start with *at = 0. */
const char *service_unknown(const struct map *services, const struct provider *provider,
                            size_t *at);

#endif
