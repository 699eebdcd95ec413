// The networks as the engine sees them: run one, and find its numbers in memory that the
// engine owns. Behind the interface is ONNX Runtime, or in tests a double.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "decode.hpp"
#include "locate.hpp"
#include "tensor_ring.hpp"

namespace dms {

class Net {
 public:
  virtual ~Net() = default;
  /// Reads the inputs and writes the outputs of binding `slot`. False: see `error()`.
  virtual bool run(std::size_t slot) noexcept = 0;
  virtual const char* error() const noexcept = 0;
};

constexpr int kFaceSide = 112;  // px, input of the face network
constexpr int kEyeSide = 64;    // px, input of the eye network
constexpr int kEmbedding = 64;  // bytes of one step of the action network's window

/// Inputs and outputs of all networks. Aligned for the widest vectors.
struct NetMemory {
  alignas(64) std::array<std::uint8_t, kFaceSide * kFaceSide> face_image{};
  alignas(64) std::array<float, FaceOutput::kSize> face{};
  alignas(64) std::array<std::uint8_t, kEyeSide * kEyeSide> eye_image{};
  alignas(64) std::array<float, 2> eye_pose{};  // sin(yaw), sin(pitch)
  alignas(64) std::array<float, EyeOutput::kSize> eye{};
  /// The whole frame for `cabin`, or an upper body for `body`.
  alignas(64) std::array<std::uint8_t, HeatMap::kInputWidth * HeatMap::kInputHeight> wide_image{};
  alignas(64) std::array<float, HeatMap::kChannels * HeatMap::kCells> heat{};
  alignas(64) std::array<std::uint8_t, kEmbedding> embedding{};
  alignas(64) std::array<float, kActions> action{};
  TensorRing window{kWindowSteps, kEmbedding};
  TensorRing still_window{kWindowSteps, kEmbedding};
};

/// `face`, `eye`, `cabin` and `body` have one binding, number 0. `action` has one for each address
/// of `window`, and after those the still window's first.
struct Nets {
  std::unique_ptr<Net> face;
  std::unique_ptr<Net> eye;
  std::unique_ptr<Net> cabin;
  std::unique_ptr<Net> body;
  std::unique_ptr<Net> action;
};

constexpr std::size_t kStillSlot = kWindowSteps;

}  // namespace dms
