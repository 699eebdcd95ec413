// Projection, triangle walking and depth maps. "Key" is what the z-buffer keeps: larger is nearer
// (1/distance for a pinhole, minus distance for a parallel light), linear in the picture plane.
#pragma once
#include <cstdint>
#include <vector>

#include "vec.hpp"

enum Material : uint8_t {
  kSkin, kBodySkin, kEye, kTeeth, kMouth, kLash, kCloth, kHair, kProp, kWall, kLens, kEmissive
};

struct Vertex {
  Vec3 p, n, rest, params;
};

struct Mesh {
  const Vertex* v;
  int vertices;
  const int* t;
  int triangles, opaque;
  const uint8_t *material, *tag;
};

// rows X, Y, key, W of a 4x4: pixel = (X/W, Y/W), key = row2/W
struct Projection {
  const float* m;
  float row(int r, Vec3 p) const {
    const float* q = m + 4 * r;
    return q[0] * p.x + q[1] * p.y + q[2] * p.z + q[3];
  }
};

struct Corner {
  float x, y, key, iw;  // iw < 0: behind the camera
};

constexpr float kNear = 1.f;  // cm: nothing nearer than this is drawn

inline Corner project(const Projection& m, Vec3 p) {
  float w = m.row(3, p);
  if (w < kNear) return {0, 0, 0, -1};
  float iw = 1 / w;
  return {m.row(0, p) * iw, m.row(1, p) * iw, m.row(2, p) * iw, iw};
}

inline void project_all(const Mesh& mesh, const Projection& m, std::vector<Corner>& out) {
  out.resize(mesh.vertices);
  for (int i = 0; i < mesh.vertices; i++) out[i] = project(m, mesh.v[i].p);
}

// Calls f(pixel index, u, v) for each pixel centre inside; u, v are the screen-space weights of
// b and c. `cull`: skip triangles that show their back.
template <class F>
inline void walk(const Corner& a, const Corner& b, const Corner& c, int w, int h, bool cull, F f) {
  if (a.iw < 0 || b.iw < 0 || c.iw < 0) return;
  float area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
  if (std::fabs(area) < 1e-9f || (cull && area > 0)) return;
  int x0 = std::max(0, int(std::ceil(std::min({a.x, b.x, c.x}) - .5f)));
  int x1 = std::min(w - 1, int(std::floor(std::max({a.x, b.x, c.x}) - .5f)));
  int y0 = std::max(0, int(std::ceil(std::min({a.y, b.y, c.y}) - .5f)));
  int y1 = std::min(h - 1, int(std::floor(std::max({a.y, b.y, c.y}) - .5f)));
  if (x0 > x1 || y0 > y1) return;
  float ia = 1 / area;
  float ux = (c.y - a.y) * ia, uy = -(c.x - a.x) * ia;
  float vx = -(b.y - a.y) * ia, vy = (b.x - a.x) * ia;
  const float slope[3] = {ux, vx, -ux - vx};
  for (int y = y0; y <= y1; y++) {
    float px = x0 + .5f - a.x, py = y + .5f - a.y;
    float u = px * ux + py * uy, v = px * vx + py * vy;
    int first = 0, last = x1 - x0;
    if (last > 7) {  // of a wide triangle no more than a pixel beyond either edge is looked at
      const float edge[3] = {u, v, 1 - u - v};
      for (int k = 0; k < 3; k++) {
        if (std::fabs(slope[k]) < 1e-9f) continue;
        float at = std::max(-1.f, std::min(float(last) + 2, -edge[k] / slope[k]));
        if (slope[k] > 0) first = std::max(first, int(at) - 1);
        else last = std::min(last, int(at) + 1);
      }
      u += first * ux, v += first * vx;
    }
    for (int x = x0 + first; x <= x0 + last; x++, u += ux, v += vx)
      if (u >= 0 && v >= 0 && u + v <= 1) f(y * w + x, u, v);
  }
}

constexpr float kFar = -1e9f;

inline bool casts_shadow(const Mesh& mesh, int i) {
  switch (mesh.material[i]) {
    case kLens: case kEmissive: case kLash: case kTeeth: case kMouth: return false;
    case kHair: {  // the innermost shell, curtain (.25) and fringe (.3): the others are mostly air
      float layer = mesh.v[mesh.t[3 * i]].params.y;
      return layer < .2f || std::fabs(layer - .275f) < .03f;
    }
    default: return true;
  }
}

struct DepthMap {
  std::vector<float> key;
  int side = 0;
  Projection m{nullptr};

  void draw(const Mesh& mesh, Projection projection, int size) {
    m = projection, side = size;
    key.assign(size_t(side) * side, kFar);
    std::vector<Corner> c;
    project_all(mesh, m, c);
    for (int i = 0; i < mesh.opaque; i++) {
      if (!casts_shadow(mesh, i)) continue;
      const int* t = mesh.t + 3 * i;
      const Corner &a = c[t[0]], &b = c[t[1]], &d = c[t[2]];
      walk(a, b, d, side, side, mesh.material[i] == kSkin, [&](int k, float u, float v) {
        float z = a.key + (b.key - a.key) * u + (d.key - a.key) * v;
        if (z > key[k]) key[k] = z;
      });
    }
  }
  // 0 in shadow .. 1 lit, 3x3 bilinear taps; outside of the map everything is lit
  float lit(Vec3 p) const {
    Corner c = project(m, p);
    if (c.iw < 0) return 1;
    float x = c.x - .5f, y = c.y - .5f;
    int ix = int(std::floor(x)), iy = int(std::floor(y));
    if (ix < 1 || iy < 1 || ix > side - 3 || iy > side - 3) return 1;
    float fx = x - ix, fy = y - iy, sum = 0;
    const float wx[4] = {1 - fx, 1, 1, fx}, wy[4] = {1 - fy, 1, 1, fy};
    for (int j = 0; j < 4; j++)
      for (int i = 0; i < 4; i++)
        sum += wx[i] * wy[j] * (key[size_t(iy + j - 1) * side + ix + i - 1] <= c.key);
    return sum / 9;
  }
};
