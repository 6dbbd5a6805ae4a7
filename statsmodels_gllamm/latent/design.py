r"""From parameters to row designs: the only nonlinear, and data-free, part of the linear predictor.

    nu_i = offset_i + x_i'beta + sum_m eta_m c_im,     c_im = z_mi (f_i'lambda),     eta = T u

Everything that touches rows is linear in an expanded coefficient matrix Psi (r, 1 + D + m):

    [o - offset, a_1..a_D, aux_1..aux_m] = W' Psi,
    Psi[:, 0] = beta lambda + sum_{a,k} C_ak(lambda) M_a Gamma_k,
    Psi[:, 1..D] = sum_a C_a(lambda) M_a T,                           Psi[:, D+1..] = delta

after which Psi has a column for every residual covariance of Gaussian rows, in its first row.

M_a are (I - B)^-1, or its terms where B depends on covariates (structural.py); C_a are the loadings
of the latent variables on row columns times a product a of covariates, C_ak those times covariate k
besides; W is the unique row columns (fixed-effect columns, random-slope columns, loading columns
and their products) of the engine's rows.  Only the entries of Psi that can differ from zero are
ever used.
"""
from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from statsmodels_gllamm.latent.centred import Centring
from statsmodels_gllamm.latent.complex_step import ByComplexStep
from statsmodels_gllamm.latent.covariance import Covariance
from statsmodels_gllamm.latent.ordered import Order
from statsmodels_gllamm.latent.signs import SignFlip
from statsmodels_gllamm.latent.structural import Structural
from statsmodels_gllamm.latent.terms import AuxLimit, Terms
from statsmodels_gllamm.latent.varying import Varying
from statsmodels_gllamm.parameters import Layout


