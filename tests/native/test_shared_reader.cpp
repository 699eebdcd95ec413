#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "check.hpp"
#include "raw_stream.hpp"
#include "shared_reader.hpp"

namespace {

using dms::FrameRing;
using dms::PixelFormat;
using dms::RawError;
using dms::SharedFrames;
using raw_stream::Bytes;
using raw_stream::Collector;
using raw_stream::frame;

constexpr std::uint32_t kWidth = 8, kHeight = 4, kSlotBytes = 40 + kWidth * kHeight;

Bytes shared_header(std::uint32_t slots, std::uint32_t slot_bytes, std::uint64_t written) {
  Bytes out = {'D', 'M', 'S', 'S', 1, 0};
  raw_stream::put(out, slots, 2);
  raw_stream::put(out, slot_bytes, 4);
  raw_stream::put(out, 0, 4);
  raw_stream::put(out, written, 8);
  out.resize(dms::kSharedHeaderBytes);
  return out;
}

// A camera process's side, in anonymous memory.
class SharedFile {
 public:
  explicit SharedFile(std::uint32_t slots) : slots_(slots) {
    fd = memfd_create("test_shared_reader", MFD_CLOEXEC);
    CHECK(fd >= 0);
    put(0, shared_header(slots, kSlotBytes, 0));
    resize(64 + std::uint64_t{slots} * kSlotBytes);
  }
  ~SharedFile() { close(fd); }
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;

  void put(std::uint64_t at, const Bytes& bytes) const {
    CHECK(pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at)) ==
          static_cast<ssize_t>(bytes.size()));
  }
  void resize(std::uint64_t size) const { CHECK(ftruncate(fd, static_cast<off_t>(size)) == 0); }
  void put_slot(std::uint64_t n, const Bytes& bytes) const {
    put(64 + n % slots_ * kSlotBytes, bytes);
  }
  void publish(std::uint64_t count) {
    written = count;
    Bytes bytes;
    raw_stream::put(bytes, count, 8);
    put(dms::kSharedWrittenAt, bytes);
  }
  // Frame n has the sequence number n + 1, which its pixels repeat.
  void add(std::uint64_t count = 1) {
    for (; count > 0; --count) {
      put_slot(written, frame(kWidth, kHeight, written + 1));
      publish(written + 1);
    }
  }

  int fd;
  std::uint64_t written = 0;

 private:
  std::uint32_t slots_;
};

// Does something to the file just before a payload is copied.
class Meddler : public Collector {
 public:
  explicit Meddler(std::function<void()> meddle) : Collector(1000), meddle_(std::move(meddle)) {}
  std::uint8_t* begin(const dms::RawHeader& h) override {
    std::uint8_t* to = Collector::begin(h);
    meddle_();
    return to;
  }

 private:
  std::function<void()> meddle_;
};

void headers_are_checked_against_the_file_size() {
  dms::SharedHeader header;
  const Bytes good = shared_header(3, 100, 7);
  CHECK(dms::parse_shared_header(good.data(), 364, &header) == RawError::kNone);
  CHECK(header.slots == 3 && header.slot_bytes == 100 && header.written == 7);
  CHECK(header.offset_of(7) == 164);
  CHECK(dms::parse_shared_header(good.data(), 363, &header) == RawError::kSize);
  const auto reads = [&header](const Bytes& bytes) {
    return dms::parse_shared_header(bytes.data(), 1 << 20, &header);
  };
  CHECK(reads(shared_header(0, 100, 7)) == RawError::kSize);
  CHECK(reads(shared_header(1, 100, 7)) == RawError::kSize);
  CHECK(reads(shared_header(2, 40, 7)) == RawError::kSize);
  CHECK(reads(shared_header(0xFFFF, 0xFFFFFFFF, 7)) == RawError::kSize);
  Bytes bad = good;
  bad[4] = 2;
  CHECK(reads(bad) == RawError::kVersion);
  bad[0] = 'X';
  CHECK(reads(bad) == RawError::kMagic);
}

