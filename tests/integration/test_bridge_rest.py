#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The paths of the bridge: answers, errors, limits, mapping, files.

    test_bridge_rest.py BIN_DIR [unittest arguments]
"""
import base64
import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

import bridge_rig as rig
from bridge_rig import Bridge, Core, create, echo, raw, request

ORIGIN = "https://console.example"
BODY_MAX = 65536


class Rest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="runnel-web-")
        for name, text in (("index.html", "<!doctype html>hello"),
                           ("app.js", "export {}"), ("app.css", "a{}"),
                           ("runnel.js", "export {}"),
                           ("runnel.d.ts", "export {}"),
                           ("icon.svg", "<svg/>"), ("data.json", "{}"),
                           ("big.txt", "0123456789" * 20000)):
            with open(os.path.join(cls.root, name), "w") as file:
                file.write(text)
        cls.core = Core()
        cls.bridge = Bridge(
            cls.core, "--web-root", cls.root, "--cors-origin",
            "http://other.example, " + ORIGIN, "--max-body-bytes",
            str(BODY_MAX)).ready()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.bridge.stop()
        finally:
            cls.core.stop()
            shutil.rmtree(cls.root)

    def get(self, path, **headers):
        return request(self.bridge, "GET", path, headers=headers)

    def assert_problem(self, answer, status, code, *fields):
        """An error as RFC 9457 has it, naming the fields."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["content-type"],
                         "application/problem+json")
        problem = answer.json()
        self.assertEqual(problem["status"], status)
        self.assertEqual(problem["code"], code, problem)
        self.assertEqual(problem["type"], "about:blank")
        self.assertTrue(problem["title"] and problem["detail"], problem)
        self.assertEqual([v["field"] for v in problem.get("violations", [])],
                         list(fields), problem)
        for violation in problem.get("violations", []):
            self.assertTrue(violation["description"], problem)
        return problem


class Early(Rest):
    """What comes while the answer to the request before is not there yet."""

    def ask(self, *asked, shut=False):
        """Pipelined in one write each, the first with a job to look up."""
        job = echo(self.bridge, "early")
        rig.wait_end(self.bridge, job)
        head = "GET /v1/jobs/%s%%s HTTP/1.1\r\nHost: h\r\n%%s\r\n" % job
        with socket.create_connection(self.bridge.target,
                                      rig.DEADLINE_S) as sock:
            for number, (query, more) in enumerate(asked):
                if number == len(asked) - 1:
                    more += "Connection: close\r\n"
                sock.sendall((head % (query, more)).encode())
            if shut:
                sock.shutdown(socket.SHUT_WR)
            return rig.read_all(sock)

    def test_requests_in_a_row_are_answered_in_their_order(self):
        answers = self.ask(("", ""), ("?include_input=true", ""), ("?x=1", ""),
                           ("", "")).split(b"HTTP/1.1 ")[1:]
        self.assertEqual([answer[:3] for answer in answers],
                         [b"200", b"200", b"400", b"200"])
        self.assertNotIn(b'"early"', answers[0])
        self.assertIn(b'"early"', answers[1])

    def test_many_bytes_at_once_wait_their_turn(self):
        answer = self.ask(*[("", "X-Filler: %s\r\n" % ("y" * 8000))] * 60)
        self.assertEqual(answer.count(b"HTTP/1.1 200"), 60)

    def test_who_has_said_all_is_still_answered(self):
        answer = self.ask(("", ""), shut=True)
        self.assertTrue(answer.startswith(b"HTTP/1.1 200"), answer)


