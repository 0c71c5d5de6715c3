/* SPDX-License-Identifier: Apache-2.0 */
#include "tracker.h"

int main(int argc, char **argv)
{
    return service_main(tracker_service(), argc, argv);
}
