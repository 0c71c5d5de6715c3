/* SPDX-License-Identifier: Apache-2.0 */
#include "aggregator.h"

int main(int argc, char **argv)
{
    return service_main(aggregator_service(), argc, argv);
}
