"""A training step of `fer-export train` against plain Keras `model.fit` of the same network.

    python benchmarks/training_step.py

Both see the same random pictures, batch 32, report-512. Blocks of steps alternate so that a machine whose speed
drifts hits both alike; each block is compared with its neighbour, and the median of these ratios is what counts.
Processor time is recorded too: it does not see other processes of a shared machine.
"""

import statistics
import time

import numpy as np

from fer_export import backend
from fer_export.recipe import Recipe
from fer_export.training import Examples, Trainer
from record import record

STEPS, ROUNDS = 40, 15


def main() -> None:
    backend.start()
    import keras

    from fer_export.networks import build

    recipe, rng = Recipe(), np.random.default_rng(0)
    count = STEPS * recipe.batch_size
    images = rng.integers(0, 256, (count, 48, 48, 1), dtype=np.uint8)
    data = Examples(images, rng.integers(0, 7, count))
    trainer = Trainer("report-512", 7, recipe, seed=1)
    plain = build("report-512", 7)
    plain.compile(optimizer=keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    scaled = images.astype("float32") / 255

    def ours() -> None:
        trainer.fit(1, recipe.learning_rate, data, lambda epoch, step, steps: None)

    def theirs() -> None:
        plain.fit(scaled, data.targets, batch_size=recipe.batch_size, verbose=0)

    wall: dict[str, list[float]] = {"fer_export": [], "model_fit": []}
    processor: dict[str, list[float]] = {"fer_export": [], "model_fit": []}
    for warm in range(ROUNDS + 1):
        for name, run in (("fer_export", ours), ("model_fit", theirs)):
            started, before = time.perf_counter(), time.process_time()
            run()
            if warm:
                wall[name].append(time.perf_counter() - started)
                processor[name].append(time.process_time() - before)
    ratios = sorted(a / b for a, b in zip(wall["fer_export"], wall["model_fit"], strict=True))
    used = [a / b for a, b in zip(processor["fer_export"], processor["model_fit"], strict=True)]
    record(
        "training_step",
        {
            "network": "report-512",
            "milliseconds_per_step": {
                name: round(1000 * statistics.median(values) / STEPS, 1) for name, values in wall.items()
            },
            "median_paired_ratio": round(statistics.median(ratios), 3),
            "paired_ratios": [round(ratio, 3) for ratio in ratios],
            "median_processor_time_ratio": round(statistics.median(used), 3),
        },
    )


if __name__ == "__main__":
    main()
