// AVX2 forms of the kernels. Only functions marked DMS_AVX2 hold such instructions; the table is
// used when the processor has them.
#include "kernels.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

#define DMS_AVX2 __attribute__((target("avx2"))) inline

namespace dms {
namespace {

DMS_AVX2 __m256i load256(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
DMS_AVX2 __m128i load128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
DMS_AVX2 void store256(void* p, __m256i v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
DMS_AVX2 void store128(void* p, __m128i v) { _mm_storeu_si128(static_cast<__m128i*>(p), v); }

DMS_AVX2 std::uint64_t sum_u64(__m256i v) {
  alignas(32) std::uint64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), v);
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}
DMS_AVX2 __m256i widen_add(__m256i sums64, __m256i v32) {
  const __m256i zero = _mm256_setzero_si256();
  return _mm256_add_epi64(
      sums64, _mm256_add_epi64(_mm256_unpacklo_epi32(v32, zero), _mm256_unpackhi_epi32(v32, zero)));
}

// --- box_row

// 16-bit lanes of block sums to Q8.7.
template <int k>
DMS_AVX2 __m256i scaled(__m256i sums) {
  constexpr auto kFactor = static_cast<short>(kBoxScale[k].factor);
  return _mm256_mulhi_epu16(_mm256_slli_epi16(sums, kBoxScale[k].shift),
                            _mm256_set1_epi16(kFactor));
}

// 16 sums of 2 x rows pixels.
template <int rows>
DMS_AVX2 __m256i pair_sums(const std::uint8_t* src, std::ptrdiff_t stride) {
  const __m256i ones = _mm256_set1_epi8(1);
  __m256i sum = _mm256_maddubs_epi16(load256(src), ones);
  for (int y = 1; y < rows; ++y)
    sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(load256(src + y * stride), ones));
  return sum;
}

DMS_AVX2 int box1(const std::uint8_t* src, int n, std::uint16_t* out) {
  int i = 0;
  for (; i + 16 <= n; i += 16)
    store256(out + i, _mm256_slli_epi16(_mm256_cvtepu8_epi16(load128(src + i)), kValueBits));
  return i;
}

DMS_AVX2 int box2(const std::uint8_t* src, std::ptrdiff_t stride, int n, std::uint16_t* out) {
  int i = 0;
  for (; i + 16 <= n; i += 16) store256(out + i, scaled<2>(pair_sums<2>(src + 2 * i, stride)));
  return i;
}

DMS_AVX2 int box4(const std::uint8_t* src, std::ptrdiff_t stride, int n, std::uint16_t* out) {
  const __m256i ones = _mm256_set1_epi16(1);
  int i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256i a = _mm256_madd_epi16(pair_sums<4>(src + 4 * i, stride), ones);
    const __m256i b = _mm256_madd_epi16(pair_sums<4>(src + 4 * i + 32, stride), ones);
    store256(out + i, scaled<4>(_mm256_permute4x64_epi64(_mm256_packus_epi32(a, b), 0xD8)));
  }
  return i;
}

DMS_AVX2 int box8(const std::uint8_t* src, std::ptrdiff_t stride, int n, std::uint16_t* out) {
  const __m256i zero = _mm256_setzero_si256();
  int i = 0;
  for (; i + 4 <= n; i += 4) {
    __m256i sum = zero;
    for (int y = 0; y < 8; ++y)
      sum = _mm256_add_epi64(sum, _mm256_sad_epu8(load256(src + 8 * i + y * stride), zero));
    alignas(32) std::uint64_t sums[4];
    _mm256_store_si256(reinterpret_cast<__m256i*>(sums), sum);
    for (int j = 0; j < 4; ++j) out[i + j] = box_value(static_cast<std::uint32_t>(sums[j]), 8);
  }
  return i;
}

