import matplotlib.pyplot as plt
import numpy as np
import pytest
import seaborn as sns
import torch
from IPython.core.formatters import DisplayFormatter
from matplotlib.figure import Figure

from aetutor import plotting
from aetutor.history import History
from aetutor.plotting._style import styled, subplots


@pytest.fixture
def history():
    history = History(
        (0.0, 1.0), [0.3, 0.2], [0.25, 0.125], [0.1, 0.1], [1.0, 1.0],
        images=torch.full((3, 1, 4, 4), 51, dtype=torch.uint8),
    )  # fmt: skip
    history.pictures = {1: history.images + 51, 2: history.images + 102}
    return history


def shown(figure):
    """The pictures of a figure, in the order in which one reads."""
    pictures = figure.axes[0].get_images()
    pictures = sorted(pictures, key=lambda shown: (-shown.get_extent()[2], shown.get_extent()[0]))
    return [picture.get_array() for picture in pictures]


def texts(figure):
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def test_images_are_shown_in_their_range_and_order():
    ramp = torch.linspace(0, 1, 4).reshape(4, 1, 1, 1).expand(4, 1, 2, 2)
    figure = plotting.images(ramp, ["a", "b", "c", "d"], columns=2)
    assert [int(picture[0, 0]) for picture in shown(figure)] == [0, 85, 170, 255]
    assert texts(figure) == ["a", "b", "c", "d"]
    places = [shown.get_extent() for shown in figure.axes[0].get_images()]
    for text, (left, right, _, top) in zip(figure.axes[0].texts, places, strict=True):
        assert left < text.get_position()[0] < right
        assert top < text.get_position()[1] < top + 0.2
    colour = torch.tensor([-1.0, 0.0, 1.0]).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
    assert shown(plotting.images(colour))[0][0, 0].tolist() == [0, 128, 255]
    assert shown(plotting.images(colour, value_range=(-3.0, 1.0)))[0][0, 0].tolist() == [
        128,
        191,
        255,
    ]


def test_a_mosaic_is_read_row_by_row():
    tiles = torch.linspace(0, 1, 6).reshape(6, 1, 1, 1).expand(6, 1, 2, 2)
    (picture,) = shown(plotting.mosaic(tiles, columns=3))
    assert picture[::2, ::2].tolist() == [[0, 51, 102], [153, 204, 255]]
    with pytest.raises(ValueError, match="6 images do not fill rows of 4"):
        plotting.mosaic(tiles, columns=4)


def test_reconstructions_stand_below_their_originals():
    originals = torch.zeros(3, 1, 2, 2)
    figure = plotting.reconstructions(originals, originals + 1, labels=["x", "x_hat"], title="T")
    assert [int(picture[0, 0]) for picture in shown(figure)] == [0, 0, 0, 255, 255, 255]
    assert texts(figure) == ["x", "x_hat"]
    assert figure.get_suptitle() == "T"


def test_progress_names_epoch_and_error(history):
    figure = plotting.progress(history)
    assert [int(picture[0, 0]) for picture in shown(figure)] == [51] * 3 + [102] * 3 + [153] * 3
    assert texts(figure) == ["original", "epoch 1\nerror 0.2500", "epoch 2\nerror 0.1250"]


def test_progress_names_the_error_per_image_where_asked(history):
    figure = plotting.progress(history, scale=3072, unit="squared error per image")
    assert texts(figure) == ["original", "epoch 1\nerror 768.0", "epoch 2\nerror 384.0"]
    assert figure.get_suptitle() == "held-out images; error: squared error per image"


def test_learning_curves_show_held_out_and_training_errors(history):
    figure = plotting.learning_curves({"net": history}, scale=10, references={"goal": 1.5})
    held_out, training, goal = figure.axes[0].get_lines()
    assert np.allclose(held_out.get_xydata(), [[1, 2.5], [2, 1.25]])
    assert np.allclose(training.get_ydata(), [3, 2])
    assert held_out.get_color() == training.get_color()
    assert set(goal.get_ydata()) == {1.5}
    assert texts(figure) == ["goal: 1.5"]