class Jobs(Rest):
    def test_output_of_which_the_oldest_has_gone(self):
        job = create(self.bridge, kind="echo", input={"text": "y" * 60000},
                     options={"chunk_bytes": "20"},
                     keepNewestBytes="65536")
        ended = rig.wait_end(self.bridge, job["id"])
        self.assertEqual(ended["keepNewestBytes"], "65536")
        self.assertGreater(int(ended["firstSequence"]), 1)
        self.assert_problem(self.get("/v1/jobs/%s/output" % job["id"]), 410,
                            "OUT_OF_RANGE")
        answer = request(self.bridge, "POST", "/v1/jobs",
                         kind="echo", keepNewestBytes="7")
        self.assert_problem(answer, 400, "INVALID_ARGUMENT",
                            "keep_newest_bytes")

    def test_the_life_of_a_job(self):
        answer = request(self.bridge, "POST", "/v1/jobs", kind="echo",
                         input={"text": "hello"}, labels={"team": "a"})
        self.assertEqual(answer.status, 201)
        job = answer.json()["job"]
        self.assertEqual(answer.headers["location"], "/v1/jobs/" + job["id"])
        self.assertRegex(job["id"], r"^[0-9a-z]{26}$")
        ended = rig.wait_end(self.bridge, job["id"])
        self.assertEqual(ended["state"], "JOB_STATE_SUCCEEDED")
        self.assertEqual(ended["outputBytes"], "5")
        self.assertEqual(ended["labels"], {"team": "a"})
        self.assertNotIn("input", ended)
        answer = self.get("/v1/jobs/%s?include_input=true" % job["id"])
        self.assertEqual(answer.json()["job"]["input"]["text"], "hello")
        answer = request(self.bridge, "DELETE", "/v1/jobs/" + job["id"])
        self.assertEqual((answer.status, answer.json()), (200, {}))
        self.assert_problem(self.get("/v1/jobs/" + job["id"]), 404,
                            "NOT_FOUND")

    def test_cancel_with_and_without_a_reason(self):
        for more in ({}, {"reason": "enough"}):
            job = echo(self.bridge, "ab", chunk_bytes=1, pace_ms=60000)
            answer = request(self.bridge, "POST", "/v1/jobs/%s/cancel" % job,
                             **more)
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.json()["job"]["state"],
                             "JOB_STATE_CANCELLED")
            if more:
                self.assertIn("enough",
                              answer.json()["job"]["error"]["message"])

    def test_a_running_job_is_not_deleted(self):
        job = echo(self.bridge, "ab", chunk_bytes=1, pace_ms=60000)
        answer = request(self.bridge, "DELETE", "/v1/jobs/" + job)
        self.assert_problem(answer, 400, "FAILED_PRECONDITION")
        request(self.bridge, "POST", "/v1/jobs/%s/cancel" % job)

    def test_the_same_key_answers_the_same_job(self):
        body = json.dumps({"kind": "echo", "input": {"text": "once"}})
        first, again = (request(self.bridge, "POST", "/v1/jobs", body,
                                {"Idempotency-Key": "k-1"})
                        for _ in range(2))
        self.assertEqual((first.status, again.status), (201, 200))
        self.assertEqual(first.json()["job"]["id"], again.json()["job"]["id"])
        self.assertTrue(again.json()["existing"])
        other = request(self.bridge, "POST", "/v1/jobs", '{"kind":"echo"}',
                        {"Idempotency-Key": "k-1"})
        self.assert_problem(other, 409, "ALREADY_EXISTS")
        for key in ("\xff", "a b", "\u00e4".encode().decode("latin-1")):
            answer = request(self.bridge, "POST", "/v1/jobs", body,
                             {"Idempotency-Key": key})
            self.assert_problem(answer, 400, "INVALID_ARGUMENT",
                                "Idempotency-Key")

    def test_lists_with_filters_and_pages(self):
        ids = [create(self.bridge, kind="echo", labels={
            "list": "x", "n": str(i % 2)})["id"] for i in range(7)]
        for job in ids:
            rig.wait_end(self.bridge, job)
        query = "/v1/jobs?labels.list=x&state=succeeded&page_size=3"
        seen, token = [], ""
        while True:
            answer = self.get(query + "&page_token=" + token).json()
            seen += [job["id"] for job in answer.get("jobs", [])]
            token = answer.get("nextPageToken", "")
            if not token:
                break
        # Those of one millisecond come in the order of their ids.
        self.assertEqual(seen, sorted(ids, reverse=True))
        for more, count in (("&labels.n=1", 3), ("&kind=echo", 7),
                            ("&kind=other", 0), ("&states=JOB_STATE_FAILED", 0)):
            answer = self.get("/v1/jobs?labels.list=x" + more).json()
            self.assertEqual(len(answer.get("jobs", [])), count, more)

    def test_the_mapping(self):
        job = create(self.bridge, kind="echo", priority=-5,
                     input={"data": base64.b64encode(b"\x00\xff").decode()},
                     retention="90.5s", not_before="2020-01-01T00:00:00.25Z",
                     deadline=None, retry={"maxAttempts": 2,
                                           "initialBackoff": "0.001s"})
        self.assertEqual(job["priority"], -5)
        self.assertEqual(job["retention"], "90.500s")
        self.assertEqual(job["inputBytes"], "2")
        self.assertEqual(job["retry"]["maxAttempts"], 2)
        self.assertRegex(job["createTime"],
                         r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3,9})?Z$")
        self.assertRegex(job["lastSequence"], r"^\d+$")
        self.assertRegex(job["state"], "^JOB_STATE_[A-Z]+$")

    def test_bad_bodies_name_the_place(self):
        post = lambda body, **headers: request(
            self.bridge, "POST", "/v1/jobs", body, headers)
        for body, field in (
                ('{"kind":"echo","labels":{"a":1}}', "labels.a"),
                ('{"kind":7}', "kind"),
                ('{"kind":"echo","nope":1}', "nope"),
                ('{"kind":"echo","priority":1.5}', "priority"),
                ('{"kind":"echo","priority":"x"}', "priority"),
                ('{"kind":"echo","priority":9e99}', "priority"),
                ('{"kind":"echo","deadline":"tomorrow"}', "deadline"),
                ('{"kind":"echo","retention":"1h"}', "retention"),
                ('{"kind":"echo","retry":[]}', "retry"),
                ('{"kind":"echo","retry":{"maxAttempts":-1}}',
                 "retry.maxAttempts"),
                ('{"kind":"echo","input":{"data":"%%%"}}', "input.data"),
                ('{"kind":"echo","input":{"text":"a","data":""}}',
                 "input.data"),
                ('{"kind":"echo","idempotencyKey":"a","idempotency_key":"b"}',
                 "idempotencyKey"),
                ('{"kind":"NO"}', "kind"),
                ('{"kind":"echo","options":{"pace_ms":"x"}}',
                 "options.pace_ms")):
            problem = self.assert_problem(post(body), 400, "INVALID_ARGUMENT",
                                          field)
            self.assertIn(field, problem["detail"])
        for body in ("{", "[]", "7", '"x"', "null", "{}}", '{"a":1,"a":2}',
                     '{"kind":"\\ud800"}', "\xff", '{"kind":"e\\u0000"}',
                     "[" * 30000, '{"a":' * 5000, "nul"):
            answer = post(body.encode("latin-1"))
            self.assertEqual(answer.status, 400, body[:20])
            self.assertEqual(answer.json()["code"], "INVALID_ARGUMENT")
        self.assertIn("line 2", post("{\n x}").json()["detail"])

    def test_bodies_of_another_type(self):
        for kind in ("text/plain", "application/x-www-form-urlencoded",
                     "application/jsonx", ""):
            answer = request(self.bridge, "POST", "/v1/jobs",
                             '{"kind":"echo"}', {"content-type": kind})
            self.assert_problem(answer, 415, "INVALID_ARGUMENT")
        for kind in ("application/json", "Application/JSON; charset=utf-8"):
            answer = request(self.bridge, "POST", "/v1/jobs",
                             '{"kind":"echo"}', {"content-type": kind})
            self.assertEqual(answer.status, 201)

    def test_bad_parameters_are_named(self):
        for query, field in (("page_size=x", "page_size"),
                             ("page_size=-1", "page_size"),
                             ("page_size=99999999999", "page_size"),
                             ("pageSize=1&page_size=2", "page_size"),
                             ("state=LOST", "state"), ("nope=1", "nope"),
                             ("kind=a&kind=b", "kind"),
                             ("page_size=1001", "page_size"),
                             ("page_token=zzz", "page_token")):
            answer = self.get("/v1/jobs?" + query)
            self.assertEqual(answer.status, 400, answer)
            got = answer.json()["violations"][0]["field"]
            self.assertEqual(snake(got), field, answer)
        for query in ("kind=%zz", "kind=%", "kind=%00", "kind=%ff", "%ff=1"):
            self.assert_problem(self.get("/v1/jobs?" + query), 400,
                                "INVALID_ARGUMENT")

    def test_ids_that_are_none(self):
        for job in ("x", "0" * 26, "0" * 25, "0" * 27, "a" * 1024, "%20",
                    "%E2%82%AC"):
            answer = self.get("/v1/jobs/" + job)
            self.assertIn(answer.status, (400, 404), job)
            self.assertIn(answer.json()["code"],
                          ("NOT_FOUND", "INVALID_ARGUMENT"))
        self.assert_problem(self.get("/v1/jobs/%ff"), 400, "INVALID_ARGUMENT")


