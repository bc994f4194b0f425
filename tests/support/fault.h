/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes allocations fail on purpose. A scenario is first run with
 * fault_count(), which only counts its allocations, and then once for each of
 * them with fault_at(k): the k-th fails (and, with repeat, all after it).
 */
#ifndef RNL_TESTS_FAULT_H
#define RNL_TESTS_FAULT_H

#include <stdbool.h>
#include <stddef.h>

/* Counts from 0 and lets every allocation succeed. */
void fault_count(void);

/* The k-th allocation from now on, k from 1, fails. */
void fault_at(size_t k, bool repeat);

/* Ends counting or failing; returns the allocations seen since its start. */
size_t fault_stop(void);

#endif
