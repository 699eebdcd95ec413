// The shader: what each material does with the light that reaches it. Lengths cm, angles rad.
// Textures hang on the rest coordinates of the head: Y up, Z out of the face, X the subject's left.
#pragma once
#include "noise.hpp"
#include "raster.hpp"
#include "uniforms.hpp"  // generated from native.UNIFORMS: struct Uniforms of floats

struct Surface {
  float albedo = .3f, specular = 0, roughness = .5f, wrap = 0, skin = 0, glow = 0, open = 1;
  Vec3 n{0, 0, 1};
};

struct Light {
  float diffuse, specular, skin;
};

inline bool has_holes(uint8_t m) { return m == kLash || m == kHair; }
inline bool is_closed(uint8_t m) { return m == kSkin || m == kEye || m == kTeeth; }

// Hair coordinates: angle round the crown, distance from it, depth; strands run along y
inline Vec3 strand(Vec3 q) {
  Vec3 d = {q.x, q.y - 5.f, q.z + 1.5f};
  float r = length(d) + 1e-3f;
  float from_crown = std::acos(std::max(-1.f, std::min(1.f, (d.y * .94f - d.z * .34f) / r)));
  return {std::atan2(d.x, d.z) * 5.5f, from_crown * 1.1f, r * .35f};
}

inline bool inside(const float* polygon, int n, float x, float y) {
  bool in = false;
  for (int i = 0, j = n - 1; i < n; j = i++) {
    const float *a = polygon + 2 * i, *b = polygon + 2 * j;
    if ((a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0]) in = !in;
  }
  return in;
}

// Distance from (x, y) to a polyline; `where` = how far along it, 0..1
inline float to_line(const float* p, int n, float x, float y, float& where) {
  float best = 1e9f;
  for (int i = 0; i + 1 < n; i++) {
    const float *a = p + 2 * i, *b = a + 2;
    float dx = b[0] - a[0], dy = b[1] - a[1];
    float t = clamp01(((x - a[0]) * dx + (y - a[1]) * dy) / (dx * dx + dy * dy + 1e-9f));
    float ex = x - a[0] - t * dx, ey = y - a[1] - t * dy, d = ex * ex + ey * ey;
    if (d < best) best = d, where = (i + t) / float(n - 1);
  }
  return std::sqrt(best);
}

inline float ggx(Vec3 n, Vec3 v, Vec3 l, float roughness) {
  Vec3 h = unit(v + l);
  float a = roughness * roughness, k = a * .5f;
  float nh = std::max(dot(n, h), 0.f), nl = std::max(dot(n, l), 0.f), nv = std::max(dot(n, v), .05f);
  float d = nh * nh * (a * a - 1) + 1, f = 1 - std::max(dot(v, h), 0.f);
  float fresnel = .028f + .972f * f * f * f * f * f;
  return a * a / (3.14159f * d * d) * fresnel * .25f * nl /
         ((nl * (1 - k) + k) * (nv * (1 - k) + k));
}

class Shader {
 public:
  DepthMap led, sun;
  Shader(const Uniforms& uniforms, const Mesh& m)
      : u(uniforms), mesh(m), noise(Noise::get()), seed{u.seed, u.seed * .7f, u.seed * 1.3f} {}

  // Is this point of a hair or lash card solid?
  bool covers(int i, float bu, float bv) const {
    Vec3 q = at(i, bu, bv, &Vertex::rest), a = at(i, bu, bv, &Vertex::params);
    if (mesh.material[i] == kLash)
      return noise.value({std::fabs(q.x) * 26 + q.y * (q.y > 3.5f ? -13.f : 13.f) + u.seed, 7, 3}) < a.x;
    Vec3 f = hairs(q, a.z > .5f);
    float fine = noise.value({f.x * 7, f.y * 2.5f, f.z * 7}) - .5f;
    return noise.cloud(f + seed) + .16f * fine > .26f + .30f * a.y + .55f * (1 - a.x);
  }

