"""Exercises of lesson 5: drawing codes, and the two terms of a VAE."""

import torch

from aetutor.exercises._exercise import DICE, WrongError, call, compare, exercise, number, tensor


@exercise(
    hint="The square of the norm is a sum of 384 squares, each of which is 1 on average.",
    code="norm = 384**0.5",
    reason="The 384 squares add up to nearly 384 each time, so the norm is nearly its root, 19.6.",
)
def norm_of_384(answer):
    """The norm of a code of N(0, I)."""
    compare(
        number(answer),
        384**0.5,
        {
            "That is the square of the norm.": 384.0,
            "That is the radius for a code of 128; here it is 384.": 128**0.5,
            "That is a single number's; the norm is that of 384 together.": 1.0,
            "Not that far out: it is the root of the sum, not half of it.": 192.0,
        },
        tolerance=0.06,
    )


@exercise(
    hint="A number with standard deviation s is s times one with standard deviation 1. What do you "
    "have to do to the logarithm of a variance to get a standard deviation?",
    code="""
    def reparametrised(mean, log_variance, noise):
        return mean + torch.exp(log_variance / 2) * noise
    """,
    reason="The standard deviation is the root of the variance, and the root halves the logarithm. "
    "The noise comes from outside, so the gradient passes to mean and variance.",
)
def reparametrised(answer):
    """The reparametrisation."""
    for shape in ((4, 3), (2, 7)):
        mean, log_variance, noise = torch.randn(3, *shape, generator=DICE)
        inputs = mean.requires_grad_(), log_variance.requires_grad_(), noise
        with torch.enable_grad():
            result = call(answer, *inputs)
        tensor(result, shape, gradient=True)
        if not torch.equal(result, call(answer, *inputs)):
            raise WrongError("Use the noise that is given; yours is another one at each call.")
        with torch.no_grad():
            compare(
                result.detach(),
                mean + torch.exp(log_variance / 2) * noise,
                {
                    "exp(log-variance) is the variance; the noise needs its root.": (
                        mean + torch.exp(log_variance) * noise
                    ),
                    "The logarithm of the variance is used as if it were the standard deviation.": (
                        mean + log_variance * noise
                    ),
                    "The mean is forgotten.": torch.exp(log_variance / 2) * noise,
                    "The noise is forgotten.": mean + torch.exp(log_variance / 2),
                    "That is the mean alone.": mean,
                },
            )
        if not result.requires_grad:
            raise WrongError(
                "The values are right, but no gradient passes: the encoder would learn nothing. "
                "Leave out detach(), no_grad() and inference_mode()."
            )
        gradients = torch.autograd.grad(result.sum(), inputs[:2], allow_unused=True)
        if any(gradient is None for gradient in gradients):
            raise WrongError("The gradient must pass to the mean and to the variance.")


@exercise(
    hint="The formula stands above the loss. The squared sigma is the variance, and you have its "
    "logarithm.",
    code="""
    def divergence(mean, log_variance):
        return (mean**2 + log_variance.exp() - log_variance - 1).sum(dim=1) / 2
    """,
    reason="$\\tfrac12 \\sum_i (\\mu_i^2 + \\sigma_i^2 - \\log \\sigma_i^2 - 1)$, summed over the "
    "numbers of a code and not over the images. It is 0 for $\\mu = 0$, $\\sigma = 1$.",
)
def divergence(answer):
    """The divergence of each image's codes."""
    for count, size in ((5, 3), (2, 8)):
        mean, log_variance = torch.randn(2, count, size, generator=DICE)
        terms = mean**2 + log_variance.exp() - log_variance - 1
        result = call(answer, mean, log_variance)
        if getattr(result, "shape", None) == ():
            raise WrongError("That is one number for the batch; give one for each image.")
        if getattr(result, "shape", None) == (count, size):
            raise WrongError("That is one for each number of a code; sum over them.")
        compare(
            tensor(result, (count,)),
            terms.sum(dim=1) / 2,
            {
                "The factor of one half is forgotten.": terms.sum(dim=1),
                "That is the mean over the numbers of a code; the formula has their sum.": (
                    terms.mean(dim=1) / 2
                ),
                "The sign is wrong: a divergence is never negative.": -terms.sum(dim=1) / 2,
                "The -1 is forgotten: for mean 0 and variance 1 the divergence is 0.": (
                    (terms + 1).sum(dim=1) / 2
                ),
                "exp(log-variance) is the variance already; do not halve the logarithm here.": (
                    (terms - log_variance.exp() + (log_variance / 2).exp()).sum(dim=1) / 2
                ),
            },
        )


