"""models/manifest.yaml: what each network file takes and gives, and where it came from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml

from tools.train.spec import EMB_SCALE, EMB_ZERO, INPUT_SCALE, INPUT_ZERO, SPECS, Spec, macs

OPSET = 17
"""Of the network files."""

ACTIONS = (
    "wheel",
    "phone_ear",
    "phone_hand",
    "drink_eat",
    "smoke",
    "reach",
    "hand_face",
    "other",
)

LAYOUT: dict[str, dict[str, dict[str, Any]]] = {
    "face": {
        "out": {
            "face": {"slice": [0, 1], "unit": "logit"},
            "landmarks": {"slice": [1, 137], "unit": "x0 y0 x1 y1 ..; -1..1 spans the crop"},
            "rotation_6d": {"slice": [137, 143], "unit": "R[:,0] R[:,1] in the crop's frame"},
            "rotation_log_sigma": {
                "slice": [143, 144],
                "unit": "ln rad, of the geodesic error's mean",
            },
            "mouth_open": {"slice": [144, 145], "unit": "inner-lip height over width"},
            "sunglasses": {"slice": [145, 146], "unit": "logit"},
            "mask": {"slice": [146, 147], "unit": "logit"},
            "occluded": {"slice": [147, 148], "unit": "logit"},
        }
    },
    "eyes": {
        "out": {
            "visible": {"slice": [0, 1], "unit": "logit"},
            "open": {"slice": [1, 2], "unit": "0 closed, 1 the person's neutral, to 1.3"},
            "open_log_sigma": {
                "slice": [2, 3],
                "unit": "ln of the unit of open, of the error's mean",
            },
            "gaze_yaw": {"slice": [3, 4], "unit": "rad, crop frame, right eye"},
            "gaze_pitch": {"slice": [4, 5], "unit": "rad, crop frame"},
            "gaze_log_sigma": {"slice": [5, 6], "unit": "ln rad, of the error's mean length"},
            "closed": {"slice": [6, 7], "unit": "logit"},
            "glasses": {"slice": [7, 8], "unit": "logit"},
        }
    },
    "cabin": {
        "det": {
            "heat": {"channel": 0, "unit": "logit"},
            "dx": {"channel": 1, "unit": "cells of 8 px; centre = (ix + 0.5 + dx) * 8"},
            "dy": {"channel": 2, "unit": "cells of 8 px"},
            "log_size": {"channel": 3, "unit": "ln(S / 32 px of the 256 x 192 input)"},
        }
    },
    "body": {"emb": {"embedding": {"slice": [0, 64], "unit": "q"}}},
    "action": {"out": {a: {"slice": [i, i + 1], "unit": "logit"} for i, a in enumerate(ACTIONS)}},
}

ROI = {
    "face": "square, centre of the 68 landmarks' bounding box, side S = 1.5 max(w, h), axes "
    "turned by -roll; 112 x 112, space-to-depth 4",
    "eyes": "square, centre = mean of the eye's 6 landmarks, side 0.26 S, axes turned by -roll; "
    "64 x 64, space-to-depth 2; the subject's left eye mirrored. pose = sin(yaw), sin(pitch) of "
    "the head in the crop's frame, yaw negated for the mirrored eye",
    "cabin": "whole frame in the smallest centred 4:3 rectangle; 256 x 192, space-to-depth 4",
    "body": "the driver's upper body: 4.8 S x 3.6 S centred at the face's centre + (0, 1.0 S); "
    "256 x 192, space-to-depth 4",
    "action": "the last 32 embeddings at 66.7 ms, oldest first, padded by repeating the oldest",
}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def interface(spec: Spec) -> dict[str, Any]:
    """Inputs, outputs, units: everything the engine needs to know about a network."""
    inputs = []
    for i in spec.inputs:
        entry: dict[str, Any] = {"name": i.name, "type": i.dtype, "shape": list(i.shape)}
        if i.dtype == "uint8":
            entry |= {"scale": i.scale, "zero_point": i.zero}
        inputs.append(entry)
    outputs = []
    for o in spec.outputs:
        entry = {"name": o.name, "type": o.dtype, "shape": list(o.shape)}
        if o.dtype == "uint8":
            entry |= {"scale": EMB_SCALE, "zero_point": EMB_ZERO}
        outputs.append(entry | {"layout": LAYOUT[spec.name][o.name]})
    return {
        "opset": OPSET,
        "roi": ROI[spec.name],
        "input_quantisation": f"q = (x - mean) / std / {INPUT_SCALE} + {INPUT_ZERO}",
        "inputs": inputs,
        "outputs": outputs,
        "mmac": round(macs(spec) / 1e6, 2),
    }


def load(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {"version": 1, "nets": {}}
    return dict(yaml.safe_load(path.read_text()))


def save(path: Path, manifest: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(manifest, sort_keys=False, width=100, default_flow_style=None))


def update(models: Path, name: str, facts: dict[str, Any]) -> None:
    """Write the entry of one network from its files in `models` and `facts` of its making."""
    manifest = load(models / "manifest.yaml")
    entry: dict[str, Any] = {"file": f"{name}.onnx", "sha256": sha256(models / f"{name}.onnx")}
    twin = models / "fp32" / f"{name}.onnx"
    entry["fp32"] = {"file": f"fp32/{name}.onnx", "sha256": sha256(twin)}
    entry |= interface(SPECS[name]) | facts
    manifest["nets"][name] = entry
    manifest["nets"] = {n: manifest["nets"][n] for n in SPECS if n in manifest["nets"]}
    save(models / "manifest.yaml", manifest)