  Light shade(int i, float bu, float bv) const {
    uint8_t m = mesh.material[i];
    Vec3 p = at(i, bu, bv, &Vertex::p), q = at(i, bu, bv, &Vertex::rest);
    Vec3 a = at(i, bu, bv, &Vertex::params);
    Surface s;
    Vec3 to_eye = unit(vec(u.camera) - p);
    s.n = unit(at(i, bu, bv, &Vertex::n));
    if (!is_closed(m) && dot(s.n, to_eye) < 0) s.n = s.n * -1.f;
    Vec3 flat = s.n;
    switch (m) {
      case kSkin: head(q, p, a.x, s); break;
      case kBodySkin: skin(q, a.x, s); break;
      case kEye: eye(p, a.y > .5f, s); break;
      case kTeeth: s.albedo = .60f, s.specular = .04f, s.roughness = .25f, s.wrap = .3f;
        s.open = .25f + .75f * step(2, 8, q.z); break;
      case kMouth: s.albedo = .30f, s.specular = .05f, s.roughness = .3f, s.wrap = .3f;
        s.open = .12f + .8f * step(2.5f, 10, q.z); break;
      case kLash: s.albedo = u.lash; break;
      case kCloth: cloth(q, a, s); break;
      case kHair: hair(q, a, s); break;
      case kEmissive: return {a.x * scenery(p, a.y), 0, 0};
      default: prop(p, a, m, s);
    }
    return lit(p, flat, to_eye, s, m);
  }

  // A see-through lens in front of what `o` holds: dims it, adds reflections
  void lens(int i, float bu, float bv, float* o) const {
    Vec3 p = at(i, bu, bv, &Vertex::p), a = at(i, bu, bv, &Vertex::params);
    Vec3 n = unit(at(i, bu, bv, &Vertex::n)), v = unit(vec(u.camera) - p);
    if (dot(n, v) < 0) n = n * -1.f;
    Vec3 l = unit(vec(u.led) - p), h = unit(v + l), r = n * (2 * dot(n, v)) - v;
    float f = 1 - dot(n, v), fresnel = .04f + .96f * f * f * f * f * f;
    float glint = std::pow(std::max(dot(n, h), 0.f), 900.f) * 6 * u.led_power;
    float mirror = mix(fresnel, .5f, a.y) * u.lens_glare * environment(r);
    o[0] *= a.x, o[2] *= a.x, o[3] *= a.x;
    o[1] = o[1] * a.x + glint + mirror;
  }

 private:
  const Uniforms& u;
  const Mesh& mesh;
  const Noise& noise;
  Vec3 seed;

  Vec3 at(int i, float bu, float bv, Vec3 Vertex::*field) const {
    const int* t = mesh.t + 3 * i;
    return mesh.v[t[0]].*field * (1 - bu - bv) + mesh.v[t[1]].*field * bu +
           mesh.v[t[2]].*field * bv;
  }
  float cloud(Vec3 p) const { return noise.cloud(p + seed); }
  float value(Vec3 p) const { return noise.value(p + seed); }

