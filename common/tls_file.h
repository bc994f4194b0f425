/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a file of certificates or keys cannot be used, in words. OpenSSL says
 * "PEM lib" for all of it, so the file is looked at once more.
 */
#ifndef RNL_COMMON_TLS_FILE_H
#define RNL_COMMON_TLS_FILE_H

enum rnl_tls_file {
    RNL_TLS_FILE_CERTIFICATE,
    RNL_TLS_FILE_KEY,
};

/* A phrase that follows the file's name: "No such file or directory", "has no
 * certificate in PEM". NULL: nothing is wrong as far as it can see, but for
 * what is inside of a block. Valid until the next call of strerror. */
const char *rnl_tls_file_fault(const char *path, enum rnl_tls_file kind);

#endif
