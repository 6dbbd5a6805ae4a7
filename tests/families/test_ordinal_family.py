"""From data to outcomes: categories, thresholds by column, names, and what is refused."""
import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pandas as pd
import pytest
import statsmodels.api as sm

from statsmodels_gllamm.exceptions import DataError
from statsmodels_gllamm.families.base import FamilyData
from statsmodels_gllamm.families.ordinal import Ordinal


def data(endog, thresholds=None, dispersion=None, categories=None, index=None):
    n = len(endog) if endog is not None else len(thresholds)
    designs = {"thresholds": pd.DataFrame({"Intercept": np.ones(n)} if thresholds is None
                                          else thresholds)}
    if dispersion is not None:
        designs["dispersion"] = pd.DataFrame(dispersion, index=range(n))
    endog = None if endog is None else np.asarray(endog, dtype=float)
    return FamilyData(endog, pd.Index(range(n) if index is None else index), designs=designs,
                      categories=categories)


def items(*lengths):
    """Indicators of items with so many rows each."""
    item = np.repeat(np.arange(len(lengths)), lengths)
    return {f"item[{'ABCD'[k]}]": (item == k) * 1.0 for k in range(len(lengths))}


def lay_out(family, sample):
    fitted = family.fitted(sample)
    return fitted, fitted.outcomes(sample)


def predictors(out, values):
    """Auxiliary predictors (m, n) of named parameter values, as the terms say."""
    aux = np.zeros((len(out.aux_names), len(out.aux[0].values)))
    for block in out.aux:
        for name, column, number in block.terms:
            aux[number] += values[name] * block.values[:, column]
    return aux


def test_one_set_of_thresholds():
    sample = data([2, 1, 5, 2.5, 1, 5])
    fitted, out = lay_out(Ordinal(), sample)
    member, = out.members
    assert list(map(repr, member.response.categories)) == ["1", "2", "2.5", "5"]
    assert member.response.name == fitted.name == "Ordinal(logit)"
    assert_array_equal(member.y, [[2, 1, 5, 2.5, 1, 5], [1, 0, 3, 2, 0, 3], [0] * 6, [3] * 6])
    block, = out.aux
    assert block.terms == (("cut[1|2]", 0, 0), ("cut[2|2.5]", 0, 1), ("cut[2.5|5]", 0, 2))
    assert out.aux_names == ("cut1", "cut2", "cut3")
    assert out.rows is None and out.part is None and out.sets is None
    assert fitted.fitted(sample) == fitted


def test_needs():
    plain = Ordinal().needs()
    assert plain.formulas == {"thresholds": "1"}
    assert plain.categorical and plain.ordered
    assert plain.without_intercept == {"exog", "dispersion"}
    scaled = Ordinal("probit", "continuation").needs(dispersion="x", thresholds="0 + item")
    assert scaled.formulas == {"thresholds": "0 + item", "dispersion": "x"}


def test_labels_of_codes():
    sample = data([0, 3, 3, 1], categories=("none", "some", "unused", "many"))
    fitted, out = lay_out(Ordinal("probit"), sample)
    response = out.members[0].response
    assert response.categories == ("none", "some", "many")
    assert_array_equal(out.members[0].y[:2], [[0, 2, 2, 1], [0, 2, 2, 1]])
    assert [name for name, _, _ in out.aux[0].terms] == ["cut[none|some]", "cut[some|many]"]
    new = data([2.0], categories=sample.categories, index=["r7"])
    with pytest.raises(DataError, match="response is unused in row r7: the estimation sample"):
        fitted.outcomes(new)
    numeric = data([0, 2, 1], categories=(10, 20, 30))
    assert_array_equal(lay_out(Ordinal(), numeric)[1].members[0].y[0], [10, 30, 20])


