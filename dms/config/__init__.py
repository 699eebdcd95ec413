"""Every threshold of the system: value, unit (in the name), range and source, in one place a stage.

`load(path)` gives a Config or raises one ConfigError that lists every mistake. Later layers win:
defaults, the profile, the file, overrides. The sources named are the primary documents; "choice"
marks a number of our own, with its reason.
"""

from dms.config.alerts import AlertConfig, Ladder
from dms.config.attention import AttentionConfig
from dms.config.build import ConfigError
from dms.config.diagnostics import DiagnosticsConfig
from dms.config.drowsiness import DrowsinessConfig
from dms.config.edges import CameraConfig, CanConfig, EngineConfig, HealthConfig
from dms.config.fusion import FusionConfig
from dms.config.load import Config, load
from dms.config.param import MS
from dms.config.yaml_strict import Scalar
from dms.config.zones import ZoneConfig

__all__ = [
    "MS",
    "AlertConfig",
    "AttentionConfig",
    "CameraConfig",
    "CanConfig",
    "Config",
    "ConfigError",
    "DiagnosticsConfig",
    "DrowsinessConfig",
    "EngineConfig",
    "FusionConfig",
    "HealthConfig",
    "Ladder",
    "Scalar",
    "ZoneConfig",
    "load",
]
