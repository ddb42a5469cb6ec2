import pytest

from aetutor import models, sources, zoo
from aetutor.recipes import RECIPES

# What the sources of the two textbook recipes say: the blog of lesson 1 trains for 20 epochs in
# batches of 64; both have Adam's usual rate.
TEXTBOOK = {"optimizer": "adam", "learning_rate": 0.001, "batch_size": 64, "flip": False}


@pytest.mark.parametrize("name", zoo.NAMES)
def test_an_entry_can_be_made(name):
    entry = zoo.entry(name)
    assert entry.name == name
    model = models.build(entry.config(seed=0))
    source = sources.SOURCES[entry.data]
    assert sorted(model.image_shape) == sorted((*source.image_shape, model.image_shape[0]))[-3:]
    assert model.value_range == source.value_range
    assert entry.optimizer in RECIPES
    assert len(set(entry.seeds)) == len(entry.seeds) >= 1


def test_the_textbooks_recipe_is_the_blogs():
    for name in ("mnist-linear-10-textbook", "mnist-conv-64-textbook"):
        entry = zoo.entry(name)
        assert {key: getattr(entry, key) for key in TEXTBOOK} == TEXTBOOK
        assert entry.epochs == 20


def test_digits_are_never_mirrored():
    assert not any(zoo.entry(name).flip for name in zoo.NAMES if name.startswith("mnist"))


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(ValueError, match="got 'cifar10-385'; did you mean 'cifar10-384'"):
        zoo.entry("cifar10-385")
