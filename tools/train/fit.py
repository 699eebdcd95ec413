"""Training one network from a recipe: seeded, resumable, with a moving average of the weights."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional as F

from tools.train import heads, losses
from tools.train.data import Batch, Jitter, Maker, batches, makers
from tools.train.nets import Net, Range, real
from tools.train.scenes import Scenes
from tools.train.shards import OBJECTS, Shards
from tools.train.spec import ACTION_OUT, EMB, EMB_SCALE, EMB_ZERO, SPECS, THINGS
from tools.train.warm import blend, unfold, warm

SHORT_FLOATS = bool(torch.cpu.get_capabilities().get("amx_bf16"))
"""Whether this processor multiplies matrices of bfloat16 (AMX). Without, a step takes longer than
in float32: 1.5 times as long with AVX-512's BF16, three times where that is imitated."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one network is trained; read from YAML, unknown keys are errors."""

    net: str
    seed: int = 1
    steps: int = 3000
    batch: int = 128
    lr: float = 3e-3
    weight_decay: float = 1e-4
    average: float = 0.998
    """Decay a step of the moving average of the weights that is exported."""
    threads: int = 1
    save_minutes: float = 3.0
    rounding_steps: int = 0
    """Last steps with the integer rounding simulated (quantisation-aware training)."""
    jitter: dict[str, float] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    """Further factors of loss parts by name."""
    name: str | None = None
    """Of the run's files, where it is not the network's: a later stage of the same network."""
    start: str | None = None
    """An earlier stage's name, whose weights to begin with."""
    mean: dict[str, float] = field(default_factory=dict)
    """Earlier stage -> the share of its weights in the result (see `warm.blend`)."""
    scenes: str = "scenes"
    """Folder of .hdr surroundings without anybody (may be missing)."""
    faces: tuple[str, ...] = ("faces",)
    cabin: tuple[str, ...] = ("cabin",)

    @staticmethod
    def load(path: Path) -> Recipe:
        raw = yaml.safe_load(path.read_text())
        for key in ("faces", "cabin"):
            if key in raw:
                raw[key] = tuple(raw[key])
        return Recipe(**raw)


class Trainee(nn.Module):
    """The network with the helpers that only training needs."""

    balance: Tensor

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.net = Net(SPECS[name])
        if name == "body":
            self.action = nn.Sequential(nn.Linear(EMB, 64), nn.ReLU(), nn.Linear(64, ACTION_OUT))
            self.thing = nn.Linear(EMB, OBJECTS)
            self.hands = nn.Sequential(nn.Linear(EMB, 64), nn.ReLU(), nn.Linear(64, 4))
            self.things = nn.Conv2d(SPECS[name].op(THINGS).cout, 4, 1)
        self.register_buffer("balance", torch.ones(ACTION_OUT))

    def losses(self, t: dict[str, Tensor]) -> losses.Losses:
        inputs = [real(t[i.name], i) for i in self.net.spec.inputs]
        if self.name == "action" and self.training:
            inputs[0] = smeared(inputs[0])
        with self.short_floats():
            tensors = self.net.tensors(*inputs)
        out = tuple(tensors[o.src].float() for o in self.net.spec.outputs)
        if self.name == "face":
            return losses.face_losses(out[0], t)
        if self.name == "eyes":
            return losses.eyes_losses(out[0], t)
        if self.name == "action":
            return losses.action_losses(out[0], t, self.balance)
        if self.name == "cabin":
            return losses.cabin_losses(out[0], t)
        return losses.body_losses(self._body(tensors, out[0]), t, self.balance)

    def short_floats(self) -> Any:
        """Products of bfloat16 in training, twice as fast where the processor has them; never
        where the integers' rounding is simulated."""
        short = SHORT_FLOATS and self.training and self.net.ranges is None
        return torch.autocast("cpu", torch.bfloat16, enabled=short)

    def _body(self, tensors: dict[str, Tensor], emb: Tensor) -> losses.Body:
        emb = F.dropout(Range(EMB_SCALE, EMB_ZERO).fake(emb), 0.1, self.training)
        hands = self.hands(emb).view(-1, 2, 2)
        things = self.things(tensors[THINGS].float())
        return losses.Body(things, self.action(emb), hands, self.thing(emb))


