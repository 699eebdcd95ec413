// What can be said about a frame itself, in one pass over some of its rows.
#pragma once

#include <cstdint>

#include "image.hpp"

namespace dms {

struct FrameStats {
  float mean = 0;          // grey levels, 0-255
  float stddev = 0;        // grey levels
  float dark = 0;          // share of pixels <= 8
  float saturated = 0;     // share of pixels >= 250
  float sharpness = 0;     // of the strongest edges: see edge_sharpness
  std::uint64_t hash = 0;  // of the rows looked at; equal for equal pictures
};

// How sharp the strongest edges of `part` are: of the height that they climb within 12/640 of
// `frame_width`, the share climbed within 3/640. 1/4 for wide slopes, near 1 for sharp edges; NaN
// without strong edges or pixels. Contrast and exposure cancel.
float edge_sharpness(const ImageView& part, int frame_width);

// Looks at 100 to 199 rows (all, of a lower frame), evenly spread, each in full: enough for every
// figure here, at 1/8 of what a whole 1280x800 frame costs. All zero for an invalid view.
FrameStats frame_stats(const ImageView& frame);
FrameStats frame_stats_reference(const ImageView& frame);

}  // namespace dms
