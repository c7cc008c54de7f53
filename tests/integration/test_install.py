"""What `meson install` leaves behind is enough for an embedder, and exports what the public headers say and no more.
STARLING is the path of the program, in its build folder."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("STARLING", ROOT / "build/release/starling")).resolve().parent
EMBEDDER = r"""
#include <starling/identity.h>
#include <starling/node.h>
#include <starling/simulate.h>
int main(void) {
    struct sl_settings *settings = NULL;
    struct sl_error error;
    if (sl_settings_load(&settings, "/nonexistent/settings.json", NULL, 0, &error) != SL_NOT_FOUND)
        return 1;
    sl_settings_destroy(settings);
    return sl_settings_write_schema(stdout) != SL_OK;
}
"""


def output(*command, **options):
    return subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="starling-install-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        result = output("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", cls.folder)
        assert result.returncode == 0, result.stdout
        cls.pkgconfig = next(cls.folder.rglob("starling.pc")).parent
        cls.library = next(cls.folder.rglob("libstarling.so"))

    def test_program(self):
        program = next(self.folder.rglob("bin/starling"))
        self.assertIn("starling ", output(program, "--version").stdout)
        self.assertNotIn("libstarling", output("ldd", program).stdout)

    def test_man_pages(self):
        installed = {path.name.removesuffix(".gz") for path in self.folder.rglob("man/man*/*")}
        self.assertEqual({path.name for path in (ROOT / "docs/man").iterdir()}, installed)

    def test_headers(self):
        installed = {path.name for path in self.folder.rglob("include/starling/*")}
        self.assertEqual({path.name for path in (ROOT / "include/starling").glob("*.h")}, installed)

    def test_embedder(self):
        source = self.folder / "embedder.c"
        source.write_text(EMBEDDER, encoding="utf-8")
        environment = {**os.environ, "PKG_CONFIG_PATH": str(self.pkgconfig), "PKG_CONFIG_SYSROOT_DIR": str(self.folder)}
        flags = output("pkg-config", "--cflags", "--libs", "starling", env=environment)
        self.assertEqual(0, flags.returncode, flags.stdout)
        program = self.folder / "embedder"
        built = output("cc", "-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", source, *flags.stdout.split(),
                       "-o", program)
        self.assertEqual(0, built.returncode, built.stdout)
        run = output(program, env={**os.environ, "LD_LIBRARY_PATH": str(self.library.parent)})
        self.assertEqual((0, (ROOT / "settings/schema.json").read_text()), (run.returncode, run.stdout))

    def test_exports_what_the_headers_say(self):
        public = set()
        for path in (ROOT / "include/starling").glob("*.h"):
            text = re.sub(r"/\*.*?\*/|^#.*?$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
            for declaration in re.findall(r"SL_PUBLIC\b[^;]*;", text):
                public.add(re.search(r"\b(sl_\w+)\s*(?:\(|;)", declaration)[1])
        symbols = output("nm", "--dynamic", "--defined-only", "--format=posix", self.library).stdout
        self.assertEqual(public, {line.split()[0] for line in symbols.splitlines()})


if __name__ == "__main__":
    unittest.main()
