#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A chat completions server for tests, without a model: what it answers is made
of the question (see answer_to). It keeps to the public specification of
OpenAI's interface, so that the official client works with it as with any other
server (tests/interop/test_llm_server.py), and can misbehave in chosen ways.

    llm_server.py [--port N] [--key KEY] [--pace SECONDS]

In tests: Server(faults=[...]) serves in threads of its own. Each request takes
the next fault of the list, or None when there is none left.
"""
import argparse
import collections
import http.server
import json
import queue
import re
import socket
import ssl
import sys
import threading
import time

DEADLINE_S = 30

# name -> what goes wrong. The value of a fault is given as (name, value).
FAULTS = {
    "refuse": "answers a status: (status, headers, error object or text)",
    "redirect": "answers 307 with this Location",
    "no_stream": "answers a completion that does not stream",
    "bytewise": "sends each byte of the body by itself",
    "line_end": "ends lines with this, in place of LF",
    "noise": "sends a byte order mark, comments and empty choices too",
    "bare": "neither usage nor [DONE]",
    "cut": "breaks the connection after so many pieces",
    "end": "ends the body in order after so many pieces, as if all were well",
    "error": "sends this error object after the second piece",
    "finish": "ends with this finish_reason",
    "raw": "sends these bytes in place of the events",
    "linger": "sends all and does not end the body",
    "hang": "sends so many pieces (0: not even headers) and nothing more",
    "flood": "sends pieces until nobody has read for so many seconds",
}


def answer_to(text):
    """The answer as a list of pieces, as tokens would be."""
    answer = "You said: %s\nThat is %d characters, naïvely 🌊 counted." % (
        text, len(text))
    return re.findall(r"\s*\S{1,4}|\s+$", answer)


def text_of(message):
    """A message's content: a text, or a list of parts."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""


class BadRequest(Exception):
    pass


def check(body):
    """As the specification has it; extra members are refused there too."""
    if not isinstance(body, dict):
        raise BadRequest("the body must be an object")
    if not isinstance(body.get("model"), str):
        raise BadRequest("you must provide a model parameter")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages must be a list of at least one")
    for message in messages:
        if message.get("role") not in ("system", "developer", "user",
                                       "assistant", "tool"):
            raise BadRequest("role %r is not one" % message.get("role"))
    options = body.get("stream_options")
    if options is not None and body.get("stream") is not True:
        raise BadRequest("stream_options needs stream")
    if not 0 <= body.get("temperature", 1) <= 2:
        raise BadRequest("temperature must be from 0 to 2")
    for name in ("max_tokens", "max_completion_tokens"):
        if name in body and not (isinstance(body[name], int)
                                 and body[name] > 0):
            raise BadRequest("%s must be a whole number above 0" % name)


class Completion:
    """One answer, as the objects that stand for it on the wire."""

    def __init__(self, body):
        self.model = body["model"]
        pieces = answer_to(text_of(body["messages"][-1]))
        limit = body.get("max_completion_tokens", body.get("max_tokens"))
        self.finish_reason = "stop"
        if limit is not None and limit < len(pieces):
            pieces, self.finish_reason = pieces[:limit], "length"
        self.pieces = pieces
        self.with_usage = (body.get("stream_options") or {}).get(
            "include_usage", False)
        prompt = sum(len(answer_to(text_of(message)))
                     for message in body["messages"])
        self.usage = {"prompt_tokens": prompt,
                      "completion_tokens": len(pieces),
                      "total_tokens": prompt + len(pieces)}

    def base(self, kind):
        return {"id": "chatcmpl-test", "object": kind,
                "created": int(time.time()), "model": self.model,
                "system_fingerprint": "fp_test"}

    def whole(self):
        message = {"role": "assistant", "content": "".join(self.pieces),
                   "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None,
                  "finish_reason": self.finish_reason}
        return {**self.base("chat.completion"), "choices": [choice],
                "usage": self.usage}

    def chunk(self, delta, finish_reason=None):
        chunk = {**self.base("chat.completion.chunk"), "choices": [
            {"index": 0, "delta": delta, "logprobs": None,
             "finish_reason": finish_reason}]}
        if self.with_usage:
            chunk["usage"] = None
        return chunk

    def usage_chunk(self):
        return {**self.base("chat.completion.chunk"), "choices": [],
                "usage": self.usage}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.llm.connections += 1

    def log_message(self, *_):
        pass

    def send_body(self, status, body, headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def send_error_object(self, status, message, kind, code=None, headers=()):
        self.send_body(status, {"error": {
            "message": message, "type": kind, "param": None, "code": code}},
            headers)

    def authorized(self):
        key = self.server.llm.key
        if key is None or self.headers["Authorization"] == "Bearer " + key:
            return True
        self.send_error_object(
            401, "Incorrect API key provided: %s" % self.headers[
                "Authorization"], "invalid_request_error", "invalid_api_key")
        return False

    def do_GET(self):
        if not self.authorized():
            return
        if self.path == "/v1/models":
            self.send_body(200, {"object": "list", "data": [
                {"id": "test", "object": "model", "created": 0,
                 "owned_by": "runnel"}]})
        else:
            self.send_error_object(404, "Unknown path %s" % self.path,
                                   "invalid_request_error")

    def do_POST(self):
        llm = self.server.llm
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.authorized():
            return
        if self.path != "/v1/chat/completions":
            self.send_error_object(404, "Unknown path %s" % self.path,
                                   "invalid_request_error")
            return
        try:
            body = json.loads(data)
            check(body)
        except (ValueError, BadRequest) as error:
            self.send_error_object(400, str(error), "invalid_request_error")
            return
        llm.requests.append(body)
        llm.request_times.append(time.monotonic())
        self.answer(llm, body, llm.next_fault())

    def answer(self, llm, body, fault):
        name, value = fault if isinstance(fault, tuple) else (fault, None)
        if name == "refuse":
            status, headers, error = value
            self.send_body(status, error if isinstance(error, bytes) else
                           {"error": error}, headers)
        elif name == "redirect":
            self.send_body(307, {}, [("Location", value)])
        elif name == "no_stream" or not body.get("stream"):
            self.send_body(200, Completion(body).whole())
        elif name == "hang" and value == 0:
            llm.until_closed(self.connection)
            self.close_connection = True
        else:
            self.stream(llm, Completion(body), name, value)

    def stream(self, llm, completion, name, value):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        out = Events(self, llm, name, value)
        try:
            if script(out, completion, name, value):
                self.wfile.write(b"0\r\n\r\n")
            else:
                self.close_connection = True
        except OSError:
            llm.closed.put("write")
            self.close_connection = True


class Events:
    """Writes server-sent events as chunks of HTTP."""

    def __init__(self, handler, llm, fault, value):
        self.handler = handler
        self.llm = llm
        self.line_end = value if fault == "line_end" else "\n"
        self.step = 1 if fault == "bytewise" else None
        self.stall_s = value if fault == "flood" else None

    def bytes(self, data):
        step = self.step or len(data) or 1
        for at in range(0, len(data), step):
            part = data[at:at + step]
            self.handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))

    def text(self, *lines):
        self.bytes("".join(line + self.line_end for line in lines).encode())

    def event(self, value):
        self.text("data: " + (value if isinstance(value, str)
                              else json.dumps(value)), "")
        if self.llm.pace_s:
            self.llm.stopping.wait(self.llm.pace_s)

    def flood(self, chunk):
        """Until the client closes, or reads no more; then tells how much."""
        data = ("data: %s\n\n" % json.dumps(chunk)).encode()
        data = b"%x\r\n%s\r\n" % (len(data), data)
        sent = 0
        self.handler.connection.settimeout(self.stall_s)
        try:
            while True:
                sent += self.handler.connection.send(data[sent % len(data):])
        except TimeoutError:
            self.llm.stalled.put(sent)
            raise


