"""The methods paragraph says what was run and nothing else; what it cites is in the bibliography."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from replications import fabricate_facts

from keras_leuk.errors import RunError
from keras_leuk.papers.library import papers
from keras_leuk.reporting.replication_methods import paragraphs
from keras_leuk.reporting.replication_recipe import head_words, listed, nested
from keras_leuk.reporting.replication_references import (
    BACKBONES,
    DATA,
    ENTRIES,
    backbone_key,
    bibliography,
    data_key,
    keys_in,
)

KEYS = [one.key for one in papers()]


def told(facts, out, name="paper"):
    return dict(paragraphs(facts, out))[name]


@pytest.mark.parametrize("key", KEYS)
def test_what_is_cited_is_in_the_bibliography_once(tmp_path, key):
    facts = fabricate_facts(key)
    text = "\n".join(words for _, words in paragraphs(facts, tmp_path))
    entries = re.findall(r"@\w+\{([^,\s]+),", bibliography(facts, text))
    assert entries[0] == key
    assert sorted(set(entries)) == sorted(entries) == sorted(keys_in(text))


def test_every_entry_can_be_cited_and_is_well_formed():
    keys = {*BACKBONES.values(), *DATA.values(), "keras", "tensorflow", "efron1993", "deng2009"}
    assert keys == set(ENTRIES)
    for key, entry in ENTRIES.items():
        assert entry.startswith("@")
        assert f"{{{key}," in entry.splitlines()[0]
        assert entry.count("{") == entry.count("}")
        assert re.search(r"year\s*= \{\d{4}\}", entry)


def test_networks_and_data_have_their_own_entries():
    assert [backbone_key(name) for name in ("resnet50", "resnext50", "efficientnetb3", "efficientnetv2s", "mobilenetv2")] == [
        "he2016",
        "xie2017",
        "tan2019",
        "tan2021",
        "sandler2018",
    ]
    assert backbone_key("my-own") is None
    assert (data_key("C-NMC 2019 (7,947 images)"), data_key("demo (600 images)")) == ("cnmc2019", None)


def test_fata2023_is_told_as_its_recipe_says(tmp_path):
    text = told(fabricate_facts("fata2023"), tmp_path)
    for words in (
        "experiment of Fata et al. [@fata2023] under the paper protocol",
        "Split by image: train 6,277 images. By class, train HEM 2,092, ALL 4,185 (positive); validation 1,580 images of 13 "
        "subjects: HEM 526, ALL 1,054 (positive); test",
        "resized to 224 by 224 pixels (bilinear interpolation) and scaled to the range 0 to 1",
        "VGG16 [@simonyan2015] and ResNet-50 [@he2016] began each from ImageNet weights [@deng2009] and stayed frozen",
        "binary cross-entropy with Adam and RMSprop (learning rate 0.0001, multiplied by 0.95 every 900 updates)",
        "in batches of 32, for 10, 20, 30, 40, 50, 60, 80 and 100 epochs",
        "There was no early stopping.",
        "They are not the paper's data",
        "every setting is reported",
        "versions were not recorded",
    ):
        assert words in text
    honest = told(fabricate_facts("fata2023"), tmp_path, "honest")
    assert "The setting, backbone vgg16, optimizer adam, epochs 10, was chosen among 4 settings" in honest
    assert "seeds 0, 1, 2, 3 and 4" in honest


def test_only_what_finished_is_told(tmp_path):
    facts = fabricate_facts("fata2023", trimmed=("at most 3 of 40 epochs",))
    for run in facts["protocols"][0]["runs"]:
        if run["values"]["model.backbone"] == "resnet50" or run["values"]["training.epochs"] > 20:
            run |= {"state": "missing", "folder": None}
        run["weights"] = "random"
    text = told(facts, tmp_path)
    assert "ResNet" not in text
    assert "VGG16 [@simonyan2015] began from random weights and stayed frozen" in text
    assert "deng2009" not in text, "ImageNet is not cited where its weights were not used"
    assert "for 10 and 20 epochs" in text
    assert "trimmed to a budget: at most 3 of 40 epochs" in text


def test_kinds_of_weights_are_told_apart(tmp_path):
    facts = fabricate_facts("fata2023")
    for run in facts["protocols"][0]["runs"]:
        run["weights"] = "random" if run["values"]["model.backbone"] == "resnet50" else "imagenet"
    assert (
        "VGG16 [@simonyan2015] from ImageNet weights and ResNet-50 [@he2016] from random weights [@deng2009]. Each stayed frozen"
        in told(facts, tmp_path)
    )


def test_augmentation_balance_and_stopping(tmp_path):
    text = told(fabricate_facts("badruzzaman2024"), tmp_path)
    for words in (
        "began each from ImageNet weights",  # what the runs say, not what the recipe says
        "was trained as a whole",
        "smaller classes of the training side were drawn with replacement up to the largest",
        "rotation range 180, horizontal flip, vertical flip",
        "Training stopped when validation loss had not improved for 10 epochs; the best epoch's weights were kept.",
    ):
        assert words in text
    facts = fabricate_facts("mulya2023")
    text = told(facts, tmp_path)
    assert "Training stopped when test loss had not improved for 5 epochs; the last epoch's weights" in text
    facts["protocols"][0]["sides"]["test"]["n"] = 0
    assert "There was no early stopping." in told(facts, tmp_path), "nothing to watch"


def test_versions_head_and_intervals_come_from_the_run_folder(tmp_path):
    facts = fabricate_facts("mantri2024", protocols=("paper",))
    folder = tmp_path / facts["protocols"][0]["runs"][0]["folder"]
    folder.mkdir(parents=True)
    layers = [{"type": "batch_normalization"}, {"type": "dense", "units": 256, "kernel_regularizer": {"l1": 0.0, "l2": 0.016}}]
    head = {"pooling": "max", "layers": layers, "output": {"activation": "sigmoid", "units": "classes"}}
    (folder / "model.json").write_text(json.dumps({"head": head}))
    (folder / "predictions.json").write_text(json.dumps({"interval": {"resamples": 500, "confidence": 0.9}}))
    versions = {"python": "3.11.7", "keras-leuk": "0.1.0", "tensorflow": "2.21.0", "keras": "3.15.1", "numpy": "2.4.6"}
    (folder / "environment.json").write_text(json.dumps({"versions": versions, "device": "CPU, 2 cores"}))
    for run in facts["protocols"][0]["runs"]:
        run["values"]["model.head"] = "mantri2024"
    text = told(facts, tmp_path)
    assert (
        "global maximum pooling, batch normalisation, a dense layer of 256 units (relu, kernel L2 0.016) and a sigmoid layer"
        in text
    )
    assert "90 % percentile bootstrap intervals [@efron1993] with 500 resamples" in text
    assert (
        "keras-leuk 0.1.0 (Python 3.11.7, TensorFlow [@tensorflow] 2.21.0, Keras [@keras] 3.15.1, numpy 2.4.6) on CPU, 2 cores."
        in text
    )
    (folder / "environment.json").write_text("{")
    with pytest.raises(RunError, match=r"environment\.json: cannot be read"):
        paragraphs(facts, tmp_path)


def test_heads_in_words():
    assert head_words({}) == "global average pooling and a softmax layer of one unit a class"
    one = {
        "pooling": "flatten",
        "layers": [{"type": "dropout", "rate": 0.5}],
        "output": {"activation": "sigmoid", "units": "one"},
    }
    assert head_words(one) == "flattening, dropout of 0.5 and a sigmoid layer of one unit"


@given(st.dictionaries(st.text("abc", min_size=1, max_size=2), st.integers(), max_size=5), st.text("xyz", min_size=1, max_size=2))
def test_dotted_keys_become_sections(leaves, section):
    assert nested({f"{section}.{key}": value for key, value in leaves.items()}) == ({section: leaves} if leaves else {})


def test_lists_of_words():
    assert [listed(words) for words in ([], ["a"], ["a", "b"], [1, 2, 3])] == ["", "a", "a and b", "1, 2 and 3"]
