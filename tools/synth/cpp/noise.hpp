// Value noise from a 64^3 lattice that repeats: `value` is one octave (1 cell = 1 unit), `cloud`
// four octaves baked into a second lattice (its coarsest cell = 1 unit). Both give 0..1. Bytes,
// so that both lattices stay in the second-level cache.
#pragma once
#include <cstdint>
#include <vector>

#include "vec.hpp"

class Noise {
 public:
  static const Noise& get() {
    static const Noise noise;
    return noise;
  }
  float value(Vec3 p) const { return sample(cell_, p, true); }
  float cloud(Vec3 p) const { return sample(cloud_, p * 8.f, false); }
  // how `value` changes along x, y and z, a cell
  Vec3 slope(Vec3 p) const {
    int ix = int(std::floor(p.x)), iy = int(std::floor(p.y)), iz = int(std::floor(p.z));
    float fx = p.x - ix, fy = p.y - iy, fz = p.z - iz;
    float sx = fx * fx * (3 - 2 * fx), sy = fy * fy * (3 - 2 * fy), sz = fz * fz * (3 - 2 * fz);
    int x0 = ix & 63, x1 = (ix + 1) & 63, y0 = (iy & 63) * 64, y1 = ((iy + 1) & 63) * 64;
    const uint8_t *a = &cell_[(iz & 63) * 4096], *b = &cell_[((iz + 1) & 63) * 4096];
    float c[8] = {float(a[y0 + x0]), float(a[y0 + x1]), float(a[y1 + x0]), float(a[y1 + x1]),
                  float(b[y0 + x0]), float(b[y0 + x1]), float(b[y1 + x0]), float(b[y1 + x1])};
    float near0 = mix(c[0], c[1], sx), near1 = mix(c[2], c[3], sx);
    float far0 = mix(c[4], c[5], sx), far1 = mix(c[6], c[7], sx);
    float along_x = mix(mix(c[1] - c[0], c[3] - c[2], sy), mix(c[5] - c[4], c[7] - c[6], sy), sz);
    float along_y = mix(near1 - near0, far1 - far0, sz);
    float along_z = mix(far0, far1, sy) - mix(near0, near1, sy);
    const float k = 6.f / 255;  // smoothstep's slope is 6 t (1 - t)
    return {along_x * fx * (1 - fx) * k, along_y * fy * (1 - fy) * k, along_z * fz * (1 - fz) * k};
  }

 private:
  static constexpr int kSide = 64;
  std::vector<uint8_t> cell_, cloud_;

  static float hash(int x, int y, int z) {
    uint32_t h = uint32_t(x & 63) * 374761393u + uint32_t(y & 63) * 668265263u +
                 uint32_t(z & 63) * 2147483647u;
    h = (h ^ (h >> 13)) * 1274126177u;
    return float((h ^ (h >> 16)) & 0xffffffu) / 16777216.f;
  }
  // one octave with `period` cells over the whole lattice
  static float octave(int x, int y, int z, int period) {
    float scale = float(period) / kSide;
    float fx = x * scale, fy = y * scale, fz = z * scale, sum = 0;
    int ix = int(fx), iy = int(fy), iz = int(fz);
    fx = step(0, 1, fx - ix), fy = step(0, 1, fy - iy), fz = step(0, 1, fz - iz);
    for (int k = 0; k < 8; k++) {
      int a = k & 1, b = (k >> 1) & 1, c = k >> 2;
      float w = (a ? fx : 1 - fx) * (b ? fy : 1 - fy) * (c ? fz : 1 - fz);
      sum += w * hash((ix + a) % period, (iy + b) % period + 31, (iz + c) % period);
    }
    return sum;
  }
  Noise() : cell_(kSide * kSide * kSide), cloud_(cell_.size()) {
    for (int z = 0, i = 0; z < kSide; z++)
      for (int y = 0; y < kSide; y++)
        for (int x = 0; x < kSide; x++, i++) {
          cell_[i] = uint8_t(255.99f * hash(x, y, z));
          float sum = .5f * octave(x, y, z, 8) + .27f * octave(x, y, z, 16) +
                      .15f * octave(x, y, z, 32) + .08f * hash(x, y + 17, z);
          cloud_[i] = uint8_t(255.99f * sum);
        }
  }
  static float sample(const std::vector<uint8_t>& t, Vec3 p, bool smooth) {
    int ix = int(std::floor(p.x)), iy = int(std::floor(p.y)), iz = int(std::floor(p.z));
    float fx = p.x - ix, fy = p.y - iy, fz = p.z - iz;
    if (smooth) {
      fx = fx * fx * (3 - 2 * fx), fy = fy * fy * (3 - 2 * fy), fz = fz * fz * (3 - 2 * fz);
    }
    int x0 = ix & 63, x1 = (ix + 1) & 63, y0 = (iy & 63) * 64, y1 = ((iy + 1) & 63) * 64;
    const uint8_t *a = &t[(iz & 63) * 4096], *b = &t[((iz + 1) & 63) * 4096];
    float near = mix(mix(a[y0 + x0], a[y0 + x1], fx), mix(a[y1 + x0], a[y1 + x1], fx), fy);
    float far = mix(mix(b[y0 + x0], b[y0 + x1], fx), mix(b[y1 + x0], b[y1 + x1], fx), fy);
    return mix(near, far, fz) * (1.f / 255);
  }
};

// Tilt normal `n` by the noise's slope: `frequency` in cells per cm, `amount` in radians or so
inline Vec3 bump(Vec3 n, Vec3 q, float frequency, float amount) {
  if (amount <= 0) return n;
  Vec3 g = Noise::get().slope(q * frequency) * frequency;
  return unit(n - (g - n * dot(n, g)) * amount);
}
