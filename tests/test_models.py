import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn
from torch.distributions import Bernoulli, Normal, kl_divergence

from aetutor import models

KINDS = [
    models.LinearAutoencoder(10),
    models.LinearAutoencoder(64),
    models.LinearAutoencoder(500),
    models.ConvAutoencoder(2),
    models.ConvAutoencoder(64, batch_norm=True),
    models.ColorConvAutoencoder(48),
    models.ColorConvAutoencoder(5, base_channels=4, image_size=8),
    models.ColorConvAutoencoder(5, base_channels=4, image_size=128),
    models.DenoisingAutoencoder(900),
    models.DenoisingAutoencoder(20, damage="patches", amount=(0.1, 0.9), tied=True),
    models.PCAAutoencoder(3),
    models.SparseAutoencoder(40, k=4),
    models.SparseAutoencoder(
        9, k=9, tied_start=False, auxiliary=0.1, image_shape=(3, 8, 8), value_range=(-1.0, 1.0)
    ),
    models.FSQAutoencoder(),
    models.VQAutoencoder(32, entries=9),
    models.VariationalAutoencoder(2),
]


@pytest.mark.parametrize("model", KINDS, ids=lambda model: f"{model.config}")
def test_every_kind_takes_images_and_gives_flat_latents_and_images(model):
    images = torch.rand(5, *model.image_shape)
    model.eval()
    with torch.inference_mode():
        latents = model.encode(images)
        assert latents.shape == (5, model.latent_dim)
        assert model.decode(latents).shape == images.shape
        torch.testing.assert_close(model(images), model.decode(latents))


@pytest.mark.parametrize("model", KINDS, ids=lambda model: f"{model.config}")
def test_a_model_can_be_built_again_from_its_config(model):
    again = models.build(model.config)
    assert type(again) is type(model)
    assert again.config == model.config
    again.load_state_dict(model.state_dict())


def test_the_networks_are_the_published_ones():
    def sizes(model):
        return [m.in_features for m in model.modules() if isinstance(m, nn.Linear)]

    assert sizes(models.LinearAutoencoder()) == [784, 128, 64, 12, 10, 12, 64, 128]
    assert sizes(models.LinearAutoencoder(64)) == [784, 128, 64, 128]
    kernels = [
        m.kernel_size[0] for m in models.ConvAutoencoder().modules() if hasattr(m, "kernel_size")
    ]
    assert kernels == [3, 3, 7, 7, 3, 3]
    count = sum(p.numel() for p in models.ColorConvAutoencoder(384).parameters())
    assert count == 992_771  # as the UvA course's tutorial 9 counts its own


def test_images_of_another_size_keep_the_layers_in_proportion():
    usual, large = models.ColorConvAutoencoder(8), models.ColorConvAutoencoder(8, image_size=64)
    assert models.ColorConvAutoencoder(8, image_size=32).config == usual.config
    assert "image_size" not in usual.config  # cards of earlier releases have none
    assert large.config == usual.config | {"image_size": 64}
    with torch.inference_mode():
        sizes = [
            layer(torch.rand(1, channels, 64, 64)).shape[-1]
            for layer, channels in ((large.encoder[:1], 3), (large.encoder[:5], 3))
        ]
    assert sizes == [32, 16]
    for one, other in zip(usual.encoder[:10], large.encoder[:10], strict=True):
        for weight, same in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.equal(weight, same)


@pytest.mark.parametrize("size", [0, 4, 33, 136, 32.0])
def test_an_image_size_that_cannot_be_halved_three_times_is_refused(size):
    with pytest.raises(ValueError, match="image_size must be a"):
        models.ColorConvAutoencoder(8, image_size=size)


def test_batch_norm_and_activation_are_switches():
    def count(kind, model):
        return sum(isinstance(layer, kind) for layer in models.build(model.config).modules())

    assert count(nn.BatchNorm2d, models.ConvAutoencoder()) == 0
    assert count(nn.BatchNorm2d, models.ConvAutoencoder(batch_norm=True)) == 4
    assert count(nn.GELU, models.ColorConvAutoencoder(8)) == 10
    assert count(nn.GELU, models.ColorConvAutoencoder(8, activation=nn.ReLU)) == 0


