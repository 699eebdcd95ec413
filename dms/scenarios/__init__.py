"""Driver stories: simulated or rendered drivers before the same pipeline that the daemon runs.

story -> track (what is true at each frame) -> Observations with the networks' measured errors ->
Pipeline -> verdicts by the protocols' own numbers. Nothing here reads a clock; seeds are explicit.
"""
