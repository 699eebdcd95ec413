#include <cstring>

#include "kernels.hpp"

namespace dms {
namespace portable {

void box_row(const std::uint8_t* src, std::ptrdiff_t stride, int k, int n, std::uint16_t* column,
             std::uint16_t* out) {
  const int width = k * n;
  for (int i = 0; i < width; ++i) column[i] = src[i];
  for (int y = 1; y < k; ++y) {
    const std::uint8_t* row = src + y * stride;
    for (int i = 0; i < width; ++i) column[i] = static_cast<std::uint16_t>(column[i] + row[i]);
  }
  for (int i = 0; i < n; ++i) {
    std::uint32_t sum = 0;
    for (int j = 0; j < k; ++j) sum += column[k * i + j];
    out[i] = box_value(sum, k);
  }
}

void zip_rows(const std::uint16_t* top, const std::uint16_t* bottom, int n, std::uint32_t* out) {
  for (int i = 0; i < n; ++i) out[i] = top[i] | static_cast<std::uint32_t>(bottom[i]) << 16;
}

void warp_row(const std::uint32_t* pairs, int stride, std::int32_t x, std::int32_t y,
              std::int32_t dx, std::int32_t dy, int n, std::uint16_t* out) {
  for (int i = 0; i < n; ++i) {
    const std::int32_t xi = x + i * dx;
    const std::int32_t yi = y + i * dy;
    const std::uint32_t* at = pairs + static_cast<std::ptrdiff_t>(yi >> 16) * stride + (xi >> 16);
    out[i] = bilinear(at[0], at[1], xi, yi);
  }
}

void sum_row(const std::uint16_t* values, int n, std::uint64_t* sum, std::uint64_t* sum_sq) {
  std::uint64_t s = 0;
  std::uint64_t ss = 0;
  for (int i = 0; i < n; ++i) {
    const std::uint32_t v = values[i];
    s += v;
    ss += v * v;
  }
  *sum += s;
  *sum_sq += ss;
}

void quantise_row(const std::uint16_t* values, int n, Quantiser q, int block, std::uint8_t* out,
                  std::ptrdiff_t plane) {
  for (int c = 0; c < block; ++c) {
    for (int i = c, j = 0; i < n; i += block, ++j) out[c * plane + j] = quantise(values[i], q);
  }
}

// The hash is a sum over 8-byte words, so that lanes may add up in any order:
// t = word ^ (key + index * step); hash += low32(t) * high32(t) + word.
void stats_row(const std::uint8_t* src, int n, std::uint64_t key, RowSums* sums) {
  RowSums s;
  for (int i = 0; i < n; ++i) {
    const std::uint32_t p = src[i];
    s.sum += p;
    s.sum_sq += p * p;
    s.dark += p <= kDarkLevel;
    s.saturated += p >= kSaturatedLevel;
  }
  for (int i = 0; i < n; i += 8, key += kHashStep) {
    std::uint64_t word = 0;
    std::memcpy(&word, src + i, static_cast<std::size_t>(n - i < 8 ? n - i : 8));
    const std::uint64_t t = word ^ key;
    s.hash += (t & 0xFFFFFFFFu) * (t >> 32) + word;
  }
  sums->sum += s.sum;
  sums->sum_sq += s.sum_sq;
  sums->dark += s.dark;
  sums->saturated += s.saturated;
  sums->hash += s.hash;
}

void narrow_row(const std::uint8_t* src, int shift, int n, std::uint8_t* out) {
  for (int i = 0; i < n; ++i) {
    const std::uint32_t value =
        (src[2 * i] | static_cast<std::uint32_t>(src[2 * i + 1]) << 8) >> shift;
    out[i] = static_cast<std::uint8_t>(value > 255 ? 255 : value);
  }
}

void raw10_row(const std::uint8_t* src, int n, std::uint8_t* out) {
  for (int i = 0; i < n; ++i) out[i] = src[i / 4 * 5 + i % 4];
}

}  // namespace portable

const Kernels& portable_kernels() {
  static constexpr Kernels kTable = {
      "portable",          portable::box_row,    portable::zip_rows,
      portable::warp_row,  portable::sum_row,    portable::quantise_row,
      portable::stats_row, portable::narrow_row, portable::raw10_row,
  };
  return kTable;
}

}  // namespace dms
