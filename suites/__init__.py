"""Suites that come with mtbench-pytest, one folder a bench."""