def script(out, completion, name, value):
    """Sends an answer; False: the connection must be closed now."""
    if name == "raw":
        out.bytes(value)
        return True
    if name == "noise":
        out.bytes(b"\xef\xbb\xbf: hello\n\n")
    out.event(completion.chunk({"role": "assistant", "content": "",
                                "refusal": None}))
    for count, piece in enumerate(completion.pieces):
        if name in ("cut", "end", "hang") and count == value:
            break
        if name == "error" and count == 2:
            out.event({"error": value})
            return True
        if name == "noise":
            out.text(": keep-alive", "", "data", "")
            out.event({"choices": []})
        out.event(completion.chunk({"content": piece}))
    if name == "flood":
        out.flood(completion.chunk({"content": "x" * 1000}))
    if name in ("cut", "hang"):
        if name == "hang":
            out.llm.until_closed(out.handler.connection)
        return False
    if name == "end":
        return True
    out.event(completion.chunk(
        {}, value if name == "finish" else completion.finish_reason))
    if name == "bare":
        return True
    if completion.with_usage:
        out.event(completion.usage_chunk())
    out.event("[DONE]")
    if name == "linger":
        out.llm.until_closed(out.handler.connection)
    return name != "linger"


class HttpServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that breaks a connection is not a fault of the server."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Server:
    """Listens on a port of loopback until stop(). requests has the bodies that
    came; closed gets a word whenever a client has closed a connection in the
    middle of an answer, stalled what it was sent when it stopped reading."""

    def __init__(self, faults=(), key=None, port=0, pace_s=0, tls=None):
        self.key = key
        self.pace_s = pace_s
        self.faults = collections.deque(faults)
        self.requests = []
        self.closed = queue.Queue()
        self.stalled = queue.Queue()
        self.request_times = []
        self.connections = 0
        self.stopping = threading.Event()
        self.http = HttpServer(("127.0.0.1", port), Handler)
        self.http.llm = self
        self.port = self.http.server_address[1]
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.http.socket = context.wrap_socket(
                self.http.socket, server_side=True,
                do_handshake_on_connect=False)
        self.url = "%s://127.0.0.1:%d/v1" % ("https" if tls else "http",
                                            self.port)
        self.thread = threading.Thread(
            target=self.http.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def next_fault(self):
        return self.faults.popleft() if self.faults else None

    def until_closed(self, connection):
        """Waits for the client to close; bytes that it still sends are not
        looked at."""
        connection.settimeout(DEADLINE_S)
        try:
            while connection.recv(4096):
                pass
        except (ConnectionError, ssl.SSLError):
            pass
        except socket.timeout:
            return
        self.closed.put("read")

    def stop(self):
        self.stopping.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(DEADLINE_S)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--key")
    parser.add_argument("--pace", type=float, default=0.03,
                        help="seconds between two pieces")
    arguments = parser.parse_args()
    server = Server(key=arguments.key, port=arguments.port,
                    pace_s=arguments.pace)
    print("serving %s, model test" % server.url, flush=True)
    try:
        server.thread.join()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
