# SPDX-License-Identifier: Apache-2.0
"""One connection: frames, streams, credit (docs/protocol.md)."""
import collections
import socket
import ssl
import time

from google.protobuf.message import DecodeError

from .errors import Code, Error
from .v1 import frame_pb2 as frames

FRAME_BYTES_MAX = 4 * 1024 * 1024
CREDIT_BYTES = 256 * 1024
# Of a frame around a message: two tags, a 32-bit number and a length.
FRAME_HEAD_BYTES_MAX = 1 + 5 + 1 + 5
# The core sends a Ping after 30 s of silence; twice that is no silence.
SILENCE_S = 60


def lost(why):
    return Error(Code.UNAVAILABLE, "the connection was lost: %s" % why)


def encode(frame):
    """A frame after its length."""
    data = frame.SerializeToString()
    length, prefix = len(data), bytearray()
    while length >= 128:
        prefix.append(length & 127 | 128)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + data


def decode(buffer, start=0, limit=FRAME_BYTES_MAX):
    """The frame at start of a buffer, and where it ends; (None, start) if it
    is not whole yet."""
    length = 0
    for at, byte in enumerate(buffer[start:start + 5]):
        length |= (byte & 127) << 7 * at
        if byte < 128:
            break
    else:
        if len(buffer) - start < 5:
            return None, start
        raise lost("bytes that are no frame")
    if length > limit:
        raise lost("a frame of %d bytes is above the limit of %d"
                   % (length, limit))
    begin = start + at + 1
    if len(buffer) - begin < length:
        return None, start
    try:
        frame = frames.Frame.FromString(bytes(buffer[begin:begin + length]))
    except DecodeError as error:
        raise lost("bytes that are no frame") from error
    return frame, begin + length


class Stream:
    """One call. The caller sends and receives encoded messages."""

    def __init__(self, connection, stream_id, deadline):
        self.connection = connection
        self.id = stream_id
        self.deadline = deadline
        self.inbox = collections.deque()
        self.credit = connection.send_credit
        self.consumed = 0
        self.status = None

    def send(self, data):
        """Waits for credit, then sends one message. RESOURCE_EXHAUSTED: the
        core does not take so large a frame; the connection is as it was."""
        if len(data) > self.connection.message_bytes_max:
            raise Error(Code.RESOURCE_EXHAUSTED, "a message of %d bytes is "
                        "above the core's limit of %d"
                        % (len(data), self.connection.message_bytes_max))
        while self.credit <= 0 and self.status is None:
            self.connection.read(self.deadline)
        if self.status is None:
            self.connection.send(self.id, message=data)
            self.credit -= len(data)

    def half_close(self):
        if self.status is None:
            self.connection.send(self.id, half_close=frames.HalfClose())

    def poll(self):
        """Whether receive will not wait. Takes what the socket has."""
        while not self.inbox and self.status is None:
            if not self.connection.read(0):
                return False
        return True

    def receive(self):
        """The next message; None after the last one. Raises Error for any
        other end."""
        while not self.inbox:
            if self.status is not None:
                return self.end()
            self.connection.read(self.deadline)
        data = self.inbox.popleft()
        self.consumed += len(data)
        if self.consumed >= CREDIT_BYTES // 2 and self.status is None:
            self.connection.send(self.id,
                                 credit=frames.Credit(bytes=self.consumed))
            self.consumed = 0
        return data

    def end(self):
        if self.status.code != frames.CODE_OK:
            raise Error.of(self.status)

    def cancel(self):
        """The stream is not wanted any more. Never raises."""
        if self.connection.streams.pop(self.id, None) and self.status is None:
            try:
                self.connection.send(self.id, cancel=frames.Cancel())
            except Error:
                pass


def connect(address, timeout_s, tls):
    """A socket to (HOST, PORT), or to a path."""
    made = None
    try:
        if isinstance(address, str):
            made = socket.socket(socket.AF_UNIX)
            made.settimeout(timeout_s)
            made.connect(address)
            return made
        made = socket.create_connection(address, timeout_s)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made if tls is None else tls.wrap_socket(
            made, server_hostname=address[0])
    except OSError as error:
        if made is not None:
            made.close()
        where = "unix:" + address if isinstance(address, str) else \
            "%s:%d" % address
        raise Error(Code.UNAVAILABLE, "cannot connect to %s: %s" % (
            where, error.strerror or error)) from error