// Column sums of 32 pixels over k rows, two rows at a time.
template <int k>
DMS_AVX2 void column_sums(const std::uint8_t* src, std::ptrdiff_t stride, std::uint16_t* column) {
  const __m256i ones = _mm256_set1_epi8(1);
  __m256i low = _mm256_setzero_si256();
  __m256i high = low;
  for (int y = 0; y < k; y += 2) {
    const __m256i a = load256(src + y * stride);
    const __m256i b = y + 1 < k ? load256(src + (y + 1) * stride) : _mm256_setzero_si256();
    low = _mm256_add_epi16(low, _mm256_maddubs_epi16(_mm256_unpacklo_epi8(a, b), ones));
    high = _mm256_add_epi16(high, _mm256_maddubs_epi16(_mm256_unpackhi_epi8(a, b), ones));
  }
  store256(column, _mm256_permute2x128_si256(low, high, 0x20));
  store256(column + 16, _mm256_permute2x128_si256(low, high, 0x31));
}

// Sums of k columns, for outputs j and j + 4: madd with k ones and 8 - k zeros, then add across.
DMS_AVX2 __m256i masked(const std::uint16_t* column, int k, int j, __m256i mask) {
  const __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(load128(column + k * j)),
                                               load128(column + k * (j + 4)), 1);
  return _mm256_madd_epi16(both, mask);
}

template <int k>
DMS_AVX2 int box_any(const std::uint8_t* src, std::ptrdiff_t stride, int n, std::uint16_t* column,
                     std::uint16_t* out) {
  const int width = k * n;
  if (width < 32) return 0;
  for (int i = 0; i + 32 < width; i += 32) column_sums<k>(src + i, stride, column + i);
  column_sums<k>(src + width - 32, stride, column + width - 32);  // may overlap: same values
  const __m256i mask =
      _mm256_broadcastsi128_si256(_mm_setr_epi16(1, 1, 1, k > 3, k > 4, k > 5, k > 6, 0));
  const __m256i factor = _mm256_set1_epi32(static_cast<int>(kBoxScale[k].factor));
  int i = 0;
  for (; i + 8 <= n; i += 8) {
    const std::uint16_t* at = column + k * i;
    const __m256i sums =
        _mm256_hadd_epi32(_mm256_hadd_epi32(masked(at, k, 0, mask), masked(at, k, 1, mask)),
                          _mm256_hadd_epi32(masked(at, k, 2, mask), masked(at, k, 3, mask)));
    const __m256i values = _mm256_mulhi_epu16(_mm256_slli_epi32(sums, kBoxScale[k].shift), factor);
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(values, values), 0x08);
    store128(out + i, _mm256_castsi256_si128(packed));
  }
  return i;
}

DMS_AVX2 int box_vectors(const std::uint8_t* src, std::ptrdiff_t stride, int k, int n,
                         std::uint16_t* column, std::uint16_t* out) {
  switch (k) {
    case 1:
      return box1(src, n, out);
    case 2:
      return box2(src, stride, n, out);
    case 3:
      return box_any<3>(src, stride, n, column, out);
    case 4:
      return box4(src, stride, n, out);
    case 5:
      return box_any<5>(src, stride, n, column, out);
    case 6:
      return box_any<6>(src, stride, n, column, out);
    case 7:
      return box_any<7>(src, stride, n, column, out);
    default:
      return box8(src, stride, n, out);
  }
}

DMS_AVX2 void box_row(const std::uint8_t* src, std::ptrdiff_t stride, int k, int n,
                      std::uint16_t* column, std::uint16_t* out) {
  const int done = box_vectors(src, stride, k, n, column, out);
  portable::box_row(src + k * done, stride, k, n - done, column, out + done);
}

// --- zip_rows: whole vectors, into the slack

DMS_AVX2 void zip_rows(const std::uint16_t* top, const std::uint16_t* bottom, int n,
                       std::uint32_t* out) {
  for (int i = 0; i < n; i += 16) {
    const __m256i a = load256(top + i);
    const __m256i b = load256(bottom + i);
    const __m256i low = _mm256_unpacklo_epi16(a, b);
    const __m256i high = _mm256_unpackhi_epi16(a, b);
    store256(out + i, _mm256_permute2x128_si256(low, high, 0x20));
    store256(out + i + 8, _mm256_permute2x128_si256(low, high, 0x31));
  }
}

// --- warp_row

