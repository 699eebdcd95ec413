// Every fast kernel equals its plain form, over all small sizes. Sources and outputs are exactly
// as large as promised, so that the address sanitizer sees a byte too many.
#include <cmath>
#include <vector>

#include "check.hpp"
#include "frame_stats.hpp"
#include "kernels.hpp"
#include "pixels.hpp"

namespace {

using dms::Kernels;
using Bytes = std::vector<std::uint8_t>;
using Words = std::vector<std::uint16_t>;

constexpr int kMaxRow = 140;  // a few vectors and every tail

Bytes random_bytes(check::Random& random, std::size_t n) {
  Bytes out(n);
  for (auto& b : out) b = random.byte();
  return out;
}

std::size_t size(int n) { return static_cast<std::size_t>(n); }

Words random_values(check::Random& random, int n, int slack) {
  Words out(size(n + slack));
  for (auto& v : out) v = static_cast<std::uint16_t>(random.below(32641));
  return out;
}

void box_rows_are_equal(const Kernels& a, const Kernels& b, check::Random& random) {
  for (int k = 1; k <= 8; ++k) {
    for (int n = 1; n <= kMaxRow; ++n) {
      const int stride = k * n + random.below(5);
      const Bytes source = random_bytes(random, size(stride * (k - 1) + k * n));
      Words column(size(8 * n + dms::kRowSlack));
      Words one(size(n + dms::kRowSlack));
      Words two(size(n + dms::kRowSlack));
      a.box_row(source.data(), stride, k, n, column.data(), one.data());
      b.box_row(source.data(), stride, k, n, column.data(), two.data());
      for (int i = 0; i < n; ++i) CHECK(one[size(i)] == two[size(i)]);
    }
  }
}

void box_values_are_the_mean_to_an_eightieth_of_a_level() {
  for (int k = 1; k <= 8; ++k) {
    for (int sum = 0; sum <= k * k * 255; ++sum) {
      const double exact = static_cast<double>(sum) / (k * k);
      const double got = dms::box_value(static_cast<std::uint32_t>(sum), k) / 128.0;
      CHECK(got <= exact + 0.0125 && got >= exact - 0.0125);
    }
  }
}

void zipped_rows_are_equal(const Kernels& a, const Kernels& b, check::Random& random) {
  for (int n = 1; n <= kMaxRow; ++n) {
    const Words top = random_values(random, n, dms::kRowSlack);
    const Words bottom = random_values(random, n, dms::kRowSlack);
    std::vector<std::uint32_t> one(size(n + dms::kRowSlack));
    std::vector<std::uint32_t> two(size(n + dms::kRowSlack));
    a.zip_rows(top.data(), bottom.data(), n, one.data());
    b.zip_rows(top.data(), bottom.data(), n, two.data());
    for (int i = 0; i < n; ++i) CHECK(one[size(i)] == two[size(i)]);
  }
}

void warped_rows_are_equal(const Kernels& a, const Kernels& b, check::Random& random) {
  constexpr int kSide = 40;
  std::vector<std::uint32_t> pairs(kSide * kSide);
  for (auto& p : pairs)
    p = static_cast<std::uint32_t>(random.below(32641) | random.below(32641) << 16);
  for (int n = 1; n <= kMaxRow; ++n) {
    for (int trial = 0; trial < 20; ++trial) {
      const int limit = (kSide - 2) << 16;
      const int x = random.below(limit);
      const int y = random.below(limit);
      const int to_x = random.below(limit);
      const int to_y = random.below(limit);
      const int dx = (to_x - x) / n;
      const int dy = (to_y - y) / n;
      Words one(size(n));
      Words two(size(n));
      a.warp_row(pairs.data(), kSide, x, y, dx, dy, n, one.data());
      b.warp_row(pairs.data(), kSide, x, y, dx, dy, n, two.data());
      CHECK(one == two);
    }
  }
}

void sums_are_equal(const Kernels& a, const Kernels& b, check::Random& random) {
  for (int n = 0; n <= kMaxRow; ++n) {
    Words values = random_values(random, n, 0);
    if (n % 2 == 0) values.assign(values.size(), 32640);  // the largest
    std::uint64_t one[2] = {7, 9};
    std::uint64_t two[2] = {7, 9};
    a.sum_row(values.data(), n, &one[0], &one[1]);
    b.sum_row(values.data(), n, &two[0], &two[1]);
    CHECK(one[0] == two[0] && one[1] == two[1]);
  }
}

void quantised_rows_are_equal(const Kernels& a, const Kernels& b, check::Random& random) {
  for (const int block : {1, 2, 4}) {
    for (int n = block; n <= kMaxRow; n += block) {
      for (int shift = 3; shift <= 8; ++shift) {
        const Words values = random_values(random, n, 0);
        const dms::Quantiser q{static_cast<std::int16_t>(random.below(32641)),
                               static_cast<std::int16_t>(random.between(16384, 32767)),
                               static_cast<std::int16_t>(shift)};
        const int plane = n / block + random.below(3);
        Bytes one(size(plane * (block - 1) + n / block));
        Bytes two(one.size());
        a.quantise_row(values.data(), n, q, block, one.data(), plane);
        b.quantise_row(values.data(), n, q, block, two.data(), plane);
        CHECK(one == two);
      }
    }
  }
}

bool same(const dms::RowSums& a, const dms::RowSums& b) {
  return a.sum == b.sum && a.sum_sq == b.sum_sq && a.dark == b.dark && a.saturated == b.saturated &&
         a.hash == b.hash;
}

void row_statistics_are_equal(const Kernels& a, const Kernels& b, check::Random& random) {
  for (int n = 1; n <= 8192; n += n < kMaxRow ? 1 : 671) {
    for (const int constant : {-1, 0, 255}) {
      Bytes row = random_bytes(random, size(n));
      if (constant >= 0) row.assign(row.size(), static_cast<std::uint8_t>(constant));
      dms::RowSums one;
      dms::RowSums two;
      const std::uint64_t key = random.bits();
      a.stats_row(row.data(), n, key, &one);
      b.stats_row(row.data(), n, key, &two);
      CHECK(same(one, two));
    }
  }
}

void formats_convert_equally(check::Random& random) {
  for (int format = 0; format < dms::kPixelFormatCount; ++format) {
    const auto f = static_cast<dms::PixelFormat>(format);
    for (int n = 1; n <= kMaxRow; ++n) {
      const Bytes source = random_bytes(random, dms::row_bytes(f, n));
      Bytes one(size(n));
      Bytes two(size(n));
      dms::to_mono8_row(f, source.data(), n, one.data());
      dms::to_mono8_row_reference(f, source.data(), n, two.data());
      CHECK(one == two);
    }
  }
}

void known_pixels_convert_to_known_levels() {
  using dms::PixelFormat;
  std::uint8_t out[4] = {};
  const std::uint8_t ten[8] = {0x00, 0x00, 0xFF, 0x03, 0x04, 0x00, 0x00, 0x04};  // 0 1023 4 1024
  dms::to_mono8_row(PixelFormat::kMono10Le, ten, 4, out);
  CHECK(out[0] == 0 && out[1] == 255 && out[2] == 1 && out[3] == 255);
  dms::to_mono8_row(PixelFormat::kMono12Le, ten, 4, out);
  CHECK(out[0] == 0 && out[1] == 63 && out[2] == 0 && out[3] == 64);
  dms::to_mono8_row(PixelFormat::kMono16Le, ten, 4, out);
  CHECK(out[0] == 0 && out[1] == 3 && out[2] == 0 && out[3] == 4);
  const std::uint8_t packed[5] = {10, 20, 30, 40, 0xE4};
  dms::to_mono8_row(PixelFormat::kRaw10Packed, packed, 4, out);
  CHECK(out[0] == 10 && out[1] == 20 && out[2] == 30 && out[3] == 40);
}

void frame_statistics_are_equal_and_right(check::Random& random) {
  for (int trial = 0; trial < 200; ++trial) {
    const int width = random.between(1, 200);
    const int height = random.between(1, 300);
    const int stride = width + random.below(4);
    Bytes pixels = random_bytes(random, size(stride * (height - 1) + width));
    const dms::ImageView view{pixels.data(), width, height, stride};
    const dms::FrameStats fast = dms::frame_stats(view);
    const dms::FrameStats plain = dms::frame_stats_reference(view);
    CHECK(fast.mean == plain.mean && fast.stddev == plain.stddev && fast.dark == plain.dark &&
          fast.saturated == plain.saturated && fast.hash == plain.hash);
    pixels[size(width - 1)] ^= 1;  // row 0 is looked at in frames below 200 rows
    if (height < 200) CHECK(dms::frame_stats(view).hash != fast.hash);
  }
  const Bytes flat(size(64 * 48), 250);
  const dms::FrameStats s = dms::frame_stats({flat.data(), 64, 48, 64});
  CHECK(s.mean == 250 && s.stddev == 0 && s.dark == 0 && s.saturated == 1 &&
        std::isnan(s.sharpness));
  CHECK(dms::frame_stats({}).hash == 0);
}

}  // namespace

int main() {
  check::Random random(1);
  const Kernels& fast = dms::best_kernels();
  const Kernels& plain = dms::portable_kernels();
  std::fprintf(stderr, "comparing %s with %s\n", fast.name, plain.name);
  box_rows_are_equal(fast, plain, random);
  box_values_are_the_mean_to_an_eightieth_of_a_level();
  zipped_rows_are_equal(fast, plain, random);
  warped_rows_are_equal(fast, plain, random);
  sums_are_equal(fast, plain, random);
  quantised_rows_are_equal(fast, plain, random);
  row_statistics_are_equal(fast, plain, random);
  formats_convert_equally(random);
  known_pixels_convert_to_known_levels();
  frame_statistics_are_equal_and_right(random);
  return check::result();
}
