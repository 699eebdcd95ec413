#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "check.hpp"
#include "frame_ring.hpp"

namespace {

using dms::FrameRing;
using dms::Pin;
using dms::PixelFormat;
using Bytes = std::vector<std::uint8_t>;

constexpr int kWidth = 37;
constexpr int kHeight = 5;
constexpr std::size_t kBytes = kWidth * kHeight;

bool write(FrameRing& ring, std::uint64_t seq) {
  const Bytes frame(kBytes, static_cast<std::uint8_t>(seq));
  return ring.write(frame.data(), frame.size(), static_cast<std::int64_t>(seq) * 10, seq);
}

bool holds(const Pin& pin, std::uint64_t seq) {
  if (!pin || pin.seq() != seq || pin.t_ns() != static_cast<std::int64_t>(seq) * 10) return false;
  const dms::ImageView view = pin.view();
  for (int y = 0; y < view.height; ++y) {
    for (int x = 0; x < view.width; ++x) {
      if (view.row(y)[x] != static_cast<std::uint8_t>(seq)) return false;
    }
  }
  return view.width == kWidth && view.height == kHeight;
}

void readers_find_the_latest_and_the_next() {
  FrameRing ring(3, kWidth, kHeight, PixelFormat::kMono8);
  CHECK(!ring.latest() && !ring.next(0));
  for (std::uint64_t seq = 1; seq <= 10; ++seq) {
    CHECK(write(ring, seq));
    CHECK(holds(ring.latest(), seq));
  }
  CHECK(holds(ring.next(0), 8));  // 8, 9, 10 are left
  CHECK(holds(ring.next(8), 9));
  CHECK(holds(ring.next(9), 10));
  CHECK(!ring.next(10));
  CHECK(ring.counters().written == 10 && ring.counters().dropped == 0);
}

void the_next_goes_by_the_order_of_writing_not_by_sequence_numbers() {
  FrameRing ring(4, kWidth, kHeight, PixelFormat::kMono8);
  const std::vector<std::uint64_t> seqs = {200, 0, 0, 255, 3};
  for (const std::uint64_t seq : seqs) write(ring, seq);
  std::uint64_t ticket = 0;
  for (std::size_t i = 1; i < seqs.size(); ++i) {  // the first is overwritten
    const Pin pin = ring.next(ticket);
    CHECK(holds(pin, seqs[i]) && pin.ticket() == i + 1);
    ticket = pin.ticket();
  }
  CHECK(!ring.next(ticket));
}

void a_pinned_slot_is_never_overwritten() {
  FrameRing ring(3, kWidth, kHeight, PixelFormat::kMono8);
  write(ring, 1);
  const Pin first = ring.latest();
  write(ring, 2);
  Pin second = ring.latest();
  for (std::uint64_t seq = 3; seq < 40; ++seq) {
    CHECK(write(ring, seq));  // into the one slot left
    CHECK(holds(first, 1) && holds(second, 2) && holds(ring.latest(), seq));
  }
  const Pin third = ring.latest();
  CHECK(!write(ring, 40));
  CHECK(ring.counters().dropped == 1 && holds(third, 39));
  second.release();
  CHECK(write(ring, 41));
  CHECK(holds(ring.latest(), 41) && holds(first, 1) && holds(third, 39));
}

void pins_move_and_count() {
  FrameRing ring(2, kWidth, kHeight, PixelFormat::kMono8);
  write(ring, 1);
  Pin a = ring.latest();
  Pin b = ring.latest();  // twice the same slot
  CHECK(a.view().data == b.view().data);
  Pin c = std::move(a);
  CHECK(!a && holds(c, 1));
  b = std::move(c);
  CHECK(!c && holds(b, 1));
  write(ring, 2);
  Pin d = ring.latest();
  CHECK(!write(ring, 3));
  b.release();
  b.release();
  CHECK(write(ring, 4) && holds(d, 2));
}

void an_abandoned_write_leaves_no_frame() {
  FrameRing ring(2, kWidth, kHeight, PixelFormat::kMono8);
  write(ring, 1);
  write(ring, 2);
  CHECK(ring.begin_write() != nullptr);
  CHECK(holds(ring.next(0), 2));  // the oldest is being written
  ring.abandon();
  CHECK(holds(ring.next(0), 2) && holds(ring.latest(), 2));
  CHECK(write(ring, 3) && holds(ring.next(2), 3));
}

void other_formats_and_strides_are_converted() {
  constexpr std::size_t kStride = 2 * kWidth + 9;
  FrameRing ring(2, kWidth, kHeight, PixelFormat::kMono10Le, kStride);
  const std::size_t least = kStride * (kHeight - 1) + 2 * kWidth;
  CHECK(ring.frame_bytes() == least);
  Bytes raw(least);
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const int value = (y * kWidth + x) * 5 % 1024;
      const auto at = static_cast<std::size_t>(y) * kStride + 2 * static_cast<std::size_t>(x);
      raw[at] = static_cast<std::uint8_t>(value);
      raw[at + 1] = static_cast<std::uint8_t>(value >> 8);
    }
  }
  CHECK(!ring.write(raw.data(), least - 1, 0, 1) && ring.counters().rejected == 1);
  CHECK(ring.write(raw.data(), least, 0, 1));
  const Pin pin = ring.latest();
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x)
      CHECK(pin.view().row(y)[x] == (y * kWidth + x) * 5 % 1024 >> 2);
  }
}