  // Radiance from direction n, from nine spherical harmonics of the surroundings' irradiance
  float ambient(Vec3 n) const {
    const float* c = u.sh;
    float e = c[0] + c[1] * n.y + c[2] * n.z + c[3] * n.x + c[4] * n.x * n.y + c[5] * n.y * n.z +
              c[6] * (3 * n.z * n.z - 1) + c[7] * n.x * n.z + c[8] * (n.x * n.x - n.y * n.y);
    return std::max(e, u.sh[0] * .08f);
  }
  // What mirrors see: the smooth surroundings broken up, a window to the sides
  float environment(Vec3 r) const {
    float window = step(.25f, .7f, r.x * (u.sun[0] > 0 ? 1.f : -1.f)) * step(-.25f, .15f, r.y);
    float texture = value(r * 3.f) * .8f + cloud(r * 1.2f) * .8f;
    return ambient(r) * texture * (.5f + 2.2f * window) + .25f * u.sun_power * window * texture;
  }
  // Shade of what stands in the sun outside: an edge and leaves, drawn across the sun's rays.
  // gobo: cosine, sine of the edge, its place [cm], its softness [cm], depth, leaves 0..1
  float shade_of(Vec3 p, Vec3 to_sun) const {
    Vec3 x = unit(cross({.1f, 1, .05f}, to_sun)), y = cross(to_sun, x);
    float a = dot(p, x), b = dot(p, y), along = a * u.gobo[0] + b * u.gobo[1] - u.gobo[2];
    float edge = step(-u.gobo[3], u.gobo[3], along);
    float leaves = step(.44f, .56f, cloud({a * .08f, b * .08f, u.seed}));
    return mix(edge, leaves, u.gobo[5]);
  }
  float scenery(Vec3 p, float textured) const {
    if (textured < .5f) return 1;
    float coarse = cloud(Vec3{p.x * .012f, p.y * .02f, p.z * .012f});
    return .35f + 1.3f * coarse * (.6f + .8f * cloud(p * .06f));
  }

  void skin(Vec3 q, float open, Surface& s) const {
    s.wrap = .28f, s.skin = 1, s.open = clamp01(open * 1.25f - .12f);
    s.open = std::max(s.open, .12f);
    s.specular = u.skin_specular, s.roughness = u.skin_roughness;
    float coarse = cloud(q * .55f) - .5f, fine = cloud(q * 2.7f) - .5f;
    s.albedo = u.skin * (1 + u.mottle * (1.6f * coarse + .7f * fine));
    s.n = bump(s.n, q + seed, 4.6f, u.pores * .018f);
    s.n = bump(s.n, q + seed, 11.f, u.pores * .010f);
    if (u.spots > 0) s.albedo *= 1 - u.spots * .35f * step(.60f, .74f, cloud(q * 3.1f));
    if (u.moles > 0) s.albedo *= 1 - u.moles * step(.955f, .985f, value(q * 1.6f));
  }

  void head(Vec3 q, Vec3 p, float open, Surface& s) const {
    skin(q, open, s);
    if (q.z > 5) creases(q, s);
    if (q.z > 5 && q.y > 1.5f && q.y < 6.f) lids(q, s);
    bool lip = q.z > 7.5f && q.y < -1 && q.y > -6 && inside(u.lips, 12, q.x, q.y);
    if (lip) {
      float where;
      s.open *= 1 - .5f * step(.22f, .02f, to_line(u.lip_seam, 5, q.x, q.y, where));
      s.albedo *= u.lip, s.specular *= 1.7f, s.roughness *= .8f;
    }
    if (q.z > 5 && q.y > 2.5f && q.y < 8) brow(q, s);
    if (u.beard > 0 && q.z > -2 && !lip) beard(q, s);
    scalp(q, s);
    for (int k = 0; k < 2; k++) {
      float d = length(p - vec(u.eye_centre + 3 * k));
      if (d < 2.3f) s.open *= 1 - u.socket * step(2.2f, 1.75f, d);
    }
  }

  // Wrinkles of the forehead, bags under the eyes, the fold from nose to mouth
  void creases(Vec3 q, Surface& s) const {
    if (u.wrinkles > 0) {
      float bend = q.y < 3 ? .3f : .02f;
      Vec3 w = {q.x * .35f, q.y * 1.6f + .15f * q.x * q.x * bend, q.z * .4f};
      s.n = bump(s.n, w + seed, 1, u.wrinkles * .35f * (q.y > 5 ? 1.f : .45f));
    }
    if (u.folds <= 0 || q.y > 4 || q.y < -5) return;
    float where;
    for (int k = 0; k < 4; k++) {  // two bags, two folds
      if ((k & 1) == (q.x < 0)) continue;  // of the other side
      float d = to_line(u.fold_lines + 8 * k, 4, q.x, q.y, where);
      float width = k < 2 ? .16f : .22f, ends = step(0, .2f, where) * step(1, .75f, where);
      s.open *= 1 - u.folds * (k < 2 ? .22f : .28f) * ends * step(width, 0, d);
      if (k < 2) s.albedo *= 1 - u.bags * .2f * ends * step(.7f, .1f, d);
    }
  }

