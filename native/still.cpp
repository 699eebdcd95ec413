// Engine::still: a picture of which nothing is known, not even how large its faces are. It is
// searched in more places than a frame of a stream, and looked at more often; a stream in which no
// face has been for long is searched in the same places, one a frame.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <tuple>

#include "engine.hpp"

namespace dms {
namespace {

/// What is taken must be surer than in a stream, which a look later drops what was none: the face
/// network alone, and times the probability that the cabin network gave the place; the surer, the
/// more places have been looked at. Chosen on rendered validation frames with pictures of a real
/// cabin beside them; `python -m tools.train evaluate` tells what they find and mistake
/// (models/MODEL_CARD.md).
constexpr float kSureScore = 0.8F;
constexpr float kSureWhole = 0.1F;
constexpr float kSureZoomed = 0.2F;
constexpr float kSureTiles = 0.38F;
/// From here on nothing further is looked at, neither the place's surroundings nor tiles.
constexpr float kSureEnough = 0.5F;
/// Where a face is looked for round a place that the cabin network gave, in sides of that place:
/// there, and round it, as brow and eyes behind glasses are taken for a smaller face.
struct Place {
  double side, down;
};
constexpr Place kPlaces[] = {{1, 0}, {1.5, 0.25}};
/// The smallest tile worth a look [px]: one that the network sees without enlargement.
constexpr int kMinTile = HeatMap::kInputWidth;
/// How far beyond its borders a picture is looked at, times its size: a face that overfills the
/// frame is then as large as those the network knows.
constexpr double kZoomOut[] = {1.6, 2.5};
/// Tiles a side, finer and finer, until a face is found: a face of 60 px in 1920 is then 20 px of
/// the network's input at 4 tiles.
constexpr int kTiles[] = {2, 4};
constexpr double kTileOverlap = 0.5;  // of a tile's side, so that no face is cut by all of them

/// Centres of overlapping tiles in a row.
struct Row {
  int count;
  double first;
  double step;
  double at(int i) const { return first + i * step; }
};

/// Tiles of length `tile` that cover 0 to `length`; one in the middle where it covers all.
Row spread(double length, double tile) {
  if (length <= tile) return {1, 0.5 * length, 0};
  const double gaps = std::ceil((length - tile) / ((1 - kTileOverlap) * tile));
  return {static_cast<int>(gaps) + 1, 0.5 * tile, (length - tile) / gaps};
}

/// Tiles of a frame, as many to its longer side; none where they would need enlarging.
class Grid {
 public:
  Grid(const ImageView& frame, int tiles) {
    const Roi whole = whole_frame(frame.width, frame.height);
    width_ = whole.w / tiles;
    height_ = whole.h / tiles;
    if (width_ < kMinTile) return;
    across_ = spread(frame.width, width_);
    down_ = spread(frame.height, height_);
  }
  int count() const { return across_.count * down_.count; }
  Roi at(int i) const {
    return {across_.at(i % across_.count), down_.at(i / across_.count), width_, height_, 0};
  }

