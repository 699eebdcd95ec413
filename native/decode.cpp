#include "decode.hpp"

#include <algorithm>
#include <cmath>

namespace dms {
namespace {

struct Vector {
  float x, y, z;
};

float dot(Vector a, Vector b) { return a.x * b.x + a.y * b.y + a.z * b.z; }

/// a + b * scale
Vector sum(Vector a, Vector b, float scale) {
  return {a.x + b.x * scale, a.y + b.y * scale, a.z + b.z * scale};
}

Vector cross(Vector a, Vector b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

/// The unit vector along `a`, or `fallback` where `a` has no direction.
Vector unit(Vector a, Vector fallback) {
  const float length = std::sqrt(dot(a, a));
  if (!(length > 1e-6F)) return fallback;
  return {a.x / length, a.y / length, a.z / length};
}

Vector direction(float yaw, float pitch) {
  return {std::sin(yaw) * std::cos(pitch), std::sin(pitch), std::cos(yaw) * std::cos(pitch)};
}

Vector turn(const Rotation& r, Vector v) {
  return {r[0] * v.x + r[1] * v.y + r[2] * v.z, r[3] * v.x + r[4] * v.y + r[5] * v.z,
          r[6] * v.x + r[7] * v.y + r[8] * v.z};
}

float arcsine(float x) { return std::asin(std::clamp(x, -1.0F, 1.0F)); }

/// A region with its sine and cosine at hand.
class CropAxes {
 public:
  explicit CropAxes(const Roi& roi) : roi_(roi), c_(std::cos(roi.angle)), s_(std::sin(roi.angle)) {}
  Point at(float u, float v) const {
    const double x = 0.5 * roi_.w * static_cast<double>(u);
    const double y = 0.5 * roi_.h * static_cast<double>(v);
    return {static_cast<float>(roi_.cx + c_ * x - s_ * y),
            static_cast<float>(roi_.cy + s_ * x + c_ * y)};
  }

 private:
  Roi roi_;
  double c_, s_;
};

struct Bounds {
  float left, top, right, bottom;
};

/// Of landmarks along axes turned by `angle`.
Bounds bounds_of(const float* landmarks, float angle) {
  const float c = std::cos(angle);
  const float s = std::sin(angle);
  Bounds b{1e30F, 1e30F, -1e30F, -1e30F};
  for (int i = 0; i < kLandmarks; ++i) {
    const float x = c * landmarks[2 * i] + s * landmarks[2 * i + 1];
    const float y = -s * landmarks[2 * i] + c * landmarks[2 * i + 1];
    b = {std::min(b.left, x), std::min(b.top, y), std::max(b.right, x), std::max(b.bottom, y)};
  }
  return b;
}

}  // namespace

float sigmoid(float logit) { return 1.0F / (1.0F + std::exp(-logit)); }

float sigma_of(float log_sigma) {
  return std::exp(std::clamp(log_sigma, kLogSigmaMin, kLogSigmaMax));
}

Rotation rotation_from_6d(const float* six) {
  const Vector x = unit({six[0], six[1], six[2]}, {1, 0, 0});
  const Vector raw{six[3], six[4], six[5]};
  const Vector spare = std::fabs(x.y) < 0.9F ? Vector{0, 1, 0} : Vector{0, 0, 1};
  // By way of the third axis: orthogonal to the last bit even where the two columns are nearly one.
  const Vector z = unit(cross(x, raw), unit(cross(x, spare), spare));
  const Vector y = cross(z, x);
  return {x.x, y.x, z.x, x.y, y.y, z.y, x.z, y.z, z.z};
}

void mirror_rotation(float* six) {
  for (const int i : {1, 2, 3}) six[i] = -six[i];
}

Angles angles_of(const Rotation& r) {
  return {std::atan2(r[2], r[8]), arcsine(r[5]), std::atan2(r[3], r[4])};
}

Rotation multiply(const Rotation& a, const Rotation& b) {
  Rotation product{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      product[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
  return product;
}

Rotation crop_to_image(float angle) {
  const float c = std::cos(angle);
  const float s = std::sin(angle);
  return {c, s, 0, -s, c, 0, 0, 0, 1};
}

Rotation ray_to_axis(Point at, int frame_width, int frame_height, float hfov_rad) {
  const float width = static_cast<float>(frame_width);
  const float focal = 0.5F * width / std::tan(0.5F * hfov_rad);
  const float right = (at.x - 0.5F * width) / focal;
  const float down = (at.y - 0.5F * static_cast<float>(frame_height)) / focal;
  // From the point in view back to the camera, the shortest way: as the labels are turned.
  const Vector z = unit({-right, down, 1}, {0, 0, 1});
  const float c = 1.0F / (1.0F + z.z);
  return {1 - c * z.x * z.x,
          -c * z.x * z.y,
          z.x,  //
          -c * z.x * z.y,
          1 - c * z.y * z.y,
          z.y,  //
          -z.x,
          -z.y,
          z.z};
}

Point crop_to_frame(const Roi& roi, float u, float v) { return CropAxes(roi).at(u, v); }

Roi face_roi(const float* landmarks, float angle) {
  const Bounds b = bounds_of(landmarks, angle);
  const double side = kFaceRoiScale * std::max(b.right - b.left, b.bottom - b.top);
  const double x = 0.5 * (b.left + b.right);
  const double y = 0.5 * (b.top + b.bottom);
  const double c = std::cos(angle);
  const double s = std::sin(angle);
  return {c * x - s * y, s * x + c * y, side, side, angle};
}

Roi eye_roi(const float* landmarks, bool right, double side, double angle) {
  constexpr int kRightEye = 36;  // Multi-PIE: the person's right eye, six points
  constexpr int kLeftEye = 42;
  constexpr int kPoints = 6;
  double x = 0;
  double y = 0;
  const float* eye = landmarks + 2 * (right ? kRightEye : kLeftEye);
  for (int i = 0; i < kPoints; ++i) {
    x += eye[2 * i];
    y += eye[2 * i + 1];
  }
  return {x / kPoints, y / kPoints, kEyeRoiScale * side, kEyeRoiScale * side, angle};
}

Roi body_roi(const Roi& face) {
  const double side = face.w;
  return {face.cx, face.cy + kBodyDrop * side, kBodyWidth * side, kBodyHeight * side, 0};
}

std::array<float, 4> head_box(const float* landmarks, const Rotation& rotation) {
  // Multi-PIE: bridge and tip of the nose, chin, outer corners of the eyes
  constexpr std::array<int, 5> kRigid{27, 30, 8, 36, 45};
  // of the mean ICT-FaceKit head, from the bridge of the nose [cm]; and an ellipsoid around it
  // with 1.5 cm of hair
  constexpr std::array<Vector, 5> kAt{{{0, 0, 0},
                                       {0, -3.34F, 2.33F},
                                       {0, -11.31F, -0.3F},
                                       {-4.46F, -0.31F, -2.13F},
                                       {4.46F, -0.31F, -2.13F}}};
  constexpr Vector kCentre{0, 0.45F, -9.25F};
  constexpr Vector kSemiAxes{9, 11.75F, 11.65F};
  // the points turned as they are seen [cm], and in the image [px, up]
  std::array<Vector, 5> head;
  std::array<Vector, 5> image;
  Vector head_mean{0, 0, 0};
  Vector image_mean{0, 0, 0};
  for (std::size_t i = 0; i < kRigid.size(); ++i) {
    head[i] = turn(rotation, kAt[i]);
    image[i] = {landmarks[2 * kRigid[i]], -landmarks[2 * kRigid[i] + 1], 0};
    head_mean = sum(head_mean, head[i], 1.0F / kRigid.size());
    image_mean = sum(image_mean, image[i], 1.0F / kRigid.size());
  }
  float along = 0;  // least squares of the scale [px a cm]
  float size = 0;
  for (std::size_t i = 0; i < kRigid.size(); ++i) {
    Vector from = sum(head[i], head_mean, -1);
    from.z = 0;
    along += dot(from, sum(image[i], image_mean, -1));
    size += dot(from, from);
  }
  const float scale = std::max(0.0F, along / size);
  const Vector centre = sum(image_mean, sum(turn(rotation, kCentre), head_mean, -1), scale);
  const auto reach = [&](std::size_t row) {
    const Vector r{rotation[row] * kSemiAxes.x, rotation[row + 1] * kSemiAxes.y,
                   rotation[row + 2] * kSemiAxes.z};
    return scale * std::sqrt(dot(r, r));
  };
  const float x = reach(0);
  const float y = reach(3);
  return {centre.x - x, -centre.y - y, 2 * x, 2 * y};
}

void decode_landmarks(const float* out, const Roi& roi, float* landmarks) {
  const CropAxes axes(roi);
  for (int i = 0; i < kLandmarks; ++i) {
    const float* at = out + FaceOutput::kLandmark + 2 * i;
    const Point p = axes.at(at[0], at[1]);
    landmarks[2 * i] = p.x;
    landmarks[2 * i + 1] = p.y;
  }
}

void decode_attributes(const float* out, FaceSeen& face) {
  face.score = sigmoid(out[FaceOutput::kLogit]);
  face.rotation_sigma_rad = kAxisOfTurn * sigma_of(out[FaceOutput::kRotationLogSigma]);
  face.mouth_open = std::max(0.0F, out[FaceOutput::kMouth]);
  face.sunglasses = sigmoid(out[FaceOutput::kSunglasses]);
  face.mask = sigmoid(out[FaceOutput::kMask]);
  face.occluded = sigmoid(out[FaceOutput::kOccluded]);
}

EyeSeen decode_eye(const float* out, const Rotation& to_axis, bool mirrored) {
  EyeSeen eye;
  eye.visible = sigmoid(out[EyeOutput::kVisible]);
  eye.known = eye.visible >= kEyeVisibleMin;
  if (!eye.known) return eye;
  eye.open = std::clamp(out[EyeOutput::kOpen], 0.0F, kOpenMax);
  eye.open_sigma = sigma_of(out[EyeOutput::kOpenLogSigma]);
  eye.closed = sigmoid(out[EyeOutput::kClosed]);
  const float yaw = mirrored ? -out[EyeOutput::kGazeYaw] : out[EyeOutput::kGazeYaw];
  const Vector gaze = turn(to_axis, direction(yaw, out[EyeOutput::kGazePitch]));
  eye.gaze_yaw_rad = std::atan2(gaze.x, gaze.z);
  eye.gaze_pitch_rad = arcsine(gaze.y);
  eye.gaze_sigma_rad = kAxisOfGaze * sigma_of(out[EyeOutput::kGazeLogSigma]);
  return eye;
}

void softmax(const float* logits, int count, float* probabilities) {
  float sum = 0;
  const float top = *std::max_element(logits, logits + count);
  for (int i = 0; i < count; ++i) sum += probabilities[i] = std::exp(logits[i] - top);
  for (int i = 0; i < count; ++i) probabilities[i] /= sum;
}

}  // namespace dms