DMS_AVX2 long long load64(const void* p) {
  long long value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

DMS_AVX2 __m128i load_two(const std::uint32_t* pairs, std::int32_t first, std::int32_t second) {
  return _mm_insert_epi64(_mm_cvtsi64_si128(load64(pairs + first)), load64(pairs + second), 1);
}

// Columns of four samples, weighted by row: (left, right) in 32 bits each, Q8.7.
DMS_AVX2 __m256i by_row(__m256i four, __m256i weights) {
  const __m256i half = _mm256_set1_epi32(kHalfWeight);
  return _mm256_srli_epi32(_mm256_add_epi32(_mm256_madd_epi16(four, weights), half), kWeightBits);
}

// (1 - fraction) in the low, fraction in the high 16 bits.
DMS_AVX2 __m256i weights_of(__m256i position) {
  const __m256i fraction = _mm256_and_si256(_mm256_srli_epi32(position, 16 - kWeightBits),
                                            _mm256_set1_epi32(kWeightOne - 1));
  return _mm256_or_si256(_mm256_slli_epi32(fraction, 16),
                         _mm256_sub_epi32(_mm256_set1_epi32(kWeightOne), fraction));
}

DMS_AVX2 __m128i warp8(const std::uint32_t* pairs, __m256i steps, __m256i x, __m256i y) {
  // index = (y >> 16) * stride + (x >> 16), as one multiply-add of the integer halves
  const __m256i whole = _mm256_blend_epi16(_mm256_srli_epi32(x, 16), y, 0xAA);
  alignas(32) std::int32_t at[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(at), _mm256_madd_epi16(whole, steps));
  const __m256i a = _mm256_inserti128_si256(_mm256_castsi128_si256(load_two(pairs, at[0], at[1])),
                                            load_two(pairs, at[4], at[5]), 1);
  const __m256i b = _mm256_inserti128_si256(_mm256_castsi128_si256(load_two(pairs, at[2], at[3])),
                                            load_two(pairs, at[6], at[7]), 1);
  const __m256i rows = weights_of(y);
  const __m256i columns = _mm256_packus_epi32(by_row(a, _mm256_unpacklo_epi32(rows, rows)),
                                              by_row(b, _mm256_unpackhi_epi32(rows, rows)));
  const __m256i values = by_row(columns, weights_of(x));
  return _mm256_castsi256_si128(
      _mm256_permute4x64_epi64(_mm256_packus_epi32(values, values), 0x08));
}

DMS_AVX2 void warp_row(const std::uint32_t* pairs, int stride, std::int32_t x, std::int32_t y,
                       std::int32_t dx, std::int32_t dy, int n, std::uint16_t* out) {
  const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i steps = _mm256_set1_epi32(1 | stride << 16);
  __m256i xs =
      _mm256_add_epi32(_mm256_set1_epi32(x), _mm256_mullo_epi32(index, _mm256_set1_epi32(dx)));
  __m256i ys =
      _mm256_add_epi32(_mm256_set1_epi32(y), _mm256_mullo_epi32(index, _mm256_set1_epi32(dy)));
  const __m256i dx8 = _mm256_slli_epi32(_mm256_set1_epi32(dx), 3);
  const __m256i dy8 = _mm256_slli_epi32(_mm256_set1_epi32(dy), 3);
  int i = 0;
  for (; i + 8 <= n; i += 8) {
    store128(out + i, warp8(pairs, steps, xs, ys));
    xs = _mm256_add_epi32(xs, dx8);
    ys = _mm256_add_epi32(ys, dy8);
  }
  if (i < n) portable::warp_row(pairs, stride, x + i * dx, y + i * dy, dx, dy, n - i, out + i);
}

// --- sum_row

DMS_AVX2 void sum_row(const std::uint16_t* values, int n, std::uint64_t* sum,
                      std::uint64_t* sum_sq) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i s = _mm256_setzero_si256();
  __m256i ss = s;
  int i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256i v = load256(values + i);
    s = _mm256_add_epi32(s, _mm256_madd_epi16(v, ones));
    ss = widen_add(ss, _mm256_madd_epi16(v, v));  // 2 * 32640^2 < 2^31
  }
  *sum += sum_u64(widen_add(_mm256_setzero_si256(), s));
  *sum_sq += sum_u64(ss);
  portable::sum_row(values + i, n - i, sum, sum_sq);
}

