// How unlike the pictures that the networks were trained on a stream is. Each gauge keeps a running
// mean of a few numbers (of a network's input, or what comes out of it) and compares it with what
// the same numbers were on the rendered validation split: mean and standard deviation over many
// people, lights and cameras, from the manifest. No allocation; a few microseconds a frame.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace dms {

/// Numbers of an input tensor: contrast c [input steps] of horizontal and of vertical neighbours
/// and of pixels a cell apart, as ln(1 + c), and shares of the pixels that lie above the mean, far
/// above it, far below it. Mean and contrast of the crop itself are taken out by the normalisation;
/// noise, blur, lost lines and few grey levels show in how the numbers go together.
constexpr std::size_t kInputFeatures = 6;
/// "Far" from the mean: 1.5 standard deviations of the crop, in input steps (40 a deviation).
constexpr int kFarSteps = 60;
constexpr std::size_t kMostFeatures = 64;
/// The running mean forgets with this many samples: 8 s of faces at 30 frames/s.
constexpr float kMemorySamples = 256;
/// Samples before a gauge is believed: below, one head pose decides.
constexpr int kMinSamples = 64;

/// The features of a space-to-depth tensor of block^2 planes of `plane` bytes (block 2 or 4).
/// Levels and horizontal neighbours come from its first four planes. Pixels outside the frame,
/// which are 128, and the few that equal the mean do not count. All zero where nothing else is
/// there.
void input_features(const std::uint8_t* tensor, std::size_t plane, std::size_t planes, float* out);

/// What a gauge is compared with.
struct DriftReference {
  std::vector<int> index;  // of a network's outputs; empty for an input
  std::vector<float> mean;
  /// What makes deviations from the mean into units: n factors, or an n x n matrix by rows that
  /// also takes out how features go together (see the manifest's `whiten`, `std` and `usual`).
  std::vector<float> gain;

  /// Sizes agree, are not above kMostFeatures, all is finite, indices are below `outputs`.
  bool valid(std::size_t outputs) const;
};

class DriftGauge {
 public:
  /// A gauge without a reference stays at no samples.
  void configure(const DriftReference& reference);
  void reset();
  /// One sample of all features; values that are not finite leave the gauge as it was.
  void add(const float* values);
  /// One sample of the outputs that the reference names.
  void add_outputs(const float* outputs);
  void add_outputs(const std::uint8_t* outputs);

  int samples() const { return samples_; }
  /// Root mean square, over the features, of gain * (running mean - reference mean): below 1 for
  /// people, lights and cameras like those of training.
  float score() const;

 private:
  template <typename T>
  void add_indexed(const T* outputs);

  std::size_t count_ = 0;
  int samples_ = 0;
  std::array<int, kMostFeatures> index_{};
  std::array<float, kMostFeatures> reference_{};
  std::vector<float> gain_;  // as in the reference; sized before the first frame
  std::array<float, kMostFeatures> mean_{};
};

/// The gauges of an engine. The names are those of `gauge_name`.
enum class Gauge {
  kFaceInput,
  kFaceOutput,
  kEyesInput,
  kEyesOutput,
  kWholeInput,  // the cabin network's, the whole frame
  kBodyInput,   // the body network's, the upper body
  kBodyOutput,
  kActionOutput,
};
constexpr std::size_t kGauges = 8;
const char* gauge_name(Gauge gauge);
/// How many numbers the gauge's network puts out; kInputFeatures for an input's gauge.
std::size_t gauge_width(Gauge gauge);

class Drift {
 public:
  DriftGauge& operator[](Gauge gauge) { return gauges_[static_cast<std::size_t>(gauge)]; }
  const DriftGauge& operator[](Gauge gauge) const {
    return gauges_[static_cast<std::size_t>(gauge)];
  }
  /// One sample of an input tensor of `bytes` bytes, `planes` planes.
  void add_input(Gauge gauge, const std::uint8_t* tensor, std::size_t bytes, std::size_t planes);
  void reset();
  /// The largest score of the gauges with kMinSamples; NaN where there is none yet.
  float score() const;

 private:
  std::array<DriftGauge, kGauges> gauges_{};
};

}  // namespace dms
