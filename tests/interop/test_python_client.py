#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Python package against a real core.

    test_python_client.py BIN_DIR PYTHON_DIR [unittest arguments]

Exit status 77: python3-protobuf is not here.
"""
import importlib
import io
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

try:
    import google.protobuf  # noqa: F401
except ImportError:
    if sys.executable != "/usr/bin/python3" and os.path.exists(
            "/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    print("python3-protobuf is not installed")
    sys.exit(77)

BIN, PYTHON = sys.argv[1:3]
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
sys.path.insert(0, PYTHON)
from core import Core  # noqa: E402
from cut_proxy import CutProxy  # noqa: E402
import runnel  # noqa: E402
from runnel import wire  # noqa: E402
from runnel.v1 import (  # noqa: E402
    admin_pb2, frame_pb2, jobs_pb2, stats_pb2)

TEXT = "".join("line %d of the input\n" % i for i in range(1500))


class Case(unittest.TestCase):
    def refused(self, code, call, *args, **options):
        with self.assertRaises(runnel.Error) as caught:
            call(*args, **options)
        self.assertEqual(caught.exception.code, code)
        return caught.exception

    def start(self, *flags):
        core = Core(BIN, "127.0.0.1:0", *flags)
        self.addCleanup(lambda: self.assertEqual(core.stop(), 0))
        return core

    def connect(self, core, **options):
        client = runnel.Client(core.address, **options)
        self.addCleanup(client.close)
        return client


class Package(Case):
    @classmethod
    def setUpClass(cls):
        cls.core = Core(BIN)

    @classmethod
    def tearDownClass(cls):
        assert cls.core.stop() == 0

    def setUp(self):
        self.client = runnel.Client(self.core.address)
        self.addCleanup(self.client.close)

    def proxied(self, bytes_max, seed):
        proxy = CutProxy(self.core.port, bytes_max, seed)
        self.addCleanup(proxy.close)
        client = runnel.Client(proxy.address)
        self.addCleanup(client.close)
        return proxy, client

    def test_a_token_over_tls(self):
        folder = tempfile.mkdtemp(prefix="runnel-python-")
        self.addCleanup(shutil.rmtree, folder)
        cert, key = os.path.join(folder, "cert"), os.path.join(folder, "key")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj",
             "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
             key, "-out", cert], check=True, capture_output=True)
        core = Core(BIN, "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key,
                    "--token", "secret")
        self.addCleanup(lambda: self.assertEqual(core.stop(), 0))
        trust = ssl.create_default_context(cafile=cert)
        with runnel.Client(core.address, token="secret", tls=trust) as client:
            job = client.create_job("echo", text=TEXT * 20)
            output, _ = client.output(job.id)
            self.assertEqual(output.decode(), TEXT * 20)
            with client.ingest("tls") as ingest:
                for number in range(20000):
                    ingest.event("key %d" % (number % 100))
            self.assertEqual(client.stats("tls").count, 20000)
        for token, tls, code in (("secret", True, "UNAVAILABLE"),
                                 ("wrong", trust, "UNAUTHENTICATED"),
                                 ("secret", None, "UNAVAILABLE")):
            with runnel.Client(core.address, token=token, tls=tls) as client:
                with self.assertRaises(runnel.Error) as refused:
                    client.list_jobs().__next__()
                self.assertEqual(refused.exception.code,
                                 getattr(runnel.Code, code))

    def test_a_unix_socket(self):
        folder = tempfile.mkdtemp(prefix="runnel-python-")
        self.addCleanup(shutil.rmtree, folder)
        address = "unix:" + os.path.join(folder, "core.sock")
        with runnel.Client(address) as client:
            error = self.refused(runnel.Code.UNAVAILABLE, client.info)
            self.assertIn(address, str(error))
        self.start("--unix-socket", address[len("unix:"):])
        with runnel.Client(address) as client:
            job = client.create_job("echo", text=TEXT)
            self.assertEqual(client.output(job.id)[0], TEXT.encode())
        with self.assertRaises(ValueError):
            runnel.Client(address, tls=True)
        with self.assertRaises(ValueError):
            runnel.Client("unix:")

    def test_output_of_a_job(self):
        job = self.client.create_job("echo", text=TEXT)
        output, state = self.client.output(job.id)
        self.assertEqual(output.decode(), TEXT)
        self.assertEqual(state, jobs_pb2.JOB_STATE_SUCCEEDED)
        self.assertEqual(self.client.get_job(job.id, True).input.text, TEXT)
        self.client.delete_job(job.id)
        with self.assertRaises(runnel.Error) as caught:
            self.client.get_job(job.id)
        self.assertEqual(caught.exception.code, runnel.Code.NOT_FOUND)

    def test_watch_from_the_middle(self):
        job = self.client.create_job("echo", text="abcdef",
                                     options={"chunk_bytes": "1"})
        events = list(self.client.watch(job.id))
        self.assertEqual([event.sequence for event in events],
                         list(range(1, len(events) + 1)))
        later = list(self.client.watch(job.id, 4))
        self.assertEqual(later, events[4:])
        self.assertEqual(list(self.client.watch(job.id, len(events))), [])

    def test_watch_over_cut_connections(self):
        job = self.client.create_job(
            "echo", text=TEXT, options={"chunk_bytes": "400", "pace_ms": "1"})
        proxy, client = self.proxied(12000, seed=3)
        got, last = "", 0
        while True:
            try:
                for event in client.watch(job.id, last):
                    got += event.delta.text
                    last = event.sequence
                break
            except runnel.Error as error:
                # The first connection may be cut before its Hello.
                self.assertEqual(error.code, runnel.Code.UNAVAILABLE)
        self.assertEqual(got, TEXT)
        self.assertGreaterEqual(proxy.cuts, 2)

    def test_cancel_inside_of_a_watch(self):
        job = self.client.create_job(
            "echo", text=TEXT, options={"chunk_bytes": "1", "pace_ms": "5"})
        deltas = 0
        for event in self.client.watch(job.id):
            deltas += event.HasField("delta")
            if deltas == 1:
                self.client.cancel_job(job.id, "enough")
        self.assertEqual(event.state.state, jobs_pb2.JOB_STATE_CANCELLED)
        self.assertLess(deltas, len(TEXT))

    def test_watch_after_a_restart(self):
        first = Core(BIN)
        client = runnel.Client(first.address)
        job = client.create_job("echo", text=TEXT, options={"pace_ms": "1000"})
        events = client.watch(job.id)
        next(events)
        first.stop()
        second = Core(BIN, first.address)
        try:
            with self.assertRaises(runnel.Error) as caught:
                for _ in events:
                    pass
            self.assertEqual(caught.exception.code, runnel.Code.NOT_FOUND)
            self.assertIn("restarted", caught.exception.message)
        finally:
            client.close()
            second.stop()

    def test_list_in_pages(self):
        made = {self.client.create_job("echo", labels={"of": "pages"}).id
                for _ in range(5)}
        listed = list(self.client.list_jobs(labels={"of": "pages"},
                                            page_size=2))
        self.assertEqual({job.id for job in listed}, made)

    def test_a_bad_request_names_its_field(self):
        with self.assertRaises(runnel.Error) as caught:
            self.client.create_job("No Such Kind")
        self.assertEqual(caught.exception.code, runnel.Code.INVALID_ARGUMENT)
        self.assertEqual(caught.exception.violations[0][0], "kind")

    def test_no_core(self):
        client = runnel.Client("127.0.0.1:1")
        with self.assertRaises(runnel.Error) as caught:
            client.info()
        self.assertEqual(caught.exception.message,
                         "cannot connect to 127.0.0.1:1: Connection refused")
        with self.assertRaises(ValueError):
            runnel.Client("nowhere")

    def test_a_deadline(self):
        """A listener that never answers."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            client = runnel.Client("127.0.0.1:%d" % silent.getsockname()[1])
            with self.assertRaises(runnel.Error) as caught:
                wire.Connection(client.address, timeout_s=0.05)
            self.assertEqual(caught.exception.code, runnel.Code.UNAVAILABLE)

    def test_statistics(self):
        with self.client.ingest("python", batch_events=100) as ingest:
            for i in range(1000):
                ingest.event("key-%d" % (i % 4), value=i,
                             latency_ms=i if i % 2 else None,
                             time_ms=1700000000000 + i if i % 3 else None)
            call = ingest.call
        self.assertEqual(ingest.accepted_events, 1000)
        self.assertEqual(call.status.code, runnel.Code.OK)
        stats = self.client.stats("python")
        self.assertEqual((stats.count, stats.value.count,
                          stats.latency_ms.count), (1000, 1000, 500))
        self.assertEqual(stats.value.mean, 499.5)
        [known, unknown] = self.client.frequency("python", ["key-1", "none"])
        self.assertEqual((known.count, unknown.upper), (250, 0))
        update = next(self.client.watch_stats("python", window_seconds=[0]))
        self.assertEqual(update.snapshot.windows[0].count, 1000)

    def test_streams_are_made_listed_and_deleted(self):
        made = self.client.create_stream(
            "made-0", window_seconds=[60, 7200], top_capacity=7,
            unique_algorithm="UNIQUE_ALGORITHM_ULTRALOGLOG",
            value_threshold=0)
        self.assertEqual(list(made.config.window_seconds), [60, 7200])
        self.assertTrue(made.config.value_threshold_set)
        again = self.client.create_stream("made-0", **{
            field.name: value for field, value in made.config.ListFields()
            if field.name != "name"})
        self.assertEqual(again.config, made.config)
        self.refused(runnel.Code.ALREADY_EXISTS, self.client.create_stream,
                     "made-0", window_seconds=[60])
        wrong = self.refused(runnel.Code.INVALID_ARGUMENT,
                             self.client.create_stream, "made-1",
                             unique_precision=19)
        self.assertEqual(wrong.violations[0][0], "config.unique_precision")
        for number in range(1, 5):
            self.client.create_stream("made-%d" % number)
        names = [info.config.name
                 for info in self.client.list_streams(page_size=2)]
        self.assertEqual([name for name in names if name.startswith("made-")],
                         ["made-%d" % number for number in range(5)])
        self.client.delete_stream("made-0")
        for call in (self.client.get_stream, self.client.delete_stream,
                     self.client.stats, self.client.anomalies):
            self.refused(runnel.Code.NOT_FOUND, call, "made-0")
        self.assertEqual(self.client.get_stream("made-1").config.name,
                         "made-1")

    def test_a_batch_by_itself(self):
        send = self.client.ingest_batch
        answer = send("batch", ["a", "b", "a"], values=[1, 2, 6],
                      latencies_ms=[0.5, 1, 1.5],
                      times_ms=[1700000000000, 1700000000500, 1700000000001],
                      producer_id="one", producer_sequence=1)
        self.assertEqual((answer.accepted_events, answer.late_events,
                          answer.duplicate), (3, 0, False))
        again = send("batch", ["a", "b", "a"], values=[1, 2, 6],
                     latencies_ms=[0.5, 1, 1.5],
                     times_ms=[1700000000000, 1700000000500, 1700000000001],
                     producer_id="one", producer_sequence=1)
        self.assertTrue(again.duplicate)
        self.refused(runnel.Code.ALREADY_EXISTS, send, "batch", ["other"],
                     producer_id="one", producer_sequence=1)
        for half in ({"producer_id": "one"}, {"producer_sequence": 2}):
            self.refused(runnel.Code.INVALID_ARGUMENT, send, "batch", ["a"],
                         **half)
        self.assertEqual(send("batch", ["c"]).accepted_events, 1)
        late = send("batch", ["c"], times_ms=[1600000000000])
        self.assertEqual((late.accepted_events, late.late_events), (1, 1))
        stats = self.client.stats("batch")
        self.assertEqual((stats.count, stats.value.sum, stats.latency_ms.sum,
                          stats.late_events), (5, 9, 3, 1))
        self.assertEqual([one.count for one in self.client.frequency(
            "batch", ["a", "b", "c"])], [2, 1, 2])
        wrong = self.refused(runnel.Code.INVALID_ARGUMENT, send, "batch",
                             ["a", "b"], values=[1])
        self.assertIn("values", wrong.violations[0][0])
        with self.assertRaises(ValueError):
            send("batch", ["a", "b"], times_ms=[0, 2 ** 32])

    def test_quantiles_and_ranks(self):
        self.client.ingest_batch("ask", ["k"] * 1000,
                                 values=range(1, 1001),
                                 latencies_ms=[2.5] * 1000)
        answer = self.client.quantiles("ask", "value", [0, 0.5, 0.99, 1])
        self.assertEqual((answer.count, len(answer.quantiles)), (1000, 4))
        self.assertTrue(0 < answer.relative_error < 0.006)
        for one, truth in zip(answer.quantiles, (1, 500, 990, 1000)):
            self.assertLessEqual(abs(one.value - truth),
                                 answer.relative_error * truth + 1, one)
        for window_seconds in (0, 60):
            answer = self.client.rank("ask", "value", [0, 250, 5000],
                                      window_seconds)
            self.assertEqual((answer.count, answer.ranks[0],
                              answer.ranks[2]), (1000, 0, 1))
            self.assertAlmostEqual(answer.ranks[1], 0.25, delta=0.003)
        self.assertEqual(list(self.client.rank("ask", "latency",
                                               [2, 3]).ranks), [0, 1])
        self.client.create_stream("silent")
        self.assertEqual(list(self.client.quantiles("silent", "value", [0.5])
                              .quantiles), [])
        self.refused(runnel.Code.INVALID_ARGUMENT, self.client.quantiles,
                     "ask", "value", [1.5])
        self.refused(runnel.Code.INVALID_ARGUMENT, self.client.rank, "ask",
                     "value", [])
        self.refused(runnel.Code.INVALID_ARGUMENT, self.client.rank, "ask",
                     "value", [1], 61)
        for call in (self.client.quantiles, self.client.rank):
            with self.assertRaises(ValueError):
                call("ask", "weight", [0.5])

    def test_sketches_go_from_stream_to_stream(self):
        self.client.ingest_batch(
            "from", ["key %d" % (i % 50) for i in range(500)],
            values=range(500), latencies_ms=range(500))
        counts = {"unique": 50, "frequency": 500, "value": 500,
                  "latency": 500}
        layouts = {"unique": ("runnel",), "frequency": ("datasketches",),
                   "value": ("ddsketch",), "latency": ("otel_exponential",)}
        self.client.create_stream("to")
        for kind, count in counts.items():
            for layout in ("runnel", *layouts[kind]):
                sketch = self.client.export_sketch("from", kind, layout)
                stream = "to-%s-%s" % (kind, layout)
                self.client.create_stream(stream)
                merged = self.client.merge_sketch(stream, kind, sketch, layout)
                self.assertAlmostEqual(merged.count, count, delta=1)
                self.assertFalse(merged.duplicate)
        stats = self.client.stats("to-value-runnel")
        self.assertEqual(stats.value, self.client.stats("from").value)
        sketch = self.client.export_sketch("from", "value")
        for duplicate in (False, True):
            merged = self.client.merge_sketch("to", "value", sketch,
                                              producer_id="nightly",
                                              producer_sequence=7)
            self.assertEqual(merged.duplicate, duplicate)
        self.assertEqual(self.client.stats("to").value.count, 500)

    def test_sketches_that_are_refused(self):
        self.client.ingest_batch("hashed", ["a", "b"])
        merge = self.client.merge_sketch
        self.refused(runnel.Code.INVALID_ARGUMENT, merge, "hashed", "value",
                     b"no sketch")
        self.refused(runnel.Code.NOT_FOUND, merge, "no-such-stream", "value",
                     self.client.export_sketch("hashed", "value"))
        self.refused(runnel.Code.INVALID_ARGUMENT,
                     self.client.export_sketch, "hashed", "value",
                     "redis_hyll")
        self.client.create_stream("of-redis", key_hash="KEY_HASH_REDIS")
        self.refused(runnel.Code.FAILED_PRECONDITION, merge, "of-redis",
                     "unique", self.client.export_sketch("hashed", "unique"))
        for kind, layout in (("weight", "runnel"), ("value", "zip")):
            with self.assertRaises(ValueError):
                self.client.export_sketch("hashed", kind, layout)
        before = self.client.connected()
        large = self.refused(runnel.Code.RESOURCE_EXHAUSTED, merge, "hashed",
                             "value", bytes(1 << 20))
        self.assertIn("above the core's limit", large.message)
        self.assertIs(self.client.connected(), before)
        self.assertEqual(self.client.get_stream("hashed").count, 2)

    def test_the_largest_message_is_taken(self):
        """It is looked at: what is refused is its content. A byte more is
        not sent."""
        self.client.create_stream("large")
        room = self.client.connected().message_bytes_max
        head = stats_pb2.MergeSketchRequest(
            stream="large", kind=1, format=1,
            sketch=bytes(room)).ByteSize() - room
        for more, code in ((0, runnel.Code.INVALID_ARGUMENT),
                           (1, runnel.Code.RESOURCE_EXHAUSTED)):
            self.refused(code, self.client.merge_sketch, "large", "value",
                         bytes(room - head + more))

    def test_anomalies(self):
        self.client.create_stream("odd", value_threshold=100)
        self.assertEqual(self.client.anomalies("odd"), [])
        self.client.ingest_batch("odd", ["a", "b"], values=[1, 700])
        [anomaly] = self.client.anomalies("odd")
        self.assertEqual((anomaly.key, anomaly.observed, anomaly.threshold),
                         ("b", 700, 100))
        both = self.client.stats_and_anomalies("odd")
        self.assertEqual((both.stats.count, list(both.anomalies)),
                         (2, [anomaly]))

    def test_ingest_over_cut_connections(self):
        for seed in range(3):
            _, client = self.proxied(15000, seed)
            name = "cut-%d" % seed
            with client.ingest(name, batch_events=50, in_flight_max=4,
                               wait_for_connection=True) as ingest:
                for i in range(3000):
                    ingest.event("key-%d" % (i % 3), value=i)
            stats = self.client.stats(name)
            self.assertEqual(stats.count, 3000)
            self.assertEqual(stats.value.sum, 3000 * 2999 / 2)
            self.assertEqual(
                ingest.accepted_events + 50 * ingest.duplicate_batches, 3000)

    def test_times_of_any_distance(self):
        """Those of one batch are 32-bit offsets: others go into the next."""
        span = 2 ** 32 - 1
        for step, batches in ((0, 1), (span, 1), (-span, 1), (span + 1, 2),
                              (-span - 1, 2), (-1600000000000, 2)):
            name = "distance%d" % step
            with self.client.ingest(name) as ingest:
                for time_ms in (1600000000000, 1600000000000 + step):
                    ingest.event("key", time_ms=time_ms)
            self.assertEqual((ingest.sequence, ingest.accepted_events),
                             (batches, 2), step)
            self.assertEqual(self.client.stats(name).count, 2)

    def test_no_more_batches_wait_than_may(self):
        """Of whatever size: each event has another column than the last."""
        with self.client.ingest("waiting", in_flight_max=2) as ingest:
            for number in range(50):
                ingest.event("key", value=1 if number % 2 else None)
                self.assertLessEqual(len(ingest.queue), 2)
        self.assertEqual((ingest.sequence, ingest.accepted_events), (50, 50))

    def test_an_event_that_the_core_refuses(self):
        with self.assertRaises(runnel.Error) as caught:
            with self.client.ingest("python") as ingest:
                ingest.event("of the future", time_ms=2 ** 45)
        self.assertEqual(caught.exception.code, runnel.Code.INVALID_ARGUMENT)

    def named(self, name, kind, call, *args, **options):
        """The call is refused here, by an error of that kind that names it."""
        with self.assertRaises(kind) as caught:
            answer = call(*args, **options)
            if hasattr(answer, "__next__"):
                next(answer)
        self.assertRegex(str(caught.exception), r"^%s\b" % name)

    def test_a_bad_event_is_not_taken(self):
        with self.client.ingest("checked", batch_events=4) as ingest:
            ingest.event("good", value=1, latency_ms=2, time_ms=3)
            for name, kind, key, more in (
                    ("key", TypeError, 5, {}), ("key", TypeError, None, {}),
                    ("key", TypeError, b"x", {}), ("key", TypeError, [], {}),
                    ("key", ValueError, "", {}),
                    ("key", ValueError, "x" * 257, {}),
                    ("key", ValueError, "\ud800", {}),
                    ("value", TypeError, "k", {"value": "1"}),
                    ("value", ValueError, "k", {"value": float("nan")}),
                    ("value", ValueError, "k", {"value": 10 ** 400}),
                    ("latency_ms", TypeError, "k", {"latency_ms": "1"}),
                    ("latency_ms", ValueError, "k", {"latency_ms": -1}),
                    ("latency_ms", ValueError, "k", {"latency_ms": 1e39}),
                    ("time_ms", TypeError, "k", {"time_ms": 1.5}),
                    ("time_ms", ValueError, "k", {"time_ms": -1}),
                    ("time_ms", ValueError, "k", {"time_ms": 2 ** 63})):
                self.named(name, kind, ingest.event, key, **more)
            ingest.event("good", value=2 ** 63, latency_ms=True, time_ms=3)
        self.assertEqual(ingest.accepted_events, 2)

    def test_a_bad_argument_is_named(self):
        client, batch = self.client, self.client.ingest_batch
        for name, kind, call, *args in (
                ("keys", TypeError, batch, "s", [5]),
                ("keys", TypeError, batch, "s", "ab"),
                ("keys", TypeError, batch, "s", None),
                ("keys", ValueError, batch, "s", [""]),
                ("values", TypeError, batch, "s", ["a"], ["x"]),
                ("values", TypeError, batch, "s", ["a"], 5),
                ("latencies_ms", ValueError, batch, "s", ["a"], (), [-1]),
                ("times_ms", TypeError, batch, "s", ["a"], (), (), [1.5]),
                ("producer_id", TypeError, batch, "s", ["a"], (), (), (), 5),
                ("stream", TypeError, batch, 5, ["a"]),
                ("stream", TypeError, client.ingest, None),
                ("stream", TypeError, client.stats, None),
                ("window_seconds", TypeError, client.stats, "s", "1m"),
                ("top", ValueError, client.stats, "s", 0, -1),
                ("keys", TypeError, client.frequency, "s", "ab"),
                ("metric", TypeError, client.quantiles, "s", 5, [1]),
                ("q", TypeError, client.quantiles, "s", "value", 0.5),
                ("values", TypeError, client.rank, "s", "value", ["x"]),
                ("kind", TypeError, client.export_sketch, "s", None),
                ("kind", ValueError, client.export_sketch, "s", "all"),
                ("layout", TypeError, client.export_sketch, "s", "value", 5),
                ("sketch", TypeError, client.merge_sketch, "s", "value", "x"),
                ("interval_ms", ValueError, client.watch_stats, "s", -1),
                ("name", TypeError, client.create_stream, None),
                ("stream", TypeError, client.delete_stream, 5),
                ("page_size", ValueError, client.list_streams, -1),
                ("kind", TypeError, client.create_job, None),
                ("data", TypeError, client.create_job, "echo", "text"),
                ("text or data", ValueError, client.create_job, "echo", b"a",
                 "b"),
                ("job_id", TypeError, client.get_job, None),
                ("job_id", TypeError, client.cancel_job, 5),
                ("reason", TypeError, client.cancel_job, "x", 5),
                ("job_id", TypeError, client.delete_job, None),
                ("job_id", TypeError, client.output, None),
                ("after_sequence", TypeError, client.watch, "x", None),
                ("file", TypeError, client.backup, "runnel.db"),
                ("scopes", TypeError, client.create_token, "t", "admin"),
                ("lifetime_s", ValueError, client.create_token, "t", ["admin"],
                 -1),
                ("token_id", TypeError, client.revoke_token, None),
                ("address", TypeError, runnel.Client, ("127.0.0.1", 7400)),
                ("address", ValueError, runnel.Client, "127.0.0.1:99999"),
                ("token", TypeError, runnel.Client, "h:1", 5),
                ("timeout_s", TypeError, runnel.Client, "h:1", "", None),
                ("timeout_s", ValueError, runnel.Client, "h:1", "", 0),
                ("tls", TypeError, runnel.Client, "h:1", "", 1, "yes"),
                ("kinds", TypeError, runnel.Worker, client, "kind", print),
                ("handler", TypeError, runnel.Worker, client, ["k"], None),
                ("concurrency", ValueError, runnel.Worker, client, ["k"],
                 print, 0)):
            with self.subTest(name=name, call=call, args=args):
                self.named(name, kind, call, *args)
        self.named("labels", TypeError, client.create_job, "echo",
                   labels={"team": 5})
        self.named("states", ValueError, client.list_jobs, states=["NONE"])
        for options in ({"batch_events": 0}, {"in_flight_max": None},
                        {"producer_id": ""}, {"timeout_s": -1}):
            self.named(*options, (TypeError, ValueError), client.ingest, "s",
                       **options)


