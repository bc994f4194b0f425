/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker of kind llm is told by flags and the environment: which server,
 * with which key, which models, how patient. The key comes from a file or from
 * OPENAI_API_KEY, never from a flag, which every user of the machine can read.
 */
#ifndef RNL_CLI_LLM_SETUP_H
#define RNL_CLI_LLM_SETUP_H

#include "context.h"
#include "llm_task.h"

struct cli_llm_setup {
    struct cli_llm_server server;
    struct cli_llm_use use;
    /* What the others point to. */
    char *url;
    char *key;
    const char **models;
};

/* The command line asks for such a worker: it names the server, or no program
 * to run. */
bool cli_llm_setup_wanted(const struct cli_args *args);

/* Returns an exit status, the error was told. setup->use.pool is made too;
 * cli_llm_setup_fini in any case. */
int cli_llm_setup_init(struct cli_context *context, const struct cli_args *args,
                       struct cli_llm_setup *setup);
void cli_llm_setup_fini(struct cli_llm_setup *setup);

#endif
