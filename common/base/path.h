/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <stdbool.h>

/* Is it there, and a folder, or a link to one? */
bool path_is_folder(const char *path);

#endif
