/* SPDX-License-Identifier: Apache-2.0 */
#include "dispatcher.h"

int main(int argc, char **argv)
{
    return service_main(dispatcher_service(), argc, argv);
}
