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

void write_frame(dms::FrameRing& ring, std::int64_t t_ns, std::uint64_t seq) {
  const std::vector<std::uint8_t> pixels(ring.frame_bytes(), 90);
  ring.write(pixels.data(), pixels.size(), t_ns, seq);
}

void write_frames(dms::FrameRing& ring, std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t i = first; i < first + count; ++i) {
    write_frame(ring, static_cast<std::int64_t>(i) * kFrame, i);
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

// Writes each frame once the one before is observed; what was observed, and how many skipped.
struct Counted {
  std::vector<std::uint64_t> seqs;
  std::uint64_t skipped = 0;
};

Counted one_by_one(const std::vector<std::uint64_t>& seqs) {
  fake::Script script;
  const auto engine = fake::engine(script);
  dms::FrameRing ring(4, 160, 120, dms::PixelFormat::kMono8);
  dms::Live live(*engine, ring);
  live.start();
  Counted out;
  dms::LiveSeen item;
  for (const std::uint64_t seq : seqs) {
    write_frame(ring, static_cast<std::int64_t>(out.seqs.size()) * kFrame, seq);
    while (!live.pop(item)) {
      CHECK(readable(live.fd(), kPatienceMs));
      clear(live.fd());
    }
    out.seqs.push_back(item.seen.seq);
  }
  live.stop();
  out.skipped = live.counters().skipped;
  return out;
}

void every_frame_is_observed_whatever_its_number() {
  constexpr std::uint64_t kTop = ~std::uint64_t{0};
  const struct {
    std::vector<std::uint64_t> seqs;
    std::uint64_t skipped;
  } streams[] = {
      {{5, 6, 8, 11}, 3},                         // gaps are drops
      {{0, 0, 0, 0}, 0},                          // a camera that does not count
      {{60, 61, 0, 1, 3}, 1},                     // it started again
      {{1, 2, std::uint64_t{1} << 63, 4, 5}, 0},  // one that is wrong
      {{kTop - 1, kTop, 0, 1}, 0},                // it ran over
      {{0, kTop, 0, kTop}, 0},
      {{0, 216'001, 432'003}, 216'000},  // the longest gap, and one more
  };
  for (const auto& stream : streams) {
    const Counted seen = one_by_one(stream.seqs);
    CHECK(seen.seqs == stream.seqs);
    CHECK(seen.skipped == stream.skipped);
  }
}

// Numbers that repeat: what the ring overwrote is still known.
void frames_overwritten_before_their_turn_are_counted_without_numbers() {
  fake::Script script;
  const auto engine = fake::engine(script);
  dms::FrameRing ring(4, 160, 120, dms::PixelFormat::kMono8);
  dms::Live live(*engine, ring);
  dms::LiveSeen item;
  live.start();
  write_frame(ring, 0, 7);
  while (!live.pop(item)) CHECK(readable(live.fd(), kPatienceMs));
  live.stop();
  for (std::int64_t i = 1; i <= 10; ++i) write_frame(ring, i * kFrame, 7);
  ring.close();
  live.start();
  while (!live.finished()) std::this_thread::yield();
  CHECK(live.counters().frames == 5 && live.counters().skipped == 6);
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
  every_frame_is_observed_whatever_its_number();
  frames_overwritten_before_their_turn_are_counted_without_numbers();
  a_network_that_fails_is_said_with_each_frame();
  return check::result();
}
