// The fast path gives the reference's bits, whatever the frame, stride, region and output.
#include <cmath>
#include <limits>
#include <vector>

#include "check.hpp"
#include "preprocess.hpp"

namespace {

using Bytes = std::vector<std::uint8_t>;

std::size_t size(int n) { return static_cast<std::size_t>(n); }

struct Picture {
  Picture(check::Random& random, int w, int h, int padding)
      : pixels(size((w + padding) * (h - 1) + w)), view{pixels.data(), w, h, w + padding} {
    const int contrast = random.between(1, 256);
    for (auto& p : pixels) p = static_cast<std::uint8_t>(random.below(contrast));
  }
  Bytes pixels;
  dms::ImageView view;
};

constexpr dms::CropSpec kSpecs[] = {
    {4, 4, 4},   {4, 8, 2},  {8, 4, 1},  {8, 8, 4},  {12, 4, 4},  {2, 2, 2},   {16, 16, 2},
    {28, 12, 4}, {32, 8, 4}, {36, 4, 4}, {40, 6, 2}, {64, 12, 2}, {112, 8, 4}, {33, 5, 1},
};

dms::Roi any_roi(check::Random& random, const dms::ImageView& frame, const dms::CropSpec& spec) {
  constexpr double kAngles[] = {
      0, 0.1, -0.4, 0.78539816339744831, 1.5707963267948966, 3.1415926535897931, -2.2};
  const double k = random.uniform(0.05, 10);  // frame pixels to an output pixel
  const double reach = random.below(4) == 0 ? 3 : 0.6;
  return {frame.width * random.uniform(0.5 - reach, 0.5 + reach),
          frame.height * random.uniform(0.5 - reach, 0.5 + reach), spec.width * k,
          spec.height * k * random.uniform(0.5, 2), kAngles[random.below(7)]};
}

// Runs both kernel sets and the reference; true if they agree.
bool agree(dms::Preprocessor& fast, dms::Preprocessor& portable, const dms::ImageView& frame,
           const dms::Roi& roi, const dms::CropSpec& spec) {
  Bytes a(spec.bytes(), 1);
  Bytes b(spec.bytes(), 2);
  Bytes c(spec.bytes(), 3);
  dms::CropStats sa;
  dms::CropStats sc;
  const bool ran = fast.run(frame, roi, spec, a.data(), &sa) &&
                   portable.run(frame, roi, spec, b.data()) &&
                   dms::preprocess_reference(frame, roi, spec, c.data(), &sc);
  return ran && a == c && b == c && sa.in_frame == sc.in_frame && sa.mean == sc.mean &&
         sa.stddev == sc.stddev;
}

void all_small_frames(dms::Preprocessor& fast, dms::Preprocessor& portable, check::Random& random) {
  for (int w = 1; w <= 20; ++w) {
    for (int h = 1; h <= 20; ++h) {
      const Picture picture(random, w, h, random.below(4));
      for (const dms::CropSpec& shape : kSpecs) {
        dms::CropSpec spec = shape;
        spec.mirror = random.below(2) == 1;
        CHECK(agree(fast, portable, picture.view, any_roi(random, picture.view, spec), spec));
      }
    }
  }
}

void larger_frames(dms::Preprocessor& fast, dms::Preprocessor& portable, check::Random& random) {
  for (int trial = 0; trial < 150; ++trial) {
    const Picture picture(random, random.between(20, 300), random.between(20, 300),
                          random.below(9));
    for (const dms::CropSpec& shape : kSpecs) {
      dms::CropSpec spec = shape;
      spec.mirror = random.below(2) == 1;
      CHECK(agree(fast, portable, picture.view, any_roi(random, picture.view, spec), spec));
    }
  }
}

void the_networks_own_shapes(dms::Preprocessor& fast, dms::Preprocessor& portable,
                             check::Random& random) {
  const Picture picture(random, 320, 200, 0);
  for (const dms::CropSpec& spec :
       {dms::CropSpec{112, 112, 4}, {64, 64, 2}, {256, 192, 4}, {64, 64, 2, true}}) {
    for (int trial = 0; trial < 8; ++trial)
      CHECK(agree(fast, portable, picture.view, any_roi(random, picture.view, spec), spec));
  }
}

void every_box_size(dms::Preprocessor& fast, dms::Preprocessor& portable, check::Random& random) {
  const Picture picture(random, 301, 203, 5);
  const dms::CropSpec spec{32, 16, 4};
  for (int k = 1; k <= 12; ++k) {  // 8 is the largest
    for (const double angle : {0.0, 0.3}) {
      for (const double x : {-5.0, 150.0, 300.0})
        CHECK(agree(fast, portable, picture.view, {x, 100, 32.0 * k, 16.0 * k, angle}, spec));
    }
  }
}

bool all_are(const Bytes& bytes, std::uint8_t value) {
  for (const std::uint8_t b : bytes) {
    if (b != value) return false;
  }
  return true;
}

void what_holds_no_pixel_is_the_mean_level(dms::Preprocessor& fast, check::Random& random) {
  const Picture picture(random, 30, 20, 0);
  const dms::CropSpec spec{8, 8, 4};
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const dms::Roi rois[] = {
      {100, 10, 20, 20, 0.1},  {10, -100, 20, 20, 1}, {kNan, 1, 2, 2, 0},
      {1, kNan, 2, 2, 0},      {1, 1, kNan, 2, 0},    {1, 1, 2, kInfinity, 0},
      {1, 1, 2, 2, kInfinity}, {1, 1, 0, 2, 0},       {1, 1, 2, -3, 0},
      {1e300, 1, 2, 2, 0},     {1, 1, 1e300, 2, 0},   {-1e9, 1e9, 4, 4, 0},
  };
  for (const dms::Roi& roi : rois) {
    Bytes out(spec.bytes(), 1);
    dms::CropStats stats;
    CHECK(fast.run(picture.view, roi, spec, out.data(), &stats));
    CHECK(all_are(out, 128) && stats.in_frame == 0);
    out.assign(out.size(), 1);
    CHECK(dms::preprocess_reference(picture.view, roi, spec, out.data()));
    CHECK(all_are(out, 128));
  }
}

void what_cannot_be_is_refused_untouched(check::Random& random) {
  const Picture picture(random, 30, 20, 0);
  dms::Preprocessor small(29, 20);
  const dms::Roi roi{15, 10, 16, 16, 0};
  Bytes out(1 << 16, 7);
  CHECK(!small.run(picture.view, roi, {8, 8, 4}, out.data()));
  dms::Preprocessor enough(30, 20);
  for (const dms::CropSpec& spec : {dms::CropSpec{8, 8, 3},
                                    {8, 8, 0},
                                    {6, 8, 4},
                                    {8, 6, 4},
                                    {0, 8, 4},
                                    {8, -8, 4},
                                    {512, 256, 4},
                                    {65536, 4, 4},
                                    {1 << 30, 1 << 30, 4}})
    CHECK(!enough.run(picture.view, roi, spec, out.data()));
  CHECK(!enough.run({nullptr, 8, 8, 8}, roi, {8, 8, 4}, out.data()));
  CHECK(!enough.run({picture.pixels.data(), 8, 8, 7}, roi, {8, 8, 4}, out.data()));
  CHECK(all_are(out, 7));
}

}  // namespace

int main() {
  check::Random random(2);
  dms::Preprocessor fast(320, 300);
  dms::Preprocessor portable(320, 300);
  portable.use_portable_kernels();
  std::fprintf(stderr, "kernels: %s\n", fast.kernels_name());
  all_small_frames(fast, portable, random);
  larger_frames(fast, portable, random);
  the_networks_own_shapes(fast, portable, random);
  every_box_size(fast, portable, random);
  what_holds_no_pixel_is_the_mean_level(fast, random);
  what_cannot_be_is_refused_untouched(random);
  return check::result();
}
