#include "frame_stats.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "kernels.hpp"

namespace dms {
namespace {

constexpr int kRows = 100;
constexpr int kEdgeRows = 50;
constexpr int kEdgeColumns = 320;
constexpr std::uint32_t kFarShare = 100;
constexpr int kMinEdge = 16;                            // grey levels: below, noise decides
constexpr std::uint64_t kRowKey = 0xC2B2AE3D27D4EB4Fu;  // odd; sets equal rows apart in the hash

// The difference that one in `share` of those counted reaches.
int strongest(const std::array<std::uint32_t, 256>& counts, std::uint32_t total,
              std::uint32_t share) {
  std::uint32_t above = 0;
  int level = 255;
  while (level > 0 && (above += counts[static_cast<std::size_t>(level)]) * share < total) --level;
  return level;
}

FrameStats stats_with(const Kernels& kernels, const ImageView& frame) {
  if (!frame.valid()) return {};
  const int step = std::max(1, frame.height / kRows);
  RowSums s;
  int rows = 0;
  std::uint64_t key = kRowKey;
  for (int y = step / 2; y < frame.height; y += step, ++rows, key += kRowKey)
    kernels.stats_row(frame.row(y), frame.width, key, &s);
  const double n = static_cast<double>(rows) * frame.width;
  const double mean = static_cast<double>(s.sum) / n;
  const double variance = static_cast<double>(s.sum_sq) / n - mean * mean;
  FrameStats out;
  out.mean = static_cast<float>(mean);
  out.stddev = static_cast<float>(std::sqrt(std::max(0.0, variance)));
  out.dark = static_cast<float>(static_cast<double>(s.dark) / n);
  out.saturated = static_cast<float>(static_cast<double>(s.saturated) / n);
  out.sharpness = edge_sharpness(frame, frame.width);
  out.hash = s.hash;
  return out;
}

}  // namespace

// A sharp edge shows in a quarter as many of the near differences as of the far.
float edge_sharpness(const ImageView& part, int frame_width) {
  const int near = std::max(1, (3 * frame_width + 320) / 640);
  const int far = 4 * near;
  const int across = std::max(1, part.width / kEdgeColumns);
  const int down = std::max(1, part.height / kEdgeRows);
  std::array<std::uint32_t, 256> near_counts{}, far_counts{};
  std::uint32_t total = 0;
  for (int y = down / 2; y < part.height; y += down) {
    const std::uint8_t* row = part.row(y);
    for (int x = 0; x + far < part.width; x += across, ++total) {
      ++near_counts[static_cast<std::size_t>(std::abs(row[x + near] - row[x]))];
      ++far_counts[static_cast<std::size_t>(std::abs(row[x + far] - row[x]))];
    }
  }
  const int height = strongest(far_counts, total, kFarShare);
  if (total == 0 || height < kMinEdge) return std::numeric_limits<float>::quiet_NaN();
  return static_cast<float>(strongest(near_counts, total, 4 * kFarShare)) /
         static_cast<float>(height);
}

FrameStats frame_stats(const ImageView& frame) { return stats_with(best_kernels(), frame); }

FrameStats frame_stats_reference(const ImageView& frame) {
  return stats_with(portable_kernels(), frame);
}

}  // namespace dms