// --- quantise_row

DMS_AVX2 __m256i quantise16(const std::uint16_t* values, Quantiser q, __m128i shift) {
  const __m256i centred = _mm256_sub_epi16(load256(values), _mm256_set1_epi16(q.mean));
  const __m256i scaled = _mm256_mulhrs_epi16(centred, _mm256_set1_epi16(q.gain));
  const auto half = static_cast<short>(1 << (q.shift - 1));
  return _mm256_sra_epi16(_mm256_adds_epi16(scaled, _mm256_set1_epi16(half)), shift);
}

DMS_AVX2 void store64(void* p, __m128i v) { _mm_storeu_si64(p, v); }

DMS_AVX2 void deal4(__m256i v, std::uint8_t* out, std::ptrdiff_t plane) {
  const __m256i by_phase = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  const __m256i planes = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(v, by_phase),
                                                     _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  const __m128i low = _mm256_castsi256_si128(planes);
  const __m128i high = _mm256_extracti128_si256(planes, 1);
  store64(out, low);
  store64(out + plane, _mm_unpackhi_epi64(low, low));
  store64(out + 2 * plane, high);
  store64(out + 3 * plane, _mm_unpackhi_epi64(high, high));
}

DMS_AVX2 void deal2(__m256i v, std::uint8_t* out, std::ptrdiff_t plane) {
  const __m256i by_phase = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15));
  const __m256i planes = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(v, by_phase), 0xD8);
  store128(out, _mm256_castsi256_si128(planes));
  store128(out + plane, _mm256_extracti128_si256(planes, 1));
}

template <int block>
DMS_AVX2 void quantise32(const std::uint16_t* values, Quantiser q, __m128i shift, std::uint8_t* out,
                         std::ptrdiff_t plane) {
  const __m256i packed = _mm256_permute4x64_epi64(
      _mm256_packs_epi16(quantise16(values, q, shift), quantise16(values + 16, q, shift)), 0xD8);
  const __m256i levels = _mm256_xor_si256(packed, _mm256_set1_epi8(-128));  // + 128
  if constexpr (block == 4) {
    deal4(levels, out, plane);
  } else if constexpr (block == 2) {
    deal2(levels, out, plane);
  } else {
    store256(out, levels);
  }
}

template <int block>
DMS_AVX2 void quantise_all(const std::uint16_t* values, int n, Quantiser q, std::uint8_t* out,
                           std::ptrdiff_t plane) {
  const __m128i shift = _mm_cvtsi32_si128(q.shift);
  for (int i = 0; i + 32 < n; i += 32)
    quantise32<block>(values + i, q, shift, out + i / block, plane);
  quantise32<block>(values + n - 32, q, shift, out + (n - 32) / block, plane);  // may overlap
}

DMS_AVX2 void quantise_row(const std::uint16_t* values, int n, Quantiser q, int block,
                           std::uint8_t* out, std::ptrdiff_t plane) {
  if (n < 32) return portable::quantise_row(values, n, q, block, out, plane);
  if (block == 4) return quantise_all<4>(values, n, q, out, plane);
  if (block == 2) return quantise_all<2>(values, n, q, out, plane);
  quantise_all<1>(values, n, q, out, plane);
}

// --- stats_row

