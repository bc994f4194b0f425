/* SPDX-License-Identifier: Apache-2.0 */
#include "numbers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "splitmix.h"

#define PI 3.14159265358979323846

const char *numbers_name(enum numbers_kind kind)
{
    static const char *const names[NUMBERS_KINDS] = {
        [NUMBERS_UNIFORM] = "uniform",
        [NUMBERS_NORMAL] = "normal",
        [NUMBERS_LOGNORMAL] = "lognormal",
        [NUMBERS_EXPONENTIAL] = "exponential",
        [NUMBERS_HEAVY] = "heavy tail",
        [NUMBERS_CONSTANT] = "constant",
        [NUMBERS_ZEROS] = "zeros",
        [NUMBERS_NEGATIVE] = "negative",
        [NUMBERS_MIXED] = "mixed sign",
        [NUMBERS_POWERS] = "powers of two",
        [NUMBERS_DIGITS] = "digits",
        [NUMBERS_FAR] = "far from zero",
        [NUMBERS_ANY] = "any double",
    };
    return names[kind];
}

/* From above 0 to 1. */
static double positive_unit(uint64_t *state)
{
    return 1 - splitmix_unit(state);
}

static double normal(uint64_t *state)
{
    double radius = sqrt(-2 * log(positive_unit(state)));
    return radius * cos(2 * PI * splitmix_unit(state));
}

static double any(uint64_t *state)
{
    double number;
    do {
        uint64_t bits = splitmix(state);
        memcpy(&number, &bits, sizeof(number));
    } while (!isfinite(number));
    return number;
}

static double mixed(uint64_t *state)
{
    double number = exp2(30 * splitmix_unit(state) - 15);
    uint64_t choice = splitmix(state) % 20;
    if (choice < 2)
        return choice == 0 ? 0.0 : -0.0;
    return choice % 2 == 0 ? number : -number;
}

static double power(uint64_t *state)
{
    uint64_t choice = splitmix(state);
    double number = ldexp(1, (int)(choice % 41) - 20);
    return choice >> 63 == 0 ? number : -number;
}

double numbers_draw(enum numbers_kind kind, uint64_t *state)
{
    switch (kind) {
    case NUMBERS_UNIFORM:
        return 100 * splitmix_unit(state);
    case NUMBERS_NORMAL:
        return 5 * normal(state) + 3;
    case NUMBERS_LOGNORMAL:
        return exp(1.5 * normal(state) + 2);
    case NUMBERS_EXPONENTIAL:
        return -10 * log(positive_unit(state));
    case NUMBERS_HEAVY:
        return pow(positive_unit(state), -2);
    case NUMBERS_CONSTANT:
        return 42.5;
    case NUMBERS_NEGATIVE:
        return -exp(normal(state));
    case NUMBERS_MIXED:
        return mixed(state);
    case NUMBERS_POWERS:
        return power(state);
    case NUMBERS_DIGITS:
        return (double)(splitmix(state) % 10);
    case NUMBERS_FAR:
        return 1e9 + normal(state);
    case NUMBERS_ANY:
        return any(state);
    default:
        return 0;
    }
}

void numbers_fill(enum numbers_kind kind, uint64_t seed, double *values,
                  size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = numbers_draw(kind, &seed);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

void numbers_sort(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare);
}

void numbers_permute(size_t *order, size_t count)
{
    size_t i = count - 1;
    while (i > 0 && order[i - 1] > order[i])
        i--;
    if (i == 0)
        return;
    size_t j = count - 1;
    while (order[j] < order[i - 1])
        j--;
    size_t held = order[i - 1];
    order[i - 1] = order[j];
    order[j] = held;
    for (size_t a = i, b = count - 1; a < b; a++, b--) {
        held = order[a];
        order[a] = order[b];
        order[b] = held;
    }
}
