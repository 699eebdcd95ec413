#include <array>

#include "check.hpp"
#include "tensor_ring.hpp"

namespace {

constexpr int kWidth = 5;
using Row = std::array<std::uint8_t, kWidth>;

Row row_of(int value) {
  Row row;
  row.fill(static_cast<std::uint8_t>(value));
  return row;
}

// Window row i must hold max(first, newest - rows + 1 + i): the oldest repeats until full.
bool window_is(const dms::TensorRing& ring, int first, int newest) {
  for (int i = 0; i < ring.rows(); ++i) {
    const int age = newest - ring.rows() + 1 + i;
    const Row want = row_of(age < first ? first : age);
    if (std::memcmp(ring.window() + i * kWidth, want.data(), kWidth) != 0) return false;
  }
  return true;
}

void windows_are_contiguous_and_oldest_first() {
  for (int rows = 1; rows <= 9; ++rows) {
    dms::TensorRing ring(rows, kWidth);
    CHECK(ring.filled() == 0);
    for (int i = 1; i <= 4 * rows + 3; ++i) {
      ring.push(row_of(i).data());
      CHECK(window_is(ring, 1, i));
      CHECK(ring.filled() == (i < rows ? i : rows));
      CHECK(ring.window() == ring.window_at(ring.slot()) && ring.slot() < rows);
    }
    ring.clear();
    ring.push(row_of(100).data());
    CHECK(ring.filled() == 1 && window_is(ring, 100, 100));
    ring.fill(row_of(7).data());
    CHECK(ring.filled() == rows && window_is(ring, 7, 7));
  }
}

}  // namespace

int main() {
  windows_are_contiguous_and_oldest_first();
  return check::result();
}
