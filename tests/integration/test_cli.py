#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line against a real core.

    test_cli.py BIN_DIR [unittest arguments]

Every wait is for an event (a line, the end of a program, a notification) and
has a deadline; nothing sleeps.
"""
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

BIN = sys.argv[1] if len(sys.argv) > 1 else "."
DEADLINE_S = 20
NO_JOB = "0" * 26


class Core:
    """A runneld in a private directory, awaited until it says READY=1."""

    def __init__(self, listen="127.0.0.1:0", *flags):
        self.dir = tempfile.mkdtemp(prefix="runnel-cli-")
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.settimeout(DEADLINE_S)
        notify.bind(os.path.join(self.dir, "notify"))
        self.log = open(os.path.join(self.dir, "log"), "wb")
        self.process = subprocess.Popen(
            [os.path.join(BIN, "runneld"), "--listen", listen,
             "--port-file", os.path.join(self.dir, "port"), *flags],
            cwd=self.dir, stderr=self.log,
            env=clean_env(NOTIFY_SOCKET=notify.getsockname()))
        while b"READY=1" not in notify.recv(4096):
            pass
        notify.close()
        with open(os.path.join(self.dir, "port")) as file:
            self.address = file.read().strip()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait(DEADLINE_S)
        self.log.close()
        shutil.rmtree(self.dir)


def clean_env(**more):
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("RUNNEL_") and name != "NO_COLOR"}
    kept.update(more)
    return kept


def command(core, *args):
    return [os.path.join(BIN, "runnel"), "--core",
            core if isinstance(core, str) else core.address, *args]


def run(core, *args, input=b"", env=None):
    """Runs to the end; piped, so that no escape code may come out."""
    done = subprocess.run(command(core, *args), input=input,
                          capture_output=True, timeout=DEADLINE_S,
                          env=env or clean_env(TERM="xterm-256color"))
    assert b"\x1b" not in done.stderr, done.stderr
    return done


class Piped:
    """A program in the background, its stdout read by line."""

    def __init__(self, core, *args):
        # Unbuffered: communicate() does not see what a buffer has read ahead.
        self.process = subprocess.Popen(
            command(core, *args), bufsize=0, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_env())
        self.watchdog = threading.Timer(DEADLINE_S, self.process.kill)
        self.watchdog.start()

    def line_with(self, text):
        for line in self.process.stdout:
            if text in line:
                return line
        raise AssertionError("ended without %r: %r"
                             % (text, self.process.stderr.read()))

    def end(self, number=None):
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=DEADLINE_S)
        self.watchdog.cancel()
        return self.process.returncode, out, err


class Proxy:
    """Passes bytes on to a core; cut() breaks what is connected."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.target = (host, int(port))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.pairs = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.target)
            self.pairs.append((near, far))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(a, b),
                                 daemon=True).start()

    @staticmethod
    def carry(source, sink):
        try:
            while chunk := source.recv(65536):
                sink.sendall(chunk)
        except OSError:
            pass

    def cut(self):
        for pair in self.pairs:
            for end in pair:
                end.shutdown(socket.SHUT_RDWR)
                end.close()
        self.pairs = []

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()


