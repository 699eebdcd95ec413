#include "drift.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "net.hpp"

namespace dms {
namespace {

constexpr int kMeanLevel = 128;  // what a pixel of the crop's mean, or outside the frame, becomes

// Sums over one pair of planes; 32 bits hold 2^16 pixels of 255.
struct PairSums {
  std::uint32_t seen = 0;
  std::uint32_t bright = 0;
  std::uint32_t high = 0;
  std::uint32_t low = 0;
};

void count_levels(const std::uint8_t* p, std::size_t n, PairSums* sums) {
  std::uint32_t seen = 0, bright = 0, high = 0, low = 0;
  for (std::size_t i = 0; i < n; ++i) {
    seen += p[i] != kMeanLevel;
    bright += p[i] > kMeanLevel;
    high += p[i] > kMeanLevel + kFarSteps;
    low += p[i] < kMeanLevel - kFarSteps;
  }
  sums->seen += seen;
  sums->bright += bright;
  sums->high += high;
  sums->low += low;
}

std::uint32_t difference(const std::uint8_t* a, const std::uint8_t* b, std::size_t n) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < n; ++i)
    sum += static_cast<std::uint32_t>(std::abs(static_cast<int>(a[i]) - static_cast<int>(b[i])));
  return sum;
}

}  // namespace

void input_features(const std::uint8_t* tensor, std::size_t plane, std::size_t planes, float* out) {
  PairSums s;
  for (std::size_t c = 0; c < 4; ++c) count_levels(tensor + c * plane, plane, &s);
  const std::size_t below = planes == 16 ? 4 : 2;  // the plane of the row beneath
  const std::uint32_t beside = difference(tensor, tensor + plane, plane) +
                               difference(tensor + 2 * plane, tensor + 3 * plane, plane);
  const std::uint32_t beneath = difference(tensor, tensor + below * plane, plane);
  const std::uint32_t cells = difference(tensor, tensor + 1, plane - 1);
  const float n = static_cast<float>(std::max<std::uint32_t>(s.seen, 1));
  out[0] = std::log1p(2.0F * static_cast<float>(beside) / n);  // two pixels a difference
  out[1] = std::log1p(4.0F * static_cast<float>(beneath) / n);
  out[2] = std::log1p(4.0F * static_cast<float>(cells) / n);
  out[3] = static_cast<float>(s.bright) / n;
  out[4] = static_cast<float>(s.high) / n;
  out[5] = static_cast<float>(s.low) / n;
}

bool DriftReference::valid(std::size_t outputs) const {
  const std::size_t n = mean.size();
  if (n == 0 || n > kMostFeatures || (gain.size() != n && gain.size() != n * n)) return false;
  if (index.empty() ? n != outputs : index.size() != n) return false;
  for (const int i : index)
    if (i < 0 || static_cast<std::size_t>(i) >= outputs) return false;
  const auto finite = [](float x) { return std::isfinite(x); };
  return std::all_of(mean.begin(), mean.end(), finite) &&
         std::all_of(gain.begin(), gain.end(), finite);
}

void DriftGauge::configure(const DriftReference& reference) {
  count_ = reference.mean.size();
  for (std::size_t i = 0; i < count_; ++i) {
    index_[i] = reference.index.empty() ? static_cast<int>(i) : reference.index[i];
    reference_[i] = reference.mean[i];
  }
  gain_ = reference.gain;
  reset();
}

void DriftGauge::reset() {
  samples_ = 0;
  mean_.fill(0);
}

void DriftGauge::add(const float* values) {
  float sum = 0;
  for (std::size_t i = 0; i < count_; ++i) sum += values[i];
  if (count_ == 0 || !std::isfinite(sum)) return;
  if (samples_ < std::numeric_limits<int>::max()) ++samples_;
  const float weight = std::max(1.0F / static_cast<float>(samples_), 1.0F / kMemorySamples);
  for (std::size_t i = 0; i < count_; ++i) mean_[i] += weight * (values[i] - mean_[i]);
}

template <typename T>
void DriftGauge::add_indexed(const T* outputs) {
  std::array<float, kMostFeatures> values{};
  for (std::size_t i = 0; i < count_; ++i) values[i] = static_cast<float>(outputs[index_[i]]);
  add(values.data());
}

void DriftGauge::add_outputs(const float* outputs) { add_indexed(outputs); }
void DriftGauge::add_outputs(const std::uint8_t* outputs) { add_indexed(outputs); }

float DriftGauge::score() const {
  const bool matrix = gain_.size() > count_;
  float sum = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    float z = 0;
    for (std::size_t j = matrix ? 0 : i; j < (matrix ? count_ : i + 1); ++j)
      z += gain_[matrix ? i * count_ + j : j] * (mean_[j] - reference_[j]);
    sum += z * z;
  }
  return count_ == 0 ? 0.0F : std::sqrt(sum / static_cast<float>(count_));
}

const char* gauge_name(Gauge gauge) {
  static constexpr std::array<const char*, kGauges> names = {
      "face_input",  "face_output", "eyes_input",  "eyes_output",
      "whole_input", "body_input",  "body_output", "action_output"};
  return names[static_cast<std::size_t>(gauge)];
}

std::size_t gauge_width(Gauge gauge) {
  switch (gauge) {
    case Gauge::kFaceOutput:
      return FaceOutput::kSize;
    case Gauge::kEyesOutput:
      return EyeOutput::kSize;
    case Gauge::kBodyOutput:
      return kEmbedding;
    case Gauge::kActionOutput:
      return kActions;
    default:
      return kInputFeatures;
  }
}

void Drift::add_input(Gauge gauge, const std::uint8_t* tensor, std::size_t bytes,
                      std::size_t planes) {
  std::array<float, kInputFeatures> values{};
  input_features(tensor, bytes / planes, planes, values.data());
  (*this)[gauge].add(values.data());
}

void Drift::reset() {
  for (DriftGauge& gauge : gauges_) gauge.reset();
}

float Drift::score() const {
  float worst = std::numeric_limits<float>::quiet_NaN();
  for (const DriftGauge& gauge : gauges_)
    if (gauge.samples() >= kMinSamples) worst = std::fmax(worst, gauge.score());
  return worst;
}

}  // namespace dms
