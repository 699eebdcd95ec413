// What the networks saw in one frame, as plain data that can be copied through a ring.
// Fields, units and signs are those of dms/types.py.
#pragma once

#include <array>
#include <cstdint>
#include <limits>

namespace dms {

constexpr int kLandmarks = 68;
constexpr int kActions = 8;
constexpr int kWindowSteps = 32;

struct EyeSeen {
  float visible = 0;
  bool known = false;  // false: everything below means nothing
  float open = 0;
  float open_sigma = 0;
  float closed = 0;
  float gaze_yaw_rad = 0;
  float gaze_pitch_rad = 0;
  float gaze_sigma_rad = 0;
};

struct FaceSeen {
  float score = 0;
  std::array<float, 4> box_px{};
  std::array<float, 2 * kLandmarks> landmarks_px{};
  float yaw_rad = 0;
  float pitch_rad = 0;
  float roll_rad = 0;
  float rotation_sigma_rad = 0;
  float mouth_open = 0;
  float sunglasses = 0;
  float mask = 0;
  float occluded = 0;
  EyeSeen right;  // the person's own
  EyeSeen left;
};

struct ActionSeen {
  std::array<float, kActions> probabilities{};
  std::int64_t age_ns = 0;
  std::int32_t window_steps = 0;
};

struct QualitySeen {
  float mean = 0;
  float contrast = 0;
  float dark = 0;
  float saturated = 0;
  float sharpness = std::numeric_limits<float>::quiet_NaN();  // NaN: not known
  std::int32_t frozen_frames = 0;
  float drift = std::numeric_limits<float>::quiet_NaN();           // NaN: not known
  float face_sharpness = std::numeric_limits<float>::quiet_NaN();  // NaN: not known
};

struct Seen {
  std::uint64_t seq = 0;
  std::int64_t t_ns = 0;
  bool has_face = false;
  bool has_action = false;
  FaceSeen face;
  ActionSeen action;
  QualitySeen quality;
};

}  // namespace dms