def test_curves_pass_through_their_points_each_with_its_own_marker():
    series = {"PCA": {64: 103.1, 128: 62.4}, "conv": {64: 85.0, 128: 49.0}}
    labels = {"xlabel": "code", "ylabel": "error"}
    axis = plotting.curves(series, **labels, scale="log", xticks=[64, 128]).axes[0]
    pca, conv = axis.get_lines()
    assert pca.get_xydata().tolist() == [[64, 103.1], [128, 62.4]]
    assert conv.get_ydata().tolist() == [85, 49]
    assert pca.get_marker() != conv.get_marker()
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["PCA", "conv"]
    assert axis.get_xscale() == axis.get_yscale() == "log"
    assert [axis.xaxis.get_major_formatter()(tick) for tick in axis.get_xticks()] == ["64", "128"]
    (long,) = plotting.curves({"long": dict(enumerate(range(384)))}, **labels).axes[0].get_lines()
    assert len(long.get_xdata()) == 384
    assert 384 / long.get_markevery() <= 20
    wide = plotting.curves({"a": {1: 1, 128: 2}}, **labels, scale="log", xticks=[1, 16, 128])
    assert wide.axes[0].get_xticks(minor=True).size == 0
    for empty in ({}, {"PCA": {}}):
        with pytest.raises(ValueError, match="need a series"):
            plotting.curves(empty, **labels)


def test_a_dashed_curve_has_the_colour_and_marker_of_the_one_it_is_like():
    series = {name: {1: n, 2: n + 1} for n, name in enumerate(("a", "b", "b again"))}
    figure = plotting.curves(series, xlabel="x", ylabel="y", dashed={"b again": "b"})
    one, other, again = figure.axes[0].get_lines()
    assert again.get_linestyle() == "--"
    assert one.get_linestyle() == other.get_linestyle() == "-"
    assert again.get_color() == other.get_color() != one.get_color()
    assert again.get_marker() == other.get_marker() != one.get_marker()


def test_curves_have_references_as_dashed_lines():
    labels = {"xlabel": "share", "ylabel": "right", "references": {"random": 0.71}}
    figure = plotting.curves({"pixels": {0.25: 0.74, 0.75: 0.79}}, **labels)
    (axis,) = figure.axes
    assert set(axis.get_lines()[1].get_ydata()) == {0.71}
    assert "random: 0.71" in texts(figure)
    assert "Dashed: random 0.71." in repr(figure)


def test_arrows_go_from_their_places_by_their_steps():
    places, steps = torch.tensor([[0.0, 0.0], [1.0, 2.0]]), torch.tensor([[3.0, 4.0], [0.0, -1.0]])
    figure = plotting.arrows(places, steps, torch.rand(5, 2))
    (axis,) = figure.axes
    dots, arrows = axis.collections
    assert len(dots.get_offsets()) == 5
    assert arrows.XY.tolist() == places.tolist()
    assert (
        torch.stack([torch.tensor(arrows.U), torch.tensor(arrows.V)], 1).tolist() == steps.tolist()
    )
    assert (arrows.scale, arrows.angles, arrows.scale_units) == (1, "xy", "xy")
    assert "5 points in the plane, and 2 arrows, 3 long on average." in repr(figure)
    for wrong in ((places, steps[:1]), (places[:, :1], steps[:, :1]), (places[0], steps[0])):
        with pytest.raises(ValueError, match="must have the shapes"):
            plotting.arrows(*wrong, torch.rand(5, 2))


def test_curves_show_how_sure_they_are_and_where_zero_is():
    series, margins = {"a": {2: 5.0, 10: 4.0}}, {"a": {2: 0.5, 10: 0.25}}
    figure = plotting.curves(series, xlabel="code", ylabel="gain", margins=margins, from_zero=True)
    (axis,) = figure.axes
    (bars,) = axis.containers[0][2]
    assert [bar.tolist() for bar in bars.get_segments()] == [
        [[2, 4.5], [2, 5.5]],
        [[10, 3.75], [10, 4.25]],
    ]
    assert axis.get_ylim()[0] == 0
    assert "Uncertain by 0.5 at most." in repr(figure)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ({1: 90, 2: 210}, ["90", "100", "200"]),
        ({1: 13, 2: 180}, ["20", "50", "100", "200"]),
        ({1: 0.0002, 2: 9}, ["0.001", "0.01", "0.1", "1", "10"]),
    ],
)
def test_a_logarithmic_axis_has_plain_numbers_that_do_not_crowd(values, labels):
    figure = plotting.curves({"net": values}, xlabel="epoch", ylabel="error", scale="log")
    figure.draw_without_rendering()
    axis = figure.axes[0].yaxis
    low, high = axis.get_view_interval()
    ticks = axis.get_major_ticks() + axis.get_minor_ticks()
    shown = {t.get_loc(): t.label1.get_text() for t in ticks if low <= t.get_loc() <= high}
    assert [shown[place] for place in sorted(shown) if shown[place]] == labels


