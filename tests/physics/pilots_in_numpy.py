"""The same pilots once more, in plain NumPy: the oracle of derivatives and bounds."""

import numpy as np

from metastack.calibration import FromInputPorts, OntoFirstLayer, OntoInputLayer, SphericalWaves


def turn(rx_rad, ry_rad, rz_rad):
    """First about x, then about y, then about z."""
    (cx, sx), (cy, sy), (cz, sz) = ((np.cos(a), np.sin(a)) for a in (rx_rad, ry_rad, rz_rad))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


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
    first, *others = links(stack, illumination)
    received = []
    for shown in np.asarray(transmission):
        field = first
        for t, matrix in zip(shown, others, strict=True):
            field = matrix @ (t[:, None] * field)
        received.append(field)
    return np.array(received)


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
