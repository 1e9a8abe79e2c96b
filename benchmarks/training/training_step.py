"""A training step of `fer-export train` against plain Keras `model.fit`, and in bfloat16 against float32.

    python -m benchmarks.training.training_step

Both of a pair see the same random pictures: report-512 with batches of 32 against `model.fit` of the same network,
compact with batches of 64 in both data types. Blocks of steps alternate so that a machine whose speed drifts hits both
alike; each block is compared with its neighbour, and the median of these ratios is what counts. Processor time is
recorded too: it does not see other processes of a shared machine, nor what a block waits for.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from benchmarks.record import record

from fer_export.system import keras_backend
from fer_export.training import recipe
from fer_export.training.trainer import Examples, Trainer

ROUNDS = 15


def pictures(count: int) -> Examples:
    rng = np.random.default_rng(0)
    return Examples(rng.integers(0, 256, (count, 48, 48, 1), dtype=np.uint8), rng.integers(0, 7, count))


def trained(network: str, plan: recipe.Recipe, data: Examples) -> Callable[[], object]:
    trainer = Trainer(network, 7, plan, seed=1)
    return lambda: trainer.fit(1, plan.learning_rate, data, lambda epoch, step, steps: None)


def compared(network: str, steps: int, pair: dict[str, Callable[[], object]]) -> dict[str, Any]:
    """What is recorded of two blocks of so many steps; ratios are the first's time to the second's."""
    wall: dict[str, list[float]] = {name: [] for name in pair}
    processor: dict[str, list[float]] = {name: [] for name in pair}
    for warm in range(ROUNDS + 1):
        for name, run in pair.items():
            started, before = time.perf_counter(), time.process_time()
            run()
            if warm:
                wall[name].append(time.perf_counter() - started)
                processor[name].append(time.process_time() - before)
    ratios = sorted(a / b for a, b in zip(*wall.values(), strict=True))
    used = [a / b for a, b in zip(*processor.values(), strict=True)]
    return {
        "network": network,
        "steps_in_a_block": steps,
        "milliseconds_per_step": {
            name: round(1000 * statistics.median(values) / steps, 1) for name, values in wall.items()
        },
        "median_paired_ratio": round(statistics.median(ratios), 3),
        "paired_ratios": [round(ratio, 3) for ratio in ratios],
        "median_processor_time_ratio": round(statistics.median(used), 3),
    }


def against_model_fit() -> dict[str, Any]:
    import keras

    from fer_export.training.networks import build

    network, steps, plan = "report-512", 40, recipe.of("report-512")
    data = pictures(steps * plan.batch_size)
    plain = build(network, 7)
    plain.compile(optimizer=keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    scaled = data.images.astype("float32") / 255

    def theirs() -> None:
        plain.fit(scaled, data.targets, batch_size=plan.batch_size, verbose=0)

    return compared(network, steps, {"fer_export": trained(network, plan, data), "model_fit": theirs})


def against_float32() -> dict[str, Any]:
    network, steps, plan = "compact", 20, recipe.of("compact")
    data = pictures(steps * plan.batch_size)
    pair = {name: trained(network, replace(plan, dtype=name), data) for name in ("mixed_bfloat16", "float32")}
    return compared(network, steps, pair)


def main() -> None:
    keras_backend.start()
    record("training_step", {"against_model_fit": against_model_fit(), "against_float32": against_float32()})


if __name__ == "__main__":
    main()
