"""Far tails: finite, silent and right where the mathematics is; minus infinity where it is not."""
import warnings

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
import pytest
import statsmodels.api as sm

from statsmodels_gllamm import families
from statsmodels_gllamm.responses import as_response, tails
from tests.responses.cases import CASES, F, L

FAR = np.array([-700.0, -100.0, -40.0, 40.0, 100.0, 700.0])

# mpmath 1.4.1, 1200 digits, central differences with a step of 1e-100: log F and its first,
# second and third derivative
REFERENCE = {
    "LOGISTIC": {
        -700.0: (-700.0, 1.0, -9.8596765437597709e-305, -9.8596765437597709e-305),
        -40.0: (-40.0, 1.0, -4.248354255291589e-18, -4.2483542552915889e-18),
        -6.01: (-6.012451081823587, 0.99755191962469981,
                -0.0024420872777762597, -0.0024301304258972711),
        -5.99: (-5.992500535104828, 0.99750258862886637,
                -0.0024911743075769593, -0.002478731333490522),
        0.5: (-0.47407698418010668, 0.37754066879814544,
              -0.23500371220159449, 0.057556794852320741),
        3.0: (-0.048587351573742059, 0.047425873177566781,
              -0.045176659730912133, 0.040891574660943479),
        6.0: (-0.0024756851377304495, 0.0024726231566347743,
              -0.0024665092913600478, 0.0024543117953803045),
    },
    "NORMAL": {
        -700.0: (-245007.47002090905, 700.00142856559773,
                 -0.99999795920866263, 5.830760996086319e-9),
        -40.0: (-804.60844201375379, 40.024968847207264,
                -0.99937733162140861, 3.1017440396486248e-5),
        -6.01: (-20.798402577796027, 6.1682430753710242,
                -0.9760817538827367, 0.0069246225601184432),
        -5.99: (-20.675232923387289, 6.1487228290732115,
                -0.97594268261753972, 0.006982607002561752),
        0.5: (-0.36894641528865639, 0.50916043383703349, -0.5138245643036329, 0.27099012446870783),
        3.0: (-0.0013508099647481938, 0.0044378390421256638,
              -0.013333211541740806, 0.035680136876570471),
        6.0: (-9.8658764552437573e-10, 6.0758828558176764e-9,
              -3.6455297171822411e-8, 2.1265590061811302e-7),
    },
    "CAUCHY": {
        -700.0: (-7.6958109011643121, 0.0014285694849402696,
                 2.0408079966926101e-6, 5.8308561910833226e-9),
        -40.0: (-4.8338176168946644, 0.024989588972454064,
                0.00062421945472816771, 3.1171980680898068e-5),
        -6.01: (-2.9472742350821543, 0.16339017079039339,
                0.026211641369840404, 0.0082512517733392347),
        -5.99: (-2.9440011783108939, 0.16391605897315987,
                0.026377432929246711, 0.0083280587317234554),
        0.5: (-0.43450735451772821, 0.39322784271620025, -0.46921041046019693, 0.36688279433109746),
        3.0: (-0.10804899566097343, 0.035462978593238702,
              -0.022535410006647728, 0.02079366810421804),
        6.0: (-0.054000594462880526, 0.0090803076568428118,
              -0.0030274166326054517, 0.0015011408305652227),
    },
    "GUMBEL_MIN": {
        -700.0: (-700.0, 1.0, -4.9298382718798854e-305, -4.9298382718798854e-305),
        -40.0: (-40.0, 1.0, -2.1241771276457945e-18, -2.1241771276457945e-18),
        -6.01: (-6.0112267931506861, 0.9987734577888091,
                -0.00122604033227559, -0.0012250365747472335),
        -5.99: (-5.9912515708445451, 0.99874869033598407,
                -0.0012507873030399598, -0.0012497425814154473),
        0.5: (-0.21355918537343414, 0.39252223827990948,
              -0.4087112327392714, -0.061163597452955229),
        3.0: (-1.8921786966284627e-9, 3.8005425112356633e-8,
              -7.2535394570773867e-7, 1.3080410198943996e-5),
        6.0: (-6.2101364865660676e-176, 2.5053478702005617e-173,
              -1.0082241206844056e-170, 4.0472768698874451e-168),
    },
    "LOG_1M_EXP": {
        -700.0: (-9.8596765437597709e-305, -9.8596765437597709e-305,
                 -9.8596765437597709e-305, -9.8596765437597709e-305),
        -40.0: (-4.248354255291589e-18, -4.248354255291589e-18,
                -4.248354255291589e-18, -4.2483542552915891e-18),
        -6.01: (-0.002457104390520093, -0.0024601255454373092,
                -0.0024661777631366224, -0.0024783119769659861),
        -5.99: (-0.0025068034581501816, -0.0025099481170706824,
                -0.002516247956621069, -0.002528879260262677),
    },
}


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


