/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two small protocols of a service manager, spoken by hand: notification
 * of readiness (sd_notify(3)) and a listening socket passed at start
 * (sd_listen_fds(3)). Without a manager both do nothing.
 */
#ifndef RNL_COMMON_SYSTEMD_H
#define RNL_COMMON_SYSTEMD_H

/* Sends "READY=1" or the like to $NOTIFY_SOCKET, best effort. */
void rnl_systemd_notify(const char *state);

/* Returns the descriptor of the socket passed, or -1 when there is none. */
int rnl_systemd_listen_fd(void);

#endif
