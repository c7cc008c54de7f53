#!/usr/bin/python3
"""Starts a flock of nodes on this machine, shows it learning, and compares it with the same nodes alone."""
import sys

from driver.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
