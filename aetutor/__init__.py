"""Models, training, plots and explorers for the autoencoder lessons in ``notebooks/``."""
