#include "peak.hpp"

#include "engine.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>
#endif

namespace dms {

#if defined(__x86_64__)
namespace {

constexpr int kRows = 4;  // with 16 columns: 8 sums, 2 of weights, 2 others are 12 of 16 registers
constexpr int kDepth = 4 * kPeakRounds;  // products of one sum

struct Operands {
  alignas(64) std::uint8_t left[kRows * kDepth];
  alignas(64) std::int8_t right[16 * kDepth];
};

/// One block: every operand is loaded where it is used, as in any matrix product.
__attribute__((target("avx2"))) __m256i block(const std::uint8_t* left, const std::int8_t* right) {
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sums[2 * kRows] = {};
  for (int k = 0; k < kDepth; k += 4) {
    const __m256i* columns = reinterpret_cast<const __m256i*>(right + 16 * k);
    const __m256i first = _mm256_load_si256(columns);
    const __m256i second = _mm256_load_si256(columns + 1);
#pragma GCC unroll 4
    for (int row = 0; row < kRows; ++row) {
      std::int32_t four = 0;
      std::memcpy(&four, left + row * kDepth + k, sizeof(four));
      const __m256i x = _mm256_set1_epi32(four);
      const __m256i a = _mm256_madd_epi16(_mm256_maddubs_epi16(x, first), ones);
      const __m256i b = _mm256_madd_epi16(_mm256_maddubs_epi16(x, second), ones);
      sums[2 * row] = _mm256_add_epi32(sums[2 * row], a);
      sums[2 * row + 1] = _mm256_add_epi32(sums[2 * row + 1], b);
    }
  }
  __m256i total = sums[0];
#pragma GCC unroll 7
  for (int i = 1; i < 2 * kRows; ++i) total = _mm256_add_epi32(total, sums[i]);
  return total;
}

__attribute__((target("avx2"))) int product(const Operands& operands, std::int64_t blocks) {
  __m256i total = _mm256_setzero_si256();
  const std::uint8_t* left = operands.left;
  for (std::int64_t i = 0; i < blocks; ++i) {
    asm volatile("" : "+r"(left));  // the compiler must not see that every block is the same
    total = _mm256_add_epi32(total, block(left, operands.right));
  }
  return _mm256_extract_epi32(total, 0);
}

}  // namespace

std::int64_t int8_peak_ns(std::int64_t rounds) {
  if (!__builtin_cpu_supports("avx2")) return 0;
  static const Operands operands{};
  const std::int64_t start = thread_cpu_ns();
  volatile int result = product(operands, rounds / kPeakRounds);
  static_cast<void>(result);
  return thread_cpu_ns() - start;
}
#else
std::int64_t int8_peak_ns(std::int64_t) { return 0; }
#endif

}  // namespace dms
