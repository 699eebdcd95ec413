// Networks that see what a test tells them to, in the engine's own memory.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <memory>
#include <utility>

#include "engine.hpp"

namespace fake {

class Net final : public dms::Net {
 public:
  explicit Net(std::function<bool()> see) : see_(std::move(see)) {}
  bool run(std::size_t) noexcept override { return see_(); }
  const char* error() const noexcept override { return "told to fail"; }

 private:
  std::function<bool()> see_;
};

/// What the networks say; may change between frames.
struct Script {
  float heat_logit = 4;  // of one cell, in the middle of the map
  float face_logit = 4;
  float landmark_reach = 0.66F;  // of the crop: 1 / kFaceRoiScale keeps the region as it is
  bool face_runs = true;
  int cabin_runs = 0;
  int body_runs = 0;
  int face_runs_count = 0;
};

inline void see_face(const Script& script, float* out) {
  std::fill_n(out, dms::FaceOutput::kSize, 0.0F);
  out[dms::FaceOutput::kLogit] = script.face_logit;
  for (int i = 0; i < dms::kLandmarks; ++i) {
    const float angle = 6.2831853F * static_cast<float>(i) / dms::kLandmarks;
    out[dms::FaceOutput::kLandmark + 2 * i] = script.landmark_reach * std::cos(angle);
    out[dms::FaceOutput::kLandmark + 2 * i + 1] = script.landmark_reach * std::sin(angle);
  }
  out[dms::FaceOutput::kRotation] = 1;
  out[dms::FaceOutput::kRotation + 4] = 1;
}

inline void see_cabin(const Script& script, dms::NetMemory& memory) {
  memory.heat.fill(0);
  std::fill_n(memory.heat.begin(), dms::HeatMap::kCells, -9.0F);
  memory.heat[12 * dms::HeatMap::kColumns + 16] = script.heat_logit;
}

/// `script` must outlive the engine.
inline std::unique_ptr<dms::Engine> engine(Script& script) {
  auto memory = std::make_unique<dms::NetMemory>();
  dms::NetMemory* at = memory.get();
  dms::Nets nets;
  nets.face = std::make_unique<Net>([at, &script] {
    ++script.face_runs_count;
    see_face(script, at->face.data());
    return script.face_runs;
  });
  nets.eye = std::make_unique<Net>([at] {
    at->eye.fill(1);
    return true;
  });
  nets.cabin = std::make_unique<Net>([at, &script] {
    ++script.cabin_runs;
    see_cabin(script, *at);
    return true;
  });
  nets.body = std::make_unique<Net>([at, &script] {
    ++script.body_runs;
    at->embedding.fill(7);
    return true;
  });
  nets.action = std::make_unique<Net>([at] {
    at->action.fill(0);
    return true;
  });
  return std::make_unique<dms::Engine>(std::move(memory), std::move(nets), dms::EngineConfig{});
}

}  // namespace fake
