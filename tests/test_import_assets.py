"""The importer reads the upstream files as the shipped assets hold them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tools import import_assets
from tools.synth import assets

RAW = assets.asset_dir() / "raw_samples"
needs_samples = pytest.mark.skipif(not RAW.is_dir(), reason=f"no upstream samples in {RAW}")

QUAD = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 1\ng plate\nf 1/1 2/2 3/1 4/2\n"


def test_a_quad_becomes_two_triangles_of_one_polygon(tmp_path: Path) -> None:
    path = tmp_path / "quad.obj"
    path.write_text(QUAD)
    obj = import_assets.read_obj(path)
    assert obj.triangles.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert obj.uv_triangles.tolist() == [[0, 1, 0], [0, 0, 1]]
    assert [obj.groups[g] for g in obj.group] == ["plate", "plate"]
    assert obj.polygon.tolist() == [0, 0]


def test_a_target_moves_only_the_vertices_it_names(tmp_path: Path) -> None:
    path = tmp_path / "a.target"
    path.write_text("# comment\n2 .5 -1 0\n")
    assert import_assets.read_target(path, 4).tolist() == [
        [0, 0, 0], [0, 0, 0], [0.5, -1, 0], [0, 0, 0]
    ]  # fmt: skip


def test_quantised_shapes_come_back_within_half_a_step() -> None:
    deltas = np.random.default_rng(0).normal(size=(3, 50, 3)).astype(np.float32)
    integers, scale = import_assets.quantise(deltas, 127)
    back = integers / 127 * scale[:, None, None]
    assert np.abs(back - deltas).max() <= scale.max() / 127 / 2 * 1.001


def test_only_the_four_strongest_bones_are_kept() -> None:
    pairs = {f"b{k}": [[0, 0.1 * (k + 1)]] for k in range(6)}
    index, weight = import_assets.top_weights(pairs, list(pairs), 1)
    assert sorted(index[0].tolist()) == [2, 3, 4, 5]
    assert weight.sum() == pytest.approx(1)


def test_a_wrong_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "x.npz")
    assert import_assets.main(["ict", "--from", str(tmp_path), "--out", out]) == 2
    assert "generic_neutral_mesh.obj" in capsys.readouterr().err


@needs_samples
def test_the_head_is_imported_as_the_asset_has_it() -> None:
    ours, asset = import_assets.import_ict(RAW / "ict"), assets.load(assets.ICT_FACE)
    for name in ("mean", "tris", "tuv", "uv", "tri_part", "parts", "lm68"):
        assert ours[name].dtype == asset[name].dtype
        assert np.array_equal(ours[name], asset[name]), name
    blink = list(asset["names"]).index("eyeBlink_L")
    assert np.array_equal(ours["ids"][0], asset["ids"][0])
    assert np.abs(ours["ex"][0].astype(int) - asset["ex"][blink]).max() <= 1
    assert ours["ex_scale"][0] == pytest.approx(asset["ex_scale"][blink], rel=1e-4)
    assert np.abs(ours["eye_centre"] - asset["eye_centre"]).max() < 1e-4


@needs_samples
def test_body_mesh_targets_and_skeleton_match_the_asset() -> None:
    asset, folder = assets.load(assets.MAKEHUMAN_BODY), RAW / "makehuman"
    base = import_assets.read_obj(folder / "base.obj")
    assert np.array_equal(base.vertices, asset["base"])
    names = import_assets.target_names()
    assert names == list(asset["tnames"])
    for name in ("asian-female-old", "caucasian-male-young"):
        target = import_assets.read_target(folder / f"{name}.target", len(base.vertices))
        assert np.array_equal(target.astype(np.float16), asset["targets"][names.index(name)])
    skeleton = json.loads((folder / "default.mhskel").read_text())
    bones = list(skeleton["bones"])
    assert bones == list(asset["bones"])
    assert np.array_equal(import_assets.joint_vertices(skeleton, bones), asset["joint_v"])


@needs_samples
def test_body_weights_match_the_asset_except_for_ties() -> None:
    asset, folder = assets.load(assets.MAKEHUMAN_BODY), RAW / "makehuman"
    weights = json.loads((folder / "default_weights.mhw").read_text())["weights"]
    _, ours = import_assets.top_weights(weights, list(asset["bones"]), len(asset["base"]))
    assert np.abs(ours - asset["ww"].astype(np.float32)).max() < 1e-3
