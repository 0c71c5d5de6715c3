/* SPDX-License-Identifier: Apache-2.0 */
#include "router.h"

int main(int argc, char **argv)
{
    return service_main(router_service(), argc, argv);
}