void the_newest_new_frame_is_taken_and_the_others_counted() {
  SharedFile file(3);
  file.add(2);
  Collector out(1000);
  SharedFrames frames(file.fd, &out);
  frames.poll();
  CHECK(out.seqs.empty());  // completed before
  file.add();
  frames.poll();
  frames.poll();
  file.add(5);
  frames.poll();
  CHECK(out.seqs == std::vector<std::uint64_t>({3, 8}) && out.uniform);
  CHECK(frames.counters().frames == 2 && frames.counters().missed == 4);
}

void a_frame_overtaken_while_it_is_copied_is_discarded() {
  for (std::uint64_t more = 0; more <= 4; ++more) {
    SharedFile file(3);
    Meddler out([&] { file.add(more); });
    SharedFrames frames(file.fd, &out);
    file.add();
    frames.poll();
    // The writer may be at frame `more` + 1, in the slot of frame 0 when that is 3.
    const bool kept = more < 2;
    CHECK(frames.counters().frames == (kept ? 1u : 0u));
    CHECK(frames.counters().missed == (kept ? 0u : 1u));
    CHECK(out.abandoned == (kept ? 0 : 1));
    CHECK(out.seqs.size() == (kept ? 1u : 0u) && out.uniform);
  }
}

void a_writer_that_starts_again_is_followed() {
  SharedFile file(3);
  file.add(20);
  Collector out(1000);
  SharedFrames frames(file.fd, &out);
  file.publish(0);
  frames.poll();
  file.add();
  frames.poll();
  CHECK(out.seqs == std::vector<std::uint64_t>({1}) && frames.counters().missed == 0);
}

void foul_frames_are_counted_and_the_next_is_taken() {
  SharedFile file(3);
  Collector out(1000);
  SharedFrames frames(file.fd, &out);
  file.put_slot(0, Bytes(kSlotBytes, 'x'));
  file.publish(1);
  frames.poll();
  file.put_slot(1, raw_stream::header(PixelFormat::kMono8, 9, 4, 9, 36, 2));  // beyond the slot
  file.publish(2);
  frames.poll();
  file.put_slot(2, raw_stream::header(PixelFormat::kMono8, 0, 4, 8, 32, 3));
  file.publish(3);
  frames.poll();
  file.add();
  frames.poll();
  const dms::RawCounters& c = frames.counters();
  CHECK(c.bad_magic == 1 && c.bad_header == 2 && c.frames == 1 && c.missed == 0);
  CHECK(out.seqs == std::vector<std::uint64_t>({4}));
}

void a_file_cut_short_is_counted_once_until_it_is_whole_again() {
  for (const std::uint64_t size : {0u, 10u, 64u, 200u}) {
    SharedFile file(3);
    Collector out(1000);
    SharedFrames frames(file.fd, &out);
    file.add();
    file.resize(size);
    frames.poll();
    frames.poll();
    CHECK(frames.counters().truncated == 1 && out.seqs.empty());
    file.put(0, shared_header(3, kSlotBytes, 1));
    file.resize(64 + 3 * kSlotBytes);
    file.add();
    frames.poll();
    CHECK(frames.state() == RawError::kNone && out.seqs == std::vector<std::uint64_t>({2}));
  }
}

void a_file_cut_short_inside_a_copy_gives_no_frame() {
  SharedFile file(3);
  Meddler out([&] { file.resize(64 + 50); });
  SharedFrames frames(file.fd, &out);
  file.add();
  frames.poll();
  CHECK(frames.counters().truncated == 1 && out.abandoned == 1 && out.seqs.empty());
}