  // Lash roots along both margins, the fold above the upper lid, crow's feet
  void lids(Vec3 q, Surface& s) const {
    int k = q.x > 0 ? 16 : 0;
    float where, up = to_line(u.lid_lines + k, 4, q.x, q.y, where);
    float roots = step(.13f, .03f, up) * step(0, .25f, where);
    float low = to_line(u.lid_lines + k + 8, 4, q.x, q.y, where);
    roots = std::max(roots, .5f * step(.11f, .03f, low) * step(.1f, .5f, where));
    s.albedo = mix(s.albedo, u.lash, u.lash_line * roots);
    if (u.crease > 0) {
      float d = to_line(u.lid_lines + k, 4, q.x, q.y - u.crease_high, where);
      s.open *= 1 - u.crease * .6f * step(.11f, .01f, d) * step(0, .15f, where);
    }
    if (u.crows_feet <= 0) return;
    const float* corner = u.lid_lines + k + 6;
    float dx = std::fabs(q.x) - std::fabs(corner[0]), dy = q.y - corner[1];
    float r = std::sqrt(dx * dx + dy * dy);
    if (dx < .15f || r > 2.4f) return;
    float line = std::sin(std::atan2(dy, dx) * 15 + 5 * value(q));
    float ends = step(.3f, .8f, r) * step(2.4f, 1.2f, r);
    s.open *= 1 - u.crows_feet * .35f * ends * step(.45f, .95f, line);
  }

  void brow(Vec3 q, Surface& s) const {
    float where = 0;  // 0 at the outer end
    int k = q.x > 0;
    float d = to_line(u.brows + 10 * k, 5, q.x, q.y, where);
    float half = u.brow_width * (.35f + .65f * step(0, .45f, where));
    if (d > half * 1.55f) return;
    float hairs = value({std::fabs(q.x) * 5 - q.y * 3, q.y * 7 - std::fabs(q.x) * 4, 3});
    float mask = 1 - step(half * .45f, half * 1.55f, d);
    mask *= mix(1, step(.2f, .7f, hairs) + .25f, u.brow_hairs);
    s.albedo = mix(s.albedo, u.skin * u.brow, clamp01(mask));
  }

  void beard(Vec3 q, Surface& s) const {
    float ax = std::fabs(q.x), ragged = (value(q * 1.7f) - .5f) * 1.2f;
    float edge = u.beard_line + std::max(0.f, ax - 2.8f) + ragged;
    float cheeks = step(edge + 1.5f, edge - 1.2f, q.y) * step(-12.5f, -9, q.y) *
                   step(1.2f, 3.5f, q.z + .25f * ax) * u.beard_cheeks;
    float goatee = step(-4.2f, -5.2f, q.y + ragged * .3f) * step(3.4f, 2.2f, ax) *
                   step(-10.5f, -8.5f, q.y) * step(4, 6, q.z);
    float moustache = step(-.6f, -1.5f, q.y) * step(-3.6f, -2.4f, q.y) * step(3.8f, 2.2f, ax) *
                      (q.z > 8) * u.moustache;
    float amount = std::max({cheeks, goatee * u.goatee, moustache});
    float hairs = cloud({q.x * 2.5f, q.y, q.z * 2.5f});
    amount *= clamp01(u.beard * (.35f + 1.1f * hairs));
    s.albedo = mix(s.albedo, u.beard_albedo, amount);
    s.specular *= 1 - .8f * amount;
    Vec3 rough = {value(q * 5.f) - .5f, value(q * 5.f + Vec3{9, 9, 9}) - .5f,
                  value(q * 5.f + Vec3{17, 17, 17}) - .5f};
    s.n = unit(s.n + rough * (.7f * amount));
  }