def test_batch_norm_stands_before_the_relu():
    layers = list(models.ConvAutoencoder(batch_norm=True).modules())
    after = [layers[n + 1] for n, layer in enumerate(layers) if isinstance(layer, nn.BatchNorm2d)]
    assert all(isinstance(layer, nn.ReLU) for layer in after)


@pytest.mark.parametrize("seed", range(4))
def test_few_units_of_the_narrow_layers_start_dead(digits, seed):
    model, images = models.LinearAutoencoder(seed=seed), digits.train[:][0]
    dead = []
    for layer in (*model.encoder, *model.decoder):
        images = layer(images)
        if isinstance(layer, nn.ReLU):
            dead.append((images <= 0).all(dim=0).sum().item())
    assert sum(dead[:4]) <= 3  # 128-64-12 and 12; with biases of 0 it is 9 to 20


def test_initial_weights_depend_on_the_seed_alone():
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = models.ConvAutoencoder(4, seed=3)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(2)
    second, other = models.ConvAutoencoder(4, seed=3), models.ConvAutoencoder(4, seed=4)
    assert torch.equal(first.encoder[0].weight, second.encoder[0].weight)
    assert not torch.equal(first.encoder[0].weight, other.encoder[0].weight)


def test_pca_is_scikit_learns(digits):
    images = digits.train[:][0]
    model = models.PCAAutoencoder.fit(images, 7)
    pca = PCA(7, svd_solver="full").fit(images.flatten(1).double().numpy())
    held_out = digits.test[:20][0]
    flat = held_out.flatten(1).double().numpy()
    expected = torch.from_numpy(pca.inverse_transform(pca.transform(flat))).float()
    torch.testing.assert_close(model(held_out).flatten(1), expected, atol=1e-4, rtol=0)
    assert model.encode(held_out).shape == (20, 7)
    of_split = models.PCAAutoencoder.fit(digits.train, 7)
    torch.testing.assert_close(of_split(held_out), model(held_out))
    assert of_split.config == model.config
    of_learning = models.PCAAutoencoder.fit(images.clone().requires_grad_(), 7)
    assert torch.equal(of_learning.components, model.components)


def test_a_component_is_the_one_of_the_two_that_is_positive_where_it_is_largest(digits):
    images = digits.train[:][0]
    for model in (models.PCAAutoencoder.fit(x, 7) for x in (images, 1 - images)):
        largest = model.components.abs().argmax(dim=1, keepdim=True)
        assert (model.components.gather(1, largest) > 0).all()


def test_pca_of_few_images_with_pixels_that_never_change():
    random = torch.Generator().manual_seed(1)
    images = torch.rand(30, 784, generator=random) * (torch.rand(784, generator=random) < 0.5)
    images = images.unflatten(1, (1, 28, 28))
    pca = models.PCAAutoencoder.fit(images, 29)
    torch.testing.assert_close(pca(images), images, atol=1e-4, rtol=0)


def test_pca_with_all_components_loses_nothing():
    images = torch.rand(100, 1, 4, 4)
    torch.testing.assert_close(models.PCAAutoencoder.fit(images, 16)(images), images)


def test_the_leading_components_are_those_of_a_smaller_fit():
    images = torch.rand(60, 3, 4, 4) * 2 - 1
    larger, smaller = (models.PCAAutoencoder.fit(images, size) for size in (9, 4))
    leading = larger.leading(4)
    torch.testing.assert_close(leading(images), smaller(images))
    assert leading.config == smaller.config
    assert not leading.training
    with pytest.raises(ValueError, match="at most this model's 4, got 5"):
        leading.leading(5)


