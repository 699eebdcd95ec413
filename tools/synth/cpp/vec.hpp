// Small vectors and smooth steps. Units are whatever the caller uses; nothing here allocates.
#pragma once
#include <algorithm>
#include <cmath>

struct Vec3 {
  float x, y, z;
};

inline Vec3 operator+(Vec3 a, Vec3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline Vec3 operator-(Vec3 a, Vec3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline Vec3 operator*(Vec3 a, float s) { return {a.x * s, a.y * s, a.z * s}; }
inline float dot(Vec3 a, Vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline Vec3 cross(Vec3 a, Vec3 b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline float length(Vec3 a) { return std::sqrt(dot(a, a)); }
inline Vec3 unit(Vec3 a) { return a * (1.f / std::sqrt(dot(a, a) + 1e-20f)); }
inline Vec3 vec(const float* p) { return {p[0], p[1], p[2]}; }

inline float clamp01(float x) { return x < 0.f ? 0.f : x > 1.f ? 1.f : x; }
inline float mix(float a, float b, float t) { return a + (b - a) * t; }
inline float fract(float x) { return x - std::floor(x); }
// 0 at a, 1 at b (b may be below a), smooth in between
inline float step(float a, float b, float x) {
  float t = clamp01((x - a) / (b - a));
  return t * t * (3.f - 2.f * t);
}
