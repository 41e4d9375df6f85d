"""The same pilots once more, in plain NumPy: the oracle of derivatives and bounds."""

import equinox as eqx
import numpy as np

from metastack import Pose
from metastack.calibration import FromInputPorts, OntoFirstLayer, OntoInputLayer, SphericalWaves


def turn(rx_rad, ry_rad, rz_rad):
    """First about x, then about y, then about z."""
    (cx, sx), (cy, sy), (cz, sz) = ((np.cos(a), np.sin(a)) for a in (rx_rad, ry_rad, rz_rad))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def applied(unknowns, values):
    """The stack and its users with these values of its unknowns."""
    moved = np.asarray(values) * unknowns.unit
    poses = {name: np.array(dof) for name, dof in vars(unknowns.stack.poses).items()}
    for name, plane, step in zip(
        np.array(list(poses))[list(unknowns.freedoms)], unknowns.planes, moved, strict=False
    ):
        poses[name][plane] += step
    stack = eqx.tree_at(lambda s: s.poses, unknowns.stack, Pose(**poses))
    of_users = moved[len(unknowns.planes) :]
    if not of_users.size:
        return stack, unknowns.illumination
    at = np.asarray(unknowns.illumination.waves.coordinates)
    there = at + of_users.reshape(at.shape)
    return stack, eqx.tree_at(lambda i: i.waves.coordinates, unknowns.illumination, there)


def points_and_normal(stack, plane):
    """Where the elements of a plane are, x fastest, and which way it faces."""
    arrays = [stack.input_array, *[stack.layer_array] * stack.layers, stack.receiver_array]
    array = arrays[plane]
    poses = [np.asarray(dof)[plane] for dof in vars(stack.poses).values()]
    x, y = (
        (np.arange(many) - (many - 1) / 2) * spacing_m
        for many, spacing_m in (
            (array.columns, array.spacing_x_m),
            (array.rows, array.spacing_y_m),
        )
    )
    grid = np.stack([*np.meshgrid(x, y), np.zeros((array.rows, array.columns))], axis=-1)
    rotation = turn(*poses[3:])
    height_m = np.sum(np.asarray(stack.gaps_m)[:plane])
    return grid.reshape(-1, 3) @ rotation.T + [*poses[:2], poses[2] + height_m], rotation[:, 2]


def hop(stack, plane):
    """Rayleigh-Sommerfeld from a plane to the next, with the area of one cell of the layers."""
    (start, normal), (end, _) = (points_and_normal(stack, each) for each in (plane, plane + 1))
    wavelength_m = stack.wavelength_m
    area_m2 = stack.layer_array.spacing_x_m * stack.layer_array.spacing_y_m
    d = end[:, None] - start
    r = np.linalg.norm(d, axis=-1)
    wave = np.exp(2j * np.pi * r / wavelength_m)
    return area_m2 * (d @ normal) / r**2 * (1 / (2 * np.pi * r) - 1j / wavelength_m) * wave


def waves_at(waves, points, wavelength_m):
    """Users' fields, each over its own value at the origin."""
    at = np.asarray(waves.coordinates)
    if isinstance(waves, SphericalWaves):
        origin_m, r = np.linalg.norm(at, axis=1), np.linalg.norm(points[:, None] - at, axis=-1)
        return origin_m / r * np.exp(2j * np.pi * (r - origin_m) / wavelength_m)
    along = np.column_stack([at, np.sqrt(1 - np.sum(at**2, axis=1))])
    return np.exp(2j * np.pi * points @ along.T / wavelength_m)


def links(stack, illumination):
    """A_0 … A_L."""
    hops = [hop(stack, plane) for plane in range(stack.layers + 1)]
    match illumination:
        case FromInputPorts():
            first = hops[0]
        case OntoFirstLayer(waves):
            first = waves_at(waves, points_and_normal(stack, 1)[0], stack.wavelength_m)
        case OntoInputLayer(waves):
            points, _ = points_and_normal(stack, 0)
            first = hops[0] @ waves_at(waves, points, stack.wavelength_m)
    return [first, *hops[1:]]


def pilots(stack, illumination, transmission):
    """Slots x antennas x users, by products of matrices."""
    field, *others = links(stack, illumination)
    for shown, matrix in zip(np.moveaxis(np.asarray(transmission), 1, 0), others, strict=True):
        field = matrix @ (shown[..., None] * field)
    return field


def central_differences(function, values, step=0.1):
    """Derivatives on the last axis, of fourth order.

    Of functions that go through a turn in a hundred units of their unknowns they leave out
    (2π step / 100)^4 / 30 of a derivative, 1e-9; the fifth derivative of what goes faster is more.
    """
    columns = []
    for along in step * np.eye(len(values)):
        near, far = (function(values + k * along) - function(values - k * along) for k in (1, 2))
        columns.append((8 * near - far) / (12 * step))
    return np.stack(columns, axis=-1)


def real_rows(values):
    """Complex responses as real numbers, the last axis kept."""
    flat = values.reshape(-1, values.shape[-1])
    return np.concatenate([flat.real, flat.imag])


def information(unknowns, plan, noise_variance, reached_by_gain):
    """Fisher's, by central differences; `reached_by_gain` are responses that unknown gains reach.

    What gains can do is taken out of the derivatives by orthogonal projection, in real numbers.
    """
    transmission = np.exp(1j * plan.phases_rad)

    def responses(values):
        return pilots(*applied(unknowns, values), transmission)

    J = real_rows(central_differences(responses, np.zeros(unknowns.size)))
    gains = reached_by_gain(responses(np.zeros(unknowns.size)))
    basis, _ = np.linalg.qr(real_rows(np.concatenate([gains, 1j * gains], axis=-1)))
    J = J - basis @ (basis.T @ J)
    return 2 / noise_variance * J.T @ J


def one_gain(y):
    """What one gain reaches: the responses themselves."""
    return y[..., None]


def gain_per_port(y):
    """What a gain for each antenna and user reaches."""
    ports = np.eye(y[0].size).reshape(1, *y[0].shape, y[0].size)
    return y[..., None] * ports


def link_grams(unknowns):
    """Re tr(∂_p Aᴴ ∂_q A) / ||A||² of every matrix, by central differences."""
    nominal, grams = np.zeros(unknowns.size), []
    for number, matrix in enumerate(links(*applied(unknowns, nominal))):
        slopes = central_differences(lambda at, n=number: links(*applied(unknowns, at))[n], nominal)
        parts = real_rows(slopes)
        grams.append(parts.T @ parts / np.sum(np.abs(matrix) ** 2))
    return np.array(grams)


def bayesian_bound(unknowns, plan, noise_variance):
    """Least mean NMSE of the matrices between layers, one gain unknown: after and before."""
    table = information(unknowns, plan, noise_variance, one_gain) + np.diag(unknowns.precision)
    wanted = link_grams(unknowns)[1:-1].mean(axis=0)
    return np.trace(np.linalg.solve(table, wanted)), np.trace(wanted)
