// A frame becomes an observation: locate the driver's face, track it, crop, infer, decode.
// The rules of tracking are in tracker.hpp, of finding in locate.hpp, of decoding in decode.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "decode.hpp"
#include "drift.hpp"
#include "image.hpp"
#include "locate.hpp"
#include "net.hpp"
#include "observation.hpp"
#include "preprocess.hpp"
#include "tracker.hpp"

namespace dms {

struct EngineConfig {
  Seat seat = Seat::kUnknown;
  /// Horizontal field of view of the camera [rad]; 0: not known. Where known, head and gaze are
  /// relative to the optical axis, else to the ray through the face.
  float hfov_rad = 0;
  /// Between two steps of the action window. The network was trained at the default.
  std::int64_t step_ns = Cadence::kStepNs;
};

/// Where a frame's time goes. The names are those of `stage_name`.
enum class Stage {
  kStats,
  kFaceCrop,
  kFaceNet,
  kEyeCrop,
  kEyeNet,
  kLocateCrop,
  kLocateNet,
  kBodyCrop,
  kBodyNet,
  kActionNet,
  kDecode,
};
constexpr int kStages = 11;
const char* stage_name(Stage stage);

/// CPU time of the calling thread by stage [ns], and how often networks ran. Off unless asked for:
/// each reading of the clock is a system call.
class StageClock {
 public:
  void enable(bool on) { enabled_ = on; }
  void clear() { ns_ = {}; }
  void start();
  /// Everything since the last reading was `stage`.
  void lap(Stage stage);
  std::int64_t ns(Stage stage) const { return ns_[static_cast<std::size_t>(stage)]; }

 private:
  bool enabled_ = false;
  std::int64_t last_ns_ = 0;
  std::array<std::int64_t, kStages> ns_{};
};

/// CPU time of the calling thread [ns].
std::int64_t thread_cpu_ns();

/// A second look in the same frame when landmarks lie this far off the region they were found in
/// (of its side, in position or size): fast motion, or a fresh face.
constexpr double kSecondLook = 0.15;
/// Proposals looked at in a frame of a stream: the likeliest driver's and two to fall back on.
constexpr int kMostTries = 3;

/// Not thread-safe: one thread at a time. `step` does not allocate, but for a frame larger than
/// any before it.
class Engine {
 public:
  Engine(std::unique_ptr<NetMemory> memory, Nets nets, EngineConfig config);

  /// One frame of a stream. False where a network failed to run (`error()` says why) or the view
  /// is not valid; `seen` then has no face.
  bool step(const ImageView& frame, std::int64_t t_ns, std::uint64_t seq, Seen& seen) noexcept;
  /// A picture by itself: no memory before or after, searched in ever smaller tiles and beyond its
  /// borders until a face is found. The action is that of the one embedding throughout a window.
  bool still(const ImageView& frame, std::int64_t t_ns, std::uint64_t seq, Seen& seen) noexcept;
  /// Forgets the stream.
  void reset();
  /// How unlike the training data the stream has been; its gauges may be given references before
  /// the first frame.
  Drift& drift() { return drift_; }

  const char* error() const { return error_; }
  StageClock& clock() { return clock_; }

 private:
  /// What the face network saw in one region.
  struct Look {
    Roi roi{};
    Roi next{};  // the region its landmarks give, upright
    float score = 0;
    Rotation rotation{};  // in the image, relative to the ray
    std::array<float, 2 * kLandmarks> landmarks{};
  };
  /// The best face of a still so far.
  struct Best {
    Roi roi{};
    double weight = 0;
    float sure = 0;  // both networks' probability
  };

  void begin(const ImageView& frame, std::int64_t t_ns, std::uint64_t seq, Seen& seen);
  void measure_picture(const ImageView& frame, QualitySeen& quality);
  bool follow(const ImageView& frame);
  bool acquire(const ImageView& frame, const Candidates& found);
  void locate(const ImageView& frame, const Roi& roi, Candidates& found);
  bool look(const ImageView& frame, const Roi& roi);
  bool run_face(const ImageView& frame, const Roi& roi, bool mirror);
  void take_look(const Roi& roi);
  bool look_twice(const ImageView& frame, const Roi& roi);
  void report_face(const ImageView& frame, Seen& seen);
  EyeSeen see_eye(const ImageView& frame, bool right);
  bool look_at_eye(const ImageView& frame, const Roi& roi, bool right);
  bool look_around_eye(const ImageView& frame, const Roi& roi, bool right);
  void watch_body(const ImageView& frame, std::int64_t t_ns, Seen& seen);
  /// The upper body's region below the face that was looked at, upright however that is turned.
  Roi body_below() const;
  bool embed(const ImageView& frame, const Roi& body);
  bool classify(std::size_t slot);
  bool search_still(const ImageView& frame);
  bool search_further(const ImageView& frame);
  bool look_around(const ImageView& frame);
  void try_still(const ImageView& frame, const Candidates& found, float sure, Best& best);
  void try_tiles(const ImageView& frame, int tiles, Best& best);
  Rotation to_axis(const ImageView& frame) const;
  bool run(Net& net, std::size_t slot, Stage stage);
  template <std::size_t bytes>
  void gauge_input(Gauge gauge, const std::array<std::uint8_t, bytes>& tensor, std::size_t planes) {
    drift_.add_input(gauge, tensor.data(), bytes, planes);
  }

  std::unique_ptr<NetMemory> memory_;
  Nets nets_;
  EngineConfig config_;
  std::unique_ptr<Preprocessor> crops_;
  int crops_width_ = 0;
  int crops_height_ = 0;
  Tracker tracker_;
  Cadence cadence_;
  Look look_;
  Roi body_{};         // the upper body of the stream's last face
  int next_tile_ = 0;  // of a stream without a face
  std::array<float, kActions> action_{};
  std::int64_t action_ns_ = 0;
  std::uint32_t window_person_ = 0;
  std::uint64_t last_hash_ = 0;
  int frozen_ = 0;
  bool hashed_ = false;
  bool streaming_ = false;  // stills leave no trace in the drift
  Drift drift_;
  const char* error_ = "";
  StageClock clock_;
};

}  // namespace dms