class Connection:
    """Connects and says Hello, by TLS when it is given an ssl.SSLContext.
    Errors of the connection itself are Error with UNAVAILABLE, and leave it
    closed."""

    def __init__(self, address, token="", timeout_s=5, tls=None):
        self.streams = {}
        self.next_id = 1
        self.draining = False
        self.buffer = bytearray()
        self.socket = connect(address, timeout_s, tls)
        self.closed = False
        self.hello = None
        self.send(0, hello=frames.Hello(
            protocol_version=1, agent="runnel-python/0.1", token=token,
            max_frame_bytes=FRAME_BYTES_MAX,
            initial_credit_bytes=CREDIT_BYTES))
        self.await_hello(time.monotonic() + timeout_s)
        self.epoch = self.hello.epoch
        self.send_credit = self.hello.initial_credit_bytes or 262144
        self.message_bytes_max = \
            (self.hello.max_frame_bytes or 1048576) - FRAME_HEAD_BYTES_MAX

    def await_hello(self, deadline):
        try:
            while self.hello is None:
                self.read(deadline)
        except Error as error:
            self.close()
            if error.code == Code.DEADLINE_EXCEEDED:
                raise lost("no Hello in time") from error
            raise

    def close(self):
        self.closed = True
        self.socket.close()

    def call(self, method, deadline=None, metadata=None):
        """Opens a stream; deadline is of time.monotonic."""
        left_ms = 0 if deadline is None else max(
            1, int((deadline - time.monotonic()) * 1000))
        stream = Stream(self, self.next_id, deadline)
        self.next_id += 2
        self.streams[stream.id] = stream
        self.send(stream.id, call=frames.Call(
            method=method, timeout_ms=left_ms, metadata=metadata or {}))
        return stream

    def send(self, stream_id, **body):
        """Sends one frame."""
        if self.closed:
            raise lost("it is closed")
        try:
            self.socket.settimeout(SILENCE_S)
            self.socket.sendall(encode(
                frames.Frame(stream_id=stream_id, **body)))
        except OSError as error:
            self.close()
            raise lost(error.strerror or error) from error

    def read(self, deadline=None):
        """Waits for bytes and handles the frames that are whole then. False:
        the deadline was 0 and there is nothing."""
        if self.closed:
            raise lost("it is closed")
        try:
            if not self.fill(deadline):
                return False
            self.take_frames()
        except Error as error:
            if error.code != Code.DEADLINE_EXCEEDED:
                self.close()
            raise
        return True

    def fill(self, deadline):
        wait_s = SILENCE_S if deadline is None else min(
            SILENCE_S, max(0, deadline - time.monotonic()))
        try:
            self.socket.settimeout(wait_s)
            data = self.socket.recv(262144)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError) as error:
            if deadline == 0:
                return False
            if wait_s < SILENCE_S:
                raise Error(Code.DEADLINE_EXCEEDED,
                            "no answer in time") from error
            raise lost("no sign of life for %d s" % SILENCE_S) from error
        except OSError as error:
            raise lost(error.strerror or error) from error
        if not data:
            raise lost("closed by the core")
        self.buffer += data
        return True

    def take_frames(self):
        frame, end = decode(self.buffer)
        while frame is not None:
            self.take(frame)
            frame, end = decode(self.buffer, end)
        del self.buffer[:end]

    def take(self, frame):
        body = frame.WhichOneof("body")
        stream = self.streams.get(frame.stream_id)
        if body == "message" and stream:
            stream.inbox.append(frame.message)
        elif body == "credit" and stream:
            stream.credit += frame.credit.bytes
        elif body == "status" and stream:
            stream.status = frame.status
            del self.streams[frame.stream_id]
        elif body == "status" and frame.stream_id == 0:
            raise Error.of(frame.status)
        elif body == "ping":
            self.send(0, pong=frames.Pong(opaque=frame.ping.opaque))
        elif body == "go_away":
            self.draining = True
        elif body == "hello" and self.hello is None:
            self.hello = frame.hello