WHOLE_LINE = [c for c in CASES if not c.response.bounded]


@pytest.mark.parametrize("case", WHOLE_LINE, ids=lambda c: c.id)
def test_whole_line(case):
    """All derivatives finite at -700..700, except where mu^2 overflows."""
    r = case.response
    n = len(FAR)
    aux = np.zeros((len(r.aux_names), n))
    overflows = r.name in ("Gaussian(log)", "InverseGaussian(log)")
    ys = ([[0, 1], [1, 0], [2, 3]] if case.trials else [0, 1] if r.name.startswith("Binom")
          else [1, 3])
    for value in ys:
        y = r.prepare(np.repeat([value], n, axis=0))
        kernel, score = r.kernel_score(y, FAR, aux)
        l1, l2, l3 = r.derivatives(y, FAR, aux)
        information = r.expected_information(y, FAR, aux)
        assert not any(np.isnan(x).any() for x in (kernel, score, l1, l2, l3, information))
        assert np.isfinite(score).all()
        assert_allclose(kernel, r.kernel(y, FAR, aux), rtol=1e-12, atol=1e-15)
        assert_allclose(score[np.isfinite(kernel)], l1[np.isfinite(kernel)], rtol=1e-9, atol=1e-14)
        assert np.all(information >= 0)
        if not overflows:
            for x in (kernel, l1, l2, l3, r.constant(y, aux)):
                assert np.isfinite(x).all()
        for x in (*r.aux_score(y, FAR, aux),):
            assert np.isfinite(x).all()


@pytest.mark.parametrize("case", WHOLE_LINE, ids=lambda c: c.id)
def test_beyond_doubles(case):
    """At +-1e4 there may be infinities of the right sign, but no NaN and no warning."""
    r = case.response
    nu = np.array([-1e4, 1e4])
    aux = np.zeros((len(r.aux_names), 2))
    y = r.prepare([[0, 2], [2, 1]] if case.trials else [1, 1])
    kernel, score = r.kernel_score(y, nu, aux)
    assert np.isfinite(score).all()
    assert not np.isnan(kernel).any() and not np.isposinf(kernel).any()
    assert not np.isnan(r.derivatives(y, nu, aux)[0]).any()
    assert np.isfinite(r.aux_score(y, nu, aux)).all()


@pytest.mark.parametrize("case", [c for c in WHOLE_LINE if "power" not in c.id],
                         ids=lambda c: c.id)
@pytest.mark.parametrize("x0", [-100.0, -39.0, 39.0, 100.0])
def test_slopes_in_the_tails(case, x0):
    """Each derivative integrates to the difference of the one before (Gauss-Legendre)."""
    r = case.response
    z, w = np.polynomial.legendre.leggauss(12)
    a, b = x0 - 0.25, x0 + 0.25
    nodes = 0.25 * z + x0
    for value in ([[1, 0], [0, 1], [2, 3]] if case.trials else [0, 1]):
        if not r.name.startswith(("Binom", "Pois", "NegativeB")):
            value = value + 0.5

        def at(x, value=value):
            y = r.prepare(np.repeat([value], len(x), axis=0))
            aux = np.zeros((len(r.aux_names), len(x)))
            return np.stack([r.kernel(y, x, aux), *r.derivatives(y, x, aux)])

        ends, inner = at(np.array([a, b])), at(nodes)
        for order in range(3):
            integral = 0.25 * np.sum(w * inner[order + 1])
            difference = ends[order, 1] - ends[order, 0]
            error = 1e-15 * np.abs(ends[order]).max() * (1e3 if order == 0 else 1e2)
            assert_allclose(integral, difference, rtol=1e-8, atol=max(error, 1e-300))


