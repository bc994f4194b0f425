# SPDX-License-Identifier: Apache-2.0
"""Waiting before something is tried again."""
import random
import time

BACKOFF_FIRST_S = 0.1
BACKOFF_LAST_S = 10


class Backoff:
    """Waits between attempts: doubled each time, with jitter of a half."""

    def __init__(self):
        self.wait_s = BACKOFF_FIRST_S

    def reset(self):
        self.wait_s = BACKOFF_FIRST_S

    def wait(self, error):
        wait_s = max(self.wait_s, error.retry_delay_ms / 1000)
        time.sleep(wait_s * (0.5 + random.random() / 2))
        self.wait_s = min(2 * self.wait_s, BACKOFF_LAST_S)
