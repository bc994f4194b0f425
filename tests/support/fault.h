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

/* Runs a scenario without failures, which must make from min to max
 * allocations, and then twice for each of them: the k-th fails, and all from
 * the k-th on. What the scenario must hold in the end is its own to judge. */
void fault_everywhere(void (*scenario)(void), size_t min, size_t max);

#endif