  // The scalp under the hair is as dark as the hair
  void scalp(Vec3 q, Surface& s) const {
    if (u.bald >= 1) return;
    float ax = std::fabs(q.x);
    if (ax > 7.2f && q.y < 4.3f && q.y > -3.5f && q.z > -2.4f) return;  // ears
    float line = (q.y - u.hairline) - (q.z - 4) * .55f + ax * .30f;
    if (q.z > 0) line -= u.recede * std::exp(-(ax - 4.2f) * (ax - 4.2f) / 3.2f);
    bool side = q.z < 3 && q.y > 1.2f, nape = q.z < -1 && q.y > -6;
    if (line < -1.4f && !side && !nape) return;
    float mask = step(-.7f, .6f, line + (value(q * 2.f) - .5f) * 1.2f);
    if (side && mask < 1)
      mask = std::max(mask, step(3.4f, 1.6f, q.z + (value(q * 3.f) - .5f) * 1.5f) *
                                step(.8f, 2.2f, q.y));
    if (nape) mask = std::max(mask, step(-6, -5, q.y));
    mask *= 1 - u.bald;
    if (mask <= 0) return;
    float thin = .75f + .25f * step(.35f, .6f, cloud(strand(q) * 2.f));  // skin between the hairs
    s.albedo = mix(s.albedo, u.hair * (.4f + 1.2f * cloud(strand(q))), mask * thin);
    s.specular *= 1 - .6f * mask, s.skin *= 1 - mask;
  }

  void eye(Vec3 p, bool left, Surface& s) const {
    int k = left ? 3 : 0;
    Vec3 axis = vec(u.eye_axis + k), up = vec(u.eye_up + k), side = cross(axis, up);
    Vec3 d = unit(p - vec(u.eye_centre + k));
    float ca = dot(d, axis), angle = std::acos(std::max(-1.f, std::min(1.f, ca)));
    float round = std::atan2(dot(d, side), dot(d, up));
    const float limbus = .375f;
    float fibres = value({round * 9, angle * 14, 2});
    float iris = u.iris * (.75f + .5f * fibres) * (1 - .25f * step(.25f, limbus, angle)) *
                 (1 - .4f * step(limbus - .06f, limbus, angle));
    float white = u.sclera * (.92f + .16f * cloud(d * 3.f));
    s.albedo = mix(iris, white, step(limbus - .02f, limbus + .04f, angle));
    float pupil = 1 - step(u.pupil - .015f, u.pupil + .015f, angle);
    s.albedo = mix(s.albedo, .02f, pupil);
    s.glow = pupil * u.pupil_glow;
    s.wrap = .3f;
    if (angle < limbus + .06f) {
      s.n = unit(d + (d - axis * ca) * .55f), s.roughness = .2f, s.specular = .045f;
    } else {
      s.roughness = .34f, s.specular = .012f;
    }
    // the lids' shade on the ball, in head coordinates
    Vec3 hu = vec(u.head_up), hx = vec(u.head_left);
    float high = dot(d, hu), wide = std::fabs(dot(d, hx));
    s.open = 1 - .35f * step(.12f, .45f, high) - .15f * step(.15f, .45f, -high);
    s.open *= 1 - .3f * step(.5f, .95f, wide);
  }

  // Stripes, checks or blots: by how much a cloth's own albedo changes
  float pattern(Vec3 q, int kind) const {
    float x = fract(q.x * u.stripes[0] + (kind == 1 ? q.y * u.stripes[1] : 0)) > .5f;
    float y = fract(q.y * u.stripes[1]) > .5f;
    if (kind == 1) return x > 0 ? .6f : 1;
    if (kind == 2) return 1 - .3f * x - .3f * y;
    return kind == 3 ? mix(.45f, 1.3f, step(.46f, .52f, cloud(q * .16f))) : 1;
  }

