"""Small unbalanced data frames, and parameters to try on them."""
import numpy as np
import pandas as pd


def nested_frame(rng, n_top=4, n_mid=3, most_rows=5):
    """Items in persons ``g`` in schools ``s``: labels in no order, clusters of different sizes."""
    rows = []
    for s in rng.permutation(n_top):
        for k in range(1 + rng.integers(n_mid)):
            for item in range(2 + rng.integers(most_rows - 1)):
                rows.append((f"s{s}", f"p{s}{k}", "abc"[item % 3]))
    data = pd.DataFrame(rows, columns=["s", "g", "item"])
    data["x"] = rng.normal(size=len(data))
    data["z"] = rng.integers(0, 2, len(data)).astype(float)
    data["binary"] = rng.integers(0, 2, len(data))
    data["count"] = rng.poisson(1.5, len(data))
    data["number"] = rng.normal(size=len(data)) + data["x"]
    data["positive"] = rng.gamma(2.0, 0.5, len(data))
    return data


def random_params(model, rng, centre=0.0, slope=0.5, sd=1.0):
    """Natural parameters away from any optimum.

    ``centre`` the intercept, ``slope`` the size of the other coefficients, ``sd`` about the standard
    deviation of each latent variable.
    """
    design = model.design
    params = np.empty(design.layout.size)
    for at, block in zip(design.layout.slices(), design.layout.blocks):
        if block.kind == "coef":
            params[at] = rng.uniform(-slope, slope, block.size)
            params[at.start] += centre
        elif block.kind == "lambda":
            params[at] = rng.uniform(0.5, 1.4, block.size)
        elif block.kind in ("gamma", "b"):
            params[at] = rng.uniform(-slope, slope, block.size)
        elif block.kind == "aux":
            params[at] = rng.uniform(-0.8, 0.3, block.size)
    for at, cov in design.cov_slices():
        root = sd * np.tril(rng.normal(size=(cov.q, cov.q)) * 0.3 + np.eye(cov.q))
        psi = root @ root.T
        for i, variance in enumerate(cov.fixed):
            if variance is not None:
                scale = np.sqrt(variance / psi[i, i])
                psi[i], psi[:, i] = psi[i] * scale, psi[:, i] * scale
        params[at] = [psi[i, j] for i, j in cov.pairs()]
    return params


def slope_along(function, x, direction, h=1e-3):
    """Derivative of ``function`` at ``x`` along ``direction``, by fourth-order central differences."""
    up, down = function(x + h * direction), function(x - h * direction)
    up2, down2 = function(x + 2 * h * direction), function(x - 2 * h * direction)
    return (8 * (up - down) - (up2 - down2)) / (12 * h)
