"""The protocol of rounds as a model: spin goes through all its states, and finds what is wrong with wrong ones."""
import unittest

import searches


class Model(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if searches.missing():
            raise unittest.SkipTest(f"not installed: {', '.join(searches.missing())}")


def case(search):
    def test(self):
        fault = searches.fault(search, searches.run(search))
        if fault:
            self.fail(fault)
    return test


for each in searches.WHOLE + searches.WRONG:
    if not each.long:
        setattr(Model, f"test_{each.name}", case(each))
