/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a store in files. */
#ifndef RNL_TEST_STORE_FOLDER_H
#define RNL_TEST_STORE_FOLDER_H

/* Removes the files that a store has, and the folder. Returns 0, or -1 with
 * errno when the folder stays: something else is in it. */
int store_folder_remove(const char *folder);

#endif