  // What the front of a garment shows, in the order that it is worn: an open jacket's inside, a
  // print, a badge on its strap. x, y: cm from the neck joint, y down
  void front(Vec3 q, Surface& s) const {
    float x = q.x - u.neck[0], y = u.neck[1] - q.y;
    if (q.z < u.neck[2] || std::fabs(x) > 15 || y > 60) return;
    if (std::fabs(x) < u.opening[0] * (1 - y / std::max(u.opening[1], 1.f))) s.albedo = u.opening[2];
    if (u.print[0] > 0) {
      float across = x / u.print[2], down = (y - u.print[1]) / u.print[3];
      if (std::fabs(across) < 1 && std::fabs(down) < 1)
        s.albedo = mix(s.albedo, u.print[4], ink(across, down));
    }
    if (u.badge[0] <= 0) return;
    float top = u.badge[1] - u.badge[3], along = y / top, off = x - u.badge[4] * along;
    if (y > -3 && y < top && std::fabs(std::fabs(off) - 7 * (1 - along)) < .8f) s.albedo = u.badge[6];
    float across = (x - u.badge[4]) / u.badge[2], down = (y - u.badge[1]) / u.badge[3];
    if (std::fabs(across) > 1 || std::fabs(down) > 1) return;
    bool photo = down < .1f && std::fabs(across) < .5f && down > -.7f;
    bool words = down > .25f && down < .85f && fract(down * 5) > .5f && std::fabs(across) < .8f;
    s.albedo = u.badge[5] * (photo ? .4f : words ? .55f : 1), s.specular = .05f, s.roughness = .4f;
  }

  // How much of a print's dye is at a place of its square (-1..1 each way, y down)
  float ink(float x, float y) const {
    float lumps = u.print[5], full = u.print[6], one = u.seed * 3;
    float r = x * x + y * y;
    switch (int(u.print[0])) {
      case 1: {  // a blot, often the same left and right
        float across = u.print[7] > .5f ? std::fabs(x) : x;
        float c = cloud({across * lumps, y * lumps, one});
        return step(1 - full - .03f, 1 - full + .03f, c) * step(1, .9f, r);
      }
      case 2: {  // lines of letters
        float rows = 1 + std::floor(lumps * 1.6f), row = (y + 1) * rows * .5f;
        float col = (x + 1) * rows * (1 + lumps) * u.print[2] / u.print[3] * .5f;
        float u1 = fract(col), v1 = fract(row), letter = std::floor(col) * 3, line = std::floor(row);
        if (u1 < .15f || u1 > .85f || v1 < .15f || v1 > .85f) return 0;
        return value({letter + u1 * 2.5f, line * 5 + v1 * 3.5f, one}) > 1 - full;
      }
      case 3: {  // a face or a skull: light with dark holes
        float jaw = 1 - .3f * step(.2f, 1, y), eye = full * .55f, ex = std::fabs(x) - .4f;
        float ey = y + .12f, nose = y - .25f, mouth = y - .6f;
        bool hole = ex * ex + ey * ey < eye * eye || (std::fabs(x) < .09f && std::fabs(nose) < .14f) ||
                    (std::fabs(x) < full && std::fabs(mouth) < .1f &&
                     (u.print[7] < .5f || fract(x * 6) < .6f));
        return (x * x / (jaw * jaw) + y * y < 1) * (hole ? .1f : .75f + .25f * cloud({x, y, one}));
      }
      default: return clamp01(2.2f * cloud({x * lumps, y * lumps, one}) - .5f);  // a picture
    }
  }

