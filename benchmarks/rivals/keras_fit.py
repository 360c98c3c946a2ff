"""Rival: Keras 3 on TensorFlow, `model.fit`.

python benchmarks/rivals/keras_fit.py WORK --data FOLDER --batch N --epochs E [--threads K] [--seed S]
    [--feed arrays|dataset] [--mask] [--steps N] [--xla]

--feed: NumPy arrays, or a tf.data pipeline that caches, shuffles and prefetches. --mask: the GRU leaves out the padding
of series, instead of reading it. --steps: of one call of the compiled program (Keras: steps_per_execution).
--xla: jit_compile=True;
what Keras chooses by itself leaves XLA out on processors, where it slows CNN and GRU, but not the MLP.
"""

from __future__ import annotations

import os
import time
from argparse import Namespace
from typing import Any

from contest import CLASSES, DECAY, LR, STATES, WIDTH, Part, part, tell, words

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}

import keras
import tensorflow as tf
from keras import layers, ops


def mlp(shape: tuple[int, ...]) -> keras.Model:
    """[C] -> one quantity."""
    return keras.Sequential(
        [
            layers.Input(shape),
            layers.Dense(WIDTH, activation="silu"),
            layers.Dense(WIDTH, activation="silu"),
            layers.Dense(1),
        ]
    )


def cnn(shape: tuple[int, ...]) -> keras.Model:
    """[63, 63, C] -> logits, layer by layer the network of `networks.cnn`."""
    image = layers.Input(shape)
    x = layers.ReLU()(_conv(image, 32, 7, 3))
    for width, stride in ((32, 1), (64, 2), (128, 2)):
        body = layers.ReLU()(_conv(x, width, 3, stride))
        body = _conv(body, width, 3, 1, gamma="zeros")
        short = x if stride == 1 else _conv(layers.AveragePooling2D(stride, padding="same")(x), width, 1, 1)
        x = layers.ReLU()(layers.Add()([body, short]))
    return keras.Model(image, layers.Dense(CLASSES)(layers.GlobalAveragePooling2D()(x)))


def _conv(x: Any, width: int, kernel: int, stride: int, gamma: str = "ones") -> Any:
    x = layers.Conv2D(width, kernel, stride, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, gamma_initializer=gamma)(x)


class Summary(layers.Layer):
    """Last, mean and maximum of the states inside the series, [B, T, W] -> [B, 3 W]."""

    def call(self, states: Any, inside: Any = None) -> Any:
        if inside is None:
            return ops.concatenate([states[:, -1], ops.mean(states, 1), ops.max(states, 1)], 1)
        there = ops.cast(inside, states.dtype)[:, :, None]
        length = ops.sum(there, 1)
        end = ops.cast(
            ops.arange(states.shape[1])[None, :, None] == ops.cast(length, "int32")[:, None] - 1, states.dtype
        )
        last = ops.sum(states * end, 1)
        highest = ops.max(states * there - (1 - there), 1)  # -1 is the lowest that a state can be
        return ops.concatenate([last, ops.sum(states * there, 1) / length, highest], 1)


def gru(shape: tuple[int, ...], ragged: bool, mask: bool) -> keras.Model:
    """[T, C] -> logits; of ragged series with their lengths beside them."""
    series = layers.Input(shape)
    reader = layers.GRU(STATES, return_sequences=True)
    if not ragged:
        return keras.Model(series, layers.Dense(CLASSES)(Summary()(reader(series))))
    length = layers.Input((), dtype="int32")
    inside = Inside()(series, length)
    states = reader(series, mask=inside) if mask else reader(series)
    return keras.Model([series, length], layers.Dense(CLASSES)(Summary()(states, inside)))


class Inside(layers.Layer):
    """Which points of a padded series [B, T, C] are its own, bool [B, T]."""

    def call(self, series: Any, length: Any) -> Any:
        return ops.arange(series.shape[1])[None] < length[:, None]


class Watch(keras.callbacks.Callback):
    """Seconds of each epoch; `fit` validates before it ends one."""

    def __init__(self) -> None:
        super().__init__()
        self.took: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.took.append(time.perf_counter() - self.began)


def inputs(one: Part) -> Any:
    """What the network takes: stamps with their channels last, series with their lengths where they differ."""
    x = one.x.transpose(0, 2, 3, 1).copy() if one.x.ndim == 4 else one.x
    return x if one.length is None else (x, one.length.astype("int32"))


def fed(train: Part, val: Part, asked: Namespace) -> dict[str, Any]:
    """The arguments of `fit` that are about data."""
    if asked.feed == "arrays":
        own = {"x": inputs(train), "y": train.y, "batch_size": asked.batch, "shuffle": True}
        return own | {"validation_data": (inputs(val), val.y), "validation_batch_size": 2 * asked.batch}
    slices = [tf.data.Dataset.from_tensor_slices((inputs(one), one.y)) for one in (train, val)]
    shuffled = slices[0].cache().shuffle(len(train.y)).batch(asked.batch).prefetch(tf.data.AUTOTUNE)
    return {"x": shuffled, "validation_data": slices[1].batch(2 * asked.batch).cache().prefetch(tf.data.AUTOTUNE)}


def main() -> None:
    parser = words(__doc__)
    parser.add_argument("--feed", choices=["arrays", "dataset"], default="arrays")
    parser.add_argument("--mask", action="store_true")
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--xla", action="store_true")
    asked = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(asked.threads)
    tf.config.threading.set_inter_op_parallelism_threads(asked.threads)
    keras.utils.set_random_seed(asked.seed)
    train, val = part(asked.data, "train"), part(asked.data, "val")
    shape = (inputs(val)[0] if val.length is not None else inputs(val)).shape[1:]
    makers = {"mlp": mlp, "cnn": cnn}
    net = makers[asked.work](shape) if asked.work in makers else gru(shape, val.length is not None, asked.mask)
    loss = "mse" if asked.work == "mlp" else keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.AdamW(LR[asked.work], weight_decay=DECAY, epsilon=1e-8)
    net.compile(optimizer, loss, jit_compile=asked.xla or "auto", steps_per_execution=asked.steps)
    watch = Watch()
    history = net.fit(**fed(train, val, asked), epochs=asked.epochs, verbose=0, callbacks=[watch])
    tell(watch.took, history.history["val_loss"][-1])


if __name__ == "__main__":
    main()
