"""Latent structure: nested units, covariances, loadings, and the map from parameters to row designs."""
