"""Calibration: what a built stack is, from pilots sent through it."""

from . import networks
from .batch import BatchCalibrator
from .bounds import Bounds, bayesian_cramer_rao, bounds_from, cramer_rao, delta_nmse, prior_nmse
from .conventions import (
    OURS,
    Convention,
    in_our_convention,
    likelier_convention,
    with_negated_phases,
)
from .diagnosis import Diagnosis, Finding, SuspectAtom, diagnose
from .energies import EnergyPilots, check_energies, energies_of, simulate_energy_pilots
from .energy_bounds import energy_bayesian_cramer_rao, energy_cramer_rao
from .energy_calibration import EnergyCalibration, calibrate_energies
from .energy_test import EnergyTest, energy_test
from .entry_methods import Adam, EntryMethod, GaussNewton, GradientDescent, Nesterov
from .entry_problem import all_alike, each_entry, each_matrix
from .evidence import log_evidence
from .gain_drift import GainDrift
from .gains import GainPerPort, GainPerSlot, Gains, KnownGain, OneGain
from .gauge import (
    Matrices,
    between_layers,
    cross_ratios,
    gauge_floor,
    in_nearest_gauge,
    matrix_nmse,
    nearest_gauge,
    regauged,
    through_layers,
)
from .gauge_orbit import poses_on_gauge_orbit, stack_on_gauge_orbit, swept_gauge
from .geometric import Calibration, calibrate
from .illumination import (
    FromInputPorts,
    Illumination,
    OntoFirstLayer,
    OntoInputLayer,
    PlaneWaves,
    SphericalWaves,
    Waves,
)
from .least_squares import Ending, Fit
from .links import Links
from .per_entry import (
    CumulativeStages,
    PerEntryCalibration,
    SeparateStages,
    Stages,
    calibrate_entries,
    noise_nmse,
)
from .pilot_design import DesignedPlan, design_plan
from .pilots import (
    PilotPlan,
    Pilots,
    check_pilots,
    noiseless,
    random_plan,
    reference_power,
    simulate_pilots,
)
from .planning import designed_slots_needed, random_slots_needed
from .probe_placement import probes_at_snr, random_atoms, spread_atoms
from .probed import ProbedCalibration, calibrate_with_probes
from .probed_bounds import ProbesWorth, probed_bayesian_cramer_rao, what_probes_bought
from .probes import PowerProbes, check_probes, probe_powers, simulate_probes
from .receivers import EnergyReceivers, FieldReceivers, Receivers
from .references import Corrected, Measurement, Readings, Reference, corrected
from .residual_test import ResidualTest, Suspect, residual_test
from .stuck_atoms import with_stuck_atoms
from .subspace import calibrate_in_subspace, most_telling, of_freedoms, without_prior
from .three_figures import ThreeFigures, end_to_end_nmse
from .unequal_atoms import with_unequal_atoms
from .unknowns import Expected, Unknowns
from .unseen import Unseen, unseen_by, unseen_from
from .wideband import (
    WidebandCalibration,
    calibrate_wideband,
    wideband_bayesian_cramer_rao,
    wideband_cramer_rao,
)
from .wideband_pilots import WidebandPilots, band, simulate_wideband_pilots, wideband_noiseless

__all__ = [
    "OURS",
    "Adam",
    "BatchCalibrator",
    "Bounds",
    "Calibration",
    "Convention",
    "Corrected",
    "CumulativeStages",
    "DesignedPlan",
    "Diagnosis",
    "Ending",
    "EnergyCalibration",
    "EnergyPilots",
    "EnergyReceivers",
    "EnergyTest",
    "EntryMethod",
    "Expected",
    "FieldReceivers",
    "Finding",
    "Fit",
    "FromInputPorts",
    "GainDrift",
    "GainPerPort",
    "GainPerSlot",
    "Gains",
    "GaussNewton",
    "GradientDescent",
    "Illumination",
    "KnownGain",
    "Links",
    "Matrices",
    "Measurement",
    "Nesterov",
    "OneGain",
    "OntoFirstLayer",
    "OntoInputLayer",
    "PerEntryCalibration",
    "PilotPlan",
    "Pilots",
    "PlaneWaves",
    "PowerProbes",
    "ProbedCalibration",
    "ProbesWorth",
    "Readings",
    "Receivers",
    "Reference",
    "ResidualTest",
    "SeparateStages",
    "SphericalWaves",
    "Stages",
    "Suspect",
    "SuspectAtom",
    "ThreeFigures",
    "Unknowns",
    "Unseen",
    "Waves",
    "WidebandCalibration",
    "WidebandPilots",
    "all_alike",
    "band",
    "bayesian_cramer_rao",
    "between_layers",
    "bounds_from",
    "calibrate",
    "calibrate_energies",
    "calibrate_entries",
    "calibrate_in_subspace",
    "calibrate_wideband",
    "calibrate_with_probes",
    "check_energies",
    "check_pilots",
    "check_probes",
    "corrected",
    "cramer_rao",
    "cross_ratios",
    "delta_nmse",
    "design_plan",
    "designed_slots_needed",
    "diagnose",
    "each_entry",
    "each_matrix",
    "end_to_end_nmse",
    "energies_of",
    "energy_bayesian_cramer_rao",
    "energy_cramer_rao",
    "energy_test",
    "gauge_floor",
    "in_nearest_gauge",
    "in_our_convention",
    "likelier_convention",
    "log_evidence",
    "matrix_nmse",
    "most_telling",
    "nearest_gauge",
    "networks",
    "noise_nmse",
    "noiseless",
    "of_freedoms",
    "poses_on_gauge_orbit",
    "prior_nmse",
    "probe_powers",
    "probed_bayesian_cramer_rao",
    "probes_at_snr",
    "random_atoms",
    "random_plan",
    "random_slots_needed",
    "reference_power",
    "regauged",
    "residual_test",
    "simulate_energy_pilots",
    "simulate_pilots",
    "simulate_probes",
    "simulate_wideband_pilots",
    "spread_atoms",
    "stack_on_gauge_orbit",
    "swept_gauge",
    "through_layers",
    "unseen_by",
    "unseen_from",
    "what_probes_bought",
    "wideband_bayesian_cramer_rao",
    "wideband_cramer_rao",
    "wideband_noiseless",
    "with_negated_phases",
    "with_stuck_atoms",
    "with_unequal_atoms",
    "without_prior",
]
