"""The marginal likelihood: mode search, nested quadrature and exact gradient on a tree of clusters."""
