// Angles and pixels against their definitions, written out a second way.
#include <algorithm>
#include <cmath>

#include "check.hpp"
#include "decode.hpp"

namespace {

using dms::multiply;
using dms::Rotation;

constexpr float kTolerance = 2e-5F;

bool near(float a, float b, float tolerance = kTolerance) { return std::fabs(a - b) <= tolerance; }

Rotation about_x(float a) {
  return {1, 0, 0, 0, std::cos(a), -std::sin(a), 0, std::sin(a), std::cos(a)};
}
Rotation about_y(float a) {
  return {std::cos(a), 0, std::sin(a), 0, 1, 0, -std::sin(a), 0, std::cos(a)};
}
Rotation about_z(float a) {
  return {std::cos(a), -std::sin(a), 0, std::sin(a), std::cos(a), 0, 0, 0, 1};
}
/// Yaw outermost, roll innermost; pitch up turns about -x.
Rotation head(float yaw, float pitch, float roll) {
  return multiply(about_y(yaw), multiply(about_x(-pitch), about_z(roll)));
}

bool same(const Rotation& a, const Rotation& b) {
  for (std::size_t i = 0; i < 9; ++i)
    if (!near(a[i], b[i])) return false;
  return true;
}

void six_numbers(const Rotation& r, float* six) {
  for (std::size_t i = 0; i < 3; ++i) {
    six[i] = r[3 * i];
    six[i + 3] = r[3 * i + 1];
  }
}

void angles_come_back_from_a_rotation() {
  check::Random random(1);
  for (int i = 0; i < 2000; ++i) {
    const auto yaw = static_cast<float>(random.uniform(-3.0, 3.0));
    const auto pitch = static_cast<float>(random.uniform(-1.4, 1.4));
    const auto roll = static_cast<float>(random.uniform(-3.0, 3.0));
    const dms::Angles found = dms::angles_of(head(yaw, pitch, roll));
    CHECK(near(found.yaw, yaw, 2e-4F) && near(found.pitch, pitch, 2e-4F) &&
          near(found.roll, roll, 2e-4F));
  }
}

void six_numbers_give_a_rotation_whatever_they_are() {
  check::Random random(2);
  for (int i = 0; i < 2000; ++i) {
    float six[6];
    for (float& x : six) x = static_cast<float>(random.uniform(-2, 2)) * (i % 7 == 0 ? 0 : 1);
    if (i % 5 == 0)
      for (int k = 0; k < 3; ++k) six[k + 3] = 2 * six[k];  // the second says nothing new
    const Rotation r = dms::rotation_from_6d(six);
    const Rotation t = {r[0], r[3], r[6], r[1], r[4], r[7], r[2], r[5], r[8]};
    CHECK(same(multiply(r, t), {1, 0, 0, 0, 1, 0, 0, 0, 1}));
  }
}

void six_numbers_of_a_rotation_give_it_back() {
  const Rotation r = head(0.4F, -0.3F, 0.2F);
  float six[6];
  six_numbers(r, six);
  CHECK(same(dms::rotation_from_6d(six), r));
}

void a_crop_turned_by_minus_roll_shows_the_face_upright() {
  for (const float roll : {-0.7F, -0.1F, 0.0F, 0.3F, 1.2F}) {
    // Roll > 0: the top of the head towards image left, up the image elsewhere.
    const Rotation seen = head(0, 0, roll);
    CHECK(near(seen[1], -std::sin(roll)));
    const Rotation in_crop = multiply(dms::crop_to_image(roll), seen);  // inverse of -roll
    CHECK(near(dms::angles_of(in_crop).roll, 0));
    CHECK(same(multiply(dms::crop_to_image(-roll), in_crop), seen));
  }
}

void crop_axes_turn_with_y_down() {
  const dms::Roi roi{100, 50, 40, 20, 0.5};
  const dms::Point right = dms::crop_to_frame(roi, 1, 0);
  CHECK(near(right.x, 100 + 20 * std::cos(0.5F), 1e-4F));
  CHECK(near(right.y, 50 + 20 * std::sin(0.5F), 1e-4F));
  const dms::Point down = dms::crop_to_frame(roi, 0, 1);
  CHECK(near(down.x, 100 - 10 * std::sin(0.5F), 1e-4F));
  CHECK(near(down.y, 50 + 10 * std::cos(0.5F), 1e-4F));
}

void a_face_region_holds_its_landmarks_whatever_its_turn() {
  check::Random random(3);
  for (int i = 0; i < 300; ++i) {
    float marks[2 * dms::kLandmarks];
    for (float& x : marks) x = static_cast<float>(random.uniform(50, 250));
    const auto angle = static_cast<float>(random.uniform(-1.5, 1.5));
    const dms::Roi roi = dms::face_roi(marks, angle);
    double widest = 0;
    for (int k = 0; k < dms::kLandmarks; ++k) {
      const double x = marks[2 * k] - roi.cx;
      const double y = marks[2 * k + 1] - roi.cy;
      const double u = x * std::cos(angle) + y * std::sin(angle);
      const double v = -x * std::sin(angle) + y * std::cos(angle);
      widest = std::max({widest, std::fabs(u), std::fabs(v)});
    }
    CHECK(std::fabs(2 * widest * dms::kFaceRoiScale - roi.w) < 1e-2);
    CHECK(roi.w == roi.h);
  }
}

void a_face_that_looks_back_along_its_ray_looks_at_the_camera() {
  const float hfov = 1.0F;
  const float focal = 640 / std::tan(0.5F * hfov);
  for (const float x : {10.0F, 640.0F, 1200.0F})
    for (const float y : {5.0F, 400.0F, 790.0F}) {
      const Rotation r = dms::ray_to_axis({x, y}, 1280, 800, hfov);
      const float length = std::hypot(1.0F, (x - 640) / focal, (y - 400) / focal);
      CHECK(near(r[2], -(x - 640) / focal / length));  // to the left of a face at the right
      CHECK(near(r[5], (y - 400) / focal / length));   // down from a face at the top
      CHECK(near(r[8], 1 / length));
      CHECK(near(r[1], r[3]));  // the shortest way: no turn about the ray
      const Rotation back = {r[0], r[3], r[6], r[1], r[4], r[7], r[2], r[5], r[8]};
      const Rotation none = dms::multiply(r, back);
      for (std::size_t i = 0; i < 9; ++i) CHECK(near(none[i], i % 4 == 0 ? 1 : 0));
    }
}

void a_mirrored_head_is_turned_and_tilted_the_other_way() {
  const float six[6] = {0.8F, 0.1F, -0.3F, -0.2F, 0.9F, 0.2F};
  float mirrored[6];
  std::copy(six, six + 6, mirrored);
  dms::mirror_rotation(mirrored);
  const dms::Angles a = dms::angles_of(dms::rotation_from_6d(six));
  const dms::Angles b = dms::angles_of(dms::rotation_from_6d(mirrored));
  CHECK(near(a.yaw, -b.yaw) && near(a.pitch, b.pitch) && near(a.roll, -b.roll));
  CHECK(std::fabs(a.yaw) > 0.1F && std::fabs(a.roll) > 0.05F);
}

void a_mirrored_eye_looks_the_other_way() {
  float out[dms::EyeOutput::kSize] = {5, 0.8F, -2, 0.3F, -0.2F, -2, -5, 0};
  const Rotation none = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  const dms::EyeSeen plain = dms::decode_eye(out, none, false);
  const dms::EyeSeen mirrored = dms::decode_eye(out, none, true);
  CHECK(plain.known && near(plain.gaze_yaw_rad, 0.3F) && near(plain.gaze_pitch_rad, -0.2F));
  CHECK(near(mirrored.gaze_yaw_rad, -0.3F) && near(mirrored.gaze_pitch_rad, -0.2F));
}

void gaze_turns_back_with_the_crop() {
  float out[dms::EyeOutput::kSize] = {5, 0.8F, -2, 0.3F, 0, -2, -5, 0};
  // A crop turned a quarter clockwise on screen: its right is the image's bottom.
  const dms::EyeSeen eye = dms::decode_eye(out, dms::crop_to_image(1.57079633F), false);
  CHECK(near(eye.gaze_yaw_rad, 0) && near(eye.gaze_pitch_rad, -0.3F));
}

void numbers_out_of_range_are_held_within() {
  float out[dms::EyeOutput::kSize] = {-0.7F, 9, -90, 0, 0, 90, 0, 0};
  const Rotation none = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  CHECK(!dms::decode_eye(out, none, false).known);
  out[0] = 0;
  const dms::EyeSeen eye = dms::decode_eye(out, none, false);
  CHECK(eye.open == dms::kOpenMax);
  CHECK(eye.open_sigma > 0 && std::isfinite(eye.gaze_sigma_rad));
}

void probabilities_sum_to_one() {
  const float logits[4] = {1000, 999, -1000, 0};
  float p[4];
  dms::softmax(logits, 4, p);
  CHECK(near(p[0] + p[1] + p[2] + p[3], 1) && near(p[0], 0.7310586F) && p[2] == 0);
}

}  // namespace

int main() {
  angles_come_back_from_a_rotation();
  six_numbers_give_a_rotation_whatever_they_are();
  six_numbers_of_a_rotation_give_it_back();
  a_crop_turned_by_minus_roll_shows_the_face_upright();
  crop_axes_turn_with_y_down();
  a_face_region_holds_its_landmarks_whatever_its_turn();
  a_face_that_looks_back_along_its_ray_looks_at_the_camera();
  a_mirrored_head_is_turned_and_tilted_the_other_way();
  a_mirrored_eye_looks_the_other_way();
  gaze_turns_back_with_the_crop();
  numbers_out_of_range_are_held_within();
  probabilities_sum_to_one();
  return check::result();
}
