// How fast this processor can multiply and add at best: what networks' speed is held against.
#pragma once

#include <cstdint>

namespace dms {

/// Nanoseconds of the thread's CPU time for `multiply_adds(rounds)` 8-bit multiply-adds out of
/// registers, by the instructions that ONNX Runtime has for 8-bit networks on this processor
/// without dot-product instructions (x86: vpmaddubsw, vpmaddwd, vpaddd). 0 where it has none.
std::int64_t int8_peak_ns(std::int64_t rounds);
constexpr std::int64_t int8_peak_multiply_adds(std::int64_t rounds) { return rounds * 8 * 32; }

}  // namespace dms
