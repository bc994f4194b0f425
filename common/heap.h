/* SPDX-License-Identifier: Apache-2.0 */
/* How a program holds its memory. */
#ifndef RNL_COMMON_HEAP_H
#define RNL_COMMON_HEAP_H

/*
 * Keeps memory that was freed, up to 64 MiB at the end of the heap, and takes
 * blocks of up to 32 MiB from the heap. The C library would hand each larger
 * block back to the kernel and ask for it again: statistics take and give
 * blocks of some 100 KiB for each stream and second, and half of their time
 * went into page faults. Call it first thing in main. Does nothing where the C
 * library is not glibc, or another one's malloc takes its place.
 */
void rnl_heap_keep(void);

#endif
