/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include <runnel/v1/admin.pb-c.h>
#include <runnel/v1/events.pb-c.h>
#include <runnel/v1/jobs.pb-c.h>
#include <runnel/v1/stats.pb-c.h>
#include <runnel/v1/workers.pb-c.h>

#include "rpc_methods.h"

static const ProtobufCServiceDescriptor *const services[] = {
    &runnel__v1__admin_service__descriptor,
    &runnel__v1__event_service__descriptor,
    &runnel__v1__job_service__descriptor,
    &runnel__v1__stats_service__descriptor,
    &runnel__v1__worker_service__descriptor,
};
#define SERVICE_COUNT (sizeof(services) / sizeof(services[0]))

static const struct rnl_rpc_method *find(const char *name)
{
    return rnl_rpc_method_find(name, strlen(name));
}

static void the_table_is_what_protobuf_c_knows_of_the_schema(void **state)
{
    (void)state;
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        for (unsigned m = 0; m < services[i]->n_methods; m++) {
            const ProtobufCMethodDescriptor *method = &services[i]->methods[m];
            char name[128];
            snprintf(name, sizeof(name), "%s/%s", services[i]->name,
                     method->name);
            const struct rnl_rpc_method *found = find(name);
            if (found == NULL) {
                fail_msg("%s", name);
                return;
            }
            assert_ptr_equal(found->request, method->input);
            assert_ptr_equal(found->response, method->output);
        }
    }
}

static void streams_are_those_of_the_schema(void **state)
{
    (void)state;
    const struct rnl_rpc_method *watch = find("runnel.v1.JobService/WatchJob");
    assert_true(watch->server_streams);
    assert_false(watch->client_streams);
    const struct rnl_rpc_method *work = find("runnel.v1.WorkerService/Work");
    assert_true(work->server_streams);
    assert_true(work->client_streams);
    const struct rnl_rpc_method *get = find("runnel.v1.JobService/GetJob");
    assert_false(get->server_streams || get->client_streams);
}

static void what_changes_something_is_not_safe(void **state)
{
    static const char *const safe[] = {"Get", "List", "Export"};
    (void)state;
    for (const struct rnl_rpc_method *method = rnl_rpc_methods;
         method->name != NULL; method++) {
        const char *name = strchr(method->name, '/') + 1;
        bool want = false;
        for (size_t i = 0; i < 3; i++)
            want = want || strncmp(name, safe[i], strlen(safe[i])) == 0;
        if (method->no_side_effects && !want)
            fail_msg("%s", method->name);
    }
    assert_true(find("runnel.v1.JobService/GetJob")->no_side_effects);
    assert_false(find("runnel.v1.JobService/DeleteJob")->no_side_effects);
}

static void another_name_is_none(void **state)
{
    (void)state;
    assert_null(find(""));
    assert_null(find("runnel.v1.JobService/GetJo"));
    assert_null(find("runnel.v1.JobService/GetJobs"));
    assert_null(find("runnel.v1.jobservice/GetJob"));
    assert_true(rnl_rpc_path_is("/runnel.v1.X/Y", 14));
    assert_false(rnl_rpc_path_is("/runnel.v1", 10));
    assert_false(rnl_rpc_path_is("/v1/jobs", 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_what_protobuf_c_knows_of_the_schema),
        cmocka_unit_test(streams_are_those_of_the_schema),
        cmocka_unit_test(what_changes_something_is_not_safe),
        cmocka_unit_test(another_name_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
