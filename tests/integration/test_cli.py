#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line against a real core.

    test_cli.py BIN_DIR [unittest arguments]
"""
import base64
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from cli_harness import (BIN, DEADLINE_S, Core, Piped, Proxy, Terminal,
                         clean_env, run)

NO_JOB = "0" * 26


class WithCore(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.core = Core()

    @classmethod
    def tearDownClass(cls):
        cls.core.stop()

    def ok(self, *args, input=b""):
        done = run(self.core, *args, input=input)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(b"\x1b", done.stdout)
        return done.stdout.decode()

    def json(self, *args, input=b""):
        return [json.loads(line) for line in
                self.ok(*args, "--json", input=input).splitlines()]

    def refused(self, status, needle, *args, input=b""):
        done = run(self.core, *args, input=input)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(needle.encode(), done.stderr)
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        return done


class Jobs(WithCore):
    def create(self, *args, input="hello, world"):
        return self.ok("job", "create", "--kind", "echo", "--input", input,
                       *args).strip()

    def test_output_is_byte_for_byte_the_input_of_an_echo(self):
        data = bytes(range(256)) * 50
        path = os.path.join(self.core.dir, "input")
        with open(path, "wb") as file:
            file.write(data)
        done = run(self.core, "job", "create", "--kind", "echo", "--input",
                   "@" + path, "--watch")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, data)
        self.assertIn(b"succeeded after", done.stderr)
        done = run(self.core, "job", "create", "--kind", "echo", "--input",
                   "-", "--watch", "--quiet", input=data)
        self.assertEqual((done.stdout, done.stderr), (data, b""))

    def test_get_list_and_output(self):
        job = self.create("--label", "team=ads", "--label", "n=1")
        self.ok("job", "watch", job)
        self.assertEqual(self.ok("job", "output", job), "hello, world")
        text = self.ok("job", "get", job, "--input")
        self.assertIn("state       succeeded", text)
        self.assertIn("hello, world", text)
        (answer,) = self.json("job", "get", job, "--input")
        self.assertEqual(answer["state"], "JOB_STATE_SUCCEEDED")
        self.assertEqual(answer["labels"], {"team": "ads", "n": "1"})
        self.assertEqual(answer["input"]["text"], "hello, world")
        self.assertEqual(answer["outputBytes"], "12")
        table = self.ok("job", "list", "--label", "team=ads")
        self.assertIn(job, table)
        self.assertTrue(table.startswith("ID "))
        ids = [j["id"] for j in self.json(
            "job", "list", "--label", "team=ads", "--state", "succeeded",
            "--kind", "echo")]
        self.assertEqual(ids, [job])
        self.assertEqual(self.json("job", "list", "--label", "team=none"), [])

    def test_list_all_follows_the_pages(self):
        made = {self.create("--label", "many=1", input="x")
                for _ in range(60)}
        done = run(self.core, "job", "list", "--label", "many=1")
        self.assertEqual(done.stdout.count(b"\n"), 51)
        self.assertIn(b"there are more", done.stderr)
        listed = [j["id"] for j in self.json("job", "list", "--all",
                                             "--label", "many=1")]
        self.assertEqual(len(listed), 60)
        self.assertEqual(set(listed), made)

    def test_watch_resumed_anywhere_gives_the_rest_byte_for_byte(self):
        job = self.create("-o", "chunk_bytes=3",
                          input="".join(map(str, range(100))))
        whole = run(self.core, "job", "watch", job, "--quiet").stdout
        events = self.json("job", "watch", job)
        self.assertEqual(
            "".join(e["delta"]["text"] for e in events if "delta" in e),
            whole.decode())
        last = int(events[-1]["sequence"])
        for after in sorted({0, 1, 2, last // 2, last - 1}):
            rest = run(self.core, "job", "watch", job, "--after", str(after),
                       "--quiet").stdout
            want = "".join(e["delta"]["text"] for e in events
                           if "delta" in e and int(e["sequence"]) > after)
            self.assertEqual(rest.decode(), want)

    def test_watch_follows_live_and_tells_of_a_cancel(self):
        job = self.create("-o", "pace_ms=50", "-o", "chunk_bytes=2",
                          input="line\n" * 1000)
        watch = Piped(self.core, "job", "watch", job)
        watch.line_with(b"line")
        self.ok("job", "cancel", job, "--reason", "enough")
        status, _, err = watch.end()
        self.assertEqual(status, 6)
        self.assertIn(b"cancelled after", err)
        (answer,) = self.json("job", "get", job)
        self.assertEqual(answer["state"], "JOB_STATE_CANCELLED")

    def test_ctrl_c_ends_the_watch_and_not_the_job(self):
        job = self.create("-o", "pace_ms=50", "-o", "chunk_bytes=2",
                          input="line\n" * 1000)
        watch = Piped(self.core, "job", "watch", job)
        watch.line_with(b"line")
        status, _, err = watch.end(signal.SIGINT)
        self.assertEqual(status, 130)
        self.assertRegex(err, rb"runnel job watch \w+ --after \d+")
        (answer,) = self.json("job", "get", job)
        self.assertEqual(answer["state"], "JOB_STATE_RUNNING")
        self.ok("job", "cancel", job)

    def test_a_watch_over_lost_connections_misses_nothing(self):
        text = "".join("line %d\n" % i for i in range(300))
        job = self.create("-o", "pace_ms=2", "-o", "chunk_bytes=5",
                          input=text)
        proxy = Proxy(self.core.address)
        try:
            watch = Piped(proxy, "job", "watch", job)
            got = b""
            for needle in (b"line 20\n", b"line 90\n", b"line 180\n"):
                for line in watch.process.stdout:
                    got += line
                    if line == needle:
                        break
                proxy.cut()
            status, rest, err = watch.end()
        finally:
            proxy.stop()
        self.assertEqual(status, 0, err)
        self.assertEqual((got + rest).decode(), text)
        # A slow machine has the whole output before the last cuts.
        lost = err.count(b"connection lost; reconnecting")
        self.assertIn(lost, (1, 2, 3))
        self.assertEqual(err.count(b"connected again"), lost)

    def test_the_exit_status_tells_the_outcome(self):
        done = run(self.core, "job", "create", "--kind", "echo", "--input",
                   "x", "-o", "fail_attempts=1", "--watch")
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn(b"failed after", done.stderr)
        done = run(self.core, "job", "create", "--kind", "echo", "--input",
                   "slow " * 100, "-o", "pace_ms=1000", "--deadline", "200ms",
                   "--watch")
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn(b"expired after", done.stderr)

    def test_delete_forgets(self):
        job = self.create()
        self.ok("job", "watch", job)
        self.ok("job", "delete", job)
        self.refused(4, "NOT_FOUND", "job", "get", job)
        self.refused(4, "NOT_FOUND", "job", "delete", job)

    def test_the_idempotency_key_finds_the_first(self):
        first = self.create("--idempotency-key", "k1")
        self.assertEqual(self.create("--idempotency-key", "k1"), first)
        self.refused(1, "ALREADY_EXISTS", "job", "create", "--kind", "echo",
                     "--input", "other", "--idempotency-key", "k1")

    def test_errors_are_one_clear_line(self):
        self.refused(4, "NOT_FOUND", "job", "watch", NO_JOB)
        self.refused(1, "options.pace_ms", "job", "create", "--kind", "echo",
                     "--input", "x", "-o", "pace_ms=never")
        self.refused(2, "--kind is missing", "job", "create")
        self.refused(2, "from -100 to 100", "job", "create", "--kind", "echo",
                     "--priority", "1000")
        self.refused(4, "No such file", "job", "create", "--kind", "echo",
                     "--input", "@/no/such/file")
        done = run(self.core, "job", "get", NO_JOB, "--json")
        self.assertEqual(done.returncode, 4)
        self.assertIn("NOT_FOUND", json.loads(done.stderr)["error"])

    def test_a_closed_pipe_ends_in_silence(self):
        job = self.ok("job", "create", "--kind", "echo", "--input", "-", "-o",
                      "chunk_bytes=4096", input=b"y" * 400000).strip()
        self.ok("job", "watch", job)
        line = "'%s' --core %s job output %s | head -c 1" % (
            os.path.join(BIN, "runnel"), self.core.address, job)
        done = subprocess.run(["bash", "-c", line], capture_output=True,
                              timeout=DEADLINE_S, env=clean_env())
        self.assertEqual((done.stdout, done.stderr), (b"y", b""))

    def test_progress_on_a_terminal_is_redrawn_and_removed(self):
        screen = Terminal(self.core, "job", "create", "--kind", "echo",
                          "--input", "line\n" * 20, "-o", "pace_ms=20", "-o",
                          "chunk_bytes=5", "--watch")
        screen.until(rb"running")
        self.assertEqual(screen.end(), 0)
        self.assertIn(b"succeeded after", screen.seen)
        self.assertIn(b"\x1b[?25h", screen.seen)
        plain = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", screen.seen)
        self.assertEqual(plain.count(b"line\r\n"), 20)


class Statistics(WithCore):
    def ingest(self, stream, rows, *args):
        text = "origin,delay,took\n" + "".join("%s,%s,%s\n" % r for r in rows)
        return self.ok("ingest", stream, "--format", "csv", "--key", "origin",
                       "--value", "delay", "--latency", "took", *args,
                       input=text.encode())

    def rows(self):
        return [("ORD", i, i / 10) for i in range(300)] + \
               [("JFK", i, i / 10) for i in range(100)]

    def test_info(self):
        self.assertIn("runneld", self.ok("info"))
        (info,) = self.json("info")
        self.assertIn("echo", info["kinds"])
        self.assertIsInstance(info["calls"], str)

    def test_info_tells_the_limits(self):
        """Each is another number, so that none is taken for another."""
        core = Core("127.0.0.1:0", "--max-frame-bytes", "512K",
                    "--max-streams", "77", "--max-connections", "88",
                    "--max-job-output-bytes", "3M", "--max-jobs", "1234",
                    "--max-event-streams", "55", "--max-stats-bytes", "99M")
        self.addCleanup(core.stop)
        told = run(core, "info", "--json")
        self.assertEqual(json.loads(told.stdout)["limits"], {
            "maxFrameBytes": 524288, "maxStreams": 77, "maxConnections": 88,
            "maxJobOutputBytes": "3145728", "maxJobs": "1234",
            "maxEventStreams": 55, "maxStatsBytes": str(99 << 20),
            "maxMessageBytes": 524276, "maxJobInputBytes": 458752,
            "maxBatchEvents": 65536, "maxKeyBytes": 256,
            "maxStreamNameBytes": 128, "maxProducerIdBytes": 64,
            "maxSketchBytes": 524276, "maxPageSize": 1000,
            "maxFrequencyKeys": 1000, "maxQuantiles": 100, "maxTop": 1000,
            "minStatsIntervalMs": 100})
        text = run(core, "info").stdout.decode()
        self.assertIn("512 KiB a frame, 77 open calls a connection, "
                      "88 connections\n", text)
        self.assertIn("1,234 jobs, 3.00 MiB of output each, 55 streams, 99.0 "
                      "MiB of statistics\n", text)
        self.assertIn("448 KiB of input a job, 65,536 events a batch, 256 "
                      "bytes a key\n", text)

    def test_ingest_and_every_question(self):
        out = self.ingest("flights", self.rows())
        self.assertIn("400 events accepted", out)
        text = self.ok("stats", "get", "flights")
        self.assertIn("events 400", text)
        self.assertIn("ORD", text)
        (answer,) = self.json("stats", "get", "flights", "--top", "1")
        stats = answer["stats"]
        self.assertEqual(stats["count"], "400")
        self.assertEqual(len(stats["topKeys"]), 1)
        self.assertEqual(stats["topKeys"][0]["key"], "ORD")
        self.assertEqual(stats["topKeys"][0]["count"], "300")
        self.assertEqual(round(stats["uniqueKeys"]["value"]), 2)
        mean = (sum(range(300)) + sum(range(100))) / 400
        self.assertAlmostEqual(stats["value"]["mean"], mean, places=9)
        self.assertEqual(stats["value"]["max"], 299)
        (minute,) = self.json("stats", "get", "flights", "--window", "1m")
        self.assertEqual(minute["stats"]["windowSeconds"], 60)
        self.assertRegex(self.ok("stats", "list"), r"flights +400")

    def test_frequencies(self):
        self.ingest("freq", self.rows())
        table = self.ok("stats", "freq", "freq", "ORD", "JFK", "nowhere")
        self.assertRegex(table, r"ORD +300 +75\.00% +300 +300\n")
        self.assertRegex(table, r"JFK +100 +25\.00%")
        self.assertRegex(table, r"nowhere +0 +0\.00%")
        (answer,) = self.json("stats", "freq", "freq", "JFK", "-w", "1m")
        self.assertEqual(answer["frequencies"][0]["count"], "100")
        self.assertEqual(answer["count"], "400")

    def test_quantiles(self):
        self.ingest("quant", self.rows())
        table = self.ok("stats", "quantiles", "quant", "p50", "0.99", "p999")
        self.assertRegex(table, r"p50 +\d.*\np99 +\d.*\np99\.9 +\d")
        self.assertIn("of 400 events", table)
        ordered = sorted(r[2] for r in self.rows())
        (answer,) = self.json("stats", "quantiles", "quant", "50%",
                              "--metric", "latency")
        self.assertAlmostEqual(answer["quantiles"][0]["value"],
                               ordered[199], delta=0.02 * ordered[199])
        (answer,) = self.json("stats", "quantiles", "quant")
        self.assertEqual([q["q"] for q in answer["quantiles"]],
                         [0.5, 0.9, 0.95, 0.99, 0.999])

    def test_ranks(self):
        self.ingest("ranks", self.rows())
        (answer,) = self.json("stats", "rank", "ranks", "-1", "99.5", "1e6")
        self.assertEqual(answer["ranks"][0], 0)
        self.assertAlmostEqual(answer["ranks"][1], 0.5, delta=0.02)
        self.assertEqual(answer["ranks"][2], 1)
        table = self.ok("stats", "rank", "ranks", "1000", "-m", "latency")
        self.assertRegex(table, r"1\.00 s +100\.00%\nof 400 events")

    def test_exports(self):
        self.ingest("out", self.rows())
        for kind in ("unique", "value", "latency"):
            raw = run(self.core, "stats", "export", "out", kind)
            self.assertEqual(raw.returncode, 0, raw.stderr)
            self.assertGreater(len(raw.stdout), 8)
            (answer,) = self.json("stats", "export", "out", kind)
            self.assertEqual(base64.b64decode(answer["sketch"]), raw.stdout)
            path = os.path.join(self.core.dir, kind)
            self.ok("stats", "export", "out", kind, "-o", path)
            with open(path, "rb") as file:
                self.assertEqual(file.read(), raw.stdout)
        redis = run(self.core, "stats", "export", "out", "unique", "-f",
                    "redis")
        self.assertTrue(redis.stdout.startswith(b"HYLL"), redis)
        self.refused(2, "must be unique", "stats", "export", "out", "mean")
        self.refused(1, "format", "stats", "export", "out", "value", "-f",
                     "redis")
        self.refused(4, "NOT_FOUND", "stats", "export", "nowhere", "value")
        self.refused(1, "No such file", "stats", "export", "out", "value",
                     "-o", "/no/such/dir/file")
        screen = Terminal(self.core, "stats", "export", "out", "value")
        self.assertEqual(screen.end(), 2)
        self.assertIn(b"use --output", screen.seen)

    def test_merges(self):
        self.ingest("one", self.rows())
        self.ok("stats", "create", "sum")
        for kind in ("frequency", "value", "latency", "unique"):
            sketch = run(self.core, "stats", "export", "one", kind).stdout
            done = run(self.core, "stats", "merge", "sum", "--kind", kind, "-",
                       "--id", kind, input=sketch)
            self.assertEqual((done.returncode, done.stdout), (0, b""), done)
            self.assertIn(b"merged ", done.stderr)
            done = run(self.core, "stats", "merge", "sum", "-k", kind, "-",
                       "--id", kind, input=sketch)
            self.assertIn(b"not merged", done.stderr)
        (one,) = self.json("stats", "get", "one")
        (both,) = self.json("stats", "get", "sum")
        one, both = one["stats"], both["stats"]
        self.assertEqual(both.pop("mergedEvents"), one["count"])
        self.assertEqual(both["duplicateBatches"], "4")
        for name in ("count", "topKeys", "value", "latencyMs"):
            self.assertEqual(both[name], one[name], name)
        path = os.path.join(self.core.dir, "dd")
        self.ok("stats", "export", "one", "value", "-f", "ddsketch", "-o", path)
        (answer,) = self.json("stats", "merge", "sum", path, "-k", "value",
                              "-f", "ddsketch")
        self.assertEqual(answer["count"], one["value"]["count"])
        self.refused(1, "sketch", "stats", "merge", "sum", path, "-k", "value")
        self.refused(1, "format", "stats", "merge", "sum", path, "-k", "value",
                     "-f", "redis")
        self.refused(4, "No such file", "stats", "merge", "sum", "/no/file",
                     "-k", "value")
        self.refused(4, "NOT_FOUND", "stats", "merge", "nowhere", path, "-k",
                     "value")
        self.refused(2, "--kind", "stats", "merge", "sum", path)

    def test_latency_is_asked_for_where_there_are_no_values(self):
        self.ok("ingest", "slow", "-f", "csv", "-l", "s", "--latency-unit",
                "s", input=b"key,s\na,1.5\nb,1.5\n")
        self.assertRegex(self.ok("stats", "quantiles", "slow", "p50"),
                         r"p50 +1\.\d\d s\n")
        done = run(self.core, "stats", "quantiles", "slow", "-m", "value")
        self.assertEqual((done.returncode, done.stdout), (0, b""))
        self.assertIn(b"no event has a value", done.stderr)

    def test_create_list_and_delete(self):
        own = ["own", "--windows", "10s,2m", "--precision", "12", "--top",
               "5", "--value-threshold", "100", "--latency-threshold", "50",
               "--anomaly-score", "8", "--unique", "ultraloglog", "--time",
               "arrival"]
        self.ok("stats", "create", *own)
        (stream,) = [s for s in self.json("stats", "list")
                     if s["config"]["name"] == "own"]
        config = stream["config"]
        self.assertEqual(config["windowSeconds"], [10, 120])
        self.assertEqual(config["uniquePrecision"], 12)
        self.assertEqual(config["topCapacity"], 5)
        self.assertEqual(config["valueThreshold"], 100)
        self.assertEqual(config["latencyThresholdMs"], 50000)
        self.assertEqual(config["anomalyThreshold"], 8)
        self.assertEqual(config["uniqueAlgorithm"],
                         "UNIQUE_ALGORITHM_ULTRALOGLOG")
        self.assertEqual(config["keyHash"], "KEY_HASH_RUNNEL")
        self.assertEqual(config["timeBasis"], "TIME_BASIS_ARRIVAL")
        again = run(self.core, "stats", "create", *own)
        self.assertEqual(again.returncode, 0)
        self.assertIn(b"was there", again.stderr)
        self.refused(1, "ALREADY_EXISTS", "stats", "create", "own")
        self.refused(1, "config.unique_precision", "stats", "create", "x",
                     "--key-hash", "redis", "--precision", "12")
        self.ok("stats", "delete", "own")
        self.refused(4, "NOT_FOUND", "stats", "get", "own")
        self.refused(4, "NOT_FOUND", "stats", "delete", "own")

    def test_bad_lines_are_told_and_skipped(self):
        text = b"key,n\na,1\nb,x\nc,3\n"
        done = run(self.core, "ingest", "bad", "-f", "csv", "--value", "n",
                   input=text)
        self.assertEqual(done.returncode, 0)
        self.assertIn(b'line 3 skipped: n: "x" is not a number', done.stderr)
        self.assertIn(b"2 events accepted", done.stdout)
        self.assertIn(b"1 line skipped", done.stdout)
        many = b"key,n\n" + b"a,1\n" + b"b,x\n" * 1000
        done = run(self.core, "ingest", "bad", "-f", "csv", "--value", "n",
                   input=many)
        self.assertEqual(done.stderr.count(b"\n"), 5)
        self.assertIn(b"further ones are only counted", done.stderr)
        self.assertIn(b"1,000 lines skipped", done.stdout)
        (summary,) = self.json("ingest", "bad", "-f", "csv", "--value", "n",
                               input=many)
        self.assertEqual(summary["skippedLines"], "1000")
        self.assertEqual([b["line"] for b in summary["badLines"]],
                         ["3", "4", "5", "6", "7"])

    def test_strict_ends_at_the_first_bad_line(self):
        text = b"key,n\na,1\nb,x\nc,3\n"
        path = os.path.join(self.core.dir, "strict.csv")
        with open(path, "wb") as file:
            file.write(text)
        done = run(self.core, "ingest", "strict", path, "--value", "n",
                   "--strict")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"strict.csv line 3: n: ", done.stderr)
        # What was read before it is counted, and the summary says so.
        self.assertIn(b"1 event accepted", done.stdout)
        (answer,) = self.json("stats", "get", "strict")
        self.assertEqual(answer["stats"]["count"], "1")

    def test_input_that_cannot_be_read_at_all(self):
        text = b"key,n\na,1\nb,x\nc,3\n"
        done = run(self.core, "ingest", "bad", "-f", "combined", input=text)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"is --format right?", done.stderr)
        self.refused(1, "no such column; the header has: key, n", "ingest",
                     "bad", "-f", "csv", "--value", "m", "--quiet",
                     input=text)
        self.refused(2, "--format is missing", "ingest", "bad")
        self.refused(2, "an access log has", "ingest", "bad", "-f", "common",
                     "--key", "adress")
        self.refused(2, "must be auto", "ingest", "bad", "-f", "csv",
                     "--time-format", "iso")
        self.refused(2, "exclude each other", "ingest", "bad", "-f", "csv",
                     "--arrival-time", "--time", "t")
        self.refused(2, "--linger", "ingest", "bad", "-f", "csv", "--linger",
                     "2h")
        self.refused(4, "No such file", "ingest", "bad", "/no/such.csv")
        self.refused(1, "Is a directory", "ingest", "bad", "-f", "csv", "/")
        self.refused(7, "stream", "ingest", "_reserved", "-f", "lines",
                     "--quiet", input=b"x\n")
        self.refused(1, "1 to 128", "ingest", "x" * 129, "-f", "lines",
                     "--quiet", input=b"x\n")

    def test_a_missing_file_leaves_nothing_counted(self):
        path = os.path.join(self.core.dir, "there.csv")
        with open(path, "wb") as file:
            file.write(b"key\na\n")
        self.refused(4, "No such file", "ingest", "whole", path,
                     path + ".not")
        self.refused(4, "NOT_FOUND", "stats", "get", "whole")
        self.ok("ingest", "whole", path, path)
        (answer,) = self.json("stats", "get", "whole")
        self.assertEqual(answer["stats"]["count"], "2")

    def test_every_format_counts(self):
        log = (b'203.0.113.9 - - [10/Oct/2030:13:55:36 -0700] '
               b'"GET /a HTTP/1.0" 200 10')
        cases = {
            "csv": b"key,x\na,1\n",
            "tsv": b"key\tx\na\t1\n",
            "ndjson": b'{"key":"a"}\n',
            "json": b'[{"key":"a"}]',
            "logfmt": b"key=a\n",
            "common": log + b"\n",
            "combined": log + b' "-" "curl"\n',
            "lines": b"a",
        }
        for name, text in cases.items():
            (summary,) = self.json("ingest", "format-" + name, "--format",
                                   name, "--arrival-time", input=text)
            self.assertEqual(summary["acceptedEvents"], "1", name)
        text = self.ok("stats", "get", "format-combined", "--window", "1m")
        self.assertIn("203.0.113.9", text)

    def test_missing_values_do_not_lose_events(self):
        text = b'{"key":"a","n":1}\n{"key":"b"}\n{"key":"c","n":3}\n'
        out = self.ok("ingest", "gaps", "-f", "ndjson", "--value", "n",
                      input=text)
        self.assertIn("3 events accepted", out)
        self.assertIn("1 without a value", out)
        (answer,) = self.json("stats", "get", "gaps")
        self.assertEqual(answer["stats"]["count"], "3")
        self.assertEqual(answer["stats"]["value"]["count"], "2")
        self.assertEqual(answer["stats"]["value"]["mean"], 2)

    def test_old_events_count_in_all_time_and_as_late(self):
        text = b"key,t\na,2001-01-01T00:00:00Z\nb,2001-01-01 00:10\n"
        self.ok("ingest", "old", "-f", "lines", input=b"now\n")
        out = self.ok("ingest", "old", "-f", "csv", "--time", "t", input=text)
        self.assertIn("2 late", out)
        (answer,) = self.json("stats", "get", "old")
        self.assertEqual(answer["stats"]["count"], "3")
        self.assertEqual(answer["stats"]["lateEvents"], "2")
        (answer,) = self.json("stats", "get", "old", "-w", "1h")
        self.assertEqual(answer["stats"]["count"], "1")

    def wait_for_count(self, stream, count):
        """Awaits the count in the lines of a watch."""
        watch = Piped(self.core, "stats", "watch", stream, "--interval",
                      "100ms", "--window", "all", "--json", "--wait")
        for line in watch.process.stdout:
            for window in json.loads(line).get("snapshot", {}).get(
                    "windows", []):
                if int(window["count"]) >= count:
                    return watch.end(signal.SIGINT)[0]
        raise AssertionError(watch.process.stderr.read())

    def test_a_followed_pipe_is_sent_as_it_comes(self):
        ingest = Piped(self.core, "ingest", "tail", "-f", "lines")
        for count in range(1, 4):
            ingest.process.stdin.write(b"line %d\n" % count)
            self.assertEqual(self.wait_for_count("tail", count), 0)
        # A line that Ctrl-C cuts is not an event.
        ingest.process.stdin.write(b"half a li")
        ingest.process.send_signal(signal.SIGINT)
        self.assertIn(b"3 events accepted", ingest.line_with(b"tail"))
        self.assertEqual(ingest.end()[0], 0)

    def test_a_file_that_was_not_read_to_its_end_is_status_130(self):
        path = os.path.join(self.core.dir, "fifo")
        os.mkfifo(path)
        ingest = Piped(self.core, "ingest", "part", "-f", "lines", path)
        with open(path, "wb", buffering=0) as fifo:
            fifo.write(b"a\nb\n")
            self.wait_for_count("part", 2)
            ingest.process.send_signal(signal.SIGINT)
            self.assertIn(b"2 events accepted", ingest.line_with(b"part"))
            self.assertEqual(ingest.end()[0], 130)

    def test_a_large_input_is_counted_exactly(self):
        rows = b"".join(b"%d,%d\n" % (i % 977, i) for i in range(300000))
        (summary,) = self.json("ingest", "large", "-f", "csv", "--no-header",
                               "--key", "1", "--value", "2", input=rows)
        self.assertEqual(summary["acceptedEvents"], "300000")
        (answer,) = self.json("stats", "get", "large")
        self.assertEqual(answer["stats"]["count"], "300000")
        self.assertEqual(answer["stats"]["value"]["mean"], 299999 / 2)

    def test_an_ingest_over_lost_connections_counts_every_event_once(self):
        proxy = Proxy(self.core.address)
        try:
            ingest = Piped(proxy, "ingest", "cuts", "-f", "lines")
            for count in range(1, 4):
                ingest.process.stdin.write(b"x\n" * 1000)
                self.wait_for_count("cuts", count * 1000)
                proxy.cut()
            ingest.process.stdin.write(b"x\n" * 1000)
            status, out, err = ingest.end()
        finally:
            proxy.stop()
        self.assertEqual(status, 0, err)
        # Counted, but cut off before that was said: it comes again.
        again = re.search(rb"(\d+) duplicate batch", out)
        self.assertIn(b"%d,000 events accepted"
                      % (4 - (int(again[1]) if again else 0)), out)
        self.assertIn(b"connection lost; reconnecting", err)
        (answer,) = self.json("stats", "get", "cuts")
        self.assertEqual(answer["stats"]["count"], "4000")

    def test_progress_on_a_terminal(self):
        path = os.path.join(self.core.dir, "slow")
        os.mkfifo(path)
        screen = Terminal(self.core, "ingest", "bar", "-f", "lines", path)
        with open(path, "wb", buffering=0) as fifo:
            fifo.write(b"a\nb\n")
            screen.until(rb"2 events  ")
        self.assertEqual(screen.end(), 0)
        screen.until(rb"2 events accepted|accepted in")
        self.assertIn(b"\x1b[?25h", screen.seen)

    def test_watch_piped_is_lines(self):
        self.ingest("lines", self.rows())
        watch = Piped(self.core, "stats", "watch", "lines", "--window", "1m")
        line = watch.line_with(b"stream=lines")
        self.assertRegex(line, rb"^time=\S+ stream=lines window=1m events=400 ")
        self.assertNotIn(b"\x1b", line)
        self.assertEqual(watch.end(signal.SIGINT)[0], 0)

    def test_a_threshold_makes_anomalies(self):
        self.ok("stats", "create", "hot", "--value-threshold", "100")
        watch = Piped(self.core, "stats", "watch", "hot", "-n", "100ms")
        watch.line_with(b"stream=hot")
        self.ok("ingest", "hot", "-f", "csv", "-v", "v",
                input=b"key,v\na,7\nb,700\n")
        line = watch.line_with(b"anomaly=")
        self.assertRegex(line, rb"anomaly=EVENT_VALUE observed=700 ")
        watch.end(signal.SIGINT)
        text = self.ok("stats", "get", "hot")
        self.assertRegex(text, r"event value 700  above 100, key b")

    def test_a_watch_waits_for_its_stream(self):
        watch = Piped(self.core, "stats", "watch", "soon", "--wait",
                      "--window", "all")
        screen = Terminal(self.core, "stats", "watch", "soon")
        screen.until(b"waiting for its first event")
        self.ok("ingest", "soon", "-f", "lines", input=b"key-of-soon\n")
        watch.line_with(b"events=1 ")
        status, _, err = watch.end(signal.SIGINT)
        self.assertEqual(status, 0)
        self.assertIn(b"no stream soon; waiting for its first event", err)
        screen.until(b"live.*key-of-soon")
        screen.type(b"q")
        self.assertEqual(screen.end(), 0)

    def test_a_stream_that_keeps_few_keys_can_be_looked_at(self):
        self.ok("stats", "create", "few-keys", "--top", "2")
        self.ok("ingest", "few-keys", "-f", "lines", input=b"a\nb\nc\n")
        self.assertIn("events 3", self.ok("stats", "get", "few-keys"))
        screen = Terminal(self.core, "stats", "watch", "few-keys")
        screen.until(b"live.*TOP KEYS")
        screen.type(b"q")
        self.assertEqual(screen.end(), 0)
        watch = Piped(self.core, "stats", "watch", "few-keys")
        watch.line_with(b"events=3 ")
        watch.end(signal.SIGINT)
        done = self.refused(1, "must be at most 2", "stats", "get",
                            "few-keys", "--top", "3")
        self.assertEqual(done.stderr.count(b"must be"), 1, done.stderr)

    def test_a_watch_ends_when_its_stream_is_deleted(self):
        self.ingest("gone", self.rows())
        watch = Piped(self.core, "stats", "watch", "gone")
        watch.line_with(b"stream=gone")
        self.ok("stats", "delete", "gone")
        status, _, err = watch.end()
        self.assertEqual(status, 4, err)
        self.assertIn(b"NOT_FOUND", err)

    def test_the_live_view(self):
        self.ingest("view", self.rows())
        for env, colour in (({}, True), ({"NO_COLOR": "1"}, False)):
            screen = Terminal(self.core, "stats", "watch", "view",
                              "--interval", "100ms", columns=120,
                              env=clean_env(TERM="xterm-256color", **env))
            screen.until("live.*WINDOW.*▸ 1m.*TOP KEYS.*ORD.*300".encode())
            screen.type(b"w")
            screen.until("▸ 5m".encode())
            screen.seen = b""
            screen.resize(20, 60)
            # The narrow table has no p90.
            screen.until(rb"LATENCY p50[^p]*p99")
            self.assertEqual(screen.end(signal.SIGINT), 0)
            self.assertEqual(b"\x1b[36m" in screen.seen, colour)
            # The first screen is back, with the last view on it.
            self.assertRegex(screen.seen, rb"(?s)\x1b\[\?1049l.*ended.*ORD")
            self.assertIn(b"\x1b[?25h", screen.seen)

    def test_a_stopped_view_gives_the_terminal_back(self):
        self.ingest("stop", self.rows())
        screen = Terminal(self.core, "stats", "watch", "stop", "-n", "100ms",
                          script="set -m; eval $0; stty -a; read line; "
                                 "fg > /dev/null")
        screen.until(b"live.*ORD")
        screen.type(b"\x1a")
        screen.until(rb"\x1b\[\?1049l\x1b\[\?25h.* icanon")
        screen.seen = b""
        screen.type(b"\n")
        screen.until(rb"\x1b\[\?1049h.*live.*ORD")
        screen.type(b"q")
        self.assertEqual(screen.end(), 0)
        self.assertIn(b"ended", screen.seen)

    def test_errors_are_one_clear_line(self):
        self.refused(4, "NOT_FOUND", "stats", "get", "nothing")
        self.refused(4, "NOT_FOUND", "stats", "watch", "nothing")
        self.refused(4, "NOT_FOUND", "stats", "freq", "nothing", "k")
        self.ingest("few", self.rows())
        self.refused(1, "window_seconds", "stats", "get", "few", "--window",
                     "7s")
        self.refused(2, "not a quantile", "stats", "quantiles", "few", "2")
        self.refused(2, "not a number", "stats", "rank", "few", "fast")
        self.refused(2, "from 100ms to 1h", "stats", "watch", "few",
                     "--interval", "1ms")
        self.refused(2, "not a window", "stats", "create", "own",
                     "--windows", "1m,soon")
        self.refused(2, "at most 8", "stats", "create", "own", "--windows",
                     "1s,2s,3s,4s,5s,6s,7s,8s,9s")
        self.refused(2, "from 4 to 18", "stats", "create", "own",
                     "--precision", "99")
        self.refused(1, "name", "stats", "create", "no/such/name")
        screen = Terminal(self.core, "stats", "watch", "few", "-w", "7s")
        self.assertEqual(screen.end(), 1)
        self.assertRegex(screen.seen,
                         rb"(?s)\?1049l.*stream few has 1m, 5m, 1h, all")


class Surroundings(unittest.TestCase):
    def start(self, *args):
        core = Core(*args)
        self.addCleanup(core.stop)
        return core

    def test_an_unreachable_core_is_status_3(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            for args in (["info"], ["job", "watch", NO_JOB],
                         ["ingest", "x", "-f", "lines"],
                         ["stats", "watch", "x"]):
                done = run(address, *args, "--timeout", "1s", input=b"a\n")
                self.assertEqual(done.returncode, 3, (args, done.stderr))
                self.assertIn(address.encode(), done.stderr)
                self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)

    def test_tokens(self):
        core = self.start("127.0.0.1:0", "--token", "secret")
        self.assertEqual(run(core, "info").returncode, 7)
        self.assertEqual(run(core, "info", "--token", "wrong").returncode, 7)
        self.assertEqual(run(core, "info", "--token", "secret").returncode, 0)
        path = os.path.join(core.dir, "token")
        with open(path, "w") as file:
            file.write("secret\n")
        self.assertEqual(run(core, "info", "--token-file", path).returncode, 0)
        self.assertEqual(run(core, "info", env=clean_env(
            RUNNEL_TOKEN="secret")).returncode, 0)

    def test_tokens_are_made_listed_and_revoked(self):
        core = self.start()
        self.assertIn(b"no tokens", run(core, "token", "list").stderr)
        done = run(core, "token", "create", "--name", "x", "--scope", "work")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn(b"scope admin", done.stderr)
        done = run(core, "admin", "token", "create", "--name", "root",
                   "--scope", "admin")
        root = done.stdout.decode().strip()
        self.assertRegex(root, "^rnl_[0-9a-f]{64}$")
        self.assertEqual(run(core, "info").returncode, 7)
        env = clean_env(RUNNEL_TOKEN=root)
        done = run(core, "token", "create", "--name", "ci bot", "--scope",
                   "jobs:read", "--scope", "jobs:write", "--expires", "30d",
                   "--json", env=env)
        made = json.loads(done.stdout)
        self.assertEqual(made["token"]["scopes"], ["jobs:read", "jobs:write"])
        bot = clean_env(RUNNEL_TOKEN=made["secret"])
        self.assertEqual(run(core, "job", "list", env=bot).returncode, 0)
        self.assertEqual(run(core, "stats", "list", env=bot).returncode, 7)
        self.assertEqual(run(core, "token", "list", env=bot).returncode, 7)
        listed = run(core, "admin", "token", "list", env=env).stdout.decode()
        self.assertIn("jobs:read jobs:write", listed)
        self.assertIn("ci bot", listed)
        self.assertNotIn("rnl_", listed)
        rows = [json.loads(line) for line in run(
            core, "token", "list", "--json", env=env).stdout.splitlines()]
        ids = {row["name"]: row["id"] for row in rows}
        self.assertEqual(run(core, "token", "revoke", ids["ci bot"],
                             env=env).returncode, 0)
        self.assertEqual(run(core, "job", "list", env=bot).returncode, 7)
        self.assertEqual(run(core, "token", "revoke", ids["ci bot"],
                             env=env).returncode, 4)
        done = run(core, "token", "revoke", ids["root"], env=env)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"last token", done.stderr)
        for wrong in (["--scope", "work"], ["--name", "x"],
                      ["--name", "x", "--scope", "jobs"],
                      ["--name", "x", "--scope", "work", "--expires", "0s"]):
            self.assertEqual(run(core, "token", "create", *wrong,
                                 env=env).returncode, 2, wrong)
        with open(os.path.join(core.dir, "log")) as log:
            self.assertNotIn("rnl_", log.read())

    def test_tokens_survive_and_those_of_a_file_can_be_changed(self):
        home = tempfile.mkdtemp(prefix="runnel-tokens-")
        self.addCleanup(shutil.rmtree, home)
        tokens = os.path.join(home, "tokens")

        def write(*lines):
            with open(tokens + ".new", "w") as file:
                for token, scopes in lines:
                    file.write("%s %s of a file\n" % (
                        hashlib.sha256(token.encode()).hexdigest(), scopes))
            os.rename(tokens + ".new", tokens)

        def status(token, *words):
            return run(core, *words, env=clean_env(
                RUNNEL_TOKEN=token)).returncode

        write(("reader", "jobs:read"), ("root", "admin"))
        flags = ("--data", os.path.join(home, "data"), "--tokens-file", tokens)
        core = self.start("127.0.0.1:0", *flags)
        self.assertEqual(run(core, "info").returncode, 7)
        self.assertEqual(status("reader", "job", "list"), 0)
        self.assertEqual(status("reader", "token", "list"), 7)
        made = run(core, "token", "create", "--name", "x", "--scope",
                   "stats:read", env=clean_env(RUNNEL_TOKEN="root"))
        kept = made.stdout.decode().strip()
        core.stop(signal.SIGKILL)
        core = self.start("127.0.0.1:0", *flags)
        self.assertEqual(status(kept, "stats", "list"), 0)
        write(("root", "admin"), ("new", "jobs:read"))
        core.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + DEADLINE_S
        while status("new", "job", "list") != 0:
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(status("reader", "job", "list"), 7)
        # What cannot be read changes nothing.
        with open(tokens, "w") as file:
            file.write("no hash\n")
        core.process.send_signal(signal.SIGHUP)
        while b"tokens_file_unusable" not in self.log_of(core):
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(status("new", "job", "list"), 0)
        done = subprocess.run(
            [os.path.join(BIN, "runneld"), "--durability", "memory",
             "--listen", "127.0.0.1:0", "--tokens-file", tokens],
            capture_output=True, timeout=DEADLINE_S, env=clean_env())
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"line 1: ", done.stderr)

    def log_of(self, core):
        with open(os.path.join(core.dir, "log"), "rb") as file:
            return file.read()

    def test_a_job_that_a_restart_lost_is_not_found(self):
        core = self.start()
        job = run(core, "job", "create", "--kind", "echo", "--input",
                  "line\n" * 1000, "-o", "pace_ms=50", "-o",
                  "chunk_bytes=5").stdout.decode().strip()
        watch = Piped(core, "job", "watch", job)
        watch.line_with(b"line")
        core.stop(signal.SIGKILL)
        self.start(core.address)
        status, _, err = watch.end()
        self.assertEqual(status, 4, err)
        self.assertIn(b"NOT_FOUND", err)

    def test_watches_survive_a_restart_of_the_core(self):
        core = self.start()
        run(core, "ingest", "s", "-f", "lines", input=b"a\n")
        watch = Piped(core, "stats", "watch", "s", "--interval", "100ms")
        screen = Terminal(core, "stats", "watch", "s", "--interval", "100ms")
        watch.line_with(b"events=1")
        screen.until("● .{0,8}live".encode())
        core.stop(signal.SIGKILL)
        screen.until("reconnecting".encode())
        again = self.start(core.address)
        run(again, "ingest", "s", "-f", "lines", input=b"a\nb\n")
        # The memory store is empty after a restart: the watches wait for the
        # stream to come back.
        watch.line_with(b"events=2")
        status, _, err = watch.end(signal.SIGINT)
        self.assertEqual(status, 0)
        self.assertIn(b"reconnecting", err)
        self.assertIn(b"connected again", err)
        screen.until("reconnecting.*● .{0,8}live".encode())
        self.assertEqual(screen.end(signal.SIGINT), 0)

    def test_an_ingest_survives_a_restart_of_the_core(self):
        core = self.start()
        ingest = Piped(core, "ingest", "s", "-f", "lines")
        ingest.process.stdin.write(b"before\n")
        watch = Piped(core, "stats", "watch", "s", "--wait", "-w", "all",
                      "-n", "100ms")
        watch.line_with(b"events=1 ")
        core.stop(signal.SIGKILL)
        # Read while there is no core, and kept.
        ingest.process.stdin.write(b"between\n" * 2)
        again = self.start(core.address)
        ingest.process.stdin.write(b"after\n" * 3)
        status, out, err = ingest.end()
        self.assertEqual(status, 0, err)
        self.assertIn(b"6 events accepted", out)
        (answer,) = [json.loads(line) for line in run(
            again, "stats", "get", "s", "--json").stdout.splitlines()]
        # The memory store is empty after a restart. The first event comes again
        # when it was counted, but its acknowledgement was lost.
        self.assertIn(answer["stats"]["count"], ("5", "6"))
        self.assertEqual(watch.end(signal.SIGINT)[0], 0)

    def test_ctrl_c_gives_up_on_a_core_that_is_away(self):
        core = self.start()
        ingest = Piped(core, "ingest", "s", "-f", "lines", "--timeout", "1s")
        ingest.process.stdin.write(b"before\n")
        watch = Piped(core, "stats", "watch", "s", "--wait")
        watch.line_with(b"events=1 ")
        watch.end(signal.SIGINT)
        core.stop(signal.SIGKILL)
        # More than a pipe holds, so that some was read when this returns.
        ingest.process.stdin.write(b"never taken\n" * 20000)
        for line in ingest.process.stderr:
            if b"reconnecting" in line:
                break
        status, out, err = ingest.end(signal.SIGINT)
        self.assertEqual(status, 3, err)
        self.assertIn(b"1 event accepted", out)
        self.assertIn(b"has not taken everything", err)

    def test_help_everywhere(self):
        done = run("x:1", "--help")
        self.assertEqual(done.returncode, 0)
        names = re.findall(r"^  ((?:job|stats) \w+|ingest|info|completion)\b",
                           done.stdout.decode(), re.M)
        self.assertEqual(len(names), 20)
        for name in names:
            done = run("x:1", *name.split(), "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn(("usage: runnel " + name).encode(), done.stdout)
            self.assertIn(b"$ ", done.stdout, name + " has no example")
            for line in done.stdout.decode().splitlines():
                self.assertLess(len(line), 81, line)
        self.assertEqual(run("x:1").returncode, 2)
        self.assertEqual(run("x:1", "job").returncode, 2)
        self.assertEqual(run("x:1", "job", "fly").returncode, 2)
        self.assertRegex(run("x:1", "--version").stdout, rb"^runnel \d")

    def test_the_documentation_is_what_the_help_says(self):
        root = pathlib.Path(__file__).resolve().parents[2]
        done = subprocess.run([root / "scripts" / "cli-reference", BIN],
                              capture_output=True, text=True,
                              timeout=DEADLINE_S)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        page = (root / "docs" / "cli.md").read_text()
        text = run("x:1", "--help").stdout.decode()
        statuses = re.findall(r"^  (\d+) +(\w.*)$",
                              text.split("\nExit status:\n")[1], re.M)
        self.assertEqual(len(statuses), 9)
        for number, meaning in statuses:
            self.assertIn("| %s | %s |" % (number, meaning), page)

    def complete(self, *words):
        script = run("x:1", "completion", "bash").stdout.decode()
        line = script + ("\nCOMP_WORDS=(%s)\nCOMP_CWORD=%d\n_runnel\n"
                         'printf "%%s\\n" "${COMPREPLY[@]}"\n'
                         % (" ".join("'%s'" % w for w in words),
                            len(words) - 1))
        return subprocess.run(["bash", "-c", line], capture_output=True,
                              text=True, timeout=DEADLINE_S,
                              env=clean_env()).stdout.split()

    def test_completion_scripts_parse_and_complete(self):
        for shell in ("bash", "zsh", "fish"):
            done = run("x:1", "completion", shell)
            self.assertEqual(done.returncode, 0)
            checker = "bash" if shell == "zsh" and not shutil.which("zsh") \
                else shell
            if shutil.which(checker):
                check = subprocess.run([checker, "-n"], input=done.stdout,
                                       capture_output=True)
                self.assertEqual(check.returncode, 0, check.stderr)
        self.assertEqual(self.complete("runnel", "j"), ["job"])
        self.assertEqual(self.complete("runnel", "job", "wa"), ["watch"])
        self.assertEqual(self.complete("runnel", "stats", "watch", "x",
                                       "--wi"), ["--window"])
        self.assertEqual(self.complete("runnel", "ingest", "x", "--format",
                                       "c"), ["csv", "common", "combined"])
        self.assertEqual(self.complete("runnel", "completion", "z"), ["zsh"])
        self.assertEqual(self.complete("runnel", "job", "list", "--core", ""),
                         [])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
