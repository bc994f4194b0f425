/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers as JSON in the canonical protobuf mapping: lowerCamelCase names,
 * 64-bit integers as strings, enums by name, times in RFC 3339. --json prints
 * these values as they are and the views for people are drawn from them, so
 * that the two cannot tell different things.
 *
 * The readers take a path, "uniqueKeys.value", and give a plain default for
 * what is absent, as protobuf does.
 */
#ifndef RNL_CLI_JSON_H
#define RNL_CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "buf.h"

/* Returns value; exits the program when it is NULL, out of memory. */
json_t *cli_json_must(json_t *value);

/* New empty values. */
json_t *cli_json_object(void);
json_t *cli_json_array(void);

/* Set a member. Text that is not UTF-8 is made harmless first; NULL is "". A
 * number that is not finite becomes the string that protobuf gives it. */
void cli_json_set(json_t *object, const char *name, json_t *value);
void cli_json_set_text(json_t *object, const char *name, const char *text);
void cli_json_set_number(json_t *object, const char *name, double number);
void cli_json_set_u32(json_t *object, const char *name, uint32_t number);
void cli_json_set_u64(json_t *object, const char *name, uint64_t number);
void cli_json_set_bool(json_t *object, const char *name, bool truth);

/* RFC 3339 in UTC; left out when time_ms is 0, which stands for no time. */
void cli_json_set_time(json_t *object, const char *name, int64_t time_ms);

/* The member at a path, or NULL. */
const json_t *cli_json_at(const json_t *object, const char *path);

const char *cli_json_text(const json_t *object, const char *path);
double cli_json_number(const json_t *object, const char *path);
uint64_t cli_json_u64(const json_t *object, const char *path);
bool cli_json_bool(const json_t *object, const char *path);

/* Milliseconds since 1970; 0 when absent. */
int64_t cli_json_time_ms(const json_t *object, const char *path);

/* Adds a value as one line of text, without the line end. */
void cli_json_add(struct cli_buf *buf, const json_t *value);

#endif
