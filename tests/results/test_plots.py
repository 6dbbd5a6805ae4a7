"""Pictures: what they show, and on which axes."""

from types import SimpleNamespace

from matplotlib.figure import Figure
import matplotlib.pyplot as plt
import numpy as np
from numpy.testing import assert_allclose
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import GLLAMM
from statsmodels_gllamm.results.plots import plot_random_effects
from statsmodels_gllamm.results.posterior_table import latent


def results(rng, groups, formula="y ~ x + (x | id)", params=(0.1, 0.2, 1.0, 0.2, 0.5)):
    n = 4 * groups
    data = pd.DataFrame({"id": np.repeat(np.arange(groups), 4), "x": rng.normal(size=n),
                         "y": rng.integers(0, 2, n)})
    data["school"] = data.id // 5
    model = GLLAMM.from_formula(formula, data, family=sm.families.Binomial())
    working = model.design.to_working(np.array(params))
    record = SimpleNamespace(working=working, n_quad=(5,) * len(model.design.q),
                             integration="adaptive")
    return SimpleNamespace(model=model, record=record)


def texts(axis):
    return [label.get_text() for label in axis.get_yticklabels()]


def test_panels_are_sorted_means_with_intervals(rng):
    res = results(rng, 12)
    figure = plot_random_effects(res)
    assert isinstance(figure, Figure)
    frame = latent(res)
    assert [a.get_title() for a in figure.axes] == ["Intercept[id]", "x[id]"]
    for axis, name in zip(figure.axes, ("Intercept", "x")):
        ordered = frame.sort_values(name)
        assert texts(axis) == [str(i) for i in ordered.index]
        lines, points = axis.collections
        assert_allclose(points.get_offsets()[:, 0], ordered[name])
        ends = np.array([segment[:, 0] for segment in lines.get_segments()])
        half = 1.959963984540054 * ordered[f"se[{name}]"]
        assert_allclose(ends, np.column_stack([ordered[name] - half, ordered[name] + half]))


def test_many_clusters_have_no_labels(rng):
    res = results(rng, 300, "y ~ x + (1 | school/id)", (0.1, 0.2, 1.0, 0.5))
    figure = plot_random_effects(res)
    assert len(figure.axes) == 2
    few, many = plot_random_effects(res, "school").axes, plot_random_effects(res, "school:id").axes
    assert len(texts(few[0])) == 60 and texts(many[0]) == []
    assert many[0].get_ylabel() == "school:id (300, sorted)"
    assert figure.get_figheight() == few[0].figure.get_figheight() > many[0].figure.get_figheight()


def test_clusters_of_several_columns_are_named(rng):
    res = results(rng, 10, "y ~ x + (1 | school/id)", (0.1, 0.2, 1.0, 0.5))
    (axis,) = plot_random_effects(res, "school:id", kind="mode").axes
    assert sorted(texts(axis))[-1] == "1:9"
    assert axis.get_xlabel() == "posterior mode with 95% interval"


def test_given_axes(rng):
    res = results(rng, 8)
    figure, axes = plt.subplots(2)
    assert plot_random_effects(res, ax=axes, level=0.9) is figure
    assert axes[0].get_xlabel() == "posterior mean with 90% interval"
    with pytest.raises(ValueError, match=r"1 Axes but there are 2 .*Intercept\[id\], x\[id\]"):
        plot_random_effects(res, ax=axes[0])


def test_variance_of_zero_and_weight_of_zero(rng):
    res = results(rng, 8, params=(0.1, 0.2, 1.0, 0.0, 0.0))
    plot_random_effects(res).canvas.draw()
    data = res.model.data.frame.assign(w=lambda d: (d.id != 3) * 1.0)
    res.model = GLLAMM.from_formula("y ~ x + (x | id)", data, family=sm.families.Binomial(),
                                    freq_weights={"id": "w"})
    assert len(texts(plot_random_effects(res).axes[0])) == 7


def test_errors(rng):
    with pytest.raises(ValueError, match="no group 'school'"):
        plot_random_effects(results(rng, 8), "school")
    with pytest.raises(ValueError, match="level must be between 0 and 1, not 95"):
        plot_random_effects(results(rng, 8), level=95)
    with pytest.raises(ValueError, match="no latent variables to plot"):
        plot_random_effects(results(rng, 8, "y ~ x", (0.1, 0.2)))
