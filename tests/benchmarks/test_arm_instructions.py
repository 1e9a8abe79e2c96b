"""Counting instructions from qemu's log."""

import pytest
from benchmarks.arm.arm_instructions import executed
from benchmarks.arm.arm_machine import ArmMachineError

LOG = b"""----------------
IN: name
0x7f1000:  d503233f  paciasp
0x7f1004:  d65f03c0  ret

----------------
IN:
0x7f1008:  52800000  mov w0, #0
0x7f100c:  52800000  mov w0, #0
0x7f1010:  d65f03c0  ret

Trace 0: 0x7e00 [00000000/00000000007f1000/00000000/ff000000] name
Trace 0: 0x7e40 [00000000/00000000007f1008/00000000/ff000000]
Trace 0: 0x7e40 [00000000/00000000007f1008/00000000/ff000000]
"""


def test_blocks_count_as_often_as_they_run():
    assert executed(LOG.splitlines(keepends=True)) == 2 + 2 * 3


def test_what_the_program_prints_between_is_passed_over():
    assert executed([b"7f1000-7f2000\n", *LOG.splitlines(keepends=True), b"words\n"]) == 8


def test_a_block_that_was_never_listed_is_a_fault():
    with pytest.raises(ArmMachineError, match="no instructions of the block at 0x00000000007f2000"):
        executed([b"Trace 0: 0x7e00 [00000000/00000000007f2000/00000000/ff000000] name\n"])
