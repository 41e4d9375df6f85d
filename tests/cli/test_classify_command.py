"""`metastack system classify` and `judge-classifier` as a user types them."""

from pathlib import Path

import numpy as np
import pytest
from test_commands import answer_of, refusal_of

import metastack as ms
from metastack.files.classifier_file import read_classifier

EXAMPLES = Path(__file__).parents[2] / "examples"
DIGITS = EXAMPLES / "classify_digits.toml"
QUICK = ("--epochs", 3, "--batch", 100)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    from metastack.cli.main import run

    path = tmp_path_factory.mktemp("classifier") / "digits.nc"
    options = ("--images", "digits", "-o", path, *QUICK)
    assert run(list(map(str, ("system", "classify", DIGITS, *options)))) == 0
    return path


def test_what_was_trained_is_judged_alike_from_its_file(capsys, trained):
    """The file holds the phases exactly, and the same images are held out."""
    classifier, source = read_classifier(trained)
    assert (source.images, source.shrink, source.held_out) == ("digits", 1, 359)
    answer = answer_of(capsys, "system", "judge-classifier", trained)
    low, high = answer["accuracy_interval_95"]
    assert low < answer["accuracy"] < high
    assert answer["images_judged"] == 359
    on_its_own = answer_of(capsys, "system", "judge-classifier", trained, "--on", DIGITS)
    assert on_its_own["accuracy"] == answer["accuracy"]
    facts = answer_of(capsys, "show", trained)
    assert facts["kind"] == "classifier"
    assert facts["epochs"] == len(classifier.losses) == 3
    assert answer_of(capsys, "check", trained)["verdict"] == "usable"


def test_training_goes_on_from_a_file_and_draws(capsys, tmp_path, trained):
    """From phases that are nearly right the first loss is lower than the first of a new course."""
    out, picture = tmp_path / "again.nc", tmp_path / "again.png"
    arguments = ("system", "classify", DIGITS, "--images", "digits", "-o", out, *QUICK)
    answer = answer_of(capsys, *arguments, "--from", trained, "--figure", picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    first, again = read_classifier(trained)[0], read_classifier(out)[0]
    assert again.losses[0] < first.losses[0]
    assert answer["loss"] < first.losses[-1]


def test_images_from_a_file(capsys, tmp_path):
    """Two classes that light different halves are told apart without an error."""
    generator = np.random.default_rng(0)
    pixels = generator.uniform(0, 0.2, (60, 4, 4))
    labels = np.arange(60) % 2
    pixels[labels == 0, :, :2] += 1
    pixels[labels == 1, :, 2:] += 1
    np.savez(tmp_path / "halves.npz", pixels=pixels, labels=labels)
    stack = ms.make_uniform_stack(
        ports=4, atoms_per_side=6, layers=2, thickness_wavelengths=4, spacing_wavelengths=0.5
    )
    file = tmp_path / "stack.toml"
    ms.write_stack(ms.files.StackDescription(stack, ms.dft_2d(4, 4), "halves"), file)
    arguments = ("system", "classify", file, "-o", tmp_path / "c.nc", "--epochs", 10)
    options = ("--images", tmp_path / "halves.npz", "--batch", 8)
    assert answer_of(capsys, *arguments, *options)["accuracy"] == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--images", "mnist"), "8 rows x 8 columns, but mnist have 28 x 28"),
        (("--images", "letters"), "must be digits, mnist or a file, but is 'letters'"),
        (("--images", "missing.npz"), "missing.npz"),
        (("--images", "digits", "--shrink", "3"), "must divide rows and columns"),
        (("--images", "digits", "--dy-wavelengths", ".1"), "need `--vaccinate`"),
        (("--images", "digits", "--batch", "5000"), "`batch` must be at most"),
        (("--images", "digits", "--held-out", "3"), "`held_out` must leave an image"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(capsys, tmp_path, options, said):
    out = tmp_path / "c.nc"
    assert said in refusal_of(capsys, "system", "classify", DIGITS, "-o", out, *options)
    assert not out.exists()


def test_going_on_with_other_images_held_out_is_refused(capsys, tmp_path, trained):
    """What is to be judged by may have been trained on."""
    options = ("--images", "digits", "--held-out", "100", "--from", trained)
    said = refusal_of(capsys, "system", "classify", DIGITS, "-o", tmp_path / "c.nc", *options)
    assert "to be judged by were trained on" in said


@pytest.mark.parametrize("name", ["digits", "mnist", "optical"])
def test_examples_can_be_used(capsys, name):
    file = EXAMPLES / f"classify_{name}.toml"
    assert answer_of(capsys, "check", file)["verdict"] == "usable"


def test_two_regions_a_class_need_receivers_for_both(capsys, tmp_path):
    few = tmp_path / "few.toml"
    few.write_text(DIGITS.read_text().replace("columns = 10\nrows = 4", "columns = 5\nrows = 2"))
    options = ("--images", "digits", "--detectors", "differential", "-o", tmp_path / "x.nc")
    assert "must be at least 20" in refusal_of(capsys, "system", "classify", few, *options)
