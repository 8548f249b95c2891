"""Counts histories by the PyPI package `rainflow`, an independent implementation of ASTM E1049-85.

Reads a line of JSON a history (an array of numbers) and answers each with a line: an array of [range, count]."""

import json
import sys

import rainflow

for line in sys.stdin:
    print(json.dumps([[float(r), float(n)] for r, n in rainflow.count_cycles(json.loads(line))]))
