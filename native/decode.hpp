// From a network's numbers to angles, pixels and probabilities. Pure functions, no state.
//
// Camera axes: x right, y up, z towards the viewer. A head's rotation R has the head's axes as
// columns (x to the person's left, y up, z out of the face).
#pragma once

#include <array>

#include "observation.hpp"
#include "preprocess.hpp"

namespace dms {

/// Row-major 3 x 3.
using Rotation = std::array<float, 9>;

/// Euler angles of a rotation: yaw outermost, roll innermost [rad].
struct Angles {
  float yaw;
  float pitch;
  float roll;
};

struct Point {
  float x;
  float y;
};

/// Layout of the face network's output vector.
struct FaceOutput {
  static constexpr int kSize = 148;
  static constexpr int kLogit = 0;
  static constexpr int kLandmark = 1;
  static constexpr int kRotation = 137;
  static constexpr int kRotationLogSigma = 143;
  static constexpr int kMouth = 144;
  static constexpr int kSunglasses = 145;
  static constexpr int kMask = 146;
  static constexpr int kOccluded = 147;
};

/// Layout of an eye network's output vector.
struct EyeOutput {
  static constexpr int kSize = 8;
  static constexpr int kVisible = 0;
  static constexpr int kOpen = 1;
  static constexpr int kOpenLogSigma = 2;
  static constexpr int kGazeYaw = 3;
  static constexpr int kGazePitch = 4;
  static constexpr int kGazeLogSigma = 5;
  static constexpr int kClosed = 6;
};

/// Below this probability of being visible nothing else is said about an eye: the network is
/// trained on visible eyes only for the rest, so its numbers would be guesses.
constexpr float kEyeVisibleMin = 0.35F;
/// With less of its region inside the frame an eye is not visible, whatever its network says of the
/// rest, which it never saw in training.
constexpr double kEyeInFrameMin = 0.6;
/// The largest openness reported, of this person's neutral: eyes wide open.
constexpr float kOpenMax = 1.3F;
/// Log standard deviations are held within this range, e^-5 to e^2, so that a sigma is never
/// zero or infinite.
constexpr float kLogSigmaMin = -5.0F;
constexpr float kLogSigmaMax = 2.0F;
/// The networks claim the mean of their error's size (the loss is a Laplace likelihood): for gaze
/// the length of a yaw and a pitch, for rotation the angle of a turn about three axes. Of a normal
/// error these are sqrt(pi/2) and sqrt(8/pi) times the standard error of one axis.
constexpr float kAxisOfGaze = 0.7979F;
constexpr float kAxisOfTurn = 0.6267F;

/// A face region's side over the larger side of its landmarks' bounding box.
constexpr double kFaceRoiScale = 1.5;
/// An eye region's side over the face region's.
constexpr double kEyeRoiScale = 0.26;
/// The upper body's region over the face region's side, and how far below the face its centre is.
constexpr double kBodyWidth = 4.8;
constexpr double kBodyHeight = 3.6;
constexpr double kBodyDrop = 1.0;
float sigmoid(float logit);
float sigma_of(float log_sigma);

/// Two columns of six numbers made orthonormal (Gram-Schmidt), the third their cross product.
Rotation rotation_from_6d(const float* six);
/// Two columns as they are of what is seen in a mirrored crop.
void mirror_rotation(float* six);
Angles angles_of(const Rotation& rotation);
Rotation multiply(const Rotation& a, const Rotation& b);
/// Turns what is seen in a crop whose axes are turned by `angle` (y down) back into the image.
Rotation crop_to_image(float angle);
/// Turns what is relative to the ray through pixel `at` into what is relative to the optical axis,
/// by the smallest rotation that takes the one to the other.
Rotation ray_to_axis(Point at, int frame_width, int frame_height, float hfov_rad);

/// Where a point of a crop (-1..1 in both axes) lies in the frame.
Point crop_to_frame(const Roi& roi, float u, float v);
/// The face's region for the next look: the bounding box of its landmarks, measured along axes
/// turned by `angle`.
Roi face_roi(const float* landmarks, float angle);
/// `side`: of the face region. `right`: the person's own right eye.
Roi eye_roi(const float* landmarks, bool right, double side, double angle);
Roi body_roi(const Roi& face);
/// (x, y, width, height) of the whole head, chin to crown with ears and short hair [px]: an
/// ellipsoid the size of the mean head, placed by the landmarks that no expression moves.
std::array<float, 4> head_box(const float* landmarks, const Rotation& rotation);

/// Landmarks [px] out of the face network's output for a crop of `roi`.
void decode_landmarks(const float* out, const Roi& roi, float* landmarks);
/// Everything of a face but its landmarks, box, rotation and eyes.
void decode_attributes(const float* out, FaceSeen& face);
/// `to_axis`: from the eye crop's frame to the camera's; `mirrored`: the crop was.
EyeSeen decode_eye(const float* out, const Rotation& to_axis, bool mirrored);
void softmax(const float* logits, int count, float* probabilities);

}  // namespace dms