class Terminal:
    """A program on a pseudo terminal."""

    def __init__(self, core, *args, rows=40, columns=110, env=None):
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(command(core, *args)[0], command(core, *args),
                      env or clean_env(TERM="xterm-256color"))
        import fcntl
        import struct
        import termios
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, pattern):
        end = time.monotonic() + DEADLINE_S
        while not re.search(pattern, self.seen, re.S):
            ready, _, _ = select.select([self.fd], [], [],
                                        max(0, end - time.monotonic()))
            if not ready:
                raise AssertionError("not seen: %r in %r"
                                     % (pattern, self.seen[-3000:]))
            try:
                chunk = os.read(self.fd, 65536)
            except OSError:
                chunk = b""
            if not chunk:
                raise AssertionError("ended without %r: %r"
                                     % (pattern, self.seen[-3000:]))
            self.seen += chunk

    def end(self, number=None):
        if number is not None:
            os.kill(self.pid, number)
        while True:
            try:
                chunk = os.read(self.fd, 65536)
            except OSError:
                break
            if not chunk:
                break
            self.seen += chunk
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


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
        self.assertEqual(err.count(b"connection lost; reconnecting"), 3)
        self.assertEqual(err.count(b"connected again"), 3)

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
        table = self.ok("stats", "freq", "flights", "ORD", "JFK", "nowhere")
        self.assertRegex(table, r"ORD +300 +75\.00%")
        self.assertRegex(table, r"JFK +100 +25\.00%")
        (answer,) = self.json("stats", "freq", "flights", "JFK")
        self.assertEqual(answer["frequencies"][0]["count"], "100")
        table = self.ok("stats", "quantile", "flights", "p50", "0.99")
        self.assertRegex(table, r"p50 +\d")
        self.assertRegex(table, r"p99 +\d")
        (answer,) = self.json("stats", "quantile", "flights", "50%",
                              "--metric", "latency")
        ordered = sorted(r[2] for r in self.rows())
        self.assertAlmostEqual(answer["quantiles"][0]["value"],
                               ordered[199], delta=0.02 * ordered[199])
        self.assertRegex(self.ok("stats", "list"), r"flights +400")

    def test_create_list_and_delete(self):
        self.ok("stats", "create", "own", "--windows", "10s,2m",
                "--precision", "12", "--top", "5", "--value-threshold", "100",
                "--latency-threshold", "50", "--anomaly-score", "8")
        (stream,) = [s for s in self.json("stats", "list")
                     if s["config"]["name"] == "own"]
        config = stream["config"]
        self.assertEqual(config["windowSeconds"], [10, 120])
        self.assertEqual(config["uniquePrecision"], 12)
        self.assertEqual(config["topCapacity"], 5)
        self.assertEqual(config["valueThreshold"], 100)
        self.assertEqual(config["anomalyThreshold"], 8)
        self.refused(1, "ALREADY_EXISTS", "stats", "create", "own")
        self.ok("stats", "delete", "own")
        self.refused(4, "NOT_FOUND", "stats", "get", "own")
        self.refused(2, "not a window", "stats", "create", "own",
                     "--windows", "1m,soon")

    def test_bad_lines_are_told_and_skipped_or_end_it(self):
        text = b"key,n\na,1\nb,x\nc,3\n"
        done = run(self.core, "ingest", "bad", "-f", "csv", "--value", "n",
                   input=text)
        self.assertEqual(done.returncode, 0)
        self.assertIn(b'line 3 skipped: n: "x" is not a number', done.stderr)
        self.assertIn(b"2 events accepted", done.stdout)
        self.assertIn(b"1 lines skipped", done.stdout)
        done = run(self.core, "ingest", "bad", "-f", "csv", "--value", "n",
                   "--on-error", "fail", input=text)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"line 3: n", done.stderr)
        done = run(self.core, "ingest", "bad", "-f", "combined", input=text)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"is --format right?", done.stderr)
        self.refused(1, "no such column; the header has: key, n", "ingest",
                     "bad", "-f", "csv", "--value", "m", "--quiet",
                     input=text)
        self.refused(2, "--format is missing", "ingest", "bad")
        self.refused(4, "No such file", "ingest", "bad", "/no/such.csv")
        self.refused(1, "stream", "ingest", "_reserved", "-f", "lines",
                     "--quiet", input=b"x\n")

    def test_every_format_counts(self):
        log = (b'203.0.113.9 - - [10/Oct/2030:13:55:36 -0700] '
               b'"GET /a HTTP/1.0" 200 10')
        cases = {
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
                                   name, input=text)
            self.assertEqual(summary["acceptedEvents"], "1", name)

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

    def wait_for_count(self, stream, count):
        """Awaits the count in the lines of a watch."""
        watch = Piped(self.core, "stats", "watch", stream, "--interval",
                      "100ms", "--window", "all", "--json")
        for line in watch.process.stdout:
            for window in json.loads(line).get("snapshot", {}).get(
                    "windows", []):
                if int(window["count"]) >= count:
                    return watch.end(signal.SIGINT)[0]
        raise AssertionError(watch.process.stderr.read())

    def test_a_followed_pipe_is_sent_as_it_comes(self):
        self.ok("stats", "create", "tail")
        ingest = Piped(self.core, "ingest", "tail", "-f", "lines")
        for count in range(1, 4):
            ingest.process.stdin.write(b"line %d\n" % count)
            ingest.process.stdin.flush()
            self.assertEqual(self.wait_for_count("tail", count), 0)
        # A last line without its end is read when Ctrl-C comes.
        ingest.process.send_signal(signal.SIGINT)
        self.assertIn(b"3 events accepted", ingest.line_with(b"tail"))
        self.assertEqual(ingest.end()[0], 0)

    def test_a_large_input_is_counted_exactly(self):
        rows = b"".join(b"%d,%d\n" % (i % 977, i) for i in range(300000))
        (summary,) = self.json("ingest", "large", "-f", "csv", "--no-header",
                               "--key", "1", "--value", "2", input=rows)
        self.assertEqual(summary["acceptedEvents"], "300000")
        (answer,) = self.json("stats", "get", "large")
        self.assertEqual(answer["stats"]["count"], "300000")
        self.assertEqual(answer["stats"]["value"]["mean"], 299999 / 2)

    def test_watch_piped_is_lines(self):
        self.ingest("lines", self.rows())
        watch = Piped(self.core, "stats", "watch", "lines", "--window", "1m")
        line = watch.line_with(b"stream=lines")
        self.assertRegex(line, rb"^time=\S+ stream=lines window=1m events=400 ")
        self.assertNotIn(b"\x1b", line)
        self.assertEqual(watch.end(signal.SIGINT)[0], 0)

    def test_the_live_view(self):
        self.ingest("view", self.rows())
        for env, colour in (({}, True), ({"NO_COLOR": "1"}, False)):
            screen = Terminal(self.core, "stats", "watch", "view",
                              "--interval", "100ms",
                              env=clean_env(TERM="xterm-256color", **env))
            screen.until("live.*WINDOW.*TOP KEYS.*ORD.*300".encode())
            self.assertEqual(screen.end(signal.SIGINT), 0)
            self.assertEqual(b"\x1b[36m" in screen.seen, colour)
            self.assertTrue(screen.seen.rstrip().endswith(b"\x1b[?25h"))

    def test_errors_are_one_clear_line(self):
        self.refused(4, "NOT_FOUND", "stats", "get", "nothing")
        self.refused(4, "NOT_FOUND", "stats", "watch", "nothing")
        self.ingest("few", self.rows())
        self.refused(1, "window_seconds", "stats", "get", "few", "--window",
                     "7s")
        self.refused(2, "not a quantile", "stats", "quantile", "few", "2")
        self.refused(2, "from 100ms to 1h", "stats", "watch", "few",
                     "--interval", "1ms")


