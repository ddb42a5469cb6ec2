"""Scenes as files that other machines can run, such as a visitor's browser."""

import torch

OPSET = 20


def export(scene, path):
    """Write a scene as an ONNX file; :func:`describe` says what its inputs and outputs are.

    Needs the packages onnx and onnxscript.

    Parameters
    ----------
    scene : Scene
    path : path
        ``.onnx`` by custom.
    """
    torch.onnx.export(
        scene.eval(),
        scene.arguments({}),
        path,
        input_names=[control.name for control in scene.inputs],
        output_names=[output.name for output in scene.outputs],
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
