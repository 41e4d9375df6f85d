"""What references take off: y(t) = g(t) (l + c h), made here, must give h back.

Without noise the model is inverted exactly, if the gain goes in straight lines of log amplitude and
phase between readings; 1e-12 is double precision.
"""

import dataclasses

import numpy as np
import pytest

from metastack.calibration.gain_drift import GainDrift
from metastack.calibration.references import (
    Measurement,
    Readings,
    Reference,
    check_measurement,
    corrected,
)
from metastack.errors import InputError

SLOTS, ANTENNAS, USERS, FREQUENCIES = 20, 2, 3, 4
PORTS = (ANTENNAS, USERS, FREQUENCIES)
RNG = np.random.default_rng(1)


def random_complex(*shape):
    return RNG.normal(size=(*shape, 2)) @ [1, 1j] / np.sqrt(2)


H = 0.1 * random_complex(SLOTS, *PORTS)
C = 0.5 + 0.1 * random_complex(*PORTS)
LEAK = 0.05 * random_complex(*PORTS)
TIMES = np.arange(SLOTS) + 1.0
# Times of readings, and ln g there: 1 dB and 100° in all, another at every frequency.
READ_AT = np.array([0.0, 7.5, 14.5, 21.0])
LOG_G = np.outer([0, 0.05, 0.08, 0.115], np.ones(FREQUENCIES)) + 1j * np.outer(
    [0, -0.5, -1.1, -1.75], 1 + 0.1 * np.arange(FREQUENCIES)
)
STATE = 0.2 * random_complex(*PORTS)


def gain(times):
    columns = [
        np.interp(times, READ_AT, ln.real) + 1j * np.interp(times, READ_AT, ln.imag)
        for ln in LOG_G.T
    ]
    return np.exp(np.transpose(columns))[:, None, None, :]


def readings(times, values):
    times = np.asarray(times, float)
    return Readings(times, gain(times) * values)


ALL = {
    Reference.REPEATED: readings(READ_AT, STATE),
    Reference.ALL_OFF: readings([0.2], LEAK),
    Reference.THROUGH: readings([20.5], C),
}


def measured(references, h=H, leak=LEAK, c=C):
    slots = readings(TIMES, leak + c * h)
    return Measurement(np.zeros((SLOTS, 1, 1)), slots, 28e9 + np.arange(4.0), references)


def refused(function, *arguments):
    with pytest.raises(InputError) as caught:
        function(*arguments)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_all_references_give_the_stack_alone():
    done = corrected(measured(ALL))
    np.testing.assert_allclose(done.received, H, rtol=0, atol=1e-12)
    assert done.leakage_from is Reference.ALL_OFF
    assert done.drift.span_db == pytest.approx(0.115 * 20 / np.log(10), rel=1e-9)
    assert done.drift.span_rad == pytest.approx(1.75 * 1.3, rel=1e-9)
    low, high = done.through_db
    assert low == pytest.approx(20 * np.log10(abs(C).min()), abs=1e-9)
    assert high == pytest.approx(20 * np.log10(abs(C).max()), abs=1e-9)
    assert done.warnings == ()


@pytest.mark.parametrize(
    ("left_out", "expected"),
    [
        (Reference.THROUGH, C * H),
        (Reference.ALL_OFF, H + LEAK / C),
    ],
)
def test_what_a_reference_does_not_tell_stays(left_out, expected):
    references = {each: reading for each, reading in ALL.items() if each is not left_out}
    done = corrected(measured(references))
    np.testing.assert_allclose(done.received, expected, rtol=0, atol=1e-12)


def test_without_references_nothing_changes():
    plain = measured({})
    np.testing.assert_array_equal(corrected(plain).received, plain.slots.received)


def test_all_off_counts_before_empty():
    """Empty has half of the leakage only: what all off tells is taken off."""
    references = {**ALL, Reference.EMPTY: readings([0.3], 0.5 * LEAK)}
    np.testing.assert_allclose(corrected(measured(references)).received, H, rtol=0, atol=1e-12)
    del references[Reference.ALL_OFF]
    done = corrected(measured(references))
    assert done.leakage_from is Reference.EMPTY
    np.testing.assert_allclose(done.received, H + 0.5 * LEAK / C, rtol=0, atol=1e-12)


def test_several_readings_of_a_reference_are_averaged():
    times = [0.1, 0.2]
    off = readings(times, LEAK + np.array([1, -1])[:, None, None, None] * 0.01)
    done = corrected(measured({**ALL, Reference.ALL_OFF: off}))
    np.testing.assert_allclose(done.received, H, rtol=0, atol=1e-12)


def test_a_leak_must_be_of_the_same_gain():
    """The gain of the first reading is the unit: drift is taken off references, too."""
    late = {**ALL, Reference.ALL_OFF: readings([20.9], LEAK)}
    np.testing.assert_allclose(corrected(measured(late)).received, H, rtol=0, atol=1e-12)


def test_drift_stands_still_beyond_its_readings():
    drift = GainDrift.of(READ_AT, gain(READ_AT) * STATE)
    np.testing.assert_allclose(drift.at(np.array([-5.0])), np.ones((1, FREQUENCIES)), atol=1e-12)
    np.testing.assert_allclose(drift.at(np.array([99.0]))[0], np.exp(LOG_G[-1]), atol=1e-12)


