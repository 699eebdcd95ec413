"""What each network is trained towards. Uncertainties are learnt beside the values, without
letting a large claimed uncertainty excuse a large error."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from tools.train.spec import CLOSED_BELOW

Losses = dict[str, Tensor]
Targets = dict[str, Tensor]

SOFT = 0.1
"""So far around `CLOSED_BELOW` the label of a closed eye is neither 0 nor 1."""


def rotation_from_6d(x: Tensor) -> Tensor:
    """(N, 6) = R[:, 0], R[:, 1] unnormalised -> rotation matrices (N, 3, 3)."""
    a = F.normalize(x[:, :3], dim=1)
    b = x[:, 3:] - (a * x[:, 3:]).sum(1, keepdim=True) * a
    b = F.normalize(b, dim=1)
    return torch.stack([a, b, torch.linalg.cross(a, b)], 2)


def geodesic(a: Tensor, b: Tensor) -> Tensor:
    """Angle between rotations [rad], with a gradient that stays finite at 0."""
    cos = ((a * b).sum((1, 2)) - 1) / 2
    sin = (a - b).flatten(1).norm(dim=1) / (8**0.5)
    # |a - b|_F = 2 sqrt(2) sin(angle / 2)
    small = 2 * torch.asin(sin.clamp(max=0.7))
    return torch.where(cos > 0.2, small, torch.acos(cos.clamp(-0.9999, 0.9999)))


def spread(error: Tensor, log_sigma: Tensor) -> Tensor:
    """Laplace likelihood of the (detached) error under the claimed sigma."""
    s = log_sigma.clamp(-5, 3)
    return error.detach() * torch.exp(-s) + s


def mean(x: Tensor, weight: Tensor) -> Tensor:
    return (x * weight).sum() / weight.sum().clamp(min=1.0)


def face_losses(out: Tensor, t: Targets) -> Losses:
    face = t["face"]
    lm = t["lm"].flatten(1)
    rotation = rotation_from_6d(out[:, 137:143])
    angle = geodesic(rotation, t["R"])
    unit = (out[:, 137:140].norm(dim=1) - 1) ** 2 + (out[:, 140:143].norm(dim=1) - 1) ** 2
    known = t["known"]
    mouth_seen = known * (1 - t["mask"])
    bce = F.binary_cross_entropy_with_logits

    def attribute(k: int, name: str) -> Tensor:
        return mean(bce(out[:, k], t[name], reduction="none"), known)

    return {
        "face": bce(out[:, 0], face),
        "landmarks": 10 * mean((out[:, 1:137] - lm).abs().mean(1), face),
        "rotation": 3 * mean(angle, face) + 0.05 * mean(unit, face),
        "rotation_sigma": 0.1 * mean(spread(angle, out[:, 143]), face),
        "mouth": 4
        * mean(F.smooth_l1_loss(out[:, 144], t["mouth"], reduction="none", beta=0.1), mouth_seen),
        "sunglasses": 0.3 * attribute(145, "sunglasses"),
        "mask": 0.3 * attribute(146, "mask"),
        "occluded": 0.3 * attribute(147, "occluded"),
    }


def eyes_losses(out: Tensor, t: Targets) -> Losses:
    seen = t["visible"] * 0.98 + 0.02
    openness = t["open"]
    bce = F.binary_cross_entropy_with_logits
    open_error = F.smooth_l1_loss(out[:, 1], openness, reduction="none", beta=0.1)
    closed = ((CLOSED_BELOW + SOFT - openness) / (2 * SOFT)).clamp(0, 1)
    looks = seen * (openness / 0.5).clamp(0.02, 1)
    gaze = (out[:, 3:5] - t["gaze"]).norm(dim=1)
    return {
        "visible": 0.5 * bce(out[:, 0], t["visible"]),
        "open": 10 * mean(open_error, seen),
        "open_sigma": 0.1 * mean(spread((out[:, 1] - openness).abs(), out[:, 2]), seen),
        "gaze": 3 * mean(gaze, looks),
        "gaze_sigma": 0.1 * mean(spread(gaze, out[:, 5]), looks),
        "closed": 0.6 * mean(bce(out[:, 6], closed, reduction="none"), seen),
        "glasses": 0.2 * bce(out[:, 7], t["glasses"]),
    }


def heat_loss(logit: Tensor, heat: Tensor, weight: Tensor) -> Tensor:
    """Focal loss on peaks, softer near them (as in CenterNet), a mean over faces."""
    p = torch.sigmoid(logit)
    peak = (heat >= 0.999).float() * weight
    hit = F.logsigmoid(logit) * (1 - p) ** 2 * peak
    miss = F.logsigmoid(-logit) * p**2 * (1 - heat) ** 4 * (1 - peak) * weight
    return -(hit.sum() + miss.sum()) / peak.sum().clamp(min=1.0)


@dataclass(frozen=True, slots=True)
class Body:
    """What the body network and the heads that only training needs say of a batch."""

    things: Tensor
    """Logits (N, 4, 12, 16) of hands and held things."""
    action: Tensor
    """From the embedding, as are `hands` (N, 2, 2) places and `thing`, what is held."""
    hands: Tensor
    thing: Tensor


def cabin_losses(det: Tensor, t: Targets) -> Losses:
    near = t["weight"][:, 1]
    place = (det[:, 1:3] - t["det"][:, 1:3]).abs().sum(1)
    size = (det[:, 3] - t["det"][:, 3]).abs()
    return {
        "heat": heat_loss(det[:, 0], t["det"][:, 0], t["weight"][:, 0]),
        "place": 0.3 * mean(place, near),
        "size": 1.0 * mean(size, near),
    }


def body_losses(out: Body, t: Targets, balance: Tensor) -> Losses:
    """`balance`: weights of the action classes."""
    away = (out.hands - t["hands"]).abs().sum(2)
    bumps = F.binary_cross_entropy_with_logits(out.things, t["things"], reduction="none")
    rare = 1 + 9 * t["things"]  # most cells hold nothing
    return {
        "action": _classes(out.action, t["action"], balance),
        "hands": 0.5 * mean(away, t["hands_known"]),
        "thing": 0.5 * _classes(out.thing, t["object"], torch.ones(out.thing.shape[1])),
        "things": 5.0 * mean((bumps * rare).mean((1, 2, 3)), t["things_known"]),
    }


def _classes(logits: Tensor, label: Tensor, balance: Tensor) -> Tensor:
    known = label < logits.shape[1]
    if not bool(known.any()):
        return logits.sum() * 0
    return F.cross_entropy(logits[known], label[known], weight=balance, label_smoothing=0.05)


def action_losses(out: Tensor, t: Targets, balance: Tensor) -> Losses:
    """Where no action shows, each is as likely as the others: what cannot be seen is not known."""
    unseen = (t["action"] >= out.shape[1]).float()
    return {
        "action": _classes(out, t["action"], balance),
        "unseen": (-F.log_softmax(out, 1).mean(1) * unseen).mean(),
    }
