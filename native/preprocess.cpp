#include "preprocess.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "kernels.hpp"

namespace dms {
namespace {

constexpr std::int64_t kOne = 1 << 16;    // 1.0 in 16.16
constexpr std::int64_t kHalf = kOne / 2;  // pixel centres
constexpr double kMaxRoi = 65536;         // px; keeps 16.16 far from 64-bit overflow
constexpr int kMaxBox = 8;                // kernels' sums fit 16 bits up to 8 x 8
constexpr double kGain = 40;              // output levels for one standard deviation
constexpr double kMinStddev = 3;          // grey levels; below it there is only sensor noise
constexpr std::uint8_t kOutside = 128;    // the mean's level

// Where the output's pixels lie in the reduced image.
struct Warp {
  int k, width, height;           // reduced image
  std::int64_t x, y;              // output (0, 0), 16.16
  std::int64_t xu, yu, xv, yv;    // steps to the next column and row
  std::int64_t x_limit, y_limit;  // in the frame: 0 <= x + half < x_limit

  std::int64_t x_at(std::int64_t u, std::int64_t v) const { return x + u * xu + v * xv; }
  std::int64_t y_at(std::int64_t u, std::int64_t v) const { return y + u * yu + v * yv; }
};

std::int64_t fixed(double value) { return std::llround(value * static_cast<double>(kOne)); }

// False if the region holds no pixel of any frame.
bool plan_warp(const ImageView& frame, const Roi& roi, const CropSpec& spec, Warp* warp) {
  const bool sane = std::isfinite(roi.angle) && std::abs(roi.cx) <= kMaxRoi &&
                    std::abs(roi.cy) <= kMaxRoi && roi.w > 0 && roi.w <= kMaxRoi && roi.h > 0 &&
                    roi.h <= kMaxRoi;
  if (!sane) return false;
  const int wanted = std::clamp(static_cast<int>(roi.w / spec.width), 1, kMaxBox);
  const int k = std::min({wanted, frame.width, frame.height});
  const double c = std::cos(roi.angle) / k;
  const double s = std::sin(roi.angle) / k;
  const double du = roi.w / spec.width;
  const double dv = roi.h / spec.height;
  const double u0 = 0.5 * (du - roi.w);  // output (0, 0) from the region's centre
  const double v0 = 0.5 * (dv - roi.h);
  warp->k = k;
  warp->width = frame.width / k;
  warp->height = frame.height / k;
  warp->x = fixed(roi.cx / k + c * u0 - s * v0 - 0.5);
  warp->y = fixed(roi.cy / k + s * u0 + c * v0 - 0.5);
  warp->xu = fixed(c * du);
  warp->yu = fixed(s * du);
  warp->xv = fixed(-s * dv);
  warp->yv = fixed(c * dv);
  warp->x_limit = frame.width * kOne / k;
  warp->y_limit = frame.height * kOne / k;
  if (spec.mirror) {
    warp->x += (spec.width - 1) * warp->xu;
    warp->y += (spec.width - 1) * warp->yu;
    warp->xu = -warp->xu;
    warp->yu = -warp->yu;
  }
  return true;
}

struct Sums {
  std::int64_t count = 0;
  std::uint64_t sum = 0;
  std::uint64_t sum_sq = 0;
};

Quantiser quantiser_for(const Sums& s, CropStats* stats) {
  const auto n = static_cast<std::uint64_t>(s.count);
  const std::uint64_t spread = n * s.sum_sq - s.sum * s.sum;  // n^2 variance, exact
  const double level = static_cast<double>(1 << kValueBits);
  const double stddev = std::sqrt(static_cast<double>(spread)) / (static_cast<double>(n) * level);
  if (stats != nullptr) {
    stats->in_frame = static_cast<int>(s.count);
    stats->mean = static_cast<float>(static_cast<double>(s.sum) / (static_cast<double>(n) * level));
    stats->stddev = static_cast<float>(stddev);
  }
  // gain = mantissa * 2^exponent; (value - mean) is Q8.7 and the product is taken down 15 bits.
  int exponent = 0;
  const double mantissa = std::frexp(kGain / std::max(stddev, kMinStddev), &exponent);
  const long gain = std::min(std::lround(mantissa * 32768), 32767L);
  return {static_cast<std::int16_t>((s.sum + n / 2) / n), static_cast<std::int16_t>(gain),
          static_cast<std::int16_t>(kValueBits - exponent)};
}

// Narrows [first, last) to the columns with 0 <= p + u*d < limit.
void clip_span(std::int64_t p, std::int64_t d, std::int64_t limit, int* first, int* last) {
  if (d < 0) {  // p + u*d < limit  <=>  0 <= (limit - 1 - p) + u*(-d), and so on
    p = limit - 1 - p;
    d = -d;
  }
  if (d == 0) {
    if (p < 0 || p >= limit) *last = *first;
    return;
  }
  if (p < 0)
    *first = static_cast<int>(
        std::min<std::int64_t>(*last, std::max<std::int64_t>(*first, (-p + d - 1) / d)));
  const std::int64_t room = limit - 1 - p;
  *last = room < 0 ? *first : static_cast<int>(std::min<std::int64_t>(*last, room / d + 1));
  *last = std::max(*last, *first);
}

template <typename T>
using Buffer = std::unique_ptr<T[], void (*)(void*)>;

template <typename T>
Buffer<T> make_buffer(std::size_t count) {
  const std::size_t bytes = (count * sizeof(T) + 63) / 64 * 64;
  void* memory = std::aligned_alloc(64, bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return Buffer<T>(static_cast<T*>(memory), std::free);
}

// The part of the reduced image that an output samples: columns x0..x1, rows y0..y1 inclusive.
struct Region {
  int x0, x1, y0, y1;
};

struct Range {
  std::int64_t low, high;
};

// Values that p + u*du + v*dv takes over the output; it is linear, so its corners bound it.
Range range_of(std::int64_t p, std::int64_t du, std::int64_t dv, const CropSpec& spec) {
  const std::int64_t across = du * (spec.width - 1);
  const std::int64_t down = dv * (spec.height - 1);
  return {p + std::min<std::int64_t>(across, 0) + std::min<std::int64_t>(down, 0),
          p + std::max<std::int64_t>(across, 0) + std::max<std::int64_t>(down, 0)};
}

bool contains(std::int64_t limit, const Range& range) {
  return range.low >= -kHalf && range.high < limit - kHalf;
}

}  // namespace

struct Preprocessor::Scratch {
  Scratch(int w, int h)
      : max_width(w),
        max_height(h),
        pairs(make_buffer<std::uint32_t>(
            static_cast<std::size_t>(w + 4) * static_cast<std::size_t>(h + 4) + kRowSlack)),
        rows{make_buffer<std::uint16_t>(static_cast<std::size_t>(w + 4 + kRowSlack)),
             make_buffer<std::uint16_t>(static_cast<std::size_t>(w + 4 + kRowSlack))},
        column(make_buffer<std::uint16_t>(static_cast<std::size_t>(w + 8 * kRowSlack))),
        values(make_buffer<std::uint16_t>((1u << 16) + kRowSlack)),
        spans(make_buffer<std::pair<int, int>>(1u << 16)) {}