 private:
  double width_, height_;
  Row across_{};
  Row down_{};
};

/// A face is looked at so large and mirrored too, and an eye so, and what is seen is the mean: on
/// rendered strangers the head's error is 2.0 instead of 2.2 degrees, gaze 4.7 instead of 4.9.
constexpr double kZooms[] = {1, 0.93, 1.08};
struct EyeView {
  double zoom, right, down;  // of the region's side
};
constexpr EyeView kEyeViews[] = {
    {1, 0, 0}, {0.92, 0, 0}, {1.08, 0, 0}, {1, 0.05, 0.03}, {1, -0.05, -0.03}};

}  // namespace

bool Engine::still(const ImageView& frame, std::int64_t t_ns, std::uint64_t seq,
                   Seen& seen) noexcept {
  const std::tuple stream(frozen_, hashed_, last_hash_);
  begin(frame, t_ns, seq, seen);
  streaming_ = false;
  std::tie(frozen_, hashed_, last_hash_) = stream;
  if (!frame.valid()) return false;
  seen.quality.frozen_frames = 0;
  if (!search_still(frame)) return *error_ == 0;
  if (!look_around(frame)) return *error_ == 0;
  report_face(frame, seen);
  const std::array<float, kActions> before = action_;
  if (embed(frame, body_below())) {
    memory_->still_window.fill(memory_->embedding.data());
    if (classify(kStillSlot)) {
      seen.has_action = true;
      seen.action = {action_, 0, 1};
    }
  }
  action_ = before;
  clock_.lap(Stage::kDecode);
  return *error_ == 0;
}

bool Engine::search_still(const ImageView& frame) {
  Candidates found;
  Best best;
  locate(frame, whole_frame(frame.width, frame.height), found);
  try_still(frame, found, kSureWhole, best);
  for (std::size_t i = 0; i < std::size(kZoomOut) && best.weight == 0; ++i) {
    found = Candidates{};
    locate(frame, whole_frame(frame.width, frame.height, kZoomOut[i]), found);
    try_still(frame, found, kSureZoomed, best);
  }
  // A find that is not sure may be a print or a headrest beside a head too small to be seen whole.
  for (std::size_t i = 0; i < std::size(kTiles) && best.sure < kSureEnough; ++i)
    try_tiles(frame, kTiles[i], best);
  return best.weight > 0 && look(frame, best.roi);
}

bool Engine::search_further(const ImageView& frame) {
  if (tracker_.has_body()) return false;  // not long ago there was a face
  int index = next_tile_++;
  for (const int tiles : kTiles) {
    const Grid grid(frame, tiles);
    if (index < grid.count()) {
      Candidates found;
      Best best;
      locate(frame, grid.at(index), found);
      found.count = std::min(found.count, kMostTries);
      try_still(frame, found, kSureTiles, best);
      return best.weight > 0 && look(frame, best.roi) && tracker_.take(look_.score, look_.next);
    }
    index -= grid.count();
  }
  next_tile_ = 0;
  return false;
}

bool Engine::look_around(const ImageView& frame) {
  const Roi roi = look_.roi;
  const std::array<float, FaceOutput::kSize> plain = memory_->face;
  std::array<float, FaceOutput::kSize> mean = plain;
  int looks = 1;
  for (const double zoom : kZooms)
    for (const bool mirror : {false, true}) {
      if (zoom == 1 && !mirror) continue;  // as it was looked at
      const Roi near{roi.cx, roi.cy, zoom * roi.w, zoom * roi.h, roi.angle};
      if (!run_face(frame, near, mirror)) return false;
      if (mirror) mirror_rotation(memory_->face.data() + FaceOutput::kRotation);
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += memory_->face[i];
      ++looks;
    }
  // Landmarks stay as seen in the plain look: they are of its region.
  for (std::size_t i = 0; i < mean.size(); ++i) {
    const bool landmark = i >= FaceOutput::kLandmark && i < FaceOutput::kRotation;
    memory_->face[i] = landmark ? plain[i] : mean[i] / static_cast<float>(looks);
  }
  take_look(roi);
  return true;
}

bool Engine::look_around_eye(const ImageView& frame, const Roi& roi, bool right) {
  std::array<float, EyeOutput::kSize> mean{};
  int looks = 0;
  for (const EyeView& view : kEyeViews) {
    const double side = view.zoom * roi.w;
    const Roi near{roi.cx + view.right * roi.w, roi.cy + view.down * roi.h, side, side, roi.angle};
    if (!look_at_eye(frame, near, right)) return false;
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += memory_->eye[i];
    ++looks;
  }
  for (std::size_t i = 0; i < mean.size(); ++i)
    memory_->eye[i] = mean[i] / static_cast<float>(looks);
  return true;
}

void Engine::try_tiles(const ImageView& frame, int tiles, Best& best) {
  const Grid grid(frame, tiles);
  Candidates found;
  for (int i = 0; i < grid.count(); ++i) locate(frame, grid.at(i), found);
  try_still(frame, found, kSureTiles, best);
}

void Engine::try_still(const ImageView& frame, const Candidates& found, float sure, Best& best) {
  for (int i = 0; i < found.count; ++i) {
    const Candidate& at = found.items[static_cast<std::size_t>(i)];
    for (const Place& place : kPlaces) {
      const double side = place.side * at.side;
      const bool looked = look_twice(frame, {at.cx, at.cy + place.down * at.side, side, side, 0}) &&
                          look(frame, look_.next) && look_.score >= kSureScore &&
                          at.score * look_.score >= sure &&
                          usable_face(look_.next, frame.width, frame.height);
      if (!looked) continue;
      // Both networks have a say: what one of them takes for a face seldom deceives the other.
      const Candidate face{look_.next.cx, look_.next.cy, look_.next.w, at.score * look_.score,
                           at.trust};
      const double weight = driver_weight(face, config_.seat, frame.width, frame.height);
      if (weight > best.weight) best = {look_.roi, weight, face.score};
      if (face.score >= kSureEnough) break;
    }
  }
}

}  // namespace dms
