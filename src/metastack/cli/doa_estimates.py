"""What each estimator makes of a recording, as numbers and as an answer for people."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import require
from .device import Device, require_dft

if TYPE_CHECKING:
    from ..doa import DirectionModel, MaximumLikelihood, Noise, OrderCriterion, Protocol
    from ..files import Recording

# A rival direction within this many nats is worth a warning: odds of less than 150.
_RIVAL_NATS = 5.0
_RANGES = {
    "psi_x_deviation_over_pi": 1.0,
    "psi_y_deviation_over_pi": 1.0,
    "theta_deviation_deg": 90.0,
    "phi_deviation_deg": 180.0,
}
_SURFACE_POINTS, _ZOOM_POINTS, _ZOOM_DEVIATIONS = 65, 61, 4.5


@dataclass(frozen=True)
class Task:
    """A recording, the device that made it, and what is known of the noise."""

    device: Device
    protocol: "Protocol"
    recording: "Recording"
    noise_variance: float | None = None
    fading: bool = False

    def __post_init__(self) -> None:
        variance = self.noise_variance
        require(
            variance is None or (np.isfinite(variance) and variance > 0),
            f"`--noise-variance` must be positive and finite, but is {variance}.",
        )
        require(
            bool(self.recording.energies.any()),
            "A recording must hold some energy to tell a direction, but is all zero.",
        )

    @property
    def noise(self) -> "Noise":
        """Known or to be found."""
        from ..doa import KnownNoise, UnknownNoise

        if self.noise_variance is None:
            return UnknownNoise(float(self.recording.energies.mean()))
        return KnownNoise(self.noise_variance)

    @property
    def true_psi(self) -> tuple[float, float] | None:
        """Where the source stood, if the recording knows."""
        x, y = self.recording.psi_x_rad, self.recording.psi_y_rad
        return None if x is None or y is None else (x, y)

    @property
    def model(self) -> "DirectionModel":
        """What the detectors see of a direction."""
        return self.device.model(self.protocol)

    def likelihood(self, noise: "Noise") -> "MaximumLikelihood":
        """The estimator for this device and noise; inside `float64` only."""
        from ..doa import FadingPower, MaximumLikelihood, SteadyPower

        power = FadingPower() if self.fading else SteadyPower()
        return MaximumLikelihood.of(self.model, noise=noise, power=power)


@dataclass(frozen=True)
class Found:
    """Directions in rad with their covariances, the answer to print, and what to warn of."""

    psi_rad: list[tuple[float, float]]
    covariances_rad2: list[Any]
    answer: dict[str, Any]
    noise_variance: float = np.nan
    warnings: list[str] = field(default_factory=list[str])


def peak(task: Task) -> Found:
    """The paper's estimate: the strongest probe and snapshot."""
    from ..doa import peak_estimate

    require_dft(task.device)
    estimate = peak_estimate(task.recording.energies, task.protocol)
    psi_rad = float(estimate.psi_x_rad), float(estimate.psi_y_rad)
    bins_y, bins_x = task.protocol.grid_shape
    answer = {
        **angles_answer(task.device, psi_rad),
        "probe": int(estimate.probe),
        "snapshot": int(estimate.snapshot),
        "bin_x_over_pi": 2 / bins_x,
        "bin_y_over_pi": 2 / bins_y,
    }
    return Found([psi_rad], [None], answer)


def start(task: Task) -> Found:
    """The closed-form estimate from the lags of the field."""
    from ..doa import lag_estimate

    angles = lag_estimate(task.recording.energies, task.model)
    psi_rad = float(angles[0]), float(angles[1])
    return Found([psi_rad], [None], angles_answer(task.device, psi_rad))


