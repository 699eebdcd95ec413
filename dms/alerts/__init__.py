"""What is asked of the vehicle: (state, driver, vehicle) -> (state, what is asked). Pure; integer
nanoseconds.

The rules, in words:
- A kind's cue (eyes off the road, phone, eyes closed, ...) is present, clear or unknown. Only a
  present cue raises a level; the kind's ladder says after how long. A level never falls while
  active.
- An alert ends when its cue is clear for the profile's time without a break, or when its cue has
  not been seen for `unknown_hold_ms`. In the second case the cue is spent: it must be seen clear
  once before it may raise again, so one glance never alerts twice.
- One look alerts as one kind: what another kind has said of it is not said again. Sleep replaces
  microsleep: one closure, one alert.
- What driving itself makes one look at is exempt: towards the indicator's side or into the bend,
  for a limited time a look; in reverse gear; at standstill.
- Below the activation speed nothing is raised. A speed never received counts as the configuration
  says; a speed lost keeps its last verdict, one of standing or crawling for a minute.
- What is told of sight and of sleepiness is told once, for a while, then not again until a graver
  loss or level, or long after.
- Every change, and every cause that was held back, is an Event with its rule, values, thresholds.
"""

from dms.alerts.memory import ORDER, AlertState
from dms.alerts.step import Asked, start, step
from dms.alerts.telling import SIGHT_LOST

__all__ = ["ORDER", "SIGHT_LOST", "AlertState", "Asked", "start", "step"]
