#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "check.hpp"
#include "drift.hpp"

namespace {

using dms::DriftGauge;
using dms::DriftReference;

std::vector<float> features(const std::vector<std::uint8_t>& tensor, std::size_t planes) {
  std::vector<float> out(dms::kInputFeatures);
  dms::input_features(tensor.data(), tensor.size() / planes, planes, out.data());
  return out;
}

bool near(float a, double b) { return std::fabs(static_cast<double>(a) - b) < 1e-5; }

void features_are_counted_pixel_by_pixel() {
  check::Random random(5);
  for (const std::size_t planes : {std::size_t{4}, std::size_t{16}}) {
    for (std::size_t plane = 1; plane < 70; ++plane) {  // whole vectors and their remainders
      std::vector<std::uint8_t> t(planes * plane);
      for (auto& v : t) v = random.below(4) ? random.byte() : std::uint8_t{128};
      double seen = 0, beside = 0, beneath = 0, cells = 0, bright = 0, high = 0, low = 0;
      for (std::size_t i = 0; i < 4 * plane; ++i) {
        seen += t[i] != 128;
        bright += t[i] > 128;
        high += t[i] > 188;
        low += t[i] < 68;
      }
      const std::size_t below = planes == 16 ? 4 : 2;
      for (std::size_t i = 0; i < plane; ++i) {
        beside += std::abs(t[i] - t[plane + i]) + std::abs(t[2 * plane + i] - t[3 * plane + i]);
        beneath += std::abs(t[i] - t[below * plane + i]);
        if (i + 1 < plane) cells += std::abs(t[i] - t[i + 1]);
      }
      const std::vector<float> got = features(t, planes);
      const double n = seen > 0 ? seen : 1;
      CHECK(near(got[0], std::log1p(2 * beside / n)) && near(got[1], std::log1p(4 * beneath / n)));
      CHECK(near(got[2], std::log1p(4 * cells / n)) && near(got[3], bright / n));
      CHECK(near(got[4], high / n) && near(got[5], low / n));
    }
  }
}

void a_tensor_without_the_frame_in_it_has_no_features() {
  const std::vector<std::uint8_t> outside(64, 128);
  for (const float f : features(outside, 16)) CHECK(f == 0);
}

void a_gauge_tells_by_how_many_units_the_mean_is_off() {
  DriftGauge gauge;
  gauge.configure({{}, {1, 2}, {2, 0.5F}});
  for (int i = 0; i < 1000; ++i) {
    const float swing = i % 2 ? 0.25F : -0.25F;
    const float values[] = {2 + swing, 2 + swing};
    gauge.add(values);
  }
  CHECK(gauge.samples() == 1000);
  CHECK(std::fabs(gauge.score() - std::sqrt(2.0F)) < 0.01F);  // (2 units, 0)
  gauge.reset();
  CHECK(gauge.samples() == 0);
}

void the_first_samples_weigh_alike_and_old_ones_are_forgotten() {
  DriftGauge gauge;
  gauge.configure({{}, {0}, {1}});
  for (const float v : {3.0F, 1.0F, 2.0F}) gauge.add(&v);
  CHECK(std::fabs(gauge.score() - 2) < 1e-5F);
  const float zero = 0;
  for (int i = 0; i < 4000; ++i) gauge.add(&zero);
  CHECK(gauge.score() < 1e-3F);
}

void what_is_not_a_number_leaves_no_trace() {
  DriftGauge gauge;
  gauge.configure({{}, {0}, {1}});
  const float one = 1, nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  gauge.add(&one);
  gauge.add(&nan);
  gauge.add(&inf);
  CHECK(gauge.samples() == 1 && gauge.score() == 1);
}

void a_matrix_takes_out_what_goes_together() {
  DriftGauge gauge;  // the second number is usually twice the first
  gauge.configure({{}, {0, 0}, {1, 0, -2, 1}});
  const float together[] = {1, 2}, alone[] = {0, 2};
  gauge.add(together);
  CHECK(std::fabs(gauge.score() - std::sqrt(0.5F)) < 1e-5F);
  gauge.reset();
  gauge.add(alone);
  CHECK(std::fabs(gauge.score() - std::sqrt(2.0F)) < 1e-5F);
}

void named_outputs_are_picked() {
  DriftGauge gauge;
  gauge.configure({{3, 1}, {0, 0}, {1, 1}});
  const float outputs[] = {9, 3, 9, 4};
  gauge.add_outputs(outputs);
  CHECK(std::fabs(gauge.score() - std::sqrt(12.5F)) < 1e-5F);
}

void a_reference_is_checked() {
  const DriftReference good{{0, 2}, {1, 1}, {1, 1}};
  CHECK(good.valid(3));
  CHECK(!good.valid(2));
  CHECK(!(DriftReference{{}, {1, 1}, {1, 1}}).valid(3));
  CHECK(!(DriftReference{{}, {1, 1}, {1}}).valid(2));
  CHECK((DriftReference{{}, {1, 1}, {1, 0, 0, 1}}).valid(2));
  CHECK(!(DriftReference{{}, {1, 1}, {1, INFINITY}}).valid(2));
  CHECK(!(DriftReference{{-1}, {1}, {1}}).valid(3));
  CHECK(!(DriftReference{{}, {std::nanf("")}, {1}}).valid(1));
  CHECK(!(DriftReference{{}, {}, {}}).valid(0));
  CHECK(!(DriftReference{{}, std::vector<float>(65), std::vector<float>(65, 1)}).valid(65));
}

void the_worst_gauge_counts_once_it_has_seen_enough() {
  dms::Drift drift;
  CHECK(std::isnan(drift.score()));
  drift[dms::Gauge::kFaceOutput].configure({{0}, {0}, {1}});
  const float far = 5;
  for (int i = 0; i < dms::kMinSamples; ++i) {
    CHECK(std::isnan(drift.score()));
    drift[dms::Gauge::kFaceOutput].add_outputs(&far);
  }
  CHECK(drift.score() == 5);
  drift.reset();
  CHECK(std::isnan(drift.score()));
}

}  // namespace

int main() {
  features_are_counted_pixel_by_pixel();
  a_tensor_without_the_frame_in_it_has_no_features();
  a_gauge_tells_by_how_many_units_the_mean_is_off();
  the_first_samples_weigh_alike_and_old_ones_are_forgotten();
  what_is_not_a_number_leaves_no_trace();
  a_matrix_takes_out_what_goes_together();
  named_outputs_are_picked();
  a_reference_is_checked();
  the_worst_gauge_counts_once_it_has_seen_enough();
  return check::result();
}
