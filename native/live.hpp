// The engine in a thread of its own: frames out of a FrameRing, observations into a Handover.
// Python takes no part in it and is woken by an eventfd.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "engine.hpp"
#include "frame_ring.hpp"
#include "handover.hpp"

namespace dms {

struct LiveSeen {
  Seen seen;
  std::int64_t cpu_ns = 0;   // of the engine's thread, for this frame
  std::int64_t wall_ns = 0;  // from taking the frame to its observation
  std::int64_t done_ns = 0;  // CLOCK_MONOTONIC when the observation was ready
  bool failed = false;       // a network did not run; `seen` has no face
};

struct LiveCounters {
  std::uint64_t frames = 0;    // observed
  std::uint64_t skipped = 0;   // dropped by the camera, or gone from the ring before their turn
  std::uint64_t dropped = 0;   // observations that nobody fetched in time
  std::uint64_t failures = 0;  // frames on which a network did not run
};

/// Frames that are missing between two with these sequence numbers. A number that does not go up,
/// or goes up by more than any gap could, begins a new count: none.
inline std::uint64_t dropped_between(std::uint64_t last, std::uint64_t seq) {
  constexpr std::uint64_t kMost = 216'000;  // an hour at 60 Hz
  return seq > last && seq - last - 1 <= kMost ? seq - last - 1 : 0;
}

class Live {
 public:
  /// About a second of observations at 60 Hz.
  static constexpr std::uint32_t kCapacity = 64;

  /// Both must outlive this. Throws std::runtime_error if there is no eventfd to be had.
  Live(Engine& engine, FrameRing& ring);
  ~Live();
  Live(const Live&) = delete;
  Live& operator=(const Live&) = delete;

  void start();
  /// Returns when the thread has ended, at most one frame's work later.
  void stop();
  bool running() const { return thread_.joinable(); }
  /// The frame ring was closed and all its frames are observed.
  bool finished() const { return finished_.load(std::memory_order_acquire); }

  /// Becomes readable with every observation and at the end.
  int fd() const { return fd_; }
  /// One thread only. False if there is none.
  bool pop(LiveSeen& seen) { return handover_.pop(seen); }
  LiveCounters counters() const;

 private:
  void run();
  void observe(Pin& pin);
  void signal() const;

  Engine& engine_;
  FrameRing& ring_;
  int fd_;
  std::thread thread_;
  std::atomic<bool> stop_{false}, finished_{false};
  std::atomic<std::uint64_t> frames_{0}, skipped_{0}, dropped_{0}, failures_{0};
  std::uint64_t last_ticket_ = 0;  // the thread's; 0: no frame yet
  std::uint64_t last_seq_ = 0;     // the thread's
  LiveSeen item_;                  // the thread's
  Handover<LiveSeen, kCapacity> handover_;
};

}  // namespace dms
