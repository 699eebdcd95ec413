// The smallest test harness: CHECK prints what failed and where; main returns check_result().
#pragma once

#include <cstdint>
#include <cstdio>

namespace check {

inline int failures = 0;
inline long checks = 0;

inline bool that(bool ok, const char* what, const char* file, int line) {
  ++checks;
  if (!ok && ++failures <= 20) std::fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
  return ok;
}

inline int result() {
  std::fprintf(stderr, "%ld checks, %d failed\n", checks, failures);
  return failures == 0 && checks > 0 ? 0 : 1;
}

// Repeatable everywhere, unlike <random>'s distributions.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits() {  // splitmix64
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  int below(int n) { return static_cast<int>(bits() % static_cast<std::uint64_t>(n)); }
  int between(int low, int high) { return low + below(high - low + 1); }
  double uniform(double low, double high) {
    return low + (high - low) * static_cast<double>(bits() >> 11) * 0x1p-53;
  }
  std::uint8_t byte() { return static_cast<std::uint8_t>(bits()); }

 private:
  std::uint64_t state_;
};

}  // namespace check

#define CHECK(condition) check::that(static_cast<bool>(condition), #condition, __FILE__, __LINE__)
