from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from keras_leuk.errors import RecipeError, UsageError
from keras_leuk.recipe import Recipe, load, resolved_yaml, shipped, shipped_text
from keras_leuk.recipe.loading import LATER, dotted, shaping, validate


def test_every_shipped_recipe_loads_and_says_what_it_is() -> None:
    assert "default" in shipped()
    for name, line in shipped().items():
        assert isinstance(load(name), Recipe)
        assert len(line) > 10
        assert shipped_text(name).startswith("# ")


def test_default_is_used_without_a_source() -> None:
    assert load() == load("default")
    assert load().model.backbone == "efficientnetb3"


@given(
    seed=st.integers(0, 2**31 - 1),
    test=st.floats(0, 0.4),
    units=st.integers(1, 512),
    rate=st.floats(1e-6, 1.0),
    fine_tune=st.one_of(st.sampled_from(["none", "all"]), st.integers(1, 50)),
)
def test_yaml_reads_back_to_an_equal_recipe(
    seed: int, test: float, units: int, rate: float, fine_tune: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    recipe = validate(
        {
            "seed": seed,
            "split": {"test": test},
            "model": {
                "head": {"layers": [{"type": "dense", "units": units}, {"type": "dropout", "rate": 0.2}]},
                "fine_tune": fine_tune,
            },
            "training": {"learning_rate": rate},
        }
    )
    path = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
    path.write_text(resolved_yaml(recipe))
    assert load(str(path)) == recipe


def test_later_settings_win(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("training:\n  epochs: 3\n  optimizer: adamax\nseed: 4\n")
    recipe = load(
        str(path), flags={"training.epochs": 5, "seed": None}, sets=["training.epochs=7", "training.optimizer.name=sgd"]
    )
    assert (recipe.training.epochs, recipe.seed, recipe.training.optimizer.name) == (7, 4, "sgd")


def test_short_forms_can_be_refined() -> None:
    recipe = load(sets=["training.learning_rate=1e-4", "training.learning_rate.schedule=exponential"])
    assert recipe.training.learning_rate.initial == 1e-4
    assert recipe.training.learning_rate.schedule == "exponential"


def test_a_recipe_cannot_be_changed() -> None:
    with pytest.raises(Exception, match="frozen"):
        load().seed = 3  # type: ignore[misc]


def test_dotted_names_every_leaf() -> None:
    leaves = dotted(load())
    assert leaves["training.optimizer.name"] == "adam"
    assert leaves["split.validation"] == 0.2


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ("model.backbon=vgg16", ["model.backbon", "'backbone'", "'vgg16'"]),
        ("trainin.epochs=3", ["trainin", "'training'"]),
        ("training.optimizer=adamm", ["training.optimizer.name", "'adamm'", "'adam'"]),
        ("training.optimizer.momentum=0.9", ["momentum", "'adam'"]),
        ("split.strategy=subjects", ["split.strategy", "'subjects'", "'subject'"]),
        ("split.test=2", ["split.test", "2", "less than 1"]),
        ("split.test=0.9", ["test 0.9 + validation 0.2", "nothing to train on"]),
        ("split.folds=3", ["folds", "'auto'"]),
        ("split.balanced=true", ["balanced", "'random'", "not 'auto'"]),
        ("split.drop_linked=true", ["drop_linked", "'official', 'table' or 'folds'", "not 'auto'"]),
        ("split={strategy: official, balanced: true}", ["balanced", "'random'", "not 'official'"]),
        ("split={strategy: random, drop_linked: true}", ["drop_linked", "'official'", "not 'random'"]),
        ("data.sample=1", ["data.sample", "1", "greater than or equal to 2"]),
        ("data.sample=half", ["data.sample", "'half'", "integer"]),
        ("training.epochs=abc", ["training.epochs", "'abc'", "integer"]),
        ("images.size=0", ["images.size", "0", "greater than or equal to 1"]),
        ("model.fine_tune=some", ["model.fine_tune", "'some'", "none, all", "blocks:N"]),
        ("model.head={pooling: avg, layers: [{type: dens, units: 3}]}", ["model.head.layers.0", "dens", "'dense'"]),
        ("model.head={poolin: avg}", ["model.head.poolin", "'pooling'"]),
        ("model.head={output: {activation: softmax, units: one}}", ["softmax over one unit", "'sigmoid'"]),
        ("model.head={output: {activation: sigmoid, units: one}}", ["units 'one'", "binary_crossentropy"]),
        ("model.head={output: {activation: sigmoid}}", ["'sigmoid'", "binary_crossentropy"]),
        ("training.augment.rotation=3", ["training.augment.rotation", "'rotation_range'"]),
        ("training.augment.zoom_range=2", ["training.augment.zoom_range", "2", "less than 1"]),
        ("training.augment.zoom_range=[1.2, 0.8]", ["zoom_range", "[0.8, 1.2]"]),
        ("training.augment.brightness_range=1.2", ["brightness_range", "1.2", "list", "[0.8, 1.2]"]),
        ("training.augment.fill_mode=reflct", ["fill_mode", "'reflect'"]),
        ("training.augment.gaussian_blur=4", ["gaussian_blur", "odd", "4"]),
        ("training.augment.width_shift_range=[]", ["width_shift_range", "empty"]),
        ("training.class_weight={ALL: -1}", ["training.class_weight.ALL", "-1"]),
        ("training.class_weight={ALL: 2}", ["class_weight", "balance", "'none'"]),
        ("training.balance=oversampling", ["training.balance", "'oversample'"]),
        ("images.crop_size=200", ["crop_size", "'center'"]),
        ("images.crop_margin=0.3", ["crop_margin", "'cell'"]),
        ("images.rescale=1/256", ["images.rescale", "'1/255'"]),
        ("evaluation.test_time_augmentation=4", ["test_time_augmentation", "training.augment"]),
        ("evaluation.test_time_augmentation=dihedrals", ["test_time_augmentation", "'dihedral'"]),
        ("evaluation=3", ["evaluation", "3"]),
        ("seed=-1", ["seed", "-1"]),
        ("name=a b", ["name", "'a b'"]),
    ],
)
def test_wrong_settings_are_one_line_that_names_key_value_and_choice(setting: str, parts: list[str]) -> None:
    with pytest.raises(RecipeError) as caught:
        load(sets=[setting])
    line = str(caught.value)
    assert "\n" not in line
    assert caught.value.exit_code == 2
    for part in parts:
        assert part in line, line


