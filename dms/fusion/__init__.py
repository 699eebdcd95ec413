"""What is believed about the driver: (state, observation, vehicle) -> DriverState.

Pure; time comes from stamps only. The written rules:

- Not found is never closed, nor on the road. The last known state stands in for at most `hold_ms`,
  then it is unknown. Two exceptions, told as `presumed`: a face lost while turned away counts on as
  away for at most `lost_away_ms`, for profile loss is what a look away looks like; eyes lost closed
  with the head fallen count on as closed for at most `lost_closed_ms`.
- Closed eyes show no gaze: a blink changes nothing, and while they stay closed it is unknown
  whether the eyes are on the road.
- A frozen image is no sight. Late frames are used, and told.
- Conditions, first that holds: unresponsive, asleep, microsleep, on the phone, distracted, unknown,
  drowsy, attentive.
- Of a trigger that has just begun, or begun anew after a gap, off says nothing until two sights in
  a row speak against it: a look or a sleep that goes on over a gap is at no time the road.
- A speed never received counts as the configuration says; a speed lost keeps its last verdict.
"""

from dms.fusion.belief import unavailable
from dms.fusion.keep import Learned, learned, resumed
from dms.fusion.memory import FusionState
from dms.fusion.state import start, step

__all__ = [
    "FusionState",
    "Learned",
    "learned",
    "resumed",
    "start",
    "step",
    "unavailable",
]
