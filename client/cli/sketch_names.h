/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of sketches and layouts of their bytes, as they are typed. */
#ifndef RNL_CLI_SKETCH_NAMES_H
#define RNL_CLI_SKETCH_NAMES_H

#define CLI_SKETCH_KINDS   "unique frequency value latency"
#define CLI_SKETCH_FORMATS "runnel ddsketch otel datasketches redis"

/* The number of the schema (their order here, from 1); 0: no such one. */
int cli_sketch_kind(const char *name);
int cli_sketch_format(const char *name);

#endif
