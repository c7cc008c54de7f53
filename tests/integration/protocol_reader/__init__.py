"""A second implementation of docs/protocol.md, for reading: it decodes what the tap (tests/tap) recorded and holds it
against that page, section by section. Python's standard library and the openssl program; nothing of starling's own code."""
