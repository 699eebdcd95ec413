#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <vector>

#include "check.hpp"
#include "raw_reader.hpp"
#include "raw_stream.hpp"

namespace {

using dms::FrameRing;
using dms::PixelFormat;
using dms::RawCounters;
using dms::RawParser;
using raw_stream::append;
using raw_stream::Bytes;
using raw_stream::Collector;
using raw_stream::frame;

// Feeds the stream in pieces of `step` bytes.
RawCounters parse(const Bytes& stream, std::size_t step, Collector* out) {
  RawParser parser(out);
  for (std::size_t at = 0; at < stream.size(); at += step)
    parser.feed(stream.data() + at, std::min(step, stream.size() - at));
  parser.finish();
  return parser.counters();
}

void frames_arrive_whole_however_the_stream_is_cut() {
  Bytes stream;
  for (std::uint64_t seq = 1; seq <= 4; ++seq) append(stream, frame(7, 3, seq));
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    Collector out(1000);
    const RawCounters c = parse(stream, step, &out);
    CHECK(c.frames == 4 && c.bad_magic == 0 && c.skipped_bytes == 0 && c.truncated == 0);
    CHECK(out.seqs == std::vector<std::uint64_t>({1, 2, 3, 4}) && out.uniform);
  }
}

void rubbish_between_frames_is_skipped_and_counted_once() {
  Bytes stream = {'D', 'M', 'S', 'D', 'M'};  // false starts
  append(stream, frame(7, 3, 1));
  append(stream, Bytes(100, 'x'));
  append(stream, frame(7, 3, 2));
  append(stream, {'D', 'D', 'M', 'S'});
  append(stream, frame(7, 3, 3));
  for (std::size_t step = 1; step <= 64; ++step) {
    Collector out(1000);
    const RawCounters c = parse(stream, step, &out);
    CHECK(c.frames == 3 && c.bad_magic == 3 && c.skipped_bytes == 109 && c.bad_header == 0);
    CHECK(out.seqs == std::vector<std::uint64_t>({1, 2, 3}) && out.uniform);
  }
}

void bad_headers_are_counted_and_the_next_frame_is_found() {
  const auto mono = PixelFormat::kMono8;
  std::vector<Bytes> bad = {
      raw_stream::header(mono, 0, 3, 7, 21, 9),             // no width
      raw_stream::header(mono, 7, 0, 7, 0, 9),              // no height
      raw_stream::header(mono, 8193, 1, 8193, 8193, 9),     // too wide
      raw_stream::header(mono, 1, 8193, 1, 8193, 9),        // too high
      raw_stream::header(mono, 7, 3, 6, 18, 9),             // stride below the width
      raw_stream::header(mono, 7, 3, 7, 20, 9),             // payload is not stride * height
      raw_stream::header(mono, 8192, 8192, 0x80000, 0, 9),  // product overflows 32 bits
      raw_stream::header(PixelFormat::kMono12Le, 7, 3, 13, 39, 9),
      raw_stream::header(PixelFormat::kRaw10Packed, 7, 3, 9, 27, 9),
      raw_stream::header(static_cast<PixelFormat>(5), 7, 3, 7, 21, 9),
      raw_stream::header(mono, 7, 3, 7, 21, 9, dms::kRawTimeEnd),
      raw_stream::header(mono, 7, 3, 7, 21, 9, ~std::uint64_t{0}),
      raw_stream::header(mono, 7, 3, 7, 21, 9),
  };
  bad.back()[4] = 2;  // version
  for (const Bytes& header : bad) {
    Bytes stream = header;
    append(stream, frame(7, 3, 5));
    Collector out(1000);
    const RawCounters c = parse(stream, 11, &out);
    CHECK(c.bad_header == 1 && c.bad_magic == 0 && c.frames == 1);
    CHECK(c.skipped_bytes == dms::kRawHeaderBytes);
    CHECK(out.seqs == std::vector<std::uint64_t>({5}) && out.uniform);
  }
}

void unwanted_payloads_are_skipped_without_being_searched() {
  Bytes inner = frame(7, 3, 8);  // a frame inside a payload is no frame
  Bytes stream = raw_stream::header(PixelFormat::kMono8, 100, 100, 100, 10000, 1);
  append(stream, inner);
  stream.resize(dms::kRawHeaderBytes + 10000, 0);
  append(stream, frame(7, 3, 2));
  Collector out(1000);
  const RawCounters c = parse(stream, 77, &out);
  CHECK(c.skipped == 1 && c.frames == 1 && c.skipped_bytes == 0);
  CHECK(out.seqs == std::vector<std::uint64_t>({2}));
}

