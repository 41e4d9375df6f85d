"""What the spacing of the receivers does to the fit: the verdicts of Fig. 11a and 12a."""

import numpy as np
import xarray as xr

from ..study import Judgement, Verdict
from .receivers import EXACT_DB, listed, reaching

_ALONG = "receiver_spacing_wavelengths"
# The paper's own spacing, and up to which it calls receivers too close.
_USUAL, _CLOSE = 0.5, 0.3


def judge_spacing(data: xr.Dataset, able_layers: int, error_db: float) -> list[Verdict]:
    """Few layers, then each able number of layers, then what our method makes of close receivers.

    `able_layers`: from how many layers on an error of `error_db` is to be expected at half a
    wavelength.
    """
    able = [int(l) for l in data.layers.values if l >= able_layers]
    return [
        _judge_few(data, error_db),
        *(_judge_able(data, layers, error_db) for layers in able),
        *_judge_ours(data),
    ]


def _judge_few(data: xr.Dataset, error_db: float) -> Verdict:
    few = int(data.layers.min())
    least_db = float(data.nmse_db.sel(layers=few).min())
    return Verdict(
        Judgement.AGREES if least_db > error_db else Judgement.DIFFERS,
        f"With {few} layer{'s' * (few > 1)} no start at any spacing gets below {least_db:.1f} dB; "
        "the paper too finds that few layers cannot fit.",
    )


def _judge_able(data: xr.Dataset, layers: int, error_db: float) -> Verdict:
    """At half a wavelength it is to work, closer than a third it is not: the paper's figure."""
    one = data.sel(layers=layers)
    works = reaching(one, _ALONG, error_db)
    close = [value for value in works if value <= _CLOSE]
    agrees = _USUAL in works and not close
    usual = one.nmse_db.sel({_ALONG: _USUAL}).values
    share = float(np.mean(usual < error_db))
    close_db = float(one.nmse_db.where(one[_ALONG] <= _CLOSE).min())
    return Verdict(
        Judgement.AGREES if agrees else Judgement.DIFFERS,
        f"{layers} layers: the median start of the paper's descent is below {error_db:g} dB at "
        f"spacings of {listed(works)} λ. At λ/2 {share:.0%} of {usual.size} starts are (median "
        f"{np.median(usual):.0f} dB); at {_CLOSE:g} λ or less the best start has "
        f"{close_db:.0f} dB.",
    )


def _judge_ours(data: xr.Dataset) -> list[Verdict]:
    known = np.isfinite(data.our_nmse_db).any([_ALONG, "our_start"]).values
    return [_judge_ours_of(data.sel(layers=l), int(l)) for l in data.layers.values[known]]


def _judge_ours_of(data: xr.Dataset, layers: int) -> Verdict:
    """That it fits close receivers is half of it: what power is left is the other."""
    exact = data.our_nmse_db.median("our_start") < EXACT_DB
    works, theirs = data[_ALONG].values[exact.values].tolist(), reaching(data, _ALONG, EXACT_DB)
    losses_db = data.our_insertion_loss_db.median("our_start")
    closest, usual = float(losses_db[0]), float(losses_db.sel({_ALONG: _USUAL}))
    return Verdict(
        Judgement.BETTER if len(works) > len(theirs) else Judgement.DIFFERS,
        f"{layers} layers, our method: below {EXACT_DB:g} dB at spacings of {listed(works)} λ. Its "
        f"loss is {usual:.0f} dB at λ/2 and {closest:.0f} dB at {float(data[_ALONG][0]):g} λ: "
        "close receivers can be told apart, but at the price of power.",
    )
