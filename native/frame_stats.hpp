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
  float sharpness = 0;     // of the strongest edges: see frame_stats.cpp; NaN: not known
  std::uint64_t hash = 0;  // of the rows looked at; equal for equal pictures
};

// Looks at 100 to 199 rows (all, of a lower frame), evenly spread, each in full: enough for every
// figure here, at 1/8 of what a whole 1280x800 frame costs. All zero for an invalid view.
FrameStats frame_stats(const ImageView& frame);
FrameStats frame_stats_reference(const ImageView& frame);

}  // namespace dms
