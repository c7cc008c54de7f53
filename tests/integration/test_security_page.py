"""docs/security.md: what it shows as settings is taken by the program, and what it names is there."""
import json
import re
import unittest

import support

PAGE = (support.ROOT / "docs/security.md").read_text(encoding="utf-8")


def examples():
    return [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]


class Page(support.Case):
    def test_every_example_is_taken(self):
        from driver.kits import merge
        self.make_kits("alice")
        whole = json.loads(self.settings("alice").read_text(encoding="utf-8"))
        self.assertGreater(len(examples()), 4)
        for example in examples():
            with self.subTest(example):
                self.edit("alice", lambda _value, example=example: merge(whole, example))
                result = self.run_program("settings", "check", self.settings("alice"))
                self.assertEqual(0, result.returncode, result.stderr)

    def test_its_settings_and_files_exist(self):
        schema = json.loads(self.run_program("settings", "schema").stdout)["properties"]
        sections = "|".join(schema)
        named = set(re.findall(rf"`({sections})\.(\w+)[`:]", PAGE))
        self.assertGreater(len(named), 5)
        for section, name in named:
            self.assertIn(name, schema[section]["properties"])
        for path in re.findall(r"\]\(([^)#:]+)\)", PAGE):
            self.assertTrue((support.ROOT / "docs" / path).exists(), path)


if __name__ == "__main__":
    unittest.main()
