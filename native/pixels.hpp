// Camera pixel formats to 8-bit mono, one row at a time.
#pragma once

#include "image.hpp"

namespace dms {

// Keeps the 8 highest bits of each pixel; a value beyond its format's range saturates at 255.
// Reads exactly row_bytes(format, width) bytes, writes exactly `width`.
void to_mono8_row(PixelFormat format, const std::uint8_t* src, int width, std::uint8_t* dst);

// The same, plainly: what the fast paths are checked against.
void to_mono8_row_reference(PixelFormat format, const std::uint8_t* src, int width,
                            std::uint8_t* dst);

}  // namespace dms