def test_steps_are_named_as_such():
    family = Ordinal("probit", increments=True)
    _, out = lay_out(family, data([0, 1, 2, 3]))
    assert [t[0] for t in out.aux[0].terms] == ["cut[0|1]", "logstep[1|2]", "logstep[2|3]"]
    assert out.aux_names == ("cut1", "logstep2", "logstep3")
    _, out = lay_out(family, data([0, 1, 2, 3, 1, 2, 3], items(4, 3), {"x": [0, 1.0] * 3 + [0]}))
    assert [t[0] for t in out.aux[0].terms] == [
        "cut[item[A],0|1]", "logstep[item[A],1|2]", "logstep[item[A],2|3]", "cut[item[B],1|2]",
        "logstep[item[B],2|3]"]
    assert out.aux_names == ("cut1", "logstep2", "logstep3", "logscale")


def test_whole_numbers_are_ints():
    """In labels, probabilities' columns and simulated responses, however they are stored."""
    for sample in (data([1, 2, 3, 2]), data([0, 1, 2, 1], categories=(1.0, 2.0, 3.0))):
        fitted, out = lay_out(Ordinal(), sample)
        assert list(map(repr, fitted.prob_labels(sample))) == ["1", "2", "3"]
        assert [t[0] for t in out.aux[0].terms] == ["cut[1|2]", "cut[2|3]"]
        value = fitted.simulate(np.random.default_rng(0), np.array([[-9.0, 0, 9, 9]]),
                                np.array([[-4.0] * 4, [4.0] * 4]), sample)
        assert value.dtype.kind == "i" and value.tolist() == [1, 2, 3, 3]


def test_means_are_of_labels_in_any_order():
    sample = data([0, 1, 2, 1], categories=(30, 20, 10))
    fitted, out = lay_out(Ordinal(), sample)
    aux = np.array([[-1.0] * 4, [1.0] * 4])
    p = fitted.conditional("prob", np.zeros((1, 4)), aux, sample)
    mean = np.array([30, 20, 10]) @ p
    assert_allclose(fitted.conditional("mean", np.zeros((1, 4)), aux, sample), mean)
    variance = np.array([900, 400, 100]) @ p - mean**2
    assert_allclose(fitted.conditional("var", np.zeros((1, 4)), aux, sample), variance)
    drawn = fitted.simulate(np.random.default_rng(0), np.full((1, 4), 50.0), aux, sample)
    assert drawn.tolist() == [10] * 4


@pytest.mark.parametrize(("name", "own"), [
    ("Logit", "logit"), ("Probit", "probit"), ("CLogLog", "cloglog"), ("LogLog", "loglog"),
    ("Cauchy", "cauchit")])
def test_links_of_statsmodels(name, own):
    link = getattr(sm.families.links, name)
    assert Ordinal(link) == Ordinal(link()) == Ordinal(own)
    assert Ordinal(link=link()).name == f"Ordinal({own})"
    response = Ordinal(link).fitted(data([0, 1, 1, 0])).response()
    p = response.probabilities(np.array([0.3]), np.array([[-0.4]]))[0]  # F(cut - nu)
    assert_allclose(p, link().inverse(-0.4 - 0.3), rtol=1e-12)


def test_items_of_different_lengths():
    endog = [0, 1, 2, 3,   0, 1, 1,   1, 3, 3, 1]
    sample = data(endog, items(4, 3, 4))
    _, out = lay_out(Ordinal(), sample)
    names = [name for name, _, _ in out.aux[0].terms]
    assert names == ["cut[item[A],0|1]", "cut[item[A],1|2]", "cut[item[A],2|3]",
                     "cut[item[B],0|1]", "cut[item[C],1|3]", "cut[item[C],1|3]"]
    assert out.aux[0].terms[-2:] == (("cut[item[C],1|3]", 2, 1), ("cut[item[C],1|3]", 2, 2))
    y = out.members[0].y
    assert y.shape[0] == 4
    assert_array_equal(y[2], [0] * 7 + [1] * 4)
    assert_array_equal(y[3], [3] * 4 + [1] * 3 + [3] * 4)