@exercise(
    hint="With the covariance C = L L^T (torch.linalg.cholesky), L times numbers of N(0, I) has "
    "the covariance C.",
    code="""
    def drawn_like(codes, count):
        noise = torch.randn(count, codes.shape[1])
        root = torch.linalg.cholesky(torch.cov(codes.T))
        return codes.mean(dim=0) + noise @ root.T
    """,
    reason="Noise $\\epsilon$ has covariance $I$, so $L \\epsilon$ has $L I L^T = C$. Any other "
    "matrix with $L L^T = C$ does as well.",
)
def drawn_like(answer):
    """Draws from a fitted Gaussian."""
    count = 20_000
    spread = torch.tensor([[2.0, 0.0, 0.0], [1.5, 1.0, 0.0], [-0.5, 0.8, 0.5]])
    spread = spread[torch.randperm(3, generator=DICE)] * (1 + torch.rand((), generator=DICE))
    uniform = 12**0.5 * (torch.rand(3000, 3, generator=DICE) - 0.5)  # not normal, as real codes
    codes = uniform @ spread.T + torch.tensor([4.0, -3.0, 2.0])
    draws = tensor(call(answer, codes, count), (count, 3))
    covariance = torch.cov(codes.T)
    root = torch.linalg.cholesky(covariance)
    centre = draws.mean(dim=0) - codes.mean(dim=0)
    if (draws[:500, None] == codes).all(dim=2).any():
        raise WrongError("Those are the codes themselves; draw new ones.")
    if centre.norm() > 0.3:
        raise WrongError("The draws lie elsewhere: their mean is not that of the codes.")
    compare(
        torch.cov(draws.T),
        covariance,
        {
            "Mean and variances are right, but the correlations are missing.": (
                covariance.diag().diag()
            ),
            "The covariance is used where its root belongs.": covariance @ covariance,
            "The root is used from the wrong side: rows of noise are multiplied by L^T.": (
                root.T @ root
            ),
            "That is N(0, I) moved to the mean: the covariance is not used.": torch.eye(3),
        },
        given="the covariance of 20,000 draws",
        tolerance=0.1,
    )
    if torch.equal(draws, call(answer, codes, count)):
        raise WrongError("The same draws every time: set no seed. (`latent.Gaussian` sets one.)")
    plain = (draws - draws.mean(dim=0)) @ torch.linalg.inv(
        torch.linalg.cholesky(torch.cov(draws.T))
    ).T
    if (plain.pow(4).mean() - 3).abs() > 0.3:  # 3 for a normal distribution
        raise WrongError(
            "Mean and covariance are right, but the draws are not normally distributed. Are they "
            "made of the codes themselves?"
        )


@exercise(
    hint="The formula for a single feature stands in brackets under the one for many.",
    code="""
    def frechet(one, other):
        return (one.mean() - other.mean()) ** 2 + (one.std() - other.std()) ** 2
    """,
    reason="For a single feature $C_1 + C_2 - 2 (C_1 C_2)^{1/2}$ is "
    "$s_1^2 + s_2^2 - 2 s_1 s_2 = (s_1 - s_2)^2$.",
)
def frechet(answer):
    """The squared Fréchet distance of one feature."""
    for scale in (0.5, 3.0):
        one = torch.randn(400, generator=DICE) * scale + 1
        other = torch.randn(300, generator=DICE) * 1.4 - 1 - 2 * torch.rand((), generator=DICE)
        means = (one.mean() - other.mean()).item()
        deviations = (one.std() - other.std()).item()
        compare(
            number(call(answer, one, other)),
            means**2 + deviations**2,
            {
                "The second term has the standard deviations, not the variances.": (
                    means**2 + (one.var() - other.var()).item() ** 2
                ),
                "That is the root; all distances here are squared.": (
                    (means**2 + deviations**2) ** 0.5
                ),
                "The spread is missing: two sets with one mean may differ all the same.": means**2,
                "The means are missing.": deviations**2,
                "Square each difference before you add them.": means + deviations,
            },
            given=f"{len(one)} and {len(other)} numbers",
            tolerance=0.01,
        )
