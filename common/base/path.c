/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include <sys/stat.h>

bool path_is_folder(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}