def one_source(task: Task) -> Found:
    """Maximum likelihood of one source."""
    import equinox as eqx

    from ..precision import float64

    with float64():
        estimate = eqx.filter_jit(task.likelihood(task.noise))(_energies(task))
        rivals = _rivals(task, estimate)
    power = np.asarray(estimate.power)
    psi_rad = float(estimate.psi_rad[0]), float(estimate.psi_rad[1])
    covariance = np.asarray(estimate.covariance_rad2)
    noise = float(estimate.noise_variance)
    answer = {
        **angles_answer(task.device, psi_rad, covariance),
        "physical_snr_db": float(10 * np.log10(power.mean() / noise)),
        "noise_variance": noise,
        "log_likelihood": float(estimate.log_likelihood),
    }
    return Found([psi_rad], [covariance], answer, noise, rivals)


def several_sources(task: Task, count: int | None, criterion: "OrderCriterion") -> Found:
    """A given number of steady sources, or as many as the energies speak for."""
    from ..doa import find_sources, fit_sources, most_sources

    model, energies, warnings = task.model, task.recording.energies, list[str]()
    if count is None:
        search = find_sources(model, energies, noise=task.noise, criterion=criterion)
        fit, tried = search.fit, search.log_likelihoods
        if search.may_be_more and search.believed < most_sources(model):
            warnings.append(
                f"There may be more than the {search.believed} sources that were looked for; "
                "ask for more with `--sources NUMBER`."
            )
    else:
        fit, tried = fit_sources(model, energies, count, noise=task.noise), []
    if fit is None:
        return Found([], [], {"sources_found": 0, "log_likelihoods": tried})
    psi_rad = [(float(x), float(y)) for x, y in np.asarray(fit.psi_rad)]
    covariances = list(np.asarray(fit.covariance_rad2))
    noise = float(fit.noise_variance)
    snrs_db = 20 * np.log10(np.abs(np.asarray(fit.amplitudes))) - 10 * np.log10(noise)
    rows = [
        {**angles_answer(task.device, psi, covariance), "physical_snr_db": float(snr_db)}
        for psi, covariance, snr_db in zip(psi_rad, covariances, snrs_db, strict=True)
    ]
    answer: dict[str, Any] = {"sources_found": len(rows), "noise_variance": noise}
    if tried:
        answer["log_likelihoods"] = tried
    return Found(psi_rad, covariances, {**answer, "sources": rows}, noise, warnings)


def likelihood_facts(task: Task, found: Found) -> dict[str, Any]:
    """The likelihood of one source over all directions, and closely around the estimate.

    The source's power is at its best for every direction, the noise as it was found.
    """
    import equinox as eqx
    import jax.numpy as jnp

    from ..doa import KnownNoise
    from ..precision import float64
    from ..report import MarkedEstimate, Surface

    with float64():
        noise = KnownNoise(found.noise_variance)
        surface = eqx.filter_jit(task.likelihood(noise).log_likelihood)

        def over(x: Any, y: Any) -> Any:
            grid = jnp.asarray(np.stack(np.meshgrid(x, y), axis=-1))
            return np.asarray(surface(_energies(task), grid))

        whole = np.linspace(-np.pi, np.pi, _SURFACE_POINTS)
        log_likelihood = over(whole, whole)
        covariances = [_drawable(covariance) for covariance in found.covariances_rad2]
        zoom = None
        if len(found.psi_rad) == 1 and covariances[0] is not None:
            around = _around(found.psi_rad[0], covariances[0])
            zoom = Surface(*around, over(*around))
    several = len(covariances) > 1
    marks = [
        MarkedEstimate(*psi, covariance, f"estimate {k}" if several else "estimate")
        for k, (psi, covariance) in enumerate(zip(found.psi_rad, covariances, strict=True), 1)
    ]
    return {
        "psi_x_rad": whole,
        "psi_y_rad": whole,
        "log_likelihood": log_likelihood,
        "estimates": marks,
        "true_psi": task.true_psi,
        "zoom": zoom,
        "floor_nats": min(-50.0, float(np.quantile(log_likelihood - log_likelihood.max(), 0.02))),
    }


