#include "engine.hpp"

#include <time.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "frame_stats.hpp"

namespace dms {
namespace {

constexpr CropSpec kRightEyeCrop{kEyeSide, kEyeSide, 2, false};
constexpr CropSpec kLeftEyeCrop{kEyeSide, kEyeSide, 2, true};  // the network sees right eyes only
constexpr CropSpec kWideCrop{HeatMap::kInputWidth, HeatMap::kInputHeight, 4, false};

bool far_off(const Roi& from, const Roi& to) {
  const double reach = kSecondLook * from.w;
  return std::fabs(to.cx - from.cx) > reach || std::fabs(to.cy - from.cy) > reach ||
         std::fabs(to.w - from.w) > reach;
}

/// The part of a frame inside a box (x, y, width, height); empty where they do not meet.
ImageView part_of(const ImageView& frame, const std::array<float, 4>& box) {
  const auto bound = [](float at, int most) {
    return at > 0 ? static_cast<int>(std::min(at, static_cast<float>(most))) : 0;
  };
  const int left = bound(box[0], frame.width);
  const int top = bound(box[1], frame.height);
  return {frame.row(top) + left, bound(box[0] + box[2], frame.width) - left,
          bound(box[1] + box[3], frame.height) - top, frame.stride};
}

}  // namespace

const char* stage_name(Stage stage) {
  static constexpr std::array<const char*, kStages> names = {
      "stats",      "face_crop", "face_net", "eye_crop",   "eye_net", "locate_crop",
      "locate_net", "body_crop", "body_net", "action_net", "decode"};
  return names[static_cast<std::size_t>(stage)];
}

std::int64_t thread_cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

void StageClock::start() {
  if (enabled_) last_ns_ = thread_cpu_ns();
}

void StageClock::lap(Stage stage) {
  if (!enabled_) return;
  const std::int64_t now = thread_cpu_ns();
  ns_[static_cast<std::size_t>(stage)] += now - last_ns_;
  last_ns_ = now;
}

Engine::Engine(std::unique_ptr<NetMemory> memory, Nets nets, EngineConfig config)
    : memory_(std::move(memory)),
      nets_(std::move(nets)),
      config_(config),
      tracker_(config.seat),
      cadence_(config.step_ns) {}

void Engine::reset() {
  tracker_.reset();
  cadence_.reset();
  next_tile_ = 0;
  memory_->window.clear();
  drift_.reset();
  hashed_ = false;
  frozen_ = 0;
}

bool Engine::step(const ImageView& frame, std::int64_t t_ns, std::uint64_t seq,
                  Seen& seen) noexcept {
  begin(frame, t_ns, seq, seen);
  if (!frame.valid()) return false;
  streaming_ = true;
  if (!tracker_.begin(t_ns, frame.width, frame.height)) {
    next_tile_ = 0;
    cadence_.reset();
    memory_->window.clear();
  }
  if (follow(frame)) {
    report_face(frame, seen);
    body_ = body_below();
    next_tile_ = 0;
  } else {
    tracker_.miss();
  }
  watch_body(frame, t_ns, seen);
  seen.quality.drift = drift_.score();
  clock_.lap(Stage::kDecode);
  return *error_ == 0;
}

void Engine::begin(const ImageView& frame, std::int64_t t_ns, std::uint64_t seq, Seen& seen) {
  seen = Seen{};
  seen.seq = seq;
  seen.t_ns = t_ns;
  error_ = frame.valid() ? "" : "the frame has no pixels or is larger than 8192 px";
  if (!frame.valid()) return;
  if (frame.width > crops_width_ || frame.height > crops_height_) {
    crops_width_ = std::max(frame.width, crops_width_);
    crops_height_ = std::max(frame.height, crops_height_);
    crops_ = std::make_unique<Preprocessor>(crops_width_, crops_height_);
  }
  clock_.start();
  measure_picture(frame, seen.quality);
  clock_.lap(Stage::kStats);
}

void Engine::measure_picture(const ImageView& frame, QualitySeen& quality) {
  const FrameStats stats = frame_stats(frame);
  frozen_ = hashed_ && stats.hash == last_hash_ ? frozen_ + 1 : 0;
  hashed_ = true;
  last_hash_ = stats.hash;
  quality = {stats.mean, stats.stddev, stats.dark, stats.saturated, stats.sharpness, frozen_};
}

bool Engine::run(Net& net, std::size_t slot, Stage stage) {
  const bool ran = net.run(slot);
  if (!ran) error_ = net.error();
  clock_.lap(stage);
  return ran;
}

bool Engine::follow(const ImageView& frame) {
  Candidates found;
  const bool search = !tracker_.has_face() || tracker_.check_due();
  if (search) locate(frame, whole_frame(frame.width, frame.height), found);
  if (tracker_.check_due()) tracker_.check(found);
  if (!tracker_.has_face()) return acquire(frame, found) || search_further(frame);
  const bool seen =
      look(frame, tracker_.roi()) && (!far_off(look_.roi, look_.next) || look(frame, look_.next));
  if (seen && tracker_.keep(look_.score, look_.next)) return true;
  if (!search) locate(frame, whole_frame(frame.width, frame.height), found);
  return acquire(frame, found);
}

bool Engine::acquire(const ImageView& frame, const Candidates& found) {
  Candidates left = found;
  for (int tries = 0; tries < kMostTries; ++tries) {
    const int best = pick_driver(left, config_.seat, frame.width, frame.height);
    if (best < 0) return false;
    Candidate& candidate = left.items[static_cast<std::size_t>(best)];
    const Roi roi{candidate.cx, candidate.cy, candidate.side, candidate.side, 0};
    const bool taken = tracker_.may_take(candidate) && look_twice(frame, roi) &&
                       tracker_.take(look_.score, look_.next);
    if (taken) return true;
    candidate.score = 0;
  }
  return false;
}

void Engine::locate(const ImageView& frame, const Roi& roi, Candidates& found) {
  crops_->run(frame, roi, kWideCrop, memory_->wide_image.data());
  clock_.lap(Stage::kLocateCrop);
  if (!run(*nets_.cabin, 0, Stage::kLocateNet)) return;
  const bool whole = roi.w >= frame.width && roi.h >= frame.height;
  if (streaming_ && whole) gauge_input(Gauge::kWholeInput, memory_->wide_image, 16);
  find_faces(memory_->heat.data(), roi, found);
  doubt_prints(found);
  clock_.lap(Stage::kDecode);
}

bool Engine::look(const ImageView& frame, const Roi& roi) {
  if (!run_face(frame, roi, false)) return false;
  take_look(roi);
  return true;
}

bool Engine::run_face(const ImageView& frame, const Roi& roi, bool mirror) {
  crops_->run(frame, roi, {kFaceSide, kFaceSide, 4, mirror}, memory_->face_image.data());
  clock_.lap(Stage::kFaceCrop);
  return run(*nets_.face, 0, Stage::kFaceNet);
}

void Engine::take_look(const Roi& roi) {
  const float* out = memory_->face.data();
  look_.roi = roi;
  look_.score = sigmoid(out[FaceOutput::kLogit]);
  decode_landmarks(out, roi, look_.landmarks.data());
  look_.rotation = multiply(crop_to_image(static_cast<float>(roi.angle)),
                            rotation_from_6d(out + FaceOutput::kRotation));
  look_.next = face_roi(look_.landmarks.data(), -angles_of(look_.rotation).roll);
  clock_.lap(Stage::kDecode);
}

bool Engine::look_twice(const ImageView& frame, const Roi& roi) {
  return look(frame, roi) && look_.next.w >= kMinSide && look(frame, look_.next);
}

Rotation Engine::to_axis(const ImageView& frame) const {
  if (!(config_.hfov_rad > 0)) return {1, 0, 0, 0, 1, 0, 0, 0, 1};
  const Point face{static_cast<float>(look_.next.cx), static_cast<float>(look_.next.cy)};
  return ray_to_axis(face, frame.width, frame.height, config_.hfov_rad);
}

void Engine::report_face(const ImageView& frame, Seen& seen) {
  FaceSeen& face = seen.face;
  if (streaming_) {
    gauge_input(Gauge::kFaceInput, memory_->face_image, 16);
    drift_[Gauge::kFaceOutput].add_outputs(memory_->face.data());
  }
  decode_attributes(memory_->face.data(), face);
  face.landmarks_px = look_.landmarks;
  face.box_px = head_box(look_.landmarks.data(), look_.rotation);
  seen.quality.face_sharpness = edge_sharpness(part_of(frame, face.box_px), frame.width);
  const Angles head = angles_of(multiply(to_axis(frame), look_.rotation));
  face.yaw_rad = head.yaw;
  face.pitch_rad = head.pitch;
  face.roll_rad = head.roll;
  clock_.lap(Stage::kDecode);
  face.right = see_eye(frame, true);
  face.left = see_eye(frame, false);
  seen.has_face = *error_ == 0;
}

EyeSeen Engine::see_eye(const ImageView& frame, bool right) {
  const Roi roi = eye_roi(look_.landmarks.data(), right, look_.next.w, look_.next.angle);
  const auto angle = static_cast<float>(roi.angle);
  const Angles head = angles_of(multiply(crop_to_image(-angle), look_.rotation));
  memory_->eye_pose = {std::sin(right ? head.yaw : -head.yaw), std::sin(head.pitch)};
  if (!(streaming_ ? look_at_eye(frame, roi, right) : look_around_eye(frame, roi, right)))
    return {};
  if (streaming_) {
    gauge_input(Gauge::kEyesInput, memory_->eye_image, 4);
    drift_[Gauge::kEyesOutput].add_outputs(memory_->eye.data());
  }
  // The network was taught gaze relative to the ray through the face, for both eyes alike.
  const Rotation turn = multiply(to_axis(frame), crop_to_image(angle));
  const EyeSeen eye = decode_eye(memory_->eye.data(), turn, !right);
  clock_.lap(Stage::kDecode);
  return eye;
}

bool Engine::look_at_eye(const ImageView& frame, const Roi& roi, bool right) {
  CropStats crop;
  crops_->run(frame, roi, right ? kRightEyeCrop : kLeftEyeCrop, memory_->eye_image.data(), &crop);
  clock_.lap(Stage::kEyeCrop);
  const bool there = crop.in_frame >= kEyeInFrameMin * kEyeSide * kEyeSide;
  return there && run(*nets_.eye, 0, Stage::kEyeNet);
}

void Engine::watch_body(const ImageView& frame, std::int64_t t_ns, Seen& seen) {
  const bool there = tracker_.has_body();
  if (!there || tracker_.person() != window_person_) {
    memory_->window.clear();
    cadence_.reset();
    window_person_ = tracker_.person();
  }
  if (!there) return;
  const int steps = cadence_.due(t_ns);
  if (steps > 0) {
    if (!embed(frame, body_)) return;
    for (int i = 0; i < steps; ++i) memory_->window.push(memory_->embedding.data());
    if (!classify(static_cast<std::size_t>(memory_->window.slot()))) return;
    action_ns_ = t_ns;
  }
  seen.has_action = true;
  seen.action = {action_, t_ns - action_ns_, memory_->window.filled()};
}

Roi Engine::body_below() const { return body_roi(face_roi(look_.landmarks.data(), 0)); }

bool Engine::embed(const ImageView& frame, const Roi& body) {
  crops_->run(frame, body, kWideCrop, memory_->wide_image.data());
  clock_.lap(Stage::kBodyCrop);
  if (!run(*nets_.body, 0, Stage::kBodyNet)) return false;
  if (streaming_) {
    gauge_input(Gauge::kBodyInput, memory_->wide_image, 16);
    drift_[Gauge::kBodyOutput].add_outputs(memory_->embedding.data());
  }
  return true;
}

bool Engine::classify(std::size_t slot) {
  if (!run(*nets_.action, slot, Stage::kActionNet)) return false;
  if (streaming_) drift_[Gauge::kActionOutput].add_outputs(memory_->action.data());
  softmax(memory_->action.data(), kActions, action_.data());
  return true;
}

}  // namespace dms