def test_operations_are_those_that_change_something() -> None:
    assert load().training.augment.operations == ()
    idle = ["rotation_range=0", "width_shift_range=[0, 0.0]", "zoom_range=[1, 1]", "fill_mode=wrap", "keep_background=true"]
    assert load(sets=[f"training.augment.{text}" for text in idle]).training.augment.operations == ()
    given = load(sets=["training.augment.zoom_range=[0.9, 1]", "training.augment.height_shift_range=3"]).training.augment
    assert given.operations == ("height_shift_range", "zoom_range")


def test_a_whole_number_and_a_share_stay_what_they_are() -> None:
    """An integer shift draws whole pixels, a number does not: writing a recipe down and reading it must keep the difference."""
    sets = ["training.augment.width_shift_range=3", "training.augment.height_shift_range=3.0"]
    augment = validate(yaml.safe_load(resolved_yaml(load(sets=sets)))).training.augment
    assert (type(augment.width_shift_range), type(augment.height_shift_range)) == (int, float)


def test_standardize_needs_a_frozen_backbone() -> None:
    with pytest.raises(RecipeError, match="frozen"):
        validate({"model": {"fine_tune": "all", "head": {"layers": [{"type": "standardize"}]}}})


@pytest.mark.parametrize(
    ("source", "text", "message"),
    [
        ("nowhere.yaml", None, "not found"),
        ("defalt", None, "did you mean 'default'"),
        ("broken.yaml", "a: [1", "not valid YAML"),
        ("list.yaml", "- 1\n", "keys and values"),
    ],
)
def test_sources_that_are_no_recipes(source: str, text: str | None, message: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / source).write_text(text)
        source = str(tmp_path / source)
    with pytest.raises(UsageError, match=message):
        load(source)


@pytest.mark.parametrize("setting", ["training.epochs", "=3"])
def test_set_needs_a_key_and_a_value(setting: str) -> None:
    with pytest.raises(UsageError, match=r"dotted\.key=value"):
        load(sets=[setting])


def test_an_empty_file_is_the_plain_recipe(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text("")
    assert load(str(path)) == Recipe()


def test_keys_that_came_later_leave_addresses_as_they_were() -> None:
    plain = shaping(load(sets=["model.engine=tensorflow"]))
    assert not LATER.keys() & plain.keys()
    assert shaping(load(sets=["model.engine=openvino"])) == plain | {"model.engine": "openvino"}
    half = shaping(load(sets=["model.engine=tensorflow", "model.features_dtype=float16"]))
    assert half == plain | {"model.features_dtype": "float16"}
