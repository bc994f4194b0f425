/* SPDX-License-Identifier: Apache-2.0 */
#include "methods.h"

#include <assert.h>
#include <string.h>

#include <runnel/v1/admin.pb-c.h>
#include <runnel/v1/events.pb-c.h>
#include <runnel/v1/jobs.pb-c.h>
#include <runnel/v1/stats.pb-c.h>
#include <runnel/v1/tokens.pb-c.h>
#include <runnel/v1/workers.pb-c.h>

#include "fnv.h"

static const ProtobufCServiceDescriptor *const schema[] = {
    &runnel__v1__admin_service__descriptor,
    &runnel__v1__event_service__descriptor,
    &runnel__v1__job_service__descriptor,
    &runnel__v1__stats_service__descriptor,
    &runnel__v1__token_service__descriptor,
    &runnel__v1__worker_service__descriptor,
};

static size_t slot_of(const uint8_t *name, size_t len)
{
    return rnl_fnv1a(name, len) % RNL_METHOD_SLOTS;
}

static bool has_name(const struct rnl_method *method, const uint8_t *name,
                     size_t len)
{
    return strlen(method->name) == len && memcmp(method->name, name, len) == 0;
}

void rnl_methods_add(struct rnl_methods *methods,
                     const struct rnl_service *service)
{
    for (size_t i = 0; i < service->method_count; i++) {
        const struct rnl_method *method = &service->methods[i];
        const uint8_t *name = (const uint8_t *)method->name;
        size_t len = strlen(method->name);
        assert(method->on_message != NULL);
        assert(rnl_methods_find(methods, name, len) == NULL);
        assert(methods->count < RNL_METHOD_SLOTS / 2);
        size_t slot = slot_of(name, len);
        while (methods->slots[slot] != NULL)
            slot = (slot + 1) % RNL_METHOD_SLOTS;
        methods->slots[slot] = method;
        methods->count++;
    }
}

const struct rnl_method *rnl_methods_find(const struct rnl_methods *methods,
                                          const uint8_t *name, size_t len)
{
    if (len == 0)
        return NULL;
    size_t slot = slot_of(name, len);
    while (methods->slots[slot] != NULL) {
        if (has_name(methods->slots[slot], name, len))
            return methods->slots[slot];
        slot = (slot + 1) % RNL_METHOD_SLOTS;
    }
    return NULL;
}

static bool service_has(const ProtobufCServiceDescriptor *service,
                        const uint8_t *name, size_t len)
{
    size_t prefix = strlen(service->name);
    if (len <= prefix || memcmp(name, service->name, prefix) != 0 ||
        name[prefix] != '/')
        return false;
    const char *rest = (const char *)name + prefix + 1;
    size_t rest_len = len - prefix - 1;
    for (unsigned i = 0; i < service->n_methods; i++) {
        const char *method = service->methods[i].name;
        if (strlen(method) == rest_len && memcmp(method, rest, rest_len) == 0)
            return true;
    }
    return false;
}

bool rnl_methods_in_schema(const uint8_t *name, size_t len)
{
    for (size_t i = 0; i < sizeof(schema) / sizeof(schema[0]); i++)
        if (service_has(schema[i], name, len))
            return true;
    return false;
}