SMEAR, DROP = 0.5, 0.3
"""Noise of a window's embeddings, in their own unit, and share of their places left out: against
learning the few people by heart."""


def smeared(windows: Tensor) -> Tensor:
    """Windows (N, steps, 64) with a shift and gaps that last the window, and noise a step."""
    n, _, width = windows.shape
    shift = torch.randn(n, 1, width) * SMEAR * torch.rand(n, 1, 1)
    kept = (torch.rand(n, 1, width) > DROP) / (1 - DROP)
    return (windows + shift + 0.1 * torch.randn_like(windows)) * kept


def tensors(batch: Batch) -> dict[str, Tensor]:
    return {k: torch.from_numpy(v) for k, v in batch.items()}


def open_shards(data: Path, names: tuple[str, ...], split: str) -> Shards:
    return Shards([data / n / split for n in names])


def class_balance(labels: Any) -> Tensor:
    """Weights that undo half of the classes' imbalance (on a log scale)."""
    known = labels[labels < ACTION_OUT].astype(int)
    count = np.bincount(known, minlength=ACTION_OUT).astype(np.float64)
    weight = np.where(count > 0, np.maximum(count, 1.0) ** -0.5, 0.0)
    weight /= max(float((weight * count).sum() / max(count.sum(), 1)), 1e-9)
    return torch.tensor(weight, dtype=torch.float32)


def source(recipe: Recipe, data: Path, split: str, jitter: Jitter) -> tuple[Maker, Tensor]:
    if recipe.net == "action":
        from tools.train.windows import window_maker

        return window_maker(data, split, jitter.photo > 0)
    faces = open_shards(data, recipe.faces, split)
    cabin = open_shards(data, recipe.cabin, split)
    scenes = Scenes(data / recipe.scenes)
    print(f"{split}: {len(faces)} faces, {len(cabin)} cabin pictures", flush=True)
    for names, shards in ((recipe.faces, faces), (recipe.cabin, cabin)):
        if names and not len(shards):
            raise FileNotFoundError(f"{data}: no shards in {', '.join(names)} for {split}")
    balance = class_balance(cabin.actions()) if len(cabin) else torch.ones(ACTION_OUT)
    found = heads.load(data, split, len(faces)) if recipe.net == "eyes" else []
    return makers(recipe.net, faces, cabin, scenes, jitter, found), balance


