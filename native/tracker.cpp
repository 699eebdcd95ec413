#include "tracker.hpp"

#include <algorithm>
#include <cmath>

namespace dms {

void Tracker::reset() {
  state_ = State::kLost;
  ever_seen_ = false;
  better_checks_ = 0;
  started_ = false;
  ++person_;
}

bool Tracker::begin(std::int64_t t_ns, int width, int height) {
  const bool continuous =
      started_ && t_ns >= t_ns_ && t_ns - t_ns_ <= kGapNs && width == width_ && height == height_;
  if (!continuous) reset();
  started_ = true;
  t_ns_ = t_ns;
  width_ = width;
  height_ = height;
  return continuous;
}

bool usable_face(const Roi& roi, int width, int height) {
  const bool finite = std::isfinite(roi.cx) && std::isfinite(roi.cy) && std::isfinite(roi.angle);
  return finite && roi.w >= kMinSide && roi.w <= kMaxSide * std::max(width, height) &&
         roi.cx >= 0 && roi.cx <= width && roi.cy >= 0 && roi.cy <= height;
}

Candidate Tracker::tracked_candidate(const Candidates& found) const {
  Candidate tracked{roi_.cx, roi_.cy, roi_.w, score_};
  for (int i = 0; i < found.count; ++i) {
    const auto& candidate = found.items[static_cast<std::size_t>(i)];
    if (!same_face(candidate, tracked)) continue;
    tracked.side = candidate.side;  // like is compared with like
    tracked.trust = candidate.trust;
    break;
  }
  return tracked;
}

bool Tracker::check(const Candidates& found) {
  next_check_ns_ = t_ns_ + kCheckNs;
  const Candidate tracked = tracked_candidate(found);
  const int best = pick_driver(found, seat_, width_, height_);
  if (best < 0) return false;
  const Candidate& other = found.items[static_cast<std::size_t>(best)];
  const bool better = !same_face(other, tracked) &&
                      driver_weight(other, seat_, width_, height_) >=
                          kSwitchGain * driver_weight(tracked, seat_, width_, height_);
  better_checks_ = better ? better_checks_ + 1 : 0;
  if (better_checks_ < kSwitchChecks) return false;
  state_ = State::kLost;
  return true;
}

bool Tracker::may_take(const Candidate& candidate) const {
  return !has_face() || same_face(candidate, {roi_.cx, roi_.cy, roi_.w, 1});
}

bool Tracker::take(float score, const Roi& next) {
  if (!(score >= kAcquireScore) || !usable_face(next, width_, height_)) return false;
  const Candidate before{roi_.cx, roi_.cy, roi_.w, 1};
  const bool same = ever_seen_ && same_face({next.cx, next.cy, next.w, 1}, before);
  if (!same) ++person_;
  if (!has_face()) next_check_ns_ = t_ns_ + kCheckNs;
  better_checks_ = same ? better_checks_ : 0;
  roi_ = next;
  score_ = score;
  state_ = State::kTracked;
  seen_ns_ = t_ns_;
  ever_seen_ = true;
  return true;
}

bool Tracker::keep(float score, const Roi& next) {
  const float least = state_ == State::kHeld ? kAcquireScore : kKeepScore;
  if (!(score >= least) || !usable_face(next, width_, height_)) return false;
  if (score < kAcquireScore) next_check_ns_ = std::min(next_check_ns_, t_ns_ + kDoubtNs);
  follow(next);
  score_ = score;
  state_ = State::kTracked;
  seen_ns_ = t_ns_;
  return true;
}

void Tracker::follow(const Roi& next) {
  const double reach = kMaxStep * roi_.w;
  const double side = std::clamp(next.w, roi_.w / kMaxZoom, roi_.w * kMaxZoom);
  roi_ = {std::clamp(next.cx, roi_.cx - reach, roi_.cx + reach),
          std::clamp(next.cy, roi_.cy - reach, roi_.cy + reach), side, side, next.angle};
}

void Tracker::miss() {
  if (state_ == State::kTracked) state_ = State::kHeld;
  if (t_ns_ - seen_ns_ > kHoldNs) state_ = State::kLost;
}

int Cadence::due(std::int64_t t_ns) {
  if (!started_) {
    started_ = true;
    next_ns_ = t_ns;
  }
  const std::int64_t late = t_ns + kToleranceNs - next_ns_;
  if (late < 0) return 0;
  const std::int64_t steps = 1 + late / step_ns_;
  next_ns_ += steps * step_ns_;
  return static_cast<int>(steps);
}

}  // namespace dms
