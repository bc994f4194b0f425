# SPDX-License-Identifier: Apache-2.0
"""How calls fail: gRPC's codes."""
import enum

from .v1 import frame_pb2

Code = enum.IntEnum("Code", {name.removeprefix("CODE_"): number for
                             name, number in frame_pb2.Code.items()})


class Error(Exception):
    """A call, or the connection, ended with this status."""

    def __init__(self, code, message, status=None, retry_delay_ms=0):
        super().__init__("%s: %s" % (Code(code).name, message))
        self.code = Code(code)
        self.message = message
        # [(field, description)] of an invalid request.
        self.violations = []
        # Not 0: repeating it may succeed after this time. In a worker's
        # handler: that of the next attempt, at most a day.
        self.retry_delay_ms = retry_delay_ms
        # With OUT_OF_RANGE of a watch.
        self.first_available_sequence = 0
        if status is not None:
            self.violations = [(one.field, one.description)
                               for one in status.violations]
            self.retry_delay_ms = status.retry_delay_ms
            self.first_available_sequence = status.first_available_sequence

    @classmethod
    def of(cls, status):
        """Makes one of a Status as it came, of whatever later version."""
        known = status.code in Code._value2member_map_
        return cls(status.code if known else Code.UNKNOWN, status.message,
                   status)

    @property
    def resumable(self):
        """A watch or an ingest that was lost this way can go on."""
        return self.code == Code.UNAVAILABLE or (
            self.code == Code.RESOURCE_EXHAUSTED and self.retry_delay_ms > 0)
