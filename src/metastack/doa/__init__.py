"""Direction of arrival: angles, protocol, estimators, bounds, Monte Carlo, designs for it."""

from .ambiguity import worst_ambiguity
from .angles import (
    UNIFORM_DEVIATION_OVER_PI,
    direction,
    electrical_angles,
    is_visible,
    wrapped_rad,
)
from .aperture import aperture_fields
from .beamforming import digital_beamforming, matched_steering, matched_steering_fading
from .coherent_readers import DigitalReader, FadingMatchedReader, MatchedReader
from .covariance import forward_backward, sample_covariance, subarrays
from .cramer_rao import angle_information, angle_jacobian, cramer_rao
from .direction_design import DirectionDesign, DirectionGoal, best_direction_design
from .direction_problem import FreePatterns, Mean, Patterns, Summary, SwitchedPatterns, Worst
from .directions import Directions, Hemisphere, PsiSquare
from .esprit import esprit
from .information import coherent_covariance, energy_information, field_information
from .information_design import InformationAdam, bound_over_view, design_for_directions
from .joint_fit import JointFit
from .lags import LagStart, lag_estimate
from .likelihood import Estimate, MaximumLikelihood, maximum_likelihood
from .model import DirectionModel
from .monte_carlo import Experiment, MonteCarlo, monte_carlo, stack_experiment
from .music import music, music_spectrum
from .noise import EffectiveSnr, Noiseless, NoiseLevel, PhysicalSnr
from .pairwise import probability_to_beat
from .peak import PeakEstimate, peak_estimate
from .peak_bound import AngleMse, peak_bound, peak_floor, plain_difference, wrapped_difference
from .protocol import Protocol
from .published_bound import published_bound
from .readers import EnergyReader, LagReader, LikelihoodReader, PeakReader, Reader
from .several import (
    BayesianInformation,
    GeneralisedLikelihoodRatio,
    OrderCriterion,
    SourcesFound,
    find_sources,
    fit_sources,
    most_sources,
)
from .snapshots import energies, received_field, simulate_snapshots, simulate_sources
from .source import ConstantModulusSource, GaussianSource, Source, SteadySource
from .spectrum import AngularSpectrum, angular_spectrum
from .steering import steering_vector
from .unknowns import (
    FadingPower,
    KnownNoise,
    KnownPower,
    Noise,
    Power,
    SteadyPower,
    UnknownNoise,
)

__all__ = [
    "UNIFORM_DEVIATION_OVER_PI",
    "AngleMse",
    "AngularSpectrum",
    "BayesianInformation",
    "ConstantModulusSource",
    "DigitalReader",
    "DirectionDesign",
    "DirectionGoal",
    "DirectionModel",
    "Directions",
    "EffectiveSnr",
    "EnergyReader",
    "Estimate",
    "Experiment",
    "FadingMatchedReader",
    "FadingPower",
    "FreePatterns",
    "GaussianSource",
    "GeneralisedLikelihoodRatio",
    "Hemisphere",
    "InformationAdam",
    "JointFit",
    "KnownNoise",
    "KnownPower",
    "LagReader",
    "LagStart",
    "LikelihoodReader",
    "MatchedReader",
    "MaximumLikelihood",
    "Mean",
    "MonteCarlo",
    "Noise",
    "NoiseLevel",
    "Noiseless",
    "OrderCriterion",
    "Patterns",
    "PeakEstimate",
    "PeakReader",
    "PhysicalSnr",
    "Power",
    "Protocol",
    "PsiSquare",
    "Reader",
    "Source",
    "SourcesFound",
    "SteadyPower",
    "SteadySource",
    "Summary",
    "SwitchedPatterns",
    "UnknownNoise",
    "Worst",
    "angle_information",
    "angle_jacobian",
    "angular_spectrum",
    "aperture_fields",
    "best_direction_design",
    "bound_over_view",
    "coherent_covariance",
    "cramer_rao",
    "design_for_directions",
    "digital_beamforming",
    "direction",
    "electrical_angles",
    "energies",
    "energy_information",
    "esprit",
    "field_information",
    "find_sources",
    "fit_sources",
    "forward_backward",
    "is_visible",
    "lag_estimate",
    "matched_steering",
    "matched_steering_fading",
    "maximum_likelihood",
    "monte_carlo",
    "most_sources",
    "music",
    "music_spectrum",
    "peak_bound",
    "peak_estimate",
    "peak_floor",
    "plain_difference",
    "probability_to_beat",
    "published_bound",
    "received_field",
    "sample_covariance",
    "simulate_snapshots",
    "simulate_sources",
    "stack_experiment",
    "steering_vector",
    "subarrays",
    "worst_ambiguity",
    "wrapped_difference",
    "wrapped_rad",
]