def test_the_variational_loss_is_the_bound_that_distributions_give():
    model, images = models.VariationalAutoencoder(3), torch.rand(5, 1, 28, 28)
    torch.manual_seed(0)
    terms = model.loss(images)
    mean, log_variance = model.distribution(images)
    posterior = Normal(mean, torch.exp(log_variance / 2))
    torch.manual_seed(0)
    logits = model.logits(posterior.mean + posterior.stddev * torch.randn(5, 3))
    likelihood = Bernoulli(logits=logits, validate_args=False).log_prob(images).sum() / 5
    divergence = kl_divergence(posterior, Normal(0, 1)).sum(dim=1).mean()
    torch.testing.assert_close(terms["reconstruction"], -likelihood)
    torch.testing.assert_close(terms["divergence"], divergence)
    torch.testing.assert_close(terms["loss"], divergence - likelihood)
    torch.testing.assert_close(model.encode(images), mean)


@pytest.mark.parametrize("kind", models.KINDS.values())
@pytest.mark.parametrize("latent_dim", [0, -1, 2.5, "10"])
def test_an_impossible_latent_dim_is_refused(kind, latent_dim):
    with pytest.raises(ValueError, match="latent_dim must be a whole number of at least 1, got"):
        kind(latent_dim)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.rand(2, 3, 28, 28), r"shape \(B, 1, 28, 28\), got \(2, 3, 28, 28\)"),
        (torch.rand(1, 28, 28), r"got \(1, 28, 28\)"),
        (torch.rand(2, 1, 28, 28) * 255, "values from 0 to 1, got values from"),
        (torch.rand(2, 1, 28, 28) - 0.5, "values from 0 to 1"),
        (torch.full((2, 1, 28, 28), torch.nan), "got values from nan"),
        (torch.zeros(2, 1, 28, 28, dtype=torch.uint8), "floating-point numbers, got torch.uint8"),
    ],
)
def test_what_is_no_image_for_a_model_is_refused(images, message):
    for model in (models.LinearAutoencoder(), models.ConvAutoencoder(), models.PCAAutoencoder()):
        with pytest.raises(ValueError, match=message):
            model(images)


def test_images_may_miss_the_range_by_a_rounding_error_and_no_more():
    for model, (low, high) in (
        (models.LinearAutoencoder(), (0.0, 1.0)),
        (models.ColorConvAutoencoder(2, base_channels=2), (-1.0, 1.0)),
    ):
        grey = torch.full((1, *model.image_shape), (low + high) / 2)
        for value in (low - 0.0009, high + 0.0009):
            model.encode(grey.index_fill(3, torch.tensor(0), value))
        for value in (low - 0.0012, high + 0.0012):
            with pytest.raises(ValueError, match="images must have values from"):
                model.encode(grey.index_fill(3, torch.tensor(0), value))


def test_latents_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"shape \(B, 10\), got \(2, 9\)"):
        models.LinearAutoencoder(10).decode(torch.zeros(2, 9))


def test_pca_refuses_too_few_images_and_too_many_components():
    with pytest.raises(ValueError, match="20 components need as many images, got 5"):
        models.PCAAutoencoder.fit(torch.rand(5, 1, 28, 28), 20)
    with pytest.raises(ValueError, match=r"shape \(N, C, H, W\), got \(10, 28, 28\)"):
        models.PCAAutoencoder.fit(torch.rand(10, 28, 28), 2)
    with pytest.raises(ValueError, match="must be a tensor or a split, got tuple"):
        models.PCAAutoencoder.fit((torch.rand(10, 1, 28, 28), torch.zeros(10)), 2)
    with pytest.raises(ValueError, match="at most the 784 values"):
        models.PCAAutoencoder(785)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"kind": "ConvAutoencode"}, "did you mean 'ConvAutoencoder'"),
        ({}, "got None"),
        ({"kind": "LinearAutoencoder", "wings": 2}, "cannot be built.*wings"),
        ({"kind": "ColorConvAutoencoder", "activation": "system"}, "name of one of torch.nn's"),
    ],
)
def test_a_config_that_describes_no_network_is_refused(config, message):
    with pytest.raises(ValueError, match=message):
        models.build(config)


