// Entry points of the renderer's library: mesh helpers and `render`. C linkage for ctypes; all
// arrays are the caller's, row-major, float32 or int32.
#include <cstring>

#include "shade.hpp"

extern "C" void vertex_normals(const float* p, int n, const int* t, int m, float* out) {
  std::memset(out, 0, sizeof(float) * 3 * size_t(n));
  for (int i = 0; i < m; i++) {
    const int* k = t + 3 * i;
    Vec3 a = vec(p + 3 * k[0]);
    Vec3 f = cross(vec(p + 3 * k[1]) - a, vec(p + 3 * k[2]) - a);
    for (int j = 0; j < 3; j++) {
      float* o = out + 3 * k[j];
      o[0] += f.x, o[1] += f.y, o[2] += f.z;
    }
  }
  for (int i = 0; i < n; i++) {
    Vec3 u = unit(vec(out + 3 * i));
    out[3 * i] = u.x, out[3 * i + 1] = u.y, out[3 * i + 2] = u.z;
  }
}

// Linear blend skinning: out = sum_k weight[k] * (bone[k] (3x4 row-major) applied to p), 4 bones
extern "C" void skin(const float* p, int n, const int* index, const float* weight,
                     const float* bones, float* out) {
  for (int i = 0; i < n; i++) {
    float m[12] = {0};
    for (int k = 0; k < 4; k++) {
      float w = weight[4 * i + k];
      const float* b = bones + 12 * size_t(index[4 * i + k]);
      if (w > 0)
        for (int j = 0; j < 12; j++) m[j] += w * b[j];
    }
    const float* q = p + 3 * i;
    for (int r = 0; r < 3; r++)
      out[3 * i + r] = m[4 * r] * q[0] + m[4 * r + 1] * q[1] + m[4 * r + 2] * q[2] + m[4 * r + 3];
  }
}

// Forward kinematics: `turn` (n,3,3) is a bone's rotation in the world (absolute[i]) or against its
// parent's; `joint` (n,3) the joints at rest, the first bone's moved by `root`. Parents come first.
extern "C" void forward(int n, const int* parent, const uint8_t* absolute, const double* turn,
                        const double* joint, const double* root, double* rot, double* pos) {
  for (int i = 0; i < n; i++) {
    const double *t = turn + 9 * i, *q = joint + 3 * i;
    double *r = rot + 9 * i, *p = pos + 3 * i;
    if (parent[i] < 0) {
      std::copy(t, t + 9, r);
      for (int k = 0; k < 3; k++) p[k] = q[k] + root[k];
      continue;
    }
    const double *pr = rot + 9 * parent[i], *pp = pos + 3 * parent[i], *pq = joint + 3 * parent[i];
    for (int k = 0; k < 3; k++) {
      const double* row = pr + 3 * k;
      p[k] = pp[k] + row[0] * (q[0] - pq[0]) + row[1] * (q[1] - pq[1]) + row[2] * (q[2] - pq[2]);
      for (int j = 0; j < 3; j++)
        r[3 * k + j] = absolute[i] ? t[3 * k + j]
                                   : row[0] * t[j] + row[1] * t[3 + j] + row[2] * t[6 + j];
    }
  }
}

// `times` Taubin rounds on q (n,3): each moves every vertex by step * free towards the mean of its
// `count` neighbours in table (n,width), first by `shrink`, then by `grow`.
extern "C" void smooth(float* q, int n, const int* table, const int* count, int width,
                       const float* free, int times, float shrink, float grow) {
  std::vector<float> next(3 * size_t(n));
  for (int round = 0; round < 2 * times; round++) {
    float step = round % 2 ? grow : shrink;
    for (int i = 0; i < n; i++) {
      Vec3 sum = {0, 0, 0}, here = vec(q + 3 * i);
      for (int k = 0; k < count[i]; k++) sum = sum + vec(q + 3 * table[size_t(i) * width + k]);
      Vec3 to = here + (sum * (1.f / count[i]) - here) * (step * free[i]);
      next[3 * i] = to.x, next[3 * i + 1] = to.y, next[3 * i + 2] = to.z;
    }
    std::copy(next.begin(), next.end(), q);
  }
}

