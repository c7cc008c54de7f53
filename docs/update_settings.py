"""Writes anew what is made of the table of settings: the JSON schema, the reference page and the section of the man
page. Takes the path of the program: update_settings.py build/release/starling"""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BEGIN = '.\\" Made by "starling settings reference --format mdoc": begin\n'
END = '.\\" end\n'


def main(program):
    def output(*arguments):
        return subprocess.run([program, "settings", *arguments], check=True, capture_output=True, text=True).stdout

    (ROOT / "settings/schema.json").write_text(output("schema"), encoding="utf-8")
    (ROOT / "docs/settings.md").write_text(output("reference"), encoding="utf-8")
    manual = ROOT / "docs/man/starling-settings.5"
    before, rest = manual.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    section = output("reference", "--format", "mdoc")
    manual.write_text(before + BEGIN + section + END + after, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