def test_error_maps_stand_below_with_one_scale():
    images = torch.zeros(2, 3, 4, 4)
    other = images.clone()
    other[0, :, 1, 2], other[1, 0, 3, 3] = 0.5, 1.0
    figure = plotting.error_maps(images, other, titles=["a", "b"])
    maps = [shown for shown in figure.axes[0].get_images() if shown.get_cmap().name == "magma"]
    assert [float(shown.get_array().sum()) for shown in maps] == [0.75, 1.0]
    assert maps[0].get_array()[1, 2] == 0.75
    assert maps[0].get_clim() == maps[1].get_clim() == (0, 1)
    assert texts(figure) == ["original", "reconstruction", "error", "a", "b"]


def test_a_heatmap_shows_rows_columns_and_numbers():
    values = {"noise": {"64": 1.0, "384": 0.99}, "plain": {"64": 0.1, "384": 0.25}}
    names = {"xlabel": "code", "ylabel": "images"}
    axis = plotting.heatmap(values, label="AUROC", center=0.5, **names).axes[0]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("code", "images")
    assert [text.get_text() for text in axis.get_yticklabels()] == ["noise", "plain"]
    assert [text.get_text() for text in axis.get_xticklabels()] == ["64", "384"]
    assert [text.get_text() for text in axis.texts] == ["1.00", "0.99", "0.10", "0.25"]


def test_a_heatmaps_colours_end_and_turn_where_they_are_told_to():
    values = {"a": {"x": 0.5, "y": 0.6}, "b": {"x": 0.7, "y": 0.8}}
    (fields,) = plotting.heatmap(values, label="l", lowest=0.0, highest=1.0).axes[0].collections
    assert fields.get_clim() == (0.0, 1.0)
    (fields,) = plotting.heatmap(values, label="l").axes[0].collections
    assert fields.get_clim() == (0.5, 0.8)
    limits = {"center": 0.5, "lowest": 0.4, "highest": 1.0}
    (fields,) = plotting.heatmap(values, label="l", **limits).axes[0].collections
    middle = np.array(fields.cmap(fields.norm(0.5))[:3])
    assert np.ptp(middle) < 0.05  # grey: neither blue nor red


def test_learning_curves_and_intervals_have_a_logarithmic_axis(history):
    assert plotting.learning_curves({"a": history}).axes[0].get_yscale() == "log"
    axis = plotting.intervals({"a": torch.tensor([1.0, 10.0])}, xlabel="x").axes[0]
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "linear")


def test_intervals_lie_where_the_numbers_are():
    values = {"known": torch.arange(1.0, 102.0), "strange": torch.tensor([200.0, 300.0, 400.0])}
    axis = plotting.intervals(values, xlabel="error").axes[0]
    assert [float(line.get_xdata()[0]) for line in axis.lines] == [51, 300]
    spans = [lines.get_segments()[0][:, 0].tolist() for lines in axis.collections]
    assert np.allclose(spans, [[6, 96], [26, 76], [210, 390], [250, 350]])
    assert [text.get_text() for text in axis.get_yticklabels()] == ["known", "strange"]
    (band,) = axis.patches
    assert (band.get_x(), band.get_width()) == pytest.approx((6, 90))


def test_a_thumbnail_map_puts_each_image_in_its_place():
    points = torch.tensor([[0.0, 10.0], [5.0, 20.0], [10.0, 30.0]])
    figure = plotting.thumbnail_map(points, torch.rand(3, 1, 4, 4), size=0.1)
    assert figure.axes[0].get_xlabel() == figure.axes[0].get_ylabel() == ""
    extents = [shown.get_extent() for shown in figure.axes[0].get_images()]
    assert np.allclose(extents, [[0, 0.1, 0, 0.1], [0.45, 0.55, 0.45, 0.55], [0.9, 1, 0.9, 1]])
    named = plotting.thumbnail_map(points, torch.rand(3, 1, 4, 4), xlabel="light", ylabel="blue")
    assert named.axes[0].get_xlabel() == "light"
    assert named.axes[0].get_ylabel() == "blue"
    assert named.description.endswith("To the right: light; upwards: blue.")
    with pytest.raises(ValueError, match=r"points of shape \(2, 2\), got \(3, 2\)"):
        plotting.thumbnail_map(points, torch.rand(2, 1, 4, 4))