@pytest.mark.parametrize("name", REFERENCE)
def test_tails_against_many_digits(name):
    tail, table = getattr(tails, name), REFERENCE[name]
    x, expected = np.array(list(table)), np.array(list(table.values())).T
    for got, value in zip((tail.value(x), *tail.derivatives(x)), expected):
        assert_allclose(got, value, rtol=1e-11)
    value, score = tail.value_score(x)
    assert_allclose(value, expected[0], rtol=1e-11, atol=1e-16)
    assert_allclose(score, expected[1], rtol=1e-11, atol=1e-14)


OUTSIDE = [
    (F.Poisson(L.Identity()), [-1.0, 0.0], [0.0, 2.0]),
    (F.Poisson(L.Sqrt()), [0.0, 0.0], [2.0, 1.0]),
    (F.Poisson(L.Power(0.4), check_link=False), [-1.0, 0.0], [0.0, 2.0]),
    (F.Gamma(L.InversePower()), [-1.0, 0.0], [1.0, 2.0]),
    (F.Gamma(L.Identity()), [-700.0, 0.0], [1.0, 2.0]),
    (F.InverseGaussian(L.InverseSquared()), [-1.0, 0.0], [1.0, 2.0]),
    (F.Gaussian(L.InversePower()), [0.0, 0.0], [1.0, 2.0]),
    (F.Gaussian(L.Power(0.4), check_link=False), [-1.0, 0.0], [1.0, 2.0]),
    (F.Binomial(L.Identity()), [-0.1, 1.1], [0, 1]),
    (F.Binomial(L.Identity()), [-0.1, 1.1], [1, 0]),
    (F.Binomial(L.Identity()), [-0.1, 1.1], [[1, 2], [2, 0]]),
    (F.Binomial(L.Log()), [0.1, 700.0], [0, 1]),
    (F.Binomial(L.LogC()), [0.1, 700.0], [0, 1]),
    (F.NegativeBinomial(L.Identity(), alpha=1.0), [-1.0, 0.0], [0, 3]),
    (F.NegativeBinomial(L.NegativeBinomial(), alpha=1.0), [0.0, 700.0], [0, 3]),
    (families.NegativeBinomial(link=L.Identity()), [-1.0, 0.0], [0, 3]),
]


@pytest.mark.parametrize("family, nu, endog", OUTSIDE, ids=lambda x: getattr(x, "name", None))
def test_outside_the_support(family, nu, endog):
    r = as_response(family)
    assert r.bounded
    y, nu = r.prepare(endog), np.array([nu, nu])
    aux = np.zeros((len(r.aux_names), 2))
    kernel, score = r.kernel_score(y, nu, aux)
    assert np.isneginf(kernel).all() and np.isneginf(r.kernel(y, nu, aux)).all()
    for x in (score, *r.derivatives(y, nu, aux), r.expected_information(y, nu, aux),
              r.curvature(y, nu, aux), r.aux_score(y, nu, aux), *r.aux_derivatives(y, nu, aux)):
        if r.name == "Gaussian(power(0.4))" or not r.name.startswith("Gaussian"):
            assert_array_equal(x, 0.0)
        assert np.isfinite(x).all()
    inside = np.array([nu[0, 0], CASE_INSIDE[r.name.split("(")[1]]])
    kernel, score = r.kernel_score(y[:, :1].repeat(2, axis=1), inside, aux)
    assert np.isneginf(kernel[0]) and np.isfinite(kernel[1])
    assert score[0] == 0


CASE_INSIDE = {"identity)": 0.5, "sqrt)": 0.5, "power": 0.5, "inverse_power)": 0.5,
               "inverse_squared)": 0.5, "log)": -0.5, "logc)": -0.5, "nbinom": -0.5}


def test_square_root_link_has_two_branches_as_in_statsmodels():
    r = as_response(sm.families.Poisson(L.Sqrt()))
    y = r.prepare([0, 3, 0])
    nu = np.array([-1.5, -1.5, 0.0])
    assert_allclose(r.log_density(y, nu)[:2],
                    sm.families.Poisson().loglike_obs(y[0, :2], nu[:2] ** 2), rtol=1e-13)
    kernel, score = r.kernel_score(y, nu)
    assert kernel[2] == score[2] == 0  # a mean of zero gives zero for certain
    assert r.derivatives(y, nu)[1][2] == -2
