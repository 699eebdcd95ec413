// Engine::still: a picture of which nothing is known, not even how large its faces are.
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
  report_face(frame, seen);
  const std::array<float, kActions> before = action_;
  if (embed(frame, look_.next)) {
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
  for (std::size_t i = 0; i < std::size(kTiles) && best.weight == 0; ++i)
    try_tiles(frame, kTiles[i], best);
  return best.weight > 0 && look(frame, best.roi);
}

void Engine::try_tiles(const ImageView& frame, int tiles, Best& best) {
  const Roi whole = whole_frame(frame.width, frame.height);
  const double width = whole.w / tiles;
  const double height = whole.h / tiles;
  if (width < kMinTile) return;
  const Row across = spread(frame.width, width);
  const Row down = spread(frame.height, height);
  Candidates found;
  for (int j = 0; j < down.count; ++j)
    for (int i = 0; i < across.count; ++i)
      locate(frame, {across.at(i), down.at(j), width, height, 0}, found);
  try_still(frame, found, kSureTiles, best);
}

void Engine::try_still(const ImageView& frame, const Candidates& found, float sure, Best& best) {
  for (int i = 0; i < found.count; ++i) {
    const Candidate& at = found.items[static_cast<std::size_t>(i)];
    const bool looked = look_twice(frame, {at.cx, at.cy, at.side, at.side, 0}) &&
                        look(frame, look_.next) && look_.score >= kSureScore &&
                        at.score * look_.score >= sure &&
                        usable_face(look_.next, frame.width, frame.height);
    if (!looked) continue;
    // Both networks have a say: what one of them takes for a face seldom deceives the other.
    const Candidate face{look_.next.cx, look_.next.cy, look_.next.w, at.score * look_.score,
                         at.trust};
    const double weight = driver_weight(face, config_.seat, frame.width, frame.height);
    if (weight > best.weight) best = {look_.roi, weight};
  }
}

}  // namespace dms
