/* SPDX-License-Identifier: Apache-2.0 */
/* Includes cmocka in the order that it wants. */
#ifndef RNL_TESTS_TEST_H
#define RNL_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