def snake(name):
    return re.sub("([A-Z])", lambda m: "_" + m.group(1).lower(), name)


class Http(Rest):
    def test_unknown_paths(self):
        for path in ("/v1", "/v1/", "/v1/none", "/v1/jobs/", "/v1/jobs/a/b",
                     "/v1/jobs/a/events/x", "/v1//jobs"):
            self.assert_problem(self.get(path), 404, "NOT_FOUND")

    def test_wrong_methods(self):
        for method, path, allow in (
                ("PUT", "/v1/jobs", "POST, GET, HEAD"),
                ("PATCH", "/v1/jobs/a", "GET, HEAD, DELETE"),
                ("DELETE", "/v1/jobs", "POST, GET, HEAD"),
                ("POST", "/healthz", "GET, HEAD"),
                ("HEAD", "/v1/jobs/a/events", "GET"),
                ("GET", "/v1/jobs/a/cancel", "POST"),
                ("TRACE", "/v1/info", "GET, HEAD"),
                ("BREW", "/v1/info", "GET, HEAD")):
            answer = request(self.bridge, method, path)
            self.assertEqual(answer.status, 405, (method, path))
            self.assertEqual(answer.headers["allow"], allow)

    def test_the_limits_of_core_and_bridge_are_told(self):
        bridge = Bridge(self.core, "--max-request-rate", "500", "--threads",
                        "2", "--max-connections", "333",
                        "--max-address-connections", "44",
                        "--max-body-bytes", "5M").ready()
        self.addCleanup(bridge.stop)
        info = request(bridge, "GET", "/v1/info").json()
        self.assertEqual(info["httpLimits"], {
            "workers": 2, "maxRequestRate": 500, "maxConnections": 333,
            "maxAddressConnections": 44, "maxBodyBytes": str(5 << 20)})
        self.assertEqual((info["limits"]["maxBatchEvents"],
                          info["limits"]["maxKeyBytes"]), (65536, 256))

    def test_head_is_get_without_the_body(self):
        for path in ("/v1/info", "/v1/jobs", "/healthz", "/openapi.json",
                     "/v1/jobs/" + rig.NO_JOB, "/v1/none"):
            head = request(self.bridge, "HEAD", path)
            get = self.get(path)
            self.assertEqual(head.status, get.status, path)
            self.assertEqual(head.body, b"")
            if path != "/v1/info":
                self.assertEqual(head.headers["content-length"],
                                 get.headers["content-length"], path)

    def test_options_and_preflights(self):
        answer = request(self.bridge, "OPTIONS", "/v1/jobs", headers={
            "Origin": ORIGIN, "Access-Control-Request-Method": "POST"})
        self.assertEqual((answer.status, answer.body), (204, b""))
        for header, value in (
                ("allow", "POST, GET, HEAD"),
                ("access-control-allow-methods", "POST, GET, HEAD"),
                ("access-control-allow-origin", ORIGIN), ("vary", "origin")):
            self.assertEqual(answer.headers[header], value)
        allowed = answer.headers["access-control-allow-headers"].split(", ")
        self.assertLessEqual({"authorization", "content-type", "idempotency-key",
                              "last-event-id"}, set(allowed))
        answer = request(self.bridge, "OPTIONS", "/v1/none")
        self.assertEqual(answer.status, 404)

    def test_pages_of_other_origins(self):
        """They may read only when listed, and change nothing unless."""
        body = '{"kind":"echo"}'
        own = "http://%s:%d" % self.bridge.target
        for origin, reads, writes in (
                (ORIGIN, True, 201), ("http://other.example", True, 201),
                (own, False, 201), ("https://evil.example", False, 403),
                ("null", False, 403), (ORIGIN + ".evil", False, 403),
                ("http://127.0.0.1:1", False, 403)):
            answer = self.get("/v1/info", Origin=origin)
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers["access-control-allow-origin"],
                             origin if reads else None)
            answer = request(self.bridge, "POST", "/v1/jobs", body,
                             {"Origin": origin})
            self.assertEqual(answer.status, writes, origin)

    def test_pages_of_other_origins_import_the_client(self):
        """A module is fetched as CORS has it; the console's files are not for
        others."""
        for path in ("/runnel.js", "/runnel.d.ts"):
            for origin, reads in ((ORIGIN, True), (None, False),
                                  ("https://evil.example", False)):
                headers = {"Origin": origin} if origin else {}
                answer = self.get(path, **headers)
                self.assertEqual(answer.status, 200)
                self.assertEqual(
                    answer.headers["access-control-allow-origin"],
                    ORIGIN if reads else None)
                # One copy in a cache must not answer both.
                self.assertEqual(answer.headers["vary"], "origin")
            again = self.get(path, Origin=ORIGIN,
                             **{"If-None-Match": answer.headers["etag"]})
            self.assertEqual(again.status, 304)
            self.assertEqual(again.headers["access-control-allow-origin"],
                             ORIGIN)
        self.assertIsNone(self.get("/app.js", Origin=ORIGIN).headers[
            "access-control-allow-origin"])

    def test_bodies_in_gzip(self):
        plain = b'{"kind":"echo","input":{"text":"%s"}}' % (b"x" * 1000)
        packed = gzip.compress(plain)
        for encoding in "gzip", "GZIP":
            answer = request(self.bridge, "POST", "/v1/jobs", packed,
                             {"content-encoding": encoding})
            self.assertEqual(answer.status, 201, answer)
        for body in packed[:-1], plain, packed + b"x":
            answer = request(self.bridge, "POST", "/v1/jobs", body,
                             {"content-encoding": "gzip"})
            self.assert_problem(answer, 400, "INVALID_ARGUMENT")
            self.assertIn("the body is not gzip", answer.json()["detail"])
        bomb = gzip.compress(b" " * (BODY_MAX + 1))
        answer = request(self.bridge, "POST", "/v1/jobs", bomb,
                         {"content-encoding": "gzip"})
        self.assert_problem(answer, 413, "RESOURCE_EXHAUSTED")
        self.assertIn("%d bytes" % BODY_MAX, answer.json()["detail"])
        csv = gzip.compress(b"key\n" + b"a\n" * 1000)
        answer = request(self.bridge, "POST", "/v1/streams/packed/events", csv,
                         {"content-encoding": "gzip",
                          "content-type": "text/csv"})
        self.assertEqual(answer.json(), {"acceptedEvents": 1000})

    def test_bodies_in_what_is_not_understood(self):
        for encoding in "br", "gzip, gzip", "deflate", "x" * 200:
            answer = request(self.bridge, "POST", "/v1/jobs", '{"kind":"echo"}',
                             {"content-encoding": encoding})
            self.assert_problem(answer, 415, "INVALID_ARGUMENT")
            self.assertIn("content-encoding: ", answer.json()["detail"])
            self.assertEqual(answer.headers["accept-encoding"],
                             "identity, gzip")
        answer = request(self.bridge, "POST", "/v1/jobs", '{"kind":"echo"}',
                         {"content-encoding": "identity"})
        self.assertEqual(answer.status, 201, answer)

    def test_lists_that_could_never_match(self):
        for flag, value in (
                ("cors-origin", "x"), ("cors-origin", "https://a/b"),
                ("cors-origin", "https://a/"), ("cors-origin", "https://"),
                ("cors-origin", "https://a:0"), ("cors-origin", "https://u@a"),
                ("cors-origin", "https://a.example, b.example"),
                ("allowed-host", "a/b"), ("allowed-host", "a:80"),
                ("allowed-host", "https://a"), ("allowed-host", "[::g]")):
            done = subprocess.run(
                [os.path.join(rig.BIN, "runnel-bridge"), "--" + flag, value,
                 "--check-config"], capture_output=True, text=True,
                timeout=rig.DEADLINE_S, env=rig.clean_env())
            self.assertEqual(done.returncode, 2, value)
            self.assertIn("%s: \"%s\" must be" % (flag, value.split()[-1]),
                          done.stderr)

    def test_bodies_that_are_too_large(self):
        exact = '{"kind":"echo","input":{"text":"%s"}}'
        fill = BODY_MAX - len(exact % "")
        for extra, status in ((0, 201), (1, 413), (BODY_MAX, 413)):
            body = exact % ("x" * (fill + extra))
            answer = request(self.bridge, "POST", "/v1/jobs", body)
            self.assertEqual(answer.status, status, extra)
        chunked = request(self.bridge, "POST", "/v1/jobs",
                          (b"x" * 1024 for _ in range(BODY_MAX // 1024 + 1)))
        self.assert_problem(chunked, 413, "RESOURCE_EXHAUSTED")
        self.assertRegex(chunked.json()["detail"],
                         r"the body has \d+ bytes; the limit .* is %d "
                         % BODY_MAX)
        # Far above, libh2o answers by itself before the body is there.
        early = raw(self.bridge, b"POST /v1/jobs HTTP/1.1\r\nhost: h\r\n"
                    b"content-type: application/json\r\n"
                    b"content-length: 99999999\r\n\r\n")
        self.assertTrue(early.startswith(b"HTTP/1.1 413 "), early)

    def test_headers_of_every_answer(self):
        for path in ("/v1/info", "/v1/none", "/metrics"):
            headers = self.get(path).headers
            self.assertEqual(headers["x-content-type-options"], "nosniff")
            self.assertEqual(headers["cache-control"], "no-store")
            self.assertIn("sandbox", headers["content-security-policy"])

    def test_health(self):
        self.assertEqual(self.get("/healthz").json(), {"status": "ok"})
        self.assertEqual(self.get("/readyz").json(), {"status": "ready", "store": "writable"})
        info = self.get("/v1/info").json()
        self.assertRegex(info["version"], r"^\d+\.\d+\.\d+")
        self.assertIn("echo", info["kinds"])

    def test_http_1_0(self):
        answer = raw(self.bridge, b"GET /healthz HTTP/1.0\r\n\r\n")
        self.assertTrue(answer.endswith(b'{"status":"ok"}\n'), answer)
        self.assertIn(b" 200 ", answer[:20])


class Files(Rest):
    def test_types(self):
        for path, kind in (("/", "text/html"), ("/index.html", "text/html"),
                           ("/app.js", "javascript"), ("/app.css", "text/css"),
                           ("/icon.svg", "image/svg+xml"),
                           ("/data.json", "application/json")):
            answer = self.get(path)
            self.assertEqual(answer.status, 200, path)
            self.assertIn(kind, answer.headers["content-type"])
            self.assertIn("default-src 'self'",
                          answer.headers["content-security-policy"])
            self.assertEqual(answer.headers["x-content-type-options"],
                             "nosniff")

    def test_caching_and_ranges(self):
        first = self.get("/big.txt")
        self.assertEqual(len(first.body), 200000)
        again = self.get("/big.txt", **{"If-None-Match":
                                        first.headers["etag"]})
        self.assertEqual((again.status, again.body), (304, b""))
        part = self.get("/big.txt", Range="bytes=10-19")
        self.assertEqual((part.status, part.body), (206, b"0123456789"))
        head = request(self.bridge, "HEAD", "/big.txt")
        self.assertEqual(head.headers["content-length"], "200000")

    def test_nothing_outside_of_the_root(self):
        for path in (b"/../etc/passwd", b"/..%2f..%2fetc/passwd",
                     b"/%2e%2e/%2e%2e/etc/passwd", b"//etc/passwd",
                     b"/app.js/../../../etc/passwd", b"/.%00./etc/passwd",
                     b"/..\\..\\etc\\passwd", b"/index.html%00.txt",
                     b"/" + b"../" * 50 + b"etc/passwd"):
            answer = raw(self.bridge, b"GET " + path + b" HTTP/1.1\r\n"
                         b"host: h\r\nconnection: close\r\n\r\n")
            self.assertRegex(answer, rb"^HTTP/1.1 40[0-9] ", path)
            self.assertNotIn(b"root:", answer)
        self.assertEqual(self.get("/none.js").status, 404)
        self.assertEqual(request(self.bridge, "POST", "/index.html",
                                 "x").status, 405)


class Metrics(Rest):
    def test_the_official_parser_reads_them(self):
        try:
            from prometheus_client.parser import (
                text_string_to_metric_families as parse)
        except ImportError:
            self.skipTest("prometheus_client is not installed")
        echo(self.bridge, "abc")
        answer = self.get("/metrics")
        self.assertEqual(answer.headers["content-type"],
                         "text/plain; version=0.0.4; charset=utf-8")
        families = {f.name: f for f in parse(answer.body.decode())}
        for name, kind in (("runnel_bridge_connections_accepted", "counter"),
                           ("runnel_bridge_connections_open", "gauge"),
                           ("runnel_bridge_answers", "counter"),
                           ("runnel_core_up", "gauge"),
                           ("runnel_core_store_writable", "gauge"),
                           ("runnel_core_store_disk_bytes", "gauge"),
                           ("runnel_core_store_commits", "counter"),
                           ("runnel_core_store_last_commit_seconds", "gauge"),
                           ("runnel_core_kind_jobs_waiting", "gauge"),
                           ("runnel_core_calls", "counter")):
            self.assertEqual(families[name].type, kind)
            self.assertTrue(families[name].documentation)
        self.assertEqual(families["runnel_core_up"].samples[0].value, 1)
        self.assertEqual(
            families["runnel_core_store_writable"].samples[0].value, 1)
        self.assertIn("echo", [sample.labels["kind"] for sample in families[
            "runnel_core_kind_jobs_running"].samples])


if __name__ == "__main__":
    rig.main("__main__")
