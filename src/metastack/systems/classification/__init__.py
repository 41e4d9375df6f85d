"""Image classification: the first layer carries the image, detectors read the class."""

from .course import Schedule
from .datasets import DATASETS, digits, mnist_5000
from .detectors import BrightestRegion, Detectors, DifferentialRegions
from .device import Device, energies, fields_on_the_way
from .distortions import Distortion, NoDistortion, SmallMotions
from .encoding import AmplitudeEncoding, Encoding, PhaseEncoding
from .exposure import Exposure, GivenStack, Vaccination
from .images import LabelledImages
from .judging import Verdict, judge, read_classes
from .quantised import rounding_course, train_rounding
from .training import RETRAINING, Classifier, retrain, train

__all__ = [
    "DATASETS",
    "RETRAINING",
    "AmplitudeEncoding",
    "BrightestRegion",
    "Classifier",
    "Detectors",
    "Device",
    "DifferentialRegions",
    "Distortion",
    "Encoding",
    "Exposure",
    "GivenStack",
    "LabelledImages",
    "NoDistortion",
    "PhaseEncoding",
    "Schedule",
    "SmallMotions",
    "Vaccination",
    "Verdict",
    "digits",
    "energies",
    "fields_on_the_way",
    "judge",
    "mnist_5000",
    "read_classes",
    "retrain",
    "rounding_course",
    "train",
    "train_rounding",
]
