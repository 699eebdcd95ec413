// The engine's thread and its handover; run under ThreadSanitizer too.
#include <poll.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <vector>

#include "check.hpp"
#include "fake_nets.hpp"
#include "handover.hpp"
#include "live.hpp"

namespace {

constexpr std::int64_t kFrame = 16'666'667;
constexpr int kPatienceMs = 20'000;

/// Large enough to tear if two threads ever met in one.
struct Wide {
  std::array<std::uint64_t, 40> same{};
};

void values_come_whole_in_order_or_are_counted_as_dropped() {
  constexpr std::uint64_t kTotal = 200'000;
  dms::Handover<Wide, 4> handover;
  std::uint64_t dropped = 0;
  std::thread pusher([&] {
    for (std::uint64_t i = 1; i <= kTotal; ++i) {
      Wide value;
      value.same.fill(i);
      if (handover.push(value)) ++dropped;
    }
  });
  std::uint64_t last = 0;
  std::uint64_t popped = 0;
  bool whole = true;
  bool ordered = true;
  Wide value;
  while (last < kTotal) {
    if (!handover.pop(value)) {
      std::this_thread::yield();
      continue;
    }
    for (const std::uint64_t x : value.same) whole = whole && x == value.same[0];
    ordered = ordered && value.same[0] > last;
    last = value.same[0];
    ++popped;
  }
  pusher.join();
  CHECK(whole && ordered);
  CHECK(popped + dropped == kTotal);
}

void a_full_handover_keeps_the_newest() {
  dms::Handover<int, 3> handover;
  for (int i = 0; i < 10; ++i) CHECK(handover.push(i) == (i >= 3));
  int value = 0;
  for (int i = 7; i < 10; ++i) CHECK(handover.pop(value) && value == i);
  CHECK(!handover.pop(value));
  CHECK(!handover.push(11) && handover.pop(value) && value == 11);
}

bool readable(int fd, int timeout_ms) {
  pollfd wait{fd, POLLIN, 0};
  return poll(&wait, 1, timeout_ms) == 1;
}

void clear(int fd) {
  std::uint64_t count = 0;
  CHECK(read(fd, &count, sizeof(count)) == sizeof(count));
}

void write_frames(dms::FrameRing& ring, std::uint64_t first, std::uint64_t count) {
  const std::vector<std::uint8_t> pixels(ring.frame_bytes(), 90);
  for (std::uint64_t i = first; i < first + count; ++i) {
    ring.write(pixels.data(), pixels.size(), static_cast<std::int64_t>(i) * kFrame, i);
    std::this_thread::yield();
  }
}

void every_frame_is_observed_or_counted() {
  fake::Script script;
  const auto engine = fake::engine(script);
  dms::FrameRing ring(4, 160, 120, dms::PixelFormat::kMono8);
  dms::Live live(*engine, ring);
  live.start();
  constexpr std::uint64_t kFrames = 300;
  std::thread camera([&] {
    write_frames(ring, 0, kFrames);
    ring.close();
  });
  std::uint64_t seen = 0;
  bool first = true;
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  dms::LiveSeen item;
  while (true) {
    const bool finished = live.finished();
    while (live.pop(item)) {
      CHECK(first || item.seen.seq > last_seq);
      if (first) first_seq = item.seen.seq;
      first = false;
      last_seq = item.seen.seq;
      CHECK(item.seen.t_ns == static_cast<std::int64_t>(item.seen.seq) * kFrame);
      CHECK(!item.failed && item.wall_ns > 0 && item.cpu_ns >= 0);
      ++seen;
    }
    if (finished) break;
    CHECK(readable(live.fd(), kPatienceMs));
    clear(live.fd());
  }
  camera.join();
  live.stop();
  const dms::LiveCounters counters = live.counters();
  CHECK(last_seq == kFrames - 1);
  CHECK(counters.frames == seen + counters.dropped);
  CHECK(counters.frames + counters.skipped == kFrames - first_seq || counters.dropped > 0);
  CHECK(counters.failures == 0);
}

void it_stops_and_starts_again() {
  fake::Script script;
  const auto engine = fake::engine(script);
  dms::FrameRing ring(4, 160, 120, dms::PixelFormat::kMono8);
  dms::Live live(*engine, ring);
  dms::LiveSeen item;
  for (std::uint64_t round = 0; round < 5; ++round) {
    live.start();
    CHECK(live.running());
    write_frames(ring, round, 1);
    while (!live.pop(item)) CHECK(readable(live.fd(), kPatienceMs));
    CHECK(item.seen.seq == round);
    live.stop();
    CHECK(!live.running() && !live.finished());
    clear(live.fd());
  }
}

void a_network_that_fails_is_said_with_each_frame() {
  fake::Script script;
  script.face_runs = false;
  const auto engine = fake::engine(script);
  dms::FrameRing ring(4, 160, 120, dms::PixelFormat::kMono8);
  dms::Live live(*engine, ring);
  live.start();
  write_frames(ring, 0, 1);
  dms::LiveSeen item;
  while (!live.pop(item)) CHECK(readable(live.fd(), kPatienceMs));
  CHECK(item.failed && !item.seen.has_face);
  live.stop();
  CHECK(live.counters().failures == 1);
}

}  // namespace

int main() {
  values_come_whole_in_order_or_are_counted_as_dropped();
  a_full_handover_keeps_the_newest();
  every_frame_is_observed_or_counted();
  it_stops_and_starts_again();
  a_network_that_fails_is_said_with_each_frame();
  return check::result();
}