class Administration(Case):
    def test_the_core_tells_its_limits(self):
        info = self.connect(self.start("--max-jobs", "77")).info()
        self.assertEqual((info.limits.max_jobs, info.limits.max_frame_bytes),
                         (77, 1 << 20))
        self.assertEqual((info.limits.max_batch_events,
                          info.limits.max_key_bytes,
                          info.limits.max_message_bytes),
                         (65536, 256, (1 << 20) - 12))
        self.assertFalse(info.draining)

    def test_upkeep_takes_as_long_as_it_takes(self):
        """Whatever timeout_s is; a backup is a store that has it all."""
        home = tempfile.mkdtemp(prefix="runnel-python-")
        self.addCleanup(shutil.rmtree, home)
        core = self.start()
        client, hasty = self.connect(core), self.connect(core, timeout_s=1e-9)
        jobs = [client.create_job("echo", text=TEXT * 20) for _ in range(4)]
        for job in jobs:
            client.output(job.id)
        checked = hasty.check_store()
        self.assertEqual((checked.jobs, checked.problem_count,
                          list(checked.problems)), (4, 0, []))
        self.assertGreater(checked.events, 4)
        path = os.path.join(home, "runnel.db")
        with open(path, "wb") as file:
            size = hasty.backup(file)
        self.assertEqual(os.path.getsize(path), size)
        self.assertGreater(size, 4 * len(TEXT) * 20)
        copy = self.connect(self.start("--data", home))
        for job in jobs:
            self.assertEqual(copy.output(job.id)[0].decode(), TEXT * 20)
        for job in jobs:
            client.delete_job(job.id)
        sizes = hasty.compact_store()
        self.assertLess(sizes.bytes_after, sizes.bytes_before)

    def test_a_store_in_memory_has_no_upkeep(self):
        client = self.connect(self.start("--durability", "memory"))
        with tempfile.TemporaryFile() as file:
            self.refused(runnel.Code.FAILED_PRECONDITION, client.backup, file)
            self.assertEqual(file.tell(), 0)
        for call in (client.check_store, client.compact_store):
            self.refused(runnel.Code.FAILED_PRECONDITION, call)

    def test_a_backup_that_lacks_pieces(self):
        class Short(runnel.Client):
            """A core that ends the call with OK after these pieces."""
            def connected(self):
                return self

            def call(self, *_):
                stream = unittest.mock.Mock()
                stream.receive.side_effect = [
                    admin_pb2.BackupResponse(
                        data=data, total_bytes=9).SerializeToString()
                    for data in self.pieces] + [None]
                return stream
        client = Short()
        for client.pieces in ([], [b"12345678"]):
            self.refused(runnel.Code.DATA_LOSS, client.backup, io.BytesIO())
        client.pieces = [b"1234", b"56789"]
        file = io.BytesIO()
        self.assertEqual(client.backup(file), 9)
        self.assertEqual(file.getvalue(), b"123456789")

    def test_tokens_are_made_listed_and_revoked(self):
        core = self.start()
        anyone = self.connect(core)
        self.assertIsNone(anyone.own_token())
        self.refused(runnel.Code.FAILED_PRECONDITION, anyone.create_token,
                     "first", ["work"])
        root = self.connect(
            core, token=anyone.create_token("root", ["admin"]).secret)
        self.refused(runnel.Code.UNAUTHENTICATED, self.connect(core).info)
        made = root.create_token("reader", ["jobs:read", "stats:read"], 3600)
        self.assertEqual(made.token.expire_time.seconds -
                         made.token.create_time.seconds, 3600)
        self.assertFalse(root.own_token().HasField("expire_time"))
        reader = self.connect(core, token=made.secret)
        self.assertEqual(reader.own_token(), made.token)
        self.assertEqual(list(reader.list_jobs()), [])
        for call, args in ((reader.create_job, ("echo",)),
                           (reader.list_tokens, ()),
                           (reader.create_token, ("x", ["work"])),
                           (reader.revoke_token, (made.token.id,)),
                           (reader.check_store, ()),
                           (reader.compact_store, ()),
                           (reader.backup, (io.BytesIO(),))):
            self.refused(runnel.Code.PERMISSION_DENIED, call, *args)
        self.assertEqual({one.name: list(one.scopes)
                          for one in root.list_tokens()},
                         {"root": ["admin"],
                          "reader": ["jobs:read", "stats:read"]})
        for name, scopes, lifetime_s, field in (
                ("", ["work"], None, "name"), ("x", [], None, "scopes"),
                ("x", ["work"], 0, "lifetime")):
            wrong = self.refused(runnel.Code.INVALID_ARGUMENT,
                                 root.create_token, name, scopes, lifetime_s)
            self.assertIn(field, wrong.violations[0][0])
        root.revoke_token(made.token.id)
        self.refused(runnel.Code.UNAUTHENTICATED,
                     self.connect(core, token=made.secret).own_token)
        self.refused(runnel.Code.NOT_FOUND, root.revoke_token, made.token.id)
        self.refused(runnel.Code.FAILED_PRECONDITION, root.revoke_token,
                     root.own_token().id)