bool refuses(int slots, int width, int height, PixelFormat format, std::size_t stride) {
  try {
    const FrameRing ring(slots, width, height, format, stride);
    return false;
  } catch (const std::invalid_argument&) {
    return true;
  }
}

void impossible_rings_are_refused() {
  CHECK(refuses(1, 8, 8, PixelFormat::kMono8, 0));
  CHECK(refuses(65, 8, 8, PixelFormat::kMono8, 0));
  CHECK(refuses(2, 0, 8, PixelFormat::kMono8, 0));
  CHECK(refuses(2, 8, 8193, PixelFormat::kMono8, 0));
  CHECK(refuses(2, 8, 8, PixelFormat::kMono8, 7));
  CHECK(refuses(2, 8, 8, PixelFormat::kRaw10Packed, 9));
  CHECK(refuses(2, 8, 8, static_cast<PixelFormat>(5), 0));
  CHECK(!refuses(2, 8, 8, PixelFormat::kRaw10Packed, 10));
}

// One writer, readers that pin, check every byte, hold and let go.
void threads_see_whole_frames_only() {
  constexpr std::uint64_t kFrames = 3000;
  FrameRing ring(4, kWidth, kHeight, PixelFormat::kMono8);
  std::atomic<int> torn{0};
  std::atomic<int> seen{0};
  const auto read_latest = [&](bool in_order) {
    std::uint64_t last = 0;
    for (;;) {
      const std::uint32_t version = ring.version();
      const bool closed = ring.closed();
      Pin pin = in_order ? ring.next(last) : ring.latest();
      if (pin && pin.seq() != last) {
        if (!holds(pin, pin.seq()) || pin.seq() < last) ++torn;
        ++seen;
        last = pin.seq();
      } else if (closed) {
        return;
      } else {
        pin.release();
        ring.wait_change(version, 1'000'000'000);
      }
    }
  };
  std::thread one(read_latest, true);
  std::thread two(read_latest, false);
  for (std::uint64_t seq = 1; seq <= kFrames; ++seq) write(ring, seq);
  ring.close();
  one.join();
  two.join();
  CHECK(torn == 0);
  CHECK(seen >= 2);  // both saw the last frame at least
  CHECK(ring.counters().written + ring.counters().dropped == kFrames);
  CHECK(ring.counters().dropped == 0);  // two readers cannot pin four slots
}

void waiting_ends_by_frame_wake_and_timeout() {
  FrameRing ring(2, kWidth, kHeight, PixelFormat::kMono8);
  const std::uint32_t before = ring.version();
  CHECK(!ring.wait_change(before, 1000));
  std::thread writer([&] { write(ring, 1); });
  CHECK(ring.wait_change(before, 60'000'000'000));
  writer.join();
  const std::uint32_t after = ring.version();
  std::thread waker([&] { ring.wake(); });
  CHECK(ring.wait_change(after, 60'000'000'000));
  waker.join();
}

}  // namespace

int main() {
  readers_find_the_latest_and_the_next();
  the_next_goes_by_the_order_of_writing_not_by_sequence_numbers();
  a_pinned_slot_is_never_overwritten();
  pins_move_and_count();
  an_abandoned_write_leaves_no_frame();
  other_formats_and_strides_are_converted();
  impossible_rings_are_refused();
  threads_see_whole_frames_only();
  waiting_ends_by_frame_wake_and_timeout();
  return check::result();
}
