#include "peak.hpp"

#include "engine.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace dms {

#if defined(__x86_64__)
namespace {

/// Eight independent chains of 32 multiply-adds a step hide the instructions' latencies.
__attribute__((target("avx2"))) int spin(std::int64_t rounds) {
  __m256i a = _mm256_set1_epi8(3);
  __m256i b = _mm256_set1_epi8(5);
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i sums[8] = {};
  for (std::int64_t i = 0; i < rounds; ++i) {
    // The compiler must not see that every round is the same.
    asm volatile("" : "+x"(a), "+x"(b));
#pragma GCC unroll 8
    for (int chain = 0; chain < 8; ++chain) {
      __m256i products = _mm256_maddubs_epi16(a, b);
      asm volatile("" : "+x"(products));
      sums[chain] = _mm256_add_epi32(sums[chain], _mm256_madd_epi16(products, ones));
    }
  }
  __m256i total = sums[0];
  for (int chain = 1; chain < 8; ++chain) total = _mm256_add_epi32(total, sums[chain]);
  return _mm256_extract_epi32(total, 0);
}

}  // namespace

std::int64_t int8_peak_ns(std::int64_t rounds) {
  if (!__builtin_cpu_supports("avx2")) return 0;
  const std::int64_t start = thread_cpu_ns();
  volatile int result = spin(rounds);
  static_cast<void>(result);
  return thread_cpu_ns() - start;
}
#else
std::int64_t int8_peak_ns(std::int64_t) { return 0; }
#endif

}  // namespace dms