// `count` vectors of 32 pixels, at most 128: byte counters must not wrap, 32-bit sums neither.
DMS_AVX2 void stats_chunk(const std::uint8_t* src, int count, std::uint64_t key, RowSums* sums) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i dark_level = _mm256_set1_epi8(kDarkLevel);
  const __m256i saturated_level = _mm256_set1_epi8(static_cast<char>(kSaturatedLevel));
  const __m256i step = _mm256_set1_epi64x(static_cast<long long>(4 * kHashStep));
  const auto lane = [key](std::uint64_t i) { return static_cast<long long>(key + i * kHashStep); };
  __m256i keys = _mm256_setr_epi64x(lane(0), lane(1), lane(2), lane(3));
  __m256i dark = zero, saturated = zero, squares = zero, sum = zero, hash = zero;
  for (int i = 0; i < count; ++i, src += 32) {
    const __m256i v = load256(src);
    sum = _mm256_add_epi64(sum, _mm256_sad_epu8(v, zero));
    const __m256i low = _mm256_unpacklo_epi8(v, zero);
    const __m256i high = _mm256_unpackhi_epi8(v, zero);
    squares = _mm256_add_epi32(
        squares, _mm256_add_epi32(_mm256_madd_epi16(low, low), _mm256_madd_epi16(high, high)));
    dark = _mm256_sub_epi8(dark, _mm256_cmpeq_epi8(_mm256_min_epu8(v, dark_level), v));
    saturated =
        _mm256_sub_epi8(saturated, _mm256_cmpeq_epi8(_mm256_max_epu8(v, saturated_level), v));
    const __m256i t = _mm256_xor_si256(v, keys);
    const __m256i product = _mm256_mul_epu32(t, _mm256_srli_epi64(t, 32));
    hash = _mm256_add_epi64(hash, _mm256_add_epi64(product, v));
    keys = _mm256_add_epi64(keys, step);
  }
  sums->sum += sum_u64(sum);
  sums->sum_sq += sum_u64(widen_add(zero, squares));
  sums->dark += sum_u64(_mm256_sad_epu8(dark, zero));
  sums->saturated += sum_u64(_mm256_sad_epu8(saturated, zero));
  sums->hash += sum_u64(hash);
}

DMS_AVX2 void stats_row(const std::uint8_t* src, int n, std::uint64_t key, RowSums* sums) {
  while (n >= 32) {
    const int count = n / 32 < 128 ? n / 32 : 128;
    stats_chunk(src, count, key, sums);
    src += 32 * count;
    n -= 32 * count;
    key += 4 * static_cast<std::uint64_t>(count) * kHashStep;
  }
  portable::stats_row(src, n, key, sums);
}

// --- pixel formats

DMS_AVX2 void narrow_row(const std::uint8_t* src, int shift, int n, std::uint8_t* out) {
  const __m128i count = _mm_cvtsi32_si128(shift);
  int i = 0;
  for (; i + 32 <= n; i += 32) {
    const __m256i a = _mm256_srl_epi16(load256(src + 2 * i), count);
    const __m256i b = _mm256_srl_epi16(load256(src + 2 * i + 32), count);
    store256(out + i, _mm256_permute4x64_epi64(_mm256_packus_epi16(a, b), 0xD8));
  }
  portable::narrow_row(src + 2 * i, shift, n - i, out + i);
}

// 40 bytes to 32 pixels; the last load starts 6 bytes early to end with them.
DMS_AVX2 __m256i raw10_32(const std::uint8_t* src) {
  const __m128i pick = _mm_setr_epi8(0, 1, 2, 3, 5, 6, 7, 8, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m128i late = _mm_setr_epi8(6, 7, 8, 9, 11, 12, 13, 14, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m128i a = _mm_unpacklo_epi64(_mm_shuffle_epi8(load128(src), pick),
                                       _mm_shuffle_epi8(load128(src + 10), pick));
  const __m128i b = _mm_unpacklo_epi64(_mm_shuffle_epi8(load128(src + 20), pick),
                                       _mm_shuffle_epi8(load128(src + 24), late));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
}

DMS_AVX2 void raw10_row(const std::uint8_t* src, int n, std::uint8_t* out) {
  int i = 0;
  for (; i + 32 <= n; i += 32) store256(out + i, raw10_32(src + i / 4 * 5));
  portable::raw10_row(src + i / 4 * 5, n - i, out + i);
}

constexpr Kernels kAvx2 = {"avx2",       box_row,   zip_rows,   warp_row, sum_row,
                           quantise_row, stats_row, narrow_row, raw10_row};

}  // namespace

const Kernels& best_kernels() {
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  return has_avx2 ? kAvx2 : portable_kernels();
}

}  // namespace dms

#else

namespace dms {
const Kernels& best_kernels() { return portable_kernels(); }
}  // namespace dms

#endif
