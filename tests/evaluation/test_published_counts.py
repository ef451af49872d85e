"""Epochs and parameters, read from run folders that were made up, and from weights that Keras wrote."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from keras_leuk.errors import RunError
from keras_leuk.evaluation.published import Asked, Reader
from keras_leuk.evaluation.published_counts import parameters
from keras_leuk.runs.folder import RunFolder

EPOCHS, PARAMETERS = Asked("epochs", None, None, "none"), Asked("parameters", None, None, "none")


def finished(path, epochs=5):
    path.mkdir(parents=True)
    run = RunFolder(path)
    run.finish({"schema": 1, "epochs": epochs})
    return run


def write_weights(run):
    """A convolution, two kinds of batch normalisation, statistics, dropout and a head, as Keras lays them out; 56 are learnt."""
    layers = {
        "layers/conv2d/vars": [(3, 3, 1, 4)],  # 36
        "layers/batch_normalization/vars": [(4,)] * 4,  # 8 of 16
        "layers/batch_normalization_1/vars": [(2,)] * 3,  # without scale: 2 of 6
        "layers/normalization_2/vars": [(3,), (3,), ()],
        "layers/dropout/seed_generator/vars": [(2,)],
        "layers/dense_11/vars": [(4, 2), (2,)],  # 10
        "optimizer/vars": [(), (), (3, 3, 1, 4), (3, 3, 1, 4)],
    }
    with h5py.File(run.weights, "w") as file:
        for name, shapes in layers.items():
            for number, shape in enumerate(shapes):
                file[f"{name}/{number}"] = np.zeros(shape, np.float32)


def test_epochs_trained(tmp_path):
    paths = [finished(tmp_path / str(i), epochs).path for i, epochs in enumerate((5, 8, 11))]
    found = Reader().read(paths, EPOCHS)
    assert (found.value, found.sd, found.runs) == (8, 3, 3)
    assert (found.low, found.high, found.n, found.unit, found.reason) == (None, None, 0, None, None)
    assert Reader().read(paths[:1], EPOCHS).sd is None


def test_epochs_of_folds(tmp_path):
    run = finished(tmp_path / "run", None)
    for name, epochs in (("1", 4), ("2", 5)):
        finished(run.fold(name).path, epochs)
    found = Reader().read([run.path], EPOCHS)
    assert (found.value, found.runs, found.reason) == (4.5, 1, "mean over 2 folds")


def test_runs_without_epochs_say_why(tmp_path):
    run, classical, ensemble = finished(tmp_path / "a"), finished(tmp_path / "b", 1), finished(tmp_path / "c", None)
    np.savez(classical.classifier, a=np.zeros(1))
    ensemble.ensemble.write_text(json.dumps({"schema": 1}))
    reader = Reader()
    assert reader.read([classical.path], EPOCHS).reason == "a head of scikit-learn is fitted at once, without epochs"
    found = reader.read([run.path, ensemble.path], EPOCHS)
    assert (found.value, found.reason) == (None, "an ensemble is not trained in 1 of 2 runs")
    assert reader.read([classical.path], PARAMETERS).reason.startswith("the head is one of scikit-learn's")
    assert reader.read([ensemble.path], PARAMETERS).reason == "an ensemble has no network of its own"
    assert reader.read([run.path], PARAMETERS).reason == "the run folder has no model.weights.h5"


def test_parameters_are_all_but_statistics(tmp_path):
    run, folds = finished(tmp_path / "run"), finished(tmp_path / "folds")
    write_weights(run)
    write_weights(finished(folds.fold("1").path))
    found = Reader().read([run.path, folds.path], PARAMETERS)
    assert (found.value, found.sd, found.runs, found.reason) == (56, 0, 2, None)


def test_damaged_weights(tmp_path):
    run = finished(tmp_path / "run")
    run.weights.write_bytes(b"no HDF5")
    with pytest.raises(RunError, match=r"model\.weights\.h5 cannot be read"):
        Reader().read([run.path], PARAMETERS)


def test_as_keras_counts_them(tmp_path):
    from keras_leuk.devices.start import start

    start()
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Normalization(),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.SeparableConv2D(5, 3),
            layers.BatchNormalization(scale=False),
            layers.Conv2D(10, 1, groups=5, use_bias=False),
            layers.BatchNormalization(center=False, scale=False),
            layers.Flatten(),
            layers.Dropout(0.5, seed=1),
            layers.Dense(2),
        ]
    )
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    learnt = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    # What is frozen is counted nevertheless.
    model.layers[1].trainable = False
    run = finished(tmp_path / "run")
    model.save_weights(str(run.weights))
    assert parameters(run) == learnt
    assert learnt < model.count_params()
