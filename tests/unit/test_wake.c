/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "wake.h"

static struct wake wake = WAKE_INIT;

static void *send_two(void *arg)
{
    wake_send(arg);
    wake_send(arg);
    return NULL;
}

/* Before it is waited for, or while it is. */
static void a_wake_up_of_another_thread_is_not_lost(void **state)
{
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, send_two, &wake), 0);
    wake_await(&wake);
    wake_await(&wake);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(wake.count, 0);
}

static void what_is_forgotten_wakes_nobody(void **state)
{
    (void)state;
    wake_send(&wake);
    wake_forget(&wake);
    assert_int_equal(wake.count, 0);
    wake_send(&wake);
    wake_await(&wake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wake_up_of_another_thread_is_not_lost),
        cmocka_unit_test(what_is_forgotten_wakes_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
