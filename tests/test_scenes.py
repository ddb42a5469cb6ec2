import json

import onnxruntime
import pytest
import torch

from aetutor import data, scenes


@pytest.fixture(scope="module", params=scenes.SCENES)
def example(request, digits, patches):
    """Each scene's example, on a stand-in of the images."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "load_mnist", lambda: digits)
        patch.setattr(data, "load_cifar10", lambda: patches)
        return scenes.examples()[request.param]()


def drawn(control, share):
    """The value of a control that lies so far from its lowest to its highest."""
    if control.dtype == "float32":
        return control.low + share * (control.high - control.low)
    return min(int(share * control.count), control.count - 1)


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
