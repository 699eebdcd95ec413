// The inner loops of preprocess, pixels and frame_stats: one table per instruction set.
// All tables compute the same bits; kernels_portable.cpp is the plain form.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dms {

// q = 128 + round-shift((v - mean) * gain): see quantiser_for in preprocess.cpp.
struct Quantiser {
  std::int16_t mean;   // Q8.7
  std::int16_t gain;   // 15-bit mantissa
  std::int16_t shift;  // 1..14
};

// Sums over subsampled rows; see frame_stats.hpp.
struct RowSums {
  std::uint64_t sum = 0;
  std::uint64_t sum_sq = 0;
  std::uint64_t dark = 0;
  std::uint64_t saturated = 0;
  std::uint64_t hash = 0;
};

// Scratch rows end with this many spare elements, so that kernels may write whole vectors.
inline constexpr int kRowSlack = 32;
inline constexpr int kValueBits = 7;                 // fraction bits of reduced and warped pixels
inline constexpr int kWeightBits = 14;               // bilinear weights
inline constexpr int kWeightOne = 1 << kWeightBits;  // 1.0
inline constexpr int kHalfWeight = kWeightOne / 2;   // for rounding
inline constexpr int kDarkLevel = 8;                 // <= is dark: sensor black level and noise
inline constexpr int kSaturatedLevel = 250;          // >= is saturated
inline constexpr std::uint64_t kHashStep = 0x9E3779B97F4A7C15u;  // 2^64 / golden ratio

// mean of k*k pixels in Q8.7 = ((sum << shift) * factor) >> 16; the shifted sum fits 16 bits.
struct BoxScale {
  int shift;
  std::uint32_t factor;
};
inline constexpr BoxScale kBoxScale[9] = {
    {0, 0},     {8, 32768}, {6, 32768}, {4, 58254}, {4, 32768},
    {3, 41943}, {2, 58254}, {2, 42799}, {2, 32768},
};
constexpr std::uint16_t box_value(std::uint32_t sum, int k) {
  return static_cast<std::uint16_t>(((sum << kBoxScale[k].shift) * kBoxScale[k].factor) >> 16);
}

struct Kernels {
  const char* name;
  // n reduced pixels from k rows of k*n source bytes. `column` is scratch for 8*n + kRowSlack.
  void (*box_row)(const std::uint8_t* src, std::ptrdiff_t stride, int k, int n,
                  std::uint16_t* column, std::uint16_t* out);
  // out[i] = top[i] | bottom[i] << 16: one 64-bit load then holds a bilinear sample's four pixels.
  void (*zip_rows)(const std::uint16_t* top, const std::uint16_t* bottom, int n,
                   std::uint32_t* out);
  // n bilinear samples at (x + i*dx, y + i*dy), 16.16, all inside `pairs`, whose row length is
  // `stride` elements.
  void (*warp_row)(const std::uint32_t* pairs, int stride, std::int32_t x, std::int32_t y,
                   std::int32_t dx, std::int32_t dy, int n, std::uint16_t* out);
  void (*sum_row)(const std::uint16_t* values, int n, std::uint64_t* sum, std::uint64_t* sum_sq);
  // Quantises n pixels of one row and deals them out to `block` planes, `plane` bytes apart.
  void (*quantise_row)(const std::uint16_t* values, int n, Quantiser q, int block,
                       std::uint8_t* out, std::ptrdiff_t plane);
  void (*stats_row)(const std::uint8_t* src, int n, std::uint64_t key, RowSums* sums);
  // 16-bit little endian, shifted right and saturated; packed RAW10.
  void (*narrow_row)(const std::uint8_t* src, int shift, int n, std::uint8_t* out);
  void (*raw10_row)(const std::uint8_t* src, int n, std::uint8_t* out);
};

const Kernels& portable_kernels();
// The best this processor can run.
const Kernels& best_kernels();

namespace portable {
void box_row(const std::uint8_t* src, std::ptrdiff_t stride, int k, int n, std::uint16_t* column,
             std::uint16_t* out);
void zip_rows(const std::uint16_t* top, const std::uint16_t* bottom, int n, std::uint32_t* out);
void warp_row(const std::uint32_t* pairs, int stride, std::int32_t x, std::int32_t y,
              std::int32_t dx, std::int32_t dy, int n, std::uint16_t* out);
void sum_row(const std::uint16_t* values, int n, std::uint64_t* sum, std::uint64_t* sum_sq);
void quantise_row(const std::uint16_t* values, int n, Quantiser q, int block, std::uint8_t* out,
                  std::ptrdiff_t plane);
void stats_row(const std::uint8_t* src, int n, std::uint64_t key, RowSums* sums);
void narrow_row(const std::uint8_t* src, int shift, int n, std::uint8_t* out);
void raw10_row(const std::uint8_t* src, int n, std::uint8_t* out);
}  // namespace portable

// Scalar arithmetic that the tails of vector loops share.
constexpr std::uint16_t bilinear(std::uint32_t left, std::uint32_t right, std::int32_t x,
                                 std::int32_t y) {
  const auto lerp = [](std::uint32_t a, std::uint32_t b, std::uint32_t weight) {
    return (a * (kWeightOne - weight) + b * weight + kHalfWeight) >> kWeightBits;
  };
  const auto fx = (static_cast<std::uint32_t>(x) & 0xFFFFu) >> (16 - kWeightBits);
  const auto fy = (static_cast<std::uint32_t>(y) & 0xFFFFu) >> (16 - kWeightBits);
  return static_cast<std::uint16_t>(
      lerp(lerp(left & 0xFFFFu, left >> 16, fy), lerp(right & 0xFFFFu, right >> 16, fy), fx));
}

constexpr std::uint8_t quantise(std::uint16_t value, Quantiser q) {
  const int product = (static_cast<int>(value) - q.mean) * q.gain;
  const int scaled = (product + (1 << 14)) >> 15;
  const int raised = scaled + (1 << (q.shift - 1));
  const int level = (raised > 32767 ? 32767 : raised) >> q.shift;
  return static_cast<std::uint8_t>((level < -128 ? -128 : level > 127 ? 127 : level) + 128);
}

}  // namespace dms
