// How fast this processor can multiply and add bytes: what networks' speed is held against.
#pragma once

#include <cstdint>

namespace dms {

/// A round is a block of 4 x 16 sums taken 4 products further; this many make one block.
constexpr std::int64_t kPeakRounds = 144;  // 576 products a sum: 3 x 3 of 64 channels
constexpr std::int64_t int8_peak_multiply_adds(std::int64_t rounds) {
  return rounds / kPeakRounds * kPeakRounds * 4 * 16 * 4;
}

/// Nanoseconds of the thread's CPU time for `int8_peak_multiply_adds(rounds)` in a matrix product
/// of bytes that never leaves the first-level cache, by the instructions that ONNX Runtime has for
/// 8-bit networks where there are none for dot products (x86: vpmaddubsw, vpmaddwd, vpaddd).
/// 0 where this processor or this build has none of them.
std::int64_t int8_peak_ns(std::int64_t rounds);

}  // namespace dms