def fit(recipe: Recipe, data: Path, out: Path, resume: bool, warm_file: Path | None = None) -> Path:
    """Train, and leave OUT/<net>.pt with the averaged network and its history. `warm_file`: a
    float ONNX file in place of the earlier stage's weights, to begin and to make a mean with."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    out.mkdir(parents=True, exist_ok=True)
    name = recipe.name or recipe.net
    state_path, result = out / f"{name}.state.pt", out / f"{name}.pt"
    model = Trainee(recipe.net)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster on a CPU
    make, model.balance = source(recipe, data, "train", Jitter(**recipe.jitter))
    check, _ = source(recipe, data, "val", Jitter(**(recipe.jitter | {"photo": 0.0})))
    if warm_file:
        warm(model.net, warm_file, some_inputs(make, recipe))
    elif recipe.start:
        known = torch.load(out / f"{recipe.start}.pt", weights_only=True)["trainee"]
        known.pop("balance")
        model.load_state_dict(known, strict=False)
    mean = copy.deepcopy(model)
    optimiser = torch.optim.AdamW(model.parameters(), recipe.lr, weight_decay=recipe.weight_decay)
    plan = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.lr, total_steps=recipe.steps, pct_start=0.15, final_div_factor=100
    )
    first = 0
    if resume and state_path.exists():
        state = torch.load(state_path, weights_only=False)
        model.load_state_dict(state["model"])
        mean.load_state_dict(state["mean"])
        optimiser.load_state_dict(state["optimiser"])
        plan.load_state_dict(state["plan"])
        first = state["step"]
    loop = Loop(recipe, model, mean, optimiser, plan, state_path)
    loop.run(make, first)
    for stage, share in recipe.mean.items():
        begun = warm_file if stage == recipe.start else None
        blend(mean.net, begun or out / f"{stage}.pt", share)
        unfold(mean.net, some_inputs(make, recipe))
    torch.save({"net": mean.net.state_dict(), "trainee": mean.state_dict()}, result)
    print(recipe.net, "validation", judge(mean, check, recipe), flush=True)
    return result


def some_inputs(make: Maker, recipe: Recipe) -> list[list[Tensor]]:
    """Real-valued inputs of a few batches, to measure layers on."""
    some = (tensors(b) for b in batches(make, recipe.batch, recipe.seed + 2, 0, 8))
    return [[real(t[i.name], i) for i in SPECS[recipe.net].inputs] for t in some]


class Loop:
    """The training loop and its checkpoints."""

    def __init__(
        self, recipe: Recipe, model: Trainee, mean: Trainee, optimiser: Any, plan: Any, path: Path
    ) -> None:
        self.recipe, self.model, self.mean = recipe, model, mean
        self.optimiser, self.plan, self.path = optimiser, plan, path

    def run(self, make: Maker, first: int) -> None:
        r = self.recipe
        saved = shown = time.monotonic()
        sums: dict[str, float] = {}
        count = 0
        for i, batch in enumerate(batches(make, r.batch, r.seed, first, r.steps)):
            step = first + i + 1
            if r.rounding_steps and step == r.steps - r.rounding_steps:
                self._round(batch)
            for k, v in self._step(batch, step).items():
                sums[k] = sums.get(k, 0.0) + v
            count += 1
            now = time.monotonic()
            if now - shown > 20 or step == r.steps:
                parts = " ".join(f"{k} {v / count:.3f}" for k, v in sums.items())
                print(
                    f"{r.net} {step}/{r.steps} {parts} ({(now - shown) / count:.2f} s)", flush=True
                )
                sums, count, shown = {}, 0, now
            if now - saved > r.save_minutes * 60:
                self.save(step)
                saved = now

    def _round(self, batch: Batch) -> None:
        """From here on train with the rounding of the integer network in place."""
        from tools.train.nets import calibrate

        inputs = tuple(real(tensors(batch)[i.name], i) for i in self.model.net.spec.inputs)
        ranges = calibrate(self.mean.net, [inputs])
        self.model.net.ranges = ranges
        self.model.load_state_dict(self.mean.state_dict())

    def _step(self, batch: Batch, step: int) -> dict[str, float]:
        self.model.train(self.model.net.ranges is None)
        parts = self.model.losses(tensors(batch))
        parts = {k: v * self.recipe.weights.get(k, 1.0) for k, v in parts.items()}
        total = torch.stack(list(parts.values())).sum()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimiser.step()
        self.plan.step()
        keep = min(self.recipe.average, step / (step + 20))
        for a, b in zip(
            self.mean.state_dict().values(), self.model.state_dict().values(), strict=True
        ):
            if a.dtype.is_floating_point:
                a.lerp_(b, 1 - keep)
        return {k: float(v.detach()) for k, v in parts.items()}

    def save(self, step: int) -> None:
        state = {
            "model": self.model.state_dict(),
            "mean": self.mean.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "plan": self.plan.state_dict(),
            "step": step,
        }
        torch.save(state, self.path.with_suffix(".tmp"))
        self.path.with_suffix(".tmp").replace(self.path)


@torch.no_grad()
def judge(model: Trainee, make: Maker, recipe: Recipe, steps: int = 8) -> dict[str, float]:
    """Mean losses on the validation split."""
    model.eval()
    sums: dict[str, float] = {}
    for batch in batches(make, recipe.batch, recipe.seed + 1, 0, steps):
        for k, v in model.losses(tensors(batch)).items():
            sums[k] = sums.get(k, 0.0) + float(v) / steps
    return {k: round(v, 4) for k, v in sums.items()}
