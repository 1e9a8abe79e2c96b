"""Instructions that ARM processors execute for one face in LiteRT: how much a file asks of a phone, without a phone.

    python -m benchmarks.arm.arm_instructions FILE.tflite... [--cpu cortex-a53,cortex-a76]

qemu emulates the processor and writes down every block of instructions of LiteRT's libraries that runs (arm_machine.py
lays out the arm64 system). Counted are the instructions of a second inference, with one thread: those of a process that
infers twice less those of one that infers once. The count is the same at every run and on every machine.

It tells how much work a processor has, and how the work of two files compares on one processor. It does not tell
milliseconds: how many instructions a processor finishes in a cycle, how long it waits for memory and how fast its clock
goes, all differ. Instructions outside LiteRT, such as the copying of the input, are not counted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.arm import arm_machine
from benchmarks.arm.arm_machine import ArmMachine, ArmMachineError
from benchmarks.record import record

from fer_export.errors import FerExportError
from fer_export.model_file import inspect
from fer_export.system import cache_folder, machine

CPUS = ("cortex-a53", "cortex-a76")
"""Without int8 dot products, and with them."""

INFERRING = """\
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter

path, picture, times = sys.argv[1:]
interpreter = Interpreter(path, num_threads=1)
interpreter.allocate_tensors()
given = np.load(picture)
for _ in range(int(times)):
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], given)
    interpreter.invoke()
for line in open("/proc/self/maps"):
    if "ai_edge_litert/" in line and "x" in line.split()[1]:
        print(line.split()[0])
"""
"""What the emulated Python runs; it ends with the addresses of LiteRT's code."""

FIXED = ("setarch", "-R")
"""Starts a program without random addresses, so that two runs have the same ones."""


def executed(log: Iterable[bytes]) -> int:
    """Instructions that ran, from qemu's log of blocks as they are translated and as they run.

    log: lines of `-d in_asm,exec,nochain`.

    Raises ArmMachineError for a block that ran and whose instructions are not in the log.
    """
    lengths: dict[int, int] = {}
    runs: Counter[bytes] = Counter()
    first = last = -4
    for line in log:
        if line.startswith(b"Trace"):
            # Trace 0: 0x7f0a [00000000/0000007ffe14dd00/00000000/ff000000] name
            runs[line.split(b"/", 2)[1]] += 1
        elif line.startswith(b"0x"):
            address = int(line.split(b":", 1)[0], 16)
            if address != last + 4:
                first = address
            last = address
            lengths[first] = (last - first) // 4 + 1
        else:
            last = -4
    unknown = [address for address in runs if int(address, 16) not in lengths]
    if unknown:
        raise ArmMachineError(f"qemu's log names no instructions of the block at 0x{unknown[0].decode()}")
    return sum(times * lengths[int(address, 16)] for address, times in runs.items())


def counted(arm: ArmMachine, cpu: str, model: Path, picture: Path) -> int:
    """Instructions of LiteRT for one inference."""

    def started(times: int, *log: str) -> subprocess.Popen[bytes]:
        emulator, *python = arm.command(cpu)
        command = [*FIXED, emulator, *log, *python, "-c", INFERRING, str(model), str(picture), str(times)]
        return subprocess.Popen(
            command, env=arm.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE if not log else None
        )

    said, errors = started(0).communicate()
    ranges = [tuple(int(end, 16) for end in line.split("-")) for line in said.decode().split()]
    if not ranges:
        raise ArmMachineError(f"LiteRT does not load {model.name} on {cpu}: {errors.decode(errors='replace')[-300:]}")
    within = ",".join(f"0x{start:x}..0x{end - 1:x}" for start, end in ranges)
    counts = []
    for times in (1, 2):
        process = started(times, "-d", "in_asm,exec,nochain", "-dfilter", within, "-D", "/dev/stdout")
        assert process.stdout is not None
        counts.append(executed(process.stdout))
        if process.wait():
            raise ArmMachineError(f"{model.name} on {cpu}: qemu ended with {process.returncode}")
    return counts[1] - counts[0]


def measure(models: Sequence[Path], cpus: Sequence[str], tree: Path) -> dict[str, Any]:
    """Every file on every processor; as many at once as there are cores."""
    arm = arm_machine.lay_out(tree)
    for cpu in cpus:
        arm.check(cpu)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(machine.cores()) as pool:
        jobs = []
        for number, model in enumerate(models):
            graph = inspect.inspect_file(model).graph
            given, picture = graph.inputs[0], Path(folder) / f"{number}.npy"
            levels = np.random.default_rng(1).integers(0, 256, given.shape, dtype=np.uint8)
            np.save(picture, levels.view(np.int8) if given.dtype == "int8" else levels.astype(given.dtype))
            jobs += [(model, graph.macs, cpu, pool.submit(counted, arm, cpu, model, picture)) for cpu in cpus]
        rows = []
        for model, macs, cpu, job in jobs:
            rows.append({"file": model.name, "cpu": cpu, "macs": macs, "instructions": job.result()})
            print(f"{model.name} on {cpu}: {job.result() / 1e6:.1f} million", file=sys.stderr, flush=True)
    return {"qemu": arm.version, "threads": 1, "rows": rows}


def main() -> int:
    parser = argparse.ArgumentParser(description="Instructions for one face in LiteRT on emulated ARM processors.")
    parser.add_argument("files", type=Path, nargs="+", help=".tflite files that take a picture of bytes")
    parser.add_argument("--cpu", default=",".join(CPUS), help="qemu's names, with commas (%(default)s)")
    parser.add_argument("--tree", type=Path, help="where the arm64 system is kept ($FER_EXPORT_CACHE/arm)")
    parser.add_argument("--no-record", action="store_true", help="print only; benchmarks/results/ stays as it is")
    given = parser.parse_args()
    tree = (given.tree or cache_folder.folder() / "arm").resolve()
    try:
        figures = measure(given.files, [cpu for cpu in given.cpu.split(",") if cpu], tree)
    except FerExportError as error:
        print(f"arm_instructions: {error}", file=sys.stderr)
        return 2
    if not given.no_record:
        record("arm_instructions", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