// Ambient occlusion by looking at the mesh from `directions` points of a sphere: the cosine-weighted
// share of directions that see each vertex. `radius` must hold the whole mesh around `centre`.
extern "C" void occlusion(const float* p, const float* nrm, int n, const int* t, int m,
                          const float* centre, float radius, int directions, int side, float* out) {
  std::vector<Vertex> v(n);
  std::vector<uint8_t> material(m, kProp);
  std::vector<float> total(n, 0.f);
  for (int i = 0; i < n; i++) v[i] = {vec(p + 3 * i), vec(nrm + 3 * i), {}, {}}, out[i] = 0;
  Mesh mesh{v.data(), n, t, m, m, material.data(), nullptr};
  float s = .5f * side / radius, half = .5f * side;
  for (int d = 0; d < directions; d++) {  // Fibonacci sphere
    float y = 1 - 2 * (d + .5f) / directions, r = std::sqrt(1 - y * y), a = d * 2.399963f;
    Vec3 z = {r * std::cos(a), y, r * std::sin(a)};
    Vec3 x = unit(cross(std::fabs(z.y) < .9f ? Vec3{0, 1, 0} : Vec3{1, 0, 0}, z)), u = cross(z, x);
    Vec3 c = vec(centre);
    float rows[16] = {x.x * s, x.y * s, x.z * s, half - dot(x, c) * s,
                      -u.x * s, -u.y * s, -u.z * s, half + dot(u, c) * s,
                      z.x, z.y, z.z, 0, 0, 0, 0, 1};
    DepthMap map;
    map.draw(mesh, {rows}, side);
    for (int i = 0; i < n; i++) {
      float w = dot(v[i].n, z);
      if (w <= 0) continue;
      total[i] += w;
      out[i] += w * map.lit(v[i].p + v[i].n * .10f + z * (.12f + 2.f / s));
    }
  }
  for (int i = 0; i < n; i++) out[i] = total[i] > 0 ? out[i] / total[i] : 1;
}

// One picture. view, led, sun: 4x4 projections (rows X, Y, key, W); a null led or sun map is all
// lit. background (h,w) radiance. Out: colour (h,w,4) = diffuse, specular + emitted, skin share,
// lens transmission; key (h,w); tags (h,w).
extern "C" void render(const float* vertices, int nv, const int* triangles, int nt, int opaque,
                       const uint8_t* material, const uint8_t* tag, const Uniforms* uniforms,
                       int w, int h, const float* view, const float* led, const float* sun,
                       int shadow, const float* background, float* colour, float* key,
                       uint8_t* tags) {
  Mesh mesh{reinterpret_cast<const Vertex*>(vertices), nv, triangles, nt, opaque, material, tag};
  Shader shader(*uniforms, mesh);
  if (led) shader.led.draw(mesh, {led}, shadow);
  if (sun) shader.sun.draw(mesh, {sun}, shadow);
  std::vector<Corner> c;
  project_all(mesh, {view}, c);
  size_t n = size_t(w) * h;
  std::vector<int> id(n, -1);
  std::vector<float> bu(n), bv(n);
  std::fill(key, key + n, kFar);
  std::memset(tags, 0, n);
  for (int i = 0; i < opaque; i++) {
    const int* t = triangles + 3 * i;
    const Corner &a = c[t[0]], &b = c[t[1]], &d = c[t[2]];
    bool cut = has_holes(material[i]), cull = is_closed(material[i]);
    walk(a, b, d, w, h, cull, [&](int k, float u, float v) {
      float z = a.key + (b.key - a.key) * u + (d.key - a.key) * v;
      if (z <= key[k]) return;
      float iw = a.iw + (b.iw - a.iw) * u + (d.iw - a.iw) * v;
      float pu = u * b.iw / iw, pv = v * d.iw / iw;
      if (cut && !shader.covers(i, pu, pv)) return;
      key[k] = z, id[k] = i, bu[k] = pu, bv[k] = pv;
    });
  }
  for (size_t k = 0; k < n; k++) {
    float* o = colour + 4 * k;
    if (id[k] < 0) {
      o[0] = background[k], o[1] = o[2] = 0, o[3] = 1;
      continue;
    }
    Light l = shader.shade(id[k], bu[k], bv[k]);
    o[0] = l.diffuse, o[1] = l.specular, o[2] = l.skin, o[3] = 1;
    tags[k] = tag[id[k]];
  }
  for (int i = opaque; i < nt; i++) {
    const int* t = triangles + 3 * i;
    const Corner &a = c[t[0]], &b = c[t[1]], &d = c[t[2]];
    walk(a, b, d, w, h, false, [&](int k, float u, float v) {
      float z = a.key + (b.key - a.key) * u + (d.key - a.key) * v;
      if (z > key[k]) shader.lens(i, u, v, colour + 4 * k);
    });
  }
}
