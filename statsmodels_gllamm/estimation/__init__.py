"""Starting values, optimisation, information and the quadrature certificate."""