def _drawable(covariance_rad2: Any) -> Any:
    """The covariance, unless its ellipse would not fit on the circle of angles, or is none."""
    if covariance_rad2 is None or not (np.diag(covariance_rad2) < np.pi**2).all():
        return None
    return covariance_rad2 if np.linalg.eigvalsh(covariance_rad2).min() > 0 else None


def _around(psi_rad: tuple[float, float], covariance_rad2: Any) -> tuple[Any, Any]:
    """Axes of a few deviations around an estimate."""
    steps = np.linspace(-_ZOOM_DEVIATIONS, _ZOOM_DEVIATIONS, _ZOOM_POINTS)
    deviations = np.sqrt(np.diag(covariance_rad2))
    return psi_rad[0] + deviations[0] * steps, psi_rad[1] + deviations[1] * steps


def _rivals(task: Task, estimate: Any) -> list[str]:
    """A warning if a direction far from the estimate is nearly as likely, in the same noise."""
    import equinox as eqx

    from ..doa import KnownNoise
    from ..doa.ambiguity import near

    likelihood = task.likelihood(KnownNoise(estimate.noise_variance))
    values = eqx.filter_jit(likelihood.log_likelihood)(_energies(task), likelihood.grid_rad)
    far = ~np.asarray(near(likelihood.model, likelihood.grid_rad - estimate.psi_rad))
    behind = float(estimate.log_likelihood) - np.where(far, np.asarray(values), -np.inf)
    if behind.min() > _RIVAL_NATS:
        return []
    x, y = np.asarray(likelihood.grid_rad)[behind.argmin()] / np.pi
    return [
        f"A direction near psi = ({x:.3g}, {y:.3g}) π is almost as likely (by {behind.min():.2g} "
        "nats): take more snapshots, or raise the SNR."
    ]


def _energies(task: Task) -> Any:
    import jax.numpy as jnp

    return jnp.asarray(task.recording.energies)


def angles_answer(
    device: Device, psi_rad: tuple[float, float], covariance_rad2: Any = None
) -> dict[str, float]:
    """Electrical angles and direction, each with its standard deviation where there is one."""
    from ..doa import angle_information, angle_jacobian, cramer_rao, direction, wrapped_rad

    spacings: dict[str, float] = {
        "spacing_x_m": device.spacing_x_wavelengths,
        "spacing_y_m": device.spacing_y_wavelengths,
        "wavelength_m": 1.0,
    }
    theta_rad, phi_rad = direction(*psi_rad, **spacings)
    values = {
        "psi_x_over_pi": psi_rad[0] / np.pi,
        "psi_y_over_pi": psi_rad[1] / np.pi,
        "theta_deg": float(np.degrees(theta_rad)),
        "phi_deg": float(np.degrees(wrapped_rad(phi_rad + device.rotation_rad))),
    }
    if covariance_rad2 is None:
        return values
    of_angles = np.full((2, 2), np.nan)
    if not np.isnan(theta_rad):
        jacobian = angle_jacobian(theta_rad, phi_rad, **spacings)
        of_angles = cramer_rao(angle_information(np.linalg.inv(covariance_rad2), jacobian))
    of_psi, of_direction = (np.sqrt(np.diag(each)) for each in (covariance_rad2, of_angles))
    deviations = {
        "psi_x_deviation_over_pi": of_psi[0] / np.pi,
        "psi_y_deviation_over_pi": of_psi[1] / np.pi,
        "theta_deviation_deg": np.degrees(of_direction[0]),
        "phi_deviation_deg": np.degrees(of_direction[1]),
    }
    pairs = zip(values.items(), deviations.items(), strict=True)
    return {name: _if_known(name, float(value)) for pair in pairs for name, value in pair}


def _if_known(name: str, value: float) -> float:
    """NaN in place of a deviation that is as large as the range of its angle: it says nothing."""
    return value if value < _RANGES.get(name, np.inf) else np.nan
