/* SPDX-License-Identifier: Apache-2.0 */
#include "tls_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h>

/* One block of PEM. */
struct block {
    char *name;
    char *header;
    unsigned char *data;
    long len;
};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static void block_fini(struct block *block)
{
    OPENSSL_free(block->name);
    OPENSSL_free(block->header);
    OPENSSL_clear_free(block->data, block->len > 0 ? (size_t)block->len : 0);
    *block = (struct block){0};
}

static const char *fault_of_blocks(FILE *file, enum rnl_tls_file kind)
{
    bool is_key = kind == RNL_TLS_FILE_KEY;
    struct block block = {0};
    ERR_clear_error();
    while (PEM_read(file, &block.name, &block.header, &block.data,
                    &block.len) == 1) {
        bool found =
            ends_with(block.name, is_key ? "PRIVATE KEY" : "CERTIFICATE");
        bool locked = strstr(block.name, "ENCRYPTED") != NULL ||
                      strstr(block.header, "ENCRYPTED") != NULL;
        block_fini(&block);
        if (found)
            return locked ? "is encrypted with a passphrase" : NULL;
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return "is damaged";
    return is_key ? "has no private key in PEM" : "has no certificate in PEM";
}

const char *rnl_tls_file_fault(const char *path, enum rnl_tls_file kind)
{
    struct stat about;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return strerror(errno);
    const char *fault =
        fstat(fileno(file), &about) == 0 && S_ISDIR(about.st_mode)
            ? "is a directory"
            : fault_of_blocks(file, kind);
    fclose(file);
    ERR_clear_error();
    return fault;
}
