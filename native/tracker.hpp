// The rules by which one face, the driver's, is followed from frame to frame. No pixels here.
//
// Lost:    every frame is searched. A proposal becomes the driver's face when the face network,
//          looking a second time with the region that its own landmarks gave, says so with
//          kAcquireScore.
// Tracked: the next region comes from this frame's landmarks, turned upright, and moves at most
//          kMaxStep of its side and kMaxZoom in size. The face stays with kKeepScore, lower than
//          kAcquireScore, so that a score near the threshold does not flicker.
// Held:    a frame below kKeepScore reports no face; that frame is searched, and only the same
//          face is taken. After kHoldNs without it the track is lost.
// Check:   every kCheckNs the whole frame is searched for a better driver. Another face takes over
//          when its weight (size, seat, score: see locate.hpp) is kSwitchGain times the tracked
//          one's, whose score is the face network's (a driver who looks away is still the driver),
//          in kSwitchChecks checks in a row.
// Body:    is looked at for kBodyHoldNs after its face was lost, so that a driver who turns or
//          bends away is still seen to reach or drink.
// Stream:  time that goes back, or a gap over kGapNs, or another frame size, forgets everything.
//          A frozen picture does not: the same pixels are measured again, and the observation
//          counts them.
#pragma once

#include <cstdint>

#include "locate.hpp"
#include "preprocess.hpp"

namespace dms {

constexpr float kAcquireScore = 0.8F;                // probability
constexpr float kKeepScore = 0.35F;                  // probability
constexpr double kMaxStep = 0.5;                     // of the region's side, a frame
constexpr double kMaxZoom = 1.3;                     // factor a frame, either way
constexpr std::int64_t kHoldNs = 300'000'000;        // a hand across the face, motion blur
constexpr std::int64_t kCheckNs = 1'000'000'000;     // one cabin run a second
constexpr std::int64_t kDoubtNs = 100'000'000;       // a face that would not be taken afresh
constexpr double kSwitchGain = 1.5;                  // above the noise of side and score
constexpr int kSwitchChecks = 2;                     // a passenger leaning across is gone by then
constexpr std::int64_t kBodyHoldNs = 2'000'000'000;  // about one action window
constexpr std::int64_t kGapNs = 1'000'000'000;       // half a window: its steps would not be 15 Hz
constexpr double kMinSide = 24;                      // px; a face of 16 px has nothing to measure
constexpr double kMaxSide = 4;                       // of the frame's longer side

/// Whether a region given by landmarks is one that a face can be measured in: finite, large enough,
/// its centre in the frame.
bool usable_face(const Roi& roi, int width, int height);

class Tracker {
 public:
  explicit Tracker(Seat seat) : seat_(seat) {}

  void reset();
  /// Starts a frame. False where the stream is not continuous with the last one.
  bool begin(std::int64_t t_ns, int width, int height);

  /// Whether there is a region to look at: tracked or held.
  bool has_face() const { return state_ != State::kLost; }
  const Roi& roi() const { return roi_; }
  bool check_due() const { return has_face() && t_ns_ >= next_check_ns_; }

  /// Result of a check. True if the tracked face has been given up for
  /// another, which is then to be searched and taken.
  bool check(const Candidates& found);
  /// Whether a search's proposal may be taken: any when lost, the same face when held.
  bool may_take(const Candidate& candidate) const;

  /// A face was found afresh; `next` is the region its landmarks gave. False if it is no face,
  /// or not one that could be measured.
  bool take(float score, const Roi& next);
  /// A look at `roi()` gave `score` and `next`. False: the face was not seen this time.
  bool keep(float score, const Roi& next);
  /// The frame ends without the driver's face.
  void miss();

  /// Whether the body of the last face is still looked at.
  bool has_body() const { return ever_seen_ && t_ns_ - seen_ns_ <= kBodyHoldNs; }
  /// Counts changes of person; a window of steps must not span two of them.
  std::uint32_t person() const { return person_; }

 private:
  enum class State { kLost, kTracked, kHeld };

  Candidate tracked_candidate(const Candidates& found) const;
  void follow(const Roi& next);

  Seat seat_;
  State state_ = State::kLost;
  Roi roi_{};
  float score_ = 0;  // the face network's, of the tracked face
  bool started_ = false;
  bool ever_seen_ = false;
  std::int64_t t_ns_ = 0;
  std::int64_t seen_ns_ = 0;
  std::int64_t next_check_ns_ = 0;
  int better_checks_ = 0;
  int width_ = 0;
  int height_ = 0;
  std::uint32_t person_ = 0;
};

/// When the body is looked at: steps apart in the stream's own time, whatever its frame rate.
class Cadence {
 public:
  static constexpr std::int64_t kStepNs = 66'666'667;      // 15 Hz, as the network was trained
  static constexpr std::int64_t kToleranceNs = 4'000'000;  // jitter of a camera's stamps
  explicit Cadence(std::int64_t step_ns) : step_ns_(step_ns) {}
  void reset() { started_ = false; }
  /// How many steps are due at `t_ns`: 0 for most frames, above 1 for a stream below 15 Hz.
  int due(std::int64_t t_ns);

 private:
  std::int64_t step_ns_;
  bool started_ = false;
  std::int64_t next_ns_ = 0;
};

}  // namespace dms
