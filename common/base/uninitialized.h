/* SPDX-License-Identifier: Apache-2.0 */
/* For a large local of the hot path that is written before it is read: the hardening flags clear
 * every other one at each call, which costs more than what is then done with it. */
#ifndef BASE_UNINITIALIZED_H
#define BASE_UNINITIALIZED_H

#define UNINITIALIZED __attribute__((uninitialized))

#endif