def test_a_scatter_names_each_class_where_its_points_are():
    points = torch.tensor([[0.0, 0.0], [2.0, 2.0], [1.0, 1.0], [9.0, 8.0]])
    axis = plotting.scatter(points, torch.tensor([0, 0, 0, 4]), "abcde").axes[0]
    zero, four = axis.collections
    assert zero.get_offsets().tolist() == points[:3].tolist()
    assert four.get_offsets().tolist() == [[9, 8]]
    assert {text.get_text(): text.xy for text in axis.texts} == {"a": (1, 1), "e": (9, 8)}
    with pytest.raises(ValueError, match=r"got \(4, 2\) and \(3,\)"):
        plotting.scatter(points, torch.zeros(3))


def test_paths_begin_and_end_where_they_should_in_a_panel_each():
    route = torch.arange(12.0).reshape(3, 2, 2)  # two paths of three places
    figure = plotting.paths({"three": route, "two": route[:2]}, torch.rand(7, 2))
    assert [axis.get_title() for axis in figure.axes] == ["three", "two"]
    for axis, whole in zip(figure.axes, (route, route[:2]), strict=True):
        *lines, begin, end = axis.lines
        assert [line.get_xydata().tolist() for line in lines] == whole.transpose(0, 1).tolist()
        assert begin.get_xydata().tolist() == whole[0].tolist()
        assert end.get_xydata().tolist() == whole[-1].tolist()
        assert len(axis.collections[0].get_offsets()) == 7
    for routes in ({}, {"a": route[..., :1]}, {"a": route[0]}):
        with pytest.raises(ValueError, match=r"need tensors \(S, B, 2\)"):
            plotting.paths(routes, torch.rand(7, 2))


def test_no_name_in_a_scatter_hides_another():
    spread = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    crowded = torch.cat([0.1 * spread, torch.tensor([[9.0, 9.0]])])  # ten medians in one spot
    figure = plotting.scatter(crowded, torch.arange(201) % 10, ["a long name"] * 10)
    axis = figure.axes[0]
    figure.draw_without_rendering()
    boxes = [text.get_bbox_patch().get_window_extent() for text in axis.texts]
    assert all(axis.bbox.count_contains(box.corners()) == 4 for box in boxes)
    for number, box in enumerate(boxes):
        assert not box.count_overlaps(boxes[:number])
    starts = {tuple(np.round(line.get_xydata()[0], 6)) for line in axis.lines}
    assert starts == {tuple(np.round(text.xy, 6)) for text in axis.texts}


def test_error_bars_stand_at_the_mean_with_the_range_of_the_seeds():
    errors = {"linear": {"10": [0.1, 0.2, 0.6], "64": 0.5}, "conv": {"10": [0.2], "64": 0.1}}
    axis = plotting.error_bars(errors, references={"the blog": 0.4}).axes[0]
    heights = [[bar.get_height() for bar in bars] for bars in axis.containers[:2]]
    assert np.allclose(heights, [[0.3, 0.5], [0.2, 0.1]])
    assert axis.containers[0][0].get_hatch() != axis.containers[1][0].get_hatch()
    spans = [line.get_ydata() for line in axis.lines if len(line.get_ydata()) > 2]
    assert any(np.isclose(np.nanmin(y), 0.1) and np.isclose(np.nanmax(y), 0.6) for y in spans)
    means = {text.get_text(): text.xy[1] for text in axis.texts[:4]}
    assert means == {"0.3": 0.6, "0.5": 0.5, "0.2": 0.2, "0.1": 0.1}  # above what they label


def test_a_legend_hides_nothing_that_is_drawn():
    flat = {f"series {number}": {1: 0.5, 2: 0.5} for number in range(4)}
    for figure in (
        plotting.error_bars(flat),
        plotting.curves(flat, xlabel="x", ylabel="y", margins=flat),
    ):
        figure.draw_without_rendering()
        axis = figure.axes[0]
        assert axis.get_legend().get_window_extent().y0 >= axis.bbox.y1 - 1


