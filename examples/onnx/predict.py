"""Apply an exported network with ONNX Runtime and NumPy alone: python predict.py model.onnx objects.npz

objects.npz holds an array per input, objects first, in the units of the training data and NaN where unmeasured. The
answers go to answers.npz: probabilities, or quantities with their interval.
"""

import json
import sys

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
about = json.loads(session.get_modelmeta().custom_metadata_map["starbolt"])
objects = np.load(sys.argv[2])
inputs = {i.name: objects[i.name] if "bool" in i.type else objects[i.name].astype("f4") for i in session.get_inputs()}
names = [output.name for output in session.get_outputs()]
answers = dict(zip(names, session.run(names, inputs), strict=True))
print(
    "predicts",
    about.get("classes") or about["quantities"],
    "from",
    {k: v["channels"] for k, v in about["inputs"].items()},
)
np.savez("answers.npz", **answers)
