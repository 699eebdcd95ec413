#include "locate.hpp"

#include <algorithm>
#include <cmath>

#include "decode.hpp"

namespace dms {
namespace {

constexpr float kLargestLogSide = 3.0F;  // e^3 * 32 px: several times the input

bool is_peak(const float* heat, int column, int row) {
  const int at = row * HeatMap::kColumns + column;
  for (int y = std::max(row - 1, 0); y <= std::min(row + 1, HeatMap::kRows - 1); ++y)
    for (int x = std::max(column - 1, 0); x <= std::min(column + 1, HeatMap::kColumns - 1); ++x) {
      const int other = y * HeatMap::kColumns + x;
      // Of equal neighbours the first is the peak.
      if (heat[other] > heat[at] || (heat[other] == heat[at] && other < at)) return false;
    }
  return true;
}

Candidate candidate_at(const float* map, const Roi& roi, int column, int row) {
  const float* cell = map + row * HeatMap::kColumns + column;
  const double scale = roi.w / HeatMap::kInputWidth;
  const double x = (static_cast<double>(column) + 0.5 + cell[HeatMap::kCells]) * HeatMap::kCellSide;
  const double y =
      (static_cast<double>(row) + 0.5 + cell[2 * HeatMap::kCells]) * HeatMap::kCellSide;
  const float log_side = std::clamp(cell[3 * HeatMap::kCells], -kLargestLogSide, kLargestLogSide);
  return {roi.cx + (x - 0.5 * HeatMap::kInputWidth) * scale,
          roi.cy + (y - 0.5 * HeatMap::kInputHeight) * scale,
          HeatMap::kUnitSide * std::exp(log_side) * scale, sigmoid(cell[0])};
}

// Share of the larger square's side by which the smaller one's centre lies above its middle, and
// aside of it at most.
constexpr double kPrintBelow = 0.3;
constexpr double kPrintBelowMost = 0.65;
constexpr double kPrintAside = 0.3;
constexpr double kPrintLarger = 1.3;
constexpr float kPrintTrust = 0.1F;

bool would_hide(const Candidate& large, const Candidate& small) {
  const double below = (large.cy - small.cy) / large.side;
  return large.side > kPrintLarger * small.side && below > kPrintBelow && below < kPrintBelowMost &&
         std::abs(large.cx - small.cx) < kPrintAside * large.side;
}

}  // namespace

void Candidates::add(const Candidate& candidate) {
  std::size_t at = 0;
  const auto size = static_cast<std::size_t>(count);
  while (at < size && !same_face(items[at], candidate)) ++at;
  if (at == size && count < kMost)
    items[static_cast<std::size_t>(count++)] = candidate;
  else if (at == size && candidate.score > items[--at].score)
    items[at] = candidate;
  else if (candidate.score > items[at].score)
    items[at] = candidate;
  for (; at > 0 && items[at].score > items[at - 1].score; --at) std::swap(items[at], items[at - 1]);
}

Roi whole_frame(int width, int height, double zoom) {
  const double unit = std::max(width / 4.0, height / 3.0) * zoom;
  return {0.5 * width, 0.5 * height, 4 * unit, 3 * unit, 0};
}

void find_faces(const float* map, const Roi& roi, Candidates& found) {
  const float least = std::log(kHeatMin / (1 - kHeatMin));
  for (int row = 0; row < HeatMap::kRows; ++row)
    for (int column = 0; column < HeatMap::kColumns; ++column) {
      if (!(map[row * HeatMap::kColumns + column] >= least)) continue;
      if (is_peak(map, column, row)) found.add(candidate_at(map, roi, column, row));
    }
}

void doubt_prints(Candidates& found) {
  for (int i = 0; i < found.count; ++i) {
    Candidate& large = found.items[static_cast<std::size_t>(i)];
    large.trust = 1;
    for (int j = 0; j < found.count; ++j) {
      const Candidate& small = found.items[static_cast<std::size_t>(j)];
      if (2 * small.score >= large.score && would_hide(large, small)) large.trust = kPrintTrust;
    }
  }
}

double driver_weight(const Candidate& candidate, Seat seat, int width, int height) {
  const double size = candidate.side / std::max(width, height);
  const double across = std::clamp(2 * candidate.cx / width - 1, -1.0, 1.0);
  const double sign = seat == Seat::kLeft ? 0.5 : seat == Seat::kRight ? -0.5 : 0.0;
  const double score = candidate.score;
  return score * score * size * (1 + sign * across) * candidate.trust;
}

int pick_driver(const Candidates& found, Seat seat, int width, int height) {
  int best = -1;
  double most = 0;
  for (int i = 0; i < found.count; ++i) {
    const auto& candidate = found.items[static_cast<std::size_t>(i)];
    const double weight = driver_weight(candidate, seat, width, height);
    if (weight > most) {
      most = weight;
      best = i;
    }
  }
  return best;
}

bool same_face(const Candidate& a, const Candidate& b) {
  return std::hypot(a.cx - b.cx, a.cy - b.cy) < kSameFace * std::max(a.side, b.side);
}

}  // namespace dms