  void cloth(Vec3 q, Vec3 a, Surface& s) const {
    float weave = std::sin(q.x * u.cloth_weave) * std::sin(q.y * u.cloth_weave);
    float patches = cloud({q.x * .035f, q.y * .022f, q.z * .035f});
    int kind = int(a.z + .5f);
    s.albedo = a.x * (.97f + .03f * weave) * (.96f + .08f * patches) * pattern(q, kind & 3);
    if (kind & 4) front(q, s);
    s.n = bump(s.n, {q.x * .9f + q.y * .55f, q.y * .28f - q.x * .2f, q.z * .6f}, .42f,
               u.cloth_folds * 1.3f);
    s.n = bump(s.n, q, .8f, u.cloth_folds * .25f);
    s.wrap = .2f, s.specular = .01f, s.roughness = .8f, s.open = a.y;
  }

  // Where a point is among the hairs: along strands from the crown, in curls, or in a beard
  Vec3 hairs(Vec3 q, bool beard) const {
    if (beard) return {q.x * 2.6f, q.y * .9f, q.z * 2.6f};
    return u.curl > 0 ? q * u.curl : strand(q);
  }

  void hair(Vec3 q, Vec3 a, Surface& s) const {
    Vec3 f = hairs(q, a.z > .5f);
    s.albedo = u.hair * (.55f + .75f * cloud(f)) * (1 - .42f * (1 - a.y) * a.x);
    s.albedo *= .88f + .3f * step(.35f, .75f, value({f.x * 2.2f, f.y * .7f, 4}));
    s.specular = u.hair_shine, s.roughness = .42f, s.wrap = .35f;
    float jitter = value({f.x * 9, f.y * 2, f.z * 3}) - .5f;
    s.n = unit(s.n + unit(cross(s.n, Vec3{0, 1, .01f})) * (jitter * 1.5f));
  }

  void prop(Vec3 p, Vec3 a, uint8_t m, Surface& s) const {
    s.albedo = a.x * (.88f + .24f * cloud(p * .05f)), s.specular = a.y, s.roughness = a.z;
    if (m != kWall) return;
    s.n = bump(s.n, p, 2.2f, .02f);
    s.n = bump(s.n, p, .25f, .25f);
  }

  Light lit(Vec3 p, Vec3 flat, Vec3 v, const Surface& s, uint8_t m) const {
    Vec3 l = vec(u.led) - p, sl = vec(u.sun);
    float d2 = dot(l, l);
    l = l * (1 / std::sqrt(d2));
    float beam = mix(1, step(u.led_cone, mix(u.led_cone, 1, .8f), -dot(l, vec(u.led_axis))),
                     u.led_beam);
    float e = u.led_power * u.led_reference * u.led_reference / d2 * beam;
    float seen = e > 1e-3f && led.side ? led.lit(p + flat * .12f + l * .12f) : 1;
    float shone = u.sun_power > 0 && sun.side ? sun.lit(p + flat * .2f + sl * .2f) : 1;
    if (u.sun_power > 0 && u.gobo[4] > 0) shone *= 1 - u.gobo[4] * shade_of(p, sl);
    float nl = std::max(0.f, (dot(s.n, l) + s.wrap) / (1 + s.wrap));
    float ns = std::max(0.f, (dot(s.n, sl) + s.wrap) / (1 + s.wrap));
    float am = ambient(s.n);
    float direct = mix(1, s.open, u.occlusion_direct);
    float diffuse = s.albedo * ((e * nl * seen + u.sun_power * ns * shone) * direct + am * s.open);
    float shine = 0;
    if (s.specular > 0) {
      shine = (ggx(s.n, v, l, s.roughness) * seen * e +
               (u.sun_power > 0 ? ggx(s.n, v, sl, s.roughness) * shone * u.sun_power : 0)) *
              s.specular / .03f * s.open;
      if (m == kEye) {
        Vec3 r = s.n * (2 * dot(s.n, v)) - v;
        shine = std::min(shine, 5.f) + .05f * environment(r) * s.open;
      }
    }
    return {diffuse, shine + s.glow * seen * (e > 0), s.skin};
  }
};