def test_a_checklist_has_the_state_beside_the_thing():
    axis = plotting.checklist({"first": {"a": "done", "b": "open"}, "second": {}}).axes[0]
    lines = {}
    for text in axis.texts:
        lines.setdefault(text.get_position()[1], []).append(text.get_text().strip())
    assert list(lines.values()) == [["first", ""], ["a", "done"], ["b", "open"], ["second", ""]]


def test_the_style_is_seaborns_whatever_the_readers_is():
    look = sns.axes_style("whitegrid") | sns.plotting_context("notebook")
    look |= {"figure.dpi": 80, "axes.titlesize": 12}
    del look["image.cmap"]  # each picture names its own
    used = {}

    @styled
    def draw():
        used.update(plt.rcParams)
        return subplots()[0]

    with plt.style.context("dark_background"):
        draw()
    assert {name: used[name] for name in look} == look
    colors = used["axes.prop_cycle"].by_key()["color"]
    assert colors == sns.color_palette("colorblind").as_hex()


def test_figures_leave_pyplot_and_the_readers_style_alone(history):
    before, open_figures = dict(plt.rcParams), plt.get_fignums()
    plotting.images(torch.rand(2, 1, 4, 4))
    plotting.reconstructions(torch.rand(2, 1, 4, 4), torch.rand(2, 1, 4, 4))
    plotting.progress(history)
    plotting.learning_curves({"net": history})
    plotting.curves({"a": {1: 2.0}}, xlabel="x", ylabel="y")
    plotting.error_bars({"a": {"b": 1.0}})
    plotting.error_maps(torch.rand(2, 1, 4, 4), torch.rand(2, 1, 4, 4))
    plotting.heatmap({"a": {"b": 1.0}}, label="x")
    plotting.mosaic(torch.rand(4, 1, 4, 4), columns=2)
    plotting.scatter(torch.rand(3, 2), torch.tensor([0, 1, 1]))
    plotting.thumbnail_map(torch.rand(2, 2), torch.rand(2, 1, 4, 4))
    plotting.intervals({"a": torch.rand(9) + 1}, xlabel="x")
    plotting.checklist({"a": {"b": "done"}})
    plotting.paths({"a": torch.rand(3, 2, 2)}, torch.rand(4, 2))
    assert dict(plt.rcParams) == before
    assert plt.get_fignums() == open_figures


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (
            lambda: plotting.images(torch.rand(3, 1, 4, 4), ["a", "b\nc", "d"], columns=2),
            "3 images in 2 rows: a, b c, d.",
        ),
        (lambda: plotting.images(torch.rand(1, 1, 4, 4)), "1 image."),
        (
            lambda: plotting.mosaic(torch.rand(6, 1, 4, 4), columns=3),
            "6 images in 2 rows, without gaps.",
        ),
        (
            lambda: plotting.reconstructions(*[torch.rand(2, 1, 4, 4)] * 2, title="code of 10"),
            "2 images side by side, in rows from the top (code of 10): original, reconstruction.",
        ),
        (
            lambda: plotting.error_maps(
                torch.zeros(2, 1, 2, 2), torch.tensor([0.5, 1]).view(2, 1, 1, 1).expand(2, 1, 2, 2)
            ),
            "2 images, below them their reconstructions and maps of the squared error, "
            "which is at most 1 in a pixel. Sums of the maps: 1 1, 2 4.",
        ),
        (
            lambda: plotting.thumbnail_map(torch.rand(2, 2), torch.rand(2, 1, 4, 4)),
            "2 small images, each at its own place in the plane.",
        ),
        (
            lambda: plotting.curves(
                {"PCA": {64: 103.12, 128: 62.4}, "long": {x: (x - 3) ** 2 for x in range(10)}},
                xlabel="code",
                ylabel="error",
            ),
            "Lines of error over code. PCA: 103 at 64, 62.4 at 128; "
            "long: from 9 at 0 to 36 at 9, lowest 0, highest 36.",
        ),
        (
            lambda: plotting.error_bars(
                {"conv": {"2": [0.1, 0.2, 0.6], "10": 0.25}}, unit="error", references={"PCA": 0.5}
            ),
            "Bars of the error. conv: 0.3 (0.1 to 0.6) for 2, 0.25 for 10. Dashed: PCA 0.5.",
        ),
        (
            lambda: plotting.intervals({"known": torch.arange(1.0, 102.0)}, xlabel="error"),
            "Intervals of error: medians, and in brackets the middle 90 per cent. "
            "known: 51 (6 to 96).",
        ),
        (
            lambda: plotting.scatter(
                torch.tensor([[0.0, 0.5], [2.0, 3.0]]), torch.tensor([0, 1]), xlabel="x", ylabel="y"
            ),
            "2 points in the plane of x and y, coloured by class. "
            "Medians of the classes: 0 at (0, 0.5), 1 at (2, 3).",
        ),
        (
            lambda: plotting.heatmap({"noise": {"64": 1.0}}, label="AUROC", xlabel="code"),
            "A table of AUROC by code. noise: 1.00 for 64.",
        ),
        (
            lambda: plotting.paths(
                {"1 step": torch.tensor([[[-3.0, 0.0], [3.0, 0.0]], [[0.0, 0.0], [0.0, 2.0]]])},
                torch.zeros(5, 2),
            ),
            "Panels of 2 paths each. 1 step: spread 4.24 at the start, 1.41 at the end.",
        ),
        (
            lambda: plotting.checklist({"Lesson 1": {"a": "done", "b": "open"}}),
            "A list. Lesson 1: a done, b open.",
        ),
    ],
)
def test_figures_say_what_they_show(draw, said):
    assert repr(draw()) == said