class Schema(unittest.TestCase):
    def test_every_method_has_a_call(self):
        folder = os.path.join(PYTHON, "runnel")
        code = ""
        for name in os.listdir(folder):
            if name.endswith(".py"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    code += file.read()
        methods = ["%s/%s" % (service.name, method.name)
                   for name in os.listdir(os.path.join(folder, "v1"))
                   if name.endswith("_pb2.py")
                   for service in importlib.import_module(
                       "runnel.v1." + name[:-3])
                   .DESCRIPTOR.services_by_name.values()
                   for method in service.methods]
        self.assertIn("StatsService/GetRank", methods)
        self.assertEqual([method for method in methods
                          if '%s"' % method not in code], [])


class Frames(unittest.TestCase):
    def test_cut_at_every_byte(self):
        for size in (0, 1, 100, 127, 128, 20000):
            frame = frame_pb2.Frame(stream_id=7, message=b"x" * size)
            data = wire.encode(frame)
            for end in range(0, len(data), 1 if size < 1000 else 997):
                self.assertEqual(wire.decode(data[:end]), (None, 0))
            self.assertEqual(wire.decode(b"ab" + data + b"more", 2),
                             (frame, 2 + len(data)))

    def test_what_is_no_frame(self):
        for data in (b"\xff\xff\xff\x7f", b"\x80\x80\x80\x80\x80\x01",
                     b"\x02\x22\x05"):
            with self.assertRaises(runnel.Error):
                wire.decode(data + b"\xff" * 8)


README = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "../../client/python/README.md")


