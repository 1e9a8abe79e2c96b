"""What computes behind tflite_micro_stub: `python tflite_micro_run.py ARENA`, run by an interpreter with tflite-micro.

Reads `model` and `input` in the current folder, writes `output`; fails where the arena is too small.
"""

import sys

import numpy
from tflite_micro import runtime

with open("model", "rb") as file:
    model = file.read()
interpreter = runtime.Interpreter.from_bytes(model, arena_size=int(sys.argv[1]))
details = interpreter.get_input_details(0)
face = numpy.fromfile("input", details["dtype"]).reshape(details["shape"])
interpreter.set_input(face, 0)
interpreter.invoke()
interpreter.get_output(0).tofile("output")
