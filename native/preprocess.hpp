// A region of a frame becomes a network's input tensor:
// box downscale -> rotated bilinear warp -> mean/std normalisation -> uint8 -> space-to-depth.
//
// Everything between the region's geometry and the output byte is integer arithmetic, defined
// here, so that every implementation gives the same bits:
//  1. k = clamp(floor(roi.w / width), 1, 8), not above the frame's sides. Reduced pixel (i, j) is
//     the mean of the frame's k x k block at (k*i, k*j), in Q8.7: ((sum << a_k) * m_k) >> 16.
//     Only whole blocks count; there are floor(w/k) x floor(h/k) of them.
//  2. Output (u, v) samples the reduced image at (X, Y), 16.16 fixed point, linear in u and v,
//     with X = x/k - 0.5. Blocks beyond the border repeat the nearest one. Bilinear weights have
//     14 bits; columns first, then the row, each rounded back to Q8.7.
//  3. It is in the frame if 0 <= x < frame width and 0 <= y < frame height.
//  4. Exact sums over the output pixels in the frame give mean and variance;
//     q = clamp(round((value - mean) * 40 / max(std, 3)) + 128, 0, 255), with the gain as a
//     15-bit mantissa and a shift; pixels outside the frame are 128.
#pragma once

#include <cstdint>
#include <memory>

#include "image.hpp"

namespace dms {

// Continuous pixel coordinates of the frame: pixel (i, j) covers [i, i+1) x [j, j+1).
// `angle` [rad] turns the crop's axes in the image, x right and y down.
struct Roi {
  double cx = 0, cy = 0, w = 0, h = 0, angle = 0;
};

// The tensor: uint8 [block*block, height/block, width/block], channel (y % block)*block + x %
// block.
struct CropSpec {
  int width = 0;
  int height = 0;
  int block = 1;        // 1, 2 or 4; divides width and height
  bool mirror = false;  // output column u holds what column width-1-u would

  std::size_t bytes() const {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  }
  // Sums of squares stay within 64 bits up to 2^16 pixels.
  bool valid() const {
    return (block == 1 || block == 2 || block == 4) && width > 0 && height > 0 &&
           width <= 1 << 16 && height <= 1 << 16 && width % block == 0 && height % block == 0 &&
           bytes() <= 1u << 16;
  }
};

// Grey-level statistics of the crop before normalisation, over its pixels inside the frame.
struct CropStats {
  int in_frame = 0;  // output pixels that lie in the frame
  float mean = 0;    // grey levels, 0-255
  float stddev = 0;
};

struct Kernels;

class Preprocessor {
 public:
  // Scratch for frames up to this size is allocated here and nowhere else; memory is touched
  // only as far as crops need it.
  Preprocessor(int max_frame_width, int max_frame_height);
  ~Preprocessor();
  Preprocessor(const Preprocessor&) = delete;
  Preprocessor& operator=(const Preprocessor&) = delete;

  // Writes spec.bytes() bytes to `out`. False, with `out` untouched, if the frame is not valid or
  // larger than promised, or the spec is not valid. A region that is not finite, not positive or
  // absurdly large (> 65536 px) is one that holds no pixel of the frame: all 128.
  bool run(const ImageView& frame, const Roi& roi, const CropSpec& spec, std::uint8_t* out,
           CropStats* stats = nullptr);

  // Tests: use the portable kernels instead of this processor's best.
  void use_portable_kernels();
  const char* kernels_name() const;

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
  const Kernels* kernels_;
};

// The definition above, pixel by pixel, without scratch. Slow; what the fast path is checked
// against.
bool preprocess_reference(const ImageView& frame, const Roi& roi, const CropSpec& spec,
                          std::uint8_t* out, CropStats* stats = nullptr);

}  // namespace dms
