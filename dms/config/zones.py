"""Settings of where things are in the car: the zones of the driver's gaze."""

from __future__ import annotations

from dataclasses import dataclass

from dms.config.param import param

GEOMETRY = "choice, round the targets of Euro NCAP's Driver Engagement protocol: "

Polygon = tuple[tuple[float, float], ...]
"""Corners (towards the passenger, up) [deg]."""


@dataclass(frozen=True, slots=True)
class ZoneConfig:
    """Where the driver's gaze can go, as polygons seen from the driver's eyes.

    A polygon is its corners `sideways/up` [deg] from straight ahead, sideways > 0 towards the
    passenger, so that the same numbers hold for left- and right-hand drive; `;` separates several
    polygons of one zone; `none`: no such zone. Where zones overlap the one listed first wins. The
    forward road view is not a polygon: it is what `fusion`'s limits leave, so that there is one
    truth about away.
    """

    mirror_rear: str = param("21/8 38/8 38/26 21/26", "rear-view mirror", GEOMETRY + "29/16")
    mirror_driver: str = param(
        "-48/-16 -31/-16 -31/4 -48/4", "outside mirror, driver's side", GEOMETRY + "-39"
    )
    mirror_passenger: str = param(
        "37/-16 55/-16 55/4 37/4", "outside mirror, passenger's side", GEOMETRY + "46"
    )
    cluster: str = param("-14/-30 14/-30 14/-16 -14/-16", "instruments", GEOMETRY + "0/-25")
    dash: str = param(
        "14/-18 27/-18 27/-7 14/-7; -31/-20 -14/-20 -14/-7 -31/-7",
        "on the dashboard, where phones are mounted",
        GEOMETRY + "dash phone 23/-13, and the same on the driver's side",
    )
    centre_stack: str = param(
        "14/-33 43/-33 43/-7 27/-7 27/-18 14/-18",
        "infotainment display and the controls under it",
        GEOMETRY + "33/-20",
    )
    glovebox: str = param("43/-35 66/-35 66/-15 43/-15", "glovebox", GEOMETRY + "53/-23")
    footwell: str = param(
        "26/-90 80/-90 80/-33 26/-33", "the passenger's footwell", "choice: below the glovebox"
    )
    lap: str = param(
        "-45/-90 26/-90 26/-30 -31/-30 -45/-36",
        "the driver's lap and knees",
        GEOMETRY + "lap 0/-50, knee 0/-60",
    )
    window_driver: str = param(
        "-115/-36 -31/-36 -31/30 -115/30", "window on the driver's side", "choice: beyond -31 deg"
    )
    window_passenger: str = param(
        "38/-15 66/-15 66/30 38/30", "window on the passenger's side", "choice: up to the passenger"
    )
    passenger: str = param(
        "66/-36 120/-36 120/30 66/30", "the passenger, and who sits behind", GEOMETRY + "82"
    )


def polygons(text: str) -> tuple[Polygon, ...]:
    """Read a zone's polygons. Errors: ValueError that says what is wrong."""
    return () if text == "none" else tuple(_polygon(part) for part in text.split(";"))


def _polygon(text: str) -> Polygon:
    corners = tuple(_corner(word) for word in text.split())
    if len(corners) < 3:
        raise ValueError(f'a polygon needs three corners or more, got "{text.strip()}"')
    return corners


def _corner(word: str) -> tuple[float, float]:
    sideways, slash, up = word.partition("/")
    try:
        corner = float(sideways), float(up)
    except ValueError:
        slash = ""
    if not slash or not (abs(corner[0]) <= 180 and abs(corner[1]) <= 90):
        raise ValueError(f'"{word}" is no corner: write sideways/up in degrees, as 29/16')
    return corner