@pytest.mark.parametrize("kind", ["cumulative", "adjacent", "continuation"])
@pytest.mark.parametrize("increments", [False, True])
def test_each_item_is_a_model_of_its_own(kind, increments):
    """Items with gaps have the likelihood of their own categories, coded without gaps."""
    if increments and kind != "cumulative":
        return
    endog = np.array([0, 1, 2, 3,   0, 1, 1, 0,   0, 3, 3, 1])
    family = Ordinal(kind=kind, increments=increments)
    _, out = lay_out(family, data(endog, items(4, 4, 4)))
    member, = out.members
    rng = np.random.default_rng(1)
    values = {}
    for name, _, _ in out.aux[0].terms:
        values.setdefault(name, np.sort(rng.normal(0, 1, 9))[len(values) % 3 * 4])
    nu = rng.normal(0, 1, 12)
    density = member.response.log_density(
        member.y, nu, member.response.row_aux(member.y, predictors(out, values)))
    assert np.isfinite(density).all()
    step = "logstep" if increments else "cut"
    gap = {"cut[item[C],0|1]", f"{step}[item[C],1|3]"}
    assert gap < set(values)
    for k, letter in enumerate("ABC"):
        rows = slice(4 * k, 4 * k + 4)
        own = np.unique(endog[rows], return_inverse=True)[1]
        _, alone = lay_out(family, data(own))
        mine = [v for name, v in values.items() if f"[{letter}]" in name]
        if letter == "C" and kind == "adjacent":
            # one more category than its codes tell: nu counts twice from 1 to 3
            scores = np.array([0, 1, 3.0])
            d = np.concatenate([[0], np.cumsum([mine[0], 2 * mine[1]])])
            logits = np.multiply.outer(nu[rows], scores) - d
            p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            assert_allclose(density[rows], np.log(p[np.arange(4), own]), rtol=1e-12)
            continue
        other = alone.members[0]
        aux = np.repeat(np.array(mine)[:, None], 4, axis=1)
        expected = other.response.log_density(other.y, nu[rows],
                                              other.response.row_aux(other.y, aux))
        assert_allclose(density[rows], expected, rtol=1e-12)


def test_covariates_of_thresholds_add_up():
    rng = np.random.default_rng(2)
    x = rng.normal(0, 1, 40)
    x[:20] = 0
    endog = np.concatenate([np.arange(20) % 4, np.arange(20) % 3])
    sample = data(endog, {"Intercept": np.ones(40), "x": x})
    _, out = lay_out(Ordinal(), sample)
    terms = out.aux[0].terms
    assert [t[0] for t in terms] == [
        "cut[Intercept,0|1]", "cut[Intercept,1|2]", "cut[Intercept,2|3]", "cut[x,0|1]",
        "cut[x,1|2]"]
    assert_array_equal(out.members[0].y[3], [3] * 20 + [2] * 20)


def test_dispersion():
    sample = data([0, 1, 2, 1], dispersion={"x": [0.0, 1, 0, 1]})
    _, out = lay_out(Ordinal("probit", "cumulative"), sample)
    assert out.members[0].response.scaled
    assert out.aux_names == ("cut1", "cut2", "logscale")
    assert out.aux[1].key == "dispersion"
    assert out.aux[1].terms == (("logscale[x]", 0, 2),)
    assert_array_equal(out.aux[1].values[:, 0], [0, 1, 0, 1])
    for kind in ("adjacent", "continuation"):
        assert lay_out(Ordinal(kind=kind), sample)[1].members[0].response.scaled


