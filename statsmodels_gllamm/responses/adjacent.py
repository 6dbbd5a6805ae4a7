r"""Adjacent-category logits: rating scale and partial credit models (Andrich, 1978; Masters, 1982).

.. math:: \log\frac{P(Y = s)}{P(Y = s - 1)} = k (\nu - \delta_s), \qquad
          \ell = c_y - \log\sum_r e^{c_r}, \quad c_r = k \psi_r, \quad
          \psi_r = r \nu - \sum_{j \le r} \delta_j

over the possible categories r = 0..K-1 of the row; k = 1/sigma.  Every derivative is a joint
cumulant, under P(r), of those of c: r in nu, -[r >= j] in delta_j (times k), and -c in log sigma.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from statsmodels_gllamm.responses.base import quiet
from statsmodels_gllamm.responses.ordinal import OrdinalResponse


@dataclass(frozen=True)
class Adjacent(OrdinalResponse):
    """Adjacent-category logits with thresholds; parameters as in `OrdinalResponse`."""

    @property
    def name(self) -> str:
        return f"Ordinal({self.link}, adjacent)"

    @property
    def log_concave(self) -> bool:
        return True

    def _scale(self, aux):
        """k (n,), or one."""
        return np.exp(-aux[self.n_cuts]) if self.scaled else 1.0

    def _upto(self, code, aux):
        """Sums of thresholds up to r less those up to the code (K, n)."""
        upto = np.concatenate([np.zeros((1, aux.shape[1])),
                               np.cumsum(aux[:self.n_cuts], axis=0)])
        return upto - np.take_along_axis(upto, code[None], axis=0)[0]

    def _relative(self, code, nu, aux):
        """psi_r - psi_code (K, ..., n)."""
        return np.stack([(r - code) * nu - x for r, x in enumerate(self._upto(code, aux))])

    def _masses(self, possible, relative, scale):
        """log P(code) (..., n), and the probabilities (K, ..., n)."""
        c = np.stack([np.where(mask, scale * x, -np.inf) for mask, x in zip(possible, relative)])
        top = np.max(np.real(c), axis=0)
        terms, largest = np.exp(c - top), np.real(c) == top
        others = (np.where(largest, 0.0, terms).sum(axis=0)
                  + (np.where(largest, terms, 0.0).sum(axis=0) - 1))
        return -top - np.log1p(others), terms / (1 + others)

    def _at(self, y, nu, aux):
        """log P(code), P(r), psi_r - psi_code, r - code and r - E(r) (K, ..., n each), and k."""
        n = np.shape(nu)[-1]
        code = self._codes(y, n)[0]
        relative, scale = self._relative(code, nu, aux), self._scale(aux)
        value, p = self._masses(self._possible(y, n), relative, scale)
        steps = np.expand_dims(np.arange(len(p))[:, None] - code,
                               tuple(range(1, np.ndim(nu))))
        return value, p, relative, steps, steps - (p * steps).sum(axis=0), scale

    @quiet
    def kernel(self, y, nu, aux=None):
        n = y.shape[1]
        relative = self._relative(self._codes(y, n)[0], nu, aux)
        return self._masses(self._possible(y, n), relative, self._scale(aux))[0]

    @quiet
    def kernel_score(self, y, nu, aux=None):
        """Good to 1e-16 in log P; the others are good to all digits."""
        n = y.shape[1]
        code, scale = self._codes(y, n)[0], self._scale(aux)
        shift = np.where(self._possible(y, n), scale * self._upto(code, aux), np.inf)
        steps = [r - code for r in range(len(shift))]
        c = [nu * (scale * step) for step in steps]
        for x, u in zip(c, shift):
            x -= u
        top = np.maximum(c[0], c[1])
        for x in c[2:]:
            np.maximum(top, x, out=top)
        total, score = np.zeros(np.shape(nu)), np.zeros(np.shape(nu))
        for x, step in zip(c, steps):
            x -= top
            np.exp(x, out=x)
            total += x
            x *= step
            score -= x
        score /= total
        score *= scale
        return -top - np.log(total), score

    @quiet
    def derivatives(self, y, nu, aux=None):
        _, p, _, steps, apart, scale = self._at(y, nu, aux)
        square = p * apart * apart
        return (-scale * (p * steps).sum(axis=0), -scale**2 * square.sum(axis=0),
                -scale**3 * (square * apart).sum(axis=0))

    def expected_information(self, y, nu, aux=None):
        return -self.derivatives(y, nu, aux)[1]

    def _from(self, x):
        """Sums of x (K, ..., n) over the categories above each cut, x summing to zero or to one
        over all; and the same over those up to it."""
        return np.cumsum(x[::-1], axis=0)[-2::-1], np.cumsum(x, axis=0)[:-1]

    @quiet
    def aux_score(self, y, nu, aux=None):
        _, p, relative, steps, _, scale = self._at(y, nu, aux)
        above, upto = self._from(p)
        out = scale * np.where(steps[:-1] < 0, -upto, above)
        return self._with_scale(out, lambda: scale * (p * relative).sum(axis=0))

    def _with_scale(self, cuts, last):
        """Rows of the cuts, and that of the log scale if there is one."""
        return np.concatenate([cuts, last()[None]]) if self.scaled else cuts

    @quiet
    def aux_derivatives(self, y, nu, aux=None):
        _, p, relative, steps, apart, scale = self._at(y, nu, aux)
        square = p * apart**2
        variance = square.sum(axis=0)
        above, upto = self._from(p * apart)
        first = scale**2 * np.where(apart[:-1] < 0, -upto, above)
        second = scale**3 * self._from(square - p * variance)[0]
        if not self.scaled:
            return first, second
        centred = relative - (p * relative).sum(axis=0)
        to_first = scale * (p * steps).sum(axis=0) + scale**2 * (p * apart * centred).sum(axis=0)
        to_second = (2 * scale**2 * variance
                     + scale**3 * ((square - p * variance) * centred).sum(axis=0))
        return (np.concatenate([first, to_first[None]]),
                np.concatenate([second, to_second[None]]))

    @quiet
    def aux_curvature(self, y, nu, aux=None):
        _, p, relative, _, _, scale = self._at(y, nu, aux)
        m, cuts = len(self.aux_names), self.n_cuts
        above, upto = self._from(p)
        out = np.zeros((m, m) + np.shape(nu))
        for j in range(cuts):
            for k in range(j, cuts):
                out[j, k] = out[k, j] = -scale**2 * above[k] * upto[j]
        if self.scaled:
            score = self.aux_score(y, nu, aux)
            centred = relative - (p * relative).sum(axis=0)
            cross = -score[:cuts] - scale**2 * self._from(p * centred)[0]
            out[-1, :cuts] = out[:cuts, -1] = cross
            out[-1, -1] = -score[-1] - scale**2 * (p * centred**2).sum(axis=0)
        return out

    @quiet
    def probabilities(self, nu, aux=None, y=None):
        n = np.shape(nu)[-1]
        aux = np.broadcast_to(aux, (len(aux), n))
        code = self._codes(y, n)[0]
        return self._masses(self._possible(y, n), self._relative(code, nu, aux),
                            self._scale(aux))[1]

    def aux_start(self, y, mu):
        shares = self._shares(y, lambda code, k: code == k,
                              lambda code, k: (code == k) | (code == k + 1))
        return np.append(self._quantiles(shares), [0.0] * self.scaled)
