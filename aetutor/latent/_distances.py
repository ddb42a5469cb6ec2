"""How far sets of codes lie from each other."""

from aetutor.latent._eigen import eigvalsh


def frechet_distance(one, other):
    """Return the squared Fréchet distance of two normal distributions.

    ``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))``, with means m and covariances C (Dowson and
    Landau, 1982): the number that is called FID when they are fitted to features of the
    Inception network (Heusel et al., 2017). 0 for equal means and covariances.

    Parameters
    ----------
    one, other : Gaussian
        Best fitted in float64: distances far below the variances are lost in float32.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the vectors that they describe differ in length.
    """
    if len(one.mean) != len(other.mean):
        raise ValueError(
            f"both must describe vectors of one length, got {len(one.mean)} and {len(other.mean)}"
        )
    # tr (C1 C2)^(1/2) = tr (S C2 S)^(1/2) with S = C1^(1/2), which is symmetric.
    axes, covariance = one.axes.double(), other.covariance.double()
    root = axes * one.scales.double() @ axes.T
    mixed = eigvalsh(root @ covariance @ root).clamp(min=0).sqrt().sum()
    spread = one.covariance.double().trace() + covariance.trace() - 2 * mixed
    return ((one.mean.double() - other.mean.double()).square().sum() + spread).item()