def test_rows_to_predict():
    sample = data([0, 1, 2, 0, 1, 0, 1, 3, 3, 0], items(3, 4, 3))
    for family, gaps in ((Ordinal(), False), (Ordinal(kind="adjacent"), True)):
        fitted = family.fitted(sample)
        new = data(None, {k: v[[0, 4, 9]] for k, v in sample.designs["thresholds"].items()})
        out = fitted.outcomes(new)
        member, = out.members
        assert_array_equal(member.y[2:4], [[0, 0, 0], [2, 1, 3]])
        assert (len(member.y) > 4) is gaps
        values = {name: float(k) for k, (name, _, _) in enumerate(out.aux[0].terms)}
        p = member.response.probabilities(np.zeros(3), predictors(out, values), member.y)
        assert_allclose(p.sum(axis=0), 1)
        assert_array_equal(p[3, :2], 0.0)
        assert p[2, 1] == 0 and p[3, 2] > 0
        assert p[1, 2] == p[2, 2] == 0  # not observed of item C
        assert [t[0] for t in out.aux[0].terms] == [
            t[0] for t in fitted.outcomes(sample).aux[0].terms]


def test_columns_that_are_zero_on_the_rows_have_no_thresholds():
    design = items(3, 3) | {"item[other]": np.zeros(6)}
    _, out = lay_out(Ordinal(), data([0, 1, 2, 0, 1, 2], design))
    assert {column for _, column, _ in out.aux[0].terms} == {0, 1}


@pytest.mark.parametrize("sample, message", [
    (data([3, 3, 3]), r"one category, 3, in all rows"),
    (data([0, 1, 1, 1], items(2, 2)), r"one category, 1, in all rows where the column 'item\[B\]'"),
    (data([0, 1, 2, 1], {"x": [1, 1, 0, 2]}), "are zero in row 2, whose thresholds would all be"),
    (data([[0, 1], [1, 0]]), r"not of shape \(2, 2\)"),
])
def test_refused_samples(sample, message):
    with pytest.raises(DataError, match=message):
        Ordinal().fitted(sample)


def test_refused_rows():
    sample = data([0, 1, 2, 0, 1, 1], items(3, 3), index=list("abcdef"))
    fitted = Ordinal().fitted(sample)
    new = data([0, 2], {k: v[[0, 3]] for k, v in sample.designs["thresholds"].items()},
               index=["a", "d"])
    with pytest.raises(DataError, match="is 2 in row d: the estimation sample has no such"):
        fitted.outcomes(new)
    with pytest.raises(DataError, match="is 1.5 in row d: the categories are 0, 1, 2"):
        fitted.outcomes(data([0, 1.5], new.designs["thresholds"], index=["a", "d"]))
    apart = Ordinal().fitted(data([0, 1, 2, 3], items(2, 2)))
    both = data(None, {"item[A]": [1.0], "item[B]": [1.0]}, index=["z"])
    with pytest.raises(DataError, match="no category in row z: .* none in common"):
        apart.outcomes(both)
    with pytest.raises(ValueError, match="call fitted first"):
        Ordinal().outcomes(sample)


@pytest.mark.parametrize("arguments, message", [
    ({"link": "log"}, r"Ordinal\(link=...\) is one of logit, probit, cloglog, .*not 'log'"),
    ({"link": None}, "not None"),
    ({"link": sm.families.links.Log()}, r"one of logit, .*, cauchit, not <"),
    ({"link": sm.families.links.Sqrt}, r"one of logit, .*, cauchit, not <"),
    ({"link": 3}, r"one of logit, .*, cauchit, not 3"),
    ({"kind": "adjacent", "link": sm.families.links.Probit()}, "not probit"),
    ({"kind": "nominal"}, "one of cumulative, adjacent, continuation, not 'nominal'"),
    ({"kind": "adjacent", "link": "probit"}, "Adjacent categories have the logit link"),
    ({"kind": "continuation", "increments": True}, "increments=True is for kind='cumulative'"),
])
def test_refused_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Ordinal(**arguments)


def test_names():
    assert Ordinal("probit", kind="continuation").name == "Ordinal(probit, continuation)"
    assert Ordinal(kind="adjacent").name == "Ordinal(logit, adjacent)"
    assert repr(Ordinal("loglog")) == "Ordinal(link='loglog', kind='cumulative', increments=False)"
