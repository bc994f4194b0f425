/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of a kind: a table of what it takes, and one reader that fills a
 * struct of the kind from a job's map of texts, or says what is wrong.
 */
#ifndef RNL_JOBS_OPTIONS_H
#define RNL_JOBS_OPTIONS_H

#include "kind.h"

enum rnl_option_type {
    /* int64_t */
    RNL_OPTION_INT,
    /* double, finite */
    RNL_OPTION_REAL,
    /* const char *, borrowed from the job; min and max bound its length */
    RNL_OPTION_TEXT,
};

struct rnl_option {
    const char *name;
    enum rnl_option_type type;
    /* Where it goes in the kind's struct. */
    size_t offset;
    double min;
    double max;
    /* Value when it is not given: preset for numbers, preset_text for text. */
    double preset;
    const char *preset_text;
};

/* Fills out, a struct of the kind, from job->options. Errors:
 * RNL_INVALID_ARGUMENT with error filled: an option that the table does not
 * have, a value that is no number or out of its range. */
RNL_MUST_USE enum rnl_code rnl_options_read(const struct rnl_option *table,
                                            size_t count,
                                            const Runnel__V1__Job *job,
                                            void *out,
                                            struct rnl_field_error *error);

#endif
