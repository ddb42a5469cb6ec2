import json

import onnxruntime
import pytest
import torch
from matplotlib import colormaps

from aetutor import coding, data, latent, models, scenes, search


@pytest.fixture(scope="module", params=scenes.SCENES)
def example(request, digits, patches):
    """Each scene's example, on a stand-in of the images."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "load_mnist", lambda: digits)
        patch.setattr(data, "load_cifar10", lambda: patches)
        return scenes.examples()[request.param]()


def drawn(control, share):
    """The value of a control that lies so far from its lowest to its highest."""
    if isinstance(control, scenes.parts.Surface):
        return 255 * (torch.arange(28**2) < share * 28**2)
    if isinstance(control, scenes.parts.Point):
        return share, 1 - share
    if control.dtype == "float32":
        return control.low + share * (control.high - control.low)
    return min(int(share * control.count), control.count - 1)


@pytest.mark.slow
def test_every_scene_runs_outside_torch_with_the_same_pictures(example, tmp_path):
    scenes.export(example, tmp_path / "scene.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "scene.onnx")
    generator = torch.Generator().manual_seed(0)
    for turn in range(20):
        shares = torch.rand(len(example.inputs), generator=generator).tolist()
        if turn < 6:  # at both ends
            shares = [float(share * 2 > 1) for share in shares]
        values = {c.name: drawn(c, s) for c, s in zip(example.inputs, shares, strict=True)}
        given = zip(example.inputs, example.arguments(values), strict=True)
        found = session.run(None, {control.name: tensor.numpy() for control, tensor in given})
        for (name, expected), other in zip(example.show(**values).items(), found, strict=True):
            difference = torch.from_numpy(other).double() - expected.double()
            assert difference.abs().max() <= 1, (name, values)


def test_every_scene_describes_itself_as_json(example):
    described = json.loads(json.dumps(scenes.describe(example)))
    names = [part["name"] for part in (*described["controls"], *described["outputs"])]
    assert len(set(names)) == len(names)
    assert {name for row in described["rows"] for name in row} <= set(names)
    shown = example.show()
    for output in described["outputs"]:
        tensor = shown[output["name"]]
        assert str(tensor.dtype) == f"torch.{output['dtype']}"
        size = (output["height"], output["width"], 4) if output["kind"] == "picture" else ()
        assert tensor.shape == size


def test_all_frames_of_a_slider_are_those_shown_one_by_one(model, digits):
    scene = scenes.Interpolation(model, digits.test, start=3, end=8)
    frames = scene.frames("position", {"method": 1})
    assert len(frames) == 101
    for step in (0, 33, 100):
        alone = scene.show(method=1, position=step / 100)
        for name, shown in frames[step].items():
            assert (shown.int() - alone[name].int()).abs().max() <= 1
    assert frames[0]["strip"] is frames[100]["strip"]  # the same at every position: made once


@pytest.fixture(scope="module")
def model(digits):
    return models.PCAAutoencoder.fit(digits.train[:][0], 20)


def test_where_there_is_no_arc_the_line_stays_and_a_sentence_says_why():
    one, zero, shares = torch.tensor([3.0, 4.0]), torch.zeros(2), torch.linspace(0, 1, 5)
    for start, end, number, word in (
        (one, -2 * one, 2, "opposite directions"),
        (zero, one, 1, "code of zeros"),
        (one, zero, 1, "code of zeros"),
    ):
        codes, message = latent.walk(start, end, shares, torch.tensor(True))
        assert torch.allclose(codes, latent.interpolate(start, end, 5), atol=1e-6)
        assert message == number
        with pytest.raises(ValueError, match=word):
            latent.interpolate(start, end, 5, "spherical")
        assert latent.walk(start, end, shares, torch.tensor(False))[1] == 0


class Plain(models.Autoencoder):
    """A code of the first two pixels, so that what its scene shows can be worked out by hand."""

    def __init__(self):
        super().__init__(2, (1, 1, 2), (0.0, 1.0))

    def encoder(self, images):
        return images.flatten(1)

    def decoder(self, latents):
        return latents.reshape(-1, 1, 1, 2)


@pytest.fixture
def four_points():
    """Codes at (80 ± 60, 80) and (80, 80 ± 20) of 255: the variances are as 9 to 1."""
    points = torch.tensor([[140, 80], [20, 80], [80, 100], [80, 60]], dtype=torch.uint8)
    return data.Split(points.reshape(4, 1, 1, 2), torch.arange(4), (0.0, 1.0))


def test_directions_have_the_shares_and_scales_of_the_codes(four_points):
    scene = scenes.LatentAxes(Plain(), four_points, axes=2, index=2)
    notes = [slider.note for slider in scene.controls[2:]]
    assert notes == [f"{share} of the variance of the codes" for share in ("90%", "10%")]
    deviations = (2400**0.5, (800 / 3) ** 0.5)  # sums of squares 7200 and 800, over n - 1 = 3
    for number, deviation in enumerate(deviations):
        shown = scene.show(**{f"direction_{number + 1}": 1.0})
        moved = shown["moved"].int() - shown["reconstruction"].int()
        assert abs(moved[0, number, 0].item()) == pytest.approx(deviation, abs=0.6)
        assert moved[0, 1 - number, 0] == 0


class Grey(models.Autoencoder):
    """Decodes everything to 0.5."""

    def __init__(self):
        super().__init__(1, (1, 28, 28), (0.0, 1.0))

    def encoder(self, images):
        return images.flatten(1)[:, :1]

    def decoder(self, latents):
        return torch.full((len(latents), 1, 28, 28), 0.5)


def test_a_strangers_error_rank_and_colours_are_those_worked_out_by_hand():
    greys = torch.tensor([0, 255, 128, 64], dtype=torch.uint8)
    split = data.Split(greys[:, None, None, None].expand(-1, 1, 28, 28), greys.long(), (0.0, 1.0))
    scene = scenes.OutOfDistribution(Grey(), split)
    for number, rank in enumerate((0.5, 0.5, 0.0, 0.25)):  # of four errors, how many are smaller
        shown = scene.show(image=number)
        distance = abs(greys[number].item() / 255 - 0.5)
        assert shown["squared_error"].item() == pytest.approx(784 * distance**2, rel=1e-4)
        assert shown["rank"].item() == rank
        # The range is 1 wide: wrong by half of it is as bright as the colours get.
        colour = torch.tensor(colormaps["magma"](2 * distance)[:3]) * 255
        assert (shown["error"][0, 0, :3] - colour).abs().max() < 4
        words = scene.in_words(scene.defaults() | {"image": number}, shown)
        assert words["rank"] == f"{rank:.0%}"


def test_the_nearest_are_those_of_a_plain_search_however_long_the_vectors(digits):
    images = digits.test.images
    vectors = images.flatten(1) / 255 - 0.1  # fewer images than pixels: they are turned
    assert len(vectors) < vectors.shape[1]
    indices = {"long": search.ImageIndex(vectors), "short": search.ImageIndex(vectors[:, 300:400])}
    scene = scenes.Similarity(indices, digits.test)
    for space, index in enumerate(indices.values()):
        for metric, name in enumerate(search.METRICS):
            for number in (0, 17, 199):
                shown = scene.show(image=number, space=space, metric=metric)
                found = [shown[f"near_{place}"].item() for place in range(1, 9)]
                right = index.nearest(index.latents[[number]], 9, name)[1][0].tolist()
                assert found == [other for other in right if other != number][:8]


def test_another_draw_is_the_next_seed_and_temperature_a_factor(model):
    source = latent.Gaussian(torch.ones(20), torch.eye(20) / 4)
    scene = scenes.Samples(model, {"other": latent.Gaussian.standard(20), "this": source})
    for again, temperature in ((0, 1.0), (3, 0.5), (19, 2.0)):
        shown = scene.show(source=1, again=again, temperature=temperature)["picture"]
        images = model.decode(source.sample(8, temperature=temperature, seed=again))
        expected = (images[5, 0].clamp(0, 1) * 255).round()  # the sixth: second row, second column
        assert (shown[29:57, 29:57, 0] - expected).abs().max() <= 1


@pytest.fixture(scope="module", params=[models.VQAutoencoder, models.FSQAutoencoder])
def tokenizer(request):
    return request.param().eval()


def test_another_entry_is_the_next_nearest_and_stands_at_one_place_only(tokenizer, digits):
    scene = scenes.Tokens(tokenizer, digits.test)
    own = tokenizer.tokens(digits.test[[5]][0])
    distances = (tokenizer.entries - tokenizer.entries[own[0, 9]]).norm(dim=1).sort().values
    for other in (0, 1, 40, 255):
        shown = scene.show(image=5, place=10, other=other)
        token = shown["token"].item()
        away = (tokenizer.entries[token] - tokenizer.entries[own[0, 9]]).norm()
        assert away.item() == pytest.approx(distances[other].item(), abs=1e-5)
        tokens = own.clone()
        tokens[0, 9] = token
        with torch.inference_mode():
            images = tokenizer.decode(tokenizer.latents(torch.cat([own, tokens])))
        for name, image in zip(("reconstruction", "changed"), images, strict=True):
            assert (shown[name][..., 0] - (image[0] * 255).round()).abs().max() <= 1
        expected = (images[1] - images[0]).square().sum().item()
        assert shown["away"].item() == pytest.approx(expected, abs=1e-5)
    assert scene.show(image=5, place=10)["token"] == own[0, 9]


def test_the_place_is_framed_and_equal_tokens_have_equal_colours(tokenizer, digits):
    scene = scenes.Tokens(tokenizer, digits.test)
    own = tokenizer.tokens(digits.test[[5]][0])[0]
    grid = scene.show(image=5, place=10)["grid"]
    tiles = tiles_of(grid, 4)
    assert [tile[0, 0, 0].item() == 0 for tile in tiles] == [n == 9 for n in range(16)]
    colours = [tuple(tile[3, 3].tolist()) for tile in tiles]
    pairs = set(zip(own.tolist(), colours, strict=True))
    assert len(pairs) == len(own.unique()) == len(set(colours))


def tiles_of(grid, columns):
    """The tiles of a grid, row by row, (tiles, 7, 7, 4)."""
    tiles = grid.reshape(-1, 7, columns, 7, 4).permute(0, 2, 1, 3, 4)
    return tiles.flatten(0, 1)


def test_the_table_of_entries_begins_with_the_token_itself_and_frames_the_one_that_is_there(digits):
    model = models.VQAutoencoder(32, entries=21).eval()
    scene = scenes.Tokens(model, digits.test)
    for other in (0, 20):
        shown = scene.show(image=5, place=10, other=other)
        tiles = tiles_of(shown["entries"], 16)
        assert len(tiles) == 32  # two rows of 16
        assert (tiles[21:] == 255).all()
        framed = [tile[0, 0, 0].item() == 0 for tile in tiles]
        assert framed == [number == other for number in range(32)]
        here = tiles_of(shown["grid"], 4)[9]
        assert torch.equal(tiles[other], here)
    own = tiles_of(scene.show(image=5, place=10)["grid"], 4)[9]
    assert torch.equal(tiles[0, 1:-1, 1:-1], own[1:-1, 1:-1])


def test_a_rounded_code_has_the_bytes_and_the_picture_of_its_table(patches):
    model = models.ColorConvAutoencoder(12, base_channels=4).eval()
    with torch.inference_mode():
        known, codes = (model.encode(split[:100][0]) for split in (patches.train, patches.test))
    scene = scenes.RoundedCode(model, known, patches.test, shown=24)
    for step, factor in ((2, 0.25), (6, 1.0)):
        rounding = coding.Rounding(known, factor * known.std().item())
        symbols = rounding.symbols(codes[[7]])
        shown = scene.show(image=7, step=step)
        assert shown["bytes"].item() == pytest.approx(rounding.bits(symbols).item() / 8, rel=1e-4)
        with torch.inference_mode():
            image = model.decode(rounding.latents(symbols))
        expected = ((image[0, 0] + 1) * 127.5).clamp(0, 255).round()
        assert (shown["rounded"][..., 0] - expected).abs().max() <= 1
        error = (image - patches.test[[7]][0]).square().sum().item()
        assert shown["error"].item() == pytest.approx(error, rel=1e-3)


def test_the_jpeg_beside_it_is_cut_from_a_file_of_about_as_many_bytes(patches):
    model = models.ColorConvAutoencoder(12, base_channels=4).eval()
    with torch.inference_mode():
        known = model.encode(patches.train[:100][0])
    scene = scenes.RoundedCode(model, known, patches.test, shown=24)
    large = coding.tiled(patches.test.images[:24], 8)
    files = {q: coding.compress(large, "JPEG", q) for q in range(1, 96)}
    shown = scene.show(image=7, step=0)
    share = shown["jpeg_bytes"].item()
    quality = next(q for q, (file, _) in files.items() if len(file) == round(24 * share))
    tile = coding.untiled(files[quality][1], 8)[7]
    assert torch.equal(shown["jpeg"][..., :3], tile.permute(1, 2, 0))


class Passing(models.DenoisingAutoencoder):
    """Gives back what it is given, times a factor."""

    def __init__(self, factor):
        super().__init__(1)
        self.factor = factor

    def denoise(self, damaged):
        return self.factor * damaged


@pytest.fixture(scope="module")
def damage(digits):
    networks = {"noise": Passing(0.5), "pixels": Passing(0.25), "patches": Passing(0.125)}
    return scenes.Damage(Passing(1.0), networks, digits.test, digits.train)


def seen(shown, name):
    return shown[name][..., 0].float() / 255


def test_damage_is_what_the_controls_say_and_each_has_its_own_network(damage, digits):
    image = digits.test[3:4][0][0, 0]
    for number, factor in ((0, 0.5), (1, 0.25), (2, 0.125)):
        shown = damage.show(image=3, damage=number, strength=0.5, again=2)
        assert (seen(shown, "original") - image).abs().max() < 0.003
        given = seen(shown, "plain")
        changed = (given - image).abs() > 0.01
        assert changed.any()
        expected = factor * given
        inside = (given > 0.02) & (given < 0.98)  # not cut at black or white
        assert (seen(shown, "denoising") - expected)[inside].abs().max() < 0.01
    same = damage.show(image=3, damage=0, strength=0.5, again=2)
    assert torch.equal(same["input"], damage.show(image=3, again=2)["input"])
    assert not torch.equal(same["input"], damage.show(image=3, again=1)["input"])


def test_masked_pixels_are_blue_and_as_many_as_asked_for(damage):
    for number, share in ((1, 0.25), (1, 0.75), (2, 0.5)):
        shares = []
        for again in range(10):
            shown = damage.show(damage=number, strength=share, again=again)["input"].int()
            shares.append((shown[..., 2] > shown[..., 0]).float().mean().item())
        assert sum(shares) / 10 == pytest.approx(share, abs=0.05)


def test_a_rectangle_is_masked_where_its_sliders_say(damage):
    place = {"left": 5, "width": 10, "top": 3, "height": 4}
    shown = damage.show(damage=1, strength=0.0, **place)["input"].int()
    blue = shown[..., 2] > shown[..., 0]
    expected = torch.zeros(28, 28, dtype=torch.bool)
    expected[3:7, 5:15] = True
    assert torch.equal(blue, expected)
    cut = damage.show(damage=1, strength=0.0, left=25, width=28, top=0, height=28)["input"].int()
    assert (cut[..., 2] > cut[..., 0]).sum() == 3 * 28
    for name in place:
        with pytest.raises(ValueError, match=rf"{name} must be from 0 to 28, got 29"):
            damage.show(**{name: 29})


def test_the_filter_weighs_each_direction_by_its_variance(damage, digits):
    scale = 0.5
    shown = damage.show(image=7, damage=0, strength=scale, again=4)
    given = digits.test[7:8][0] + scale * damage.noise[4]
    known = digits.train[:][0].flatten(1)
    mean, covariance = known.mean(dim=0), torch.cov(known.T)
    matrix = torch.linalg.solve(covariance + scale**2 * torch.eye(784), covariance)
    expected = ((given.flatten(1) - mean) @ matrix + mean).clamp(0, 1).reshape(28, 28)
    assert (seen(shown, "wiener") - expected).abs().max() < 0.02
    error = (expected - digits.test[7][0][0]).square().mean().item()
    assert shown["wiener_error"].item() == pytest.approx(error, rel=0.02)


def test_a_damage_without_a_network_and_images_that_do_not_fit_are_refused(damage, digits, patches):
    networks = {"noise": Passing(1.0), "pixels": Passing(1.0)}
    with pytest.raises(ValueError, match="there is none for 'patches'"):
        scenes.Damage(Passing(1.0), networks, digits.test, digits.train)
    networks["patches"] = Passing(1.0)
    with pytest.raises(ValueError, match=r"shape \(B, 1, 28, 28\), got"):
        scenes.Damage(Passing(1.0), networks, patches.test, digits.train)


@pytest.fixture(scope="module")
def flow(model, digits):
    """Untrained but for its last layer, so that classes and times differ."""
    made = latent.Flow(20, width=16, blocks=1, classes=10)
    made.start_from(model.encode(digits.train[:][0]))
    for parameter in made.leave[1].parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(0))
    return made


def test_codes_on_their_way_are_those_of_the_flows_path(model, flow, digits):
    scene = scenes.Flow(model, flow, model.encode(digits.train[:][0]))
    noise = torch.randn(6, 20, generator=torch.Generator().manual_seed(3))
    labels = torch.full((6,), 7)
    path = flow.path(noise, steps=5, labels=labels, guidance=2.0)
    shown = {"wanted": 8, "guidance": 2.0, "steps": 2, "again": 3}
    for time, place in ((0.0, path[0]), (0.4, path[2]), (0.5, path[2:4].mean(0)), (1.0, path[5])):
        expected = (model.decode(place)[4, 0].clamp(0, 1) * 255).round()
        found = scene.show(**shown, time=time)["now"][:, 4 * 29 : 4 * 29 + 28, 0]
        assert (found - expected).abs().max() <= 1, time
    free = flow.path(noise, steps=1)[-1]
    aim = scene.show(wanted=0, guidance=2.0, steps=0, again=3, time=0.0)["aim"]
    expected = (model.decode(free)[5, 0].clamp(0, 1) * 255).round()
    assert (aim[:, 5 * 29 : 5 * 29 + 28, 0] - expected).abs().max() <= 1


def test_the_map_has_a_dot_where_a_code_is(model, flow, digits):
    scene = scenes.Flow(model, flow, model.encode(digits.train[:][0]))
    shown = scene.show(time=0.0, again=2)["plane"]
    noise = torch.randn(6, 20, generator=torch.Generator().manual_seed(2))
    pixel = 2 * 3.2 / 112
    for x, y in noise[:, :2].tolist():
        row, column = int((3.2 - y) / pixel), int((x + 3.2) / pixel)
        assert shown[row, column, :3].tolist() == [213, 94, 0]
    assert (shown[..., :3] == torch.tensor([213, 94, 0])).all(dim=-1).sum() < 6 * 49


def test_images_of_a_label_follow_each_other_and_come_back(model, digits):
    scene = scenes.Interpolation(model, digits.test, start=3, end=3)
    assert scene.defaults()["start"] == scene.defaults()["end"] == 3
    count = scene.inputs[1].count
    threes = digits.test.images[digits.test.labels == 3][:, 0]
    first = [scene.show(other_start=number)["strip"][29:, :28, 0] for number in range(count)]
    assert all((threes == image).flatten(1).all(dim=1).any() for image in first)
    assert len({image.numpy().tobytes() for image in first}) == len(threes)
    assert not torch.equal(scene.show()["strip"][29:, -28:, 0], first[0])


def test_images_that_do_not_fit_the_model_are_refused(model, digits, patches):
    index = search.ImageIndex(torch.rand(len(digits.test), 3))
    for wrong in (latent.Flow(19, classes=10), latent.Flow(20), latent.Flow(20, classes=3)):
        with pytest.raises(ValueError, match=r"codes of length 20|a class for each name"):
            scenes.Flow(model, wrong, torch.zeros(5, 20), class_names="0123456789")
    for make in (
        lambda: scenes.Interpolation(model, patches.test),
        lambda: scenes.LatentAxes(model, patches.test),
        lambda: scenes.OutOfDistribution(model, patches.test),
    ):
        with pytest.raises(ValueError, match=r"shape \(B, 1, 28, 28\), got"):
            make()
    with pytest.raises(ValueError, match="PCAAutoencoder has no tokens"):
        scenes.Tokens(model, digits.test)
    with pytest.raises(ValueError, match="a multiple of 8 up to 120, got 12"):
        scenes.RoundedCode(models.ColorConvAutoencoder(2), torch.rand(9, 2), patches.test, shown=12)
    with pytest.raises(ValueError, match="must hold the 120 images of the split, 'codes' holds"):
        scenes.Similarity({"codes": index}, patches.test)


GAINS = 1 + torch.arange(784) / 1e4  # so that no two units answer alike


@pytest.fixture
def units(digits):
    """Units of one bright pixel each: what lights them, and what they draw, is plain to see."""
    model = models.SparseAutoencoder(784, k=20)
    with torch.no_grad():
        model.atoms.copy_(torch.eye(784))
        model.detectors.weight.copy_(GAINS.diag())
    return scenes.SparseUnits(model, digits.test, index=4)


def test_turning_a_unit_changes_its_pixel_alone(units, digits):
    image = digits.test[4][0].flatten()
    values, places = (image * GAINS).topk(20)
    shown = units.show()
    assert [shown[f"number_{n}"].item() for n in range(1, 7)] == places[:6].tolist()
    strengths = torch.stack([shown[f"strength_{n}"] for n in range(1, 7)])
    torch.testing.assert_close(strengths, values[:6])
    kept = torch.zeros(784).scatter(0, places, values)
    expected = {"original": image, "reconstruction": kept, "turned": kept.clone()}
    expected["turned"][places[1]] *= 0.4
    expected["turned"][[0, 400]] += torch.tensor([0.0, 0.3])
    shown = units.show(times_2=0.4, unit=400, added=0.3)
    for name, pixels in expected.items():
        found = shown[name][..., 0].flatten()
        assert (found - pixels.clamp(0, 1) * 255).abs().max() <= 1, name


def test_a_unit_is_shown_with_the_images_that_light_it_most(units, digits):
    answers = units_answers(digits)
    for unit in (406, 0):  # in the middle, and in a corner that is always black
        shown = units.show(unit=unit)
        assert shown["count"] == (answers[:, unit] > 0).sum()
        most = answers[:, unit].topk(8)
        for place, (value, number) in enumerate(zip(*most, strict=True)):
            tile = shown["lit"][:, 29 * place : 29 * place + 28, 0]
            expected = digits.test.images[number, 0] if value > 0 else torch.zeros(28, 28)
            assert torch.equal(tile, expected.to(torch.uint8))
        picture = shown["picture"][..., 0].flatten().int()
        assert picture[unit] == 255
        assert picture[unit - 1] == 128  # 0 is grey


def units_answers(digits):
    answers = digits.test[:][0].flatten(1) * GAINS
    kept = answers.topk(20, dim=1)
    return torch.zeros_like(answers).scatter(1, kept.indices, kept.values)


def test_fewer_images_than_light_a_unit_are_refused(digits):
    model = models.SparseAutoencoder(20, k=2)
    with pytest.raises(ValueError, match=r"number of images must be .* of at least 8, got 7"):
        scenes.SparseUnits(model, digits.test, shown=7)
    with pytest.raises(ValueError, match=r"index must be .* from 0 to 199, got 200"):
        scenes.SparseUnits(model, digits.test, index=200)
