#include "frame_stats.hpp"

#include <algorithm>
#include <cmath>

#include "kernels.hpp"

namespace dms {
namespace {

constexpr int kRows = 100;
constexpr std::uint64_t kRowKey = 0xC2B2AE3D27D4EB4Fu;  // odd; sets equal rows apart in the hash

FrameStats stats_with(const Kernels& kernels, const ImageView& frame) {
  if (!frame.valid()) return {};
  const int step = std::max(1, frame.height / kRows);
  RowSums s;
  int rows = 0;
  std::uint64_t key = kRowKey;
  for (int y = step / 2; y < frame.height; y += step, ++rows, key += kRowKey)
    kernels.stats_row(frame.row(y), frame.width, key, &s);
  const double n = static_cast<double>(rows) * frame.width;
  const double gradients = std::max(1.0, static_cast<double>(rows) * (frame.width - 1));
  const double mean = static_cast<double>(s.sum) / n;
  const double variance = static_cast<double>(s.sum_sq) / n - mean * mean;
  FrameStats out;
  out.mean = static_cast<float>(mean);
  out.stddev = static_cast<float>(std::sqrt(std::max(0.0, variance)));
  out.dark = static_cast<float>(static_cast<double>(s.dark) / n);
  out.saturated = static_cast<float>(static_cast<double>(s.saturated) / n);
  out.sharpness = static_cast<float>(static_cast<double>(s.gradient) / gradients);
  out.hash = s.hash;
  return out;
}

}  // namespace

FrameStats frame_stats(const ImageView& frame) { return stats_with(best_kernels(), frame); }

FrameStats frame_stats_reference(const ImageView& frame) {
  return stats_with(portable_kernels(), frame);
}

}  // namespace dms
