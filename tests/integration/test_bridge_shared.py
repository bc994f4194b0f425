#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that ask the same at the same time share a call to the core: each is
answered as if it had asked alone. The bridge is stopped while they ask, so that
it finds them all at once.

    test_bridge_shared.py BIN_DIR
"""
import http.client
import os
import signal
import unittest

import bridge_rig as rig
from bridge_rig import NO_JOB, Bridge, Core, echo, request

ROOT = "root-token-of-this-test-1147"
CLIENTS = 30


def shared(bridge):
    return rig.metrics(bridge)["runnel_bridge_calls_shared_total"]


class Pack:
    """Connections that the bridge knows, to ask on at the same time."""

    def __init__(self, bridge, count):
        self.bridge = bridge
        self.all = [http.client.HTTPConnection(*bridge.target,
                                               timeout=rig.DEADLINE_S)
                    for _ in range(count)]
        for one in self.all:
            one.request("GET", "/healthz")
            one.getresponse().read()

    def ask(self, asked, gone=()):
        """asked(number): method, path, headers. Answers of those not gone, who
        leave before they are served."""
        os.kill(self.bridge.process.pid, signal.SIGSTOP)
        try:
            for number, one in enumerate(self.all):
                method, path, headers = asked(number)
                one.request(method, path, headers=headers)
            for number in gone:
                self.all[number].close()
        finally:
            os.kill(self.bridge.process.pid, signal.SIGCONT)
        answers = {}
        for number, one in enumerate(self.all):
            if number not in gone:
                response = one.getresponse()
                answers[number] = rig.Answer(response, response.read())
        return answers

    def send(self, method, path):
        for one in self.all:
            one.request(method, path)

    def take(self):
        responses = [one.getresponse() for one in self.all]
        return [rig.Answer(one, one.read()) for one in responses]

    def close(self):
        for one in self.all:
            one.close()


class Shared(rig.Pair):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.jobs = [echo(cls.bridge, "job %d" % i) for i in range(3)]
        for job in cls.jobs:
            rig.wait_end(cls.bridge, job)

    def pack(self, bridge=None, count=CLIENTS):
        pack = Pack(bridge or self.bridge, count)
        self.addCleanup(pack.close)
        return pack

    def test_all_get_the_answer_of_one_call(self):
        alone = request(self.bridge, "GET", "/v1/jobs/" + self.jobs[0])
        before = shared(self.bridge)
        answers = self.pack().ask(
            lambda _: ("GET", "/v1/jobs/" + self.jobs[0], {}))
        for answer in answers.values():
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(answer.body, alone.body)
            self.assertEqual(answer.headers["content-type"],
                             alone.headers["content-type"])
        self.assertGreater(shared(self.bridge), before)

    def test_each_gets_what_it_asked_for(self):
        """Also by HEAD, with a query, and of what is not there."""
        def asked(number):
            if number % 5 == 3:
                return "HEAD", "/v1/jobs/" + self.jobs[0], {}
            if number % 5 == 4:
                return "GET", "/v1/jobs/%s?include_input=true" % self.jobs[0], {}
            return "GET", "/v1/jobs/" + (self.jobs[:2] + [NO_JOB])[
                number % 5], {}
        for number, answer in self.pack().ask(asked).items():
            kind = number % 5
            self.assertEqual(answer.status, 404 if kind == 2 else 200, answer)
            if kind == 3:
                self.assertEqual(answer.body, b"")
                self.assertGreater(int(answer.headers["content-length"]), 0)
            elif kind != 2:
                job = answer.json()["job"]
                self.assertEqual(job["id"], self.jobs[kind % 4])
                self.assertEqual("input" in answer.json()["job"], kind == 4)

    def test_who_leaves_takes_nobody_along(self):
        gone = range(0, CLIENTS, 2)
        answers = self.pack().ask(
            lambda _: ("GET", "/v1/jobs/" + self.jobs[1], {}), gone)
        self.assertEqual(len(answers), CLIENTS - len(gone))
        for answer in answers.values():
            self.assertEqual(answer.json()["job"]["id"], self.jobs[1])

    def test_all_may_leave(self):
        self.pack().ask(lambda _: ("GET", "/v1/jobs/" + self.jobs[2], {}),
                        range(CLIENTS))
        self.assertEqual(rig.job_of(self.bridge, self.jobs[2])["id"],
                         self.jobs[2])

    def test_who_comes_while_a_call_is_on_its_way_shares_the_next(self):
        """Also when those who waited first, or last, have gone."""
        path = "/v1/jobs/" + self.jobs[1]
        first, pack, gone = self.pack(count=1), self.pack(), self.pack(count=2)
        before = shared(self.bridge)
        os.kill(self.core.process.pid, signal.SIGSTOP)
        try:
            first.send("GET", path)
            # The answer is of a later round of the loop.
            request(self.bridge, "GET", "/healthz")
            gone.send("GET", path)
            pack.send("GET", path)
            request(self.bridge, "GET", "/healthz")
            gone.close()
        finally:
            os.kill(self.core.process.pid, signal.SIGCONT)
        answers = first.take() + pack.take()
        self.assertEqual(shared(self.bridge) - before, CLIENTS + 1)
        for answer in answers:
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(answer.json()["job"]["id"], self.jobs[1])

    def test_a_core_that_does_not_answer_is_told_to_those_who_wait(self):
        core = Core()
        bridge = Bridge(core, "--call-timeout", "2s").ready()
        job = echo(bridge, "x")
        first, late = self.pack(bridge, 1), self.pack(bridge, 1)
        os.kill(core.process.pid, signal.SIGSTOP)
        try:
            first.send("GET", "/v1/jobs/" + job)
            request(bridge, "GET", "/healthz")
            late.send("GET", "/v1/jobs/" + job)
            self.assertEqual(first.take()[0].status, 504)
            self.assertEqual(late.take()[0].status, 504)
        finally:
            os.kill(core.process.pid, signal.SIGCONT)
        bridge.stop()
        core.stop()

    def test_what_is_created_is_created_each_time(self):
        """Only what changes nothing is shared."""
        pack = self.pack()
        answers = pack.ask(lambda _: (
            "POST", "/v1/jobs/%s/cancel" % self.jobs[0], {}))
        for answer in answers.values():
            self.assertEqual(answer.status, 200, answer)
        before = shared(self.bridge)
        pack.ask(lambda _: ("POST", "/v1/jobs/%s/cancel" % self.jobs[0], {}))
        self.assertEqual(shared(self.bridge), before)

    def test_a_core_that_is_away_is_told_to_all(self):
        core = Core()
        bridge = Bridge(core).ready()
        pack = self.pack(bridge)
        core.stop()
        bridge.until(
            lambda: request(bridge, "GET", "/readyz").status == 503)
        for answer in pack.ask(
                lambda _: ("GET", "/v1/jobs/" + NO_JOB, {})).values():
            self.assertEqual(answer.status, 503, answer)
            self.assertEqual(answer.headers["content-type"],
                             "application/problem+json")
        pack.close()
        bridge.stop()


class Rights(unittest.TestCase):
    def test_nobody_sees_by_the_right_of_another(self):
        core = Core("--token", ROOT)
        bridge = Bridge(core, "--token", ROOT).ready()
        root = {"Authorization": "Bearer " + ROOT}
        job = request(bridge, "POST", "/v1/jobs", headers=root, kind="echo",
                      input={"text": "secret"}).json()["job"]["id"]
        made = request(bridge, "POST", "/v1/tokens", headers=root,
                       name="stats", scopes=["stats:read"]).json()
        weak = {"Authorization": "Bearer " + made["secret"]}
        pack = Pack(bridge, CLIENTS)
        self.addCleanup(pack.close)
        answers = pack.ask(lambda number: (
            "GET", "/v1/jobs/" + job, (root, weak, {})[number % 3]))
        for number, answer in answers.items():
            self.assertEqual(answer.status, (200, 403, 401)[number % 3],
                             answer)
        pack.close()
        bridge.stop()
        core.stop()


if __name__ == "__main__":
    rig.main("__main__")
