/* SPDX-License-Identifier: Apache-2.0 */
#include "job_id.h"

#include <string.h>

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* Writes the low 5 * count bits, the highest first. */
static void encode(uint64_t bits, int count, char *out)
{
    for (int i = count - 1; i >= 0; i--) {
        out[i] = alphabet[bits & 31];
        bits >>= 5;
    }
}

static uint64_t five_bytes(const uint8_t *bytes)
{
    uint64_t word = 0;
    for (int i = 0; i < 5; i++)
        word = word << 8 | bytes[i];
    return word;
}

void rnl_job_id_make(uint64_t unix_ms,
                     const uint8_t random[RNL_JOB_ID_RANDOM_LEN],
                     char ret_id[RNL_JOB_ID_LEN + 1])
{
    encode(unix_ms & ((UINT64_C(1) << 48) - 1), 10, ret_id);
    encode(five_bytes(random), 8, ret_id + 10);
    encode(five_bytes(random + 5), 8, ret_id + 18);
    ret_id[RNL_JOB_ID_LEN] = '\0';
}

bool rnl_job_id_valid(const char *text)
{
    return strlen(text) == RNL_JOB_ID_LEN &&
           strspn(text, alphabet) == RNL_JOB_ID_LEN;
}
