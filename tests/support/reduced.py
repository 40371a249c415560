"""A protocol for tests that need subliminal learning itself, at a third of the cost."""

from dataclasses import replace

from subliminal_bench.experiment.protocol import MNIST_5K

# As many steps as `mnist-5k` has, on batches a quarter of the size. Each noise image is seen
# once: students that see fewer images more often learn them by heart, and little of the trait.
REDUCED = replace(
    MNIST_5K,
    name="reduced",
    about="for tests of the phenomenon",
    batch=256,
    teacher_epochs=18,
    noise_images=75_000,
    fresh_noise_images=3_000,
    student_epochs=1,
    measure_every=293,
)