class Readme(Case):
    """The examples of client/python/README.md, in order, as they are but for
    the address."""

    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.dir)
        self.addCleanup(os.chdir, os.getcwd())
        self.addCleanup(os.umask, os.umask(0o077))
        os.chdir(self.dir)
        self.core = self.start("--data", os.path.join(self.dir, "data"))
        with open(README, encoding="utf-8") as file:
            self.blocks = re.findall(r"^```python\n(.*?)^```$", file.read(),
                                     re.M | re.S)

    def run_block(self, text, names):
        here = 'runnel.Client("%s")' % self.core.address
        text = text.replace('runnel.Client("127.0.0.1:7400")', here)
        text = text.replace("runnel.Client()", here)
        with unittest.mock.patch("sys.stdout", io.StringIO()) as out:
            exec(compile(text, README, "exec"), names)
        return out.getvalue()

    def test_clients(self):
        names = {}
        printed = [self.run_block(text, names) for text in self.blocks[:-1]]
        names["client"].close()
        self.assertEqual(len(printed), 3)
        self.assertEqual(printed[0], "hello1\n")
        self.assertIn("12.5", printed[1])
        self.assertRegex(printed[2], r"\A1048576\n0\nrnl_[0-9a-f]{64}\n\Z")

    def test_worker(self):
        """It runs until it is stopped: as the program that it is."""
        text = self.blocks[-1].replace(
            "runnel.Client()", 'runnel.Client("%s")' % self.core.address)
        worker = subprocess.Popen(
            [sys.executable, "-c", "import runnel\n" + text],
            env=dict(os.environ, PYTHONPATH=PYTHON))
        self.addCleanup(worker.wait)
        self.addCleanup(worker.kill)
        client = self.connect(self.core)
        job = client.create_job("count", text="one two\nthree\n")
        self.assertEqual("".join(event.delta.text
                                 for event in client.watch(job.id)),
                         "2 one two\n1 three\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
