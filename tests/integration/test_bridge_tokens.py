#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tokens through the bridge: whose rights a request has, who may watch what,
revocation of what streams, tickets, and that no token is in a log.

    test_bridge_tokens.py BIN_DIR
"""
import json
import subprocess
import tempfile
import unittest

import bridge_rig as rig
from bridge_rig import NO_JOB, Bridge, Core, Events, request

ROOT = "root-token-of-this-test-4711"


def bearer(token):
    return {"Authorization": "Bearer " + token}


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.core = Core("--token", ROOT, "--log-level", "debug")
        cls.secrets = [ROOT]
        cls.bridge = Bridge(cls.core, "--token", ROOT,
                            "--log-level", "debug").ready()
        # The bridge that is tested has no right of its own.
        own, _ = cls.make("bridge")
        cls.bridge.stop()
        cls.bridge = Bridge(cls.core, "--log-level", "debug",
                            env={"RUNNEL_TOKEN": own}).ready()

    @classmethod
    def tearDownClass(cls):
        said = cls.bridge.stop() + cls.core.stop()
        for secret in cls.secrets:
            assert secret not in said, "a token is in a log"
        assert "ticket=" not in said, "a ticket is in a log"

    @classmethod
    def make(cls, *scopes, **more):
        """A token of these scopes: its secret and its id."""
        answer = request(cls.bridge, "POST", "/v1/tokens",
                         headers=bearer(ROOT), name="-".join(scopes),
                         scopes=scopes, **more)
        assert answer.status == 201, answer
        made = answer.json()
        assert answer.headers["location"] == "/v1/tokens/" + made["token"]["id"]
        cls.secrets.append(made["secret"])
        return made["secret"], made["token"]["id"]

    def ask(self, token, method, path, status, **more):
        headers = bearer(token) if token else {}
        answer = request(self.bridge, method, path, headers=headers, **more)
        self.assertEqual(answer.status, status, (path, answer))
        return answer

    def slow_job(self):
        """A job that goes on until it is cancelled."""
        answer = self.ask(ROOT, "POST", "/v1/jobs", 201, kind="echo",
                          input={"text": "x" * 1000},
                          options={"chunk_bytes": "1", "pace_ms": "1000"})
        job = answer.json()["job"]["id"]
        self.addCleanup(self.ask, ROOT, "POST", "/v1/jobs/%s/cancel" % job, 200)
        return job

    def ticket(self, token, path):
        return self.ask(token, "POST", "/v1/tickets", 201,
                        body=json.dumps({"path": path})).json()["ticket"]

    # --- who may do what ---

    def test_without_a_token_nothing_is_served(self):
        for method, path in (("GET", "/v1/jobs"), ("POST", "/v1/jobs"),
                             ("GET", "/v1/jobs/" + NO_JOB),
                             ("GET", "/v1/jobs/%s/events" % NO_JOB),
                             ("GET", "/v1/jobs/%s/output" % NO_JOB),
                             ("GET", "/v1/events?job=" + NO_JOB),
                             ("GET", "/v1/streams/web/stats/events"),
                             ("POST", "/v1/streams/web/events"),
                             ("GET", "/v1/tokens"), ("GET", "/v1/token"),
                             ("GET", "/v1/info")):
            body = None
            if method == "POST":
                body = '{"kind":"echo"}' if "jobs" in path else \
                    '{"events":[{"key":"a"}]}'
            answer = self.ask(None, method, path, 401, body=body)
            self.assertEqual(answer.json()["code"], "UNAUTHENTICATED", path)
            self.assertEqual(answer.headers["www-authenticate"],
                             'Bearer realm="runnel"', path)
        self.ask(None, "POST", "/v1/tickets", 401,
                 body=json.dumps({"path": "/v1/events?job=" + NO_JOB}))

    def test_what_everybody_may_see(self):
        for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
            self.ask(None, "GET", path, 200)
            self.ask("wrong", "GET", path, 200)

    def test_a_wrong_token_is_told_so(self):
        for value in ("Bearer wrong", "Bearer " + ROOT + "x"):
            answer = request(self.bridge, "GET", "/v1/jobs",
                             headers={"Authorization": value})
            self.assertEqual(answer.status, 401)
            self.assertEqual(answer.headers["www-authenticate"],
                             'Bearer realm="runnel", error="invalid_token"')
        for value in ("Basic eDp5", ROOT, "Bearer", "Bearer a b",
                      "Bearer " + "x" * 1001, "Bearer \xe9"):
            answer = request(self.bridge, "GET", "/v1/jobs",
                             headers={"Authorization": value})
            self.assertEqual(answer.status, 401, value[:20])

    def test_scopes(self):
        reader, _ = self.make("jobs:read")
        writer, _ = self.make("jobs:write")
        source, _ = self.make("events:write")
        viewer, _ = self.make("stats:read")
        job = self.ask(writer, "POST", "/v1/jobs", 201, kind="echo",
                       input={"text": "hi"}).json()["job"]["id"]
        path = "/v1/jobs/" + job
        self.ask(reader, "GET", path, 200)
        self.ask(reader, "GET", path + "/output", 200)
        self.ask(writer, "GET", path, 403)
        self.ask(writer, "GET", path + "/events", 403)
        answer = self.ask(reader, "POST", "/v1/jobs", 403, kind="echo")
        self.assertEqual(answer.json()["code"], "PERMISSION_DENIED")
        self.assertIn("jobs:write", answer.json()["detail"])
        self.assertIn("insufficient_scope", answer.headers["www-authenticate"])
        events = {"body": '{"events":[{"key":"a"}]}'}
        self.ask(viewer, "POST", "/v1/streams/s/events", 403, **events)
        self.ask(source, "POST", "/v1/streams/s/events", 200, **events)
        self.ask(source, "GET", "/v1/streams/s/stats", 403)
        self.ask(viewer, "GET", "/v1/streams/s/stats", 200)
        for token in (reader, writer, source, viewer):
            self.ask(token, "GET", "/v1/tokens", 403)
            self.ask(token, "POST", "/v1/tokens", 403, name="x",
                     scopes=["admin"])
            own = self.ask(token, "GET", "/v1/token", 200).json()["token"]
            self.assertEqual(len(own["scopes"]), 1)

    def test_methods_by_connect(self):
        reader, _ = self.make("jobs:read")
        writer, _ = self.make("jobs:write")
        path = "/runnel.v1.JobService/"
        for token, status, code in ((None, 401, "unauthenticated"),
                                    (reader + "x", 401, "unauthenticated"),
                                    (writer, 403, "permission_denied"),
                                    (reader, 200, None)):
            answer = self.ask(token, "POST", path + "ListJobs", status,
                              body="{}")
            if code:
                self.assertEqual(answer.json()["code"], code)
        message = json.dumps({"jobId": NO_JOB}).encode()
        body = b"\0" + len(message).to_bytes(4, "big") + message
        for token, code in ((None, b"unauthenticated"),
                            (writer, b"permission_denied"),
                            (reader, b"not_found")):
            answer = request(self.bridge, "POST", path + "WatchJob", body,
                             dict(bearer(token) if token else {}, **{
                                 "content-type": "application/connect+json"}))
            self.assertIn(b'"' + code + b'"', answer.body)

    def test_tokens_are_listed_without_their_secrets(self):
        secret, token_id = self.make("work", lifetime="3600s")
        answer = self.ask(ROOT, "GET", "/v1/tokens", 200)
        listed = {token["id"]: token for token in answer.json()["tokens"]}
        self.assertEqual(listed[token_id]["scopes"], ["work"])
        self.assertIn("expireTime", listed[token_id])
        self.assertTrue(listed["settings"]["fromSettings"])
        self.assertNotIn(secret.encode(), answer.body)
        self.ask(ROOT, "DELETE", "/v1/tokens/" + token_id, 200)
        self.ask(ROOT, "DELETE", "/v1/tokens/" + token_id, 404)
        self.ask(ROOT, "DELETE", "/v1/tokens/settings", 400)
        answer = self.ask(ROOT, "POST", "/v1/tokens", 400, name="x",
                          scopes=["jobs:own"])
        self.assertEqual(answer.json()["violations"][0]["field"], "scopes")

    # --- what is shared does not leak ---

    def test_each_watcher_is_checked(self):
        """Whoever watches with the right to does not open the job to
        others."""
        reader, _ = self.make("jobs:read")
        viewer, _ = self.make("stats:read")
        job = self.slow_job()
        path = "/v1/jobs/%s/events" % job
        with Events(self.bridge, path, **bearer(reader)) as one:
            one.next("delta")
            for wrong, status in ((viewer, 403), (reader + "x", 401),
                                  (reader[:-1], 401)):
                with Events(self.bridge, path, **bearer(wrong)) as other:
                    self.assertEqual(other.status, status)
                with Events(self.bridge, "/v1/events?job=" + job,
                            **bearer(wrong)) as other:
                    self.assertEqual(other.status, status)
            with Events(self.bridge, path) as nobody:
                self.assertEqual(nobody.status, 401)
            one.next("delta")
        with Events(self.bridge, "/v1/events?stream=_jobs",
                    **bearer(viewer)) as events:
            events.next("stats")
        with Events(self.bridge, "/v1/events?stream=_jobs",
                    **bearer(reader)) as events:
            self.assertEqual(events.status, 403)

    def test_watchers_of_one_token_share_a_topic(self):
        reader, _ = self.make("jobs:read")
        other, _ = self.make("jobs:read")
        path = "/v1/jobs/%s/events" % self.slow_job()
        before = rig.metrics(self.bridge)["runnel_bridge_topics_open"]
        watchers = [Events(self.bridge, path, **bearer(token))
                    for token in (reader, reader, other)]
        for events in watchers:
            events.next("delta")
        self.assertEqual(rig.metrics(self.bridge)["runnel_bridge_topics_open"],
                         before + 2)
        for events in watchers:
            events.close()

    # --- revocation ---

    def test_a_revoked_token_ends_what_it_watches(self):
        reader, token_id = self.make("jobs:read", "stats:read")
        other, _ = self.make("jobs:read")
        job = self.slow_job()
        path = "/v1/jobs/%s/events" % job
        with Events(self.bridge, path, **bearer(reader)) as one, \
                Events(self.bridge, path, **bearer(other)) as stays, \
                Events(self.bridge, "/v1/events?stream=_jobs&job=" + job,
                       **bearer(reader)) as both, \
                Events(self.bridge, "/v1/jobs/%s/output" % job,
                       **bearer(reader)) as output:
            one.next("delta")
            stays.next("delta")
            both.next("delta")
            self.assertEqual(output.status, 200)
            self.ask(ROOT, "DELETE", "/v1/tokens/" + token_id, 200)
            self.assertEqual(one.next("reset").data["code"], "UNAUTHENTICATED")
            self.assertEqual(list(one), [])
            both.next("reset")
            list(both)
            while output.line():
                pass
            self.assertTrue(output.cut)
            stays.next("delta")
            stays.next("delta")
        with Events(self.bridge, path, **bearer(reader)) as again:
            self.assertEqual(again.status, 401)

    def test_a_token_expires(self):
        reader, _ = self.make("jobs:read", lifetime="1s")
        with Events(self.bridge, "/v1/jobs/%s/events" % self.slow_job(),
                    **bearer(reader)) as events:
            if events.status == 200:
                self.assertEqual(events.next("reset").data["code"],
                                 "UNAUTHENTICATED")
            else:
                self.assertEqual(events.status, 401)

    # --- tickets ---

    def test_a_ticket_is_good_for_its_path(self):
        reader, _ = self.make("jobs:read")
        job = self.slow_job()
        path = "/v1/jobs/%s/events" % job
        ticket = self.ticket(reader, path)
        with Events(self.bridge, path + "?ticket=" + ticket) as events:
            first = events.next("delta")
        with Events(self.bridge, "%s?after=%s&ticket=%s"
                    % (path, first.id, ticket)) as events:
            self.assertGreater(int(events.next("delta").id), int(first.id))
        for other in ("/v1/jobs/%s/output" % job, "/v1/events?job=" + job,
                      "/v1/jobs/%s/events" % NO_JOB):
            mark = "&" if "?" in other else "?"
            answer = self.ask(None, "GET", other + mark + "ticket=" + ticket,
                              401)
            self.assertIn("ticket", answer.json()["detail"])
        changed = ticket[:30] + ("A" if ticket[30] != "A" else "B") + ticket[31:]
        self.ask(None, "GET", path + "?ticket=" + changed, 401)
        # Nothing but what streams takes one.
        self.ask(None, "GET", "/v1/jobs/%s?ticket=%s" % (job, ticket), 400)

    def test_a_ticket_has_the_rights_of_its_token(self):
        viewer, _ = self.make("stats:read")
        job = self.slow_job()
        path = "/v1/jobs/%s/events" % job
        self.ask(None, "GET", path + "?ticket=" + self.ticket(viewer, path),
                 403)
        reader, token_id = self.make("jobs:read")
        ticket = self.ticket(reader, path)
        self.ask(ROOT, "DELETE", "/v1/tokens/" + token_id, 200)
        self.ask(None, "GET", path + "?ticket=" + ticket, 401)
        self.ask(reader, "POST", "/v1/tickets", 401,
                 body=json.dumps({"path": path}))

    def test_a_ticket_of_several(self):
        both, _ = self.make("jobs:read", "stats:read")
        path = "/v1/events?job=%s&stream=_jobs" % self.slow_job()
        ticket = self.ticket(both, path)
        with Events(self.bridge, path + "&ticket=" + ticket) as events:
            events.next("delta")
        self.ask(None, "GET", path + "2&ticket=" + ticket, 401)

    def test_bridges_with_one_key_take_each_others_tickets(self):
        reader, _ = self.make("jobs:read")
        own, _ = self.make("bridge")
        path = "/v1/jobs/%s/events" % self.slow_job()
        with tempfile.NamedTemporaryFile("w") as key:
            key.write("k" * 32 + "\n")
            key.flush()
            first, second = (
                Bridge(self.core, "--ticket-key-file", key.name,
                       env={"RUNNEL_TOKEN": own}).ready() for _ in range(2))
        ticket = request(first, "POST", "/v1/tickets",
                         json.dumps({"path": path}),
                         bearer(reader)).json()["ticket"]
        with Events(second, path + "?ticket=" + ticket) as events:
            events.next("delta")
        # One that has another key does not.
        self.ask(None, "GET", path + "?ticket=" + ticket, 401)
        first.stop()
        second.stop()

    def test_tickets_are_for_answers_that_stream(self):
        for body in ({"path": "/v1/jobs"}, {"path": "/healthz"}, {"path": ""},
                     {"path": 7}, {}, {"path": "/v1/events", "more": 1},
                     {"path": "/v1/events?" + "a" * 5000}, [], None):
            answer = request(self.bridge, "POST", "/v1/tickets",
                             json.dumps(body), bearer(ROOT))
            self.assertEqual(answer.status, 400, body)


class Settings(unittest.TestCase):
    def test_a_ticket_key_that_can_be_guessed_is_refused(self):
        with tempfile.NamedTemporaryFile("w") as key:
            key.write("k" * 31 + "\n")
            key.flush()
            refused = subprocess.run(
                [rig.BIN + "/runnel-bridge", "--check-config",
                 "--ticket-key-file", key.name], capture_output=True,
                text=True, env=rig.clean_env())
        self.assertEqual(refused.returncode, 2)
        self.assertIn("ticket-key-file: ", refused.stderr)
        self.assertIn("32 to 4096 bytes", refused.stderr)


class Open(unittest.TestCase):
    def test_without_tokens_a_ticket_is_no_hindrance(self):
        core = Core()
        bridge = Bridge(core).ready()
        job = rig.echo(bridge, "hello")
        path = "/v1/jobs/%s/events" % job
        ticket = request(bridge, "POST", "/v1/tickets",
                         json.dumps({"path": path})).json()["ticket"]
        with Events(bridge, path + "?ticket=" + ticket) as events:
            events.next("end")
        self.assertEqual(request(bridge, "GET", "/v1/token").json(), {})
        answer = request(bridge, "GET", "/v1/jobs", headers=bearer("x"))
        self.assertEqual(answer.status, 401)
        bridge.stop()
        core.stop()

    def test_the_first_token_closes_the_door(self):
        """Made through a bridge without a token, which then serves nobody but
        whom it shows the token of."""
        core = Core()
        bridge = Bridge(core).ready()
        answer = request(bridge, "POST", "/v1/tokens", name="x",
                         scopes=["work"])
        self.assertEqual(answer.json()["code"], "FAILED_PRECONDITION")
        root = request(bridge, "POST", "/v1/tokens", name="root",
                       scopes=["admin"]).json()["secret"]
        self.assertEqual(request(bridge, "GET", "/v1/jobs").status, 401)
        self.assertEqual(request(bridge, "GET", "/v1/jobs",
                                 headers=bearer(root)).status, 200)
        core = core.restarted()
        # The bridge is not admitted any more.
        bridge.until(lambda: "code=UNAUTHENTICATED" in bridge.logged())
        answer = request(bridge, "GET", "/v1/jobs", headers=bearer(root))
        self.assertEqual(answer.status, 503)
        bridge.stop()
        bridge = Bridge(core, env={"RUNNEL_TOKEN": root}).ready()
        self.assertEqual(request(bridge, "GET", "/v1/jobs").status, 401)
        self.assertEqual(request(bridge, "GET", "/v1/jobs",
                                 headers=bearer(root)).status, 200)
        said = bridge.stop() + core.stop()
        self.assertNotIn(root, said)

    def test_a_bridge_with_a_token_wants_a_core_with_tokens(self):
        """Or a bridge that others can reach would open an open core to
        them."""
        core = Core()
        bridge = Bridge(core, "--token", "x")
        bridge.until(lambda: "code=UNAUTHENTICATED" in bridge.logged())
        self.assertEqual(request(bridge, "GET", "/v1/jobs").status, 503)
        bridge.stop()
        core.stop()


if __name__ == "__main__":
    rig.main("__main__")
