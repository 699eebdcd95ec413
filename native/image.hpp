// Non-owning views of images and the pixel formats a camera may deliver.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dms {

// Larger frames are refused everywhere: coordinates stay inside 16.16 fixed point and no header
// from outside can ask for more than 256 MiB.
inline constexpr int kMaxFrameSide = 8192;

// Values are those of the raw frame stream's header.
enum class PixelFormat : std::uint16_t {
  kMono8 = 0,
  kMono10Le = 1,  // 16-bit little endian, value 0-1023
  kMono12Le = 2,  // 16-bit little endian, value 0-4095
  kMono16Le = 3,
  kRaw10Packed = 4,  // MIPI CSI-2 RAW10: 4 bytes of high bits, 1 byte with their 2 low bits each
};
inline constexpr int kPixelFormatCount = 5;

// Bytes of one row without padding.
constexpr std::size_t row_bytes(PixelFormat format, int width) {
  const auto w = static_cast<std::size_t>(width);
  switch (format) {
    case PixelFormat::kMono8:
      return w;
    case PixelFormat::kRaw10Packed:
      return (w + 3) / 4 * 5;
    default:
      return 2 * w;
  }
}

// A rectangle of pixels in memory that someone else owns. `stride` counts bytes from row to row.
template <typename Pixel>
struct View {
  Pixel* data = nullptr;
  int width = 0;
  int height = 0;
  std::ptrdiff_t stride = 0;

  Pixel* row(int y) const { return data + y * stride; }
  bool valid() const {
    return data != nullptr && width > 0 && height > 0 && width <= kMaxFrameSide &&
           height <= kMaxFrameSide && stride >= width;
  }
};
using ImageView = View<const std::uint8_t>;
using MutableImageView = View<std::uint8_t>;

}  // namespace dms
