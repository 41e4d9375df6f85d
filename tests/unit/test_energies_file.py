"""Files of energies: read back exactly in every format; fields where energies belong are told."""

import numpy as np
import pytest
import scipy.io

from metastack import InputError
from metastack.calibration import EnergyPilots, FromInputPorts, OntoFirstLayer, PilotPlan, Pilots
from metastack.calibration.illumination import PlaneWaves
from metastack.files.energies_file import read_energy_pilots, write_energy_pilots
from metastack.files.kinds import FileKind, identify
from metastack.files.pilots_file import read_pilots, read_plan, write_pilots

FORMATS = ("energies.nc", "energies.npz", "energies.mat", "energies")
RNG = np.random.default_rng(1)
PHASES = RNG.uniform(0, 2 * np.pi, (12, 2, 6))
PLAN = PilotPlan(PHASES, OntoFirstLayer(PlaneWaves(np.array([[0.1, 0.2], [0.3, -0.4]]))))
FIELD = RNG.normal(size=(12, 3, 2, 2)) @ [1, 1j]
ENERGIES = EnergyPilots.measured(PLAN, np.abs(FIELD) ** 2, 0.25)


def refused(function, *arguments, **named):
    with pytest.raises(InputError) as caught:
        function(*arguments, **named)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize("name", FORMATS)
def test_energies_read_back_exactly(tmp_path, name):
    write_energy_pilots(ENERGIES, tmp_path / name, frequency_hz=3e9)
    assert identify(tmp_path / name) is FileKind.ENERGY_PILOTS
    read = read_energy_pilots(tmp_path / name)
    np.testing.assert_array_equal(read.pilots.energies, ENERGIES.energies)
    np.testing.assert_array_equal(read.pilots.plan.phases_rad, PHASES)
    assert (read.pilots.noise_variance, read.frequency_hz) == (0.25, 3e9)
    assert read.warnings == []
    stated = read_energy_pilots(tmp_path / name, noise_variance=0.5)
    assert stated.pilots.noise_variance == 0.5


@pytest.mark.parametrize("name", FORMATS)
def test_one_kind_where_the_other_belongs_names_the_command_that_takes_it(tmp_path, name):
    write_energy_pilots(ENERGIES, tmp_path / name)
    assert "use `metastack calibrate energies`" in refused(read_pilots, tmp_path / name)
    write_pilots(Pilots(PLAN, FIELD, 0.1), tmp_path / f"fields_{name}")
    message = refused(read_energy_pilots, tmp_path / f"fields_{name}")
    assert "must hold `energies`, but holds `received`: use `metastack calibrate fit`" in message


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"energies": -ENERGIES.energies}, "must not be negative"),
        ({"energies": np.full((12, 3), 2.0)}, "must differ from each other"),
        ({"energies": np.where(PHASES[:, 0, :3] > 3, np.nan, 1)}, "must be finite"),
        ({"energies": FIELD}, "must be real, but is complex"),
        ({"energies": ENERGIES.energies}, "`noise_variance` of energies must be known"),
        ({"energies": ENERGIES.energies, "noise_variance": 0.0}, "must be positive"),
        ({"received": ENERGIES.energies}, "use `metastack calibrate fit`"),
        ({}, "must hold `energies`, but holds `phases_rad`"),
    ],
)
def test_files_that_cannot_be_are_refused_in_one_line(tmp_path, arrays, message):
    np.savez(tmp_path / "e.npz", phases_rad=PHASES, **arrays)
    assert message in refused(read_energy_pilots, tmp_path / "e.npz", otherwise=FromInputPorts())


def test_real_numbers_as_received_are_told_where_they_belong(tmp_path):
    scipy.io.savemat(tmp_path / "e.mat", {"phases_rad": PHASES, "received": ENERGIES.energies})
    message = refused(read_pilots, tmp_path / "e.mat", otherwise=FromInputPorts())
    assert "metastack calibrate energies" in message


def test_a_file_of_energies_is_a_plan_as_well(tmp_path):
    np.savez(tmp_path / "e.npz", phases_rad=PHASES, energies=ENERGIES.energies)
    np.testing.assert_array_equal(
        read_plan(tmp_path / "e.npz", illumination=FromInputPorts()).plan.phases_rad, PHASES
    )


def test_a_detector_that_saturates_is_warned_of(tmp_path):
    clipped = np.minimum(ENERGIES.energies, np.quantile(ENERGIES.energies, 0.7))
    write_energy_pilots(EnergyPilots.measured(PLAN, clipped, 0.25), tmp_path / "e.nc")
    (warning,) = read_energy_pilots(tmp_path / "e.nc").warnings
    assert "the detector seems to saturate" in warning


def test_a_csv_without_its_header_is_refused(tmp_path):
    write_energy_pilots(ENERGIES, tmp_path / "e")
    text = (tmp_path / "e" / "energies.csv").read_text().splitlines()
    (tmp_path / "e" / "energies.csv").write_text("\n".join(text[3:]))
    assert "The header must be e0,e1" in refused(read_energy_pilots, tmp_path / "e")
