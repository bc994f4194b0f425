#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The official client of OpenAI's interface against tests/support/llm_server.py:
that what `runnel work --kind llm` is tested with is such a server indeed, in
its answers and in the faults that the client has names for.

    test_llm_server.py      with the package "openai"; scripts/test interop
"""
import os
import sys
import time
import unittest

import openai

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
import llm_server  # noqa: E402

QUESTION = "How deep is the sea? 🌊"
MESSAGES = [{"role": "user", "content": QUESTION}]
ANSWER = "".join(llm_server.answer_to(QUESTION))


class OfficialClient(unittest.TestCase):
    def serve(self, *faults, key=None, **options):
        self.server = llm_server.Server(faults, key=key, **options)
        self.addCleanup(self.server.stop)
        client = openai.OpenAI(base_url=self.server.url, api_key="sk-test",
                               max_retries=0, timeout=llm_server.DEADLINE_S)
        self.addCleanup(client.close)
        return client

    def stream(self, client, **options):
        return client.chat.completions.create(
            model="test", messages=MESSAGES, stream=True, **options)

    @staticmethod
    def text(chunks):
        return "".join(chunk.choices[0].delta.content or ""
                       for chunk in chunks if chunk.choices)

    def test_streamed_text(self):
        chunks = list(self.stream(self.serve()))
        self.assertEqual(self.text(chunks), ANSWER)
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        self.assertEqual(chunks[-1].choices[0].finish_reason, "stop")
        self.assertEqual({chunk.object for chunk in chunks},
                         {"chat.completion.chunk"})

    def test_usage_when_asked_for(self):
        client = self.serve()
        chunks = list(self.stream(client,
                                  stream_options={"include_usage": True}))
        self.assertEqual(chunks[-1].choices, [])
        usage = chunks[-1].usage
        self.assertEqual(usage.completion_tokens,
                         len(llm_server.answer_to(QUESTION)))
        self.assertEqual(usage.total_tokens,
                         usage.prompt_tokens + usage.completion_tokens)
        self.assertTrue(all(chunk.usage is None for chunk in chunks[:-1]))

    def test_without_streaming(self):
        done = self.serve().chat.completions.create(model="test",
                                                    messages=MESSAGES)
        self.assertEqual(done.choices[0].message.content, ANSWER)

    def test_length(self):
        chunks = list(self.stream(self.serve(), max_completion_tokens=3))
        self.assertEqual(chunks[-1].choices[0].finish_reason, "length")
        self.assertEqual(self.text(chunks),
                         "".join(llm_server.answer_to(QUESTION)[:3]))

    def test_models(self):
        self.assertEqual([model.id for model in self.serve().models.list()],
                         ["test"])

    def test_ways_to_say_the_same(self):
        for fault in ("bytewise", ("line_end", "\r\n"), ("line_end", "\r"),
                      "bare"):
            with self.subTest(fault=fault):
                self.assertEqual(self.text(self.stream(self.serve(fault))),
                                 ANSWER)

    def test_errors(self):
        client = self.serve()
        with self.assertRaises(openai.BadRequestError):
            client.chat.completions.create(model="test", messages=[])
        with self.assertRaises(openai.AuthenticationError):
            self.stream(self.serve(key="another"))
        error = {"message": "busy", "type": "server_error", "code": None}
        with self.assertRaisesRegex(openai.APIError, "busy"):
            self.text(self.stream(self.serve(("error", error))))

    def test_retry_after(self):
        refusal = (429, [("Retry-After", "1")],
                   {"message": "slow down", "type": "requests",
                    "code": "rate_limit_exceeded"})
        client = self.serve(("refuse", refusal))
        with self.assertRaises(openai.RateLimitError) as caught:
            self.stream(client)
        self.assertEqual(caught.exception.response.headers["retry-after"], "1")
        self.server.faults.append(("refuse", refusal))
        before = time.monotonic()
        self.assertEqual(
            self.text(self.stream(client.with_options(max_retries=1))), ANSWER)
        self.assertGreaterEqual(time.monotonic() - before, 1)

    def test_close_in_the_middle(self):
        stream = self.stream(self.serve(("hang", 2)))
        self.assertEqual(self.text([next(iter(stream)), next(iter(stream))]),
                         llm_server.answer_to(QUESTION)[0])
        stream.close()
        self.server.closed.get(timeout=llm_server.DEADLINE_S)


if __name__ == "__main__":
    unittest.main()
