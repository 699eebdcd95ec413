// Any bytes at all, cut anywhere: the parser must account for each of them and touch no other.
// libFuzzer: build with -DDMS_SANITIZE=fuzzer,address and clang. Otherwise a program: it replays
// the files named as arguments, then streams made at random.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "check.hpp"
#include "raw_stream.hpp"

namespace {

using raw_stream::Bytes;

void require(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "fuzz_raw_reader: %s\n", what);
  std::abort();
}

// The first byte chooses how the rest is cut.
void parse_once(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  const std::size_t step = data[0] + 1u;
  raw_stream::Collector out(1u << 16);
  dms::RawParser parser(&out);
  for (std::size_t at = 1; at < size; at += step)
    parser.feed(data + at, step < size - at ? step : size - at);
  parser.finish();
  const dms::RawCounters c = parser.counters();
  require(c.frames == out.seqs.size(), "frames counted and delivered differ");
  require(out.timed, "a stamp that no clock shows");
  require(c.skipped_bytes + dms::kRawHeaderBytes * c.frames <= size, "bytes counted twice");
  require(c.truncated <= 1, "a stream ends once");
  require(c.bad_magic + c.bad_header <= c.skipped_bytes, "an error that skipped nothing");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parse_once(data, size);
  return 0;
}

#ifndef DMS_LIBFUZZER
namespace {

// Good frames, frames with some bits flipped, headers alone, bytes of the magic, noise.
Bytes random_stream(check::Random& random) {
  Bytes out = {random.byte()};
  for (int part = random.between(1, 12); part > 0; --part) {
    const auto w = static_cast<std::uint32_t>(random.between(1, 40));
    const auto h = static_cast<std::uint32_t>(random.between(1, 9));
    Bytes bytes = raw_stream::frame(w, h, random.byte());
    const int kind = random.below(5);
    if (kind == 1) bytes[static_cast<std::size_t>(random.below(40))] = random.byte();
    if (kind == 2)
      bytes.resize(static_cast<std::size_t>(random.below(static_cast<int>(bytes.size()))));
    if (kind == 3) {
      for (auto& b : bytes) b = static_cast<std::uint8_t>("DMSF"[random.below(4)]);
    }
    if (kind == 4) {
      for (auto& b : bytes) b = random.byte();
    }
    raw_stream::append(out, bytes);
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    parse_once(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  }
  check::Random random(3);
  for (int trial = 0; trial < 20000; ++trial) {
    const Bytes stream = random_stream(random);
    parse_once(stream.data(), stream.size());
    CHECK(true);
  }
  return check::result();
}
#endif
