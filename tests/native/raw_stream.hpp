// Builds raw frame streams for tests.
#pragma once

#include <cstdint>
#include <vector>

#include "raw_reader.hpp"

namespace raw_stream {

using Bytes = std::vector<std::uint8_t>;

inline void put(Bytes& out, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

inline Bytes header(dms::PixelFormat format, std::uint32_t width, std::uint32_t height,
                    std::uint32_t stride, std::uint32_t payload, std::uint64_t seq,
                    std::uint64_t t_ns) {
  Bytes out = {'D', 'M', 'S', 'F', 1, 0};
  put(out, static_cast<std::uint64_t>(format), 2);
  for (const std::uint32_t field : {width, height, stride, payload}) put(out, field, 4);
  put(out, seq, 8);
  put(out, t_ns, 8);
  return out;
}

inline Bytes header(dms::PixelFormat format, std::uint32_t width, std::uint32_t height,
                    std::uint32_t stride, std::uint32_t payload, std::uint64_t seq) {
  return header(format, width, height, stride, payload, seq, seq * 1000);
}

// A mono 8 frame without padding whose every pixel is `seq`.
inline Bytes frame(std::uint32_t width, std::uint32_t height, std::uint64_t seq) {
  Bytes out = header(dms::PixelFormat::kMono8, width, height, width, width * height, seq);
  out.resize(out.size() + width * height, static_cast<std::uint8_t>(seq));
  return out;
}

inline void append(Bytes& out, const Bytes& more) {
  out.insert(out.end(), more.begin(), more.end());
}

// Collects what a parser finds, in memory exactly as large as each payload.
class Collector : public dms::RawSink {
 public:
  explicit Collector(std::uint32_t largest) : largest_(largest) {}
  std::uint8_t* begin(const dms::RawHeader& h) override {
    if (h.payload > largest_) return nullptr;
    payload_.assign(h.payload, 0);
    return payload_.data();
  }
  void end(const dms::RawHeader& h) override {
    seqs.push_back(h.seq);
    timed = timed && h.t_ns < dms::kRawTimeEnd;
    uniform = uniform && payload_ == Bytes(h.payload, static_cast<std::uint8_t>(h.seq));
    payload_ = {};
  }
  void abandon() override {
    ++abandoned;
    payload_ = {};
  }

  std::vector<std::uint64_t> seqs;
  bool uniform = true;  // every payload is its sequence number, over and over
  bool timed = true;    // every stamp is one that can be reckoned with
  int abandoned = 0;

 private:
  std::uint32_t largest_;
  Bytes payload_;
};

}  // namespace raw_stream
