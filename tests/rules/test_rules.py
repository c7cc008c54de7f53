"""The rules of the tree. Each is tried on a bad sample first: a rule that cannot fail proves nothing."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import borders
import documented
import headers
import shape
import tree

ROOT = tree.ROOT
HERE = pathlib.Path(__file__).resolve().parent


@contextlib.contextmanager
def sample(files):
    """A small tree of its own: path → text."""
    with tempfile.TemporaryDirectory(prefix="starling-rules-") as folder:
        root = pathlib.Path(folder)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        yield root


class Case(unittest.TestCase):
    maxDiff = None

    def none(self, problems):
        self.assertEqual([], problems, "\n" + "\n".join(problems))


class Borders(Case):
    def setUp(self):
        self.borders = borders.read(HERE / "borders.txt")

    def problems(self, files):
        with sample({"include/starling/a.h": "", **files}) as root:
            return borders.check(root, self.borders)

    def test_tree(self):
        self.none(borders.check(ROOT, self.borders))

    def test_accepts_what_is_allowed(self):
        self.none(self.problems({"src/round/a.c": '#include "round/b.h"\n#include "base/c.h"\n#include "wire/d.h"\n'
                                                  '#include <stdio.h>\n#include <starling/log.h>\n'}))

    def test_refuses(self):
        cases = {
            "upward": ("src/base/a.c", '#include "node/b.h"\n'),
            "sideways": ("src/round/a.c", '#include "membership/b.h"\n'),
            "third party": ("src/round/a.c", "#include <event2/event.h>\n"),
            "spaced out": ("src/round/a.c", "  #  include  <gnutls/gnutls.h>\n"),
            "by a parent folder": ("src/round/a.c", '#include "../node/b.h"\n'),
            "generated, elsewhere": ("src/round/a.c", '#include "control.pb-c.h"\n'),
            "generated, in a header": ("src/wire/a.h", '#include "control.pb-c.h"\n'),
            "private, from the program": ("src/cli/a.c", '#include "base/b.h"\n'),
            "private, from a public header": ("include/starling/b.h", '#include "base/b.h"\n'),
            "a folder without a row": ("src/unknown/a.c", ""),
            "an upward link": ("src/base/meson.build", "dependencies: [node_layer]\n"),
        }
        for name, (path, text) in cases.items():
            with self.subTest(name):
                self.assertEqual(1, len(self.problems({"src/base/z.c": "", path: text})))

    def test_refuses_the_second_file_of_a_kind(self):
        files = {"src/learner/a.c": "#include <dnnl.h>\n", "src/learner/b.c": "#include <dnnl.h>\n"}
        self.assertEqual(1, len(self.problems(files)))
        del files["src/learner/b.c"]
        self.none(self.problems(files))

    def test_refuses_a_table_with_a_cycle(self):
        with sample({"borders.txt": "a: b |\nb: |\n"}) as root, self.assertRaises(ValueError):
            borders.read(root / "borders.txt")


class Headers(Case):
    def check(self, compiler, language, found, folders):
        if not compiler:
            self.skipTest("no g++ on this machine")
        with sample({"include/starling/bad.h": "size_t length(void);\n"}) as root:
            self.assertEqual(1, len(headers.check(root, compiler, language, headers.public(root), ["include"])))
        self.assertTrue(found)
        self.none(headers.check(ROOT, compiler, language, found, folders))

    def test_public_headers_compile_alone(self):
        self.check("cc", headers.C, headers.public(ROOT), ["include"])

    def test_public_headers_compile_alone_as_cxx(self):
        self.check(headers.cxx_compiler(), headers.CXX, headers.public(ROOT), ["include"])

    def test_private_headers_compile_alone(self):
        self.check("cc", headers.C, headers.private(ROOT), ["include", "src"])


class Shape(Case):
    def test_sizes(self):
        long = "static int\nf(int a,\n  int b) {\n".replace("\n", " ", 1) + "    a++;\n" * 60 + "}\n"
        with sample({"src/a.c": long, "src/b.c": "int x;\n" * 601}) as root:
            self.assertEqual(2, len(shape.check_sizes(root)))
        with sample({"src/a.c": "int f(void);\nint g(void) {\n" + "    x();\n" * 58 + "}\n"}) as root:
            self.none(shape.check_sizes(root))
            self.assertEqual([(2, "g", 60)], list(shape.functions(root / "src/a.c")))
        self.none(shape.check_sizes(ROOT))

    def test_format(self):
        version = shape.formatter_version()
        if version != shape.FORMATTER:
            self.skipTest(f"clang-format {shape.FORMATTER} is wanted, here is {version or 'none'}")
        style = ROOT / ".clang-format"
        with sample({"src/a.c": "int  f( void ){ return 1; }\n"}) as root:
            self.assertEqual(1, len(shape.check_format(root, style)))
        self.none(shape.check_format(ROOT, style))

    def test_paths_of_one_machine(self):
        bad = "cd /" + "home/me/starling\n"
        with sample({"docs/a.md": bad, "src/b.c": "/usr/share/x ${HOME}/root/x a/work/b\n"}) as root:
            self.assertEqual(1, len(shape.check_paths(root)))
        self.none(shape.check_paths(ROOT))

    def test_shell_scripts(self):
        if not shutil.which("shellcheck"):
            self.skipTest("no shellcheck on this machine")
        with sample({"tool": "#!/bin/sh\ncd $1\n"}) as root:
            self.assertTrue(shape.check_scripts(root))
        self.assertLessEqual({"testnet/run", "tests/run", ".ci/run"},
                             {str(path.relative_to(ROOT)) for path in shape.scripts(ROOT)})
        self.none(shape.check_scripts(ROOT))


class Documented(Case):
    def test_settings(self):
        schema = '{"properties": {"a": {"properties": {"b": {"type": "string"}, "c": {}}}}}'
        self.assertEqual(["a.c is not in the reference"], documented.check_settings(schema, "`a.b`"))
        self.assertTrue(documented.check_settings("{}", ""))
        self.none(documented.check_settings(self.starling("schema"), tree.text(ROOT / "docs/settings.md")))

    def test_reference_page_is_the_tables(self):
        """The page in the tree is what the program writes."""
        self.assertEqual(self.starling("reference"), tree.text(ROOT / "docs/settings.md"))

    def starling(self, command):
        program = os.environ.get("STARLING") or str(ROOT / "build/release/starling")
        if not os.path.exists(program):
            self.skipTest("the program is not built")
        return subprocess.run([program, "settings", command], capture_output=True, text=True, check=True).stdout

    def test_architecture(self):
        rules = borders.read(HERE / "borders.txt").rules
        page = tree.text(ROOT / "docs/architecture.md")
        bad = page.replace("| `round` | wire overlay |", "| `round` | wire |") + "`round/nowhere.c`"
        self.assertEqual(2, len(documented.check_architecture(ROOT, rules, bad)))
        self.none(documented.check_architecture(ROOT, rules, page))

    def test_events(self):
        page = tree.text(ROOT / "docs/record.md")
        bad = 'sl_record_event(node->record, "start", x);\nsl_record_event(self(a), "unheard",\n  x);\n'
        with sample({"src/node/a.c": bad}) as root:
            self.assertEqual(1, len(documented.check_events(root, page)))
        self.none(documented.check_events(ROOT, page))


if __name__ == "__main__":
    unittest.main()