void a_cut_stream_ends_cleanly() {
  const Bytes whole = frame(7, 3, 1);
  for (std::size_t n = 0; n <= whole.size(); ++n) {
    Collector out(1000);
    const RawCounters c =
        parse(Bytes(whole.begin(), whole.begin() + static_cast<long>(n)), 9, &out);
    CHECK(c.frames == (n == whole.size() ? 1u : 0u));
    CHECK(c.truncated == (n > 0 && n < whole.size() ? 1u : 0u));
    CHECK(out.abandoned == (n >= dms::kRawHeaderBytes && n < whole.size() ? 1 : 0));
  }
}

struct Pipe {
  Pipe() { CHECK(pipe(fds) == 0); }
  ~Pipe() {
    close(fds[0]);
    close_writer();
  }
  void close_writer() {
    if (fds[1] >= 0) close(fds[1]);
    fds[1] = -1;
  }
  void send(const Bytes& bytes) const {
    CHECK(write(fds[1], bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  int fds[2] = {-1, -1};
};

// Waits for the reader to close the ring.
void wait_for_end(FrameRing& ring) {
  for (std::uint32_t v = ring.version(); !ring.closed(); v = ring.version()) {
    if (!ring.closed()) ring.wait_change(v, 100'000'000);
  }
}

void a_pipe_is_read_into_the_ring_until_it_ends() {
  const auto ring = std::make_shared<FrameRing>(4, 7, 3, PixelFormat::kMono8);
  Pipe pipe;
  dms::RawReader reader(pipe.fds[0], ring);
  reader.start();
  pipe.send(frame(7, 3, 1));
  pipe.send(frame(9, 3, 2));  // another size: not for this ring
  pipe.send(Bytes(10, '?'));
  pipe.send(frame(7, 3, 3));
  Bytes cut = frame(7, 3, 4);
  cut.resize(50);
  pipe.send(cut);
  pipe.close_writer();
  wait_for_end(*ring);
  reader.stop();
  const RawCounters c = reader.counters();
  CHECK(reader.done() && reader.error() == 0);
  CHECK(c.frames == 2 && c.skipped == 1 && c.bad_magic == 1 && c.truncated == 1);
  const dms::Pin pin = ring->next(1);
  CHECK(pin && pin.seq() == 3 && pin.t_ns() == 3000 && pin.view().row(2)[6] == 3);
  CHECK(!ring->next(2));
}

void packed_pixels_are_converted_on_the_way() {
  const auto ring = std::make_shared<FrameRing>(2, 4, 2, PixelFormat::kRaw10Packed, 8);
  Pipe pipe;
  dms::RawReader reader(pipe.fds[0], ring);
  reader.start();
  Bytes stream = raw_stream::header(PixelFormat::kRaw10Packed, 4, 2, 8, 16, 1);
  append(stream, {1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 8, 0, 0, 0, 0});
  pipe.send(stream);
  pipe.close_writer();
  wait_for_end(*ring);
  const dms::Pin pin = ring->latest();
  CHECK(pin && pin.view().row(0)[3] == 4 && pin.view().row(1)[0] == 5);
}

void stop_does_not_wait_for_the_other_end() {
  const auto ring = std::make_shared<FrameRing>(2, 7, 3, PixelFormat::kMono8);
  const Pipe pipe;
  dms::RawReader reader(pipe.fds[0], ring);
  reader.start();
  Bytes part = frame(7, 3, 1);
  part.resize(45);
  pipe.send(part);
  reader.stop();
  CHECK(reader.done() && ring->closed() && reader.counters().frames == 0);
  reader.stop();
}

void a_descriptor_that_is_none_is_an_error_at_once() {
  bool refused = false;
  try {
    const dms::RawReader reader(-1, std::make_shared<FrameRing>(2, 7, 3, PixelFormat::kMono8));
  } catch (const std::system_error&) {
    refused = true;
  }
  CHECK(refused);
}

}  // namespace

int main() {
  frames_arrive_whole_however_the_stream_is_cut();
  rubbish_between_frames_is_skipped_and_counted_once();
  bad_headers_are_counted_and_the_next_frame_is_found();
  unwanted_payloads_are_skipped_without_being_searched();
  a_cut_stream_ends_cleanly();
  a_pipe_is_read_into_the_ring_until_it_ends();
  packed_pixels_are_converted_on_the_way();
  stop_does_not_wait_for_the_other_end();
  a_descriptor_that_is_none_is_an_error_at_once();
  return check::result();
}