def test_the_common_gain_is_the_best_in_least_squares():
    """With noise at all ports, the gain is nearer than that of any one port; what is beyond a
    common gain is the noise's share, 1 %, less the degrees of freedom of g and the state."""
    many, ports = 50, 16
    g = np.exp(1j * np.linspace(0, 1, many))
    state = random_complex(ports)
    noise = 0.1 * random_complex(many, ports) * np.linalg.norm(state) / np.sqrt(ports)
    y = g[:, None] * state + noise
    found = GainDrift.of(np.arange(many, dtype=float), y.reshape(many, ports, 1, 1))
    error = np.std(found.at(np.arange(many, dtype=float))[:, 0] / g)
    each = [np.std(y[:, p] / y[0, p] / g) for p in range(ports)]
    assert error < min(each)
    expected = 0.01 / 1.01 * (many - 1) * (ports - 1) / (many * ports)
    assert found.beyond == pytest.approx(expected, rel=0.2)  # 735 complex numbers: 3.7 %


def test_noise_of_references_is_counted():
    """Monte Carlo: the mean square error of h over draws of all noise is what is promised, once the
    best factor of each frequency is out: the first reading is the unit of the gain, and its own
    error, which scales all alike, is not noise to a calibration with an unknown gain. 200 draws of
    480 numbers that share references deviate by some 2 %; the factors take 1 %."""
    sigma2, clean = 1e-6, measured(ALL)
    errors, promised = [], []
    for _ in range(200):
        drawn = {each: _noisy(reading, sigma2) for each, reading in ALL.items()}
        done = corrected(
            dataclasses.replace(
                clean,
                slots=_noisy(clean.slots, sigma2),
                references={**drawn, Reference.THROUGH: ALL[Reference.THROUGH]},
                noise_variance=sigma2,
            )
        )
        overlap = np.sum(np.conj(H) * done.received, axis=(0, 1, 2))
        scaled = overlap / np.sum(abs(H) ** 2, axis=(0, 1, 2)) * H
        errors.append(np.mean(abs(done.received - scaled) ** 2))
        promised.append(np.mean(done.noise_variance))
    assert np.mean(promised) == pytest.approx(np.mean(errors), rel=0.05)


def _noisy(reading, sigma2):
    return Readings(
        reading.times, reading.received + np.sqrt(sigma2) * random_complex(*reading.received.shape)
    )


# --- what contradicts


def test_ports_that_drift_apart_are_warned_of():
    apart = np.exp(1j * np.arange(4)[:, None] * np.array([0, 1, 0, 0, -1, 0])).reshape(4, 2, 3, 1)
    done = corrected(measured({Reference.REPEATED: Readings(READ_AT, apart * STATE)}))
    assert "not explained by a gain that all ports share" in done.warnings[0]


def test_readings_too_seldom_are_warned_of():
    fast = np.exp(2j * np.arange(4))[:, None, None, None] * STATE
    done = corrected(measured({Reference.REPEATED: Readings(READ_AT, fast)}))
    assert "turns by 115° from one reading" in done.warnings[0]


def test_more_than_the_through_is_warned_of():
    done = corrected(measured({Reference.THROUGH: readings([0.0], 0.05 * C)}))
    assert "dB more than the through reference" in done.warnings[0]


@pytest.mark.parametrize(
    ("references", "said"),
    [
        ({Reference.ALL_OFF: readings([0], 10 * LEAK)}, "`all_off` must be weaker than what slots"),
        ({Reference.EMPTY: readings([0], 10 * LEAK)}, "`empty` must be weaker than what slots rec"),
        (
            {Reference.ALL_OFF: readings([0], 0.1 * LEAK), Reference.EMPTY: readings([0], LEAK)},
            "`empty` must not be stronger than `all_off`",
        ),
        (
            {Reference.ALL_OFF: readings([0], LEAK), Reference.THROUGH: readings([0], 0.1 * LEAK)},
            "`through` must be stronger than what leaks, but is 20.0 dB weaker: are the references",
        ),
        ({Reference.THROUGH: readings([0], C * [0, 1, 1, 1])}, "must have something at every port"),
        ({Reference.THROUGH: readings([0], C * np.nan)}, "`through` must be finite"),
        ({Reference.REPEATED: readings([0], STATE)}, "at least twice, but is measured 1 times"),
        ({Reference.REPEATED: readings([0, 0], STATE)}, "must differ in time"),
        ({Reference.REPEATED: readings([0, 1], 0 * STATE)}, "must receive something every time"),
    ],
)
def test_references_that_contradict_are_refused(references, said):
    assert said in refused(corrected, measured(references))


def test_shapes_that_do_not_fit_are_refused():
    other = {Reference.THROUGH: Readings(np.zeros(1), np.ones((1, 3, 1, FREQUENCIES), complex))}
    assert "as the slots, (2, 3, 4), but is (3, 1, 4)" in refused(
        check_measurement, measured(other)
    )
    one = {Reference.THROUGH: Readings(np.zeros(1), np.ones((1, 1, 1, FREQUENCIES), complex))}
    check_measurement(measured(one))