class Surroundings(unittest.TestCase):
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
        core = Core("127.0.0.1:0", "--token", "secret")
        try:
            self.assertEqual(run(core, "info").returncode, 7)
            self.assertEqual(run(core, "info", "--token", "wrong").returncode,
                             7)
            self.assertEqual(run(core, "info", "--token", "secret").returncode,
                             0)
            path = os.path.join(core.dir, "token")
            with open(path, "w") as file:
                file.write("secret\n")
            self.assertEqual(run(core, "info", "--token-file",
                                 path).returncode, 0)
            self.assertEqual(run(core, "info", env=clean_env(
                RUNNEL_TOKEN="secret")).returncode, 0)
        finally:
            core.stop()

    def test_a_job_that_a_restart_lost_is_not_found(self):
        core = Core()
        job = run(core, "job", "create", "--kind", "echo", "--input",
                  "line\n" * 1000, "-o", "pace_ms=50", "-o",
                  "chunk_bytes=5").stdout.decode().strip()
        watch = Piped(core, "job", "watch", job)
        watch.line_with(b"line")
        core.stop(signal.SIGKILL)
        again = Core(core.address)
        try:
            status, _, err = watch.end()
            self.assertEqual(status, 4, err)
            self.assertIn(b"NOT_FOUND", err)
        finally:
            again.stop()

    def test_watches_survive_a_restart_of_the_core(self):
        core = Core()
        run(core, "ingest", "s", "-f", "lines", input=b"a\n")
        watch = Piped(core, "stats", "watch", "s", "--interval", "100ms")
        screen = Terminal(core, "stats", "watch", "s", "--interval", "100ms")
        watch.line_with(b"events=1")
        screen.until("● .{0,8}live".encode())
        core.stop(signal.SIGKILL)
        screen.until("reconnecting".encode())
        again = Core(core.address)
        try:
            run(again, "ingest", "s", "-f", "lines", input=b"a\nb\n")
            # The memory store is empty after a restart: the watches wait for
            # the stream to come back.
            watch.line_with(b"events=2")
            status, _, err = watch.end(signal.SIGINT)
            self.assertEqual(status, 0)
            self.assertIn(b"reconnecting", err)
            self.assertIn(b"connected again", err)
            screen.until("reconnecting.*● .{0,8}live".encode())
            self.assertEqual(screen.end(signal.SIGINT), 0)
        finally:
            again.stop()

    def test_help_everywhere(self):
        done = run("x:1", "--help")
        self.assertEqual(done.returncode, 0)
        names = re.findall(r"^  ((?:job|stats) \w+|ingest|info|completion)\b",
                           done.stdout.decode(), re.M)
        self.assertEqual(len(names), 17)
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