@dataclass(frozen=True, slots=True)
class LatentDesign(ByComplexStep):
    """The map from working coordinates to the entries of Psi, with its derivatives.

    Attributes
    ----------
    layout : Layout
        Blocks in order: coef, one lambda block per factor, one cov block per bar, residual
        covariances, aux.
    covariances : tuple of Covariance
        One per bar, in the order of the latent variables (bottom level first).
    q : tuple of int
        Latent variables per level.
    n_rows : int
        Row columns r.
    fixed, latent : Terms
    n_aux : int
        Auxiliary predictors m.
    aux : Terms
        Parameter ``index`` of the aux block adds its ``row`` to auxiliary predictor ``slot``.
    aux_limits : tuple of AuxLimit
    structural : Structural or None
        Regressions of the latent variables.
    regressors : tuple of Terms
        As ``latent``, on the products of row columns with covariates of the regressions, one for
        each of ``structural.effects``.
    moderated : tuple of Terms
        As ``latent``, on the products of row columns with covariates that paths depend on, one for
        each of ``structural.masks`` but the first.
    given : ndarray of int
        Coordinates u that products of latent variables take as given; ``entries`` has them in
        column 0.
    loadings : ndarray (s,)
        Values of the loadings; slot 0 is the constant one; NaN where free.
    entries : (ndarray (E,), ndarray (E,))
        Rows and columns of Psi in use.
    flips : tuple of SignFlip
        Of factors whose sign is free.
    centring : Centring or None
        Of latent classes whose natural parameters are centred mass points.
    varying : tuple of Varying
        Parameters that differ between latent classes; Psi is that of class 1.
    order : Order or None
        Of latent classes whose coefficients rise.
    """

    layout: Layout
    covariances: tuple[Covariance, ...]
    q: tuple[int, ...]
    n_rows: int
    n_aux: int
    fixed: Terms
    latent: Terms
    aux: Terms
    loadings: np.ndarray
    entries: tuple[np.ndarray, np.ndarray]
    aux_limits: tuple[AuxLimit, ...] = ()
    structural: Structural | None = None
    regressors: tuple[Terms, ...] = ()
    flips: tuple[SignFlip, ...] = ()
    moderated: tuple[Terms, ...] = ()
    given: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    centring: Centring | None = None
    varying: tuple[Varying, ...] = ()
    order: Order | None = None

    @property
    def n_columns(self) -> int:
        """Columns of Psi."""
        return 1 + self.n_latent + self.n_aux + self.layout.positions("rescov").size

    @property
    def n_latent(self) -> int:
        """Latent variables of all levels, D."""
        return sum(self.q)

    def _parts(self, working):
        """beta (..., p), loading slots (..., s), root (..., D, D), delta (..., k)."""
        at = self.layout.slices()
        beta = working[..., at[0]]
        loadings = np.empty(working.shape[:-1] + self.loadings.shape, dtype=working.dtype)
        loadings[:] = np.where(np.isnan(self.loadings), 0.0, self.loadings)
        loadings[..., np.isnan(self.loadings)] = working[..., self.layout.positions("lambda")]
        root = np.zeros(working.shape[:-1] + (self.n_latent,) * 2, dtype=working.dtype)
        first = 0
        for s, c in self._own_cov_slices():
            root[..., first:first + c.q, first:first + c.q] = c.root(working[..., s])
            first += c.q
        delta = working[..., self.layout.positions("aux")]
        return beta, loadings, root, delta

    def loading_values(self, working: np.ndarray) -> np.ndarray:
        """Loadings (s,) by slot."""
        return self._parts(working)[1]

    def _contributions(self, loadings, terms: Terms | None = None):
        """C (..., r, D): loadings of the latent variables on the row columns."""
        terms = self.latent if terms is None else terms
        c = np.zeros(loadings.shape[:-1] + (self.n_rows, self.n_latent), dtype=loadings.dtype)
        flat = terms.row * self.n_latent + terms.index
        _add(c.reshape(c.shape[:-2] + (-1,)), flat, loadings[..., terms.slot])
        return c

    def regression(self, working):
        """(I - B)^-1 (..., D, D) and Gamma (..., D, K); None without regressions.

        Raises
        ------
        NotImplementedError
            Regressions have products, so that there is no such matrix.
        """
        if self.structural is None:
            return None
        return self.structural.matrices(working[..., self.layout.positions("gamma")],
                                        working[..., self.layout.positions("b")])

    @property
    def inner(self) -> LatentDesign:
        """The design of all parameters: itself; see `ConstrainedDesign`."""
        return self

    def full(self, working: np.ndarray) -> np.ndarray:
        """Coordinates (..., k) of all parameters: the same."""
        return working

    def _expansion(self, working, root, u=None):
        """M (A, ..., D, D) and Gamma (..., D, K)."""
        if self.structural.products and u is None:
            raise NotImplementedError("this is not available for models whose regressions= have "
                                      "products of latent variables")
        return self.structural.expansion(working[..., self.layout.positions("gamma")],
                                         working[..., self.layout.positions("b")],
                                         None if u is None else (root @ u))

    def psi(self, working: np.ndarray, u: np.ndarray | None = None) -> np.ndarray:
        """Psi (..., r, 1 + D + m) at working coordinates (..., k).

        With products of latent variables Psi is that at given values: ``u`` (D,) has those of the
        moderators, and their part of Psi is added up in its column 0.

        Raises
        ------
        NotImplementedError
            Products of latent variables without ``u``.
        """
        beta, loadings, root, delta = self._parts(working)
        d = self.n_latent
        out = np.zeros(working.shape[:-1] + (self.n_rows, self.n_columns), dtype=working.dtype)
        _add(out[..., 0], self.fixed.row, beta[..., self.fixed.index] * loadings[..., self.fixed.slot])
        if self.structural is None:
            if d:
                out[..., 1:1 + d] = self._contributions(loadings) @ root
        else:
            inverse, gamma = self._expansion(working, root, u)
            for (a, k, _), terms in zip(self.structural.effects, self.regressors):
                effect = inverse[a] @ gamma[..., k, None]
                out[..., 0] += (self._contributions(loadings, terms) @ effect)[..., 0]
            for m, terms in zip(inverse, (self.latent, *self.moderated)):
                out[..., 1:1 + d] += self._contributions(loadings, terms) @ (m @ root)
            if u is not None:
                out[..., 0] += out[..., 1:1 + d] @ u
        if self.n_aux:
            aux = np.zeros(out.shape[:-2] + (self.n_rows * self.n_aux,), dtype=out.dtype)
            _add(aux, self.aux.row * self.n_aux + self.aux.slot, delta[..., self.aux.index])
            out[..., 1 + d:1 + d + self.n_aux] = aux.reshape(out.shape[:-1] + (self.n_aux,))
        if self.n_columns > 1 + d + self.n_aux:
            out[..., 0, 1 + d + self.n_aux:] = working[..., self.layout.positions("rescov")]
        return out

    def adjoint(self, working: np.ndarray, bar: np.ndarray) -> np.ndarray:
        """Derivative in the working coordinates (..., k) from that in the entries (E,)."""
        beta, loadings, root, _ = self._parts(working)
        d, at = self.n_latent, self.layout.slices()
        full = np.zeros((self.n_rows, self.n_columns))
        full[self.entries] = bar
        out = np.zeros(working.shape, dtype=working.dtype)
        loadings_bar = np.zeros_like(loadings)
        own = full[self.fixed.row, 0]
        _add(out[..., at[0]], self.fixed.index, own * loadings[..., self.fixed.slot])
        _add(loadings_bar, self.fixed.slot, own * beta[..., self.fixed.index])
        if d:
            a_bar = full[:, 1:1 + d]
            if self.structural is None:
                root_bar = np.swapaxes(self._contributions(loadings), -1, -2) @ a_bar
                self._loadings_adjoint(loadings_bar, self.latent, a_bar, root)
            else:
                root_bar = self._structural_adjoint(working, full, loadings, loadings_bar, root, out)
            first = 0
            for s, c in self._own_cov_slices():
                inner = root_bar[..., first:first + c.q, first:first + c.q]
                out[..., s] = c.root_adjoint(working[..., s], inner)
                first += c.q
        free = np.isnan(self.loadings)
        if free.any():
            out[..., self.layout.positions("lambda")] = loadings_bar[..., free]
        if self.n_aux:
            delta_bar = np.zeros(self.layout.positions("aux").size)
            np.add.at(delta_bar, self.aux.index, full[self.aux.row, 1 + d + self.aux.slot])
            out[..., self.layout.positions("aux")] = delta_bar
        if self.n_columns > 1 + d + self.n_aux:
            out[..., self.layout.positions("rescov")] = full[0, 1 + d + self.n_aux:]
        return out

    @staticmethod
    def _loadings_adjoint(loadings_bar, terms: Terms, a_bar, root) -> None:
        """Add the derivative in the loadings from that in the latent part (r, D) of Psi."""
        c_bar = a_bar @ np.swapaxes(root, -1, -2)
        _add(loadings_bar, terms.slot, c_bar[..., terms.row, terms.index])

    def _structural_adjoint(self, working, full, loadings, loadings_bar, root, out):
        """Derivative in T (..., D, D); those in loadings, Gamma and B are put where they belong."""
        inverse, gamma = self._expansion(working, root)
        a_bar, t = full[:, 1:1 + self.n_latent], np.swapaxes(root, -1, -2)
        inverse_bar, effect_bar = np.zeros_like(inverse), np.zeros_like(inverse @ gamma)
        root_bar = np.zeros_like(root)
        for m, terms, bar in zip(inverse, (self.latent, *self.moderated), inverse_bar):
            own = np.swapaxes(self._contributions(loadings, terms), -1, -2) @ a_bar
            bar[:] = own @ t
            root_bar = root_bar + np.swapaxes(m, -1, -2) @ own
            self._loadings_adjoint(loadings_bar, terms, a_bar, m @ root)
        for (a, k, _), terms in zip(self.structural.effects, self.regressors):
            c = np.swapaxes(self._contributions(loadings, terms), -1, -2)
            effect_bar[a, ..., k] += c @ full[:, 0]
            effect = (inverse[a] @ gamma[..., k, None])[..., 0]
            _add(loadings_bar, terms.slot, full[terms.row, 0] * effect[..., terms.index])
        at = self.layout.positions
        gamma_bar, b_bar = self.structural.adjoint(working[..., at("gamma")], working[..., at("b")],
                                                   inverse_bar, effect_bar)
        out[..., at("gamma")], out[..., at("b")] = gamma_bar, b_bar
        return root_bar

    # Natural parameters <-> working coordinates: they differ in covariances and mass points.

    def cov_slices(self):
        """(slice of the vector, covariance) of every bar, then of their copies in latent classes."""
        return [*self._own_cov_slices(), *(one for v in self.varying for one in v.cov_slices())]

    def _own_cov_slices(self):
        return [(s, c) for s, c in zip(
            (s for s, b in zip(self.layout.slices(), self.layout.blocks) if b.kind == "cov"),
            self.covariances)]

    def to_natural(self, working: np.ndarray) -> np.ndarray:
        """Natural parameters (..., k)."""
        out = working.copy() if self.centring is None else self.centring.natural(working)
        for s, c in self.cov_slices():
            out[..., s] = c.natural(working[..., s])
        return out

    def to_working(self, natural: np.ndarray) -> np.ndarray:
        """Working coordinates (k,); ValueError names a covariance matrix that is not psd."""
        out = np.array(natural, dtype=float)
        if self.centring is not None:
            out = self.centring.working(out)
        for s, c in self.cov_slices():
            out[s] = c.working(natural[s])
        return out

    def roots(self, working: np.ndarray) -> list[np.ndarray]:
        """T of every bar (q, q)."""
        return [c.root(working[s]) for s, c in self._own_cov_slices()]


def _add(out: np.ndarray, index: np.ndarray, value: np.ndarray) -> None:
    """out[..., index] += value, summing over repeated indices."""
    if len(np.unique(index)) == len(index):
        out[..., index] += value
    else:
        for i, v in zip(index, np.moveaxis(value, -1, 0)):
            out[..., i] += v