void any_bytes_at_all_touch_no_other_memory() {
  check::Random random(7);
  for (int trial = 0; trial < 3000; ++trial) {
    SharedFile file(static_cast<std::uint32_t>(random.between(2, 4)));
    Collector out(1 << 16);
    SharedFrames frames(file.fd, &out);
    for (int step = random.between(1, 6); step > 0; --step) {
      file.add();
      for (int flips = random.below(4); flips > 0; --flips) {
        const int at = random.below(random.below(2) == 0 ? 24 : 64 + 2 * int{kSlotBytes});
        file.put(static_cast<std::uint64_t>(at), {random.byte()});
      }
      if (random.below(8) == 0) file.resize(static_cast<std::uint64_t>(random.below(300)));
      frames.poll();
    }
    CHECK(frames.counters().frames == out.seqs.size());
  }
}

// Waits for a frame in the ring. False: none came.
bool wait_for(FrameRing& ring, std::uint64_t ticket) {
  for (int i = 0; i < 400; ++i) {
    const std::uint32_t version = ring.version();
    if (ring.next(ticket - 1)) return true;
    ring.wait_change(version, 10'000'000);
  }
  return false;
}

void frames_come_into_the_ring_until_stop() {
  SharedFile file(3);
  const auto ring = std::make_shared<FrameRing>(4, kWidth, kHeight, PixelFormat::kMono8);
  dms::SharedReader reader(file.fd, ring);
  reader.start();
  for (std::uint64_t seq = 1; seq <= 10; ++seq) {
    file.add();
    CHECK(wait_for(*ring, seq));
  }
  const dms::Pin pin = ring->latest();
  CHECK(pin && pin.seq() == 10 && pin.t_ns() == 10000 && pin.view().row(3)[7] == 10);
  file.resize(0);
  CHECK(!reader.done());
  reader.stop();
  CHECK(reader.done() && ring->closed() && reader.counters().frames == 10);
  reader.stop();
}

void a_writer_at_full_speed_never_shows_a_torn_frame() {
  SharedFile file(3);
  const auto ring = std::make_shared<FrameRing>(4, kWidth, kHeight, PixelFormat::kMono8);
  dms::SharedReader reader(file.fd, ring);
  reader.start();
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) file.add();
  });
  std::uint64_t last = 0;
  for (int i = 0; i < 50 && wait_for(*ring, last + 1); ++i) {
    const dms::Pin pin = ring->latest();
    last = pin.seq();
    for (int y = 0; y < static_cast<int>(kHeight); ++y) {
      const std::uint8_t* row = pin.view().row(y);
      CHECK(std::count(row, row + kWidth, static_cast<std::uint8_t>(last)) == kWidth);
    }
  }
  stop = true;
  writer.join();
  reader.stop();
  CHECK(last > 0 && reader.counters().bad_magic == 0 && reader.counters().bad_header == 0);
}

void what_is_no_such_file_is_an_error_at_once() {
  const auto ring = std::make_shared<FrameRing>(2, kWidth, kHeight, PixelFormat::kMono8);
  const SharedFile file(3);
  file.put(0, {'X'});
  int refused = 0;
  try {
    const dms::SharedReader reader(file.fd, ring);
  } catch (const std::invalid_argument&) {
    ++refused;
  }
  try {
    const dms::SharedReader reader(-1, ring);
  } catch (const std::system_error&) {
    ++refused;
  }
  CHECK(refused == 2);
}

}  // namespace

int main() {
  headers_are_checked_against_the_file_size();
  the_newest_new_frame_is_taken_and_the_others_counted();
  a_frame_overtaken_while_it_is_copied_is_discarded();
  a_writer_that_starts_again_is_followed();
  foul_frames_are_counted_and_the_next_is_taken();
  a_file_cut_short_is_counted_once_until_it_is_whole_again();
  a_file_cut_short_inside_a_copy_gives_no_frame();
  any_bytes_at_all_touch_no_other_memory();
  frames_come_into_the_ring_until_stop();
  a_writer_at_full_speed_never_shows_a_torn_frame();
  what_is_no_such_file_is_an_error_at_once();
  return check::result();
}
