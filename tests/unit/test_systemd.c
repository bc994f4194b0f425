/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "systemd.h"

static int bind_socket(const char *path, size_t len)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, len);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
    return fd;
}

static void expect_word(int fd, const char *word)
{
    char text[64];
    ssize_t len = recv(fd, text, sizeof(text), 0);
    assert_int_equal(len, strlen(word));
    assert_memory_equal(text, word, (size_t)len);
    close(fd);
}

static void the_manager_is_told_over_a_path_or_an_abstract_name(void **state)
{
    (void)state;
    char path[64], name[64];
    snprintf(path, sizeof(path), "/tmp/runnel-notify-%d", (int)getpid());
    int fd = bind_socket(path, strlen(path));
    setenv("NOTIFY_SOCKET", path, 1);
    rnl_systemd_notify("READY=1");
    expect_word(fd, "READY=1");
    unlink(path);
    snprintf(name, sizeof(name), "@runnel-notify-%d", (int)getpid());
    setenv("NOTIFY_SOCKET", name, 1);
    name[0] = '\0';
    fd = bind_socket(name, 1 + strlen(name + 1));
    rnl_systemd_notify("STOPPING=1");
    expect_word(fd, "STOPPING=1");
}

static void without_a_manager_nothing_happens(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    rnl_systemd_notify("READY=1");
    setenv("NOTIFY_SOCKET", "relative", 1);
    rnl_systemd_notify("READY=1");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    assert_int_equal(rnl_systemd_listen_fd(), -1);
}

static void a_socket_is_taken_only_if_it_was_meant_for_us(void **state)
{
    (void)state;
    char pid[32];
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_PID", "1", 1);
    assert_int_equal(rnl_systemd_listen_fd(), -1);
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    assert_int_equal(rnl_systemd_listen_fd(), 3);
    setenv("LISTEN_FDS", "0", 1);
    assert_int_equal(rnl_systemd_listen_fd(), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manager_is_told_over_a_path_or_an_abstract_name),
        cmocka_unit_test(without_a_manager_nothing_happens),
        cmocka_unit_test(a_socket_is_taken_only_if_it_was_meant_for_us),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