  int max_width, max_height;
  Buffer<std::uint32_t> pairs;        // the region, each pixel with the one below it
  Buffer<std::uint16_t> rows[2];      // reduced rows being paired
  Buffer<std::uint16_t> column;       // column sums of one row of blocks
  Buffer<std::uint16_t> values;       // the warped crop, Q8.7
  Buffer<std::pair<int, int>> spans;  // first and last+1 column in the frame, for each row
};

namespace {

// One padded reduced row, clamped to the image: columns x0..x1+1.
void reduce_row(const Kernels& kernels, const ImageView& frame, const Warp& warp,
                const Region& region, int y, std::uint16_t* column, std::uint16_t* out) {
  const int first = std::max(region.x0, 0);
  const int last = std::min(region.x1 + 1, warp.width - 1);
  const int pad = first - region.x0;
  const std::uint8_t* src = frame.row(y * warp.k) + first * warp.k;
  kernels.box_row(src, frame.stride, warp.k, last - first + 1, column, out + pad);
  std::fill(out, out + pad, out[pad]);
  const int filled = last - region.x0;
  std::fill(out + filled + 1, out + region.x1 + 2 - region.x0, out[filled]);
}

}  // namespace

Preprocessor::Preprocessor(int max_frame_width, int max_frame_height)
    : scratch_(std::make_unique<Scratch>(std::clamp(max_frame_width, 1, kMaxFrameSide),
                                         std::clamp(max_frame_height, 1, kMaxFrameSide))),
      kernels_(&best_kernels()) {}

Preprocessor::~Preprocessor() = default;

void Preprocessor::use_portable_kernels() { kernels_ = &portable_kernels(); }
const char* Preprocessor::kernels_name() const { return kernels_->name; }

bool Preprocessor::run(const ImageView& frame, const Roi& roi, const CropSpec& spec,
                       std::uint8_t* out, CropStats* stats) {
  Scratch& s = *scratch_;
  if (!frame.valid() || !spec.valid() || frame.width > s.max_width || frame.height > s.max_height)
    return false;
  if (stats != nullptr) *stats = {};
  Warp warp;
  if (!plan_warp(frame, roi, spec, &warp)) {
    std::memset(out, kOutside, spec.bytes());
    return true;
  }
  const Range xs = range_of(warp.x, warp.xu, warp.xv, spec);
  const Range ys = range_of(warp.y, warp.yu, warp.yv, spec);
  const bool all_inside = contains(warp.x_limit, xs) && contains(warp.y_limit, ys);
  const std::int64_t x_low = std::max(xs.low, -kHalf);
  const std::int64_t x_high = std::min(xs.high, warp.x_limit - kHalf - 1);
  const std::int64_t y_low = std::max(ys.low, -kHalf);
  const std::int64_t y_high = std::min(ys.high, warp.y_limit - kHalf - 1);
  if (x_low > x_high || y_low > y_high) {
    std::memset(out, kOutside, spec.bytes());
    return true;
  }
  const Region region{std::min(static_cast<int>(x_low >> 16), warp.width - 1),
                      static_cast<int>(x_high >> 16), static_cast<int>(y_low >> 16),
                      static_cast<int>(y_high >> 16)};
  const int stride = region.x1 + 2 - region.x0;

  // Reduce, and pair each row with the one below it.
  std::uint16_t* above = s.rows[0].get();
  std::uint16_t* below = s.rows[1].get();
  int have = -1;  // the reduced row that `below` holds
  for (int y = region.y0; y <= region.y1 + 1; ++y) {
    const int wanted = std::clamp(y, 0, warp.height - 1);
    const bool repeat = wanted == have;
    if (!repeat) {
      std::swap(above, below);
      reduce_row(*kernels_, frame, warp, region, wanted, s.column.get(), below);
      have = wanted;
    }
    if (y == region.y0) continue;
    std::uint32_t* pairs = s.pairs.get() + static_cast<std::ptrdiff_t>(y - 1 - region.y0) * stride;
    kernels_->zip_rows(repeat ? below : above, below, stride, pairs);
  }

  // Warp the columns that lie in the frame, and sum them.
  Sums sums;
  std::uint16_t* values = s.values.get();
  for (int v = 0; v < spec.height; ++v) {
    const std::int64_t x = warp.x_at(0, v);
    const std::int64_t y = warp.y_at(0, v);
    int first = 0;
    int last = spec.width;
    if (!all_inside) {
      clip_span(x + kHalf, warp.xu, warp.x_limit, &first, &last);
      clip_span(y + kHalf, warp.yu, warp.y_limit, &first, &last);
      s.spans[static_cast<std::size_t>(v)] = {first, last};
    }
    if (first >= last) continue;
    std::uint16_t* row = values + static_cast<std::ptrdiff_t>(v) * spec.width + first;
    kernels_->warp_row(
        s.pairs.get(), stride, static_cast<std::int32_t>(x + first * warp.xu - region.x0 * kOne),
        static_cast<std::int32_t>(y + first * warp.yu - region.y0 * kOne),
        static_cast<std::int32_t>(warp.xu), static_cast<std::int32_t>(warp.yu), last - first, row);
    kernels_->sum_row(row, last - first, &sums.sum, &sums.sum_sq);
    sums.count += last - first;
  }
  if (sums.count == 0) {
    std::memset(out, kOutside, spec.bytes());
    return true;
  }

  // Normalise, quantise, deal out.
  const Quantiser q = quantiser_for(sums, stats);
  const std::ptrdiff_t plane = spec.width / spec.block * (spec.height / spec.block);
  for (int v = 0; v < spec.height; ++v) {
    std::uint16_t* row = values + static_cast<std::ptrdiff_t>(v) * spec.width;
    if (!all_inside) {  // the mean itself quantises to 128
      const auto [first, last] = s.spans[static_cast<std::size_t>(v)];
      std::fill(row, row + first, static_cast<std::uint16_t>(q.mean));
      std::fill(row + last, row + spec.width, static_cast<std::uint16_t>(q.mean));
    }
    std::uint8_t* to =
        out + v % spec.block * spec.block * plane + v / spec.block * (spec.width / spec.block);
    kernels_->quantise_row(row, spec.width, q, spec.block, to, plane);
  }
  return true;
}

namespace {

std::uint16_t reduced_pixel(const ImageView& frame, const Warp& warp, std::int64_t i,
                            std::int64_t j) {
  const int x = static_cast<int>(std::clamp<std::int64_t>(i, 0, warp.width - 1)) * warp.k;
  const int y = static_cast<int>(std::clamp<std::int64_t>(j, 0, warp.height - 1)) * warp.k;
  std::uint32_t sum = 0;
  for (int dy = 0; dy < warp.k; ++dy) {
    for (int dx = 0; dx < warp.k; ++dx) sum += frame.row(y + dy)[x + dx];
  }
  return box_value(sum, warp.k);
}

// -1: outside the frame.
int sample(const ImageView& frame, const Warp& warp, int u, int v) {
  const std::int64_t x = warp.x_at(u, v);
  const std::int64_t y = warp.y_at(u, v);
  if (x + kHalf < 0 || x + kHalf >= warp.x_limit || y + kHalf < 0 || y + kHalf >= warp.y_limit)
    return -1;
  const std::int64_t i = x >> 16;
  const std::int64_t j = y >> 16;
  const auto pair = [&](std::int64_t column) {
    return reduced_pixel(frame, warp, column, j) |
           static_cast<std::uint32_t>(reduced_pixel(frame, warp, column, j + 1)) << 16;
  };
  return bilinear(pair(i), pair(i + 1), static_cast<std::int32_t>(x), static_cast<std::int32_t>(y));
}

}  // namespace

bool preprocess_reference(const ImageView& frame, const Roi& roi, const CropSpec& spec,
                          std::uint8_t* out, CropStats* stats) {
  if (!frame.valid() || !spec.valid()) return false;
  if (stats != nullptr) *stats = {};
  std::memset(out, kOutside, spec.bytes());
  Warp warp;
  if (!plan_warp(frame, roi, spec, &warp)) return true;
  Sums sums;
  for (int v = 0; v < spec.height; ++v) {
    for (int u = 0; u < spec.width; ++u) {
      const int value = sample(frame, warp, u, v);
      if (value < 0) continue;
      sums.count += 1;
      sums.sum += static_cast<std::uint64_t>(value);
      sums.sum_sq += static_cast<std::uint64_t>(value) * static_cast<std::uint64_t>(value);
    }
  }
  if (sums.count == 0) return true;
  const Quantiser q = quantiser_for(sums, stats);
  const int b = spec.block;
  for (int v = 0; v < spec.height; ++v) {
    for (int u = 0; u < spec.width; ++u) {
      const int value = sample(frame, warp, u, v);
      if (value < 0) continue;
      const int channel = v % b * b + u % b;
      out[(channel * (spec.height / b) + v / b) * (spec.width / b) + u / b] =
          quantise(static_cast<std::uint16_t>(value), q);
    }
  }
  return true;
}

}  // namespace dms
