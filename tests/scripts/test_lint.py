# SPDX-License-Identifier: Apache-2.0
"""That scripts/lint finds what it should, and nothing else."""
import pathlib
import subprocess
import tempfile
import unittest

LINT = pathlib.Path(__file__).parents[2] / "scripts" / "lint"
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"


def lint(path, text):
    """The findings on one file, as 'line: what'."""
    with tempfile.TemporaryDirectory() as root:
        file = pathlib.Path(root) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        done = subprocess.run([LINT, "--root", root], capture_output=True,
                              text=True, check=False)
    assert not done.stderr, done.stderr
    found = done.stdout.splitlines()
    assert bool(found) == (done.returncode == 1)
    return [line[len(path) + 1:] for line in found]


class Lint(unittest.TestCase):
    def expect(self, path, text, *starts):
        found = lint(path, text)
        self.assertEqual(len(found), len(starts), found)
        for line, start in zip(found, starts):
            self.assertTrue(line.startswith(start), line)

    def test_clean_file_has_no_findings(self):
        self.expect("proto/a.c", SPDX + "int a(void)\n{\n    return 1;\n}\n")

    def test_bare_heap_calls_are_named_with_their_line(self):
        self.expect("server/core/a.c", SPDX + "void *p = malloc(1);\nfree(p);",
                    "2: malloc() is banned", "3: free() is banned")

    def test_heap_is_free_in_the_bridge(self):
        self.expect("bridge/a.c", SPDX + "free(malloc(1));\n")

    def test_members_and_prefixed_names_are_not_the_banned_call(self):
        self.expect("proto/a.c", SPDX + "rnl_free(x); a->free(x); a.free(x);\n")

    def test_comments_and_strings_are_not_calls(self):
        self.expect("proto/a.c", SPDX + '/* free(x) */ f("malloc(1)"); // gets(\n')

    def test_a_reasoned_exception_holds_for_its_line_and_call_alone(self):
        allow = "free(a); /* lint: allow free: getline made it */\n"
        self.expect("client/a.c", SPDX + allow + "free(b);\n", "3: free()")
        self.expect("client/a.c", SPDX + allow.replace("free(a)", "malloc(1)"),
                    "2: malloc()")

    def test_risky_calls_are_banned_everywhere(self):
        self.expect("bridge/a.c", SPDX + "strcpy(a, b);\natoi(c);\n",
                    "2: strcpy()", "3: atoi()")

    def test_sleep_is_banned_in_tests_in_each_language(self):
        self.expect("tests/a.c", SPDX + "usleep(5);\n", "2: usleep()")
        self.expect("tests/a.py", "# SPDX-License-Identifier: Apache-2.0\n"
                    "time.sleep(1)\n", "2: sleep in a test")
        self.expect("tests/a.sh", "# SPDX-License-Identifier: Apache-2.0\n"
                    "sleep 1\n", "2: sleep in a test")

    def test_functions_have_a_length_limit(self):
        def body(lines):
            return (SPDX + "int a(void)\n{\n" + "    b();\n" * (lines - 2)
                    + "}\n")
        self.expect("bridge/a.c", body(70))
        self.expect("bridge/a.c", body(71), "3: a() has 71 lines")

    def test_files_have_a_length_limit(self):
        self.expect("bridge/a.c", SPDX + "int a;\n" * 1001, "1000: ")

    def test_licence_line_is_wanted_also_below_a_shebang(self):
        self.expect("bridge/a.c", "int a;\n", "1: the SPDX line")
        self.expect("scripts/a", "#!/bin/sh\n# SPDX-License-Identifier: "
                    "Apache-2.0\n")

    def test_leftovers_are_found(self):
        self.expect("docs/a.md", "a\nTODO: b \n", "2: leftover", "2: blank")
        self.expect("bridge/a.c", SPDX + "#if 0\n#endif\n", "2: leftover")

    def test_links_between_documents_lead_somewhere(self):
        self.expect("docs/a.md", "# Top\n\n## In `it`\n\n[a](#in-it) [b](a.md)\n"
                    "[c](b.md) [d](#else)\n[e](https://example.org/x.md)\n",
                    "6: links to b.md", "6: links to #else")

    def test_headings_in_code_are_no_anchors(self):
        self.expect("docs/a.md", "```\n# Top\n```\n[a](#top)\n", "4: links to")

    def test_files_that_documents_name_exist(self):
        self.expect("docs/a.md", "`docs/a.md` `docs/*.md` `v1/jobs` `b.md`\n"
                    "`docs/b.c`\n", "2: names docs/b.c")

    def test_machine_paths_are_found(self):
        self.expect("docs/a.md", "see /work/" "main/x\n", "1: names one")


if __name__ == "__main__":
    unittest.main()