def test_curves_of_a_training_say_where_they_begin_and_end(history):
    assert repr(plotting.learning_curves({"net": history}, scale=10, references={"goal": 1.5})) == (
        "Lines of the mean squared error per pixel, [0, 1], over epochs. net: held out from 2.5 "
        "to 1.25 and training from 3 to 2 in 2 epochs. Dashed: goal 1.5."
    )
    assert "original, epoch 1 error 0.2500, epoch 2 error 0.1250." in repr(
        plotting.progress(history)
    )


def test_jupyter_keeps_the_words_beside_the_picture():
    formatter = DisplayFormatter()
    formatter.formatters["image/png"].for_type(Figure, lambda figure: b"")
    data, _ = formatter.format(plotting.images(torch.rand(2, 1, 4, 4)))
    assert data["text/plain"] == "2 images."


def test_what_cannot_be_drawn_is_refused(history):
    good = torch.rand(2, 1, 4, 4)
    for bad, message in (
        (torch.rand(2, 2, 4, 4), r"got \(2, 2, 4, 4\)"),
        (torch.rand(1, 4, 4), r"got \(1, 4, 4\)"),
        (torch.rand(0, 1, 4, 4), "with N > 0"),
        (good * torch.nan, "finite numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            plotting.images(bad)
    with pytest.raises(ValueError, match="2 images need as many titles, got 1"):
        plotting.images(good, ["one"])
    with pytest.raises(ValueError, match=r"images' shape \(2, 1, 4, 4\), got \(1, 1, 4, 4\)"):
        plotting.reconstructions(good, good[:1])
    with pytest.raises(ValueError, match=r"images' shape \(2, 1, 4, 4\), got \(1, 1, 4, 4\)"):
        plotting.error_maps(good, good[:1])
    with pytest.raises(ValueError, match="2 rows need as many labels, got 1"):
        plotting.reconstructions(good, good, labels=["one"])
    history.pictures = {}
    with pytest.raises(ValueError, match="no pictures"):
        plotting.progress(history)


@pytest.mark.parametrize("name", ["autoencoder", "transposed_convolution"])
def test_a_drawing_is_shown_by_itself_and_described_in_words(name):
    bundle, _ = DisplayFormatter().format(plotting.drawing(name))
    assert bundle["image/svg+xml"].startswith("<svg")
    assert "href" not in bundle["image/svg+xml"]  # nothing that would have to be fetched
    assert len(bundle["text/plain"].split()) > 20


def test_an_unknown_drawing_is_named_with_the_nearest():
    with pytest.raises(ValueError, match="got 'autoencoders'; did you mean 'autoencoder'"):
        plotting.drawing("autoencoders")
