// Faces in the cabin network's heat map, and which of them is the driver's.
#pragma once

#include <array>

#include "image.hpp"
#include "preprocess.hpp"

namespace dms {

/// The side of the car, as its driver sees it, that the driver sits on. Values as in dms/types.py.
enum class Seat { kUnknown = 0, kLeft = 1, kRight = 2 };

/// Layout of the cabin network's detection map: channels of kRows x kColumns cells.
struct HeatMap {
  static constexpr int kColumns = 32;
  static constexpr int kRows = 24;
  static constexpr int kCells = kColumns * kRows;
  static constexpr int kChannels = 4;  // heat logit, dx, dy [cells], ln(side / kUnitSide)
  static constexpr float kUnitSide = 32;
  static constexpr float kCellSide = 8;  // [px] of the input
  static constexpr int kInputWidth = 256;
  static constexpr int kInputHeight = 192;
};

/// A face region that the cabin network proposes: its centre and side in the frame [px].
struct Candidate {
  double cx = 0;
  double cy = 0;
  double side = 0;
  float score = 0;  // probability
  float trust = 1;  // share of its weight that is left: see doubt_prints
};

struct Candidates {
  static constexpr int kMost = 8;  // a car has five seats; the rest is room for false ones
  std::array<Candidate, kMost> items{};
  int count = 0;
  /// Keeps the `kMost` of highest score, highest first.
  void add(const Candidate& candidate);
};

/// A cell proposes a face from this probability on. Low, because the face network judges anew: on
/// daylight pictures of a real cabin, 0.1 found the face in a third more of them than 0.3.
constexpr float kHeatMin = 0.1F;
/// Two proposals whose centres are closer than this share of the larger side are one face.
constexpr double kSameFace = 0.4;

/// The smallest 4:3 rectangle that holds the frame, times `zoom`, centred on it.
Roi whole_frame(int width, int height, double zoom = 1.0);

/// Adds the local maxima of `map`, which was made from the region `roi`, to `found`.
void find_faces(const float* map, const Roi& roi, Candidates& found);

/// A print on a shirt may look like a face, and a large one like a near one. But a near face hides
/// what is behind it: a proposal whose upper part holds the centre of a smaller one, at least half
/// as sure, keeps a tenth of its weight, so that the smaller one is looked at first.
void doubt_prints(Candidates& found);

/// How likely `candidate` is the driver: its score squared, times its share of the frame's longer
/// side (the driver sits nearest), times 0.5 to 1.5 with its position where the seat is known,
/// times its trust. A camera looks towards the seats, so the driver of a left-hand-drive car is on
/// the image's right.
double driver_weight(const Candidate& candidate, Seat seat, int width, int height);

/// Index of the candidate of greatest weight, or -1 where there is none.
int pick_driver(const Candidates& found, Seat seat, int width, int height);

bool same_face(const Candidate& a, const Candidate& b);

}  // namespace dms