@pytest.fixture
def sparse(digits):
    model = models.SparseAutoencoder(50, k=6)
    with torch.no_grad():
        model.atoms.mul_(3.0)
        model.detectors.bias.normal_(std=0.3, generator=torch.Generator().manual_seed(0))
        model.bias.copy_(digits.train[:][0].mean(dim=0).flatten())
    return model


def test_a_sparse_code_has_the_k_largest_answers_that_are_positive(sparse, digits):
    images = digits.test[:50][0]
    with torch.no_grad():
        answers = sparse.detectors(images.flatten(1) - sparse.bias)
        codes = sparse.encode(images)
    for row, code in zip(answers.tolist(), codes.tolist(), strict=True):
        limit = sorted(row)[-6]
        assert code == [value if value >= limit and value > 0 else 0 for value in row]


def test_a_sparse_image_is_the_bias_and_pictures_of_norm_1_by_their_strengths(sparse):
    codes = torch.zeros(1, 50)
    codes[0, 7], codes[0, 30] = 2.0, 0.5
    pictures = sparse.atoms.detach()
    pictures = pictures / pictures.square().sum(dim=1, keepdim=True).sqrt()
    expected = 2 * pictures[7] + 0.5 * pictures[30] + sparse.bias
    torch.testing.assert_close(sparse.decode(codes).flatten(), expected)


def test_the_sparse_loss_is_the_error_of_the_reconstructions(sparse, digits):
    images = digits.test[:50][0]
    torch.testing.assert_close(sparse.loss(images), (sparse(images) - images).square().mean())


def test_the_auxiliary_loss_lets_unused_units_reconstruct_what_is_left(digits):
    model, images = models.SparseAutoencoder(300, k=3, auxiliary=0.5), digits.test[:20][0]
    with torch.no_grad():
        codes, terms = model.encode(images), model.loss(images)
        left = (images - model.decode(codes)).flatten(1)
        answers = model.answers(images)
        answers[:, (codes > 0).any(dim=0)] = 0
        assert (answers > 0).sum(dim=1).min() > 64  # more than are called upon
        answers[answers < answers.topk(64).values[:, -1:]] = 0
        reserves = (answers @ model.dictionary - left).square().mean()
    torch.testing.assert_close(terms["error"], left.square().mean())
    torch.testing.assert_close(terms["reserves"], reserves)
    torch.testing.assert_close(terms["loss"], left.square().mean() + 0.5 * reserves)


def test_only_the_auxiliary_loss_reaches_units_that_are_not_used(digits):
    images = digits.test[:20][0]
    for auxiliary in (0.0, 0.1):
        model = models.SparseAutoencoder(300, k=3, auxiliary=auxiliary)
        loss = model.loss(images)
        (loss["loss"] if auxiliary else loss).backward()
        unused = ~(model.encode(images) > 0).any(dim=0)
        assert unused.sum() > 100
        assert bool(model.detectors.weight.grad[unused].any()) == bool(auxiliary)


def test_a_tied_start_is_the_same_picture_twice_and_no_longer():
    tied, untied = (models.SparseAutoencoder(20, k=2, tied_start=tied) for tied in (True, False))
    assert torch.equal(tied.detectors.weight, tied.atoms)
    assert tied.detectors.weight.data_ptr() != tied.atoms.data_ptr()
    cosines = (untied.detectors.weight * untied.dictionary).sum(dim=1)
    assert cosines.abs().max() < 0.2
    torch.testing.assert_close(
        untied.detectors.weight.norm(dim=1), torch.ones(20), atol=0.1, rtol=0
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"k": 0}, "k must be a whole number from 1 to 20, got 0"),
        ({"k": 21}, "k must be a whole number from 1 to 20, got 21"),
        ({"k": 2, "auxiliary": -0.1}, "auxiliary must be at least 0, got -0.1"),
        ({"k": 2, "auxiliary": float("nan")}, "auxiliary must be at least 0, got nan"),
    ],
)
def test_a_sparse_kind_refuses_what_cannot_be(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        models.SparseAutoencoder(20, **arguments)
